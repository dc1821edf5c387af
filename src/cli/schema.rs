//! `trapline schema`: the scenario language as a JSON Schema, for editors.

use std::path::PathBuf;

use clap::Args;

use super::exit::{Exit, Failure};
use super::output;

/// Write the JSON Schema of scenarios, with which editors complete and check them.
#[derive(Debug, Args)]
pub struct Schema {
    /// The file; `-` is standard output.
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    output: PathBuf,
}

impl Schema {
    pub fn execute(self) -> Result<Exit, Failure> {
        let schema = serde_json::to_string_pretty(&trapline::scenario::schema());
        let schema = schema.map_err(|error| Failure::bug(error.to_string()))?;
        output::write_or_print(&self.output, &format!("{schema}\n"))?;
        Ok(Exit::Success)
    }
}
