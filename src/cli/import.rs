//! `trapline import`: recordings of real programs as scenarios.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use clap::builder::PossibleValuesParser;
use trapline::import::{self, CostOption, FORMATS, ImportError, Imported, Options};
use trapline::scenario::{Overrides, Scenario};
use trapline::units::parse_time;

use super::exit::{Exit, Failure};
use super::{interrupt, output, terminal};

/// The largest recording that is read.
const MOST: u64 = 2 << 30;

/// Make a scenario of a recording of real programs.
///
/// Reads logs of strace, the text of ftrace and of perf script, and workloads of rt-app. What can't be carried over
/// is listed, at the head of the scenario and on standard error.
#[derive(Debug, Args)]
pub struct Import {
    /// The recording; `-` is standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Who wrote it [default: what its content tells].
    #[arg(long, value_parser = PossibleValuesParser::new(FORMATS.iter().map(|format| format.name)))]
    format: Option<String>,

    /// The scenario; `-` is standard output.
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    output: PathBuf,

    /// The scenario's name [default: the recording's].
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// How many CPUs the scenario's machine has [default: as recorded].
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..=64))]
    cpus: Option<u64>,

    /// What the tracer took at each call, to be taken off: none, auto or a time.
    #[arg(long, value_name = "COST", default_value = "none", value_parser = parse_cost)]
    tracer_cost: CostOption,
}

fn parse_cost(text: &str) -> Result<CostOption, String> {
    match text {
        "none" => Ok(CostOption::None),
        "auto" => Ok(CostOption::Auto),
        _ => parse_time(text)
            .map(|time| CostOption::Fixed(time.as_nanos()))
            .map_err(|error| format!("{error}; or none, or auto")),
    }
}

impl Import {
    pub fn execute(self) -> Result<Exit, Failure> {
        let bytes = self.read()?;
        let stem = output::named(Some(&self.file)).and_then(Path::file_stem);
        let stem = stem.map(|stem| stem.to_string_lossy().into_owned());
        let name = self.name.or(stem).unwrap_or_else(|| "imported".to_owned());
        let options = Options {
            name,
            format: self.format.as_deref().and_then(import::by_name),
            cpus: self.cpus,
            cost: self.tracer_cost,
            stop: || interrupt::count() > 0,
        };
        let imported = import::import(&bytes, &options).map_err(|error| failure(&self.file, &error))?;
        drop(bytes);
        check(&imported)?;
        output::write_or_print(&self.output, &imported.toml)?;
        tell(&imported);
        if let Some(path) = output::named(Some(&self.output)) {
            terminal::note(&format!("Wrote {}", path.display()));
        }
        Ok(Exit::Success)
    }

    fn read(&self) -> Result<Vec<u8>, Failure> {
        let Some(path) = output::named(Some(&self.file)) else {
            let mut bytes = Vec::new();
            let read = std::io::stdin().lock().take(MOST + 1).read_to_end(&mut bytes);
            read.context("can't read standard input").map_err(Failure::host)?;
            return small_enough(bytes);
        };
        let shown = path.display();
        let unreadable = |error: std::io::Error| Failure::usage(format!("can't read {shown}: {error}"));
        let file = std::fs::File::open(path).map_err(unreadable)?;
        if file.metadata().map_err(unreadable)?.is_dir() {
            return Err(Failure::usage(format!("{shown} is a directory, not a recording")));
        }
        let mut bytes = Vec::new();
        file.take(MOST + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        small_enough(bytes)
    }
}

fn small_enough(bytes: Vec<u8>) -> Result<Vec<u8>, Failure> {
    if bytes.len() as u64 > MOST {
        return Err(Failure::usage("the recording is larger than 2GiB; record a shorter time"));
    }
    Ok(bytes)
}

fn failure(path: &Path, error: &ImportError) -> Failure {
    if error.interrupted {
        return Failure::Interrupted;
    }
    let name = if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() };
    Failure::usage(format!("can't import {name}: {error}"))
}

/// A scenario that isn't valid is a mistake of ours, unless it is too large.
fn check(imported: &Imported) -> Result<(), Failure> {
    let most = trapline::scenario::document::MOST;
    let size = imported.toml.len() as u64;
    if size > most {
        let (size, most) = (size >> 20, most >> 20);
        return Err(Failure::usage(format!(
            "the scenario would have {size}MiB, and at most {most}MiB are allowed; record a shorter time"
        )));
    }
    match Scenario::parse("imported", &imported.toml, &Overrides::default()) {
        Ok(_) => Ok(()),
        Err(diagnostics) => {
            terminal::diagnostics(&diagnostics);
            Err(Failure::bug("the scenario that was made of the recording isn't valid"))
        }
    }
}

/// Says what came over, and what didn't.
fn tell(imported: &Imported) {
    let (programs, calls) = imported.size();
    let left = imported.report.total();
    terminal::note(&format!(
        "Read as {}: {programs} programs with {calls} calls; {left} calls have no step",
        imported.format.name
    ));
    imported.report.lines().iter().for_each(|line| terminal::note(&format!("  {line}")));
}
