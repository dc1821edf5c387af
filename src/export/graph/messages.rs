//! Who sends how much to whom through what.

use std::collections::BTreeMap;

use crate::analysis::naming::{base, bytes, count};
use crate::ids::{ObjectId, Pid, Tid};
use crate::trace::header::TaskEntry;
use crate::trace::{Header, Kind, Record};

use super::{Collected, Graph, GraphRow, Input, Shape, WIDEST, Weight, walk};

pub const ROW: GraphRow = GraphRow {
    name: "messages",
    doc: "Which processes send how many bytes through which channels, from whom to whom.",
    collect,
};

/// With more processes or channels, numbered ones of one name are one node.
const MOST: usize = 24;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Into,
    OutOf,
}

#[derive(Clone, Copy, Debug, Default)]
struct Amount {
    messages: u64,
    bytes: u64,
}

#[derive(Default)]
struct Traffic {
    processes: BTreeMap<Tid, Pid>,
    names: BTreeMap<Pid, String>,
    amounts: BTreeMap<(Pid, ObjectId, Way), Amount>,
}

fn collect(input: &mut Input<'_>) -> Collected {
    let header = input.header().clone();
    let mut traffic = Traffic::default();
    header.initial.iter().for_each(|entry| traffic.task(entry));
    let (_, damage) = walk(input, |record| traffic.record(record));
    Collected { graph: traffic.graph(&header), damage }
}

impl Traffic {
    fn task(&mut self, entry: &TaskEntry) {
        self.processes.insert(entry.task, entry.process);
        if entry.process.leader() == entry.task || !self.names.contains_key(&entry.process) {
            self.names.insert(entry.process, entry.name.clone());
        }
    }

    fn record(&mut self, record: &Record) {
        let event = match record {
            Record::Event(event) => event,
            Record::Task(entry) => return self.task(entry),
            Record::Name(..) => return,
        };
        let (object, bytes, way) = match event.kind {
            Kind::MessageSend { object, bytes } => (object, bytes, Way::Into),
            Kind::MessageReceive { object, bytes } => (object, bytes, Way::OutOf),
            _ => return,
        };
        let process = self.processes.get(&event.task).copied().unwrap_or(event.task.leads());
        let amount = self.amounts.entry((process, object, way)).or_default();
        amount.messages += 1;
        amount.bytes = amount.bytes.saturating_add(bytes);
    }

    fn graph(&self, header: &Header) -> Graph {
        let process = |process: Pid| match self.names.get(&process) {
            Some(name) => name.clone(),
            None if process == Pid(0) => "no process".to_owned(),
            None => format!("process {process}"),
        };
        let object = |object: ObjectId| match header.objects.get(object.index()) {
            Some(entry) => (entry.kind.clone(), entry.name.clone()),
            None => ("object".to_owned(), object.to_string()),
        };
        let mut processes: BTreeMap<String, u64> = BTreeMap::new();
        let mut objects: BTreeMap<(String, String), u64> = BTreeMap::new();
        for &(one, through, _) in self.amounts.keys() {
            processes.entry(process(one)).or_insert(0);
            objects.entry(object(through)).or_insert(0);
        }
        let grouped = processes.len().max(objects.len()) > MOST;
        let short = |name: String| if grouped { base(&name).to_owned() } else { name };
        let mut edges: BTreeMap<(String, (String, String), Way), Amount> = BTreeMap::new();
        for (&(one, through, way), amount) in &self.amounts {
            let (kind, name) = object(through);
            let edge = edges.entry((short(process(one)), (kind, short(name)), way)).or_default();
            edge.messages += amount.messages;
            edge.bytes = edge.bytes.saturating_add(amount.bytes);
        }
        draw(
            header,
            &edges,
            &tally(processes.into_keys(), &short),
            &tally_objects(objects.into_keys(), &short),
        )
    }
}

/// How many names have become one.
fn tally(names: impl Iterator<Item = String>, short: &impl Fn(String) -> String) -> BTreeMap<String, u64> {
    let mut tally = BTreeMap::new();
    names.for_each(|name| *tally.entry(short(name)).or_insert(0) += 1);
    tally
}

fn tally_objects(
    names: impl Iterator<Item = (String, String)>,
    short: &impl Fn(String) -> String,
) -> BTreeMap<(String, String), u64> {
    let mut tally = BTreeMap::new();
    names.for_each(|(kind, name)| *tally.entry((kind, short(name))).or_insert(0) += 1);
    tally
}

fn draw(
    header: &Header,
    edges: &BTreeMap<(String, (String, String), Way), Amount>,
    processes: &BTreeMap<String, u64>,
    objects: &BTreeMap<(String, String), u64>,
) -> Graph {
    let mut graph = Graph::of(header, "messages");
    let times = |text: String, many: u64| if many > 1 { format!("{text} ×{}", count(many)) } else { text };
    let mut places = BTreeMap::new();
    for (name, &many) in processes {
        let lines = vec![times(name.clone(), many)];
        places.insert(name, graph.node(Shape::Process, Weight::Ordinary, lines));
    }
    let mut channels = BTreeMap::new();
    for (object, &many) in objects {
        let (kind, name) = object;
        let lines = vec![times(format!("{kind} {name}"), many)];
        channels.insert(object, graph.node(Shape::Object, Weight::Ordinary, lines));
    }
    let most = edges.values().map(|amount| amount.bytes).max().unwrap_or(0);
    for ((process, object, way), amount) in edges {
        let plural = if amount.messages == 1 { "" } else { "s" };
        let lines = vec![bytes(amount.bytes), format!("{} message{plural}", count(amount.messages))];
        let (process, channel) = (places[process], channels[object]);
        let (from, to) = match way {
            Way::Into => (process, channel),
            Way::OutOf => (channel, process),
        };
        graph.edge(from, to, lines, Weight::Ordinary);
        if let Some(edge) = graph.edges.last_mut() {
            edge.width = width(amount.bytes, most);
        }
    }
    graph.or_note("Nothing was sent.")
}

/// In equal steps from nothing to the most.
fn width(bytes: u64, most: u64) -> u8 {
    let steps = u128::from(WIDEST - 1);
    let step = (u128::from(bytes) * steps + u128::from(most / 2)).checked_div(u128::from(most)).unwrap_or(0);
    1 + step.min(steps) as u8
}
