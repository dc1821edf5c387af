//! Gang scheduling: all threads of a process run at the same time, or none does.
//!
//! Ousterhout, *Scheduling Techniques for Concurrent Systems*, 1982: the matrix. It has a column for
//! each CPU and a row for each time slot. The threads of a process stand side by side in one row, and each
//! row has all CPUs for its slot, one after the other. Feitelson and Rudolph, *Gang Scheduling Performance
//! Benefits for Fine-Grain Synchronization*, 1992, is why: threads that wait for each other often must
//! all be running, or each wait lasts for as long as somebody's slot.
//!
//! A thread stays in its column. If a process grows and its row is full, it goes to the first row where
//! there is room for all of it. One with more threads than there are CPUs has several rows. A slot ends
//! before its time if none of its threads is ready. A CPU that a row leaves idle goes to the next row that has a
//! ready thread in that column (alternate selection).
//!
//! Left out: moving processes together as others end (unification of slots), and affinity.

use crate::ids::{CpuId, Pid, Tid};
use crate::time::{Instant, Span};
use crate::trace::{Reason, Rule};

use super::policy::{Policy, Ready, Thread};
use super::{PolicyRow, QUANTUM};

/// Its documentation, and how it is made.
pub(super) const ROW: PolicyRow = PolicyRow {
    name: "gang",
    summary: "all threads of a process at the same time",
    doc: "Gives each process a time slot in which all its threads run side by side, each on a CPU of its own; the slots take turns. A process with more threads than there are CPUs has several slots; small ones share a slot. Needs `queues = \"global\"`, and says itself which CPU a thread runs on.",
    parameters: &[
        ("quantum", "time", "how long a slot is; 10ms"),
        (
            "fill",
            "truth",
            "whether a CPU that has nothing to do in a slot runs a thread from another one; true",
        ),
    ],
    build: |given| {
        let quantum = given.time("quantum").unwrap_or(QUANTUM);
        Box::new(Gang::new(given.1.cpus, quantum, given.truth("fill").unwrap_or(true)))
    },
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Away,
    Ready,
    Running,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    process: Pid,
    row: usize,
    column: usize,
    state: State,
}

#[derive(Clone, Debug)]
pub struct Gang {
    quantum: Span,
    fill: bool,
    /// By row, then by CPU.
    rows: Vec<Vec<Option<Tid>>>,
    /// Indexed by [`Tid`]; none for threads that aren't in the matrix.
    entries: Vec<Option<Entry>>,
    waiting: usize,
    /// The row whose slot it is, and until when; never before the first slot.
    row: usize,
    slot_end: Instant,
    /// When the row last changed, how often it has, and how often each CPU has heard of it.
    changed: Instant,
    turn: u64,
    heard: Vec<u64>,
    reason: Option<Reason>,
}

impl Gang {
    pub fn new(cpus: u16, quantum: Span, fill: bool) -> Gang {
        Gang {
            quantum: quantum.max(Span::TICK),
            fill,
            rows: Vec::new(),
            entries: Vec::new(),
            waiting: 0,
            row: 0,
            slot_end: Instant::NEVER,
            changed: Instant::START,
            turn: 0,
            heard: vec![0; usize::from(cpus.max(1))],
            reason: None,
        }
    }

    fn entry(&self, id: Tid) -> Option<Entry> {
        self.entries.get(id.index()).copied().flatten()
    }

    fn set_state(&mut self, id: Tid, state: State) -> Option<State> {
        let entry = self.entries.get_mut(id.index())?.as_mut()?;
        let before = std::mem::replace(&mut entry.state, state);
        self.waiting -= usize::from(before == State::Ready);
        self.waiting += usize::from(state == State::Ready);
        Some(before)
    }

    fn is_free(&self, row: usize, column: usize) -> bool {
        self.rows.get(row).is_none_or(|row| row[column].is_none())
    }

