//! This machine, in words.

use crate::os::process;

/// This machine, in words: processor, kernel, how many CPUs.
pub fn fingerprint() -> String {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let info = read("/proc/cpuinfo");
    let model =
        info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|(_, it)| it));
    let kernel = read("/proc/sys/kernel/osrelease");
    let cpus = process::cpus().len();
    format!("{}, {cpus} CPUs, Linux {}", model.unwrap_or("unknown processor"), kernel.trim())
}
