//! Two sides joined: one row for each count and each time that both have, with its verdict.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::accuracy::Nature;
use super::contributors::{Contributor, Sort, contributors, parts};
use super::facts::{Count, Facts, StepKey};
use super::row::{Group, Row, Unit};
use super::statistics::{Estimate, distance, estimate, median, rank, spread};
use super::usage::Usage;
use super::verdict::{Goals, Verdict, error, is_same, of_time};

/// Beyond this ratio of the 90th to the 10th percentile, distributions are compared.
const SPREAD: f64 = 1.5;
/// A distribution needs so many values.
const ENOUGH: usize = 20;

/// One side of a comparison.
#[derive(Clone, Debug, Default)]
pub struct Side {
    /// What it is called: simulated, measured, a file's name.
    pub label: String,
    /// Repetitions that nothing slowed down.
    pub plain: Vec<Facts>,
    /// One more, that the kernel was asked about; through the eyes of the other side's.
    pub seen: Option<Facts>,
}

/// A distribution on both sides, for the picture: sorted nanoseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Curves {
    pub name: String,
    pub one: Vec<u64>,
    pub other: Vec<u64>,
}

/// How the sides came about.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Conditions {
    pub scenario: String,
    pub question: String,
    /// What the sides are called.
    pub labels: [String; 2],
    /// The cost profile, and the machine of either side.
    pub profile: String,
    pub machine: String,
    /// Where the processes may run, in words.
    pub placement: String,
    /// How many CPUs there are; 0 if that is up to the host.
    pub cpus: usize,
    /// Repetitions during which other work used more than is allowed, and which were repeated.
    pub discarded: usize,
    /// Repetitions that count all the same, because the host didn't get quieter.
    pub disturbed: usize,
    /// The simulated end-to-end times, in nanoseconds, with all processes on one CPU and spread
    /// over several, if the placement isn't predicted.
    pub placements: Option<[f64; 2]>,
}

/// Everything that a comparison says.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Comparison {
    pub conditions: Conditions,
    pub goals: Goals,
    /// How many repetitions each side has.
    pub repetitions: [usize; 2],
    /// By how much being watched slowed the other side down, in parts.
    pub slowdown: Option<f64>,
    pub rows: Vec<Row>,
    /// Where each side's end-to-end time went, in nanoseconds.
    pub parts: [BTreeMap<Sort, f64>; 2],
    /// Of the end-to-end difference, the largest first.
    pub contributors: Vec<Contributor>,
    /// The part of the other side's CPU time that is the kernel's.
    pub kernel_share: Option<f64>,
    /// What the other side does most.
    pub nature: Nature,
    #[serde(skip)]
    pub curves: Vec<Curves>,
}

impl Comparison {
    pub fn new(one: &Side, other: &Side, goals: Goals, conditions: Conditions) -> Comparison {
        let slowdown = other.slowdown();
        let join = Join { one, other, goals, slowdown: slowdown.unwrap_or(0.0) };
        let mut rows = join.counts();
        let same_work = rows.iter().all(|row| row.verdict == Verdict::Same);
        rows.extend(join.end_to_end(same_work));
        rows.extend(join.processes(same_work));
        let (steps, mut curves) = join.steps();
        rows.extend(steps);
        let (messages, of_messages) = join.messages(&rows);
        rows.extend(messages);
        rows.extend(join.throughput(same_work));
        curves.sort_by_key(|curves| std::cmp::Reverse(curves.other.iter().sum::<u64>()));
        curves.splice(0..0, of_messages);
        let kernel_share = other.kernel_share();
        let nature = other.plain.first().map_or(Nature::Compute, |facts| Nature::of(facts, kernel_share));
        Comparison {
            nature,
            repetitions: [one.plain.len(), other.plain.len()],
            slowdown,
            rows,
            parts: [parts(&one.plain), parts(&other.plain)],
            contributors: contributors(&one.plain, &other.plain),
            kernel_share,
            curves,
            goals,
            conditions,
        }
    }

    pub fn rows(&self, group: Group) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.group == group)
    }

    /// The row that says how long all of it took.
    pub fn end_to_end(&self) -> Option<&Row> {
        self.rows(Group::EndToEnd).next()
    }

    /// Whether the measured time lies between the simulated ones of both placements, give or take
    /// the goal.
    pub fn is_between(&self) -> Option<bool> {
        let [low, high] = self.conditions.placements.map(|both| {
            let [one, spread] = both;
            [one.min(spread) * (1.0 - self.goals.times), one.max(spread) * (1.0 + self.goals.times)]
        })?;
        let measured = self.end_to_end()?.other.median;
        Some((low..=high).contains(&measured))
    }
}

impl Side {
    fn walls(&self) -> Vec<f64> {
        self.plain.iter().map(|facts| facts.wall.as_nanos() as f64).collect()
    }

