//! What all recordings come down to: tasks, the calls that each made, and when it wasn't on a CPU.

/// A moment of a recording, in nanoseconds from wherever its clock began.
pub type Moment = u64;

/// A recording of real processes, whoever wrote it.
#[derive(Debug, Default)]
pub struct Recording {
    /// In the order in which they first appear.
    pub tasks: Vec<Task>,
    /// Whether it says when a task was on a CPU.
    pub switches: bool,
    /// How many CPUs the recorded machine had, as far as it can be told.
    pub cpus: Option<u64>,
    /// What couldn't be read, and other things that the user should know.
    pub remarks: Vec<String>,
}

/// A process or a thread.
#[derive(Debug, Default)]
pub struct Task {
    /// Its number on the recorded system.
    pub number: u64,
    pub name: String,
    /// Who made it, if that was recorded: a place in the recording's tasks.
    pub parent: Option<usize>,
    /// Whether it is a thread of its parent's process.
    pub thread: bool,
    pub first: Moment,
    /// When it was last heard of, beside its calls.
    pub last: Moment,
    pub calls: Vec<Call>,
    /// When it wasn't on a CPU, in order, without overlap.
    pub off: Vec<Off>,
    pub end: Option<End>,
}

/// A time without a CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Off {
    pub from: Moment,
    pub to: Moment,
    /// Whether it waited for something, and not only for a CPU.
    pub waited: bool,
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// With this status.
    Exited(i64),
    /// By this signal.
    Killed(String),
}

/// A system call.
#[derive(Clone, Debug)]
pub struct Call {
    pub name: Box<str>,
    /// What stands between the parentheses.
    pub args: Box<str>,
    pub result: Answer,
    pub begin: Moment,
    pub end: Moment,
}

/// What a call returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Value(i64),
    /// The name of the error.
    Failed(Box<str>),
    /// It hadn't returned when the recording or the task ended, or doesn't return.
    None,
}

impl Call {
    pub fn value(&self) -> Option<i64> {
        match &self.result {
            Answer::Value(value) => Some(*value),
            Answer::Failed(_) | Answer::None => None,
        }
    }

    pub fn failed_with(&self, errno: &str) -> bool {
        matches!(&self.result, Answer::Failed(name) if &**name == errno)
    }

    pub fn took(&self) -> u64 {
        self.end.saturating_sub(self.begin)
    }
}

impl Task {
    /// How much of a time the task wasn't on a CPU: all of it, and what of that it waited.
    pub fn off_between(&self, from: Moment, to: Moment) -> (u64, u64) {
        let first = self.off.partition_point(|off| off.to <= from);
        let inside = self.off[first..].iter().take_while(|off| off.from < to);
        inside.fold((0, 0), |(all, waited), off| {
            let part = off.to.min(to).saturating_sub(off.from.max(from));
            (all + part, waited + if off.waited { part } else { 0 })
        })
    }
}
