//! Trapline: a kernel-boundary simulator.
pub mod errno;
pub mod hw;
pub mod ids;
pub mod kernel;
pub mod program;
pub mod scenario;
pub mod signal;
pub mod time;
pub mod trace;
pub mod units;
