//! How fast the simulator's core is: `cargo bench --bench core`.
//!
//! # What is compared
//!
//! Each workload is run by the simulator (its scenario file, trace off, fast pace) and by a *bare*
//! loop: a hand-written discrete-event loop of the same workload in which every crossing of the
//! kernel's boundary is an event of its own (`bare/kernel.rs`). The two take turns, five rounds
//! unless `--rounds` says otherwise, and the median of each is shown.
//!
//! # How to read the ratios
//!
//! The *ratio* is the simulator's time over the bare loop's time in the same run. It is the price
//! of generality: programs read from a file, a policy chosen at run time, statistics, exact
//! fast-forward. 1.5 is the goal on every workload, and 3 the most that is acceptable. Only ratios
//! compare from machine to machine or day to day; the nanoseconds of two separate runs don't.
//!
//! - *ns/operation* is wall time over what the workload counts (messages, quanta, requests ...).
//! - *crossings* are entries into the kernel: system calls and interrupts. The two sides may differ
//!   slightly (the parent's `fork` and `wait`, for instance), and where random numbers decide, as
//!   each side draws its own. If they differ by more than a few per cent, the two aren't simulating
//!   the same thing, and the ratio means nothing. The same holds of *simulated*, the simulated
//!   time at the end.
//! - *bytes/process* is the peak of resident memory of one run in a process of its own, beyond
//!   what was resident before, over the number of processes. It is shown where these are many
//!   enough for it to mean anything. The simulator's includes the loaded scenario.
//! - *Stepping* executes every instruction and looks at the interrupt register after each; the
//!   bare bytecode loop beside it does only that. At least 300 million a second is the goal.
//! - *Fast-forward* runs 10^12 instructions under a tick of 1 ms. Its cost is that of the ticks
//!   (ns/event) whatever lies between them; instructions a second is therefore as large as one
//!   makes the distance.
//!
//! A machine with other work on it makes everything slower, and small ratios unsure: trust a
//! change of a ratio only if it comes back in a second run.
//!
//! `cargo bench --bench core -- w1 w3` runs two workloads only; `w5-million` (a million processes)
//! and `instructions` can be named as well.

mod bare;
mod harness;

use std::process::ExitCode;
use std::sync::atomic::AtomicU32;

use clap::Parser;
use clap::builder::PossibleValuesParser;
use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};

use bare::bytecode;
use harness::measure::{self, Pair, Run};
use harness::memory::{self, Side};
use harness::simulator::{self, Pace};
use harness::workload::{self, WORKLOADS, Workload};

/// The name that stands for the measurements of plain instructions.
const INSTRUCTIONS: &str = "instructions";
/// The plain instructions of `step.toml`.
const STEPPED: u64 = 300_000_000;
/// The ticks of `fast-forward.toml`, and the instructions of one nanosecond from one to the next.
const TICKS: u64 = 1_000_000;
const INSTRUCTIONS_A_TICK: u64 = 1_000_000;
/// What the bytecode executes for each number that it sums.
const INSTRUCTIONS_A_NUMBER: u64 = 4;
/// Below so many processes, memory for each says nothing.
const MANY_PROCESSES: u64 = 10_000;

/// Compares the simulator's core with hand-written event loops.
#[derive(Parser)]
struct Arguments {
    /// What to measure; all but w5-million if nothing is named
    #[arg(value_parser = PossibleValuesParser::new(names()))]
    names: Vec<String>,
    /// How often each side runs [default: 5; 1 outside `cargo bench`]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: Option<u16>,
    /// Runs one side of one workload and prints its peak memory in bytes
    #[arg(long, value_name = "SIDE")]
    peak: Option<Side>,
    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

fn names() -> Vec<&'static str> {
    let workloads = WORKLOADS.iter().map(|workload| workload.name);
    workloads.chain([INSTRUCTIONS]).collect()
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let chosen = arguments.names.iter();
    let mut workloads: Vec<_> = chosen.filter_map(|name| Workload::named(name)).collect();
    if let Some(side) = arguments.peak {
        return print_peaks(side, &workloads);
    }
    let everything = arguments.names.is_empty();
    if everything {
        workloads = workload::usual();
    }
    let default = if arguments.bench { 5 } else { 1 };
    let rounds = usize::from(arguments.rounds.unwrap_or(default));
    if !workloads.is_empty() {
        let (table, strangers) = compare(&workloads, rounds);
        println!("{table}\n");
        for name in &strangers {
            eprintln!("error: the two sides of {name} don't simulate the same thing: their crossings differ");
        }
        if !strangers.is_empty() {
            return ExitCode::FAILURE;
        }
    }
    if everything || arguments.names.iter().any(|name| name == INSTRUCTIONS) {
        println!("{}", instructions(rounds));
    }
    ExitCode::SUCCESS
}

fn print_peaks(side: Side, workloads: &[&Workload]) -> ExitCode {
    for workload in workloads {
        match memory::peak(side, workload) {
            Some(bytes) => println!("{bytes}"),
            None => return ExitCode::FAILURE,
        }
    }
    ExitCode::SUCCESS
}

/// By how much the crossings of the two sides may differ, as a share.
const SAME_WORK: f64 = 0.05;

