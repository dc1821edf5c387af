//! Descriptors, pipes, and what is read and written. Descriptors bear the numbers that the real
//! mode has chosen for them, so that they mean the same after a fork and after an exec.

use std::os::fd::{AsRawFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd};
use std::path::Path;

use nix::errno::Errno as HostErrno;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::stat::Mode;

use crate::errno::Errno;

pub use nix::fcntl::OFlag;

/// From where an offset is counted.
pub mod whence {
    pub use libc::{SEEK_CUR, SEEK_END, SEEK_SET};
}

/// Bytes that begin where a page does, as direct transfers need it.
#[derive(Debug)]
pub struct Buffer {
    bytes: Vec<u8>,
    begin: usize,
}

const PAGE: usize = 4096;

impl Buffer {
    pub const fn new() -> Buffer {
        Buffer { bytes: Vec::new(), begin: 0 }
    }

    /// So many bytes; what they hold is left over from before.
    pub fn take(&mut self, bytes: usize) -> &mut [u8] {
        if self.bytes.len() < self.begin + bytes {
            self.bytes = vec![0; bytes + PAGE];
            self.begin = self.bytes.as_ptr().align_offset(PAGE).min(PAGE);
        }
        &mut self.bytes[self.begin..self.begin + bytes]
    }
}

impl Default for Buffer {
    fn default() -> Buffer {
        Buffer::new()
    }
}

/// Opens a file, making it if the flags say so.
pub fn open(path: &Path, flags: OFlag) -> nix::Result<OwnedFd> {
    nix::fcntl::open(path, flags, Mode::S_IRUSR | Mode::S_IWUSR)
}

/// Gives a descriptor the number `as_number`, and closes what had it before.
pub fn place(descriptor: OwnedFd, as_number: RawFd) -> nix::Result<()> {
    if descriptor.as_raw_fd() == as_number {
        keep_over_exec(&descriptor)?;
        let _ = descriptor.into_raw_fd();
        return Ok(());
    }
    // SAFETY: both are plain numbers; whoever had `as_number` has given it up to the real mode,
    // which keeps this range of numbers to itself.
    HostErrno::result(unsafe { libc::dup2(descriptor.as_raw_fd(), as_number) }).map(|_| ())
}

/// As [`place`], but the descriptor is closed at an exec.
pub fn place_closing(descriptor: OwnedFd, as_number: RawFd) -> Result<(), Errno> {
    if descriptor.as_raw_fd() == as_number {
        fcntl(&descriptor, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).map_err(super::errno)?;
        let _ = descriptor.into_raw_fd();
        return Ok(());
    }
    // SAFETY: as in `place`.
    let result = unsafe { libc::dup3(descriptor.as_raw_fd(), as_number, libc::O_CLOEXEC) };
    HostErrno::result(result).map(|_| ()).map_err(super::errno)
}

fn keep_over_exec(descriptor: &OwnedFd) -> nix::Result<()> {
    fcntl(descriptor, FcntlArg::F_SETFD(FdFlag::empty())).map(|_| ())
}

/// A pipe with at least this capacity, if the host allows it: its end to read, its end to write,
/// and the bytes that it holds.
pub fn pipe(capacity: u64) -> nix::Result<(OwnedFd, OwnedFd, u64)> {
    let (read, write) = nix::unistd::pipe()?;
    let wanted = i32::try_from(capacity).unwrap_or(i32::MAX);
    // SAFETY: plain numbers. A host that refuses the size leaves the pipe as it was.
    let _ = unsafe { libc::fcntl(write.as_raw_fd(), libc::F_SETPIPE_SZ, wanted) };
    // SAFETY: plain numbers.
    let size = unsafe { libc::fcntl(write.as_raw_fd(), libc::F_GETPIPE_SZ) };
    Ok((read, write, u64::try_from(size).unwrap_or(0)))
}

/// Whether the number stands for an open descriptor.
pub fn check_open(descriptor: RawFd) -> nix::Result<()> {
    // SAFETY: plain numbers.
    HostErrno::result(unsafe { libc::fcntl(descriptor, libc::F_GETFD) }).map(|_| ())
}

/// Reads once, at most the buffer's length; 0 is the end.
pub fn read(descriptor: RawFd, into: &mut [u8]) -> Result<usize, Errno> {
    // SAFETY: the kernel writes at most the buffer's length into it.
    let result = unsafe { libc::read(descriptor, into.as_mut_ptr().cast(), into.len()) };
    HostErrno::result(result).map(|bytes| bytes as usize).map_err(super::errno)
}

/// Writes once, as much as there is room for.
pub fn write(descriptor: RawFd, bytes: &[u8]) -> Result<usize, Errno> {
    // SAFETY: the kernel reads at most the buffer's length from it.
    let result = unsafe { libc::write(descriptor, bytes.as_ptr().cast(), bytes.len()) };
    HostErrno::result(result).map(|bytes| bytes as usize).map_err(super::errno)
}

