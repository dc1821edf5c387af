//! `trapline summary`: the numbers of a trace.

use std::path::PathBuf;
use std::sync::atomic::AtomicU64;

use clap::{Args, ValueEnum};
use serde_json::Value;

use super::digest::{Digest, digest};
use super::exit::{Exit, Failure};
use super::plot::trace_in;
use super::terminal;

/// Print the numbers of a trace.
#[derive(Debug, Args)]
pub struct Summary {
    /// A trace, or a folder with a trace.bin in it.
    #[arg(value_name = "TRACE")]
    trace: PathBuf,

    /// How they are printed.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

impl Summary {
    pub fn execute(self) -> Result<Exit, Failure> {
        let digest = digest(&trace_in(&self.trace), &AtomicU64::new(0))?;
        terminal::print(&digest.text(self.format)?)?;
        for text in digest.broken_laws() {
            terminal::warning(&format!("this trace breaks a law that every trace obeys: {text}"));
        }
        digest.damage.map_or(Ok(Exit::Success), |damage| Err(Failure::trace(damage)))
    }
}

/// How numbers are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Tables for people.
    Table,
    /// Everything, for programs.
    Json,
}

impl Digest {
    /// The summary as it is printed.
    pub fn text(&self, format: Format) -> Result<String, Failure> {
        match format {
            Format::Table => Ok(self.summary.render(terminal::width(), terminal::colour())),
            Format::Json => self.json(),
        }
    }

    /// The content of `summary.json`: the summary, and how the run ended.
    pub fn json(&self) -> Result<String, Failure> {
        let bug = |error: serde_json::Error| Failure::bug(error.to_string());
        let mut summary = serde_json::to_value(&self.summary).map_err(bug)?;
        if let Value::Object(entries) = &mut summary {
            let outcome = serde_json::to_value(&self.footer.outcome).map_err(bug)?;
            entries.insert("outcome".to_owned(), outcome);
            entries.insert("lost".to_owned(), self.footer.lost.into());
        }
        let mut text = serde_json::to_string_pretty(&summary).map_err(bug)?;
        text.push('\n');
        Ok(text)
    }

    /// The laws that the trace breaks, in words; at most a few, since one leads to others.
    pub fn broken_laws(&self) -> Vec<String> {
        const SHOWN: usize = 3;
        let violations = self.violations.iter().map(ToString::to_string);
        violations.chain(self.broken.iter().map(ToString::to_string)).take(SHOWN).collect()
    }
}
