//! A policy that is held to what it promises: threads that come in go out, each once, and none of its making.
//!
//! A mistake in somebody's own policy ends the run with a text that says what it was, and not with a thread
//! that never runs again, or that runs twice. The program's own policies are tested instead.

use std::collections::BTreeSet;

use crate::ids::{CpuId, Pid, Tid};
use crate::time::{Instant, Span};
use crate::trace::Reason;

use super::policy::{Baggage, News, Policy, Ready, Thread};

/// A policy, and who waits in its queue.
#[derive(Clone, Debug)]
pub struct Checked {
    policy: Box<dyn Policy>,
    waiting: BTreeSet<Tid>,
    failure: Option<String>,
}

impl Checked {
    pub fn new(policy: Box<dyn Policy>) -> Checked {
        Checked { policy, waiting: BTreeSet::new(), failure: None }
    }

    fn fail(&mut self, text: String) {
        self.failure.get_or_insert(text);
    }

    fn check_count(&mut self) {
        let (says, known) = (self.policy.waiting(), self.waiting.len());
        if says != known {
            self.fail(format!("the policy says that {says} threads wait in its queue, but {known} do"));
        }
    }

    /// Who was picked must wait, and if anybody waits somebody must be picked, unless the policy says that it
    /// lets a CPU idle.
    fn hold_to(&mut self, picked: Option<Tid>) -> Option<Tid> {
        match picked {
            Some(picked) if self.waiting.remove(&picked) => {
                self.check_count();
                return Some(picked);
            }
            Some(picked) => self.fail(format!("the policy picks thread {picked}, which doesn't wait")),
            None if self.waiting.is_empty() || self.policy.is_held() || !self.policy.conserves_work() => {
                return None;
            }
            None => {
                let known = self.waiting.len();
                self.fail(format!("the policy picks nobody, but {known} threads wait"));
            }
        }
        // The run ends here; nobody is lost until then.
        let next = self.waiting.pop_first()?;
        self.policy.remove(next);
        Some(next)
    }
}

impl Policy for Checked {
    fn enqueue(&mut self, thread: Thread<'_>, why: Ready, now: Instant) {
        self.policy.enqueue(thread, why, now);
        self.waiting.insert(thread.id);
        self.check_count();
    }

    fn pick(&mut self, now: Instant) -> Option<Tid> {
        let picked = self.policy.pick(now);
        self.hold_to(picked)
    }

    fn pick_for(&mut self, cpu: CpuId, may: &dyn Fn(Tid) -> bool, now: Instant) -> Option<Tid> {
        let picked = self.policy.pick_for(cpu, may, now);
        if picked.is_none() && !self.waiting.iter().any(|&waiting| may(waiting)) {
            return None;
        }
        self.hold_to(picked)
    }

    fn seats(&self) -> bool {
        self.policy.seats()
    }

    fn seat(&self, thread: Tid) -> Option<CpuId> {
        self.policy.seat(thread)
    }

    fn joins(&mut self, thread: Tid, process: Pid) {
        self.policy.joins(thread, process);
    }

    fn news(&mut self) -> Option<News> {
        self.policy.news()
    }

    fn conserves_work(&self) -> bool {
        self.policy.conserves_work()
    }

    fn due(&self, cpu: CpuId) -> Instant {
        self.policy.due(cpu)
    }

    fn elapse(&mut self, cpu: CpuId, now: Instant) -> Option<Tid> {
        self.policy.elapse(cpu, now)
    }

    fn ignores_jobs(&self) -> bool {
        self.policy.ignores_jobs()
    }

    fn sent_away(&mut self, thread: Tid) {
        self.policy.sent_away(thread);
    }

    fn remove(&mut self, thread: Tid) -> bool {
        let was_here = self.waiting.remove(&thread);
        if self.policy.remove(thread) != was_here {
            self.fail(format!("the policy doesn't say truly whether thread {thread} waited in its queue"));
        }
        self.check_count();
        was_here
    }

    fn reprioritise(&mut self, thread: Thread<'_>, now: Instant) {
        self.policy.reprioritise(thread, now);
    }

    fn waiting(&self) -> usize {
        self.waiting.len()
    }

    fn slice(&self, thread: Thread<'_>, now: Instant) -> Option<Span> {
        self.policy.slice(thread, now)
    }

    fn limits_alone(&self) -> bool {
        self.policy.limits_alone()
    }

    fn reason(&self) -> Option<Reason> {
        self.policy.reason()
    }

    fn gives_reasons(&self) -> bool {
        self.policy.gives_reasons()
    }

    fn gives_way(&self, running: Thread<'_>, now: Instant) -> bool {
        self.policy.gives_way(running, now)
    }

    fn preempts(&mut self, woken: Thread<'_>, running: Thread<'_>, now: Instant) -> bool {
        self.policy.preempts(woken, running, now)
    }

    fn ran(&mut self, thread: Thread<'_>, time: Span, now: Instant) {
        self.policy.ran(thread, time, now);
    }

    fn keeps_account(&self) -> bool {
        self.policy.keeps_account()
    }

    fn charges_the_next(&self) -> bool {
        self.policy.charges_the_next()
    }

    fn is_over(&self) -> bool {
        self.policy.is_over()
    }

    fn is_held(&self) -> bool {
        self.policy.is_held()
    }

    fn has_nobody(&self) -> bool {
        self.waiting.is_empty() || self.policy.has_nobody()
    }

    fn serves_several(&self) -> bool {
        self.policy.serves_several()
    }

    fn left(&mut self, thread: Tid, ended: bool) {
        self.policy.left(thread, ended);
    }

    fn holds(&self, sleeper: Tid) -> bool {
        self.policy.holds(sleeper)
    }

    fn hand_over(&mut self, thread: Tid) -> Baggage {
        self.policy.hand_over(thread)
    }

    fn take_over(&mut self, thread: Tid, baggage: Baggage) {
        self.policy.take_over(thread, baggage);
    }

    fn clones_apart(&self) -> bool {
        self.policy.clones_apart()
    }

    fn can_fail(&self) -> bool {
        true
    }

    fn failure(&self) -> Option<String> {
        self.failure.clone().or_else(|| self.policy.failure())
    }

    /// What the policy says, as far as it is true, so that nobody is taken who isn't there.
    fn queue(&self) -> Vec<Tid> {
        let mut order = self.policy.queue();
        order.retain(|thread| self.waiting.contains(thread));
        order
    }
}
