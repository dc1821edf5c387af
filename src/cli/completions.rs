//! `trapline completions`: what shells need to complete a command line.

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use super::exit::{Exit, Failure};
use super::{Cli, terminal};

/// Write the completions for a shell to standard output.
#[derive(Debug, Args)]
pub struct Completions {
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub fn execute(self) -> Result<Exit, Failure> {
        let mut text = Vec::new();
        generate(self.shell, &mut Cli::command(), "trapline", &mut text);
        terminal::print_bytes(&text)?;
        Ok(Exit::Success)
    }
}
