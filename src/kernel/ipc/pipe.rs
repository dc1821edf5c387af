//! A pipe: a ring of pages with an end to read and an end to write. A FIFO is one with a name.
//!
//! Model: pipe(7), fifo(7), and fs/pipe.c of Linux 6.18 for what the manual leaves open. Bytes are read
//! once, in the order in which they were written. A pipe of 64 KiB has 16 slots of a page each. A write
//! begins a new slot, unless what goes beyond its whole pages fits behind the last written bytes. A slot
//! is free again when all of it has been read: until then a pipe whose slots are all in use is full,
//! however few bytes they hold.

use crate::ids::ObjectId;
use crate::kernel::bytes::Bytes;
use crate::kernel::wait::WaitQueue;

use slots::{Slot, Slots};

mod slots;

/// Writes of at most so many bytes go in as one piece (limits.h).
pub const PIPE_BUF: u64 = 4096;

/// The bytes of a slot.
pub const SLOT: u64 = 4096;

/// The capacity of a pipe unless the scenario says otherwise: 16 pages (pipe(7)).
pub const DEFAULT_CAPACITY: u64 = 65_536;

/// The most that somebody without privilege can make of a pipe: /proc/sys/fs/pipe-max-size.
pub const MOST_CAPACITY: u64 = 1 << 20;

/// The most that F_SETPIPE_SZ takes at all.
const MOST_ASKED: u64 = 1 << 31;

#[derive(Clone, Debug)]
pub struct Pipe {
    /// None if the scenario has no name for it.
    pub object: Option<ObjectId>,
    /// From the oldest on.
    content: Bytes,
    slots: Slots,
    /// How many slots it has, and the bytes of each: less than a page only in a pipe that is smaller
    /// than one, as no real pipe is.
    most_slots: usize,
    slot: u64,
    /// Whether it is a FIFO, which is empty again when nobody has it open.
    pub named: bool,
    /// Whether anybody has ever polled it: then each write wakes, not only the one that finds it empty.
    pub polled: bool,
    /// Open descriptions of each end, and how many there have ever been.
    pub readers: u32,
    pub writers: u32,
    pub readers_ever: u64,
    pub writers_ever: u64,
    pub waiting_readers: WaitQueue,
    pub waiting_writers: WaitQueue,
}

/// What a write can do now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    pub bytes: u64,
    /// Of these, behind the bytes in the last slot.
    merged: u64,
}

/// What F_SETPIPE_SZ makes of a capacity: whole pages, and a power of two of them. None if that is too
/// much.
pub const fn rounded(capacity: u64) -> Option<u64> {
    if capacity > MOST_ASKED {
        return None;
    }
    let capacity = if capacity < SLOT { SLOT } else { capacity };
    Some(capacity.next_power_of_two())
}

impl Pipe {
    /// Rounded up to a power of two, as Linux does it. A pipe of less than a page has one slot of that size.
    pub fn new(object: Option<ObjectId>, capacity: u64) -> Pipe {
        let whole = capacity.next_power_of_two();
        let slot = whole.min(SLOT);
        Pipe {
            object,
            content: Bytes::default(),
            slots: Slots::default(),
            most_slots: (whole / slot) as usize,
            slot,
            named: false,
            polled: false,
            readers: 0,
            writers: 0,
            readers_ever: 0,
            writers_ever: 0,
            waiting_readers: WaitQueue::default(),
            waiting_writers: WaitQueue::default(),
        }
    }

    /// The bytes that are in it.
    pub const fn used(&self) -> u64 {
        self.content.len()
    }

    /// The bytes that it can hold at most.
    pub const fn capacity(&self) -> u64 {
        self.most_slots as u64 * self.slot
    }

    pub fn slots_in_use(&self) -> usize {
        self.slots.len()
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Whether all slots are in use.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.slots.len() >= self.most_slots
    }

    /// How many of `rest` bytes go in now. A call that begins first fills up the last slot with what
    /// goes beyond whole pages, if that fits there as one piece; one that has waited doesn't. Everything
    /// else takes slots of its own.
    #[inline(always)]
    pub fn accepts(&self, rest: u64, has_waited: bool) -> Accepted {
        let odd = rest & (self.slot - 1);
        let mut merged = 0;
        if odd > 0
            && !has_waited
            && let Some(last) = self.slots.last()
            && u64::from(last.end) + odd <= self.slot
        {
            merged = odd;
        }
        let free = (self.most_slots - self.slots.len().min(self.most_slots)) as u64 * self.slot;
        Accepted { bytes: merged + free.min(rest - merged), merged }
    }

