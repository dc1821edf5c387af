//! The page cache: which pages of files are in memory, which of these the disk doesn't have yet, and
//! the transfers between both.
//!
//! A write changes the cache only, and its pages are dirty from then on. They go to the disk at an
//! fsync, or when the flusher finds them old enough (`writeback`). Until the disk has said that it
//! has them, bytes that a program was told are written can be lost: when the disk is pulled out they
//! are counted.
//!
//! Left out: that a partial write to a page which isn't cached reads it first, that writers are held
//! up when too much is dirty, and the CPU time of the flusher itself.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::errno::Errno;
use crate::hw::device::{Request, State as DeviceState};
use crate::hw::mmu::PAGE_SIZE;
use crate::hw::queue::Rank;
use crate::ids::{DeviceId, FrameNumber, ObjectId, StepId, Tid};
use crate::time::{Instant, Span};
use crate::trace::{Cause, Event, Kind, Sink};

use super::bytes::Bytes;
use super::paging::Owner;
use super::ranges::Ranges;
use super::waits::{Interruption, WaitKey};
use super::{Due, Kernel};

/// A file on a disk, with those of its pages that are in memory.
#[derive(Clone, Debug, Default)]
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
    /// Bytes that a program was told are written, and that aren't on their way to the disk yet.
    pub unwritten: Ranges,
    /// How many transfers bring each page into the cache now.
    pub reading: BTreeMap<u32, u32>,
    /// The flusher's transfers that are under way.
    pub writing: u32,
    /// The flusher will look at it.
    pub watched: bool,
    /// What it wrote back didn't arrive: the next fsync says so.
    pub failed: bool,
    /// Bytes that a program was told are written, and that are lost.
    pub lost: u64,
    /// Descriptions that are open.
    pub opens: u32,
    /// It has no name any more.
    pub unlinked: bool,
}

/// A transfer between a disk and the page cache, or a program.
#[derive(Clone, Copy, Debug)]
pub struct Transfer {
    /// Who waits for it; nobody if idle.
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

/// What there is to know of a transfer besides: for whom it is, and what it makes safe.
#[derive(Clone, Debug, Default)]
pub struct Job {
    /// Acknowledged bytes that the disk has afterwards.
    pub carries: Ranges,
    /// It is the flusher's.
    pub write_back: bool,
    /// The asynchronous request that it is a part of.
    pub request: Option<u32>,
}

/// When dirty pages go to the disk by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Writeback {
    /// How old they must be; never if none.
    pub after: Option<Span>,
    /// How often the flusher looks.
    pub every: Span,
}

/// Linux's own: dirty_expire_centisecs and dirty_writeback_centisecs.
impl Default for Writeback {
    fn default() -> Writeback {
        Writeback { after: Some(Span::from_millis(30_000)), every: Span::from_millis(5000) }
    }
}

impl File {
    pub fn new(object: ObjectId, disk: DeviceId, size: u64) -> File {
        File { object, disk, size, ..File::default() }
    }

    /// The pages that hold the bytes from `offset` on.
    pub fn pages(offset: u64, bytes: u64) -> Range<u32> {
        let first = offset / PAGE_SIZE;
        let end = (offset + bytes).div_ceil(PAGE_SIZE);
        first as u32..end.max(first) as u32
    }

    pub fn is_cached(&self, page: u32) -> bool {
        self.cached.get(page as usize).is_some_and(Option::is_some)
    }

    /// How many pages it has.
    pub fn length_in_pages(&self) -> u32 {
        self.size.div_ceil(PAGE_SIZE) as u32
    }

    /// The bytes from a place on, as many as there are at most.
    pub fn bytes(&self, offset: u64, bytes: u64) -> Bytes {
        let mut content = self.content.slice(offset, bytes);
        content.push_zeros(bytes - content.len());
        content
    }
}

impl<S: Sink> Kernel<S> {
    /// What those wait for who wait for any transfer of a file.
    pub const fn file_key(file: u32) -> WaitKey {
        WaitKey { cause: Cause::Disk, object: file }
    }

    /// Asks a file's disk for a transfer on behalf of a thread, which must then wait for it.
    pub fn transfer(&mut self, cpu: usize, transfer: Transfer, bytes: u64, way: Way) {
        self.begin_transfer(cpu, transfer, bytes, way, Job::default());
    }

