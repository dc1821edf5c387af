//! Locks and semaphores under every interleaving: the lowered instructions of a few threads are
//! executed in all orders, with sleeping and waking on futexes.

use std::collections::BTreeSet;

use super::super::*;
use super::image;
use crate::program::instruction::{Instruction, Note};
use crate::program::syscall::Syscall;
use crate::program::value::{Operand, Variable};

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct State {
    cells: Vec<i64>,
    threads: Vec<Thread>,
    /// Sleepers in the order of their arrival: cell and thread.
    asleep: Vec<(u32, usize)>,
    inside: i64,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Thread {
    next: u32,
    variables: Vec<i64>,
}

/// Executes thread `who`'s next instruction; false if it has ended.
fn step(state: &mut State, who: usize, image: &Image, most: i64) -> bool {
    let code = &image.programs[0].code;
    let thread = &mut state.threads[who];
    let value = |operand: Operand, variables: &[i64]| {
        image.expressions.evaluate(operand, variables).expect("no division")
    };
    let instruction = code[thread.next as usize];
    thread.next += 1;
    let put = |thread: &mut Thread, variable: Option<Variable>, value| {
        if let Some(Variable(slot)) = variable {
            thread.variables[usize::from(slot)] = value;
        }
    };
    match instruction {
        Instruction::CompareSwap { cell, expected, new, old } => {
            let (expected, new) = (value(expected, &thread.variables), value(new, &thread.variables));
            let place = &mut state.cells[cell.array.0 as usize];
            put(thread, old, *place);
            if *place == expected {
                *place = new;
            }
        }
        Instruction::Exchange { cell, new, old } => {
            let new = value(new, &thread.variables);
            let was = std::mem::replace(&mut state.cells[cell.array.0 as usize], new);
            put(thread, Some(old), was);
        }
        Instruction::AtomicAdd { cell, value: by, old } => {
            let place = &mut state.cells[cell.array.0 as usize];
            put(thread, old, *place);
            *place += value(by, &thread.variables);
        }
        Instruction::Load { into, cell } => put(thread, Some(into), state.cells[cell.array.0 as usize]),
        Instruction::Jump(target) => thread.next = target,
        Instruction::JumpIfZero { condition, target } => {
            if value(condition, &thread.variables) == 0 {
                thread.next = target;
            }
        }
        Instruction::Note(Note::Acquired { .. }) => {
            state.inside += 1;
            assert!(state.inside <= most, "more than {most} hold it");
        }
        Instruction::Note(Note::Contended { .. }) | Instruction::Compute(_) => {}
        // Counted at the unlocking instruction itself, which comes right before.
        Instruction::Note(Note::Released { .. }) => {}
        Instruction::Syscall { call: Syscall::FutexWait(wait), .. } => {
            let cell = wait.cell.array.0;
            if state.cells[cell as usize] == value(wait.expected, &thread.variables) {
                state.asleep.push((cell, who));
            }
        }
        Instruction::Syscall { call: Syscall::FutexWake(wake), .. } => {
            let cell = wake.cell.array.0;
            if let Some(first) = state.asleep.iter().position(|(at, _)| *at == cell) {
                state.asleep.remove(first);
            }
        }
        Instruction::End => {
            thread.next -= 1;
            return false;
        }
        other => panic!("{other:?} isn't expected here"),
    }
    // What follows a release at the same instant belongs to it.
    let thread = &state.threads[who];
    if matches!(code[thread.next as usize], Instruction::Note(Note::Released { .. })) {
        state.inside -= 1;
    }
    true
}

/// Goes through all states that the threads can reach; returns how many there are.
fn explore(text: &str, threads: usize, most: i64) -> usize {
    let image = image(text);
    let thread = Thread { next: 0, variables: vec![0; image.programs[0].variables.len()] };
    let first = State {
        cells: image.arrays.iter().map(|array| array.initial[0]).collect(),
        threads: vec![thread; threads],
        asleep: Vec::new(),
        inside: 0,
    };
    let mut seen = BTreeSet::from([first.clone()]);
    let mut waiting = vec![first];
    while let Some(state) = waiting.pop() {
        let mut stuck = true;
        for who in 0..threads {
            if state.asleep.iter().any(|(_, sleeper)| *sleeper == who) {
                continue;
            }
            let mut next = state.clone();
            if step(&mut next, who, &image, most) {
                stuck = false;
                if seen.insert(next.clone()) {
                    waiting.push(next);
                }
            }
        }
        assert!(!stuck || state.asleep.is_empty(), "a thread sleeps for ever: a lost wake-up");
    }
    seen.len()
}

#[test]
fn a_mutex_excludes_and_loses_no_wake_up_in_any_interleaving() {
    let text = "format = 1\n[mutex.m]\n[process.a]\nsteps = [ { lock = \"m\" }, { compute = \"1us\" }, { unlock = \"m\" } ]";
    assert!(explore(text, 2, 1) > 50);
    assert!(explore(text, 3, 1) > 1_000);
}

#[test]
fn a_semaphore_admits_so_many_and_loses_no_wake_up_in_any_interleaving() {
    let text = |value| {
        format!(
            "format = 1\n[semaphore.s]\nvalue = {value}\n[process.a]\nsteps = [ {{ sem-wait = \"s\" }}, {{ compute = \"1us\" }}, {{ sem-post = \"s\" }} ]"
        )
    };
    assert!(explore(&text(1), 2, 1) > 50);
    assert!(explore(&text(1), 3, 1) > 1_000);
    assert!(explore(&text(2), 3, 2) > 1_000);
}
