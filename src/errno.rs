//! What a system call of a simulated program can fail with: Linux's numbers and names.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! errnos {
    ($($(#[doc = $doc:literal])* $name:ident = $number:literal,)*) => {
        /// A failed system call's cause, as the program sees it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[repr(u8)]
        pub enum Errno { $($(#[doc = $doc])* $name = $number,)* }

        impl Errno {
            /// Every value, for documentation and tests.
            pub const ALL: &[Errno] = &[$(Errno::$name),*];

            pub const fn name(self) -> &'static str {
                match self { $(Errno::$name => stringify!($name)),* }
            }

            /// What it means, in words.
            pub const fn meaning(self) -> &'static str {
                match self { $(Errno::$name => concat!($($doc),*).trim_ascii()),* }
            }
        }
    };
}

errnos! {
    /// Operation not permitted
    EPERM = 1,
    /// No such file or directory
    ENOENT = 2,
    /// No such process
    ESRCH = 3,
    /// Interrupted system call
    EINTR = 4,
    /// Input/output error
    EIO = 5,
    /// No such device or address
    ENXIO = 6,
    /// Bad file descriptor
    EBADF = 9,
    /// No child processes
    ECHILD = 10,
    /// Resource temporarily unavailable
    EAGAIN = 11,
    /// Cannot allocate memory
    ENOMEM = 12,
    /// Permission denied
    EACCES = 13,
    /// Bad address
    EFAULT = 14,
    /// No such device
    ENODEV = 19,
    /// Invalid argument
    EINVAL = 22,
    /// No space left on device
    ENOSPC = 28,
    /// Broken pipe
    EPIPE = 32,
    /// Resource deadlock avoided
    EDEADLK = 35,
}

impl Errno {
    /// What the call returns to the program: the number, negated.
    pub const fn result(self) -> i64 {
        -(self as i64)
    }

    /// The error behind a call's result, if it is one.
    pub fn from_result(result: i64) -> Option<Errno> {
        Errno::ALL.iter().copied().find(|errno| errno.result() == result)
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name(), self.meaning())
    }
}
