//! `trapline new`: a small scenario to begin with.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::exit::{Exit, Failure};
use super::{output, terminal};

/// Write a small, commented scenario to begin with.
#[derive(Debug, Args)]
pub struct New {
    /// The scenario, for example ping.toml; `-` is standard output.
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// What it shows.
    #[arg(long, value_enum, default_value_t = Template::PingPong)]
    template: Template,
}

/// The scenarios to choose from.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Template {
    /// Two processes and two pipes.
    PingPong,
    /// Two processes add to a shared counter, and updates are lost.
    Race,
    /// Two locks in opposite order.
    Deadlock,
    /// A button, a network card and a timer interrupt a program.
    Interrupts,
    /// A program waits for its disk while another computes.
    Disk,
}

impl Template {
    const fn text(self) -> &'static str {
        match self {
            Template::PingPong => include_str!("templates/ping-pong.toml"),
            Template::Race => include_str!("templates/race.toml"),
            Template::Deadlock => include_str!("templates/deadlock.toml"),
            Template::Interrupts => include_str!("templates/interrupts.toml"),
            Template::Disk => include_str!("templates/disk.toml"),
        }
    }
}

impl New {
    pub fn execute(self) -> Result<Exit, Failure> {
        let path = output::named(Some(&self.file));
        if let Some(path) = path
            && path.exists()
        {
            let path = path.display();
            return Err(Failure::usage(format!("{path} exists already; choose another name")));
        }
        output::write_or_print(&self.file, self.template.text())?;
        if let Some(path) = path {
            let path = path.display();
            terminal::note(&format!("Wrote {path}; run it: trapline run {path}"));
        }
        Ok(Exit::Success)
    }
}
