//! What a process changes about its address space: areas come and go, get other rights, and pages that
//! it has written to a file's mapping go to the disk.

use crate::errno::Errno;
use crate::hw::mmu::{Mapping, PAGE_SIZE};
use crate::ids::{PageNumber, Pid};
use crate::trace::{Kind, Sink};

use super::Kernel;
use super::areas::Rights;
use super::memory::{Aside, Content};
use super::ranges::Ranges;
use super::reclaim::MEMORY;

impl<S: Sink> Kernel<S> {
    /// Maps pages afresh, whatever was there (MAP_FIXED).
    pub fn map_area(&mut self, cpu: usize, process: Pid, first: PageNumber, pages: u32) {
        self.unmap_area(cpu, process, first, pages);
        if let Some(space) = self.space(process) {
            space.special_mut().areas.set(first, first.0 + pages, Rights::Write);
        }
    }

    /// All pages from `first` up to `end` are mapped; those that are there stay.
    pub fn grow_area(&mut self, process: Pid, first: PageNumber, end: u32) {
        if let Some(space) = self.space(process) {
            space.special_mut().areas.set(first, end, Rights::Write);
        }
    }

    /// Nothing is mapped there any more.
    pub fn unmap_area(&mut self, cpu: usize, process: Pid, first: PageNumber, pages: u32) {
        let Some(space) = self.space(process) else { return };
        let end = first.0 + pages;
        let (mut freed, mut dropped) = (Vec::new(), Vec::new());
        for page in first.0..end {
            freed.extend(space.table.unmap(PageNumber(page)));
            dropped.extend(space.take_aside(PageNumber(page)));
        }
        space.special_mut().areas.set(first, end, Rights::Unmapped);
        if freed.is_empty() && dropped.is_empty() {
            return;
        }
        if !freed.is_empty() {
            let task = process.leader();
            self.emit(cpu, Kind::PagesUnmapped { task, page: first.0.into(), pages: pages.into() });
        }
        for mapping in freed {
            self.give_back(mapping.frame);
        }
        for kept in dropped {
            self.drop_aside(kept);
        }
        self.translations_change();
        self.wake_all_of(cpu, MEMORY);
    }

    /// Other rights for pages that are mapped; ENOMEM if one isn't.
    pub fn protect_area(
        &mut self,
        process: Pid,
        first: PageNumber,
        pages: u32,
        rights: Rights,
    ) -> Result<(), Errno> {
        let all = (first.0..first.0 + pages).map(PageNumber);
        if all.clone().any(|page| self.rights(process, page) == Rights::Unmapped) {
            return Err(Errno::ENOMEM);
        }
        for page in all {
            self.protect_page(process, page, rights);
        }
        if let Some(space) = self.space(process) {
            space.special_mut().areas.set(first, first.0 + pages, rights);
        }
        self.translations_change();
        Ok(())
    }

    fn protect_page(&mut self, process: Pid, page: PageNumber, rights: Rights) {
        let Some(space) = self.space(process) else { return };
        let hidden = match space.aside(page) {
            Some(Aside::Hidden(mapping)) => Some(mapping),
            Some(Aside::Swapped(_)) | None => None,
        };
        let Some(mapping) = space.table.get(page).or(hidden) else { return };
        if rights <= Rights::Nothing {
            space.table.unmap(page);
            space.special_mut().aside.insert(page, Aside::Hidden(mapping));
            return;
        }
        if hidden.is_some() {
            space.take_aside(page);
        }
        let own = self.frames.sharers(mapping.frame) == 1;
        let region = self.region(page).map(|region| &self.regions[region].content);
        let at_once = match region {
            Some(Content::Shared { .. }) => true,
            Some(Content::Private | Content::File { .. }) => own,
            // A write must be noticed, so that the page is known to be dirty.
            Some(Content::SharedFile { .. }) | None => false,
        };
        let writable = rights == Rights::Write && (mapping.writable || at_once);
        if let Some(space) = self.space(process) {
            space.table.map(page, Mapping { writable, ..mapping });
        }
    }

    /// Whether all these pages are mapped.
    pub fn is_mapped(&self, process: Pid, first: PageNumber, pages: u32) -> bool {
        (first.0..first.0 + pages).all(|page| self.rights(process, PageNumber(page)) != Rights::Unmapped)
    }

    /// The file behind a page, if writes to the page go there.
    pub fn shared_file_at(&self, page: PageNumber) -> Option<u32> {
        match self.regions[self.region(page)?].content {
            Content::SharedFile { file } => Some(file),
            Content::Private | Content::Shared { .. } | Content::File { .. } => None,
        }
    }

    /// The first of these pages of a file are clean from now on: how many weren't, and what was
    /// acknowledged of them. The next write through a mapping is noticed again.
    pub fn clean_pages(&mut self, file: u32, pages: u32) -> (u64, Ranges) {
        let entry = &mut self.files.files[file as usize];
        let dirty = entry.dirty.iter_mut().take(pages as usize);
        let cleaned = dirty.map(std::mem::take).filter(|&dirty| dirty).count() as u64;
        let carries = entry.unwritten.take(0..u64::from(pages) * PAGE_SIZE);
        self.watch_writes(file);
        (cleaned, carries)
    }

    /// Whoever writes to the file through a mapping enters the kernel the next time.
    pub fn watch_writes(&mut self, file: u32) {
        let of_file = |content: &Content| matches!(content, Content::SharedFile { file: of } if *of == file);
        let regions = self.regions.iter().filter(|region| of_file(&region.content));
        let areas: Vec<(PageNumber, u32)> = regions.map(|region| (region.base, region.pages)).collect();
        if areas.is_empty() {
            return;
        }
        for process in self.processes.iter_mut().flatten() {
            for page in areas.iter().flat_map(|(base, pages)| base.0..base.0 + pages).map(PageNumber) {
                if let Some(mapping) = process.space.table.get(page) {
                    process.space.table.map(page, Mapping { writable: false, ..mapping });
                }
            }
        }
        self.translations_change();
    }

    /// A shared memory object by its base: nobody can find it by its name any more; false if that was so
    /// already.
    pub fn unlink_region(&mut self, base: PageNumber) -> bool {
        let Some(region) = self.region(base) else { return false };
        !std::mem::replace(&mut self.regions[region].unlinked, true)
    }

    pub fn is_unlinked(&self, base: PageNumber) -> bool {
        self.region(base).is_some_and(|region| self.regions[region].unlinked)
    }

    fn translations_change(&mut self) {
        for cpu in &mut self.cpus {
            cpu.tlb.flush();
        }
    }
}
