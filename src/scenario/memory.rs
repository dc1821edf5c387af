//! `[memory.NAME]` and `[shm.NAME]`: memory of processes' own, and memory that they share.

use schemars::JsonSchema;
use serde::Deserialize;
use toml::de::DeTable;

use crate::ids::{Fd, ObjectId, PageNumber};
use crate::program::at::{Anything, At, Size};
use crate::program::image::{ArraySpec, Backing, MemoryId, MemorySpec};
use crate::program::instruction::Memory;
use crate::program::names::{Array, Channel, Names, Region};
use crate::program::problem::{Code, Problem, Problems};

use super::machine::{MOST_BYTES, PAGE};
use super::objects::Objects;
use super::shared::parts;
use super::table::{Entry, lookup, named, size};

/// `[memory.NAME]`: private memory of each process that touches it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct MemoryForm {
    /// How many bytes, rounded up to whole pages.
    pub size: At<Size>,
    /// The file whose content it has at the beginning; zeros if absent.
    pub file: Option<At<String>>,
    /// Whether writes go to the file, for all who have it open or mapped, instead of staying the
    /// process's own; false if absent.
    pub shared: Option<bool>,
    /// Whether processes have it mapped from their beginning; true if absent. If not, `mmap` maps it.
    pub mapped: Option<bool>,
    /// Whether it is the process's heap: it begins with nothing, and `brk` moves its end, up to `size`.
    pub heap: Option<bool>,
}

/// What kind of shared memory it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ShmKind {
    /// `shm_open` and `mmap`: it has a name, and outlives processes.
    Posix,
    /// `shmget` and `shmat`: it has a key, and outlives processes.
    #[serde(rename = "sysv")]
    SystemV,
    /// `mmap` without a file: relatives share it over a fork.
    #[default]
    Anonymous,
}

/// `[shm.NAME]`: memory that processes share, with named cells and arrays.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ShmForm {
    /// Named 64-bit cells with their values at the beginning: { x = 0 } makes `NAME.x`, an integer,
    /// and { y = 0.0 } `NAME.y`, a floating-point number.
    #[serde(default)]
    #[schemars(schema_with = "super::schema::fractions")]
    pub cells: Option<At<Anything>>,
    /// Named arrays: { a = { type = "i", length = 10 } } makes `NAME.a[0]` to `NAME.a[9]`. `type` is
    /// "b", "h", "i" or "q" (8, 16, 32, 64 bits with a sign), "B", "H", "I" or "Q" (without), "f" or "d"
    /// (floating-point, 32 and 64 bits); "q" if absent. `initial` is a list of values.
    #[serde(default)]
    #[schemars(schema_with = "super::schema::arrays")]
    pub arrays: Option<At<Anything>>,
    /// How many bytes, rounded up to whole pages; as many as needed if absent.
    pub size: Option<At<Size>>,
    /// "posix" (shm_open), "sysv" (shmget) or "anonymous" (the default): only relatives of the process that
    /// creates it share that.
    pub kind: Option<ShmKind>,
    /// The file that is mapped, instead of memory without one.
    pub file: Option<At<String>>,
    /// Anonymous memory: the process that creates it; only that one and its descendants can reach it. If
    /// absent: the only initial process, else init, the parent of all.
    pub of: Option<At<String>>,
    /// Whether processes have it mapped from their beginning; true if absent. If not, `mmap` maps it, or
    /// `shmat`.
    pub mapped: Option<bool>,
}

/// Who can reach a piece of anonymous memory.
#[derive(Debug)]
pub struct ShmRule {
    pub name: String,
    pub of: At<String>,
    pub memory: MemoryId,
}

/// The descriptor of a file that is mapped.
fn file_of(at: &At<String>, names: &Names, problems: &mut Problems) -> Option<Fd> {
    match lookup(&names.channels, "file", &at.value, &at.span, problems)? {
        Channel::File(fd) => Some(*fd),
        Channel::Pipe { .. } | Channel::Queue(_) => {
            let kind = names.kinds.get(&at.value).copied().unwrap_or_default();
            let message = format!("`{}` is a {kind}; this needs a file", at.value);
            problems.error(Code::WrongObject, at.span.clone(), message);
            None
        }
    }
}

