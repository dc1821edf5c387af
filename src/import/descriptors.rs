//! Which descriptor of which process stands for what: pipes are found by following `pipe`, `dup2`, `close`, forks
//! and `exec`, as the kernel does.

use std::collections::BTreeMap;

/// Which end of a pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Read,
    Write,
}

impl End {
    pub const fn word(self) -> &'static str {
        match self {
            End::Read => "read",
            End::Write => "write",
        }
    }
}

/// What a descriptor stands for; numbers are places in the lists of pipes and files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Pipe(usize, End),
    File(usize),
    Terminal,
    /// A socket that isn't followed.
    Socket,
    /// A socket, a counter and the like, which has a place in a list of its own.
    Thing(usize),
    /// A directory, a device, an event counter and so on.
    Other,
    /// Open from the beginning; its first use tells more.
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptor {
    pub what: What,
    /// Whether a successful exec closes it.
    pub on_exec: bool,
}

/// A process's descriptors; its threads share them.
#[derive(Clone, Debug, Default)]
pub struct Table {
    entries: BTreeMap<i64, Descriptor>,
}

impl Table {
    /// Standard input, output and error of a process whose beginning wasn't recorded, and others that it has.
    pub fn initial(others: &[i64]) -> Table {
        let unknown = Descriptor { what: What::Unknown, on_exec: false };
        Table { entries: (0..3).chain(others.iter().copied()).map(|fd| (fd, unknown)).collect() }
    }

    pub fn get(&self, fd: i64) -> Option<Descriptor> {
        self.entries.get(&fd).copied()
    }

    /// The descriptor now stands for this; what it stood for is closed.
    pub fn put(&mut self, fd: i64, descriptor: Descriptor) {
        self.entries.insert(fd, descriptor);
    }

    pub fn set_on_exec(&mut self, fd: i64, on_exec: bool) {
        if let Some(descriptor) = self.entries.get_mut(&fd) {
            descriptor.on_exec = on_exec;
        }
    }

    /// Closes a descriptor. What it stood for, if no other descriptor of the process does.
    pub fn close(&mut self, fd: i64) -> Option<What> {
        let what = self.entries.remove(&fd)?.what;
        (!self.holds(what)).then_some(what)
    }

    pub fn holds(&self, what: What) -> bool {
        self.entries.values().any(|descriptor| descriptor.what == what)
    }

    /// Those in a range.
    pub fn between(&self, first: i64, last: i64) -> Vec<i64> {
        if first > last { Vec::new() } else { self.entries.range(first..=last).map(|(fd, _)| *fd).collect() }
    }

    /// Those that an exec closes.
    pub fn closed_by_exec(&self) -> Vec<i64> {
        self.entries.iter().filter(|(_, descriptor)| descriptor.on_exec).map(|(fd, _)| *fd).collect()
    }

    /// The lowest number that is free, from a number on: the one that the kernel gives next.
    pub fn lowest_free(&self, from: i64) -> i64 {
        let taken = self.entries.range(from..).map(|(fd, _)| *fd);
        taken
            .zip(from..)
            .find(|(fd, expected)| fd != expected)
            .map_or_else(|| from + self.entries.range(from..).count() as i64, |(_, expected)| expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_descriptor_of_an_end_closes_it() {
        let mut table = Table::initial(&[]);
        let what = What::Pipe(0, End::Write);
        let descriptor = Descriptor { what, on_exec: false };
        assert_eq!(table.lowest_free(0), 3);
        table.put(3, descriptor);
        table.put(5, descriptor);
        assert_eq!((table.lowest_free(0), table.lowest_free(5), table.lowest_free(10)), (4, 6, 10));
        assert_eq!(table.close(3), None);
        assert_eq!(table.close(5), Some(what));
        assert_eq!(table.close(5), None);
    }

    #[test]
    fn exec_closes_what_is_marked() {
        let mut table = Table::initial(&[]);
        table.put(7, Descriptor { what: What::Other, on_exec: true });
        assert_eq!(table.closed_by_exec(), [7]);
        table.set_on_exec(7, false);
        assert!(table.closed_by_exec().is_empty());
        assert_eq!(table.between(1, 100), [1, 2, 7]);
    }
}
