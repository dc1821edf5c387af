//! Rings (io_uring): a program puts entries into a queue that it shares with the kernel, tells the
//! kernel of many by one call, and finds how they ended in another shared queue.
//!
//! Putting an entry in and taking a completion out is the program's own work, in user mode. What the
//! kernel does with an entry, it does when it is told: what needs no device is done at once, by the
//! same call, and the rest is done when the device's interrupt says so. Completions that find no place
//! are kept beside the queue until a call asks for completions (IORING_FEAT_NODROP). Model:
//! io_uring(7), io_uring_setup(2), io_uring_enter(2).
//!
//! Left out: that Linux ends a request of a device in its thread's own context (task work), and the
//! worker threads to which it gives an fsync.

use std::collections::{BTreeMap, VecDeque};

use crate::errno::Errno;
use crate::ids::{Fd, ObjectId, Pid, Tid};
use crate::trace::{Cause, Sink};

use super::Kernel;
use super::bytes::Bytes;
use super::cost::Copying;
use super::file::{OpenId, Opened};
use super::readiness::{Events, Readiness, Watcher};
use super::requests::Ask;
use super::waits::WaitKey;

/// The most entries of a ring's submission queue (IORING_MAX_ENTRIES); twice as many completions.
pub const MOST_ENTRIES: i64 = 32768;

/// What an entry asks for.
#[derive(Clone, Debug)]
pub enum Wish {
    Nothing,
    Read {
        offset: i64,
        bytes: u64,
    },
    Write {
        offset: i64,
        content: Bytes,
    },
    Sync,
    /// To be told once when the descriptor is ready for one of these.
    Poll(Events),
}

/// An entry of the submission queue.
#[derive(Clone, Debug)]
pub struct Entry {
    pub wish: Wish,
    /// None if no descriptor can have the number.
    pub fd: Option<Fd>,
    /// What its completion brings back.
    pub data: i64,
}

/// An entry of the completion queue.
#[derive(Clone, Debug, Default)]
pub struct Completion {
    pub data: i64,
    /// What the call would have returned, or a negative error number.
    pub result: i64,
    /// What has been read.
    pub content: Bytes,
    /// The file whose bytes have moved, and whether to it.
    pub moved: Option<(ObjectId, bool)>,
}

#[derive(Clone, Debug)]
struct Polled {
    open: OpenId,
    what: Opened,
    events: Events,
    data: i64,
}

#[derive(Clone, Debug)]
pub struct Ring {
    /// The process that has its queues in its memory.
    pub owner: Pid,
    entries: usize,
    places: usize,
    queued: VecDeque<Entry>,
    completions: VecDeque<Completion>,
    overflowed: VecDeque<Completion>,
    /// Who waits, and for how many completions.
    waiting: Vec<(Tid, usize)>,
    polls: BTreeMap<u32, Polled>,
    polled: u32,
    closed: bool,
}

impl Ring {
    /// Puts an entry into the submission queue; false if it is full.
    pub fn push(&mut self, entry: Entry) -> bool {
        let fits = self.queued.len() < self.entries;
        if fits {
            self.queued.push_back(entry);
        }
        fits
    }

    /// Takes the oldest completion out of its queue.
    pub fn reap(&mut self) -> Option<Completion> {
        self.completions.pop_front()
    }

    /// How many of its entries the kernel hasn't been told of.
    pub fn queued(&self) -> usize {
        self.queued.len()
    }

    pub fn readiness(&self) -> Readiness {
        let readable = !self.completions.is_empty() || !self.overflowed.is_empty();
        Readiness { readable, writable: self.queued.len() < self.entries, ..Readiness::default() }
    }

    fn complete(&mut self, completion: Completion) {
        if self.completions.len() < self.places && self.overflowed.is_empty() {
            self.completions.push_back(completion);
        } else {
            self.overflowed.push_back(completion);
        }
    }
}

