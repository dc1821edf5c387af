//! Asynchronous requests: transfers of files that a thread has asked for and doesn't wait for.
//!
//! The model of POSIX aio's effect: the transfer goes to the disk at once, and its end can be asked
//! for, waited for, or told by a signal. Left out: the helper threads by which the C library does it
//! on Linux, and their time.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::errno::Errno;
use crate::hw::mmu::PAGE_SIZE;
use crate::ids::Tid;
use crate::signal::Signal;
use crate::trace::{Cause, Sink};

use super::Kernel;
use super::bytes::Bytes;
use super::cost::Copying;
use super::file::{Job, OpenId, Opened, Transfer, Way};
use super::rings::Completion;
use super::waits::WaitKey;

/// Direct transfers begin and end at a multiple of this (open(2), O_DIRECT).
pub const SECTOR: u64 = 512;

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    pub thread: Tid,
    /// The description, unless there was none.
    pub open: Option<(OpenId, Opened)>,
    pub offset: i64,
    pub bytes: u64,
    /// What is written; a read if none.
    pub write: Option<Bytes>,
    /// All that was written so far is to be on the disk (fsync).
    pub sync: bool,
    /// The signal that tells of its end.
    pub notify: Option<Signal>,
    /// The ring that gets its completion, with these data.
    pub ring: Option<(u32, i64)>,
}

/// An asynchronous request.
#[derive(Clone, Debug)]
pub struct Request {
    pub ask: Ask,
    file: u32,
    /// Transfers that it still waits for.
    outstanding: u32,
    failed: bool,
    /// How it has ended: so many bytes, or a negative error number.
    pub result: Option<i64>,
    /// What has been read.
    pub content: Bytes,
}

/// All requests that nobody has asked for the result of.
#[derive(Clone, Debug, Default)]
pub struct Requests {
    all: BTreeMap<u32, Request>,
    /// Whose request has which number among the thread's own.
    numbers: BTreeMap<(Tid, i64), u32>,
    made: BTreeMap<Tid, i64>,
    next: u32,
}

impl Requests {
    /// A thread's request by its number.
    pub fn find(&self, thread: Tid, number: i64) -> Option<&Request> {
        self.all.get(self.numbers.get(&(thread, number))?)
    }

    /// Takes a finished request away.
    pub fn take(&mut self, thread: Tid, number: i64) -> Option<Request> {
        self.find(thread, number)?.result?;
        let id = self.numbers.remove(&(thread, number))?;
        self.all.remove(&id)
    }

    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }
}

impl<S: Sink> Kernel<S> {
    /// What a thread waits for that waits for any of its requests.
    pub const fn completion_key(thread: Tid) -> WaitKey {
        WaitKey { cause: Cause::Completion, object: thread.0 }
    }

    /// Begins a request, and gives its number among the thread's own; a ring's request has none.
    pub fn begin_request(&mut self, cpu: usize, ask: Ask) -> i64 {
        let requests = &mut self.requests;
        let (mut number, id) = (0, requests.next);
        requests.next += 1;
        if ask.ring.is_none() {
            let made = requests.made.entry(ask.thread).or_default();
            *made += 1;
            number = *made;
            requests.numbers.insert((ask.thread, number), id);
        }
        let file = match ask.open {
            Some((_, Opened::File(file))) => Ok(file),
            Some(_) => Err(Errno::ESPIPE),
            None => Err(Errno::EBADF),
        };
        let content = Bytes::default();
        let (at, failed) = (file.unwrap_or(0), false);
        requests.all.insert(id, Request { ask, file: at, outstanding: 0, failed, result: None, content });
        if let Err(errno) = file.and_then(|_| self.start_request(cpu, id)) {
            self.end_request(cpu, id, errno.result());
        }
        number
    }

