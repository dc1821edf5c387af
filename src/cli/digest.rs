//! Everything that is shown of a trace, read from its file as a stream: no number comes from
//! anywhere else.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use trapline::analysis::laws::Broken;
use trapline::analysis::{Account, Lanes, LanesBuilder, Summary};
use trapline::chart::terminal::{Overview, Part};
use trapline::time::Instant;
use trapline::trace::check::{Checker, Violation};
use trapline::trace::{Footer, Header, Outcome, Reader, Record, TraceError};

use super::exit::Failure;
use super::interrupt;

/// The most events that a picture is drawn from: spans are kept in memory, about 100 bytes for
/// each event.
pub const MOST_DRAWN: u64 = 1_000_000;
/// After so many records it is worth asking whether the user still wants them.
const CHECK: u64 = 1 << 16;

/// A part of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub from: Instant,
    pub to: Instant,
}

impl Window {
    pub const ALL: Window = Window { from: Instant::START, to: Instant::NEVER };
}

/// What a trace amounts to.
pub struct Digest {
    pub summary: Summary,
    pub footer: Footer,
    /// Laws that the events break.
    pub violations: Vec<Violation>,
    /// Sums that don't add up.
    pub broken: Vec<Broken>,
    /// How much of the trace couldn't be read.
    pub damage: Option<TraceError>,
}

/// What a picture shows.
pub struct Drawn {
    pub header: Header,
    pub lanes: Lanes,
    /// The window ends earlier than asked for, so that the picture needs no more memory.
    pub shortened: bool,
    /// When the run ended, if the trace was read up to there.
    pub ended: Option<Instant>,
    pub damage: Option<TraceError>,
}

/// Reads a trace for its numbers; `read` tells another thread how many records that were so far.
pub fn digest(path: &Path, read: &AtomicU64) -> Result<Digest, Failure> {
    let mut reader = Reader::open(path).map_err(Failure::trace)?;
    let header = reader.header().clone();
    let mut account = Account::new(&header);
    let mut checker = Checker::new(&header);
    let damage = each_record(&mut reader, read, |record| {
        match record {
            Record::Event(event) => {
                account.event(&event);
                checker.event(&event);
            }
            Record::Task(entry) => {
                account.task(entry.task, entry.process, entry.parent, &entry.name);
                checker.task(&entry);
            }
            Record::Name(number, text) => account.name(number, &text),
        }
        Go::On
    })?;
    let footer = footer(&reader);
    let summary = account.finish(footer.end);
    let broken = summary.laws();
    Ok(Digest { summary, footer, violations: checker.finish(), broken, damage })
}

/// Reads a trace for its picture.
pub fn draw(path: &Path, window: Window) -> Result<Drawn, Failure> {
    let mut reader = Reader::open(path).map_err(Failure::trace)?;
    let header = reader.header().clone();
    let mut builder = LanesBuilder::new(&header).window(window.from, window.to);
    let (mut drawn, mut past) = (0, None);
    let damage = each_record(&mut reader, &AtomicU64::new(0), |record| {
        match record {
            Record::Event(event) => {
                drawn += u64::from(event.at >= window.from);
                if event.at > window.to || drawn > MOST_DRAWN {
                    past = Some(event.at);
                    return Go::NoFurther;
                }
                builder.event(&event);
            }
            Record::Task(entry) => builder.task(entry.task, entry.process, entry.parent, &entry.name),
            Record::Name(number, text) => builder.name(number, &text),
        }
        Go::On
    })?;
    let ended = past.is_none().then(|| footer(&reader).end);
    let end = past.or(ended).unwrap_or(window.to).min(window.to);
    Ok(Drawn { header, lanes: builder.finish(end), shortened: drawn > MOST_DRAWN, ended, damage })
}

/// Reads a trace for its timeline as characters, of which memory doesn't depend on its length.
pub fn overview(path: &Path, part: Part) -> Result<(Overview, Option<TraceError>), Failure> {
    let mut reader = Reader::open(path).map_err(Failure::trace)?;
    let to = part.to;
    let mut overview = Overview::new(reader.header(), part);
    let mut past = None;
    let damage = each_record(&mut reader, &AtomicU64::new(0), |record| {
        match record {
            Record::Event(event) if event.at > to => {
                past = Some(to);
                return Go::NoFurther;
            }
            Record::Event(event) => overview.event(&event),
            Record::Task(entry) => overview.task(entry.task, entry.process, entry.parent, &entry.name),
            Record::Name(..) => {}
        }
        Go::On
    })?;
    overview.finish(past.unwrap_or_else(|| footer(&reader).end));
    Ok((overview, damage))
}

/// How a trace says that its run ended; for a damaged one, what there is of it is all there is.
fn footer(reader: &Reader<File>) -> Footer {
    reader.footer().cloned().unwrap_or_else(|| Footer {
        events: 0,
        end: reader.at(),
        outcome: Outcome::Interrupted,
        lost: 0,
    })
}

/// Whether the rest of a trace is of interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Go {
    On,
    NoFurther,
}

/// Reads until the end, the damage, or as far as is wanted.
pub fn each_record<R: Read>(
    reader: &mut Reader<R>,
    read: &AtomicU64,
    mut take: impl FnMut(Record) -> Go,
) -> Result<Option<TraceError>, Failure> {
    let asked_before = interrupt::count();
    for (number, record) in (0_u64..).zip(reader) {
        if number.is_multiple_of(CHECK) {
            read.store(number, Ordering::Relaxed);
            if interrupt::count() > asked_before {
                return Err(Failure::Interrupted);
            }
        }
        match record.map(&mut take) {
            Ok(Go::On) => {}
            Ok(Go::NoFurther) => return Ok(None),
            Err(error) => return Ok(Some(error)),
        }
    }
    Ok(None)
}
