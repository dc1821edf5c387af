//! Where a run is to stop: a thread, a line of the scenario, a kind of event, a time; several joined.

use std::fmt;

use crate::analysis::naming;
use crate::time::Instant;
use crate::trace::Header;
use crate::trace::kinds::KINDS;
use crate::units;

/// A run stops where all that is given holds.
///
/// With a kind, that is asked of each event. Without one it is asked of the threads that the CPUs run, and
/// the run stops when it begins to hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Breakpoint {
    /// A thread's name; without its number, any of those that have one.
    pub task: Option<String>,
    /// A line of the scenario at which a step stands.
    pub line: Option<u32>,
    pub kind: Option<String>,
    /// Not before.
    pub time: Option<Instant>,
}

impl Breakpoint {
    /// Reads `task=NAME line=N kind=KIND time=TIME`, with spaces or commas in between.
    pub fn parse(text: &str) -> Result<Breakpoint, String> {
        let mut breakpoint = Breakpoint::default();
        for part in text.split([' ', ',']).filter(|part| !part.is_empty()) {
            let Some((key, value)) = part.split_once('=') else {
                return Err(format!("`{part}` isn't KEY=VALUE; {KEYS}"));
            };
            match key {
                "task" => breakpoint.task = Some(value.to_owned()),
                "line" => {
                    let line = value.parse().map_err(|_| format!("`{value}` isn't the number of a line"))?;
                    breakpoint.line = Some(line);
                }
                "kind" => breakpoint.kind = Some(value.to_owned()),
                "time" => {
                    let time = units::parse_time(value).map_err(|error| error.to_string())?;
                    breakpoint.time = Some(Instant::START + time);
                }
                _ => return Err(format!("a breakpoint has no `{key}`; {KEYS}")),
            }
        }
        if breakpoint == Breakpoint::default() {
            return Err(format!("a breakpoint needs a condition; {KEYS}"));
        }
        Ok(breakpoint)
    }

    /// Whether there can be such a place in this run at all.
    pub fn check(&self, header: &Header) -> Result<(), String> {
        if let Some(kind) = &self.kind
            && !KINDS.iter().any(|row| row.name == kind)
        {
            return Err(format!("there is no kind of event `{kind}`; `trapline explain` lists them"));
        }
        if let Some(line) = self.line
            && !header.steps.iter().any(|step| step.line == line)
        {
            return Err(format!("no step stands at line {line}"));
        }
        if let Some(task) = &self.task {
            let initial = header.initial.iter().map(|entry| naming::base(&entry.name));
            let mut names: Vec<&str> =
                initial.chain(header.programs.iter().map(|name| naming::base(name))).collect();
            names.sort_unstable();
            names.dedup();
            if !names.contains(&naming::base(task)) {
                return Err(format!("nobody is called `{task}`; there are {}", names.join(", ")));
            }
        }
        Ok(())
    }
}

const KEYS: &str = "it is made of task=NAME, line=N, kind=KIND and time=TIME";

impl fmt::Display for Breakpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            self.task.as_ref().map(|task| format!("task={task}")),
            self.line.map(|line| format!("line={line}")),
            self.kind.as_ref().map(|kind| format!("kind={kind}")),
            self.time.map(|time| format!("time={time}")),
        ];
        f.write_str(&parts.into_iter().flatten().collect::<Vec<_>>().join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_breakpoint_reads_as_it_is_written() {
        let text = "task=writer line=12 kind=sched_switch time=5ms";
        assert_eq!(Breakpoint::parse(text).unwrap().to_string(), text);
        assert_eq!(Breakpoint::parse("kind=print,task=a").unwrap().to_string(), "task=a kind=print");
    }

    #[test]
    fn what_cant_be_read_is_named() {
        let wrong = |text| Breakpoint::parse(text).unwrap_err();
        assert!(wrong("").contains("needs a condition"));
        assert!(wrong("task").contains("`task` isn't KEY=VALUE"));
        assert!(wrong("line=x").contains("`x` isn't the number"));
        assert!(wrong("pid=3").contains("no `pid`"));
        assert!(!wrong("time=5").is_empty());
    }
}
