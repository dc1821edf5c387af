//! Cells as lines of characters.
//!
//! Without colour a character says what took most of its time. With colour it is split into two, as a stacked
//! column is: its lower part, in eighths, and the part above it stand for the two states that took most.

use std::fmt::Write;

use crate::analysis::naming::{count, printable, time};
use crate::analysis::render::Colour;
use crate::analysis::replay::Replay;
use crate::chart::axis::Axis;
use crate::chart::canvas::Rgb;
use crate::chart::columns::{Paint, Scale};
use crate::chart::theme::Theme;
use crate::time::Instant;

use super::Grid;
use super::glyphs::{character, fit, ground, paint, wide};
use super::strip::{Cell, Strip, Who};

/// The least width that says anything.
pub const NARROWEST: usize = 40;
/// What a name takes at most, in characters.
const WIDEST_NAME: usize = 18;
/// A state that takes so many eighths of a column has all of it.
const ALL: u64 = 8;
const EIGHTHS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Pixels to a character, for the distances between times on the axis.
const PIXELS: i32 = 9;

/// How an overview becomes lines.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Characters in a line; 40 if that is more.
    pub width: usize,
    /// The most rows of threads; the others share one.
    pub rows: usize,
    pub colour: Colour,
}

/// A row: its name, and what happened in each column.
struct Row {
    name: String,
    columns: Vec<Column>,
}

/// What happened in one character's time.
#[derive(Clone, Copy, Debug, Default)]
struct Column {
    times: [f64; Paint::ALL.len()],
    who: Who,
    missed: bool,
}

pub fn render(grid: &Grid, replay: &Replay, scenario: &str, now: Instant, look: &Look) -> String {
    let to = now.min(grid.part.to).max(grid.part.from);
    let mut page = Page::new(grid, replay, to, look);
    let length = time(to.since(grid.part.from));
    page.line(&[(Style::Strong, &printable(scenario)), (Style::Muted, &format!("  {length}"))]);
    page.axis(grid.part.from, to);
    page.interrupts(grid);
    let (cpus, threads) = page.rows(grid, replay);
    for row in &cpus {
        page.cpu(row, replay);
    }
    page.line(&[]);
    for row in &threads {
        page.thread(row);
    }
    page.legend();
    page.text
}

/// The lines under construction.
struct Page {
    look: Look,
    /// Characters for names.
    names: usize,
    /// Characters for time.
    columns: usize,
    /// How many cells a column is, which needn't be whole.
    cells: f64,
    /// How long a column is.
    nanos: f64,
    /// What the legend must explain.
    used: [bool; Paint::ALL.len()],
    several: bool,
    once: bool,
    missed: bool,
    text: String,
}

/// What a piece of text looks like.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Style {
    Plain,
    Strong,
    Muted,
    Alarm,
    /// In a colour, upon another or upon the terminal's own.
    On(Rgb, Option<Rgb>),
}

impl Page {
    fn new(grid: &Grid, replay: &Replay, to: Instant, look: &Look) -> Page {
        let look = Look { width: look.width.max(NARROWEST), ..*look };
        let shown = grid.threads.keys().map(|&thread| wide(&printable(&replay.threads()[thread].name)));
        let names = shown.chain(["interrupts".len()]).max().unwrap_or(0).min(WIDEST_NAME.min(look.width / 3));
        let columns = look.width - names - 1;
        let cells = to.since(grid.part.from).as_nanos() as f64 / grid.cell.as_nanos() as f64;
        Page {
            look,
            names,
            columns,
            cells: cells / columns as f64,
            nanos: cells * grid.cell.as_nanos() as f64 / columns as f64,
            used: [false; Paint::ALL.len()],
            several: false,
            once: false,
            missed: false,
            text: String::new(),
        }
    }

    /// CPUs, then threads; those that have no row of their own are added up.
    fn rows(&self, grid: &Grid, replay: &Replay) -> (Vec<Row>, Vec<Row>) {
        let cpus = grid
            .cpus
            .iter()
            .map(|(cpu, strip)| Row { name: format!("CPU {cpu}"), columns: self.columns(strip) });
        let ran = |strip: &Strip| strip.cells.iter().any(|cell| cell.times.iter().any(|&time| time > 0));
        let there: Vec<_> = grid.threads.iter().filter(|(_, strip)| ran(strip)).collect();
        let more = there.len() + grid.others.len() > self.look.rows;
        let alone = if more { self.look.rows.saturating_sub(1).min(there.len()) } else { there.len() };
        let mut threads: Vec<Row> = there[..alone]
            .iter()
            .map(|&(&thread, strip)| {
                let name = printable(&replay.threads()[thread].name);
                Row { name, columns: self.columns(strip) }
            })
            .collect();
        if more {
            let mut columns = self.columns(&grid.together);
            for &(_, strip) in &there[alone..] {
                columns.iter_mut().zip(self.columns(strip)).for_each(|(column, other)| column.join(&other));
            }
            let others = there.len() - alone + grid.others.len();
            threads.push(Row { name: format!("{} others", count(others as u64)), columns });
        }
        (cpus.collect(), threads)
    }

