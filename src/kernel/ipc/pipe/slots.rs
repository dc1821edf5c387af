//! The slots of a pipe that are in use, from the oldest on.
//!
//! Most pipes never hold more than one message that nobody has read yet, so the oldest slot has a place of
//! its own, and the row behind it is touched only if there are more.

use std::collections::VecDeque;

/// A slot in use: how many bytes of its page are still to be read, and where they end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slot {
    pub length: u32,
    pub end: u32,
}

#[derive(Clone, Debug, Default)]
pub struct Slots {
    in_use: usize,
    /// The oldest, if any is in use.
    oldest: Slot,
    /// Those behind it.
    others: VecDeque<Slot>,
}

impl Slots {
    #[inline(always)]
    pub const fn len(&self) -> usize {
        self.in_use
    }

    #[inline(always)]
    pub const fn is_empty(&self) -> bool {
        self.in_use == 0
    }

    #[inline(always)]
    pub fn first_mut(&mut self) -> Option<&mut Slot> {
        (self.in_use > 0).then_some(&mut self.oldest)
    }

    #[inline(always)]
    pub fn last(&self) -> Option<&Slot> {
        match self.in_use {
            0 => None,
            1 => Some(&self.oldest),
            _ => self.others.back(),
        }
    }

    #[inline(always)]
    pub fn last_mut(&mut self) -> Option<&mut Slot> {
        match self.in_use {
            0 => None,
            1 => Some(&mut self.oldest),
            _ => self.others.back_mut(),
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Slot> {
        std::iter::once(&self.oldest).take(self.in_use).chain(&self.others)
    }

    /// One more is in use: the youngest.
    #[inline(always)]
    pub fn push(&mut self, slot: Slot) {
        if self.in_use == 0 {
            self.oldest = slot;
        } else {
            self.others.push_back(slot);
        }
        self.in_use += 1;
    }

    /// The oldest, which must be there, is free again.
    #[inline(always)]
    pub fn pop(&mut self) {
        self.in_use -= 1;
        if self.in_use > 0 {
            self.oldest = self.others.pop_front().unwrap_or_default();
        }
    }
}
