//! What holds for every kind of chart, whatever is drawn: texts stay inside of the picture and apart, files are
//! XML, and their size is bounded. The scenarios of the repository and hand-written traces with nasty names are drawn
//! on a back end that only remembers where the texts are.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::time::Instant as Clock;

use plotters::prelude::DrawingBackend;
use plotters::style::FontStyle;
use plotters::style::text_anchor::HPos;
use plotters_backend::{BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingErrorKind};

use super::canvas::{Canvas, SVG_TEXT_RISE};
use super::font::{LINE, Weight, width};
use super::versus::{Half, Picture, Versus};
use super::{CHARTS, ChartRow, Options, Theme, chart_svg, figures, prepare, versus_svg};
use crate::analysis::stories::{self, Story};
use crate::analysis::{Lanes, LanesBuilder};
use crate::ids::NameId;
use crate::scenario::{Overrides, Scenario};
use crate::sim::{Pace, Simulator, header};
use crate::trace::sink::Memory;
use crate::trace::{Header, Trace};

/// A text and its pixels: left, top, right and bottom.
type Written = (String, [f64; 4]);

/// Remembers texts and draws nothing.
struct Recorder {
    texts: Vec<Written>,
}

type Done = Result<(), DrawingErrorKind<Infallible>>;

impl DrawingBackend for Recorder {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        (10_000, 10_000)
    }

    fn ensure_prepared(&mut self) -> Done {
        Ok(())
    }

    fn present(&mut self) -> Done {
        Ok(())
    }

    fn draw_pixel(&mut self, _: BackendCoord, _: BackendColor) -> Done {
        Ok(())
    }

    fn draw_line<S: BackendStyle>(&mut self, _: BackendCoord, _: BackendCoord, _: &S) -> Done {
        Ok(())
    }

    fn draw_rect<S: BackendStyle>(&mut self, _: BackendCoord, _: BackendCoord, _: &S, _: bool) -> Done {
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, _: I, _: &S) -> Done {
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, _: I, _: &S) -> Done {
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, (x, y): BackendCoord) -> Done {
        let size = style.size() / LINE;
        let weight = if matches!(style.style(), FontStyle::Bold) { Weight::Strong } else { Weight::Regular };
        let wide = width(text, size, weight);
        let left = match style.anchor().h_pos {
            HPos::Left => f64::from(x),
            HPos::Center => f64::from(x) - wide / 2.0,
            HPos::Right => f64::from(x) - wide,
        };
        // Small letters, capitals and what hangs below the line.
        let half = size * 0.5;
        let area = [left, f64::from(y) - half, left + wide, f64::from(y) + half];
        self.texts.push((text.to_owned(), area));
        Ok(())
    }
}

/// The texts of a chart, and its size.
fn written(row: &ChartRow, lanes: &Lanes, header: &Header, options: &Options) -> (Vec<Written>, (u32, u32)) {
    let mut recorder = Recorder { texts: Vec::new() };
    let mut canvas = Canvas::new(&mut recorder, 1, SVG_TEXT_RISE).unwrap();
    let size = match row.draw {
        Some(draw) => {
            let scene = draw(lanes, header, options);
            scene.draw(&mut canvas).unwrap();
            scene.size()
        }
        None => {
            let timeline = prepare(lanes, header, options).unwrap();
            timeline.draw(&mut canvas).unwrap();
            timeline.size()
        }
    };
    (recorder.texts, size)
}

/// Fails if two texts touch, or one leaves the picture by more than the room that widths have to spare.
fn hold(what: &str, (texts, (wide, high)): &(Vec<Written>, (u32, u32))) {
    for (number, (text, area)) in texts.iter().enumerate() {
        let spare = (area[2] - area[0]) * 0.08 + 1.0;
        let inside = area[0] >= -spare
            && area[1] >= 0.0
            && area[2] <= f64::from(*wide) + spare
            && area[3] <= f64::from(*high);
        assert!(inside, "{what}: `{text}` leaves the picture of {wide}×{high}: {area:?}");
        for (other, there) in &texts[..number] {
            let gap =
                (area[0] - there[2]).max(there[0] - area[2]).max(area[1] - there[3]).max(there[1] - area[3]);
            assert!(gap >= -1.0, "{what}: `{text}` {area:?} touches `{other}` {there:?}");
        }
    }
}

