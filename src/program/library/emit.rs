//! What the library functions are put together from: short runs of instructions.

use crate::errno::Errno;
use crate::ids::ObjectId;
use crate::program::image::Text;
use crate::program::instruction::{Address, Cell, Fact, Instruction, OnError};
use crate::program::lower::Lower;
use crate::program::syscall::{Exit, FutexWait, FutexWake, Limit};
use crate::program::value::{Amount, Operand, Operator, Variable};
use crate::trace::Cause;

pub const ZERO: Operand = Operand::Const(0);
pub const ONE: Operand = Operand::Const(1);
pub const TWO: Operand = Operand::Const(2);
/// As many as there can be.
pub const ALL: Operand = Operand::Const(i32::MAX as i64);

/// Places for intermediate values, by what is in them. Functions that use one another don't share any.
pub mod place {
    /// What an indivisible instruction found.
    pub const OLD: usize = 0;
    /// What was read before.
    pub const SEEN: usize = 1;
    /// The thread's own number.
    pub const OWN: usize = 2;
    /// When a wait ends at the latest.
    pub const DEADLINE: usize = 3;
    /// What a call returned.
    pub const ANSWER: usize = 4;
    /// A counter's value at which the thread waits.
    pub const TICKET: usize = 5;
    /// What a call returned, while another one is made.
    pub const KEPT: usize = 6;
    /// How many bytes of an item are still to be written, and how many of them now.
    pub const PENDING: usize = 7;
    pub const CHUNK: usize = 8;
    /// How long an item is.
    pub const LENGTH: usize = 9;
    /// How a lock or a place in a queue was had.
    pub const SUCCESS: usize = 10;
}

impl Lower<'_> {
    /// The value of `left operator right`.
    pub fn compute(&mut self, left: impl Into<Operand>, operator: Operator, right: Operand) -> Operand {
        self.tables.expressions.add(operator, left.into(), right)
    }

    /// Goes elsewhere, to be patched, unless the comparison holds.
    pub fn unless(&mut self, left: impl Into<Operand>, operator: Operator, right: Operand) -> Address {
        let condition = self.compute(left, operator, right);
        self.emit(Instruction::JumpIfZero { condition, target: 0 })
    }

    /// Goes elsewhere, to be patched, if the variable is zero.
    pub fn if_zero(&mut self, variable: Variable) -> Address {
        self.emit(Instruction::JumpIfZero { condition: Operand::Variable(variable), target: 0 })
    }

    /// Goes elsewhere, to be patched.
    pub fn jump(&mut self) -> Address {
        self.emit(Instruction::Jump(0))
    }

    pub fn set(&mut self, variable: Variable, value: Operand) {
        self.emit(Instruction::Set { variable, value });
    }

    pub fn load(&mut self, into: Variable, cell: Cell) {
        self.emit(Instruction::Load { into, cell });
    }

    pub fn store(&mut self, cell: Cell, value: Operand) {
        self.emit(Instruction::Store { cell, value });
    }

    /// Adds to a cell that only one thread can change now, by two instructions.
    pub fn change(&mut self, cell: Cell, by: i64) {
        let seen = self.temporary(place::SEEN);
        self.load(seen, cell);
        let sum = self.compute(seen, Operator::Add, Operand::Const(by));
        self.store(cell, sum);
    }

    pub fn atomic_add(&mut self, cell: Cell, by: i64) {
        self.emit(Instruction::AtomicAdd { cell, value: Operand::Const(by), old: None });
    }

    /// The thread's own number.
    pub fn own_number(&mut self) -> Variable {
        let into = self.temporary(place::OWN);
        self.emit(Instruction::Learn { into, what: Fact::Thread });
        into
    }

    /// The limit of waits that end together, so long from now.
    pub fn deadline(&mut self, time: Option<Amount>) -> Limit {
        let Some(time) = time else { return Limit::Never };
        let into = self.temporary(place::DEADLINE);
        self.emit(Instruction::Learn { into, what: Fact::Deadline(time) });
        Limit::Until(into)
    }

    /// Sleeps while a cell holds a value, and goes on whatever ended that.
    pub fn futex_wait(&mut self, wait: FutexWait, answer: Option<Variable>) {
        let on_error = OnError::Continue;
        self.emit(Instruction::Syscall { call: wait.into(), result: answer, on_error });
    }

    pub fn futex_wake(&mut self, cell: Cell, count: Operand) {
        let call = FutexWake { cell, count }.into();
        self.emit(Instruction::Syscall { call, result: None, on_error: OnError::Exit });
    }

    /// Takes the lock of an object's other words, for a few instructions. It is a mutex of which nobody
    /// is told.
    pub fn enter(&mut self, cell: Cell, object: ObjectId) {
        let old = self.temporary(place::OLD);
        self.emit(Instruction::CompareSwap { cell, expected: ZERO, new: ONE, old: Some(old) });
        let free = self.if_zero(old);
        let again = self.emit(Instruction::Exchange { cell, new: TWO, old });
        let freed = self.if_zero(old);
        let wait = FutexWait { cell, expected: TWO, cause: Cause::Lock, object, limit: Limit::Never };
        self.futex_wait(wait, None);
        self.emit(Instruction::Jump(again));
        self.patch(free);
        self.patch(freed);
    }

    /// Gives that lock back.
    pub fn leave(&mut self, cell: Cell) {
        let old = self.temporary(place::OLD);
        self.emit(Instruction::Exchange { cell, new: ZERO, old });
        let alone = self.unless(old, Operator::Equal, TWO);
        self.futex_wake(cell, ONE);
        self.patch(alone);
    }

    /// The function has failed: the program's variable says so, or if it has none the process ends as
    /// after a failed system call.
    pub fn answer_error(&mut self, result: Option<Variable>, errno: Errno) {
        match result {
            Some(result) => self.set(result, Operand::Const(errno.result())),
            None => {
                let line = self.failure(errno);
                let text = self.text(Text { pieces: vec![line], ..Text::default() });
                self.emit(Instruction::Print(text));
                let call = Exit { status: ONE, all: true }.into();
                self.emit(Instruction::Syscall { call, result: None, on_error: OnError::Exit });
            }
        }
    }

    /// The function has done what it is for.
    pub fn answer_success(&mut self, result: Option<Variable>) {
        if let Some(result) = result {
            self.set(result, ZERO);
        }
    }
}

impl From<Variable> for Operand {
    fn from(variable: Variable) -> Operand {
        Operand::Variable(variable)
    }
}
