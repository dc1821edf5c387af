//! Everything that `trapline explain` can explain, from the registries.

use std::fmt::Write;

use serde_json::Value;
use trapline::chart::CHARTS;
use trapline::errno::Errno;
use trapline::export::EXPORTERS;
use trapline::export::graph::GRAPHS;
use trapline::hw::device::DEVICES;
use trapline::kernel::cost::{self, BUILT_IN, ROWS};
use trapline::kernel::sched::POLICIES;
use trapline::program::outside::ACTIONS;
use trapline::program::verb::{COMMON_KEYS, Level, VERBS, VerbRow};
use trapline::quiz;
use trapline::scenario::errors::{ERRORS, ErrorRow};
use trapline::scenario::schema::{Shape, TABLES, TableRow};
use trapline::signal::{DefaultAction, Signal};
use trapline::trace::kinds::{KINDS, KindRow, WHYS};
use trapline::trace::statistics::{CPU, DEVICE, RUN, SPREADS, THREAD};

/// Statistics that have many values in a run, of which there are several figures each.
pub const SPREAD_GROUP: &str = "statistics of a run: mean-, p50-, p95-, p99-, max-";

/// Something that has a name and an explanation.
pub struct Topic {
    pub group: &'static str,
    pub name: String,
    /// A few words, for a list.
    pub summary: String,
    pub parts: Vec<Part>,
}

