//! `[pipe.X]`, `[fifo.X]`, `[file.X]`, `[memory.X]`, `[shm.X]`, `[mutex.X]`, `[semaphore.X]`: what processes
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
use crate::program::at::{At, Size};
use crate::program::image::{ArraySpec, FileSpec, MemoryId, MemorySpec, PipeSpec, SocketSpec, TerminalSpec};
use crate::program::instruction::{ArrayId, Memory};
use crate::program::names::{Channel, Names};
use crate::program::problem::{Code, Problem, Problems};
use crate::trace::header::ObjectEntry;

use super::machine::{MOST_BYTES, PAGE};
use super::memory::ShmRule;
use super::table::{lookup, named, size};

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
    /// Whether calls on it fail with EAGAIN where they would wait (O_NONBLOCK); false if absent.
    pub nonblock: Option<bool>,
}

/// `[fifo.NAME]`: a pipe with a name in the system, which unrelated processes can open.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FifoForm {
    /// How many bytes it holds; "64KiB" if absent.
    pub capacity: Option<At<Size>>,
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
    /// Whether it exists at the beginning, and whoever uses it has it open; true if absent. One that
    /// doesn't is made by `open`.
    pub exists: Option<bool>,
    /// What it holds at the beginning; its size is the text's length then, if `size` is absent.
    pub text: Option<String>,
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
    pub sockets: Vec<SocketSpec>,
    pub terminal: TerminalSpec,
    pub ipc: crate::program::ipc::Ipc,
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
        sockets: Vec::new(),
        terminal,
        ipc: crate::program::ipc::Ipc::default(),
        memories: Vec::new(),
        unmapped: Vec::new(),
        shm_rules: Vec::new(),
        arrays: Vec::new(),
        next_fd: 3,
        next_page: FIRST_PAGE,
    };
    objects.pipes(root, names, problems);
    objects.fifos(root, names, problems);
    objects.files(root, devices, names, problems);
    objects.queues(root, names, problems);
    objects.private(root, names, problems);
    objects.shared(root, names, problems);
    objects.locks(root, names, problems);
    objects.pools(root, names, problems);
    objects.sockets(root, names, problems);
    super::streams::read(root, names, problems);
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

    pub(super) fn fd(&mut self, name: &At<String>, problems: &mut Problems) -> Fd {
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
            let capacity = capacity.unwrap_or(64 << 10);
            let nonblock = entry.form.nonblock.unwrap_or(false);
            self.pipes.push(PipeSpec { object, capacity, read, write, nonblock, fifo: false });
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

    fn fifos(&mut self, root: &DeTable<'_>, names: &mut Names, problems: &mut Problems) {
        for entry in named::<FifoForm>(root, "fifo", problems) {
            let object = self.object("fifo", &entry.name, names, problems);
            let (read, write) = (self.fd(&entry.name, problems), self.fd(&entry.name, problems));
            let capacity = entry.form.capacity.as_ref();
            let capacity = capacity.and_then(|at| size(at, "a FIFO", 1 << 30, problems));
            let capacity = capacity.unwrap_or(64 << 10);
            self.pipes.push(PipeSpec { object, capacity, read, write, nonblock: false, fifo: true });
            names.channels.insert(entry.name.value, Channel::Pipe { read, write });
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
            let exists = entry.form.exists.unwrap_or(true);
            let text = entry.form.text.unwrap_or_default();
            let says_content = !text.is_empty() || bytes.is_some();
            if !exists && says_content {
                let message =
                    format!("`{}` doesn't exist at the beginning, so it holds nothing", entry.name.value);
                problems.error(Code::OutOfRange, entry.name.span.clone(), message);
            }
            if !exists {
                names.absent.insert(entry.name.value.clone());
            }
            let length = text.len() as u64;
            if bytes.is_some_and(|bytes| bytes < length) {
                let message = format!("its text has {length} bytes");
                problems.error(Code::OutOfRange, entry.name.span.clone(), message);
            }
            self.files.push(FileSpec {
                object,
                fd,
                disk: disk.unwrap_or_default(),
                size: bytes.unwrap_or(length).max(length),
                cached: entry.form.cached.unwrap_or(false),
                exists,
                text,
            });
            names.channels.insert(entry.name.value, Channel::File(fd));
        }
    }

    pub(super) fn array(&mut self, spec: ArraySpec) -> ArrayId {
        self.arrays.push(spec);
        ArrayId((self.arrays.len() - 1) as u32)
    }
}
