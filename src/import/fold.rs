//! Loops: runs of steps that repeat exactly, or with only measured times differing, become one `repeat`.
//!
//! Short periods are folded first, so that the inner loop is one step when the outer one is looked for. A
//! measured time inside is the mean of all rounds. What the first round took beyond that of the others is put
//! before the loop: there the program did something else first. The total stays the same.

use std::collections::BTreeMap;

use super::plan::{Fields, Item, Mean, Step, Value};

/// The longest run of steps that is looked for.
const LONGEST: usize = 64;
/// Loops inside of loops, at most.
const DEEPEST: usize = 4;

/// Folds what repeats.
pub fn fold(mut items: Vec<Item>) -> Vec<Item> {
    let mut shapes = Shapes::default();
    let mut ids: Vec<u32> = items.iter().map(|item| shapes.id(&item.step)).collect();
    for _ in 0..DEEPEST {
        let before = items.len();
        for period in 1..=LONGEST.min(items.len() / 2) {
            (items, ids) = with_period(items, ids, period, &mut shapes);
        }
        if items.len() == before {
            break;
        }
    }
    items
}

fn with_period(items: Vec<Item>, ids: Vec<u32>, period: usize, shapes: &mut Shapes) -> (Vec<Item>, Vec<u32>) {
    // How many steps from here on equal those a period later.
    let mut equal = vec![0usize; ids.len() + 1];
    for at in (0..ids.len().saturating_sub(period)).rev() {
        if ids[at] == ids[at + period] {
            equal[at] = equal[at + 1] + 1;
        }
    }
    let mut source = items.into_iter();
    let (mut folded, mut new_ids) = (Vec::new(), Vec::new());
    let mut at = 0;
    while at < ids.len() {
        let rounds = equal[at] / period + 1;
        if (rounds - 1) * period < 2 {
            folded.extend(source.next());
            new_ids.push(ids[at]);
            at += 1;
            continue;
        }
        let all: Vec<Item> = source.by_ref().take(rounds * period).collect();
        let item = together(all, period, rounds);
        new_ids.push(shapes.id(&item.step));
        folded.push(item);
        at += rounds * period;
    }
    (folded, new_ids)
}

/// One loop for so many rounds.
fn together(all: Vec<Item>, period: usize, rounds: usize) -> Item {
    let mut all = all.into_iter();
    let mut items: Vec<Item> = all.by_ref().take(period).collect();
    let first = items[0].before;
    let mut rest = Mean::default();
    for (at, item) in all.enumerate() {
        let place = at % period;
        if place == 0 {
            rest = rest.with(item.before);
        }
        merge(&mut items[place], item);
    }
    let mut lead = Mean::of(0);
    if first.mean() > rest.mean().saturating_mul(2) {
        lead = Mean::of(first.mean() - rest.mean());
        items[0].before = rest;
    }
    let keys: Fields = vec![("repeat", Value::Number(rounds as i64))];
    Item { before: lead, order: 0, step: Step::Block { keys, inside: "do", items } }
}

/// Adds the times of one round to those of the others.
fn merge(into: &mut Item, item: Item) {
    into.before = into.before.with(item.before);
    match (&mut into.step, item.step) {
        (Step::Call(into), Step::Call(fields)) => {
            for ((_, into), (_, value)) in into.iter_mut().zip(fields) {
                if let (Value::Measured(into), Value::Measured(value)) = (into, value) {
                    *into = into.with(value);
                }
            }
        }
        (Step::Block { items: into, .. }, Step::Block { items, .. }) => {
            into.iter_mut().zip(items).for_each(|(into, item)| merge(into, item));
        }
        // Steps are merged only if their shapes are the same.
        (Step::Call(_) | Step::Block { .. } | Step::Nothing, _) => {}
    }
}

/// Numbers for what steps are apart from their measured times.
#[derive(Default)]
struct Shapes {
    known: BTreeMap<String, u32>,
}

impl Shapes {
    fn id(&mut self, step: &Step) -> u32 {
        let mut shape = String::new();
        describe(step, &mut shape);
        let next = self.known.len() as u32;
        *self.known.entry(shape).or_insert(next)
    }
}

fn describe(step: &Step, shape: &mut String) {
    use std::fmt::Write;
    let mut fields = |fields: &Fields| {
        for (key, value) in fields {
            // Writing to a string can't fail.
            let _ = match value {
                Value::Measured(_) => write!(shape, "{key}~;"),
                value => write!(shape, "{key}={value:?};"),
            };
        }
    };
    match step {
        Step::Call(keys) => fields(keys),
        Step::Block { keys, items, .. } => {
            fields(keys);
            shape.push('{');
            items.iter().for_each(|item| describe(&item.step, shape));
            shape.push('}');
        }
        Step::Nothing => shape.push('-'),
    }
}

#[cfg(test)]
mod tests {
    use super::super::plan::text;
    use super::*;

    fn call(name: &str, before: u64) -> Item {
        Item::call(vec![("read", text(name))]).after(before)
    }

    /// `[3 a b]` for a loop of three rounds.
    fn shown(items: &[Item]) -> String {
        let parts = items.iter().map(|item| {
            let step = match &item.step {
                Step::Call(fields) => match &fields[0].1 {
                    Value::Text(name) => name.clone(),
                    other => format!("{other:?}"),
                },
                Step::Block { keys, items, .. } => match &keys[0].1 {
                    Value::Number(rounds) => format!("[{rounds} {}]", shown(items)),
                    other => format!("{other:?}"),
                },
                Step::Nothing => "-".to_owned(),
            };
            format!("{step}:{}", item.before.mean())
        });
        parts.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_run_that_repeats_becomes_a_loop_with_the_mean() {
        let items = [call("a", 10), call("b", 1), call("a", 12), call("b", 3), call("a", 14), call("b", 5)];
        assert_eq!(shown(&fold(items.to_vec())), "[3 a:12 b:3]:0");
    }

    #[test]
    fn what_the_first_round_took_beyond_the_others_comes_before_the_loop() {
        let items = [call("a", 1000), call("b", 1), call("a", 10), call("b", 1), call("a", 10), call("b", 1)];
        assert_eq!(shown(&fold(items.to_vec())), "[3 a:10 b:1]:990");
    }

    #[test]
    fn loops_stand_inside_of_loops() {
        let round = [call("a", 2), call("a", 2), call("a", 2), call("b", 4)];
        let items: Vec<Item> = (0..5).flat_map(|_| round.to_vec()).collect();
        assert_eq!(shown(&fold(items)), "[5 [3 a:2]:0 b:4]:0");
    }

    #[test]
    fn other_steps_stay_as_they_are() {
        let items = [call("a", 1), call("b", 1), call("a", 1), call("c", 1), call("c", 1)];
        assert_eq!(shown(&fold(items.to_vec())), "a:1 b:1 a:1 c:1 c:1");
    }
}
