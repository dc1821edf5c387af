//! `script` or `code` in `scheduler`: the scenario's own policy, from a file beside it or from its own text.

use std::collections::BTreeMap;
use std::fs::{File, metadata};
use std::io::Read;
use std::ops::Range;
use std::path::Path;

use crate::kernel::cost::Costs;
use crate::kernel::options::{Parameter, Scheduler};
use crate::kernel::sched::script::{Mistake, Script};
use crate::program::amount::fixed_time;
use crate::program::at::{At, Entries, Raw};
use crate::program::problem::{Code, Problem, Problems};
use crate::time::Span;

use super::document::Part;
use super::scheduler::{duration, listed, wrong};

/// The most bytes that a script can have.
const MOST: u64 = 256 << 10;

/// The keys of `scheduler` that name a script.
const KEYS: [&str; 2] = ["script", "code"];

/// Where scripts come from: the scenario, and the folder that it is in.
#[derive(Clone, Copy)]
pub struct Origin<'a> {
    pub name: &'a str,
    pub text: &'a str,
    pub directory: Option<&'a Path>,
    /// The place behind all texts that places refer to so far.
    pub end: usize,
}

/// A script's text, and where its first byte is among all places.
struct Source {
    name: String,
    text: String,
    base: usize,
}

/// Whether the table of `scheduler` names a script.
pub fn is_meant(entries: &Entries) -> bool {
    entries.iter().any(|(key, _)| KEYS.contains(&key.value.as_str()))
}

/// Reads the table of a policy that is a script. What the script's text is, if it doesn't stand in the scenario as it
/// is, comes as a part of its own, so that a mistake in it can be shown.
pub fn read(
    entries: &Entries,
    span: Range<usize>,
    origin: Origin<'_>,
    costs: &Costs,
    problems: &mut Problems,
) -> (Scheduler, Option<Part>) {
    let mut parameters = BTreeMap::new();
    let known = ["policy"].iter().chain(&KEYS);
    let own = entries.iter().filter(|(key, _)| !known.clone().any(|known| **known == key.value));
    for (key, at) in own {
        if let Some(value) = parameter(key, at, costs, problems) {
            parameters.insert(key.value.clone(), value);
        }
    }
    let mut scheduler = Scheduler { policy: "script".to_owned(), parameters };
    let Some(source) = source(entries, span, origin, problems) else { return (scheduler, None) };
    match compile(&source, origin, &scheduler.parameters) {
        Ok(script) => drop(scheduler.parameters.insert("script".to_owned(), Parameter::Script(script))),
        Err(mistake) => {
            let place = mistake.at.map_or(0, |at| offset(&source.text, at));
            let end = if mistake.at.is_some() { place + 1 } else { place };
            let span = source.base + place..source.base + end;
            problems.error(Code::Script, span, mistake.message);
        }
    }
    let part = (source.base >= origin.end).then_some(Part {
        name: source.name,
        text: source.text,
        base: source.base,
    });
    (scheduler, part)
}

fn compile(
    source: &Source,
    origin: Origin<'_>,
    parameters: &BTreeMap<String, Parameter>,
) -> Result<Script, Mistake> {
    let mut script = Script::compile(&source.name, &source.text)?;
    if let Some(before) = origin.text.get(..source.base).filter(|_| source.base < origin.end) {
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        script = script.begins_behind(before.matches('\n').count(), before[start..].chars().count());
    }
    script.try_init(parameters)?;
    Ok(script)
}

/// The place of a line's character in a text; both count from 1.
fn offset(text: &str, (line, column): (usize, usize)) -> usize {
    let start: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let rest = &text[start.min(text.len())..];
    let within = rest.char_indices().nth(column - 1).map_or(rest.len(), |(at, _)| at);
    (start + within).min(text.len())
}

