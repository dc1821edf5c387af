//! The built-in cost profiles as tables in Markdown, which docs/MODEL.md contains.
//!
//! They are read from the profiles' own text and not from [`Costs`](super::cost::Costs), which
//! doesn't keep where a value comes from.

use std::fmt::Write;

use serde_spanned::Spanned;
use toml::de::{DeTable, DeValue};

use super::cost::{BUILT_IN, ROWS};

/// A value of a profile as its text gives it.
struct Entry {
    /// That of a system call begins with `calls.`
    key: String,
    /// `100ns`, or `100ns + 50ns per KiB`.
    value: String,
    source: String,
}

/// A built-in profile as its text gives it.
struct Profile {
    name: &'static str,
    summary: String,
    fingerprint: String,
    /// In the order of [`ROWS`].
    costs: Vec<Entry>,
    /// By the calls' names.
    calls: Vec<Entry>,
    /// What depends on a quantity: of `[copies]`, `[switch-cold]` and `[disk]`.
    curves: Vec<Entry>,
}

/// Documents every cost with its value and its source in each built-in profile, in Markdown.
pub fn markdown() -> String {
    let profiles: Vec<Profile> = BUILT_IN.iter().filter_map(|(name, text)| profile(name, text)).collect();
    let mut text = String::new();
    costs(&mut text, &profiles);
    calls(&mut text, &profiles);
    profiles.iter().for_each(|profile| sources(&mut text, profile));
    text
}

fn profile(name: &'static str, text: &str) -> Option<Profile> {
    let root = DeTable::parse(text).ok()?.into_inner();
    let costs = ROWS.iter().filter_map(|row| Some(entry(row.key, root.get(row.key)?.get_ref())));
    let costs = costs.collect();
    let table = root.get("calls").and_then(|calls| calls.get_ref().as_table());
    let mut calls: Vec<Entry> = table
        .into_iter()
        .flatten()
        .map(|(key, value)| entry(&format!("calls.{}", key.get_ref()), value.get_ref()))
        .collect();
    calls.sort_by(|one, other| one.key.cmp(&other.key));
    let curves =
        ["copies", "switch-cold", "disk"].into_iter().flat_map(|table| curves(&root, table)).collect();
    let about = |key| root.get(key).map(|value| string(value.get_ref())).unwrap_or_default();
    Some(Profile { name, summary: about("summary"), fingerprint: about("fingerprint"), costs, calls, curves })
}

/// The curves of a table, or the table itself if it is one.
fn curves(root: &DeTable<'_>, table: &str) -> Vec<Entry> {
    let Some(value) = root.get(table).map(|value| value.get_ref()) else { return Vec::new() };
    match value.as_table() {
        Some(inner) if !inner.contains_key("points") => {
            let entries = inner
                .iter()
                .map(|(key, value)| entry(&format!("{table}.{}", key.get_ref()), value.get_ref()));
            entries.collect()
        }
        _ => vec![entry(table, value)],
    }
}

/// `1B: 101ns, 4KiB: 300ns`
fn points(list: &[Spanned<DeValue<'_>>]) -> String {
    let shown = list.iter().filter_map(|point| point.get_ref().as_array()).map(|pair| {
        let part = |value: &Spanned<DeValue<'_>>| match value.get_ref() {
            DeValue::Integer(number) => number.as_str().to_owned(),
            DeValue::Float(number) => number.as_str().to_owned(),
            other => string(other),
        };
        pair.iter().map(part).collect::<Vec<_>>().join(": ")
    });
    shown.collect::<Vec<_>>().join(", ")
}

fn entry(key: &str, value: &DeValue<'_>) -> Entry {
    let part = |name| value.as_table().and_then(|table| table.get(name));
    let list = part("points").and_then(|value| value.get_ref().as_array());
    let part = |name| part(name).map(|value| string(value.get_ref()));
    if let Some(list) = list {
        let source = part("source").unwrap_or_default();
        return Entry { key: key.to_owned(), value: points(list), source };
    }
    let base = part("cost").or_else(|| part("base"));
    let value = match (base, part("per-kib")) {
        (base, None) => base.unwrap_or_else(|| string(value)),
        (None, Some(per_kib)) => format!("{per_kib} per KiB"),
        (Some(base), Some(per_kib)) => format!("{base} + {per_kib} per KiB"),
    };
    Entry { key: key.to_owned(), value, source: part("source").unwrap_or_default() }
}

