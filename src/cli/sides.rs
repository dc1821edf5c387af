//! A scenario's two sides: simulated, and measured again and again on this machine.

use std::path::{Path, PathBuf};

use anyhow::Context;
use trapline::analysis::naming::count;
use trapline::compare::accuracy::Placement;
use trapline::compare::facts::Count;
use trapline::compare::join::Conditions;
use trapline::compare::statistics::median;
use trapline::compare::{Comparison, Facts, Goals, Side, view};
use trapline::kernel::cost::Costs;
use trapline::os::process::{self, Usage};
use trapline::real::others::{MOST, Others};
use trapline::real::{self, RealError, Route, Settings, observe};
use trapline::scenario::{Overrides, Scenario};
use trapline::sim::{Outcome, Pace, Simulator, header};
use trapline::time::{Instant, Span};
use trapline::trace::Trace;
use trapline::trace::sink::Memory;

use super::exit::{Exit, Failure};
use super::load::load;
use super::profile::Profile;
use super::{interrupt, terminal};

/// For each repetition that is wanted, at most so many are begun before disturbed ones count.
const TRIES: usize = 3;
/// A repetition is ended after so long.
const MOST_TIME: Span = Span::from_millis(60_000);
const MOST_TASKS: u32 = 2_000;
const MOST_BYTES: u64 = 512 << 20;

/// What is compared, and how.
pub struct Task<'a> {
    pub file: &'a Path,
    pub overrides: Overrides,
    pub profile: &'a Profile,
    pub runs: usize,
    /// The host's CPUs that are asked for.
    pub cpus: Option<&'a [usize]>,
    /// Lets the host place processes that the scenario doesn't pin.
    pub unpinned: bool,
    /// In parts; those of the placement if absent.
    pub goal: Option<f64>,
}

/// Both sides, joined, and what a picture needs.
pub struct Sides {
    pub comparison: Comparison,
    pub placement: Placement,
    pub simulated: Trace,
    /// The repetition of the median end-to-end time.
    pub measured: Trace,
    /// The repetition that the kernel was asked about.
    pub seen: Option<Trace>,
}

/// Where the processes may run.
struct Plan {
    /// The host's numbers.
    cpus: Vec<usize>,
    placement: Placement,
    words: String,
}

impl Task<'_> {
    pub fn carry_out(&self) -> Result<Sides, Failure> {
        let mut overrides = self.profile.over(&self.overrides);
        let mut scenario = load(self.file, &overrides)?;
        if scenario.image.costs.host.is_some() {
            overrides.host = true;
            scenario = Scenario::load(self.file, &overrides)?;
        }
        for text in real::run::left_out(&scenario.image) {
            terminal::note(&format!("Left out of the measured side: {text}."));
        }
        let plan = self.plan(&scenario)?;
        let (overrides, scenario) = self.with_cpus(overrides, scenario, plan.cpus.len())?;
        let expected = simulate(&scenario)?.outcome;
        let measured =
            Repetitions { task: self, scenario: &scenario, overrides: &overrides, cpus: &plan.cpus };
        let measured = measured.measure(&expected)?;
        let slowness = measured.slowness(&scenario.image.costs);
        let simulated = simulate(&as_run(&scenario, slowness))?;
        let placements = match plan.placement {
            Placement::Unpinned => {
                let (_, alone) = self.with_cpus(overrides.clone(), scenario.clone(), 1)?;
                let alone = simulate(&as_run(&alone, slowness))?;
                Some([&alone, &simulated].map(|trace| Facts::of(trace).wall.as_nanos() as f64))
            }
            Placement::OneCpu | Placement::Pinned => None,
        };

        let seen_header = measured.seen.as_ref().map(|trace| &trace.header);
        let one = Side {
            label: "simulated".to_owned(),
            plain: vec![Facts::of(&view::as_noted(&simulated))],
            seen: seen_header.map(|header| Facts::of(&view::through(&simulated, header))),
        };
        let other = Side {
            label: "measured".to_owned(),
            plain: measured.plain.iter().map(|(_, facts)| facts.clone()).collect(),
            seen: measured.seen.as_ref().map(|seen| Facts::of(&view::through(seen, &simulated.header))),
        };
        let mut goals = Goals::of(plan.cpus.len());
        goals.times = self.goal.unwrap_or(goals.times);
        let conditions = Conditions {
            scenario: scenario.image.name.clone(),
            question: scenario.image.question.clone(),
            labels: [one.label.clone(), other.label.clone()],
            profile: match slowness {
                None => scenario.image.costs.name.clone(),
                Some(factor) => {
                    format!("{}, times {factor:.3} for the CPU's speed", scenario.image.costs.name)
                }
            },
            machine: observe::fingerprint(),
            placement: plan.words,
            cpus: plan.cpus.len(),
            discarded: measured.discarded,
            disturbed: measured.disturbed,
            placements,
        };
        Ok(Sides {
            comparison: Comparison::new(&one, &other, goals, conditions),
            placement: plan.placement,
            simulated,
            measured: measured.typical()?,
            seen: measured.seen,
        })
    }

    /// One CPU, unless the scenario says for each process where it runs.
    fn plan(&self, scenario: &Scenario) -> Result<Plan, Failure> {
        let wanted = usize::from(scenario.image.machine.cpus);
        let is_pinned = scenario.image.starts.iter().all(|start| start.cpu.is_some());
        let there = process::cpus();
        let cpus = match self.cpus {
            Some(cpus) => {
                if let Some(cpu) = cpus.iter().find(|cpu| !there.contains(cpu)) {
                    return Err(Failure::usage(format!("CPU {cpu} can't be used; there are {there:?}")));
                }
                cpus.to_vec()
            }
            None if wanted > 1 && (is_pinned || self.unpinned) => {
                if there.len() < wanted {
                    let text =
                        format!("the scenario needs {wanted} CPUs, and this host gives {}", there.len());
                    return Err(Failure::host(anyhow::Error::msg(text)));
                }
                there[..wanted].to_vec()
            }
            None => there.into_iter().take(1).collect(),
        };
        if wanted > 1 && cpus.len() == 1 && self.cpus.is_none() {
            terminal::note(&format!(
                "The scenario has {wanted} CPUs but doesn't say who runs where, so both sides have one; \
                 --unpinned lets the host choose."
            ));
        }
        let list: Vec<String> = cpus.iter().map(usize::to_string).collect();
        let (placement, words) = match (cpus.len(), is_pinned) {
            (1, _) => (Placement::OneCpu, format!("all on CPU {}", list.join(""))),
            (_, true) => (Placement::Pinned, format!("each process on its CPU of {}", list.join(" and "))),
            (_, false) => {
                let text = format!("not predicted: the host chooses among CPUs {}", list.join(" and "));
                (Placement::Unpinned, text)
            }
        };
        Ok(Plan { cpus, placement, words })
    }

    /// The scenario on a machine of so many CPUs.
    fn with_cpus(
        &self,
        mut overrides: Overrides,
        scenario: Scenario,
        cpus: usize,
    ) -> Result<(Overrides, Scenario), Failure> {
        if usize::from(scenario.image.machine.cpus) == cpus {
            return Ok((overrides, scenario));
        }
        overrides.set.push(("machine.cpus".to_owned(), cpus.to_string()));
        let scenario = Scenario::load(self.file, &overrides)?;
        Ok((overrides, scenario))
    }
}

