//! `trapline run`: runs a scenario on the simulated machine and writes what comes of it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use clap::{Args, ValueEnum};
use trapline::analysis::naming::time;
use trapline::scenario::Overrides;
use trapline::sim::{Outcome, Pace, header};
use trapline::time::Instant;

use super::digest::{self, Digest, Window};
use super::exit::{Exit, Failure};
use super::live::Live;
use super::load::load;
use super::place::Place;
use super::progress::Progress;
use super::simulate::{simulate, simulate_shown};
use super::summary::Format;
use super::{interrupt, terminal};

/// Run a scenario on the simulated machine.
///
/// Prints a summary, and writes the trace, the summary, a picture and a page to look into to output/NAME/.
#[derive(Debug, Args)]
pub struct Run {
    /// The scenario; `-` is standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,

    #[command(flatten)]
    overrides: OverrideArgs,

    /// The cost profile, in place of the scenario's: a file, or the name of a built-in one.
    #[arg(long, value_name = "PROFILE")]
    costs: Option<String>,

    /// Run on the kernel and the disks of the host that the cost profile was measured on, in place of
    /// the scenario's.
    #[arg(long)]
    host: bool,

    /// How plain instructions are executed; both give the same trace.
    #[arg(long, value_enum, default_value_t = PaceArg::Fast)]
    pace: PaceArg,

    /// The folder for the results [default: output/NAME].
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,

    /// Write no files.
    #[arg(long, conflicts_with = "output")]
    no_files: bool,

    /// How the summary is printed.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,

    /// Show the timeline while the run goes on, on standard error.
    #[arg(long, conflicts_with = "quiet")]
    live: bool,

    /// Print no summary and no notes; warnings and errors are shown all the same.
    #[arg(short, long)]
    quiet: bool,
}

/// What the command line sets over what the scenario says.
#[derive(Debug, Args)]
pub struct OverrideArgs {
    /// Set a key of the scenario, for example machine.cpus=2.
    #[arg(long, value_name = "KEY=VALUE", value_parser = Overrides::parse_set)]
    set: Vec<(String, String)>,

    /// From which all random numbers come.
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,

    /// When the run ends at the latest, in simulated time, for example 10ms.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    until: Option<String>,
}

impl OverrideArgs {
    pub fn overrides(&self) -> Overrides {
        Overrides {
            set: self.set.clone(),
            seed: self.seed,
            until: self.until.clone(),
            ..Overrides::default()
        }
    }
}

/// [`Pace`], for the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum PaceArg {
    /// One at a time, with a look at the interrupt register after each.
    Step,
    /// As many at once as end before anything else can happen.
    Fast,
}

impl Run {
    pub fn execute(self) -> Result<Exit, Failure> {
        if self.quiet {
            terminal::silence();
        }
        let overrides = Overrides { costs: self.costs, host: self.host, ..self.overrides.overrides() };
        let scenario = load(&self.file, &overrides)?;
        let window = Window { from: scenario.picture.from, to: scenario.picture.to };
        let image = scenario.image;
        let place = Place::choose(self.output, self.no_files, &image.name)?;
        let pace = match self.pace {
            PaceArg::Step => Pace::Step,
            PaceArg::Fast => Pace::Fast,
        };
        let control = interrupt::control();
        let trace = place.path().join("trace.bin");
        let run = if self.live {
            let (live, feed) = Live::start(&header(&image), control, image.run.until);
            let run = simulate_shown(&image, pace, &trace, control, Some(feed));
            drop(live);
            run
        } else {
            let progress = Progress::of_run(control, image.run.until);
            let run = simulate(&image, pace, &trace, control);
            drop(progress);
            run
        };
        let run = run.map_err(Failure::host)?;

        let read = Arc::new(AtomicU64::new(0));
        let progress = Progress::of_reading(Arc::clone(&read), run.events);
        let digest = digest::digest(&trace, &read)?;
        drop(progress);
        place.write(&digest, window)?;
        if !self.quiet {
            terminal::print(&digest.text(self.format)?)?;
        }
        let exit = judge(&run.outcome, image.run.until);
        place.tell(&trace);
        insist_on_laws(&digest)?;
        Ok(exit)
    }
}

/// Says how the run ended if that isn't as it should be.
pub fn judge(outcome: &Outcome, until: Instant) -> Exit {
    let until = time(until.since(Instant::START));
    match outcome {
        Outcome::Finished => Exit::Success,
        Outcome::Limit => {
            terminal::note(&format!("The run was ended at {until}, with processes that hadn't ended yet."));
            Exit::Success
        }
        Outcome::Interrupted => {
            terminal::error("interrupted; the results show the run up to here");
            Exit::Interrupted
        }
        Outcome::Deadlock { text } => abnormal("deadlock", text),
        Outcome::AssertFailed { text } => abnormal("an assertion failed", text),
        Outcome::Livelock { text } => abnormal("livelock", text),
        Outcome::Error { text } => abnormal("the run can't go on", text),
    }
}

fn abnormal(what: &str, text: &str) -> Exit {
    terminal::error(&format!("{what}: {text}"));
    Exit::Abnormal
}

/// A simulated trace that breaks a law is our mistake.
fn insist_on_laws(digest: &Digest) -> Result<(), Failure> {
    match digest.broken_laws().as_slice() {
        [] => Ok(()),
        broken => {
            let broken = broken.join("\n  ");
            Err(Failure::bug(format!("the trace breaks the laws that every trace obeys:\n  {broken}")))
        }
    }
}
