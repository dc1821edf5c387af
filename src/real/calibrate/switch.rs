//! Switches and wake-ups on one CPU.

use std::fmt::Write;

use crate::ids::Tid;
use crate::program::native::{Noted, What};
use crate::program::syscall::NAMES;

use super::bench::{Bench, Shown, Stop};
use super::found::{Curve, Found};
use super::registry::Measurement;
use super::sample::Sample;
use super::text::{Text, batches, loops, repeat};
use super::user::sample;

pub const SWITCH: Measurement = Measurement {
    name: "switch",
    what: "a switch and a wake-up on one CPU",
    how: "Two processes on one CPU hand a byte to and fro through pipes. From one's entry into a read that blocks to the other's next note: a call and a switch. From one's entry into a write to the note of the other, which was waiting: a call, a wake-up and a switch. If the woken process doesn't get the CPU at once, the wake-up is what the write takes longer.",
    keys: &["switch", "wakeup"],
    measure: switch,
};

pub const RINGS: Measurement = Measurement {
    name: "rings",
    what: "what a switch costs more among many processes",
    how: "2, 4, 8 and 16 processes on one CPU hand a byte round. What a hop takes longer than among two is added to the switch.",
    keys: &["switch-cold"],
    measure: rings,
};

const SIZES: &[usize] = &[2, 4, 8, 16];
const ROUNDS: usize = 64;
/// So many of a kind are enough to tell.
const ENOUGH: usize = 20;

/// How the CPU went from one thread to another, by notes: which call the first was in, which the
/// other came out of, and the time from entry to the other's first note. `to` is the same call if
/// the thread came out of its own call and nobody else had the CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Passing {
    from: &'static str,
    to: &'static str,
    nanos: u64,
}

/// What the calls of several threads on one CPU led to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Passings {
    /// Another thread had the CPU next.
    switched: Vec<Passing>,
    /// The thread kept the CPU; another was inside of a read meanwhile.
    kept: Vec<Passing>,
}

fn passings(notes: &[Noted]) -> Passings {
    let mut passings = Passings::default();
    let mut inside: Vec<(Tid, &'static str, u64)> = Vec::new();
    let mut last = None;
    for Noted { task, note } in notes {
        let named = NAMES.get(note.first as usize).copied().unwrap_or("");
        match note.what {
            What::Enter => {
                inside.retain(|(other, ..)| other != task);
                inside.push((*task, named, note.at));
                last = Some(*task);
            }
            What::Send => {}
            What::Receive | What::Leave => {
                let own = inside.iter().find(|(other, ..)| other == task).copied();
                let before = last.and_then(|last| inside.iter().find(|(other, ..)| *other == last)).copied();
                if let (Some((_, to, own_enter)), Some((other, from, enter))) = (own, before) {
                    if other != *task {
                        passings.switched.push(Passing { from, to, nanos: note.at - enter });
                    } else if note.what == What::Leave
                        && inside.iter().any(|(waits, call, _)| waits != task && *call == "read")
                    {
                        passings.kept.push(Passing { from, to, nanos: note.at - own_enter });
                    }
                }
                if note.what == What::Leave {
                    inside.retain(|(other, ..)| other != task);
                }
                last = Some(*task);
            }
            _ => last = Some(*task),
        }
    }
    passings
}

fn switch(bench: &mut Bench<'_>, found: &mut Found) -> Result<(), Stop> {
    let shown = bench.run(&ring(2, bench.batches(40), ROUNDS), 1)?;
    let passings = passings(&shown.measured.notes);
    let of = |list: &[Passing], from: &str, to: &[&str]| -> Vec<f64> {
        let fitting = list.iter().filter(|passing| passing.from == from && to.contains(&passing.to));
        shown.beyond_empty(fitting.map(|passing| passing.nanos))
    };
    let blocked = sample(&of(&passings.switched, "read", &["read", "write"]))?;
    let (write, read) = (found.of_call("write"), found.of_call("read"));
    let getpid = found.of_call("getpid");
    let switch = blocked.less(read - getpid);
    let source = format!(
        "from a read that blocks to the other's next note, {:.0} ns more than an empty call, less the read's body",
        blocked.median
    );
    found.scalar("switch", switch, source);
    let woken = of(&passings.switched, "write", &["read"]);
    if woken.len() >= ENOUGH {
        let woken = sample(&woken)?;
        let source = format!(
            "from a write to the note of the one that waited, {:.0} ns more than an empty call, less the write's body and the switch",
            woken.median
        );
        found.scalar("wakeup", woken.less(write - getpid + switch.median), source);
    } else {
        let longer = sample(&of(&passings.kept, "write", &["write"]))?;
        let source = "what a write takes longer if somebody waits".to_owned();
        found.scalar("wakeup", longer.less(write - getpid), source);
    }
    Ok(())
}

fn rings(bench: &mut Bench<'_>, found: &mut Found) -> Result<(), Stop> {
    let count = bench.batches(30);
    let mut hops: Vec<(u64, Sample)> = Vec::new();
    for &size in SIZES {
        let shown: Shown = bench.run(&ring(size, count, ROUNDS), 1)?;
        hops.push((size as u64, sample(&shown.marks.periods("ring", ROUNDS * size))?));
    }
    let first = hops[0].1.median;
    let points = hops.into_iter().map(|(size, hop)| (size, hop.less(first))).collect();
    let source = format!("hops in rings of so many processes, less {first:.0} ns for a hop among two");
    found.cold = Some(Curve { points, source });
    Ok(())
}

/// A ring of processes on the first CPU; the first of them keeps the time.
pub fn ring(size: usize, count: usize, rounds: usize) -> Text {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::StepId;
    use crate::program::native::Note;

    #[test]
    fn notes_tell_how_the_cpu_went_from_thread_to_thread() {
        let call = |name| NAMES.iter().position(|known| *known == name).unwrap() as i64;
        let (read, write) = (call("read"), call("write"));
        let noted = |task, at, what, first| Noted {
            task: Tid(task),
            note: Note { at, step: StepId::NONE, what, first, second: 0 },
        };
        let notes = [
            // 3 waits; 2 writes and loses the CPU to it.
            noted(3, 100, What::Enter, read),
            noted(2, 200, What::Enter, write),
            noted(2, 200, What::Send, 9),
            noted(3, 290, What::Receive, 9),
            noted(3, 300, What::Leave, read),
            // 3 writes to nobody who waits, and reads in vain: 2 returns from its write.
            noted(3, 310, What::Enter, write),
            noted(3, 310, What::Send, 8),
            noted(3, 360, What::Leave, write),
            noted(3, 370, What::Enter, read),
            noted(2, 440, What::Leave, write),
            // 2 reads what is there while 3 waits, and writes without losing the CPU.
            noted(2, 450, What::Enter, write),
            noted(2, 530, What::Leave, write),
        ];
        let passings = passings(&notes);
        let passing = |from, to, nanos| Passing { from, to, nanos };
        assert_eq!(passings.switched, [passing("write", "read", 90), passing("read", "write", 70)]);
        assert_eq!(passings.kept, [passing("write", "write", 80)]);
    }
}
