//! The memory management unit: page tables, translation look-aside buffers and page frames.
//!
//! A page table has two levels, as on a 32-bit x86: a directory of tables of 1,024 entries each,
//! made when their first page is mapped. The look-aside buffer is direct-mapped and holds one
//! address space at a time: it is emptied on each change of address space (no tags). What is left
//! out: large pages, dirty bits set by the hardware, and caches.

use crate::ids::{FrameNumber, PageNumber};

/// Bytes of a page.
pub const PAGE_SIZE: u64 = 4096;
/// Pages from here on belong to the kernel, in every address space.
pub const KERNEL_BASE: PageNumber = PageNumber(0xC_0000);

const TABLE_ENTRIES: usize = 1024;

/// What a page-table entry says of a page that is present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapping {
    pub frame: FrameNumber,
    /// A write is allowed. A page shared since a fork isn't writable until it has been copied.
    pub writable: bool,
}

/// The page table of one address space.
#[derive(Clone, Debug, Default)]
pub struct PageTable {
    directory: Vec<Option<Box<[Option<Mapping>; TABLE_ENTRIES]>>>,
    present: u32,
}

impl PageTable {
    pub fn get(&self, page: PageNumber) -> Option<Mapping> {
        let (upper, lower) = (page.index() / TABLE_ENTRIES, page.index() % TABLE_ENTRIES);
        self.directory.get(upper)?.as_ref()?[lower]
    }

    /// Maps a page, or changes how it is mapped.
    pub fn map(&mut self, page: PageNumber, mapping: Mapping) {
        let (upper, lower) = (page.index() / TABLE_ENTRIES, page.index() % TABLE_ENTRIES);
        if self.directory.len() <= upper {
            self.directory.resize(upper + 1, None);
        }
        let table = self.directory[upper].get_or_insert_with(|| Box::new([None; TABLE_ENTRIES]));
        if table[lower].replace(mapping).is_none() {
            self.present += 1;
        }
    }

    /// Takes a page out.
    pub fn unmap(&mut self, page: PageNumber) -> Option<Mapping> {
        let (upper, lower) = (page.index() / TABLE_ENTRIES, page.index() % TABLE_ENTRIES);
        let mapping = self.directory.get_mut(upper)?.as_mut()?[lower].take();
        self.present -= u32::from(mapping.is_some());
        mapping
    }

    /// How many pages are present.
    pub const fn present(&self) -> u32 {
        self.present
    }

    /// All present pages, in the order of their numbers.
    pub fn mappings(&self) -> impl Iterator<Item = (PageNumber, Mapping)> + '_ {
        self.directory.iter().enumerate().flat_map(|(upper, table)| {
            table.iter().flat_map(move |table| {
                table.iter().enumerate().filter_map(move |(lower, mapping)| {
                    Some((PageNumber::from(upper * TABLE_ENTRIES + lower), (*mapping)?))
                })
            })
        })
    }
}

/// One entry of a look-aside buffer; valid only in the era in which it was filled.
#[derive(Clone, Copy, Debug, Default)]
struct Translation {
    page: PageNumber,
    writable: bool,
    era: u64,
}

/// A CPU's translation look-aside buffer.
#[derive(Clone, Debug)]
pub struct Tlb {
    entries: Vec<Translation>,
    /// Raised by each flush, which makes all older entries invalid at once.
    era: u64,
}

impl Tlb {
    /// A buffer of so many entries; none means that every access walks the page table.
    pub fn new(entries: u16) -> Tlb {
        Tlb { entries: vec![Translation::default(); usize::from(entries)], era: 1 }
    }

    fn slot(&self, page: PageNumber) -> Option<usize> {
        (!self.entries.is_empty()).then(|| page.index() % self.entries.len())
    }

    /// Whether an access finds its translation here.
    pub fn hits(&self, page: PageNumber, write: bool) -> bool {
        self.slot(page).is_some_and(|slot| {
            let entry = self.entries[slot];
            entry.era == self.era && entry.page == page && (entry.writable || !write)
        })
    }

