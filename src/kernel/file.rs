//! Open files: descriptors, the page cache, transfers to and from disks, and the terminal.

use std::collections::VecDeque;

use crate::errno::Errno;
use crate::hw::device::{Request, State as DeviceState};
use crate::hw::mmu::PAGE_SIZE;
use crate::hw::queue::Rank;
use crate::ids::{DeviceId, Fd, FrameNumber, ObjectId, Pid, Tid};
use crate::time::Span;
use crate::trace::{Kind, Sink};

use super::bytes::Bytes;
use super::wait::WaitQueue;
use super::waits::Interruption;
use super::{Due, Kernel};

/// The index of an open description in [`Files::open`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenId(pub u32);

/// What a descriptor stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Opened {
    PipeRead(u32),
    PipeWrite(u32),
    File(u32),
    Keyboard,
    Screen,
    Socket(u32),
}

/// How an open description behaves, as open(2) and fcntl(2) set it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// A call that would wait fails with EAGAIN instead (O_NONBLOCK).
    pub nonblock: bool,
}

/// The most descriptors that a process can have: Linux's usual soft limit (RLIMIT_NOFILE).
pub const MOST_DESCRIPTORS: u16 = 1024;

/// An open description, which processes share after a fork.
#[derive(Clone, Copy, Debug)]
pub struct Open {
    pub what: Opened,
    pub flags: Flags,
    /// Where the next byte is read or written.
    pub offset: u64,
    /// Descriptors that name it.
    pub references: u32,
}

/// A file on a disk, with those of its pages that are in memory.
#[derive(Clone, Debug)]
pub struct File {
    pub object: ObjectId,
    pub disk: DeviceId,
    pub size: u64,
    /// What it holds; as long as `size` or shorter, then zeros follow.
    pub content: Bytes,
    /// The frame of each cached page.
    pub cached: Vec<Option<FrameNumber>>,
    /// Written pages that the disk doesn't have yet.
    pub dirty: Vec<bool>,
}

#[derive(Clone, Debug, Default)]
pub struct Files {
    pub open: Vec<Open>,
    pub files: Vec<File>,
    /// Which file a disk request is for, by the request's tag.
    pub transfers: Vec<Transfer>,
    /// Tags that can be used again.
    pub free_tags: Vec<u32>,
    /// How many descriptors are channels of the scenario; others count on from here.
    pub named: u16,
}

/// A transfer between a disk and the page cache, or a program.
#[derive(Clone, Copy, Debug)]
pub struct Transfer {
    pub thread: Tid,
    pub file: u32,
    /// The pages that it brings into the cache; none if it goes past the cache or to the disk.
    pub first_page: u32,
    pub pages: u32,
}

/// Which way a transfer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Read,
    Write,
    /// Written, and the disk's own cache emptied.
    Flush,
}

/// The terminal's line discipline: keys become lines.
#[derive(Clone, Debug, Default)]
pub struct Terminal {
    pub object: ObjectId,
    line: String,
    pub lines: VecDeque<String>,
    pub waiting: WaitQueue,
}

impl<S: Sink> Kernel<S> {
    /// What the process's descriptor stands for, if it is open.
    #[inline]
    pub fn opened(&self, process: Pid, fd: Fd) -> Option<(OpenId, Opened)> {
        let process = self.processes[process.index()].as_ref()?;
        let id = (*process.files.get(fd.index())?)?;
        Some((id, self.files.open[id.0 as usize].what))
    }

    /// Gives a process a descriptor for an open description.
    pub fn install(&mut self, process: Pid, fd: Fd, id: OpenId) {
        self.hold(id);
        if let Some(process) = &mut self.processes[process.index()] {
            if process.files.len() <= fd.index() {
                process.files.resize(fd.index() + 1, None);
            }
            process.files[fd.index()] = Some(id);
        }
    }

    /// A new open description at the lowest free descriptor that isn't a channel's of the scenario:
    /// EMFILE if there is none.
    pub fn open(&mut self, process: Pid, what: Opened, flags: Flags) -> Result<Fd, Errno> {
        let fd = self.lowest_free(process)?;
        self.files.open.push(Open { what, flags, offset: 0, references: 0 });
        let id = OpenId((self.files.open.len() - 1) as u32);
        self.install(process, fd, id);
        Ok(fd)
    }

