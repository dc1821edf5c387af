//! Peak memory of a run, read from `/proc/self/status` in a process of its own.
//!
//! The kernel's high-water mark never goes down, so that each measurement needs a fresh process:
//! the benchmark starts itself again and asks for one side of one workload. What was resident
//! before the run (the executable, its libraries) is subtracted. Only on Linux.

use std::fs;
use std::process::Command;

use super::simulator::{self, Pace};
use super::workload::Workload;

/// Which side of a comparison.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum Side {
    Bare,
    Simulator,
}

/// Peak bytes for each process of the workload, measured in a child. `None` if this system
/// doesn't say or the side can't run.
pub fn bytes_per_process(side: Side, workload: &Workload) -> Option<u64> {
    let side = match side {
        Side::Bare => "bare",
        Side::Simulator => "simulator",
    };
    let child =
        Command::new(std::env::current_exe().ok()?).args(["--peak", side, workload.name]).output().ok()?;
    let peak: u64 = String::from_utf8(child.stdout).ok()?.trim().parse().ok()?;
    Some(peak / workload.processes)
}

/// What the child does: one run; gives the bytes that it had resident at most, beyond those before.
pub fn peak(side: Side, workload: &Workload) -> Option<u64> {
    let before = status("VmRSS:")?;
    match side {
        Side::Bare => {
            (workload.bare)();
        }
        Side::Simulator => {
            simulator::run(&workload.scenario(), Pace::Fast)?;
        }
    }
    Some(status("VmHWM:")?.saturating_sub(before))
}

/// A line of `/proc/self/status` that is given in KiB, in bytes.
fn status(key: &str) -> Option<u64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix(key))?;
    let kib: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}