impl<S: Sink> Kernel<S> {
    /// A ring of a process, with so many entries, and places for completions: twice as many if not
    /// said. EINVAL if these are no numbers for a ring.
    pub fn new_ring(&mut self, owner: Pid, entries: i64, places: Option<i64>) -> Result<Opened, Errno> {
        let rounded = |number: i64, most: i64| match number {
            1.. if number <= most => Ok((number as u64).next_power_of_two() as usize),
            _ => Err(Errno::EINVAL),
        };
        let entries = rounded(entries, MOST_ENTRIES)?;
        let places = match places {
            Some(places) => rounded(places, 2 * MOST_ENTRIES)?,
            None => 2 * entries,
        };
        if places < entries {
            return Err(Errno::EINVAL);
        }
        self.rings.push(Ring {
            owner,
            entries,
            places,
            queued: VecDeque::new(),
            completions: VecDeque::new(),
            overflowed: VecDeque::new(),
            waiting: Vec::new(),
            polls: BTreeMap::new(),
            polled: 0,
            closed: false,
        });
        Ok(Opened::Ring((self.rings.len() - 1) as u32))
    }

    /// Takes in a ring's oldest entry, on behalf of a process; false if there is none.
    pub fn take_entry(&mut self, cpu: usize, thread: Tid, number: u32) -> bool {
        let Some(Entry { wish, fd, data }) = self.rings[number as usize].queued.pop_front() else {
            return false;
        };
        let process = self.tasks[thread.index()].process;
        let opened = fd.and_then(|fd| self.opened(process, fd));
        let done = |result| Completion { data, result, ..Completion::default() };
        let result = match (wish, opened) {
            (Wish::Nothing, _) => Ok(0),
            (_, None) => Err(Errno::EBADF),
            (Wish::Poll(events), Some((open, what))) => {
                return self.poll_by_ring(cpu, number, Polled { open, what, events, data });
            }
            (Wish::Read { offset, bytes }, Some((open, Opened::File(_)))) => {
                let ask = Ask { thread, open: opened, offset, bytes, ..Ask::default() };
                self.begin_for_ring(cpu, open, Ask { ring: Some((number, data)), ..ask });
                return true;
            }
            (Wish::Write { offset, content }, Some((open, Opened::File(_)))) => {
                let (bytes, write) = (content.len(), Some(content));
                let ask = Ask { thread, open: opened, offset, bytes, write, ..Ask::default() };
                self.begin_for_ring(cpu, open, Ask { ring: Some((number, data)), ..ask });
                return true;
            }
            (Wish::Sync, Some((open, Opened::File(_)))) => {
                let ask = Ask { thread, open: opened, sync: true, ..Ask::default() };
                self.begin_for_ring(cpu, open, Ask { ring: Some((number, data)), ..ask });
                return true;
            }
            (Wish::Sync, Some(_)) => Err(Errno::EINVAL),
            // The model's rings transfer files only.
            (Wish::Read { .. } | Wish::Write { .. }, Some(_)) => Err(Errno::EOPNOTSUPP),
        };
        self.complete(cpu, number, done(result.unwrap_or_else(Errno::result)));
        true
    }

    /// A request keeps its file open until it is done.
    fn begin_for_ring(&mut self, cpu: usize, open: OpenId, ask: Ask) {
        self.hold(open);
        self.begin_request(cpu, ask);
    }

    fn poll_by_ring(&mut self, cpu: usize, number: u32, polled: Polled) -> bool {
        let ready = self.look_at(polled.open) & polled.events.and_troubles();
        if !ready.is_empty() {
            let (data, result) = (polled.data, i64::from(ready.0));
            self.complete(cpu, number, Completion { data, result, ..Completion::default() });
            return true;
        }
        self.hold(polled.open);
        let ring = &mut self.rings[number as usize];
        let poll = ring.polled;
        ring.polled += 1;
        let what = polled.what;
        ring.polls.insert(poll, polled);
        self.watchers.watch(what, Watcher::Ring { ring: number, poll });
        true
    }