    fn seat_at(&mut self, id: Tid, entry: Entry) {
        let columns = self.heard.len();
        if self.rows.len() <= entry.row {
            self.rows.resize(entry.row + 1, vec![None; columns]);
        }
        self.rows[entry.row][entry.column] = Some(id);
        if self.entries.len() <= id.index() {
            self.entries.resize(id.index() + 1, None);
        }
        self.entries[id.index()] = Some(entry);
    }

    /// The place of a process's new thread: beside its others, if need be in another row to which these go too.
    fn find_place(&mut self, process: Pid) -> (usize, usize) {
        let columns = self.heard.len();
        let is_own = |&id: &Tid| self.entry(id).is_some_and(|entry| entry.process == process);
        let last = self.rows.iter().rposition(|row| row.iter().flatten().any(is_own));
        // The columns that must be free, with those that the process has already.
        let own: Vec<usize> = last.map_or_else(Vec::new, |last| {
            (0..columns).filter(|&column| self.rows[last][column].as_ref().is_some_and(is_own)).collect()
        });
        let beside = last.and_then(|last| (0..columns).find(|&column| self.is_free(last, column)));
        if let (Some(last), Some(column)) = (last, beside) {
            return (last, column);
        }
        let moves = own.len() < columns;
        let moving = if moves { own } else { Vec::new() };
        let room = |row: usize| {
            if moving.iter().any(|&column| !self.is_free(row, column)) {
                return None;
            }
            (0..columns).find(|column| self.is_free(row, *column) && !moving.contains(column))
        };
        let found = (0..self.rows.len()).find_map(|row| Some((row, room(row)?)));
        let empty = (0..columns).find(|column| !moving.contains(column)).unwrap_or(0);
        let (row, column) = found.unwrap_or((self.rows.len(), empty));
        if let Some(last) = last {
            for column in moving {
                if let Some(id) = self.rows[last][column].take()
                    && let Some(entry) = self.entry(id)
                {
                    self.seat_at(id, Entry { row, ..entry });
                }
            }
        }
        (row, column)
    }

    /// Whether a thread of the row wants a CPU or has one.
    fn is_wanted(&self, row: usize) -> bool {
        let mut threads = self.rows.get(row).into_iter().flatten().flatten();
        threads.any(|&id| self.entry(id).is_some_and(|entry| entry.state != State::Away))
    }

    /// The rows in the order of their slots: this one's turn comes last.
    fn after(&self, row: usize) -> impl Iterator<Item = usize> + use<> {
        let rows = self.rows.len();
        (1..=rows).map(move |ahead| (row + ahead) % rows)
    }

    /// Whose slot it is now.
    fn advance(&mut self, now: Instant) {
        if self.slot_end == Instant::NEVER {
            if let Some(first) = (0..self.rows.len()).find(|&row| self.is_wanted(row)) {
                (self.row, self.changed, self.slot_end) = (first, now, now + self.quantum);
            }
            return;
        }
        let is_over = self.slot_end <= now;
        if !is_over && self.is_wanted(self.row) {
            return;
        }
        let Some(next) = self.after(self.row).find(|&row| self.is_wanted(row)) else { return };
        let on_time = self.slot_end + self.quantum;
        self.slot_end = if is_over && on_time > now { on_time } else { now + self.quantum };
        if next != self.row {
            (self.row, self.changed) = (next, now);
            self.turn += 1;
        }
    }

    /// Whoever waits in a column of a row.
    fn waiting_at(&self, row: usize, column: usize) -> Option<Tid> {
        let id = self.rows.get(row)?[column]?;
        self.entry(id).is_some_and(|entry| entry.state == State::Ready).then_some(id)
    }

    fn next_at(&self, column: usize) -> Option<Tid> {
        self.waiting_at(self.row, column).or_else(|| {
            let others = self.after(self.row).filter(|_| self.fill);
            others.filter_map(|row| self.waiting_at(row, column)).next()
        })
    }

    fn is_in_slot(&self, id: Tid) -> bool {
        self.entry(id).is_some_and(|entry| entry.row == self.row)
    }
}

