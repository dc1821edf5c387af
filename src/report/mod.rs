//! One page that shows a trace, and lets its reader look into it: `report.html`.
//!
//! - `columns`: numbers as compressed text; `events`, `spans`: a trace's events and lanes as columns
//! - `tasks`: short numbers for threads; `tables`: names and sums
//! - `page`: the document around it; its own files are in `src/report/page/`
//!
//! The page is complete in itself: it opens from a disk, asks nobody for anything, and forbids itself to. It draws
//! what is in it, and reckons up what depends on where its reader looks. What is a fact about the run comes from
//! [`analysis`](crate::analysis), as in every other picture. Like the charts it sees traces alone.
//!
//! Left out: events beyond [`Options::most`]. The page says so, and which command shows another part.

mod columns;
mod events;
mod page;
mod spans;
mod tables;
mod tasks;

#[cfg(test)]
mod tests;

pub use page::write;

use serde_json::Value as Json;

use crate::analysis::critical::CriticalPath;
use crate::analysis::{LanesBuilder, Summary};
use crate::time::Instant;
use crate::trace::{Footer, Header, Record};

use columns::Column;
use events::Events;
use spans::Spans;
use tasks::Tasks;

/// The most events that a report holds unless more are asked for: with so many it is about 8 MiB long.
pub const MOST: u64 = 1_000_000;

/// What of a trace a report shows.
#[derive(Clone, Debug)]
pub struct Options {
    pub from: Instant,
    pub to: Instant,
    /// The most events.
    pub most: u64,
    /// What the user would call the trace on the command line.
    pub name: String,
}

/// Whether more of a trace is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    More,
    /// The window is over, or full.
    Enough,
}

/// A trace that becomes one side of a report.
#[derive(Debug)]
pub struct Builder {
    header: Header,
    options: Options,
    lanes: LanesBuilder,
    events: Events,
    tasks: Tasks,
    names: Vec<String>,
    /// The first event that isn't shown any more.
    past: Option<Instant>,
    is_shortened: bool,
}

/// One trace as a report holds it.
#[derive(Debug)]
pub struct Side {
    /// Everything that isn't a column.
    about: Json,
    events: Events,
    spans: Spans,
}

/// What a trace says of its end, and what is wrong with it.
#[derive(Clone, Debug)]
pub struct Ending {
    pub footer: Footer,
    /// Why the rest of it couldn't be read.
    pub damage: Option<String>,
}

impl Builder {
    pub fn new(header: &Header, options: Options) -> Builder {
        Builder {
            header: header.clone(),
            lanes: LanesBuilder::new(header).window(options.from, options.to),
            options,
            events: Events::default(),
            tasks: Tasks::new(),
            names: Vec::new(),
            past: None,
            is_shortened: false,
        }
    }

    /// Takes the trace's next record.
    pub fn record(&mut self, record: &Record) -> Wanted {
        match record {
            Record::Event(event) => {
                let is_full = self.events.len() as u64 >= self.options.most && event.at >= self.options.from;
                if event.at > self.options.to || is_full {
                    self.past = Some(event.at);
                    self.is_shortened = event.at <= self.options.to;
                    return Wanted::Enough;
                }
                self.lanes.event(event);
                if event.at >= self.options.from {
                    self.events.event(event, &mut self.tasks);
                }
            }
            Record::Task(entry) => self.lanes.task(entry.task, entry.process, entry.parent, &entry.name),
            Record::Name(number, text) => {
                self.lanes.name(*number, text);
                self.names.push(text.clone());
            }
        }
        Wanted::More
    }

    /// Closes the side. The summary is that of the whole trace.
    pub fn finish(mut self, summary: &Summary, ending: &Ending) -> Side {
        let end = self.past.unwrap_or(ending.footer.end).min(self.options.to);
        let lanes = self.lanes.finish(end);
        let path = CriticalPath::of(&lanes);
        let spans = Spans::of(&lanes, &path, &mut self.tasks);
        let mut about = tables::about(&self.header, summary, &lanes, ending);
        about["file"] = self.options.name.into();
        about["shortened"] = self.is_shortened.into();
        about["tasks"] = self.tasks.json(&lanes);
        about["states"] = spans.states().into();
        about["texts"] = self.names.into();
        about["dictionary"] = self.events.dictionary();
        Side { about, events: self.events, spans }
    }
}

impl Side {
    /// All columns, in a fixed order.
    fn columns(&self) -> Vec<(&'static str, &Column)> {
        let mut columns = self.events.columns();
        columns.extend(self.spans.columns());
        columns
    }
}