    /// The slots in use once so many bytes have gone in.
    pub fn slots_with(&self, more: Accepted) -> usize {
        self.slots.len() + (more.bytes - more.merged).div_ceil(self.slot) as usize
    }

    /// The slots in use once so many bytes have been taken out.
    pub fn slots_without(&self, bytes: u64) -> usize {
        let mut left = bytes;
        let emptied = self.slots.iter().take_while(|slot| {
            let whole = u64::from(slot.length) <= left;
            left -= if whole { u64::from(slot.length) } else { 0 };
            whole
        });
        self.slots.len() - emptied.count()
    }

    /// Puts bytes in that nothing is known of.
    #[inline(always)]
    pub fn put_zeros(&mut self, bytes: Accepted) {
        self.content.push_zeros(bytes.bytes);
        self.fill(bytes);
    }

    pub fn put(&mut self, content: Bytes, bytes: Accepted) {
        self.content.push(content);
        self.fill(bytes);
    }

    #[inline(always)]
    fn fill(&mut self, accepted: Accepted) {
        if accepted.merged == 0 && (1..=self.slot).contains(&accepted.bytes) {
            let length = accepted.bytes as u32;
            self.slots.push(Slot { length, end: length });
        } else if accepted.merged == accepted.bytes
            && let Some(last) = self.slots.last_mut()
        {
            last.length += accepted.bytes as u32;
            last.end += accepted.bytes as u32;
        } else {
            self.fill_several(accepted);
        }
    }

    #[inline(never)]
    fn fill_several(&mut self, Accepted { bytes, merged }: Accepted) {
        if merged > 0
            && let Some(last) = self.slots.last_mut()
        {
            last.length += merged as u32;
            last.end += merged as u32;
        }
        let mut rest = bytes - merged;
        while rest > 0 {
            let part = rest.min(self.slot);
            self.slots.push(Slot { length: part as u32, end: part as u32 });
            rest -= part;
        }
    }

    /// Gives back the slots of the oldest so many bytes. Whether it was full and a slot is free now:
    /// only then somebody who waits for room is woken.
    #[inline(always)]
    fn empty(&mut self, bytes: u64) -> bool {
        let full = self.is_full();
        match self.slots.first_mut() {
            Some(first) if u64::from(first.length) > bytes => {
                first.length -= bytes as u32;
                false
            }
            Some(first) if u64::from(first.length) == bytes => {
                self.slots.pop();
                full
            }
            Some(_) | None => self.empty_several(bytes),
        }
    }

    #[inline(never)]
    fn empty_several(&mut self, bytes: u64) -> bool {
        let mut makes_room = false;
        let mut rest = bytes as u32;
        while rest > 0
            && let Some(first) = self.slots.first_mut()
        {
            let part = first.length.min(rest);
            first.length -= part;
            rest -= part;
            if first.length == 0 {
                makes_room |= self.slots.len() >= self.most_slots;
                self.slots.pop();
            }
        }
        makes_room
    }

    /// Takes out as many bytes as there are, at most `bytes`: how many, the first eight of them, and
    /// whether a full pipe has room now.
    #[inline(always)]
    pub fn take_word(&mut self, bytes: u64) -> (u64, u64, bool) {
        let (taken, word) = self.content.take_word(bytes);
        (taken, word, self.empty(taken))
    }

    /// Takes out as many bytes as there are, at most `bytes`, and says whether a full pipe has room now.
    pub fn take(&mut self, bytes: u64) -> (Bytes, bool) {
        let taken = self.content.take(bytes);
        let makes_room = self.empty(taken.len());
        (taken, makes_room)
    }

    /// Nobody has a FIFO open any more: what nobody has read is gone.
    pub fn discard(&mut self) {
        self.content = Bytes::default();
        self.slots = Slots::default();
    }

    /// Gives it another capacity, already [`rounded`]; false if more slots are in use.
    pub fn resize(&mut self, capacity: u64) -> bool {
        let slots = (capacity / SLOT) as usize;
        if slots < self.slots.len() {
            return false;
        }
        (self.most_slots, self.slot) = (slots, SLOT);
        true
    }
}

#[cfg(test)]
mod reference;

#[cfg(test)]
mod tests {
    use super::*;

    fn pipe(capacity: u64) -> Pipe {
        Pipe::new(None, capacity)
    }

    /// Puts in what goes in, and says how much that was.
    fn put(pipe: &mut Pipe, bytes: u64) -> u64 {
        let accepted = pipe.accepts(bytes, false);
        pipe.put_zeros(accepted);
        accepted.bytes
    }

