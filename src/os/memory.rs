//! Memory that processes share, its cells, and pages that are touched.

use std::num::NonZeroUsize;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicI32, AtomicI64, AtomicU8, AtomicU64, Ordering};

use nix::fcntl::OFlag;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap, mmap_anonymous, munmap};
use nix::unistd::ftruncate;

use super::file;

/// A piece of mapped memory; it goes when this is dropped.
#[derive(Debug)]
pub struct Mapping {
    start: NonNull<libc::c_void>,
    bytes: usize,
}

// SAFETY: the memory is accessed through atomics and volatile accesses only.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

/// A new memory object of so many bytes, all zero, that lives as long as somebody has its
/// descriptor. It takes up no memory until it is touched.
pub fn shared_object(name: &str, bytes: u64) -> nix::Result<OwnedFd> {
    let object = memfd_create(name, MFdFlags::empty())?;
    ftruncate(&object, bytes as i64)?;
    Ok(object)
}

impl Mapping {
    /// Maps a memory object so that all who map it see each other's writes.
    pub fn shared(object: impl AsFd, bytes: usize) -> nix::Result<Mapping> {
        // SAFETY: the kernel chooses the place, and the mapping is the only owner of it.
        let start = unsafe { mmap(None, size(bytes), rights(), MapFlags::MAP_SHARED, object, 0)? };
        Ok(Mapping { start, bytes })
    }

    /// Maps the object that a descriptor, inherited under this number, refers to.
    pub fn inherited(object: RawFd, bytes: usize) -> nix::Result<Mapping> {
        file::check_open(object)?;
        // SAFETY: the descriptor is open, and is only borrowed for this call.
        Mapping::shared(unsafe { BorrowedFd::borrow_raw(object) }, bytes)
    }

    /// Zeros of the process's own; a fork copies them at the first write.
    pub fn private(bytes: usize) -> nix::Result<Mapping> {
        let flags = MapFlags::MAP_PRIVATE | MapFlags::MAP_NORESERVE;
        // SAFETY: the kernel chooses the place, and the mapping is the only owner of it.
        let start = unsafe { mmap_anonymous(None, size(bytes), rights(), flags)? };
        let mapping = Mapping { start, bytes };
        mapping.no_huge_pages();
        Ok(mapping)
    }

    /// A file's content; writes stay the process's own.
    pub fn of_file(path: &std::path::Path, bytes: usize) -> nix::Result<Mapping> {
        let file = file::open(path, OFlag::O_RDONLY)?;
        // SAFETY: the kernel chooses the place, and the mapping is the only owner of it.
        let start = unsafe { mmap(None, size(bytes), rights(), MapFlags::MAP_PRIVATE, &file, 0)? };
        Ok(Mapping { start, bytes })
    }

    /// A page fault maps one page, as in the model, not 512.
    fn no_huge_pages(&self) {
        // SAFETY: the advice concerns this mapping only, and changes nothing of its content.
        let _ = unsafe { madvise(self.start, self.bytes, MmapAdvise::MADV_NOHUGEPAGE) };
    }

    /// Has the kernel map a part beforehand, so that writing to it causes no page faults.
    pub fn populate(&self, offset: usize, bytes: usize) {
        if offset + bytes <= self.bytes {
            // SAFETY: the part lies within the mapping.
            unsafe {
                let part = self.start.as_ptr().byte_add(offset);
                libc::madvise(part, bytes, libc::MADV_POPULATE_WRITE);
            }
        }
    }

    fn contains(&self, address: usize) -> bool {
        let start = self.start.as_ptr() as usize;
        (start..start + self.bytes).contains(&address)
    }

    /// The number of its first page in this process's address space.
    pub fn first_page(&self) -> u64 {
        self.start.addr().get() as u64 / 4096
    }

    /// All of it, as words.
    pub fn words(&self) -> &[AtomicU64] {
        // SAFETY: mappings begin at a page, live as long as `self`, and any bits are a valid word.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr().cast(), self.bytes / 8) }
    }

    /// Writes numbers to the first so many bytes, or reads what is there, word by word.
    pub fn copy(&self, bytes: u64, write: bool) {
        let words = self.words().iter().take(usize::try_from(bytes / 8).unwrap_or(usize::MAX));
        if write {
            words.zip(0_u32..).for_each(|(word, value)| {
                word.store(f64::from(value).to_bits(), Ordering::Relaxed);
            });
        } else {
            let read = words.map(|word| f64::from_bits(word.load(Ordering::Relaxed)));
            std::hint::black_box(read.sum::<f64>());
        }
    }

