//! Managers in a scenario's tables are replaced by what they become.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde_spanned::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use crate::program::problem::{Code, Problem, Problems};

use super::client::{self, Asked};
use super::declared::{Manager, read};
use super::server;

/// The verbs that are replaced, with the keys that each knows.
const VERBS: &[(&str, &[&str])] = &[
    ("manager-start", &["manager-start"]),
    ("manager-stop", &["manager-stop"]),
    (CALL, &[CALL, "method", "key", "value", "into", "result", "on-error"]),
];
const CALL: &str = "manager-call";

/// What a scenario's managers become.
#[derive(Debug, Default)]
pub struct Expansion {
    /// The tables of each manager, and where its name stands.
    tables: Vec<(String, Range<usize>)>,
    /// What each step becomes, by where it begins; a step with a mistake isn't in it.
    steps: BTreeMap<usize, String>,
    /// What a program begins with, by where its first step begins.
    prologues: BTreeMap<usize, String>,
}

/// Reads all managers and the steps that have to do with them.
pub fn expansion(source: &str, root: &DeTable<'_>, problems: &mut Problems) -> Expansion {
    let managers = read(root, problems);
    let mut expansion = Expansion::default();
    let mut started = BTreeSet::new();
    for kind in ["process", "program"] {
        let Some(DeValue::Table(all)) = root.get(kind).map(Spanned::get_ref) else { continue };
        for (name, one) in all {
            let Some(DeValue::Array(steps)) =
                one.get_ref().as_table().and_then(|one| one.get("steps")).map(Spanned::get_ref)
            else {
                continue;
            };
            check_waits(steps, problems);
            let program = name.get_ref().as_ref();
            let mut reader = Reader {
                source,
                managers: &managers,
                program,
                starts: BTreeSet::new(),
                connects: BTreeSet::new(),
                expansion: &mut expansion,
                problems,
            };
            reader.list(steps);
            started.append(&mut reader.starts);
            let prologue: String =
                reader.connects.iter().map(|&index| client::prologue(&managers[index])).collect();
            if let Some(first) = steps.iter().next().filter(|_| !prologue.is_empty()) {
                expansion.prologues.insert(first.span().start, list(&prologue));
            }
        }
    }
    for (index, manager) in managers.iter().enumerate() {
        let at = manager.name.span.clone();
        let tables = if started.contains(&index) {
            server::tables(manager)
        } else {
            let message = format!("nobody starts the manager `{}`", manager.name.value);
            let help = format!("write a step `{{ manager-start = \"{}\" }}`", manager.name.value);
            problems.push(Problem::warning(Code::Unused, at.clone(), message).help(help));
            server::address_table(manager)
        };
        expansion.tables.push((tables, at));
    }
    expansion
}

fn list(steps: &str) -> String {
    format!("steps = [ {steps} ]")
}

/// The step's verb, if a manager has to do with it.
fn verb(step: &DeTable<'_>) -> Option<(&'static str, &'static [&'static str])> {
    VERBS.iter().copied().find(|(verb, _)| step.contains_key(*verb))
}

/// Who waits for all children while a manager runs waits for its server, too, for ever.
fn check_waits(steps: &DeArray<'_>, problems: &mut Problems) {
    let mut running = 0;
    for step in steps.iter().filter_map(|step| step.get_ref().as_table()) {
        running += i32::from(step.contains_key("manager-start"));
        running -= i32::from(step.contains_key("manager-stop"));
        if let Some(wait) = step.get("wait").filter(|wait| wait.get_ref().as_str() == Some("all"))
            && running > 0
        {
            let message = "this also waits for the manager's server, which ends only by `manager-stop`";
            let problem = Problem::error(Code::WrongObject, wait.span(), message);
            problems.push(problem.help("name the children's program, or stop the manager before"));
        }
    }
}

/// Reads the steps of one program.
struct Reader<'r> {
    source: &'r str,
    managers: &'r [Manager],
    program: &'r str,
    /// The managers that it has started so far, and those to which it may connect.
    starts: BTreeSet<usize>,
    connects: BTreeSet<usize>,
    expansion: &'r mut Expansion,
    problems: &'r mut Problems,
}

