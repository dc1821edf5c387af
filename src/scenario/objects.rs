//! `[pipe.X]`, `[file.X]`, `[memory.X]`, `[shm.X]`, `[mutex.X]`, `[semaphore.X]`: what processes
//! communicate through, with descriptors and pages assigned.
//!
//! Descriptors are the same in all processes: 0 is the keyboard, 1 the screen, then come the pipes
//! (read end, write end) and the files. Memory lies at the same pages in all address spaces, from
//! page 16 upward.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::de::DeTable;

use crate::hw::device::{DeviceKind, DeviceSpec};
use crate::ids::{DeviceId, Fd, ObjectId, PageNumber};
use crate::program::at::{Anything, At, Size};
use crate::program::image::{ArraySpec, Backing, FileSpec, MemoryId, MemorySpec, PipeSpec, TerminalSpec};
use crate::program::instruction::{ArrayId, Memory};
use crate::program::names::{Array, Channel, Names, Region};
use crate::program::problem::{Code, Problem, Problems};
use crate::trace::header::ObjectEntry;

use super::machine::{MOST_BYTES, PAGE};
use super::shared::parts;
use super::table::{Entry, lookup, named, size};

/// The first page of the first memory object: a bit above zero, as on real systems, so that a null
/// pointer never points to anything.
const FIRST_PAGE: u32 = 16;
/// The most pages of all memory objects together.
const MOST_PAGES: u64 = 1 << 30;
/// `[pipe.NAME]`: bytes in order, from writers to readers, among relatives.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PipeForm {
    /// The process that creates it: only that one and its descendants can reach it. If absent: the
    /// only initial process, else init, the parent of all.
    pub of: Option<At<String>>,
    /// How many bytes it holds; "64KiB" if absent.
    pub capacity: Option<At<Size>>,
    /// Which ends a process holds: "used" (the default), those that its program uses, or "both".
    pub ends: Option<Ends>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Ends {
    Used,
    Both,
}

/// `[file.NAME]`: a file on a disk, open in every process that uses it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FileForm {
    /// How many bytes it holds at the beginning; none if absent.
    pub size: Option<At<Size>>,
    /// The disk; the only one if absent.
    pub disk: Option<At<String>>,
    /// Whether its pages are in the page cache at the beginning; false if absent.
    pub cached: Option<bool>,
}

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

/// A pipe's rules that lowering needs.
#[derive(Debug)]
pub struct PipeRule {
    pub name: String,
    pub of: Option<At<String>>,
    pub both: bool,
    pub read: Fd,
    pub write: Fd,
}

/// All objects.
#[derive(Debug)]
pub struct Objects {
    pub entries: Vec<ObjectEntry>,
    pub pipes: Vec<PipeSpec>,
    pub rules: Vec<PipeRule>,
    pub files: Vec<FileSpec>,
    pub terminal: TerminalSpec,
    pub memories: Vec<MemorySpec>,
    pub unmapped: Vec<MemoryId>,
    pub shm_rules: Vec<ShmRule>,
    pub arrays: Vec<ArraySpec>,
    next_fd: u16,
    next_page: u32,
}

/// Reads all objects and puts their names into `names`.
pub fn read(
    root: &DeTable<'_>,
    devices: &[DeviceSpec],
    mut entries: Vec<ObjectEntry>,
    names: &mut Names,
    problems: &mut Problems,
) -> Objects {
    let terminal = terminal(devices, &mut entries);
    let mut objects = Objects {
        entries,
        pipes: Vec::new(),
        rules: Vec::new(),
        files: Vec::new(),
        terminal,
        memories: Vec::new(),
        unmapped: Vec::new(),
        shm_rules: Vec::new(),
        arrays: Vec::new(),
        next_fd: 3,
        next_page: FIRST_PAGE,
    };
    objects.pipes(root, names, problems);
    objects.files(root, devices, names, problems);
    objects.private(root, names, problems);
    objects.shared(root, names, problems);
    objects.locks(root, names, problems);
    objects
}

fn terminal(devices: &[DeviceSpec], entries: &mut Vec<ObjectEntry>) -> TerminalSpec {
    let device = devices.iter().position(|device| device.kind == DeviceKind::Terminal);
    let object = match device {
        Some(device) => devices[device].object,
        None => {
            entries.push(ObjectEntry { kind: "terminal".to_owned(), name: "terminal".to_owned() });
            ObjectId::from(entries.len() - 1)
        }
    };
    TerminalSpec { object, device: device.map(DeviceId::from) }
}

/// The descriptor of a file that is mapped.
fn file_of(at: &At<String>, names: &Names, problems: &mut Problems) -> Option<Fd> {
    match lookup(&names.channels, "file", &at.value, &at.span, problems)? {
        Channel::File(fd) => Some(*fd),
        Channel::Pipe { .. } => {
            let message = format!("`{}` is a pipe; this needs a file", at.value);
            problems.error(Code::WrongObject, at.span.clone(), message);
            None
        }
    }
}

