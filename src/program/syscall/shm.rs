//! `shmat` and `shmdt`: attaching and detaching System V segments; `shm-unlink`: taking the name of a POSIX
//! object away. Source: shmop(2), shm_open(3).

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
#[cfg(target_os = "linux")]
use crate::os::named;
use crate::program::at::At;
use crate::program::call::{Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::image::{Backing, MemoryId};
use crate::program::instruction::Memory;
use crate::program::lower::Lower;
use crate::program::names::Region;
#[cfg(target_os = "linux")]
use crate::program::native::{Native, World};
use crate::program::problem::{Code, Problem};
use crate::program::verb::{Level, Real, VerbRow};
use crate::trace::Sink;

pub const ATTACH: VerbRow = VerbRow {
    name: "shmat",
    level: Level::Syscall,
    summary: "attaches a System V shared memory segment",
    doc: "Maps a System V segment at its place. EINVAL if something is mapped there already.",
    example: r#"{ shmat = "segment" }"#,
    real: Real::Yes("shmat(2) of a segment that shmget(2) has made at the beginning of the run"),
    blocks: &[],
    parse: parse::<AttachForm>,
    schema: schema::<AttachForm>,
};

pub const DETACH: VerbRow = VerbRow {
    name: "shmdt",
    level: Level::Syscall,
    summary: "detaches a System V shared memory segment",
    doc: "Takes a System V segment out of the address space; the segment and what it holds stay. EINVAL if it isn't attached.",
    example: r#"{ shmdt = "segment" }"#,
    real: Real::Yes("shmdt(2)"),
    blocks: &[],
    parse: parse::<DetachForm>,
    schema: schema::<DetachForm>,
};

pub const UNLINK: VerbRow = VerbRow {
    name: "shm-unlink",
    level: Level::Syscall,
    summary: "takes the name of a POSIX shared memory object away",
    doc: "Nobody can map the object any more: `mmap` is ENOENT from then on, and so is a second `shm-unlink`. Who has it mapped keeps it.",
    example: r#"{ shm-unlink = "board" }"#,
    real: Real::Yes("shm_unlink(3)"),
    blocks: &[],
    parse: parse::<UnlinkForm>,
    schema: schema::<UnlinkForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct AttachForm {
    /// A `[shm.NAME]` of the kind "sysv".
    shmat: At<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct DetachForm {
    /// A `[shm.NAME]` of the kind "sysv".
    shmdt: At<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct UnlinkForm {
    /// A `[shm.NAME]` of the kind "posix".
    shm_unlink: At<String>,
}

fn object(name: &At<String>, wanted: Backing, kind: &str, cx: &mut Lower<'_>) -> Option<Region> {
    let region = cx.region(name)?;
    if region.backing == wanted {
        return Some(region);
    }
    let message = format!("`{}` isn't shared memory of the kind \"{kind}\"", name.value);
    let problem = Problem::error(Code::WrongObject, name.span.clone(), message);
    cx.problems.push(problem.help(format!("declare it: `[shm.{}] kind = \"{kind}\"`", name.value)));
    None
}

impl Form for AttachForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        if let Some(region) = object(&self.shmat, Backing::SystemV, "sysv", cx) {
            cx.call(step, Shmat { id: region.id, memory: region.memory });
        }
    }
}

impl Form for DetachForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        if let Some(region) = object(&self.shmdt, Backing::SystemV, "sysv", cx) {
            cx.call(step, Shmdt { id: region.id, memory: region.memory });
        }
    }
}

impl Form for UnlinkForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        if let Some(region) = object(&self.shm_unlink, Backing::Posix, "posix", cx) {
            cx.call(step, ShmUnlink { id: region.id, memory: region.memory });
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shmat {
    pub id: MemoryId,
    pub memory: Memory,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shmdt {
    pub id: MemoryId,
    pub memory: Memory,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ShmUnlink {
    pub id: MemoryId,
    pub memory: Memory,
}

impl SystemCall for Shmat {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let process = call.process();
        let Memory { base, pages } = self.memory;
        if call.kernel.is_mapped(process, base, pages) {
            return Err(Errno::EINVAL);
        }
        call.kernel.map_area(call.cpu, process, base, pages);
        Ok(Outcome::Done(0))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let index = usize::from(self.id.0);
        let segment = World::segment(index).map_err(crate::os::errno)?;
        native.world.memories[index].attach(segment).map_err(crate::os::errno)?;
        Ok(0)
    }
}

impl SystemCall for Shmdt {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let process = call.process();
        let Memory { base, pages } = self.memory;
        if !call.kernel.is_mapped(process, base, pages) {
            return Err(Errno::EINVAL);
        }
        call.kernel.unmap_area(call.cpu, process, base, pages);
        Ok(Outcome::Done(0))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        native.world.memories[usize::from(self.id.0)].detach().map(|()| 0)
    }
}

impl SystemCall for ShmUnlink {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        if call.kernel.unlink_region(self.memory.base) { Ok(Outcome::Done(0)) } else { Err(Errno::ENOENT) }
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        named::unlink(&named::name(&native.world.scratch, usize::from(self.id.0))).map(|()| 0)
    }
}
