//! Pipes that several tasks read from, as queues of work are.
//!
//! Who gets which message decides what happens next, and a scenario's steps don't look into messages. So such a
//! pipe becomes one for each reader, and each write goes to the reader that got its bytes in the recording.

use std::collections::{BTreeMap, VecDeque};

use super::build::Builder;
use super::plan::{Item, Step, Value, text};
use super::state::Pipe;

/// Where a step stands: the task, which of its programs, which step.
type Place = (usize, usize, usize);

/// A step that concerns a pipe.
struct Use {
    order: u64,
    place: Place,
    verb: &'static str,
    bytes: u64,
    write_end: bool,
}

/// Splits each pipe that has several readers.
pub fn split(builder: &mut Builder<'_>) {
    let uses = uses(builder);
    for pipe in 0..builder.pipes.len() {
        let Some(uses) = uses.get(&builder.pipes[pipe].name) else { continue };
        let mut readers: Vec<usize> = Vec::new();
        for of in uses.iter().filter(|of| of.verb == "read" && of.bytes > 0) {
            if !readers.contains(&of.place.0) {
                readers.push(of.place.0);
            }
        }
        if readers.len() > 1 {
            split_one(builder, pipe, uses, &readers);
        }
    }
}

/// The uses of all pipes, by name, in the order in which they took effect.
fn uses(builder: &Builder<'_>) -> BTreeMap<String, Vec<Use>> {
    let mut all: BTreeMap<String, Vec<Use>> = BTreeMap::new();
    for pipe in &builder.pipes {
        all.insert(pipe.name.clone(), Vec::new());
    }
    for (task, track) in builder.tracks.iter().enumerate() {
        let segments = track.iter().flat_map(|track| track.segments.iter().enumerate());
        for (segment, index, item) in segments.flat_map(|(at, segment)| {
            segment.items.iter().enumerate().map(move |(index, item)| (at, index, item))
        }) {
            let Step::Call(fields) = &item.step else { continue };
            let (verb, Value::Text(name)) = &fields[0] else { continue };
            if !["read", "write", "close"].contains(verb) {
                continue;
            }
            let bytes = match fields.get(1) {
                // What ends at the end of file takes nothing.
                Some((_, Value::Bytes(bytes))) if *verb == "write" || fields.len() > 2 || *bytes == 1 => {
                    *bytes
                }
                _ => 0,
            };
            let failed = fields.iter().any(|(key, _)| *key == "on-error");
            let bytes = if failed { 0 } else { bytes };
            let write_end = matches!(fields.get(1), Some((_, Value::Text(end))) if end == "write");
            if let Some(list) = all.get_mut(name) {
                list.push(Use { order: item.order, place: (task, segment, index), verb, bytes, write_end });
            }
        }
    }
    all.values_mut().for_each(|list| list.sort_by_key(|of| of.order));
    all
}

fn split_one(builder: &mut Builder<'_>, pipe: usize, uses: &[Use], readers: &[usize]) {
    let first = builder.pipes[pipe].name.clone();
    let mut lanes = vec![pipe];
    for _ in 1..readers.len() {
        let name = builder.names.take(&first);
        let (capacity, known) = (builder.pipes[pipe].capacity, builder.pipes[pipe].known);
        builder.pipes.push(Pipe { name, capacity, known, ..Pipe::default() });
        lanes.push(builder.pipes.len() - 1);
    }
    (builder.pipes[pipe].read, builder.pipes[pipe].written, builder.pipes[pipe].reads) = (0, 0, 0);
    let lane_of = |task: usize| readers.iter().position(|reader| *reader == task);
    let takes = uses.iter().filter(|of| of.verb == "read" && of.bytes > 0);
    let mut takes: VecDeque<(usize, u64)> =
        takes.filter_map(|of| Some((lane_of(of.place.0)?, of.bytes))).collect();
    // The lanes that each task writes to.
    let mut writes: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut changes: Vec<(Place, Vec<(usize, u64)>)> = Vec::new();
    for of in uses {
        let mut parts = Vec::new();
        match of.verb {
            "read" => {
                let lane = lane_of(of.place.0).unwrap_or(0);
                builder.pipes[lanes[lane]].read += of.bytes;
                builder.pipes[lanes[lane]].reads += 1;
                parts.push((lane, of.bytes));
            }
            "write" => {
                let mut left = of.bytes;
                while left > 0
                    && let Some((lane, wanted)) = takes.front_mut()
                {
                    let part = left.min(*wanted);
                    parts.push((*lane, part));
                    (left, *wanted) = (left - part, *wanted - part);
                    if *wanted == 0 {
                        takes.pop_front();
                    }
                }
                if left > 0 || parts.is_empty() {
                    parts.push((parts.last().map_or(0, |(lane, _)| *lane), left));
                }
                let parts = joined(&mut parts);
                for (lane, bytes) in parts {
                    builder.pipes[lanes[*lane]].written += *bytes;
                    let known = writes.entry(of.place.0).or_default();
                    if !known.contains(lane) {
                        known.push(*lane);
                    }
                }
            }
            _ => match (of.write_end, writes.get(&of.place.0)) {
                (true, Some(known)) => parts.extend(known.iter().map(|lane| (*lane, 0))),
                (true, None) => parts.push((0, 0)),
                (false, _) => parts.push((lane_of(of.place.0).unwrap_or(0), 0)),
            },
        }
        changes.push((of.place, parts));
    }
    // From the last to the first, so that the places of the others stay right.
    changes.sort_by_key(|(place, _)| std::cmp::Reverse(*place));
    for (place, parts) in changes {
        let names: Vec<(String, u64)> =
            parts.into_iter().map(|(lane, bytes)| (builder.pipes[lanes[lane]].name.clone(), bytes)).collect();
        change(builder, place, names);
    }
    let number = readers.len();
    builder.report.remark(format!(
        "{number} tasks read from `{first}`: it is a pipe for each, with what that task got in the recording"
    ));
}

/// Neighbours of one lane as one.
fn joined(parts: &mut Vec<(usize, u64)>) -> &Vec<(usize, u64)> {
    parts.dedup_by(|next, last| {
        let same = next.0 == last.0;
        last.1 += if same { next.1 } else { 0 };
        same
    });
    parts
}

/// Replaces a step by one for each pipe.
fn change(builder: &mut Builder<'_>, (task, segment, index): Place, names: Vec<(String, u64)>) {
    let Some(track) = &mut builder.tracks[task] else { return };
    let items = &mut track.segments[segment].items;
    let Step::Call(fields) = items[index].step.clone() else { return };
    let (before, order) = (items[index].before, items[index].order);
    let several = names.len() > 1;
    let new = names.into_iter().enumerate().map(|(at, (name, bytes))| {
        let mut fields = fields.clone();
        fields[0].1 = text(name);
        if let (true, Some((_, Value::Bytes(all)))) = (several, fields.get_mut(1)) {
            *all = bytes;
        }
        let before = if at == 0 { before } else { super::plan::Mean::default() };
        Item { before, order, step: Step::Call(fields) }
    });
    items.splice(index..=index, new);
}
