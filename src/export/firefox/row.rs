//! A thread of the profile: what is open there, its samples and its markers.
//!
//! A sample is a piece of time in which nothing changed: its stack is what the thread was in the middle of, from
//! user mode over the call to the page fault or to what it waits for, and its weight is how long it was.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Map, Value as Json, json};

use super::spool::{Spool, StreamId};

/// What time is spent on; the position in the profile's list of categories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Category {
    Other,
    User,
    Kernel,
    Interrupt,
    Ready,
    Waits,
}

/// Name and colour of each. The viewer's rules: a grey one must be there, and what is transparent is idle.
pub const CATEGORIES: [(&str, &str); 6] = [
    ("Other", "grey"),
    ("User mode", "blue"),
    ("Kernel mode", "orange"),
    ("Interrupt", "red"),
    ("Ready", "yellow"),
    ("Waits", "transparent"),
];

/// A slice that hasn't ended.
pub struct Open {
    pub at: u64,
    pub name: String,
    pub category: Category,
    pub args: Map<String, Json>,
}

/// The columns, each a stream.
#[derive(Clone, Copy)]
struct Columns {
    name: StreamId,
    start: StreamId,
    end: StreamId,
    phase: StreamId,
    category: StreamId,
    data: StreamId,
    stack: StreamId,
    time: StreamId,
    weight: StreamId,
    used: StreamId,
}

/// Texts, by number.
#[derive(Default)]
pub struct Strings {
    list: Vec<String>,
    index: BTreeMap<String, u32>,
}

impl Strings {
    pub fn number(&mut self, text: &str) -> u32 {
        if let Some(&number) = self.index.get(text) {
            return number;
        }
        let number = self.list.len() as u32;
        self.list.push(text.to_owned());
        self.index.insert(text.to_owned(), number);
        number
    }

    pub fn list(&self) -> &[String] {
        &self.list
    }
}

pub struct Row {
    /// What the profile says about the thread, beside its tables.
    pub about: Map<String, Json>,
    /// Ends with the thread, in nanoseconds.
    pub end: Option<u64>,
    /// What the innermost slice lies in.
    pub base: Option<(String, Category)>,
    /// What it waits for, innermost of all.
    pub waits: Option<(String, Category)>,
    pub open: Vec<Open>,
    since: u64,
    /// For how long it has run since the last sample began.
    used: u64,
    /// The last sample's stack.
    latest: usize,
    /// Since when it waits or is ready.
    pub since_state: u64,
    frames: Vec<(u32, Category)>,
    frame_index: BTreeMap<(u32, Category), usize>,
    stacks: Vec<(Option<usize>, usize)>,
    stack_index: BTreeMap<(Option<usize>, usize), usize>,
    columns: Columns,
    markers: u64,
    samples: u64,
}

impl Row {
    pub fn new(about: Map<String, Json>, spool: &mut Spool) -> Row {
        let columns = Columns {
            name: spool.stream(),
            start: spool.stream(),
            end: spool.stream(),
            phase: spool.stream(),
            category: spool.stream(),
            data: spool.stream(),
            stack: spool.stream(),
            time: spool.stream(),
            weight: spool.stream(),
            used: spool.stream(),
        };
        Row {
            about,
            end: None,
            base: None,
            waits: None,
            open: Vec::new(),
            since: 0,
            used: 0,
            latest: 0,
            since_state: 0,
            frames: Vec::new(),
            frame_index: BTreeMap::new(),
            stacks: Vec::new(),
            stack_index: BTreeMap::new(),
            columns,
            markers: 0,
            samples: 0,
        }
    }

    /// Writes the sample that ends now, before something changes.
    pub fn sample(&mut self, now: u64, strings: &mut Strings, spool: &mut Spool) -> io::Result<()> {
        let since = std::mem::replace(&mut self.since, now);
        if now <= since {
            return Ok(());
        }
        let Some(stack) = self.stack(strings) else { return self.close(since, spool) };
        let ran = if self.runs() { now - since } else { 0 };
        self.put_sample(stack, since, now - since, spool)?;
        self.used = ran;
        Ok(())
    }