    /// Cells as columns: a cell that lies in two is split by time.
    fn columns(&self, strip: &Strip) -> Vec<Column> {
        let mut columns = vec![Column::default(); self.columns];
        for (number, column) in columns.iter_mut().enumerate() {
            let (begin, end) = (number as f64 * self.cells, (number + 1) as f64 * self.cells);
            let cells = strip.cells.iter().enumerate().skip(begin as usize);
            for (place, cell) in cells.take_while(|&(place, _)| (place as f64) < end) {
                let part = (end.min((place + 1) as f64) - begin.max(place as f64)).max(0.0);
                column.add(cell, part);
            }
        }
        self.trim(&mut columns);
        columns
    }

    /// A column at the edge of a lane that has hardly any of it belongs to its neighbour, unless it's all there is.
    fn trim(&self, columns: &mut [Column]) {
        for number in 1..columns.len() {
            let (before, at) = (columns[number - 1].total(), columns[number].total());
            let hardly = |total: f64| total > 0.0 && total < self.nanos / 8.0;
            if hardly(at) && before >= self.nanos / 2.0 {
                columns[number] = Column::default();
            } else if hardly(before) && at >= self.nanos / 2.0 {
                columns[number - 1] = Column::default();
            }
        }
    }

    /// The times above the rows.
    fn axis(&mut self, from: Instant, to: Instant) {
        let scale = Scale { from, to, left: 0, width: self.columns as i32 * PIXELS };
        let axis = Axis::new(&scale);
        let (mut times, mut rule) = (vec![' '; self.columns], vec!['─'; self.columns]);
        let mut free = 0;
        for (x, label) in &axis.ticks {
            let place = ((x / PIXELS) as usize).min(self.columns - 1);
            rule[place] = '┬';
            if place >= free && place + label.chars().count() <= self.columns {
                label.chars().enumerate().for_each(|(offset, letter)| times[place + offset] = letter);
                free = place + label.chars().count() + 1;
            }
        }
        let (times, rule) = (times.iter().collect::<String>(), rule.iter().collect::<String>());
        let unit = if axis.ticks.is_empty() { "" } else { axis.unit };
        self.labelled(unit, &[(Style::Muted, times.trim_end())]);
        self.labelled("", &[(Style::Muted, &rule)]);
    }

    fn interrupts(&mut self, grid: &Grid) {
        if grid.interrupts.is_empty() {
            return;
        }
        let mut counts = vec![0u32; self.columns];
        for (place, &cell) in grid.interrupts.iter().enumerate().filter(|&(_, &cell)| cell > 0) {
            let column = ((place as f64 + 0.5) / self.cells) as usize;
            counts[column.min(self.columns - 1)] += cell;
        }
        self.once |= counts.contains(&1);
        self.several |= counts.iter().any(|&count| count > 1);
        let marks: String = counts
            .iter()
            .map(|count| match count {
                0 => ' ',
                1 => '▾',
                _ => '▼',
            })
            .collect();
        let colour = Style::On(paint(Paint::Interrupt), None);
        self.labelled("interrupts", &[(colour, marks.trim_end())]);
    }

    /// A CPU, with the names of those who had it for long enough.
    fn cpu(&mut self, row: &Row, replay: &Replay) {
        let mut glyphs: Vec<(Style, char)> = row.columns.iter().map(|column| self.glyph(column)).collect();
        let mut begin = 0;
        for stretch in row.columns.chunk_by(|one, other| one.who == other.who) {
            if let Who::One(task) = stretch[0].who
                && let Some(thread) = replay.find(task)
            {
                let name = printable(&replay.threads()[thread].name);
                if wide(&name) == name.chars().count() && wide(&name) + 2 <= stretch.len() {
                    let at = begin + (stretch.len() - wide(&name)) / 2;
                    for (offset, letter) in name.chars().enumerate() {
                        let ground = paint(row.columns[at + offset].most().unwrap_or(Paint::User));
                        let style = Style::On(Theme::Dark.palette().on(ground), Some(ground));
                        glyphs[at + offset] = (style, letter);
                    }
                }
            }
            begin += stretch.len();
        }
        self.glyphs(&row.name, &glyphs);
    }

    fn thread(&mut self, row: &Row) {
        let glyphs: Vec<(Style, char)> = row
            .columns
            .iter()
            .map(|column| {
                self.missed |= column.missed;
                if column.missed { (Style::Alarm, '!') } else { self.glyph(column) }
            })
            .collect();
        self.glyphs(&row.name, &glyphs);
    }

    /// The character for a column, and its colours.
    fn glyph(&mut self, column: &Column) -> (Style, char) {
        let Some(most) = column.most() else {
            return (Style::Plain, ' ');
        };
        let all = column.total();
        let mut by_time: Vec<Paint> =
            Paint::ALL.into_iter().filter(|&paint| column.time(paint) > 0.0).collect();
        by_time.sort_by(|&one, &other| column.time(other).total_cmp(&column.time(one)));
        let second = by_time.get(1).copied();
        let eighths = second.map_or(0, |second| {
            let (most, second) = (column.time(most), column.time(second));
            (second / (most + second).max(all * 0.5) * 8.0).round() as u64
        });
        self.used[most as usize] = true;
        match second.filter(|_| eighths > 0 && self.look.colour == Colour::Always) {
            Some(second) => {
                self.used[second as usize] = true;
                let (lower, upper) = if most < second { (most, second) } else { (second, most) };
                let eighths = if lower == most { ALL - eighths } else { eighths };
                (Style::On(paint(lower), ground(upper)), EIGHTHS[eighths as usize])
            }
            None => (Style::On(paint(most), None), character(most, self.look.colour)),
        }
    }

