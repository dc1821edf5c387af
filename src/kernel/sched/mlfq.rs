//! Multi-level feedback queue, by the rules in Arpaci-Dusseau, *Operating Systems: Three Easy Pieces*,
//! chapter 8.
//!
//! 1. The thread of the highest level runs; those of one level take turns.
//! 2. Who is new begins on the highest level.
//! 3. Who has used up the allotment of its level, in however many goes, sinks to the next lower one.
//! 4. From time to time all go back to the highest level.
//!
//! Where several things happen at the same instant, a slice ends first, then come boosts, then
//! threads that become ready. A thread that is pre-empted by a higher level keeps its turn and what is left
//! of its slice.

use std::collections::VecDeque;

use crate::ids::Tid;
use crate::time::{Instant, Span};
use crate::trace::{Reason, Rule};

use super::policy::{Baggage, News, Policy, Ready, Thread};
use super::{Given, PolicyRow, QUANTUM};

/// Its documentation, and how it is made.
pub(super) const ROW: PolicyRow = PolicyRow {
    name: "mlfq",
    summary: "a queue for each level; who uses up its allotment sinks",
    doc: "New threads begin on the highest level. The highest level that has ready threads runs, its threads in turn, and pre-empts lower ones; a pre-empted thread keeps its turn and the rest of its quantum. Who has used up a level's allotment, in however many goes, sinks by one. At the same instant a quantum ends first, then comes a boost, then who becomes ready.",
    parameters: &[
        (
            "quantum",
            "times",
            "the longest time in one go, for all levels or a list with the highest level first; 10ms",
        ),
        ("levels", "number", "how many levels there are, 1 to 64; as many as the longer list has, else 3"),
        (
            "allotment",
            "numbers",
            "how many quanta a thread may use up on a level, for all or a list with the highest level first; 1",
        ),
        (
            "boost",
            "time",
            "how often all go back to the highest level, the lowest ones first and behind those that are there; never",
        ),
        (
            "after-wait",
            "keep|fresh",
            "whether a thread that waited keeps what was left of quantum and allotment, or gets them fresh, so that it can game the rules; keep",
        ),
        (
            "woken",
            "tail|head",
            "where in its level a woken thread goes; at the head it takes the CPU from one of its own level too; tail",
        ),
    ],
    build: |given| Box::new(mlfq(given)),
};

fn mlfq(given: &Given<'_>) -> Mlfq {
    let (quanta, allotments) = (given.times("quantum"), given.numbers("allotment"));
    let listed = match quanta.len().max(allotments.len()) {
        0 | 1 => 3,
        several => several,
    };
    let levels = given.number("levels").map_or(listed, |levels| levels.clamp(1, 64) as usize);
    let level = |level| Level {
        quantum: at_level(quanta, level, QUANTUM),
        allotment: at_level(allotments, level, 1).clamp(1, i64::from(u32::MAX)) as u32,
    };
    let rules = Rules {
        boost: given.time("boost"),
        fresh_after_wait: given.word("after-wait") == Some("fresh"),
        woken_to_head: given.word("woken") == Some("head"),
    };
    Mlfq::new((0..levels).map(level).collect(), rules)
}

/// A list's value for one of several levels; the last one holds for all that follow.
fn at_level<T: Copy>(list: &[T], level: usize, otherwise: T) -> T {
    list.get(level).or(list.last()).copied().unwrap_or(otherwise)
}

/// Behind all others.
const TAIL: usize = usize::MAX;

/// One level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    pub quantum: Span,
    /// How many quanta a thread may use up here before it sinks.
    pub allotment: u32,
}

/// The rules that differ from one book, or system, to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The time from one boost to the next.
    pub boost: Option<Span>,
    /// A wait gives a thread a whole quantum and allotment again: the old rule that can be gamed.
    pub fresh_after_wait: bool,
    /// A woken thread goes to the head of its level instead of the tail, before the one that runs.
    pub woken_to_head: bool,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    level: u16,
    /// What is left of the quantum, and how many quanta are left on this level, this one included.
    left: Span,
    quanta: u32,
    queued: bool,
    /// The level on which its quantum ended, if it hasn't been picked since.
    ended: Option<u16>,
}

