//! How the program ends: with which status, and with which words.

use std::process::ExitCode;

use trapline::scenario::Diagnostics;
use trapline::trace::TraceError;

use super::terminal;

/// The exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    Success = 0,
    /// A check that was asked for failed.
    Failed = 1,
    /// The command line, or a file that it names, isn't what the command needs.
    Usage = 2,
    InvalidScenario = 3,
    /// The simulated system ended abnormally: deadlock, failed assertion, livelock.
    Abnormal = 4,
    /// The host doesn't give what is needed: space, rights, or what real mode needs.
    Host = 5,
    /// As `EX_SOFTWARE` of sysexits.h.
    Bug = 70,
    /// 128 + SIGINT, as shells report it.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// Why a command couldn't do what was asked.
#[derive(Debug)]
pub enum Failure {
    /// What is wrong and what to do about it.
    Error {
        exit: Exit,
        error: anyhow::Error,
    },
    Scenario(Box<Diagnostics>),
    /// Whoever reads the output has gone: nothing is wrong, and nobody listens.
    ClosedPipe,
    Interrupted,
}

impl Failure {
    pub fn usage(message: impl Into<String>) -> Failure {
        Failure::Error { exit: Exit::Usage, error: anyhow::Error::msg(message.into()) }
    }

    pub fn host(error: impl Into<anyhow::Error>) -> Failure {
        Failure::Error { exit: Exit::Host, error: error.into() }
    }

    /// A trace that was given can't be used.
    pub fn trace(error: TraceError) -> Failure {
        Failure::Error { exit: Exit::Usage, error: error.into() }
    }

    pub fn bug(message: impl Into<String>) -> Failure {
        let message = format!("{}\n{REPORT}", message.into());
        Failure::Error { exit: Exit::Bug, error: anyhow::Error::msg(message) }
    }

    /// Says what is wrong; gives the status to end with.
    pub fn report(self) -> Exit {
        match self {
            Failure::Error { exit, error } => {
                terminal::error(&format!("{error:#}"));
                exit
            }
            Failure::Scenario(diagnostics) => {
                terminal::diagnostics(&diagnostics);
                Exit::InvalidScenario
            }
            Failure::ClosedPipe => Exit::Success,
            Failure::Interrupted => {
                terminal::error("interrupted");
                Exit::Interrupted
            }
        }
    }
}

impl From<Diagnostics> for Failure {
    fn from(diagnostics: Diagnostics) -> Failure {
        Failure::Scenario(Box::new(diagnostics))
    }
}

const REPORT: &str =
    "This is a bug in trapline. Please report it, with the scenario and the command line that show it.";

/// Makes a panic, which is always a mistake of ours, say so.
pub fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(|place| format!(" ({}:{})", place.file(), place.line()));
        let text = panic.payload_as_str().unwrap_or("panic");
        terminal::error(&format!("{text}{}\n{REPORT}", place.unwrap_or_default()));
    }));
}
