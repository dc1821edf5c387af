//! Descriptors that stand for events, and waiting for several at once: eventfd, timerfd, poll, epoll.

use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno as HostErrno;

use crate::errno::Errno;
use crate::time::Span;

fn owned(result: libc::c_int) -> Result<OwnedFd, Errno> {
    let descriptor = HostErrno::result(result).map_err(super::errno)?;
    // SAFETY: the kernel has just made it, and nobody else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

fn time(span: Span) -> libc::timespec {
    let (seconds, nanos) = (span.as_nanos() / 1_000_000_000, span.as_nanos() % 1_000_000_000);
    libc::timespec { tv_sec: seconds as libc::time_t, tv_nsec: nanos as libc::c_long }
}

/// An event counter (eventfd(2)).
pub fn counter(initial: u32, semaphore: bool, nonblock: bool) -> Result<OwnedFd, Errno> {
    let mut flags = libc::EFD_CLOEXEC;
    flags |= if semaphore { libc::EFD_SEMAPHORE } else { 0 };
    flags |= if nonblock { libc::EFD_NONBLOCK } else { 0 };
    // SAFETY: plain numbers.
    owned(unsafe { libc::eventfd(initial, flags) })
}

/// A timer on the monotonic clock whose expirations are read (timerfd_create(2)).
pub fn timer(nonblock: bool) -> Result<OwnedFd, Errno> {
    let flags = libc::TFD_CLOEXEC | if nonblock { libc::TFD_NONBLOCK } else { 0 };
    // SAFETY: plain numbers.
    owned(unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, flags) })
}

/// Sets a timer from now on, or stops it if `after` is nothing.
pub fn set_timer(descriptor: RawFd, after: Span, interval: Span) -> Result<(), Errno> {
    let wanted = libc::itimerspec { it_interval: time(interval), it_value: time(after) };
    // SAFETY: `wanted` is a valid setting; a null pointer says that the old one isn't asked for.
    let result = unsafe { libc::timerfd_settime(descriptor, 0, &raw const wanted, std::ptr::null_mut()) };
    HostErrno::result(result).map(|_| ()).map_err(super::errno)
}

/// A descriptor that is polled, with the events that are wanted and those that were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Polled {
    pub descriptor: RawFd,
    pub events: u16,
    pub found: u16,
}

/// Waits until one of them is ready, or for so long: how many are (ppoll(2)).
pub fn poll(polled: &mut [Polled], limit: Option<Span>) -> Result<usize, Errno> {
    let mut all: Vec<libc::pollfd> = polled
        .iter()
        .map(|one| libc::pollfd { fd: one.descriptor, events: one.events as i16, revents: 0 })
        .collect();
    let limit = limit.map(time);
    let limit = limit.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: the kernel changes only what was found of the given number of entries; the time is null
    // or valid; without a mask the signals stay as they are.
    let result = unsafe { libc::ppoll(all.as_mut_ptr(), all.len() as libc::nfds_t, limit, std::ptr::null()) };
    let ready = HostErrno::result(result).map_err(super::errno)?;
    for (one, found) in polled.iter_mut().zip(all) {
        one.found = found.revents as u16;
    }
    Ok(ready as usize)
}

/// A set of descriptors (epoll_create1(2)).
pub fn set() -> Result<OwnedFd, Errno> {
    // SAFETY: a plain number.
    owned(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })
}

/// What is done to a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Add,
    Modify,
    Delete,
}

/// How a descriptor is watched, and the number by which it is reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Watch {
    pub events: u16,
    pub edge: bool,
    pub one_shot: bool,
    pub exclusive: bool,
    pub data: i64,
}

/// Changes a set (epoll_ctl(2)).
pub fn change_set(set: RawFd, change: Change, descriptor: RawFd, watch: Watch) -> Result<(), Errno> {
    let flag = |given: bool, flag: libc::c_int| if given { flag as u32 } else { 0 };
    let mut event = libc::epoll_event {
        events: u32::from(watch.events)
            | flag(watch.edge, libc::EPOLLET)
            | flag(watch.one_shot, libc::EPOLLONESHOT)
            | flag(watch.exclusive, libc::EPOLLEXCLUSIVE),
        u64: watch.data as u64,
    };
    let change = match change {
        Change::Add => libc::EPOLL_CTL_ADD,
        Change::Modify => libc::EPOLL_CTL_MOD,
        Change::Delete => libc::EPOLL_CTL_DEL,
    };
    // SAFETY: the event is valid and only read.
    let result = unsafe { libc::epoll_ctl(set, change, descriptor, &raw mut event) };
    HostErrno::result(result).map(|_| ()).map_err(super::errno)
}

/// Waits for at most `most` ready descriptors of a set: data and events of each (epoll_pwait2(2)).
pub fn wait_for_set(set: RawFd, most: usize, limit: Option<Span>) -> Result<Vec<(i64, u16)>, Errno> {
    let mut found = vec![libc::epoll_event { events: 0, u64: 0 }; most];
    let most = libc::c_int::try_from(most).unwrap_or(libc::c_int::MAX);
    let limit = limit.map(time);
    let limit = limit.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    let no_mask = std::ptr::null::<libc::sigset_t>();
    // SAFETY: the kernel writes at most `most` events; the time is null or valid; without a mask the
    // signals stay as they are.
    let result = unsafe {
        libc::syscall(libc::SYS_epoll_pwait2, set, found.as_mut_ptr(), most, limit, no_mask, 0_usize)
    };
    let ready = HostErrno::result(result).map_err(super::errno)?;
    found.truncate(ready as usize);
    Ok(found.into_iter().map(|event| (event.u64 as i64, event.events as u16)).collect())
}
