//! Virtual memory: what each page is, and what a page fault does about it.
//!
//! All address spaces have the same layout: a memory object of the scenario lies at the same pages
//! in each process that has it. Pages come into being at their first touch. A fork shares private
//! pages between parent and child, both read-only, until one writes (copy on write); pages of
//! shared objects aren't copied at a fork, since the next touch finds them again.

use std::collections::BTreeMap;

use crate::hw::mmu::{KERNEL_BASE, Mapping, PAGE_SIZE, PageTable};
use crate::ids::{FrameNumber, PageNumber, Pid, Tid};
use crate::signal::Signal;
use crate::trace::{Cause, Fault, Sink};

use super::Kernel;
use super::areas::{Areas, Rights};
use super::file::{File, Transfer, Way};
use super::paging::Owner;

/// A process's view of memory.
#[derive(Clone, Debug, Default)]
pub struct AddressSpace {
    pub table: PageTable,
    pub special: Option<Box<Special>>,
}

/// What few address spaces have.
#[derive(Clone, Debug, Default)]
pub struct Special {
    /// What it has mapped, unmapped or protected itself.
    pub areas: Areas,
    /// Pages that it has, but not in its table.
    pub aside: BTreeMap<PageNumber, Aside>,
    /// At most so many pages are present, if it has a limit of its own.
    pub limit: Option<u32>,
}

impl AddressSpace {
    pub fn special_mut(&mut self) -> &mut Special {
        self.special.get_or_insert_default()
    }

    /// What was given a page, if the process has changed that.
    pub fn rights(&self, page: PageNumber) -> Option<Rights> {
        self.special.as_ref()?.areas.get(page)
    }

    /// A page that it has, but not in its table.
    pub fn aside(&self, page: PageNumber) -> Option<Aside> {
        self.special.as_ref()?.aside.get(&page).copied()
    }

    pub fn take_aside(&mut self, page: PageNumber) -> Option<Aside> {
        self.special.as_mut()?.aside.remove(&page)
    }

    /// Whether it has as many pages as it may.
    pub fn is_full(&self) -> bool {
        let limit = self.special.as_ref().and_then(|special| special.limit);
        limit.is_some_and(|limit| self.table.present() >= limit)
    }

    /// How many pages it has, wherever they are.
    pub fn pages(&self) -> usize {
        let aside = self.special.as_ref().map_or(0, |special| special.aside.len());
        self.table.present() as usize + aside
    }
}

/// A page that isn't in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aside {
    /// It is in memory, but no access is allowed.
    Hidden(Mapping),
    /// It is at this place of the swap device.
    Swapped(u32),
}

/// A memory object: `pages` pages from `base`.
#[derive(Clone, Debug)]
pub struct Region {
    pub base: PageNumber,
    pub pages: u32,
    pub content: Content,
    /// Whether processes have it mapped at their beginning.
    pub mapped: bool,
    /// Its name is gone: nobody can map it any more.
    pub unlinked: bool,
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
    /// A file's pages; writes go to the page cache.
    SharedFile { file: u32 },
}

impl Content {
    /// Whether all that have it see a write. A fork needn't copy it.
    pub const fn is_shared(&self) -> bool {
        matches!(self, Content::Shared { .. } | Content::SharedFile { .. })
    }

    pub const fn file(&self) -> Option<u32> {
        match self {
            Content::File { file } | Content::SharedFile { file } => Some(*file),
            Content::Private | Content::Shared { .. } => None,
        }
    }
}

/// What became of a page fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// The page is there: the instruction can be tried again.
    Mapped,
    /// The thread waits: for a device that reads or writes a page, or for memory.
    Waiting(Cause),
    /// The access can't be allowed.
    Refused(Signal),
}

impl<S: Sink> Kernel<S> {
    pub(super) fn space(&mut self, process: Pid) -> Option<&mut AddressSpace> {
        self.processes[process.index()].as_mut().map(|process| &mut process.space)
    }

    pub(super) fn region(&self, page: PageNumber) -> Option<usize> {
        let after = self.regions.partition_point(|region| region.base <= page);
        let region = &self.regions[after.checked_sub(1)?];
        (page.0 - region.base.0 < region.pages).then_some(after - 1)
    }

