//! `trapline real`: runs a scenario on this machine's own kernel.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use anyhow::Context;
use clap::{Args, ValueEnum};
use trapline::os::process;
use trapline::real::{self, Measured, RealError, Route, Settings, guardian, observe};
use trapline::scenario::Overrides;
use trapline::time::{Instant, Span};
use trapline::trace::file::FileSink;
use trapline::units::parse_time;

use super::digest::{self, Window};
use super::exit::{Exit, Failure};
use super::load::load;
use super::place::Place;
use super::run::{OverrideArgs, judge};
use super::summary::Format;
use super::{interrupt, terminal, usage};

/// Run a scenario on this machine's own kernel.
///
/// Each process of the scenario is a real process. Prints a summary, and writes the trace, the
/// summary, a picture and a page to look into to output/NAME-real/.
#[derive(Debug, Args)]
pub struct Real {
    /// The scenario.
    #[arg(value_name = "FILE")]
    file: PathBuf,

    #[command(flatten)]
    overrides: OverrideArgs,

    /// The CPUs that the processes may use, for example 0 or 0,1 [default: as many as the scenario
    /// has, from the first on].
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    cpus: Option<Vec<usize>>,

    /// What is observed.
    #[arg(long, value_enum, default_value_t = Observe::Best)]
    observe: Observe,

    /// Where the scenario's files are made [default: the system's folder for temporary files].
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,

    /// The run is ended after so long.
    #[arg(long, value_name = "TIME", default_value = "60s")]
    most_time: String,

    /// At most so many processes and threads are born.
    #[arg(long, value_name = "NUMBER", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(3..=100_000))]
    most_tasks: u32,

    /// At most so many MiB of memory objects, of each file, of notes, and of what the kernel saw.
    #[arg(long, value_name = "MIB", default_value_t = 512, value_parser = clap::value_parser!(u64).range(1..=65_536))]
    most_mib: u64,

    /// The folder for the results [default: output/NAME-real].
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,

    /// Write no files.
    #[arg(long, conflicts_with = "output")]
    no_files: bool,

    /// How the summary is printed.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,

    /// Print no summary and no notes; warnings and errors are shown all the same.
    #[arg(short, long)]
    quiet: bool,
}

/// How a real run is observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Observe {
    /// The first of the others that this host allows.
    Best,
    /// The kernel's trace points; needs root.
    Kernel,
    /// The kernel's records of switches and of page faults in user mode; needs no privilege.
    Perf,
    /// What the processes note down about themselves; disturbs the run least.
    Notes,
}

impl Observe {
    fn route(self) -> Result<Route, Failure> {
        let route = match self {
            Observe::Best => return Ok(best()),
            Observe::Kernel => Route::Kernel,
            Observe::Perf => Route::Perf,
            Observe::Notes => Route::Notes,
        };
        route.obstacle().map_or(Ok(route), |why| Err(Failure::host(anyhow::Error::msg(why))))
    }
}

/// The route that sees most here; says what it doesn't see.
fn best() -> Route {
    let (route, obstacles) = Route::best();
    let unseen = match route {
        Route::Kernel => return route,
        Route::Perf => "Wake-ups, interrupts and the kernel's side of calls aren't observed",
        Route::Notes => "Switches, faults and interrupts aren't observed",
    };
    terminal::note(&format!("{unseen}: {}.", obstacles.join("; ")));
    route
}

