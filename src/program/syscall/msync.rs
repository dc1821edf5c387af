//! `msync`: waits until the disk has what was written to a mapped file. Source: msync(2), MS_SYNC.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::hw::mmu::PAGE_SIZE;
use crate::kernel::page_cache::{Job, Transfer, Way};
use crate::program::at::At;
use crate::program::call::{Awaits, Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::image::{Image, MemoryId};
use crate::program::instruction::Memory;
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::verb::{Level, Real, VerbRow};
use crate::trace::{Cause, Sink};

pub const ROW: VerbRow = VerbRow {
    name: "msync",
    level: Level::Syscall,
    summary: "waits until the disk has what was written to a mapped file",
    doc: "Writes the pages of a shared file mapping that were changed to the disk, and waits for it. Until then the change is in the page cache only, where `read` sees it at once. For other memory there is nothing to do. ENOMEM if a page isn't mapped.",
    example: r#"{ msync = "table" }"#,
    real: Real::Yes("msync(2) with MS_SYNC"),
    blocks: &[],
    parse: parse::<MsyncForm>,
    schema: schema::<MsyncForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct MsyncForm {
    /// A memory or shm object.
    msync: At<String>,
}

impl Form for MsyncForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        if let Some(region) = cx.region(&self.msync) {
            cx.call(step, Msync { id: region.id, memory: region.memory });
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Msync {
    pub id: MemoryId,
    pub memory: Memory,
}

impl SystemCall for Msync {
    fn waits(&self, image: &Image) -> Option<Awaits> {
        let object = image.memories.get(usize::from(self.id.0)).map(|spec| spec.object);
        Some(Awaits { on: Cause::Disk, object })
    }

    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        if call.progress() > 0 {
            return call.kernel.take_failure(call.task).map(|()| Outcome::Done(0));
        }
        let process = call.process();
        let Memory { base, pages } = self.memory;
        if !call.kernel.is_mapped(process, base, pages) {
            return Err(Errno::ENOMEM);
        }
        let Some(file) = call.kernel.shared_file_at(base) else { return Ok(Outcome::Done(0)) };
        let (dirty, carries) = call.kernel.clean_pages(file, pages);
        if dirty == 0 {
            return Ok(Outcome::Done(0));
        }
        let object = call.kernel.files.files[file as usize].object;
        let transfer = Transfer { thread: call.task, file, first_page: 0, pages: 0 };
        let job = Job { carries, ..Job::default() };
        call.kernel.begin_transfer(call.cpu, transfer, dirty * PAGE_SIZE, Way::Flush, job);
        call.user().progress = 1;
        Ok(Outcome::Block { on: Cause::Disk, object: Some(object) })
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        native.world.memories[usize::from(self.id.0)].sync().map(|()| 0)
    }
}
