//! `trapline analyse`: whether periodic tasks meet their deadlines, by arithmetic beside a run.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use trapline::kernel::options::Scheduler;
use trapline::kernel::sched::POLICIES;
use trapline::program::Image;
use trapline::realtime::horizon::{horizon, must_last};
use trapline::realtime::model::ANALYSED;
use trapline::realtime::{Model, Run, Verdict, Watch, analyse};
use trapline::scenario::run::DEFAULT_UNTIL;
use trapline::sim::{Outcome, Pace, Simulator, header};
use trapline::time::{Instant, Span};

use super::exit::{Exit, Failure};
use super::load::load;
use super::progress::Progress;
use super::run::OverrideArgs;
use super::{interrupt, terminal};

/// Where a scenario sets no end, its tasks have so many jobs in the run, if everything doesn't repeat sooner.
const ENOUGH_JOBS: u64 = 200_000;

/// Analyse a scenario's periodic tasks: do they meet their deadlines, and what is the worst?
///
/// Prints for each task the longest response time by arithmetic beside the longest one of a simulated run, with a
/// verdict and its reason; then the utilisation bounds and tests of the whole set. docs/REAL-TIME.md tells what each
/// test can say.
#[derive(Debug, Args)]
#[command(visible_alias = "analyze")]
pub struct Analyse {
    /// The scenario; `-` is standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,

    #[command(flatten)]
    overrides: OverrideArgs,

    /// The scheduling policy, in place of the scenario's, without its parameters.
    #[arg(long, value_name = "NAME")]
    policy: Option<String>,

    /// The cost profile, in place of the scenario's: a file, or the name of a built-in one.
    #[arg(long, value_name = "PROFILE")]
    costs: Option<String>,

    /// Calculate only, and run nothing.
    #[arg(long)]
    no_run: bool,

    /// End with status 1 unless every task is proved to meet its deadlines.
    #[arg(long)]
    check: bool,

    /// How it is printed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// How an analysis is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Tables and sentences.
    Text,
    /// Everything, for programs; times in nanoseconds.
    Json,
    /// Tables and lists for a page.
    Markdown,
}

impl Analyse {
    pub fn execute(self) -> Result<Exit, Failure> {
        let mut overrides = self.overrides.overrides();
        overrides.costs = self.costs;
        let mut image = load(&self.file, &overrides)?.image;
        let scheduler = match self.policy {
            Some(policy) => Scheduler { policy, parameters: BTreeMap::new() },
            None => image.kernel.scheduler.clone(),
        };
        let model = Model::of(&image, &scheduler).map_err(|refusal| Failure::usage(refusal.to_string()))?;
        let policy = scheduler.policy.clone();
        let run = match (self.no_run, schedulable(&scheduler)) {
            (true, _) => None,
            (false, Some(scheduler)) => {
                image.kernel.scheduler = scheduler;
                image.run.until = end_of_run(&image, &model);
                Some(watch(&image)?)
            }
            (false, None) => {
                terminal::warning(&format!("nothing was run, since no policy here is called `{policy}`"));
                None
            }
        };
        let report = analyse(&image, &policy, model, run.as_ref());
        let report =
            report.map_err(|unfit| Failure::usage(format!("can't analyse {}: {unfit}", image.name)))?;
        let text = match self.format {
            Format::Text => report.text(terminal::width()),
            Format::Markdown => report.markdown(),
            Format::Json => {
                let text = serde_json::to_string_pretty(&report);
                text.map_err(|error| Failure::bug(error.to_string()))? + "\n"
            }
        };
        terminal::print(&text)?;
        let proved = report.verdict() == Verdict::Proved;
        Ok(if self.check && !proved { Exit::Failed } else { Exit::Success })
    }
}

/// The scheduler to run by: one that exists, under whichever of its names.
fn schedulable(scheduler: &Scheduler) -> Option<Scheduler> {
    let exists = |name: &str| POLICIES.iter().any(|row| row.name == name);
    let names =
        ANALYSED.iter().map(|(names, _)| *names).find(|names| names.contains(&scheduler.policy.as_str()));
    let own = std::iter::once(scheduler.policy.as_str());
    let name = own.chain(names.into_iter().flatten().copied()).find(|name| exists(name))?;
    Some(Scheduler { policy: name.to_owned(), parameters: scheduler.parameters.clone() })
}

/// The scenario's own end. Without one: until everything repeats, or there have been many jobs.
fn end_of_run(image: &Image, model: &Model) -> Instant {
    if image.run.until != DEFAULT_UNTIL {
        return image.run.until;
    }
    let most = model.set.tasks.iter().map(|task| task.period.saturating_mul(ENOUGH_JOBS)).min();
    let most = Instant::START + most.unwrap_or(Span::MAX);
    horizon(&model.set).map_or(most, |end| must_last(&model.set, end).min(most)).min(DEFAULT_UNTIL)
}

fn watch(image: &Image) -> Result<Run, Failure> {
    let control = interrupt::control();
    let progress = Progress::of_run(control, image.run.until);
    let sink = Watch::new(&header(image));
    let mut simulator = Simulator::new(image, sink, Pace::Fast).watched_by(control);
    let outcome = simulator.run();
    let end = simulator.end();
    drop(progress);
    match outcome {
        Outcome::Finished | Outcome::Limit => {}
        Outcome::Interrupted => return Err(Failure::Interrupted),
        Outcome::Deadlock { text } => told("deadlock", &text),
        Outcome::AssertFailed { text } => told("an assertion failed", &text),
        Outcome::Livelock { text } => told("livelock", &text),
        Outcome::Error { text } => told("the run couldn't go on", &text),
    }
    Ok(Run { jobs: simulator.kernel.sink.finish(end), end })
}

fn told(what: &str, text: &str) {
    terminal::warning(&format!("the run ended early: {what}: {text}"));
}
