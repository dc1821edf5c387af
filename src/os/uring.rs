//! Rings of the host (io_uring(7)).
//!
//! The buffers of a ring's requests are the ring's own until their completions have been taken out. A
//! ring that goes while requests are under way leaves their buffers where they are for good: nobody can
//! say when a device has stopped writing to them.

use std::collections::BTreeMap;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::{Arc, Mutex, PoisonError};

use io_uring::{IoUring, opcode, squeue, types};
use nix::errno::Errno as HostErrno;

use crate::errno::Errno;
use crate::ids::ObjectId;

use super::file::Buffer;

/// What an entry asks for.
#[derive(Debug)]
pub enum Job<'a> {
    Nothing,
    Read {
        descriptor: RawFd,
        offset: u64,
        bytes: usize,
    },
    Write {
        descriptor: RawFd,
        offset: u64,
        content: &'a [u8],
    },
    Sync(RawFd),
    Poll(RawFd, u16),
    /// What is refused before the host sees it.
    Refused(Errno),
}

/// A request that has ended.
#[derive(Debug)]
pub struct Done {
    pub data: i64,
    pub result: i64,
    pub content: Vec<u8>,
    /// The file whose bytes it moves, and whether to it.
    pub moves: Option<(Option<ObjectId>, bool)>,
}

struct Slot {
    data: i64,
    buffer: Buffer,
    refused: Option<Errno>,
    moves: Option<(Option<ObjectId>, bool)>,
}

/// The requests whose completions haven't been taken out.
#[derive(Default)]
struct Slots {
    all: BTreeMap<u64, Slot>,
    next: u64,
}

/// A ring with both of its queues.
pub struct Ring {
    ring: IoUring,
    slots: Mutex<Slots>,
}

impl std::fmt::Debug for Ring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ring").field("descriptor", &self.descriptor()).finish_non_exhaustive()
    }
}

/// The rings of a process, by numbers of their own, which its threads share.
#[derive(Clone, Debug, Default)]
pub struct Rings(Arc<Mutex<Numbered>>);

#[derive(Debug, Default)]
struct Numbered {
    all: BTreeMap<u32, Arc<Ring>>,
    made: u32,
}

impl Rings {
    pub fn add(&self, ring: Ring) -> u32 {
        let mut rings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rings.made += 1;
        let number = rings.made;
        rings.all.insert(number, Arc::new(ring));
        number
    }

    pub fn find(&self, number: u32) -> Option<Arc<Ring>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).all.get(&number).cloned()
    }

    pub fn remove(&self, number: u32) {
        let gone = self.0.lock().unwrap_or_else(PoisonError::into_inner).all.remove(&number);
        drop(gone);
    }

    /// A forked child has none of its parent's, whose queues aren't in its memory. It leaves what it
    /// has inherited of them as it is: another thread may have held the lock at the fork.
    pub fn forget(&mut self) {
        std::mem::forget(std::mem::take(self));
    }
}

fn host(error: &std::io::Error) -> Errno {
    super::errno(HostErrno::from_raw(error.raw_os_error().unwrap_or(libc::EIO)))
}

impl Ring {
    /// A ring with so many entries, and places for completions.
    pub fn new(entries: u32, places: Option<u32>) -> Result<Ring, Errno> {
        let mut builder = IoUring::builder();
        builder.dontfork();
        if let Some(places) = places {
            builder.setup_cqsize(places);
        }
        let ring = builder.build(entries).map_err(|error| host(&error))?;
        Ok(Ring { ring, slots: Mutex::default() })
    }

    pub fn descriptor(&self) -> RawFd {
        self.ring.as_raw_fd()
    }

    /// How many entries the kernel hasn't been told of.
    pub fn queued(&self) -> u32 {
        let _alone = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: whoever works on a queue holds the lock of the slots.
        unsafe { self.ring.submission_shared() }.len() as u32
    }

