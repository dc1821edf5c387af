//! Scenarios as the command line names them.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context;
use trapline::scenario::document::MOST;
use trapline::scenario::{Diagnostics, Overrides, Scenario};

use super::exit::Failure;
use super::terminal;

/// Where a scenario comes from, for as many readings as are wanted.
pub enum Source {
    File(PathBuf),
    /// All of standard input.
    Input(Vec<u8>),
}

impl Source {
    /// A file, or standard input if it is called `-`.
    pub fn open(path: &Path) -> Result<Source, Failure> {
        if path != Path::new("-") {
            return Ok(Source::File(path.to_owned()));
        }
        let mut bytes = Vec::new();
        // One byte more than is allowed, so that what is too long is seen to be.
        let read = std::io::stdin().lock().take(MOST + 1).read_to_end(&mut bytes);
        read.context("can't read standard input").map_err(Failure::host)?;
        Ok(Source::Input(bytes))
    }

    pub fn read(&self, overrides: &Overrides) -> Result<Scenario, Diagnostics> {
        match self {
            Source::File(path) => Scenario::load(path, overrides),
            Source::Input(bytes) => Scenario::parse_bytes("<stdin>", bytes, overrides, None),
        }
    }
}

/// Loads a scenario; shows its warnings.
pub fn load(path: &Path, overrides: &Overrides) -> Result<Scenario, Failure> {
    let scenario = Source::open(path)?.read(overrides)?;
    terminal::diagnostics(&scenario.warnings);
    Ok(scenario)
}