    fn slowdown(&self) -> Option<f64> {
        let plain = median(&self.walls()).filter(|plain| *plain > 0.0)?;
        let seen = self.seen.as_ref()?.wall.as_nanos() as f64;
        (self.plain.len() > 1).then_some((seen / plain - 1.0).max(0.0))
    }

    fn kernel_share(&self) -> Option<f64> {
        let processes = &self.seen.as_ref()?.processes;
        let cpu: u64 = processes.values().map(Usage::cpu).sum();
        let kernel: u64 = processes.values().map(|usage| usage.kernel).sum();
        (cpu > 0).then(|| kernel as f64 / cpu as f64)
    }

    /// What several repetitions say of one count; what a repetition doesn't know of is none.
    fn count(&self, count: &Count) -> Vec<f64> {
        let everybody_knows = self.plain.iter().all(|facts| facts.counts.contains_key(count));
        let asks_kernel = count.is_kernels() && !(count.is_counted_anyway() && everybody_knows);
        let sources: Vec<&Facts> =
            if asks_kernel { self.seen.iter().collect() } else { self.plain.iter().collect() };
        sources.into_iter().map(|facts| facts.counts.get(count).copied().unwrap_or(0) as f64).collect()
    }

    fn counted(&self) -> BTreeSet<&Count> {
        let plain = self.plain.iter().flat_map(|facts| facts.counts.keys());
        let seen = self.seen.iter().flat_map(|facts| facts.counts.keys());
        plain.filter(|count| !count.is_kernels()).chain(seen.filter(|count| count.is_kernels())).collect()
    }

    /// All repetitions' values of one key, sorted.
    fn pooled<K: Ord>(&self, key: &K, get: fn(&Facts) -> &BTreeMap<K, Vec<u64>>) -> Vec<u64> {
        let values = self.plain.iter().filter_map(|facts| get(facts).get(key));
        let mut pooled: Vec<u64> = values.flatten().copied().collect();
        pooled.sort_unstable();
        pooled
    }
}

struct Join<'a> {
    one: &'a Side,
    other: &'a Side,
    goals: Goals,
    slowdown: f64,
}