fn source(
    entries: &Entries,
    span: Range<usize>,
    origin: Origin<'_>,
    problems: &mut Problems,
) -> Option<Source> {
    let mut named = entries.iter().filter(|(key, _)| KEYS.contains(&key.value.as_str()));
    let Some((key, at)) = named.next() else {
        let problem = Problem::error(Code::MissingKey, span, "the policy `script` needs a script");
        problems.push(problem.help("name its file, `script = \"my.rhai\"`, or write it down as `code`"));
        return None;
    };
    if let Some((second, _)) = named.next() {
        let message = "a policy has one script: `script` names its file, `code` is the text itself";
        problems.error(Code::Script, second.span.clone(), message);
        return None;
    }
    let Raw::Text(value) = &at.value else {
        return wrong(key, "a text", &at.value, at, problems);
    };
    if key.value == "code" {
        let place = origin.text.get(at.span.clone()).and_then(|raw| as_it_is(raw, value));
        return Some(match place {
            Some(place) => {
                Source { name: origin.name.to_owned(), text: value.clone(), base: at.span.start + place }
            }
            None => Source { name: "scheduler.code".to_owned(), text: value.clone(), base: origin.end },
        });
    }
    let path = origin.directory.unwrap_or(Path::new("")).join(value);
    match load(&path) {
        Ok(text) => Some(Source { name: path.display().to_string(), text, base: origin.end }),
        Err(message) => {
            problems.error(Code::Script, at.span.clone(), message);
            None
        }
    }
}

/// Where a text begins in what stands in the file, quotes included; none if it is written otherwise there.
fn as_it_is(raw: &str, text: &str) -> Option<usize> {
    ["\"\"\"", "'''", "\"", "'"].iter().find_map(|quotes| {
        let inside = raw.strip_prefix(quotes)?.strip_suffix(quotes)?;
        let newline = if quotes.len() < 3 { "" } else { inside };
        let skipped = ["\r\n", "\n"].iter().find(|end| newline.starts_with(**end)).map_or(0, |end| end.len());
        (&inside[skipped..] == text).then_some(quotes.len() + skipped)
    })
}

/// A script's file. It is read only if it is an ordinary file of a bearable size.
fn load(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let unreadable = |error: std::io::Error| format!("can't read the script {shown}: {error}");
    let meta = metadata(path).map_err(unreadable)?;
    if meta.is_dir() {
        return Err(format!("{shown} is a directory, not a script"));
    }
    if !meta.is_file() {
        return Err(format!("{shown} isn't an ordinary file"));
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(MOST + 1).read_to_end(&mut bytes)).map_err(unreadable)?;
    if bytes.len() as u64 > MOST {
        return Err(format!("{shown} is too large for a script: at most {}KiB", MOST >> 10));
    }
    String::from_utf8(bytes).map_err(|error| {
        let line = 1 + error.as_bytes()[..error.utf8_error().valid_up_to()]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count();
        format!("{shown} isn't text: line {line} isn't valid UTF-8")
    })
}

/// A parameter of the script's own: a number, a truth, a time, another text, or a list of numbers or times.
fn parameter(key: &At<String>, at: &At<Raw>, costs: &Costs, problems: &mut Problems) -> Option<Parameter> {
    let is_time = |at: &At<Raw>| fixed_time(&at.value, costs.instruction).is_ok();
    match &at.value {
        Raw::Integer(number) => number_of(*number, key, at, problems).map(Parameter::Number),
        Raw::Truth(truth) => Some(Parameter::Truth(*truth)),
        Raw::Text(_) if is_time(at) => duration(key, at, costs, problems).map(Parameter::Time),
        Raw::Text(word) => Some(Parameter::Word(word.clone())),
        Raw::List(list) if list.iter().all(is_time) => {
            let times =
                list.iter().map(|at| duration(key, at, costs, problems)).collect::<Option<Vec<Span>>>()?;
            listed(times, key, at, problems).map(Parameter::Times)
        }
        Raw::List(list) => {
            let number = |at: &At<Raw>| match at.value {
                Raw::Integer(number) => number_of(number, key, at, problems),
                ref other => wrong(key, "a list of whole numbers or of times", other, at, problems),
            };
            let numbers = list.iter().map(number).collect::<Option<Vec<i64>>>()?;
            listed(numbers, key, at, problems).map(Parameter::Numbers)
        }
        other @ (Raw::Float(_) | Raw::Table(_)) => {
            wrong(key, "a whole number, a truth, a time, a text or a list", other, at, problems)
        }
    }
}

/// A number of 64 bits.
fn number_of(number: i128, key: &At<String>, at: &At<Raw>, problems: &mut Problems) -> Option<i64> {
    let fitting = i64::try_from(number).ok();
    if fitting.is_none() {
        let message = format!("`{}` must be from {} to {}", key.value, i64::MIN, i64::MAX);
        problems.error(Code::OutOfRange, at.span.clone(), message);
    }
    fitting
}
