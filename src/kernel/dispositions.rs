//! What threads and processes do about signals: handlers, masks and what is pending.
//!
//! Few programs have anything to do with signals, so all of this lies beside the threads and
//! processes; a thread's `attention` says whether there is anything to look at.

use std::collections::BTreeMap;

use crate::ids::{Pid, Tid};
use crate::signal::Signal;
use crate::time::{Instant, Span};
use crate::trace::Sink;

use super::Kernel;

/// A process's rule for a signal that it handles, as `struct sigaction` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handler {
    /// The program that is run, as a number that the kernel doesn't interpret.
    pub program: u16,
    /// Calls that it interrupts are made again (SA_RESTART).
    pub restart: bool,
    /// It is used once, and the default comes back (SA_RESETHAND).
    pub once: bool,
    /// The signal isn't blocked while its handler runs (SA_NODEFER).
    pub nested: bool,
    /// The signals that are blocked while it runs.
    pub blocks: u64,
}

impl Handler {
    /// A thread's mask while it runs.
    pub const fn mask(&self, before: u64, signal: Signal) -> u64 {
        before | self.blocks | if self.nested { 0 } else { signal.bit() }
    }
}

/// What a thread was at when a handler began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unfinished {
    /// What was left of its instruction.
    pub left: Span,
    /// The result of a call without which the program can't go on.
    pub failed: Option<i64>,
}

/// A thread's part of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct ThreadSignals {
    pub blocked: u64,
    pub pending: u64,
    /// The mask that comes back when a wait with another one is over.
    pub saved: Option<u64>,
    /// The signals that it waits for itself, blocked or not.
    pub awaits: u64,
    /// It has stopped in the middle of a call, which a handler would have interrupted first.
    pub stopped_in_call: bool,
    /// What it goes on with after a handler.
    pub unfinished: Unfinished,
    /// The instruction whose exception was handled last, and how often in a row.
    pub faults: (u64, u32),
}

/// A process's part of it.
#[derive(Clone, Debug, Default)]
pub struct ProcessSignals {
    pub pending: u64,
    pub handlers: BTreeMap<Signal, Handler>,
    /// The signal that stops it, until SIGCONT.
    pub stop: Option<Signal>,
    /// How many of its threads have come to where they stop.
    pub stopped: u32,
    /// What its parent can still be told of: that it has stopped, or goes on.
    pub news: Option<News>,
    /// Its interval timer of real time.
    pub timer: Interval,
}

/// An interval timer of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interval {
    /// When it expires, and what tells that expiry from stale ones.
    pub due: Option<Instant>,
    pub ticket: u32,
    /// After that it expires every so often.
    pub every: Span,
}

/// What a parent can be told of a living child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    Stopped(Signal),
    Continued,
}

/// What all threads and processes do about signals; those that do nothing special have no entry.
#[derive(Clone, Debug, Default)]
pub struct Signals {
    pub threads: BTreeMap<Tid, ThreadSignals>,
    pub processes: BTreeMap<Pid, ProcessSignals>,
}

/// Signals that an instruction earns are delivered before all others (signal(7)).
const SYNCHRONOUS: u64 = Signal::SIGSEGV.bit()
    | Signal::SIGBUS.bit()
    | Signal::SIGILL.bit()
    | Signal::SIGTRAP.bit()
    | Signal::SIGFPE.bit()
    | Signal::SIGSYS.bit();
/// No mask holds these.
pub const UNBLOCKABLE: u64 = Signal::SIGKILL.bit() | Signal::SIGSTOP.bit();

/// The one of a set that comes first.
pub fn first_of(set: u64) -> Option<Signal> {
    let set = if set & SYNCHRONOUS != 0 { set & SYNCHRONOUS } else { set };
    (set != 0).then(|| Signal::from_number(set.trailing_zeros() as u16)).flatten()
}

impl Signals {
    pub fn thread(&mut self, thread: Tid) -> &mut ThreadSignals {
        self.threads.entry(thread).or_default()
    }

    pub fn process(&mut self, process: Pid) -> &mut ProcessSignals {
        self.processes.entry(process).or_default()
    }

    pub fn blocked(&self, thread: Tid) -> u64 {
        self.threads.get(&thread).map_or(0, |own| own.blocked)
    }

    pub fn handler(&self, process: Pid, signal: Signal) -> Option<Handler> {
        self.processes.get(&process)?.handlers.get(&signal).copied()
    }

