//! System V semaphore sets: several operations at once, or none of them.
//!
//! Model: semop(2), semctl(2) and Linux's ipc/sem.c. Operations that must wait are tried again after
//! each change: first those that wait for zero, then the others in the order in which they came.
//! One that asks for less can pass one that asks for more. Whoever makes them possible also carries
//! them out, so that nobody gets in between. What a process did with SEM_UNDO is undone at its end.

use std::collections::BTreeMap;

use crate::errno::Errno;
use crate::ids::{ObjectId, Pid, Tid};
use crate::kernel::Kernel;
use crate::kernel::waits::WaitKey;
use crate::trace::{Cause, Sink};

/// The largest value of a semaphore (SEMVMX).
pub const MOST_VALUE: i64 = 32_767;
/// The most operations of a call (SEMOPM), and semaphores of a set that a scenario may have.
pub const MOST_OPERATIONS: usize = 500;
pub const MOST_SEMAPHORES: usize = 250;

/// One operation of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    pub number: i64,
    /// Added to the value; 0 waits until the value is zero.
    pub change: i64,
    /// IPC_NOWAIT, SEM_UNDO.
    pub nowait: bool,
    pub undo: bool,
}

/// What became of operations that were tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    Done,
    /// Not possible now.
    Waits,
    Fails(Errno),
}

#[derive(Clone, Debug)]
struct Waiting {
    thread: Tid,
    process: Pid,
    operations: Vec<Operation>,
}

impl Waiting {
    fn is_for_zero(&self) -> bool {
        self.operations.iter().all(|operation| operation.change == 0)
    }
}

#[derive(Clone, Debug)]
pub struct SemaphoreSet {
    pub object: ObjectId,
    pub values: Vec<i64>,
    pub removed: bool,
    /// What is added to each semaphore at the end of a process.
    undo: BTreeMap<Pid, Vec<i64>>,
    waiting: Vec<Waiting>,
    /// How it ended for those who have waited.
    ended: BTreeMap<Tid, Result<(), Errno>>,
}

impl SemaphoreSet {
    pub fn new(object: ObjectId, values: Vec<i64>) -> SemaphoreSet {
        SemaphoreSet {
            object,
            values,
            removed: false,
            undo: BTreeMap::new(),
            waiting: Vec::new(),
            ended: BTreeMap::new(),
        }
    }

    /// EFBIG if an operation is about a semaphore that the set doesn't have.
    pub fn check(&self, operations: &[Operation]) -> Result<(), Errno> {
        let has = |number: i64| usize::try_from(number).is_ok_and(|number| number < self.values.len());
        match operations.len() {
            0 => Err(Errno::EINVAL),
            count if count > MOST_OPERATIONS => Err(Errno::E2BIG),
            _ if operations.iter().all(|operation| has(operation.number)) => Ok(()),
            _ => Err(Errno::EFBIG),
        }
    }

    /// Does all operations if all are possible, one after the other, else none.
    pub fn attempt(&mut self, process: Pid, operations: &[Operation]) -> Attempt {
        let mut values = self.values.clone();
        let before = self.undo.get(&process);
        let mut undo = before.cloned().unwrap_or_else(|| vec![0; values.len()]);
        let mut undoes = false;
        for operation in operations {
            let number = operation.number as usize;
            let would_be = values[number] + operation.change;
            if (operation.change == 0 && values[number] != 0) || would_be < 0 {
                return if operation.nowait { Attempt::Fails(Errno::EAGAIN) } else { Attempt::Waits };
            }
            if would_be > MOST_VALUE {
                return Attempt::Fails(Errno::ERANGE);
            }
            if operation.undo {
                let later = undo[number] - operation.change;
                if !(-MOST_VALUE - 1..=MOST_VALUE).contains(&later) {
                    return Attempt::Fails(Errno::ERANGE);
                }
                undo[number] = later;
                undoes = true;
            }
            values[number] = would_be;
        }
        self.values = values;
        if undoes {
            self.undo.insert(process, undo);
        }
        Attempt::Done
    }

    /// Tries those who wait until nothing more is possible; gives those who needn't wait any more,
    /// in their order.
    fn settle(&mut self) -> Vec<Tid> {
        let mut ready = Vec::new();
        while self.settle_one(&mut ready, true) || self.settle_one(&mut ready, false) {}
        ready
    }

