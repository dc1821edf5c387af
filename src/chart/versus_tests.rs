//! What a picture of two sides contains. None of these tests knows a coordinate.

use super::versus::{Distribution, Half, Part};
use super::{ChartError, Options, Versus, versus_png, versus_svg};
use crate::analysis::stories::{self, Story};
use crate::time::Span;

fn half<'a>(label: &'a str, story: &'a Story) -> Half<'a> {
    let parts = [(Part::User, 40), (Part::Calls, 30), (Part::HandOvers, 20), (Part::Ends, 10)];
    Half {
        label,
        lanes: story.lanes(),
        header: &story.header,
        parts: parts.map(|(part, micros)| (part, Span::from_nanos(micros * 1_000))).to_vec(),
    }
}

fn versus<'a>(one: &'a Story, other: &'a Story, samples: [&'a [u64]; 2]) -> Versus<'a> {
    Versus {
        title: "ping-pong",
        question: "How long?",
        result: "as long as that",
        window: "the whole run",
        halves: [half("simulated", one), half("measured", other)],
        distributions: vec![Distribution { name: "message through ping", samples }],
        notes: vec!["a note".to_owned()],
    }
}

#[test]
fn both_sides_have_their_rows_sums_and_distributions() {
    let (one, other) = (stories::ping_pong(3), stories::ping_pong(5));
    let samples: [&[u64]; 2] = [&[900, 1_000, 1_000], &[1_800, 2_000, 9_000]];
    let svg = versus_svg(&versus(&one, &other, samples), &Options::default()).unwrap();
    let count = |text: &str| svg.matches(&format!("{text}\n")).count();
    for (text, times) in [
        ("ping-pong", 1),
        ("as long as that", 1),
        ("Simulated: the whole run", 1),
        ("Measured: the whole run", 1),
        ("CPU 0", 2),
        ("hand-overs 20 µs", 2),
        ("100 µs", 2),
        ("message through ping", 1),
        ("2 µs", 1),
        ("a note", 1),
    ] {
        assert_eq!(count(text), times, "{text}");
    }
    let again = versus_svg(&versus(&one, &other, samples), &Options::default()).unwrap();
    assert!(svg == again, "the same sides give the same bytes");
}

#[test]
fn a_picture_of_nothing_can_be_drawn() {
    let mut story = Story::new("nothing", "", 1);
    story.end(0);
    for samples in [[&[][..], &[][..]], [&[0][..], &[0, u64::MAX][..]]] {
        let mut versus = versus(&story, &story, samples);
        versus.halves[1].parts.clear();
        assert!(versus_svg(&versus, &Options::default()).unwrap().contains("</svg>"));
        assert!(versus_png(&versus, &Options::default()).unwrap().starts_with(b"\x89PNG"));
    }
}

#[test]
fn a_width_beyond_reason_is_refused() {
    let story = stories::ping_pong(1);
    let versus = versus(&story, &story, [&[], &[]]);
    let options = Options { width: 1, ..Options::default() };
    assert!(matches!(versus_svg(&versus, &options), Err(ChartError::Width(1))));
}
