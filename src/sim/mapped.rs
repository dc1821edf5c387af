//! Shared cells that lie in a mapped file: the file's content is what they hold, whoever has written it,
//! through the mapping or by a call.

use crate::kernel::bytes::Bytes;
use crate::program::image::{Backing, Image};
use crate::program::{ArrayId, Cell};
use crate::trace::Sink;

use super::Simulator;

/// For each shared array the file that it lies in, and where; empty if none does.
pub(super) fn places(image: &Image) -> Vec<Option<(u32, u64)>> {
    let place = |page: u32| {
        image.memories.iter().find_map(|spec| {
            let Backing::SharedFile(fd) = spec.backing else { return None };
            let inside = (spec.memory.base.0..spec.memory.base.0 + spec.memory.pages).contains(&page);
            let file = image.files.iter().position(|file| file.fd == fd)?;
            inside.then(|| (file as u32, u64::from(page - spec.memory.base.0) * crate::hw::mmu::PAGE_SIZE))
        })
    };
    let arrays = image.arrays.iter();
    let places: Vec<_> = arrays
        .map(|array| place(array.page.0).map(|(file, page)| (file, page + u64::from(array.offset))))
        .collect();
    if places.iter().any(Option::is_some) { places } else { Vec::new() }
}

impl<S: Sink> Simulator<'_, S> {
    /// What the file holds goes to the element; called before the element is looked at.
    #[inline]
    pub(super) fn fetch_element(&mut self, cell: Cell, index: i64) {
        if !self.mapped.is_empty() {
            self.element_from_file(cell.array, index);
        }
    }

    #[inline(never)]
    fn element_from_file(&mut self, array: ArrayId, index: i64) {
        let Some((file, at, width)) = self.place_in_file(array, index) else { return };
        let content = &self.kernel.files.files[file as usize].content;
        let mut bytes = content.slice(at, u64::from(width.bytes()));
        bytes.push_zeros(u64::from(width.bytes()) - bytes.len());
        let held = width.cut(bytes.first_word() as i64);
        if let Some(element) = self.userland.element(array, index) {
            *element = held;
        }
    }

    /// What the element holds goes to the file; called after it was changed.
    #[inline]
    pub(super) fn put_element(&mut self, cell: Cell, index: i64) {
        if !self.mapped.is_empty() {
            self.element_to_file(cell.array, index);
        }
    }

    #[inline(never)]
    fn element_to_file(&mut self, array: ArrayId, index: i64) {
        let Some((file, at, width)) = self.place_in_file(array, index) else { return };
        let Some(&mut held) = self.userland.element(array, index) else { return };
        let bytes = &held.to_le_bytes()[..width.bytes() as usize];
        self.kernel.files.files[file as usize].content.overwrite(at, Bytes::text(bytes));
    }

    fn place_in_file(&self, array: ArrayId, index: i64) -> Option<(u32, u64, crate::program::image::Width)> {
        let (file, start) = self.mapped[array.0 as usize]?;
        let width = self.image.arrays[array.0 as usize].width;
        Some((file, start + u64::try_from(index).ok()? * u64::from(width.bytes()), width))
    }

    /// The values that mapped cells have at the beginning are in the files.
    pub(super) fn fill_mapped_files(&mut self) {
        self.each_mapped(|simulator, array, index| {
            if simulator.userland.element(array, index).is_some_and(|element| *element != 0) {
                simulator.element_to_file(array, index);
            }
        });
    }

    /// At the end the cells hold what the files do.
    pub(super) fn settle_mapped_cells(&mut self) {
        self.each_mapped(|simulator, array, index| simulator.element_from_file(array, index));
    }

    fn each_mapped(&mut self, each: impl Fn(&mut Self, ArrayId, i64)) {
        for number in 0..self.mapped.len() {
            let length = self.image.arrays[number].initial.len();
            if self.mapped[number].is_some() {
                (0..length as i64).for_each(|index| each(self, ArrayId(number as u32), index));
            }
        }
    }
}