fn string(value: &DeValue<'_>) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

// Writing to a string can't fail, so the results below carry no news.

fn header(text: &mut String, first: &str, profiles: &[Profile]) {
    let names = profiles.iter().map(|profile| format!(" `{}` |", profile.name));
    let _ = writeln!(text, "| {first} |{}", names.collect::<String>());
    let columns = first.matches('|').count() + 1 + profiles.len();
    let _ = writeln!(text, "|{}", "---|".repeat(columns));
}

/// The values of a key in all profiles; what a profile leaves out costs nothing.
fn values(profiles: &[Profile], key: &str, of: impl Fn(&Profile) -> &[Entry]) -> String {
    let value = |profile| of(profile).iter().find(|entry| entry.key == key).map(|entry| &entry.value);
    let values = profiles.iter().map(|profile| value(profile).map_or("0", String::as_str));
    values.map(|value| format!(" {value} |")).collect()
}

fn costs(text: &mut String, profiles: &[Profile]) {
    header(text, "cost | what it pays for", profiles);
    for row in ROWS {
        let values = values(profiles, row.key, |profile| &profile.costs);
        let _ = writeln!(text, "| `{}` | {} |{values}", row.key, row.doc.trim());
    }
    text.push('\n');
}

fn calls(text: &mut String, profiles: &[Profile]) {
    let mut keys: Vec<&str> =
        profiles.iter().flat_map(|profile| &profile.calls).map(|entry| entry.key.as_str()).collect();
    keys.sort_unstable();
    keys.dedup();
    header(text, "body of a system call", profiles);
    for key in keys {
        let values = values(profiles, key, |profile| &profile.calls);
        let _ = writeln!(text, "| `{key}` |{values}");
    }
    text.push('\n');
}

fn sources(text: &mut String, profile: &Profile) {
    let _ = writeln!(text, "#### Where `{}` has its values from\n", profile.name);
    let _ = writeln!(text, "In short: {}.", profile.summary);
    if !profile.fingerprint.is_empty() {
        let _ = writeln!(text, "Machine: {}.", profile.fingerprint);
    }
    let _ = writeln!(text, "\n| cost | value | source |\n|---|---|---|");
    for Entry { key, value, source } in profile.costs.iter().chain(&profile.calls).chain(&profile.curves) {
        let _ = writeln!(text, "| `{key}` | {value} | {source} |");
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_of_a_built_in_profile_says_where_it_comes_from() {
        for (name, text) in BUILT_IN {
            let profile = profile(name, text).unwrap();
            assert!(!profile.summary.is_empty() && !profile.costs.is_empty(), "{name}");
            for entry in profile.costs.iter().chain(&profile.calls) {
                assert!(!entry.value.is_empty() && entry.source.len() > 4, "{name}: {}", entry.key);
            }
        }
    }

    #[test]
    fn a_call_shows_what_it_costs_at_once_and_by_the_byte() {
        let text = "[calls]\nread = { base = \"88ns\", per-kib = \"52ns\", source = \"a\" }\nkill = { base = \"5ns\" }";
        let calls = profile("x", text).unwrap().calls;
        let shown: Vec<(&str, &str)> =
            calls.iter().map(|entry| (entry.key.as_str(), entry.value.as_str())).collect();
        assert_eq!(shown, [("calls.kill", "5ns"), ("calls.read", "88ns + 52ns per KiB")]);
    }

    #[test]
    fn a_curve_shows_its_points() {
        let text = "switch-cold = { points = [[2, \"0ns\"], [8, \"600ns\"]], source = \"a\" }\n[copies]\npipe-read = { points = [[\"1B\", \"9ns\"]] }\n[disk]\nread = { points = [[0.5, \"80us\"]] }";
        let curves = profile("x", text).unwrap().curves;
        let shown: Vec<(&str, &str)> =
            curves.iter().map(|entry| (entry.key.as_str(), entry.value.as_str())).collect();
        let wanted = [
            ("copies.pipe-read", "1B: 9ns"),
            ("switch-cold", "2: 0ns, 8: 600ns"),
            ("disk.read", "0.5: 80us"),
        ];
        assert_eq!(shown, wanted);
    }

    #[test]
    fn the_documentation_holds_the_tables() {
        crate::documentation::holds("MODEL.md", "costs", &markdown());
    }
}