    /// Writes the last sample, which has no length: it tells of the time before it.
    pub fn last_sample(&mut self, now: u64, strings: &mut Strings, spool: &mut Spool) -> io::Result<()> {
        self.sample(now, strings, spool)?;
        match self.stack(strings) {
            Some(stack) => self.put_sample(stack, now, 0, spool),
            None => self.close(now, spool),
        }
    }

    /// Where a thread has ended, the time that it ran before has a sample of its own.
    fn close(&mut self, at: u64, spool: &mut Spool) -> io::Result<()> {
        if self.used == 0 { Ok(()) } else { self.put_sample(self.latest, at, 0, spool) }
    }

    fn put_sample(&mut self, stack: usize, at: u64, length: u64, spool: &mut Spool) -> io::Result<()> {
        let (more, used) = (self.samples > 0, std::mem::take(&mut self.used));
        self.samples += 1;
        self.latest = stack;
        spool.add(self.columns.stack, |out| item(out, more, |out| number(out, stack as u64)))?;
        spool.add(self.columns.time, |out| item(out, more, |out| millis(out, at)))?;
        spool.add(self.columns.weight, |out| item(out, more, |out| millis(out, length)))?;
        spool.add(self.columns.used, |out| item(out, more, |out| number(out, used)))
    }

    /// Whether a CPU works for it; a CPU's own row waits where it is idle.
    fn runs(&self) -> bool {
        let idle = self.base.as_ref().is_none_or(|(_, category)| *category == Category::Waits);
        self.waits.is_none() && (!idle || !self.open.is_empty())
    }

    /// The number of the stack that is open; none if nothing is.
    fn stack(&mut self, strings: &mut Strings) -> Option<usize> {
        let mut frames = Vec::with_capacity(self.open.len() + 2);
        let mut add = |name: &str, category| frames.push((strings.number(name), category));
        self.base.iter().for_each(|(name, category)| add(name, *category));
        self.open.iter().for_each(|open| add(&open.name, open.category));
        self.waits.iter().for_each(|(name, category)| add(name, *category));
        let mut stack = None;
        for frame in frames {
            let known = self.frames.len();
            let frame = *self.frame_index.entry(frame).or_insert_with(|| {
                self.frames.push(frame);
                known
            });
            let known = self.stacks.len();
            stack = Some(*self.stack_index.entry((stack, frame)).or_insert_with(|| {
                self.stacks.push((stack, frame));
                known
            }));
        }
        stack
    }

    /// Writes a marker: an interval, or a moment if it has no end.
    pub fn marker(
        &mut self,
        marker: &Open,
        end: Option<u64>,
        strings: &mut Strings,
        spool: &mut Spool,
    ) -> io::Result<()> {
        let more = self.markers > 0;
        self.markers += 1;
        let columns = self.columns;
        let name = strings.number(&marker.name);
        let data = serde_json::to_vec(&marker.args)?;
        // The viewer's phases: 0 a moment, 1 an interval.
        let phase = u64::from(end.is_some());
        spool.add(columns.name, |out| item(out, more, |out| number(out, name.into())))?;
        spool.add(columns.start, |out| item(out, more, |out| millis(out, marker.at)))?;
        spool.add(columns.end, |out| {
            item(out, more, |out| match end {
                Some(end) => millis(out, end),
                None => out.extend_from_slice(b"null"),
            });
        })?;
        spool.add(columns.phase, |out| item(out, more, |out| number(out, phase)))?;
        spool.add(columns.category, |out| item(out, more, |out| number(out, marker.category as u64)))?;
        spool.add(columns.data, |out| item(out, more, |out| out.extend_from_slice(&data)))
    }

