//! What didn't come over from a recording into its scenario, by call, with counts: nothing is dropped silently.

use std::collections::BTreeMap;

/// What became of a call that is no step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// Its effect on descriptors, signals or names is followed; its time counts as compute.
    Followed,
    /// It has no step; its time counts as compute.
    Work,
    /// It waited for something that has no step; a sleep of the same length stands for it.
    Slept,
    /// It is left out altogether.
    LeftOut,
}

impl Fate {
    const fn title(self) -> &'static str {
        match self {
            Fate::Followed => "followed, without a step of its own (the time counts as compute)",
            Fate::Work => "not carried over (the time counts as compute)",
            Fate::Slept => "not carried over; a sleep of the same length stands for the wait",
            Fate::LeftOut => "left out",
        }
    }
}

/// Counts by what became of calls, the call and why.
#[derive(Debug, Default)]
pub struct Report {
    counts: BTreeMap<(Fate, String), BTreeMap<String, u64>>,
    pub remarks: Vec<String>,
}

impl Report {
    pub fn add(&mut self, fate: Fate, call: &str, why: &str) {
        let reasons = self.counts.entry((fate, call.to_owned())).or_default();
        *reasons.entry(why.to_owned()).or_default() += 1;
    }

    pub fn remark(&mut self, text: impl Into<String>) {
        let text = text.into();
        if !self.remarks.contains(&text) {
            self.remarks.push(text);
        }
    }

    /// How many calls have no step.
    pub fn total(&self) -> u64 {
        self.counts.values().flat_map(BTreeMap::values).sum()
    }

    /// All of it, line by line.
    pub fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.remarks.clone();
        let mut last = None;
        for ((fate, call), reasons) in &self.counts {
            if last != Some(*fate) {
                lines.push(format!("{}:", fate.title()));
                last = Some(*fate);
            }
            let number: u64 = reasons.values().sum();
            let why: Vec<String> = reasons
                .iter()
                .filter(|(why, _)| !why.is_empty())
                .map(|(why, count)| if *count == number { why.clone() } else { format!("{why}: {count}") })
                .collect();
            let why = if why.is_empty() { String::new() } else { format!(" ({})", why.join("; ")) };
            lines.push(format!("  {call} {number}{why}"));
        }
        lines
    }
}
