//! Scenarios as the command line names them.

use std::io::Read;
use std::path::Path;

use anyhow::Context;
use trapline::scenario::document::MOST;
use trapline::scenario::{Overrides, Scenario};

use super::exit::Failure;
use super::terminal;

/// Loads a scenario from a file, or from standard input if it is called `-`; shows its warnings.
pub fn load(path: &Path, overrides: &Overrides) -> Result<Scenario, Failure> {
    let scenario = if path == Path::new("-") {
        let mut bytes = Vec::new();
        // One byte more than is allowed, so that what is too long is seen to be.
        let read = std::io::stdin().lock().take(MOST + 1).read_to_end(&mut bytes);
        read.context("can't read standard input").map_err(Failure::host)?;
        Scenario::parse_bytes("<stdin>", &bytes, overrides, None)?
    } else {
        Scenario::load(path, overrides)?
    };
    terminal::diagnostics(&scenario.warnings);
    Ok(scenario)
}
