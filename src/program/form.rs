//! Steps as they are written: each table is read into the form of its verb.

use std::collections::BTreeMap;
use std::ops::Range;

use schemars::{JsonSchema, Schema};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IntoDeserializer};
use serde_spanned::Spanned;
use toml::de::{DeTable, DeValue};

use super::at::At;
use super::instruction::OnError;
use super::lower::Lower;
use super::problem::{Code, Problem, Problems};
use super::reading::{check_keys, kind, read};
use super::verb::{Level, VERBS, VerbRow, find};

/// A verb's keys, read from a step, and what they become.
pub trait Form {
    /// Adds the step's instructions to the program.
    fn lower(&self, step: &Step, cx: &mut Lower<'_>);

    /// Whether each execution takes at least an instruction's time.
    fn takes_time(&self, _step: &Step) -> bool {
        true
    }
}

/// One step of a program, read but not yet lowered.
pub struct Step {
    pub row: &'static VerbRow,
    pub form: Box<dyn Form>,
    pub span: Range<usize>,
    /// Where the verb itself stands.
    pub verb: Range<usize>,
    /// Nested steps, by key.
    pub blocks: BTreeMap<&'static str, Vec<Step>>,
    pub result: Option<At<String>>,
    pub on_error: OnError,
}

impl Step {
    /// A step that isn't written in the scenario.
    pub fn of(row: &'static VerbRow, form: Box<dyn Form>, span: Range<usize>) -> Step {
        let (verb, blocks) = (span.clone(), BTreeMap::new());
        Step { row, form, span, verb, blocks, result: None, on_error: OnError::Exit }
    }

    /// The nested steps under a key; none if it is absent.
    pub fn block(&self, key: &str) -> &[Step] {
        self.blocks.get(key).map_or(&[], Vec::as_slice)
    }

    pub fn takes_time(&self) -> bool {
        self.form.takes_time(self)
    }
}

/// The `parse` of a verb's row.
pub fn parse<F: Form + DeserializeOwned + 'static>(
    value: Spanned<DeValue<'_>>,
) -> Result<Box<dyn Form>, toml::de::Error> {
    Ok(Box::new(F::deserialize(value.into_deserializer())?))
}

/// The `schema` of a verb's row.
pub fn schema<F: JsonSchema>() -> Schema {
    schemars::generate::SchemaSettings::draft07().into_generator().into_root_schema_for::<F>()
}

/// The keys that all system calls share.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Common {
    result: Option<At<String>>,
    on_error: Option<ErrorRule>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ErrorRule {
    Exit,
    Continue,
}

/// Reads a list of steps; what is wrong in one doesn't hide the others.
pub fn parse_steps(value: &Spanned<DeValue<'_>>, problems: &mut Problems) -> Vec<Step> {
    let DeValue::Array(items) = value.get_ref() else {
        let message = format!("steps are a list of tables, not {}", kind(value.get_ref()));
        let problem = Problem::error(Code::WrongType, value.span(), message);
        problems.push(problem.help("for example `steps = [ { compute = \"10us\" } ]`"));
        return Vec::new();
    };
    let steps = items.iter();
    steps.filter_map(|item| parse_step(item, problems)).collect()
}

fn parse_step(item: &Spanned<DeValue<'_>>, problems: &mut Problems) -> Option<Step> {
    let DeValue::Table(table) = item.get_ref() else {
        let message = format!("a step is a table, not {}", kind(item.get_ref()));
        let problem = Problem::error(Code::WrongType, item.span(), message);
        problems.push(problem.help("for example `{ compute = \"10us\" }`"));
        return None;
    };
    let (row, verb) = verb_of(table, item.span(), problems)?;
    let of = format!("`{}`", row.name);
    let mut table = table.clone();
    let mut blocks = BTreeMap::new();
    for (index, key) in row.blocks.iter().copied().enumerate() {
        if let Some(nested) = table.remove(key) {
            blocks.insert(key, parse_steps(&nested, problems));
        } else if index == 0 {
            let message = format!("{of} needs the key `{key}` with the steps inside");
            problems.error(Code::MissingKey, item.span(), message);
        }
    }
    let common = match row.level {
        Level::Syscall => common(&mut table, item.span(), &of, problems),
        Level::Control | Level::Instruction | Level::Library | Level::Shell => Common::default(),
    };
    let mut known: Vec<&str> = row.keys().iter().map(String::as_str).collect();
    known.extend(row.blocks);
    check_keys(&mut table, &known, &of, problems);
    let value = Spanned::new(item.span(), DeValue::Table(table));
    let form = read(&value, &of, row.parse, problems)?;
    Some(Step {
        row,
        form,
        span: item.span(),
        verb,
        blocks,
        result: common.result,
        on_error: match common.on_error {
            None | Some(ErrorRule::Exit) => OnError::Exit,
            Some(ErrorRule::Continue) => OnError::Continue,
        },
    })
}

fn common(table: &mut DeTable<'_>, span: Range<usize>, of: &str, problems: &mut Problems) -> Common {
    let mut taken = DeTable::new();
    for (key, _) in super::verb::COMMON_KEYS {
        if let Some((key, value)) = table.remove_entry(*key) {
            taken.insert(key, value);
        }
    }
    let value = Spanned::new(span, DeValue::Table(taken));
    let parse = |value: Spanned<DeValue<'_>>| Common::deserialize(value.into_deserializer());
    read(&value, of, parse, problems).unwrap_or_default()
}

/// The step's verb: the key that names one and to which the others belong.
fn verb_of(
    table: &DeTable<'_>,
    span: Range<usize>,
    problems: &mut Problems,
) -> Option<(&'static VerbRow, Range<usize>)> {
    let keys: Vec<(&str, Range<usize>)> =
        super::reading::in_order(table).into_iter().map(|(key, span, _)| (key, span)).collect();
    let verbs: Vec<(&'static VerbRow, Range<usize>)> =
        keys.iter().filter_map(|(key, span)| Some((find(key)?, span.clone()))).collect();
    // `signal` is a verb, and a key of `kill`: the verb is the one that knows the other.
    let mut leading = verbs.iter().filter(|(row, _)| {
        let mut others = verbs.iter().filter(|(other, _)| other.name != row.name);
        others.all(|(other, _)| row.knows(other.name))
    });
    if let Some(verb) = leading.next() {
        return Some(verb.clone());
    }
    if let [(first, _), (second, at), ..] = verbs.as_slice() {
        let message = format!("a step has one verb; this one has `{}` and `{}`", first.name, second.name);
        let problem = Problem::error(Code::TwoVerbs, at.clone(), message).label("the second verb");
        problems.push(problem.help("write two steps, one after the other"));
        return None;
    }
    let stranger = keys.iter().find(|(key, _)| !VERBS.iter().any(|row| row.knows(key)));
    let problem = match stranger {
        Some((key, at)) => {
            let message = format!("there is no verb `{key}`");
            let problem = Problem::error(Code::UnknownVerb, at.clone(), message).label("unknown verb");
            match super::problem::closest(key, VERBS.iter().map(|row| row.name)) {
                Some(name) => problem.help(format!("did you mean `{name}`?")),
                None => problem.help("docs/SCENARIO.md lists all verbs"),
            }
        }
        None => Problem::error(Code::NoVerb, span, "this step has no verb")
            .label("nothing says what to do")
            .help("one key of a step names what it does, for example `{ compute = \"10us\" }`"),
    };
    problems.push(problem);
    None
}
