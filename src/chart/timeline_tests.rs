//! What a timeline contains. None of these tests knows a coordinate.

use super::{ChartError, Options, Theme, timeline_png, timeline_svg};
use crate::analysis::stories::{self, Story};

fn svg(story: &Story) -> String {
    timeline_svg(&story.lanes(), &story.header, &Options::default()).unwrap()
}

/// Every text of the picture.
fn texts(svg: &str) -> Vec<&str> {
    let mut texts = Vec::new();
    let mut rest = svg;
    while let Some(begin) = rest.find("<text") {
        let content = &rest[begin..];
        let begin = content.find('>').unwrap() + 1;
        let end = content.find("</text>").unwrap();
        texts.push(content[begin..end].trim());
        rest = &content[end..];
    }
    texts
}

fn stories() -> Vec<Story> {
    let mut threads = Story::new("many-kinds", "", 1);
    for task in 0..120 {
        threads.process(crate::ids::Tid(task + 2), &format!("kind-{task}"));
    }
    threads.end(1_000);
    vec![
        stories::ping_pong(3),
        stories::page_fault(),
        stories::reschedule(),
        stories::busy(200, 9_000),
        threads,
        stories::busy_few(),
        stories::free(),
    ]
}

#[test]
fn every_cpu_process_and_vector_has_a_label() {
    let svg = svg(&stories::reschedule());
    let texts = texts(&svg);
    for label in ["CPU 0", "CPU 1", "producer", "consumer", "reschedule", "wake-on-another-cpu"] {
        assert!(texts.contains(&label), "{label} in {texts:?}");
    }
    assert!(!texts.contains(&"timer"), "a vector that wasn't used has no row");
}

#[test]
fn spans_with_room_say_what_happens() {
    let svg = svg(&stories::page_fault());
    let texts = texts(&svg);
    for label in ["blocked on page: disk", "ready", "exit 0", "user mode", "kernel: interrupt", "µs", "80"] {
        assert!(texts.contains(&label), "{label} in {texts:?}");
    }
}

#[test]
fn names_and_printed_lines_are_escaped() {
    let mut story = stories::page_fault();
    story.header.scenario = "a<b>&\"c\"".to_owned();
    let svg = svg(&story);
    assert!(svg.contains("a&lt;b&gt;&amp;"), "{svg}");
    assert!(svg.contains("saved &lt;draft&gt; &amp; closed"), "{svg}");
    assert!(!svg.contains("<draft>"));
}

#[test]
fn the_same_lanes_give_the_same_bytes() {
    let story = stories::ping_pong(5);
    assert_eq!(svg(&story), svg(&story));
    let png = || timeline_png(&story.lanes(), &story.header, &Options::default()).unwrap();
    assert_eq!(png(), png());
    assert!(png().starts_with(b"\x89PNG"));
}

#[test]
fn a_picture_of_a_million_events_stays_small() {
    for threads in [3, 38, 5_000] {
        let story = stories::busy(threads, 1_000_000);
        let lanes = story.lanes();
        let svg = timeline_svg(&lanes, &story.header, &Options::default()).unwrap();
        assert!(svg.len() < 500_000, "{threads} threads: {} bytes", svg.len());
    }
}

#[test]
fn many_spans_that_are_just_wide_enough_stay_small_too() {
    for events in [2_000, 12_000] {
        let svg = svg(&stories::busy(38, events));
        assert!(svg.len() < 500_000, "{events} events: {} bytes", svg.len());
    }
}

#[test]
fn more_than_forty_rows_are_grouped_and_the_picture_says_so() {
    let svg = svg(&stories::busy(200, 9_000));
    let texts = texts(&svg);
    assert!(texts.contains(&"worker ×200"), "{texts:?}");
    assert!(texts.iter().any(|text| text.starts_with("200 threads in one row")), "{texts:?}");
}

#[test]
fn groups_beyond_forty_share_the_last_row() {
    let svg = svg(&stories()[4]);
    let texts = texts(&svg);
    assert!(texts.contains(&"others ×81"), "{texts:?}");
    assert_eq!(texts.iter().filter(|text| text.starts_with("kind-")).count(), 39);
}

#[test]
fn arrows_that_would_be_too_many_are_left_out_with_a_note() {
    let few = svg(&stories::ping_pong(3));
    let many = svg(&stories::ping_pong(3_000));
    assert!(texts(&few).contains(&"wakes or forks"));
    assert!(!texts(&many).contains(&"wakes or forks"));
    let expected = "6 002 wake-ups without arrows: too many for this width.";
    assert!(texts(&many).contains(&expected), "{:?}", texts(&many));
}

#[test]
fn calls_that_take_no_time_are_marked_and_explained() {
    let free = svg(&stories::free());
    assert!(texts(&free).contains(&"kernel: system call"), "{:?}", texts(&free));
}

#[test]
fn an_empty_run_has_a_picture() {
    let svg = svg(&Story::new("nothing", "", 1));
    assert!(texts(&svg).contains(&"CPU 0"));
    assert!(svg.trim_end().ends_with("</svg>"));
}

#[test]
fn a_width_that_no_viewer_shows_is_refused() {
    let story = stories::page_fault();
    let options = Options { width: 100_000, ..Options::default() };
    let refused = timeline_svg(&story.lanes(), &story.header, &options);
    assert!(matches!(refused, Err(ChartError::Width(100_000))));
}

#[test]
fn a_theme_changes_colours_only() {
    let story = stories::page_fault();
    let draw = |theme| {
        timeline_svg(&story.lanes(), &story.header, &Options { theme, ..Options::default() }).unwrap()
    };
    let [light, dark, print] = [Theme::Light, Theme::Dark, Theme::Print].map(draw);
    assert_eq!(texts(&light), texts(&dark));
    assert_eq!(texts(&light), texts(&print));
    assert_ne!(light, dark);
}

/// Writes the pictures of all stories to the folder named by `TRAPLINE_PICTURES`, to be looked at.
#[test]
fn pictures_can_be_looked_at() {
    let Some(folder) = std::env::var_os("TRAPLINE_PICTURES") else {
        return;
    };
    let folder = std::path::PathBuf::from(folder);
    for story in stories() {
        for (theme, suffix) in [(Theme::Light, ""), (Theme::Dark, "-dark"), (Theme::Print, "-print")] {
            let options = Options { theme, messages: theme == Theme::Print, ..Options::default() };
            let name = format!("{}{suffix}", story.header.scenario);
            let lanes = story.lanes();
            let svg = timeline_svg(&lanes, &story.header, &options).unwrap();
            std::fs::write(folder.join(format!("{name}.svg")), svg).unwrap();
            let png = timeline_png(&lanes, &story.header, &options).unwrap();
            std::fs::write(folder.join(format!("{name}.png")), png).unwrap();
        }
    }
}
