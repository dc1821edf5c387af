//! System calls: one file for each.
//!
//! A file holds the step's TOML form, its lowering, and what the call does on the simulated
//! kernel. To add one: write its file, add it to `calls!` below, and add its form to
//! [`VERBS`](super::verb::VERBS).

mod bind;
mod ceiling;
mod close;
mod connect;
mod exec;
mod exit;
mod file_io;
mod fork;
mod fsync;
mod ftruncate;
mod futex;
mod futex_pi;
mod futex_requeue;
mod getpid;
mod join;
mod kill;
mod lseek;
mod next_period;
mod open;
mod pause;
mod pread;
mod read;
mod recvfrom;
mod sendto;
mod signal;
mod signal_return;
mod sleep;
mod socket;
mod thread;
mod unlink;
mod wait;
mod write;
mod r#yield;

mod brk;
mod mmap;
mod mprotect;
mod msync;
mod munmap;
mod shm;

pub use bind::{Bind, Listen};
pub use brk::Brk;
pub use ceiling::Ceiling;
pub use mmap::Mmap;
pub use mprotect::Mprotect;
pub use msync::Msync;
pub use munmap::Munmap;
pub use shm::{ShmUnlink, Shmat, Shmdt};
mod mq_attributes;
mod mq_notify;
mod mq_open;
mod mq_receive;
mod mq_send;
mod msgctl;
mod msgrcv;
mod msgsnd;
mod semctl;
mod semop;
// Signals and process control.
mod affinity;
mod aio;
mod aio_result;
mod dup;
mod epoll;
mod epoll_wait;
mod eventfd;
mod fcntl;
mod fifo_open;
mod nice;
mod pipe;
mod poll;
mod setitimer;
mod setpgid;
mod sigmask;
mod sigpending;
mod sigsuspend;
mod sigwait;
mod tgkill;
mod timerfd;
mod uring;

pub use aio::{AioRead, AioWrite};
pub use aio_result::{AioError, AioReturn, AioSuspend};
pub use close::Close;
pub use connect::{Accept, Connect, Shutdown};
pub use exec::Exec;
pub use exit::Exit;
pub use fork::Fork;
pub use fsync::{Fdatasync, Fsync};
pub use ftruncate::{Fstat, Ftruncate};
pub use futex::{FutexWait, FutexWake, Limit};
pub use futex_pi::{FutexLockPi, FutexUnlockPi, with_word};
pub use futex_requeue::FutexRequeue;
pub use getpid::{Getpid, Getppid};
pub use join::Join;
pub use kill::{Kill, Target};
pub use lseek::Lseek;
pub use next_period::{NextPeriod, ROW as NEXT_PERIOD};
pub use open::Open;
pub use pause::Pause;
pub use pread::{Pread, Pwrite};
pub use read::Read;
pub use recvfrom::Recvfrom;
pub use sendto::Sendto;
pub use signal::{Action, SignalAction};
pub use signal_return::SignalReturn;
pub use sleep::Sleep;
pub use socket::{Socket, Socketpair};
pub use thread::Thread;
pub use unlink::{Rename, Unlink};
pub use wait::{Wait, Whom};
pub use write::Write;
pub use r#yield::Yield;

pub use affinity::SetAffinity;
pub use dup::{Dup, Dup2};
pub use epoll::{EpollCreate, EpollCtl};
pub use epoll_wait::EpollWait;
pub use eventfd::Eventfd;
pub use fcntl::Fcntl;
pub use fifo_open::FifoOpen;
pub use mq_attributes::MqAttributes;
pub use mq_notify::MqNotify;
pub use mq_open::{MqOpen, MqUnlink};
pub use mq_receive::MqReceive;
pub use mq_send::MqSend;
pub use msgctl::Msgctl;
pub use msgrcv::Msgrcv;
pub use msgsnd::Msgsnd;
pub use nice::Nice;
pub use pipe::MakePipe;
pub use poll::Poll;
pub use semctl::Semctl;
pub use semop::Semop;
pub use setitimer::Setitimer;
pub use setpgid::{Getpgid, Setpgid};
pub use sigmask::Sigmask;
pub use sigpending::Sigpending;
pub use sigsuspend::Sigsuspend;
pub use sigwait::Sigwait;
pub use tgkill::Tgkill;
pub use timerfd::{Timerfd, TimerfdSettime};
pub use uring::{UringEnter, UringSetup};

