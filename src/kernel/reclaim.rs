//! Finding a frame when none is free: a page is taken away, written to its file or to the swap device if
//! it was changed, and read from there at its next access. If nothing can be taken, somebody must end.
//!
//! A frame whose content is on its way to or from a device belongs to the thread that waits for it.

use crate::hw::mmu::{Mapping, PAGE_SIZE};
use crate::ids::{FrameNumber, PageNumber, Pid, Tid};
use crate::signal::Signal;
use crate::trace::{Cause, Kind, Sink};

use super::Kernel;
use super::memory::{AddressSpace, Aside, Content, Remedy};
use super::page_cache::{Job, Transfer, Way};
use super::paging::{Owner, Pending};
use super::task::State;
use super::waits::WaitKey;

/// What those wait for who wait until somebody gives memory back.
pub const MEMORY: WaitKey = WaitKey { cause: Cause::Page, object: u32::MAX };

/// Where what a frame holds must be written before it can be used for something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Write {
    Nowhere,
    Swap,
    /// A page of a file.
    File(u32, u32),
}

impl<S: Sink> Kernel<S> {
    /// A program has accessed a page that is present.
    #[inline(never)]
    pub(super) fn accessed(&mut self, process: Pid, page: PageNumber, write: bool) {
        let mapping = self.space(process).and_then(|space| space.table.get(page));
        if let (Some(mapping), Some(paging)) = (mapping, &mut self.paging) {
            paging.used(page, mapping.frame, write);
        }
    }

    /// Whether the accesses aren't those that opt has foreseen.
    pub fn is_astray(&self) -> bool {
        let future = self.paging.as_ref().and_then(|paging| paging.future.as_ref());
        future.is_some_and(|future| future.astray)
    }

    pub(super) fn note_loaded(&mut self, frame: FrameNumber, owner: Owner, dirty: bool, slot: Option<u32>) {
        if let Some(paging) = &mut self.paging {
            paging.loaded(frame, owner, dirty, slot);
        }
    }

    /// Tells how many frames are free, if that has changed and frames are scarce.
    pub fn tell_frames(&mut self, cpu: usize) {
        let Some(paging) = &mut self.paging else { return };
        let free = self.frames.total() - self.frames.used();
        if paging.told != Some(free) {
            paging.told = Some(free);
            self.emit(cpu, Kind::FramesFree { free: free.into() });
        }
    }

    /// One mapping of a frame less; with the last one its content is gone.
    pub(super) fn give_back(&mut self, frame: FrameNumber) {
        if self.frames.sharers(frame) == 1
            && let Some(paging) = &mut self.paging
        {
            paging.emptied(frame);
        }
        self.frames.release(frame);
    }

    pub(super) fn drop_aside(&mut self, kept: Aside) {
        match kept {
            Aside::Hidden(mapping) => self.give_back(mapping.frame),
            Aside::Swapped(slot) => {
                if let Some(paging) = &mut self.paging {
                    paging.release_slot(slot);
                }
            }
        }
    }

    /// Where on the swap device a page is that a process has.
    pub(super) fn swapped(&self, process: Pid, page: PageNumber) -> Option<u32> {
        let paging = self.paging.as_ref()?;
        let space = &self.processes[process.index()].as_ref()?.space;
        match space.aside(page) {
            Some(Aside::Swapped(slot)) => Some(slot),
            Some(Aside::Hidden(_)) => None,
            None => paging.shared_slots.get(&page).copied(),
        }
    }

    /// A frame for a page of the thread's process; one that is `kept` isn't taken.
    pub(super) fn take_frame(
        &mut self,
        cpu: usize,
        thread: Tid,
        kept: Option<FrameNumber>,
    ) -> Result<FrameNumber, Remedy> {
        if let Some(frame) = self.granted(thread) {
            return Ok(frame);
        }
        let process = self.tasks[thread.index()].process;
        let own = self.at_limit(process).then_some(process);
        if own.is_none()
            && let Some(frame) = self.frames.allocate()
        {
            return Ok(frame);
        }
        match self.evict(cpu, thread, own, kept)? {
            Some(frame) => Ok(frame),
            None => Err(self.out_of_memory(cpu, thread)),
        }
    }

