//! What a scheduling policy must be able to do.
//!
//! The kernel owns one policy value for each run queue. It tells the policy which threads become
//! ready and how long the running one ran; the policy says who is next, for how long at most, and
//! whether a thread that becomes ready should have the CPU at once. A policy keeps what it needs
//! to know of a thread (virtual time, level, remaining budget) itself, indexed by
//! [`Tid`]; it never sees the kernel.

use std::fmt;

use dyn_clone::DynClone;

use crate::ids::{CpuId, Pid, Tid};
use crate::time::{Instant, Span};

use crate::trace::Reason;

use super::Parameters;

/// A thread as a policy sees it.
#[derive(Clone, Copy, Debug)]
pub struct Thread<'a> {
    pub id: Tid,
    pub parameters: &'a Parameters,
}

/// Why a thread comes into the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ready {
    /// It has just come into being.
    New,
    /// What it waited for has happened.
    Woken,
    /// It has used up its slice.
    SliceEnd,
    /// Another thread took the CPU from it.
    Preempted,
    /// It stepped back of its own accord.
    Yielded,
    /// It comes from another CPU's queue.
    Migrated,
}

/// What a thread takes along from one CPU's queue to another's, in virtual time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Baggage {
    /// How much less than its share it had.
    pub lag: i64,
    /// How much of its slice was left, if it was taken from a queue.
    pub rest: Option<i64>,
    /// Its level, and how many slices it may still use up there.
    pub level: u16,
    pub rounds: u32,
}

/// What a periodic thread has to do once in each period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    /// From 1.
    pub number: u64,
    pub release: Instant,
    /// By when it must have ended.
    pub deadline: Instant,
}

/// What a policy has done by itself, for the trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// All threads that the queue knows have been lifted to one level. It was due then; a queue without a
    /// running thread notices it later.
    Boost { level: u16, due: Instant },
    /// It has reckoned the load average, in hundredths of a thread.
    Load(u64),
}