    /// Writes the whole thread.
    pub fn write(&self, spool: &mut Spool, out: &mut dyn Write) -> io::Result<()> {
        let about = serde_json::to_string(&self.about)?;
        let end = self.end.map_or(Json::Null, |end| json!(end as f64 / 1e6));
        // The object is left open for the tables.
        write!(out, "{},\"unregisterTime\":{end},", about.trim_end_matches('}'))?;
        write!(out, "\"markers\":{{\"length\":{}", self.markers)?;
        let columns = self.columns;
        let markers = [
            ("name", columns.name),
            ("startTime", columns.start),
            ("endTime", columns.end),
            ("phase", columns.phase),
            ("category", columns.category),
            ("data", columns.data),
        ];
        columns_of(&markers, spool, out)?;
        write!(out, "}},\"samples\":{{\"length\":{},\"weightType\":\"tracing-ms\"", self.samples)?;
        let samples = [
            ("stack", columns.stack),
            ("time", columns.time),
            ("weight", columns.weight),
            ("threadCPUDelta", columns.used),
        ];
        columns_of(&samples, spool, out)?;
        write!(out, "}},")?;
        let tables = serde_json::to_string(&self.tables())?;
        write!(out, "{}", tables.trim_start_matches('{'))
    }

    /// Stacks, frames and functions; a function is a frame here, and there is no native code.
    fn tables(&self) -> Json {
        let all = |value: Json| vec![value; self.frames.len()];
        let length = self.frames.len();
        let names: Vec<u32> = self.frames.iter().map(|(name, _)| *name).collect();
        let numbers: Vec<usize> = (0..length).collect();
        let categories: Vec<u8> = self.frames.iter().map(|(_, category)| *category as u8).collect();
        let prefixes: Vec<Option<usize>> = self.stacks.iter().map(|(prefix, _)| *prefix).collect();
        let frames: Vec<usize> = self.stacks.iter().map(|(_, frame)| *frame).collect();
        json!({
            "stackTable": {"length": frames.len(), "prefix": prefixes, "frame": frames},
            "frameTable": {
                "length": length, "address": all(json!(-1)), "inlineDepth": all(json!(0)),
                "category": categories, "subcategory": all(json!(0)), "func": numbers,
                "nativeSymbol": all(Json::Null), "innerWindowID": all(json!(0)),
                "line": all(Json::Null), "column": all(Json::Null),
            },
            "funcTable": {
                "length": length, "name": names, "isJS": all(json!(false)), "relevantForJS": all(json!(false)),
                "resource": all(json!(-1)), "fileName": all(Json::Null), "lineNumber": all(Json::Null),
                "columnNumber": all(Json::Null),
            },
            "resourceTable": {"length": 0, "lib": [], "name": [], "host": [], "type": []},
            "nativeSymbols": {"length": 0, "address": [], "functionSize": [], "libIndex": [], "name": []},
        })
    }
}

/// A table's columns, behind what is written of it already.
pub fn columns_of(columns: &[(&str, StreamId)], spool: &mut Spool, out: &mut dyn Write) -> io::Result<()> {
    for (name, stream) in columns {
        write!(out, ",\"{name}\":[")?;
        spool.copy(*stream, out)?;
        write!(out, "]")?;
    }
    Ok(())
}

/// An item of a list; `more` says that others stand before it.
pub fn item(out: &mut Vec<u8>, more: bool, put: impl FnOnce(&mut Vec<u8>)) {
    if more {
        out.push(b',');
    }
    put(out);
}

pub fn number(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// The format's times are milliseconds; six decimals keep nanoseconds.
pub fn millis(out: &mut Vec<u8>, nanos: u64) {
    number(out, nanos / 1_000_000);
    let fraction = nanos % 1_000_000;
    if fraction > 0 {
        let digits = format!("{fraction:06}");
        out.push(b'.');
        out.extend_from_slice(digits.trim_end_matches('0').as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_keep_every_nanosecond() {
        let written = |nanos| {
            let mut out = Vec::new();
            millis(&mut out, nanos);
            String::from_utf8(out).unwrap()
        };
        assert_eq!([0, 1, 1_500_000, 2_000_000].map(written), ["0", "0.000001", "1.5", "2"]);
    }
}
