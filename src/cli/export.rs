//! `trapline export`: a trace as text for other programs.

use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;
use trapline::export::graph::{self, GRAPHS};
use trapline::export::{self, EXPORTERS, ExportError, Exporter, Options, Writes};
use trapline::trace::Reader;

use super::exit::{Exit, Failure};
use super::output::{self, NewFile};
use super::plot::trace_in;
use super::{interrupt, terminal};

/// Write a trace in another format.
#[derive(Debug, Args)]
pub struct Export {
    /// A trace, or a folder with a trace.bin in it.
    #[arg(value_name = "TRACE")]
    trace: PathBuf,

    /// The format [default: what the name of the file tells, else jsonl].
    #[arg(long, value_parser = PossibleValuesParser::new(EXPORTERS.iter().map(|row| row.name)))]
    format: Option<String>,

    /// For `dot` and `mermaid`: which graph of the run [default: messages].
    #[arg(long, value_parser = PossibleValuesParser::new(GRAPHS.iter().map(|row| row.name)))]
    graph: Option<String>,

    /// The file; `-` is standard output.
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    output: PathBuf,
}

impl Export {
    pub fn execute(self) -> Result<Exit, Failure> {
        let exporter = self.exporter()?;
        let options = self.options(exporter)?;
        let reader = Reader::open(trace_in(&self.trace)).map_err(Failure::trace)?;
        let mut input = reader.boxed();
        match output::named(Some(&self.output)) {
            None => {
                let mut out = Interruptible(io::stdout().lock());
                let result = exporter.write(&mut input, &options, &mut out).and_then(|()| Ok(out.flush()?));
                result.map_err(|error| failure(error, terminal::unwritable))?;
            }
            Some(path) => {
                let mut out = Interruptible(NewFile::create(path)?);
                let result = exporter.write(&mut input, &options, &mut out);
                result.map_err(|error| failure(error, |error| output::unwritable(error.into(), path)))?;
                out.0.finish()?;
                terminal::note(&format!("Wrote {}", path.display()));
            }
        }
        Ok(Exit::Success)
    }

    fn options(&self, exporter: &Exporter) -> Result<Options, Failure> {
        match (&self.graph, exporter.writes) {
            (None, _) => Ok(Options::default()),
            (Some(name), Writes::Graph(_)) => {
                let graph = graph::by_name(name);
                graph
                    .map(|graph| Options { graph })
                    .ok_or_else(|| Failure::usage(format!("unknown graph {name}")))
            }
            (Some(_), Writes::Events(_)) => {
                let graphs = EXPORTERS.iter().filter(|row| matches!(row.writes, Writes::Graph(_)));
                let graphs: Vec<&str> = graphs.map(|row| row.name).collect();
                Err(Failure::usage(format!(
                    "the format {} holds no graph; leave out --graph, or choose --format {}",
                    exporter.name,
                    graphs.join(" or ")
                )))
            }
        }
    }

    fn exporter(&self) -> Result<&'static Exporter, Failure> {
        if let Some(name) = &self.format {
            return export::by_name(name).ok_or_else(|| Failure::usage(format!("unknown format {name}")));
        }
        let Some(path) = output::named(Some(&self.output)) else {
            return Ok(&export::jsonl::EXPORTER);
        };
        export::by_path(path).ok_or_else(|| {
            let endings = EXPORTERS.iter().flat_map(|row| row.endings);
            let endings: Vec<String> = endings.map(|ending| format!(".{ending}")).collect();
            let path = path.display();
            let endings = endings.join(" or ");
            Failure::usage(format!(
                "the name {path} doesn't tell the format: let it end in {endings}, or use --format"
            ))
        })
    }
}

fn failure(error: ExportError, unwritable: impl Fn(io::Error) -> Failure) -> Failure {
    match error {
        ExportError::Trace(error) => Failure::trace(error),
        ExportError::Write(_) if interrupt::count() > 0 => Failure::Interrupted,
        ExportError::Write(error) => unwritable(error),
    }
}

/// A file or stream that takes no more once the user has asked for the end.
struct Interruptible<W>(W);

impl<W: Write> Write for Interruptible<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if interrupt::count() > 0 {
            // Not `Interrupted`, which means that the same call should be made again.
            return Err(ErrorKind::Other.into());
        }
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
