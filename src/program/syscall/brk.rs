//! `brk`: moves the end of the process's heap. Source: brk(2).

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::hw::mmu::PAGE_SIZE;
use crate::ids::PageNumber;
#[cfg(target_os = "linux")]
use crate::os::areas;
use crate::program::at::At;
use crate::program::at::SizeAmount;
use crate::program::call::{Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::image::Backing;
use crate::program::instruction::Memory;
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::problem::{Code, Problem};
use crate::program::value::Amount;
use crate::program::verb::{Level, Real, VerbRow};
use crate::trace::Sink;
#[cfg(target_os = "linux")]
use std::sync::atomic::Ordering::Relaxed;

pub const ROW: VerbRow = VerbRow {
    name: "brk",
    level: Level::Syscall,
    summary: "moves the end of the heap",
    doc: "The heap has so many bytes from now on; what lies beyond the last page is given back, and an access to it is SIGSEGV. The heap is a `[memory.NAME]` with `heap = true`; its `size` is how far it can grow: beyond that it is ENOMEM.",
    example: r#"{ brk = "break", bytes = "64KiB" }"#,
    real: Real::Yes("brk(2), above the heap of the program that carries the scenario out"),
    blocks: &[],
    parse: parse::<BrkForm>,
    schema: schema::<BrkForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct BrkForm {
    /// The heap.
    brk: At<String>,
    /// How many bytes it has from now on.
    bytes: At<SizeAmount>,
}

impl Form for BrkForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let bytes = cx.size(&self.bytes);
        let Some(region) = cx.region(&self.brk) else { return };
        if region.backing != Backing::Heap {
            let message = format!("`{}` isn't the heap", self.brk.value);
            let problem = Problem::error(Code::WrongObject, self.brk.span.clone(), message);
            cx.problems.push(problem.help("say `heap = true` in its table, or use `mmap` and `munmap`"));
            return;
        }
        cx.call(step, Brk { memory: region.memory, bytes });
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Brk {
    pub memory: Memory,
    pub bytes: Amount,
}

impl SystemCall for Brk {
    fn amount(&self) -> Option<&Amount> {
        Some(&self.bytes)
    }

    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let process = call.process();
        let Memory { base, pages: most } = self.memory;
        let pages = call.amount().div_ceil(PAGE_SIZE);
        if pages > u64::from(most) {
            return Err(Errno::ENOMEM);
        }
        let end = base.0 + pages as u32;
        call.kernel.grow_area(process, base, end);
        call.kernel.unmap_area(call.cpu, process, PageNumber(end), base.0 + most - end);
        Ok(Outcome::Done(0))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let bytes = native.user.draw(self.bytes, &native.world.image);
        let most = self.memory.pages as usize * PAGE_SIZE as usize;
        let pages = bytes.div_ceil(PAGE_SIZE) * PAGE_SIZE;
        let new = usize::try_from(pages).ok().filter(|&new| new <= most).ok_or(Errno::ENOMEM)?;
        let world = &native.world;
        let heap = world.heap.get_or_init(|| areas::heap(most));
        areas::set_heap(heap, world.heap_bytes.load(Relaxed), new)?;
        world.heap_bytes.store(new, Relaxed);
        Ok(0)
    }
}
