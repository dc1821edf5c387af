//! What a trace says about itself before its first event.

use serde::{Deserialize, Serialize};

use crate::ids::{DeviceId, Vector};

/// The version of the schema that this build writes and the newest that it reads.
pub const SCHEMA: u32 = 1;

/// Everything about a run that isn't an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Header {
    pub schema: u32,
    /// The version of the program that wrote the trace.
    pub tool_version: String,
    /// The scenario's name, its file's text as a SHA-256 in hexadecimal, and its question.
    pub scenario: String,
    pub scenario_hash: String,
    pub question: String,
    pub seed: u64,
    pub source: Source,
    pub cpus: u16,
    /// The cost profile's name and SHA-256.
    pub costs: String,
    pub costs_hash: String,
    /// The names of the kinds that this source can observe.
    pub observes: Vec<String>,
    /// The machine that the trace was measured on, or that the cost profile was measured on.
    pub fingerprint: String,
    /// Indexed by [`CallId`](crate::ids::CallId).
    pub calls: Vec<String>,
    /// Indexed by [`StepId`](crate::ids::StepId).
    pub steps: Vec<StepEntry>,
    /// Indexed by [`ObjectId`](crate::ids::ObjectId).
    pub objects: Vec<ObjectEntry>,
    /// The vectors in use, highest priority first.
    pub vectors: Vec<VectorEntry>,
    /// The threads that exist when the run starts.
    pub initial: Vec<TaskEntry>,
    /// The names of the programs; a forked thread's name comes with it as a record of the stream.
    pub programs: Vec<String>,
    /// What is known of memory; traces of older builds and of real kernels don't tell.
    #[serde(default)]
    pub memory: MemoryEntry,
}

/// Physical memory, and what address spaces are made of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct MemoryEntry {
    /// How many page frames there are.
    pub frames: u64,
    /// The memory objects, by page; a page has the same number in every process.
    pub areas: Vec<AreaEntry>,
}

/// A memory object's place in address spaces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AreaEntry {
    pub name: String,
    /// The first page, and how many there are.
    pub page: u64,
    pub pages: u64,
    /// Whether processes see the same pages; those of others are copied by a fork.
    pub shared: bool,
}

/// Which world a trace comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    Simulated,
    Measured,
}

/// A step of the scenario.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct StepEntry {
    /// The process or program that it belongs to.
    pub program: String,
    /// The verb that it begins with.
    pub verb: String,
    /// Its text, for people.
    pub text: String,
    /// The line of the scenario file, from 1.
    pub line: u32,
}

/// A named object of the scenario: a pipe, a file, a lock, a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ObjectEntry {
    /// `pipe`, `file`, `mutex`, `semaphore`, `shm`, `disk` ...
    pub kind: String,
    pub name: String,
}

/// A line of the interrupt controller that something is connected to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct VectorEntry {
    pub vector: Vector,
    pub name: String,
    pub device: Option<DeviceId>,
}

/// A thread: its number, its process, its parent and its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TaskEntry {
    pub task: crate::ids::Tid,
    pub process: crate::ids::Pid,
    pub parent: crate::ids::Tid,
    /// The process's name in the scenario, with `[i]` behind it where there are several.
    pub name: String,
    /// When it begins to exist.
    pub start: crate::time::Instant,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "how")]
pub enum Outcome {
    /// Every process has ended.
    Finished,
    /// The limit that the scenario or the user set was reached.
    Limit,
    /// The user stopped it.
    Interrupted,
    /// Nothing could ever run again.
    Deadlock { text: String },
    /// An assertion of the scenario didn't hold.
    AssertFailed { text: String },
    /// Things happened for ever, but no program got on.
    Livelock { text: String },
    /// The run couldn't go on for another reason.
    Error { text: String },
}

impl Outcome {
    pub const fn name(&self) -> &'static str {
        match self {
            Outcome::Finished => "finished",
            Outcome::Limit => "limit",
            Outcome::Interrupted => "interrupted",
            Outcome::Deadlock { .. } => "deadlock",
            Outcome::AssertFailed { .. } => "assert-failed",
            Outcome::Livelock { .. } => "livelock",
            Outcome::Error { .. } => "error",
        }
    }

    /// What is to be said beyond the name.
    pub fn text(&self) -> Option<&str> {
        match self {
            Outcome::Finished | Outcome::Limit | Outcome::Interrupted => None,
            Outcome::Deadlock { text }
            | Outcome::AssertFailed { text }
            | Outcome::Livelock { text }
            | Outcome::Error { text } => Some(text),
        }
    }
}

/// What a trace says about itself after its last event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Footer {
    /// How many events there are.
    pub events: u64,
    /// When the run ended, which may be after the last event.
    pub end: crate::time::Instant,
    pub outcome: Outcome,
    /// How many events the source knows to have lost.
    pub lost: u64,
}
