//! Who sends to whom: senders, channels and receivers in three columns, with bands as wide as what went
//! through them (a Sankey diagram).

use std::collections::BTreeMap;

use crate::analysis::Lanes;
use crate::analysis::naming::base;
use crate::chart::Options;
use crate::chart::canvas::{Anchor, Type};
use crate::chart::font::{Weight, fit};
use crate::chart::layout::{INSIDE, LABEL, MARGIN};
use crate::chart::scene::{Fill, Hatch, Scene, measure};
use crate::chart::{Theme, columns::Paint};
use crate::trace::Header;

use super::ChartRow;
use super::parts::{fill, left, mix, paint, row_name};
use crate::chart::units::bytes;

pub const ROW: ChartRow = ChartRow {
    name: "graph",
    summary: "which processes send how much through which channels",
    doc: "Senders to the left, channels in the middle, receivers to the right. A band is as wide as the bytes \
          that were received through it in the window. A process that sends and receives stands on both \
          sides. Numbered processes of one name are one node if there would be more than 16 on a side.",
    needs: "messages: bytes that one process sent and another received",
    draw: Some(draw),
};

const HEIGHT: f64 = 340.0;
const GAP: i32 = 16;
/// The least height of a node, so that its name has room.
const LEAST: i32 = 18;
const NODE: i32 = 12;
const NODES: usize = 16;
const SEGMENTS: i32 = 24;

/// The nodes of a column with their bytes.
type Column = Vec<(String, u64)>;

/// Bytes between two nodes, by their places.
type Bands = BTreeMap<(usize, usize), u64>;

/// What goes where.
#[derive(Default)]
struct Flow {
    columns: [Column; 3],
    bands: [Bands; 2],
}

impl Flow {
    fn new(lanes: &Lanes, header: &Header) -> Flow {
        let names = |grouped: bool| -> BTreeMap<_, String> {
            let name = |name: &str| if grouped { base(name).to_owned() } else { name.to_owned() };
            lanes.threads.iter().map(|thread| (thread.task, name(&thread.name))).collect()
        };
        let most = |flow: &Flow| flow.columns.iter().map(Vec::len).max().unwrap_or(0);
        let exact = Flow::of(lanes, header, &names(false), false);
        if most(&exact) <= NODES { exact } else { Flow::of(lanes, header, &names(true), true) }
    }

    fn of(lanes: &Lanes, header: &Header, names: &BTreeMap<crate::ids::Tid, String>, grouped: bool) -> Flow {
        let mut flow = Flow::default();
        for message in &lanes.messages {
            let (Some(from), Some(to)) = (names.get(&message.from), names.get(&message.to)) else { continue };
            let object = header.objects.get(message.object.index());
            let channel = object.map_or_else(
                || format!("channel {}", message.object),
                |object| match grouped {
                    true => format!("{} {}", object.kind, base(&object.name)),
                    false => format!("{} {}", object.kind, object.name),
                },
            );
            let places = [(0, from.as_str()), (1, channel.as_str()), (2, to.as_str())];
            let [from, through, to] = places.map(|(column, name)| flow.node(column, name, message.bytes));
            *flow.bands[0].entry((from, through)).or_default() += message.bytes;
            *flow.bands[1].entry((through, to)).or_default() += message.bytes;
        }
        flow
    }

    /// The place of a node, which has so many bytes more; the last of a full column is for all others.
    fn node(&mut self, column: usize, name: &str, more: u64) -> usize {
        let nodes = &mut self.columns[column];
        let place =
            nodes.iter().position(|(known, _)| known == name).unwrap_or(nodes.len()).min(2 * NODES - 1);
        if place == nodes.len() {
            nodes.push((name.to_owned(), 0));
        } else if nodes[place].0 != name {
            nodes[place].0 = "others".to_owned();
        }
        nodes[place].1 += more;
        place
    }
}

