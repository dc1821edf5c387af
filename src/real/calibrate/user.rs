//! What programs do in user mode, and what an empty system call takes.

use std::hint::black_box;

use crate::os::{clock, process};

use super::bench::{Bench, Stop};
use super::found::Found;
use super::marks::Marks;
use super::registry::Measurement;
use super::sample::{Sample, median};
use super::text::{self, Text, batches, loops};

pub const SPEED: Measurement = Measurement {
    name: "speed",
    what: "how steadily the CPU works",
    how: "A program computes again and again for the same time. The median is the reference speed, to which all other times are converted by spins beside them.",
    keys: &[],
    measure: speed,
};

pub const EMPTY_CALL: Measurement = Measurement {
    name: "empty-call",
    what: "the way into the kernel and back",
    how: "The time of a getpid in a loop without anything else. Entry, body and exit are stated shares of it: 50, 5 and 45 of a hundred. A getppid in such a loop gives its body.",
    keys: &["syscall-entry", "syscall-exit", "calls.getpid", "calls.getppid"],
    measure: empty_call,
};

pub const AROUND_CALLS: Measurement = Measurement {
    name: "around-calls",
    what: "what a program does around each call",
    how: "The period of a program that only calls getpid, less the empty call.",
    keys: &["user-call"],
    measure: around_calls,
};

pub const INSTRUCTIONS: Measurement = Measurement {
    name: "instructions",
    what: "plain instructions of a program, and its notes",
    how: "Loops of `set`, `add`, `load`, `store` and `if`: the mean of the five, rounds of the loop counted. Loops of `lock` and `unlock` without contention take four instructions and two notes. An array of 512 KiB is written and read over and over.",
    keys: &["user-step", "user-note", "memory-per-kib"],
    measure: instructions,
};

/// Shares of an empty call. Where the mode switches inside of a call can't be seen from outside.
const ENTRY: f64 = 0.5;
const BODY: f64 = 0.05;
const EXIT: f64 = 0.45;

/// The least that can be told of a sample, or why there is nothing.
pub fn sample(values: &[f64]) -> Result<Sample, Stop> {
    Sample::of(values).ok_or_else(|| Stop::Skipped("nothing was measured undisturbed".to_owned()))
}

fn speed(bench: &mut Bench<'_>, _: &mut Found) -> Result<(), Stop> {
    let steps = text::repeat(bench.batches(500), &(text::spin() + &text::mark(text::END_MARK)));
    let shown = bench.run(&Text::default().process("solo", 0, &steps), 1)?;
    bench.reference = median(&shown.marks.rates);
    bench.spin_rate = Some(shown.measured.spin.rounds_per_nano);
    Ok(())
}

fn empty_call(bench: &mut Bench<'_>, found: &mut Found) -> Result<(), Stop> {
    const CALLS: u32 = 2000;
    let count = bench.batches(200);
    let loop_of = |call: fn() -> i32| {
        let begun = clock::now();
        for _ in 0..CALLS {
            black_box(call());
        }
        (clock::now() - begun) as f64 / f64::from(CALLS)
    };
    let whole = sample(&bench.here(count, || loop_of(process::getpid)))?;
    let other = sample(&bench.here(count, || loop_of(process::getppid)))?;
    let source = |share: f64| {
        format!("getpid takes {:.0} ns in a loop; {:.0} % of it, a stated share", whole.median, share * 100.0)
    };
    found.scalar("syscall-entry", whole.times(ENTRY), source(ENTRY));
    found.scalar("syscall-exit", whole.times(EXIT), source(EXIT));
    found.call("getpid", whole.times(BODY), source(BODY));
    let way = whole.median * (ENTRY + EXIT);
    let source = format!("getppid takes {:.0} ns in a loop, less entry and exit", other.median);
    found.call("getppid", other.less(way), source);
    Ok(())
}

