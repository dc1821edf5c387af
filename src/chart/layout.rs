//! Where everything stands, from top to bottom: title, question, legend, interrupts, CPUs,
//! threads, time axis, notes. All numbers are pixels.

use crate::analysis::naming::printable;

use super::font::{Weight, width, wrap};
use super::rows::Rows;

pub const MARGIN: i32 = 28;
pub const TITLE: f64 = 20.0;
pub const QUESTION: f64 = 14.0;
/// Between the lines of a question, and how many there are at most.
pub const QUESTION_LINE: i32 = 20;
pub const QUESTION_LINES: usize = 3;
pub const HEADING: f64 = 12.0;
pub const LABEL: f64 = 13.0;
pub const INSIDE: f64 = 11.0;
pub const NOTE: f64 = 11.5;
pub const LEGEND_LINE: i32 = 22;
/// Between the labels and the plot.
pub const LABEL_GAP: i32 = 14;

const HEADING_HEIGHT: i32 = 26;
const SECTION_GAP: i32 = 10;
const AXIS_HEIGHT: i32 = 40;
const NOTE_HEIGHT: i32 = 20;
const LABEL_WIDTHS: (f64, f64) = (72.0, 190.0);
/// With more rows of threads than this, they stand closer and without annotations.
const SPACIOUS: usize = 16;

/// Where a row's bar stands; what belongs to it stands above or below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub top: i32,
    pub height: i32,
}

impl Place {
    pub const fn middle(self) -> i32 {
        self.top + self.height / 2
    }

    pub const fn bottom(self) -> i32 {
        self.top + self.height
    }
}

/// A heading above some rows.
#[derive(Clone, Copy, Debug)]
pub struct Heading {
    pub text: &'static str,
    pub middle: i32,
}

/// All places of a picture.
#[derive(Clone, Debug)]
pub struct Layout {
    pub width: i32,
    pub height: i32,
    /// The left edge of the plot, and its width.
    pub left: i32,
    pub plot: i32,
    pub title: i32,
    pub question: Option<i32>,
    pub legend: i32,
    pub headings: Vec<Heading>,
    pub vectors: Vec<Place>,
    pub cpus: Vec<Place>,
    pub threads: Vec<Place>,
    /// Room above a thread's bar for what it prints and the like.
    pub annotations: bool,
    pub plot_top: i32,
    /// The line of the time axis.
    pub axis: i32,
    pub notes: i32,
}

/// The heights of one kind of row.
struct Pitch {
    above: i32,
    bar: i32,
    below: i32,
}

const VECTOR: Pitch = Pitch { above: 3, bar: 16, below: 5 };
const CPU: Pitch = Pitch { above: 2, bar: 24, below: 20 };
const THREAD: Pitch = Pitch { above: 18, bar: 24, below: 4 };
const CLOSE_THREAD: Pitch = Pitch { above: 4, bar: 18, below: 4 };
const SMALL_CPU: Pitch = Pitch { above: 1, bar: 16, below: 3 };
const SMALL_THREAD: Pitch = Pitch { above: 1, bar: 13, below: 3 };

/// How close the rows of a part stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Density {
    Ordinary,
    /// For many parts in one picture.
    Small,
}

impl Density {
    const fn pitches(self) -> (&'static Pitch, &'static Pitch) {
        match self {
            Density::Ordinary => (&CPU, &CLOSE_THREAD),
            Density::Small => (&SMALL_CPU, &SMALL_THREAD),
        }
    }
}

