//! Epoll: a set of descriptors that stays registered, and the list of those that may be ready.
//!
//! Model: epoll(7), fs/eventpoll.c. An item comes to the list when its object announces something that
//! it wants. Whoever waits takes items off the list and looks at each: one that isn't ready (any more)
//! is dropped; one that is gets reported, and goes back to the end of the list if it is level-triggered.
//! An edge-triggered one comes back only with the next announcement, a one-shot one not before it is
//! modified. Of several threads that wait, the one that came last is woken.

use std::collections::{BTreeMap, VecDeque};

use crate::errno::Errno;
use crate::ids::{Fd, Tid};
use crate::trace::Sink;

use super::Kernel;
use super::file::{OpenId, Opened};
use super::readiness::{Events, Watcher};

/// What an item is registered under: the descriptor, and the open description that it stood for.
pub type Key = (Fd, OpenId);

/// What somebody wants to know of a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interest {
    pub events: Events,
    /// Only when something has changed (EPOLLET).
    pub edge: bool,
    /// Only once, until it is modified (EPOLLONESHOT).
    pub one_shot: bool,
    /// Of several sets that watch the object, one is enough (EPOLLEXCLUSIVE).
    pub exclusive: bool,
    /// What the waiter gets to see.
    pub data: i64,
}

/// What is done to a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    Add(Interest),
    Modify(Interest),
    Delete,
}

#[derive(Clone, Copy, Debug)]
struct Item {
    interest: Interest,
    /// Has been reported, and is off until it is modified.
    spent: bool,
    listed: bool,
}

impl Item {
    fn wants(&self, events: Events) -> Events {
        if self.spent { Events::NONE } else { events & self.interest.events.and_troubles() }
    }
}

/// A set of descriptors.
#[derive(Clone, Debug, Default)]
pub struct Epoll {
    items: BTreeMap<Key, Item>,
    ready: VecDeque<Key>,
    /// Threads that wait, the last one to come at the end.
    pub(super) waiting: Vec<Tid>,
}

impl Epoll {
    fn list(&mut self, key: Key) {
        if let Some(item) = self.items.get_mut(&key)
            && !item.listed
        {
            item.listed = true;
            self.ready.push_back(key);
        }
    }

    fn forget(&mut self, key: Key) -> bool {
        self.ready.retain(|other| *other != key);
        self.items.remove(&key).is_some()
    }
}

impl<S: Sink> Kernel<S> {
    /// A new, empty set; what a descriptor of it stands for.
    pub fn new_epoll(&mut self) -> Opened {
        self.watchers.epolls.push(Epoll::default());
        Opened::Epoll((self.watchers.epolls.len() - 1) as u32)
    }

    /// Changes a set: EPERM for what is always ready, EEXIST, ENOENT, ELOOP for a circle of sets.
    pub fn control_epoll(
        &mut self,
        cpu: usize,
        epoll: u32,
        (fd, open): Key,
        control: Control,
    ) -> Result<(), Errno> {
        let what = self.files.open[open.0 as usize].what;
        let key = (fd, open);
        let set = &self.watchers.epolls[epoll as usize];
        let known = set.items.get(&key).map(|item| item.interest);
        match control {
            Control::Add(interest) => {
                if interest.exclusive && (interest.one_shot || matches!(what, Opened::Epoll(_))) {
                    return Err(Errno::EINVAL);
                }
                if let Opened::Epoll(inner) = what
                    && self.leads_to(inner, epoll)
                {
                    return Err(Errno::ELOOP);
                }
                if known.is_some() {
                    return Err(Errno::EEXIST);
                }
                let item = Item { interest, spent: false, listed: false };
                self.watchers.epolls[epoll as usize].items.insert(key, item);
                let watcher = Watcher::Item { epoll, key, exclusive: interest.exclusive };
                self.watchers.watch(what, watcher);
            }
            Control::Modify(interest) => {
                if interest.exclusive {
                    return Err(Errno::EINVAL);
                }
                let known = known.ok_or(Errno::ENOENT)?;
                if known.exclusive {
                    return Err(Errno::EINVAL);
                }
                if let Some(item) = self.watchers.epolls[epoll as usize].items.get_mut(&key) {
                    (item.interest, item.spent) = (interest, false);
                }
            }
            Control::Delete => {
                known.ok_or(Errno::ENOENT)?;
                self.remove_item(epoll, key);
                return Ok(());
            }
        }
        let events = self.look_at(open);
        self.tell_epoll(cpu, epoll, key, events);
        Ok(())
    }

