//! How each process spent its time, from a trace that observes switches. What the kernel does for a
//! process after its last call counts for nobody: taking apart a process of a real host is another
//! matter than taking apart one of the scenario's.

use std::collections::BTreeMap;

use crate::analysis::naming::base;
use crate::analysis::replay::{Observer, Replay};
use crate::analysis::state::{CpuState, ThreadState, Work};
use crate::ids::{CallId, CpuId, Tid};
use crate::time::Instant;
use crate::trace::Trace;

/// Nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub user: u64,
    pub kernel: u64,
    pub ready: u64,
    pub blocked: u64,
}

impl Usage {
    pub const fn cpu(&self) -> u64 {
        self.user + self.kernel
    }
}

struct Sums {
    threads: Vec<Usage>,
    exit: Option<CallId>,
}

impl Observer for Sums {
    fn cpu(&mut self, _: CpuId, _: Tid, _: CpuState, _: Instant, _: Instant) {}

    fn thread(&mut self, thread: usize, _: Option<CpuId>, state: ThreadState, from: Instant, to: Instant) {
        if self.threads.len() <= thread {
            self.threads.resize(thread + 1, Usage::default());
        }
        let usage = &mut self.threads[thread];
        let sum = match state {
            ThreadState::Kernel(Work::Call(call)) if Some(call) == self.exit => return,
            ThreadState::Kernel(Work::Death(_)) => return,
            ThreadState::User => &mut usage.user,
            ThreadState::Kernel(_) | ThreadState::Switch | ThreadState::Interrupted(_) => &mut usage.kernel,
            ThreadState::Ready => &mut usage.ready,
            ThreadState::Blocked { .. } => &mut usage.blocked,
        };
        *sum += to.since(from).as_nanos();
    }
}

/// By the processes' base names; nothing if switches aren't observed.
pub fn usage(trace: &Trace) -> BTreeMap<String, Usage> {
    if !super::view::observes(&trace.header, "sched_switch") {
        return BTreeMap::new();
    }
    let exit = trace.header.calls.iter().position(|call| call == "exit_group");
    let mut sums = Sums { threads: Vec::new(), exit: exit.map(|call| CallId(call as u16)) };
    let mut replay = Replay::new(&trace.header);
    for entry in &trace.tasks {
        replay.announce(entry.task, entry.process, entry.parent, &entry.name);
    }
    for event in &trace.events {
        replay.event(event, &mut sums);
    }
    replay.finish(trace.end, &mut sums);
    sums.threads.resize(replay.threads().len(), Usage::default());
    let mut by_name: BTreeMap<String, Usage> = BTreeMap::new();
    for (thread, usage) in replay.threads().iter().zip(&sums.threads) {
        let all = by_name.entry(base(&thread.name).to_owned()).or_default();
        all.user += usage.user;
        all.kernel += usage.kernel;
        all.ready += usage.ready;
        all.blocked += usage.blocked;
    }
    by_name
}