    /// The lowest free descriptor that isn't a channel's of the scenario.
    pub fn lowest_free(&self, process: Pid) -> Result<Fd, Errno> {
        let held = self.processes[process.index()].as_ref().map_or(&[][..], |process| &process.files);
        let free = (self.files.named..MOST_DESCRIPTORS)
            .find(|&number| held.get(usize::from(number)).is_none_or(Option::is_none));
        free.map(Fd).ok_or(Errno::EMFILE)
    }

    /// A forked child gets all descriptors of its parent that aren't a channel's of the scenario;
    /// an exec closes them (they are close-on-exec).
    pub fn inherit_numbered(&mut self, parent: Pid, child: Pid) {
        for (fd, open) in self.numbered(parent) {
            self.install(child, fd, open);
        }
    }

    /// An exec closes what isn't a channel of the scenario.
    pub fn close_numbered(&mut self, cpu: usize, process: Pid) {
        for (fd, _) in self.numbered(process) {
            self.close(cpu, process, fd);
        }
    }

    fn numbered(&self, process: Pid) -> Vec<(Fd, OpenId)> {
        let held = self.processes[process.index()].as_ref().map_or(&[][..], |process| &process.files);
        let held = held.iter().enumerate().skip(usize::from(self.files.named));
        held.filter_map(|(number, open)| Some((Fd(number as u16), (*open)?))).collect()
    }

    /// What a process that no other forked opens: a pipe's end is the same for all, a file is opened
    /// by each for itself, with an offset of its own.
    pub fn open_anew(&mut self, id: OpenId) -> OpenId {
        let open = self.files.open[id.0 as usize];
        if !matches!(open.what, Opened::File(_)) {
            return id;
        }
        self.files.open.push(Open { references: 0, ..open });
        OpenId((self.files.open.len() - 1) as u32)
    }

    /// One more reference to an open description. The first one opens the pipe's end.
    pub fn hold(&mut self, id: OpenId) {
        let open = &mut self.files.open[id.0 as usize];
        open.references += 1;
        if open.references == 1 {
            match open.what {
                Opened::PipeRead(pipe) => self.pipes[pipe as usize].readers += 1,
                Opened::PipeWrite(pipe) => self.pipes[pipe as usize].writers += 1,
                Opened::File(_) | Opened::Keyboard | Opened::Screen | Opened::Socket(_) => {}
            }
        }
    }

    /// Closes a descriptor; false if it wasn't open.
    pub fn close(&mut self, cpu: usize, process: Pid, fd: Fd) -> bool {
        let Some(process) = &mut self.processes[process.index()] else {
            return false;
        };
        let Some(id) = process.files.get_mut(fd.index()).and_then(Option::take) else {
            return false;
        };
        self.drop_reference(cpu, id);
        true
    }

    /// One descriptor less for an open description. The last one closes the pipe's end, and wakes
    /// everybody at the other end if it was the last of its kind.
    pub fn drop_reference(&mut self, cpu: usize, id: OpenId) {
        let open = &mut self.files.open[id.0 as usize];
        open.references -= 1;
        if open.references > 0 {
            return;
        }
        let (pipe, waiting) = match open.what {
            Opened::PipeRead(pipe) => {
                let end = &mut self.pipes[pipe as usize];
                end.readers -= 1;
                (pipe, end.readers == 0)
            }
            Opened::PipeWrite(pipe) => {
                let end = &mut self.pipes[pipe as usize];
                end.writers -= 1;
                (pipe, end.writers == 0)
            }
            Opened::Socket(socket) => return self.close_socket(cpu, socket),
            Opened::File(_) | Opened::Keyboard | Opened::Screen => return,
        };
        if waiting {
            let Kernel { pipes, tasks, .. } = self;
            let number = pipe;
            let pipe = &mut pipes[pipe as usize];
            let woken: Vec<Tid> = std::iter::from_fn(|| {
                pipe.waiting_readers.pop(tasks).or_else(|| pipe.waiting_writers.pop(tasks))
            })
            .collect();
            for waiter in woken {
                self.wake(cpu, waiter);
            }
            self.announce(cpu, Opened::PipeRead(number));
            self.announce(cpu, Opened::PipeWrite(number));
        }
    }