impl Objects {
    pub(super) fn private(&mut self, root: &DeTable<'_>, names: &mut Names, problems: &mut Problems) {
        for entry in named::<MemoryForm>(root, "memory", problems) {
            let object = self.object("memory", &entry.name, names, problems);
            let bytes = size(&entry.form.size, "memory", MOST_BYTES, problems);
            let memory = self.pages(bytes.unwrap_or(PAGE), &entry.name, problems);
            let form = &entry.form;
            let file = form.file.as_ref().and_then(|at| file_of(at, names, problems));
            let (shared, heap) = (form.shared.unwrap_or(false), form.heap.unwrap_or(false));
            let backing = match file {
                Some(fd) if shared => Backing::SharedFile(fd),
                Some(fd) => Backing::File(fd),
                None if heap => Backing::Heap,
                None => Backing::Private,
            };
            if form.file.is_none() && shared {
                let message = format!("`{}` has no file to which writes could go", entry.name.value);
                let problem = Problem::error(Code::MissingKey, entry.name.span.clone(), message);
                problems.push(problem.help("memory without a file that processes share is `[shm.NAME]`"));
            }
            if heap && (form.file.is_some() || form.mapped.is_some()) {
                let message = "a heap has no file, and is never mapped: `brk` moves its end";
                problems.error(Code::WrongObject, entry.name.span.clone(), message);
            }
            if heap && self.memories.iter().any(|spec| spec.backing == Backing::Heap) {
                let message = "a process has one heap only";
                problems.error(Code::WrongObject, entry.name.span.clone(), message);
            }
            let mapped = form.mapped.unwrap_or(true) && !heap;
            let id = self.memory(entry.name.value, object, memory, backing, names);
            if !mapped {
                self.unmapped.push(id);
            }
        }
    }

    fn memory(
        &mut self,
        name: String,
        object: ObjectId,
        memory: Memory,
        backing: Backing,
        names: &mut Names,
    ) -> MemoryId {
        let id = MemoryId(self.memories.len() as u16);
        self.memories.push(MemorySpec { object, memory, backing });
        names.memories.insert(name, Region { id, memory, backing });
        id
    }

    /// What a `[shm.NAME]` is.
    fn backing_of(
        &self,
        entry: &Entry<ShmForm>,
        pages: u32,
        names: &Names,
        problems: &mut Problems,
    ) -> Backing {
        let form = &entry.form;
        let kind = form.kind.unwrap_or_default();
        if let Some(of) = &form.of
            && (kind != ShmKind::Anonymous || form.file.is_some())
        {
            let message = "any process can reach memory that has a name: it belongs to nobody";
            let problem = Problem::error(Code::WrongObject, of.span.clone(), message);
            problems.push(problem.help("leave out `of`"));
        }
        let Some(at) = &form.file else {
            return match kind {
                ShmKind::Posix => Backing::Posix,
                ShmKind::SystemV => Backing::SystemV,
                ShmKind::Anonymous => Backing::Shared,
            };
        };
        if form.kind.is_some() {
            let message = "a mapped file is no object of its own: leave out `kind`";
            problems.error(Code::WrongObject, at.span.clone(), message);
        }
        let Some(fd) = file_of(at, names, problems) else { return Backing::Shared };
        let size = self.files.iter().find(|file| file.fd == fd).map_or(0, |file| file.size);
        if size < u64::from(pages) * PAGE {
            let message = format!("the file `{}` has {size} bytes, too few for {pages} pages", at.value);
            let problem = Problem::error(Code::OutOfRange, at.span.clone(), message)
                .label("an access beyond the end of a mapped file is SIGBUS");
            problems.push(problem.help("give the file a `size`"));
        }
        Backing::SharedFile(fd)
    }

    pub(super) fn shared(&mut self, root: &DeTable<'_>, names: &mut Names, problems: &mut Problems) {
        for entry in named::<ShmForm>(root, "shm", problems) {
            let object = self.object("shm", &entry.name, names, problems);
            let parts = parts(&entry.form, problems);
            let mut end = 0_u64;
            let mut places = Vec::new();
            for part in &parts {
                let width = u64::from(part.width.bytes());
                let start = end.next_multiple_of(width);
                places.push(start);
                end = start + width * part.initial.len() as u64;
            }
            let asked = entry.form.size.as_ref();
            let bytes = asked.and_then(|at| size(at, "shared memory", MOST_BYTES, problems));
            if let (Some(bytes), Some(at)) = (bytes, asked)
                && bytes < end
            {
                let message = format!("its cells and arrays need {end} bytes");
                problems.error(Code::OutOfRange, at.span.clone(), message);
            }
            let bytes = bytes.unwrap_or(0).max(end);
            let memory = self.pages(bytes, &entry.name, problems);
            let name = &entry.name.value;
            let backing = self.backing_of(&entry, memory.pages, names, problems);
            let id = self.memory(name.clone(), object, memory, backing, names);
            if entry.form.mapped == Some(false) {
                self.unmapped.push(id);
            }
            if let Some(of) = entry.form.of.clone() {
                self.shm_rules.push(ShmRule { name: name.clone(), of, memory: id });
            }
            for (part, start) in parts.into_iter().zip(places) {
                let full = format!("{name}.{}", part.name);
                let length = part.initial.len() as u64;
                let spec = ArraySpec {
                    object,
                    name: full.clone(),
                    page: PageNumber(memory.base.0 + (start / PAGE) as u32),
                    offset: (start % PAGE) as u32,
                    width: part.width,
                    initial: part.initial,
                };
                let (id_of_memory, is_cell, width) = (id, part.is_cell, part.width);
                let id_of_array = self.array(spec);
                let array = Array { id: id_of_array, length, memory: id_of_memory, object, is_cell, width };
                if names.arrays.insert(full, array).is_some() {
                    let message = format!("`{}` is the name of a cell and of an array", part.name);
                    problems.error(Code::DuplicateName, part.span, message);
                }
            }
        }
    }
}
