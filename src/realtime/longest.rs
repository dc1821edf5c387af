//! The longest way through a program's instructions, without running it.
//!
//! From the last instruction to the first: how far it is from each to where the way ends. Ways that lead back
//! are looked at again until nothing changes any more; one that gets longer each time has no end.

use std::collections::BTreeSet;

use crate::program::instruction::{Address, Instruction, Note};
use crate::program::value::Operand;
use crate::time::Span;

/// How long a way is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Length {
    /// No way from here has been found to lead to an end.
    NoWay,
    Time(u128),
    /// Not known, and why: longer than all others for that matter.
    Unknown(&'static str),
}

impl Length {
    pub const NONE: Length = Length::Time(0);

    pub const fn unknown(why: &'static str) -> Length {
        Length::Unknown(why)
    }

    #[must_use]
    pub fn plus(&self, other: Length) -> Length {
        match (self, &other) {
            (Length::Time(one), Length::Time(more)) => Length::Time(one.saturating_add(*more)),
            (Length::Unknown(_), Length::Time(_) | Length::Unknown(_)) | (Length::NoWay, _) => self.clone(),
            (Length::Time(_) | Length::Unknown(_), _) => other,
        }
    }

    fn times(&self, count: u64) -> Length {
        match self {
            Length::Time(time) => Length::Time(time.saturating_mul(u128::from(count))),
            Length::NoWay | Length::Unknown(_) => self.clone(),
        }
    }

    pub fn known(self) -> Result<Span, String> {
        match self {
            Length::NoWay => Err("its jobs never end".to_owned()),
            Length::Time(time) => Ok(Span::from_nanos(u64::try_from(time).unwrap_or(u64::MAX))),
            Length::Unknown(why) => Err(why.to_owned()),
        }
    }
}

/// A program's instructions and where its ways end.
pub struct Graph<'a> {
    pub code: &'a [Instruction],
    pub ends: fn(&Instruction) -> bool,
}

/// How far it is from each instruction to an end.
pub struct Lengths(Vec<Length>);

impl Lengths {
    pub fn at(&self, at: Address) -> Length {
        self.0.get(at as usize).cloned().unwrap_or(Length::NoWay)
    }
}

/// The part of a program that is looked at: a loop's body, or all of it.
#[derive(Clone, Copy)]
struct Part {
    from: Address,
    /// The loop's last instruction, or the address behind the program.
    to: Address,
}

type Weight<'w> = &'w dyn Fn(&Instruction) -> Length;
type Ends<'w> = &'w dyn Fn(&Instruction) -> Option<Length>;

impl Graph<'_> {
    /// Every instruction that is reached from these without waiting for a lock.
    pub fn reached(&self, from: impl Iterator<Item = Address>) -> BTreeSet<Address> {
        let mut open: Vec<Address> = from.collect();
        let mut reached = BTreeSet::new();
        while let Some(at) = open.pop() {
            if (at as usize) < self.code.len() && reached.insert(at) && !(self.ends)(&self.code[at as usize])
            {
                open.extend(self.next(at));
            }
        }
        reached
    }

    /// The length from each instruction on: `weight` says what one takes, `ends` which of them end the way.
    pub fn longest(&self, weight: Weight<'_>, ends: Ends<'_>) -> Lengths {
        let whole = Part { from: 0, to: self.code.len() as Address };
        Lengths(self.part(whole, weight, ends))
    }

    /// Where it can go on: not where it would wait for a lock, since locks count as free.
    fn next(&self, at: Address) -> impl Iterator<Item = Address> + use<> {
        let (one, other) = match self.code[at as usize] {
            Instruction::Jump(target) => (Some(target), None),
            Instruction::JumpIfZero { target, .. } | Instruction::Loop { target, .. } => {
                (Some(at + 1), Some(target))
            }
            Instruction::LoopStart { past, .. } => (Some(at + 1), Some(past)),
            Instruction::End => (None, None),
            _ => (Some(at + 1), None),
        };
        let waits = |at: &Address| {
            matches!(self.code.get(*at as usize), Some(Instruction::Note(Note::Contended { .. })))
        };
        one.filter(|at| !waits(at)).into_iter().chain(other.filter(|at| !waits(at)))
    }

    /// The last instruction of a loop that goes round so often as it says, and how often that is.
    fn counted_loop(&self, at: Address) -> Option<(Address, u64)> {
        let Instruction::LoopStart { times: Operand::Const(times), past, .. } = self.code[at as usize] else {
            return None;
        };
        let last = past.checked_sub(1)?;
        match self.code.get(last as usize) {
            Some(Instruction::Loop { target, .. }) if *target == at + 1 => {
                Some((last, u64::try_from(times).unwrap_or(0)))
            }
            _ => None,
        }
    }

    fn part(&self, part: Part, weight: Weight<'_>, ends: Ends<'_>) -> Vec<Length> {
        let Part { from, to } = part;
        let mut lengths = vec![Length::NoWay; self.code.len() + 1];
        if (to as usize) < self.code.len() {
            lengths[to as usize] = Length::NONE;
        }
        let back = (from..to).filter(|&at| self.next(at).any(|next| next <= at)).count();
        // Each round, one more way back can have been gone.
        for round in 0..=2 * back + 1 {
            let mut changed = false;
            for at in (from..to).rev() {
                let found = self.length(at, part, &lengths, (weight, ends));
                let old = &mut lengths[at as usize];
                if *old != found {
                    changed = true;
                    // It still grows although every way back has been gone.
                    *old = if round > back {
                        Length::unknown("it goes round until something happens")
                    } else {
                        found
                    };
                }
            }
            if !changed {
                break;
            }
        }
        lengths
    }

    fn length(&self, at: Address, part: Part, lengths: &[Length], by: (Weight<'_>, Ends<'_>)) -> Length {
        let (weight, ends) = by;
        let instruction = &self.code[at as usize];
        if let Some(end) = ends(instruction) {
            return end;
        }
        let inside =
            |next: Address| next >= part.from && next <= part.to && (next as usize) < self.code.len();
        if let Some((last, times)) = self.counted_loop(at)
            && !(at..=last).any(|inner| ends(&self.code[inner as usize]).is_some())
        {
            let body = match times {
                0 => Length::NONE,
                _ => self.part(Part { from: at + 1, to: last }, weight, ends)[at as usize + 1].clone(),
            };
            let rest = if inside(last + 1) { lengths[last as usize + 1].clone() } else { Length::NoWay };
            // The loop's own head and end count in each round.
            let round = body.plus(weight(&self.code[last as usize]));
            return weight(instruction).plus(round.times(times)).plus(rest);
        }
        let onwards = self.next(at).map(|next| match inside(next) {
            true => lengths[next as usize].clone(),
            false => Length::unknown("a loop is left in the middle"),
        });
        weight(instruction).plus(onwards.max().unwrap_or(Length::NoWay))
    }
}
