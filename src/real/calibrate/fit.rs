//! Global factors: what is left when all parts have been measured by themselves.
//!
//! Four small programs, which no measurement has used, run for real and are simulated with the
//! profile just measured. If a program takes longer or shorter from end to end than predicted, the
//! prices of its group are multiplied by what sets that right. Later programs, and nobody's
//! validation, see the factors.

use crate::kernel::cost::{Costs, Fit};
use crate::program::Image;
use crate::program::syscall::NAMES;
use crate::scenario::{Overrides, Scenario};

use super::bench::{Bench, Stop};
use super::found::Found;
use super::sample::median;
use super::text::{END_MARK, Text, loops, mark, spin};
use super::{Calibration, profile};

/// The line of output at which a trial's time begins; it ends at the next.
pub const BEGIN_MARK: &str = "begin";

/// Predicts how long a scenario takes from the line [`BEGIN_MARK`] to the next, in nanoseconds. None if
/// it can't.
pub type Predict<'a> = &'a dyn Fn(&Image) -> Option<f64>;

/// A factor and the program that it is fitted on.
struct Trial {
    what: &'static str,
    cpus: usize,
    text: fn() -> Text,
    factor: fn(&mut Fit) -> &mut f64,
    /// The prices that it is multiplied into.
    keys: &'static [&'static str],
}

const TRIALS: &[Trial] = &[
    Trial {
        what: "instructions and calls without a switch",
        cpus: 1,
        text: mixed,
        factor: |fit| &mut fit.user,
        keys: &["user-step", "user-call", "user-note"],
    },
    Trial {
        what: "messages of 100 B on one CPU",
        cpus: 1,
        text: || ping_pong(0),
        factor: |fit| &mut fit.switch,
        keys: &["switch", "wakeup", "idle-entry"],
    },
    Trial {
        what: "messages of 100 B between two CPUs",
        cpus: 2,
        text: || ping_pong(1),
        factor: |fit| &mut fit.remote,
        keys: &["ipi-send", "ipi-delivery", "ipi-delivery-idle", "idle-exit", "reschedule"],
    },
    Trial {
        what: "writes, each kept by the disk",
        cpus: 1,
        text: log,
        factor: |fit| &mut fit.disk,
        keys: &["disk"],
    },
];

/// Each program is run so often.
const RUNS: usize = 5;
/// A factor beyond these bounds means that something else is wrong, which it mustn't hide.
const LEAST: f64 = 0.75;
const MOST: f64 = 1.33;

/// Steps whose time is taken, after a reference spin.
fn timed(steps: String) -> String {
    spin() + &mark(BEGIN_MARK) + &steps + &mark(END_MARK)
}

fn mixed() -> Text {
    let steps = "{ set = \"x\", to = \"x * 3 + 1\" },\n{ store = \"all.x\", value = \"x\" },\n{ lock = \"m\" },\n{ unlock = \"m\" },\n{ getppid = true },\n";
    let steps = timed("{ set = \"x\", to = 1 },\n".to_owned() + &loops(4000, steps));
    Text::default().objects("[mutex.m]\n[shm.all]\ncells = { x = 0 }").process("solo", 0, &steps)
}

fn ping_pong(cpu: usize) -> Text {
    let write = |to: &str| format!("{{ write = \"{to}\", bytes = \"100B\" }},\n");
    let read = |from: &str| format!("{{ read = \"{from}\", bytes = \"100B\" }},\n");
    let one = timed(loops(2000, &(write("there") + &read("back"))));
    let other = loops(2000, &(read("there") + &write("back")));
    let text = Text::default().objects("[pipe.there]\n[pipe.back]");
    text.process("one", 0, &one).process("other", cpu, &other)
}

fn log() -> Text {
    let steps = timed(loops(48, "{ write = \"log\", bytes = \"4KiB\" },\n{ fsync = \"log\" },\n"));
    Text::default()
        .objects("[device.disk]\nkind = \"disk\"\n[file.log]\nsize = \"1MiB\"")
        .process("solo", 0, &steps)
}

