//! What a lowered program consists of: the instructions that both worlds execute.
//!
//! A plain instruction ([`Compute`](Instruction::Compute)) only takes time. The others take one
//! instruction's time and do something at its end; those that only steer the program (jumps and
//! loops) take none, so that a loop costs what is written in it.

use crate::ids::{NameId, ObjectId, PageNumber};
use crate::trace::Exception;

use super::buffer_work::BufferWork;
use super::content::What;
use super::library::ring_work::RingWork;
use super::syscall::Syscall;
use super::value::{Amount, Operand, Variable};

/// An index into a program's instructions.
pub type Address = u32;

/// One instruction. It begins a line of the host's cache.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(align(64))]
pub enum Instruction {
    /// Plain work in user mode, in nanoseconds.
    Compute(Amount),
    /// One access to each of `pages` pages, beginning with page `first` of the memory object.
    Touch {
        memory: Memory,
        first: Amount,
        pages: Amount,
        access: Access,
    },
    /// One access to a page of the kernel: always a protection violation.
    TouchKernel {
        access: Access,
    },

    /// A private variable gets a value; one instruction for each operator, at least one.
    Set {
        variable: Variable,
        value: Operand,
    },
    /// A shared cell's value goes to a variable.
    Load {
        into: Variable,
        cell: Cell,
    },
    /// What a shared cell holds goes to a variable as its bits, to be shown.
    LoadBits {
        into: Variable,
        cell: Cell,
    },
    Store {
        cell: Cell,
        value: Operand,
    },
    /// Reads, adds and writes a shared cell as one indivisible instruction; `old` gets what was there.
    AtomicAdd {
        cell: Cell,
        value: Operand,
        old: Option<Variable>,
    },
    /// Writes `new` if the cell holds `expected`, indivisibly; `old` gets what was there.
    CompareSwap {
        cell: Cell,
        expected: Operand,
        new: Operand,
        old: Option<Variable>,
    },
    /// Writes `new` and gives what was there, indivisibly.
    Exchange {
        cell: Cell,
        new: Operand,
        old: Variable,
    },

    /// What a thread knows without asking the kernel goes to a variable.
    Learn {
        into: Variable,
        what: Fact,
    },
    /// Reads or writes so many bytes of a memory object from its beginning on; its pages have been
    /// touched before.
    Copy {
        memory: Memory,
        bytes: u64,
        access: Access,
    },
    /// Works on what the thread has read last.
    Buffer(BufferWork),

    /// Goes on elsewhere. Takes no time.
    Jump(Address),
    /// Evaluates a condition (at least one instruction) and goes elsewhere if it is zero.
    JumpIfZero {
        condition: Operand,
        target: Address,
    },
    /// Counts `counter` down and goes back to `target` while it stays above zero. Takes no time.
    Loop {
        counter: Variable,
        target: Address,
    },
    /// Sets a loop's counter; goes to `past` if it is zero or less. Takes no time.
    LoopStart {
        counter: Variable,
        times: Operand,
        past: Address,
    },

    /// Asks the kernel for something.
    Syscall {
        call: Syscall,
        result: Option<Variable>,
        on_error: OnError,
    },

    /// Moves or looks at bytes in the program's own memory.
    InMemory(InMemory),
    /// Puts a request into a ring, or takes a completion out.
    Ring(RingWork),
    /// A line on the terminal, without a system call's costs. Takes no time.
    Print(TextId),
    /// Ends the whole run with a report if the condition is zero. Takes no time.
    Assert {
        condition: Operand,
        text: NameId,
    },
    /// Raises an exception of the CPU.
    Raise(Exception),
    /// Tells the trace and the deadlock report what a library function has done. Takes no time.
    Note(Note),
    /// Closes ends of pipes that the program has passed on and doesn't use itself, as
    /// well-behaved programs do right after a fork. Takes no time and isn't a call of its own.
    CloseUnused(FdListId),
    /// The end of a thread's or process's program: exit with status 0.
    End,
}

/// What a thread knows without a system call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fact {
    /// Its own number, which the C library keeps beside the thread's data. Locks say by it who holds them.
    Thread,
    /// The time that the monotonic clock will show after so many nanoseconds: the clock is read in user
    /// mode (vdso(7)).
    Deadline(Amount),
    /// 1 if it is its process's first thread, whose end is the process's, and no handler; else 0.
    Leads,
}
/// What a program does with bytes in its own memory. It takes one instruction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum InMemory {
    /// Puts bytes at the end of a stream's buffer; `pending` is how many it holds then.
    Put { stream: u16, bytes: Amount, what: What, pending: Variable },
    /// Takes the first bytes out of a stream's buffer, as many as the variable says, if that is above 0.
    Drop { stream: u16, bytes: Variable, pending: Variable },
    /// A digest of what the thread has read last.
    Digest { into: Variable },
    /// The value that it carries: its first eight bytes.
    Word { into: Variable },
    /// Puts an item into a stream's buffer: its length in four bytes, then its bytes.
    Frame { stream: u16, bytes: Amount, what: What, pending: Variable },
    /// Hands a stream's whole buffer over to the process, as the last of what its feeder is to send.
    Hand { stream: u16, pending: Variable },
    /// Takes the first of these into the thread's own buffer of that stream.
    Fetch { stream: u16, pending: Variable },
    /// Puts a value, eight bytes, at the end of the buffer, or in the place of what is in there.
    Pack { value: Operand, is_first: bool },
    /// Takes a value, eight bytes, from the beginning of the buffer; zero if it is empty.
    Unpack { into: Variable },
}
/// The index of a list of an exec's arguments in the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArgumentsId(pub u32);

/// Whether an access changes the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Read,
    Write,
}

/// A memory object as the program sees it: `pages` pages from `base` in every address space that
/// has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    pub base: PageNumber,
    pub pages: u32,
}

/// A shared cell or an element of a shared array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The array (a plain cell is an array of one).
    pub array: ArrayId,
    /// Which element; outside the array it is a protection violation.
    pub index: Operand,
}

/// The index of an array in the image's list of shared arrays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArrayId(pub u32);

/// The index of a text with places for values in the image's list of texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TextId(pub u32);

/// The index of a list of file descriptors in the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FdListId(pub u32);

/// What a process does when a system call of its fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnError {
    /// Says so on the terminal and exits with status 1.
    #[default]
    Exit,
    /// Goes on; the result variable, if there is one, holds the negated error number.
    Continue,
}

/// What a library function reports of a lock or semaphore.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// The thread has found the lock taken and is about to wait for it.
    Contended {
        object: ObjectId,
    },
    Acquired {
        object: ObjectId,
    },
    Released {
        object: ObjectId,
    },
    /// As `Acquired` and `Released`, of a lock that several can hold at once.
    Joined {
        object: ObjectId,
    },
    Left {
        object: ObjectId,
    },
}
