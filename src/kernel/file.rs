//! Open files: descriptors, and the terminal.

use std::collections::{BTreeMap, VecDeque};

use crate::errno::Errno;
use crate::ids::{Fd, ObjectId, Pid, Tid};
use crate::trace::Sink;

use super::Kernel;
use super::read_ahead::Ahead;
use super::screen::Screen;
use super::wait::WaitQueue;

pub use super::page_cache::{File, Job, Transfer, Way};

/// The index of an open description in [`Files::open`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
    /// A POSIX message queue.
    Queue(u32),
    /// An event counter (eventfd).
    Counter(u32),
    /// A timer whose expirations are read (timerfd).
    Alarm(u32),
    /// A set of descriptors that are waited for together (epoll).
    Epoll(u32),
    /// Queues of requests and of their completions (io_uring).
    Ring(u32),
}

/// How an open description behaves, as open(2) and fcntl(2) set it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// A call that would wait fails with EAGAIN instead (O_NONBLOCK).
    pub nonblock: bool,
}

/// How an open description treats its file, as open(2) was told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mode {
    /// It isn't for reading (O_WRONLY), or not for writing (O_RDONLY).
    pub no_read: bool,
    pub no_write: bool,
    /// Each write goes to the end of the file (O_APPEND).
    pub append: bool,
    /// A write returns when the disk has it (O_SYNC).
    pub sync: bool,
    /// Past the page cache (O_DIRECT).
    pub direct: bool,
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
    /// How a file was opened.
    pub mode: Mode,
    pub ahead: Ahead,
    /// Descriptors that name it.
    pub references: u32,
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
    /// More about some transfers, by their requests' tags.
    pub jobs: BTreeMap<u32, Job>,
    /// Cached pages, those that came first in front; some may be gone by now.
    pub order: VecDeque<(u32, u32)>,
    /// What each name of the scenario stands for now: an index into `files`.
    pub names: Vec<Option<u32>>,
}

/// The terminal's line discipline: keys become lines.
#[derive(Clone, Debug, Default)]
pub struct Terminal {
    pub object: ObjectId,
    line: String,
    pub lines: VecDeque<String>,
    pub waiting: WaitQueue,
    pub screen: Screen,
}

impl<S: Sink> Kernel<S> {
    /// What the process's descriptor stands for, if it is open.
    #[inline(always)]
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
        let id = self.describe(what, flags);
        self.install(process, fd, id);
        Ok(fd)
    }

    /// A new open description, to which no descriptor refers yet.
    pub(super) fn describe(&mut self, what: Opened, flags: Flags) -> OpenId {
        self.files.open.push(Open::new(what, flags));
        OpenId((self.files.open.len() - 1) as u32)
    }

    /// The lowest free descriptor that isn't a channel's of the scenario.
    pub fn lowest_free(&self, process: Pid) -> Result<Fd, Errno> {
        let held = self.processes[process.index()].as_ref().map_or(&[][..], |process| &process.files);
        let free = (self.files.named..MOST_DESCRIPTORS)
            .find(|&number| held.get(usize::from(number)).is_none_or(Option::is_none));
        free.map(Fd).ok_or(Errno::EMFILE)
    }

    /// A forked child gets all descriptors of its parent that aren't a channel's of the scenario, but
    /// no rings; an exec closes them (they are close-on-exec).
    pub fn inherit_numbered(&mut self, parent: Pid, child: Pid) {
        let inherited = self.numbered(parent).into_iter().filter(|&(_, open)| !self.is_ring(open));
        for (fd, open) in inherited.collect::<Vec<_>>() {
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
        if !matches!(open.what, Opened::File(_) | Opened::Queue(_)) {
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
                Opened::PipeRead(pipe) => {
                    let pipe = &mut self.pipes[pipe as usize];
                    (pipe.readers, pipe.readers_ever) = (pipe.readers + 1, pipe.readers_ever + 1);
                }
                Opened::PipeWrite(pipe) => {
                    let pipe = &mut self.pipes[pipe as usize];
                    (pipe.writers, pipe.writers_ever) = (pipe.writers + 1, pipe.writers_ever + 1);
                }
                Opened::Counter(_) | Opened::Alarm(_) | Opened::Epoll(_) | Opened::Ring(_) => {}
                Opened::File(file) => self.files.files[file as usize].opens += 1,
                Opened::Queue(queue) => self.ipc.messages.queues[queue as usize].references += 1,
                Opened::Keyboard | Opened::Screen | Opened::Socket(_) => {}
            }
        }
    }

    /// Closes a descriptor; false if it wasn't open.
    pub fn close(&mut self, cpu: usize, process: Pid, fd: Fd) -> bool {
        let Some(files) = self.processes[process.index()].as_mut().map(|process| &mut process.files) else {
            return false;
        };
        let Some(id) = files.get_mut(fd.index()).and_then(Option::take) else {
            return false;
        };
        if let Opened::Queue(queue) = self.files.open[id.0 as usize].what {
            self.forget_notification(queue, process);
        }
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
        let what = open.what;
        if !self.watchers.is_empty() {
            self.forget_open(id);
        }
        let (pipe, waiting) = match what {
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
            Opened::Queue(queue) => {
                self.ipc.messages.queues[queue as usize].references -= 1;
                return;
            }
            Opened::Counter(_) => return,
            Opened::Alarm(alarm) => return self.drop_alarm(alarm),
            Opened::Epoll(epoll) => return self.drop_epoll(epoll),
            Opened::Ring(ring) => return self.drop_ring(cpu, ring),
            Opened::File(file) => return self.file_closed(file),
            Opened::Socket(socket) => return self.close_socket(cpu, socket),
            Opened::Keyboard | Opened::Screen => return,
        };
        let end = &mut self.pipes[pipe as usize];
        if end.named && end.readers == 0 && end.writers == 0 {
            return end.discard();
        }
        if waiting {
            self.announce(cpu, Opened::PipeRead(pipe));
            self.announce(cpu, Opened::PipeWrite(pipe));
            let Kernel { pipes, tasks, .. } = self;
            let pipe = &mut pipes[pipe as usize];
            let woken: Vec<Tid> = std::iter::from_fn(|| {
                pipe.waiting_readers.pop(tasks).or_else(|| pipe.waiting_writers.pop(tasks))
            })
            .collect();
            for waiter in woken {
                self.wake(cpu, waiter);
            }
        }
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

impl Open {
    pub fn new(what: Opened, flags: Flags) -> Open {
        let (mode, ahead) = (Mode::default(), Ahead::default());
        Open { what, flags, offset: 0, mode, ahead, references: 0 }
    }
}

impl Terminal {
    pub fn new(object: ObjectId) -> Terminal {
        Terminal { object, ..Terminal::default() }
    }
}
