//! Shell lines in a scenario's tables are replaced by what they become.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::ops::Range;

use serde_spanned::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use crate::program::problem::{Code, Problem, Problems};

use super::compile::{Compiled, compile};
use super::grammar::parse;
use super::steps::quoted;

/// What a scenario's shell lines become.
#[derive(Debug, Default)]
pub struct Expansion {
    /// Programs and files, as TOML.
    pub text: String,
    /// The program of each line, in the order of the tables; none if the line couldn't be read.
    names: Vec<Option<String>>,
    /// Where the first line stands.
    at: Range<usize>,
}

/// Reads all steps `{ sh = "..." }`.
pub fn expansion(source: &str, root: &DeTable<'_>, problems: &mut Problems) -> Expansion {
    let own = names(root, "program");
    let mut compiled = Compiled::default();
    let mut expansion = Expansion::default();
    each_list(root, &mut |steps| {
        for step in steps.iter().filter_map(|step| step.get_ref().as_table()) {
            let Some(line) = step.get("sh") else { continue };
            if expansion.names.is_empty() {
                expansion.at = line.span();
            }
            check_keys(step, problems);
            let number = expansion.names.len() + 1;
            let name = if number == 1 { "sh".to_owned() } else { format!("sh-{number}") };
            let read = read(source, line, &name, &own, &mut compiled);
            expansion.names.push(read.map_err(|problem| problems.push(problem)).ok().map(|()| name));
        }
    });
    let declared = names(root, "file");
    let text = &mut expansion.text;
    for (name, steps) in &compiled.programs {
        let _ = writeln!(text, "[program.{}]\nsteps = [ {} ]", quoted(name), steps.join(", "));
    }
    for file in compiled.files.iter().filter(|file| !declared.contains(*file)) {
        let _ = writeln!(text, "[file.{}]\nexists = false", quoted(file));
    }
    expansion
}

fn names(root: &DeTable<'_>, table: &str) -> BTreeSet<String> {
    match root.get(table).map(Spanned::get_ref) {
        Some(DeValue::Table(all)) => all.keys().map(|name| name.get_ref().to_string()).collect(),
        _ => BTreeSet::new(),
    }
}

/// Visits the lists of steps of all processes and programs, the outer before the inner.
pub(in crate::scenario) fn each_list(root: &DeTable<'_>, visit: &mut dyn FnMut(&DeArray<'_>)) {
    fn nested(steps: &DeArray<'_>, visit: &mut dyn FnMut(&DeArray<'_>)) {
        visit(steps);
        for step in steps.iter().filter_map(|step| step.get_ref().as_table()) {
            step.values()
                .filter_map(|value| value.get_ref().as_array())
                .for_each(|inner| nested(inner, visit));
        }
    }
    for kind in ["process", "program"] {
        let Some(DeValue::Table(all)) = root.get(kind).map(Spanned::get_ref) else { continue };
        let tables = all.values().filter_map(|one| one.get_ref().as_table());
        let lists = tables.filter_map(|one| one.get("steps")?.get_ref().as_array());
        lists.for_each(|steps| nested(steps, visit));
    }
}

fn check_keys(step: &DeTable<'_>, problems: &mut Problems) {
    for key in step.keys().filter(|key| !["sh", "status"].contains(&key.get_ref().as_ref())) {
        let message = format!("`sh` has no key `{}`", key.get_ref());
        let problem = Problem::error(Code::UnknownKey, key.span(), message).label("unknown key");
        problems.push(problem.suggest(key.get_ref(), ["sh", "status"]));
    }
}

fn read(
    source: &str,
    line: &Spanned<DeValue<'_>>,
    name: &str,
    own: &BTreeSet<String>,
    compiled: &mut Compiled,
) -> Result<(), Problem> {
    let at = line.span();
    let DeValue::String(text) = line.get_ref() else {
        let problem = Problem::error(Code::WrongType, at, "a shell line is a text");
        return Err(problem.help("for example `{ sh = \"gen | upper > out\" }`"));
    };
    // A line that can't be compiled leaves nothing behind.
    let mut whole = compiled.clone();
    let script = parse(text).and_then(|script| compile(name, &script, own, &mut whole));
    if script.is_ok() {
        *compiled = whole;
    }
    script.map_err(|mistake| {
        // Without escapes in it, the line stands in the file as it is, behind its quote.
        let literal = source.get(at.start + 1..).is_some_and(|rest| rest.starts_with(text.as_ref()));
        let within = at.start + 1 + mistake.at.start..at.start + 1 + mistake.at.end;
        Problem::error(Code::Shell, if literal { within } else { at }, mistake.message)
    })
}

