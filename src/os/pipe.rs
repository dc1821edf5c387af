//! Pipes and FIFOs beyond reading and writing, and descriptors that stand for the same thing.

use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::path::Path;

use nix::errno::Errno as HostErrno;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;

use crate::errno::Errno;

/// A pipe: its end to read, and its end to write.
pub fn pipe(nonblock: bool) -> Result<(OwnedFd, OwnedFd), Errno> {
    let flags = OFlag::O_CLOEXEC | if nonblock { OFlag::O_NONBLOCK } else { OFlag::empty() };
    nix::unistd::pipe2(flags).map_err(super::errno)
}

/// Makes a FIFO at a path.
pub fn make_fifo(path: &Path) -> nix::Result<()> {
    nix::unistd::mkfifo(path, Mode::S_IRUSR | Mode::S_IWUSR)
}

/// Opens one end of a FIFO, waiting for the other one unless it isn't to.
pub fn open_fifo(path: &Path, write: bool, nonblock: bool) -> Result<OwnedFd, Errno> {
    let end = if write { OFlag::O_WRONLY } else { OFlag::O_RDONLY };
    let flags = end | OFlag::O_CLOEXEC | if nonblock { OFlag::O_NONBLOCK } else { OFlag::empty() };
    nix::fcntl::open(path, flags, Mode::empty()).map_err(super::errno)
}

/// Another descriptor for the same open description.
pub fn duplicate(descriptor: RawFd) -> Result<OwnedFd, Errno> {
    // SAFETY: a plain number.
    let copy = HostErrno::result(unsafe { libc::dup(descriptor) }).map_err(super::errno)?;
    // SAFETY: the kernel has just made it, and nobody else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

/// Lets another number of the run stand for the same open description, and closes what it stood for.
pub fn duplicate_onto(descriptor: RawFd, number: RawFd, close_on_exec: bool) -> Result<(), Errno> {
    let flags = if close_on_exec { libc::O_CLOEXEC } else { 0 };
    if descriptor == number {
        return super::file::check_open(descriptor).map_err(super::errno);
    }
    // SAFETY: plain numbers; what `number` stood for belongs to the program that asks for this.
    HostErrno::result(unsafe { libc::dup3(descriptor, number, flags) }).map(|_| ()).map_err(super::errno)
}

/// Whether calls on the open description wait (O_NONBLOCK is off), from now on.
pub fn set_nonblock(descriptor: RawFd, nonblock: bool) -> Result<(), Errno> {
    self::nonblock(descriptor, nonblock).map_err(super::errno)
}

/// As [`set_nonblock`], with the host's own error.
pub fn nonblock(descriptor: RawFd, nonblock: bool) -> nix::Result<()> {
    // SAFETY: plain numbers.
    let flags = HostErrno::result(unsafe { libc::fcntl(descriptor, libc::F_GETFL) })?;
    let flags = if nonblock { flags | libc::O_NONBLOCK } else { flags & !libc::O_NONBLOCK };
    // SAFETY: plain numbers.
    let result = unsafe { libc::fcntl(descriptor, libc::F_SETFL, flags) };
    HostErrno::result(result).map(|_| ())
}

/// How many bytes a pipe can hold.
pub fn capacity(descriptor: RawFd) -> Result<u64, Errno> {
    // SAFETY: plain numbers.
    let size = unsafe { libc::fcntl(descriptor, libc::F_GETPIPE_SZ) };
    HostErrno::result(size).map(|size| size as u64).map_err(super::errno)
}

/// Gives a pipe another capacity; what it has become.
pub fn set_capacity(descriptor: RawFd, bytes: u64) -> Result<u64, Errno> {
    let wanted = u32::try_from(bytes).unwrap_or(u32::MAX);
    // SAFETY: plain numbers.
    let size = unsafe { libc::fcntl(descriptor, libc::F_SETPIPE_SZ, wanted) };
    HostErrno::result(size).map(|size| size as u64).map_err(super::errno)
}
