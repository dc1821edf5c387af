//! What else descriptors and numbers of recordings stand for: sockets, event counters, message queues, sets of
//! semaphores. Whether their calls become steps is decided when the whole recording is known: whoever waits in
//! the scenario must get what it waits for.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::descriptors::What;
use super::plan::{Fields, Names, Object, Value, text};

/// What it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// "tcp", "unix-stream" and so on.
    Socket(&'static str),
    Counter,
    Epoll,
    /// `mqueue`, `sysv-queue` or `sysv-semaphores`: they have names, and no descriptors.
    Named(&'static str),
}

#[derive(Debug)]
pub struct Thing {
    pub kind: Kind,
    /// The variable with its descriptor, or its name.
    pub name: String,
    /// Whether a step makes it.
    pub made: bool,
    /// What steps put into it and take out of it: bytes, or messages.
    pub sent: u64,
    pub received: u64,
    pub peer: Option<usize>,
    pub address: Option<usize>,
    /// It sends no more.
    pub shut: bool,
    /// What an epoll set watches.
    pub watched: Vec<What>,
    /// For the table of one that has a name.
    pub keys: Fields,
    /// The values of semaphores at the beginning.
    pub values: Vec<i64>,
    /// Whether a step has used it.
    pub used: bool,
}

/// Where connections are accepted.
#[derive(Debug)]
pub struct Address {
    pub name: String,
    pub kind: &'static str,
    pub used: bool,
    /// The socket that is bound to it.
    pub listener: usize,
    /// Connections that nobody has accepted, and accepted ones whose connect hadn't returned.
    pub clients: VecDeque<usize>,
    pub servers: VecDeque<usize>,
}

#[derive(Debug, Default)]
pub struct Things {
    pub all: Vec<Thing>,
    pub addresses: Vec<Address>,
    /// By what a socket is bound to.
    pub bound: BTreeMap<String, usize>,
    /// By kind and number, of those that have no descriptor.
    pub numbered: BTreeMap<(&'static str, i64), usize>,
    /// Named pipes by their paths.
    pub fifos: BTreeMap<String, usize>,
    /// Those that can't be carried over, as is known from an earlier look.
    unfit: BTreeSet<usize>,
    /// The same, as this look has found.
    found: BTreeSet<usize>,
}

impl Things {
    pub fn without(unfit: BTreeSet<usize>) -> Things {
        Things { unfit, ..Things::default() }
    }

    pub fn add(&mut self, kind: Kind, name: String) -> usize {
        self.all.push(Thing {
            kind,
            name,
            made: false,
            sent: 0,
            received: 0,
            peer: None,
            address: None,
            shut: false,
            watched: Vec::new(),
            keys: Vec::new(),
            values: Vec::new(),
            used: false,
        });
        self.all.len() - 1
    }

    pub fn fit(&self, thing: usize) -> bool {
        !self.unfit.contains(&thing)
    }

    /// A call that can't be a step: then the others aren't either.
    pub fn spoil(&mut self, thing: usize) {
        self.found.insert(thing);
    }

    pub fn join(&mut self, one: usize, other: usize) {
        self.all[one].peer = Some(other);
        self.all[other].peer = Some(one);
    }

    pub fn address(&mut self, listener: usize, kind: &'static str, names: &mut Names) -> usize {
        let name = names.take("server");
        let (clients, servers) = (VecDeque::new(), VecDeque::new());
        self.addresses.push(Address { name, kind, used: false, listener, clients, servers });
        self.addresses.len() - 1
    }

    /// All that can't be carried over; none if nothing new was found.
    pub fn judged(&mut self) -> Option<BTreeSet<usize>> {
        for (index, thing) in self.all.iter().enumerate().filter(|(_, thing)| thing.made) {
            let enough = match thing.kind {
                Kind::Socket(_) => match thing.peer {
                    Some(peer) => thing.received <= self.all[peer].sent,
                    // A listener has no other end.
                    None => thing.address.is_some_and(|address| self.addresses[address].listener == index),
                },
                Kind::Counter => thing.received <= thing.sent,
                Kind::Named(kind) => kind == "sysv-semaphores" || thing.received <= thing.sent,
                Kind::Epoll => true,
            };
            if !enough {
                self.found.insert(index);
            }
        }
        // A connection goes with both of its ends, and with whoever accepts it.
        let lost = |found: &BTreeSet<usize>, thing: &Thing| {
            let listener = thing.address.map(|address| self.addresses[address].listener);
            thing.peer.is_some_and(|peer| found.contains(&peer))
                || listener.is_some_and(|listener| found.contains(&listener))
        };
        let with: Vec<usize> =
            (0..self.all.len()).filter(|index| lost(&self.found, &self.all[*index])).collect();
        self.found.extend(with);
        if self.found.is_subset(&self.unfit) {
            return None;
        }
        Some(self.unfit.union(&self.found).copied().collect())
    }

    /// Nothing is carried over.
    pub fn none(&self) -> BTreeSet<usize> {
        (0..self.all.len()).collect()
    }

    /// The tables of those that steps use.
    pub fn objects(&self) -> Vec<Object> {
        let object = |kind, name: &str, keys| Object { kind, name: name.to_owned(), keys, comment: None };
        let used = self.addresses.iter().filter(|address| address.used);
        let mut objects: Vec<Object> =
            used.map(|address| object("socket", &address.name, vec![("kind", text(address.kind))])).collect();
        for thing in self.all.iter().filter(|thing| thing.used) {
            let Kind::Named(kind) = thing.kind else { continue };
            let mut keys = thing.keys.clone();
            if kind == "sysv-semaphores" {
                keys.push(("values", Value::Plain(format!("{:?}", thing.values))));
            }
            objects.push(object(kind, &thing.name, keys));
        }
        objects
    }
}