impl Join<'_> {
    fn counts(&self) -> Vec<Row> {
        let (ours, theirs) = (self.one.counted(), self.other.counted());
        let both_asked = self.one.seen.is_some() && self.other.seen.is_some();
        let counts = ours.union(&theirs).filter(|count| both_asked || !count.is_kernels());
        let rows = counts.filter_map(|count| {
            let (one, other) = (median(&self.one.count(count))?, estimate(&self.other.count(count))?);
            let scheduling = matches!(count, Count::Voluntary | Count::Involuntary | Count::Wakeups);
            let goal = if scheduling { self.goals.switches } else { 0.0 };
            let same = is_same(one, &other, goal);
            Some(Row {
                group: if scheduling { Group::Scheduling } else { Group::Work },
                name: count.name(),
                unit: Unit::Number,
                one,
                error: error(one, other.median),
                verdict: if same { Verdict::Same } else { Verdict::Workload },
                distance: None,
                weight: 0.0,
                other,
            })
        });
        rows.filter(|row| row.one != 0.0 || row.other.median != 0.0).collect()
    }

    fn end_to_end(&self, same_work: bool) -> Option<Row> {
        let (one, other) = (median(&self.one.walls())?, estimate(&self.other.walls())?);
        let same = is_same(one, &other, self.goals.times);
        Some(time(Group::EndToEnd, "end to end".to_owned(), one, other, of_time(same, same_work)))
    }

    /// From the repetition that the kernel was asked about: its times are allowed to be longer by as
    /// much as being watched slowed it down.
    fn processes(&self, same_work: bool) -> Vec<Row> {
        let (Some(ours), Some(theirs)) = (&self.one.seen, &self.other.seen) else { return Vec::new() };
        let mut rows = Vec::new();
        type Get = fn(&Usage) -> u64;
        let get: [(&str, Get); 4] = [
            ("user", |usage| usage.user),
            ("kernel", |usage| usage.kernel),
            ("ready", |usage| usage.ready),
            ("blocked", |usage| usage.blocked),
        ];
        for (name, usage) in &ours.processes {
            let Some(measured) = theirs.processes.get(name) else { continue };
            for (what, get) in get {
                let Some(other) = estimate(&[get(measured) as f64]) else { continue };
                let one = get(usage) as f64;
                // Somewhere between what it took and what it would have taken unwatched.
                let unwatched = other.median / (1.0 + self.slowdown);
                let between = (unwatched * (1.0 - self.goals.times)..=other.median).contains(&one);
                let same = between || is_same(one, &other, self.goals.times);
                let verdict = of_time(same, same_work);
                rows.push(time(Group::Process, format!("{name}: {what}"), one, other, verdict));
            }
        }
        rows
    }

    fn steps(&self) -> (Vec<Row>, Vec<Curves>) {
        let keys = |side: &Side| -> BTreeSet<StepKey> {
            side.plain.iter().flat_map(|facts| facts.steps.keys().cloned()).collect()
        };
        let (ours, theirs) = (keys(self.one), keys(self.other));
        let (mut rows, mut curves) = (Vec::new(), Vec::new());
        for key in ours.intersection(&theirs) {
            let name = format!("{}: {}", key.task, key.at());
            let (found, curve) = self.distribution(Group::Step, &name, key, |facts| &facts.steps, None);
            rows.extend(found);
            curves.extend(curve);
        }
        (rows, curves)
    }

    fn messages(&self, counts: &[Row]) -> (Vec<Row>, Vec<Curves>) {
        let keys = |side: &Side| -> BTreeSet<String> {
            side.plain.iter().flat_map(|facts| facts.messages.keys().cloned()).collect()
        };
        let (ours, theirs) = (keys(self.one), keys(self.other));
        let (mut rows, mut curves) = (Vec::new(), Vec::new());
        for key in ours.intersection(&theirs) {
            let count = Count::Messages(key.clone()).name();
            let same_work =
                counts.iter().find(|row| row.name == count).map(|row| row.verdict == Verdict::Same);
            let name = format!("message through {key}");
            let (found, curve) =
                self.distribution(Group::Message, &name, key, |facts| &facts.messages, same_work);
            rows.extend(found);
            curves.extend(curve);
        }
        (rows, curves)
    }

    /// The median and the 95th percentile of something that happens often, and its distribution.
    fn distribution<K: Ord>(
        &self,
        group: Group,
        name: &str,
        key: &K,
        get: fn(&Facts) -> &BTreeMap<K, Vec<u64>>,
        same_work: Option<bool>,
    ) -> (Vec<Row>, Option<Curves>) {
        let (one, other) = (self.one.pooled(key, get), self.other.pooled(key, get));
        let runs = |side: &Side| side.plain.len().max(1) as f64;
        let often = |values: &[u64], side: &Side| values.len() as f64 / runs(side);
        let same_work = same_work.unwrap_or(often(&one, self.one) == often(&other, self.other));
        let spread = one.len() >= ENOUGH && other.len() >= ENOUGH && spread(&other) > SPREAD;
        let apart = spread.then(|| (distance(&one, &other), self.own_distance(key, get, &other)));
        let mut rows = Vec::new();
        for (label, part) in [("p50", 0.5), ("p95", 0.95)] {
            let of_each = self.other.plain.iter().filter_map(|facts| {
                let mut values = get(facts).get(key)?.clone();
                values.sort_unstable();
                rank(&values, part).map(|value| value as f64)
            });
            let of_each: Vec<f64> = of_each.collect();
            let (Some(value), Some(estimate)) = (rank(&one, part), estimate(&of_each)) else { continue };
            let same = match apart {
                Some((distance, own)) => distance <= self.goals.times.max(2.0 * own),
                None => is_same(value as f64, &estimate, self.goals.times),
            };
            let verdict = of_time(same, same_work);
            let weight = other.iter().sum::<u64>() as f64 / runs(self.other);
            let row = time(group, format!("{name}, {label}"), value as f64, estimate, verdict);
            rows.push(Row { distance: apart.map(|(distance, _)| distance), weight, ..row });
        }
        let drawn = one.len() >= 2 && other.len() >= 2;
        (rows, drawn.then(|| Curves { name: name.to_owned(), one, other }))
    }

    /// How far the repetitions are from all of them together: the median distance.
    fn own_distance<K: Ord>(
        &self,
        key: &K,
        get: fn(&Facts) -> &BTreeMap<K, Vec<u64>>,
        pooled: &[u64],
    ) -> f64 {
        let distances = self.other.plain.iter().filter_map(|facts| {
            let mut values = get(facts).get(key)?.clone();
            values.sort_unstable();
            Some(distance(&values, pooled))
        });
        median(&distances.collect::<Vec<_>>()).unwrap_or(0.0)
    }

    /// Messages in a second, over all channels.
    fn throughput(&self, same_work: bool) -> Option<Row> {
        let rates = |side: &Side| -> Vec<f64> {
            let rate = side.plain.iter().map(|facts| {
                let messages: usize = facts.messages.values().map(Vec::len).sum();
                messages as f64 / (facts.wall.as_nanos().max(1) as f64 / 1e9)
            });
            rate.collect()
        };
        let (one, other) = (median(&rates(self.one))?, estimate(&rates(self.other))?);
        if one == 0.0 && other.median == 0.0 {
            return None;
        }
        let same = is_same(one, &other, self.goals.times);
        let row =
            time(Group::Throughput, "messages a second".to_owned(), one, other, of_time(same, same_work));
        Some(Row { unit: Unit::PerSecond, ..row })
    }
}

fn time(group: Group, name: String, one: f64, other: Estimate, verdict: Verdict) -> Row {
    Row {
        group,
        name,
        unit: Unit::Nanoseconds,
        one,
        error: error(one, other.median),
        distance: None,
        verdict,
        weight: other.median,
        other,
    }
}
