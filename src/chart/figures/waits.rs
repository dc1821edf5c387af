//! The wait-for graph at the end of the window: who waits for what, and who could end the wait. If threads wait for
//! each other in a circle, it is drawn as a circle, as a resource allocation graph of textbooks (Silberschatz,
//! Galvin, Gagne, "Operating System Concepts", chapter on deadlocks).

use std::collections::{BTreeMap, BTreeSet};

use crate::analysis::Lanes;
use crate::analysis::naming::{base, count};
use crate::analysis::waits::{Party, Tie, Wait, outside};
use crate::chart::Options;
use crate::chart::canvas::{Anchor, Rgb, Type};
use crate::chart::columns::Paint;
use crate::chart::font::Weight;
use crate::chart::layout::{HEADING, INSIDE, LABEL, MARGIN};
use crate::chart::scene::{Fill, Hatch, Scene, Sign};
use crate::ids::Tid;
use crate::time::{Instant, Span};
use crate::trace::Header;

use super::ChartRow;
use super::circle;
use super::parts::{alarm, mix, paint};
use crate::chart::units::time;

pub const ROW: ChartRow = ChartRow {
    name: "waits",
    summary: "who waits for what and for whom, with the circle of a deadlock",
    doc: "Each thread that is blocked at the end of the window, with what it waits for and since when, and those who \
          could end the wait: who holds the lock, whose end is awaited, who has used the other side of a channel or \
          has a step that could. Threads that wait for each other in a circle that nobody can open stand in one, above the others, in the \
          colour of an alarm: thread, what it waits for, who holds that, and so on. With more than 24 waits, those \
          of one name that wait for the same share a row.",
    needs: "switches between processes; locks and messages for those who could help",
    draw: Some(draw),
};

const PITCH: i32 = 36;
const BOX: i32 = 24;
/// More waits are grouped by names.
const ROWS: usize = 24;
/// A larger circle isn't drawn as one.
const CIRCLE: usize = 10;
const COLUMN: i32 = 250;
const BETWEEN: i32 = 64;
const HEADING_ROOM: i32 = 28;

/// What a thread waits for, in words.
pub fn awaited(wait: &Wait, header: &Header) -> String {
    let object = wait.object.and_then(|object| header.objects.get(object.index()));
    match object {
        Some(object) => format!("{} {}", object.kind, object.name),
        None => wait.on.name().to_owned(),
    }
}

/// Looks of boxes and arrows.
#[derive(Clone, Copy, Debug)]
pub struct Looks {
    pub thread: Fill,
    pub object: Fill,
    pub stuck: Fill,
    pub arrow: Rgb,
    pub alarm: Rgb,
}

impl Looks {
    fn new(options: &Options) -> Looks {
        let palette = options.theme.palette();
        let thread = paint(&palette, Paint::User);
        let alarm = alarm(&palette);
        Looks {
            thread: Fill { colour: mix(thread.colour, palette.background, 45), hatch: Hatch::Plain },
            object: Fill { colour: mix(palette.muted, palette.background, 22), hatch: Hatch::WideLevel },
            stuck: Fill { colour: mix(alarm, palette.background, 32), hatch: Hatch::WideRising },
            arrow: palette.arrow,
            alarm,
        }
    }
}

/// One wait, or several of threads of one name.
struct Row<'a> {
    party: &'a Party,
    wait: &'a Wait,
    /// Of how many threads.
    all: usize,
}

fn draw(lanes: &Lanes, header: &Header, options: &Options) -> Scene {
    let palette = options.theme.palette();
    let graph = &lanes.waits;
    let looks = Looks::new(options);
    let circle = &graph.circle;
    let mut rows = rows(lanes);
    let (left_out, waiting) = (rows.len().saturating_sub(ROWS), !rows.is_empty());
    rows.truncate(ROWS);
    let mut key = Vec::new();
    if waiting {
        let free = graph.threads.iter().any(|party| !party.in_circle);
        key.extend(free.then(|| (Sign::Area(looks.thread), "thread".to_owned())));
        key.push((Sign::Area(looks.object), "what it waits for".to_owned()));
    }
    if !circle.is_empty() {
        key.push((Sign::Area(looks.stuck), "waits for itself over others: a deadlock".to_owned()));
    }
    let (mut scene, mut y) = Scene::new(header, options, &key);
    if !waiting {
        let at = time(lanes.to.since(Instant::START));
        scene.note(format!("Nobody waits for anything at the end of the window, {at}."));
        return scene.finish(y);
    }
    if (1..=CIRCLE).contains(&circle.len()) {
        y = circle::draw(&mut scene, graph, header, &looks, y) + 10;
    }
    let heading = Type { size: HEADING, weight: Weight::Strong, colour: palette.muted };
    let columns = Columns::new(options.width as i32);
    for (text, x) in ["waits", "for", "could be ended by"].into_iter().zip(columns.lefts) {
        scene.text_in(text, columns.wide, (x, y), Anchor::Left, heading);
    }
    y += HEADING_ROOM - 8;
    for row in &rows {
        draw_row(&mut scene, row, lanes, header, (&columns, y), &looks);
        y += PITCH;
    }
    if left_out > 0 {
        let all = count(left_out as u64);
        scene.note(format!("{all} further waits aren't shown; choose some with --tasks."));
    }
    scene.finish(y)
}

