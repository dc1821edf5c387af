//! Reading a profile: from TOML to [`Costs`], or to a list of all that is wrong with it.

use std::ops::Range;

use serde_spanned::Spanned;
use sha2::Digest;
use toml::de::{DeTable, DeValue};

use crate::time::Span;
use crate::units::{parse_size, parse_time};

use super::{BUILT_IN, COPIES, Copying, CostError, Costs, Curve, ROWS, TABLES, disk, hex, host, record};

/// Keys that describe the profile itself.
const ABOUT: &[&str] = &["format", "name", "summary", "fingerprint"];
/// What a value can say about how it was found out, besides itself: kept for the reader of the file.
pub const NOTES: &[&str] = &["source", "p10", "p90", "n"];

pub(super) type Value<'i> = Spanned<DeValue<'i>>;
pub(super) type Errors = Vec<CostError>;
/// Pairs of a quantity and its time, and where they stand.
pub(super) type Points<T> = (Vec<(T, Span)>, Range<usize>);

impl Costs {
    /// The built-in profile with this name. `calls` are the names that `[calls]` can hold.
    pub fn built_in(name: &str, calls: &[&str]) -> Option<Result<Costs, Vec<CostError>>> {
        let (_, text) = BUILT_IN.iter().find(|(built_in, _)| *built_in == name)?;
        Some(Costs::parse(text, calls))
    }

    /// Reads a profile.
    pub fn parse(text: &str, calls: &[&str]) -> Result<Costs, Vec<CostError>> {
        let (root, syntax) = DeTable::parse_recoverable(text);
        let mut errors: Errors = syntax
            .iter()
            .map(|error| CostError {
                message: error.message().to_owned(),
                span: error.span().unwrap_or_default(),
                help: None,
            })
            .collect();
        let root = root.into_inner();
        let mut costs = Costs::default();
        if root.get("format").and_then(|format| format.get_ref().as_integer()).map(|n| n.as_str())
            != Some("1")
        {
            errors.push(CostError {
                message: "a cost profile begins with `format = 1`".to_owned(),
                span: root.get("format").map_or(0..0, Spanned::span),
                help: None,
            });
        }
        let about = |key: &str| root.get(key).and_then(|value| value.get_ref().as_str());
        costs.name = about("name").unwrap_or_default().to_owned();
        costs.fingerprint = about("fingerprint").unwrap_or_default().to_owned();
        costs.apply(&root, ABOUT, calls, &mut errors);
        if costs.instruction.is_zero() {
            errors.push(CostError {
                message: "`instruction` must take time".to_owned(),
                span: root.get("instruction").map_or(0..0, Spanned::span),
                help: Some("for example instruction = { cost = \"1ns\", source = \"...\" }".to_owned()),
            });
        }
        costs.hash = hex(&sha2::Sha256::digest(text.as_bytes()));
        if errors.is_empty() { Ok(costs) } else { Err(errors) }
    }

