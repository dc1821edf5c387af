//! Graphs of a whole run, for Graphviz and Mermaid: who sends to whom, who forked whom, who waits for whom.
//!
//! A graph is collected while the trace passes by, so memory grows with the number of threads and objects, not of
//! events. What would be too much for a picture is put together: numbered processes of one name are one node.
//!
//! - [`dot`], [`mermaid`]: the two languages
//! - `messages`, `forks`, `waits`: the graphs

pub mod dot;
mod forks;
pub mod mermaid;
mod messages;
#[cfg(test)]
mod tests;
mod waits;

use crate::time::Instant;
use crate::trace::{Header, Record, TraceError};

use super::Input;

/// Which graph of a run.
#[derive(Clone, Copy, Debug)]
pub struct GraphRow {
    pub name: &'static str,
    /// What it shows, in one sentence.
    pub doc: &'static str,
    collect: fn(&mut Input<'_>) -> Collected,
}

/// Every graph; the first is the default.
pub static GRAPHS: &[GraphRow] = &[messages::ROW, forks::ROW, waits::ROW];

/// The graph with this name.
pub fn by_name(name: &str) -> Option<&'static GraphRow> {
    GRAPHS.iter().find(|row| row.name == name)
}

impl GraphRow {
    /// The graph, and what is wrong with the trace: then it is that of the part before.
    pub fn of(&self, input: &mut Input<'_>) -> (Graph, Option<TraceError>) {
        let Collected { graph, damage } = (self.collect)(input);
        (graph, damage)
    }
}

struct Collected {
    graph: Graph,
    damage: Option<TraceError>,
}

/// Boxes and arrows, with texts as they shall be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    pub title: String,
    pub nodes: Vec<Node>,
    pub edges: Vec<Edge>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    pub shape: Shape,
    pub lines: Vec<String>,
    pub weight: Weight,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Process,
    Thread,
    /// A channel, lock, file or device.
    Object,
    Note,
}

/// From one node to another, by position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    pub from: usize,
    pub to: usize,
    pub lines: Vec<String>,
    /// From 1, the thinnest, to [`WIDEST`].
    pub width: u8,
    pub weight: Weight,
}

/// How much a node or an edge shall be noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    Ordinary,
    /// Part of a circle of waits.
    Alarming,
    /// What is possible, not what happened.
    Faint,
}

pub const WIDEST: u8 = 6;

impl Graph {
    fn of(header: &Header, what: &str) -> Graph {
        Graph { title: format!("{}: {what}", header.scenario), nodes: Vec::new(), edges: Vec::new() }
    }

    fn node(&mut self, shape: Shape, weight: Weight, lines: Vec<String>) -> usize {
        self.nodes.push(Node { shape, lines, weight });
        self.nodes.len() - 1
    }

    fn edge(&mut self, from: usize, to: usize, lines: Vec<String>, weight: Weight) {
        self.edges.push(Edge { from, to, lines, width: 1, weight });
    }

    /// What to show if there is nothing else.
    fn or_note(mut self, text: &str) -> Graph {
        if self.nodes.is_empty() {
            self.node(Shape::Note, Weight::Ordinary, vec![text.to_owned()]);
        }
        self
    }
}

/// Gives each record to `take`; returns the end of the run, and the damage that ended the trace before.
fn walk(input: &mut Input<'_>, mut take: impl FnMut(&Record)) -> (Instant, Option<TraceError>) {
    for record in input.by_ref() {
        match record {
            Ok(record) => take(&record),
            Err(error) => return (input.at(), Some(error)),
        }
    }
    (input.footer().map_or(input.at(), |footer| footer.end), None)
}

/// A text without line ends and other characters that aren't to be seen.
fn visible(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
