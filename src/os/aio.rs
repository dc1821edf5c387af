//! POSIX aio of the C library, which works by threads of its own that call pread(2) and pwrite(2).

use std::collections::BTreeMap;
use std::os::fd::RawFd;

use nix::errno::Errno as HostErrno;

use crate::errno::Errno;
use crate::ids::ObjectId;
use crate::signal::Signal;
use crate::time::Span;

use super::file::Buffer;

/// What is asked for.
#[derive(Debug)]
pub struct Ask {
    pub descriptor: RawFd,
    pub offset: i64,
    pub bytes: usize,
    /// What is written; a read if none.
    pub write: Option<Vec<u8>>,
    pub notify: Option<Signal>,
}

/// A request, at a place in memory that stays until it is done.
struct Request {
    block: libc::aiocb,
    /// It begins where a page does, as direct transfers need it.
    content: Buffer,
    write: bool,
    object: Option<ObjectId>,
}

/// A finished request.
#[derive(Debug)]
pub struct Done {
    pub bytes: usize,
    pub content: Vec<u8>,
    pub write: bool,
    pub object: Option<ObjectId>,
}

/// The requests of a thread whose results it hasn't taken, by their numbers.
#[derive(Default)]
pub struct Requests {
    all: BTreeMap<i64, Box<Request>>,
    made: i64,
}

impl std::fmt::Debug for Requests {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Requests").field("open", &self.all.len()).field("made", &self.made).finish()
    }
}

/// The error number that the library has noted in a request; EINPROGRESS while it isn't done.
fn error_of(request: &Request) -> i32 {
    // SAFETY: the block belongs to a request that was begun, and stays where it is.
    unsafe { libc::aio_error(&raw const request.block) }
}

impl Requests {
    /// Begins a request, and gives its number.
    pub fn begin(&mut self, ask: Ask, object: Option<ObjectId>) -> Result<i64, Errno> {
        let write = ask.write.is_some();
        let mut content = Buffer::new();
        let bytes = ask.write.as_ref().map_or(ask.bytes, Vec::len);
        let place = content.take(bytes);
        if let Some(written) = &ask.write {
            place.copy_from_slice(written);
        }
        // SAFETY: a control block consists of numbers and pointers, for which zero is a value.
        let block: libc::aiocb = unsafe { std::mem::zeroed() };
        let mut request = Box::new(Request { block, content, write, object });
        request.block.aio_fildes = ask.descriptor;
        request.block.aio_offset = ask.offset;
        request.block.aio_buf = request.content.take(bytes).as_mut_ptr().cast();
        request.block.aio_nbytes = bytes;
        request.block.aio_sigevent.sigev_notify = libc::SIGEV_NONE;
        if let Some(signal) = ask.notify {
            request.block.aio_sigevent.sigev_notify = libc::SIGEV_SIGNAL;
            request.block.aio_sigevent.sigev_signo = signal as i32;
        }
        let block = &raw mut request.block;
        // SAFETY: block and buffer are on the heap, and stay there until the request is done: `take`
        // gives away only finished ones, and `drop` waits for the others.
        let result = unsafe { if write { libc::aio_write(block) } else { libc::aio_read(block) } };
        HostErrno::result(result).map_err(super::errno)?;
        self.made += 1;
        self.all.insert(self.made, request);
        Ok(self.made)
    }

    /// 0, EINPROGRESS or the number of the error; EINVAL if there is no such request.
    pub fn error(&self, number: i64) -> Result<i64, Errno> {
        self.all.get(&number).map(|request| i64::from(error_of(request))).ok_or(Errno::EINVAL)
    }

    /// Waits until a request is done.
    pub fn suspend(&self, number: i64, most: Option<Span>) -> Result<(), Errno> {
        let request = self.all.get(&number).ok_or(Errno::EINVAL)?;
        let nanos = most.map_or(0, Span::as_nanos);
        let limit = libc::timespec {
            tv_sec: (nanos / 1_000_000_000) as libc::time_t,
            tv_nsec: (nanos % 1_000_000_000) as libc::c_long,
        };
        let limit = if most.is_some() { &raw const limit } else { std::ptr::null() };
        let list = [&raw const request.block];
        // SAFETY: a list of one block of a request that was begun, and a time or nothing.
        HostErrno::result(unsafe { libc::aio_suspend(list.as_ptr(), 1, limit) }).map_err(super::errno)?;
        Ok(())
    }

    /// Takes the result of a finished request: EINVAL if it isn't, or there is no such.
    pub fn take(&mut self, number: i64) -> Result<Done, Errno> {
        let error = error_of(self.all.get(&number).ok_or(Errno::EINVAL)?);
        if error == libc::EINPROGRESS {
            return Err(Errno::EINVAL);
        }
        let mut request = self.all.remove(&number).ok_or(Errno::EINVAL)?;
        // SAFETY: the request is done, and its result wasn't taken before.
        let result = unsafe { libc::aio_return(&raw mut request.block) };
        if error != 0 {
            return Err(super::errno(HostErrno::from_raw(error)));
        }
        let Request { mut content, write, object, .. } = *request;
        let bytes = usize::try_from(result).unwrap_or(0);
        Ok(Done { bytes, content: content.take(bytes).to_vec(), write, object })
    }

    /// A forked child has none: the threads that work on them are its parent's.
    pub fn forget(&mut self) {
        for request in std::mem::take(&mut self.all).into_values() {
            std::mem::forget(request);
        }
        self.made = 0;
    }
}

impl Drop for Requests {
    /// The library writes into blocks and buffers until the requests are done.
    fn drop(&mut self) {
        for request in self.all.values() {
            while error_of(request) == libc::EINPROGRESS {
                let list = [&raw const request.block];
                // SAFETY: as in `suspend`. A signal only makes it ask again.
                unsafe { libc::aio_suspend(list.as_ptr(), 1, std::ptr::null()) };
            }
        }
    }
}

// SAFETY: the pointers in the blocks are to memory that the requests own.
unsafe impl Send for Requests {}
