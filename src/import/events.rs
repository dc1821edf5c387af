//! The kernel's trace points as text: of ftrace (`trace`, `trace-cmd report`) and of `perf script`.
//!
//! Both write the task, the CPU in brackets, the time in seconds, the event and its fields. They differ in how
//! they write the task: `name-7` and `name  7`. Of the events, those of system calls, switches, births and ends
//! are used.

use super::ImportError;
use super::events_reader::Reader;
use super::lines::{Lines, seconds};
use super::recording::{Moment, Recording};

/// Who wrote the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    Ftrace,
    Perf,
}

/// One event's line.
#[derive(Debug, PartialEq, Eq)]
pub struct Line<'a> {
    pub comm: &'a str,
    pub task: u64,
    pub cpu: u16,
    pub at: Moment,
    pub event: &'a str,
    pub fields: &'a str,
}

/// Whether a line looks like one of ftrace's events.
pub fn looks_ftrace(line: &str) -> bool {
    line.starts_with("# tracer:") || parse(line, Writer::Ftrace).is_some()
}

/// Whether a line looks like one of perf's.
pub fn looks_perf(line: &str) -> bool {
    parse(line, Writer::Perf).is_some()
}

pub fn read_ftrace(lines: Lines<'_>) -> Result<Recording, ImportError> {
    read(lines, Writer::Ftrace)
}

pub fn read_perf(lines: Lines<'_>) -> Result<Recording, ImportError> {
    read(lines, Writer::Perf)
}

fn read(mut lines: Lines<'_>, writer: Writer) -> Result<Recording, ImportError> {
    let mut reader = Reader::default();
    while let Some((number, line)) = lines.advance()? {
        if line.starts_with('#') {
            continue;
        }
        match parse(&line, writer) {
            Some(event) => reader.event(&event),
            None if line.contains(" EVENTS]") && line.contains("LOST ") => reader.lost(&line),
            // Headers of trace-cmd, and lines of a call graph.
            None if line.starts_with("cpus=") || line.starts_with("version =") => {}
            None => reader.unread.add(number, &line),
        }
    }
    reader.finish()
}

/// Takes a line apart.
pub fn parse(line: &str, writer: Writer) -> Option<Line<'_>> {
    let (open, close, cpu) = cpu(line)?;
    let (comm, task) = task(line[..open].trim(), writer)?;
    // Between the CPU and the time ftrace has flags, and perf may have a count behind it.
    let mut rest = line[close + 1..].trim_start();
    let at = loop {
        let (word, after) = rest.split_once(' ')?;
        rest = after.trim_start();
        if let Some(at) = word.strip_suffix(':').filter(|word| word.contains('.')).and_then(seconds) {
            break at;
        }
        let flags = word.len() <= 6 && word.bytes().all(|byte| byte.is_ascii_graphic());
        if !flags {
            return None;
        }
    };
    if let Some((word, after)) = rest.split_once(' ')
        && !word.is_empty()
        && word.bytes().all(|byte| byte.is_ascii_digit())
    {
        rest = after.trim_start();
    }
    let (event, fields) = event(rest)?;
    Some(Line { comm, task, cpu, at, event, fields })
}

/// Where the CPU's number stands, the brackets around it, and the number.
fn cpu(line: &str) -> Option<(usize, usize, u16)> {
    line.match_indices('[').find_map(|(open, _)| {
        let close = open + line[open..].find(']')?;
        Some((open, close, line[open + 1..close].parse().ok()?))
    })
}

fn task(text: &str, writer: Writer) -> Option<(&str, u64)> {
    match writer {
        Writer::Ftrace => {
            // The number of the process, in parentheses, isn't always there.
            let text = text
                .strip_suffix(')')
                .map_or(text, |text| text.rsplit_once('(').map_or(text, |(text, _)| text));
            let (comm, number) = text.trim_end().rsplit_once('-')?;
            Some((comm.trim(), number.parse().ok()?))
        }
        Writer::Perf => {
            let (comm, number) = text.rsplit_once([' ', '\t'])?;
            let number = number.rsplit('/').next()?;
            Some((comm.trim(), number.parse().ok()?))
        }
    }
}

/// The event's name without its group, and its fields.
fn event(text: &str) -> Option<(&str, &str)> {
    // ftrace writes the events of single calls as `sys_read(fd: 3)` and `sys_read -> 0x10`.
    let name = text.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
    if text.starts_with("sys_") && (text[name..].starts_with('(') || text[name..].starts_with(" -> ")) {
        return Some((&text[..name], &text[name..]));
    }
    let (event, fields) =
        text.split_once(": ").or_else(|| text.strip_suffix(':').map(|event| (event, "")))?;
    let event = event.rsplit(':').next()?;
    let plain = !event.is_empty() && event.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    plain.then(|| (event, fields.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_writers_lines_are_understood() {
        let ftrace = "            bash-12587   [000] d..2. 13800.531058: sys_exit: NR 1 = 2";
        let expected = Line {
            comm: "bash",
            task: 12587,
            cpu: 0,
            at: 13_800_531_058_000,
            event: "sys_exit",
            fields: "NR 1 = 2",
        };
        assert_eq!(parse(ftrace, Writer::Ftrace), Some(expected));
        let tgid = " my prog-7  (      5) [001] .... 1.5: sched_switch: x";
        assert_eq!(parse(tgid, Writer::Ftrace).map(|line| (line.comm, line.task)), Some(("my prog", 7)));
        let perf = " migration/0    18 [000] 13484.095690:   1  sched:sched_waking: comm=perf pid=9";
        let line = parse(perf, Writer::Perf).expect("a line");
        assert_eq!(
            (line.comm, line.task, line.event, line.fields),
            ("migration/0", 18, "sched_waking", "comm=perf pid=9")
        );
        let both = "a b  5/7 [000] 1.000000: raw_syscalls:sys_enter: NR 0 (3, 7f, 10, 0, 0, 0)";
        assert_eq!(parse(both, Writer::Perf).map(|line| (line.comm, line.task)), Some(("a b", 7)));
        let call = "x-7 [001] ..... 1.5: sys_read(fd: 3, buf: 7f, count: 10)";
        assert_eq!(parse(call, Writer::Ftrace).map(|line| line.event), Some("sys_read"));
        for foreign in ["", "[", "[0]", "x-y [000] 1.0: a: b", "x-1 [000] a", "x-1 [000] 1.0: a b"] {
            assert_eq!(parse(foreign, Writer::Ftrace), None, "{foreign}");
        }
        assert!(looks_perf(perf) && !looks_perf(ftrace) && looks_ftrace(ftrace) && !looks_ftrace(perf));
    }
}
