//! Births and deaths: processes, threads, other programs, signals.

use crate::program::native::{Noted, What};
use crate::program::syscall::NAMES;

use super::bench::{Bench, Shown, Stop};
use super::found::Found;
use super::marks::{Batch, Made};
use super::registry::Measurement;

use super::text::{Text, batches, loops};
use super::user::sample;

pub const PROCESSES: Measurement = Measurement {
    name: "processes",
    what: "processes that begin and end",
    how: "A process forks a child that ends at once, and waits for it. The fork is timed by itself, and so is waiting for a child that has ended already. From the parent's wait to the child's last call, less call and switch, are the child's first steps, which cost it copies of pages: they are added to the fork, and so is what the parent takes longer before its next call. From the child's last call to the parent's next note, less wake-up and switch, is its end.",
    keys: &["calls.fork", "calls.wait4", "process-exit"],
    measure: processes,
};

pub const PAGES: Measurement = Measurement {
    name: "pages",
    what: "what resident memory adds to a fork",
    how: "Fork, exit and wait with 0, 4096 and 16384 pages of private memory: the rise by the page.",
    keys: &["fork-page"],
    measure: pages,
};

pub const THREADS: Measurement = Measurement {
    name: "threads",
    what: "threads that begin and end",
    how: "A process starts a thread that ends at once, and joins it. The starting call is timed by itself; the join is taken to be as a futex_wait. What is left, without the calls and the switches around them, is the thread's end.",
    keys: &["calls.clone", "calls.join", "thread-exit"],
    measure: threads,
};

pub const PROGRAMS: Measurement = Measurement {
    name: "programs",
    what: "beginning another program",
    how: "A child executes another program: from the call's entry to the other program's first note. In a real run that is the interpreter itself, which reads the scenario anew.",
    keys: &["calls.execve"],
    measure: programs,
};

pub const SIGNALS: Measurement = Measurement {
    name: "signals",
    what: "a signal that is handled",
    how: "A process sends itself a signal with a handler, and another that it ignores. What the first takes longer, less the handler's own steps, is the delivery and the way back: 75 and 25 of a hundred, stated shares.",
    keys: &["signal", "calls.rt_sigreturn"],
    measure: signals,
};

const PAIRS: usize = 4;
const SIGNALS_IN_BATCH: usize = 64;
/// The share of a handler's end.
const RETURNING: f64 = 0.25;
/// A program that ends at once; one without any steps would be a mistake.
const ENDS: &str = "{ set = \"x\", to = 0 },\n";
const FORKS: &str = "{ fork = \"child\" },\n{ wait = \"child\" },\n";

/// From the entry into the first call of one name to the end of the next call of another.
fn spans(batch: &Batch, first: &str, second: &str) -> Vec<u64> {
    let (begins, ends) = (batch.calls(first), batch.calls(second));
    begins.iter().zip(&ends).map(|(begin, end)| end.leave.saturating_sub(begin.enter)).collect()
}

fn all_spans(shown: &Shown, name: &str, first: &str, second: &str) -> Vec<f64> {
    let spans = shown.marks.named(name).flat_map(|batch| spans(batch, first, second));
    spans.map(|span| span as f64 * shown.marks.speed()).collect()
}

/// The way of a child from its parent's wait to its own last call, and from there to the parent.
#[derive(Clone, Debug, Default, PartialEq)]
struct Lives {
    first: Vec<u64>,
    last: Vec<u64>,
}

/// Joins each wait with the last call of the child that it waited for; children come one by one.
fn lives(waits: &[Made], exits: &[u64]) -> Lives {
    let mut lives = Lives::default();
    for wait in waits {
        if let Some(exit) = exits.iter().copied().find(|exit| (wait.enter..wait.leave).contains(exit)) {
            lives.first.push(exit - wait.enter);
            lives.last.push(wait.leave - exit);
        }
    }
    lives
}