/// Writes, and returns when the device has the data.
pub fn write_through(descriptor: RawFd, bytes: &[u8]) -> Result<usize, Errno> {
    let piece = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    // SAFETY: one piece, whose bytes the kernel only reads; -1 stands for the file's own position.
    let result = unsafe { libc::pwritev2(descriptor, &raw const piece, 1, -1, libc::RWF_DSYNC) };
    HostErrno::result(result).map(|bytes| bytes as usize).map_err(super::errno)
}

/// Reads once from a place in a file.
pub fn read_at(descriptor: RawFd, into: &mut [u8], offset: i64) -> Result<usize, Errno> {
    // SAFETY: the kernel writes at most the buffer's length into it.
    let result = unsafe { libc::pread(descriptor, into.as_mut_ptr().cast(), into.len(), offset) };
    HostErrno::result(result).map(|bytes| bytes as usize).map_err(super::errno)
}

/// Writes once to a place in a file.
pub fn write_at(descriptor: RawFd, bytes: &[u8], offset: i64) -> Result<usize, Errno> {
    // SAFETY: the kernel reads at most the buffer's length from it.
    let result = unsafe { libc::pwrite(descriptor, bytes.as_ptr().cast(), bytes.len(), offset) };
    HostErrno::result(result).map(|bytes| bytes as usize).map_err(super::errno)
}

/// Moves the place at which a file is read or written next, and gives it.
pub fn seek(descriptor: RawFd, offset: i64, whence: i32) -> Result<i64, Errno> {
    // SAFETY: plain numbers.
    HostErrno::result(unsafe { libc::lseek(descriptor, offset, whence) }).map_err(super::errno)
}

/// Sets how long a file is.
pub fn truncate(descriptor: RawFd, size: i64) -> Result<(), Errno> {
    // SAFETY: plain numbers.
    HostErrno::result(unsafe { libc::ftruncate(descriptor, size) }).map(|_| ()).map_err(super::errno)
}

/// How long a file is.
pub fn size(descriptor: RawFd) -> Result<i64, Errno> {
    // SAFETY: the descriptor is only borrowed for this call, which checks it.
    let descriptor = unsafe { BorrowedFd::borrow_raw(descriptor) };
    nix::sys::stat::fstat(descriptor).map(|stat| stat.st_size).map_err(super::errno)
}

/// Removes a file's name.
pub fn unlink(path: &Path) -> Result<(), Errno> {
    nix::unistd::unlink(path).map_err(super::errno)
}

/// Gives a file another name.
pub fn rename(from: &Path, to: &Path) -> Result<(), Errno> {
    let host =
        |error: std::io::Error| super::errno(HostErrno::from_raw(error.raw_os_error().unwrap_or(libc::EIO)));
    std::fs::rename(from, to).map_err(host)
}

/// Has the device keep a file's data.
pub fn sync_data(descriptor: RawFd) -> Result<(), Errno> {
    // SAFETY: a plain number.
    HostErrno::result(unsafe { libc::fdatasync(descriptor) }).map(|_| ()).map_err(super::errno)
}

/// Whether transfers go past the page cache from now on.
pub fn set_direct(descriptor: RawFd, direct: bool) -> Result<(), Errno> {
    // SAFETY: the descriptor is only borrowed for these calls, which check it.
    let descriptor = unsafe { BorrowedFd::borrow_raw(descriptor) };
    let flags = fcntl(descriptor, FcntlArg::F_GETFL).map_err(super::errno)?;
    let mut flags = OFlag::from_bits_retain(flags);
    if flags.contains(OFlag::O_DIRECT) != direct {
        flags.set(OFlag::O_DIRECT, direct);
        fcntl(descriptor, FcntlArg::F_SETFL(flags)).map_err(super::errno)?;
    }
    Ok(())
}

/// Has the device keep what was written so far.
pub fn sync(descriptor: RawFd) -> Result<(), Errno> {
    // SAFETY: a plain number.
    HostErrno::result(unsafe { libc::fsync(descriptor) }).map(|_| ()).map_err(super::errno)
}

/// Gives a descriptor up; EBADF if it wasn't open.
pub fn close(descriptor: RawFd) -> Result<(), Errno> {
    // SAFETY: the number belongs to the range that the real mode manages by hand; no owner of a
    // descriptor has it.
    HostErrno::result(unsafe { libc::close(descriptor) }).map(|_| ()).map_err(super::errno)
}

/// Asks the kernel to forget what it keeps of a file in memory.
pub fn forget(file: &OwnedFd) -> nix::Result<()> {
    nix::unistd::fsync(file)?;
    nix::fcntl::posix_fadvise(file, 0, 0, nix::fcntl::PosixFadviseAdvice::POSIX_FADV_DONTNEED)
}

/// Moves an inherited descriptor to another number.
pub fn renumber(from: RawFd, to: RawFd) -> nix::Result<()> {
    check_open(from)?;
    if from == to {
        return Ok(());
    }
    // SAFETY: plain numbers; the caller has been given `from` to keep, and `to` belongs to nobody.
    HostErrno::result(unsafe { libc::dup2(from, to) })?;
    // SAFETY: as above.
    HostErrno::result(unsafe { libc::close(from) }).map(|_| ())
}
