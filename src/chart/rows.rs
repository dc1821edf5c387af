//! Which lanes get a row of the picture, and which are drawn together because there are too many.

use std::collections::BTreeMap;

use crate::analysis::Lanes;
use crate::analysis::lanes::{Interrupt, ThreadLane};
use crate::analysis::naming::{base, count};
use crate::analysis::state::ThreadState;
use crate::ids::{Tid, Vector};
use crate::time::{Instant, Span};
use crate::trace::Header;

/// More than this many rows of threads aren't drawn; nor can they be told apart.
const THREAD_ROWS: usize = 40;
const CPU_ROWS: usize = 16;
const VECTOR_ROWS: usize = 8;

/// The rows of a picture, from top to bottom.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    pub vectors: Vec<VectorRow>,
    pub cpus: Vec<LaneRow>,
    pub threads: Vec<LaneRow>,
    /// What the reader must know about what isn't drawn.
    pub notes: Vec<String>,
}

/// The interrupts of one vector, or of several.
#[derive(Clone, Debug, Default)]
pub struct VectorRow {
    pub label: String,
    pub interrupts: Vec<Interrupt>,
    /// When further edges joined an interrupt that was still waiting.
    pub coalesced: Vec<Instant>,
}

/// One lane, or several that are drawn together.
#[derive(Clone, Debug)]
pub struct LaneRow {
    pub label: String,
    /// Places in the lanes.
    pub lanes: Vec<usize>,
}

impl LaneRow {
    /// The lane's place, if it has this row to itself.
    pub fn alone(&self) -> Option<usize> {
        match self.lanes[..] {
            [lane] => Some(lane),
            _ => None,
        }
    }
}

impl Rows {
    pub fn new(lanes: &Lanes, header: &Header) -> Rows {
        let mut rows = Rows::default();
        rows.add_vectors(lanes, header);
        rows.add_cpus(lanes);
        rows.add_threads(lanes);
        rows
    }

    /// The row of each thread that has one to itself.
    pub fn by_task(&self, lanes: &Lanes) -> BTreeMap<Tid, usize> {
        let alone =
            self.threads.iter().enumerate().filter_map(|(row, threads)| Some((row, threads.alone()?)));
        alone.map(|(row, lane)| (lanes.threads[lane].task, row)).collect()
    }

    fn add_vectors(&mut self, lanes: &Lanes, header: &Header) {
        let mut by_vector: BTreeMap<Vector, VectorRow> = BTreeMap::new();
        for &interrupt in &lanes.interrupts {
            by_vector.entry(interrupt.vector).or_default().interrupts.push(interrupt);
        }
        for edge in &lanes.coalesced {
            by_vector.entry(edge.vector).or_default().coalesced.push(edge.at);
        }
        // Highest priority first, as in the header.
        for (vector, row) in by_vector.into_iter().rev() {
            if self.vectors.len() + 1 >= VECTOR_ROWS {
                let others = self.vectors.last_mut().filter(|row| row.label == "others");
                match others {
                    Some(others) => {
                        others.interrupts.extend(row.interrupts);
                        others.coalesced.extend(row.coalesced);
                    }
                    None => self.vectors.push(VectorRow { label: "others".to_owned(), ..row }),
                }
                continue;
            }
            let named = header.vectors.iter().find(|entry| entry.vector == vector);
            let label = named.map_or_else(|| format!("vector {vector}"), |entry| entry.name.clone());
            self.vectors.push(VectorRow { label, ..row });
        }
    }

    fn add_cpus(&mut self, lanes: &Lanes) {
        let cpus = lanes.cpus.len();
        if cpus <= CPU_ROWS {
            let row =
                |lane: usize| LaneRow { label: format!("CPU {}", lanes.cpus[lane].cpu), lanes: vec![lane] };
            self.cpus.extend((0..cpus).map(row));
            return;
        }
        self.notes.push(format!("All {cpus} CPUs share a row: heights are shares of their time."));
        self.cpus.push(LaneRow { label: format!("CPU 0..{}", cpus - 1), lanes: (0..cpus).collect() });
    }

    fn add_threads(&mut self, lanes: &Lanes) {
        let present: Vec<usize> =
            (0..lanes.threads.len()).filter(|&lane| !lanes.threads[lane].spans.is_empty()).collect();
        if present.len() <= THREAD_ROWS {
            let mut uses: BTreeMap<&str, usize> = BTreeMap::new();
            present.iter().for_each(|&lane| *uses.entry(&lanes.threads[lane].name).or_default() += 1);
            self.threads.extend(present.iter().map(|&lane| {
                let thread = &lanes.threads[lane];
                let alone = uses.get(thread.name.as_str()).is_none_or(|&uses| uses == 1);
                let alone = alone && !thread.name.trim().is_empty();
                let label =
                    if alone { thread.name.clone() } else { format!("{} #{}", thread.name, thread.task) };
                LaneRow { label, lanes: vec![lane] }
            }));
            return;
        }
        let mut groups: Vec<LaneRow> = Vec::new();
        let mut places: BTreeMap<&str, usize> = BTreeMap::new();
        for &lane in &present {
            let name = base(&lanes.threads[lane].name);
            let place = *places.entry(name).or_insert_with(|| {
                groups.push(LaneRow { label: name.to_owned(), lanes: Vec::new() });
                groups.len() - 1
            });
            groups[place].lanes.push(lane);
        }
        self.threads = merge_quiet(groups, lanes);
        for row in self.threads.iter_mut().filter(|row| row.lanes.len() > 1) {
            row.label = format!("{} ×{}", row.label, count(row.lanes.len() as u64));
        }
        let (all, rows) = (count(present.len() as u64), self.threads.len());
        let rows = if rows == 1 { "one row".to_owned() } else { format!("{rows} rows") };
        self.notes
            .push(format!("{all} threads in {rows}: heights are shares of all the time of a row's threads."));
    }
}

/// The busiest groups keep their rows; the rest share the last.
fn merge_quiet(groups: Vec<LaneRow>, lanes: &Lanes) -> Vec<LaneRow> {
    if groups.len() <= THREAD_ROWS {
        return groups;
    }
    let busy = |row: &LaneRow| row.lanes.iter().map(|&lane| busy_time(&lanes.threads[lane])).sum::<Span>();
    let mut by_time: Vec<(Span, usize)> =
        groups.iter().enumerate().map(|(place, row)| (busy(row), place)).collect();
    by_time.sort_by_key(|&(time, place)| (std::cmp::Reverse(time), place));
    let mut kept = vec![false; groups.len()];
    by_time.iter().take(THREAD_ROWS - 1).for_each(|&(_, place)| kept[place] = true);
    let mut others = LaneRow { label: "others".to_owned(), lanes: Vec::new() };
    let mut rows = Vec::with_capacity(THREAD_ROWS);
    for (place, group) in groups.into_iter().enumerate() {
        if kept[place] { rows.push(group) } else { others.lanes.extend(group.lanes) }
    }
    rows.push(others);
    rows
}

fn busy_time(thread: &ThreadLane) -> Span {
    let busy = thread.spans.iter().filter(|span| match span.state {
        ThreadState::User | ThreadState::Kernel(_) | ThreadState::Interrupted(_) | ThreadState::Switch => {
            true
        }
        ThreadState::Ready | ThreadState::Blocked { .. } => false,
    });
    busy.map(|span| span.to.since(span.from)).sum()
}
