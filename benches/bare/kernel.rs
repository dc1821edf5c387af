//! The kernel-shaped bare loop: every crossing of the kernel's boundary is an event of its own.
//!
//!     user -> entry (100) -> body -> exit (100) -> user
//!                            body blocks -> switch (500) -> the next thread's exit or return
//!                                        -> halt -> idle, until an interrupt
//!     a line of the interrupt register -> handler (200) -> what was interrupted, or a switch
//!
//! A CPU is always in one [`Phase`], whose end is its one event in the queue. At that end it looks
//! at its interrupt register before it begins the next phase. Threads that are ready wait in one
//! first-come queue. A wake-up that finds a CPU idle raises that CPU's register. Costs are those of
//! the scenarios `w1.toml` to `w5.toml`.
//!
//! Left out, because no workload needs it: a device interrupt that falls into a run of user code
//! (only the end of a slice cuts one), priorities of interrupts, nesting.
//!
//! The functions that every event goes through are inlined by force. Left to itself, the compiler
//! calls some of them, and a message of W1 takes about a third longer.

use std::collections::VecDeque;

use super::queue::Queue;

const ENTRY: u64 = 100;
const EXIT: u64 = 100;
const SWITCH: u64 = 500;
const HANDLER: u64 = 200;

/// A line of the interrupt register: a device or timer has something for a waiting thread.
const DEVICE: u8 = 1;
/// The running thread's slice is over.
const SLICE: u8 = 2;
/// Another CPU has made a thread ready while this one was idle.
const RESCHEDULE: u8 = 4;

/// A thread, by its number from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thread(pub u32);

impl Thread {
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// The programs of the threads and the bodies of their system calls.
pub trait Workload {
    /// What the thread does next in user mode.
    fn next(&mut self, thread: Thread) -> Step;

    /// The body of the system call that [`next`](Workload::next) has asked for.
    fn body(&mut self, thread: Thread, kernel: &mut Kernel) -> Outcome;
}

/// What a thread does in user mode.
pub enum Step {
    /// So many nanoseconds of user code.
    Compute(u64),
    Call,
}

/// How a system call's body ends.
pub enum Outcome {
    Done,
    /// Whoever wakes the thread has completed the call for it.
    Block,
    /// The thread has exited.
    Gone,
}

/// What a run came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    /// The simulated time of the last event.
    pub end: u64,
    pub events: u64,
    /// Entries into the kernel: system calls and interrupts.
    pub traps: u64,
    /// Interrupts at the end of a slice.
    pub slices: u64,
}

/// What a CPU is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    User,
    Entry,
    Body,
    Exit,
    /// The thread switched to is already `Cpu::thread`.
    Switch,
    Handler,
    /// Back to user mode from an interrupt.
    Return,
    /// On the way to the idle loop.
    Halt,
    Idle,
}

struct Cpu {
    phase: Phase,
    /// What goes on after the interrupt handler.
    interrupted: Phase,
    thread: Thread,
    register: u8,
    slice_end: u64,
}

struct State {
    /// Nanoseconds of user code before its next step.
    compute: u64,
    /// Where it goes on when it gets a CPU again.
    resume: Phase,
}

/// CPUs, threads and what is going to happen to them.
pub struct Kernel {
    now: u64,
    queue: Queue,
    cpus: Vec<Cpu>,
    /// One bit for each idle CPU.
    idle: u32,
    threads: Vec<State>,
    ready: VecDeque<Thread>,
    /// Threads whose time has come, until a handler wakes them.
    due: Vec<Thread>,
    quantum: u64,
    traps: u64,
    slices: u64,
}

impl Kernel {
    /// All threads are ready; `quantum` is `u64::MAX` for none. At most 32 CPUs.
    pub fn new(cpus: u32, threads: u32, quantum: u64) -> Kernel {
        Kernel {
            now: 0,
            queue: Queue::new(),
            cpus: (0..cpus).map(|_| Cpu::new()).collect(),
            idle: 0,
            threads: (0..threads).map(|_| State::new()).collect(),
            ready: (0..threads).map(Thread).collect(),
            due: Vec::new(),
            quantum,
            traps: 0,
            slices: 0,
        }
    }

    pub fn now(&self) -> u64 {
        self.now
    }

    /// Runs until nothing can happen any more.
    pub fn run(mut self, workload: &mut impl Workload) -> Totals {
        for cpu in 0..self.cpus.len() {
            let first = self.leave(cpu);
            self.begin(cpu, first, workload);
        }
        while let Some((now, source)) = self.queue.pop() {
            self.now = now;
            let source = source as usize;
            if source < self.cpus.len() {
                let next = self.end_of_phase(source, workload);
                if self.cpus[source].register != 0 {
                    self.interrupt(source, next);
                } else {
                    self.begin(source, next, workload);
                }
            } else {
                self.due.push(Thread((source - self.cpus.len()) as u32));
                self.raise(0, DEVICE);
            }
        }
        Totals { end: self.now, events: self.queue.pushed(), traps: self.traps, slices: self.slices }
    }

    /// Has a device or timer interrupt CPU 0 at `time` and its handler wake the thread.
    pub fn wake_at(&mut self, thread: Thread, time: u64) {
        self.queue.push(time, self.cpus.len() as u32 + thread.0);
    }