impl Layout {
    /// `legend_lines` is the legend's height, `notes` the number of lines below the axis.
    pub fn new(rows: &Rows, total: i32, question: &str, legend_lines: i32, notes: i32) -> Layout {
        let labels = rows.vectors.iter().map(|row| &row.label).chain(rows.cpus.iter().map(|row| &row.label));
        let labels = labels.chain(rows.threads.iter().map(|row| &row.label));
        let widest = labels.map(|label| width(label, LABEL, Weight::Regular)).fold(0.0, f64::max);
        let label_width = widest.clamp(LABEL_WIDTHS.0, LABEL_WIDTHS.1).ceil() as i32;
        let left = MARGIN + label_width + LABEL_GAP;

        let title = MARGIN + 10;
        let lines = question_lines(question, total).len() as i32;
        let question = (lines > 0).then_some(title + 28);
        let legend = question.unwrap_or(title) + (lines - 1).max(0) * QUESTION_LINE + 34;
        let annotations = rows.threads.len() <= SPACIOUS;
        let mut layout = Layout {
            width: total,
            height: 0,
            left,
            plot: total - MARGIN - left,
            title,
            question,
            legend,
            headings: Vec::new(),
            vectors: Vec::new(),
            cpus: Vec::new(),
            threads: Vec::new(),
            annotations,
            plot_top: 0,
            axis: 0,
            notes: 0,
        };
        let mut y = legend + legend_lines * LEGEND_LINE;
        layout.plot_top = y;
        layout.vectors = layout.section("Interrupts", rows.vectors.len(), &VECTOR, &mut y);
        layout.cpus = layout.section("CPUs", rows.cpus.len(), &CPU, &mut y);
        let pitch = if annotations { &THREAD } else { &CLOSE_THREAD };
        layout.threads = layout.section("Processes", rows.threads.len(), pitch, &mut y);
        layout.axis = y + 6;
        layout.notes = layout.axis + AXIS_HEIGHT + 8;
        layout.height = layout.axis + AXIS_HEIGHT + notes * NOTE_HEIGHT + MARGIN / 2;
        layout
    }

    /// The rows alone, from `top` on: a part of a picture that has more than one.
    pub fn part(rows: &Rows, total: i32, (left, top): (i32, i32), density: Density) -> Layout {
        let mut layout = Layout {
            width: total,
            height: 0,
            left,
            plot: total - MARGIN - left,
            title: top,
            question: None,
            legend: top,
            headings: Vec::new(),
            vectors: Vec::new(),
            cpus: Vec::new(),
            threads: Vec::new(),
            annotations: false,
            plot_top: top,
            axis: 0,
            notes: 0,
        };
        let mut y = top;
        let mut places = |rows: usize, pitch: &Pitch| -> Vec<Place> {
            let place = |_| {
                let place = Place { top: y + pitch.above, height: pitch.bar };
                y = place.bottom() + pitch.below;
                place
            };
            (0..rows).map(place).collect()
        };
        let (cpu, thread) = density.pitches();
        layout.cpus = places(rows.cpus.len(), cpu);
        layout.threads = places(rows.threads.len(), thread);
        layout.height = y;
        layout.axis = y;
        layout
    }

    /// The middle of a note.
    pub const fn note(&self, number: i32) -> i32 {
        self.notes + number * NOTE_HEIGHT
    }

    fn section(&mut self, heading: &'static str, rows: usize, pitch: &Pitch, y: &mut i32) -> Vec<Place> {
        if rows == 0 {
            return Vec::new();
        }
        self.headings.push(Heading { text: heading, middle: *y + HEADING_HEIGHT / 2 });
        // Annotations of the first row may stand beside the heading, to the right of it.
        *y += HEADING_HEIGHT - pitch.above.min(HEADING_HEIGHT / 2);
        let places = (0..rows).map(|_| {
            let place = Place { top: *y + pitch.above, height: pitch.bar };
            *y = place.bottom() + pitch.below;
            place
        });
        let places = places.collect();
        *y += SECTION_GAP;
        places
    }
}

/// A scenario's question in lines that a picture of that width has room for.
pub fn question_lines(question: &str, total: i32) -> Vec<String> {
    let room = f64::from(total - 2 * MARGIN);
    wrap(&printable(question), room, QUESTION, Weight::Regular, QUESTION_LINES)
}
