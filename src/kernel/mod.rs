//! The kernel's mechanisms. Knows no system call by name.
pub mod cost;
pub mod options;
pub mod sched;
