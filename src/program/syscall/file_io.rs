//! What `read`, `write`, `pread` and `pwrite` do with a file, on the simulated kernel.

use crate::errno::Errno;
use crate::hw::mmu::PAGE_SIZE;
use crate::kernel::bytes::Bytes;
use crate::kernel::cost::Copying;
use crate::kernel::file::{File, Job, Mode, OpenId, Transfer, Way};
use crate::kernel::requests::SECTOR;
use crate::program::Variable;
use crate::program::call::{Call, Copied, Outcome};
use crate::program::content::What;
use crate::trace::{Cause, Kind, Sink};

/// No file can have more bytes.
pub const MOST_BYTES: u64 = 64 << 30;

/// Where in a file a call reads or writes.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub open: OpenId,
    pub file: u32,
    /// The place itself; the description's own, which moves on, if none.
    pub at: Option<u64>,
    /// What the step says on top of how the file was opened.
    pub sync: bool,
    pub direct: bool,
}

impl Place {
    fn mode<S: Sink>(&self, call: &Call<'_, S>) -> Mode {
        let mode = call.kernel.files.open[self.open.0 as usize].mode;
        Mode { sync: mode.sync || self.sync, direct: mode.direct || self.direct, ..mode }
    }

    fn offset<S: Sink>(&self, call: &Call<'_, S>) -> u64 {
        self.at.unwrap_or_else(|| call.kernel.offset(self.open))
    }

    /// Where a read begins and how many bytes there are, at most as many as are asked for.
    fn extent<S: Sink>(&self, call: &Call<'_, S>) -> (u64, u64) {
        let offset = self.offset(call);
        let size = call.kernel.files.files[self.file as usize].size;
        (offset, size.saturating_sub(offset).min(call.amount()))
    }

    fn moves_on<S: Sink>(&self, call: &mut Call<'_, S>, end: u64) {
        if self.at.is_none() {
            call.kernel.files.open[self.open.0 as usize].offset = end;
        }
    }

    pub fn copies_to_read<S: Sink>(&self, call: &Call<'_, S>) -> Copied {
        let (offset, bytes) = self.extent(call);
        if self.mode(call).direct {
            let bytes = if call.progress() > 0 { 0 } else { bytes };
            return Copied { copying: Copying::DirectRead, bytes };
        }
        let waits = call.kernel.uncached(self.file, offset, bytes).is_some();
        Copied { copying: Copying::FileRead, bytes: if waits { 0 } else { bytes } }
    }

    pub fn copies_to_write<S: Sink>(&self, call: &Call<'_, S>) -> Copied {
        let copying = if self.mode(call).direct { Copying::DirectWrite } else { Copying::FileWrite };
        Copied { copying, bytes: if call.progress() > 0 { 0 } else { call.amount() } }
    }

    /// Reads: how many bytes, and what they are if anybody wants to know; or a wait.
    pub fn read<S: Sink>(
        &self,
        call: &mut Call<'_, S>,
        keep: bool,
        into: Option<Variable>,
    ) -> Result<Result<(u64, Option<Bytes>), Outcome>, Errno> {
        call.kernel.take_failure(call.task)?;
        let mode = self.mode(call);
        if mode.no_read {
            return Err(Errno::EBADF);
        }
        let (offset, bytes) = self.extent(call);
        if mode.direct && !(offset.is_multiple_of(SECTOR) && call.amount().is_multiple_of(SECTOR)) {
            return Err(Errno::EINVAL);
        }
        if let Some(wait) = self.fetch(call, mode.direct, offset, bytes) {
            return Ok(Err(wait));
        }
        self.moves_on(call, offset + bytes);
        call.kernel.has_read(self.open, offset + bytes);
        let object = call.kernel.files.files[self.file as usize].object;
        if bytes > 0 {
            call.emit(Kind::MessageReceive { object, bytes });
        }
        let mut content = None;
        if keep || into.is_some() {
            let bytes_read = call.kernel.files.files[self.file as usize].bytes(offset, bytes);
            if bytes > 0 {
                call.user().set(into, bytes_read.first_word() as i64);
            }
            content = keep.then_some(bytes_read);
        }
        Ok(Ok((bytes, content)))
    }

