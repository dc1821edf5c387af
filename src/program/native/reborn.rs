//! What an exec passes on to the program that it becomes.

use crate::ids::Tid;
use crate::os::process;
use crate::program::ProgramId;
use crate::signal::Signal;

use super::Native;

/// Who a process is after an exec, from its command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reborn {
    pub task: Tid,
    pub program: ProgramId,
    /// The variable `index`, which stays.
    pub index: i64,
    /// The seed of its random streams.
    pub key: u64,
    /// Whether it ignores SIGPIPE: an exec leaves that as it is, but Rust's own start doesn't.
    pub ignores_pipe: bool,
    /// The variables that it begins with.
    pub passed: Vec<(String, i64)>,
}

impl Reborn {
    /// The command line of the program that a thread becomes.
    pub fn arguments(
        native: &Native,
        program: ProgramId,
        index: i64,
        passed: &[(String, i64)],
    ) -> Vec<String> {
        let name = &native.world.image.programs[usize::from(program.0)].name;
        let numbers = [
            native.task.0.to_string(),
            program.0.to_string(),
            index.to_string(),
            native.user.key.named(name).seed().to_string(),
            process::is_ignored(Signal::SIGPIPE).to_string(),
        ];
        let words = ["trapline".to_owned(), super::REBORN_COMMAND.to_owned()];
        let passed = passed.iter().map(|(name, value)| format!("{name}={value}"));
        words.into_iter().chain(numbers).chain(passed).collect()
    }

    /// Reads the command line; none if it isn't one of ours.
    pub fn from_arguments(arguments: &[String]) -> Option<Reborn> {
        let [task, program, index, key, ignores_pipe, passed @ ..] = arguments else { return None };
        let passed = passed.iter().map(|word| {
            let (name, value) = word.split_once('=')?;
            Some((name.to_owned(), value.parse().ok()?))
        });
        Some(Reborn {
            task: Tid(task.parse().ok()?),
            program: ProgramId(program.parse().ok()?),
            index: index.parse().ok()?,
            key: key.parse().ok()?,
            ignores_pipe: ignores_pipe.parse().ok()?,
            passed: passed.collect::<Option<_>>()?,
        })
    }
}
