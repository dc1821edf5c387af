//! The names of files: opening, making, removing and renaming them.
//!
//! A file lives as long as a name or an open description stands for it. Source: open(2), unlink(2),
//! rename(2).

use crate::errno::Errno;
use crate::hw::device::State as DeviceState;
use crate::ids::{DeviceId, Fd, FrameNumber, Pid};
use crate::trace::Sink;

use super::Kernel;
use super::file::{File, Flags, Mode, OpenId, Opened};

/// What open is asked for besides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    pub mode: Mode,
    pub nonblock: bool,
    /// Makes the file if there is none (O_CREAT).
    pub create: bool,
    /// And fails if there is one (O_EXCL).
    pub exclusive: bool,
    /// Empties it (O_TRUNC).
    pub truncate: bool,
}

impl<S: Sink> Kernel<S> {
    /// Opens the file that a name of the scenario stands for.
    pub fn open_file(&mut self, process: Pid, name: u32, wanted: Wanted) -> Result<Fd, Errno> {
        // The descriptor comes first: without one, nothing is made or emptied.
        self.lowest_free(process)?;
        let file = match self.files.names[name as usize] {
            Some(_) if wanted.create && wanted.exclusive => return Err(Errno::EEXIST),
            Some(file) => file,
            None if wanted.create => self.make_file(name),
            None => return Err(Errno::ENOENT),
        };
        if wanted.truncate && !wanted.mode.no_write {
            self.resize_file(file, 0);
        }
        let fd = self.open(process, Opened::File(file), Flags { nonblock: wanted.nonblock })?;
        if let Some((id, _)) = self.opened(process, fd) {
            self.files.open[id.0 as usize].mode = wanted.mode;
        }
        Ok(fd)
    }

    /// A new, empty file of this name, on the disk on which the scenario has it.
    fn make_file(&mut self, name: u32) -> u32 {
        let before = &self.files.files[name as usize];
        let (object, disk) = (before.object, before.disk);
        // A name that never had a file has its place already.
        let file = if before.unlinked && before.opens == 0 {
            name
        } else {
            self.files.files.push(File::default());
            (self.files.files.len() - 1) as u32
        };
        let made = &mut self.files.files[file as usize];
        *made = File { watched: made.watched, ..File::new(object, disk, 0) };
        self.files.names[name as usize] = Some(file);
        file
    }

    /// Removes a name. What it stood for goes with the last description that is open.
    pub fn unlink_file(&mut self, name: u32) -> Result<(), Errno> {
        let file = self.files.names[name as usize].take().ok_or(Errno::ENOENT)?;
        self.files.files[file as usize].unlinked = true;
        self.forget_if_unused(file);
        Ok(())
    }

    /// Gives a file another name; what had that one before loses it.
    pub fn rename_file(&mut self, from: u32, to: u32) -> Result<(), Errno> {
        let file = self.files.names[from as usize].ok_or(Errno::ENOENT)?;
        if from == to {
            return Ok(());
        }
        let disk = self.files.files[to as usize].disk;
        if self.files.files[file as usize].disk != disk {
            return Err(Errno::EXDEV);
        }
        if self.files.names[to as usize].is_some() {
            self.unlink_file(to)?;
        }
        self.files.names[from as usize] = None;
        self.files.names[to as usize] = Some(file);
        Ok(())
    }

    /// A description of the file is closed.
    pub(super) fn file_closed(&mut self, file: u32) {
        self.files.files[file as usize].opens -= 1;
        self.forget_if_unused(file);
    }

    /// A file without a name that nobody has open is gone, and its pages with it.
    fn forget_if_unused(&mut self, file: u32) {
        let entry = &mut self.files.files[file as usize];
        if !entry.unlinked || entry.opens > 0 {
            return;
        }
        entry.dirty.clear();
        entry.unwritten = super::ranges::Ranges::default();
        let frames: Vec<FrameNumber> = entry.cached.drain(..).flatten().collect();
        for frame in frames {
            self.frames.release(frame);
        }
        self.files.files[file as usize].size = 0;
    }

    /// How many bytes more the files of a disk can have; none if there is no limit.
    pub fn room_on(&self, disk: DeviceId) -> Option<u64> {
        let DeviceState::Disk(state) = &self.devices[disk.index()].state else { return None };
        let used: u64 = self.files.files.iter().filter(|file| file.disk == disk).map(|file| file.size).sum();
        state.capacity().map(|capacity| capacity.saturating_sub(used))
    }

    /// Where a description reads or writes next.
    pub fn offset(&self, open: OpenId) -> u64 {
        self.files.open[open.0 as usize].offset
    }
}
