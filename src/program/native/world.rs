//! What all threads of all processes of a run have in common: the scenario, the board, and the memory
//! objects with their cells.

use std::os::fd::RawFd;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::Ordering::{Acquire, Release, SeqCst};
use std::sync::atomic::{AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicUsize};

use nix::fcntl::OFlag;

use crate::ids::Fd;
use crate::os::clock::Spin;
use crate::os::memory::{self, Mapping};
use crate::os::{file, named};
use crate::program::ArrayId;
use crate::program::image::{Backing, Image, MemorySpec, Width};
use crate::program::instruction::Memory;

use super::{Board, FIRST_DESCRIPTOR};

/// How the host calls the scenario's message queues and semaphore sets, in the scenario's order.
#[derive(Clone, Debug, Default)]
pub struct Named {
    /// The names of POSIX queues.
    pub queues: Vec<String>,
    /// The ids of System V queues and semaphore sets.
    pub typed: Vec<i32>,
    pub semaphores: Vec<i32>,
}

/// What all threads of all processes of a run have in common.
#[derive(Debug)]
pub struct World {
    pub image: Image,
    pub board: Board,
    pub spin: Spin,
    /// Indexed by [`MemoryId`](crate::program::image::MemoryId).
    pub memories: Vec<Mapping>,
    /// Where the process's heap is, once it has asked for one, and how many bytes it has.
    pub heap: OnceLock<Mapping>,
    pub heap_bytes: AtomicUsize,
    /// The program file that an exec executes, and what it is told.
    pub program: PathBuf,
    /// The run's CPUs, by their numbers on the host.
    pub cpus: Vec<usize>,
    /// Where files are.
    pub scratch: PathBuf,
    pub named: Named,
    /// At most so many bytes of memory objects, those of each process counted.
    pub most_memory: u64,
}

impl World {
    /// The run's number for a descriptor of the scenario.
    pub fn descriptor(&self, fd: Fd) -> RawFd {
        FIRST_DESCRIPTOR + self.memories.len() as RawFd + RawFd::from(fd.0)
    }

    /// The descriptor under which a shared memory object is inherited.
    pub const fn memory_descriptor(memory: usize) -> RawFd {
        FIRST_DESCRIPTOR + memory as RawFd
    }

    /// Where the memory object that begins at a page of the model is mapped.
    pub fn mapping(&self, memory: Memory) -> Option<&Mapping> {
        let index = self.image.memories.iter().position(|spec| spec.memory.base == memory.base)?;
        match self.image.memories[index].backing {
            Backing::Heap => self.heap.get(),
            Backing::Private
            | Backing::Shared
            | Backing::Posix
            | Backing::SystemV
            | Backing::File(_)
            | Backing::SharedFile(_) => self.memories.get(index),
        }
    }

    /// Maps a memory object as its processes have it at their beginning.
    pub fn map_at_start(&self, index: usize) -> nix::Result<()> {
        let place = &self.memories[index];
        match self.image.memories[index].backing {
            Backing::Private => place.map_zeros(),
            Backing::Shared | Backing::Posix => place.map_number(World::memory_descriptor(index), true),
            Backing::SystemV => place.attach(World::segment(index)?),
            Backing::File(fd) => place.map_private(file::open(&self.file(fd), OFlag::O_RDONLY)?),
            Backing::SharedFile(fd) => place.map_shared(file::open(&self.file(fd), OFlag::O_RDWR)?),
            Backing::Heap => Ok(()),
        }
    }

    /// What processes share is looked at by the guardian as well, before and after the run, whether they
    /// have it mapped from their beginning or not. Its elements get their values.
    pub fn map_and_fill(&self) -> nix::Result<()> {
        let late = self.image.unmapped.iter().map(|id| usize::from(id.0));
        late.filter(|&index| self.image.memories[index].backing.is_shared())
            .try_for_each(|index| self.map_at_start(index))?;
        self.initialise_arrays();
        Ok(())
    }

