//! Signals: Linux's numbers and names, and what each does to a process that doesn't handle it.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! signals {
    ($($(#[doc = $doc:literal])* $name:ident = $number:literal, $default:ident;)*) => {
        /// A signal that the kernel or a process sends to a process.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[repr(u8)]
        #[serde(rename_all = "UPPERCASE")]
        pub enum Signal { $($(#[doc = $doc])* $name = $number,)* }

        impl Signal {
            /// Every value, for documentation, the schema and tests.
            pub const ALL: &[Signal] = &[$(Signal::$name),*];

            pub const fn name(self) -> &'static str {
                match self { $(Signal::$name => stringify!($name)),* }
            }

            /// What happens to a process that neither handles nor ignores it.
            pub const fn default_action(self) -> DefaultAction {
                match self { $(Signal::$name => DefaultAction::$default),* }
            }
        }
    };
}

/// What the kernel does with a signal that the process has no rule for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultAction {
    Terminate,
    Ignore,
    /// All threads of the process stop until SIGCONT.
    Stop,
    /// A stopped process goes on.
    Continue,
}

signals! {
    /// The terminal was closed.
    SIGHUP = 1, Terminate;
    /// Interrupted from the keyboard.
    SIGINT = 2, Terminate;
    /// Asked to end from the keyboard.
    SIGQUIT = 3, Terminate;
    /// An instruction that doesn't exist.
    SIGILL = 4, Terminate;
    /// A breakpoint.
    SIGTRAP = 5, Terminate;
    /// The program asked to be ended abnormally.
    SIGABRT = 6, Terminate;
    /// A page of a mapped file that can't be read.
    SIGBUS = 7, Terminate;
    /// Divided by zero.
    SIGFPE = 8, Terminate;
    /// Ended at once; can't be handled or ignored.
    SIGKILL = 9, Terminate;
    /// For the program's own use.
    SIGUSR1 = 10, Terminate;
    /// Touched memory that isn't there or isn't the program's.
    SIGSEGV = 11, Terminate;
    /// For the program's own use.
    SIGUSR2 = 12, Terminate;
    /// Wrote to a pipe that nobody can read.
    SIGPIPE = 13, Terminate;
    /// A timer of `alarm` has expired.
    SIGALRM = 14, Terminate;
    /// Asked to end.
    SIGTERM = 15, Terminate;
    /// A child ended.
    SIGCHLD = 17, Ignore;
    /// Goes on after a stop.
    SIGCONT = 18, Continue;
    /// Stopped at once; can't be handled or ignored.
    SIGSTOP = 19, Stop;
    /// Stopped from the keyboard.
    SIGTSTP = 20, Stop;
    /// Urgent data at a socket.
    SIGURG = 23, Ignore;
    /// Too much time on the CPU.
    SIGXCPU = 24, Terminate;
    /// An interval timer of the process's time has expired.
    SIGVTALRM = 26, Terminate;
    /// An interval timer of the process's and the kernel's time has expired.
    SIGPROF = 27, Terminate;
    /// Input or output is possible, or complete.
    SIGIO = 29, Terminate;
    /// A system call that doesn't exist.
    SIGSYS = 31, Terminate;
}

impl Signal {
    /// The signal with this name, with or without `SIG` in front.
    pub fn from_name(name: &str) -> Option<Signal> {
        let bare = name.strip_prefix("SIG").unwrap_or(name);
        Signal::ALL.iter().copied().find(|signal| &signal.name()[3..] == bare)
    }

    /// The signal with this number.
    pub fn from_number(number: u16) -> Option<Signal> {
        Signal::ALL.iter().copied().find(|signal| *signal as u16 == number)
    }

    /// Its bit in a set of pending, blocked or ignored signals.
    pub const fn bit(self) -> u64 {
        1 << self as u8
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
