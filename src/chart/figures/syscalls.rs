//! Which system calls were made, how often, and how long they took.

use std::collections::BTreeMap;

use crate::analysis::Lanes;
use crate::analysis::naming::count;
use crate::analysis::state::{ThreadState, Work};
use crate::chart::Options;
use crate::chart::canvas::{Anchor, Type};
use crate::chart::columns::Paint;
use crate::chart::font::Weight;
use crate::chart::layout::{INSIDE, LABEL, MARGIN};
use crate::chart::scene::{Scene, Sign, measure};
use crate::ids::CallId;
use crate::time::Span;
use crate::trace::Header;

use super::ChartRow;
use super::parts::{left, paint, row_name};
use crate::chart::units::time;

pub const ROW: ChartRow = ChartRow {
    name: "syscalls",
    summary: "which system calls were made, how often, and how long they took",
    doc: "Two bars for each system call: how often it was made, and how long all of its calls took. Of that \
          time the dark part is the kernel's work for the caller, the pale one is what the caller waited in \
          it: blocked, ready, or interrupted. The calls that took the longest stand first.",
    needs: "system calls",
    draw: Some(draw),
};

const PITCH: i32 = 30;
const BAR: i32 = 18;
const ROWS: usize = 30;
const HEADING: i32 = 24;
/// Room for the figures behind the bars.
const COUNT_ROOM: i32 = 70;
const TIME_ROOM: i32 = 150;

/// The calls of one name.
#[derive(Clone, Debug, Default)]
struct Sum {
    name: String,
    count: u64,
    elapsed: Span,
    /// The kernel's work.
    work: Span,
}

fn sums(lanes: &Lanes, header: &Header) -> Vec<Sum> {
    let mut sums: BTreeMap<CallId, Sum> = BTreeMap::new();
    for used in &lanes.calls {
        let sum = sums.entry(used.call).or_default();
        sum.count += used.count;
        sum.elapsed += used.elapsed;
    }
    for span in lanes.threads.iter().flat_map(|thread| &thread.spans) {
        if let ThreadState::Kernel(Work::Call(call)) = span.state {
            sums.entry(call).or_default().work += span.to.since(span.from);
        }
    }
    let named = sums.into_iter().map(|(call, sum)| {
        let name = header.calls.get(call.index()).cloned().unwrap_or_else(|| format!("call {call}"));
        // The last call of a thread, which ends it, has no end of its own.
        Sum { name, elapsed: sum.elapsed.max(sum.work), ..sum }
    });
    let mut sums: Vec<Sum> = named.collect();
    sums.sort_by(|one, next| {
        (next.elapsed, next.count).cmp(&(one.elapsed, one.count)).then_with(|| one.name.cmp(&next.name))
    });
    if sums.len() > ROWS {
        let others = sums.split_off(ROWS - 1);
        let name = format!("{} others", others.len());
        let mut rest = Sum { name, ..Sum::default() };
        for sum in others {
            rest.count += sum.count;
            rest.elapsed += sum.elapsed;
            rest.work += sum.work;
        }
        sums.push(rest);
    }
    sums
}

fn draw(lanes: &Lanes, header: &Header, options: &Options) -> Scene {
    let palette = options.theme.palette();
    let sums = sums(lanes, header);
    let (work, wait) = (paint(&palette, Paint::Kernel), paint(&palette, Paint::Blocked));
    let calls = paint(&palette, Paint::User);
    let key = [
        (Sign::Area(work), "kernel's work".to_owned()),
        (Sign::Area(wait), "waiting in the call".to_owned()),
    ];
    let (mut scene, top) = Scene::new(header, options, &key);
    let left = left(sums.iter().map(|sum| sum.name.as_str()));
    let room = options.width as i32 - MARGIN - left;
    let counts = (room - COUNT_ROOM - TIME_ROOM).max(40) / 3;
    let second = left + counts + COUNT_ROOM;
    let times = (options.width as i32 - MARGIN - TIME_ROOM - second).max(20);
    let heading = Type { size: LABEL - 1.0, weight: Weight::Strong, colour: palette.muted };
    if sums.is_empty() {
        scene.note("No system call was made in this window.".to_owned());
        return scene.finish(top);
    }
    scene.text("calls", (left, top), Anchor::Left, heading);
    scene.text("time of all calls", (second, top), Anchor::Left, heading);
    let top = top + HEADING - 8;
    let most = sums.iter().map(|sum| sum.count).max().unwrap_or(0).max(1);
    let longest = sums.iter().map(|sum| sum.elapsed).max().unwrap_or(Span::ZERO).as_nanos().max(1);
    let set = Type { size: INSIDE, weight: Weight::Regular, colour: palette.text };
    for (sum, number) in sums.iter().zip(0..) {
        let (y, middle) = (top + number * PITCH, top + number * PITCH + BAR / 2);
        row_name(&mut scene, &sum.name, left, middle);
        let part = |value: u64, most: u64, wide: i32| {
            let wide = (value as f64 / most as f64 * f64::from(wide)).round() as i32;
            if value > 0 { wide.max(1) } else { 0 }
        };
        let wide = part(sum.count, most, counts);
        scene.fill((left, y), (wide, BAR), calls);
        scene.text(&count(sum.count), (left + wide + 6, middle), Anchor::Left, set);
        let working = part(sum.work.as_nanos(), longest, times);
        let all = part(sum.elapsed.as_nanos(), longest, times).max(working);
        scene.fill((second, y), (working, BAR), work);
        scene.fill((second + working, y), (all - working, BAR), wait);
        let mut text = time(sum.elapsed);
        if let Some(each) = sum.elapsed.as_nanos().checked_div(sum.count) {
            let longer = format!("{text}, {} each", time(Span::from_nanos(each)));
            text = if measure(&longer, set) <= TIME_ROOM - 8 { longer } else { text };
        }
        scene.text(&text, (second + all + 6, middle), Anchor::Left, set);
    }
    let bottom = top + PITCH * sums.len() as i32;
    for x in [left, second] {
        scene.line((x - 1, top - 6), (x - 1, bottom - 4), palette.muted);
    }
    scene.finish(bottom)
}
