//! The text of calibration programs: small scenarios in TOML, whose processes say by `print` which
//! part of them begins. See [`marks`](super::marks) for how these lines are read.

use std::fmt::Write;

/// How long each reference spin computes, in nanoseconds.
pub const SPIN: f64 = 20_000.0;
/// The mark of a reference spin.
pub const SPIN_MARK: &str = "spin";
/// The mark of a row of empty calls, whose notes are the measure for the calls of the batch after it.
pub const EMPTY_MARK: &str = "empty";
/// So many of them.
const EMPTY_CALLS: usize = 64;
/// The mark that ends a batch after which nothing is measured.
pub const END_MARK: &str = "end";

/// A calibration program.
#[derive(Clone, Debug, Default)]
pub struct Text {
    objects: String,
    processes: String,
}

impl Text {
    /// Adds pipes, files and other objects, as TOML tables.
    pub fn objects(mut self, toml: &str) -> Text {
        self.objects.push_str(toml);
        self.objects.push('\n');
        self
    }

    /// Adds a process that exists from the beginning.
    pub fn process(mut self, name: &str, cpu: usize, steps: &str) -> Text {
        let _ = writeln!(self.processes, "[process.{name}]\ncpu = {cpu}\nsteps = [\n{steps}]");
        self
    }

    /// Adds a program that others fork or start.
    pub fn program(mut self, name: &str, steps: &str) -> Text {
        let _ = writeln!(self.processes, "[program.{name}]\nsteps = [\n{steps}]");
        self
    }

    /// The whole scenario, for so many CPUs.
    pub fn scenario(&self, cpus: usize) -> String {
        let (objects, processes) = (&self.objects, &self.processes);
        format!("format = 1\nname = \"calibrate\"\n[machine]\ncpus = {cpus}\n{objects}{processes}")
    }
}

pub fn mark(name: &str) -> String {
    format!("{{ print = \"{name}\" }},\n")
}

/// A spin by which changes of the CPU's speed are seen.
pub fn spin() -> String {
    format!("{}{{ compute = \"{}ns\" }},\n", mark(SPIN_MARK), SPIN as u64)
}

pub fn repeat(times: usize, body: &str) -> String {
    format!("{{ repeat = {times}, do = [\n{body}] }},\n")
}

/// Steps so many times, eight of them written out, so that counting disappears beside them.
pub fn loops(times: usize, steps: &str) -> String {
    let whole = if times >= 8 { repeat(times / 8, &steps.repeat(8)) } else { String::new() };
    whole + &steps.repeat(times % 8)
}

/// So many batches of a measurement, each after a reference spin and empty calls.
pub fn batches(name: &str, batches: usize, body: &str) -> String {
    let empty = mark(EMPTY_MARK) + &loops(EMPTY_CALLS, "{ getpid = true },\n");
    repeat(batches, &(spin() + &empty + &mark(name) + body + &mark(END_MARK)))
}