    /// A page of somebody else's will be mapped: a process that has as many as it may have gives one up.
    pub(super) fn keep_limit(
        &mut self,
        cpu: usize,
        thread: Tid,
        kept: Option<FrameNumber>,
    ) -> Result<(), Remedy> {
        let process = self.tasks[thread.index()].process;
        if let Some(frame) = self.granted(thread) {
            self.frames.release(frame);
        } else if self.at_limit(process)
            && let Some(frame) = self.evict(cpu, thread, Some(process), kept)?
        {
            self.frames.release(frame);
        }
        Ok(())
    }

    fn at_limit(&self, process: Pid) -> bool {
        let space = self.processes[process.index()].as_ref().map(|process| &process.space);
        space.is_some_and(AddressSpace::is_full)
    }

    /// The frame that was emptied for a thread while it waited.
    fn granted(&mut self, thread: Tid) -> Option<FrameNumber> {
        let pending = &mut self.paging.as_mut()?.pending;
        let place = pending.iter().position(|one| one.thread == thread && one.page.is_none())?;
        Some(pending.remove(place).frame)
    }

    /// The thread doesn't need any more what it has waited for.
    pub fn give_up_frames(&mut self, thread: Tid) {
        let Some(paging) = &mut self.paging else { return };
        while let Some(place) = paging.pending.iter().position(|one| one.thread == thread) {
            self.frames.release(paging.pending.remove(place).frame);
        }
    }

    /// Takes a page away: its frame if it can be used at once, none if there is no page to take. A
    /// page that must be written first makes the thread wait.
    fn evict(
        &mut self,
        cpu: usize,
        thread: Tid,
        own: Option<Pid>,
        kept: Option<FrameNumber>,
    ) -> Result<Option<FrameNumber>, Remedy> {
        let among = self.candidates(own, kept, true);
        let Some(paging) = &mut self.paging else { return Ok(None) };
        let Some(frame) = paging.choose(&among, own) else { return Ok(None) };
        let write = self.unload(cpu, frame);
        let (file, job) = match write {
            Write::Nowhere => return Ok(Some(frame)),
            Write::File(file, page) => {
                let begin = u64::from(page) * PAGE_SIZE;
                let unwritten = &mut self.files.files[file as usize].unwritten;
                let carries = unwritten.take(begin..begin + PAGE_SIZE);
                (Some(file), Job { carries, ..Job::default() })
            }
            Write::Swap => (self.paging.as_ref().and_then(|paging| paging.swap), Job::default()),
        };
        if let (Some(file), Some(paging)) = (file, &mut self.paging) {
            paging.pending.push(Pending { thread, frame, page: None });
            let transfer = Transfer { thread, file, first_page: 0, pages: 0 };
            self.begin_transfer(cpu, transfer, PAGE_SIZE, Way::Write, job);
        }
        Err(Remedy::Waiting(Cause::Page))
    }

    /// A frame for the page cache: a free one, or that of a page that needn't be written.
    pub(super) fn frame_for_cache(&mut self, cpu: usize) -> Option<FrameNumber> {
        if let Some(frame) = self.frames.allocate() {
            return Some(frame);
        }
        let among = self.candidates(None, None, false);
        let frame = self.paging.as_mut()?.choose(&among, None)?;
        self.unload(cpu, frame);
        Some(frame)
    }