/// The scenario as a real run begins it, on a CPU that is so many times as slow as the profile's. The
/// first processes are woken one after the other, which on several CPUs takes a message each.
fn as_run(scenario: &Scenario, factor: Option<f64>) -> Scenario {
    let mut scenario = scenario.clone();
    let image = &mut scenario.image;
    if let Some(factor) = factor {
        image.costs = image.costs.slowed(factor);
    }
    if image.machine.cpus > 1 {
        let at_once = image.starts.iter_mut().filter(|start| start.at == Instant::START);
        for (number, start) in (0..).zip(at_once) {
            start.at += image.costs.ipi_send * number;
        }
    }
    scenario
}

/// The simulated side, in memory.
fn simulate(scenario: &Scenario) -> Result<Trace, Failure> {
    let mut simulator =
        Simulator::new(&scenario.image, Memory::new(), Pace::Fast).watched_by(interrupt::control());
    let outcome = simulator.run();
    if outcome == Outcome::Interrupted {
        return Err(Failure::Interrupted);
    }
    let end = simulator.end();
    Ok(Trace::from_memory(header(&scenario.image), simulator.kernel.sink, end, outcome))
}

/// The measured side under way.
struct Repetitions<'a> {
    task: &'a Task<'a>,
    scenario: &'a Scenario,
    overrides: &'a Overrides,
    cpus: &'a [usize],
}

/// One real run.
struct Repetition {
    trace: Trace,
    /// As the kernel has counted them.
    switches: [(Count, u64); 2],
    /// How fast the CPU was, in rounds of the spin for each nanosecond.
    speed: f64,
}

/// The measured side.
struct Measured {
    plain: Vec<(Trace, Facts)>,
    seen: Option<Trace>,
    /// How fast the CPU was in each repetition, in rounds of the spin for each nanosecond.
    speeds: Vec<f64>,
    discarded: usize,
    disturbed: usize,
}