    fn settle_one(&mut self, ready: &mut Vec<Tid>, zero: bool) -> bool {
        for place in 0..self.waiting.len() {
            if self.waiting[place].is_for_zero() != zero {
                continue;
            }
            let (process, operations) = (self.waiting[place].process, self.waiting[place].operations.clone());
            let how = match self.attempt(process, &operations) {
                Attempt::Done => Ok(()),
                Attempt::Waits => continue,
                Attempt::Fails(errno) => Err(errno),
            };
            let waiting = self.waiting.remove(place);
            self.ended.insert(waiting.thread, how);
            ready.push(waiting.thread);
            return true;
        }
        false
    }

    /// Sets values; what processes would have undone there is forgotten (semctl(2)).
    fn set(&mut self, values: &[(usize, i64)]) {
        for &(number, value) in values {
            self.values[number] = value;
            self.undo.values_mut().for_each(|undo| undo[number] = 0);
        }
    }

    /// A process has ended: what it did with SEM_UNDO is undone, as far as the values allow.
    fn undo(&mut self, process: Pid) -> bool {
        let Some(undo) = self.undo.remove(&process) else { return false };
        for (value, change) in self.values.iter_mut().zip(undo) {
            *value = (*value + change).clamp(0, MOST_VALUE);
        }
        true
    }

    /// The processes that will give something back at their end.
    pub fn holders(&self) -> impl Iterator<Item = Pid> + '_ {
        let gives = |undo: &Vec<i64>| undo.iter().any(|change| *change > 0);
        self.undo.iter().filter(move |(_, undo)| gives(undo)).map(|(process, _)| *process)
    }
}

const fn key(set: u32) -> WaitKey {
    WaitKey { cause: Cause::SemaphoreSet, object: set }
}

impl<S: Sink> Kernel<S> {
    /// A set that hasn't been removed.
    pub fn semaphore_set(&mut self, set: u32) -> Result<&mut SemaphoreSet, Errno> {
        let found = &mut self.ipc.semaphores[set as usize];
        if found.removed { Err(Errno::EINVAL) } else { Ok(found) }
    }

    /// Does the operations if that is possible now, and all those that they make possible.
    pub fn operate(&mut self, cpu: usize, set: u32, process: Pid, operations: &[Operation]) -> Attempt {
        let how = self.ipc.semaphores[set as usize].attempt(process, operations);
        if how == Attempt::Done && operations.iter().any(|operation| operation.change != 0) {
            self.settle_semaphores(cpu, set);
        }
        how
    }

    pub fn wait_to_operate(&mut self, set: u32, thread: Tid, process: Pid, operations: Vec<Operation>) {
        self.ipc.semaphores[set as usize].waiting.push(Waiting { thread, process, operations });
        self.wait_for(key(set), thread);
    }

    /// How it ended for a thread that has waited; none if it stopped waiting for another reason.
    pub fn end_of_operations(&mut self, set: u32, thread: Tid) -> Option<Result<(), Errno>> {
        let here = &mut self.ipc.semaphores[set as usize];
        here.waiting.retain(|waiting| waiting.thread != thread);
        here.ended.remove(&thread)
    }

    pub fn set_semaphores(&mut self, cpu: usize, set: u32, values: &[(usize, i64)]) {
        self.ipc.semaphores[set as usize].set(values);
        self.settle_semaphores(cpu, set);
    }

    /// The set is gone; everybody who waits there is told so.
    pub fn remove_semaphores(&mut self, cpu: usize, set: u32) -> Result<(), Errno> {
        let here = self.semaphore_set(set)?;
        here.removed = true;
        here.undo.clear();
        for waiting in std::mem::take(&mut here.waiting) {
            here.ended.insert(waiting.thread, Err(Errno::EIDRM));
        }
        self.wake_all_of(cpu, key(set));
        Ok(())
    }

    pub(in crate::kernel) fn undo_semaphores(&mut self, cpu: usize, process: Pid) {
        for set in 0..self.ipc.semaphores.len() {
            if self.ipc.semaphores[set].undo(process) {
                self.settle_semaphores(cpu, set as u32);
            }
        }
    }

