//! Virtual memory: what each page is, and what a page fault does about it.
//!
//! All address spaces have the same layout: a memory object of the scenario lies at the same pages
//! in each process that has it. Pages come into being at their first touch. A fork shares private
//! pages between parent and child, both read-only, until one writes (copy on write); pages of
//! shared objects aren't copied at a fork, since the next touch finds them again.

use crate::hw::mmu::{KERNEL_BASE, Mapping, PageTable};
use crate::ids::{FrameNumber, PageNumber, Pid, Tid};
use crate::signal::Signal;
use crate::trace::{Cause, Fault, Sink};

use super::Kernel;
use super::file::{File, Transfer, Way};

/// A process's view of memory.
#[derive(Clone, Debug, Default)]
pub struct AddressSpace {
    pub table: PageTable,
}

/// A memory object: `pages` pages from `base`.
#[derive(Clone, Debug)]
pub struct Region {
    pub base: PageNumber,
    pub pages: u32,
    pub content: Content,
}

/// Where a page's content comes from, and who sees a write to it.
#[derive(Clone, Debug)]
pub enum Content {
    /// Zeros, the process's own.
    Private,
    /// Zeros, the same frames for all that have it.
    Shared { frames: Vec<Option<FrameNumber>> },
    /// A file's pages, the process's own once written: the file's index.
    File { file: u32 },
}

/// What became of a page fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// The page is there: the instruction can be tried again.
    Mapped,
    /// A device reads the page; the thread waits for it.
    Reading(Cause),
    /// The access can't be allowed.
    Refused(Signal),
}

impl<S: Sink> Kernel<S> {
    fn space(&mut self, process: Pid) -> Option<&mut AddressSpace> {
        self.processes[process.index()].as_mut().map(|process| &mut process.space)
    }

    fn region(&self, page: PageNumber) -> Option<usize> {
        let after = self.regions.partition_point(|region| region.base <= page);
        let region = &self.regions[after.checked_sub(1)?];
        (page.0 - region.base.0 < region.pages).then_some(after - 1)
    }

    /// Whether a page's content comes from a file.
    pub fn is_of_file(&self, page: PageNumber) -> bool {
        let region = self.region(page);
        region.is_some_and(|region| matches!(self.regions[region].content, Content::File { .. }))
    }

    /// Whether nobody but the current process has the page's frame any more.
    pub fn is_own(&self, cpu: usize, page: PageNumber) -> bool {
        let process = self.tasks[self.cpus[cpu].current.index()].process;
        let process = self.processes[process.index()].as_ref();
        let mapping = process.and_then(|process| process.space.table.get(page));
        mapping.is_some_and(|mapping| self.frames.sharers(mapping.frame) == 1)
    }

    /// Looks an access up in the look-aside buffer, then in the page table: `Ok(true)` if the
    /// translation was in the buffer, `Ok(false)` if the table had to be walked.
    pub fn translate(
        &mut self,
        cpu: usize,
        process: Pid,
        page: PageNumber,
        write: bool,
    ) -> Result<bool, Fault> {
        if self.cpus[cpu].tlb.hits(page, write) {
            return Ok(true);
        }
        if page >= KERNEL_BASE {
            return Err(Fault::Protection);
        }
        let mapping = self.space(process).and_then(|space| space.table.get(page));
        match mapping {
            Some(mapping) if mapping.writable || !write => {
                self.cpus[cpu].tlb.fill(page, mapping.writable);
                Ok(false)
            }
            Some(_) => Err(Fault::CopyOnWrite),
            None => Err(self.missing(page)),
        }
    }

    /// The kind of fault that the first touch of a page is.
    fn missing(&self, page: PageNumber) -> Fault {
        let Some(region) = self.region(page) else {
            return Fault::Protection;
        };
        let region = &self.regions[region];
        match region.content {
            Content::Private | Content::Shared { .. } => Fault::Minor,
            Content::File { file } => {
                let cached = self.files.files[file as usize].is_cached(page.0 - region.base.0);
                if cached { Fault::Minor } else { Fault::Major }
            }
        }
    }