impl Reader<'_> {
    fn list(&mut self, steps: &DeArray<'_>) {
        for item in steps {
            let Some(step) = item.get_ref().as_table() else { continue };
            if let Some((verb, keys)) = verb(step) {
                match self.step(verb, keys, step, item.span()) {
                    Ok(text) => {
                        self.expansion.steps.insert(item.span().start, list(&text));
                    }
                    Err(problem) => self.problems.push(problem),
                }
                continue;
            }
            for inner in step.values().filter_map(|value| value.get_ref().as_array()) {
                self.list(inner);
            }
        }
    }

    fn step(
        &mut self,
        verb: &str,
        keys: &'static [&'static str],
        step: &DeTable<'_>,
        at: Range<usize>,
    ) -> Result<String, Problem> {
        if let Some(key) = step.keys().find(|key| !keys.contains(&key.get_ref().as_ref())) {
            let message = format!("`{verb}` has no key `{}`", key.get_ref());
            let problem = Problem::error(Code::UnknownKey, key.span(), message).label("unknown key");
            return Err(problem.suggest(key.get_ref(), keys.iter().copied()));
        }
        let target = text(step, verb, &at)?;
        let (name, object) = match (target.0.split_once('.'), verb == CALL) {
            (Some((name, object)), true) => (name, object),
            (None, true) => {
                let message = "a call names the manager and its object";
                let problem = Problem::error(Code::UnknownName, target.1, message);
                return Err(problem.help("for example `manager-call = \"m.squares\"`"));
            }
            (_, false) => (target.0, ""),
        };
        let index = self.managers.iter().position(|manager| manager.name.value == name);
        let Some(index) = index else {
            let message = format!("there is no manager `{name}`");
            let problem = Problem::error(Code::UnknownName, target.1, message);
            let names = self.managers.iter().map(|manager| manager.name.value.as_str());
            return Err(problem.suggest(name, names));
        };
        let manager = &self.managers[index];
        match verb {
            "manager-start" => {
                self.starts.insert(index);
                return Ok(client::start(manager));
            }
            "manager-stop" if !self.starts.contains(&index) => {
                let message = format!("`{name}` isn't started by this program");
                let problem = Problem::error(Code::WrongObject, target.1, message);
                return Err(problem.help("`manager-stop` stands in the program that has `manager-start`"));
            }
            _ => self.connects.insert(index),
        };
        if verb != CALL {
            return Ok(client::stop(manager));
        }
        let Some(place) = manager.objects.iter().position(|one| one.name == object) else {
            let message = format!("the manager `{name}` has no object `{object}`");
            let problem = Problem::error(Code::UnknownName, target.1, message);
            return Err(problem.suggest(object, manager.objects.iter().map(|one| one.name.as_str())));
        };
        self.call(step, at, manager, place)
    }

    fn call(
        &self,
        step: &DeTable<'_>,
        at: Range<usize>,
        manager: &Manager,
        object: usize,
    ) -> Result<String, Problem> {
        let kind = manager.objects[object].kind;
        let (wanted, place) = text(step, "method", &at)?;
        let Some(method) = kind.methods.iter().position(|method| method.name == wanted) else {
            let message = format!("a {} has no method `{wanted}`", kind.name);
            let problem = Problem::error(Code::UnknownChoice, place, message);
            return Err(problem.suggest(wanted, kind.methods.iter().map(|method| method.name)));
        };
        let row = &kind.methods[method];
        for (key, needs) in [("key", row.has_key), ("value", row.has_value)] {
            let message = match (step.get_key_value(key), needs) {
                (None, true) => Problem::error(
                    Code::MissingKey,
                    at.clone(),
                    format!("`{wanted}` of a {} needs `{key}`", kind.name),
                ),
                (Some((key, _)), false) => Problem::error(
                    Code::UnknownKey,
                    key.span(),
                    format!("`{wanted}` of a {} takes no `{}`", kind.name, key.get_ref()),
                ),
                (None, false) | (Some(_), true) => continue,
            };
            return Err(message);
        }
        let exits = match step.get("on-error").map(|rule| (rule.get_ref().as_str(), rule.span())) {
            None | Some((Some("exit"), _)) => true,
            Some((Some("continue"), _)) => false,
            Some((_, place)) => {
                let message = "`on-error` is \"exit\" or \"continue\"";
                return Err(Problem::error(Code::UnknownChoice, place, message));
            }
        };
        let given: Vec<&str> = step.keys().map(|key| key.get_ref().as_ref()).collect();
        let written = self.source.get(at).unwrap_or(CALL);
        let written = crate::program::lower::shorten(written).replace('{', "{{").replace('}', "}}");
        let complaint = exits.then(|| format!("{}: {written}", self.program));
        Ok(client::call(&Asked { manager, object, method, given: &given, complaint }))
    }
}

