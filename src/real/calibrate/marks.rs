//! What a calibration program's processes have noted down, taken apart into batches.
//!
//! A `print` begins a batch and ends the one before. The batches called `spin` compute for a known
//! time: they say how fast the CPU was, and whether it belonged to the process, during the batch
//! that follows. Times are given as they would be at the reference speed.

use std::collections::BTreeMap;

use crate::ids::Tid;
use crate::program::Image;
use crate::program::native::{Noted, What};
use crate::program::syscall::NAMES;

use super::sample::{median, sorted};
use super::text::{EMPTY_MARK, SPIN, SPIN_MARK};

/// A batch whose reference spin was slower than this share of the ordinary speed was disturbed.
const DISTURBED: f64 = 0.85;

/// What lies between two marks of a process.
#[derive(Clone, Debug)]
pub struct Batch {
    pub name: String,
    pub task: Tid,
    /// On the host's clock, in nanoseconds.
    pub start: u64,
    pub end: u64,
    /// The process's own notes within.
    pub notes: Vec<Noted>,
    /// How fast the CPU was, in rounds of the spin for each nanosecond.
    rate: Option<f64>,
    /// How long an empty call took just before, between its notes.
    empty: Option<f64>,
}

/// All batches of a run.
#[derive(Clone, Debug)]
pub struct Marks {
    pub batches: Vec<Batch>,
    /// How many batches were left out, as others had the CPU meanwhile.
    pub disturbed: usize,
    /// The speeds that the reference spins have shown.
    pub rates: Vec<f64>,
    /// The speed at which times are given.
    reference: f64,
}

/// A finished call within a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Made {
    pub enter: u64,
    pub leave: u64,
    pub result: i64,
}

impl Made {
    pub const fn duration(self) -> u64 {
        self.leave.saturating_sub(self.enter)
    }
}

/// The finished calls with this name among the notes of one thread.
pub fn made<'a>(notes: impl Iterator<Item = &'a Noted>, name: &str) -> Vec<Made> {
    let mut made = Vec::new();
    let mut entered = None;
    for Noted { note, .. } in notes {
        let named = NAMES.get(note.first as usize) == Some(&name);
        match note.what {
            What::Enter if named => entered = Some(note.at),
            What::Leave if named => {
                let enter = entered.take();
                made.extend(enter.map(|enter| Made { enter, leave: note.at, result: note.second }));
            }
            _ => {}
        }
    }
    made
}

/// How fast the CPU must have been for a batch to count, by name: as fast as `ordinary`. But if it was
/// that slow during nearly all batches of a name, the fastest fourth of them counts.
fn slowest_that_count(batches: &[Batch], ordinary: f64) -> BTreeMap<String, f64> {
    let mut rates: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for batch in batches {
        rates.entry(batch.name.clone()).or_default().extend(batch.rate);
    }
    let slowest = |rates: &[f64]| {
        let rates = sorted(rates);
        let fourth = rates.len().saturating_sub((rates.len() / 4).max(1));
        rates.get(fourth).map_or(ordinary, |rate| rate.min(ordinary))
    };
    rates.into_iter().map(|(name, rates)| (name, slowest(&rates))).collect()
}

impl Batch {
    /// The calls with this name that were made within.
    pub fn calls(&self, name: &str) -> Vec<Made> {
        made(self.notes.iter(), name)
    }

    /// How long a call took on average, between its notes.
    fn mean(&self, call: &str) -> Option<f64> {
        let made = self.calls(call);
        let sum: u64 = made.iter().map(|made| made.duration()).sum();
        (!made.is_empty()).then_some(sum as f64 / made.len() as f64)
    }

    pub const fn length(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }
}

impl Marks {
    /// Takes a run's notes apart. `rounds_per_nano` is the speed that its spins were made for,
    /// `reference` the one at which times are to be given; the run's own if there is none yet.
    pub fn of(image: &Image, notes: &[Noted], rounds_per_nano: f64, reference: Option<f64>) -> Marks {
        let mut batches: Vec<Batch> = Vec::new();
        let mut open: BTreeMap<Tid, Batch> = BTreeMap::new();
        let mut rates: BTreeMap<Tid, f64> = BTreeMap::new();
        let mut empties: BTreeMap<Tid, f64> = BTreeMap::new();
        let mut seen = Vec::new();
        for noted in notes {
            let ends = matches!(noted.note.what, What::Print | What::Exit);
            if ends && let Some(mut batch) = open.remove(&noted.task) {
                batch.end = noted.note.at;
                if batch.name == SPIN_MARK {
                    let rate = rounds_per_nano * SPIN / batch.length().max(1) as f64;
                    rates.insert(noted.task, rate);
                    seen.push(rate);
                } else {
                    if batch.name == EMPTY_MARK {
                        empties.extend(batch.mean("getpid").map(|mean| (noted.task, mean)));
                    }
                    batches.push(batch);
                }
            }
            if noted.note.what == What::Print {
                let name = image.texts[noted.note.first as usize].pieces.concat();
                let (task, start) = (noted.task, noted.note.at);
                let (rate, empty) = (rates.get(&task).copied(), empties.get(&task).copied());
                open.insert(task, Batch { name, task, start, end: start, notes: Vec::new(), rate, empty });
            } else if let Some(batch) = open.get_mut(&noted.task) {
                batch.notes.push(*noted);
            }
        }
        let ordinary = median(&seen).unwrap_or(rounds_per_nano);
        let all = batches.len();
        let least = slowest_that_count(&batches, ordinary * DISTURBED);
        batches.retain(|batch| batch.rate.is_none_or(|rate| rate >= least[&batch.name]));
        let disturbed = all - batches.len();
        Marks { batches, disturbed, rates: seen, reference: reference.unwrap_or(ordinary) }
    }

