//! What all threads of all processes of a run have in common: the scenario, the board, and the memory
//! objects with their cells.

use std::os::fd::RawFd;
use std::path::PathBuf;
use std::sync::atomic::Ordering::{Acquire, Release, SeqCst};
use std::sync::atomic::{AtomicI32, AtomicI64};

use crate::ids::Fd;
use crate::os::clock::Spin;
use crate::os::memory::{self, Mapping};
use crate::program::ArrayId;
use crate::program::image::{Image, MemorySpec, Width};
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
        self.memories.get(index)
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
    pub fn initialise_arrays(&self) {
        for (number, array) in self.image.arrays.iter().enumerate() {
            for (index, &value) in array.initial.iter().enumerate().filter(|(_, value)| **value != 0) {
                if let Some(cell) = self.cell(ArrayId(number as u32), index as i64) {
                    cell.swap(value);
                }
            }
        }
    }

    /// The values of all shared elements.
    pub fn arrays(&self) -> Vec<Vec<i64>> {
        let value = |array, index| self.cell(array, index as i64).map_or(0, |cell| cell.load());
        let arrays = self.image.arrays.iter().enumerate();
        arrays
            .map(|(number, array)| {
                (0..array.initial.len()).map(|index| value(ArrayId(number as u32), index)).collect()
            })
            .collect()
    }

    /// A shared element; none outside of its array.
    pub fn cell(&self, array: ArrayId, index: i64) -> Option<SharedCell<'_>> {
        let (mapping, bytes, width) = self.place(array, index)?;
        Some(match width {
            Width::Int32 => SharedCell::Int32(mapping.cell32(bytes)?),
            Width::Int64 => SharedCell::Int64(mapping.cell64(bytes)?),
        })
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

/// A shared element, as wide as it is stored.
#[derive(Clone, Copy, Debug)]
pub enum SharedCell<'a> {
    Int32(&'a AtomicI32),
    Int64(&'a AtomicI64),
}

impl<'a> SharedCell<'a> {
    /// The 32 bits that a futex compares: the lower ones of a wider cell.
    pub fn word(self) -> &'a AtomicI32 {
        match self {
            SharedCell::Int32(cell) => cell,
            SharedCell::Int64(cell) => memory::lower_half(cell),
        }
    }

    pub fn load(&self) -> i64 {
        match self {
            SharedCell::Int32(cell) => i64::from(cell.load(Acquire)),
            SharedCell::Int64(cell) => cell.load(Acquire),
        }
    }

    pub fn store(&self, value: i64) {
        match self {
            SharedCell::Int32(cell) => cell.store(value as i32, Release),
            SharedCell::Int64(cell) => cell.store(value, Release),
        }
    }

    /// Gives what was there before.
    pub fn swap(&self, value: i64) -> i64 {
        match self {
            SharedCell::Int32(cell) => i64::from(cell.swap(value as i32, SeqCst)),
            SharedCell::Int64(cell) => cell.swap(value, SeqCst),
        }
    }

    pub fn add(&self, value: i64) -> i64 {
        match self {
            SharedCell::Int32(cell) => i64::from(cell.fetch_add(value as i32, SeqCst)),
            SharedCell::Int64(cell) => cell.fetch_add(value, SeqCst),
        }
    }

    /// Writes `new` if it holds `expected`; gives what was there before.
    pub fn compare_swap(&self, expected: i64, new: i64) -> i64 {
        match self {
            SharedCell::Int32(cell) => {
                let result = cell.compare_exchange(expected as i32, new as i32, SeqCst, SeqCst);
                i64::from(result.unwrap_or_else(|there| there))
            }
            SharedCell::Int64(cell) => {
                cell.compare_exchange(expected, new, SeqCst, SeqCst).unwrap_or_else(|there| there)
            }
        }
    }
}
