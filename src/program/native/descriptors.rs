//! The descriptors of a process of a real run: those of the scenario's channels, and those that calls
//! have returned.
//!
//! The latter take numbers behind the former, the lowest free one first, as in the simulation. No
//! number outside of this range can be reached, whatever a program computes.

use std::collections::BTreeMap;
use std::os::fd::{OwnedFd, RawFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::errno::Errno;
use crate::ids::{Fd, ObjectId};
use crate::kernel::file::MOST_DESCRIPTORS;
use crate::kernel::ipc::socket::SocketKind;
use crate::os::uring::Ring;
use crate::os::{file, pipe};
use crate::program::content::What;
use crate::program::value::Handle;

use super::{Native, What as Noted};

/// What is behind a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channel {
    /// None if the scenario has no name for it.
    pub object: Option<ObjectId>,
    pub kind: ChannelKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelKind {
    Pipe,
    File,
    Terminal,
    Socket(SocketKind),
    Queue,
    /// A counter, a timer, an epoll set.
    Events,
    /// A ring, by its number among the process's rings.
    Ring(u32),
}

/// The descriptors that calls of a process have returned, which its threads share.
#[derive(Clone, Debug, Default)]
pub struct Held(Arc<Mutex<BTreeMap<Fd, Channel>>>);

impl Held {
    fn all(&self) -> MutexGuard<'_, BTreeMap<Fd, Channel>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same descriptors for a child that is about to be forked, from then on its own. It can't
    /// ask afterwards: another thread of its parent may hold the lock at the fork, and isn't there
    /// any more to give it back.
    #[must_use]
    pub fn copied(&self) -> Held {
        Held(Arc::new(Mutex::new(self.all().clone())))
    }

    /// Takes out the rings, which a forked child doesn't have.
    pub(super) fn take_rings(&self) -> Vec<Fd> {
        let mut held = self.all();
        let is_ring = |channel: &Channel| matches!(channel.kind, ChannelKind::Ring(_));
        let rings: Vec<Fd> = held.iter().filter(|(_, channel)| is_ring(channel)).map(|(&fd, _)| fd).collect();
        held.retain(|_, channel| !is_ring(channel));
        rings
    }
}

impl Native {
    /// The host's number for a descriptor; EBADF if it can't be one of this run.
    pub fn descriptor(&self, handle: Handle) -> Result<RawFd, Errno> {
        Ok(self.world.descriptor(self.number(handle)?))
    }

    /// The number that the program knows.
    pub fn number(&self, handle: Handle) -> Result<Fd, Errno> {
        match handle {
            Handle::Named(fd) => Ok(fd),
            Handle::Number(number) => {
                let number = u16::try_from(self.computed(number)).map(Fd).map_err(|_| Errno::EBADF)?;
                let channel = number.0 < self.world.image.named_descriptors();
                if channel || self.held.all().contains_key(&number) { Ok(number) } else { Err(Errno::EBADF) }
            }
        }
    }

    /// What is behind a descriptor, and its object.
    pub fn channel(&self, handle: Handle) -> Channel {
        let image = &self.world.image;
        let terminal = Channel { object: Some(image.terminal.object), kind: ChannelKind::Terminal };
        let Ok(fd) = self.number(handle) else { return terminal };
        if let Some(channel) = self.held.all().get(&fd) {
            return *channel;
        }
        if let Some(pipe) = image.pipes.iter().find(|pipe| pipe.read == fd || pipe.write == fd) {
            return Channel { object: Some(pipe.object), kind: ChannelKind::Pipe };
        }
        if let Some(file) = image.files.iter().find(|file| file.fd == fd) {
            return Channel { object: Some(file.object), kind: ChannelKind::File };
        }
        if let Some(queue) = image.ipc.queue_at(fd) {
            return Channel { object: Some(image.ipc.queues[queue].object), kind: ChannelKind::Queue };
        }
        terminal
    }

    /// The process has a new descriptor: it gets the lowest free number, which is close-on-exec.
    pub fn adopt(&self, descriptor: OwnedFd, channel: Channel) -> Result<Fd, Errno> {
        let mut held = self.held.all();
        let mut numbers = self.world.image.named_descriptors()..MOST_DESCRIPTORS;
        let free = numbers.find(|&number| !held.contains_key(&Fd(number))).map(Fd).ok_or(Errno::EMFILE)?;
        file::place_closing(descriptor, self.world.descriptor(free))?;
        held.insert(free, channel);
        Ok(free)
    }

    /// As [`adopt`](Self::adopt) for an end of a FIFO that has just been opened: it gets the number
    /// that its name stands for, unless that is in use.
    pub fn adopt_as(&self, descriptor: OwnedFd, fd: Fd, channel: Channel) -> Result<Fd, Errno> {
        let number = self.world.descriptor(fd);
        if file::check_open(number).is_ok() {
            return self.adopt(descriptor, channel);
        }
        file::place(descriptor, number).map_err(|_| Errno::EMFILE)?;
        Ok(fd)
    }

    /// Lets a number stand for what a descriptor does, and closes what it stood for. Those that aren't
    /// a channel's of the scenario are close-on-exec.
    pub fn duplicate_onto(&self, handle: Handle, onto: Fd) -> Result<(), Errno> {
        let (from, channel) = (self.descriptor(handle)?, self.channel(handle));
        let numbered = onto.0 >= self.world.image.named_descriptors();
        pipe::duplicate_onto(from, self.world.descriptor(onto), numbered)?;
        let replaced = self.held.all().insert(onto, channel);
        self.give_up_ring(replaced);
        Ok(())
    }

    /// The scenario's own channels that stand for something else now: an exec passes them on.
    pub fn redirected(&self) -> Vec<(Fd, Channel)> {
        let named = self.world.image.named_descriptors();
        let held = self.held.all();
        held.iter().filter(|(fd, _)| fd.0 < named).map(|(fd, channel)| (*fd, *channel)).collect()
    }

    /// What an exec has passed on.
    pub fn redirect(&self, redirected: impl IntoIterator<Item = (Fd, Channel)>) {
        self.held.all().extend(redirected);
    }

    /// Gives up a descriptor that a call has returned.
    pub fn close_number(&self, number: Fd) -> Result<(), Errno> {
        let gone = self.held.all().remove(&number);
        self.give_up_ring(gone);
        file::close(self.world.descriptor(number))
    }

    /// The ring behind a descriptor, with its queues in the process's memory.
    pub fn ring(&self, handle: Handle) -> Option<Arc<Ring>> {
        self.number(handle).ok()?;
        match self.channel(handle).kind {
            ChannelKind::Ring(ring) => self.rings.find(ring),
            ChannelKind::Pipe
            | ChannelKind::File
            | ChannelKind::Terminal
            | ChannelKind::Socket(_)
            | ChannelKind::Queue
            | ChannelKind::Events => None,
        }
    }

    /// A descriptor stands for this no more: a ring that no other stands for leaves the memory.
    fn give_up_ring(&self, gone: Option<Channel>) {
        if let Some(Channel { kind: kind @ ChannelKind::Ring(ring), .. }) = gone
            && !self.held.all().values().any(|channel| channel.kind == kind)
        {
            self.rings.remove(ring);
        }
    }

    /// Notes what has just been written to the terminal: the first `length` bytes of the buffer.
    pub fn shown(&mut self, length: usize) {
        let bytes = self.buffer.take(length).to_vec();
        for piece in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..piece.len()].copy_from_slice(piece);
            self.note(Noted::Shown, i64::from_le_bytes(word), piece.len() as i64);
        }
    }

    pub fn close(&self, handle: Handle) -> Result<(), Errno> {
        self.close_number(self.number(handle)?)
    }

    /// The bytes that a call sends.
    pub fn filled(&mut self, length: usize, what: What) -> &mut [u8] {
        let bytes: Vec<u8> = match what {
            What::Zeros => Vec::new(),
            What::Value(value) => self.computed(value).to_le_bytes().to_vec(),
            What::Text(_) | What::Buffer | What::Stream(_) => {
                what.bytes(&self.user, &self.world.image, length as u64).iter().collect()
            }
        };
        let buffer = self.buffer.take(length);
        let known = bytes.len().min(length);
        buffer[..known].copy_from_slice(&bytes[..known]);
        // What a program without content writes is whatever was in the buffer before: to clear that
        // would take time that no program takes.
        if what != What::Zeros {
            buffer[known..].fill(0);
        }
        buffer
    }
}
