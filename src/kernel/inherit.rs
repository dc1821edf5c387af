//! What becomes of an address space: a fork copies it, an exec or an exit gives it back.

use std::collections::BTreeMap;

use crate::hw::mmu::Mapping;
use crate::ids::{PageNumber, Pid};
use crate::trace::Sink;

use super::Kernel;
use super::areas::Areas;
use super::memory::Aside;

impl<S: Sink> Kernel<S> {
    /// A fork: the child shares the parent's private pages, all of them read-only from now on, and has
    /// the same areas. How many entries of the page table were copied.
    pub fn copy_space(&mut self, cpu: usize, parent: Pid, child: Pid) -> u32 {
        let Some(parent) = self.processes[parent.index()].as_ref() else {
            return 0;
        };
        let pages: Vec<(PageNumber, Mapping)> = parent.space.table.mappings().collect();
        let special = parent.space.special.clone();
        let parent = self.tasks[self.cpus[cpu].current.index()].process;
        let mut copied = 0;
        for (page, mapping) in pages {
            let shared = self.region(page).is_none_or(|region| self.regions[region].content.is_shared());
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
        if let Some(special) = special {
            copied += self.copy_aside(parent, child, special.aside);
            if let Some(space) = self.space(child) {
                let own = space.special_mut();
                (own.areas, own.limit) = (special.areas, special.limit);
            }
        }
        if copied > 0 {
            // The parent's other threads may run elsewhere, with the old translations.
            for cpu in &mut self.cpus {
                cpu.tlb.flush();
            }
        }
        copied
    }

    fn copy_aside(&mut self, parent: Pid, child: Pid, aside: BTreeMap<PageNumber, Aside>) -> u32 {
        let mut copied = 0;
        for (page, kept) in aside {
            if self.region(page).is_none_or(|region| self.regions[region].content.is_shared()) {
                continue;
            }
            let kept = match kept {
                Aside::Hidden(mapping) => {
                    self.frames.share(mapping.frame);
                    Aside::Hidden(Mapping { writable: false, ..mapping })
                }
                Aside::Swapped(slot) => {
                    if let Some(paging) = &mut self.paging {
                        paging.share_slot(slot);
                    }
                    kept
                }
            };
            for process in [parent, child] {
                if let Some(space) = self.space(process) {
                    space.special_mut().aside.insert(page, kept);
                }
            }
            copied += 1;
        }
        copied
    }

    /// The process is over, or begins another program: its pages are given back.
    pub fn free_space(&mut self, process: Pid) {
        let Some(space) = self.space(process) else {
            return;
        };
        let table = std::mem::take(&mut space.table);
        // The limit stays over an exec.
        let special = space.special.as_mut();
        let aside = special.map_or_else(BTreeMap::new, |special| {
            special.areas = Areas::default();
            std::mem::take(&mut special.aside)
        });
        for (_, mapping) in table.mappings() {
            self.give_back(mapping.frame);
        }
        for (_, kept) in aside {
            self.drop_aside(kept);
        }
    }
}
