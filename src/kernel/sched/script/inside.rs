//! A script that is being asked: with what it keeps, on the thread where it runs.

use std::collections::BTreeMap;
use std::fmt;

use rhai::{CallFnOptions, Dynamic, Engine, Map, Scope};

use crate::ids::Tid;
use crate::kernel::options::Parameter;
use crate::random::Stream;
use crate::time::Span;

use super::Script;
use super::sandbox::{self, Mistake};
use super::view::{View, nanos};

/// What one of the script's functions has given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Nothing,
    Number(i64),
    Truth(bool),
    Thread(Tid),
    /// A value of some other type.
    Other(String),
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Answer::Nothing => f.write_str("`()`"),
            Answer::Number(number) => write!(f, "`{number}`"),
            Answer::Truth(truth) => write!(f, "`{truth}`"),
            Answer::Thread(thread) => write!(f, "thread {thread}"),
            Answer::Other(kind) => write!(f, "a value of the type `{kind}`"),
        }
    }
}

/// The script with what it keeps, as it is on the worker.
pub struct Inside {
    script: Script,
    engine: Engine,
    this: Dynamic,
}

impl Inside {
    pub fn new(script: Script, parameters: &BTreeMap<String, Parameter>, draws: Stream) -> Inside {
        Inside { script, engine: sandbox::engine(draws), this: table(parameters) }
    }

    /// Calls one of the script's functions, with as many of the arguments as it takes.
    pub fn ask(&mut self, function: &str, mut arguments: Vec<Dynamic>) -> Result<Answer, Mistake> {
        let Some(takes) = self.script.takes(function) else { return Ok(Answer::Nothing) };
        arguments.truncate(takes);
        let options = CallFnOptions::new().eval_ast(false).bind_this_ptr(&mut self.this);
        let (scope, ast) = (&mut Scope::new(), &self.script.ast);
        let given: Result<Dynamic, _> =
            self.engine.call_fn_with_options(options, scope, ast, function, arguments);
        // What may be nested too deep for other stacks stays here.
        if let Err(text) = sandbox::may_keep(&self.this) {
            self.this = Dynamic::UNIT;
            drop(given?);
            return Err(Mistake::new(text));
        }
        let given = given?;
        Ok(match (given.as_int(), given.as_bool()) {
            (Ok(number), _) => Answer::Number(number),
            (_, Ok(truth)) => Answer::Truth(truth),
            _ if given.is_unit() => Answer::Nothing,
            _ => match given.read_lock::<View>() {
                Some(view) => Answer::Thread(view.id()),
                None => Answer::Other(self.engine.map_type_name(given.type_name()).to_owned()),
            },
        })
    }
}

/// The parameters as a table; a name's `-` is a `_` there.
fn table(parameters: &BTreeMap<String, Parameter>) -> Dynamic {
    let times = |times: &[Span]| times.iter().map(|time| nanos(time.as_nanos()).into()).collect();
    let value = |parameter: &Parameter| -> Option<Dynamic> {
        Some(match parameter {
            Parameter::Time(time) => nanos(time.as_nanos()).into(),
            Parameter::Number(number) => (*number).into(),
            Parameter::Truth(truth) => (*truth).into(),
            Parameter::Word(word) => word.as_str().into(),
            Parameter::Times(list) => Dynamic::from_array(times(list)),
            Parameter::Numbers(list) => {
                Dynamic::from_array(list.iter().map(|number| (*number).into()).collect())
            }
            Parameter::Script(_) => return None,
        })
    };
    let entries = parameters.iter();
    let table: Map = entries
        .filter_map(|(key, parameter)| Some((key.replace('-', "_").into(), value(parameter)?)))
        .collect();
    table.into()
}
