//! Measures what kernel work costs on this host, and writes a cost profile.
//!
//! - [`registry`]: the measurements, one group of parameters each, with what, how and which keys
//! - [`mod@bench`]: runs calibration programs, which are small scenarios, through the real runner, and
//!   watches what else uses the machine
//! - [`text`] makes the programs; [`marks`] reads what their processes noted down
//! - `user`, `calls`, `copies`, `events`, `sockets`, `messages`, `names`, `mappings`, `switch`, `faults`,
//!   `births`, `timer`, `disk`, `scheduler`: the groups on one CPU; `remote`: those on two
//! - `traced`: what the kernel's own trace points say
//! - [`sample`], [`found`]: medians and dispersion; what is known so far
//! - [`host`]: what the kernel says about itself
//! - [`fit`]: at most four factors for what no part accounts for
//! - [`profile`]: the text of the profile

pub mod bench;
mod births;
mod calls;
mod copies;
mod disk;
mod events;
mod faults;
pub mod fit;
pub mod found;
pub mod host;
mod mappings;
pub mod marks;
mod messages;
mod names;
pub mod profile;
pub mod registry;
mod remote;
mod requests;
pub mod sample;
mod scheduler;
mod sockets;
mod stated;
mod switch;
pub mod text;
mod timer;
mod traced;
mod user;

use crate::kernel::cost::{Costs, Fit};
use crate::os::process;
use crate::real::observe;

use bench::{Bench, Stop};
pub use bench::{Effort, Options};
use fit::Predict;
use found::Found;
use registry::MEASUREMENTS;
use sample::{Sample, quantile, sorted};

/// A host is too noisy if its speed varies by more, or others use more than this share of a CPU.
const MOST_DISPERSION: f64 = 1.5;
const MOST_LOAD: f64 = 0.2;

/// Everything that a profile says.
#[derive(Clone, Debug)]
pub struct Calibration {
    pub name: String,
    pub fingerprint: String,
    pub kernel: String,
    pub date: String,
    pub idle: String,
    /// The share of a CPU that others have used.
    pub load: f64,
    /// How far the reference spins were apart: p90 / p10 - 1.
    pub spin_dispersion: f64,
    /// The speed at which all times are given, in rounds of the spin for each nanosecond, as the spin
    /// before a run tells it.
    pub spin_rate: f64,
    pub thorough: bool,
    pub cpus: usize,
    pub found: Found,
    pub fit: Fit,
    /// What couldn't be measured, and why.
    pub skipped: Vec<String>,
    pub batches: usize,
    pub disturbed: usize,
    pub repeated: usize,
}

/// Why there is no profile.
#[derive(Debug, thiserror::Error)]
pub enum CalibrateError {
    #[error("interrupted")]
    Interrupted,
    #[error("the first measurement failed: {0}")]
    Impossible(String),
}

/// Whoever waits for a calibration.
pub trait Watcher {
    /// The measurement with this number in the registry begins.
    fn begins(&self, number: usize);
    /// Whether the user wants the end.
    fn stopped(&self) -> bool;
}

/// Measures everything that this host allows.
pub fn calibrate(
    options: Options,
    name: &str,
    watcher: &dyn Watcher,
    predict: Predict<'_>,
) -> Result<Calibration, CalibrateError> {
    let stopped = || watcher.stopped();
    let (thorough, cpus) = (options.effort == Effort::Thorough, options.cpus.len());
    let mut bench = Bench::new(options, &stopped);
    let mut found = Found { host: host::read(process::cpus().len()), ..Found::default() };
    let mut skipped = Vec::new();
    for (number, measurement) in MEASUREMENTS.iter().enumerate() {
        watcher.begins(number);
        match (measurement.measure)(&mut bench, &mut found) {
            Ok(()) => {}
            Err(Stop::Interrupted) => return Err(CalibrateError::Interrupted),
            Err(Stop::Skipped(why)) if number == 0 => return Err(CalibrateError::Impossible(why)),
            Err(Stop::Skipped(why)) => {
                skipped.push(format!("Not measured: {} ({why}).", measurement.what));
            }
        }
    }
    let mut calibration = Calibration {
        name: name.to_owned(),
        fingerprint: observe::fingerprint(),
        kernel: host::kernel(),
        date: host::today(),
        idle: host::idle(),
        load: 0.0,
        spin_dispersion: 0.0,
        spin_rate: 0.0,
        thorough,
        cpus,
        found,
        fit: Fit::default(),
        skipped,
        batches: 0,
        disturbed: 0,
        repeated: 0,
    };
    watcher.begins(MEASUREMENTS.len());
    calibration.count(&bench);
    // What others take from a program is no property of the host.
    if let (Some(why), false) = (calibration.too_noisy(), bench.options.effort == Effort::Quick) {
        calibration.skipped.push(format!("Not fitted: {why}."));
        return Ok(calibration);
    }
    match fit::fit(&mut bench, &mut calibration, predict) {
        Ok(()) => {}
        Err(Stop::Interrupted) => return Err(CalibrateError::Interrupted),
        Err(Stop::Skipped(why)) => calibration.skipped.push(format!("Not fitted: {why}.")),
    }
    calibration.count(&bench);
    Ok(calibration)
}

impl Calibration {
    /// How undisturbed the whole of it was.
    fn count(&mut self, bench: &Bench<'_>) {
        let rates = sorted(&bench.rates);
        let rate = |share| quantile(&rates, share).unwrap_or(0.0);
        self.spin_dispersion = rate(0.9) / rate(0.1).max(f64::MIN_POSITIVE) - 1.0;
        self.spin_rate = bench.spin_rate.unwrap_or_else(|| rate(0.5));
        self.load = bench.loads.iter().sum::<f64>() / bench.loads.len().max(1) as f64;
        (self.batches, self.disturbed, self.repeated) = (bench.batches, bench.disturbed, bench.repeated);
    }

    /// Why nobody should use this profile.
    pub fn too_noisy(&self) -> Option<String> {
        if self.spin_dispersion + 1.0 > MOST_DISPERSION {
            let by = self.spin_dispersion + 1.0;
            return Some(format!("the CPU's speed varied by a factor of {by:.2} (p90 / p10 of the spins)"));
        }
        let load = self.load * 100.0;
        (self.load > MOST_LOAD).then(|| format!("others used {load:.0} % of a CPU meanwhile"))
    }

    /// The values whose measurements are far apart.
    pub fn uncertain(&self) -> Vec<(String, Sample)> {
        let scalars = self.found.scalars.iter().map(|(key, price)| ((*key).to_owned(), price.sample));
        let calls = self.found.calls.iter().map(|(name, price)| (format!("calls.{name}"), price.sample));
        let all = scalars.chain(calls);
        // Below a few nanoseconds that is the clock's grain.
        all.filter(|(_, sample)| sample.dispersion() > MOST_DISPERSION && sample.p90 - sample.p10 > 10.0)
            .collect()
    }
}

/// In what this host differs from the one that a profile was measured on; nothing if it is that
/// one, or the profile is of no real host.
pub fn differs(costs: &Costs) -> Option<String> {
    let here = observe::fingerprint();
    let there = &costs.fingerprint;
    (!there.is_empty() && *there != here).then(|| {
        format!("the cost profile `{}` was measured on another host ({there}); this is {here}", costs.name)
    })
}
