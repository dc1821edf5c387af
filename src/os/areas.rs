//! The scenario's memory in a real process: each object lies at the same address in all processes of all
//! runs, so that it can be mapped, unmapped and found again, also after an exec.

use std::num::NonZeroUsize;
use std::os::fd::{AsFd, BorrowedFd, RawFd};
use std::ptr::NonNull;

use nix::errno::Errno as HostErrno;
use nix::sys::mman::{MapFlags, MsFlags, ProtFlags, mmap, mmap_anonymous, mprotect, msync, munmap};

use super::file;
use super::memory::Mapping;
use crate::errno::Errno;

/// What may be done with mapped pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowed {
    Nothing,
    Reading,
    Writing,
}

/// Where the model's page 0 would lie: far from where kernels put programs, libraries, heaps and stacks.
const BASE: usize = 0x1000_0000_0000;
const PAGE: usize = 4096;

impl Mapping {
    /// The place of a memory object whose first page has this number; nothing is mapped there yet.
    pub fn place(first_page: usize, bytes: usize) -> Mapping {
        Mapping::over(BASE + first_page * PAGE, bytes)
    }

    fn at(&self) -> Option<NonZeroUsize> {
        Some(self.start().addr())
    }

    fn length(&self) -> NonZeroUsize {
        NonZeroUsize::new(self.bytes()).unwrap_or(NonZeroUsize::MIN)
    }

    /// Maps zeros of the process's own, in place of what was there.
    pub fn map_zeros(&self) -> nix::Result<()> {
        let flags = MapFlags::MAP_PRIVATE | MapFlags::MAP_NORESERVE | MapFlags::MAP_FIXED;
        // SAFETY: nothing but this object ever lies there, and it is accessed through atomics and
        // volatile accesses only.
        unsafe { mmap_anonymous(self.at(), self.length(), rights(), flags)? };
        self.no_huge_pages();
        Ok(())
    }

    /// Maps what a descriptor refers to, in place of what was there.
    fn map(&self, object: impl AsFd, kind: MapFlags) -> nix::Result<()> {
        let flags = kind | MapFlags::MAP_FIXED;
        // SAFETY: as above.
        unsafe { mmap(self.at(), self.length(), rights(), flags, object, 0).map(|_| ()) }
    }

    /// Maps an object or file so that all who map it see each other's writes.
    pub fn map_shared(&self, object: impl AsFd) -> nix::Result<()> {
        self.map(object, MapFlags::MAP_SHARED)
    }

    /// Maps a file; writes stay the process's own.
    pub fn map_private(&self, file: impl AsFd) -> nix::Result<()> {
        self.map(file, MapFlags::MAP_PRIVATE)
    }

    /// The same for a descriptor that the process knows by its number; EBADF if it isn't open.
    pub fn map_number(&self, descriptor: RawFd, shared: bool) -> nix::Result<()> {
        file::check_open(descriptor)?;
        // SAFETY: the descriptor is open, and is only borrowed for this call.
        let borrowed = unsafe { BorrowedFd::borrow_raw(descriptor) };
        if shared { self.map_shared(borrowed) } else { self.map_private(borrowed) }
    }

    /// Attaches a System V segment there, where nothing may be.
    pub fn attach(&self, segment: i32) -> nix::Result<()> {
        // SAFETY: as above; without SHM_REMAP the kernel refuses a place where something is.
        let at = unsafe { libc::shmat(segment, self.start().as_ptr(), 0) };
        if at.addr() == usize::MAX { Err(HostErrno::last()) } else { Ok(()) }
    }

    /// Detaches the segment that is there.
    pub fn detach(&self) -> Result<(), Errno> {
        // SAFETY: what is detached is this object; a later access to it ends the process, as meant.
        HostErrno::result(unsafe { libc::shmdt(self.start().as_ptr()) }).map(|_| ()).map_err(super::errno)
    }

    fn part(&self, first: usize, pages: usize) -> Result<(NonNull<libc::c_void>, usize), Errno> {
        let (from, bytes) = (first * PAGE, pages * PAGE);
        if from + bytes > self.bytes() {
            return Err(Errno::EINVAL);
        }
        let start = NonNull::new(self.start().as_ptr().wrapping_byte_add(from)).ok_or(Errno::EINVAL)?;
        Ok((start, bytes))
    }

    /// Unmaps some of its pages. A later access to them ends the process, as it should.
    pub fn unmap(&self, first: usize, pages: usize) -> Result<(), Errno> {
        let (start, bytes) = self.part(first, pages)?;
        // SAFETY: the part lies within this object's place.
        unsafe { munmap(start, bytes) }.map_err(super::errno)
    }

    pub fn protect(&self, first: usize, pages: usize, allowed: Allowed) -> Result<(), Errno> {
        let (start, bytes) = self.part(first, pages)?;
        let flags = match allowed {
            Allowed::Nothing => ProtFlags::PROT_NONE,
            Allowed::Reading => ProtFlags::PROT_READ,
            Allowed::Writing => rights(),
        };
        // SAFETY: the part lies within this object's place; an access that isn't allowed any more ends the
        // process, as meant.
        unsafe { mprotect(start, bytes, flags) }.map_err(super::errno)
    }

    /// Waits until the disk has what was written to the mapped file.
    pub fn sync(&self) -> Result<(), Errno> {
        // SAFETY: this changes nothing of what the memory holds.
        unsafe { msync(self.start(), self.bytes(), MsFlags::MS_SYNC) }.map_err(super::errno)
    }
}

fn rights() -> ProtFlags {
    ProtFlags::PROT_READ | ProtFlags::PROT_WRITE
}

/// The heap of this process: from the program's break, as it is now, up to `most` bytes. The allocator of
/// the program itself has its own heap below, with some room left.
pub fn heap(most: usize) -> Mapping {
    drop(Vec::<u8>::with_capacity(96 << 10));
    // SAFETY: a plain number; the break stays where it is.
    let end = unsafe { libc::sbrk(0) };
    Mapping::over(end.addr().next_multiple_of(PAGE), most)
}

/// Moves the end of a heap, whose end lies at `old` bytes, to `new`.
pub fn set_heap(heap: &Mapping, old: usize, new: usize) -> Result<(), Errno> {
    let end = heap.start().addr().get() + old;
    // SAFETY: a plain number.
    let now = unsafe { libc::sbrk(0) }.addr();
    // Before the first move, the break may lie within the page below.
    if now.next_multiple_of(PAGE) != end {
        return Err(Errno::ENOMEM);
    }
    // SAFETY: only the scenario's heap lies between its beginning and the break.
    let result = unsafe { libc::brk(heap.start().as_ptr().wrapping_byte_add(new).cast()) };
    HostErrno::result(result).map(|_| ()).map_err(super::errno)
}
