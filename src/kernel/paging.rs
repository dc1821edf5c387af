//! Page replacement: which frame is taken when none is free, and what is known of frames for that.
//!
//! - *fifo*: the page that was loaded first.
//! - *lru*: the page whose last access lies longest back, to the access.
//! - *clock*: second chance. A hand goes round the frames in the order of their numbers; a page whose
//!   reference bit is set loses the bit and stays, the first one without is taken. Each access sets the bit.
//! - *opt*: the page whose next access lies farthest ahead. Of those that are never accessed again, the one
//!   that was loaded last is taken, or with `opt-tie = "oldest"` the one that was loaded first.
//! - *mru*: the page that was accessed last, which suits loops over more pages than there are frames.
//! - *unopt*: the page whose next access is nearest, the worst there is. `opt-tie` holds as for opt.
//! - *random*: any page: its place among the pages in the order in which they were loaded is drawn.
//! - *random-chances*: pages are drawn until one has no chance left. Each access to a page gives it one, up to
//!   `chances`, and each draw takes one. The clock of Arpaci-Dusseau's `paging-policy.py` is this.
//!
//! A run without `replacement` in `[kernel]` has none of this.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::ids::{FrameNumber, PageNumber, Pid, Tid};
use crate::random::Stream;

/// Which page goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Replacement {
    Fifo,
    Lru,
    Clock,
    Opt,
    Mru,
    Unopt,
    Random,
    RandomChances,
}

impl Replacement {
    /// Whether it goes by the accesses that are still to come.
    pub const fn foresees(self) -> bool {
        match self {
            Replacement::Opt | Replacement::Unopt => true,
            Replacement::Fifo
            | Replacement::Lru
            | Replacement::Clock
            | Replacement::Mru
            | Replacement::Random
            | Replacement::RandomChances => false,
        }
    }
}

/// What random policies draw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chance {
    /// These numbers, one after the other and again from the beginning, each modulo the pages there are;
    /// from the run's seed if there are none.
    pub draws: Vec<u64>,
    /// The most chances that a page has.
    pub most: u32,
}

impl Default for Chance {
    fn default() -> Chance {
        Chance { draws: Vec::new(), most: 2 }
    }
}

/// Which of several pages opt and unopt take that are never accessed again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OptTie {
    /// The one that was loaded last.
    #[default]
    Newest,
    /// The one that was loaded first.
    Oldest,
}

/// What a frame holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Owner {
    /// Nothing that could be taken away: it is free, or on its way to or from a device.
    #[default]
    Nobody,
    /// A page of processes' own; several have it after a fork.
    Private(PageNumber),
    /// A page of a shared memory object.
    Shared(PageNumber),
    /// A page of a file in the page cache: the file and its page.
    Cache(u32, u32),
}

/// What is known of a frame.
#[derive(Clone, Copy, Debug, Default)]
pub struct FrameUse {
    pub owner: Owner,
    /// It was written since it was loaded; for the page cache the file knows.
    pub dirty: bool,
    /// Where the swap device still has what it holds.
    pub slot: Option<u32>,
    loaded: u64,
    used: u64,
    referenced: bool,
    chances: u32,
}

/// The accesses that a run is going to make, for opt and unopt.
#[derive(Clone, Debug)]
pub struct Future {
    string: Vec<PageNumber>,
    /// The places of each page in the string.
    places: BTreeMap<PageNumber, Vec<u32>>,
    done: usize,
    /// The run doesn't go as it was foreseen.
    pub astray: bool,
}

impl Future {
    pub fn new(string: Vec<PageNumber>) -> Future {
        let mut places: BTreeMap<PageNumber, Vec<u32>> = BTreeMap::new();
        for (place, &page) in string.iter().enumerate() {
            places.entry(page).or_default().push(place as u32);
        }
        Future { string, places, done: 0, astray: false }
    }

    fn comes(&mut self, page: PageNumber) {
        self.astray |= self.string.get(self.done) != Some(&page);
        self.done += 1;
    }

