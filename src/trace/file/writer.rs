//! Writes a trace as a stream.

use std::collections::{BTreeSet, HashMap};
use std::io::{self, Write};

use crc32fast::Hasher;

use crate::ids::{NameId, Pid, Tid};
use crate::time::Instant;
use crate::trace::event::Event;
use crate::trace::header::{Footer, Header, Outcome, TaskEntry};
use crate::trace::sink::Sink;

use super::codec::{self, Context};
use super::preamble;
use super::reader::Record;
use super::varint::{SLOT, Slot};
use super::{BLOCK, END_MAGIC, MAGIC, MAX_BLOCK, MAX_HEADER, VERSION};

/// A trace being written. It is complete only after [`finish`](Writer::finish).
///
/// A [`Sink`] can't report errors, so the first one is kept, nothing is written after it, and
/// `finish` returns it.
pub struct Writer<W: Write> {
    out: W,
    /// The block under construction: `used` bytes, and a slot's room behind the last possible one.
    block: Box<[u8]>,
    used: usize,
    checksum: Hasher,
    context: Context,
    events: u64,
    names: HashMap<String, NameId>,
    /// The threads that the header lists: they aren't announced again.
    initial: BTreeSet<Tid>,
    /// Threads announced since the last event. The next event's time is when they begin.
    announced: Vec<(Tid, Pid, Tid, String)>,
    failure: Option<io::Error>,
}

impl<W: Write> Writer<W> {
    /// Begins a trace. Each block is written at once as a whole, so `out` needs no buffer.
    pub fn new(mut out: W, header: &Header) -> io::Result<Writer<W>> {
        let json = preamble::write(header)?;
        if json.len() > MAX_HEADER {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the scenario is too large for a trace's header",
            ));
        }
        out.write_all(&MAGIC)?;
        out.write_all(&VERSION.to_le_bytes())?;
        let mut checksum = Hasher::new();
        write_block(&mut out, &mut checksum, &json)?;
        Ok(Writer {
            out,
            block: vec![0; BLOCK + SLOT].into_boxed_slice(),
            used: 0,
            checksum,
            context: Context::new(),
            events: 0,
            names: HashMap::new(),
            initial: header.initial.iter().map(|entry| entry.task).collect(),
            announced: Vec::new(),
            failure: None,
        })
    }

    /// Whether something couldn't be written; then going on is of no use.
    pub fn failed(&self) -> bool {
        self.failure.is_some()
    }

    /// Completes the trace: `end` is when the run ended, `lost` how many events were lost before
    /// they came here.
    pub fn finish(mut self, end: Instant, outcome: Outcome, lost: u64) -> io::Result<W> {
        self.write_announced(self.context.at());
        let footer = Footer { events: self.events, end, outcome, lost };
        let mut record = vec![codec::FOOTER];
        put_text(&mut record, &serde_json::to_string(&footer).map_err(io::Error::other)?);
        self.append(&record);
        self.flush_block();
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        self.out.write_all(&END_MAGIC)?;
        self.out.flush()?;
        Ok(self.out)
    }

    /// Ends a trace that lacks its end: whoever reads it learns that it is cut off here.
    pub(super) fn abandon(mut self) -> io::Result<W> {
        self.flush_block();
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        self.out.flush()?;
        Ok(self.out)
    }

    #[cold]
    fn flush_block(&mut self) {
        if self.used > 0 && self.failure.is_none() {
            self.failure = write_block(&mut self.out, &mut self.checksum, &self.block[..self.used]).err();
        }
        self.used = 0;
    }

    /// Adds a record that isn't an event. One that is longer than a block is a block by itself.
    fn append(&mut self, record: &[u8]) {
        if self.used + record.len() > BLOCK {
            self.flush_block();
        }
        if record.len() <= BLOCK {
            self.block[self.used..self.used + record.len()].copy_from_slice(record);
            self.used += record.len();
        } else if self.failure.is_none() {
            self.failure = if record.len() > MAX_BLOCK {
                let text = format!("a text of {} bytes is too long for a trace", record.len());
                Some(io::Error::new(io::ErrorKind::InvalidInput, text))
            } else {
                write_block(&mut self.out, &mut self.checksum, record).err()
            };
        }
    }

    #[cold]
    fn write_announced(&mut self, start: Instant) {
        for (task, process, parent, name) in std::mem::take(&mut self.announced) {
            self.entry(&TaskEntry { task, process, parent, name, start });
        }
    }

    /// Announces a thread whose beginning is known.
    pub fn entry(&mut self, entry: &TaskEntry) {
        let mut record = vec![codec::TASK];
        let numbers =
            [entry.task.0.into(), entry.process.0.into(), entry.parent.0.into(), entry.start.as_nanos()];
        for number in numbers {
            put_uint(&mut record, number);
        }
        put_text(&mut record, &entry.name);
        self.append(&record);
    }

    /// Adds what a reader has read, so that the same bytes come out.
    pub fn record(&mut self, record: &Record) {
        match record {
            Record::Event(event) => self.event(*event),
            Record::Name(_, text) => self.new_name(text),
            Record::Task(entry) => self.entry(entry),
        }
    }

    /// Adds a text to the name table, whether it is already there or not.
    pub(super) fn new_name(&mut self, text: &str) {
        let mut record = vec![codec::NAME];
        put_text(&mut record, text);
        self.append(&record);
    }
}

impl<W: Write> Sink for Writer<W> {
    const ON: bool = true;

    #[inline]
    fn event(&mut self, event: Event) {
        if !self.announced.is_empty() {
            self.write_announced(event.at);
        }
        if self.used > BLOCK - SLOT {
            self.flush_block();
        }
        // There are always SLOT bytes behind `used`, so the first branch is the only one taken.
        if let Some(bytes) = self.block[self.used..].first_chunk_mut::<SLOT>() {
            let mut slot = Slot::new(bytes);
            self.context.encode(&event, &mut slot);
            self.used += slot.len();
            self.events += 1;
        }
    }

    fn name(&mut self, text: &str) -> NameId {
        if let Some(&known) = self.names.get(text) {
            return known;
        }
        let number = NameId::from(self.names.len());
        self.names.insert(text.to_owned(), number);
        self.new_name(text);
        number
    }

    fn task(&mut self, task: Tid, process: Pid, parent: Tid, name: &dyn Fn() -> String) {
        if !self.initial.contains(&task) {
            self.announced.push((task, process, parent, name()));
        }
    }
}

/// Length, checksum of everything up to the block's end, bytes.
fn write_block(out: &mut impl Write, checksum: &mut Hasher, bytes: &[u8]) -> io::Result<()> {
    checksum.update(bytes);
    let mut head = [0; 8];
    head[..4].copy_from_slice(&(bytes.len() as u32).to_le_bytes());
    head[4..].copy_from_slice(&checksum.clone().finalize().to_le_bytes());
    out.write_all(&head)?;
    out.write_all(bytes)
}

fn put_uint(record: &mut Vec<u8>, value: u64) {
    let mut bytes = [0; SLOT];
    let mut slot = Slot::new(&mut bytes);
    slot.uint(value);
    let len = slot.len();
    record.extend_from_slice(&bytes[..len]);
}

fn put_text(record: &mut Vec<u8>, text: &str) {
    put_uint(record, text.len() as u64);
    record.extend_from_slice(text.as_bytes());
}
