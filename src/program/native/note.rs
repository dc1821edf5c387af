//! What a thread of a real run notes down about itself: when, at which step, what.

use crate::ids::{StepId, Tid};

/// Words that a note takes up.
pub const NOTE_WORDS: usize = 4;

macro_rules! whats {
    ($($(#[doc = $doc:literal])* $name:ident = $code:literal,)*) => {
        /// What is noted. The two numbers beside it mean different things for each.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum What { $($(#[doc = $doc])* $name = $code,)* }

        impl What {
            fn from_code(code: u8) -> Option<What> {
                match code { $($code => Some(What::$name),)* _ => None }
            }
        }
    };
}

whats! {
    /// The thread is there: its number on the host.
    Begin = 1,
    /// It is about to make a call: which.
    Enter = 2,
    /// The call has returned: which, with what.
    Leave = 3,
    /// Bytes went into a channel: which, how many.
    Send = 4,
    /// Bytes came out of a channel: which, how many.
    Receive = 5,
    Contended = 6,
    Acquired = 7,
    Released = 8,
    /// A line on the terminal: which text; its values follow.
    Print = 9,
    /// A value of the text before.
    Value = 10,
    /// A call of which the program can't do without has failed: the error's number.
    Failed = 11,
    /// An assertion didn't hold: its text; the values of all variables follow.
    AssertFailed = 12,
    /// A child or thread was made: its number.
    Fork = 13,
    /// Another program begins: which.
    Exec = 14,
    /// The thread ends: with which status.
    Exit = 15,
    /// A child that somebody waited for has ended: its number, its status.
    Reaped = 16,
    /// A signal was sent: which, to whom.
    Signal = 17,
    /// Bytes were written to the terminal: up to eight of them, how many.
    Shown = 18,
    /// A handler begins: of which signal.
    Deliver = 30,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note {
    /// Nanoseconds on the host's monotonic clock.
    pub at: u64,
    pub step: StepId,
    pub what: What,
    pub first: i64,
    pub second: i64,
}

/// A note and who wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noted {
    pub task: Tid,
    pub note: Note,
}

impl Note {
    #[inline]
    pub fn words(self) -> [u64; NOTE_WORDS] {
        let what = u64::from(self.step.0) << 8 | self.what as u64;
        [self.at, what, self.first as u64, self.second as u64]
    }

    pub fn from_words([at, what, first, second]: [u64; NOTE_WORDS]) -> Option<Note> {
        let step = StepId((what >> 8) as u32);
        let what = What::from_code(what as u8)?;
        Some(Note { at, step, what, first: first as i64, second: second as i64 })
    }
}
