//! Who waits for whom when the trace ends.

use std::collections::BTreeMap;

use crate::analysis::naming::time;
use crate::analysis::waits::{Tie, Wait, WaitGraph, WaitGraphBuilder};
use crate::ids::{ObjectId, StepId};
use crate::time::Instant;
use crate::trace::Header;

use super::{Collected, Graph, GraphRow, Input, Shape, Weight, walk};

pub const ROW: GraphRow = GraphRow {
    name: "waits",
    doc: "Who waits for what and whom at the end of the run, and the circle of a deadlock.",
    collect,
};

/// So many threads are shown, those of a circle first.
const MOST: usize = 60;

fn collect(input: &mut Input<'_>) -> Collected {
    let header = input.header().clone();
    let mut builder = WaitGraphBuilder::new(&header);
    let (_, damage) = walk(input, |record| builder.record(record));
    Collected { graph: draw(&builder.finish(), &header), damage }
}

fn draw(waits: &WaitGraph, header: &Header) -> Graph {
    let mut graph = Graph::of(header, "waits at the end");
    let shown = shown(waits);
    let weight = |circle: bool| if circle { Weight::Alarming } else { Weight::Ordinary };
    let mut places = BTreeMap::new();
    for &at in &shown {
        let party = &waits.threads[at];
        let state = if party.wait.is_none() { " (doesn't wait)" } else { "" };
        let lines = vec![format!("{} ({}){state}", party.name, party.task)];
        places.insert(at, graph.node(Shape::Thread, weight(party.in_circle), lines));
    }
    let mut objects: BTreeMap<ObjectId, usize> = BTreeMap::new();
    let mut ties: BTreeMap<(usize, usize), (Tie, bool)> = BTreeMap::new();
    for &at in &shown {
        let party = &waits.threads[at];
        let Some(wait) = &party.wait else { continue };
        let helpers = wait.helpers.iter().filter_map(|(helper, tie)| {
            let circle = party.in_circle && waits.threads[*helper].in_circle;
            places.get(helper).map(|place| (*place, *tie, circle))
        });
        let helpers: Vec<_> = helpers.collect();
        let lines = told(wait, header);
        match wait.object {
            // Without an object between, the wait itself leads to whoever can end it.
            None if helpers.is_empty() => {
                let nothing = graph.node(Shape::Note, Weight::Ordinary, vec![wait.on.name().to_owned()]);
                graph.edge(places[&at], nothing, lines, Weight::Ordinary);
            }
            None => helpers.iter().for_each(|&(helper, _, circle)| {
                graph.edge(places[&at], helper, lines.clone(), weight(circle));
            }),
            Some(object) => {
                let place = *objects.entry(object).or_insert_with(|| {
                    let entry = header.objects.get(object.index());
                    let name = entry.map_or_else(
                        || format!("object {object}"),
                        |entry| format!("{} {}", entry.kind, entry.name),
                    );
                    graph.node(Shape::Object, Weight::Ordinary, vec![name])
                });
                let circle = helpers.iter().any(|(_, _, circle)| *circle);
                graph.edge(places[&at], place, lines, weight(circle));
                for (helper, tie, circle) in helpers {
                    let known = ties.entry((place, helper)).or_insert((tie, false));
                    *known = (known.0.min(tie), known.1 || circle);
                }
            }
        }
    }
    for ((object, helper), (tie, circle)) in ties {
        let faint = if tie == Tie::Names { Weight::Faint } else { Weight::Ordinary };
        let weight = if circle { Weight::Alarming } else { faint };
        graph.edge(object, helper, vec![tie.name().to_owned()], weight);
    }
    if shown.len() < waits.threads.len() {
        let more = format!("and {} more threads", waits.threads.len() - shown.len());
        graph.node(Shape::Note, Weight::Ordinary, vec![more]);
    }
    graph.or_note("Nobody waits at the end.")
}

/// The threads that have room: the shortest circle, the others in circles, then the rest.
fn shown(waits: &WaitGraph) -> Vec<usize> {
    let mut order = waits.circle.clone();
    let rest = |circle: bool| {
        let all = waits.threads.iter().enumerate();
        all.filter(move |(at, party)| party.in_circle == circle && !waits.circle.contains(at))
            .map(|(at, _)| at)
    };
    order.extend(rest(true).chain(rest(false)).take(MOST.saturating_sub(order.len())));
    order
}

fn told(wait: &Wait, header: &Header) -> Vec<String> {
    let mut lines =
        vec![format!("waits ({}) since {}", wait.on.name(), time(wait.since.since(Instant::START)))];
    if wait.step != StepId::NONE
        && let Some(step) = header.steps.get(wait.step.index())
    {
        lines.push(format!("line {}: {}", step.line, step.text));
    }
    lines
}
