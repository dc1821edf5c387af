//! `trapline plot --against`: two traces in one picture, one above the other over one time axis, or their
//! latencies in one plot.

use std::path::Path;

use trapline::chart::figures::ChartRow;
use trapline::chart::versus::Half;
use trapline::chart::{
    ChartError, Options, Versus, latency_overlay_png, latency_overlay_svg, versus_png, versus_svg,
};
use trapline::trace::header::Source;

use super::compare::labels;
use super::digest::Drawn;
use super::exit::Failure;
use super::plot::{Picture, undrawn};

/// The kinds that can show two traces.
const KINDS: [&str; 2] = ["timeline", "latency"];

/// Whether a kind can show two traces.
pub fn check(row: &ChartRow) -> Result<(), Failure> {
    if KINDS.contains(&row.name) {
        return Ok(());
    }
    let kinds = KINDS.join(" and ");
    Err(Failure::usage(format!(
        "a chart of kind {} shows one trace; {kinds} can show two. `trapline compare` tells more of them",
        row.name
    )))
}

/// The picture of two traces.
pub fn draw(
    row: &ChartRow,
    [mut one, mut other]: [Drawn; 2],
    paths: [&Path; 2],
    picture: Picture,
    options: &Options,
) -> Result<Vec<u8>, Failure> {
    let names = names([&one, &other], paths);
    let [left, right] = names.each_ref().map(String::as_str);
    let header = one.header.clone();
    let drawing = if row.name == "latency" {
        let sides = [(left, &one.lanes), (right, &other.lanes)];
        match picture {
            Picture::Svg => latency_overlay_svg(sides, &header, options).map(String::into_bytes),
            Picture::Png => latency_overlay_png(sides, &header, options),
        }
    } else {
        // The shorter run's rows end earlier.
        let to = one.lanes.to.max(other.lanes.to);
        (one.lanes.to, other.lanes.to) = (to, to);
        let half = |label, drawn: &mut Drawn, header| Half {
            label,
            lanes: std::mem::take(&mut drawn.lanes),
            header,
            parts: Vec::new(),
        };
        let other_header = other.header.clone();
        let versus = Versus {
            title: &header.scenario,
            question: &header.question,
            result: "",
            window: "",
            halves: [half(left, &mut one, &header), half(right, &mut other, &other_header)],
            distributions: Vec::new(),
            notes: Vec::new(),
        };
        draw_versus(&versus, picture, options)
    };
    drawing.map_err(undrawn)
}

fn draw_versus(versus: &Versus<'_>, picture: Picture, options: &Options) -> Result<Vec<u8>, ChartError> {
    match picture {
        Picture::Svg => versus_svg(versus, options).map(String::into_bytes),
        Picture::Png => versus_png(versus, options),
    }
}

/// By what they are, if that tells them apart, else by their folders or files.
fn names(drawn: [&Drawn; 2], paths: [&Path; 2]) -> [String; 2] {
    let sources = drawn.map(|drawn| drawn.header.source);
    if sources[0] == sources[1] {
        return labels(paths[0], paths[1]);
    }
    sources.map(|source| match source {
        Source::Simulated => "Simulated".to_owned(),
        Source::Measured => "Measured".to_owned(),
    })
}