    #[test]
    fn a_small_write_fills_up_the_last_page_only_if_all_of_it_fits() {
        let mut pipe = pipe(8192);
        assert_eq!(put(&mut pipe, 3000), 3000);
        assert_eq!(put(&mut pipe, 1096), 1096, "3000 + 1096 is a page");
        assert_eq!(pipe.slots_in_use(), 1);
        assert_eq!(put(&mut pipe, 1), 1);
        assert_eq!(pipe.slots_in_use(), 2);
        assert!(pipe.is_full());
        assert_eq!(put(&mut pipe, 4096), 0, "a whole page needs a slot");
        assert_eq!(put(&mut pipe, 4095), 4095, "behind the single byte");
        assert_eq!(put(&mut pipe, 1), 0);
    }

    #[test]
    fn pages_that_messages_do_not_fill_up_are_lost_room() {
        let mut pipe = pipe(DEFAULT_CAPACITY);
        for _ in 0..16 {
            assert_eq!(put(&mut pipe, 3000), 3000);
        }
        assert_eq!(put(&mut pipe, 3000), 0);
        assert_eq!(pipe.used(), 48_000, "of 65536");
        assert_eq!(put(&mut pipe, 1000), 1000, "the last page has 1096 left");
    }

    #[test]
    fn a_large_write_first_fills_up_the_last_page_with_what_goes_beyond_whole_pages() {
        let mut pipe = pipe(3 * 4096);
        assert_eq!(pipe.capacity(), 16_384, "rounded up to a power of two");
        put(&mut pipe, 100);
        let accepted = pipe.accepts(4096 + 200, false);
        assert_eq!((accepted.bytes, accepted.merged), (4296, 200));
        pipe.put_zeros(accepted);
        assert_eq!(pipe.slots_in_use(), 2);
        assert_eq!(pipe.accepts(20_000, false).bytes, 2 * 4096, "the last page is full: two are free");
        assert_eq!(pipe.accepts(100, true).merged, 0, "one that has waited takes a slot of its own");
    }

    #[test]
    fn what_was_read_of_a_page_is_no_room_before_all_of_it_was() {
        let mut pipe = pipe(4096);
        put(&mut pipe, 4000);
        assert_eq!(pipe.take_word(3999).0, 3999);
        assert_eq!(put(&mut pipe, 97), 0, "4000 + 97 is more than a page");
        assert_eq!(put(&mut pipe, 96), 96);
        assert_eq!(pipe.take_word(96), (96, 0, false));
        assert_eq!(pipe.take_word(96), (1, 0, true), "the slot is free, and none was before");
    }

    #[test]
    fn only_a_slot_that_a_full_pipe_gets_back_makes_room() {
        let mut pipe = pipe(8192);
        put(&mut pipe, 4096);
        assert!(!pipe.take_word(4096).2, "it had room before");
        put(&mut pipe, 8192);
        assert!(!pipe.take_word(4095).2, "a byte is left in the slot");
        assert!(pipe.take(2).1);
    }

    #[test]
    fn a_capacity_is_rounded_to_pages_and_powers_of_two_and_not_below_what_is_in_use() {
        assert_eq!(rounded(1), Some(4096));
        assert_eq!(rounded(4097), Some(8192));
        assert_eq!(rounded(5 * 4096), Some(8 * 4096));
        assert_eq!(rounded((1 << 31) + 1), None);
        let mut pipe = pipe(DEFAULT_CAPACITY);
        put(&mut pipe, 4096);
        put(&mut pipe, 1);
        assert!(!pipe.resize(4096));
        assert!(pipe.resize(8192));
        assert!(pipe.is_full());
    }

    #[test]
    fn a_pipe_of_less_than_a_page_has_one_small_slot() {
        let mut pipe = pipe(16);
        assert_eq!(put(&mut pipe, 8), 8);
        assert_eq!(put(&mut pipe, 9), 0);
        assert_eq!(put(&mut pipe, 8), 8);
        assert_eq!(pipe.capacity(), 16);
    }

    #[test]
    fn what_slots_will_be_in_use_is_known_beforehand() {
        let mut pipe = pipe(DEFAULT_CAPACITY);
        put(&mut pipe, 10_000);
        assert_eq!(pipe.slots_in_use(), 3);
        assert_eq!(pipe.slots_without(4095), 3);
        assert_eq!(pipe.slots_without(8192), 1);
        assert_eq!(pipe.slots_with(pipe.accepts(5000, false)), 4, "904 of them fit behind");
    }
}