    /// The fault handler's effect: the page is mapped, or a device is asked for it.
    pub fn remedy(&mut self, cpu: usize, thread: Tid, page: PageNumber, write: bool) -> Remedy {
        let process = self.tasks[thread.index()].process;
        let present = self.space(process).and_then(|space| space.table.get(page));
        let region = if page >= KERNEL_BASE { None } else { self.region(page) };
        let Some(region) = region else {
            return Remedy::Refused(Signal::SIGSEGV);
        };
        let mapping = match present {
            Some(mapping) if write && !mapping.writable => self.copy(mapping.frame),
            Some(mapping) => Some(mapping),
            None => match self.first_touch(cpu, thread, region, page, write) {
                Ok(mapping) => mapping,
                Err(reading) => return reading,
            },
        };
        match mapping {
            Some(mapping) => {
                if let Some(space) = self.space(process) {
                    space.table.map(page, mapping);
                }
                self.cpus[cpu].tlb.fill(page, mapping.writable);
                Remedy::Mapped
            }
            None => Remedy::Refused(Signal::SIGKILL),
        }
    }

    /// A page shared since a fork is written: it is copied, unless nobody shares it any more.
    fn copy(&mut self, shared: FrameNumber) -> Option<Mapping> {
        if self.frames.sharers(shared) == 1 {
            return Some(Mapping { frame: shared, writable: true });
        }
        let frame = self.frames.allocate()?;
        self.frames.release(shared);
        Some(Mapping { frame, writable: true })
    }

    fn first_touch(
        &mut self,
        cpu: usize,
        thread: Tid,
        region: usize,
        page: PageNumber,
        write: bool,
    ) -> Result<Option<Mapping>, Remedy> {
        let Kernel { regions, frames, .. } = self;
        let index = page.0 - regions[region].base.0;
        match &mut regions[region].content {
            Content::Private => Ok(frames.allocate().map(|frame| Mapping { frame, writable: true })),
            Content::Shared { frames: shared } => {
                let slot = &mut shared[index as usize];
                if slot.is_none() {
                    *slot = frames.allocate();
                }
                if let Some(frame) = *slot {
                    frames.share(frame);
                }
                Ok(slot.map(|frame| Mapping { frame, writable: true }))
            }
            Content::File { file } => {
                let file = *file;
                if !self.files.files[file as usize].is_cached(index) {
                    if self.frames.used() == self.frames.total() {
                        return Ok(None);
                    }
                    let transfer = Transfer { thread, file, first_page: index, pages: 1 };
                    self.transfer(cpu, transfer, crate::hw::mmu::PAGE_SIZE, Way::Read);
                    return Err(Remedy::Reading(Cause::Page));
                }
                let Some(frame) = self.cache(file, index) else {
                    return Ok(None);
                };
                if write {
                    let own = self.frames.allocate();
                    return Ok(own.map(|frame| Mapping { frame, writable: true }));
                }
                self.frames.share(frame);
                Ok(Some(Mapping { frame, writable: false }))
            }
        }
    }

    /// A fork: the child shares the parent's private pages, all of them read-only from now on.
    /// How many entries of the page table were copied.
    pub fn copy_space(&mut self, cpu: usize, parent: Pid, child: Pid) -> u32 {
        let Some(parent) = self.processes[parent.index()].as_ref() else {
            return 0;
        };
        let pages: Vec<(PageNumber, Mapping)> = parent.space.table.mappings().collect();
        let parent = self.tasks[self.cpus[cpu].current.index()].process;
        let mut copied = 0;
        for (page, mapping) in pages {
            let shared = self
                .region(page)
                .is_none_or(|region| matches!(self.regions[region].content, Content::Shared { .. }));
            if shared {
                continue;
            }
            let read_only = Mapping { writable: false, ..mapping };
            self.frames.share(mapping.frame);
            for process in [parent, child] {
                if let Some(space) = self.space(process) {
                    space.table.map(page, read_only);
                }
            }
            copied += 1;
        }
        if copied > 0 {
            // The parent's other threads may run elsewhere, with the old translations.
            for cpu in &mut self.cpus {
                cpu.tlb.flush();
            }
        }
        copied
    }

    /// The process is over, or begins another program: its pages are given back.
    pub fn free_space(&mut self, process: Pid) {
        let Some(space) = self.space(process) else {
            return;
        };
        let table = std::mem::take(&mut space.table);
        for (_, mapping) in table.mappings() {
            self.frames.release(mapping.frame);
        }
    }

    /// The bytes of a file that a read or write covers, as pages that aren't cached: the first run
    /// of them.
    pub fn uncached(&self, file: u32, offset: u64, bytes: u64) -> Option<(u32, u32)> {
        let entry = &self.files.files[file as usize];
        let mut pages = File::pages(offset, bytes);
        let first = pages.find(|&page| !entry.is_cached(page))?;
        let end = pages.find(|&page| entry.is_cached(page)).unwrap_or(pages.end);
        Some((first, end - first))
    }
}
