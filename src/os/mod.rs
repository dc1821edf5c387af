//! The host's calls, made safe: every `unsafe` block of the project stands here.
//!
//! - [`cache`]: fetching ahead what is about to be needed
//! - [`calls`]: the numbers of system calls
//! - [`children`]: what happens to children
//! - [`clock`]: the time, and work that takes a given time
//! - [`memory`]: memory that processes share, its cells, and pages that are touched; [`areas`]: mapping and
//!   unmapping; [`named`]: shared memory objects with names
//! - [`mod@file`]: descriptors, pipes, and what is read and written
//! - [`futex`]: waiting on a cell
//! - [`ipc`]: message queues and semaphore sets
//! - [`pipe`], [`events`]: FIFOs, duplicates; event counters, timers, waiting for several descriptors
//! - [`perf`]: what the kernel tells about a process and its descendants
//! - [`process`]: fork, exec, wait, signals, limits
//! - [`socket`]: sockets, with abstract names or on the loopback
//! - [`process`]: fork, exec, wait, limits
//! - [`signal`]: rules and masks of signals, and what has arrived
//!
//! Only Linux has what the real mode needs; elsewhere the module is left out, and with it
//! everything that runs a scenario for real.

#![allow(unsafe_code)]

pub mod aio;
pub mod areas;
pub mod cache;
pub mod calls;
pub mod children;
pub mod clock;
pub mod events;
pub mod file;
pub mod futex;
pub mod ipc;
pub mod memory;
pub mod named;
pub mod perf;
pub mod pipe;
pub mod process;
pub mod signal;
pub mod socket;
pub mod uring;

use crate::errno::Errno;

/// What a program of a scenario gets to see of an error of the host.
pub(crate) fn errno(error: nix::errno::Errno) -> Errno {
    Errno::from_result(-i64::from(error as i32)).unwrap_or(Errno::EIO)
}