    fn glyphs(&mut self, name: &str, glyphs: &[(Style, char)]) {
        let end = glyphs.iter().rposition(|&(_, glyph)| glyph != ' ').map_or(0, |last| last + 1);
        let stretches: Vec<(Style, String)> = glyphs[..end]
            .chunk_by(|one, other| one.0 == other.0)
            .map(|stretch| (stretch[0].0, stretch.iter().map(|&(_, glyph)| glyph).collect()))
            .collect();
        let parts: Vec<(Style, &str)> =
            stretches.iter().map(|(style, text)| (*style, text.as_str())).collect();
        self.labelled(name, &parts);
    }

    /// What the characters mean, of those that were used.
    fn legend(&mut self) {
        let mut parts: Vec<(Style, String)> = Vec::new();
        let mut room = self.look.width;
        let mut entries: Vec<(Style, char, &str)> = Paint::ALL
            .into_iter()
            .filter(|&state| self.used[state as usize] && state != Paint::Idle)
            .map(|state| (Style::On(paint(state), None), character(state, self.look.colour), state.meaning()))
            .collect();
        let interrupt = Style::On(paint(Paint::Interrupt), None);
        entries.extend(self.once.then_some((interrupt, '▾', "one interrupt")));
        entries.extend(self.several.then_some((interrupt, '▼', "several")));
        entries.extend(self.missed.then_some((Style::Alarm, '!', "deadline missed")));
        for (style, glyph, meaning) in entries {
            let wide = meaning.chars().count() + 2;
            if !parts.is_empty() {
                let gap = if wide + 2 > room { "\n" } else { "  " };
                room = if wide + 2 > room { self.look.width } else { room - 2 };
                parts.push((Style::Plain, gap.to_owned()));
            }
            room = room.saturating_sub(wide);
            parts.push((style, glyph.to_string()));
            parts.push((Style::Muted, format!(" {meaning}")));
        }
        let parts: Vec<(Style, &str)> = parts.iter().map(|(style, text)| (*style, text.as_str())).collect();
        self.line(&parts);
    }

    fn labelled(&mut self, name: &str, parts: &[(Style, &str)]) {
        let name = fit(name, self.names);
        let label = format!("{}{name} ", " ".repeat(self.names - wide(&name)));
        let all: Vec<(Style, &str)> =
            [(Style::Plain, label.as_str())].into_iter().chain(parts.iter().copied()).collect();
        self.line(&all);
    }

    fn line(&mut self, parts: &[(Style, &str)]) {
        for &(style, text) in parts {
            // Writing to a string can't fail.
            let _ = match (self.look.colour, style) {
                (Colour::Never, _) | (Colour::Always, Style::Plain) => write!(self.text, "{text}"),
                (Colour::Always, Style::Strong) => write!(self.text, "\u{1b}[1m{text}\u{1b}[0m"),
                (Colour::Always, Style::Muted) => write!(self.text, "\u{1b}[2m{text}\u{1b}[0m"),
                (Colour::Always, Style::Alarm) => write!(self.text, "\u{1b}[1;97;41m{text}\u{1b}[0m"),
                (Colour::Always, Style::On((red, green, blue), ground)) => {
                    let ground = ground.map(|(red, green, blue)| format!(";48;2;{red};{green};{blue}"));
                    let ground = ground.unwrap_or_default();
                    write!(self.text, "\u{1b}[38;2;{red};{green};{blue}{ground}m{text}\u{1b}[0m")
                }
            };
        }
        self.text.truncate(self.text.trim_end_matches(' ').len());
        self.text.push('\n');
    }
}

impl Column {
    fn add(&mut self, cell: &Cell, part: f64) {
        self.times.iter_mut().zip(cell.times).for_each(|(time, nanos)| *time += nanos as f64 * part);
        self.who = self.who.and(cell.who);
        self.missed |= cell.missed;
    }

    fn join(&mut self, other: &Column) {
        self.times.iter_mut().zip(other.times).for_each(|(time, other)| *time += other);
        self.missed |= other.missed;
    }

    fn total(&self) -> f64 {
        self.times.iter().sum()
    }

    fn time(&self, paint: Paint) -> f64 {
        self.times[paint as usize]
    }

    /// What took most of the time; of two that took the same, the first of [`Paint::ALL`].
    fn most(&self) -> Option<Paint> {
        let by_time = |&one: &Paint, &other: &Paint| self.time(one).total_cmp(&self.time(other));
        Paint::ALL.into_iter().rev().max_by(by_time).filter(|&most| self.time(most) > 0.0)
    }
}
