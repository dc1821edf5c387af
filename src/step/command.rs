//! Commands as text: the keys of the stepper, for scripts.

use super::breakpoint::Breakpoint;

/// What can be asked of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// So many instructions on.
    Step(u64),
    Back(u64),
    /// So many times to the next instruction with an event.
    Event(u64),
    EventBack(u64),
    /// So many times to the next entry into the kernel.
    Crossing(u64),
    /// On to a breakpoint, or to the end.
    Run,
    /// To the state after so many steps.
    GoTo(u64),
    Break(Breakpoint),
    ClearBreakpoints,
    /// An interrupt line rises now: by its name or number, at its own CPU or at a given one.
    Raise {
        line: String,
        cpu: Option<u16>,
    },
    /// What the user has raised from here on is forgotten.
    Forget,
}

/// The commands of a script, one a word.
pub const WORDS: &str =
    "s, p, e, E and c (each also with a number, as s*10), g, @STEP, b:CONDITIONS, B, i:LINE, u";

impl Command {
    /// Reads one word.
    pub fn parse(word: &str) -> Result<Command, String> {
        if let Some(conditions) = word.strip_prefix("b:") {
            return Ok(Command::Break(Breakpoint::parse(conditions)?));
        }
        if let Some(line) = word.strip_prefix("i:") {
            return Command::raise(line);
        }
        let number = |text: &str| text.parse().map_err(|_| format!("`{text}` in `{word}` isn't a number"));
        if let Some(step) = word.strip_prefix('@') {
            return Ok(Command::GoTo(number(step)?));
        }
        let (key, count) = match word.split_once('*') {
            Some((key, count)) => (key, Some(number(count)?)),
            None => (word, None),
        };
        let command = match (key, count.unwrap_or(1)) {
            ("s", count) => Command::Step(count),
            ("p", count) => Command::Back(count),
            ("e", count) => Command::Event(count),
            ("E", count) => Command::EventBack(count),
            ("c", count) => Command::Crossing(count),
            ("g", 1) => Command::Run,
            ("B", 1) => Command::ClearBreakpoints,
            ("u", 1) => Command::Forget,
            _ => return Err(format!("there is no command `{word}`; there are {WORDS}")),
        };
        Ok(command)
    }

    /// An interrupt to raise, as `LINE` or `LINE@CPU`.
    pub fn raise(text: &str) -> Result<Command, String> {
        let (line, cpu) = match text.split_once('@') {
            Some((line, cpu)) => {
                let cpu = cpu.parse().map_err(|_| format!("`{cpu}` isn't the number of a CPU"))?;
                (line, Some(cpu))
            }
            None => (text, None),
        };
        if line.is_empty() {
            return Err("which line is to be raised? Give its name or number".to_owned());
        }
        Ok(Command::Raise { line: line.to_owned(), cpu })
    }

    /// Reads a script: words with spaces in between.
    pub fn script(text: &str) -> Result<Vec<(String, Command)>, String> {
        text.split_whitespace().map(|word| Ok((word.to_owned(), Command::parse(word)?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_a_row_of_commands() {
        let script = Command::script("s s*10 E @7 i:disk@1 u").unwrap();
        let commands: Vec<Command> = script.into_iter().map(|(_, command)| command).collect();
        let raise = Command::Raise { line: "disk".to_owned(), cpu: Some(1) };
        let wanted = [
            Command::Step(1),
            Command::Step(10),
            Command::EventBack(1),
            Command::GoTo(7),
            raise,
            Command::Forget,
        ];
        assert_eq!(commands, wanted);
    }

    #[test]
    fn what_is_no_command_is_named() {
        assert!(Command::script("s x").unwrap_err().contains("`x`"));
        assert!(Command::script("s*many").unwrap_err().contains("`many`"));
        assert!(Command::script("i:").unwrap_err().contains("which line"));
        assert!(Command::script("b:pid=1").unwrap_err().contains("`pid`"));
    }
}
