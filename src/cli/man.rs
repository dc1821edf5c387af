//! `trapline man`: the manual pages.

use std::path::PathBuf;

use clap::{Args, Command, CommandFactory};
use clap_mangen::Man as Page;

use super::exit::{Exit, Failure};
use super::{Cli, output, terminal};

/// Write the manual page to standard output, or all pages to a folder.
#[derive(Debug, Args)]
pub struct Man {
    /// The folder: it gets trapline.1 and a page for each command.
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

impl Man {
    pub fn execute(self) -> Result<Exit, Failure> {
        let mut main = Cli::command();
        main.build();
        let Some(folder) = self.output else {
            terminal::print_bytes(&page(main)?)?;
            return Ok(Exit::Success);
        };
        output::folder(&folder)?;
        for command in main.get_subcommands().filter(|command| !command.is_hide_set()) {
            let name = format!("trapline-{}", command.get_name());
            let command = command.clone().display_name(&name);
            output::write(&folder.join(format!("{name}.1")), &page(command)?)?;
        }
        output::write(&folder.join("trapline.1"), &page(main)?)?;
        Ok(Exit::Success)
    }
}

fn page(command: Command) -> Result<Vec<u8>, Failure> {
    let mut text = Vec::new();
    Page::new(command).render(&mut text).map_err(|error| Failure::bug(error.to_string()))?;
    Ok(text)
}
