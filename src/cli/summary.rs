//! `trapline summary`: the numbers of a trace.

use clap::ValueEnum;
use serde_json::Value;

use super::digest::Digest;
use super::exit::Failure;

/// How numbers are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Tables for people.
    Table,
    /// Everything, for programs.
    Json,
}

/// The content of `summary.json`: the summary, and how the run ended.
pub fn json(digest: &Digest) -> Result<String, Failure> {
    let bug = |error: serde_json::Error| Failure::bug(error.to_string());
    let mut summary = serde_json::to_value(&digest.summary).map_err(bug)?;
    if let Value::Object(entries) = &mut summary {
        let outcome = serde_json::to_value(&digest.footer.outcome).map_err(bug)?;
        entries.insert("outcome".to_owned(), outcome);
        entries.insert("lost".to_owned(), digest.footer.lost.into());
    }
    let mut text = serde_json::to_string_pretty(&summary).map_err(bug)?;
    text.push('\n');
    Ok(text)
}
