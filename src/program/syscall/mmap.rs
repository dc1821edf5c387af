//! `mmap`: maps a memory object into the process's address space.
//!
//! A scenario's object has its place in all address spaces, so the call is always one with MAP_FIXED:
//! what was mapped there before is gone, private changes with it. Source: mmap(2), shm_open(3).

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::ids::Fd;
#[cfg(target_os = "linux")]
use crate::os::named;
use crate::program::at::At;
use crate::program::call::{Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::image::{Backing, MemoryId};
use crate::program::instruction::Memory;
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::problem::{Code, Problem};
use crate::program::verb::{Level, Real, VerbRow};
use crate::trace::Sink;

pub const ROW: VerbRow = VerbRow {
    name: "mmap",
    level: Level::Syscall,
    summary: "maps memory or a file",
    doc: "Maps a memory object at its place: zeros, a file, or a POSIX shared memory object. What was mapped there before is replaced, with all private changes. Pages come at their first touch. EBADF if the file was closed, ENOENT if the object's name is gone.",
    example: r#"{ mmap = "table" }"#,
    real: Real::Yes("mmap(2) with MAP_FIXED; for POSIX shared memory after shm_open(3)"),
    blocks: &[],
    parse: parse::<MmapForm>,
    schema: schema::<MmapForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct MmapForm {
    /// A memory or shm object.
    mmap: At<String>,
}

impl Form for MmapForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let Some(region) = cx.region(&self.mmap) else { return };
        let name = &self.mmap.value;
        let other = match region.backing {
            Backing::SystemV => Some((format!("`{name}` is a System V segment"), "use `shmat`")),
            Backing::Heap => Some((format!("`{name}` is the heap"), "use `brk`")),
            Backing::Private
            | Backing::Shared
            | Backing::Posix
            | Backing::File(_)
            | Backing::SharedFile(_) => None,
        };
        if let Some((message, help)) = other {
            let problem = Problem::error(Code::WrongObject, self.mmap.span.clone(), message);
            cx.problems.push(problem.help(help));
            return;
        }
        let file = match region.backing {
            Backing::File(fd) | Backing::SharedFile(fd) => Some(cx.use_fd(fd, &self.mmap.span)),
            Backing::Private | Backing::Shared | Backing::Posix | Backing::SystemV | Backing::Heap => None,
        };
        cx.call(step, Mmap { id: region.id, memory: region.memory, file });
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mmap {
    pub id: MemoryId,
    pub memory: Memory,
    /// The file that is mapped.
    pub file: Option<Fd>,
}

impl SystemCall for Mmap {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let process = call.process();
        if let Some(fd) = self.file {
            call.kernel.opened(process, fd).ok_or(Errno::EBADF)?;
        }
        if call.kernel.is_unlinked(self.memory.base) {
            return Err(Errno::ENOENT);
        }
        call.kernel.map_area(call.cpu, process, self.memory.base, self.memory.pages);
        Ok(Outcome::Done(0))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let index = usize::from(self.id.0);
        let world = &native.world;
        let place = &world.memories[index];
        let host = crate::os::errno;
        match world.image.memories[index].backing {
            Backing::File(fd) => place.map_number(world.descriptor(fd), false).map_err(host)?,
            Backing::SharedFile(fd) => place.map_number(world.descriptor(fd), true).map_err(host)?,
            Backing::Posix => {
                place.map_shared(named::open(&named::name(&world.scratch, index))?).map_err(host)?;
            }
            Backing::Private | Backing::Shared | Backing::SystemV | Backing::Heap => {
                world.map_at_start(index).map_err(host)?;
            }
        }
        Ok(0)
    }
}