impl Real {
    pub fn execute(self) -> Result<Exit, Failure> {
        if self.quiet {
            terminal::silence();
        }
        let overrides = self.overrides.overrides();
        let scenario = load(&self.file, &overrides)?;
        let image = &scenario.image;
        if let Some(why) = &scenario.simulated_only {
            terminal::note(&format!("The scenario says that it can't run for real: {why}."));
        }
        for text in real::run::left_out(image) {
            terminal::note(&format!("Left out: {text}."));
        }
        let scratch = real::run::scratch(&self.scratch.clone().unwrap_or_else(std::env::temp_dir));
        let scratch =
            scratch.context("can't make a folder for the scenario's files").map_err(Failure::host)?;
        let settings = Settings {
            program: std::env::current_exe().context("can't find my own program").map_err(Failure::host)?,
            scratch: scratch.path().to_owned(),
            cpus: choose_cpus(self.cpus, usize::from(image.machine.cpus))?,
            most_time: most_time(&self.most_time)?,
            tasks: self.most_tasks,
            notes: self.most_mib << 20,
            memory: self.most_mib << 20,
            file_bytes: self.most_mib << 20,
            route: self.observe.route()?,
        };
        let place = Place::choose(self.output, self.no_files, &format!("{}-real", image.name))?;
        let measured = measure(&scenario, &self.file, &overrides, &settings)?;
        drop(scratch);
        for difference in &measured.differences {
            terminal::note(&format!("On this host, {difference}."));
        }
        let trace = place.path().join("trace.bin");
        let mut sink = FileSink::create(&trace, &observe::header(image, &measured)).map_err(Failure::host)?;
        let (end, outcome) = observe::replay(image, &measured, &mut sink);
        sink.finish(end, outcome.clone(), measured.lost()).map_err(Failure::host)?;

        let digest = digest::digest(&trace, &Arc::new(AtomicU64::new(0)))?;
        place.write(&digest, Window::ALL)?;
        if !self.quiet {
            let counted = match self.format {
                Format::Table => usage::text(image, &measured),
                Format::Json => None,
            };
            terminal::print(&(digest.text(self.format)? + &counted.unwrap_or_default()))?;
        }
        let exit = judge(&outcome, Instant::START + settings.most_time);
        place.tell(&trace);
        if measured.lost() > 0 {
            let lost = measured.lost();
            terminal::warning(&format!("{lost} events found no place and are missing from the trace"));
        }
        for broken in digest.broken_laws() {
            terminal::warning(&format!("the trace breaks a law: {broken}"));
        }
        Ok(exit)
    }
}

pub(super) fn measure(
    scenario: &trapline::scenario::Scenario,
    file: &std::path::Path,
    overrides: &Overrides,
    settings: &Settings,
) -> Result<Measured, Failure> {
    let before = interrupt::count();
    let stopped = || interrupt::count() > before;
    let name = file.display().to_string();
    real::run(scenario, &name, overrides, settings, &stopped).map_err(|error| match error {
        RealError::Impossible(_) => Failure::Error { exit: Exit::Usage, error: error.into() },
        RealError::Host { .. } | RealError::NotBegun(_) | RealError::GuardianGone(_) => Failure::host(error),
    })
}

pub(super) fn choose_cpus(wanted: Option<Vec<usize>>, count: usize) -> Result<Vec<usize>, Failure> {
    let there = process::cpus();
    match wanted {
        Some(wanted) => match wanted.iter().find(|cpu| !there.contains(cpu)) {
            Some(cpu) => Err(Failure::usage(format!("CPU {cpu} can't be used; there are {there:?}"))),
            None => Ok(wanted),
        },
        None => {
            if count > there.len() {
                terminal::note(&format!("The scenario has {count} CPUs; this host gives {}.", there.len()));
            }
            Ok(there.into_iter().take(count).collect())
        }
    }
}

fn most_time(text: &str) -> Result<Span, Failure> {
    let time = parse_time(text).map_err(|error| Failure::usage(format!("--most-time {text}: {error}")))?;
    let bounds = Span::from_millis(1)..=Span::from_millis(3_600_000);
    if bounds.contains(&time) {
        Ok(time)
    } else {
        Err(Failure::usage(format!("--most-time {text}: from 1ms to an hour")))
    }
}

/// The program of the guardian of a run.
pub fn guardian(numbers: &[String]) -> Result<Exit, Failure> {
    match guardian::main(numbers) {
        0 => Ok(Exit::Success),
        _ => Ok(Exit::Host),
    }
}

/// The program that an `exec` step becomes.
pub fn reborn(numbers: &[String]) -> Result<Exit, Failure> {
    guardian::reborn(numbers).map_err(Failure::usage)?;
    Ok(Exit::Success)
}
