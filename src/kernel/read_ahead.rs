//! Read-ahead: a file that is read in order is brought into the cache before it is asked for.
//!
//! After Linux's mm/readahead.c: the first window is four times what was asked for (twice, if that
//! is more than a thirty-second of the limit; the limit, if it is more than a quarter). A mark lies
//! where the part begins that nobody has asked for yet. A read that comes to the mark has the next
//! window fetched, which is twice as large (four times, below a sixteenth of the limit), and waits
//! for nothing. A read that goes on nowhere that was read before fetches what it asks for.
//!
//! Left out: that Linux cuts a single read which is larger than the limit into windows, and that it
//! recognises several interleaved streams in one description.

use std::ops::Range;

use crate::hw::mmu::PAGE_SIZE;
use crate::ids::Tid;
use crate::trace::Sink;

use super::Kernel;
use super::file::OpenId;
use super::page_cache::{File, Transfer, Way};

/// What is known of how an open description is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ahead {
    /// The window that was fetched last.
    start: u32,
    size: u32,
    /// The page whose reading has the next window fetched.
    mark: u32,
    /// Where the last read ended.
    after: u64,
}

impl Ahead {
    /// The window of the first read of a row, for so many pages.
    fn first(start: u32, wanted: u32, most: u32) -> Ahead {
        let rounded = wanted.next_power_of_two();
        let mut size = match rounded {
            rounded if rounded <= most / 32 => rounded * 4,
            rounded if rounded <= most / 4 => rounded * 2,
            _ => most,
        };
        let mut unasked = if size > wanted { size - wanted } else { size };
        if unasked == size {
            // It would come to its own mark at once: the next window becomes a part of this one.
            let more = Ahead::next_size(size, most);
            if size + more <= most {
                (unasked, size) = (more, size + more);
            } else {
                (unasked, size) = (most / 2, most);
            }
        }
        Ahead { start, size, mark: start + size - unasked, after: 0 }
    }

    fn next_size(size: u32, most: u32) -> u32 {
        match size {
            size if size < most / 16 => 4 * size,
            size if size <= most / 2 => 2 * size,
            _ => most,
        }
    }

    fn next(self, most: u32) -> Ahead {
        let start = self.start + self.size;
        Ahead { start, size: Ahead::next_size(self.size, most), mark: start, after: self.after }
    }
}

impl<S: Sink> Kernel<S> {
    /// The pages to fetch for a read that misses `missing`: those, and what is likely to be next.
    pub fn window(&mut self, open: OpenId, file: u32, offset: u64, missing: Range<u32>) -> Range<u32> {
        let most = self.options.read_ahead;
        let end = self.files.files[file as usize].length_in_pages();
        let description = &mut self.files.open[open.0 as usize];
        let goes_on = offset == description.ahead.after;
        if most == 0 || !goes_on {
            return missing;
        }
        let wanted = missing.end - missing.start;
        let ahead = Ahead::first(missing.start, wanted, most);
        description.ahead = Ahead { after: offset, ..ahead };
        let entry = &self.files.files[file as usize];
        let until = (missing.start + ahead.size).min(end).max(missing.end);
        let free = |page: &u32| !entry.is_cached(*page) && !entry.reading.contains_key(page);
        let first = missing.start;
        first..first + (first..until).take_while(free).count() as u32
    }

    /// A read covers these bytes, all of them cached or on their way: if it comes to the mark, the
    /// next window is fetched.
    pub fn read_ahead(&mut self, cpu: usize, open: OpenId, file: u32, offset: u64, bytes: u64) {
        let most = self.options.read_ahead;
        let ahead = self.files.open[open.0 as usize].ahead;
        if most == 0 || ahead.size == 0 || !File::pages(offset, bytes).contains(&ahead.mark) {
            return;
        }
        let next = ahead.next(most);
        self.files.open[open.0 as usize].ahead = next;
        let entry = &self.files.files[file as usize];
        let until = (next.start + next.size).min(entry.length_in_pages());
        let free = |page: &u32| !entry.is_cached(*page) && !entry.reading.contains_key(page);
        let pages = (next.start..until).take_while(free).count() as u32;
        if pages > 0 {
            let transfer = Transfer { thread: Tid::IDLE, file, first_page: next.start, pages };
            self.transfer(cpu, transfer, u64::from(pages) * PAGE_SIZE, Way::Read);
        }
    }

    /// A read has ended here.
    pub fn has_read(&mut self, open: OpenId, end: u64) {
        self.files.open[open.0 as usize].ahead.after = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The windows of a row of reads of one page each, with Linux's limit of 32 pages: 4, 8, 16, 32.
    #[test]
    fn windows_grow_as_in_linux() {
        let first = Ahead::first(0, 1, 32);
        assert_eq!((first.size, first.mark), (4, 1));
        let sizes: Vec<u32> = std::iter::successors(Some(first), |ahead| Some(ahead.next(32)))
            .map(|ahead| ahead.size)
            .take(5)
            .collect();
        assert_eq!(sizes, [4, 8, 16, 32, 32]);
        assert_eq!((first.next(32).start, first.next(32).mark), (4, 4));
    }

    #[test]
    fn a_large_read_begins_with_a_large_window() {
        assert_eq!(Ahead::first(0, 4, 32).size, 8);
        let whole = Ahead::first(10, 32, 32);
        assert_eq!((whole.size, whole.mark), (32, 26), "half of it is to be asked for");
    }
}