    fn start_request(&mut self, cpu: usize, id: u32) -> Result<(), Errno> {
        let Request { ask, file, .. } = self.requests.all[&id].clone();
        let Some((open, _)) = ask.open else { return Err(Errno::EBADF) };
        let offset = u64::try_from(ask.offset).map_err(|_| Errno::EINVAL)?;
        let mode = self.files.open[open.0 as usize].mode;
        if ask.sync {
            let (bytes, carries) = self.take_dirty(file);
            if bytes > 0 {
                let job = Job { carries, request: Some(id), ..Job::default() };
                self.request_transfer_of(cpu, id, 0..0, bytes, (Way::Flush, job));
            }
            self.look_at_request(cpu, id);
            return Ok(());
        }
        let Some(content) = ask.write else {
            if mode.no_read {
                return Err(Errno::EBADF);
            }
            if mode.direct && !(offset.is_multiple_of(SECTOR) && ask.bytes.is_multiple_of(SECTOR)) {
                return Err(Errno::EINVAL);
            }
            let bytes = self.files.files[file as usize].size.saturating_sub(offset).min(ask.bytes);
            if mode.direct && bytes > 0 {
                if ask.ring.is_some() {
                    self.owe_copying(cpu, Copying::DirectRead, bytes);
                }
                self.request_transfer(cpu, id, 0..0, bytes, Way::Read);
            }
            let looks_ahead = ask.ring.is_some() && !mode.direct && bytes > 0;
            if looks_ahead && self.unread(file, offset, bytes).is_none() {
                self.read_ahead(cpu, open, file, offset, bytes);
            }
            while !mode.direct
                && bytes > 0
                && let Some((first, pages)) = self.unread(file, offset, bytes)
            {
                let missing = first..first + pages;
                let fetched = if looks_ahead { self.window(open, file, offset, missing) } else { missing };
                let size = u64::from(fetched.end - fetched.start) * PAGE_SIZE;
                self.request_transfer(cpu, id, fetched, size, Way::Read);
            }
            if looks_ahead {
                self.has_read(open, offset + bytes);
            }
            self.look_at_request(cpu, id);
            return Ok(());
        };
        if mode.no_write {
            return Err(Errno::EBADF);
        }
        let entry = &mut self.files.files[file as usize];
        let offset = if mode.append { entry.size } else { offset };
        let bytes = content.len();
        if mode.direct && !(offset.is_multiple_of(SECTOR) && bytes.is_multiple_of(SECTOR)) {
            return Err(Errno::EINVAL);
        }
        match self.room_on(self.files.files[file as usize].disk) {
            Some(room) if self.files.files[file as usize].size + room < offset + bytes => {
                return Err(Errno::ENOSPC);
            }
            _ => {}
        }
        if !self.has_disk(file) {
            return Err(Errno::EIO);
        }
        let entry = &mut self.files.files[file as usize];
        entry.size = entry.size.max(offset + bytes);
        entry.content.overwrite(offset, content);
        if ask.ring.is_some() {
            let copying = if mode.direct { Copying::DirectWrite } else { Copying::FileWrite };
            self.owe_copying(cpu, copying, bytes);
        }
        if mode.direct || mode.sync {
            let way = if mode.sync { Way::Flush } else { Way::Write };
            self.request_transfer(cpu, id, 0..0, bytes, way);
        } else if bytes > 0 {
            self.make_dirty(cpu, file, offset, bytes);
        }
        self.look_at_request(cpu, id);
        Ok(())
    }

    /// The first run of pages that are neither cached nor on their way.
    fn unread(&self, file: u32, offset: u64, bytes: u64) -> Option<(u32, u32)> {
        let entry = &self.files.files[file as usize];
        let absent = |page: &u32| !entry.is_cached(*page) && !entry.reading.contains_key(page);
        let mut pages = super::file::File::pages(offset, bytes);
        let first = pages.find(absent)?;
        Some((first, 1 + pages.take_while(absent).count() as u32))
    }

    fn request_transfer(&mut self, cpu: usize, id: u32, pages: Range<u32>, bytes: u64, way: Way) {
        let job = Job { request: Some(id), ..Job::default() };
        self.request_transfer_of(cpu, id, pages, bytes, (way, job));
    }

    fn request_transfer_of(
        &mut self,
        cpu: usize,
        id: u32,
        pages: Range<u32>,
        bytes: u64,
        (way, job): (Way, Job),
    ) {
        let Some(request) = self.requests.all.get_mut(&id) else { return };
        request.outstanding += 1;
        let (first_page, pages) = (pages.start, pages.end - pages.start);
        let transfer = Transfer { thread: Tid::IDLE, file: request.file, first_page, pages };
        self.begin_transfer(cpu, transfer, bytes, way, job);
    }