impl Objects {
    pub(super) fn object(
        &mut self,
        kind: &'static str,
        name: &At<String>,
        names: &mut Names,
        problems: &mut Problems,
    ) -> ObjectId {
        if let Some(other) = names.kinds.insert(name.value.clone(), kind) {
            let message = format!("`{}` is already the name of a {other}", name.value);
            let problem = Problem::error(Code::DuplicateName, name.span.clone(), message);
            problems.push(problem.help("steps name objects without their kind: give it another name"));
        }
        self.entries.push(ObjectEntry { kind: kind.to_owned(), name: name.value.clone() });
        ObjectId::from(self.entries.len() - 1)
    }

    fn fd(&mut self, name: &At<String>, problems: &mut Problems) -> Fd {
        let fd = Fd(self.next_fd);
        match self.next_fd.checked_add(1) {
            Some(next) => self.next_fd = next,
            None => {
                let message = "a scenario can't have so many pipes and files";
                problems.error(Code::OutOfRange, name.span.clone(), message);
            }
        }
        fd
    }

    pub(super) fn pages(&mut self, bytes: u64, name: &At<String>, problems: &mut Problems) -> Memory {
        let pages = bytes.div_ceil(PAGE).max(1);
        let base = PageNumber(self.next_page);
        if pages + u64::from(self.next_page) > MOST_PAGES {
            let message = "the memory objects don't fit into an address space";
            problems.error(Code::OutOfRange, name.span.clone(), message);
            return Memory { base, pages: 1 };
        }
        // Below 2^30, so that the casts are exact.
        self.next_page += pages as u32;
        Memory { base, pages: pages as u32 }
    }

    fn pipes(&mut self, root: &DeTable<'_>, names: &mut Names, problems: &mut Problems) {
        for entry in named::<PipeForm>(root, "pipe", problems) {
            let object = self.object("pipe", &entry.name, names, problems);
            let (read, write) = (self.fd(&entry.name, problems), self.fd(&entry.name, problems));
            let capacity = entry.form.capacity.as_ref();
            let capacity = capacity.and_then(|at| size(at, "a pipe", 1 << 30, problems));
            self.pipes.push(PipeSpec { object, capacity: capacity.unwrap_or(64 << 10), read, write });
            self.rules.push(PipeRule {
                name: entry.name.value.clone(),
                of: entry.form.of,
                both: entry.form.ends == Some(Ends::Both),
                read,
                write,
            });
            let channel = Channel::Pipe { read, write };
            names.channels.insert(entry.name.value, channel);
        }
    }

    fn files(
        &mut self,
        root: &DeTable<'_>,
        devices: &[DeviceSpec],
        names: &mut Names,
        problems: &mut Problems,
    ) {
        let all = devices.iter().enumerate();
        let disks: BTreeMap<String, DeviceId> = all
            .filter(|(_, device)| matches!(device.kind, DeviceKind::Disk(_) | DeviceKind::Usb(_)))
            .map(|(index, device)| (device.name.clone(), DeviceId::from(index)))
            .collect();
        for entry in named::<FileForm>(root, "file", problems) {
            let object = self.object("file", &entry.name, names, problems);
            let fd = self.fd(&entry.name, problems);
            let disk = match &entry.form.disk {
                Some(at) => lookup(&disks, "disk", &at.value, &at.span, problems).copied(),
                None if disks.len() == 1 => disks.values().next().copied(),
                None => {
                    let have = if disks.is_empty() { "no disk" } else { "several disks" };
                    let message =
                        format!("the file `{}` needs a disk: the machine has {have}", entry.name.value);
                    let problem = Problem::error(Code::Device, entry.name.span.clone(), message);
                    problems.push(problem.help("declare `[device.disk]`, or name one: `disk = \"...\"`"));
                    None
                }
            };
            let bytes = entry.form.size.as_ref();
            let bytes = bytes.and_then(|at| match crate::program::amount::fixed_size(&at.value.0) {
                Ok(0) => Some(0),
                _ => size(at, "a file", MOST_BYTES, problems),
            });
            self.files.push(FileSpec {
                object,
                fd,
                disk: disk.unwrap_or_default(),
                size: bytes.unwrap_or(0),
                cached: entry.form.cached.unwrap_or(false),
            });
            names.channels.insert(entry.name.value, Channel::File(fd));
        }
    }

    fn private(&mut self, root: &DeTable<'_>, names: &mut Names, problems: &mut Problems) {
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

    pub(super) fn array(&mut self, spec: ArraySpec) -> ArrayId {
        self.arrays.push(spec);
        ArrayId((self.arrays.len() - 1) as u32)
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
            let problem = Problem::error(Code::OutOfRange, at.span.clone(), message).label(
                "an access beyond the end of a mapped file is SIGBUS",
            );
            problems.push(problem.help("give the file a `size`"));
        }
        Backing::SharedFile(fd)
    }

    fn shared(&mut self, root: &DeTable<'_>, names: &mut Names, problems: &mut Problems) {
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
                let array =
                    Array { id: id_of_array, length, memory: id_of_memory, object, is_cell, width };
                if names.arrays.insert(full, array).is_some() {
                    let message = format!("`{}` is the name of a cell and of an array", part.name);
                    problems.error(Code::DuplicateName, part.span, message);
                }
            }
        }
    }
}