fn hold_all(name: &str, lanes: &Lanes, header: &Header) {
    for row in CHARTS {
        for (width, theme) in [(400, Theme::Light), (800, Theme::Print), (1_200, Theme::Dark)] {
            let options = Options { width, theme, ..Options::default() };
            let what = format!("{} of {name}, {width} wide", row.name);
            hold(&what, &written(row, lanes, header, &options));
        }
    }
}

fn well_formed(what: &str, svg: &str) {
    if let Err(error) = roxmltree::Document::parse(svg) {
        panic!("{what} isn't XML: {error}");
    }
}

/// Runs a scenario as far as a picture of it needs.
fn run(path: &Path) -> (Lanes, Header) {
    let scenario = Scenario::load(path, &Overrides::default())
        .unwrap_or_else(|diagnostics| panic!("{}", diagnostics.render(false)));
    let mut simulator = Simulator::new(&scenario.image, Memory::new(), Pace::Fast);
    let outcome = simulator.run();
    let end = simulator.end();
    let trace = Trace::from_memory(header(&scenario.image), simulator.kernel.sink, end, outcome);
    let mut builder = LanesBuilder::new(&trace.header);
    for entry in &trace.tasks {
        builder.task(entry.task, entry.process, entry.parent, &entry.name);
    }
    for (number, name) in trace.names.iter().enumerate() {
        builder.name(NameId::from(number), name);
    }
    trace.events.iter().for_each(|event| builder.event(event));
    (builder.finish(trace.end), trace.header)
}

fn scenarios(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(folder);
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|ending| ending == "toml")).collect();
    paths.sort();
    paths
}

fn hold_folder(folder: &str) {
    for path in scenarios(folder) {
        let (lanes, header) = run(&path);
        hold_all(&header.scenario, &lanes, &header);
    }
}

#[test]
fn texts_stay_apart_in_charts_of_what_crosses_the_boundary() {
    hold_folder("boundary");
}

#[test]
fn texts_stay_apart_in_charts_of_schedules() {
    hold_folder("sched");
}

#[test]
fn texts_stay_apart_in_charts_of_communication() {
    hold_folder("ipc");
}

#[test]
fn texts_stay_apart_in_charts_of_memory_and_races() {
    hold_folder("memory");
    hold_folder("races");
}

#[test]
fn texts_stay_apart_in_charts_of_devices_and_programs() {
    hold_folder("io");
    hold_folder("programs");
}

const NASTY: [&str; 8] = [
    "",
    "<script>alert('x')</script>",
    "\"quoted\" & ]]> --> <![CDATA[",
    "line\nfeed\u{0}\u{1}\u{8}\u{b}\u{1b}[31m\u{7f}\u{85}\u{fffe}\u{ffff}",
    "🦀🔥👩‍👩‍👧‍👦 emoji 🏳️‍🌈",
    "שלום עולם مرحبا \u{202e}reversed\u{202c}",
    "漢字かな交じり文の長い名前はどう切られるか",
    "   ",
];

fn nasty() -> Story {
    let long = "a-rather-long-name-".repeat(16);
    let mut names: Vec<&str> = NASTY.to_vec();
    names.push(&long);
    let mut story = stories::crowd(u32::try_from(names.len()).unwrap(), 2_000);
    story.header.scenario = NASTY.join(" ");
    story.header.question = long.clone();
    let mut named = names.iter().cycle();
    let mut next = || (*named.next().unwrap()).to_owned();
    story.header.initial.iter_mut().for_each(|entry| entry.name = next());
    story.tasks.iter_mut().for_each(|(.., name)| *name = next());
    story.header.objects.iter_mut().for_each(|object| object.name = next());
    story.header.vectors.iter_mut().for_each(|vector| vector.name = next());
    story.header.calls.iter_mut().for_each(|call| *call = next());
    story.header.memory.areas.iter_mut().for_each(|area| area.name = next());
    story.names.iter_mut().for_each(|name| *name = next());
    story
}

#[test]
fn nasty_names_neither_touch_nor_leave_the_picture() {
    let story = nasty();
    hold_all("nasty names", &story.lanes(), &story.header);
}