    /// Whether a page's content comes from a file.
    pub fn is_of_file(&self, page: PageNumber) -> bool {
        let region = self.region(page);
        region.is_some_and(|region| self.regions[region].content.file().is_some())
    }

    /// Whether nobody but the current process has the page's frame any more.
    pub fn is_own(&self, cpu: usize, page: PageNumber) -> bool {
        let process = self.tasks[self.cpus[cpu].current.index()].process;
        let process = self.processes[process.index()].as_ref();
        let mapping = process.and_then(|process| process.space.table.get(page));
        mapping.is_some_and(|mapping| self.frames.sharers(mapping.frame) == 1)
    }

    /// What a process may do with a page.
    pub fn rights(&self, process: Pid, page: PageNumber) -> Rights {
        let region = if page >= KERNEL_BASE { None } else { self.region(page) };
        let Some(region) = region else {
            return Rights::Unmapped;
        };
        let own = self.processes[process.index()].as_ref().and_then(|process| process.space.rights(page));
        own.unwrap_or(if self.regions[region].mapped { Rights::Write } else { Rights::Unmapped })
    }

    fn allows(&self, process: Pid, page: PageNumber, write: bool) -> bool {
        self.rights(process, page) >= if write { Rights::Write } else { Rights::Read }
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
        let found = self.look_up(cpu, process, page, write);
        if self.paging.is_some() && found.is_ok() {
            self.accessed(process, page, write);
        }
        found
    }

