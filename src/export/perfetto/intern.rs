//! Texts that are written once and then stand as numbers: Perfetto's interned data.

use std::collections::HashMap;

use super::quick::Quick;
use super::wire;

/// So many texts of a sort get a number; memory mustn't grow with the trace. Further ones are written out.
const MOST: usize = 1 << 16;

/// What is numbered, by the field of Perfetto's InternedData.
#[derive(Clone, Copy)]
pub enum Sort {
    Category = 1,
    Name = 2,
    AnnotationName = 3,
    AnnotationText = 29,
}

/// All texts with a number.
#[derive(Default)]
pub struct Interned {
    categories: HashMap<Box<str>, u64, Quick>,
    names: HashMap<Box<str>, u64, Quick>,
    annotation_names: HashMap<Box<str>, u64, Quick>,
    annotation_texts: HashMap<Box<str>, u64, Quick>,
    /// Those that haven't been written yet: the content of an InternedData.
    fresh: Vec<u8>,
}

impl Interned {
    /// The number of a text; none if there are too many.
    pub fn number(&mut self, sort: Sort, text: &str) -> Option<u64> {
        let known = match sort {
            Sort::Category => &mut self.categories,
            Sort::Name => &mut self.names,
            Sort::AnnotationName => &mut self.annotation_names,
            Sort::AnnotationText => &mut self.annotation_texts,
        };
        if let Some(number) = known.get(text) {
            return Some(*number);
        }
        if known.len() == MOST {
            return None;
        }
        // Perfetto takes 0 for none.
        let number = known.len() as u64 + 1;
        known.insert(text.into(), number);
        wire::message(&mut self.fresh, sort as u32, |out| {
            wire::number(out, 1, number);
            wire::text(out, 2, text);
        });
        Some(number)
    }

    /// Writes a text as a number, or as itself.
    pub fn put(&mut self, out: &mut Vec<u8>, sort: Sort, numbered: u32, written: u32, text: &str) {
        match self.number(sort, text) {
            Some(number) => wire::number(out, numbered, number),
            None => wire::text(out, written, text),
        }
    }

    /// What the next packet must say before its numbers mean something.
    #[inline]
    pub fn fresh(&mut self) -> &mut Vec<u8> {
        &mut self.fresh
    }
}
