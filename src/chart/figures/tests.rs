//! What every kind of chart keeps to, and what each shows. None of these tests knows a coordinate.

use super::{CHARTS, ChartRow, by_name};
use crate::analysis::stories::{self, Story};
use crate::chart::{Options, Theme, chart_png, chart_svg};
use crate::ids::Tid;
use crate::trace::{Cause, Kind, Why};

/// A periodic task whose second job is late, and one that is dropped.
fn late() -> Story {
    let task = Tid(2);
    let mut story = Story::new("late", "Who is late?", 1);
    let release = |number: u64| Kind::JobRelease {
        task,
        number,
        release: (number - 1) * 10_000,
        deadline: number * 10_000,
    };
    let blocked = Why::Blocked { on: Cause::Sleep, object: None };
    story.process(task, "control <b>");
    story.at(0).then(release(1)).switch(task, Why::WorkArrived, 0);
    story.at(4_000).then(Kind::JobEnd { task, number: 1 }).switch(Tid::IDLE, blocked, 0);
    story.at(10_000).then(release(2)).wake(task, 0).switch(task, Why::WorkArrived, 0);
    story.at(20_001).then(Kind::DeadlineMiss { task, number: 2 });
    story.at(23_000).then(Kind::JobEnd { task, number: 2 }).then(release(3));
    story.at(25_000).then(Kind::JobDrop { task, number: 3, begun: true }).switch(Tid::IDLE, blocked, 0);
    story.end(40_000);
    story
}

fn all() -> Vec<Story> {
    vec![
        stories::ping_pong(3),
        stories::page_fault(),
        stories::reschedule(),
        stories::busy(200, 9_000),
        stories::busy_few(),
        stories::free(),
        late(),
        Story::new("nothing", "", 1),
    ]
}

fn figures() -> impl Iterator<Item = &'static ChartRow> {
    CHARTS.iter().filter(|row| row.draw.is_some())
}

fn svg(kind: &str, story: &Story) -> String {
    chart_svg(by_name(kind).unwrap(), &story.lanes(), &story.header, &Options::default()).unwrap()
}

fn has(svg: &str, text: &str) -> bool {
    svg.split("<text").skip(1).any(|rest| {
        let content = rest.split_once('>').map_or("", |(_, content)| content);
        content.split("</text>").next().is_some_and(|content| content.trim() == text)
    })
}

#[test]
fn texts_stay_in_the_picture_and_apart() {
    for (row, story) in figures().flat_map(|row| all().into_iter().map(move |story| (row, story))) {
        for width in [400, 1_200] {
            let options = Options { width, ..Options::default() };
            let scene = row.draw.unwrap()(&story.lanes(), &story.header, &options);
            let (wide, high) = scene.size();
            for (number, area) in scene.areas().iter().enumerate() {
                let inside = area.0 >= 0 && area.1 >= 0 && area.2 <= wide as i32 && area.3 <= high as i32;
                assert!(inside, "{} of {}: {area:?} in {wide}×{high}", row.name, story.header.scenario);
                for other in &scene.areas()[..number] {
                    let apart =
                        area.2 <= other.0 || other.2 <= area.0 || area.3 <= other.1 || other.3 <= area.1;
                    assert!(apart, "{} of {}: {area:?}, {other:?}", row.name, story.header.scenario);
                }
            }
        }
    }
}

#[test]
fn the_same_lanes_give_the_same_bytes() {
    let story = late();
    for row in figures() {
        let draw = || chart_svg(row, &story.lanes(), &story.header, &Options::default()).unwrap();
        assert_eq!(draw(), draw());
    }
    let png = chart_png(by_name("gantt").unwrap(), &story.lanes(), &story.header, &Options::default());
    assert!(png.unwrap().starts_with(b"\x89PNG"));
}

#[test]
fn a_long_trace_has_a_small_picture() {
    for threads in [3, 38] {
        let story = stories::busy(threads, 60_000);
        let lanes = story.lanes();
        for row in figures() {
            for theme in [Theme::Light, Theme::Print] {
                let options = Options { theme, ..Options::default() };
                let svg = chart_svg(row, &lanes, &story.header, &options).unwrap();
                assert!(svg.len() < 500_000, "{} of {threads} threads: {} bytes", row.name, svg.len());
            }
        }
    }
}

#[test]
fn markup_in_names_is_escaped() {
    for kind in ["gantt", "states"] {
        let svg = svg(kind, &late());
        assert!(svg.contains("control &lt;b&gt;") && !svg.contains("<b>"), "{kind}");
    }
}

#[test]
fn paper_has_no_colours() {
    let story = stories::page_fault();
    for kind in ["gantt", "states", "queue"] {
        let options = Options { theme: Theme::Print, ..Options::default() };
        let svg = chart_svg(by_name(kind).unwrap(), &story.lanes(), &story.header, &options).unwrap();
        for colour in svg.split("=\"#").skip(1).map(|rest| &rest[..6]) {
            assert!(colour[..2] == colour[2..4] && colour[..2] == colour[4..], "{kind}: #{colour}");
        }
    }
}

#[test]
fn a_late_job_is_seen_as_such() {
    let late = svg("gantt", &late());
    for text in ["release", "deadline", "deadline missed", "runs after its deadline", "job dropped"] {
        assert!(has(&late, text), "{text}");
    }
    assert!(has(&late, "every 10 µs"));
    let without = svg("gantt", &stories::page_fault());
    assert!(!has(&without, "release"));
    let timeline = svg("timeline", &self::late());
    assert!(has(&timeline, "release") && has(&timeline, "deadline"));
}

#[test]
fn a_gantt_chart_has_the_times_of_its_borders() {
    let mut story = Story::new("two", "", 1);
    story.process(Tid(2), "a").process(Tid(3), "b");
    story.at(0).switch(Tid(2), Why::WorkArrived, 0);
    story.at(3_000).switch(Tid(3), Why::SliceEnd, 0);
    story.at(8_000).switch(Tid::IDLE, Why::Exited, 0);
    story.end(10_000);
    let svg = svg("gantt", &story);
    for text in ["0", "3", "8", "a, b", "arrives"] {
        assert!(has(&svg, text), "{text}: {svg}");
    }
}

#[test]
fn shares_are_those_of_the_spans() {
    // Of 40 µs it runs for 19.
    let svg = svg("states", &late());
    assert!(has(&svg, "48 %") && has(&svg, "40 µs"), "{svg}");
}

#[test]
fn only_what_is_asked_for_is_left() {
    let lanes = stories::ping_pong(3).lanes();
    let one = lanes.threads[0].name.clone();
    let left = lanes.only(&[], std::slice::from_ref(&one));
    assert!(left.threads.iter().all(|thread| thread.name == one) && !left.threads.is_empty());
    assert!(left.calls.iter().all(|used| used.task == left.threads[0].task));
}

#[test]
fn a_trace_without_what_is_needed_says_so() {
    let nothing = Story::new("nothing", "", 1);
    for (kind, text) in [
        ("latency", "Nothing waited for a CPU, and no interrupt for being taken."),
        ("syscalls", "No system call was made in this window."),
        ("states", "No process was there in this window."),
    ] {
        assert!(has(&svg(kind, &nothing), text), "{kind}");
    }
}
