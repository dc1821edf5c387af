//! JSON lines read back as a trace: what `trapline export` wrote becomes the file that it was written from, byte
//! by byte, if the same version of Trapline wrote both.
//!
//! Numbers are written as names there, and names are looked up in the header's tables here: the first that bears a
//! name is meant, unless a field with `_number` behind its name says which. An event's fields are put into the bytes
//! of its kind's row and read by the one decoder there is, so that a new kind needs nothing here. Lines are taken one
//! by one; a file that ends without its footer becomes a trace that ends there as well.

mod fields;
#[cfg(test)]
mod tests;

use std::io::{BufRead, Read, Write};

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::ids::{CpuId, StepId, Tid};
use crate::time::Instant;
use crate::trace::event::Event;
use crate::trace::header::{Footer, TaskEntry};
use crate::trace::kinds::KINDS;
use crate::trace::sink::Sink;

use super::error::TraceError;
use super::varint::Bad;
use super::writer::Writer;
use super::{MAX_BLOCK, MAX_HEADER, codec, preamble};

use self::fields::Tables;

/// The byte with which every line begins.
pub const START: u8 = b'{';
/// The longest line that isn't the header's: a longest text, each of whose bytes has become six.
const LONGEST: usize = 6 * MAX_BLOCK + 1024;

/// What a line can be; exactly one of the first five is there.
#[derive(Deserialize)]
struct Line {
    footer: Option<Footer>,
    name: Option<NameLine>,
    thread: Option<TaskEntry>,
    header: Option<serde::de::IgnoredAny>,
    kind: Option<String>,
    at: Option<u64>,
    cpu: Option<CpuId>,
    task: Option<Tid>,
    step: Option<StepId>,
    fields: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
struct NameLine {
    number: u32,
    text: String,
}

/// Writes JSON lines as a trace file.
pub fn transcode<W: Write>(mut input: impl BufRead, out: W) -> Result<W, TraceError> {
    let first = next_line(&mut input, 1, MAX_HEADER)?.unwrap_or_default();
    let header = preamble::read(&first, 0).map_err(|error| not_a_header(&first, error))?;
    let unwritable = |source| TraceError::Io { doing: "convert", source };
    let mut lines = Lines {
        writer: Writer::new(out, &header).map_err(unwritable)?,
        tables: Tables::new(&header),
        number: 1,
        events: 0,
    };
    while let Some(bytes) = next_line(&mut input, lines.number + 1, LONGEST)? {
        lines.number += 1;
        let cut = bytes.last() != Some(&b'\n');
        let line: Line = match serde_json::from_slice(&bytes) {
            Ok(line) => line,
            // A line that is only half there is the end of what was copied.
            Err(error) if cut && error.is_eof() => break,
            Err(error) => return Err(lines.wrong(format!("it isn't as it should be ({error})"))),
        };
        match line.footer {
            Some(footer) => return lines.finish(footer, &mut input, unwritable),
            None => lines.take(line)?,
        }
    }
    lines.writer.abandon().map_err(unwritable)
}

/// What a first line that isn't a header means.
fn not_a_header(line: &[u8], error: TraceError) -> TraceError {
    match error {
        TraceError::Corrupt { what, .. } if line.starts_with(b"{\"header\"") => {
            TraceError::Line { line: 1, what }
        }
        TraceError::Corrupt { .. } => TraceError::Foreign,
        other => other,
    }
}

/// The next line with its end; none after the last. An empty line ends nothing: it is skipped.
fn next_line(input: &mut impl BufRead, number: u64, longest: usize) -> Result<Option<Vec<u8>>, TraceError> {
    let mut bytes = Vec::new();
    let read = input.by_ref().take(longest as u64 + 1).read_until(b'\n', &mut bytes);
    read.map_err(|source| TraceError::Io { doing: "read", source })?;
    if bytes.len() > longest {
        let what = format!("it is longer than {longest} bytes");
        return Err(TraceError::Line { line: number, what });
    }
    Ok((!bytes.is_empty()).then_some(bytes))
}

/// A trace under construction.
struct Lines<W: Write> {
    writer: Writer<W>,
    tables: Tables,
    /// Of the line, from 1.
    number: u64,
    events: u64,
}

impl<W: Write> Lines<W> {
    fn wrong(&self, what: impl Into<String>) -> TraceError {
        TraceError::Line { line: self.number, what: what.into() }
    }

    fn take(&mut self, line: Line) -> Result<(), TraceError> {
        if line.header.is_some() {
            return Err(self.wrong("there is a second header; are these two traces in one file?"));
        }
        if let Some(name) = line.name {
            if name.number != self.tables.texts() {
                let expected = self.tables.texts();
                return Err(self.wrong(format!("the name {} isn't the next, {expected}", name.number)));
            }
            self.writer.new_name(&name.text);
            self.tables.text(name.text);
        } else if let Some(thread) = line.thread {
            self.writer.entry(&thread);
        } else {
            let event = self.event(&line).map_err(|what| self.wrong(what))?;
            self.writer.event(event);
            self.events += 1;
        }
        Ok(())
    }

    fn event(&self, line: &Line) -> Result<Event, String> {
        let name =
            line.kind.as_deref().ok_or("there is no `kind`, and it is no header, name, thread or footer")?;
        let row = KINDS.iter().find(|row| row.name == name);
        let row = row.ok_or_else(|| {
            format!("the kind `{name}` is unknown: a newer Trapline may have written it, so use that")
        })?;
        let missing = |field: &str| format!("there is no `{field}`");
        let at = line.at.ok_or_else(|| missing("at"))?;
        let task = line.task.ok_or_else(|| missing("task"))?;
        let none = Map::new();
        let bytes = self.tables.payload(row, line.fields.as_ref().unwrap_or(&none), task)?;
        let kind = codec::decode_kind(row.code, task, &bytes).map_err(|bad| match bad {
            Bad::Short => "a field of the kind is missing".to_owned(),
            Bad::Invalid(what) => what.to_owned(),
        })?;
        let step = line.step.unwrap_or(StepId::NONE);
        Ok(Event { at: Instant::from_nanos(at), cpu: line.cpu, task, step, kind })
    }

    fn finish(
        mut self,
        footer: Footer,
        input: &mut impl BufRead,
        unwritable: impl Fn(std::io::Error) -> TraceError,
    ) -> Result<W, TraceError> {
        if footer.events != self.events {
            let (there, told) = (self.events, footer.events);
            return Err(self.wrong(format!("there are {there} events, but the footer says {told}")));
        }
        while let Some(rest) = next_line(input, self.number + 1, LONGEST)? {
            self.number += 1;
            if !rest.trim_ascii().is_empty() {
                return Err(self.wrong("there is something behind the footer"));
            }
        }
        self.writer.finish(footer.end, footer.outcome, footer.lost).map_err(unwritable)
    }
}
