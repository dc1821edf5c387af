//! Waiting on a cell of shared memory until somebody says that it has changed, and locks that the kernel
//! keeps in such a cell.

use std::ptr;
use std::sync::atomic::AtomicI32;

use nix::errno::Errno as HostErrno;

use crate::errno::Errno;

/// `FUTEX_LOCK_PI` with a limit on the monotonic clock, which the C library's headers may lack.
const LOCK_PI2: libc::c_int = 13;

/// When a wait ends at the latest, on the monotonic clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    Never,
    /// So many nanoseconds from now.
    For(u64),
    /// At that time.
    Until(u64),
}

fn time(nanos: u64) -> libc::timespec {
    let (seconds, nanos) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    libc::timespec { tv_sec: seconds as libc::time_t, tv_nsec: nanos as libc::c_long }
}

/// Sleeps until somebody wakes the cell; EAGAIN if it doesn't hold `expected`, EINTR after a signal,
/// ETIMEDOUT at the limit.
pub fn wait(cell: &AtomicI32, expected: i32, limit: Limit) -> Result<(), Errno> {
    let (operation, nanos) = match limit {
        Limit::Never => (libc::FUTEX_WAIT, None),
        Limit::For(nanos) => (libc::FUTEX_WAIT, Some(nanos)),
        // Only this operation takes a point in time.
        Limit::Until(nanos) => (libc::FUTEX_WAIT_BITSET, Some(nanos)),
    };
    let time = nanos.map(time);
    let time = time.as_ref().map_or(ptr::null(), ptr::from_ref);
    let (unused, any) = (ptr::null::<u32>(), libc::FUTEX_BITSET_MATCH_ANY);
    // SAFETY: the cell is a valid, aligned word and `time` null or a valid time for as long as the call
    // lasts; the operation without a bit set looks at neither of the last two.
    let result =
        unsafe { libc::syscall(libc::SYS_futex, cell.as_ptr(), operation, expected, time, unused, any) };
    HostErrno::result(result).map(|_| ()).map_err(super::errno)
}

/// Wakes at most so many of those who wait; gives how many there were.
pub fn wake(cell: &AtomicI32, most: i32) -> Result<i64, Errno> {
    // SAFETY: the cell is a valid, aligned word for as long as the call lasts.
    let result = unsafe { libc::syscall(libc::SYS_futex, cell.as_ptr(), libc::FUTEX_WAKE, most) };
    HostErrno::result(result).map_err(super::errno)
}

/// Wakes at most so many of those who wait, and lets at most `move_most` others wait for another cell
/// instead; gives how many both were. EAGAIN if there is an expected value and the cell doesn't hold it.
pub fn requeue(
    from: &AtomicI32,
    to: &AtomicI32,
    wake_most: i32,
    move_most: i32,
    expected: Option<i32>,
) -> Result<i64, Errno> {
    let operation = if expected.is_some() { libc::FUTEX_CMP_REQUEUE } else { libc::FUTEX_REQUEUE };
    let (move_most, expected) = (i64::from(move_most), expected.unwrap_or(0));
    // SAFETY: both cells are valid, aligned words for as long as the call lasts.
    let result = unsafe {
        libc::syscall(libc::SYS_futex, from.as_ptr(), operation, wake_most, move_most, to.as_ptr(), expected)
    };
    HostErrno::result(result).map_err(super::errno)
}

/// Takes a lock that the kernel keeps in the cell, with priority inheritance.
pub fn lock_pi(cell: &AtomicI32, limit: Limit) -> Result<(), Errno> {
    let until = match limit {
        Limit::Never => None,
        Limit::For(nanos) => Some(super::clock::now().saturating_add(nanos)),
        Limit::Until(nanos) => Some(nanos),
    };
    let operation = if until.is_some() { LOCK_PI2 } else { libc::FUTEX_LOCK_PI };
    let time = until.map(time);
    let time = time.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: the cell is a valid, aligned word and `time` null or a valid time for as long as the call
    // lasts.
    let result = unsafe { libc::syscall(libc::SYS_futex, cell.as_ptr(), operation, 0, time) };
    HostErrno::result(result).map(|_| ()).map_err(super::errno)
}

/// Takes such a lock if it is free; else EAGAIN.
pub fn try_lock_pi(cell: &AtomicI32) -> Result<(), Errno> {
    // SAFETY: the cell is a valid, aligned word for as long as the call lasts.
    let result = unsafe { libc::syscall(libc::SYS_futex, cell.as_ptr(), libc::FUTEX_TRYLOCK_PI) };
    HostErrno::result(result).map(|_| ()).map_err(super::errno)
}

/// Gives such a lock back; EPERM if the thread doesn't hold it.
pub fn unlock_pi(cell: &AtomicI32) -> Result<(), Errno> {
    // SAFETY: the cell is a valid, aligned word for as long as the call lasts.
    let result = unsafe { libc::syscall(libc::SYS_futex, cell.as_ptr(), libc::FUTEX_UNLOCK_PI) };
    HostErrno::result(result).map(|_| ()).map_err(super::errno)
}
