//! Many streams of bytes in one temporary file, for a format that wants column after column.
//!
//! A stream is written piece by piece, among the others, and read as a whole at the end. A chunk in the file is the
//! place of the stream's chunk before, a length, and bytes: so nothing but the last chunk's place is kept in memory.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};

/// A stream with so many bytes is written to the file.
const CHUNK: usize = 32 * 1024;
/// With so many bytes in all streams together, all are.
const MOST: usize = 8 * 1024 * 1024;
/// The place of no chunk.
const NOWHERE: u64 = u64::MAX;

#[derive(Default)]
struct Stream {
    bytes: Vec<u8>,
    /// Where its last chunk is, plus one; 0 if there is none.
    last: u64,
}

/// A stream's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamId(usize);

pub struct Spool {
    file: BufWriter<File>,
    /// How long the file is.
    length: u64,
    streams: Vec<Stream>,
    /// How many bytes aren't in the file.
    held: usize,
}

impl Spool {
    pub fn new() -> io::Result<Spool> {
        let file = BufWriter::with_capacity(64 * 1024, tempfile::tempfile()?);
        Ok(Spool { file, length: 0, streams: Vec::new(), held: 0 })
    }

    /// Begins a stream.
    pub fn stream(&mut self) -> StreamId {
        self.streams.push(Stream::default());
        StreamId(self.streams.len() - 1)
    }

    /// Adds to a stream what `put` writes.
    pub fn add(&mut self, stream: StreamId, put: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        let bytes = &mut self.streams[stream.0].bytes;
        let before = bytes.len();
        put(bytes);
        let now = bytes.len();
        self.held += now - before;
        if now >= CHUNK {
            self.flush(stream)?;
        }
        if self.held >= MOST {
            (0..self.streams.len()).try_for_each(|stream| self.flush(StreamId(stream)))?;
        }
        Ok(())
    }

    fn flush(&mut self, stream: StreamId) -> io::Result<()> {
        let Stream { bytes, last } = &mut self.streams[stream.0];
        if bytes.is_empty() {
            return Ok(());
        }
        let before = last.checked_sub(1).unwrap_or(NOWHERE);
        self.file.write_all(&before.to_le_bytes())?;
        self.file.write_all(&(bytes.len() as u64).to_le_bytes())?;
        self.file.write_all(bytes)?;
        *last = self.length + 1;
        self.length += 16 + bytes.len() as u64;
        self.held -= bytes.len();
        // Many streams that are seldom written to shall not keep what they have needed once.
        *bytes = Vec::new();
        Ok(())
    }

    /// Writes a whole stream to `out` and ends it.
    pub fn copy(&mut self, stream: StreamId, out: &mut dyn Write) -> io::Result<()> {
        self.flush(stream)?;
        self.file.flush()?;
        let file = self.file.get_mut();
        let mut chunks = Vec::new();
        let mut at = self.streams[stream.0].last.checked_sub(1);
        while let Some(place) = at {
            let mut head = [0; 16];
            file.seek(SeekFrom::Start(place))?;
            file.read_exact(&mut head)?;
            let [before, length] = [0, 8]
                .map(|at| head[at..at + 8].iter().rev().fold(0, |sum, &byte| sum << 8 | u64::from(byte)));
            chunks.push((place + 16, length));
            at = (before != NOWHERE).then_some(before);
        }
        for (place, length) in chunks.into_iter().rev() {
            file.seek(SeekFrom::Start(place))?;
            io::copy(&mut file.take(length), out)?;
        }
        self.file.seek(SeekFrom::Start(self.length))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_come_back_whole_however_they_were_mixed() {
        let mut spool = Spool::new().unwrap();
        let streams: Vec<StreamId> = (0..3).map(|_| spool.stream()).collect();
        let empty = spool.stream();
        let mut expected = vec![Vec::new(); 3];
        for round in 0..40_000u32 {
            let which = (round as usize * 7 + round as usize / 11) % 3;
            let piece = format!("{round},");
            expected[which].extend_from_slice(piece.as_bytes());
            spool.add(streams[which], |bytes| bytes.extend_from_slice(piece.as_bytes())).unwrap();
        }
        assert!(spool.length > 0, "some of it was in the file");
        for _ in 0..2 {
            for (stream, expected) in streams.iter().zip(&expected) {
                let mut out = Vec::new();
                spool.copy(*stream, &mut out).unwrap();
                assert!(out == *expected);
            }
        }
        let mut out = Vec::new();
        spool.copy(empty, &mut out).unwrap();
        assert!(out.is_empty());
    }

    #[test]
    fn many_streams_hold_no_more_than_few() {
        let mut spool = Spool::new().unwrap();
        let streams: Vec<StreamId> = (0..2_000).map(|_| spool.stream()).collect();
        for _ in 0..3 {
            for &stream in &streams {
                spool.add(stream, |bytes| bytes.extend_from_slice(&[b'x'; 6_000])).unwrap();
                assert!(spool.held < MOST);
            }
        }
        let mut out = Vec::new();
        spool.copy(streams[1_999], &mut out).unwrap();
        assert_eq!(out.len(), 18_000);
    }
}
