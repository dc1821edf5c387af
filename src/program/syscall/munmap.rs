//! `munmap`: takes pages out of the process's address space. Source: munmap(2).

use std::ops::Range;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::ids::PageNumber;
use crate::program::at::{At, Raw, Whole};
use crate::program::call::{Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::image::{Backing, MemoryId};
use crate::program::lower::Lower;
use crate::program::names::Region;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::problem::{Code, Problem};
use crate::program::verb::{Level, Real, VerbRow};
use crate::trace::Sink;

pub const ROW: VerbRow = VerbRow {
    name: "munmap",
    level: Level::Syscall,
    summary: "takes pages out of the address space",
    doc: "Unmaps a memory object, or some of its pages: an access to them is SIGSEGV from then on. What isn't mapped may be unmapped. EINVAL for no pages at all.",
    example: r#"{ munmap = "heap" }"#,
    real: Real::Yes("munmap(2)"),
    blocks: &[],
    parse: parse::<MunmapForm>,
    schema: schema::<MunmapForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct MunmapForm {
    /// A memory or shm object.
    munmap: At<String>,
    /// The first page, from 0.
    first: Option<At<Whole>>,
    /// How many pages; all from `first` on if absent.
    pages: Option<At<Whole>>,
}

impl Form for MunmapForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let Some(region) = cx.region(&self.munmap) else { return };
        if region.backing == Backing::Heap {
            let message = format!("`{}` is the heap", self.munmap.value);
            let problem = Problem::error(Code::WrongObject, self.munmap.span.clone(), message);
            cx.problems.push(problem.help("use `brk`"));
            return;
        }
        let span = &self.munmap.span;
        let Some((skip, pages)) = part(region, self.first.as_ref(), self.pages.as_ref(), span, cx) else {
            return;
        };
        let first = PageNumber(region.memory.base.0 + skip);
        cx.call(step, Munmap { id: region.id, skip, first, pages });
    }
}

/// Some pages of a memory object, all of them if the scenario doesn't say which.
pub(super) fn part(
    region: Region,
    first: Option<&At<Whole>>,
    pages: Option<&At<Whole>>,
    span: &Range<usize>,
    cx: &mut Lower<'_>,
) -> Option<(u32, u32)> {
    let have = i128::from(region.memory.pages);
    let mut number = |at: Option<&At<Whole>>, otherwise: i128| match at.map(|at| (&at.value.0, &at.span)) {
        None => Some(otherwise),
        Some((Raw::Integer(number), _)) => Some(*number),
        Some((other, span)) => {
            let message = format!("expected a whole number, not {}", other.kind());
            cx.problems.error(Code::WrongType, span.clone(), message);
            None
        }
    };
    let first = number(first, 0)?;
    let pages = number(pages, have - first)?;
    if first < 0 || pages < 0 || first + pages > have {
        let message = format!("the object has only {have} pages");
        let problem = Problem::error(Code::OutOfRange, span.clone(), message);
        cx.problems.push(problem.help("a page has 4 KiB; pages count from 0"));
        return None;
    }
    // Between 0 and the object's pages, so that the casts are exact.
    Some((first as u32, pages as u32))
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Munmap {
    pub id: MemoryId,
    /// The first page, from the object's beginning and in the address space.
    pub skip: u32,
    pub first: PageNumber,
    pub pages: u32,
}

impl SystemCall for Munmap {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        if self.pages == 0 {
            return Err(Errno::EINVAL);
        }
        let process = call.process();
        call.kernel.unmap_area(call.cpu, process, self.first, self.pages);
        Ok(Outcome::Done(0))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let place = &native.world.memories[usize::from(self.id.0)];
        place.unmap(self.skip as usize, self.pages as usize).map(|()| 0)
    }
}
