//! From bytes to a TOML table: the file itself, and what the command line overrides.

use std::ops::Range;

use serde_spanned::Spanned;
use toml::de::{DeTable, DeValue};

use crate::program::problem::{Code, Problem, Problems};

/// The most bytes that a scenario can have.
pub const MOST: u64 = 16 << 20;

/// What the command line sets, over what the file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `--set KEY=VALUE`, in order: a dotted key, and a value as TOML, or else a text.
    pub set: Vec<(String, String)>,
    pub seed: Option<u64>,
    /// `--until TIME`.
    pub until: Option<String>,
    /// `--costs PROFILE`, in place of the scenario's: the name of a built-in one, or the path of a file
    /// from the current folder on.
    pub costs: Option<String>,
    /// `--policy`, over everything else: the option as it was written, and the scheduler as TOML.
    pub policy: Option<(String, String)>,
    /// `--host`: the kernel and the disks are those of the host that the cost profile was measured on.
    pub host: bool,
}

impl Overrides {
    /// Splits the argument of `--set`.
    pub fn parse_set(argument: &str) -> Result<(String, String), String> {
        match argument.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() => {
                Ok((key.trim().to_owned(), value.trim().to_owned()))
            }
            _ => Err(format!("`{argument}` isn't KEY=VALUE, for example machine.cpus=2")),
        }
    }

    /// Everything as options, as the user would have written them.
    pub(super) fn all(&self) -> Vec<Setting> {
        let setting =
            |option: String, key: &str, value: String| Setting { option, key: key.to_owned(), value };
        let mut all = Vec::new();
        if let Some(costs) = &self.costs {
            // A table, so that `--set` can change single values.
            let value = format!("{{ base = {} }}", toml::Value::String(costs.clone()));
            all.push(setting(format!("--costs {costs}"), "machine.costs", value));
        }
        let set = self.set.iter();
        all.extend(set.map(|(key, value)| setting(format!("--set {key}={value}"), key, value.clone())));
        if let Some(seed) = self.seed {
            all.push(setting(format!("--seed {seed}"), "run.seed", seed.to_string()));
        }
        if let Some(until) = &self.until {
            // Always a text, so that a bare number is refused for its missing unit.
            let value = toml::Value::String(until.clone()).to_string();
            all.push(setting(format!("--until {until}"), "run.until", value));
        }
        if let Some((option, scheduler)) = &self.policy {
            all.push(setting(option.clone(), "kernel.scheduler", scheduler.clone()));
        }
        all
    }
}

/// One option of the command line that sets something.
pub(super) struct Setting {
    /// As the user would have written it.
    option: String,
    key: String,
    value: String,
}

/// A text that places refer to: the file, or one option of the command line.
#[derive(Clone, Debug)]
pub struct Part {
    /// What is shown before the line number.
    pub name: String,
    pub text: String,
    /// The place of its first byte.
    pub base: usize,
}

/// Parses a text; reports all syntax errors.
pub fn parse<'t>(text: &'t str, problems: &mut Problems) -> DeTable<'t> {
    let (root, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        let message = error.message();
        problems.push(match message.contains("recursion limit") || message.contains("recurse") {
            true => Problem::error(Code::TooDeep, span, "this is nested too deeply")
                .help("move the inner steps into a program of their own"),
            false => Problem::error(Code::Syntax, span, message.to_owned()),
        });
    }
    root.into_inner()
}

/// Applies the overrides to the table. Each becomes a part of its own behind the file, so that a
/// mistake in it can be shown.
pub(super) fn apply<'t>(
    root: &mut DeTable<'t>,
    file: &str,
    settings: &'t [Setting],
    problems: &mut Problems,
) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut base = file.len() + 1;
    for Setting { option, key, value } in settings {
        let text = format!("{key} = {value}");
        let start = text.len() - value.len();
        let parsed = parse_value(value, base + start);
        let span = base..base + key.len();
        if let Err(message) = set(root, key, parsed, span.clone()) {
            let problem = Problem::error(Code::Override, span, message);
            problems.push(problem.help("for example --set machine.cpus=2"));
        }
        base += text.len() + 1;
        parts.push(Part { name: option.clone(), base: base - text.len() - 1, text });
    }
    parts
}

/// A value as TOML, or the text as it is; with places that begin at `base`.
fn parse_value(value: &str, base: usize) -> Spanned<DeValue<'_>> {
    match DeValue::parse(value) {
        Ok(parsed) => shift(parsed, base),
        Err(_) => Spanned::new(base..base + value.len(), DeValue::String(value.into())),
    }
}

fn shift<'i>(value: Spanned<DeValue<'i>>, base: usize) -> Spanned<DeValue<'i>> {
    let move_span = |span: Range<usize>| span.start + base..span.end + base;
    let span = move_span(value.span());
    let inner = match value.into_inner() {
        DeValue::Array(items) => DeValue::Array(items.into_iter().map(|item| shift(item, base)).collect()),
        DeValue::Table(table) => {
            let entries = table.into_iter();
            let moved = entries.map(|(key, value)| {
                let span = move_span(key.span());
                (Spanned::new(span, key.into_inner()), shift(value, base))
            });
            DeValue::Table(moved.collect())
        }
        simple => simple,
    };
    Spanned::new(span, inner)
}

/// Puts a value at a dotted key; tables on the way are made if they are missing.
fn set<'t>(
    root: &mut DeTable<'t>,
    key: &str,
    value: Spanned<DeValue<'t>>,
    span: Range<usize>,
) -> Result<(), String> {
    let mut keys: Vec<&str> = key.split('.').map(str::trim).collect();
    let Some(last) = keys.pop() else {
        return Err("a key is missing".to_owned());
    };
    if last.is_empty() || keys.iter().any(|key| key.is_empty()) {
        return Err(format!("`{key}` isn't a dotted key"));
    }
    let mut table = root;
    for key in keys {
        if !table.contains_key(key) {
            let empty = Spanned::new(span.clone(), DeValue::Table(DeTable::new()));
            let name = Spanned::new(span.clone(), key.to_owned().into());
            table.insert(name, empty);
        }
        table = match table.get_mut(key).map(Spanned::get_mut) {
            Some(DeValue::Table(inner)) => inner,
            _ => return Err(format!("`{key}` isn't a table in this scenario")),
        };
    }
    // The key's own place would stay the old one otherwise.
    table.remove(last);
    table.insert(Spanned::new(span, last.to_owned().into()), value);
    Ok(())
}