    /// A 64-bit cell, if it lies within and is aligned.
    pub fn cell64(&self, offset: usize) -> Option<&AtomicI64> {
        let fits = offset.is_multiple_of(8) && offset + 8 <= self.bytes;
        // SAFETY: it lies within the mapping, is aligned, and lives as long as `self`.
        fits.then(|| unsafe { &*self.start.as_ptr().byte_add(offset).cast() })
    }

    /// A 32-bit cell, if it lies within and is aligned.
    pub fn cell32(&self, offset: usize) -> Option<&AtomicI32> {
        let fits = offset.is_multiple_of(4) && offset + 4 <= self.bytes;
        // SAFETY: it lies within the mapping, is aligned, and lives as long as `self`.
        fits.then(|| unsafe { &*self.start.as_ptr().byte_add(offset).cast() })
    }

    /// One access to the byte at an offset. Outside of the mapping it is an access to the kernel's
    /// memory, which ends the process with SIGSEGV.
    #[inline]
    pub fn touch(&self, offset: u64, write: bool) {
        if offset >= self.bytes as u64 {
            return touch_kernel(write);
        }
        // SAFETY: the byte lies within the mapping, and other processes change it in this way alone.
        unsafe {
            let byte = self.start.as_ptr().byte_add(offset as usize).cast::<u8>();
            if write {
                // One access: reading first would map the page of zeros, and be a fault of its own.
                AtomicU8::from_ptr(byte).fetch_add(1, Ordering::Relaxed);
            } else {
                byte.read_volatile();
            }
        }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: nothing refers to the mapping any more: all references to it borrow `self`.
        let _ = unsafe { munmap(self.start, self.bytes) };
    }
}

fn rights() -> ProtFlags {
    ProtFlags::PROT_READ | ProtFlags::PROT_WRITE
}

fn size(bytes: usize) -> NonZeroUsize {
    NonZeroUsize::new(bytes).unwrap_or(NonZeroUsize::MIN)
}

/// An access to the kernel's half of the address space: SIGSEGV, as the scenario asks for.
pub fn touch_kernel(write: bool) {
    let kernel = 0xffff_8000_0000_0000_usize;
    super::signal::execute_refused(match write {
        true => super::signal::Refused::Write(kernel),
        false => super::signal::Refused::Read(kernel),
    });
}

/// Has the kernel map what this process will need of itself, all but the given mappings: what faults
/// then is the scenario's own doing.
pub fn populate_all(except: &[Mapping]) {
    /// Larger ones are reserved rather than used.
    const MOST: usize = 32 << 20;
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        let (Some(range), Some(rights)) = (words.next(), words.next()) else { continue };
        let bounds = range.split_once('-').map(|(from, to)| {
            (usize::from_str_radix(from, 16).unwrap_or(0), usize::from_str_radix(to, 16).unwrap_or(0))
        });
        let Some((from, to)) = bounds.filter(|(from, to)| from < to && to - from <= MOST) else { continue };
        let special = line.contains("[v") || !rights.ends_with('p');
        if special || except.iter().any(|mapping| mapping.contains(from)) {
            continue;
        }
        let advice = match rights.as_bytes() {
            [_, b'w', ..] => libc::MADV_POPULATE_WRITE,
            // What is only read is faulted in as it is needed: mapping all of it makes the exit slow.
            [_, _, b'x', ..] => libc::MADV_POPULATE_READ,
            _ => continue,
        };
        // SAFETY: populating changes nothing of what the memory holds.
        unsafe { libc::madvise(from as *mut libc::c_void, to - from, advice) };
    }
}

/// The lower 32 bits of a cell.
pub fn lower_half(cell: &AtomicI64) -> &AtomicI32 {
    let first = cell.as_ptr().cast::<i32>();
    let lower = if cfg!(target_endian = "big") { first.wrapping_add(1) } else { first };
    // SAFETY: it lies within the cell, is aligned, and lives as long as the cell. The kernel reads
    // it as 32 bits while programs access all 64: both accesses are atomic.
    unsafe { AtomicI32::from_ptr(lower) }
}

/// The descriptor's number, for those who inherit it.
pub fn number(object: &OwnedFd) -> RawFd {
    object.as_raw_fd()
}
