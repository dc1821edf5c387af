//! Waiting on a cell of shared memory until somebody says that it has changed.

use std::sync::atomic::AtomicI32;

use nix::errno::Errno as HostErrno;

use crate::errno::Errno;

/// Sleeps until somebody wakes the cell; EAGAIN if it doesn't hold `expected`, EINTR after a signal.
pub fn wait(cell: &AtomicI32, expected: i32) -> Result<(), Errno> {
    let forever = std::ptr::null::<libc::timespec>();
    // SAFETY: the cell is a valid, aligned word for as long as the call lasts.
    let result =
        unsafe { libc::syscall(libc::SYS_futex, cell.as_ptr(), libc::FUTEX_WAIT, expected, forever) };
    HostErrno::result(result).map(|_| ()).map_err(super::errno)
}

/// Wakes at most so many of those who wait; gives how many there were.
pub fn wake(cell: &AtomicI32, most: i32) -> Result<i64, Errno> {
    // SAFETY: the cell is a valid, aligned word for as long as the call lasts.
    let result = unsafe { libc::syscall(libc::SYS_futex, cell.as_ptr(), libc::FUTEX_WAKE, most) };
    HostErrno::result(result).map_err(super::errno)
}
