//! `trapline check`: says all that is wrong with scenarios, without running them.

use std::path::PathBuf;

use clap::Args;
use trapline::scenario::{Overrides, Scenario};

use super::exit::{Exit, Failure};
use super::load::load;
use super::{interrupt, terminal};

/// Check scenarios without running them.
#[derive(Debug, Args)]
pub struct Check {
    /// Scenario files; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

impl Check {
    pub fn execute(self) -> Result<Exit, Failure> {
        let mut exit = Exit::Success;
        for file in &self.files {
            if interrupt::count() > 0 {
                return Err(Failure::Interrupted);
            }
            match load(file, &Overrides::default()) {
                Ok(scenario) => terminal::print(&format!("{}\n", describe(&scenario)))?,
                // The next file may be right, so go on.
                Err(failure @ Failure::Scenario(_)) => exit = exit.max(failure.report()),
                Err(failure) => return Err(failure),
            }
        }
        Ok(exit)
    }
}

fn describe(scenario: &Scenario) -> String {
    let image = &scenario.image;
    let processes: u64 = image.starts.iter().map(|start| u64::from(start.count)).sum();
    format!(
        "ok: {}: {}, {}, {}",
        image.name,
        counted(processes, "process", "processes"),
        counted(image.programs.len() as u64, "program", "programs"),
        counted(image.steps.len() as u64, "step", "steps")
    )
}

fn counted(number: u64, one: &str, several: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { several })
}