impl Repetitions<'_> {
    /// After one to warm up, as many as are wanted that nothing disturbed, and one that the kernel is
    /// asked about.
    fn measure(&self, expected: &Outcome) -> Result<Measured, Failure> {
        self.run(Route::Notes, expected)?;
        let (mut quiet, mut noisy): (Vec<Repetition>, Vec<(f64, Repetition)>) = (Vec::new(), Vec::new());
        for _ in 0..self.task.runs * TRIES {
            let others = Others::begin();
            let repetition = self.run(Route::Notes, expected)?;
            match others.share() {
                share if share > MOST => noisy.push((share, repetition)),
                _ => quiet.push(repetition),
            }
            if quiet.len() == self.task.runs {
                break;
            }
        }
        noisy.sort_by(|one, other| one.0.total_cmp(&other.0));
        let disturbed = (self.task.runs - quiet.len()).min(noisy.len());
        let discarded = noisy.len() - disturbed;
        if disturbed > 0 {
            terminal::warning(&format!(
                "this host is too busy: {} of {} repetitions count though other work used more than {} % of a CPU",
                count(disturbed as u64),
                self.task.runs,
                MOST * 100.0
            ));
        }
        quiet.extend(noisy.into_iter().take(disturbed).map(|(_, repetition)| repetition));
        let (route, obstacles) = Route::best();
        let seen = match route {
            Route::Kernel | Route::Perf => Some(self.run(route, expected)?.trace),
            Route::Notes => None,
        };
        if let Some(why) = obstacles.first() {
            let unseen =
                if seen.is_some() { "Wake-ups aren't" } else { "Switches, faults and times by state aren't" };
            terminal::note(&format!("{unseen} compared: {why}."));
        }
        let speeds = quiet.iter().map(|repetition| repetition.speed).collect();
        let plain = quiet.into_iter().map(|repetition| {
            let mut facts = Facts::of(&repetition.trace);
            facts.counts.extend(repetition.switches);
            (repetition.trace, facts)
        });
        Ok(Measured { plain: plain.collect(), seen, speeds, discarded, disturbed })
    }

    /// One repetition, in files of its own.
    fn run(&self, route: Route, expected: &Outcome) -> Result<Repetition, Failure> {
        let scratch = real::run::scratch(&std::env::temp_dir());
        let scratch =
            scratch.context("can't make a folder for the scenario's files").map_err(Failure::host)?;
        let settings = Settings {
            program: own_program()?,
            scratch: scratch.path().to_owned(),
            cpus: self.cpus.to_vec(),
            most_time: MOST_TIME,
            tasks: MOST_TASKS,
            notes: MOST_BYTES,
            memory: MOST_BYTES,
            file_bytes: MOST_BYTES,
            route,
        };
        let before = interrupt::count();
        let stopped = || interrupt::count() > before;
        let name = self.task.file.display().to_string();
        let measured = real::run(self.scenario, &name, self.overrides, &settings, &stopped);
        let measured = measured.map_err(|error| match error {
            RealError::Impossible(_) => Failure::usage(error.to_string()),
            RealError::Host { .. } | RealError::NotBegun(_) | RealError::GuardianGone(_) => {
                Failure::host(error)
            }
        })?;
        if stopped() {
            return Err(Failure::Interrupted);
        }
        let image = &self.scenario.image;
        let mut memory = Memory::new();
        let (end, outcome) = observe::replay(image, &measured, &mut memory);
        if outcome.name() != expected.name() {
            let text = format!(
                "the simulated run ended as {}, the measured one as {}: {}",
                expected.name(),
                outcome.name(),
                outcome.text().or(expected.text()).unwrap_or("")
            );
            return Err(Failure::Error { exit: Exit::Abnormal, error: anyhow::Error::msg(text) });
        }
        let lost = measured.lost();
        let trace = Trace::from_memory(observe::header(image, &measured), memory, end, outcome);
        let usages: Vec<Usage> = measured.rows.iter().filter_map(|row| row.usage).collect();
        let sum = |of: fn(&Usage) -> u64| usages.iter().map(of).sum();
        let switches = [
            (Count::Voluntary, sum(|usage| usage.voluntary)),
            (Count::Involuntary, sum(|usage| usage.involuntary)),
        ];
        Ok(Repetition { trace: Trace { lost, ..trace }, switches, speed: measured.spin.rounds_per_nano })
    }
}

impl Measured {
    /// How many times as slow the CPU was as when the profile was measured, if the profile says. It is
    /// told by a spin before each repetition, not by the repetitions themselves.
    fn slowness(&self, costs: &Costs) -> Option<f64> {
        let profile = costs.measured.as_ref()?.spin_rate.filter(|rate| *rate > 0.0)?;
        let speed = median(&self.speeds).filter(|speed| *speed > 0.0)?;
        Some(profile / speed)
    }

    /// The repetition with the median end-to-end time.
    fn typical(&self) -> Result<Trace, Failure> {
        let mut order: Vec<_> = self.plain.iter().collect();
        order.sort_by_key(|(_, facts)| facts.wall);
        let typical = order.get(order.len() / 2).map(|(trace, _)| trace.clone());
        typical.ok_or_else(|| Failure::usage("at least one repetition is needed"))
    }
}

fn own_program() -> Result<PathBuf, Failure> {
    std::env::current_exe().context("can't find my own program").map_err(Failure::host)
}
