//! Reads a trace as a stream.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;

use crc32fast::Hasher;

use crate::ids::{NameId, Pid, Tid};
use crate::time::Instant;
use crate::trace::event::Event;
use crate::trace::header::{Footer, Header, TaskEntry};

use super::codec::{self, Context};
use super::error::TraceError;
use super::lines;
use super::preamble;
use super::varint::{Bad, Cursor};
use super::{END_MAGIC, MAGIC, MAX_BLOCK, MAX_HEADER, VERSION};

/// One item of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    Event(Event),
    /// A text of the name table; it comes before the first event that uses it.
    Name(NameId, String),
    /// A thread that the header doesn't list; it comes before the first event that names it.
    Task(TaskEntry),
}

/// A trace being read: an iterator of its records, the first error being the last item.
///
/// A trace that is cut off gives all records up to the cut and then [`TraceError::Truncated`], so
/// whoever wants what there is of it takes the records before. After the last record of a complete
/// trace, [`footer`](Reader::footer) tells how the run ended.
pub struct Reader<R> {
    input: R,
    header: Header,
    block: Block,
    checksum: Hasher,
    context: Context,
    events: u64,
    names: u32,
    footer: Option<Footer>,
    /// Set by the footer and by the first error.
    over: bool,
}

/// Some payload and how far it has been read.
#[derive(Default)]
struct Block {
    bytes: Vec<u8>,
    /// Where it begins in the file.
    offset: u64,
    /// Read up to here.
    at: usize,
    /// The file ends within this block, so its checksum couldn't be compared.
    cut: bool,
}

impl Reader<File> {
    /// Opens a trace file. JSON lines, as `trapline export` writes them, are put into a temporary file first.
    pub fn open(path: impl AsRef<Path>) -> Result<Reader<File>, TraceError> {
        let path = path.as_ref();
        let failed = |doing| move |source| TraceError::File { doing, path: path.to_owned(), source };
        let mut file = File::open(path).map_err(failed("open"))?;
        // Only what can be read again is looked at first: a pipe has nothing but a trace in it.
        if file.metadata().is_ok_and(|data| data.is_file()) {
            let mut start = [0];
            let lines = fill(&mut file, &mut start)? == 1 && start[0] == lines::START;
            file.rewind().map_err(failed("read"))?;
            if lines {
                let converted = tempfile::tempfile().map_err(failed("make a temporary file for"))?;
                file = lines::transcode(BufReader::with_capacity(64 * 1024, file), converted)?;
                file.rewind().map_err(failed("read"))?;
            }
        }
        Reader::new(file)
    }
}

impl<R: Read> Reader<R> {
    /// Begins to read: the header first. Each block is read at once as a whole, so `input` needs no
    /// buffer.
    pub fn new(mut input: R) -> Result<Reader<R>, TraceError> {
        let mut start = [0; 12];
        let read = fill(&mut input, &mut start)?;
        if start[..read.min(8)] != MAGIC[..read.min(8)] || read == 0 {
            return Err(TraceError::Foreign);
        }
        if read < start.len() {
            return Err(TraceError::Truncated { events: 0 });
        }
        let version = u32::from_le_bytes([start[8], start[9], start[10], start[11]]);
        if version > VERSION {
            return Err(TraceError::Future { what: "format version", found: version, known: VERSION });
        }
        if version == 0 {
            return Err(TraceError::corrupt(8, "format version 0 has never existed"));
        }
        let mut checksum = Hasher::new();
        let mut block = Block { offset: start.len() as u64, ..Block::default() };
        if !read_block(&mut input, &mut block, &mut checksum, MAX_HEADER)? || block.cut {
            return Err(TraceError::Truncated { events: 0 });
        }
        let header = preamble::read(&block.bytes, block.offset)?;
        block.at = block.bytes.len();
        Ok(Reader {
            input,
            header,
            block,
            checksum,
            context: Context::new(),
            events: 0,
            names: 0,
            footer: None,
            over: false,
        })
    }

    pub fn header(&self) -> &Header {
        &self.header
    }

    /// What the trace says after its last event; none before all records have been read.
    pub fn footer(&self) -> Option<&Footer> {
        self.footer.as_ref()
    }

    /// The time of the last event that was read.
    pub fn at(&self) -> Instant {
        self.context.at()
    }

    /// The same reader for code that doesn't care what it reads from.
    pub fn boxed<'a>(self) -> Reader<Box<dyn Read + 'a>>
    where
        R: 'a,
    {
        Reader {
            input: Box::new(self.input),
            header: self.header,
            block: self.block,
            checksum: self.checksum,
            context: self.context,
            events: self.events,
            names: self.names,
            footer: self.footer,
            over: self.over,
        }
    }

    /// The next record; none after the footer. In a cut block, the end of the bytes is the cut.
    #[inline]
    fn read_record(&mut self) -> Result<Option<Record>, TraceError> {
        if self.block.at == self.block.bytes.len() {
            self.next_block()?;
        }
        let mut cursor = Cursor::new(&self.block.bytes, self.block.at);
        let tag = cursor.byte().map_err(|bad| self.bad(bad))?;
        if tag & codec::CODE < codec::NAME {
            let event = self.context.decode(tag, &mut cursor);
            let at = cursor.at();
            let event = event.map_err(|bad| self.bad(bad))?;
            self.block.at = at;
            self.events += 1;
            return Ok(Some(Record::Event(event)));
        }
        self.read_other(tag)
    }

