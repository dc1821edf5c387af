//! The loop that every thread of a real run executes: the lowered program, instruction by
//! instruction. Its counterpart is [`sim::user`](crate::sim), which does the same on the simulated
//! machine.

use crate::errno::Errno;
use crate::kernel::bytes::Bytes;
use crate::os::{memory, process};
use crate::program::call::{Awaits, SystemCall};
use crate::program::instruction::{Access, Instruction, Note as Told, OnError};
use crate::program::native::{Native, What};
use crate::program::syscall::{self, Syscall};
use crate::program::{Memory, Variable};

/// Executes the thread's program to its end. A process's first thread never returns.
pub fn run(mut native: Native) {
    loop {
        let program = &native.world.image.programs[usize::from(native.user.program.0)];
        let at = native.user.next as usize;
        native.step = program.steps[at];
        let instruction = program.code[at];
        native.user.next += 1;
        match instruction {
            Instruction::Compute(amount) => {
                let nanos = native.user.draw(amount, &native.world.image);
                native.world.spin.work(nanos);
            }
            Instruction::Touch { memory, first, pages, access } => {
                let image = &native.world.image;
                let (first, pages) = (native.user.draw(first, image), native.user.draw(pages, image));
                touch(&native, memory, first, pages, access);
            }
            Instruction::TouchKernel { access } => memory::touch_kernel(access == Access::Write),
            Instruction::Set { variable, value } => {
                let value = native.computed(value);
                native.user.set(Some(variable), value);
            }
            Instruction::Load { into, cell } => {
                let value = native.cell(cell).map(|cell| cell.load());
                native.user.set(value.map(|_| into), value.unwrap_or(0));
            }
            Instruction::Store { cell, value } => {
                let value = native.computed(value);
                if let Some(cell) = native.cell(cell) {
                    cell.store(value);
                }
            }
            Instruction::AtomicAdd { cell, value, old } => {
                let value = native.computed(value);
                let before = native.cell(cell).map_or(0, |cell| cell.add(value));
                native.user.set(old, before);
            }
            Instruction::CompareSwap { cell, expected, new, old } => {
                let (expected, new) = (native.computed(expected), native.computed(new));
                let before = native.cell(cell).map_or(0, |cell| cell.compare_swap(expected, new));
                native.user.set(old, before);
            }
            Instruction::Exchange { cell, new, old } => {
                let new = native.computed(new);
                let before = native.cell(cell).map_or(0, |cell| cell.swap(new));
                native.user.set(Some(old), before);
            }
            Instruction::Jump(target) => native.user.next = target,
            Instruction::JumpIfZero { condition, target } => {
                if native.computed(condition) == 0 {
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
                let times = native.computed(times);
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
                if native.computed(condition) == 0 {
                    native.note(What::AssertFailed, i64::from(text.0), 0);
                    for value in native.user.variables.iter().copied().collect::<Vec<_>>() {
                        native.note(What::Value, value, 0);
                    }
                    native.world.board.stop();
                    native.exit(1);
                }
            }
            Instruction::Raise(exception) => process::raise(exception),
            Instruction::ChangeBuffer { change, cost } => {
                let bytes = native.user.buffer().map_or(0, Bytes::len);
                native.world.spin.work((cost * bytes).as_nanos());
                native.user.change_buffer(|byte| change.apply(byte));
            }
            Instruction::Note(Told::Contended { object }) => {
                native.note(What::Contended, i64::from(object.0), 0)
            }
            Instruction::Note(Told::Acquired { object }) => {
                native.note(What::Acquired, i64::from(object.0), 0)
            }
            Instruction::Note(Told::Released { object }) => {
                native.note(What::Released, i64::from(object.0), 0)
            }
            Instruction::CloseUnused(list) => {
                for &fd in &native.world.image.fd_lists[list.0 as usize] {
                    let _ = crate::os::file::close(native.world.descriptor(fd));
                }
            }
            Instruction::End => {
                end(&mut native, 0);
                return;
            }
        }
    }
}

fn touch(native: &Native, memory: Memory, first: u64, pages: u64, access: Access) {
    let Some(mapping) = native.world.mapping(memory) else { return };
    for page in first..first.saturating_add(pages) {
        mapping.touch(page.saturating_mul(4096), access == Access::Write);
    }
}

/// Makes a call; false if the thread's program is over.
fn make(native: &mut Native, call: &Syscall, result: Option<Variable>, on_error: OnError) -> bool {
    native.user.call = call.id();
    let waits = call.waits(&native.world.image);
    let mark = if waits.is_some_and(Awaits::may_be_for_ever) { native.next_mark() } else { 0 };
    native.world.board.does(native.task, mark);
    native.enter();
    let caller = native.task;
    let returned = call.execute(native).unwrap_or_else(Errno::result);
    native.world.board.does(native.task, 0);
    native.note(What::Leave, i64::from(native.user.call.0), returned);
    // The child of a fork has come back here as well: the variable is one of its parent's program.
    if native.task == caller {
        native.user.set(result, returned);
    }
    if returned < 0 && on_error == OnError::Exit {
        native.note(What::Failed, returned, 0);
        end(native, 1);
        return false;
    }
    true
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
}
