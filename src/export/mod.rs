//! A trace as text or as another program's format, written as a stream.
//!
//! One file and one row here make an exporter; the command line, its help and the documentation
//! iterate the rows. An exporter takes the records one by one and never holds the whole trace.
//!
//! - [`names`]: what the numbers in events are called
//! - [`jsonl`]: one JSON object per line
//! - [`csv`]: a table with fixed columns
//! - [`parquet`]: a table with typed columns
//! - [`perfetto`]: Perfetto's protobuf
//! - [`chrome`]: Chrome's trace events as JSON
//! - [`ftrace`]: the text of the kernel's own tracing
//! - `lanes`, `channels`: slices, arrows and counters, for the viewers of timelines

mod channels;
pub mod chrome;
pub mod csv;
pub mod ftrace;
pub mod jsonl;
mod lanes;
pub mod names;
pub mod parquet;
pub mod perfetto;

use std::io::{self, Read, Write};
use std::path::Path;

use thiserror::Error;

use crate::trace::{Reader, TraceError};

/// Where an exporter takes its records from.
pub type Input<'a> = Reader<Box<dyn Read + 'a>>;

/// A format that traces can be exported to.
#[derive(Clone, Copy, Debug)]
pub struct Exporter {
    pub name: &'static str,
    /// The ending of file names, without the dot.
    pub ending: &'static str,
    /// What it is and what it is good for, in one sentence.
    pub doc: &'static str,
    /// Writes all records. What could be read of a damaged trace is written before its error is
    /// returned. The output needs no buffer.
    pub write: fn(&mut Input<'_>, &mut dyn Write) -> Result<(), ExportError>,
}

/// Every format, in the order in which help shows them.
pub static EXPORTERS: &[Exporter] = &[
    jsonl::EXPORTER,
    csv::EXPORTER,
    parquet::EXPORTER,
    perfetto::EXPORTER,
    chrome::EXPORTER,
    ftrace::EXPORTER,
];

/// Why a trace couldn't be exported.
#[derive(Debug, Error)]
pub enum ExportError {
    #[error(transparent)]
    Trace(#[from] TraceError),
    #[error("can't write the exported trace")]
    Write(#[from] io::Error),
}

/// The exporter with this name.
pub fn by_name(name: &str) -> Option<&'static Exporter> {
    EXPORTERS.iter().find(|exporter| exporter.name == name)
}

/// The exporter for a file of this name.
pub fn by_path(path: &Path) -> Option<&'static Exporter> {
    let ending = path.extension()?.to_str()?;
    EXPORTERS.iter().find(|exporter| exporter.ending.eq_ignore_ascii_case(ending))
}

/// A trace for the exporters' tests.
#[cfg(test)]
mod samples;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_and_endings_are_unique_and_lead_to_their_exporter() {
        let names: BTreeSet<_> = EXPORTERS.iter().map(|exporter| exporter.name).collect();
        assert_eq!(names.len(), EXPORTERS.len());
        for exporter in EXPORTERS {
            assert_eq!(by_name(exporter.name).unwrap().name, exporter.name);
            let path = format!("some.where/run.{}", exporter.ending.to_uppercase());
            assert_eq!(by_path(Path::new(&path)).unwrap().name, exporter.name);
            assert!(exporter.doc.ends_with('.'));
        }
        assert!(by_name("xml").is_none());
        assert!(by_path(Path::new("run")).is_none());
    }

    #[test]
    fn every_exporter_writes_what_there_is_of_a_cut_trace_and_then_fails() {
        let bytes = samples::bytes();
        for exporter in EXPORTERS {
            let mut out = Vec::new();
            let mut input = Reader::new(&bytes[..bytes.len() - 20]).unwrap().boxed();
            let error = (exporter.write)(&mut input, &mut out).unwrap_err();
            assert!(matches!(error, ExportError::Trace(TraceError::Truncated { .. })), "{error}");
            let there = out.windows(5).any(|part| part == b"print");
            assert!(there, "{}: the last event is there", exporter.name);
        }
    }
}