fn around_calls(bench: &mut Bench<'_>, found: &mut Found) -> Result<(), Stop> {
    // As many calls as one chunk of notes holds, so that each batch takes one.
    const CALLS: usize = 1024;
    let steps = batches("getpid", bench.batches(100), &loops(CALLS, "{ getpid = true },\n"));
    let shown = bench.run(&Text::default().process("solo", 0, &steps), 1)?;
    let period = sample(&shown.marks.periods("getpid", CALLS))?;
    let empty = found.of("syscall-entry") + found.of("syscall-exit") + found.of_call("getpid");
    let source = format!("a program's getpid takes {:.0} ns, less the empty call", period.median);
    // One round in eight calls.
    let round = found.of("user-step") / 8.0;
    found.scalar("user-call", period.less(empty + round), source);
    Ok(())
}

fn instructions(bench: &mut Bench<'_>, found: &mut Found) -> Result<(), Stop> {
    const STEPS: usize = 4096;
    let kinds = [
        ("set", "{ set = \"x\", to = 7 },\n"),
        ("add", "{ add = \"x\", value = 1 },\n"),
        ("load", "{ load = \"x\", from = \"shared.cell\" },\n"),
        ("store", "{ store = \"shared.cell\", value = 7 },\n"),
        ("if", "{ if = \"x\", then = [] },\n"),
    ];
    let count = bench.batches(40);
    let mut steps = String::from("{ set = \"x\", to = 1 },\n");
    for (name, step) in kinds {
        steps += &batches(name, count, &loops(STEPS, step));
    }
    const PAIRS: usize = 1024;
    steps += &batches("notes", count, &loops(PAIRS, "{ lock = \"m\" },\n{ unlock = \"m\" },\n"));
    const TRANSFERS: usize = 8;
    let transfer = "{ channel-send = \"array\" },\n{ channel-receive = \"array\" },\n";
    steps += &batches("memory", count, &loops(TRANSFERS, transfer));
    let objects = "[shm.shared]\ncells = { cell = 0 }\n[mutex.m]\n[float-channel.array]\nlength = 65536\n";
    let shown = bench.run(&Text::default().objects(objects).process("solo", 0, &steps), 1)?;
    let names: Vec<&str> = kinds.iter().map(|(name, _)| *name).collect();
    let (step, of_each) = mean_step(&shown.marks, &names, STEPS)?;
    found.scalar("user-step", step, format!("the mean of {of_each}"));
    let pair = sample(&shown.marks.periods("notes", PAIRS))?;
    let note = pair.less((4.0 + 1.0 / 8.0) * step.median).times(0.5);
    let source = format!("lock and unlock take {:.0} ns: four instructions and two notes", pair.median);
    found.scalar("user-note", note, source);
    let both = sample(&shown.marks.periods("memory", TRANSFERS))?;
    let source = format!("writing and reading 512 KiB takes {:.0} ns", both.median);
    found.scalar("memory-per-kib", both.times(1.0 / 1024.0), source);
    Ok(())
}

/// The mean over several kinds of instructions, and in words what each took.
fn mean_step(marks: &Marks, names: &[&str], steps: usize) -> Result<(Sample, String), Stop> {
    // A round of the loop is an instruction, too.
    let all = steps + steps / 8;
    let of = |name: &&str| sample(&marks.periods(name, all));
    let samples = names.iter().map(of).collect::<Result<Vec<Sample>, Stop>>()?;
    let mean = |part: fn(&Sample) -> f64| samples.iter().map(part).sum::<f64>() / samples.len() as f64;
    let each = names.iter().zip(&samples).map(|(name, sample)| format!("{name} {:.1} ns", sample.median));
    let step = Sample {
        median: mean(|sample| sample.median),
        p10: mean(|sample| sample.p10),
        p90: mean(|sample| sample.p90),
        n: samples.iter().map(|sample| sample.n).sum(),
    };
    Ok((step, each.collect::<Vec<String>>().join(", ")))
}
