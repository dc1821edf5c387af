//! The registry of verbs: what a step can say. Help, schema, documentation and tests iterate it.
//!
//! To add a verb: write its form in one file, with its row, and add the row to [`VERBS`].

use std::sync::OnceLock;

use schemars::Schema;
use serde_spanned::Spanned;
use toml::de::DeValue;

use super::form::Form;
use super::syscall::forms as call;
use super::{basic, control, library, manager, shell};

/// Which way into the kernel a verb takes, if any.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Steers the program and reports.
    Control,
    /// One or more plain instructions; enters the kernel only by a fault.
    Instruction,
    /// One system call.
    Syscall,
    /// A library function: user-mode instructions and, where needed, system calls.
    Library,
    /// A line for the shell, which becomes processes, pipes and calls.
    Shell,
}

impl Level {
    pub const ALL: &[Level] =
        &[Level::Control, Level::Instruction, Level::Syscall, Level::Library, Level::Shell];

    pub const fn name(self) -> &'static str {
        match self {
            Level::Control => "control",
            Level::Instruction => "instruction",
            Level::Syscall => "system call",
            Level::Library => "library function",
            Level::Shell => "shell",
        }
    }
}

/// How something that a scenario says is done on a real kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Real {
    /// By these calls or instructions.
    Yes(&'static str),
    /// Not at all, for this reason.
    No(&'static str),
}

impl Real {
    /// The calls, or the reason.
    pub const fn text(self) -> &'static str {
        match self {
            Real::Yes(text) | Real::No(text) => text,
        }
    }

    /// A sentence about it.
    pub fn sentence(self) -> String {
        match self {
            Real::Yes(how) => format!("On a real kernel: {how}."),
            Real::No(why) => format!("Not on a real kernel: {why}."),
        }
    }
}

/// Reads a step's own keys into the verb's form.
pub type Parse = for<'i> fn(Spanned<DeValue<'i>>) -> Result<Box<dyn Form>, toml::de::Error>;

/// One verb.
pub struct VerbRow {
    pub name: &'static str,
    pub level: Level,
    /// What it does, in a few words.
    pub summary: &'static str,
    /// What it does, for students.
    pub doc: &'static str,
    /// A complete step.
    pub example: &'static str,
    /// How `trapline real` does it.
    pub real: Real,
    /// The keys that hold nested steps; the first is required.
    pub blocks: &'static [&'static str],
    pub parse: Parse,
    pub schema: fn() -> Schema,
}

impl std::fmt::Debug for VerbRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("VerbRow").field(&self.name).finish()
    }
}

