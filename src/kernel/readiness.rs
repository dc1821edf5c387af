//! Which descriptors can be read or written without waiting, and who wants to be told.
//!
//! Whoever changes an object that descriptors stand for says so by [`Kernel::announce`]; whoever
//! polls it looks at [`Kernel::readiness`] again then. Threads in a `poll` and the items of epoll sets
//! stand in one list for each object, as in Linux's wait queues: the one that came last is told first,
//! and of those that want that (EPOLLEXCLUSIVE) only one. Model: poll(2), fs/select.c.

use std::collections::BTreeMap;
use std::ops::{BitAnd, BitOr};

use crate::ids::Tid;
use crate::trace::{Cause, Sink};

use super::Kernel;
use super::epoll::{Epoll, Key};
use super::file::{OpenId, Opened};
use super::task::State;

/// What a descriptor is ready for: poll's POLLIN, POLLOUT, POLLHUP and POLLERR.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    pub readable: bool,
    pub writable: bool,
    /// The other side is gone.
    pub hung_up: bool,
    pub error: bool,
}

/// A set of poll's events, with Linux's bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Events(pub u16);

impl Events {
    pub const NONE: Events = Events(0);
    pub const IN: Events = Events(1);
    pub const OUT: Events = Events(4);
    pub const ERROR: Events = Events(8);
    pub const HANG_UP: Events = Events(16);
    /// There is no such descriptor (POLLNVAL).
    pub const INVALID: Events = Events(32);
    pub const ALL: Events = Events(u16::MAX);

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// With what is always told, asked for or not.
    pub const fn and_troubles(self) -> Events {
        Events(self.0 | Events::ERROR.0 | Events::HANG_UP.0)
    }
}

impl BitAnd for Events {
    type Output = Events;
    fn bitand(self, other: Events) -> Events {
        Events(self.0 & other.0)
    }
}

impl BitOr for Events {
    type Output = Events;
    fn bitor(self, other: Events) -> Events {
        Events(self.0 | other.0)
    }
}

impl From<Readiness> for Events {
    fn from(ready: Readiness) -> Events {
        let bit = |is: bool, event: Events| if is { event } else { Events::NONE };
        bit(ready.readable, Events::IN)
            | bit(ready.writable, Events::OUT)
            | bit(ready.error, Events::ERROR)
            | bit(ready.hung_up, Events::HANG_UP)
    }
}

/// Who is told when something may have become ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Watcher {
    /// A thread that waits in a `poll`, for these events.
    Thread(Tid, Events),
    /// An item of an epoll set; whether one of several that want to is enough.
    Item { epoll: u32, key: Key, exclusive: bool },
    /// A poll that a ring was asked for.
    Ring { ring: u32, poll: u32 },
}

/// Who is to be told, by what descriptors stand for; and the epoll sets.
#[derive(Clone, Debug, Default)]
pub struct Watchers {
    of: BTreeMap<Opened, Vec<Watcher>>,
    pub(super) epolls: Vec<Epoll>,
}

impl Watchers {
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    /// The thread is about to wait in a `poll`.
    pub fn add(&mut self, what: Opened, thread: Tid, events: Events) {
        self.watch(what, Watcher::Thread(thread, events));
    }

    pub(super) fn watch(&mut self, what: Opened, watcher: Watcher) {
        self.of.entry(what).or_default().push(watcher);
    }

    /// The thread doesn't wait any more.
    pub fn remove(&mut self, thread: Tid) {
        self.unwatch(|watcher| matches!(watcher, Watcher::Thread(other, _) if *other == thread));
        for epoll in &mut self.epolls {
            epoll.waiting.retain(|&other| other != thread);
        }
    }

    pub(super) fn unwatch(&mut self, goes: impl Fn(&Watcher) -> bool) {
        self.of.retain(|_, watchers| {
            watchers.retain(|watcher| !goes(watcher));
            !watchers.is_empty()
        });
    }
}

