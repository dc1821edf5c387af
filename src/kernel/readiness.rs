//! Which descriptors can be read or written without waiting, and who wants to be told.
//!
//! Whoever changes an object that descriptors stand for says so by [`Kernel::announce`]; whoever
//! polls it looks at [`Kernel::readiness`] again then. Model: poll(2).

use std::collections::BTreeMap;

use crate::ids::Tid;
use crate::trace::{Cause, Sink};

use super::Kernel;
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

/// Threads that wait for one of several descriptors, by what these stand for.
#[derive(Clone, Debug, Default)]
pub struct Watchers {
    of: BTreeMap<Opened, Vec<Tid>>,
}

impl Watchers {
    pub fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    pub fn add(&mut self, what: Opened, thread: Tid) {
        self.of.entry(what).or_default().push(thread);
    }

    /// The thread doesn't wait any more.
    pub fn remove(&mut self, thread: Tid) {
        self.of.retain(|_, threads| {
            threads.retain(|&other| other != thread);
            !threads.is_empty()
        });
    }
}

impl<S: Sink> Kernel<S> {
    /// What an open description is ready for now.
    pub fn readiness(&self, open: OpenId) -> Readiness {
        match self.files.open[open.0 as usize].what {
            Opened::PipeRead(pipe) => {
                let pipe = &self.pipes[pipe as usize];
                Readiness { readable: pipe.used() > 0, hung_up: pipe.writers == 0, ..Readiness::default() }
            }
            Opened::PipeWrite(pipe) => {
                let pipe = &self.pipes[pipe as usize];
                Readiness {
                    // As many bytes as a write can ask for without being split (pipe(7), poll(2)).
                    writable: pipe.room() >= super::ipc::pipe::PIPE_BUF.min(pipe.capacity),
                    error: pipe.readers == 0,
                    ..Readiness::default()
                }
            }
            Opened::File(_) => Readiness { readable: true, writable: true, ..Readiness::default() },
            Opened::Keyboard => {
                Readiness { readable: !self.terminal.lines.is_empty(), ..Readiness::default() }
            }
            Opened::Screen => Readiness { writable: true, ..Readiness::default() },
            Opened::Socket(socket) => self.sockets.readiness(socket),
        }
    }

    /// What descriptors of this kind are ready for may have changed: whoever polls one looks again.
    #[inline]
    pub fn announce(&mut self, cpu: usize, what: Opened) {
        if !self.watchers.is_empty() {
            self.tell_watchers(cpu, what);
        }
    }

    #[cold]
    fn tell_watchers(&mut self, cpu: usize, what: Opened) {
        let threads = self.watchers.of.get(&what).cloned().unwrap_or_default();
        for thread in threads {
            if matches!(self.tasks[thread.index()].state, State::Blocked { on: Cause::Poll, .. }) {
                self.watchers.remove(thread);
                self.wake(cpu, thread);
            }
        }
    }
}