    /// When a page is accessed next; the greatest number if it never is.
    fn next(&self, page: PageNumber) -> u32 {
        let Some(places) = self.places.get(&page) else { return u32::MAX };
        let after = places.partition_point(|&place| (place as usize) < self.done);
        places.get(after).copied().unwrap_or(u32::MAX)
    }
}

/// A frame on its way to or from a device, for a thread that waits for that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    pub thread: Tid,
    pub frame: FrameNumber,
    /// The page that is being read into it; none if it is being emptied.
    pub page: Option<PageNumber>,
}

/// The state of page replacement and of the swap device.
#[derive(Clone, Debug)]
pub struct Paging {
    replacement: Replacement,
    tie: OptTie,
    frames: Vec<FrameUse>,
    /// Counts loads and accesses.
    count: u64,
    /// Where the clock's hand is; a process with a limit of its own has its own hand.
    hands: BTreeMap<Option<Pid>, u32>,
    random: Stream,
    chance: Chance,
    /// How many of the listed draws have been drawn.
    drawn: usize,
    pub future: Option<Future>,
    /// The accesses so far, if they are recorded.
    pub recorded: Option<Vec<PageNumber>>,
    /// The swap device as a file.
    pub swap: Option<u32>,
    /// How many refer to each slot of the swap device.
    slots: Vec<u32>,
    free_slots: Vec<u32>,
    most_slots: u32,
    pub pending: Vec<Pending>,
    /// Pages of shared memory objects that are on the swap device.
    pub shared_slots: BTreeMap<PageNumber, u32>,
    /// How many free frames the trace was told of last.
    pub told: Option<u32>,
}

impl Paging {
    pub fn new(replacement: Replacement, tie: OptTie, random: Stream, chance: Chance) -> Paging {
        Paging {
            replacement,
            tie,
            frames: Vec::new(),
            count: 0,
            hands: BTreeMap::new(),
            random,
            chance,
            drawn: 0,
            future: None,
            recorded: None,
            swap: None,
            slots: Vec::new(),
            free_slots: Vec::new(),
            most_slots: 0,
            pending: Vec::new(),
            shared_slots: BTreeMap::new(),
            told: None,
        }
    }

    /// Gives it a swap device of so many pages: the index of its file.
    pub fn swap_on(&mut self, file: u32, pages: u32) {
        (self.swap, self.most_slots) = (Some(file), pages);
    }

    pub fn frame(&mut self, frame: FrameNumber) -> &mut FrameUse {
        if self.frames.len() <= frame.index() {
            self.frames.resize(frame.index() + 1, FrameUse::default());
        }
        &mut self.frames[frame.index()]
    }

    /// Frames that hold something, in the order of their numbers.
    pub fn owned(&self) -> impl Iterator<Item = (FrameNumber, &FrameUse)> {
        let frames = self.frames.iter().enumerate();
        frames
            .filter(|(_, used)| used.owner != Owner::Nobody)
            .map(|(number, used)| (FrameNumber::from(number), used))
    }

    /// A page was loaded into a frame.
    pub fn loaded(&mut self, frame: FrameNumber, owner: Owner, dirty: bool, slot: Option<u32>) {
        self.count += 1;
        let count = self.count;
        let referenced = true;
        let (loaded, used) = (count, count);
        *self.frame(frame) = FrameUse { owner, dirty, slot, loaded, used, referenced, chances: 0 };
    }

    /// A frame's content is gone.
    pub fn emptied(&mut self, frame: FrameNumber) {
        let slot = std::mem::take(self.frame(frame)).slot;
        if let Some(slot) = slot {
            self.release_slot(slot);
        }
    }

    /// A program has accessed a page.
    pub fn used(&mut self, page: PageNumber, frame: FrameNumber, write: bool) {
        self.count += 1;
        let count = self.count;
        let most = self.chance.most;
        let used = self.frame(frame);
        (used.used, used.referenced) = (count, true);
        used.chances = used.chances.saturating_add(1).min(most);
        used.dirty |= write;
        if write && let Some(stale) = used.slot.take() {
            self.release_slot(stale);
        }
        if let Some(future) = &mut self.future {
            future.comes(page);
        }
        if let Some(recorded) = &mut self.recorded {
            recorded.push(page);
        }
    }

