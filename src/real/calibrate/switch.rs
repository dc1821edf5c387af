//! Switches and wake-ups on one CPU.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::program::native::{Noted, What};
use crate::program::syscall::NAMES;
use crate::real::ftrace::Point;

use super::bench::{Bench, Shown, Stop};
use super::found::{Curve, Found};
use super::registry::Measurement;
use super::sample::Sample;
use super::text::{Text, batches, loops, repeat};
use super::user::sample;

pub const SWITCH: Measurement = Measurement {
    name: "switch",
    what: "a switch between two processes",
    how: "Two processes on one CPU yield to each other: from one's call to the other's, less a yield that nobody follows.",
    keys: &["switch"],
    measure: switch,
};

pub const RINGS: Measurement = Measurement {
    name: "rings",
    what: "a wake-up, and what a switch costs more among many processes",
    how: "Processes on one CPU hand a byte round through pipes. A hop of two, less its calls and its switch, is the wake-up; the kernel's own trace of a shorter run says how many of each there are in a hop. What a hop of 4, 8 or 16 takes longer is added to their switches.",
    keys: &["wakeup", "switch-cold"],
    measure: rings,
};

const SIZES: &[usize] = &[2, 4, 8, 16];

fn switch(bench: &mut Bench<'_>, found: &mut Found) -> Result<(), Stop> {
    const YIELDS: usize = 256;
    let steps = batches("yield", bench.batches(40), &loops(YIELDS, "{ yield = true },\n"));
    let text = Text::default().process("one", 0, &steps).process("other", 0, &steps);
    let shown = bench.run(&text, 1)?;
    let speed = shown.marks.speed();
    let gaps = hand_overs(&shown.measured.notes, "sched_yield");
    let gaps: Vec<f64> = gaps.into_iter().map(|gap| gap as f64 * speed).collect();
    let alone = found.around() + found.of_call("sched_yield");
    let gap = sample(&gaps)?;
    let source = format!("{:.0} ns from one's yield to the other's, less a yield alone", gap.median);
    found.scalar("switch", gap.less(alone), source);
    Ok(())
}

/// From a thread's entry into a call to another thread's next entry, wherever they follow each other.
fn hand_overs(notes: &[Noted], call: &str) -> Vec<u64> {
    let named = |noted: &&Noted| {
        noted.note.what == What::Enter && NAMES.get(noted.note.first as usize) == Some(&call)
    };
    let entered: Vec<&Noted> = notes.iter().filter(named).collect();
    let pairs = entered.windows(2).filter(|pair| pair[0].task != pair[1].task);
    pairs.map(|pair| pair[1].note.at - pair[0].note.at).collect()
}

fn rings(bench: &mut Bench<'_>, found: &mut Found) -> Result<(), Stop> {
    const ROUNDS: usize = 64;
    let count = bench.batches(40);
    let mut hops: Vec<(usize, Sample)> = Vec::new();
    for &size in SIZES {
        let shown = bench.run(&ring(size, count, ROUNDS), 1)?;
        hops.push((size, sample(&shown.marks.periods("ring", ROUNDS * size))?));
    }
    let traced = bench.trace(&ring(2, bench.batches(10).min(10), ROUNDS), 1)?;
    let (wakeups, switches) = traced.as_ref().and_then(in_a_hop).unwrap_or((1.0, 1.0));
    let hop = hops[0].1;
    let bytes = found.of_copy("pipe-write", 1) + found.of_copy("pipe-read", 1);
    let calls = 2.0 * found.around() + found.of_call("write") + found.of_call("read") + bytes;
    let left = hop.less(calls + switches * found.of("switch")).times(1.0 / wakeups.max(0.1));
    let counted = if traced.is_some() { "counted" } else { "assumed" };
    let source = format!(
        "a hop through a pipe takes {:.0} ns, less calls ({calls:.0}) and switch; {counted}: {wakeups:.2} wake-ups and {switches:.2} switches in a hop",
        hop.median
    );
    found.scalar("wakeup", left, source);
    let points = hops.iter().map(|(size, sample)| (*size as u64, sample.less(hop.median))).collect();
    let source = "hops in rings of so many processes, less a hop of two".to_owned();
    found.cold = Some(Curve { points, source });
    Ok(())
}

/// A ring of processes on the first CPU; the first of them keeps the time.
fn ring(size: usize, count: usize, rounds: usize) -> Text {
    let mut objects = String::new();
    for number in 0..size {
        let _ = writeln!(objects, "[pipe.p{number}]");
    }
    let write = |to: usize| format!("{{ write = \"p{to}\", bytes = \"1B\" }},\n");
    let read = |from: usize| format!("{{ read = \"p{from}\", bytes = \"1B\" }},\n");
    let first = batches("ring", count, &loops(rounds, &(write(1 % size) + &read(0))));
    let mut text = Text::default().objects(&objects).process("first", 0, &first);
    for number in 1..size {
        let pass = read(number) + &write((number + 1) % size);
        text = text.process(&format!("next{number}"), 0, &repeat(count * rounds, &pass));
    }
    text
}

/// Wake-ups and switches for each write, as the kernel saw them.
fn in_a_hop(shown: &Shown) -> Option<(f64, f64)> {
    let seen = shown.seen()?;
    let threads: BTreeSet<i64> = shown.measured.rows.iter().map(|row| i64::from(row.host_thread)).collect();
    let begun = shown.measured.start;
    let count = |point, place: usize| {
        let own = seen.events.iter().filter(|event| event.point == point && event.at > begun);
        own.filter(|event| threads.contains(&event.values[place])).count() as f64
    };
    let sends = shown.measured.notes.iter().filter(|noted| noted.note.what == What::Send).count() as f64;
    (sends > 0.0).then(|| (count(Point::Wakeup, 0) / sends, count(Point::Switch, 2) / sends))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{StepId, Tid};
    use crate::program::native::Note;

    #[test]
    fn only_what_another_thread_follows_is_a_hand_over() {
        let call = NAMES.iter().position(|name| *name == "sched_yield").unwrap() as i64;
        let noted = |task, at, what, first| Noted {
            task: Tid(task),
            note: Note { at, step: StepId::NONE, what, first, second: 0 },
        };
        let notes = [
            noted(2, 100, What::Enter, call),
            noted(2, 180, What::Leave, call),
            noted(2, 200, What::Enter, call),
            noted(3, 260, What::Leave, call),
            noted(3, 270, What::Enter, call),
            noted(2, 330, What::Enter, call),
            noted(3, 400, What::Enter, call + 1),
        ];
        assert_eq!(hand_overs(&notes, "sched_yield"), [70, 60]);
    }
}