    /// A transfer of a request is done.
    pub(super) fn request_transferred(&mut self, id: u32, failed: bool) {
        let Some(request) = self.requests.all.get_mut(&id) else { return };
        request.outstanding -= 1;
        request.failed |= failed;
    }

    /// A transfer of a file is done, whosever it was. If it failed, so did what waits for its pages.
    pub(super) fn look_at_requests_of(&mut self, cpu: usize, transfer: Transfer, failed: bool) {
        let Transfer { file, first_page, pages, .. } = transfer;
        let waits = |request: &Request| request.file == file && request.result.is_none();
        if failed && pages > 0 {
            let lacks = |ask: &Ask| {
                let wanted = super::file::File::pages(ask.offset as u64, ask.bytes);
                let reads = ask.write.is_none() && !ask.sync;
                reads && wanted.start < first_page + pages && first_page < wanted.end
            };
            for request in self.requests.all.values_mut().filter(|request| waits(request)) {
                request.failed |= lacks(&request.ask);
            }
        }
        let waiting: Vec<u32> =
            self.requests.all.iter().filter(|(_, request)| waits(request)).map(|(&id, _)| id).collect();
        for id in waiting {
            self.look_at_request(cpu, id);
        }
    }

    /// Ends a request if nothing is missing any more.
    fn look_at_request(&mut self, cpu: usize, id: u32) {
        let request = &self.requests.all[&id];
        if request.outstanding > 0 || request.result.is_some() {
            return;
        }
        if request.ask.sync {
            let entry = &mut self.files.files[request.file as usize];
            if entry.writing > 0 {
                // What the flusher has sent off is waited for as well.
                return;
            }
            let failed = std::mem::take(&mut entry.failed) || request.failed;
            return self.end_request(cpu, id, if failed { Errno::EIO.result() } else { 0 });
        }
        if request.ask.write.is_none() && !request.failed {
            // Others may be bringing some of its pages.
            let reading = &self.files.files[request.file as usize].reading;
            let pages = super::file::File::pages(request.ask.offset as u64, request.ask.bytes);
            if reading.range(pages).next().is_some() {
                return;
            }
        }
        if request.failed {
            return self.end_request(cpu, id, Errno::EIO.result());
        }
        let (offset, wanted) = (request.ask.offset as u64, request.ask.bytes);
        let (file, ring, open) = (request.file, request.ask.ring, request.ask.open);
        let entry = &self.files.files[file as usize];
        let bytes = match request.ask.write {
            Some(_) => wanted,
            None => entry.size.saturating_sub(offset).min(wanted),
        };
        if request.ask.write.is_none() {
            let content = entry.bytes(offset, bytes);
            if let Some(request) = self.requests.all.get_mut(&id) {
                request.content = content;
            }
            let direct = open.is_some_and(|(open, _)| self.files.open[open.0 as usize].mode.direct);
            if ring.is_some() && !direct {
                self.owe_copying(cpu, Copying::FileRead, bytes);
            }
        }
        self.end_request(cpu, id, bytes as i64);
    }

    fn end_request(&mut self, cpu: usize, id: u32, result: i64) {
        let Some(request) = self.requests.all.get_mut(&id) else { return };
        if let Some((ring, data)) = request.ask.ring {
            return self.end_for_ring(cpu, id, ring, data, result);
        }
        request.result = Some(result);
        let (thread, notify) = (request.ask.thread, request.ask.notify);
        let process = self.tasks[thread.index()].process;
        self.wake_all_of(cpu, Self::completion_key(thread));
        if let Some(signal) = notify {
            self.send_signal(cpu, process, signal);
        }
    }

    /// A ring's request ends: its completion is all that is left of it.
    fn end_for_ring(&mut self, cpu: usize, id: u32, ring: u32, data: i64, result: i64) {
        let Some(Request { ask, file, content, .. }) = self.requests.all.remove(&id) else { return };
        let object = self.files.files[file as usize].object;
        let moved = (result > 0).then_some((object, ask.write.is_some()));
        self.complete(cpu, ring, Completion { data, result, content, moved });
        if let Some((open, _)) = ask.open {
            self.drop_reference(cpu, open);
        }
    }
}