#[test]
fn every_picture_is_xml_whatever_the_names_are() {
    let (story, nothing) = (nasty(), Story::new("", "", 0));
    for story in [&story, &nothing, &stories::page_fault()] {
        let lanes = story.lanes();
        for row in CHARTS {
            for theme in [Theme::Light, Theme::Print] {
                let options = Options { theme, messages: true, ..Options::default() };
                let svg = chart_svg(row, &lanes, &story.header, &options).unwrap();
                well_formed(row.name, &svg);
                assert!(!svg.contains("<script") && !svg.contains('\u{202e}'), "{}", row.name);
            }
        }
        let sides = [("<one>", &lanes), ("\u{1}two", &lanes)];
        well_formed(
            "overlay",
            &super::latency_overlay_svg(sides, &story.header, &Options::default()).unwrap(),
        );
    }
    let header = story.header.clone();
    let half = |label| Half { label, lanes: story.lanes(), header: &header, parts: Vec::new() };
    let versus = Versus {
        title: NASTY[1],
        question: NASTY[3],
        result: NASTY[2],
        window: "",
        halves: [half(NASTY[1]), half(NASTY[4])],
        distributions: Vec::new(),
        notes: vec![NASTY[2].to_owned()],
    };
    well_formed("versus", &versus_svg(&versus, &Options::default()).unwrap());
}

#[test]
fn two_traces_in_one_picture_keep_their_texts_apart() {
    let stories = [stories::ping_pong(3), stories::page_fault(), stories::crowd(30, 3_000)];
    for (one, other) in [(0, 1), (1, 0), (2, 2)].map(|(one, other)| (&stories[one], &stories[other])) {
        let half = |label, story: &'_ Story| Half {
            label,
            lanes: story.lanes(),
            header: &one.header,
            parts: Vec::new(),
        };
        let versus = Versus {
            title: "two",
            question: "Which?",
            result: "",
            window: "",
            halves: [half("simulated", one), half("measured", other)],
            distributions: Vec::new(),
            notes: Vec::new(),
        };
        let picture = Picture::new(&versus, &Options::default());
        let mut recorder = Recorder { texts: Vec::new() };
        picture.draw(&mut Canvas::new(&mut recorder, 1, SVG_TEXT_RISE).unwrap()).unwrap();
        hold("two traces", &(recorder.texts, picture.size()));
    }
}

/// What a chart may weigh, in bytes of SVG: as many pixels as a large screen has need no more.
const LARGEST: usize = 450_000;

#[test]
fn a_crowd_of_three_hundred_processes_has_small_pictures_and_quickly() {
    let story = stories::crowd(300, 300_000);
    let begin = Clock::now();
    let lanes = story.lanes();
    let reading = begin.elapsed();
    for row in CHARTS {
        for theme in [Theme::Light, Theme::Print] {
            let options = Options { theme, ..Options::default() };
            let begin = Clock::now();
            let svg = chart_svg(row, &lanes, &story.header, &options).unwrap();
            let drawing = begin.elapsed();
            assert!(svg.len() < LARGEST, "{} {theme:?}: {} bytes", row.name, svg.len());
            // Drawing is in proportion to the trace, as reading it is; anything quadratic takes far longer.
            assert!(drawing < 20 * reading, "{}: {drawing:?}, and reading took {reading:?}", row.name);
        }
    }
}

#[test]
fn a_long_trace_of_few_processes_has_small_pictures_too() {
    let story = stories::crowd(6, 300_000);
    let lanes = story.lanes();
    for row in CHARTS {
        for (theme, width) in [(Theme::Light, 1_200), (Theme::Print, 1_200), (Theme::Print, 2_400)] {
            let options = Options { theme, width, ..Options::default() };
            let svg = chart_svg(row, &lanes, &story.header, &options).unwrap();
            let most = LARGEST * width as usize / 1_200;
            assert!(svg.len() < most, "{} {theme:?}: {} bytes", row.name, svg.len());
        }
    }
}

#[test]
fn every_kind_has_something_to_show_of_a_crowd() {
    let story = stories::crowd(9, 4_000);
    let lanes = story.lanes();
    for row in figures::CHARTS {
        let (texts, _) = written(row, &lanes, &story.header, &Options::default());
        let empty = ["Nothing", "Nobody", "No process", "No system call"];
        for (text, _) in texts {
            assert!(empty.iter().all(|empty| !text.starts_with(empty)), "{}: {text}", row.name);
        }
    }
}