/// Fits all factors that this host allows, one after the other.
pub fn fit(bench: &mut Bench<'_>, calibration: &mut Calibration, predict: Predict<'_>) -> Result<(), Stop> {
    let there = bench.options.cpus.len();
    for trial in TRIALS.iter().filter(|trial| trial.cpus <= there) {
        let text = (trial.text)();
        let mut times = Vec::new();
        for _ in 0..bench.batches(RUNS).min(3 * RUNS) {
            let shown = bench.run(&text, trial.cpus)?;
            // Others begin at the same time as the program's own reference spin, so the run's is taken.
            let speed = bench.spin_rate.map_or(1.0, |rate| shown.measured.spin.rounds_per_nano / rate);
            let trials = shown.marks.named(BEGIN_MARK);
            times.extend(trials.map(|batch| batch.length() as f64 * speed));
        }
        let Some(measured) = median(&times) else { continue };
        let predicted = |found: &Found| {
            let calibration = Calibration { found: found.clone(), ..calibration.clone() };
            predict(&image(&text, trial.cpus, &calibration)?)
        };
        let found = &calibration.found;
        let (Some(plain), Some(doubled)) = (predicted(found), predicted(&scaled(found, trial.keys, 2.0)))
        else {
            calibration.found.remark(format!("No factor fitted: {} can't be simulated.", trial.what));
            continue;
        };
        let factor = factor(measured, plain, doubled).filter(|factor| (LEAST..=MOST).contains(factor));
        let apart = (plain / measured - 1.0) * 100.0;
        let told = format!("{}: predicted {apart:+.1} % off", trial.what);
        match factor {
            Some(factor) => {
                *(trial.factor)(&mut calibration.fit) = factor;
                calibration.found = scaled(&calibration.found, trial.keys, factor);
                calibration.found.remark(format!("Fit on {told}; factor {factor:.3}."));
            }
            None => calibration.found.remark(format!("No factor fitted on {told}: too much for one.")),
        }
    }
    Ok(())
}

/// The prediction is a straight line in the factor: where it is as measured. None if the factor
/// changes nothing.
fn factor(measured: f64, plain: f64, doubled: f64) -> Option<f64> {
    let slope = doubled - plain;
    (slope.abs() > measured * 0.01).then(|| 1.0 + (measured - plain) / slope)
}

/// All prices of a group, multiplied.
fn scaled(found: &Found, keys: &[&str], factor: f64) -> Found {
    let mut found = found.clone();
    for (key, price) in &mut found.scalars {
        if keys.contains(key) {
            price.sample = price.sample.times(factor);
        }
    }
    if keys.contains(&"disk") {
        for (_, nanos) in found.disk.values_mut().flat_map(|quantiles| &mut quantiles.points) {
            *nanos *= factor;
        }
    }
    found
}

/// The program for the simulator, with the profile and the host's kernel.
fn image(text: &Text, cpus: usize, calibration: &Calibration) -> Option<Image> {
    let text = text.scenario(cpus);
    let scenario = Scenario::parse_bytes("calibrate.toml", text.as_bytes(), &Overrides::default(), None);
    let mut image = scenario.ok()?.image;
    image.costs = Costs::parse(&profile::text(calibration), NAMES).ok()?;
    if let Some(host) = &image.costs.host {
        host.set(&mut image.kernel);
    }
    image.machine.measured_disk = image.costs.disk.clone();
    Some(image)
}

#[cfg(test)]
mod tests {
    use super::super::sample::Sample;
    use super::*;

    #[test]
    fn the_factor_is_where_the_prediction_meets_the_measurement() {
        // 600 ns beside the group, 400 ns within: 1100 ns ask for a quarter more of it.
        assert_eq!(factor(1100.0, 1000.0, 1400.0), Some(1.25));
        assert_eq!(factor(900.0, 1000.0, 1400.0), Some(0.75));
        assert_eq!(factor(900.0, 1000.0, 1001.0), None);
    }

    #[test]
    fn a_factor_changes_the_prices_of_its_group_only() {
        let mut found = Found::default();
        let sample = Sample { median: 100.0, p10: 90.0, p90: 110.0, n: 9 };
        found.scalar("switch", sample, "");
        found.scalar("user-step", sample, "");
        let scaled = scaled(&found, &["switch", "wakeup"], 1.5);
        assert_eq!([scaled.of("switch"), scaled.of("user-step")], [150.0, 100.0]);
    }

    #[test]
    fn every_program_of_a_trial_is_a_scenario() {
        for trial in TRIALS {
            let text = (trial.text)().scenario(trial.cpus);
            let parsed = Scenario::parse_bytes("x.toml", text.as_bytes(), &Overrides::default(), None);
            assert!(parsed.is_ok(), "{}: {}", trial.what, parsed.err().unwrap());
        }
    }
}