    /// Makes a blocked thread ready.
    pub fn wake(&mut self, thread: Thread) {
        self.ready.push_back(thread);
        if self.idle != 0 {
            self.raise(self.idle.trailing_zeros() as usize, RESCHEDULE);
        }
    }

    /// A busy CPU sees the line at the end of its phase, an idle one at once.
    fn raise(&mut self, cpu: usize, line: u8) {
        self.cpus[cpu].register |= line;
        if self.cpus[cpu].phase == Phase::Idle {
            self.idle &= !(1 << cpu);
            self.interrupt(cpu, Phase::Idle);
        }
    }

    fn interrupt(&mut self, cpu: usize, interrupted: Phase) {
        self.cpus[cpu].interrupted = interrupted;
        self.traps += 1;
        self.schedule(cpu, Phase::Handler, HANDLER);
    }

    /// What the phase that has just ended leads to.
    #[inline(always)]
    fn end_of_phase(&mut self, cpu: usize, workload: &mut impl Workload) -> Phase {
        let Cpu { phase, thread, .. } = self.cpus[cpu];
        match phase {
            Phase::User => {
                if self.now >= self.cpus[cpu].slice_end {
                    self.cpus[cpu].register |= SLICE;
                }
                Phase::User
            }
            Phase::Entry => Phase::Body,
            Phase::Body => match workload.body(thread, self) {
                Outcome::Done => Phase::Exit,
                Outcome::Block => {
                    self.threads[thread.index()].resume = Phase::Exit;
                    self.leave(cpu)
                }
                Outcome::Gone => self.leave(cpu),
            },
            Phase::Exit | Phase::Return => Phase::User,
            Phase::Switch => {
                self.cpus[cpu].slice_end = self.now.saturating_add(self.quantum);
                self.threads[thread.index()].resume
            }
            Phase::Handler => self.end_of_handler(cpu),
            Phase::Halt if self.ready.is_empty() => Phase::Idle,
            Phase::Halt | Phase::Idle => self.leave(cpu),
        }
    }

    /// Serves all lines that are raised; those that came meanwhile share the handler.
    fn end_of_handler(&mut self, cpu: usize) -> Phase {
        let lines = std::mem::take(&mut self.cpus[cpu].register);
        while let Some(thread) = self.due.pop_if(|_| lines & DEVICE != 0) {
            self.wake(thread);
        }
        if lines & SLICE != 0 {
            self.slices += 1;
            return self.end_of_slice(cpu);
        }
        match self.cpus[cpu].interrupted {
            Phase::Idle | Phase::Halt if self.ready.is_empty() => Phase::Idle,
            Phase::Idle | Phase::Halt => self.leave(cpu),
            Phase::User => Phase::Return,
            kernel => kernel,
        }
    }

    /// The running thread goes to the queue's end, if anyone waits in it.
    fn end_of_slice(&mut self, cpu: usize) -> Phase {
        if self.ready.is_empty() {
            self.cpus[cpu].slice_end = self.now.saturating_add(self.quantum);
            return Phase::Return;
        }
        let thread = self.cpus[cpu].thread;
        self.threads[thread.index()].resume = Phase::Return;
        self.ready.push_back(thread);
        self.leave(cpu)
    }

    /// The CPU's thread has left it: the next one's turn.
    fn leave(&mut self, cpu: usize) -> Phase {
        let Some(thread) = self.ready.pop_front() else {
            return Phase::Halt;
        };
        self.cpus[cpu].thread = thread;
        Phase::Switch
    }

    #[inline(always)]
    fn begin(&mut self, cpu: usize, phase: Phase, workload: &mut impl Workload) {
        let nanos = match phase {
            Phase::User => return self.begin_user(cpu, workload),
            Phase::Idle => {
                self.cpus[cpu].phase = Phase::Idle;
                self.idle |= 1 << cpu;
                return;
            }
            Phase::Entry => ENTRY,
            Phase::Exit => EXIT,
            Phase::Switch => SWITCH,
            Phase::Handler => HANDLER,
            Phase::Body | Phase::Return | Phase::Halt => 0,
        };
        self.schedule(cpu, phase, nanos);
    }

    /// Runs user code up to the next call or the end of the slice.
    #[inline(always)]
    fn begin_user(&mut self, cpu: usize, workload: &mut impl Workload) {
        let Cpu { thread, slice_end, .. } = self.cpus[cpu];
        let state = &mut self.threads[thread.index()];
        if state.compute == 0 {
            match workload.next(thread) {
                Step::Compute(nanos) => state.compute = nanos,
                Step::Call => {
                    self.traps += 1;
                    return self.schedule(cpu, Phase::Entry, ENTRY);
                }
            }
        }
        let run = state.compute.min(slice_end.saturating_sub(self.now));
        state.compute -= run;
        self.schedule(cpu, Phase::User, run);
    }

    #[inline(always)]
    fn schedule(&mut self, cpu: usize, phase: Phase, nanos: u64) {
        self.cpus[cpu].phase = phase;
        self.queue.push(self.now + nanos, cpu as u32);
    }
}

impl Cpu {
    fn new() -> Cpu {
        Cpu {
            phase: Phase::Halt,
            interrupted: Phase::Halt,
            thread: Thread(0),
            register: 0,
            slice_end: u64::MAX,
        }
    }
}

impl State {
    fn new() -> State {
        State { compute: 0, resume: Phase::Return }
    }
}