fn processes(bench: &mut Bench<'_>, found: &mut Found) -> Result<(), Stop> {
    let count = bench.batches(40);
    let late = "{ fork = \"child\" },\n{ sleep = \"2ms\" },\n{ wait = \"child\" },\n";
    let steps = batches("fork", count, &FORKS.repeat(PAIRS)) + &batches("late", count, late);
    let text = Text::default().process("solo", 0, &steps).program("child", ENDS);
    let shown = bench.run(&text, 1)?;
    let fork = found.body(sample(&shown.marks.beyond_empty("fork", "fork"))?);
    let wait = found.body(sample(&shown.marks.beyond_empty("late", "wait4"))?);
    found.call("wait4", wait, "waiting for a child that has ended");
    let waits: Vec<Made> = shown.marks.named("fork").flat_map(|batch| batch.calls("wait4")).collect();
    let exit = |noted: &&Noted| {
        noted.note.what == What::Enter && NAMES.get(noted.note.first as usize) == Some(&"exit_group")
    };
    let exits: Vec<u64> = shown.measured.notes.iter().filter(exit).map(|noted| noted.note.at).collect();
    let lives = lives(&waits, &exits);
    let (switch, getpid) = (found.of("switch"), found.of_call("getpid"));
    let last = sample(&shown.beyond_empty(lives.last))?;
    let end = last.plus(getpid).less(switch + found.of("wakeup"));
    let source = format!(
        "from its last call's entry to the parent's next note, {:.0} ns more than an empty call, less wake-up and switch",
        last.median
    );
    found.scalar("process-exit", end, source);
    let first = sample(&shown.beyond_empty(lives.first))?;
    let known = wait.median - getpid + switch + found.of("user-call") + found.of("user-step");
    let first = first.less(known).median;
    let own = parents_faults(&shown, found)?;
    let source = format!(
        "{:.0} ns by itself, {own:.0} ns for what the parent takes longer afterwards, and {first:.0} ns for a child's first steps: both copy pages that they share",
        fork.median
    );
    found.call("fork", fork.plus(first + own), source);
    Ok(())
}

/// What a parent takes longer than usual between the fork and its next call.
fn parents_faults(shown: &Shown, found: &Found) -> Result<f64, Stop> {
    let gaps = shown.marks.named("fork").flat_map(|batch| gaps(&batch.calls("fork"), &batch.calls("wait4")));
    let speed = shown.marks.speed();
    let gaps: Vec<f64> = gaps.map(|gap| gap as f64 * speed).collect();
    let usual = found.around() + found.of_call("getpid") - shown.marks.empty() * speed;
    Ok(sample(&gaps)?.less(usual.max(0.0)).median)
}

/// From the end of each call to the beginning of the next.
fn gaps(firsts: &[Made], seconds: &[Made]) -> Vec<u64> {
    firsts.iter().zip(seconds).map(|(first, second)| second.enter.saturating_sub(first.leave)).collect()
}

fn pages(bench: &mut Bench<'_>, found: &mut Found) -> Result<(), Stop> {
    const SIZES: [u64; 3] = [0, 4096, 16_384];
    let count = bench.batches(20);
    let mut steps = String::new();
    let mut touched = 0;
    for size in SIZES {
        if size > touched {
            steps += &format!("{{ touch = \"heap\", first = {touched}, pages = {} }},\n", size - touched);
            touched = size;
        }
        steps += &batches(&format!("pages {size}"), count, &FORKS.repeat(2));
    }
    let text = Text::default()
        .objects("[memory.heap]\nsize = \"64MiB\"")
        .process("solo", 0, &steps)
        .program("child", ENDS);
    let shown = bench.run(&text, 1)?;
    let mut whole = Vec::new();
    for size in SIZES {
        whole.push(sample(&all_spans(&shown, &format!("pages {size}"), "fork", "wait4"))?);
    }
    let rise = |at: usize| whole[at].less(whole[0].median).times(1.0 / SIZES[at] as f64);
    let source = format!(
        "fork, exit and wait: {:.0} us with 0 pages, {:.0} us with 4096, {:.0} us with 16384",
        whole[0].median / 1e3,
        whole[1].median / 1e3,
        whole[2].median / 1e3
    );
    found.scalar("fork-page", rise(2), source);
    Ok(())
}