fn draw(lanes: &Lanes, header: &Header, options: &Options) -> Scene {
    let palette = options.theme.palette();
    let flow = Flow::new(lanes, header);
    let (mut scene, top) = Scene::new(header, options, &[]);
    let all: u64 = flow.columns[0].iter().map(|(_, bytes)| bytes).sum();
    if all == 0 {
        scene.note("Nothing was received that another process had sent.".to_owned());
        return scene.finish(top);
    }
    let scale = HEIGHT / all as f64;
    let high = |bytes: u64| (bytes as f64 * scale).round() as i32;
    let node_high = |bytes: u64| high(bytes).max(LEAST);
    let column_high = |column: &Column| column.iter().map(|(_, bytes)| node_high(*bytes) + GAP).sum::<i32>();
    let tallest = flow.columns.iter().map(column_high).max().unwrap_or(0);
    let senders = left(flow.columns[0].iter().map(|(name, _)| name.as_str()));
    let receivers = options.width as i32 - left(flow.columns[2].iter().map(|(name, _)| name.as_str()));
    let xs = [senders, (senders + receivers - NODE) / 2, receivers - NODE];
    let tops: Vec<Vec<i32>> = flow
        .columns
        .iter()
        .map(|column| {
            let mut y = top + (tallest - column_high(column)) / 2;
            let tops = column.iter().map(|(_, bytes)| {
                let at = y;
                y += node_high(*bytes) + GAP;
                at
            });
            tops.collect()
        })
        .collect();
    for (side, bands) in flow.bands.iter().enumerate() {
        let mut used = [vec![0; flow.columns[side].len()], vec![0; flow.columns[side + 1].len()]];
        for (&(from, to), &bytes) in bands {
            let place = |side: usize, node: usize, used: i32| {
                let whole = flow.columns[side][node].1;
                tops[side][node] + (node_high(whole) - high(whole)) / 2 + used
            };
            let begin = (xs[side] + NODE, place(side, from, used[0][from]));
            let end = (xs[side + 1], place(side + 1, to, used[1][to]));
            used[0][from] += high(bytes);
            used[1][to] += high(bytes);
            let own = if side == 0 { fill(from).colour } else { palette.paint(Paint::Blocked) };
            let colour = match options.theme {
                Theme::Print => palette.grid,
                Theme::Light | Theme::Dark => mix(own, palette.background, 40),
            };
            scene.polygon(band(begin, end, high(bytes).max(1)), colour);
        }
    }
    for (column, nodes) in flow.columns.iter().enumerate() {
        for (place, (name, sum)) in nodes.iter().enumerate() {
            let (x, y, high) = (xs[column], tops[column][place], node_high(*sum));
            let look = match column {
                0 => fill(place),
                1 => paint(&palette, Paint::Kernel),
                _ => Fill { colour: palette.muted, hatch: Hatch::Solid },
            };
            scene.fill((x, y), (NODE, high), look);
            let middle = y + high / 2;
            match column {
                0 => row_name(&mut scene, name, x + 6, middle),
                1 => channel(&mut scene, &format!("{name}, {}", bytes(*sum)), x + NODE + 6, middle),
                _ => {
                    let set = Type { size: LABEL, weight: Weight::Regular, colour: palette.text };
                    let room = options.width as i32 - MARGIN - x - NODE - 6;
                    scene.text_in(name, room, (x + NODE + 6, middle), Anchor::Left, set);
                }
            }
        }
    }
    scene.finish(top + tallest)
}

/// A channel's name on a ground of its own, beside the node.
fn channel(scene: &mut Scene, name: &str, x: i32, middle: i32) {
    let set = Type { size: INSIDE, weight: Weight::Regular, colour: scene.palette.text };
    if let Some(text) = fit(name, 200.0, INSIDE, Weight::Regular) {
        let ground = scene.palette.background;
        scene.rect((x - 2, middle - 8), (measure(&text, set) + 4, 16), ground);
        scene.text(&text, (x, middle), Anchor::Left, set);
    }
}

/// The outline of a band that leaves and arrives level.
fn band(begin: (i32, i32), end: (i32, i32), high: i32) -> Vec<(i32, i32)> {
    let eased = |part: f64| part * part * (3.0 - 2.0 * part);
    let at = |part: f64, y: i32| {
        let x = f64::from(begin.0) + part * f64::from(end.0 - begin.0);
        (x.round() as i32, y)
    };
    let rise = end.1 - begin.1;
    // Points lie where the curve passes whole pixels, so that it has no steps.
    let steps = rise.abs().clamp(1, SEGMENTS);
    let edge: Vec<(i32, i32)> = (0..=steps)
        .map(|step| {
            let y = begin.1 + (f64::from(rise) * f64::from(step) / f64::from(steps)).round() as i32;
            let wanted = f64::from(y - begin.1) / f64::from(if rise == 0 { 1 } else { rise });
            let (mut low, mut high) = (0.0, 1.0);
            for _ in 0..24 {
                let middle = f64::midpoint(low, high);
                if eased(middle) < wanted { low = middle } else { high = middle }
            }
            match step {
                0 => begin,
                _ if step == steps => end,
                _ => at(low, y),
            }
        })
        .collect();
    let below = edge.iter().rev().map(|&(x, y)| (x, y + high));
    edge.iter().copied().chain(below).collect()
}
