//! The loop that every thread of a real run executes: the lowered program, instruction by
//! instruction. Its counterpart is [`sim::user`](crate::sim), which does the same on the simulated
//! machine.

use crate::errno::Errno;
use crate::kernel::dispositions::Unfinished;
use crate::os::{clock, memory, process, signal};
use crate::program::call::{Awaits, RESTART, SystemCall};
use crate::program::instruction::{Access, Fact, Instruction, Note as Told, OnError};
use crate::program::native::{Native, What};
use crate::program::syscall::{self, Syscall};
use crate::program::value::DivideByZero;
use crate::program::{Memory, Variable};
use crate::trace::Exception;

use super::signals;

/// An operand's value. Where it divides by zero, the processor's exception ends the process, or its
/// handler runs and the instruction is executed again.
macro_rules! value {
    ($native:ident, $at:ident, $operand:expr) => {
        match $native.value($operand) {
            Ok(value) => value,
            Err(DivideByZero) => {
                process::raise(Exception::DivideError);
                again(&mut $native, $at);
                continue;
            }
        }
    };
}

/// A shared element; one that doesn't exist is memory that isn't the process's.
macro_rules! cell {
    ($native:ident, $at:ident, $cell:expr) => {{
        value!($native, $at, $cell.index);
        match $native.cell($cell) {
            Some(cell) => cell,
            None => {
                again(&mut $native, $at);
                continue;
            }
        }
    }};
}

/// An instruction that was refused is executed again after its signal's handler.
#[cold]
fn again(native: &mut Native, at: usize) {
    native.user.next = at as u32;
}

/// Executes the thread's program to its end. A process's first thread never returns.
pub fn run(mut native: Native) {
    loop {
        if signal::has_arrived() {
            signals::deliver(&mut native);
        }
        if native.unfinished != Unfinished::default() && !go_on(&mut native) {
            return;
        }
        let program = &native.world.image.programs[usize::from(native.user.program.0)];
        let at = native.user.next as usize;
        native.step = program.steps[at];
        let instruction = program.code[at];
        native.user.next += 1;
        match instruction {
            Instruction::Compute(amount) => {
                let nanos = native.user.draw(amount, &native.world.image);
                signals::compute(&mut native, nanos);
            }
            Instruction::Touch { memory, first, pages, access } => {
                let image = &native.world.image;
                let (first, pages) = (native.user.draw(first, image), native.user.draw(pages, image));
                touch(&native, memory, first, pages, access);
            }
            Instruction::TouchKernel { access } => {
                memory::touch_kernel(access == Access::Write);
                again(&mut native, at);
            }
            Instruction::Set { variable, value } => {
                let value = value!(native, at, value);
                native.user.set(Some(variable), value);
            }
            Instruction::Ring(work) => {
                if !work.execute(&mut native) {
                    memory::touch_kernel(true);
                    again(&mut native, at);
                }
            }
            Instruction::InMemory(deed) => native.user.in_memory(deed, &native.world.image),
            Instruction::Buffer(work) => {
                native.world.spin.work(work.cost(&native.user).as_nanos());
                work.apply(&mut native.user);
            }
            Instruction::Load { into, cell } => {
                let value = cell!(native, at, cell).load();
                native.user.set(Some(into), value);
            }
            Instruction::LoadBits { into, cell } => {
                let bits = cell!(native, at, cell).bits();
                native.user.set(Some(into), bits);
            }
            Instruction::Store { cell, value } => {
                let value = value!(native, at, value);
                cell!(native, at, cell).store(value);
            }
            Instruction::AtomicAdd { cell, value, old } => {
                let value = value!(native, at, value);
                let before = cell!(native, at, cell).add(value);
                native.user.set(old, before);
            }
            Instruction::CompareSwap { cell, expected, new, old } => {
                let (expected, new) = (value!(native, at, expected), value!(native, at, new));
                let before = cell!(native, at, cell).compare_swap(expected, new);
                native.user.set(old, before);
            }
            Instruction::Exchange { cell, new, old } => {
                let new = value!(native, at, new);
                let before = cell!(native, at, cell).swap(new);
                native.user.set(Some(old), before);
            }
            Instruction::Learn { into, what } => {
                let value = match what {
                    Fact::Thread => i64::from(process::gettid()),
                    Fact::Leads => {
                        let leads = native.task == native.process.leader();
                        i64::from(leads && !native.user.is_handler())
                    }
                    Fact::Deadline(time) => {
                        let time = native.user.draw(time, &native.world.image);
                        i64::try_from(clock::now().saturating_add(time)).unwrap_or(i64::MAX)
                    }
                };
                native.user.set(Some(into), value);
            }
            Instruction::Copy { memory, bytes, access } => {
                if let Some(mapping) = native.world.mapping(memory) {
                    mapping.copy(bytes, access == Access::Write);
                }
            }
            Instruction::Jump(target) => native.user.next = target,
            Instruction::JumpIfZero { condition, target } => {
                if value!(native, at, condition) == 0 {
                    native.user.next = target;
                }
            }
            Instruction::Loop { counter: Variable(slot), target } => {
                let counter = &mut native.user.variables[usize::from(slot)];
                *counter -= 1;
                if *counter > 0 {
                    native.user.next = target;
                }
            }
            Instruction::LoopStart { counter, times, past } => {
                let times = value!(native, at, times);
                native.user.set(Some(counter), times);
                if times <= 0 {
                    native.user.next = past;
                }
            }
            Instruction::Syscall { call, result, on_error } => {
                if !make(&mut native, &call, result, on_error) {
                    return;
                }
            }
            Instruction::Print(text) => {
                let text_of = |native: &Native| native.world.image.texts[text.0 as usize].values.clone();
                native.note(What::Print, i64::from(text.0), 0);
                for value in text_of(&native) {
                    let value = native.value(value).unwrap_or(0);
                    native.note(What::Value, value, 0);
                }
            }
            Instruction::Assert { condition, text } => {
                if value!(native, at, condition) == 0 {
                    native.note(What::AssertFailed, i64::from(text.0), 0);
                    for value in native.user.variables.iter().copied().collect::<Vec<_>>() {
                        native.note(What::Value, value, 0);
                    }
                    native.world.board.stop();
                    native.exit(1);
                }
            }
            Instruction::Raise(exception) => {
                process::raise(exception);
                again(&mut native, at);
            }
            Instruction::Note(Told::Contended { object }) => {
                native.note(What::Contended, i64::from(object.0), 0)
            }
            Instruction::Note(Told::Acquired { object } | Told::Joined { object }) => {
                native.note(What::Acquired, i64::from(object.0), 0)
            }
            Instruction::Note(Told::Released { object } | Told::Left { object }) => {
                native.note(What::Released, i64::from(object.0), 0)
            }
            Instruction::CloseUnused(list) => {
                for &fd in &native.world.image.fd_lists[list.0 as usize] {
                    let _ = crate::os::file::close(native.world.descriptor(fd));
                }
            }
            Instruction::End if native.user.is_handler() => signals::end_of_handler(&mut native),
            Instruction::End => {
                end(&mut native, 0);
                return;
            }
        }
    }
}

