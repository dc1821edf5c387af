//! The trace file: compact, versioned, checksummed, written and read as a stream.
//!
//! ```text
//! magic, version                    8 + 4 bytes
//! block: the header, as JSON        length, checksum, bytes
//! block: records                    length, checksum, bytes
//! ...
//! block: records, the last of them the footer
//! magic of the end                  8 bytes
//! ```
//!
//! docs/TRACE.md describes every byte. A block is some 64 KiB, so neither side ever holds more of
//! a trace than that; a record never crosses a block's end. The checksum of a block covers all
//! payload up to its end, so that a damaged, missing or exchanged block is noticed before a single
//! one of its records is believed. A file without its footer is recognised as cut off.
//!
//! - `varint`: integers of variable length
//! - `codec`: one event to bytes and back
//! - `writer` and `reader`: whole files
//! - `lines`: JSON lines read back as a trace
//! - `persist`: a file that appears only when it is complete
//! - `whole`: a trace in memory

mod codec;
mod error;
mod lines;
mod persist;
mod preamble;
mod reader;
mod varint;
mod whole;
mod writer;

#[cfg(test)]
mod tests;

pub use error::TraceError;
pub use persist::FileSink;
pub use reader::{Reader, Record};
pub use whole::Trace;
pub use writer::Writer;

/// The first bytes of a trace file. The first isn't text, and the line ends don't survive a
/// transfer that takes the file for text, so that this kind of damage shows at once (as in PNG).
const MAGIC: [u8; 8] = *b"\x89TRAP\r\n\x1a";

/// Whether a file that begins with these bytes was meant to be a trace, damaged or not; as JSON lines, too.
pub fn is_trace(start: &[u8]) -> bool {
    start.starts_with(&MAGIC[..5]) || start.starts_with(b"{\"header\"")
}

/// The last bytes of a complete trace file.
const END_MAGIC: [u8; 8] = *b"TRAPEND\n";
/// The version of the layout of bytes. The meaning of events is versioned by
/// [`SCHEMA`](super::header::SCHEMA).
const VERSION: u32 = 1;

/// Beyond this many bytes the writer begins a new block.
const BLOCK: usize = 64 * 1024;
/// The longest block of records that a reader accepts; a longer text can't be written.
const MAX_BLOCK: usize = 16 * 1024 * 1024;
/// The longest header that a reader accepts.
const MAX_HEADER: usize = 256 * 1024 * 1024;