    fn settle_semaphores(&mut self, cpu: usize, set: u32) {
        let Kernel { ipc, waits, .. } = self;
        let here = &mut ipc.semaphores[set as usize];
        // Whoever was interrupted has yet to find out.
        here.waiting.retain(|waiting| waits.holds(waiting.thread));
        for thread in here.settle() {
            self.wake_waiter(cpu, thread);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(number: i64, change: i64) -> Operation {
        Operation { number, change, nowait: false, undo: false }
    }

    fn set(values: &[i64]) -> SemaphoreSet {
        SemaphoreSet::new(ObjectId(0), values.to_vec())
    }

    fn waits(set: &mut SemaphoreSet, thread: u32, operations: &[Operation]) {
        assert_eq!(set.attempt(Pid(9), operations), Attempt::Waits);
        set.waiting.push(Waiting { thread: Tid(thread), process: Pid(9), operations: operations.to_vec() });
    }

    #[test]
    fn all_operations_of_a_call_happen_or_none() {
        let mut set = set(&[1, 0]);
        assert_eq!(set.attempt(Pid(2), &[operation(0, -1), operation(1, -1)]), Attempt::Waits);
        assert_eq!(set.values, [1, 0]);
        assert_eq!(
            set.attempt(Pid(2), &[operation(1, 2), operation(1, -1), operation(0, -1)]),
            Attempt::Done
        );
        assert_eq!(set.values, [0, 1]);
    }

    #[test]
    fn a_small_demand_passes_a_large_one_and_zero_comes_first() {
        let mut set = set(&[0]);
        waits(&mut set, 2, &[operation(0, -3)]);
        waits(&mut set, 3, &[operation(0, -1)]);
        waits(&mut set, 4, &[operation(0, -1)]);
        set.values[0] = 2;
        waits(&mut set, 5, &[operation(0, 0)]);
        assert_eq!(set.settle(), [Tid(3), Tid(4), Tid(5)]);
        assert_eq!((set.values[0], set.waiting.len()), (0, 1));
    }

    #[test]
    fn what_one_makes_possible_for_another_happens_at_once() {
        let mut set = set(&[0, 0]);
        waits(&mut set, 2, &[operation(1, -1)]);
        waits(&mut set, 3, &[operation(0, -1), operation(1, 1)]);
        set.values[0] = 1;
        assert_eq!(set.settle(), [Tid(3), Tid(2)]);
        assert_eq!(set.values, [0, 0]);
    }

    #[test]
    fn undoing_stops_at_zero_and_setting_a_value_forgets_it() {
        let mut set = set(&[2, 5]);
        let undone = |number, change| Operation { undo: true, ..operation(number, change) };
        assert_eq!(set.attempt(Pid(2), &[undone(0, 1), undone(1, -2)]), Attempt::Done);
        assert_eq!(set.holders().collect::<Vec<_>>(), [Pid(2)]);
        set.set(&[(1, 7)]);
        set.values[0] = 0;
        assert!(set.undo(Pid(2)));
        assert_eq!(set.values, [0, 7]);
        assert!(!set.undo(Pid(2)), "only once");
    }

    #[test]
    fn values_and_what_is_undone_have_limits() {
        let mut set = set(&[MOST_VALUE]);
        assert_eq!(set.attempt(Pid(2), &[operation(0, 1)]), Attempt::Fails(Errno::ERANGE));
        assert_eq!(set.check(&[operation(1, 1)]), Err(Errno::EFBIG));
        assert_eq!(set.check(&[operation(-1, 1)]), Err(Errno::EFBIG));
        assert_eq!(set.check(&[]), Err(Errno::EINVAL));
        assert_eq!(set.check(&[operation(0, 0); MOST_OPERATIONS + 1]), Err(Errno::E2BIG));
        let undone = Operation { undo: true, ..operation(0, -MOST_VALUE) };
        assert_eq!(set.attempt(Pid(2), &[undone]), Attempt::Done);
        set.values[0] = 1;
        let more = Operation { undo: true, ..operation(0, -1) };
        assert_eq!(set.attempt(Pid(2), &[more]), Attempt::Fails(Errno::ERANGE));
    }
}
