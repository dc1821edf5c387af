//! What can be wrong with a trace file, and what to do about it.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why a trace can't be read or written.
#[derive(Debug, Error)]
pub enum TraceError {
    #[error("can't {doing} the trace {}", path.display())]
    File { doing: &'static str, path: PathBuf, source: io::Error },
    #[error("can't {doing} the trace")]
    Io { doing: &'static str, source: io::Error },
    #[error(
        "this isn't a Trapline trace: it doesn't begin as one. Traces are written by `trapline run` and `trapline real`, \
         and as JSON lines by `trapline export`"
    )]
    Foreign,
    #[error(
        "this trace has {what} {found}, and this version of Trapline reads up to {known}: use a newer Trapline"
    )]
    Future { what: &'static str, found: u32, known: u32 },
    #[error(
        "the trace is cut off after {events} events: whatever wrote it was stopped, or the copy is incomplete. \
         What was read up to here is right; for the rest, copy the file again or repeat the run"
    )]
    Truncated { events: u64 },
    #[error("the trace is damaged at byte {offset}: {what}. Copy the file again, or repeat the run")]
    Corrupt { offset: u64, what: String },
    #[error("the trace can't be read at line {line}: {what}. Export it again, or mend the line")]
    Line { line: u64, what: String },
}

impl TraceError {
    pub(super) fn corrupt(offset: u64, what: impl Into<String>) -> TraceError {
        TraceError::Corrupt { offset, what: what.into() }
    }
}