fn threads(bench: &mut Bench<'_>, found: &mut Found) -> Result<(), Stop> {
    let count = bench.batches(40);
    let steps = "{ thread = \"worker\" },\n{ join = \"worker\" },\n".repeat(PAIRS);
    let text = Text::default().process("solo", 0, &batches("thread", count, &steps)).program("worker", ENDS);
    let shown = bench.run(&text, 1)?;
    let whole = sample(&all_spans(&shown, "thread", "clone", "join"))?;
    let start = found.body(sample(&shown.marks.beyond_empty("thread", "clone"))?);
    let ways = 3.0 * (found.of("syscall-entry") + found.of("syscall-exit")) + 2.0 * found.of("user-call");
    let known = ways + 2.0 * found.of("switch") + found.of("wakeup");
    found.call("clone", start, "the starting call by itself");
    let join = found.calls.get("futex_wait").map(|price| price.sample).unwrap_or_default();
    found.call("join", join, "not measured: as futex_wait, which it is");
    let known = known + start.median + join.median;
    let source =
        format!("start, end and join take {:.0} ns, less {known:.0} ns for what is known", whole.median);
    found.scalar("thread-exit", whole.less(known), source);
    Ok(())
}

fn programs(bench: &mut Bench<'_>, found: &mut Found) -> Result<(), Stop> {
    let count = bench.batches(20);
    let text = Text::default()
        .process("solo", 0, &batches("exec", count, FORKS))
        .program("child", "{ exec = \"other\" },\n")
        .program("other", ENDS);
    let shown = bench.run(&text, 1)?;
    let tasks = shown.measured.rows.iter().map(|row| row.task);
    let made: Vec<u64> =
        tasks.flat_map(|task| shown.calls_of(task, "execve")).map(|made| made.duration()).collect();
    let call = found.body(sample(&shown.beyond_empty(made))?);
    found.call(
        "execve",
        call,
        "the call's entry to the other program's first note; it reads the scenario anew",
    );
    Ok(())
}

fn signals(bench: &mut Bench<'_>, found: &mut Found) -> Result<(), Stop> {
    let count = bench.batches(40);
    let mut steps = String::from(
        "{ signal = \"SIGUSR1\", action = \"ignore\" },\n{ signal = \"SIGUSR2\", action = \"handler\", run = \"handler\" },\n",
    );
    for (name, signal) in [("ignored", "SIGUSR1"), ("handled", "SIGUSR2")] {
        let step = format!("{{ kill = \"solo\", signal = \"{signal}\" }},\n");
        steps += &batches(name, count, &loops(SIGNALS_IN_BATCH, &step));
    }
    let shown = bench.run(&Text::default().process("solo", 0, &steps).program("handler", ENDS), 1)?;
    let period = |name: &str| sample(&shown.marks.periods(name, SIGNALS_IN_BATCH));
    let ignored = period("ignored")?.median;
    let known = found.of("user-step") + found.around();
    let both = period("handled")?.less(ignored + known);
    let source = format!(
        "to oneself, {:.0} ns longer with a handler than ignored, beyond the handler's own steps; {:.0} % of it, a stated share",
        both.median + known,
        (1.0 - RETURNING) * 100.0
    );
    found.scalar("signal", both.times(1.0 - RETURNING), source);
    found.call("rt_sigreturn", both.times(RETURNING), "see signal: the rest of it");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_s_life_is_split_at_its_last_call() {
        let wait = |enter, leave| Made { enter, leave, result: 0 };
        let waits = [wait(100, 400), wait(500, 900), wait(1000, 1010)];
        // The third child had ended before anybody waited for it.
        let lives = lives(&waits, &[250, 560, 950]);
        assert_eq!(lives, Lives { first: vec![150, 60], last: vec![150, 340] });
        assert_eq!(gaps(&[wait(10, 60), wait(410, 480)], &waits[..2]), [40, 20]);
    }
}
