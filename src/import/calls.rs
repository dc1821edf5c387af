//! What becomes of each recorded call: one row per call, or per family of calls that become the same.
//!
//! A call without a row isn't carried over; it is listed, and its time counts as compute. To add one: a row here,
//! and a function in `carry_process`, `carry_files`, `carry_bytes`, `carry_waits`, `carry_things`, `carry_events` or
//! `carry_queues` that gives the step's keys.

use super::build::Context;
use super::plan::Fields;
use super::{
    carry_bytes as bytes, carry_events as events, carry_files as files, carry_process as process,
    carry_queues as queues, carry_things as things, carry_waits as waits,
};

/// What a call becomes.
#[derive(Debug)]
pub enum Carried {
    Steps(Vec<Fields>),
    /// The process goes on with another program, after these steps.
    Exec {
        steps: Vec<Fields>,
        name: String,
    },
    Exit(i64),
    /// Nothing by itself: descriptors, signals or names are followed.
    Followed,
    /// Not carried over: it worked.
    Work(&'static str),
    /// Not carried over because of this error.
    Failed,
    /// Not carried over: it may have waited for something.
    Waits(&'static str),
    /// Neither it nor its time.
    LeftOut(&'static str),
}

/// A family of calls.
#[derive(Debug)]
pub struct CallRow {
    pub calls: &'static [&'static str],
    /// What they become, for the documentation.
    pub becomes: &'static str,
    pub carry: fn(&mut Context<'_, '_>) -> Carried,
}

macro_rules! rows {
    ($($($call:literal)+ => $carry:expr, $becomes:literal;)*) => {
        /// All rows. The first that names a call counts.
        pub static CALLS: &[CallRow] = &[$(CallRow { calls: &[$($call),+], becomes: $becomes, carry: $carry }),*];
    };
}

rows! {
    "clone" "clone3" "fork" "vfork" => process::birth,
        "`fork`, or `thread` with `CLONE_THREAD`; the child's own calls are its program";
    "execve" "execveat" => process::exec,
        "`exec`; before it a `close` for each end of a pipe that close-on-exec closes";
    "exit" "exit_group" => process::exit, "`exit`; a thread simply comes to the end of its steps";
    "wait4" "waitid" "waitpid" => process::wait, "`wait` for the child that it returned";
    "kill" "tkill" "tgkill" => process::kill, "`kill`, if the signal has the same effect in a scenario";
    "pause" "rt_sigsuspend" => process::pause, "`pause`, if a signal ended the process in it; else a `sleep` as long as it waited";
    "rt_sigaction" => process::action, "`signal`, if it ignores the signal or restores what is usual";
    "getpid" => process::getpid, "`getpid`";
    "getppid" => process::getppid, "`getppid`";
    "pipe" "pipe2" => files::pipe, "`[pipe]`, if its ends are used";
    "dup" "dup2" "dup3" => files::dup, "followed: it is the same pipe or file";
    "fcntl" => files::fcntl, "followed: copies of descriptors, close-on-exec, a pipe's capacity";
    "close" "close_range" => files::close, "`close`, if it was the process's last descriptor of a pipe's end; else followed";
    "open" "openat" "openat2" "creat" => files::open, "`[file]`, if it is read or written: open from the beginning";
    "read" "readv" "pread64" "preadv" "preadv2" "recvfrom" "recvmsg" => bytes::read,
        "`read` or `recv` of as many bytes as were got, from a pipe, a file, standard input, a socket or a counter";
    "write" "writev" "pwrite64" "pwritev" "pwritev2" "sendto" "sendmsg" => bytes::write,
        "`write` or `send` of as many bytes as were taken, to a pipe, a file, the terminal, a socket or a counter";
    "sendfile" "copy_file_range" "splice" => bytes::transfer, "`read` and `write`";
    "fsync" "fdatasync" => bytes::sync, "`fsync`, `fdatasync`";
    "mknod" "mknodat" => files::fifo, "`[pipe]`, if it makes a named pipe: open from the beginning";
    "socket" => things::socket, "`socket`, once it is bound or connected, if it is one of streams whose other end was recorded";
    "socketpair" => things::pair, "`socketpair`";
    "bind" => things::bind, "`bind`; `[socket]` for the address";
    "getsockname" => things::name, "followed: the port that the kernel has chosen";
    "listen" => things::listen, "`listen`";
    "connect" => things::connect, "`connect`, if who accepts was recorded; else a `sleep` as long as it waited";
    "accept" "accept4" => things::accept, "`accept`, if who connects was recorded; else a `sleep` as long as it waited";
    "shutdown" => things::shutdown, "`shutdown`";
    "eventfd" "eventfd2" => events::counter, "`eventfd`, which gives one at a time";
    "epoll_create" "epoll_create1" => events::epoll, "followed: what the set watches";
    "epoll_ctl" => events::watch, "followed: what the set watches";
    "epoll_wait" "epoll_pwait" "epoll_pwait2" => events::watched,
        "`sleep` if the time ran out; nothing if it watches what steps wait for, since the call behind it waits";
    "mq_open" => queues::open, "`[mqueue]`";
    "mq_timedsend" => queues::send, "`mq-send`";
    "mq_timedreceive" => queues::receive, "`mq-receive`";
    "msgget" => queues::queue, "`[sysv-queue]`";
    "msgctl" => queues::queue_control, "followed: when a queue is removed";
    "msgsnd" => queues::send, "`msgsnd`";
    "msgrcv" => queues::receive, "`msgrcv`";
    "semget" => queues::sets, "`[sysv-semaphores]`, if it was made in the recording";
    "semctl" => queues::control, "`semctl` for SETVAL; the first values are those of the table";
    "semop" "semtimedop" => queues::operate, "`semop`, if the set was made in the recording";
    "timerfd_create" "signalfd" "signalfd4"
        "inotify_init" "inotify_init1" "memfd_create" "pidfd_open" "userfaultfd" "io_uring_setup" "perf_event_open"
        "fanotify_init" "open_by_handle_at" "memfd_secret" "pidfd_getfd" => files::other,
        "followed: a descriptor that is neither a pipe nor a file";
    "nanosleep" "clock_nanosleep" => waits::nap, "`sleep` for the time that was asked for; measured if that wasn't recorded";
    "restart_syscall" => waits::restart, "nothing if it goes on with a `sleep`; else a `sleep` as long as it waited";
    "poll" "ppoll" "select" "pselect6" => waits::poll,
        "`sleep` if the time ran out; nothing if a pipe was ready, since the read behind it waits";
    "futex" => waits::futex,
        "`sem-wait` and `sem-post` on a semaphore for each sleeper; `join` if it waited for a thread's end";
    "sched_yield" => waits::yielded, "`yield`";
    "recvmmsg" "sendmmsg" "flock" "io_getevents" "io_pgetevents" "io_uring_enter"
        "rt_sigtimedwait" "futex_waitv" => |_| Carried::Waits(""),
        "a `sleep` as long as it waited";
}

/// The row of a call.
pub fn row(name: &str) -> Option<&'static CallRow> {
    CALLS.iter().find(|row| row.calls.contains(&name))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The rows, as docs/IMPORT.md shows them.
    fn markdown() -> String {
        let rows = CALLS.iter().map(|row| {
            let calls: Vec<String> = row.calls.iter().map(|call| format!("`{call}`")).collect();
            format!("| {} | {} |\n", calls.join(", "), row.becomes)
        });
        format!("| recorded call | becomes |\n|---|---|\n{}", rows.collect::<String>())
    }

    #[test]
    fn the_documentation_has_the_table() {
        crate::documentation::holds("IMPORT.md", "calls", &markdown());
    }

    #[test]
    fn each_call_has_one_row() {
        let mut seen = BTreeSet::new();
        for row in CALLS {
            assert!(row.becomes.len() > 5, "{:?}", row.calls);
            row.calls.iter().for_each(|call| assert!(seen.insert(*call), "{call} has two rows"));
        }
    }
}
