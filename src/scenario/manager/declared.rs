//! `[manager.NAME]`: which objects a manager has, and how it is reached.

use schemars::JsonSchema;
use serde::Deserialize;
use toml::de::DeTable;

use crate::program::at::{Anything, At, Raw, Whole};
use crate::program::problem::{Code, Problem, Problems};
use crate::scenario::table::{named, whole};

use super::methods::{KINDS, Kind};

/// The most elements of an object.
const MOST: i128 = 1 << 16;

/// `[manager.NAME]`: objects in a process of their own, for `manager-start`, `manager-call`,
/// `manager-stop`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ManagerForm {
    /// How clients reach it: "unix" (the default) or "tcp", as between machines.
    pub transport: Option<Transport>,
    /// Its objects: { squares = "dict", total = "value" }. Kinds are "dict", "list", "value", "lock",
    /// "semaphore", "condition", "event", "queue"; a table says more: { kind = "dict", capacity = 100 } (for
    /// dict, list and queue; 64 if absent), { kind = "value", initial = 7 } (for value and semaphore; 0 and 1
    /// if absent).
    pub objects: At<Anything>,
}

/// The sockets by which a manager is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    Unix,
    Tcp,
}

/// A manager of the scenario.
pub struct Manager {
    pub name: At<String>,
    pub transport: Transport,
    pub objects: Vec<Object>,
}

/// One of its objects.
pub struct Object {
    pub name: String,
    pub kind: &'static Kind,
    pub capacity: i64,
    pub initial: i64,
}

impl Manager {
    /// A variable of programs that have to do with it. Users' variables aren't called like this.
    pub fn variable(&self, what: &str) -> String {
        format!("_{}_{what}", self.name.value.replace('-', "__"))
    }
}

/// All managers.
pub fn read(root: &DeTable<'_>, problems: &mut Problems) -> Vec<Manager> {
    let entries = named::<ManagerForm>(root, "manager", problems).into_iter();
    entries
        .map(|entry| {
            let transport = entry.form.transport.unwrap_or(Transport::Unix);
            let objects = match &entry.form.objects.value.0 {
                Raw::Table(all) => {
                    all.iter().filter_map(|(name, at)| object(&name.value, at, problems)).collect()
                }
                other => {
                    let message = format!("`objects` is a table of names, not {}", other.kind());
                    problems.error(Code::WrongType, entry.form.objects.span.clone(), message);
                    Vec::new()
                }
            };
            if objects.is_empty() && !problems.has_errors() {
                let message = "this manager has no objects";
                let problem = Problem::error(Code::MissingKey, entry.form.objects.span.clone(), message);
                problems.push(problem.help("for example `objects = { squares = \"dict\" }`"));
            }
            Manager { name: entry.name, transport, objects }
        })
        .collect()
}

fn object(name: &str, at: &At<Raw>, problems: &mut Problems) -> Option<Object> {
    let (mut kind, mut capacity, mut initial) = (None, None, None);
    match &at.value {
        Raw::Text(text) => kind = kind_of(text, at, problems),
        Raw::Table(entries) => {
            for (key, value) in entries {
                match (key.value.as_str(), &value.value) {
                    ("kind", Raw::Text(text)) => kind = kind_of(text, value, problems),
                    ("capacity", raw) => capacity = Some(At::new(value.span.clone(), Whole(raw.clone()))),
                    ("initial", raw) => initial = Some(At::new(value.span.clone(), Whole(raw.clone()))),
                    (other, _) => {
                        let message = format!("an object of a manager has no such key `{other}`");
                        let problem = Problem::error(Code::UnknownKey, key.span.clone(), message);
                        problems.push(problem.suggest(other, ["kind", "capacity", "initial"]));
                    }
                }
            }
            if kind.is_none() && !problems.has_errors() {
                problems.error(Code::MissingKey, at.span.clone(), "this object needs a `kind`");
            }
        }
        other => {
            let message = format!("an object is a kind or a table, not {}", other.kind());
            problems.error(Code::WrongType, at.span.clone(), message);
        }
    }
    let kind = kind?;
    for (given, key, known) in
        [(&capacity, "capacity", kind.has_capacity), (&initial, "initial", kind.initial.is_some())]
    {
        if let Some(given) = given.as_ref().filter(|_| !known) {
            let message = format!("a {} has no `{key}`", kind.name);
            problems.error(Code::UnknownKey, given.span.clone(), message);
        }
    }
    let mut number =
        |at: Option<At<Whole>>, what: &str, bounds| at.and_then(|at| whole(&at, what, bounds, problems));
    let capacity = number(capacity, "an object's capacity", 1..=MOST).unwrap_or(64);
    // A semaphore can't begin below zero.
    let lowest = if kind.name == "semaphore" { 0 } else { i128::from(i64::MIN) };
    let initial = number(initial, "the initial value", lowest..=i128::from(i64::MAX));
    let initial = initial.or(kind.initial).unwrap_or(0);
    Some(Object { name: name.to_owned(), kind, capacity, initial })
}

fn kind_of(text: &str, at: &At<Raw>, problems: &mut Problems) -> Option<&'static Kind> {
    let found = KINDS.iter().find(|kind| kind.name == text);
    if found.is_none() {
        let message = format!("a manager has no objects of the kind `{text}`");
        let problem = Problem::error(Code::UnknownChoice, at.span.clone(), message);
        problems.push(problem.suggest(text, KINDS.iter().map(|kind| kind.name)));
    }
    found
}
