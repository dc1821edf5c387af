//! Waiting for whatever happens to children, and being nice to others.

use std::os::fd::{AsFd, FromRawFd, OwnedFd};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::errno::Errno;

use super::process::{Ended, Usage, status_of};

/// What a wait has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    Ended(Ended),
    Stopped { pid: i32, signal: i32 },
    Continued { pid: i32 },
}

/// What a wait is for, besides the ends of children.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Also {
    pub stopped: bool,
    pub continued: bool,
    /// Only what has happened already counts.
    pub now: bool,
}

/// Waits for any child. `None` if `now` and nothing has happened yet.
pub fn wait_for(also: Also) -> Result<Option<Waited>, Errno> {
    let mut status = 0;
    // SAFETY: all zeros are a valid value of this plain structure.
    let mut usage = unsafe { std::mem::zeroed::<libc::rusage>() };
    let flags =
        [(also.now, libc::WNOHANG), (also.stopped, libc::WUNTRACED), (also.continued, libc::WCONTINUED)];
    let flags = flags.iter().filter(|(set, _)| *set).fold(0, |flags, (_, flag)| flags | flag);
    // SAFETY: `status` and `usage` are valid for the call to write to.
    let pid = unsafe { libc::wait4(-1, &raw mut status, flags, &raw mut usage) };
    let pid = nix::errno::Errno::result(pid).map_err(super::errno)?;
    Ok(match pid {
        0 => None,
        _ if libc::WIFSTOPPED(status) => Some(Waited::Stopped { pid, signal: libc::WSTOPSIG(status) }),
        _ if libc::WIFCONTINUED(status) => Some(Waited::Continued { pid }),
        _ => Some(Waited::Ended(Ended { pid, status: status_of(status), usage: Usage::of(&usage) })),
    })
}

/// Waits until one of these children has ended, without reaping it (pidfd_open(2), poll(2)): others that end
/// are left to the threads that wait for them. One that is reaped already counts.
pub fn await_one_of(children: &[i32]) -> Result<(), Errno> {
    let mut held = Vec::with_capacity(children.len());
    for &child in children {
        // SAFETY: the call takes numbers only.
        let descriptor = unsafe { libc::syscall(libc::SYS_pidfd_open, child, 0) };
        if descriptor < 0 {
            match super::errno(nix::errno::Errno::last()) {
                Errno::ESRCH => return Ok(()),
                errno => return Err(errno),
            }
        }
        // SAFETY: the descriptor was made just now and belongs to nobody else.
        held.push(unsafe { OwnedFd::from_raw_fd(descriptor as i32) });
    }
    let mut polled: Vec<_> = held.iter().map(|held| PollFd::new(held.as_fd(), PollFlags::POLLIN)).collect();
    poll(&mut polled, PollTimeout::NONE).map(|_| ()).map_err(super::errno)
}

/// Adds to this thread's niceness, and gives what it is then.
pub fn nice(by: i32) -> Result<i32, Errno> {
    nix::errno::Errno::clear();
    // SAFETY: the call takes a number only.
    let nice = unsafe { libc::nice(by) };
    // -1 is also a niceness.
    match nix::errno::Errno::last_raw() {
        0 => Ok(nice),
        error if nice == -1 => Err(super::errno(nix::errno::Errno::from_raw(error))),
        _ => Ok(nice),
    }
}
