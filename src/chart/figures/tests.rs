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
    for kind in ["timeline", "gantt", "states", "queue", "pages", "frames", "forks"] {
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
fn a_fork_tree_has_names_programs_and_ends() {
    let fork = |task: u32| Kind::ProcessFork { child: Tid(task), process: Tid(task).leads() };
    let mut story = Story::new("family", "", 1);
    story.process(Tid(2), "shell");
    story.tasks.push((Tid(3), Tid(3).leads(), Tid(2), "sort".to_owned()));
    story.tasks.push((Tid(4), Tid(2).leads(), Tid(2), "helper".to_owned()));
    story.tasks.push((Tid(5), Tid(5).leads(), Tid(3), "orphan".to_owned()));
    story.names.push("uniq".to_owned());
    story.at(0).switch(Tid(2), Why::WorkArrived, 0).at(1_000).then(fork(3)).at(2_000).then(fork(4));
    story.at(3_000).switch(Tid(3), Why::SliceEnd, 0).at(4_000).then(fork(5));
    story.at(5_000).then(Kind::ProcessExec { program: crate::ids::NameId(0) });
    story.at(20_000).then(Kind::ProcessExit { status: 137 }).end(40_000);
    let drawn = svg("forks", &story);
    for text in ["shell", "sort", "helper", "orphan", "exec uniq", "ended by SIGKILL"] {
        assert!(has(&drawn, text), "{text}: {drawn}");
    }
    for text in ["process", "thread", "its parent is over"] {
        assert!(has(&drawn, text), "{text}");
    }
    let early =
        chart_svg(by_name("forks").unwrap(), &story.window(0, 1_500), &story.header, &Options::default());
    assert!(!has(&early.unwrap(), "helper"), "what comes later isn't shown");
}

#[test]
fn siblings_of_one_name_share_a_row_if_there_are_many() {
    let drawn = svg("forks", &stories::crowd(300, 20_000));
    assert!(has(&drawn, "child ×300"));
    assert!(has(&drawn, "exit 0 ×75, ended by SIGKILL ×75, 150 live on"), "{drawn}");
    let few = svg("forks", &stories::crowd(9, 2_000));
    assert!(has(&few, "child[8]"));
}

/// Two threads that each hold a lock and want the other's, and one that sleeps.
fn deadlock() -> Story {
    let mut story = Story::new("deadlock", "", 1);
    story.process(Tid(2), "left").process(Tid(3), "right").process(Tid(4), "sleeper");
    let blocked = |object| Why::Blocked { on: Cause::Lock, object: Some(object) };
    story.at(0).switch(Tid(2), Why::WorkArrived, 0).then(Kind::LockAcquired { object: stories::PING });
    story.at(1_000).switch(Tid(3), Why::SliceEnd, 0).then(Kind::LockAcquired { object: stories::PONG });
    story.at(2_000).switch(Tid(2), blocked(stories::PING), 0);
    story.at(3_000).switch(Tid(4), blocked(stories::PONG), 0);
    story.at(4_000).switch(Tid::IDLE, Why::Blocked { on: Cause::Sleep, object: None }, 0).end(5_000);
    story
}

#[test]
fn a_deadlock_is_drawn_as_a_circle_above_the_waits() {
    let drawn = svg("waits", &deadlock());
    assert!(has(&drawn, "waits for itself over others: a deadlock"));
    // In the circle, in its own row; as whoever holds the other's lock.
    assert_eq!(drawn.matches("\nleft\n").count(), 2);
    assert!(has(&drawn, "right: holds it") && has(&drawn, "left: holds it"), "{drawn}");
    assert!(has(&drawn, "pipe ping, for 3 µs") && has(&drawn, "time"), "{drawn}");
}

#[test]
fn a_circle_that_somebody_else_can_open_is_no_deadlock() {
    // Two that read what each of them and a third has written; the third can still run.
    let mut story = Story::new("open", "", 1);
    story.process(Tid(2), "one").process(Tid(3), "other").process(Tid(4), "writer");
    let blocked = Why::Blocked { on: Cause::PipeRead, object: Some(stories::PING) };
    let send = Kind::MessageSend { object: stories::PING, bytes: 1 };
    story.at(0).switch(Tid(2), Why::WorkArrived, 0).then(send);
    story.at(1_000).switch(Tid(3), Why::SliceEnd, 0).then(send);
    story.at(2_000).switch(Tid(4), Why::SliceEnd, 0).then(send);
    story.at(3_000).switch(Tid(2), Why::SliceEnd, 0).at(4_000).switch(Tid(3), blocked, 0);
    story.at(5_000).switch(Tid(4), blocked, 0).end(6_000);
    let deadlock = "waits for itself over others: a deadlock";
    assert!(!has(&svg("waits", &story), deadlock));
    story.at(7_000).switch(Tid::IDLE, blocked, 0).end(8_000);
    assert!(has(&svg("waits", &story), deadlock), "nobody is left");
}

#[test]
fn without_a_circle_the_waits_are_listed_alone() {
    let lanes = deadlock().window(0, 2_500);
    let drawn =
        chart_svg(by_name("waits").unwrap(), &lanes, &deadlock().header, &Options::default()).unwrap();
    assert!(!has(&drawn, "waits for itself over others: a deadlock"));
    assert!(has(&drawn, "right") && has(&drawn, "left: holds it"), "{drawn}");
}

/// Two pages, of which one is evicted, and one frame.
fn paging() -> Story {
    let fault = |page, fault| Kind::PageFaultUser { page, fault };
    let mut story = Story::new("paging", "", 1);
    story.header.memory.frames = 4;
    let area = crate::trace::header::AreaEntry { name: "heap".to_owned(), page: 16, pages: 8, shared: false };
    story.header.memory.areas.push(area);
    story.process(Tid(2), "reader").at(0).switch(Tid(2), Why::WorkArrived, 0);
    story.at(1_000).then(fault(16, crate::trace::Fault::Minor)).then(Kind::FramesFree { free: 3 });
    story.at(2_000).then(Kind::ExceptionExit).at(5_000).then(fault(19, crate::trace::Fault::Major));
    story.at(6_000).then(Kind::PageEvicted { page: 16, write: true });
    story.then(Kind::PagesUnmapped { task: Tid(2), page: 16, pages: 1 });
    story.at(8_000).then(Kind::ExceptionExit).end(10_000);
    story
}

#[test]
fn pages_have_rows_faults_and_evictions() {
    let drawn = svg("pages", &paging());
    let shown = ["reader", "heap 0", "heap 3", "in memory", "minor fault", "major fault"];
    for text in shown.into_iter().chain(["evicted and written to its device"]) {
        assert!(has(&drawn, text), "{text}: {drawn}");
    }
    assert!(!has(&drawn, "copy-on-write fault") && !has(&drawn, "heap 1"));
}

#[test]
fn frames_are_told_if_the_trace_tells_them() {
    let drawn = svg("frames", &paging());
    assert!(has(&drawn, "free frames") && has(&drawn, "reader") && has(&drawn, "4"), "{drawn}");
    let mut silent = paging();
    silent.events.retain(|event| !matches!(event.kind, Kind::FramesFree { .. }));
    let drawn = svg("frames", &silent);
    let note = "This trace tells nothing of free frames: its run had no page replacement.";
    assert!(has(&drawn, note) && !has(&drawn, "free frames"), "{drawn}");
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
        ("forks", "No process existed in this window."),
        ("waits", "Nobody waits for anything at the end of the window, 0."),
        ("pages", "No process had a page fault or a page in memory in this window."),
        ("frames", "No process had a page fault, and nothing is known of free frames."),
    ] {
        assert!(has(&svg(kind, &nothing), text), "{kind}");
    }
}
