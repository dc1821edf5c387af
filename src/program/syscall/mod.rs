//! System calls: one file for each.
//!
//! A file holds the step's TOML form, its lowering, and what the call does on the simulated
//! kernel. To add one: write its file, add it to `calls!` below, and add its form to
//! [`VERBS`](super::verb::VERBS).

mod bind;
mod close;
mod connect;
mod exec;
mod exit;
mod fork;
mod fsync;
mod futex;
mod getpid;
mod join;
mod kill;
mod pause;
mod read;
mod recvfrom;
mod sendto;
mod signal;
mod sleep;
mod socket;
mod thread;
mod wait;
mod write;
mod r#yield;

pub use bind::{Bind, Listen};
pub use close::Close;
pub use connect::{Accept, Connect, Shutdown};
pub use exec::Exec;
pub use exit::Exit;
pub use fork::Fork;
pub use fsync::Fsync;
pub use futex::{FutexWait, FutexWake};
pub use getpid::{Getpid, Getppid};
pub use join::Join;
pub use kill::Kill;
pub use pause::Pause;
pub use read::Read;
pub use recvfrom::Recvfrom;
pub use sendto::Sendto;
pub use signal::SignalAction;
pub use sleep::Sleep;
pub use socket::{Socket, Socketpair};
pub use thread::Thread;
pub use wait::Wait;
pub use write::Write;
pub use r#yield::Yield;

use crate::errno::Errno;
use crate::kernel::caches::Used;
use crate::program::call::{Awaits, Call, Copied, Outcome, SystemCall};
use crate::program::image::Image;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::value::Amount;
use crate::trace::Sink;

/// Most children or threads that one step can make.
const MAX_COUNT: i64 = 4_000_000;

/// The calls' rows for the registry of verbs.
pub(super) mod forms {
    pub use super::bind::{BIND, LISTEN};
    pub use super::close::ROW as CLOSE;
    pub use super::connect::{ACCEPT, CONNECT, SHUTDOWN};
    pub use super::exec::ROW as EXEC;
    pub use super::exit::ROW as EXIT;
    pub use super::fork::ROW as FORK;
    pub use super::fsync::ROW as FSYNC;
    pub use super::futex::{WAIT as FUTEX_WAIT, WAKE as FUTEX_WAKE};
    pub use super::getpid::{GETPID, GETPPID};
    pub use super::join::ROW as JOIN;
    pub use super::kill::ROW as KILL;
    pub use super::pause::ROW as PAUSE;
    pub use super::read::ROW as READ;
    pub use super::recvfrom::{RECV, RECVFROM};
    pub use super::sendto::{SEND, SENDTO};
    pub use super::signal::ROW as SIGNAL;
    pub use super::sleep::ROW as SLEEP;
    pub use super::socket::{SOCKET, SOCKETPAIR};
    pub use super::thread::ROW as THREAD;
    pub use super::wait::ROW as WAIT;
    pub use super::write::ROW as WRITE;
    pub use super::r#yield::ROW as YIELD;
}

macro_rules! calls {
    ($($name:ident = $text:literal,)*) => {
        /// A system call with its arguments, as the instruction carries it.
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub enum Syscall { $($name($name),)* }

        /// The names of all calls as Linux's trace points give them, indexed by
        /// [`CallId`](crate::ids::CallId).
        pub const NAMES: &[&str] = &[$($text,)*];

        #[derive(Clone, Copy)]
        #[repr(u16)]
        enum Row { $($name,)* }

        impl Syscall {
            /// The call's row in [`NAMES`].
            pub const fn id(&self) -> crate::ids::CallId {
                match self { $(Syscall::$name(_) => crate::ids::CallId(Row::$name as u16),)* }
            }
        }

        /// Each call's own file says what it does; this passes on to it.
        impl SystemCall for Syscall {
            #[inline(always)]
            fn amount(&self) -> Option<&Amount> {
                match self { $(Syscall::$name(call) => call.amount(),)* }
            }

            fn keep_what_comes(&mut self) {
                match self { $(Syscall::$name(call) => call.keep_what_comes(),)* }
            }

            #[inline]
            fn copies<S: Sink>(&self, call: &Call<'_, S>) -> Option<Copied> {
                match self { $(Syscall::$name(own) => own.copies(call),)* }
            }

            #[inline]
            fn uses<S: Sink>(&self, call: &Call<'_, S>) -> Option<Used> {
                match self { $(Syscall::$name(own) => own.uses(call),)* }
            }

            fn waits(&self, image: &Image) -> Option<Awaits> {
                match self { $(Syscall::$name(own) => own.waits(image),)* }
            }

            #[inline]
            fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
                match self { $(Syscall::$name(own) => own.simulate(call),)* }
            }

            #[cfg(target_os = "linux")]
            fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
                match self { $(Syscall::$name(own) => own.execute(native),)* }
            }
        }

        $(impl From<$name> for Syscall {
            fn from(call: $name) -> Syscall { Syscall::$name(call) }
        })*
    };
}

/// The call by which a program ends.
pub const EXIT: crate::ids::CallId = crate::ids::CallId(Row::Exit as u16);

calls! {
    Close = "close",
    Exec = "execve",
    Exit = "exit_group",
    Fork = "fork",
    Fsync = "fsync",
    FutexWait = "futex_wait",
    FutexWake = "futex_wake",
    Getpid = "getpid",
    Getppid = "getppid",
    Join = "join",
    Kill = "kill",
    Pause = "pause",
    Read = "read",
    SignalAction = "rt_sigaction",
    Sleep = "nanosleep",
    Thread = "clone",
    Wait = "wait4",
    Write = "write",
    Yield = "sched_yield",
    Accept = "accept4",
    Bind = "bind",
    Connect = "connect",
    Listen = "listen",
    Recvfrom = "recvfrom",
    Sendto = "sendto",
    Shutdown = "shutdown",
    Socket = "socket",
    Socketpair = "socketpair",
}