    /// How long an empty call took between its notes, over the whole run; as it was.
    pub fn empty(&self) -> f64 {
        let empties: Vec<f64> = self.batches.iter().filter_map(|batch| batch.empty).collect();
        median(&empties).unwrap_or(0.0)
    }

    /// The speed of the whole run beside the reference: times that belong to no batch are multiplied
    /// by it.
    pub fn speed(&self) -> f64 {
        median(&self.rates).map_or(1.0, |rate| rate / self.reference)
    }

    pub fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Batch> {
        self.batches.iter().filter(move |batch| batch.name == name)
    }

    /// By how much times of a batch are to be multiplied.
    fn correction(&self, batch: &Batch) -> f64 {
        batch.rate.map_or(1.0, |rate| rate / self.reference)
    }

    /// How long one of `operations` took, for each batch.
    pub fn periods(&self, name: &str, operations: usize) -> Vec<f64> {
        let period = |batch: &Batch| batch.length() as f64 * self.correction(batch) / operations as f64;
        self.named(name).map(period).collect()
    }

    /// How much longer than an empty call a call took on average, for each batch. May be negative.
    pub fn beyond_empty(&self, name: &str, call: &str) -> Vec<f64> {
        let beyond = |batch: &Batch| {
            let beyond = batch.mean(call)? - batch.empty?;
            Some(beyond * self.correction(batch))
        };
        self.named(name).filter_map(beyond).collect()
    }

    /// As [`beyond_empty`](Self::beyond_empty), for each single call.
    pub fn each_beyond_empty(&self, name: &str, call: &str) -> Vec<f64> {
        let single = |batch: &Batch| {
            let (correction, empty) = (self.correction(batch), batch.empty.unwrap_or(0.0));
            let made = batch.calls(call).into_iter();
            made.map(move |made| (made.duration() as f64 - empty) * correction).collect::<Vec<f64>>()
        };
        self.named(name).flat_map(single).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::{Text, batches};
    use super::*;
    use crate::ids::StepId;
    use crate::program::native::Note;
    use crate::scenario::{Overrides, Scenario};

    /// A run of one process: two batches after spins of 20 and of 25 us, one after a spin that
    /// somebody else disturbed.
    fn marks(reference: Option<f64>) -> Marks {
        let text = Text::default().process("solo", 0, &batches("x", 3, "{ getppid = true },\n"));
        let text = text.scenario(1);
        let scenario = Scenario::parse_bytes("x.toml", text.as_bytes(), &Overrides::default(), None);
        let image = scenario.unwrap_or_else(|problems| panic!("{problems}")).image;
        let named =
            |name: &str| image.texts.iter().position(|text| text.pieces.concat() == name).unwrap() as i64;
        let call = |name: &str| NAMES.iter().position(|known| *known == name).unwrap() as i64;
        let (getpid, getppid) = (call("getpid"), call("getppid"));
        let mut notes = Vec::new();
        let mut add = |at: u64, what, first| {
            notes.push(Noted { task: Tid(2), note: Note { at, step: StepId::NONE, what, first, second: 0 } });
        };
        for (start, spin, length) in
            [(100_000, 20_000, 1_000), (200_000, 25_000, 1_500), (300_000, 60_000, 9)]
        {
            add(start, What::Print, named("spin"));
            let mut at = start + spin;
            add(at, What::Print, named("empty"));
            add(at + 10, What::Enter, getpid);
            add(at + 110, What::Leave, getpid);
            at += 200;
            add(at, What::Print, named("x"));
            add(at + 50, What::Enter, getppid);
            add(at + 50 + length / 2, What::Leave, getppid);
            add(at + length, What::Print, named("end"));
        }
        Marks::of(&image, &notes, 2.0, reference)
    }

    #[test]
    fn times_are_given_at_the_speed_of_the_reference() {
        // The spin is made for 2 rounds a nanosecond: 20 us are 40000 rounds.
        let marks = marks(Some(2.0));
        assert_eq!(marks.rates, [2.0, 1.6, 40_000.0 / 60_000.0]);
        // 1000 ns at full speed, and 1500 at four fifths of it.
        assert_eq!(marks.periods("x", 10), [100.0, 120.0]);
        // 500 and 750 ns for the call, less the 100 of an empty one.
        assert_eq!(marks.beyond_empty("x", "getppid"), [400.0, 520.0]);
        assert_eq!(marks.each_beyond_empty("x", "getppid"), [400.0, 520.0]);
        assert_eq!(marks.speed(), 0.8);
    }

    #[test]
    fn a_batch_whose_spin_was_disturbed_is_left_out_and_counted() {
        let marks = marks(None);
        assert_eq!(marks.named("x").count(), 2);
        // With it goes the row of empty calls before it.
        assert_eq!(marks.disturbed, 2);
    }
}
