//! `trapline calibrate`: measures what kernel work costs on this host.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context;
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use trapline::ids::{NameId, Pid, Tid};
use trapline::kernel::cost::Costs;
use trapline::os::process;
use trapline::program::{Image, syscall};
use trapline::real::calibrate::fit::BEGIN_MARK;
use trapline::real::calibrate::registry::MEASUREMENTS;
use trapline::real::calibrate::{CalibrateError, Calibration, Effort, Options, Watcher, calibrate, profile};
use trapline::real::run;
use trapline::sim::{Outcome, Pace, Simulator};
use trapline::time;
use trapline::trace::{Event, Kind, Sink};

use super::exit::{Exit, Failure};
use super::{interrupt, output, prices, terminal};

/// Measure what kernel work costs on this host, and write a cost profile.
///
/// Small programs run on this machine's own kernel and are timed by their own notes. The profile
/// can be used as a scenario's `machine.costs`. A host that others use as well gives no profile.
#[derive(Debug, Args)]
pub struct Calibrate {
    /// The profile; `-` is standard output.
    #[arg(short, long, value_name = "FILE", default_value = "profile.toml")]
    output: PathBuf,

    /// Measure four times as much.
    #[arg(long)]
    thorough: bool,

    /// Try whether everything works, and measure too little for a profile of any worth.
    #[arg(long, hide = true, conflicts_with = "thorough")]
    quick: bool,

    /// The CPUs to measure on, for example 0,1 [default: the first two].
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    cpus: Option<Vec<usize>>,

    /// How what was measured is shown.
    #[arg(long, value_enum, default_value_t = Shown::Table)]
    format: Shown,

    /// Where the programs' files are made [default: the system's folder for temporary files].
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,

    /// Write the profile even if the host is too noisy for it.
    #[arg(long)]
    force: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Shown {
    Table,
    Toml,
    Json,
}

impl Calibrate {
    pub fn execute(self) -> Result<Exit, Failure> {
        let begun = Instant::now();
        let bar = Bar::new();
        let place = self.scratch.clone().unwrap_or_else(std::env::temp_dir);
        run::clean(&place);
        let options = Options {
            effort: match (self.quick, self.thorough) {
                (true, _) => Effort::Quick,
                (false, true) => Effort::Thorough,
                (false, false) => Effort::Ordinary,
            },
            cpus: self.choose_cpus()?,
            program: std::env::current_exe().context("can't find my own program").map_err(Failure::host)?,
            scratch: place,
        };
        let name = output::named(Some(&self.output)).and_then(|path| path.file_stem());
        let name = name.map_or("calibrated".to_owned(), |stem| stem.to_string_lossy().into_owned());
        let calibration = calibrate(options, &name, &bar, &predict).map_err(|error| match error {
            CalibrateError::Interrupted => Failure::Interrupted,
            CalibrateError::Impossible(_) => Failure::host(error),
        })?;
        bar.bar.finish_and_clear();
        self.conclude(&calibration, begun)
    }

    fn choose_cpus(&self) -> Result<Vec<usize>, Failure> {
        let there = process::cpus();
        let wanted = self.cpus.clone().unwrap_or_else(|| there.iter().copied().take(2).collect());
        match wanted.iter().find(|cpu| !there.contains(cpu)) {
            Some(cpu) => Err(Failure::usage(format!("CPU {cpu} can't be used; there are {there:?}"))),
            None if wanted.is_empty() => Err(Failure::usage("--cpus: at least one CPU")),
            None => Ok(wanted),
        }
    }

    fn conclude(&self, calibration: &Calibration, begun: Instant) -> Result<Exit, Failure> {
        for text in calibration.skipped.iter().chain(&calibration.found.remarks) {
            terminal::note(text);
        }
        for (key, sample) in calibration.uncertain() {
            let (low, high) = (sample.p10, sample.p90);
            terminal::warning(&format!("{key} isn't certain: from {low:.0} to {high:.0} ns (p10, p90)"));
        }
        let text = profile::text(calibration);
        // A profile that nobody could read would be our mistake.
        let parsed = Costs::parse(&text, syscall::NAMES);
        if let Err(errors) = parsed {
            let messages: Vec<String> = errors.into_iter().map(|error| error.message).collect();
            return Err(Failure::bug(format!("the profile can't be read: {}", messages.join("; "))));
        }
        let noisy = calibration.too_noisy();
        if let (Some(why), false) = (&noisy, self.force) {
            return Err(Failure::host(anyhow::anyhow!(
                "this host is too noisy: {why}; nothing was written\nend other work and try again, or use --force"
            )));
        }
        if let Some(why) = noisy {
            terminal::warning(&format!("this host is too noisy for a profile that can be trusted: {why}"));
        }
        output::write_or_print(&self.output, &text)?;
        if let Some(path) = output::named(Some(&self.output)) {
            let shown = match self.format {
                Shown::Table => prices::text(calibration),
                Shown::Toml => text,
                Shown::Json => prices::json(calibration),
            };
            terminal::print(&shown)?;
            let seconds = begun.elapsed().as_secs();
            terminal::note(&format!("Wrote {} after {seconds} s.", path.display()));
        }
        Ok(Exit::Success)
    }
}

/// How long a scenario takes from the line that begins its time to the next, on the simulated
/// machine.
fn predict(image: &Image) -> Option<f64> {
    let mut simulator = Simulator::new(image, Lines::default(), Pace::Fast);
    let outcome = simulator.run();
    let Lines { begin, end, .. } = simulator.kernel.sink;
    let span = end?.since(begin?);
    (outcome == Outcome::Finished).then_some(span.as_nanos() as f64)
}

/// When the line that begins the time appeared, and the next after it.
#[derive(Default)]
struct Lines {
    texts: Vec<String>,
    begin: Option<time::Instant>,
    end: Option<time::Instant>,
}

impl Sink for Lines {
    const ON: bool = true;

    fn event(&mut self, event: Event) {
        let Kind::Print { text } = event.kind else { return };
        match (self.begin, self.end) {
            (None, _) if self.texts[text.index()] == BEGIN_MARK => self.begin = Some(event.at),
            (Some(_), None) => self.end = Some(event.at),
            _ => {}
        }
    }

    fn name(&mut self, text: &str) -> NameId {
        let known = self.texts.iter().position(|known| known == text);
        NameId(known.unwrap_or_else(|| {
            self.texts.push(text.to_owned());
            self.texts.len() - 1
        }) as u32)
    }

    fn task(&mut self, _: Tid, _: Pid, _: Tid, _: &dyn Fn() -> String) {}
}

/// What is measured at the moment, on standard error.
struct Bar {
    bar: ProgressBar,
    interrupts: u32,
}

impl Bar {
    fn new() -> Bar {
        // The fit comes after all measurements.
        let bar = ProgressBar::new(MEASUREMENTS.len() as u64 + 1);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}") {
            bar.set_style(style);
        }
        Bar { bar, interrupts: interrupt::count() }
    }
}

impl Watcher for Bar {
    fn begins(&self, number: usize) {
        self.bar.set_position(number as u64);
        self.bar.set_message(
            MEASUREMENTS.get(number).map_or("what is left over", |measurement| measurement.what),
        );
    }

    fn stopped(&self) -> bool {
        interrupt::count() > self.interrupts
    }
}