#[derive(Clone, Debug)]
pub struct Mlfq {
    /// The lowest first, as they are numbered.
    levels: Vec<Level>,
    rules: Rules,
    /// Indexed by [`Tid`]; none for threads that haven't been here yet.
    entries: Vec<Option<Entry>>,
    queues: Vec<VecDeque<Tid>>,
    waiting: usize,
    current: Option<Tid>,
    /// The current thread has been put back into the queue: its slice is over, or there was a boost.
    over: bool,
    next_boost: Instant,
    /// The last boost, until the kernel has been told of it.
    boost: Option<News>,
    /// How many have come to the head of the current thread's level, before it, since it was picked.
    before: usize,
}

impl Mlfq {
    /// The levels come with the highest first. There is at least one.
    pub fn new(mut levels: Vec<Level>, rules: Rules) -> Mlfq {
        levels.reverse();
        Mlfq {
            queues: vec![VecDeque::new(); levels.len()],
            levels,
            rules,
            entries: Vec::new(),
            waiting: 0,
            current: None,
            over: false,
            before: 0,
            boost: None,
            next_boost: rules.boost.map_or(Instant::NEVER, |period| Instant::START + period),
        }
    }

    fn top(&self) -> u16 {
        (self.levels.len() - 1) as u16
    }

    /// What a thread has that comes to this level.
    fn fresh(&self, level: u16) -> Entry {
        let Level { quantum, allotment } = self.levels[usize::from(level)];
        Entry { level, left: quantum, quanta: allotment, queued: false, ended: None }
    }

    fn entry(&mut self, id: Tid) -> &mut Entry {
        if self.entries.len() <= id.index() {
            self.entries.resize(id.index() + 1, None);
        }
        let fresh = self.fresh(self.top());
        self.entries[id.index()].get_or_insert(fresh)
    }

    /// Puts a thread into the queue of its level, behind so many others.
    fn put(&mut self, id: Tid, behind: usize) {
        let entry = self.entry(id);
        entry.queued = true;
        let level = usize::from(entry.level);
        let queue = &mut self.queues[level];
        queue.insert(behind.min(queue.len()), id);
        self.waiting += 1;
    }

    fn take(&mut self, id: Tid) -> bool {
        let entry = self.entry(id);
        if !std::mem::take(&mut entry.queued) {
            return false;
        }
        let level = usize::from(entry.level);
        self.queues[level].retain(|&queued| queued != id);
        self.waiting -= 1;
        true
    }

    /// The current thread has used up a quantum: it goes to the end of this level, or of the one below.
    fn quantum_ends(&mut self, id: Tid) {
        self.take(id);
        let before = *self.entry(id);
        let mut after = match before.quanta {
            0 | 1 => self.fresh(before.level.saturating_sub(1)),
            quanta => Entry { quanta: quanta - 1, ..self.fresh(before.level) },
        };
        after.ended = Some(before.level);
        *self.entry(id) = after;
        self.put(id, TAIL);
        self.over = true;
    }

    /// All go to the highest level: the lowest first, behind those that are there.
    fn boost_if_due(&mut self, now: Instant) {
        let Some(period) = self.rules.boost.filter(|_| self.next_boost <= now) else { return };
        while self.next_boost <= now {
            self.boost = Some(News::Boost { level: self.top(), due: self.next_boost });
            self.next_boost += period;
        }
        // Whoever runs is the first of its level.
        let top = usize::from(self.top());
        if let Some(current) = self.current.filter(|_| !self.over) {
            self.put(current, self.before);
            self.over = true;
        }
        for level in 0..top {
            let queue = std::mem::take(&mut self.queues[level]);
            self.queues[top].extend(queue);
        }
        let fresh = self.fresh(self.top());
        for entry in self.entries.iter_mut().flatten() {
            *entry = Entry { queued: entry.queued, ..fresh };
        }
    }
}

