//! The command line: one file for each subcommand.
//!
//! - [`run`], `real`, [`check`], [`test`] with `test_real`: what is done with scenarios; `judge` with
//!   `judge_statistics`, and `judge_real`, compare a run with what its scenario expects
//! - `step`: a run that is walked through in the terminal
//! - `quiz`: questions about a run, with `quiz_session` for whoever answers at the terminal
//! - `compare_policies`: a scenario under several scheduling policies; `policy_list`: how they are named
//! - `compare`, `validate`: the simulated and the real run of scenarios held against each other
//! - `analyse`: periodic tasks and their deadlines, by arithmetic
//! - `calibrate`, `prices`: what kernel work costs on this host, as a profile and as a table
//! - `doctor`: what this host allows real runs, and what killed ones have left behind
//! - [`plot`], [`report`], [`export`], [`summary`]: what is done with traces; [`stats`]: with either
//! - `import`: recordings of real programs as scenarios
//! - [`explain`], [`schema`], [`new`], [`completions`], [`man`]: help in other forms
//! - [`exit`]: how the program ends; [`terminal`], [`output`], [`place`], [`interrupt`], [`progress`]: how it
//!   talks to the terminal, to files, and to whoever waits for it
//! - `sides`: a scenario in both worlds, with the host's `profile`
//! - [`simulate`]: a run into a trace file; [`digest`]: a trace file into everything that is shown
//!
//! The data asked for goes to standard output; everything else goes to standard error.

mod analyse;
#[cfg(target_os = "linux")]
mod calibrate;
mod check;
#[cfg(target_os = "linux")]
mod compare;
mod compare_policies;
mod completions;
mod digest;
#[cfg(target_os = "linux")]
mod doctor;
mod exit;
mod explain;
mod export;
mod import;
mod interrupt;
mod judge;
#[cfg(target_os = "linux")]
mod judge_real;
mod judge_statistics;
mod live;
mod load;
mod man;
mod new;
mod output;
mod place;
mod plot;
mod plot_against;
mod policy_list;
#[cfg(target_os = "linux")]
mod prices;
#[cfg(target_os = "linux")]
mod profile;
mod progress;
mod quiz;
mod quiz_session;
#[cfg(target_os = "linux")]
mod real;
mod report;
mod run;
mod schema;
#[cfg(target_os = "linux")]
mod sides;
mod simulate;
mod stats;
mod step;
mod summary;
mod terminal;
mod test;
#[cfg(target_os = "linux")]
mod test_real;
mod topics;
#[cfg(target_os = "linux")]
mod usage;
#[cfg(target_os = "linux")]
mod validate;

use std::process::ExitCode;

use clap::{ColorChoice, Parser, Subcommand};

use exit::{Exit, Failure};

/// A kernel-boundary simulator: shows what happens each time control crosses between user mode and
/// kernel mode.
#[derive(Debug, Parser)]
#[command(name = "trapline", version, max_term_width = 100, after_help = AFTER_HELP)]
pub struct Cli {
    /// When to use colour.
    #[arg(long, global = true, value_name = "WHEN", default_value_t = ColorChoice::Auto)]
    color: ColorChoice,

    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Exit status:
    0  all is well
    1  a check that was asked for failed
    2  wrong usage, or a trace that can't be used
    3  an invalid scenario
    4  the simulated system ended abnormally (deadlock, failed assertion, livelock)
    5  the host doesn't give what is needed (space, rights)
   70  a bug in trapline
  130  interrupted";

#[derive(Debug, Subcommand)]
enum Command {
    New(new::New),
    Check(check::Check),
    Run(run::Run),
    #[cfg(target_os = "linux")]
    Real(real::Real),
    #[cfg(target_os = "linux")]
    Doctor(doctor::Doctor),
    #[cfg(target_os = "linux")]
    Compare(compare::Compare),
    #[cfg(target_os = "linux")]
    Validate(validate::Validate),
    #[cfg(target_os = "linux")]
    Calibrate(calibrate::Calibrate),
    /// The parent of a real run's processes.
    #[cfg(target_os = "linux")]
    #[command(hide = true, name = trapline::real::run::GUARDIAN_COMMAND)]
    RealGuardian {
        numbers: Vec<String>,
    },
    /// What an `exec` step of a real run becomes.
    #[cfg(target_os = "linux")]
    #[command(hide = true, name = trapline::program::native::REBORN_COMMAND)]
    RealExec {
        #[arg(allow_hyphen_values = true)]
        numbers: Vec<String>,
    },
    Test(test::Test),
    ComparePolicies(compare_policies::ComparePolicies),
    Analyse(analyse::Analyse),
    Summary(summary::Summary),
    Stats(stats::Stats),
    Step(step::Step),
    Quiz(quiz::Quiz),
    Plot(plot::Plot),
    Report(report::Report),
    Export(export::Export),
    Import(import::Import),
    Explain(explain::Explain),
    Schema(schema::Schema),
    Completions(completions::Completions),
    #[command(hide = true)]
    Man(man::Man),
}

/// Runs the program with the arguments of its command line.
pub fn main() -> ExitCode {
    exit::report_panics();
    // Clap prints its own errors and ends with 2.
    let cli = Cli::parse();
    terminal::choose_colour(cli.color);
    let command = cli.command;
    if command.has_threads() {
        interrupt::listen();
    }
    match std::panic::catch_unwind(|| command.execute()) {
        Ok(Ok(exit)) => exit.into(),
        Ok(Err(failure)) => failure.report().into(),
        Err(_) => Exit::Bug.into(),
    }
}

impl Command {
    /// A process that forks has one thread, so nobody in it listens for Ctrl-C.
    const fn has_threads(&self) -> bool {
        #[cfg(target_os = "linux")]
        if matches!(self, Command::RealGuardian { .. } | Command::RealExec { .. }) {
            return false;
        }
        true
    }

    fn execute(self) -> Result<Exit, Failure> {
        match self {
            Command::New(command) => command.execute(),
            Command::Check(command) => command.execute(),
            Command::Run(command) => command.execute(),
            #[cfg(target_os = "linux")]
            Command::Real(command) => command.execute(),
            #[cfg(target_os = "linux")]
            Command::Doctor(command) => command.execute(),
            #[cfg(target_os = "linux")]
            Command::Compare(command) => command.execute(),
            #[cfg(target_os = "linux")]
            Command::Validate(command) => command.execute(),
            Command::Calibrate(command) => command.execute(),
            #[cfg(target_os = "linux")]
            Command::RealGuardian { numbers } => real::guardian(&numbers),
            #[cfg(target_os = "linux")]
            Command::RealExec { numbers } => real::reborn(&numbers),
            Command::Test(command) => command.execute(),
            Command::ComparePolicies(command) => command.execute(),
            Command::Analyse(command) => command.execute(),
            Command::Summary(command) => command.execute(),
            Command::Stats(command) => command.execute(),
            Command::Step(command) => command.execute(),
            Command::Quiz(command) => command.execute(),
            Command::Plot(command) => command.execute(),
            Command::Report(command) => command.execute(),
            Command::Export(command) => command.execute(),
            Command::Import(command) => command.execute(),
            Command::Explain(command) => command.execute(),
            Command::Schema(command) => command.execute(),
            Command::Completions(command) => command.execute(),
            Command::Man(command) => command.execute(),
        }
    }
}
