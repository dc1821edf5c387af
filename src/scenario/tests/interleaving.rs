//! Locks, semaphores, conditions and barriers under every interleaving: the lowered instructions of a few
//! threads are executed in all orders, with sleeping and waking on futexes, and time limits that pass at any
//! moment.

use std::collections::BTreeSet;

use super::super::*;
use super::image;
use crate::errno::Errno;
use crate::program::instruction::{Cell, Instruction, Note};
use crate::program::syscall::{Limit, Syscall};
use crate::program::value::{Operand, Variable};

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct State {
    arrays: Vec<Vec<i64>>,
    threads: Vec<Thread>,
    /// In the order of their arrival.
    asleep: Vec<Sleeper>,
    /// How many hold a lock alone, and how many together.
    inside: i64,
    together: i64,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Thread {
    next: u32,
    variables: Vec<i64>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Sleeper {
    word: (u32, i64),
    who: usize,
    is_limited: bool,
    result: Option<u16>,
}

impl State {
    fn cell(&mut self, cell: Cell, index: i64) -> &mut i64 {
        &mut self.arrays[cell.array.0 as usize][usize::try_from(index).expect("an element")]
    }

    /// Wakes so many of those who sleep on a word, or moves them to another one.
    fn rouse(&mut self, word: (u32, i64), most: i64, to: Option<(u32, i64)>) -> i64 {
        let mut count = 0;
        while count < most
            && let Some(place) = self.asleep.iter().position(|sleeper| sleeper.word == word)
        {
            let sleeper = self.asleep.remove(place);
            if let Some(word) = to {
                self.asleep.push(Sleeper { word, ..sleeper });
            }
            count += 1;
        }
        count
    }

    /// The note that stands before a thread's next instruction happens at the same instant as the one before.
    fn take_note(&mut self, note: Note, most: i64) {
        match note {
            Note::Acquired { .. } => {
                self.inside += 1;
                assert!(self.inside <= most, "more than {most} hold it");
                assert_eq!(self.together, 0, "it is held together with others");
            }
            Note::Joined { .. } => {
                self.together += 1;
                assert_eq!(self.inside, 0, "another one holds it alone");
            }
            // Counted at the instruction that comes right before.
            Note::Released { .. } | Note::Left { .. } | Note::Contended { .. } => {}
        }
    }
}

/// Executes thread `who`'s next instruction; false if it has ended.
fn step(state: &mut State, who: usize, image: &Image, most: i64) -> bool {
    let code = &image.programs[0].code;
    let variables = state.threads[who].variables.clone();
    let value = |operand: Operand| image.expressions.evaluate(operand, &variables).expect("no division");
    let at = state.threads[who].next as usize;
    state.threads[who].next += 1;
    let place = |cell: Cell| (cell.array.0, value(cell.index));
    let put = |state: &mut State, variable: Option<Variable>, value| {
        if let Some(Variable(slot)) = variable {
            state.threads[who].variables[usize::from(slot)] = value;
        }
    };
    match code[at] {
        Instruction::CompareSwap { cell, expected, new, old } => {
            let there = state.cell(cell, value(cell.index));
            let before = *there;
            if before == value(expected) {
                *there = value(new);
            }
            put(state, old, before);
        }
        Instruction::Exchange { cell, new, old } => {
            let before = std::mem::replace(state.cell(cell, value(cell.index)), value(new));
            put(state, Some(old), before);
        }
        Instruction::AtomicAdd { cell, value: by, old } => {
            let there = state.cell(cell, value(cell.index));
            let before = *there;
            *there += value(by);
            put(state, old, before);
        }
        Instruction::Load { into, cell } => {
            let there = *state.cell(cell, value(cell.index));
            put(state, Some(into), there);
        }
        Instruction::Store { cell, value: new } => *state.cell(cell, value(cell.index)) = value(new),
        Instruction::Set { variable, value: new } => put(state, Some(variable), value(new)),
        // When a time limit passes is tried out anyway.
        Instruction::Learn { .. } | Instruction::Compute(_) => {}
        Instruction::Jump(target) => state.threads[who].next = target,
        Instruction::JumpIfZero { condition, target } => {
            if value(condition) == 0 {
                state.threads[who].next = target;
            }
        }
        Instruction::Assert { condition, .. } => assert_ne!(value(condition), 0, "an assertion fails"),
        Instruction::Note(note) => state.take_note(note, most),
        Instruction::Syscall { call: Syscall::FutexWait(wait), result, .. } => {
            let same = *state.cell(wait.cell, value(wait.cell.index)) == value(wait.expected);
            put(state, result, if same { 0 } else { Errno::EAGAIN.result() });
            if same {
                let is_limited = wait.limit != Limit::Never;
                let result = result.map(|Variable(slot)| slot);
                state.asleep.push(Sleeper { word: place(wait.cell), who, is_limited, result });
            }
        }
        Instruction::Syscall { call: Syscall::FutexWake(wake), .. } => {
            state.rouse(place(wake.cell), value(wake.count), None);
        }
        Instruction::Syscall { call: Syscall::FutexRequeue(call), result, .. } => {
            let expected = call.expected.map(value);
            let now = *state.cell(call.from, value(call.from.index));
            let answer = if expected.is_some_and(|expected| expected != now) {
                Errno::EAGAIN.result()
            } else {
                let from = place(call.from);
                let woken = state.rouse(from, value(call.wake), None);
                woken + state.rouse(from, value(call.others), Some(place(call.to)))
            };
            put(state, result, answer);
        }
        Instruction::End => {
            state.threads[who].next -= 1;
            return false;
        }
        other => panic!("{other:?} isn't expected here"),
    }
    // What follows a release at the same instant belongs to it.
    match code[state.threads[who].next as usize] {
        Instruction::Note(Note::Released { .. }) => state.inside -= 1,
        Instruction::Note(Note::Left { .. }) => state.together -= 1,
        _ => {}
    }
    true
}

/// Whether nobody else can notice when a thread executes an instruction.
fn is_private(instruction: &Instruction) -> bool {
    matches!(
        instruction,
        Instruction::Set { .. }
            | Instruction::Learn { .. }
            | Instruction::Compute(_)
            | Instruction::Jump(_)
            | Instruction::JumpIfZero { .. }
            | Instruction::Note(_)
            | Instruction::Assert { .. }
    )
}

/// Executes thread `who`'s next instruction and all private ones behind it: other threads could be anywhere
/// between those, which makes no difference. False if it has ended.
fn steps(state: &mut State, who: usize, image: &Image, most: i64) -> bool {
    if !step(state, who, image, most) {
        return false;
    }
    let code = &image.programs[0].code;
    while is_private(&code[state.threads[who].next as usize])
        && !state.asleep.iter().any(|sleeper| sleeper.who == who)
    {
        step(state, who, image, most);
    }
    true
}

/// Goes through all states that the threads can reach; returns how many there are.
fn explore(text: &str, threads: usize, most: i64) -> usize {
    let image = image(text);
    let thread = Thread { next: 0, variables: vec![0; image.programs[0].variables.len()] };
    let first = State {
        arrays: image.arrays.iter().map(|array| array.initial.clone()).collect(),
        threads: vec![thread; threads],
        asleep: Vec::new(),
        inside: 0,
        together: 0,
    };
    let mut seen = BTreeSet::from([first.clone()]);
    let mut waiting = vec![first];
    while let Some(state) = waiting.pop() {
        let mut stuck = true;
        let mut reached = Vec::new();
        for who in 0..threads {
            let sleeper = state.asleep.iter().position(|sleeper| sleeper.who == who);
            let mut next = state.clone();
            match sleeper.map(|place| (place, state.asleep[place])) {
                Some((place, Sleeper { is_limited: true, result, .. })) => {
                    next.asleep.remove(place);
                    if let Some(slot) = result {
                        next.threads[who].variables[usize::from(slot)] = Errno::ETIMEDOUT.result();
                    }
                }
                Some(_) => continue,
                None if !steps(&mut next, who, &image, most) => continue,
                None => {}
            }
            stuck = false;
            reached.push(next);
        }
        assert!(!stuck || state.asleep.is_empty(), "a thread sleeps for ever: a lost wake-up");
        waiting.extend(reached.into_iter().filter(|next| seen.insert(next.clone())));
    }
    seen.len()
}

#[test]
fn a_mutex_excludes_and_loses_no_wake_up_in_any_interleaving() {
    let text = "format = 1\n[mutex.m]\n[process.a]\nsteps = [ { lock = \"m\" }, { compute = \"1us\" }, { unlock = \"m\" } ]";
    assert!(explore(text, 2, 1) > 10);
    assert!(explore(text, 3, 1) > 10);
}

#[test]
fn a_semaphore_admits_so_many_and_loses_no_wake_up_in_any_interleaving() {
    let text = |value| {
        format!(
            "format = 1\n[semaphore.s]\nvalue = {value}\n[process.a]\nsteps = [ {{ sem-wait = \"s\" }}, {{ compute = \"1us\" }}, {{ sem-post = \"s\" }} ]"
        )
    };
    assert!(explore(&text(1), 2, 1) > 10);
    assert!(explore(&text(1), 3, 1) > 10);
    assert!(explore(&text(2), 3, 2) > 10);
}

fn scenario(objects: &str, steps: &str) -> String {
    format!("format = 1\n[shm.s]\ncells = {{ x = 0, y = 0 }}\n{objects}\n[process.a]\nsteps = [ {steps} ]")
}

#[test]
fn a_thread_that_gives_up_takes_no_wake_up_from_others() {
    let lock = "{ lock = \"m\", timeout = \"1ms\", result = \"r\" }, { if = \"r == 0\", then = [ { compute = \"1us\" }, { unlock = \"m\" } ] }";
    assert!(explore(&scenario("[mutex.m]", lock), 3, 1) > 10);
    let wait = "{ sem-wait = \"s1\", timeout = \"1ms\", result = \"r\" }, { if = \"r == 0\", then = [ { compute = \"1us\" }, { sem-post = \"s1\" } ] }";
    assert!(explore(&scenario("[semaphore.s1]", wait), 3, 1) > 10);
}

/// The first thread that comes writes, the others read.
fn roles(writes: &str, reads: &str) -> String {
    format!(
        "{{ atomic-add = \"s.y\", value = 1, old = \"me\" }}, {{ if = \"me == 0\", then = [ {writes} ], else = [ {reads} ] }}"
    )
}

#[test]
fn a_read_write_lock_excludes_and_loses_no_wake_up_in_any_interleaving() {
    let writes = "{ write-lock = \"rw\" }, { rw-unlock = \"rw\" }";
    let reads = "{ read-lock = \"rw\" }, { rw-unlock = \"rw\" }";
    for prefer in ["readers", "writers"] {
        let lock = format!("[rwlock.rw]\nprefer = \"{prefer}\"");
        assert!(explore(&scenario(&lock, writes), 2, 1) > 10);
        assert!(explore(&scenario(&lock, &roles(writes, reads)), 3, 1) > 10);
    }
}

#[test]
fn a_writer_that_gives_up_lets_in_whom_it_kept_out() {
    let writes = "{ write-lock = \"rw\", timeout = \"1ms\", result = \"r\" }, { if = \"r == 0\", then = [ { rw-unlock = \"rw\" } ] }";
    let reads = "{ read-lock = \"rw\" }, { rw-unlock = \"rw\" }";
    assert!(explore(&scenario("[rwlock.rw]", &roles(writes, reads)), 3, 1) > 10);
}

#[test]
fn a_condition_loses_no_signal_in_any_interleaving() {
    let waits = "{ lock = \"m\" }, { load = \"v\", from = \"s.x\" }, { while = \"v == 0\", do = [ { cond-wait = \"c\", mutex = \"m\" }, { load = \"v\", from = \"s.x\" } ] }, { unlock = \"m\" }";
    for (verb, bound) in [("cond-broadcast", "mutex = \"m\""), ("cond-broadcast", ""), ("cond-signal", "")] {
        let objects = format!("[mutex.m]\n[condition.c]\n{bound}");
        let tells = format!(
            "{{ lock = \"m\" }}, {{ store = \"s.x\", value = 1 }}, {{ {verb} = \"c\" }}, {{ unlock = \"m\" }}"
        );
        // A signal lets one go on, a broadcast all.
        let threads = if verb == "cond-signal" { 2 } else { 3 };
        assert!(explore(&scenario(&objects, &roles(&tells, waits)), threads, 1) > 10);
        // The news may also be told when the mutex has been given back.
        let tells = format!(
            "{{ lock = \"m\" }}, {{ store = \"s.x\", value = 1 }}, {{ unlock = \"m\" }}, {{ {verb} = \"c\" }}"
        );
        assert!(explore(&scenario(&objects, &roles(&tells, waits)), threads, 1) > 10);
    }
}

#[test]
fn a_barrier_lets_nobody_through_too_early_in_any_interleaving() {
    let round = |count| {
        format!(
            "{{ atomic-add = \"s.x\", value = 1 }}, {{ barrier-wait = \"b\" }}, {{ load = \"v\", from = \"s.x\" }}, {{ assert = \"v >= {count}\" }}"
        )
    };
    let two = scenario("[barrier.b]\nparties = 2", &format!("{}, {}", round(2), round(4)));
    assert!(explore(&two, 2, 1) > 10);
    let three = scenario("[barrier.b]\nparties = 3", &round(3));
    assert!(explore(&three, 3, 1) > 10);
}

#[test]
fn a_flag_and_a_once_let_everybody_through_in_any_interleaving() {
    let flag = roles("{ event-set = \"e\" }", "{ event-wait = \"e\" }");
    assert!(explore(&scenario("[event-flag.e]", &flag), 3, 1) > 10);
    let once = "{ once = \"o\", do = [ { atomic-add = \"s.x\", value = 1 } ] }, { load = \"v\", from = \"s.x\" }, { assert = \"v == 1\" }";
    assert!(explore(&scenario("[once.o]", once), 3, 1) > 10);
}

#[test]
fn a_queue_loses_no_item_in_any_interleaving() {
    let puts = "{ enqueue = \"q\", value = 5 }, { enqueue = \"q\", value = 6 }";
    let takes = "{ dequeue = \"q\", into = \"v\" }, { assert = \"v == 5\" }, { dequeue = \"q\", into = \"v\" }, { assert = \"v == 6\" }";
    assert!(explore(&scenario("[thread-queue.q]\ncapacity = 1", &roles(puts, takes)), 2, 1) > 10);
}