    /// Overwrites what the table gives. Keys in `about` are somebody else's.
    pub fn apply(
        &mut self,
        table: &DeTable<'_>,
        about: &[&str],
        calls: &[&str],
        errors: &mut Vec<CostError>,
    ) {
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            if about.contains(&name) {
                continue;
            }
            match name {
                "calls" => self.apply_calls(value, calls, errors),
                "copies" => self.apply_copies(value, errors),
                "switch-cold" => {
                    if let Some(points) =
                        points(value, errors, |value, errors| count(value, u64::MAX, errors))
                    {
                        self.switch_cold = points;
                    }
                }
                "disk" => disk::apply(&mut self.disk, value, errors),
                "host" => host::apply(&mut self.host, value, errors),
                "measured" => record::measured(&mut self.measured, value, errors),
                "fit" => record::fit(&mut self.fit, value, errors),
                _ => match self.field(name) {
                    Some(field) => {
                        if let Some(cost) = cost(value, errors) {
                            *field = cost;
                        }
                    }
                    None => {
                        let names = ROWS.iter().chain(TABLES).map(|row| row.key);
                        errors.push(unknown("cost profiles have no key", name, key.span(), names));
                    }
                },
            }
        }
        self.settle_switch(|key| table.contains_key(key));
    }

    fn apply_calls(&mut self, value: &Value<'_>, calls: &[&str], errors: &mut Errors) {
        let Some(table) = table(value, "`calls` is a table of system calls", errors) else { return };
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            if !calls.contains(&name) {
                errors.push(unknown("there is no system call", name, key.span(), calls.iter().copied()));
                continue;
            }
            let form = "a call's costs are a table: { base = \"100ns\", per-kib = \"50ns\" }";
            let Some(parts) = self::table(value, form, errors) else { continue };
            let mut call = self.calls.get(name).copied().unwrap_or_default();
            known_keys("a call's costs have no key", parts, &["base", "per-kib"], errors);
            for (place, part) in [(&mut call.base, "base"), (&mut call.per_kib, "per-kib")] {
                if let Some(cost) = parts.get(part).and_then(|value| cost(value, errors)) {
                    *place = cost;
                }
            }
            self.calls.insert(name.to_owned(), call);
        }
    }

    fn apply_copies(&mut self, value: &Value<'_>, errors: &mut Errors) {
        let Some(table) = table(value, "`copies` is a table of channels", errors) else { return };
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            let Some(copying) = Copying::named(name) else {
                let names = COPIES.iter().map(|row| row.key);
                errors.push(unknown("there is no way to copy named", name, key.span(), names));
                continue;
            };
            if let Some(points) = points(value, errors, size) {
                self.copies[copying] = points;
            }
        }
    }
}

/// `"100ns"`, or `{ cost = "100ns", source = "where it comes from" }` with more notes.
fn cost(value: &Value<'_>, errors: &mut Errors) -> Option<Span> {
    let DeValue::Table(table) = value.get_ref() else { return time(value, errors) };
    known_keys("a cost has no key", table, &["cost"], errors);
    match table.get("cost") {
        Some(inner) => time(inner, errors),
        None => {
            errors.push(wrong(value, "a cost needs the key `cost`"));
            None
        }
    }
}