    /// Whether a set holds another one, or one that does.
    fn leads_to(&self, from: u32, to: u32) -> bool {
        from == to
            || self.watchers.epolls[from as usize].items.keys().any(|(_, open)| {
                match self.files.open[open.0 as usize].what {
                    Opened::Epoll(inner) => self.leads_to(inner, to),
                    Opened::PipeRead(_)
                    | Opened::PipeWrite(_)
                    | Opened::File(_)
                    | Opened::Keyboard
                    | Opened::Screen
                    | Opened::Socket(_)
                    | Opened::Counter(_)
                    | Opened::Alarm(_)
                    | Opened::Ring(_)
                    | Opened::Queue(_) => false,
                }
            })
    }

    fn remove_item(&mut self, epoll: u32, key: Key) {
        self.watchers.epolls[epoll as usize].forget(key);
        self.watchers.unwatch(
            |watcher| matches!(watcher, Watcher::Item { epoll: e, key: k, .. } if (*e, *k) == (epoll, key)),
        );
    }

    /// Something has happened to an item's object; whether a thread was woken for it.
    pub(super) fn tell_epoll(&mut self, cpu: usize, epoll: u32, key: Key, events: Events) -> bool {
        let set = &mut self.watchers.epolls[epoll as usize];
        let wanted = set.items.get(&key).map_or(Events::NONE, |item| item.wants(events));
        if wanted.is_empty() {
            return false;
        }
        set.list(key);
        let woken = set.waiting.pop();
        if let Some(thread) = woken {
            self.wake(cpu, thread);
        }
        self.announce(cpu, Opened::Epoll(epoll));
        woken.is_some()
    }

    /// Whether a wait for this set would be over at once.
    pub fn epoll_is_ready(&self, epoll: u32) -> bool {
        let set = &self.watchers.epolls[epoll as usize];
        set.ready.iter().any(|key| {
            let events = Events::from(self.readiness(key.1));
            set.items.get(key).is_some_and(|item| !item.wants(events).is_empty())
        })
    }

    /// Takes at most `most` ready items from the list: the data and the events of each.
    pub fn take_ready(&mut self, cpu: usize, epoll: u32, most: usize) -> Vec<(i64, Events)> {
        let mut taken = Vec::new();
        let listed = self.watchers.epolls[epoll as usize].ready.len();
        for _ in 0..listed {
            if taken.len() == most {
                break;
            }
            let Some(key) = self.watchers.epolls[epoll as usize].ready.pop_front() else { break };
            let events = self.look_at(key.1);
            let set = &mut self.watchers.epolls[epoll as usize];
            let Some(item) = set.items.get_mut(&key) else { continue };
            item.listed = false;
            let events = item.wants(events);
            if events.is_empty() {
                continue;
            }
            taken.push((item.interest.data, events));
            if item.interest.one_shot {
                item.spent = true;
            } else if !item.interest.edge {
                set.list(key);
            }
        }
        // There is more, or again the same: somebody else who waits may have a look.
        let set = &mut self.watchers.epolls[epoll as usize];
        if !taken.is_empty()
            && !set.ready.is_empty()
            && let Some(thread) = set.waiting.pop()
        {
            self.wake(cpu, thread);
        }
        taken
    }

    /// The thread will wait for something in the set to become ready.
    pub fn wait_for_epoll(&mut self, epoll: u32, thread: Tid) {
        self.watchers.epolls[epoll as usize].waiting.push(thread);
    }

    /// An open description is gone: it leaves all sets.
    pub(super) fn forget_open(&mut self, open: OpenId) {
        for epoll in &mut self.watchers.epolls {
            let keys: Vec<Key> = epoll.items.keys().copied().filter(|key| key.1 == open).collect();
            for key in keys {
                epoll.forget(key);
            }
        }
        self.watchers.unwatch(|watcher| matches!(watcher, Watcher::Item { key, .. } if key.1 == open));
    }

    /// A set is gone.
    pub(super) fn drop_epoll(&mut self, gone: u32) {
        self.watchers.epolls[gone as usize] = Epoll::default();
        self.watchers.unwatch(|watcher| matches!(watcher, Watcher::Item { epoll, .. } if *epoll == gone));
    }
}
