//! `trapline stats`: scheduling statistics of a scenario's run, or of a trace.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;

use clap::{Args, ValueEnum};
use trapline::analysis::Statistics;
use trapline::sim::{Outcome, Pace};
use trapline::trace::file::is_trace;

use super::digest::{Digest, digest};
use super::exit::{Exit, Failure};
use super::load::load;
use super::plot::trace_in;
use super::run::{self, OverrideArgs};
use super::simulate::simulate;
use super::{interrupt, output, terminal};

/// Show scheduling statistics: response, turnaround, waiting, slowdown, fairness and more.
///
/// All of them follow from the trace, so that simulated and real runs are measured alike. A scenario is
/// run first, without any files. docs/STATISTICS.md has the definitions, as has `trapline explain`.
#[derive(Debug, Args)]
pub struct Stats {
    /// A scenario, a trace, or a folder with a trace.bin in it; `-` is a scenario on standard input.
    #[arg(value_name = "FILE|TRACE")]
    file: PathBuf,

    #[command(flatten)]
    overrides: OverrideArgs,

    /// How they are written.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,

    /// The file; `-` is standard output.
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    output: PathBuf,
}

/// How figures are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Tables for people.
    Table,
    /// Tables for a page.
    Markdown,
    /// A line for each value; times in nanoseconds.
    Csv,
    /// Everything, for programs; times in nanoseconds.
    Json,
}

impl Stats {
    pub fn execute(self) -> Result<Exit, Failure> {
        let (digest, exit) = match names_a_trace(&self.file) {
            true => (digest(&trace_in(&self.file), &AtomicU64::new(0))?, Exit::Success),
            false => self.run()?,
        };
        let text = text(&Statistics::of(&digest.summary), self.format)?;
        output::write_or_print(&self.output, &text)?;
        for text in digest.broken_laws() {
            terminal::warning(&format!("this trace breaks a law that every trace obeys: {text}"));
        }
        digest.damage.map_or(Ok(exit), |damage| Err(Failure::trace(damage)))
    }

    fn run(&self) -> Result<(Digest, Exit), Failure> {
        let image = load(&self.file, &self.overrides.overrides())?.image;
        let folder = tempfile::tempdir().map_err(Failure::host)?;
        let trace = folder.path().join("trace.bin");
        let run = simulate(&image, Pace::Fast, &trace, interrupt::control()).map_err(Failure::host)?;
        if run.outcome == Outcome::Interrupted {
            return Err(Failure::Interrupted);
        }
        let digest = digest(&trace, &AtomicU64::new(0))?;
        Ok((digest, run::judge(&run.outcome, image.run.until)))
    }
}

fn text(statistics: &Statistics, format: Format) -> Result<String, Failure> {
    match format {
        Format::Table => Ok(statistics.render(terminal::width(), terminal::colour())),
        Format::Markdown => Ok(statistics.markdown()),
        Format::Csv => Ok(statistics.csv()),
        Format::Json => {
            let text = serde_json::to_string_pretty(&statistics.json());
            Ok(text.map_err(|error| Failure::bug(error.to_string()))? + "\n")
        }
    }
}

/// Whether a path leads to a trace; anything else is taken for a scenario, whose reader says what is wrong.
fn names_a_trace(path: &Path) -> bool {
    let mut start = Vec::new();
    // A pipe could be read only once.
    let mut begins = || File::open(path).and_then(|file| file.take(64).read_to_end(&mut start));
    path.is_dir() || path.is_file() && begins().is_ok() && is_trace(&start)
}