    /// Asks a file's disk for a transfer on behalf of a thread, which must then wait for it.
    pub fn transfer(&mut self, cpu: usize, transfer: Transfer, bytes: u64, way: Way) {
        let write = way != Way::Read;
        let file = &self.files.files[transfer.file as usize];
        let (device, object) = (file.disk, file.object);
        let tag = match self.files.free_tags.pop() {
            Some(tag) => {
                self.files.transfers[tag as usize] = transfer;
                tag
            }
            None => {
                self.files.transfers.push(transfer);
                (self.files.transfers.len() - 1) as u32
            }
        };
        self.emit(cpu, Kind::BlockRqIssue { object, bytes, write });
        let now = self.cpus[cpu].now;
        let request = Request { tag, bytes, write, flush: way == Way::Flush, failed: false };
        let here = &mut self.devices[device.index()];
        let DeviceState::Disk(disk) = &mut here.state else {
            return;
        };
        if !here.plugged {
            disk.fail(request);
            let soon = now + Span::TICK;
            self.expect(soon, Rank::Device, Due::DiskDone { device, place: super::interrupts::FAILED });
            return;
        }
        if let Some((due, place)) = disk.submit(request, now) {
            self.expect(due, Rank::Device, Due::DiskDone { device, place });
        }
    }

    /// The disk's handler reports a finished transfer: its pages are in the cache and whoever waits is woken.
    pub(super) fn transferred(&mut self, cpu: usize, request: Request) {
        let transfer = self.files.transfers[request.tag as usize];
        self.files.free_tags.push(request.tag);
        let object = self.files.files[transfer.file as usize].object;
        self.emit(cpu, Kind::BlockRqComplete { object, bytes: request.bytes, write: request.write });
        if request.failed {
            self.tasks[transfer.thread.index()].interruption = Some(Interruption::Failure);
        } else {
            for page in transfer.first_page..transfer.first_page + transfer.pages {
                self.cache(transfer.file, page);
            }
        }
        self.wake(cpu, transfer.thread);
    }

    /// Whether the transfer that the thread has waited for failed, because its disk was pulled out.
    pub fn take_failure(&mut self, thread: Tid) -> Result<(), Errno> {
        match self.take_interruption(thread) {
            Some(Interruption::Failure) => Err(Errno::EIO),
            Some(Interruption::Signal | Interruption::Timeout) | None => Ok(()),
        }
    }

    /// Makes a page of a file present in the cache, if there is a frame for it.
    pub fn cache(&mut self, file: u32, page: u32) -> Option<FrameNumber> {
        let file = &mut self.files.files[file as usize];
        let page = page as usize;
        if file.cached.len() <= page {
            file.cached.resize(page + 1, None);
            file.dirty.resize(page + 1, false);
        }
        if file.cached[page].is_none() {
            file.cached[page] = self.frames.allocate();
        }
        file.cached[page]
    }

    /// A key from the keyboard: the line discipline collects a line.
    pub(super) fn typed(&mut self, cpu: usize, key: char) {
        if key != '\n' {
            self.terminal.line.push(key);
            return;
        }
        let line = std::mem::take(&mut self.terminal.line);
        self.terminal.lines.push_back(line);
        let Kernel { terminal, tasks, .. } = self;
        if let Some(reader) = terminal.waiting.pop(tasks) {
            self.wake(cpu, reader);
        }
        self.announce(cpu, Opened::Keyboard);
    }
}

impl Terminal {
    pub fn new(object: ObjectId) -> Terminal {
        Terminal { object, ..Terminal::default() }
    }
}

impl File {
    /// The pages that hold the bytes from `offset` on.
    pub fn pages(offset: u64, bytes: u64) -> std::ops::Range<u32> {
        let first = offset / PAGE_SIZE;
        let end = (offset + bytes).div_ceil(PAGE_SIZE);
        first as u32..end.max(first) as u32
    }

    pub fn is_cached(&self, page: u32) -> bool {
        self.cached.get(page as usize).is_some_and(Option::is_some)
    }
}