    /// Which of the frames is taken; they are in the order of their numbers, each with the page that it
    /// holds. `of` is the process whose own frames they are, if it has a limit.
    pub fn choose(&mut self, among: &[(FrameNumber, PageNumber)], of: Option<Pid>) -> Option<FrameNumber> {
        let known = |frame: FrameNumber| &self.frames[frame.index()];
        match self.replacement {
            Replacement::Fifo => {
                among.iter().map(|&(frame, _)| frame).min_by_key(|&frame| known(frame).loaded)
            }
            Replacement::Lru => among.iter().map(|&(frame, _)| frame).min_by_key(|&frame| known(frame).used),
            Replacement::Mru => among.iter().map(|&(frame, _)| frame).max_by_key(|&frame| known(frame).used),
            Replacement::Clock => self.second_chance(among, of),
            foreseeing @ (Replacement::Opt | Replacement::Unopt) => {
                let future = self.future.as_ref()?;
                let rank = |&(frame, page): &(FrameNumber, PageNumber)| {
                    let loaded = known(frame).loaded;
                    let age = match self.tie {
                        OptTie::Newest => loaded,
                        OptTie::Oldest => u64::MAX - loaded,
                    };
                    let next = future.next(page);
                    (if foreseeing == Replacement::Opt { next } else { u32::MAX - next }, age)
                };
                among.iter().max_by_key(|candidate| rank(candidate)).map(|&(frame, _)| frame)
            }
            Replacement::Random => self.draw(among),
            Replacement::RandomChances => loop {
                let frame = self.draw(among)?;
                let drawn = self.frame(frame);
                if drawn.chances == 0 {
                    break Some(frame);
                }
                drawn.chances -= 1;
            },
        }
    }

    /// Any of the frames, by the order in which their pages were loaded.
    fn draw(&mut self, among: &[(FrameNumber, PageNumber)]) -> Option<FrameNumber> {
        let last = (among.len() as u64).checked_sub(1)?;
        let place = if self.chance.draws.is_empty() {
            self.random.uniform(0, last)
        } else {
            self.drawn += 1;
            self.chance.draws[(self.drawn - 1) % self.chance.draws.len()] % (last + 1)
        };
        let mut frames: Vec<FrameNumber> = among.iter().map(|&(frame, _)| frame).collect();
        frames.sort_by_key(|frame| self.frames[frame.index()].loaded);
        frames.get(place as usize).copied()
    }

    fn second_chance(&mut self, among: &[(FrameNumber, PageNumber)], of: Option<Pid>) -> Option<FrameNumber> {
        let hand = self.hands.get(&of).copied().unwrap_or(0);
        let start = among.partition_point(|(frame, _)| frame.0 < hand);
        // After one round all bits are clear.
        for turn in 0..=among.len() {
            let &(frame, _) = among.get((start + turn) % among.len().max(1))?;
            let used = self.frame(frame);
            if !std::mem::take(&mut used.referenced) {
                self.hands.insert(of, frame.0 + 1);
                return Some(frame);
            }
        }
        None
    }

    /// A place on the swap device; none if there is no device, or it is full.
    pub fn take_slot(&mut self) -> Option<u32> {
        self.swap?;
        if let Some(slot) = self.free_slots.pop() {
            self.slots[slot as usize] = 1;
            return Some(slot);
        }
        let slot = self.slots.len() as u32;
        (slot < self.most_slots).then(|| self.slots.push(1)).map(|()| slot)
    }

    /// Whether there is room on the swap device.
    pub fn has_slot(&self) -> bool {
        self.swap.is_some() && (!self.free_slots.is_empty() || (self.slots.len() as u32) < self.most_slots)
    }

    pub fn share_slot(&mut self, slot: u32) {
        self.slots[slot as usize] += 1;
    }

    pub fn release_slot(&mut self, slot: u32) {
        let sharers = &mut self.slots[slot as usize];
        *sharers -= 1;
        if *sharers == 0 {
            self.free_slots.push(slot);
        }
    }
}

#[cfg(test)]
#[path = "paging_tests.rs"]
mod tests;