    /// The pages whose translations are here, in the order of the slots.
    pub fn pages(&self) -> impl Iterator<Item = (PageNumber, bool)> + '_ {
        let valid = self.entries.iter().filter(|entry| entry.era == self.era);
        valid.map(|entry| (entry.page, entry.writable))
    }

    pub fn fill(&mut self, page: PageNumber, writable: bool) {
        if let Some(slot) = self.slot(page) {
            self.entries[slot] = Translation { page, writable, era: self.era };
        }
    }

    /// Forgets one page, whose mapping was taken back.
    pub fn forget(&mut self, page: PageNumber) {
        if let Some(slot) = self.slot(page)
            && self.entries[slot].page == page
        {
            self.entries[slot].era = 0;
        }
    }

    /// Forgets everything: another address space is loaded, or a mapping was taken back.
    pub fn flush(&mut self) {
        self.era += 1;
    }
}

/// The machine's page frames: a finite resource, each with the number of mappings that share it.
#[derive(Clone, Debug)]
pub struct Frames {
    sharers: Vec<u32>,
    free: Vec<FrameNumber>,
    total: u32,
}

impl Frames {
    pub fn new(total: u32) -> Frames {
        Frames { sharers: Vec::new(), free: Vec::new(), total }
    }

    /// A frame for one mapping; none if memory is exhausted.
    pub fn allocate(&mut self) -> Option<FrameNumber> {
        if let Some(frame) = self.free.pop() {
            self.sharers[frame.index()] = 1;
            return Some(frame);
        }
        if self.sharers.len() as u64 >= u64::from(self.total) {
            return None;
        }
        self.sharers.push(1);
        Some(FrameNumber::from(self.sharers.len() - 1))
    }

    /// One more mapping shares the frame.
    pub fn share(&mut self, frame: FrameNumber) {
        self.sharers[frame.index()] += 1;
    }

    /// One mapping less; the last one frees the frame.
    pub fn release(&mut self, frame: FrameNumber) {
        let sharers = &mut self.sharers[frame.index()];
        *sharers -= 1;
        if *sharers == 0 {
            self.free.push(frame);
        }
    }

    /// All mappings but one are taken back at once.
    pub fn leave_one(&mut self, frame: FrameNumber) {
        self.sharers[frame.index()] = 1;
    }

    pub fn sharers(&self, frame: FrameNumber) -> u32 {
        self.sharers[frame.index()]
    }

    /// How many frames are in use.
    pub fn used(&self) -> u32 {
        (self.sharers.len() - self.free.len()) as u32
    }

    pub const fn total(&self) -> u32 {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_present_after_it_was_mapped() {
        let mut table = PageTable::default();
        let page = PageNumber(5000);
        assert_eq!(table.get(page), None);
        let mapping = Mapping { frame: FrameNumber(7), writable: true };
        table.map(page, mapping);
        assert_eq!(table.get(page), Some(mapping));
        assert_eq!(table.mappings().collect::<Vec<_>>(), [(page, mapping)]);
    }

    #[test]
    fn frames_run_out_and_come_back() {
        let mut frames = Frames::new(1);
        let frame = frames.allocate().expect("one frame is there");
        assert_eq!(frames.allocate(), None);
        frames.share(frame);
        frames.release(frame);
        assert_eq!(frames.allocate(), None, "still shared by one");
        frames.release(frame);
        assert_eq!(frames.allocate(), Some(frame));
    }

    #[test]
    fn a_flush_empties_the_look_aside_buffer() {
        let mut tlb = Tlb::new(4);
        tlb.fill(PageNumber(9), false);
        assert!(tlb.hits(PageNumber(9), false));
        assert!(!tlb.hits(PageNumber(9), true), "a write needs a writable translation");
        assert!(!tlb.hits(PageNumber(13), false), "another page of the same slot");
        tlb.flush();
        assert!(!tlb.hits(PageNumber(9), false));
    }
}