    /// The frames that can be taken, each with its page: of one process or of all, with those that must
    /// be written first or without.
    fn candidates(
        &self,
        own: Option<Pid>,
        kept: Option<FrameNumber>,
        dirty: bool,
    ) -> Vec<(FrameNumber, PageNumber)> {
        let Some(paging) = &self.paging else { return Vec::new() };
        let owned = paging.owned().filter(|(frame, _)| Some(*frame) != kept);
        let space = own.and_then(|own| self.processes[own.index()].as_ref()).map(|process| &process.space);
        owned
            .filter_map(|(frame, used)| {
                let page = self.page_of(used.owner)?;
                let mine = space
                    .is_none_or(|space| space.table.get(page).is_some_and(|mapping| mapping.frame == frame));
                let goes = match used.owner {
                    Owner::Cache(file, index) => {
                        let entry = &self.files.files[file as usize];
                        dirty || !entry.dirty.get(index as usize).copied().unwrap_or(false)
                    }
                    Owner::Private(_) | Owner::Shared(_) | Owner::Nobody => {
                        !used.dirty || (dirty && paging.has_slot())
                    }
                };
                (mine && goes).then_some((frame, page))
            })
            .collect()
    }

    /// The page by which processes know what a frame holds. A page of a file that nobody has mapped has a
    /// number beyond all others.
    fn page_of(&self, owner: Owner) -> Option<PageNumber> {
        match owner {
            Owner::Nobody => None,
            Owner::Private(page) | Owner::Shared(page) => Some(page),
            Owner::Cache(file, index) => {
                let region = self
                    .regions
                    .iter()
                    .find(|region| region.content.file() == Some(file) && index < region.pages);
                Some(region.map_or(PageNumber(u32::MAX), |region| PageNumber(region.base.0 + index)))
            }
        }
    }

    /// Takes what a frame holds away from everybody who has it. The frame has one reference left.
    fn unload(&mut self, cpu: usize, frame: FrameNumber) -> Write {
        let Some(paging) = &mut self.paging else { return Write::Nowhere };
        let used = std::mem::take(paging.frame(frame));
        let (slot, write) = match (used.owner, used.slot) {
            (Owner::Cache(file, index), _) => {
                let dirty = self.files.files[file as usize].dirty.get_mut(index as usize);
                let dirty = dirty.is_some_and(std::mem::take);
                (None, if dirty { Write::File(file, index) } else { Write::Nowhere })
            }
            (_, Some(slot)) => (Some(slot), Write::Nowhere),
            (_, None) if used.dirty => (paging.take_slot(), Write::Swap),
            (_, None) => (None, Write::Nowhere),
        };
        let page = self.page_of(used.owner).unwrap_or_default();
        self.emit(cpu, Kind::PageEvicted { page: page.0.into(), write: write != Write::Nowhere });
        match used.owner {
            Owner::Private(page) => {
                let had = self.unmap_everywhere(cpu, page, frame, slot);
                if let (Some(slot), Some(paging)) = (slot, &mut self.paging) {
                    // The frame's own reference goes over to the first that had it.
                    (1..had).for_each(|_| paging.share_slot(slot));
                }
            }
            Owner::Shared(page) => {
                self.unmap_everywhere(cpu, page, frame, None);
                if let Some(region) = self.region(page) {
                    let index = page.0 - self.regions[region].base.0;
                    if let Content::Shared { frames } = &mut self.regions[region].content {
                        frames[index as usize] = None;
                    }
                }
                if let (Some(slot), Some(paging)) = (slot, &mut self.paging) {
                    paging.shared_slots.insert(page, slot);
                }
            }
            Owner::Cache(file, index) => {
                self.files.files[file as usize].cached[index as usize] = None;
                for region in 0..self.regions.len() {
                    let here = &self.regions[region];
                    if here.content.file() == Some(file) && index < here.pages {
                        let page = PageNumber(here.base.0 + index);
                        self.unmap_everywhere(cpu, page, frame, None);
                    }
                }
            }
            Owner::Nobody => {}
        }
        self.frames.leave_one(frame);
        write
    }