/// The waits, those in a circle first; of threads of one name that wait for the same, one if there are many.
fn rows(lanes: &Lanes) -> Vec<Row<'_>> {
    let asked: BTreeSet<Tid> = lanes.threads.iter().map(|lane| lane.task).collect();
    let parties = lanes.waits.threads.iter().filter(|party| asked.contains(&party.task));
    let row = |party| Some(Row { party, wait: party.wait.as_ref()?, all: 1 });
    let mut rows: Vec<Row<'_>> = parties.filter_map(row).collect();
    if rows.len() > ROWS {
        let mut groups: Vec<Row<'_>> = Vec::new();
        let mut places = BTreeMap::new();
        for row in rows {
            let (party, wait) = (row.party, row.wait);
            let same = (base(&party.name), wait.on, wait.object, party.in_circle);
            match places.get(&same) {
                Some(&place) => {
                    let known: &mut Row<'_> = &mut groups[place];
                    known.all += 1;
                }
                None => {
                    places.insert(same, groups.len());
                    groups.push(row);
                }
            }
        }
        rows = groups;
    }
    rows.sort_by_key(|row| !row.party.in_circle);
    rows
}

/// Three columns of boxes.
struct Columns {
    lefts: [i32; 3],
    wide: i32,
}

impl Columns {
    fn new(total: i32) -> Columns {
        let room = total - 2 * MARGIN;
        let between = BETWEEN.min(room / 10);
        let wide = ((room - 2 * between) / 3).min(COLUMN);
        Columns { lefts: [0, 1, 2].map(|column| MARGIN + column * (wide + between)), wide }
    }
}

fn draw_row(
    scene: &mut Scene,
    row: &Row<'_>,
    lanes: &Lanes,
    header: &Header,
    (columns, y): (&Columns, i32),
    looks: &Looks,
) {
    let [first, second, third] = columns.lefts;
    let (threads, stuck) = (&lanes.waits.threads, row.party.in_circle);
    let (own, arrow) = if stuck { (looks.stuck, looks.alarm) } else { (looks.thread, looks.arrow) };
    let name = match row.all {
        1 => row.party.name.clone(),
        all => format!("{} ×{}", base(&row.party.name), count(all as u64)),
    };
    let size = (columns.wide, BOX);
    node(scene, &name, (first, y), size, own);
    let middle = y + BOX / 2;
    scene.pointer((first + columns.wide, middle), (second, middle), arrow);
    let what = match lanes.to.since(row.wait.since) {
        Span::ZERO => awaited(row.wait, header),
        since => format!("{}, for {}", awaited(row.wait, header), time(since)),
    };
    node(scene, &what, (second, y), size, looks.object);
    let helpers: Vec<&str> =
        row.wait.helpers.iter().map(|&(helper, _)| threads[helper].name.as_str()).collect();
    if helpers.is_empty() {
        let set = Type { size: LABEL, weight: Weight::Regular, colour: scene.palette.muted };
        let (text, set) = match outside(row.wait.on) {
            Some(text) => (text, set),
            None => ("nobody that is known of", Type { colour: looks.alarm, ..set }),
        };
        scene.pointer((second + columns.wide, middle), (third, middle), arrow);
        scene.text_in(text, columns.wide, (third + 6, middle), Anchor::Left, set);
        return;
    }
    scene.pointer((second + columns.wide, middle), (third, middle), arrow);
    let tie = row.wait.helpers.iter().map(|&(_, tie)| tie).min().unwrap_or(Tie::Names);
    let text = format!("{}: {}", listed(&helpers), tie.name());
    let helper_stuck = row.wait.helpers.iter().any(|&(helper, _)| stuck && threads[helper].in_circle);
    node(scene, &text, (third, y), size, if helper_stuck { looks.stuck } else { looks.thread });
}

/// The first names, and how many more there are.
fn listed(names: &[&str]) -> String {
    let mut shown: Vec<String> = Vec::new();
    for name in names {
        if shown.iter().all(|known| known != name) {
            shown.push((*name).to_owned());
        }
    }
    match shown.len() {
        ..=3 => shown.join(", "),
        all => format!("{}, {} and {} more", shown[0], shown[1], all - 2),
    }
}

/// A box with a name.
pub fn node(scene: &mut Scene, text: &str, (x, y): (i32, i32), (wide, high): (i32, i32), fill: Fill) {
    scene.fill((x, y), (wide, high), fill);
    scene.text_on(text, wide - 12, (x + wide / 2, y + high / 2), INSIDE + 1.0, fill);
}