/// The text of a key, and where it stands.
fn text<'t>(step: &'t DeTable<'_>, key: &str, at: &Range<usize>) -> Result<(&'t str, Range<usize>), Problem> {
    let Some(value) = step.get(key) else {
        return Err(Problem::error(Code::MissingKey, at.clone(), format!("this step needs `{key}`")));
    };
    match value.get_ref().as_str() {
        Some(text) => Ok((text, value.span())),
        None => Err(Problem::error(Code::WrongType, value.span(), format!("`{key}` is a text"))),
    }
}

/// Replaces the steps, and adds the managers' programs and objects.
pub fn expand<'t>(root: &mut DeTable<'t>, expansion: &'t Expansion, problems: &mut Problems) {
    for kind in ["process", "program"] {
        let Some(DeValue::Table(all)) = root.get_mut(kind).map(Spanned::get_mut) else { continue };
        for (_, one) in all.iter_mut() {
            if let DeValue::Table(one) = one.get_mut()
                && let Some(DeValue::Array(steps)) = one.get_mut("steps").map(Spanned::get_mut)
            {
                replace(steps, expansion);
            }
        }
    }
    for (text, at) in &expansion.tables {
        let Ok(added) = DeTable::parse(text) else {
            let message = "a manager's objects have plain names: letters, digits, `-` and `_`";
            problems.error(Code::BadName, at.clone(), message);
            continue;
        };
        for (kind, table) in added.into_inner() {
            let DeValue::Table(entries) = moved(table, at, None).into_inner() else { continue };
            if !root.contains_key(kind.get_ref().as_ref()) {
                let empty = Spanned::new(at.clone(), DeValue::Table(DeTable::new()));
                root.insert(Spanned::new(at.clone(), kind.get_ref().clone()), empty);
            }
            let Some(DeValue::Table(there)) = root.get_mut(kind.get_ref().as_ref()).map(Spanned::get_mut)
            else {
                continue;
            };
            for (name, entry) in entries {
                if there.contains_key(name.get_ref().as_ref()) {
                    let message = format!("a manager needs the name `{}` for itself", name.get_ref());
                    let problem = Problem::error(Code::DuplicateName, at.clone(), message);
                    problems.push(problem.help("give one of the two another name"));
                    continue;
                }
                there.insert(name, entry);
            }
        }
    }
}

fn replace<'t>(steps: &mut DeArray<'t>, expansion: &'t Expansion) {
    let old = std::mem::replace(steps, DeArray::new());
    for mut step in old {
        let at = step.span();
        if let Some(prologue) = expansion.prologues.get(&at.start) {
            written(prologue, &at, None).into_iter().for_each(|step| steps.push(step));
        }
        let DeValue::Table(table) = step.get_mut() else {
            steps.push(step);
            continue;
        };
        if verb(table).is_some() {
            // A mistake in it has been told; the step must still be one.
            let text = expansion.steps.get(&at.start).map_or(NOTHING, String::as_str);
            written(text, &at, Some(table)).into_iter().for_each(|step| steps.push(step));
            continue;
        }
        for (_, value) in table.iter_mut() {
            if let DeValue::Array(inner) = value.get_mut() {
                replace(inner, expansion);
            }
        }
        steps.push(step);
    }
}

const NOTHING: &str = "steps = [ { yield = true } ]";

/// The steps of a text, which stand at another place.
fn written<'t>(text: &'t str, at: &Range<usize>, step: Option<&DeTable<'t>>) -> Vec<Spanned<DeValue<'t>>> {
    let parsed = DeTable::parse(text).ok().and_then(|mut table| table.get_mut().remove("steps"));
    match parsed.map(|steps| moved(steps, at, step).into_inner()) {
        Some(DeValue::Array(steps)) => steps.into_iter().collect(),
        _ => unreachable!("what a manager's step becomes is written in TOML"),
    }
}

/// The same value at another place. A text `$key` is what the step has under that key, where it stands.
fn moved<'t>(
    value: Spanned<DeValue<'t>>,
    at: &Range<usize>,
    step: Option<&DeTable<'t>>,
) -> Spanned<DeValue<'t>> {
    let inner = match value.into_inner() {
        DeValue::Array(items) => {
            DeValue::Array(items.into_iter().map(|item| moved(item, at, step)).collect())
        }
        DeValue::Table(table) => {
            let entries = table
                .into_iter()
                .map(|(key, value)| (Spanned::new(at.clone(), key.into_inner()), moved(value, at, step)));
            DeValue::Table(entries.collect())
        }
        DeValue::String(text) => {
            let own = text.strip_prefix('$').and_then(|key| step?.get(key));
            return own.cloned().unwrap_or_else(|| Spanned::new(at.clone(), DeValue::String(text)));
        }
        simple => simple,
    };
    Spanned::new(at.clone(), inner)
}
