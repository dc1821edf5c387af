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
use crate::os::file;
use crate::program::content::What;
use crate::program::value::Handle;

use super::Native;

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

    pub fn close(&self, handle: Handle) -> Result<(), Errno> {
        let number = self.number(handle)?;
        self.held.all().remove(&number);
        file::close(self.world.descriptor(number))
    }

    /// The bytes that a call sends.
    pub fn filled(&mut self, length: usize, what: What) -> &mut [u8] {
        let bytes: Vec<u8> = match what {
            What::Zeros => Vec::new(),
            What::Value(value) => self.computed(value).to_le_bytes().to_vec(),
            What::Text(_) | What::Buffer => {
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