/// A piece of an explanation.
pub enum Part {
    /// Prose, to be wrapped.
    Text(String),
    /// Names and what they mean.
    List(&'static str, Vec<(String, String)>),
    /// Text as it is.
    Example(&'static str, String),
}

/// All topics, in the order in which they are listed.
pub fn topics() -> Vec<Topic> {
    let mut topics: Vec<Topic> = TABLES.iter().map(table).collect();
    for level in Level::ALL {
        topics.extend(VERBS.iter().filter(|row| row.level == *level).map(|row| verb(row)));
    }
    topics.extend(ACTIONS.iter().map(|row| {
        let mut topic =
            plain("events from outside", row.key, row.summary, &format!("{}.", sentence(row.summary)));
        topic.parts.push(Part::Text(row.real.sentence()));
        topic
    }));
    topics.extend(DEVICES.iter().map(|row| plain("devices", row.name, row.summary, row.doc)));
    topics.extend(POLICIES.iter().map(|row| {
        let mut topic = plain("scheduling policies", row.name, row.summary, row.doc);
        let parameters = row.parameters.iter();
        let parameters = parameters.map(|(key, kind, doc)| ((*key).to_owned(), format!("{kind}: {doc}")));
        topic.parts.push(Part::List("Parameters", parameters.collect()));
        topic
    }));
    topics.extend(BUILT_IN.iter().map(|(name, text)| {
        let text = (*text).to_owned();
        let summary = "a built-in cost profile".to_owned();
        let parts = vec![Part::Example("The profile", text)];
        Topic { group: "cost profiles", name: (*name).to_owned(), summary, parts }
    }));
    topics.extend(ROWS.iter().chain(cost::TABLES).map(|row| {
        let doc = row.doc.trim();
        let mut topic = plain("keys of a cost profile", row.key, first_sentence(doc), doc);
        let keys = cost::KEYS.iter().filter(|(table, _)| *table == row.key).flat_map(|(_, keys)| *keys);
        let keys: Vec<(String, String)> = keys.map(|row| (row.key.to_owned(), row.doc.to_owned())).collect();
        if !keys.is_empty() {
            topic.parts.push(Part::List("Keys", keys));
        }
        topic
    }));
    topics.extend(KINDS.iter().map(kind));
    topics.extend(WHYS.iter().map(|row| {
        plain("reasons to switch (sched_switch)", row.name, first_sentence(row.meaning), row.meaning)
    }));
    topics.extend(statistics());
    topics.extend(ERRORS.iter().map(error));
    topics.extend(Errno::ALL.iter().map(|errno| {
        let number = *errno as u8;
        let text = format!("{}. A failed call returns -{number}.", errno.meaning());
        plain("what system calls fail with", errno.name(), errno.meaning(), &text)
    }));
    topics.extend(Signal::ALL.iter().map(|signal| {
        let action = match signal.default_action() {
            DefaultAction::Terminate => "ends the process unless it handles it",
            DefaultAction::Stop => "stops the process until SIGCONT",
            DefaultAction::Continue => "lets a stopped process go on",
            DefaultAction::Ignore => "is ignored unless the process handles it",
        };
        plain("signals", signal.name(), action, &format!("Signal {}; it {action}.", *signal as u8))
    }));
    topics.extend(CHARTS.iter().map(|row| {
        let mut topic = plain("kinds of chart (plot --kind)", row.name, row.summary, row.doc);
        topic.parts.push(Part::Text(format!("It needs: {}.", row.needs)));
        topic
    }));
    topics.extend(quiz::KINDS.iter().map(|row| {
        let mut topic = plain("kinds of question (quiz --kind)", row.name, row.summary, row.doc);
        topic.parts.push(Part::Text(format!("It needs: {}.", row.needs)));
        topic
    }));
    topics.extend(EXPORTERS.iter().map(|row| plain("export formats", row.name, row.doc, row.doc)));
    topics.extend(GRAPHS.iter().map(|row| plain("graphs (export --graph)", row.name, row.doc, row.doc)));
    topics
}

fn statistics() -> impl Iterator<Item = Topic> {
    let lists = [
        ("statistics of threads", THREAD),
        ("statistics of a run", RUN),
        (SPREAD_GROUP, SPREADS),
        ("statistics of CPUs", CPU),
        ("statistics of files on disks", DEVICE),
    ];
    lists.into_iter().flat_map(|(group, rows)| {
        rows.iter().map(move |row| {
            let mut topic = plain(group, row.name, first_sentence(row.doc), row.doc);
            topic.parts.push(Part::Example("Formula", row.formula.to_owned()));
            topic
        })
    })
}

fn plain(group: &'static str, name: &str, summary: &str, text: &str) -> Topic {
    let parts = vec![Part::Text(text.to_owned())];
    Topic { group, name: name.to_owned(), summary: summary.trim_end_matches('.').to_owned(), parts }
}

/// The first sentence of a text, without its full stop.
fn first_sentence(text: &str) -> &str {
    let text = text.trim();
    text.split_once(". ").map_or(text, |(first, _)| first).trim_end_matches('.')
}

/// The text with a capital at its beginning.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map_or(String::new(), |letter| letter.to_uppercase().collect());
    first + letters.as_str()
}

fn table(row: &TableRow) -> Topic {
    let schema = (row.schema)().to_value();
    let about = description(&schema);
    // The forms' texts begin with the table's name, for readers of the schema.
    let about = about.split_once("]`: ").map_or(about.as_str(), |(_, about)| about).to_owned();
    let written = match row.shape {
        Shape::Value => format!("{} = ...", row.key),
        Shape::Table => format!("[{}]", row.key),
        Shape::Named => format!("[{}.NAME]", row.key),
        Shape::List => format!("[[{}]]", row.key),
    };
    let parts = vec![
        Part::Text(sentence(&about)),
        Part::List("Keys", keys(&schema, &[])),
        Part::Example("Written as", written),
    ];
    let summary = first_sentence(&about).to_owned();
    Topic { group: "parts of a scenario", name: row.key.to_owned(), summary, parts }
}

fn verb(row: &VerbRow) -> Topic {
    let mut keys = keys(&(row.schema)().to_value(), row.blocks);
    if row.level == Level::Syscall {
        keys.extend(COMMON_KEYS.iter().map(|(key, doc)| ((*key).to_owned(), (*doc).to_owned())));
    }
    let group = match row.level {
        Level::Control => "steps: control",
        Level::Instruction => "steps: instructions",
        Level::Syscall => "steps: system calls",
        Level::Library => "steps: library functions",
        Level::Shell => "steps: the shell",
    };
    let parts = vec![
        Part::Text(row.doc.to_owned()),
        Part::List("Keys", keys),
        Part::Example("Example", row.example.to_owned()),
        Part::Text(row.real.sentence()),
    ];
    Topic { group, name: row.name.to_owned(), summary: row.summary.to_owned(), parts }
}

/// The keys of a form, the required ones first, with those that hold steps.
fn keys(schema: &Value, blocks: &[&str]) -> Vec<(String, String)> {
    let required = |key: &str| {
        let list = schema.get("required").and_then(Value::as_array);
        list.is_some_and(|list| list.iter().any(|name| name.as_str() == Some(key)))
    };
    let properties = schema.get("properties").and_then(Value::as_object);
    let mut keys: Vec<(bool, String, String)> = properties
        .into_iter()
        .flatten()
        .map(|(key, value)| (!required(key), key.clone(), description(value)))
        .collect();
    keys.sort();
    let own = keys.into_iter().map(|(optional, key, doc)| {
        let doc = if optional { doc } else { format!("{doc} (required)") };
        (key, doc)
    });
    let blocks = blocks.iter().map(|key| ((*key).to_owned(), "The steps inside.".to_owned()));
    own.chain(blocks).collect()
}

fn description(schema: &Value) -> String {
    let text = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn kind(row: &KindRow) -> Topic {
    let fields = row.fields.iter().map(|field| (field.name.to_owned(), field.doc.to_owned()));
    let point = match row.trace_point {
        Some(point) => format!("Linux has the trace point {point}."),
        None => "Linux has no trace point for it.".to_owned(),
    };
    let parts =
        vec![Part::Text(row.meaning.to_owned()), Part::Text(point), Part::List("Fields", fields.collect())];
    let summary = first_sentence(row.meaning).to_owned();
    Topic { group: "kinds of event in a trace", name: row.name.to_owned(), summary, parts }
}

fn error(row: &ErrorRow) -> Topic {
    let mut parts = vec![Part::Text(row.doc.to_owned())];
    for (title, example) in [("Wrong", row.wrong), ("Right", row.right)] {
        if !example.is_empty() {
            parts.push(Part::Example(title, example.to_owned()));
        }
    }
    let (name, summary) = (row.code.to_string(), row.title.to_owned());
    Topic { group: "what can be wrong with a scenario", name, summary, parts }
}

impl Topic {
    /// The explanation in lines of at most `width` characters.
    pub fn text(&self, width: usize, strong: impl Fn(&str) -> String) -> String {
        let says_it_itself = match self.parts.first() {
            Some(Part::Text(prose)) => prose.trim().to_lowercase().starts_with(&self.summary.to_lowercase()),
            Some(Part::List(..) | Part::Example(..)) | None => false,
        };
        let summary = if says_it_itself { String::new() } else { format!(": {}", self.summary) };
        let mut text = format!("{}{summary} ({})\n", strong(&self.name), self.group);
        for part in &self.parts {
            // Writing to a string can't fail, so the results carry no news.
            let _ = match part {
                Part::Text(prose) => writeln!(text, "\n{}", wrap(prose, width, "  ")),
                Part::List(_, rows) if rows.is_empty() => Ok(()),
                Part::List(title, rows) => {
                    let widest = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
                    let indent = " ".repeat(widest + 4);
                    let _ = writeln!(text, "\n{}", strong(title));
                    rows.iter().try_for_each(|(name, doc)| {
                        let doc = wrap(doc, width, &indent);
                        writeln!(text, "  {name:widest$}  {}", doc.trim_start())
                    })
                }
                Part::Example(title, example) => {
                    let lines: Vec<String> = example.lines().map(|line| format!("  {line}")).collect();
                    writeln!(text, "\n{}\n{}", strong(title), lines.join("\n"))
                }
            };
        }
        text
    }
}

/// Breaks prose into indented lines.
pub fn wrap(prose: &str, width: usize, indent: &str) -> String {
    let room = width.saturating_sub(indent.chars().count()).max(20);
    let mut lines: Vec<String> = Vec::new();
    let mut used = room;
    for word in prose.split_whitespace() {
        let length = word.chars().count();
        match lines.last_mut() {
            Some(line) if used + 1 + length <= room => {
                line.push(' ');
                line.push_str(word);
                used += 1 + length;
            }
            Some(_) | None => {
                lines.push(format!("{indent}{word}"));
                used = length;
            }
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_has_a_name_a_summary_and_a_text() {
        for topic in topics() {
            assert!(!topic.name.is_empty() && !topic.summary.trim().is_empty(), "{}", topic.name);
            assert!(topic.text(80, str::to_owned).lines().count() > 2, "{}", topic.name);
        }
    }

    #[test]
    fn prose_is_broken_between_words() {
        assert_eq!(wrap("one two three four five six", 22, "  "), "  one two three four\n  five six");
        assert_eq!(wrap("", 80, "  "), "");
    }
}