    /// Asks a file's disk for a transfer.
    pub fn begin_transfer(&mut self, cpu: usize, transfer: Transfer, bytes: u64, way: Way, job: Job) {
        let write = way != Way::Read;
        let file = &mut self.files.files[transfer.file as usize];
        let (device, object) = (file.disk, file.object);
        for page in transfer.first_page..transfer.first_page + transfer.pages {
            *file.reading.entry(page).or_default() += 1;
        }
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
        let issue = Kind::BlockRqIssue { object, bytes, write };
        if job.write_back {
            self.emit_for_nobody(cpu, issue)
        } else {
            self.emit(cpu, issue)
        }
        if job.write_back || job.request.is_some() || !job.carries.is_empty() {
            self.files.jobs.insert(tag, job);
        }
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

    /// Records what no thread does.
    fn emit_for_nobody(&mut self, cpu: usize, kind: Kind) {
        if S::ON {
            let here = &self.cpus[cpu];
            let (at, cpu) = (here.now, Some(here.id));
            self.sink.event(Event { at, cpu, task: here.current, step: StepId::NONE, kind });
        }
    }

    /// The disk's handler reports a finished transfer: its pages are in the cache and whoever waits is woken.
    pub(super) fn transferred(&mut self, cpu: usize, request: Request) {
        let transfer = self.files.transfers[request.tag as usize];
        self.files.free_tags.push(request.tag);
        let file = &mut self.files.files[transfer.file as usize];
        let object = file.object;
        let pages = transfer.first_page..transfer.first_page + transfer.pages;
        for page in pages.clone() {
            if let Some(count) = file.reading.get_mut(&page) {
                *count -= 1;
                if *count == 0 {
                    file.reading.remove(&page);
                }
            }
        }
        self.emit(cpu, Kind::BlockRqComplete { object, bytes: request.bytes, write: request.write });
        let request_failed = request.failed;
        let job = self.files.jobs.remove(&request.tag).unwrap_or_default();
        let file = &mut self.files.files[transfer.file as usize];
        if job.write_back {
            file.writing -= 1;
            file.failed |= request.failed;
        }
        if request.failed {
            self.lose(cpu, transfer.file, job.carries);
            if transfer.thread != Tid::IDLE {
                self.tasks[transfer.thread.index()].interruption = Some(Interruption::Failure);
            }
        } else {
            for page in pages {
                self.cache(cpu, transfer.file, page);
            }
            self.tell_frames(cpu);
        }
        if transfer.thread != Tid::IDLE {
            self.wake(cpu, transfer.thread);
        }
        if let Some(request) = job.request {
            self.request_transferred(request, request_failed);
        }
        if !self.requests.is_empty() {
            self.look_at_requests_of(cpu, transfer, request_failed);
        }
        self.wake_all_of(cpu, Self::file_key(transfer.file));
    }

    /// Whether the transfer that the thread has waited for failed, because its disk was pulled out.
    pub fn take_failure(&mut self, thread: Tid) -> Result<(), Errno> {
        match self.take_interruption(thread) {
            Some(Interruption::Failure) => Err(Errno::EIO),
            Some(Interruption::Signal | Interruption::Timeout) | None => Ok(()),
        }
    }

    /// Makes a page of a file present in the cache, if there is a frame for it or one can be had.
    pub fn cache(&mut self, cpu: usize, file: u32, page: u32) -> Option<FrameNumber> {
        let entry = &mut self.files.files[file as usize];
        let index = page as usize;
        if entry.cached.len() <= index {
            entry.cached.resize(index + 1, None);
            entry.dirty.resize(index + 1, false);
        }
        if let Some(frame) = entry.cached[index] {
            return Some(frame);
        }
        let mut frame = self.frame_for_cache(cpu);
        if self.paging.is_none() {
            if frame.is_none() && self.give_up_page() {
                frame = self.frames.allocate();
            }
            if frame.is_some() {
                self.files.order.push_back((file, page));
            }
        }
        let frame = frame?;
        self.note_loaded(frame, Owner::Cache(file, page), false, None);
        self.files.files[file as usize].cached[index] = Some(frame);
        Some(frame)
    }

    /// Gives up the page that came into the cache first, of those that are clean and that no process
    /// has mapped; false if there is none. So it goes in a run without page replacement.
    pub fn give_up_page(&mut self) -> bool {
        for _ in 0..self.files.order.len() {
            let Some((file, page)) = self.files.order.pop_front() else { return false };
            let entry = &mut self.files.files[file as usize];
            let Some(frame) = entry.cached.get(page as usize).copied().flatten() else { continue };
            if entry.dirty[page as usize] || self.frames.sharers(frame) > 1 {
                self.files.order.push_back((file, page));
                continue;
            }
            entry.cached[page as usize] = None;
            self.frames.release(frame);
            return true;
        }
        false
    }

    /// A write to the cache: its pages are dirty, and the flusher will come for them.
    pub fn make_dirty(&mut self, cpu: usize, file: u32, offset: u64, bytes: u64) {
        for page in File::pages(offset, bytes) {
            let kept = self.cache(cpu, file, page).is_some();
            let entry = &mut self.files.files[file as usize];
            entry.dirty[page as usize] = kept;
            let begin = u64::from(page) * PAGE_SIZE;
            if kept {
                entry.unwritten.add(begin.max(offset)..(begin + PAGE_SIZE).min(offset + bytes));
            }
        }
        let Writeback { after, every } = self.options.writeback;
        let entry = &mut self.files.files[file as usize];
        if let Some(after) = after
            && !entry.watched
            && !entry.unwritten.is_empty()
        {
            entry.watched = true;
            let old = self.cpus[cpu].now + after;
            let every = every.as_nanos().max(1);
            let look = Instant::from_nanos(old.as_nanos().div_ceil(every).saturating_mul(every));
            self.expect(look, Rank::Device, Due::WriteBack { file });
        }
    }

    /// The bytes of all dirty pages, which are clean from now on, and what was acknowledged of them.
    pub fn take_dirty(&mut self, file: u32) -> (u64, Ranges) {
        let entry = &mut self.files.files[file as usize];
        let dirty = entry.dirty.iter_mut().map(std::mem::take).filter(|&dirty| dirty).count() as u64;
        let unwritten = std::mem::take(&mut entry.unwritten);
        if dirty > 0 {
            self.watch_writes(file);
        }
        (dirty * PAGE_SIZE, unwritten)
    }

    /// The flusher finds a file's dirty pages old enough.
    pub fn write_back(&mut self, cpu: usize, file: u32) {
        self.files.files[file as usize].watched = false;
        let (bytes, carries) = self.take_dirty(file);
        if bytes == 0 {
            return;
        }
        self.files.files[file as usize].writing += 1;
        let transfer = Transfer { thread: Tid::IDLE, file, first_page: 0, pages: 0 };
        let job = Job { carries, write_back: true, request: None };
        self.begin_transfer(cpu, transfer, bytes, Way::Write, job);
    }

    /// Acknowledged bytes will never be on the disk.
    fn lose(&mut self, cpu: usize, file: u32, ranges: Ranges) {
        let bytes = ranges.total();
        if bytes > 0 {
            let entry = &mut self.files.files[file as usize];
            entry.lost += bytes;
            let object = entry.object;
            self.emit_for_nobody(cpu, Kind::DataLost { object, bytes });
        }
    }

    /// A disk is gone: all that programs were told is written to it, and that it doesn't have, is
    /// lost.
    pub fn lose_unwritten(&mut self, cpu: usize, device: DeviceId) {
        for file in 0..self.files.files.len() {
            if self.files.files[file].disk != device {
                continue;
            }
            let mut lost = std::mem::take(&mut self.files.files[file].unwritten);
            for (&tag, job) in &mut self.files.jobs {
                if self.files.transfers[tag as usize].file as usize == file {
                    lost.join(&std::mem::take(&mut job.carries));
                }
            }
            let entry = &mut self.files.files[file];
            entry.failed |= !lost.is_empty();
            entry.dirty.fill(false);
            self.lose(cpu, file as u32, lost);
        }
    }

    /// Whether the disk of a file is there.
    pub fn has_disk(&self, file: u32) -> bool {
        self.devices[self.files.files[file as usize].disk.index()].plugged
    }

    /// The file is as long as this from now on.
    pub fn resize_file(&mut self, file: u32, size: u64) {
        let entry = &mut self.files.files[file as usize];
        if size < entry.size {
            let pages = size.div_ceil(PAGE_SIZE) as usize;
            let gone = entry.cached.len().min(pages);
            let frames: Vec<FrameNumber> = entry.cached.drain(gone..).flatten().collect();
            entry.dirty.truncate(gone);
            entry.unwritten.take(size..u64::MAX);
            if entry.content.len() > size {
                entry.content.resize(size);
            }
            for frame in frames {
                self.give_back(frame);
            }
        }
        self.files.files[file as usize].size = size;
    }
}