    /// Takes a page out of all tables that have it in this frame; how many had.
    fn unmap_everywhere(
        &mut self,
        cpu: usize,
        page: PageNumber,
        frame: FrameNumber,
        slot: Option<u32>,
    ) -> u32 {
        let mut had = 0;
        for number in 0..self.processes.len() {
            let Some(process) = &mut self.processes[number] else { continue };
            let space = &mut process.space;
            let hidden = Some(frame)
                == match space.aside(page) {
                    Some(Aside::Hidden(Mapping { frame, .. })) => Some(frame),
                    Some(Aside::Swapped(_)) | None => None,
                };
            if hidden {
                space.take_aside(page);
            } else if space.table.get(page).is_some_and(|mapping| mapping.frame == frame) {
                space.table.unmap(page);
            } else {
                continue;
            }
            had += 1;
            if let Some(slot) = slot {
                space.special_mut().aside.insert(page, Aside::Swapped(slot));
            }
            let task = Pid::from(number).leader();
            self.emit(cpu, Kind::PagesUnmapped { task, page: page.0.into(), pages: 1 });
        }
        for cpu in &mut self.cpus {
            cpu.tlb.forget(page);
        }
        had
    }

    /// A page comes from the swap device: the frame that it is in, once it has been read.
    pub(super) fn swap_in(
        &mut self,
        cpu: usize,
        thread: Tid,
        page: PageNumber,
        slot: u32,
    ) -> Result<FrameNumber, Remedy> {
        let pending = self.paging.as_mut().map(|paging| &mut paging.pending);
        let read = pending.and_then(|pending| {
            let place = pending.iter().position(|one| one.thread == thread && one.page == Some(page))?;
            Some(pending.remove(place).frame)
        });
        if let Some(frame) = read {
            let process = self.tasks[thread.index()].process;
            let own = self.space(process).and_then(|space| space.take_aside(page));
            if let (None, Some(paging)) = (own, &mut self.paging) {
                paging.shared_slots.remove(&page);
            }
            return Ok(frame);
        }
        let frame = self.take_frame(cpu, thread, None)?;
        if let Some(paging) = &mut self.paging {
            paging.pending.push(Pending { thread, frame, page: Some(page) });
            if let Some(file) = paging.swap {
                let transfer = Transfer { thread, file, first_page: 0, pages: 0 };
                self.transfer(cpu, transfer, PAGE_SIZE, Way::Read);
            }
        }
        debug_assert!(self.swapped(self.tasks[thread.index()].process, page) == Some(slot));
        Err(Remedy::Waiting(Cause::Page))
    }

    /// No frame is free and no page can be taken. The process with the most pages is killed, the one at
    /// hand among equals, else the one with the lowest number; whoever needs the memory waits for it.
    pub(super) fn out_of_memory(&mut self, cpu: usize, thread: Tid) -> Remedy {
        let needs = self.tasks[thread.index()].process;
        let size = |process: &super::task::Process| process.space.pages();
        let mut largest = (0, needs);
        let mut dying = false;
        for (number, process) in self.processes.iter().enumerate() {
            let Some(process) = process.as_ref().filter(|process| process.is_alive()) else { continue };
            let id = Pid::from(number);
            if id == Pid::INIT {
                continue;
            }
            let leader = &self.tasks[number];
            if leader.doomed.is_some() && leader.state != State::Ended {
                dying |= id != needs;
                continue;
            }
            let own = size(process);
            if own > largest.0 || (own == largest.0 && id == needs) {
                largest = (own, id);
            }
        }
        if !dying {
            let (pages, task) = (largest.0 as u64, largest.1.leader());
            self.emit(cpu, Kind::OomKill { task, pages });
            if largest.1 == needs {
                return Remedy::Refused(Signal::SIGKILL);
            }
            self.send_signal(cpu, largest.1, Signal::SIGKILL);
        }
        self.wait_for(MEMORY, thread);
        Remedy::Waiting(Cause::Page)
    }
}
