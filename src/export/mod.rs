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
//! - [`firefox`]: the Firefox Profiler's JSON
//! - [`ftrace`]: the text of the kernel's own tracing
//! - [`graph`]: the run as a graph, for Graphviz and Mermaid
//! - [`binary`]: Trapline's own trace file
//! - `lanes`, `channels`: slices, arrows and counters, for the viewers of timelines

pub mod binary;
mod channels;
pub mod chrome;
pub mod csv;
pub mod firefox;
pub mod ftrace;
pub mod graph;
pub mod jsonl;
mod lanes;
pub mod names;
pub mod parquet;
pub mod perfetto;

use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use thiserror::Error;

use crate::trace::{Reader, TraceError};

use self::graph::{GRAPHS, Graph, GraphRow};

/// Where an exporter takes its records from.
pub type Input<'a> = Reader<Box<dyn Read + 'a>>;

/// A format that traces can be exported to.
#[derive(Clone, Copy, Debug)]
pub struct Exporter {
    pub name: &'static str,
    /// The endings of file names, without the first dot; the first is the usual one.
    pub endings: &'static [&'static str],
    /// What it is and what it is good for, in one sentence.
    pub doc: &'static str,
    pub writes: Writes,
}

/// What an exporter makes of a trace.
#[derive(Clone, Copy, Debug)]
pub enum Writes {
    /// Every event, as a stream.
    Events(fn(&mut Input<'_>, &mut dyn Write) -> Result<(), ExportError>),
    /// A graph of the whole run.
    Graph(fn(&Graph, &mut dyn Write) -> io::Result<()>),
}

/// What can be chosen.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// For formats that hold a graph: which.
    pub graph: &'static GraphRow,
}

impl Default for Options {
    fn default() -> Options {
        Options { graph: &GRAPHS[0] }
    }
}

impl Exporter {
    /// Writes a trace. What could be read of a damaged one is written before its error is
    /// returned. The output needs no buffer.
    pub fn write(
        &self,
        input: &mut Input<'_>,
        options: &Options,
        out: &mut dyn Write,
    ) -> Result<(), ExportError> {
        match self.writes {
            Writes::Events(write) => write(input, out),
            Writes::Graph(write) => {
                let (graph, damage) = options.graph.of(input);
                let mut out = BufWriter::new(out);
                write(&graph, &mut out)?;
                out.flush()?;
                damage.map_or(Ok(()), |error| Err(error.into()))
            }
        }
    }
}

/// Every format, in the order in which help shows them.
pub static EXPORTERS: &[Exporter] = &[
    jsonl::EXPORTER,
    csv::EXPORTER,
    parquet::EXPORTER,
    perfetto::EXPORTER,
    chrome::EXPORTER,
    firefox::EXPORTER,
    ftrace::EXPORTER,
    graph::dot::EXPORTER,
    graph::mermaid::EXPORTER,
    binary::EXPORTER,
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

/// The exporter for a file of this name: the one with the longest ending that fits.
pub fn by_path(path: &Path) -> Option<&'static Exporter> {
    let name = path.file_name()?.to_str()?.to_lowercase();
    let fits = |ending: &&&str| name.strip_suffix(**ending).is_some_and(|rest| rest.ends_with('.'));
    let longest = |exporter: &Exporter| exporter.endings.iter().filter(fits).map(|ending| ending.len()).max();
    let fitting = EXPORTERS.iter().filter_map(|exporter| Some((longest(exporter)?, exporter)));
    fitting.max_by_key(|(length, _)| *length).map(|(_, exporter)| exporter)
}

/// A trace for the exporters' tests.
#[cfg(test)]
pub(crate) mod samples;

/// Every format with everything that makes a text awkward, and with damaged traces.
#[cfg(test)]
mod awkward_tests;

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
            for ending in exporter.endings {
                let path = format!("some.where/run.{}", ending.to_uppercase());
                assert_eq!(by_path(Path::new(&path)).unwrap().name, exporter.name);
            }
            assert!(exporter.doc.ends_with('.'));
        }
        assert!(by_name("xml").is_none());
        for without in ["run", "json", "some.json/run", "run.", "runjson"] {
            assert!(by_path(Path::new(without)).is_none(), "{without}");
        }
    }
}