    /// What is pending for a thread, whether sent to itself or to its process.
    pub fn pending(&self, thread: Tid, process: Pid) -> u64 {
        let own = self.threads.get(&thread).map_or(0, |own| own.pending);
        own | self.processes.get(&process).map_or(0, |shared| shared.pending)
    }

    /// The next signal of these for a thread: those sent to itself come first.
    pub fn next_of(&self, thread: Tid, process: Pid, set: u64) -> Option<Signal> {
        let own = self.threads.get(&thread).map_or(0, |own| own.pending);
        let shared = self.processes.get(&process).map_or(0, |shared| shared.pending);
        first_of(own & set).or_else(|| first_of(shared & set))
    }

    /// Takes a pending signal, from the thread's own first.
    pub fn take(&mut self, thread: Tid, process: Pid, signal: Signal) {
        match self.threads.get_mut(&thread) {
            Some(own) if own.pending & signal.bit() != 0 => own.pending &= !signal.bit(),
            Some(_) | None => {
                if let Some(shared) = self.processes.get_mut(&process) {
                    shared.pending &= !signal.bit();
                }
            }
        }
    }
}

impl<S: Sink> Kernel<S> {
    /// The process's rule for a signal from now on: a handler, to ignore it, or the default.
    pub fn set_rule(&mut self, process: Pid, signal: Signal, handler: Option<Handler>, ignored: bool) {
        let bit = signal.bit();
        match handler {
            Some(handler) => drop(self.signals.process(process).handlers.insert(signal, handler)),
            None => {
                if let Some(own) = self.signals.processes.get_mut(&process) {
                    own.handlers.remove(&signal);
                }
            }
        }
        if let Some(process) = &mut self.processes[process.index()] {
            process.ignored = if ignored { process.ignored | bit } else { process.ignored & !bit };
        }
        // What is ignored is discarded even if it is pending (sigaction(2)).
        if self.is_ignored(process, signal) {
            self.forget_pending(process, bit);
        }
    }

    /// Another mask for a thread; what it no longer blocks may be waiting.
    pub fn set_mask(&mut self, thread: Tid, mask: u64) {
        self.signals.thread(thread).blocked = mask & !UNBLOCKABLE;
        self.look_again(thread);
    }

    /// The signals that a thread waits for itself; none any more if the set is empty.
    pub fn await_signals(&mut self, thread: Tid, set: u64) {
        self.signals.thread(thread).awaits = set;
        self.look_again(thread);
    }

    /// Whether there is anything for a thread to look at before it is back in user mode.
    pub fn look_again(&mut self, thread: Tid) {
        let task = &self.tasks[thread.index()];
        let process = task.process;
        let stops = self.signals.processes.get(&process).is_some_and(|own| own.stop.is_some());
        let own = self.signals.threads.get(&thread);
        let open = !own.map_or(0, |own| own.blocked & !own.awaits);
        let unfinished = own.is_some_and(|own| {
            own.saved.is_some() || own.stopped_in_call || own.unfinished != Unfinished::default()
        });
        let some = self.signals.pending(thread, process) & open != 0;
        self.tasks[thread.index()].attention =
            task.doomed.is_some() || stops || some || unfinished || self.given_up.contains(&thread);
    }

    /// Nothing pending of these is left, in the process or any of its threads.
    pub(super) fn forget_pending(&mut self, process: Pid, set: u64) {
        if let Some(own) = self.signals.processes.get_mut(&process) {
            own.pending &= !set;
        }
        let tasks = &self.tasks;
        for (thread, own) in &mut self.signals.threads {
            if tasks[thread.index()].process == process {
                own.pending &= !set;
            }
        }
    }

    /// A new thread has its maker's mask, a new process its maker's handlers as well; nothing is
    /// pending for either (signal(7)).
    pub fn inherit_signals(&mut self, maker: Tid, child: Tid) {
        let (from, to) = (self.tasks[maker.index()].process, self.tasks[child.index()].process);
        let blocked = self.signals.threads.get(&maker).map_or(0, |own| own.saved.unwrap_or(own.blocked));
        if blocked != 0 {
            self.signals.thread(child).blocked = blocked;
        }
        if from != to
            && let Some(own) = self.signals.processes.get(&from)
            && !own.handlers.is_empty()
        {
            let handlers = own.handlers.clone();
            self.signals.process(to).handlers = handlers;
        }
        if from == to {
            self.look_again(child);
        }
    }

    /// An exec keeps what is ignored, the mask and what is pending; handlers are gone.
    pub fn forget_handlers(&mut self, process: Pid) {
        if let Some(own) = self.signals.processes.get_mut(&process) {
            own.handlers.clear();
        }
    }
}
