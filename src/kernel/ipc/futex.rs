//! Futexes: wait queues named by a word of shared memory. Model: futex(2).

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::ids::Tid;
use crate::kernel::Kernel;
use crate::kernel::options::WakeOrder;
use crate::kernel::task::Task;
use crate::kernel::wait::WaitQueue;

/// A word of shared memory: which array, which element.
pub type Word = (u32, u32);

#[derive(Clone, Debug, Default)]
pub struct Futexes {
    queues: BTreeMap<Word, WaitQueue>,
}

impl Futexes {
    pub fn wait(&mut self, word: Word, thread: Tid, tasks: &mut [Task]) {
        self.queues.entry(word).or_default().push(thread, tasks);
    }

    /// Takes out whoever has waited longest on the word.
    pub fn wake(&mut self, word: Word, tasks: &mut [Task]) -> Option<Tid> {
        self.queues.get_mut(&word)?.pop(tasks)
    }

    /// Takes out whoever is most urgent of those that wait on the word, among equals whoever has waited longest.
    pub fn wake_most(&mut self, word: Word, tasks: &mut [Task], urgency: impl Fn(Tid) -> i32) -> Option<Tid> {
        let queue = self.queues.get_mut(&word)?;
        let most = queue.iter(tasks).min_by_key(|&waiter| Reverse(urgency(waiter)))?;
        queue.remove(most, tasks);
        Some(most)
    }

    /// Lets at most so many of those who wait on a word wait on another one, behind those already there;
    /// gives how many there were.
    pub fn requeue(&mut self, from: Word, to: Word, most: i64, tasks: &mut [Task]) -> i64 {
        let mut moved = Vec::new();
        while (moved.len() as i64) < most
            && let Some(waiter) = self.wake(from, tasks)
        {
            moved.push(waiter);
        }
        for &waiter in &moved {
            self.wait(to, waiter, tasks);
        }
        moved.len() as i64
    }

    /// A thread stops waiting, wherever it waits.
    pub fn cancel(&mut self, thread: Tid, tasks: &mut [Task]) {
        for queue in self.queues.values_mut() {
            if queue.remove(thread, tasks) {
                return;
            }
        }
    }
}

impl<S> Kernel<S> {
    /// Takes out whoever of those that wait on the word is to be woken next.
    pub fn next_futex_waiter(&mut self, word: Word) -> Option<Tid> {
        let Kernel { futexes, tasks, parameters, options, .. } = self;
        match options.wake_order {
            WakeOrder::Arrival => futexes.wake(word, tasks),
            WakeOrder::Priority => {
                futexes.wake_most(word, tasks, |waiter| parameters[waiter.index()].priority)
            }
        }
    }
}
