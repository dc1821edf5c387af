//! What was made of an event that looked like this one, but for its time.
//!
//! Programs repeat themselves: the same thread does the same step with the same result. Its bytes are copied then. What
//! is remembered is bounded, and all of it is forgotten when there is no more room, or when a name has changed.

use std::collections::HashMap;
use std::ops::Range;

use crate::export::lanes::{Counter, Label, Lane};
use crate::ids::{CpuId, StepId, Tid};
use crate::trace::event::Kind;

use super::quick::Quick;

/// So many bytes are remembered, and so many messages.
const BYTES: usize = 512 * 1024;
const MESSAGES: usize = 4 * 1024;

/// All that a message's bytes follow from, but for times, arrows and counts.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Key {
    Begin(Lane, Label, Option<Told>),
    End(Lane, Told),
    Moment(Lane, Label, Option<Told>),
    Count(Counter),
    Schedule(CpuId, Tid, Kind),
}

/// What is told of an event beside its name.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Told {
    pub kind: Kind,
    pub step: StepId,
}

/// How long a message can be used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Lasts {
    Once,
    UntilNamesChange,
}

#[derive(Default)]
pub struct Memo {
    places: HashMap<Key, (u32, u32), Quick>,
    bytes: Vec<u8>,
}

impl Memo {
    #[inline]
    pub fn find(&self, key: &Key) -> Option<Range<usize>> {
        self.places.get(key).map(|&(from, to)| from as usize..to as usize)
    }

    /// Keeps a message, at least until the next one comes.
    pub fn put(&mut self, key: Key, message: &[u8], lasts: Lasts) -> Range<usize> {
        if self.places.len() == MESSAGES || self.bytes.len() > BYTES {
            self.forget();
        }
        let from = self.bytes.len();
        self.bytes.extend_from_slice(message);
        let to = self.bytes.len();
        if lasts == Lasts::UntilNamesChange
            && let (Ok(from), Ok(to)) = (u32::try_from(from), u32::try_from(to))
        {
            self.places.insert(key, (from, to));
        }
        from..to
    }

    pub fn forget(&mut self) {
        self.places.clear();
        self.bytes.clear();
    }

    #[inline]
    pub fn message(&self, place: Range<usize>) -> &[u8] {
        &self.bytes[place]
    }
}
