//! Trapline: a kernel-boundary simulator.
pub mod analysis;
pub mod chart;
pub mod errno;
pub mod ids;
pub mod signal;
pub mod time;
pub mod trace;