    fn look_up(&mut self, cpu: usize, process: Pid, page: PageNumber, write: bool) -> Result<bool, Fault> {
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
            _ if !self.allows(process, page, write) => Err(Fault::Protection),
            Some(_) => Err(self.unwritable(page)),
            None => Err(self.missing(process, page)),
        }
    }

    /// The kind of fault that a write to a page is that is present, and may be written in the end.
    fn unwritable(&self, page: PageNumber) -> Fault {
        let of_file = |region: usize| matches!(self.regions[region].content, Content::SharedFile { .. });
        if self.region(page).is_some_and(of_file) { Fault::Minor } else { Fault::CopyOnWrite }
    }

    /// The kind of fault that the first touch of a page is.
    fn missing(&self, process: Pid, page: PageNumber) -> Fault {
        let Some(region) = self.region(page) else {
            return Fault::Protection;
        };
        if self.swapped(process, page).is_some() {
            return Fault::Major;
        }
        let region = &self.regions[region];
        match region.content.file() {
            None => Fault::Minor,
            Some(file) => {
                let cached = self.files.files[file as usize].is_cached(page.0 - region.base.0);
                if cached { Fault::Minor } else { Fault::Major }
            }
        }
    }

    /// The fault handler's effect: the page is mapped, or a device is asked for it.
    pub fn remedy(&mut self, cpu: usize, thread: Tid, page: PageNumber, write: bool) -> Remedy {
        let remedy = match self.find(cpu, thread, page, write) {
            Ok(mapping) => {
                let process = self.tasks[thread.index()].process;
                if let Some(space) = self.space(process) {
                    space.table.map(page, mapping);
                }
                self.cpus[cpu].tlb.fill(page, mapping.writable);
                Remedy::Mapped
            }
            Err(remedy) => remedy,
        };
        if !matches!(remedy, Remedy::Waiting(_)) {
            self.give_up_frames(thread);
        }
        self.tell_frames(cpu);
        remedy
    }

    /// How a page is to be mapped so that an access goes through, or why that isn't possible now.
    fn find(&mut self, cpu: usize, thread: Tid, page: PageNumber, write: bool) -> Result<Mapping, Remedy> {
        let process = self.tasks[thread.index()].process;
        if !self.allows(process, page, write) {
            return Err(Remedy::Refused(Signal::SIGSEGV));
        }
        let Some(region) = self.region(page) else {
            return Err(Remedy::Refused(Signal::SIGSEGV));
        };
        let present = self.space(process).and_then(|space| space.table.get(page));
        match present {
            Some(mapping) if write && !mapping.writable => {
                if let Content::SharedFile { file } = self.regions[region].content {
                    let index = page.0 - self.regions[region].base.0;
                    self.files.files[file as usize].dirty[index as usize] = true;
                    return Ok(Mapping { writable: true, ..mapping });
                }
                self.copy(cpu, thread, page, mapping.frame)
            }
            Some(mapping) => Ok(mapping),
            None => self.first_touch(cpu, thread, region, page, write),
        }
    }

    /// A page shared since a fork is written: it is copied, unless nobody shares it any more.
    fn copy(
        &mut self,
        cpu: usize,
        thread: Tid,
        page: PageNumber,
        shared: FrameNumber,
    ) -> Result<Mapping, Remedy> {
        if self.frames.sharers(shared) == 1 {
            return Ok(Mapping { frame: shared, writable: true });
        }
        let frame = self.take_frame(cpu, thread, Some(shared))?;
        self.frames.release(shared);
        self.note_loaded(frame, Owner::Private(page), true, None);
        Ok(Mapping { frame, writable: true })
    }

    fn first_touch(
        &mut self,
        cpu: usize,
        thread: Tid,
        region: usize,
        page: PageNumber,
        write: bool,
    ) -> Result<Mapping, Remedy> {
        let index = page.0 - self.regions[region].base.0;
        if let Some(file) = self.regions[region].content.file() {
            return self.touch_file(cpu, thread, region, file, page, write);
        }
        let process = self.tasks[thread.index()].process;
        let writable = self.rights(process, page) == Rights::Write;
        let shared = match &self.regions[region].content {
            Content::Shared { frames } => Some(frames[index as usize]),
            Content::Private | Content::File { .. } | Content::SharedFile { .. } => None,
        };
        if let Some(Some(frame)) = shared {
            self.keep_limit(cpu, thread, Some(frame))?;
            self.frames.share(frame);
            return Ok(Mapping { frame, writable });
        }
        let swapped = self.swapped(process, page);
        let frame = match swapped {
            Some(slot) => self.swap_in(cpu, thread, page, slot)?,
            None => self.take_frame(cpu, thread, None)?,
        };
        if shared.is_none() {
            self.note_loaded(frame, Owner::Private(page), write && swapped.is_none(), swapped);
            return Ok(Mapping { frame, writable });
        }
        self.note_loaded(frame, Owner::Shared(page), write && swapped.is_none(), swapped);
        if let Content::Shared { frames } = &mut self.regions[region].content {
            frames[index as usize] = Some(frame);
        }
        // The object has it as well.
        self.frames.share(frame);
        Ok(Mapping { frame, writable })
    }

    /// The first touch of a page whose content is a file's.
    fn touch_file(
        &mut self,
        cpu: usize,
        thread: Tid,
        region: usize,
        file: u32,
        page: PageNumber,
        write: bool,
    ) -> Result<Mapping, Remedy> {
        let process = self.tasks[thread.index()].process;
        // A private page that was written isn't the file's any more.
        if let Some(slot) = self.swapped(process, page) {
            let frame = self.swap_in(cpu, thread, page, slot)?;
            self.note_loaded(frame, Owner::Private(page), false, Some(slot));
            return Ok(Mapping { frame, writable: self.rights(process, page) == Rights::Write });
        }
        let index = page.0 - self.regions[region].base.0;
        let entry = &self.files.files[file as usize];
        if u64::from(index) * PAGE_SIZE >= entry.size {
            return Err(Remedy::Refused(Signal::SIGBUS));
        }
        if !entry.is_cached(index) {
            // There must be room for it, which the page cache itself can't make among changed pages.
            let room = self.take_frame(cpu, thread, None)?;
            self.frames.release(room);
            let transfer = Transfer { thread, file, first_page: index, pages: 1 };
            self.transfer(cpu, transfer, PAGE_SIZE, Way::Read);
            return Err(Remedy::Waiting(Cause::Page));
        }
        let Some(frame) = self.cache(cpu, file, index) else {
            return Err(self.out_of_memory(cpu, thread));
        };
        if matches!(self.regions[region].content, Content::SharedFile { .. }) {
            self.keep_limit(cpu, thread, Some(frame))?;
            self.files.files[file as usize].dirty[index as usize] |= write;
            self.frames.share(frame);
            return Ok(Mapping { frame, writable: write });
        }
        if write {
            let own = self.take_frame(cpu, thread, Some(frame))?;
            self.note_loaded(own, Owner::Private(page), true, None);
            return Ok(Mapping { frame: own, writable: true });
        }
        self.keep_limit(cpu, thread, Some(frame))?;
        self.frames.share(frame);
        Ok(Mapping { frame, writable: false })
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