/// What a handler has interrupted goes on; false if the thread's program is over.
#[cold]
fn go_on(native: &mut Native) -> bool {
    let Unfinished { left, failed } = std::mem::take(&mut native.unfinished);
    if let Some(returned) = failed {
        let program = &native.world.image.programs[usize::from(native.user.program.0)];
        native.step = program.steps[native.user.next as usize - 1];
        fail(native, returned);
        return false;
    }
    signals::compute(native, left.as_nanos());
    true
}

/// A call has failed without which the program can't go on.
fn fail(native: &mut Native, returned: i64) {
    native.note(What::Failed, returned, 0);
    end(native, 1);
}

fn touch(native: &Native, object: Memory, first: u64, pages: u64, access: Access) {
    let Some(mapping) = native.world.mapping(object) else {
        // A heap that the process hasn't got.
        return memory::touch_kernel(access == Access::Write);
    };
    for page in first..first.saturating_add(pages) {
        mapping.touch(page.saturating_mul(4096), access == Access::Write);
    }
}

/// Makes a call; false if the thread's program is over.
fn make(native: &mut Native, call: &Syscall, result: Option<Variable>, on_error: OnError) -> bool {
    native.user.call = call.id();
    let waits = call.waits(&native.world.image);
    // While a timer is set, nobody can say that nothing will happen any more.
    let ends = call.ends_by_itself() || native.world.image.sets_timers;
    let for_ever = waits.is_some_and(Awaits::may_be_for_ever) && !ends;
    let mark = if for_ever { native.next_mark() } else { 0 };
    let mark = if native.timer_set && mark != 0 && timer_runs(native) { 0 } else { mark };
    native.world.board.does(native.task, mark);
    native.enter();
    let caller = native.task;
    let at = native.user.next - 1;
    signal::in_call(waits.is_some());
    let mut returned = call.execute(native).unwrap_or_else(Errno::result);
    signal::in_call(false);
    native.world.board.does(native.task, 0);
    let arrived = native.task == caller && signal::has_arrived();
    if arrived {
        returned = signals::after_call(native, call, returned);
    } else if native.task == caller {
        native.user.repeats = false;
    }
    native.note(What::Leave, i64::from(native.user.call.0), returned);
    // The child of a fork has come back here as well: the variable is one of its parent's program.
    if native.task == caller && returned == RESTART {
        (native.user.next, native.user.repeats) = (at, true);
        return true;
    }
    if native.task == caller {
        native.user.set(result, returned);
    }
    if returned < 0 && on_error == OnError::Exit {
        if arrived {
            native.unfinished.failed = Some(returned);
            return true;
        }
        fail(native, returned);
        return false;
    }
    true
}

/// Whether the process's timer will send a signal, so that nobody waits for ever.
fn timer_runs(native: &mut Native) -> bool {
    native.timer_set = !signal::interval_left().is_zero();
    native.timer_set
}

/// The program is over: a first thread takes its process with it.
fn end(native: &mut Native, status: u16) {
    native.user.call = syscall::EXIT;
    native.enter();
    if native.task == native.process.leader() {
        native.exit(status);
    }
    native.note(What::Exit, i64::from(status), 0);
    native.world.board.has_ended(native.task, status);
    if signal::catches_any() {
        native.world.board.tell_joiners(native.task);
    }
}
