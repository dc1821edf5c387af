//! A scenario before it is text: objects, processes, programs and their steps.

use std::collections::BTreeSet;

use crate::scenario::table::reserved;

/// All that a scenario's text is made of.
#[derive(Debug, Default)]
pub struct Plan {
    pub name: String,
    pub question: String,
    pub cpus: u64,
    /// Bytes of physical memory; what is usual if absent.
    pub memory: Option<u64>,
    pub scheduler: &'static str,
    /// When the run ends at the latest, in nanoseconds; what is usual if absent.
    pub until: Option<u64>,
    pub objects: Vec<Object>,
    pub processes: Vec<Process>,
    pub programs: Vec<Program>,
}

/// A table of its own, such as `[pipe.NAME]`.
#[derive(Debug)]
pub struct Object {
    pub kind: &'static str,
    pub name: String,
    pub keys: Fields,
    pub comment: Option<String>,
}

#[derive(Debug, Default)]
pub struct Process {
    pub name: String,
    pub keys: Fields,
    pub items: Vec<Item>,
}

#[derive(Debug, Default)]
pub struct Program {
    pub name: String,
    pub items: Vec<Item>,
}

pub type Fields = Vec<(&'static str, Value)>;

#[derive(Clone, Debug)]
pub enum Value {
    Text(String),
    Number(i64),
    Truth(bool),
    Bytes(u64),
    /// Nanoseconds that somebody asked for.
    Time(u64),
    /// Nanoseconds that were measured: steps that differ in them only can share a loop.
    Measured(Mean),
    Cells(Vec<String>),
    /// Written as it is: a list.
    Plain(String),
}

/// A step, and the compute before it.
#[derive(Clone, Debug)]
pub struct Item {
    pub before: Mean,
    /// Its place among all steps of the recording, by when they took effect.
    pub order: u64,
    pub step: Step,
}

#[derive(Clone, Debug)]
pub enum Step {
    Call(Fields),
    /// `repeat`, `forever`, `if`: the keys without the block, and the steps inside.
    Block {
        keys: Fields,
        inside: &'static str,
        items: Vec<Item>,
    },
    /// Nothing: only the compute before it.
    Nothing,
}

/// A measured time, of one step or of all that a loop stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mean {
    pub total: u64,
    pub count: u64,
    pub least: u64,
    pub most: u64,
}

impl Mean {
    pub const fn of(nanos: u64) -> Mean {
        Mean { total: nanos, count: 1, least: nanos, most: nanos }
    }

    pub fn mean(self) -> u64 {
        (self.total + self.count / 2).checked_div(self.count).unwrap_or(0)
    }

    pub fn with(self, other: Mean) -> Mean {
        if self.count == 0 {
            return other;
        }
        Mean {
            total: self.total.saturating_add(other.total),
            count: self.count + other.count,
            least: self.least.min(other.least),
            most: self.most.max(other.most),
        }
    }
}

/// Names that no two things share, and that the language takes.
#[derive(Debug)]
pub struct Names {
    taken: BTreeSet<String>,
}

impl Default for Names {
    /// Without those that mean something by themselves somewhere.
    fn default() -> Names {
        // `kill` knows the first two, and files need a disk.
        let own = ["child", "parent", "disk"];
        Names { taken: reserved().chain(own).map(str::to_owned).collect() }
    }
}

impl Names {
    /// A name like the one that is wished, which nothing has yet.
    pub fn take(&mut self, wish: &str) -> String {
        let base = word(wish);
        if self.taken.insert(base.clone()) {
            return base;
        }
        let mut number = 2;
        loop {
            let name = format!("{base}-{number}");
            if self.taken.insert(name.clone()) {
                return name;
            }
            number += 1;
        }
    }
}

/// Letters, digits, `-` and `_`, a letter in front.
fn word(wish: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
    let name: String = wish.chars().take(40).map(allowed).collect();
    let name = name.trim_matches('-');
    match name.chars().next() {
        None => "x".to_owned(),
        Some(first) if first.is_ascii_alphabetic() => name.to_owned(),
        Some(_) => format!("x{name}"),
    }
}

impl Item {
    pub fn call(fields: Fields) -> Item {
        Item { before: Mean::default(), order: 0, step: Step::Call(fields) }
    }

    /// A step without compute before it.
    pub fn plain(step: Step) -> Item {
        Item { before: Mean::default(), order: 0, step }
    }

    /// Compute with no step behind it.
    pub fn only(nanos: u64) -> Item {
        Item { before: Mean::of(nanos), order: 0, step: Step::Nothing }
    }

    pub fn after(mut self, nanos: u64) -> Item {
        self.before = Mean::of(nanos);
        self
    }

    /// How many calls it stands for.
    pub fn calls(&self) -> u64 {
        match &self.step {
            Step::Call(_) => 1,
            Step::Nothing => 0,
            Step::Block { keys, items, .. } => {
                let inside: u64 = items.iter().map(Item::calls).sum();
                match keys.first() {
                    Some(("repeat", Value::Number(count))) => inside * count.unsigned_abs(),
                    _ => inside,
                }
            }
        }
    }
}

pub fn text(value: impl Into<String>) -> Value {
    Value::Text(value.into())
}