use crate::errno::Errno;
use crate::kernel::caches::Used;
use crate::program::call::{AfterSignal, Awaits, Call, Copied, Outcome, SystemCall};
use crate::program::image::Image;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::value::Amount;
use crate::trace::Sink;

/// Most children or threads that one step can make.
const MAX_COUNT: i64 = 4_000_000;

/// The calls' rows for the registry of verbs.
pub(super) mod forms {
    pub use super::aio::{READ as AIO_READ, WRITE as AIO_WRITE};
    pub use super::aio_result::{ERROR as AIO_ERROR, RETURN as AIO_RETURN, SUSPEND as AIO_SUSPEND};
    pub use super::bind::{BIND, LISTEN};
    pub use super::close::ROW as CLOSE;
    pub use super::connect::{ACCEPT, CONNECT, SHUTDOWN};
    pub use super::exec::ROW as EXEC;
    pub use super::exit::ROW as EXIT;
    pub use super::fork::ROW as FORK;
    pub use super::fsync::{DATA as FDATASYNC, ROW as FSYNC};
    pub use super::ftruncate::{STAT as FSTAT, TRUNCATE as FTRUNCATE};
    pub use super::futex::{WAIT as FUTEX_WAIT, WAKE as FUTEX_WAKE};
    pub use super::futex_pi::{LOCK as FUTEX_LOCK_PI, UNLOCK as FUTEX_UNLOCK_PI};
    pub use super::futex_requeue::ROW as FUTEX_REQUEUE;
    pub use super::getpid::{GETPID, GETPPID};
    pub use super::join::ROW as JOIN;
    pub use super::kill::ROW as KILL;
    pub use super::lseek::ROW as LSEEK;
    pub use super::next_period::ROW as NEXT_PERIOD;
    pub use super::open::ROW as OPEN;
    pub use super::pause::ROW as PAUSE;
    pub use super::pread::{READ as PREAD, WRITE as PWRITE};
    pub use super::read::ROW as READ;
    pub use super::recvfrom::{RECV, RECVFROM};
    pub use super::sendto::{SEND, SENDTO};
    pub use super::signal::ROW as SIGNAL;
    pub use super::sleep::ROW as SLEEP;
    pub use super::socket::{SOCKET, SOCKETPAIR};
    pub use super::thread::ROW as THREAD;
    pub use super::unlink::{RENAME, UNLINK};
    pub use super::wait::ROW as WAIT;
    pub use super::write::ROW as WRITE;
    pub use super::r#yield::ROW as YIELD;

    pub use super::affinity::ROW as SET_AFFINITY;
    pub use super::brk::ROW as BRK;
    pub use super::dup::{DUP, DUP2};
    pub use super::epoll::{CREATE as EPOLL_CREATE, CTL as EPOLL_CTL};
    pub use super::epoll_wait::WAIT as EPOLL_WAIT;
    pub use super::eventfd::ROW as EVENTFD;
    pub use super::fcntl::ROW as FCNTL;
    pub use super::fifo_open::ROW as FIFO_OPEN;
    pub use super::mmap::ROW as MMAP;
    pub use super::mprotect::ROW as MPROTECT;
    pub use super::mq_attributes::{GET as MQ_GETATTR, SET as MQ_SETATTR};
    pub use super::mq_notify::ROW as MQ_NOTIFY;
    pub use super::mq_open::{OPEN as MQ_OPEN, UNLINK as MQ_UNLINK};
    pub use super::mq_receive::ROW as MQ_RECEIVE;
    pub use super::mq_send::ROW as MQ_SEND;
    pub use super::msgctl::ROW as MSGCTL;
    pub use super::msgrcv::ROW as MSGRCV;
    pub use super::msgsnd::ROW as MSGSND;
    pub use super::msync::ROW as MSYNC;
    pub use super::munmap::ROW as MUNMAP;
    pub use super::nice::ROW as NICE;
    pub use super::pipe::ROW as PIPE;
    pub use super::poll::ROW as POLL;
    pub use super::semctl::ROW as SEMCTL;
    pub use super::semop::ROW as SEMOP;
    pub use super::setitimer::{ALARM, SETITIMER};
    pub use super::setpgid::{GET as GETPGID, SET as SETPGID};
    pub use super::shm::{ATTACH as SHMAT, DETACH as SHMDT, UNLINK as SHM_UNLINK};
    pub use super::sigmask::ROW as SIGMASK;
    pub use super::sigpending::ROW as SIGPENDING;
    pub use super::sigsuspend::ROW as SIGSUSPEND;
    pub use super::sigwait::ROW as SIGWAIT;
    pub use super::tgkill::ROW as TGKILL;
    pub use super::timerfd::{CREATE as TIMERFD, SET as TIMERFD_SETTIME};
    pub use super::uring::{ENTER as URING_ENTER, SETUP as URING_SETUP};
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