    /// Gets what isn't in the cache; none if there is nothing to wait for.
    fn fetch<S: Sink>(
        &self,
        call: &mut Call<'_, S>,
        direct: bool,
        offset: u64,
        bytes: u64,
    ) -> Option<Outcome> {
        let object = call.kernel.files.files[self.file as usize].object;
        let wait = Outcome::Block { on: Cause::Disk, object: Some(object) };
        if bytes == 0 {
            return None;
        }
        if direct {
            if call.progress() > 0 {
                return None;
            }
            call.user().progress = 1;
            let transfer = Transfer { thread: call.task, file: self.file, first_page: 0, pages: 0 };
            call.kernel.transfer(call.cpu, transfer, bytes, Way::Read);
            return Some(wait);
        }
        let missing = call.kernel.uncached(self.file, offset, bytes);
        // A page that found no frame when it was read isn't asked for twice.
        let missing = missing.filter(|&(first, _)| u64::from(first) + 1 > call.progress());
        let Some((first, pages)) = missing else {
            call.kernel.read_ahead(call.cpu, self.open, self.file, offset, bytes);
            return None;
        };
        let reading = &call.kernel.files.files[self.file as usize].reading;
        if reading.contains_key(&first) {
            call.kernel.read_ahead(call.cpu, self.open, self.file, offset, bytes);
            call.kernel.wait_for(crate::kernel::Kernel::<S>::file_key(self.file), call.task);
            return Some(wait);
        }
        let asked = (first..first + pages).take_while(|page| !reading.contains_key(page)).count() as u32;
        let window = call.kernel.window(self.open, self.file, offset, first..first + asked);
        call.user().progress = u64::from(window.end.min(first + asked)).max(1);
        let pages = window.end - window.start;
        let transfer = Transfer { thread: call.task, file: self.file, first_page: window.start, pages };
        call.kernel.transfer(call.cpu, transfer, u64::from(pages) * PAGE_SIZE, Way::Read);
        Some(wait)
    }

    /// The bytes go to the page cache, whose pages are dirty then; synchronous ones wait until the
    /// disk has them, direct ones go there only.
    pub fn write<S: Sink>(&self, call: &mut Call<'_, S>, what: What) -> Result<Outcome, Errno> {
        let object = call.kernel.files.files[self.file as usize].object;
        if call.progress() > 0 {
            call.kernel.take_failure(call.task)?;
            return Ok(self.written(call, call.progress() - 1));
        }
        let mode = self.mode(call);
        if mode.no_write {
            return Err(Errno::EBADF);
        }
        let size = call.kernel.files.files[self.file as usize].size;
        let offset = if mode.append { size } else { self.offset(call) };
        if mode.direct && !(offset.is_multiple_of(SECTOR) && call.amount().is_multiple_of(SECTOR)) {
            return Err(Errno::EINVAL);
        }
        let bytes = self.allowed(call, offset)?;
        if bytes == 0 {
            return Ok(Outcome::Done(0));
        }
        if !call.kernel.has_disk(self.file) && !mode.direct && !mode.sync {
            return Err(Errno::EIO);
        }
        let content = {
            let user = &call.userland.users[call.task.index()];
            let zeros = what == What::Zeros;
            let plain = call.kernel.files.files[self.file as usize].content.are_zeros();
            (!zeros || !plain).then(|| what.bytes(user, call.image, call.amount()).slice(0, bytes))
        };
        let entry = &mut call.kernel.files.files[self.file as usize];
        entry.size = entry.size.max(offset + bytes);
        if let Some(content) = content {
            entry.content.overwrite(offset, content);
        }
        self.moves_on(call, offset + bytes);
        if !mode.sync && !mode.direct {
            call.kernel.make_dirty(call.cpu, self.file, offset, bytes);
            return Ok(self.written(call, bytes));
        }
        let mut job = Job::default();
        if !mode.direct {
            for page in File::pages(offset, bytes) {
                call.kernel.cache(call.cpu, self.file, page);
                let entry = &mut call.kernel.files.files[self.file as usize];
                entry.dirty[page as usize] = false;
                let begin = u64::from(page) * PAGE_SIZE;
                job.carries.join(&entry.unwritten.take(begin..begin + PAGE_SIZE));
            }
        }
        call.user().progress = 1 + bytes;
        let transfer = Transfer { thread: call.task, file: self.file, first_page: 0, pages: 0 };
        // The disk's word that it has the bytes is what an fsync waits for, too.
        let way = if mode.sync { Way::Flush } else { Way::Write };
        call.kernel.begin_transfer(call.cpu, transfer, bytes, way, job);
        Ok(Outcome::Block { on: Cause::Disk, object: Some(object) })
    }

    /// As many bytes as fit, at least one if any are asked for.
    fn allowed<S: Sink>(&self, call: &Call<'_, S>, offset: u64) -> Result<u64, Errno> {
        let bytes = call.amount();
        if bytes > 0 && offset >= MOST_BYTES {
            return Err(Errno::EFBIG);
        }
        let bytes = bytes.min(MOST_BYTES - offset.min(MOST_BYTES));
        let entry = &call.kernel.files.files[self.file as usize];
        let Some(room) = call.kernel.room_on(entry.disk) else { return Ok(bytes) };
        // A gap takes room as well: there are no sparse files.
        let most = (entry.size + room).saturating_sub(offset);
        if bytes > 0 && most == 0 { Err(Errno::ENOSPC) } else { Ok(bytes.min(most)) }
    }

    fn written<S: Sink>(&self, call: &mut Call<'_, S>, bytes: u64) -> Outcome {
        let object = call.kernel.files.files[self.file as usize].object;
        call.emit(Kind::MessageSend { object, bytes });
        Outcome::Done(bytes as i64)
    }
}
