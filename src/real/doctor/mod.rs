//! What this host allows of what real runs need: each thing is tried out, not looked up.
//!
//! - [`CHECKS`]: the registry, a row for each
//! - `runs`: whole runs of a tiny scenario, observed by each route
//! - `calls`: single calls that runs make
//! - `figures`: clock, speed and load, which decide how far times can be trusted

mod calls;
mod figures;
mod runs;

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::os::process;

use super::run;

/// How well something works here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    Works,
    /// It works, but not as well as it could.
    Limited,
    Missing,
}

impl State {
    pub const fn name(self) -> &'static str {
        match self {
            State::Works => "works",
            State::Limited => "limited",
            State::Missing => "missing",
        }
    }
}

/// What a try has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    pub state: State,
    /// What was seen, in words.
    pub result: String,
}

/// What came of a try.
pub type Tried = Result<Shown, Refused>;

/// Why something doesn't work at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused(String);

impl Refused {
    fn because(text: impl Into<String>) -> Refused {
        Refused(text.into())
    }
}

impl<E: std::error::Error> From<E> for Refused {
    fn from(error: E) -> Refused {
        Refused(error.to_string())
    }
}

impl Shown {
    fn works(result: impl Into<String>) -> Shown {
        Shown { state: State::Works, result: result.into() }
    }

    fn missing(result: impl Into<String>) -> Shown {
        Shown { state: State::Missing, ..Shown::works(result) }
    }

    /// It works, or is limited.
    fn limited_if(limited: bool, result: impl Into<String>) -> Shown {
        Shown { state: if limited { State::Limited } else { State::Works }, ..Shown::works(result) }
    }
}

/// One thing to try.
#[derive(Clone, Copy, Debug)]
pub struct CheckRow {
    pub name: &'static str,
    /// What it is needed for.
    pub purpose: &'static str,
    /// What it means if it doesn't work, or not well.
    pub without: &'static str,
    /// What can be done then.
    pub remedy: &'static str,
    /// Whether nothing runs without it.
    pub vital: bool,
    test: fn(&Host) -> Tried,
}

/// Where things are tried.
#[derive(Debug)]
pub struct Host {
    /// The program file of trapline.
    pub program: PathBuf,
    /// A folder for files, which goes afterwards.
    pub scratch: PathBuf,
    pub cpus: Vec<usize>,
}

/// A thing that was tried, and what came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    pub name: &'static str,
    pub state: State,
    pub vital: bool,
    pub purpose: &'static str,
    pub result: String,
    /// Empty where it works.
    pub consequence: &'static str,
    pub remedy: &'static str,
}

/// Everything that is tried, in this order.
pub const CHECKS: &[&CheckRow] = &[
    &runs::RUN,
    &runs::KERNEL,
    &runs::PERF,
    &calls::PIN,
    &calls::DESCRIPTORS,
    &calls::PROCESSES,
    &calls::MEMORY,
    &calls::FUTEX,
    &calls::PIPES,
    &calls::DIRECT,
    &calls::SYNC,
    &calls::RINGS,
    &calls::SPACE,
    &figures::CLOCK,
    &figures::SLEEP,
    &figures::SPIN,
    &figures::LOAD,
];

impl CheckRow {
    /// Tries it.
    pub fn find(&self, host: &Host) -> Finding {
        let shown = (self.test)(host).unwrap_or_else(|Refused(why)| Shown::missing(why));
        let fine = shown.state == State::Works;
        Finding {
            name: self.name,
            state: shown.state,
            vital: self.vital,
            purpose: self.purpose,
            result: shown.result,
            consequence: if fine { "" } else { self.without },
            remedy: if fine { "" } else { self.remedy },
        }
    }
}

/// Tries everything; `place` is where files are made.
pub fn examine(program: &Path, place: &Path) -> std::io::Result<Vec<Finding>> {
    let scratch = run::folder(place)?;
    let host =
        Host { program: program.to_owned(), scratch: scratch.path().to_owned(), cpus: process::cpus() };
    Ok(CHECKS.iter().map(|row| row.find(&host)).collect())
}

/// Whether scenarios can run for real at all.
pub fn can_run(findings: &[Finding]) -> bool {
    findings.iter().all(|finding| !finding.vital || finding.state != State::Missing)
}