            fn after_signal(&self) -> AfterSignal {
                match self { $(Syscall::$name(own) => own.after_signal(),)* }
            }

            fn achieved<S: Sink>(&self, call: &mut Call<'_, S>) -> Option<i64> {
                match self { $(Syscall::$name(own) => own.achieved(call),)* }
            }

            fn ends_by_itself(&self) -> bool {
                match self { $(Syscall::$name(own) => own.ends_by_itself(),)* }
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
/// The call by which a signal's handler ends.
pub const SIGNAL_RETURN: crate::ids::CallId = crate::ids::CallId(Row::SignalReturn as u16);

calls! {
    Close = "close",
    Exec = "execve",
    Exit = "exit_group",
    Fork = "fork",
    Fsync = "fsync",
    FutexWait = "futex_wait",
    FutexWake = "futex_wake",
    FutexRequeue = "futex_requeue",
    FutexLockPi = "futex_lock_pi",
    FutexUnlockPi = "futex_unlock_pi",
    Ceiling = "sched_setparam",
    Getpid = "getpid",
    Getppid = "getppid",
    Join = "join",
    Kill = "kill",
    Pause = "pause",
    Read = "read",
    SignalAction = "rt_sigaction",
    SignalReturn = "rt_sigreturn",
    NextPeriod = "clock_nanosleep",
    Sleep = "nanosleep",
    Thread = "clone",
    Wait = "wait4",
    Write = "write",
    Yield = "sched_yield",
    Brk = "brk",
    Mmap = "mmap",
    Mprotect = "mprotect",
    Msync = "msync",
    Munmap = "munmap",
    ShmUnlink = "shm_unlink",
    Shmat = "shmat",
    Shmdt = "shmdt",
    Accept = "accept4",
    Bind = "bind",
    Connect = "connect",
    Listen = "listen",
    Recvfrom = "recvfrom",
    Sendto = "sendto",
    Shutdown = "shutdown",
    Socket = "socket",
    Socketpair = "socketpair",
    MqOpen = "mq_open",
    MqUnlink = "mq_unlink",
    MqSend = "mq_timedsend",
    MqReceive = "mq_timedreceive",
    MqAttributes = "mq_getsetattr",
    MqNotify = "mq_notify",
    Msgsnd = "msgsnd",
    Msgrcv = "msgrcv",
    Msgctl = "msgctl",
    Semop = "semop",
    Semctl = "semctl",
    Fdatasync = "fdatasync",
    Fstat = "fstat",
    Ftruncate = "ftruncate",
    Lseek = "lseek",
    Open = "openat",
    Pread = "pread64",
    Pwrite = "pwrite64",
    Rename = "rename",
    Unlink = "unlink",
    AioRead = "aio_read",
    AioWrite = "aio_write",
    AioError = "aio_error",
    AioReturn = "aio_return",
    AioSuspend = "aio_suspend",

    Getpgid = "getpgid",
    Nice = "setpriority",
    SetAffinity = "sched_setaffinity",
    Setitimer = "setitimer",
    Setpgid = "setpgid",
    Sigmask = "rt_sigprocmask",
    Sigpending = "rt_sigpending",
    Sigsuspend = "rt_sigsuspend",
    Sigwait = "rt_sigtimedwait",
    Tgkill = "tgkill",
    MakePipe = "pipe2",
    Dup = "dup",
    Dup2 = "dup2",
    Fcntl = "fcntl",
    FifoOpen = "open",
    Poll = "ppoll",
    EpollCreate = "epoll_create1",
    EpollCtl = "epoll_ctl",
    EpollWait = "epoll_pwait2",
    Eventfd = "eventfd2",
    Timerfd = "timerfd_create",
    TimerfdSettime = "timerfd_settime",
    UringSetup = "io_uring_setup",
    UringEnter = "io_uring_enter",
}
