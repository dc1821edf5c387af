//! Trapline: a kernel-boundary simulator.
pub mod analysis;
pub mod chart;
pub mod compare;
#[cfg(test)]
mod documentation;
pub mod errno;
pub mod export;
pub mod hw;
pub mod ids;
pub mod import;
pub mod kernel;
#[cfg(target_os = "linux")]
pub mod os;
pub mod program;
pub mod quiz;
pub mod random;
#[cfg(target_os = "linux")]
pub mod real;
pub mod realtime;
pub mod report;
pub mod scenario;
pub mod signal;
pub mod sim;
pub mod step;
pub mod time;
pub mod trace;
pub mod units;