impl Policy for Gang {
    fn joins(&mut self, thread: Tid, process: Pid) {
        let (row, column) = self.find_place(process);
        self.seat_at(thread, Entry { process, row, column, state: State::Away });
    }

    fn seats(&self) -> bool {
        true
    }

    fn seat(&self, thread: Tid) -> Option<CpuId> {
        Some(CpuId::from(self.entry(thread)?.column))
    }

    fn enqueue(&mut self, thread: Thread<'_>, _: Ready, _: Instant) {
        if self.entry(thread.id).is_none() {
            // Nobody has said which process it is of: it is alone.
            self.joins(thread.id, Pid(thread.id.0));
        }
        self.set_state(thread.id, State::Ready);
    }

    fn pick(&mut self, now: Instant) -> Option<Tid> {
        self.pick_for(CpuId(0), &|_| true, now)
    }

    /// Where its threads run is the matrix's business.
    fn pick_for(&mut self, cpu: CpuId, _: &dyn Fn(Tid) -> bool, now: Instant) -> Option<Tid> {
        self.advance(now);
        self.heard[cpu.index()] = self.turn;
        let picked = self.next_at(cpu.index())?;
        let rule = if self.is_in_slot(picked) { Rule::Slot } else { Rule::Fill };
        let number = self.entry(picked).map_or(0, |entry| entry.row as u64);
        self.reason = Some(Reason { rule, number });
        self.set_state(picked, State::Running);
        Some(picked)
    }

    fn remove(&mut self, thread: Tid) -> bool {
        let was_ready = self.entry(thread).is_some_and(|entry| entry.state == State::Ready);
        if was_ready {
            self.set_state(thread, State::Away);
        }
        was_ready
    }

    fn waiting(&self) -> usize {
        self.waiting
    }

    fn slice(&self, _: Thread<'_>, now: Instant) -> Option<Span> {
        let left = self.slot_end.since(now);
        Some(if left.is_zero() { self.quantum } else { left })
    }

    fn reason(&self) -> Option<Reason> {
        self.reason
    }

    fn gives_reasons(&self) -> bool {
        true
    }

    /// One that isn't in its slot runs for as long as that CPU is left over.
    fn gives_way(&self, running: Thread<'_>, _: Instant) -> bool {
        let Some(entry) = self.entry(running.id) else { return true };
        entry.row != self.row && (!self.fill || self.waiting_at(self.row, entry.column).is_some())
    }

    fn preempts(&mut self, woken: Thread<'_>, running: Thread<'_>, now: Instant) -> bool {
        self.advance(now);
        self.is_in_slot(woken.id) && !self.is_in_slot(running.id)
    }

    /// A thread runs on the CPU of its column only.
    fn conserves_work(&self) -> bool {
        false
    }

    fn keeps_account(&self) -> bool {
        true
    }

    fn due(&self, cpu: CpuId) -> Instant {
        let others = || self.after(self.row).any(|row| row != self.row && self.is_wanted(row));
        match self.heard.get(cpu.index()) {
            Some(&heard) if heard != self.turn => self.changed,
            _ if others() => self.slot_end,
            _ => Instant::NEVER,
        }
    }

    fn elapse(&mut self, cpu: CpuId, now: Instant) -> Option<Tid> {
        self.advance(now);
        self.heard[cpu.index()] = self.turn;
        self.next_at(cpu.index())
    }

    fn left(&mut self, thread: Tid, ended: bool) {
        self.set_state(thread, State::Away);
        if ended && let Some(Entry { row, column, .. }) = self.entry(thread) {
            self.rows[row][column] = None;
            self.entries[thread.index()] = None;
        }
    }

    fn queue(&self) -> Vec<Tid> {
        let rows = std::iter::once(self.row).chain(self.after(self.row).filter(|&row| row != self.row));
        let columns = 0..self.heard.len();
        let all = rows.flat_map(|row| columns.clone().map(move |column| (row, column)));
        all.filter_map(|(row, column)| self.waiting_at(row, column)).collect()
    }
}

#[cfg(test)]
mod tests;
