//! `mprotect`: what may be done with pages from now on. Source: mprotect(2).

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::ids::PageNumber;
use crate::kernel::areas::Rights;
#[cfg(target_os = "linux")]
use crate::os::areas::Allowed;
use crate::program::at::{At, Whole};
use crate::program::call::{Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::image::{Backing, MemoryId};
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::problem::{Code, Problem};
use crate::program::verb::{Level, Real, VerbRow};
use crate::trace::Sink;

use super::munmap::part;

pub const ROW: VerbRow = VerbRow {
    name: "mprotect",
    level: Level::Syscall,
    summary: "changes what may be done with pages",
    doc: "Allows no access to an object's pages (\"none\"), only reading (\"read\"), or both (\"write\"). An access that isn't allowed is SIGSEGV. ENOMEM if a page isn't mapped.",
    example: r#"{ mprotect = "heap", mode = "read" }"#,
    real: Real::Yes("mprotect(2)"),
    blocks: &[],
    parse: parse::<MprotectForm>,
    schema: schema::<MprotectForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct MprotectForm {
    /// A memory or shm object.
    mprotect: At<String>,
    /// What is allowed: "none", "read" or "write".
    mode: Mode,
    /// The first page, from 0.
    first: Option<At<Whole>>,
    /// How many pages; all from `first` on if absent.
    pages: Option<At<Whole>>,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Mode {
    None,
    Read,
    Write,
}

impl Form for MprotectForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let Some(region) = cx.region(&self.mprotect) else { return };
        if region.backing == Backing::Heap {
            let message = format!("`{}` is the heap, which stays readable and writable", self.mprotect.value);
            cx.problems.push(Problem::error(Code::WrongObject, self.mprotect.span.clone(), message));
            return;
        }
        let rights = match self.mode {
            Mode::None => Rights::Nothing,
            Mode::Read => Rights::Read,
            Mode::Write => Rights::Write,
        };
        let span = &self.mprotect.span;
        let Some((skip, pages)) = part(region, self.first.as_ref(), self.pages.as_ref(), span, cx) else {
            return;
        };
        let first = PageNumber(region.memory.base.0 + skip);
        cx.call(step, Mprotect { id: region.id, skip, first, pages, rights });
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mprotect {
    pub id: MemoryId,
    /// The first page, from the object's beginning and in the address space.
    pub skip: u32,
    pub first: PageNumber,
    pub pages: u32,
    pub rights: Rights,
}

impl SystemCall for Mprotect {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let process = call.process();
        call.kernel.protect_area(process, self.first, self.pages, self.rights)?;
        Ok(Outcome::Done(0))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let allowed = match self.rights {
            Rights::Unmapped | Rights::Nothing => Allowed::Nothing,
            Rights::Read => Allowed::Reading,
            Rights::Write => Allowed::Writing,
        };
        let place = &native.world.memories[usize::from(self.id.0)];
        place.protect(self.skip as usize, self.pages as usize, allowed).map(|()| 0)
    }
}