/// A scheduling policy with its run queue.
pub trait Policy: fmt::Debug + Send + DynClone {
    /// A thread is ready and waits in this queue from now on.
    fn enqueue(&mut self, thread: Thread<'_>, why: Ready, now: Instant);

    /// Takes out the thread that runs next.
    fn pick(&mut self, now: Instant) -> Option<Tid>;

    /// As [`pick`](Policy::pick), for one of several CPUs that the queue serves, of those that may run there. A
    /// policy that gives reasons has its own.
    fn pick_for(&mut self, _cpu: CpuId, may: &dyn Fn(Tid) -> bool, _now: Instant) -> Option<Tid> {
        let first = self.queue().into_iter().find(|&id| may(id))?;
        self.remove(first);
        Some(first)
    }

    /// Whether it says itself which of the CPUs that it serves a thread runs on. Only then is it asked for
    /// [`seat`](Policy::seat)s, and told which process a thread belongs to; and it must serve all CPUs.
    fn seats(&self) -> bool {
        false
    }

    /// The CPU on which it lets a thread run; any if none.
    fn seat(&self, _thread: Tid) -> Option<CpuId> {
        None
    }

    /// A thread of a process has come into being. It will be ready at once.
    fn joins(&mut self, _thread: Tid, _process: Pid) {}

    /// A thread leaves the queue without running: it was ended, or moved. False if it wasn't here.
    fn remove(&mut self, thread: Tid) -> bool;

    /// The priority of a thread in the queue has changed. A policy that doesn't go by it ignores that.
    fn reprioritise(&mut self, _thread: Thread<'_>, _now: Instant) {}

    /// How many threads wait.
    fn waiting(&self) -> usize;

    /// The longest time that the thread may run in one go from now on; none if there is no limit.
    fn slice(&self, thread: Thread<'_>, now: Instant) -> Option<Span>;

    /// Whether a slice ends even if nobody else waits: the policy has something to decide then.
    fn limits_alone(&self) -> bool {
        false
    }

    /// Why the thread that was picked last was picked; none if the queue's order says it all.
    fn reason(&self) -> Option<Reason> {
        None
    }

    /// What it has done by itself since it was asked last.
    fn news(&mut self) -> Option<News> {
        None
    }

    /// Whether it gives reasons at all, or has news. Only then is it asked for them.
    fn gives_reasons(&self) -> bool {
        false
    }

    /// Whether the running thread, its slice being over, must give way to one that waits.
    fn gives_way(&self, running: Thread<'_>, now: Instant) -> bool;

    /// Whether a thread that has just become ready takes the CPU from the running one.
    fn preempts(&mut self, woken: Thread<'_>, running: Thread<'_>, now: Instant) -> bool;

    /// The running thread has used so much time since the last such account, or since it was picked.
    fn ran(&mut self, _thread: Thread<'_>, _time: Span, _now: Instant) {}

    /// Whether it keeps account of each thread's time beyond the queue. Only then is it asked and told
    /// what follows, and told of the running thread's time before another becomes ready.
    fn keeps_account(&self) -> bool {
        false
    }

    /// Whether the time from a wake-up that pre-empts to the switch counts as the next thread's.
    fn charges_the_next(&self) -> bool {
        false
    }

    /// Whether the last account found that the running thread must give way.
    fn is_over(&self) -> bool {
        false
    }

    /// Whether it promises that no CPU idles while a thread that may run there waits in its queue.
    /// `tests/policies.rs` holds it to that.
    fn conserves_work(&self) -> bool {
        true
    }

    /// When it has something to do by itself, whatever runs: somebody may run again then, say. The CPU's
    /// timer comes at that time. Only asked if it keeps account.
    fn due(&self, _cpu: CpuId) -> Instant {
        Instant::NEVER
    }

    /// What was due on a CPU has come, and the running thread's time is accounted. A thread that may have
    /// become entitled to the CPU.
    fn elapse(&mut self, _cpu: CpuId, _now: Instant) -> Option<Tid> {
        None
    }

    /// Whether a thread whose next job has been released already goes on with it at once, as on a kernel
    /// that isn't told of jobs, and doesn't step back behind its equals.
    fn ignores_jobs(&self) -> bool {
        false
    }

    /// Whether the CPU belongs to a thread that isn't ready, so that nobody else gets it.
    fn is_held(&self) -> bool {
        false
    }

    /// Whether nobody is there whom it would let run.
    fn has_nobody(&self) -> bool {
        self.waiting() == 0 || self.is_held()
    }

    /// Whether one queue of it can serve several CPUs at once: it keeps nothing that is true of the one
    /// running thread only.
    fn serves_several(&self) -> bool {
        true
    }

    /// The running thread blocks, or has ended.
    fn left(&mut self, _thread: Tid, _ended: bool) {}

    /// The running thread may not run here any more, and goes to another CPU as it is.
    fn sent_away(&mut self, thread: Tid) {
        self.left(thread, false);
    }

    /// Whether a thread that sleeps still counts here, and so must be woken here.
    fn holds(&self, _sleeper: Tid) -> bool {
        false
    }

    /// A thread that isn't in the queue goes to that of another CPU, which takes over what is known
    /// of it.
    fn hand_over(&mut self, _thread: Tid) -> Baggage {
        Baggage::default()
    }

    fn take_over(&mut self, _thread: Tid, _baggage: Baggage) {}

    /// Whether a clone has nothing in common with it, so that a run can go on from each. If not, whoever
    /// walks back through a run starts it again.
    fn clones_apart(&self) -> bool {
        true
    }

    /// Whether it can fail. Only then is it asked for a failure.
    fn can_fail(&self) -> bool {
        false
    }

    /// Why it can't go on, if it can't. The run ends there, and says so. Until then it must still
    /// keep and give out the threads that it was given.
    fn failure(&self) -> Option<String> {
        None
    }

    /// The threads that wait, in the order in which they would run if nothing else happened.
    fn queue(&self) -> Vec<Tid>;
}

dyn_clone::clone_trait_object!(Policy);