impl Policy for Mlfq {
    fn enqueue(&mut self, thread: Thread<'_>, why: Ready, now: Instant) {
        self.boost_if_due(now);
        if self.current == Some(thread.id) {
            self.current = None;
            self.over = false;
        }
        let id = thread.id;
        if self.entry(id).queued {
            return;
        }
        match why {
            Ready::Preempted => self.put(id, self.before),
            Ready::Woken if self.rules.woken_to_head => {
                let level = self.entry(id).level;
                if self.current.is_some_and(|current| self.entry(current).level == level) {
                    self.before += 1;
                }
                self.put(id, 0);
            }
            Ready::New | Ready::Woken | Ready::SliceEnd | Ready::Yielded | Ready::Migrated => {
                self.put(id, TAIL)
            }
        }
    }

    fn pick(&mut self, now: Instant) -> Option<Tid> {
        self.boost_if_due(now);
        let id = *self.queues.iter().rev().find_map(VecDeque::front)?;
        self.take(id);
        self.entry(id).ended = None;
        self.current = Some(id);
        (self.over, self.before) = (false, 0);
        Some(id)
    }

    fn remove(&mut self, thread: Tid) -> bool {
        self.take(thread)
    }

    /// The running thread, where it has been put back already, doesn't wait.
    fn waiting(&self) -> usize {
        self.waiting - usize::from(self.over)
    }

    /// Until the quantum ends, or the next boost.
    fn slice(&self, thread: Thread<'_>, now: Instant) -> Option<Span> {
        let entry = self.entries.get(thread.id.index()).copied().flatten();
        let left = entry.unwrap_or_else(|| self.fresh(self.top())).left;
        Some(left.min(self.next_boost.since(now)))
    }

    /// A thread sinks whether or not there are others.
    fn limits_alone(&self) -> bool {
        true
    }

    fn reason(&self) -> Option<Reason> {
        let level = self.current.and_then(|id| self.entries[id.index()])?.level;
        Some(Reason { rule: Rule::Level, number: level.into() })
    }

    fn news(&mut self) -> Option<News> {
        self.boost.take()
    }

    fn gives_reasons(&self) -> bool {
        true
    }

    fn gives_way(&self, _: Thread<'_>, _: Instant) -> bool {
        self.over
    }

    fn preempts(&mut self, woken: Thread<'_>, running: Thread<'_>, _: Instant) -> bool {
        let (woken, running) = (self.entry(woken.id).level, self.entry(running.id).level);
        woken > running || (woken == running && self.before > 0)
    }

    fn ran(&mut self, thread: Thread<'_>, time: Span, now: Instant) {
        if self.current == Some(thread.id) {
            let entry = self.entry(thread.id);
            entry.left = entry.left.saturating_sub(time);
            if entry.left.is_zero() {
                self.quantum_ends(thread.id);
            }
        }
        self.boost_if_due(now);
    }

    fn serves_several(&self) -> bool {
        false
    }

    fn keeps_account(&self) -> bool {
        true
    }

    fn is_over(&self) -> bool {
        self.over
    }

    fn left(&mut self, thread: Tid, ended: bool) {
        if self.current == Some(thread) {
            (self.current, self.over) = (None, false);
        }
        self.take(thread);
        if ended || !self.rules.fresh_after_wait {
            return;
        }
        // A slice that ended at this very moment counts all the same.
        let entry = *self.entry(thread);
        let renewed = match entry.ended {
            Some(level) if self.levels[usize::from(level)].allotment > 1 => {
                let fresh = self.fresh(level);
                Entry { quanta: fresh.quanta - 1, ..fresh }
            }
            _ => self.fresh(entry.level),
        };
        *self.entry(thread) = renewed;
    }

    fn hand_over(&mut self, thread: Tid) -> Baggage {
        let Entry { level, left, quanta, .. } = *self.entry(thread);
        let rest = i64::try_from(left.as_nanos()).ok();
        Baggage { level, rounds: quanta, rest, ..Baggage::default() }
    }

    fn take_over(&mut self, thread: Tid, baggage: Baggage) {
        let mut entry = self.fresh(baggage.level.min(self.top()));
        if let Some(rest) = baggage.rest {
            entry.left = Span::from_nanos(rest.unsigned_abs());
            entry.quanta = baggage.rounds;
        }
        *self.entry(thread) = entry;
    }

    fn queue(&self) -> Vec<Tid> {
        let all = self.queues.iter().rev().flatten().copied();
        all.filter(|&id| !(self.over && self.current == Some(id))).collect()
    }
}