/// `{ points = [[quantity, "100ns"], ...], source = ".." }`; `quantity` reads the first of each.
fn points(
    value: &Value<'_>,
    errors: &mut Errors,
    quantity: impl Fn(&Value<'_>, &mut Errors) -> Option<u64>,
) -> Option<Curve> {
    let (list, span) = pairs(value, errors, quantity)?;
    let curve = Curve::new(list);
    if curve.is_none() {
        errors.push(CostError { message: "the points don't ascend".to_owned(), span, help: None });
    }
    curve
}

/// The points of `{ points = [[a, "100ns"], ...] }`, one at least, and where they stand.
pub(super) fn pairs<T>(
    value: &Value<'_>,
    errors: &mut Errors,
    first: impl Fn(&Value<'_>, &mut Errors) -> Option<T>,
) -> Option<Points<T>> {
    let form = "this is a table with `points`, each with its time: { points = [[.., \"100ns\"], ..] }";
    let table = table(value, form, errors)?;
    known_keys("this table has no key", table, &["points"], errors);
    let Some(points) = table.get("points") else {
        errors.push(wrong(value, "the key `points` is missing"));
        return None;
    };
    let Some(list) = points.get_ref().as_array().filter(|list| !list.is_empty()) else {
        errors.push(wrong(points, "`points` is a list of pairs, one at least"));
        return None;
    };
    let before = errors.len();
    let mut read = Vec::new();
    for point in list {
        match point.get_ref().as_array().map(|pair| pair.as_ref()) {
            Some([quantity, cost]) => {
                let pair = (first(quantity, errors), time(cost, errors));
                read.extend(pair.0.zip(pair.1));
            }
            _ => errors.push(wrong(point, "a point is a pair: a quantity and its time")),
        }
    }
    (errors.len() == before).then(|| (read, points.span()))
}

/// The keys of a table are those and [`NOTES`], which are checked here.
fn known_keys(message: &str, table: &DeTable<'_>, keys: &[&str], errors: &mut Errors) {
    for (key, value) in table {
        let name = key.get_ref().as_ref();
        match name {
            _ if keys.contains(&name) => {}
            "source" => drop(text(value, errors)),
            "p10" | "p90" => drop(time(value, errors)),
            "n" => drop(count(value, u64::MAX, errors)),
            _ => {
                let names = keys.iter().chain(NOTES).copied();
                errors.push(unknown(message, name, key.span(), names));
            }
        }
    }
}

pub(super) fn table<'v, 'i>(
    value: &'v Value<'i>,
    form: &str,
    errors: &mut Errors,
) -> Option<&'v DeTable<'i>> {
    read(value, value.get_ref().as_table(), form, errors)
}

pub(super) fn text<'v>(value: &'v Value<'_>, errors: &mut Errors) -> Option<&'v str> {
    read(value, value.get_ref().as_str(), "this is a text", errors)
}

pub(super) fn truth(value: &Value<'_>, errors: &mut Errors) -> Option<bool> {
    read(value, value.get_ref().as_bool(), "this is true or false", errors)
}

/// A whole number up to a limit.
pub(super) fn count(value: &Value<'_>, most: u64, errors: &mut Errors) -> Option<u64> {
    let number = value.get_ref().as_integer();
    let number = number.and_then(|number| u64::from_str_radix(number.as_str(), number.radix()).ok());
    let form = if most == u64::MAX {
        "this is a whole number".to_owned()
    } else {
        format!("this is a whole number up to {most}")
    };
    read(value, number.filter(|number| *number <= most), &form, errors)
}

/// A number that may be a decimal one.
pub(super) fn number(value: &Value<'_>, errors: &mut Errors) -> Option<f64> {
    let text = match value.get_ref() {
        DeValue::Integer(number) => Some(number.as_str()),
        DeValue::Float(number) => Some(number.as_str()),
        _ => None,
    };
    let number = text.and_then(|text| text.parse().ok()).filter(|number: &f64| number.is_finite());
    read(value, number, "this is a number", errors)
}

pub(super) fn time(value: &Value<'_>, errors: &mut Errors) -> Option<Span> {
    let form = "a time needs a unit, for example \"100ns\"";
    let text = read(value, value.get_ref().as_str(), form, errors)?;
    parse_time(text).map_err(|error| errors.push(wrong(value, &error.to_string()))).ok()
}

fn size(value: &Value<'_>, errors: &mut Errors) -> Option<u64> {
    let form = "a size needs a unit, for example \"64KiB\"";
    let text = read(value, value.get_ref().as_str(), form, errors)?;
    parse_size(text).map_err(|error| errors.push(wrong(value, &error.to_string()))).ok()
}

/// What was found, or an error that says what it should have been.
pub(super) fn read<T>(value: &Value<'_>, found: Option<T>, form: &str, errors: &mut Errors) -> Option<T> {
    if found.is_none() {
        errors.push(wrong(value, form));
    }
    found
}

pub(super) fn wrong(value: &Value<'_>, message: &str) -> CostError {
    CostError { message: message.to_owned(), span: value.span(), help: None }
}

pub(super) fn unknown<'n>(
    message: &str,
    name: &str,
    span: Range<usize>,
    names: impl Iterator<Item = &'n str>,
) -> CostError {
    let scored = names.map(|known| (strsim::jaro_winkler(name, known), known));
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0));
    CostError {
        message: format!("{message} `{name}`"),
        span,
        help: best.filter(|(score, _)| *score > 0.8).map(|(_, known)| format!("did you mean `{known}`?")),
    }
}