/// Replaces each line by a fork of its program and a wait for it, and adds the programs and files.
pub fn expand<'t>(root: &mut DeTable<'t>, expansion: &'t Expansion, problems: &mut Problems) {
    let at = &expansion.at;
    let mut names = expansion.names.iter();
    for kind in ["process", "program"] {
        let Some(DeValue::Table(all)) = root.get_mut(kind).map(Spanned::get_mut) else { continue };
        for (_, one) in all.iter_mut() {
            if let DeValue::Table(one) = one.get_mut()
                && let Some(DeValue::Array(steps)) = one.get_mut("steps").map(Spanned::get_mut)
            {
                replace(steps, &mut names);
            }
        }
    }
    let added = match DeTable::parse(&expansion.text) {
        Ok(added) => added.into_inner(),
        Err(error) => {
            let message = format!("this line can't be written as steps: {}", error.message());
            return problems.push(Problem::error(Code::Shell, at.clone(), message));
        }
    };
    for (kind, table) in added {
        let DeValue::Table(entries) = moved(table, at).into_inner() else { continue };
        if !root.contains_key(kind.get_ref().as_ref()) {
            let empty = Spanned::new(at.clone(), DeValue::Table(DeTable::new()));
            root.insert(Spanned::new(at.clone(), kind.get_ref().clone()), empty);
        }
        if let Some(DeValue::Table(there)) = root.get_mut(kind.get_ref().as_ref()).map(Spanned::get_mut) {
            there.extend(entries);
        }
    }
}

/// Takes the names in the order in which [`each_list`] has found them.
fn replace<'t>(steps: &mut DeArray<'t>, names: &mut std::slice::Iter<'t, Option<String>>) {
    let mut old = std::mem::replace(steps, DeArray::new());
    // The lists inside come after this one's own lines.
    let own: Vec<Option<&Option<String>>> = old
        .iter()
        .map(|step| {
            step.get_ref().as_table().filter(|step| step.contains_key("sh")).and_then(|_| names.next())
        })
        .collect();
    for (step, name) in old.iter_mut().zip(own) {
        let span = step.span();
        let DeValue::Table(table) = step.get_mut() else {
            steps.push(step.clone());
            continue;
        };
        if table.contains_key("sh") {
            match name {
                Some(Some(name)) => {
                    run(name, table.remove("status"), &span).into_iter().for_each(|step| steps.push(step));
                }
                // Its mistake has been told; the step must still be one.
                Some(None) | None => steps.push(nothing(&span)),
            }
            continue;
        }
        for (_, value) in table.iter_mut() {
            if let DeValue::Array(inner) = value.get_mut() {
                replace(inner, names);
            }
        }
        steps.push(step.clone());
    }
}

/// A step that does nothing.
fn nothing<'t>(span: &Range<usize>) -> Spanned<DeValue<'t>> {
    let key = Spanned::new(span.clone(), "yield".into());
    let table = DeTable::from_iter([(key, Spanned::new(span.clone(), DeValue::Boolean(true)))]);
    Spanned::new(span.clone(), DeValue::Table(table))
}

/// The steps that run a program as a child and wait for it.
fn run<'t>(
    name: &'t str,
    status: Option<Spanned<DeValue<'t>>>,
    span: &Range<usize>,
) -> [Spanned<DeValue<'t>>; 2] {
    let step = |verb: &'static str| {
        let name = Spanned::new(span.clone(), DeValue::String(name.into()));
        DeTable::from_iter([(Spanned::new(span.clone(), verb.into()), name)])
    };
    let (fork, mut wait) = (step("fork"), step("wait"));
    if let Some(status) = status {
        wait.insert(Spanned::new(span.clone(), "status".into()), status);
    }
    [fork, wait].map(|table| Spanned::new(span.clone(), DeValue::Table(table)))
}

/// The same value at another place: that of the line that it comes from.
fn moved<'t>(value: Spanned<DeValue<'t>>, at: &Range<usize>) -> Spanned<DeValue<'t>> {
    let inner = match value.into_inner() {
        DeValue::Array(items) => DeValue::Array(items.into_iter().map(|item| moved(item, at)).collect()),
        DeValue::Table(table) => {
            let entries = table.into_iter();
            let entries =
                entries.map(|(key, value)| (Spanned::new(at.clone(), key.into_inner()), moved(value, at)));
            DeValue::Table(entries.collect())
        }
        simple => simple,
    };
    Spanned::new(at.clone(), inner)
}
