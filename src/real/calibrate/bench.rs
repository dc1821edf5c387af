//! Runs calibration programs and looks whether they had the machine to themselves.

use std::path::PathBuf;

use crate::ids::Tid;
use crate::os::{clock, process};
use crate::program::Image;
use crate::real::others::Others;
use crate::real::route::Route;
use crate::real::seen::Seen;
use crate::real::{Measured, RealError, Settings};
use crate::scenario::{Overrides, Scenario};
use crate::time::Span;

use super::marks::{Made, Marks, made};
use super::text::Text;

/// A run during which others used more than this share of a CPU is made anew, so often.
const FOREIGN: f64 = 0.2;
const RETRIES: usize = 1;

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// Too little for a profile that anybody should use; tries whether all of it works.
    Quick,
    Ordinary,
    Thorough,
}

impl Effort {
    fn batches(self, ordinary: usize) -> usize {
        match self {
            Effort::Quick => (ordinary / 10).max(3),
            Effort::Ordinary => ordinary,
            Effort::Thorough => ordinary * 4,
        }
    }
}

/// What the measurements are told.
#[derive(Clone, Debug)]
pub struct Options {
    pub effort: Effort,
    /// The CPUs on which is measured: one or two.
    pub cpus: Vec<usize>,
    /// The program file of trapline, and a folder for files.
    pub program: PathBuf,
    pub scratch: PathBuf,
}

/// Why a measurement gave nothing.
#[derive(Debug)]
pub enum Stop {
    Interrupted,
    /// This host can't do it; the others go on.
    Skipped(String),
}