impl<S: Sink> Kernel<S> {
    /// What an open description is ready for now.
    pub fn readiness(&self, open: OpenId) -> Readiness {
        let open = &self.files.open[open.0 as usize];
        match open.what {
            Opened::PipeRead(pipe) => {
                let pipe = &self.pipes[pipe as usize];
                Readiness {
                    readable: !pipe.is_empty(),
                    // Opened without waiting for a writer, it isn't hung up before there was one; the
                    // offset, which pipes don't need, says how many there had been.
                    hung_up: pipe.writers == 0 && !(pipe.named && pipe.writers_ever == open.offset),
                    ..Readiness::default()
                }
            }
            Opened::PipeWrite(pipe) => {
                let pipe = &self.pipes[pipe as usize];
                Readiness { writable: !pipe.is_full(), error: pipe.readers == 0, ..Readiness::default() }
            }
            Opened::File(_) => Readiness { readable: true, writable: true, ..Readiness::default() },
            Opened::Keyboard => {
                Readiness { readable: !self.terminal.lines.is_empty(), ..Readiness::default() }
            }
            Opened::Screen => Readiness { writable: true, ..Readiness::default() },
            Opened::Socket(socket) => self.sockets.readiness(socket),
            Opened::Queue(queue) => {
                let queue = self.mqueue(queue);
                let (readable, writable) = (!queue.messages.is_empty(), !queue.is_full());
                Readiness { readable, writable, ..Readiness::default() }
            }
            Opened::Counter(counter) => self.counters[counter as usize].readiness(),
            Opened::Alarm(alarm) => self.alarms[alarm as usize].readiness(),
            Opened::Ring(ring) => self.rings[ring as usize].readiness(),
            Opened::Epoll(epoll) => {
                Readiness { readable: self.epoll_is_ready(epoll), ..Readiness::default() }
            }
        }
    }

    /// Looks at an open description on behalf of somebody who polls it.
    pub fn look_at(&mut self, open: OpenId) -> Events {
        if let Opened::PipeRead(pipe) | Opened::PipeWrite(pipe) = self.files.open[open.0 as usize].what {
            self.pipes[pipe as usize].polled = true;
        }
        self.readiness(open).into()
    }

    /// What descriptors of this kind are ready for may have changed: whoever polls one looks again.
    #[inline]
    pub fn announce(&mut self, cpu: usize, what: Opened) {
        self.announce_events(cpu, what, Events::ALL);
    }

    /// As [`announce`](Self::announce), for those only who want one of these events.
    #[inline]
    pub fn announce_events(&mut self, cpu: usize, what: Opened, events: Events) {
        if !self.watchers.is_empty() {
            self.tell_watchers(cpu, what, events);
        }
    }

    #[cold]
    fn tell_watchers(&mut self, cpu: usize, what: Opened, events: Events) {
        let watchers = self.watchers.of.get(&what).cloned().unwrap_or_default();
        let is_exclusive = |watcher: &Watcher| matches!(watcher, Watcher::Item { exclusive: true, .. });
        for &watcher in watchers.iter().rev().filter(|watcher| !is_exclusive(watcher)) {
            self.tell(cpu, watcher, events);
        }
        for &watcher in watchers.iter().filter(|watcher| is_exclusive(watcher)) {
            if self.tell(cpu, watcher, events) {
                break;
            }
        }
    }

    /// Tells a watcher; whether somebody was woken by that.
    fn tell(&mut self, cpu: usize, watcher: Watcher, events: Events) -> bool {
        match watcher {
            Watcher::Thread(thread, wanted) => {
                let waits =
                    matches!(self.tasks[thread.index()].state, State::Blocked { on: Cause::Poll, .. });
                let tells = waits && !(wanted.and_troubles() & events).is_empty();
                if tells {
                    self.watchers.remove(thread);
                    self.wake(cpu, thread);
                }
                tells
            }
            Watcher::Item { epoll, key, .. } => self.tell_epoll(cpu, epoll, key, events),
            Watcher::Ring { ring, poll } => self.tell_ring(cpu, ring, poll, events),
        }
    }
}
