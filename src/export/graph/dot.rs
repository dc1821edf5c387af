//! Graphs in the language of Graphviz.

use std::io::{self, Write};

use crate::export::{Exporter, Writes};

use super::{Graph, Shape, Weight, visible};

pub const EXPORTER: Exporter = Exporter {
    name: "dot",
    endings: &["dot", "gv"],
    doc: "A graph of the run for Graphviz: messages, forks or waits (`--graph`).",
    writes: Writes::Graph(write),
};

fn write(graph: &Graph, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "digraph trapline {{")?;
    writeln!(
        out,
        "  graph [label={}, labelloc=t, rankdir=LR, nodesep=0.4, ranksep=0.7, fontname=\"sans-serif\"];",
        text([&graph.title])
    )?;
    writeln!(out, "  node [fontname=\"sans-serif\", fontsize=11];")?;
    writeln!(out, "  edge [fontname=\"sans-serif\", fontsize=9, arrowsize=0.6, color=\"#6b7785\"];")?;
    for (number, node) in graph.nodes.iter().enumerate() {
        let shape = match node.shape {
            Shape::Process => "shape=box, style=\"filled,rounded\", fillcolor=\"#dbe9f6\"",
            Shape::Thread => "shape=ellipse, style=filled, fillcolor=\"#dbe9f6\"",
            Shape::Object => "shape=box, style=filled, fillcolor=\"#f1ead6\"",
            Shape::Note => "shape=plaintext",
        };
        writeln!(out, "  n{number} [label={}, {shape}{}];", text(&node.lines), accent(node.weight))?;
    }
    for edge in &graph.edges {
        let label =
            if edge.lines.is_empty() { String::new() } else { format!("label={}, ", text(&edge.lines)) };
        let (from, to, accent) = (edge.from, edge.to, accent(edge.weight));
        writeln!(out, "  n{from} -> n{to} [{label}penwidth={}{accent}];", edge.width)?;
    }
    writeln!(out, "}}")
}

const fn accent(weight: Weight) -> &'static str {
    match weight {
        Weight::Ordinary => "",
        Weight::Alarming => ", color=\"#c0392b\", fontcolor=\"#96281b\"",
        Weight::Faint => ", style=dashed, color=\"#808080\"",
    }
}

/// Lines as one quoted text. Graphviz reads escapes and entities in it, so those of a name are escaped.
fn text<S: AsRef<str>>(lines: impl IntoIterator<Item = S>) -> String {
    let mut quoted = String::from("\"");
    for (number, line) in lines.into_iter().enumerate() {
        if number > 0 {
            quoted.push_str("\\n");
        }
        for c in visible(line.as_ref()).chars() {
            match c {
                '"' => quoted.push_str("\\\""),
                '\\' => quoted.push_str("\\\\"),
                '&' => quoted.push_str("&amp;"),
                _ => quoted.push(c),
            }
        }
    }
    quoted.push('"');
    quoted
}
