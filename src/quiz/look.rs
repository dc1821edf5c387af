//! Where in the run an answer can be seen: commands to type, and the part of the run around a moment.

use crate::time::Instant;

use super::kinds::{Look, by_name};
use super::observed::Run;
use super::question::{Moment, Question};

/// So many events before and after a moment are shown.
const AROUND: usize = 18;

/// How the run that is asked about is called on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The file and the options that change the run.
    pub run: String,
    /// The folder into which a run writes.
    pub folder: String,
}

impl Command {
    /// `options` are those by which the scenario was changed, such as `--set` and `machine.cpus=2`.
    pub fn new(file: &str, options: &[String], folder: &str) -> Command {
        let words = std::iter::once(file).chain(options.iter().map(String::as_str));
        let run: Vec<String> = words.map(quoted).collect();
        Command { run: run.join(" "), folder: quoted(folder) }
    }

    /// What to type to see the answer to a question.
    pub fn look(&self, run: &Run<'_>, question: &Question) -> Vec<String> {
        let (file, folder) = (&self.run, &self.folder);
        let first = format!("trapline run {file}");
        let look = by_name(question.kind).map_or(Look::Tables, |row| row.look);
        match (look, question.moment) {
            (Look::Moment, Some(moment)) => {
                let (from, to) = around(run, moment);
                vec![
                    format!("trapline step {file} --script \"b:time={} g e\"", moment.at),
                    format!("{first} && trapline plot {folder} --from {} --to {}", from, to),
                ]
            }
            (Look::Statistics, _) => vec![format!("trapline stats {file}")],
            (Look::Chart(kind), _) => vec![format!("{first} && trapline plot {folder} --kind {kind}")],
            (Look::Moment | Look::Tables, _) => vec![first],
        }
    }
}

/// The part of the run in which a moment lies, with what came before it and what comes after.
pub fn around(run: &Run<'_>, moment: Moment) -> (Instant, Instant) {
    let events = run.events();
    let from = events.get(moment.events.saturating_sub(AROUND)).map_or(Instant::START, |event| event.at);
    let to = events.get(moment.events + AROUND).map_or(run.trace.end, |event| event.at);
    let from = if from < moment.at && moment.events > AROUND { from } else { Instant::START };
    (from, if to > moment.at { to } else { run.trace.end })
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_a_strange_name_is_one_word() {
        let command =
            Command::new("my file's.toml", &["--set".to_owned(), "machine.cpus=2".to_owned()], "output/x");
        assert_eq!(command.run, "'my file'\\''s.toml' --set machine.cpus=2");
    }
}