/// Every verb that a step can use.
pub const VERBS: &[&VerbRow] = &[
    &control::repeat::ROW,
    &control::forever::ROW,
    &control::r#while::ROW,
    &control::r#if::ROW,
    &control::print::ROW,
    &control::assert::ROW,
    &basic::compute::ROW,
    &basic::touch::ROW,
    &basic::set::ROW,
    &basic::add::ROW,
    &basic::load::ROW,
    &basic::store::ROW,
    &basic::atomic_add::ROW,
    &basic::compare_swap::ROW,
    &basic::raise::ROW,
    &basic::change_buffer::ROW,
    &basic::buffer::COUNT,
    &basic::buffer::CUT,
    &call::FORK,
    &call::EXEC,
    &call::EXIT,
    &call::WAIT,
    &call::THREAD,
    &call::JOIN,
    &call::SLEEP,
    &call::NEXT_PERIOD,
    &call::YIELD,
    &call::GETPID,
    &call::GETPPID,
    &call::READ,
    &call::WRITE,
    &call::CLOSE,
    &call::FSYNC,
    &call::FDATASYNC,
    &call::OPEN,
    &call::LSEEK,
    &call::PREAD,
    &call::PWRITE,
    &call::FTRUNCATE,
    &call::FSTAT,
    &call::UNLINK,
    &call::RENAME,
    &call::AIO_READ,
    &call::AIO_WRITE,
    &call::AIO_ERROR,
    &call::AIO_SUSPEND,
    &call::AIO_RETURN,
    &call::URING_SETUP,
    &library::uring::READ,
    &library::uring::WRITE,
    &library::uring::FSYNC,
    &library::uring::POLL,
    &library::uring::NOP,
    &call::URING_ENTER,
    &library::uring::REAP,
    &call::KILL,
    &call::SIGNAL,
    &call::PAUSE,
    &call::SIGMASK,
    &call::SIGPENDING,
    &call::SIGSUSPEND,
    &call::SIGWAIT,
    &call::TGKILL,
    &call::ALARM,
    &call::SETITIMER,
    &call::SETPGID,
    &call::GETPGID,
    &call::NICE,
    &call::SET_AFFINITY,
    &call::FUTEX_WAIT,
    &call::FUTEX_WAKE,
    &call::MMAP,
    &call::MUNMAP,
    &call::MPROTECT,
    &call::MSYNC,
    &call::BRK,
    &call::SHMAT,
    &call::SHMDT,
    &call::SHM_UNLINK,
    &call::SOCKET,
    &call::SOCKETPAIR,
    &call::BIND,
    &call::LISTEN,
    &call::CONNECT,
    &call::ACCEPT,
    &call::SHUTDOWN,
    &call::SEND,
    &call::SENDTO,
    &call::RECV,
    &call::RECVFROM,
    &call::FUTEX_REQUEUE,
    &call::FUTEX_LOCK_PI,
    &call::FUTEX_UNLOCK_PI,
    &call::MQ_OPEN,
    &call::MQ_SEND,
    &call::MQ_RECEIVE,
    &call::MQ_NOTIFY,
    &call::MQ_GETATTR,
    &call::MQ_SETATTR,
    &call::MQ_UNLINK,
    &call::MSGSND,
    &call::MSGRCV,
    &call::MSGCTL,
    &call::SEMOP,
    &call::SEMCTL,
    &call::PIPE,
    &call::FIFO_OPEN,
    &call::DUP,
    &call::DUP2,
    &call::FCNTL,
    &call::POLL,
    &call::EPOLL_CREATE,
    &call::EPOLL_CTL,
    &call::EPOLL_WAIT,
    &call::EVENTFD,
    &call::TIMERFD,
    &call::TIMERFD_SETTIME,
    &library::stream::FWRITE,
    &library::stream::FFLUSH,
    &library::stream::FCLOSE,
    &basic::digest::ROW,
    &library::lock::LOCK,
    &library::lock::UNLOCK,
    &library::semaphore::SEM_WAIT,
    &library::semaphore::SEM_POST,
    &library::lock::TRY_LOCK,
    &library::semaphore::SEM_TRY_WAIT,
    &library::rwlock::READ_LOCK,
    &library::rwlock::WRITE_LOCK,
    &library::rwlock::RW_UNLOCK,
    &library::condition::COND_WAIT,
    &library::condition::COND_SIGNAL,
    &library::condition::COND_BROADCAST,
    &library::barrier::BARRIER_WAIT,
    &library::event_flag::EVENT_SET,
    &library::event_flag::EVENT_CLEAR,
    &library::event_flag::EVENT_WAIT,
    &library::once::ROW,
    &library::spinlock::SPIN_LOCK,
    &library::spinlock::SPIN_UNLOCK,
    &library::value::VALUE_GET,
    &library::value::VALUE_SET,
    &library::value::VALUE_ADD,
    &library::thread_queue::ENQUEUE,
    &library::thread_queue::DEQUEUE,
    &library::float_channel::CHANNEL_SEND,
    &library::float_channel::CHANNEL_RECEIVE,
    &library::timer::TIMER_START,
    &library::timer::TIMER_CANCEL,
    &library::queue::QUEUE_PUT,
    &library::queue::QUEUE_GET,
    &library::queue::QUEUE_CLOSE,
    &library::pool::life::POOL_START,
    &library::pool::tasks::POOL_MAP,
    &library::pool::tasks::POOL_APPLY,
    &library::pool::tasks::POOL_APPLY_ASYNC,
    &library::pool::tasks::POOL_GET,
    &library::pool::life::POOL_CLOSE,
    &library::pool::life::POOL_JOIN,
    &shell::ROW,
    &basic::pack::PACK,
    &basic::pack::UNPACK,
    &manager::START,
    &manager::CALL,
    &manager::STOP,
];

/// Keys that every system call knows besides its own.
pub const COMMON_KEYS: &[(&str, &str)] = &[
    ("result", "The variable that gets what the call returns: a value, or a negated error number."),
    (
        "on-error",
        "What a failed call does: \"exit\" (the default) says so on the terminal and ends the process with status 1, \"continue\" goes on.",
    ),
];

/// The row of a verb.
pub fn find(name: &str) -> Option<&'static VerbRow> {
    VERBS.iter().copied().find(|row| row.name == name)
}

impl VerbRow {
    /// The keys of its form, without blocks and common keys.
    pub fn keys(&self) -> &'static [String] {
        static KEYS: OnceLock<Vec<Vec<String>>> = OnceLock::new();
        let all = KEYS.get_or_init(|| VERBS.iter().map(|row| own_keys(row)).collect());
        let index = VERBS.iter().position(|row| row.name == self.name);
        index.map_or(&[], |index| all[index].as_slice())
    }

    /// Whether a step with this verb can have the key.
    pub fn knows(&self, key: &str) -> bool {
        let common = self.level == Level::Syscall && COMMON_KEYS.iter().any(|(name, _)| *name == key);
        common || self.blocks.contains(&key) || self.keys().iter().any(|name| name == key)
    }
}

fn own_keys(row: &VerbRow) -> Vec<String> {
    properties(&(row.schema)())
}

/// The names of a schema's properties.
pub fn properties(schema: &Schema) -> Vec<String> {
    let properties = schema.get("properties").and_then(|value| value.as_object());
    properties.map_or_else(Vec::new, |map| map.keys().cloned().collect())
}