    /// A process that begins has only that mapped which it has from its beginning.
    pub fn unmap_what_isnt_mapped(&self) {
        for index in self.image.unmapped.iter().map(|id| usize::from(id.0)) {
            let _ = self.memories[index].unmap(0, self.image.memories[index].memory.pages as usize);
        }
    }

    /// The System V segment of a memory object: a file that all processes have inherited says its number.
    pub fn segment(index: usize) -> nix::Result<i32> {
        let number = std::fs::read_to_string(format!("/proc/self/fd/{}", World::memory_descriptor(index)));
        number.ok().and_then(|text| text.parse().ok()).ok_or(nix::Error::EBADF)
    }

    /// Where the scenario's file with a descriptor is.
    fn file(&self, fd: Fd) -> PathBuf {
        self.path(self.image.files.iter().position(|file| file.fd == fd).unwrap_or(0))
    }

    /// Removes the names of the run's memory objects.
    pub fn unlink_memories(&self) {
        for (index, spec) in self.image.memories.iter().enumerate() {
            match spec.backing {
                // A program may have done so itself.
                Backing::Posix => drop(named::unlink(&named::name(&self.scratch, index))),
                Backing::SystemV => {
                    let _ = World::segment(index).is_ok_and(named::remove_segment);
                }
                Backing::Private
                | Backing::Shared
                | Backing::File(_)
                | Backing::SharedFile(_)
                | Backing::Heap => {}
            }
        }
    }

    /// The mapping that holds an array, and the byte at which an element of it begins.
    fn place(&self, array: ArrayId, index: i64) -> Option<(&Mapping, usize, Width)> {
        let array = &self.image.arrays[array.0 as usize];
        let index = usize::try_from(index).ok().filter(|&index| index < array.initial.len())?;
        let inside = |spec: &MemorySpec| {
            let first = spec.memory.base.index();
            (first..first + spec.memory.pages as usize).contains(&array.page.index())
        };
        let memory = self.image.memories.iter().position(inside)?;
        let pages = array.page.index() - self.image.memories[memory].memory.base.index();
        let bytes = pages * 4096 + array.offset as usize + index * array.width.bytes() as usize;
        Some((self.memories.get(memory)?, bytes, array.width))
    }

    /// Gives all shared elements the values that they begin with.
    fn initialise_arrays(&self) {
        for (number, array) in self.image.arrays.iter().enumerate() {
            for (index, &bits) in array.initial.iter().enumerate().filter(|(_, bits)| **bits != 0) {
                if let Some(cell) = self.cell(ArrayId(number as u32), index as i64) {
                    cell.set_bits(bits);
                }
            }
        }
    }

    /// A child doesn't begin with what its parent has for its own in arrays.
    pub fn clear_own(&self) {
        if !self.image.has_feeders {
            return;
        }
        for (number, array) in self.image.arrays.iter().enumerate() {
            if self.image.is_own(array) {
                let cells =
                    (0..array.initial.len() as i64).filter_map(|at| self.cell(ArrayId(number as u32), at));
                cells.filter(|cell| cell.bits() != 0).for_each(|cell| cell.set_bits(0));
            }
        }
    }

    /// What all shared elements hold, as their bits.
    pub fn arrays(&self) -> Vec<Vec<i64>> {
        let bits = |array, index| self.cell(array, index as i64).map_or(0, |cell| cell.bits());
        let arrays = self.image.arrays.iter().enumerate();
        arrays
            .map(|(number, array)| {
                (0..array.initial.len()).map(|index| bits(ArrayId(number as u32), index)).collect()
            })
            .collect()
    }

    /// A shared element; none outside of its array.
    pub fn cell(&self, array: ArrayId, index: i64) -> Option<SharedCell<'_>> {
        let (mapping, bytes, width) = self.place(array, index)?;
        let word = match width.bytes() {
            1 => Word::Bits8(mapping.cell8(bytes)?),
            2 => Word::Bits16(mapping.cell16(bytes)?),
            4 => Word::Bits32(mapping.cell32(bytes)?),
            _ => Word::Bits64(mapping.cell64(bytes)?),
        };
        Some(SharedCell { word, width })
    }

    /// Where a FIFO of the scenario is, by its number among the pipes.
    pub fn fifo(&self, pipe: usize) -> PathBuf {
        self.scratch.join(format!("fifo-{pipe}"))
    }

    /// Where a file of the scenario is.
    pub fn path(&self, file: usize) -> PathBuf {
        self.scratch.join(format!("file-{file}"))
    }
}

