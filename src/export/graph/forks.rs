//! Who made whom, from when to when each lived, and how it ended.

use std::collections::BTreeMap;

use crate::analysis::forks::{ForkTree, ForkTreeBuilder, Member, Sort};
use crate::analysis::naming::{base, count, time};
use crate::time::Instant;

use super::{Collected, Graph, GraphRow, Input, Shape, Weight, walk};

pub const ROW: GraphRow = GraphRow {
    name: "forks",
    doc: "Who forked whom, from when to when each process and thread lived, what it executed and how it ended.",
    collect,
};

/// More children of one name without children of their own are one node.
const MOST: usize = 8;

fn collect(input: &mut Input<'_>) -> Collected {
    let mut graph = Graph::of(input.header(), "forks");
    let mut builder = ForkTreeBuilder::new(input.header());
    let (end, damage) = walk(input, |record| builder.record(record));
    let tree = builder.finish(end);
    let mut ahead: Vec<(Option<usize>, Kin)> =
        kin(&tree, &tree.roots).into_iter().rev().map(|kin| (None, kin)).collect();
    while let Some((parent, one)) = ahead.pop() {
        let place = one.draw(&tree, &mut graph);
        if let Some(parent) = parent {
            let orphaned = one.members.iter().any(|&at| tree.orphaned(&tree.members[at]));
            let lines = if orphaned { vec!["outlives it".to_owned()] } else { Vec::new() };
            graph.edge(parent, place, lines, Weight::Ordinary);
        }
        let children = one.members.iter().flat_map(|&at| kin(&tree, &tree.members[at].children));
        let children: Vec<_> = children.map(|child| (Some(place), child)).collect();
        ahead.extend(children.into_iter().rev());
    }
    Collected { graph: graph.or_note("There is no process."), damage }
}

/// One member, or several that are one node.
struct Kin {
    members: Vec<usize>,
}

/// Children as nodes, in the order of their making.
fn kin(tree: &ForkTree, children: &[usize]) -> Vec<Kin> {
    let alike = |at: usize| {
        let member = &tree.members[at];
        member.children.is_empty().then(|| (base(&member.name), member.sort == Sort::Process))
    };
    let mut many: BTreeMap<_, usize> = BTreeMap::new();
    children.iter().filter_map(|&at| alike(at)).for_each(|name| *many.entry(name).or_default() += 1);
    let mut places: BTreeMap<_, usize> = BTreeMap::new();
    let mut nodes: Vec<Kin> = Vec::new();
    for &at in children {
        match alike(at).filter(|name| many[name] > MOST) {
            None => nodes.push(Kin { members: vec![at] }),
            Some(name) => {
                let place = *places.entry(name).or_insert(nodes.len());
                if place == nodes.len() {
                    nodes.push(Kin { members: Vec::new() });
                }
                nodes[place].members.push(at);
            }
        }
    }
    nodes
}

impl Kin {
    fn draw(&self, tree: &ForkTree, graph: &mut Graph) -> usize {
        let members = || self.members.iter().map(|&at| &tree.members[at]);
        let Some(first) = members().next() else { return 0 };
        let shape = if first.sort == Sort::Process { Shape::Process } else { Shape::Thread };
        let mut lines = match self.members.len() {
            1 => vec![format!("{} ({})", first.name, first.task)],
            many => vec![format!("{} ×{}", base(&first.name), count(many as u64))],
        };
        if self.members.len() == 1 {
            lines.extend(first.execs.iter().map(|exec| format!("exec {}", exec.program)));
        }
        let start = members().map(|member| member.start).min().unwrap_or_default();
        let end = members().map(|member| member.end.map_or(Instant::NEVER, |end| end.at)).max();
        let end = end.filter(|&end| end != Instant::NEVER);
        let shown = |at: Instant| time(at.since(Instant::START));
        lines.push(format!("{} to {}", shown(start), end.map_or_else(|| "the end".to_owned(), shown)));
        lines.push(ends(members()));
        graph.node(shape, Weight::Ordinary, lines)
    }
}

/// How several have ended.
fn ends<'a>(members: impl Iterator<Item = &'a Member>) -> String {
    let mut ways: BTreeMap<String, u64> = BTreeMap::new();
    for member in members {
        let way = member.end.map_or_else(|| "lives on".to_owned(), |end| format!("status {}", end.status));
        *ways.entry(way).or_default() += 1;
    }
    let alone = ways.len() == 1;
    let ways =
        ways.into_iter().map(|(way, many)| if alone { way } else { format!("{way}: {}", count(many)) });
    ways.collect::<Vec<_>>().join(", ")
}
