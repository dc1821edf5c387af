//! Graphs in Mermaid's language, which Markdown on many sites draws by itself.

use std::io::{self, Write};

use crate::export::{Exporter, Writes};

use super::{Graph, Shape, Weight, visible};

pub const EXPORTER: Exporter = Exporter {
    name: "mermaid",
    endings: &["mmd"],
    doc: "A graph of the run for Mermaid, for Markdown pages: messages, forks or waits (`--graph`).",
    writes: Writes::Graph(write),
};

fn write(graph: &Graph, out: &mut dyn Write) -> io::Result<()> {
    // The head is YAML, and a JSON string is one of YAML's.
    writeln!(out, "---\ntitle: {}\n---", serde_json::Value::from(visible(&graph.title)))?;
    writeln!(out, "flowchart LR")?;
    for (number, node) in graph.nodes.iter().enumerate() {
        let (open, close) = match node.shape {
            Shape::Process => ("(", ")"),
            Shape::Thread => ("([", "])"),
            Shape::Object => ("[", "]"),
            Shape::Note => ("[", "]"),
        };
        writeln!(out, "  n{number}{open}{}{close}", text(&node.lines))?;
    }
    for edge in &graph.edges {
        let arrow = if edge.weight == Weight::Faint { "-.->" } else { "-->" };
        let label = if edge.lines.is_empty() { String::new() } else { format!("|{}|", text(&edge.lines)) };
        writeln!(out, "  n{} {arrow}{label} n{}", edge.from, edge.to)?;
    }
    for (number, edge) in graph.edges.iter().enumerate() {
        let colour = if edge.weight == Weight::Alarming { ",stroke:#c0392b" } else { "" };
        if edge.width > 1 || !colour.is_empty() {
            writeln!(out, "  linkStyle {number} stroke-width:{}px{colour}", edge.width.max(2))?;
        }
    }
    let alarming = graph.nodes.iter().enumerate().filter(|(_, node)| node.weight == Weight::Alarming);
    let alarming: Vec<String> = alarming.map(|(number, _)| format!("n{number}")).collect();
    if !alarming.is_empty() {
        writeln!(out, "  classDef alarming stroke:#c0392b,stroke-width:2px")?;
        writeln!(out, "  class {} alarming", alarming.join(","))?;
    }
    Ok(())
}

/// Lines as one quoted text. What has a meaning to Mermaid, Markdown or HTML is written by its number.
fn text<S: AsRef<str>>(lines: impl IntoIterator<Item = S>) -> String {
    let lines = lines.into_iter().map(|line| {
        let mut escaped = String::new();
        for c in visible(line.as_ref()).chars() {
            match c {
                '"' | '#' | '&' | '<' | '>' | '`' | '%' | '\\' | '*' | '_' | '~' | ';' => {
                    escaped += &format!("#{};", u32::from(c));
                }
                _ => escaped.push(c),
            }
        }
        escaped
    });
    format!("\"{}\"", lines.collect::<Vec<_>>().join("<br/>"))
}