    /// A record that isn't an event.
    fn read_other(&mut self, tag: u8) -> Result<Option<Record>, TraceError> {
        let mut cursor = Cursor::new(&self.block.bytes, self.block.at + 1);
        let record = match tag {
            codec::NAME => {
                let text = cursor.text().map_err(|bad| self.bad(bad))?.to_owned();
                let number = NameId(self.names);
                self.names =
                    self.names.checked_add(1).ok_or_else(|| self.bad(Bad::Invalid("too many texts")))?;
                Record::Name(number, text)
            }
            codec::TASK => Record::Task(read_task(&mut cursor).map_err(|bad| self.bad(bad))?),
            codec::FOOTER => {
                let json = cursor.text().map_err(|bad| self.bad(bad))?;
                let footer = serde_json::from_str(json)
                    .map_err(|error| self.corrupt(format!("the footer isn't as it should be ({error})")))?;
                self.block.at = cursor.at();
                self.end(footer)?;
                return Ok(None);
            }
            _ => return Err(self.bad(Bad::Invalid("a record of an unknown kind"))),
        };
        self.block.at = cursor.at();
        Ok(Some(record))
    }

    #[cold]
    fn next_block(&mut self) -> Result<(), TraceError> {
        let more = read_block(&mut self.input, &mut self.block, &mut self.checksum, MAX_BLOCK)?;
        if !more || self.block.bytes.is_empty() {
            return Err(TraceError::Truncated { events: self.events });
        }
        Ok(())
    }

    /// After the footer must come the end, and nothing else.
    fn end(&mut self, footer: Footer) -> Result<(), TraceError> {
        if self.block.at != self.block.bytes.len() {
            return Err(self.corrupt("there are records behind the footer"));
        }
        if footer.events != self.events {
            let text = format!("there are {} events, but the footer says {}", self.events, footer.events);
            return Err(self.corrupt(text));
        }
        let mut end = [0; END_MAGIC.len() + 1];
        let read = fill(&mut self.input, &mut end)?;
        if self.block.cut || end[..read.min(8)] == END_MAGIC[..read.min(8)] && read < END_MAGIC.len() {
            return Err(TraceError::Truncated { events: self.events });
        }
        if read > END_MAGIC.len() || end[..END_MAGIC.len()] != END_MAGIC {
            return Err(self.corrupt("there is something else where the file should end"));
        }
        self.footer = Some(footer);
        Ok(())
    }

    #[cold]
    fn bad(&self, bad: Bad) -> TraceError {
        match bad {
            Bad::Short if self.block.cut => TraceError::Truncated { events: self.events },
            Bad::Short => self.corrupt("a record goes beyond the end of its block"),
            Bad::Invalid(what) => self.corrupt(what),
        }
    }

    #[cold]
    fn corrupt(&self, what: impl Into<String>) -> TraceError {
        TraceError::corrupt(self.block.offset + self.block.at as u64, what)
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Result<Record, TraceError>;

    #[inline]
    fn next(&mut self) -> Option<Result<Record, TraceError>> {
        if self.over {
            return None;
        }
        let record = self.read_record().transpose();
        if !matches!(record, Some(Ok(_))) {
            self.over = true;
        }
        record
    }
}

fn read_task(cursor: &mut Cursor<'_>) -> Result<TaskEntry, Bad> {
    Ok(TaskEntry {
        task: Tid(cursor.narrow()?),
        process: Pid(cursor.narrow()?),
        parent: Tid(cursor.narrow()?),
        start: Instant::from_nanos(cursor.uint()?),
        name: cursor.text()?.to_owned(),
    })
}

/// Reads as many bytes as there are room for or are left.
fn fill(input: &mut impl Read, bytes: &mut [u8]) -> Result<usize, TraceError> {
    let mut read = 0;
    while read < bytes.len() {
        match input.read(&mut bytes[read..]) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(source) => {
                return Err(TraceError::Io { doing: "read", source });
            }
        }
    }
    Ok(read)
}

/// Reads the next block over the last one; false if the file ends here.
///
/// The memory taken follows the bytes that are really there, not the length that is claimed.
fn read_block(
    input: &mut impl Read,
    block: &mut Block,
    checksum: &mut Hasher,
    longest: usize,
) -> Result<bool, TraceError> {
    let mut head = [0; 8];
    block.offset += block.bytes.len() as u64;
    block.bytes.clear();
    block.at = 0;
    let read = fill(input, &mut head)?;
    if block.cut || read < head.len() {
        return Ok(false);
    }
    let len = u32::from_le_bytes([head[0], head[1], head[2], head[3]]);
    let expected = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
    if len == 0 || len as usize > longest {
        return Err(TraceError::corrupt(block.offset, format!("a block claims to be {len} bytes long")));
    }
    block.offset += head.len() as u64;
    input
        .take(len.into())
        .read_to_end(&mut block.bytes)
        .map_err(|source| TraceError::Io { doing: "read", source })?;
    block.cut = block.bytes.len() < len as usize;
    checksum.update(&block.bytes);
    if !block.cut && checksum.clone().finalize() != expected {
        return Err(TraceError::corrupt(block.offset, "the checksum doesn't fit"));
    }
    Ok(true)
}