/// The table of workloads, and those whose two sides don't do the same work.
fn compare(workloads: &[&'static Workload], rounds: usize) -> (Table, Vec<&'static str>) {
    let pairs: Vec<_> = workloads
        .iter()
        .map(|&workload| Pair {
            bare: Box::new(|| Some(measure::bare(workload.bare))),
            simulator: Box::new(|| simulator::run(&workload.scenario(), Pace::Fast)),
        })
        .collect();
    let medians = measure::interleaved(&pairs, rounds, |round| {
        eprintln!("workloads: round {} of {rounds}", round + 1);
    });
    let mut table = table(&[
        "workload",
        "operation",
        "side",
        "ns/operation",
        "ratio",
        "million crossings/s",
        "crossings",
        "simulated s",
        "bytes/process",
    ]);
    let mut strangers = Vec::new();
    for (workload, medians) in workloads.iter().zip(medians) {
        if let (Some(bare), Some(simulator)) = (medians.bare, medians.simulator)
            && bare.crossings.abs_diff(simulator.crossings) as f64 > SAME_WORK * bare.crossings as f64
        {
            strangers.push(workload.name);
        }
        let bare = row(workload, Side::Bare, medians.bare, None);
        let simulator = row(workload, Side::Simulator, medians.simulator, medians.ratio());
        table.add_row(bare).add_row(simulator);
    }
    (table, strangers)
}

fn row(workload: &Workload, side: Side, run: Option<Run>, ratio: Option<f64>) -> [String; 9] {
    let (name, operation, word) = match side {
        Side::Bare => (workload.name, workload.operation, "bare"),
        Side::Simulator => ("", "", "trapline"),
    };
    let [name, operation, word] = [name, operation, word].map(str::to_owned);
    let Some(run) = run else {
        let unknown = || "-".to_owned();
        let [time, ratio, rate, crossings, end, bytes] = std::array::from_fn(|_| unknown());
        return [name, operation, word, time, ratio, rate, crossings, end, bytes];
    };
    let bytes = Some(workload)
        .filter(|workload| workload.processes >= MANY_PROCESSES)
        .and_then(|workload| memory::bytes_per_process(side, workload));
    [
        name,
        operation,
        word,
        format!("{:.1}", run.seconds * 1e9 / workload.operations as f64),
        ratio.map_or(String::new(), |ratio| format!("{ratio:.2}")),
        format!("{:.1}", run.crossings as f64 / run.seconds / 1e6),
        run.crossings.to_string(),
        format!("{:.3}", run.end as f64 / 1e9),
        bytes.map_or(String::new(), |bytes| bytes.to_string()),
    ]
}

/// The table of plain instructions: stepping, and fast-forward under a tick.
fn instructions(rounds: usize) -> Table {
    let sum = STEPPED / INSTRUCTIONS_A_NUMBER;
    let register = AtomicU32::new(0);
    let pairs = [
        Pair {
            bare: Box::new(|| Some(measure::bytecode(|| bytecode::run_deaf(bytecode::SUM, sum)))),
            simulator: Box::new(|| None),
        },
        Pair {
            bare: Box::new(|| Some(measure::bytecode(|| bytecode::run(bytecode::SUM, sum, &register)))),
            simulator: Box::new(|| simulator::run(&workload::scenario("step"), Pace::Step)),
        },
        Pair {
            bare: Box::new(|| Some(measure::bare(|| workload::ticks(TICKS)))),
            simulator: Box::new(|| simulator::run(&workload::scenario("fast-forward"), Pace::Fast)),
        },
    ];
    let medians = measure::interleaved(&pairs, rounds, |round| {
        eprintln!("instructions: round {} of {rounds}", round + 1);
    });
    let mut table = table(&["plain instructions", "million/s", "ns/event", "ratio"]);
    let [deaf, step, fast] = [0, 1, 2].map(|index| medians[index]);
    let stepping = |what, run, ratio| instruction_row(what, run, STEPPED, None, ratio);
    let skipping = |what, run, ratio| {
        let instructions = TICKS * INSTRUCTIONS_A_TICK;
        instruction_row(what, run, instructions, Some(TICKS), ratio)
    };
    table
        .add_row(stepping("bare bytecode, no interrupt register", deaf.bare, None))
        .add_row(stepping("bare bytecode, a look after each", step.bare, None))
        .add_row(stepping("trapline, stepping", step.simulator, step.ratio()))
        .add_row(skipping("bare events, 1 ms apart", fast.bare, None))
        .add_row(skipping("trapline, fast-forward", fast.simulator, fast.ratio()));
    table
}

fn instruction_row(
    what: &str,
    run: Option<Run>,
    instructions: u64,
    events: Option<u64>,
    ratio: Option<f64>,
) -> [String; 4] {
    let Some(Run { seconds, .. }) = run else {
        return [what, "-", "-", "-"].map(str::to_owned);
    };
    let event = events.map(|events| format!("{:.1}", seconds * 1e9 / events as f64));
    [
        what.to_owned(),
        format!("{:.0}", instructions as f64 / seconds / 1e6),
        event.unwrap_or_default(),
        ratio.map_or(String::new(), |ratio| format!("{ratio:.2}")),
    ]
}

/// A table whose columns of numbers are aligned to the right; it can be pasted into a document.
fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header(header);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
