//! `trapline report`: a trace as a page to look into, alone or beside a second one.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;

use clap::Args;
use trapline::analysis::naming::time;
use trapline::report::{self, Builder, Ending, MOST, Options, Side, Wanted};
use trapline::time::{Instant, Span};
use trapline::trace::{Reader, TraceError};
use trapline::units::parse_time;

use super::digest::{self, Digest, Go, Window};
use super::exit::{Exit, Failure};
use super::output::{self, NewFile};
use super::plot::{trace_in, window};
use super::terminal;

/// Write a trace as one page to look into: zoom, search, why did this wait.
///
/// The page opens from the disk in any browser, without a network. docs/REPORT.md tells what it can do.
#[derive(Debug, Args)]
pub struct Report {
    /// A trace, or a folder with a trace.bin in it.
    #[arg(value_name = "TRACE")]
    trace: PathBuf,

    /// A second trace, which is shown below the first over the same time axis.
    #[arg(long, value_name = "OTHER")]
    against: Option<PathBuf>,

    /// The page; `-` is standard output [default: report.html beside the trace].
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// The beginning of the part to show, in simulated time, for example 1.5ms.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    from: Option<Span>,

    /// The end of the part to show.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    to: Option<Span>,

    /// The most events of each trace that the page holds.
    #[arg(long, value_name = "NUMBER", default_value_t = MOST, value_parser = clap::value_parser!(u64).range(1..))]
    most_events: u64,
}

impl Report {
    pub fn execute(self) -> Result<Exit, Failure> {
        let part = window(self.from, self.to, Window::ALL)?;
        let mut sides = Vec::new();
        let mut damaged = None;
        for path in [Some(&self.trace), self.against.as_ref()].into_iter().flatten() {
            let trace = trace_in(path);
            let digest = digest::digest(&trace, &AtomicU64::new(0))?;
            if part.from > digest.footer.end {
                let (path, end) = (path.display(), time(digest.footer.end.since(Instant::START)));
                return Err(Failure::usage(format!(
                    "the part to show is outside of {path}, which ends at {end}"
                )));
            }
            sides.push(side(&trace, &path.display().to_string(), &digest, part, self.most_events)?);
            damaged = damaged.or(digest.damage);
        }
        let beside = trace_in(&self.trace).with_file_name("report.html");
        match output::named(Some(self.output.as_deref().unwrap_or(&beside))) {
            Some(path) => {
                write(path, &sides, None)?;
                terminal::note(&format!("Wrote {}", path.display()));
            }
            None => {
                let mut out = BufWriter::new(io::stdout().lock());
                let written = report::write(&mut out, &sides, None).and_then(|()| out.flush());
                written.map_err(terminal::unwritable)?;
            }
        }
        damaged.map_or(Ok(Exit::Success), |damage: TraceError| Err(Failure::trace(damage)))
    }
}

/// One side of a report, read from its trace.
pub fn side(trace: &Path, name: &str, digest: &Digest, part: Window, most: u64) -> Result<Side, Failure> {
    let mut reader = Reader::open(trace).map_err(Failure::trace)?;
    let options = Options { from: part.from, to: part.to, most, name: name.to_owned() };
    let mut builder = Builder::new(reader.header(), options);
    digest::each_record(&mut reader, &AtomicU64::new(0), |record| match builder.record(&record) {
        Wanted::More => Go::On,
        Wanted::Enough => Go::NoFurther,
    })?;
    let damage = digest.damage.as_ref().map(ToString::to_string);
    Ok(builder.finish(&digest.summary, &Ending { footer: digest.footer.clone(), damage }))
}

/// Writes the page; `view` is the part that it shows at first.
pub fn write(path: &Path, sides: &[Side], view: Option<Window>) -> Result<(), Failure> {
    let mut out = BufWriter::new(NewFile::create(path)?);
    let written = report::write(&mut out, sides, view.map(|view| (view.from, view.to)));
    written.map_err(|error| output::unwritable(error.into(), path))?;
    out.into_inner().map_err(|error| output::unwritable(error.into_error().into(), path))?.finish()
}
