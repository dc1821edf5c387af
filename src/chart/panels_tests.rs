//! What a picture of small timelines contains. None of these tests knows a coordinate.

use super::panels::Panel;
use super::{Options, Panels, panels_png, panels_svg};
use crate::analysis::stories::{self, Story};
use crate::ids::Tid;
use crate::trace::{Kind, Why};

fn panel<'a>(label: &'a str, story: &'a Story, remark: Option<&str>) -> Panel<'a> {
    Panel {
        label,
        result: "mean turnaround 3us".to_owned(),
        remark: remark.map(str::to_owned),
        lanes: story.lanes(),
        header: &story.header,
        end: story.end,
    }
}

fn panels(panels: Vec<Panel<'_>>) -> Panels<'_> {
    Panels { title: "a title", question: "A question?", panels, notes: vec!["a note".to_owned()] }
}

fn count(svg: &str, text: &str) -> usize {
    svg.matches(&format!("{text}\n")).count()
}

/// As many threads as are asked for, one after the other, on one CPU or on two of which one is idle.
fn queue(threads: u32, cpus: u16) -> Story {
    let mut story = Story::new("queue", "", cpus);
    for number in 0..threads {
        story.process(Tid(number + 2), &format!("p{number}"));
    }
    for number in 0..threads {
        story
            .switch(Tid(number + 2), if number == 0 { Why::WorkArrived } else { Why::Exited }, 0)
            .after(1_000);
    }
    story.switch(Tid::IDLE, Why::Exited, 0);
    story
}

#[test]
fn each_policy_has_a_heading_and_rows_over_one_axis() {
    let story = queue(3, 1);
    let both = panels(vec![panel("fcfs", &story, Some("best")), panel("mlfq", &story, None)]);
    let svg = panels_svg(&both, &Options::default()).unwrap();
    for (text, times) in [
        ("a title", 1),
        ("A question?", 1),
        ("fcfs", 1),
        ("mlfq", 1),
        ("mean turnaround 3 µs", 2),
        ("best", 1),
        // One CPU needs no row where the threads' rows tell who runs.
        ("CPU 0", 0),
        ("p1", 2),
        ("ready", 1),
        ("ends", 1),
        ("ns", 1),
        ("a note", 1),
    ] {
        assert_eq!(count(&svg, text), times, "{text}");
    }
    assert!(svg == panels_svg(&both, &Options::default()).unwrap(), "the same panels give the same bytes");
}

#[test]
fn with_several_cpus_the_names_stand_on_their_bars() {
    let story = queue(2, 2);
    let svg = panels_svg(&panels(vec![panel("fcfs", &story, None)]), &Options::default()).unwrap();
    assert_eq!((count(&svg, "CPU 0"), count(&svg, "CPU 1")), (1, 1));
    assert_eq!((count(&svg, "p0"), count(&svg, "p1")), (2, 2), "on the CPU's row and beside the thread's");
}

#[test]
fn what_needs_more_than_a_page_has_its_cpus_alone() {
    let story = queue(20, 1);
    let policies = || (0..8).map(|_| panel("fcfs", &story, None)).collect();
    let few = panels_svg(&panels(vec![panel("fcfs", &story, None)]), &Options::default()).unwrap();
    let many = panels_svg(&panels(policies()), &Options::default()).unwrap();
    assert_eq!((count(&few, "CPU 0"), count(&many, "CPU 0")), (0, 8));
    assert_eq!(count(&many, "p19"), 8, "only on the bars");
    assert!(many.contains("more than a page"));
}

#[test]
fn a_missed_deadline_is_marked_and_explained() {
    let mut story = queue(2, 1);
    let before = panels_svg(&panels(vec![panel("edf", &story, None)]), &Options::default()).unwrap();
    story.at(1_500).then(Kind::DeadlineMiss { task: Tid(3), number: 1 });
    let after = panels_svg(&panels(vec![panel("edf", &story, None)]), &Options::default()).unwrap();
    assert_eq!((count(&before, "deadline missed"), count(&after, "deadline missed")), (0, 1));
    assert_eq!(
        after.matches("<polygon").count() - before.matches("<polygon").count(),
        4,
        "in row and legend"
    );
}

#[test]
fn panels_of_nothing_can_be_drawn() {
    let mut nothing = Story::new("nothing", "", 1);
    nothing.end(0);
    let story = stories::ping_pong(2);
    for given in
        [vec![], vec![panel("a", &nothing, None)], vec![panel("a", &nothing, None), panel("b", &story, None)]]
    {
        let panels = panels(given);
        assert!(panels_svg(&panels, &Options::default()).unwrap().contains("</svg>"));
        assert!(panels_png(&panels, &Options::default()).unwrap().starts_with(b"\x89PNG"));
    }
}