    /// What a ring polls may be ready; whether its poll has ended by that.
    pub(super) fn tell_ring(&mut self, cpu: usize, number: u32, poll: u32, events: Events) -> bool {
        let Some(polled) = self.rings[number as usize].polls.get(&poll) else { return false };
        let wanted = polled.events.and_troubles();
        if (wanted & events).is_empty() {
            return false;
        }
        let (open, data) = (polled.open, polled.data);
        let ready = self.look_at(open) & wanted;
        if ready.is_empty() {
            return false;
        }
        self.forget_poll(cpu, number, poll);
        self.complete(cpu, number, Completion { data, result: i64::from(ready.0), ..Completion::default() });
        true
    }

    fn forget_poll(&mut self, cpu: usize, number: u32, poll: u32) {
        self.watchers.unwatch(
            |watcher| matches!(watcher, Watcher::Ring { ring, poll: own } if (*ring, *own) == (number, poll)),
        );
        if let Some(polled) = self.rings[number as usize].polls.remove(&poll) {
            self.drop_reference(cpu, polled.open);
        }
    }

    /// A request has ended: its completion is in the queue, or beside it if that is full, and whoever
    /// has waited for so many goes on.
    pub(super) fn complete(&mut self, cpu: usize, number: u32, completion: Completion) {
        let ring = &mut self.rings[number as usize];
        if ring.closed && ring.waiting.is_empty() {
            return;
        }
        ring.complete(completion);
        let there = ring.completions.len();
        let key = Self::ring_key(number);
        let mut woken = Vec::new();
        ring.waiting.retain(|&(thread, wanted)| {
            let goes_on = there >= wanted;
            if goes_on {
                woken.push(thread);
            }
            !goes_on
        });
        for thread in woken {
            self.wake_holder(cpu, key, thread);
        }
        self.announce_events(cpu, Opened::Ring(number), Events::IN);
    }

    /// What those wait for who wait for completions of a ring. Rings count from the end, threads whose
    /// requests are awaited from the beginning.
    const fn ring_key(number: u32) -> WaitKey {
        WaitKey { cause: Cause::Completion, object: u32::MAX - number }
    }

    /// Whether so many completions are there, as many as have a place at most; what had found none gets
    /// one before, if there is one now. If they aren't, the thread will wait for them.
    pub fn await_completions(&mut self, number: u32, thread: Tid, wanted: usize) -> bool {
        let ring = &mut self.rings[number as usize];
        ring.waiting.retain(|&(waiter, _)| waiter != thread);
        while ring.completions.len() < ring.places
            && let Some(completion) = ring.overflowed.pop_front()
        {
            ring.completions.push_back(completion);
        }
        let wanted = wanted.min(ring.places);
        if ring.completions.len() >= wanted {
            return true;
        }
        ring.waiting.push((thread, wanted));
        self.wait_for(Self::ring_key(number), thread);
        false
    }

    /// What copying so many bytes costs the CPU on which a ring's request is carried out: the CPU owes it.
    pub(super) fn owe_copying(&mut self, cpu: usize, copying: Copying, bytes: u64) {
        let curve = &self.costs.copies[copying];
        let cost = match curve.is_empty() {
            true => self.costs.call("io_uring_enter").copying(bytes),
            false => curve.from_origin(bytes),
        };
        self.cpus[cpu].debt += self.costs.whole(cost);
    }

    /// Nobody has the ring any more. What it polls is forgotten, and what the devices still do for it
    /// is told to nobody.
    pub(super) fn drop_ring(&mut self, cpu: usize, number: u32) {
        let ring = &mut self.rings[number as usize];
        ring.closed = true;
        ring.queued.clear();
        let polls: Vec<u32> = ring.polls.keys().copied().collect();
        for poll in polls {
            self.forget_poll(cpu, number, poll);
        }
    }

    /// The rings of a process aren't its children's: a child closes what it has inherited of them.
    pub fn is_ring(&self, open: OpenId) -> bool {
        matches!(self.files.open[open.0 as usize].what, Opened::Ring(_))
    }
}
