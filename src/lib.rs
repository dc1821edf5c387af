//! Trapline: a kernel-boundary simulator.
pub mod errno;
pub mod export;
pub mod ids;
pub mod signal;
pub mod time;
pub mod trace;
