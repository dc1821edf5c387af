//! What an instruction does that accesses memory: the pages of a touch, the cells of a shared
//! array. An access whose page isn't there ends in a page fault and is made again after it.

use crate::hw::mmu::{KERNEL_BASE, PAGE_SIZE};
use crate::ids::{PageNumber, Tid};
use crate::program::call::Call;
use crate::program::instruction::{Access, Instruction};
use crate::program::library::ring_work::RingWork;
use crate::program::{Cell, Variable};
use crate::time::Span;
use crate::trace::{Fault, Sink};

use super::user::Effect;
use super::{Simulator, Trap};

impl<S: Sink> Simulator<'_, S> {
    /// One access of a touch: the next page, unless that was the last.
    pub(super) fn touch(&mut self, cpu: usize, thread: Tid, access: Access) -> Effect {
        self.access(cpu, thread, self.touched_page(thread), access == Access::Write)?;
        let user = self.userland.user(thread);
        user.progress += 1;
        if user.progress == user.amount {
            user.progress = 0;
            user.next += 1;
            return Ok(());
        }
        let time = self.access_time(cpu, thread);
        self.kernel.cpus[cpu].left = time;
        Ok(())
    }

    fn touched_page(&self, thread: Tid) -> PageNumber {
        let user = &self.userland.users[thread.index()];
        match self.image.programs[usize::from(user.program.0)].code[user.next as usize] {
            Instruction::Touch { memory, .. } => {
                let offset = u64::from(user.first_page).saturating_add(user.progress);
                // A page beyond the object is nobody's: the last one below the kernel stands for it.
                let inside = offset < u64::from(memory.pages);
                if inside { PageNumber(memory.base.0 + offset as u32) } else { PageNumber(KERNEL_BASE.0 - 1) }
            }
            _ => KERNEL_BASE,
        }
    }

    /// What an access to memory takes, a walk of the page table included.
    pub(super) fn access_time(&self, cpu: usize, thread: Tid) -> Span {
        let costs = &self.kernel.costs;
        if costs.tlb_miss.is_zero() {
            return costs.instruction;
        }
        let page = self.accessed_page(thread);
        let hit = page.is_none_or(|page| self.kernel.cpus[cpu].tlb.hits(page, false));
        if hit { costs.instruction } else { costs.instruction + costs.tlb_miss }
    }

    /// The page that the instruction at hand accesses.
    fn accessed_page(&self, thread: Tid) -> Option<PageNumber> {
        let user = &self.userland.users[thread.index()];
        match self.image.programs[usize::from(user.program.0)].code[user.next as usize] {
            Instruction::Touch { .. } => Some(self.touched_page(thread)),
            Instruction::Load { cell, .. }
            | Instruction::LoadBits { cell, .. }
            | Instruction::Store { cell, .. }
            | Instruction::AtomicAdd { cell, .. }
            | Instruction::CompareSwap { cell, .. }
            | Instruction::Exchange { cell, .. } => {
                let index = user.value(cell.index, self.image);
                Some(self.page_of(cell, index))
            }
            _ => None,
        }
    }

    fn page_of(&self, cell: Cell, index: i64) -> PageNumber {
        let array = &self.image.arrays[cell.array.0 as usize];
        let byte = u64::from(array.offset) + index.max(0) as u64 * u64::from(array.width.bytes());
        PageNumber(array.page.0 + (byte / PAGE_SIZE) as u32)
    }

    pub(super) fn access(&mut self, cpu: usize, thread: Tid, page: PageNumber, write: bool) -> Effect {
        let process = self.process(thread);
        match self.kernel.translate(cpu, process, page, write) {
            Ok(_) => Ok(()),
            Err(fault) => Err(Trap::PageFault { page, write, fault }),
        }
    }

    /// A shared cell, once its page is there.
    pub(super) fn cell(
        &mut self,
        cpu: usize,
        thread: Tid,
        cell: Cell,
        write: bool,
    ) -> Result<&mut i64, Trap> {
        let index = self.value(thread, cell.index)?;
        let outside =
            Trap::PageFault { page: PageNumber(KERNEL_BASE.0 - 1), write, fault: Fault::Protection };
        if self.userland.element(cell.array, index).is_none() {
            return self.own_cell(cpu, thread, (cell, index), write).unwrap_or(Err(outside));
        }
        let page = self.page_of(cell, index);
        self.access(cpu, thread, page, write)?;
        self.fetch_element(cell, index);
        self.userland.element(cell.array, index).ok_or(outside)
    }

    /// What a program does with a ring's queues in its memory, if it has it there.
    pub(super) fn work_on_ring(&mut self, cpu: usize, thread: Tid, work: RingWork) -> Effect {
        let Simulator { kernel, userland, image, .. } = self;
        let mut call = Call { kernel, userland, image, cpu, task: thread };
        if work.simulate(&mut call) {
            return Ok(());
        }
        let page = PageNumber(KERNEL_BASE.0 - 1);
        Err(Trap::PageFault { page, write: true, fault: Fault::Protection })
    }

    /// A cell of an array that each process has for its own; none if it isn't one.
    #[cold]
    fn own_cell(
        &mut self,
        cpu: usize,
        thread: Tid,
        (cell, index): (Cell, i64),
        write: bool,
    ) -> Option<Result<&mut i64, Trap>> {
        if !self.userland.is_own(cell.array) {
            return None;
        }
        let page = self.page_of(cell, index);
        if let Err(trap) = self.access(cpu, thread, page, write) {
            return Some(Err(trap));
        }
        let process = self.process(thread);
        self.userland.own_element(process, cell.array, index, self.image).map(Ok)
    }

    /// Changes a shared cell in one indivisible instruction.
    pub(super) fn write(
        &mut self,
        cpu: usize,
        thread: Tid,
        cell: Cell,
        old: Option<Variable>,
        change: impl FnOnce(i64) -> i64,
    ) -> Effect {
        let width = self.image.arrays[cell.array.0 as usize].width;
        let value = self.cell(cpu, thread, cell, true)?;
        let before = width.loaded(*value);
        *value = width.stored(change(before));
        if !self.mapped.is_empty() {
            let index = self.value(thread, cell.index)?;
            self.put_element(cell, index);
        }
        self.userland.user(thread).set(old, before);
        Ok(())
    }
}