    /// Puts an entry into the submission queue; false if it is full.
    pub fn prepare(&self, job: Job<'_>, data: i64, object: Option<ObjectId>) -> bool {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: whoever works on a queue holds the lock of the slots.
        let mut queue = unsafe { self.ring.submission_shared() };
        if queue.is_full() {
            return false;
        }
        let mut slot = Slot { data, buffer: Buffer::new(), refused: None, moves: None };
        let entry: squeue::Entry = match job {
            Job::Nothing => opcode::Nop::new().build(),
            Job::Read { descriptor, offset, bytes } => {
                slot.moves = Some((object, false));
                let place = slot.buffer.take(bytes).as_mut_ptr();
                opcode::Read::new(types::Fd(descriptor), place, bytes as u32).offset(offset).build()
            }
            Job::Write { descriptor, offset, content } => {
                slot.moves = Some((object, true));
                let place = slot.buffer.take(content.len());
                place.copy_from_slice(content);
                let (place, bytes) = (place.as_ptr(), content.len() as u32);
                opcode::Write::new(types::Fd(descriptor), place, bytes).offset(offset).build()
            }
            Job::Sync(descriptor) => opcode::Fsync::new(types::Fd(descriptor)).build(),
            Job::Poll(descriptor, events) => {
                opcode::PollAdd::new(types::Fd(descriptor), u32::from(events)).build()
            }
            Job::Refused(errno) => {
                slot.refused = Some(errno);
                opcode::Nop::new().build()
            }
        };
        let number = slots.next;
        slots.next += 1;
        // The buffer is on the heap: it stays there when the slot moves.
        slots.all.insert(number, slot);
        // SAFETY: the entry's buffer belongs to a slot, which stays until the completion has been taken
        // out; a ring that is dropped before gives its buffers away for good.
        unsafe { queue.push(&entry.user_data(number)) }.is_ok()
    }

    /// Takes the oldest completion out of its queue.
    pub fn reap(&self) -> Option<Done> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: whoever works on a queue holds the lock of the slots.
        let completion = unsafe { self.ring.completion_shared() }.next()?;
        let Slot { data, mut buffer, refused, moves } = slots.all.remove(&completion.user_data())?;
        let result = refused.map_or(i64::from(completion.result()), Errno::result);
        let reads = matches!(moves, Some((_, false)));
        let bytes = if reads { usize::try_from(result).unwrap_or(0) } else { 0 };
        Some(Done { data, result, content: buffer.take(bytes).to_vec(), moves })
    }
}

impl Drop for Ring {
    /// What has ended is given back; the buffers of the rest may still be written to.
    fn drop(&mut self) {
        while self.reap().is_some() {}
        let slots = self.slots.get_mut().unwrap_or_else(PoisonError::into_inner);
        std::mem::forget(std::mem::take(&mut slots.all));
    }
}

/// Tells the kernel of so many entries, and waits for so many completions if that is asked for
/// (io_uring_enter(2)).
pub fn enter(descriptor: RawFd, submit: u32, wait: Option<u32>) -> Result<i64, Errno> {
    let flags = if wait.is_some() { IORING_ENTER_GETEVENTS } else { 0 };
    let (wait, none) = (wait.unwrap_or(0), std::ptr::null::<libc::sigset_t>());
    // SAFETY: plain numbers, and no mask. What the entries point to is their ring's, see above; a
    // descriptor that is no ring is refused.
    let result = unsafe { libc::syscall(libc::SYS_io_uring_enter, descriptor, submit, wait, flags, none, 0) };
    HostErrno::result(result).map_err(super::errno)
}

const IORING_ENTER_GETEVENTS: u32 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    /// A ring that is given up while a poll is under way neither waits nor crashes.
    #[test]
    fn a_ring_may_go_before_its_requests() {
        let Ok(ring) = Ring::new(2, None) else {
            eprintln!("SKIPPED: this host has no io_uring");
            return;
        };
        let (reader, _writer) = nix::unistd::pipe().expect("a pipe");
        assert!(ring.prepare(Job::Poll(reader.as_raw_fd(), 1), 5, None));
        assert!(ring.prepare(Job::Nothing, 6, None));
        assert!(!ring.prepare(Job::Nothing, 7, None), "two entries are all");
        assert_eq!(enter(ring.descriptor(), ring.queued(), Some(1)), Ok(2));
        let done = ring.reap().expect("the one that asked for nothing");
        assert_eq!((done.data, done.result), (6, 0));
        assert!(ring.reap().is_none());
        drop(ring);
    }

    #[test]
    fn a_number_that_is_no_ring_is_refused() {
        let (reader, _writer) = nix::unistd::pipe().expect("a pipe");
        assert_eq!(enter(-1, 0, None), Err(Errno::EBADF));
        assert_eq!(enter(reader.as_raw_fd(), 0, None), Err(Errno::EOPNOTSUPP));
    }
}