impl From<RealError> for Stop {
    fn from(error: RealError) -> Stop {
        Stop::Skipped(first_line(&error.to_string()))
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

/// What a calibration program has shown.
pub struct Shown {
    pub image: Image,
    pub measured: Measured,
    pub marks: Marks,
}

impl Shown {
    /// The thread of the first process with this name.
    pub fn task(&self, name: &str) -> Option<Tid> {
        let rows = self.measured.rows.iter();
        rows.filter(|row| row.origin.name(&self.image) == name).map(|row| row.task).next()
    }

    /// All finished calls of a thread.
    pub fn calls_of(&self, task: Tid, call: &str) -> Vec<Made> {
        made(self.measured.notes.iter().filter(|noted| noted.task == task), call)
    }

    /// Each of these durations less that of an empty call, at the reference speed.
    pub fn beyond_empty(&self, durations: impl IntoIterator<Item = u64>) -> Vec<f64> {
        let (empty, speed) = (self.marks.empty(), self.marks.speed());
        durations.into_iter().map(|duration| (duration as f64 - empty) * speed).collect()
    }

    pub fn seen(&self) -> Option<&Seen> {
        self.measured.seen.as_ref().filter(|seen| seen.lost == 0)
    }
}

/// Where measurements are made.
pub struct Bench<'a> {
    pub options: Options,
    /// Whether the kernel's trace points can be used.
    pub traces: bool,
    stopped: &'a dyn Fn() -> bool,
    /// The speed at which all times are given; see [`Marks`].
    pub reference: Option<f64>,
    /// The speed that the longer spin before the same run has shown.
    pub spin_rate: Option<f64>,
    /// Over all runs.
    pub rates: Vec<f64>,
    pub loads: Vec<f64>,
    pub batches: usize,
    pub disturbed: usize,
    pub repeated: usize,
}

impl<'a> Bench<'a> {
    pub fn new(options: Options, stopped: &'a dyn Fn() -> bool) -> Bench<'a> {
        Bench {
            options,
            traces: Route::Kernel.obstacle().is_none(),
            stopped,
            reference: None,
            spin_rate: None,
            rates: Vec::new(),
            loads: Vec::new(),
            batches: 0,
            disturbed: 0,
            repeated: 0,
        }
    }

    /// How many batches there are to be, where an ordinary calibration has so many.
    pub fn batches(&self, ordinary: usize) -> usize {
        self.options.effort.batches(ordinary)
    }

    /// Needs a second CPU.
    pub fn two_cpus(&self) -> Result<(), Stop> {
        let enough = self.options.cpus.len() > 1;
        if enough { Ok(()) } else { Err(Stop::Skipped("it takes two CPUs".to_owned())) }
    }

    /// Runs a program on the first so many of the CPUs.
    pub fn run(&mut self, text: &Text, cpus: usize) -> Result<Shown, Stop> {
        self.observe(text, cpus, false)
    }

    /// Runs a program and has the kernel record what it does; nothing if that isn't possible.
    pub fn trace(&mut self, text: &Text, cpus: usize) -> Result<Option<Shown>, Stop> {
        if !self.traces {
            return Ok(None);
        }
        self.observe(text, cpus, true).map(Some)
    }

    fn observe(&mut self, text: &Text, cpus: usize, traced: bool) -> Result<Shown, Stop> {
        let text = text.scenario(cpus);
        let overrides = Overrides::default();
        let mut best: Option<(f64, Shown)> = None;
        for attempt in 0..=RETRIES {
            if (self.stopped)() {
                return Err(Stop::Interrupted);
            }
            // Every run has files of its own.
            let scratch = crate::real::run::scratch(&self.options.scratch);
            let scratch = scratch.map_err(|error| Stop::Skipped(format!("files can't be made: {error}")))?;
            let settings = self.settings(cpus, traced, scratch.path().to_owned());
            let scenario = Scenario::parse_bytes("calibrate.toml", text.as_bytes(), &overrides, None);
            let scenario = scenario.map_err(|problems| Stop::Skipped(first_line(&problems.to_string())))?;
            let others = Others::begin();
            let measured =
                crate::real::run(&scenario, "calibrate.toml", &overrides, &settings, self.stopped)?;
            let load = others.share();
            if (self.stopped)() {
                return Err(Stop::Interrupted);
            }
            let rate = measured.spin.rounds_per_nano;
            let marks = Marks::of(&scenario.image, &measured.notes, rate, self.reference);
            let shown = Shown { image: scenario.image, measured, marks };
            if best.as_ref().is_none_or(|(least, _)| load < *least) {
                best = Some((load, shown));
            }
            if load <= FOREIGN || self.options.effort == Effort::Quick {
                break;
            }
            self.repeated += usize::from(attempt < RETRIES);
        }
        let (load, shown) = best.ok_or_else(|| Stop::Skipped("no run came to its end".to_owned()))?;
        self.loads.push(load);
        self.rates.extend(&shown.marks.rates);
        self.batches += shown.marks.batches.len() + shown.marks.disturbed;
        self.disturbed += shown.marks.disturbed;
        Ok(shown)
    }

    fn settings(&self, cpus: usize, traced: bool, scratch: PathBuf) -> Settings {
        Settings {
            program: self.options.program.clone(),
            scratch,
            cpus: self.options.cpus.iter().copied().take(cpus).collect(),
            most_time: Span::from_millis(60_000),
            tasks: 20_000,
            notes: 512 << 20,
            memory: 1 << 30,
            file_bytes: 1 << 30,
            route: if traced { Route::Kernel } else { Route::Notes },
        }
    }

    /// Measures something in this process itself, on the first of the CPUs: gives what the function
    /// gives for each batch, at the reference speed. The function says how long its batch took, in
    /// nanoseconds.
    pub fn here(&self, batches: usize, measure: impl Fn() -> f64 + Send + Sync) -> Vec<f64> {
        let cpu = self.options.cpus.first().copied().unwrap_or(0);
        let reference = self.reference;
        let batch = |spin: &clock::Spin| {
            let begun = clock::now();
            spin.work(super::text::SPIN as u64);
            let rate = spin.rounds_per_nano * super::text::SPIN / (clock::now() - begun).max(1) as f64;
            measure() * rate / reference.unwrap_or(rate)
        };
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                let _ = process::pin(&[cpu]);
                let spin = clock::Spin::calibrate();
                (0..batches).map(|_| batch(&spin)).collect()
            });
            thread.join().unwrap_or_default()
        })
    }
}