/// A shared element.
#[derive(Clone, Copy, Debug)]
pub struct SharedCell<'a> {
    word: Word<'a>,
    width: Width,
}

/// As wide as it is stored.
#[derive(Clone, Copy, Debug)]
enum Word<'a> {
    Bits8(&'a AtomicI8),
    Bits16(&'a AtomicI16),
    Bits32(&'a AtomicI32),
    Bits64(&'a AtomicI64),
}

impl<'a> SharedCell<'a> {
    /// The 32 bits that a futex compares: the lower ones of a wider cell. None if it is narrower.
    pub fn word(self) -> Option<&'a AtomicI32> {
        match self.word {
            Word::Bits8(_) | Word::Bits16(_) => None,
            Word::Bits32(cell) => Some(cell),
            Word::Bits64(cell) => Some(memory::lower_half(cell)),
        }
    }

    /// What it holds, as its bits.
    pub fn bits(&self) -> i64 {
        self.width.cut(match self.word {
            Word::Bits8(cell) => cell.load(Acquire).into(),
            Word::Bits16(cell) => cell.load(Acquire).into(),
            Word::Bits32(cell) => cell.load(Acquire).into(),
            Word::Bits64(cell) => cell.load(Acquire),
        })
    }

    pub fn set_bits(&self, bits: i64) {
        match self.word {
            Word::Bits8(cell) => cell.store(bits as i8, Release),
            Word::Bits16(cell) => cell.store(bits as i16, Release),
            Word::Bits32(cell) => cell.store(bits as i32, Release),
            Word::Bits64(cell) => cell.store(bits, Release),
        }
    }

    pub fn load(&self) -> i64 {
        self.width.loaded(self.bits())
    }

    pub fn store(&self, value: i64) {
        self.set_bits(self.width.stored(value));
    }

    /// Gives what was there before.
    pub fn swap(&self, value: i64) -> i64 {
        let new = self.width.stored(value);
        self.width.loaded(self.width.cut(match self.word {
            Word::Bits8(cell) => cell.swap(new as i8, SeqCst).into(),
            Word::Bits16(cell) => cell.swap(new as i16, SeqCst).into(),
            Word::Bits32(cell) => cell.swap(new as i32, SeqCst).into(),
            Word::Bits64(cell) => cell.swap(new, SeqCst),
        }))
    }

    /// Only for integers, as on the machine.
    pub fn add(&self, value: i64) -> i64 {
        self.width.cut(match self.word {
            Word::Bits8(cell) => cell.fetch_add(value as i8, SeqCst).into(),
            Word::Bits16(cell) => cell.fetch_add(value as i16, SeqCst).into(),
            Word::Bits32(cell) => cell.fetch_add(value as i32, SeqCst).into(),
            Word::Bits64(cell) => cell.fetch_add(value, SeqCst),
        })
    }

    /// Writes `new` if it holds `expected`; gives what was there before.
    pub fn compare_swap(&self, expected: i64, new: i64) -> i64 {
        // What doesn't fit can't be there.
        if self.width.cut(expected) != expected {
            return self.load();
        }
        macro_rules! exchange {
            ($cell:expr, $kind:ty) => {
                $cell
                    .compare_exchange(expected as $kind, new as $kind, SeqCst, SeqCst)
                    .unwrap_or_else(|there| there)
                    .into()
            };
        }
        self.width.cut(match self.word {
            Word::Bits8(cell) => exchange!(cell, i8),
            Word::Bits16(cell) => exchange!(cell, i16),
            Word::Bits32(cell) => exchange!(cell, i32),
            Word::Bits64(cell) => exchange!(cell, i64),
        })
    }
}
