//! The language that a script is written in: Rhai, without whatever reaches out of it or has no end.
//!
//! A script sees its arguments, `this` and the functions here. There is no file, clock, module, closure, `eval`
//! or fraction; what it prints goes nowhere. Numbers are whole, of 64 bits, and an overflow is an error, so
//! that a script does the same on every machine. Each call of one of its functions has so many operations, and what it
//! keeps so much room, that it can neither run for ever nor fill the memory.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use rhai::packages::{
    ArithmeticPackage, BasicArrayPackage, BasicFnPackage, BasicIteratorPackage, BasicMapPackage,
    BasicMathPackage, BasicStringPackage, BitFieldPackage, LogicPackage, MoreStringPackage, Package,
};
use rhai::{Array, Dynamic, Engine, EvalAltResult, FnPtr, NativeCallContext, Position};

use crate::random::Stream;

use super::view::{self, View};

/// How many operations a call of one of the script's functions may take. Roughly an operator, a variable or a
/// step of a loop is one.
pub const OPERATIONS: u64 = 200_000;
/// How deep functions may call each other.
pub const CALLS: usize = 16;
/// How many elements an array or a table may have, with all that is inside of it.
pub const ELEMENTS: usize = 5_000;
/// How many bytes a text may have.
pub const TEXT: usize = 4_096;
/// How many variables a function may have.
const VARIABLES: usize = 32;
/// How deep an expression may be nested, at the top and in a function.
const DEPTH: (usize, usize) = (48, 48);
/// How deep what a script keeps may be nested.
const NESTED: usize = 32;

/// How long a message can be; a script may throw whatever it has.
const LONGEST: usize = 300;

/// Words of the language that there is no use for here: they reach out, or make functions out of values.
const WITHOUT: &[&str] = &["eval", "import", "export", "Fn", "call", "curry", "print", "debug", "sync"];

/// The functions that come with the language, made once.
static PACKAGES: LazyLock<Packages> = LazyLock::new(Packages::new);

struct Packages {
    arithmetic: ArithmeticPackage,
    logic: LogicPackage,
    bits: BitFieldPackage,
    maths: BasicMathPackage,
    functions: BasicFnPackage,
    iterators: BasicIteratorPackage,
    arrays: BasicArrayPackage,
    tables: BasicMapPackage,
    texts: BasicStringPackage,
    more_texts: MoreStringPackage,
}

impl Packages {
    fn new() -> Packages {
        Packages {
            arithmetic: ArithmeticPackage::new(),
            logic: LogicPackage::new(),
            bits: BitFieldPackage::new(),
            maths: BasicMathPackage::new(),
            functions: BasicFnPackage::new(),
            iterators: BasicIteratorPackage::new(),
            arrays: BasicArrayPackage::new(),
            tables: BasicMapPackage::new(),
            texts: BasicStringPackage::new(),
            more_texts: MoreStringPackage::new(),
        }
    }

    fn register(&self, engine: &mut Engine) {
        self.arithmetic.register_into_engine(engine);
        self.logic.register_into_engine(engine);
        self.bits.register_into_engine(engine);
        self.maths.register_into_engine(engine);
        self.functions.register_into_engine(engine);
        self.iterators.register_into_engine(engine);
        self.arrays.register_into_engine(engine);
        self.tables.register_into_engine(engine);
        self.texts.register_into_engine(engine);
        self.more_texts.register_into_engine(engine);
    }
}

/// What is wrong with a script, and where in it: line and column, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    pub message: String,
    pub at: Option<(usize, usize)>,
}

impl Mistake {
    pub fn new(message: impl Into<String>) -> Mistake {
        Mistake { message: message.into(), at: None }
    }

    pub(super) fn at(message: String, position: Position) -> Mistake {
        let at = position.line().map(|line| (line, position.position().unwrap_or(1)));
        Mistake { message, at }
    }
}

/// The innermost cause: where in the script it went wrong, and what the language says about it.
impl From<Box<EvalAltResult>> for Mistake {
    fn from(error: Box<EvalAltResult>) -> Mistake {
        let mut error = *error;
        let mut position = error.position();
        while let EvalAltResult::ErrorInFunctionCall(_, _, inner, _) = error {
            error = *inner;
            position = if error.position().is_none() { position } else { error.position() };
        }
        error.set_position(Position::NONE);
        let message = match error {
            EvalAltResult::ErrorTooManyOperations(_) => {
                format!("this takes more than {OPERATIONS} operations: is it an endless loop?")
            }
            EvalAltResult::ErrorStackOverflow(_) => {
                format!("more than {CALLS} functions call each other: is it an endless recursion?")
            }
            EvalAltResult::ErrorRuntime(thrown, _) => format!("the script throws: {thrown}"),
            error => error.to_string(),
        };
        Mistake::at(message.chars().take(LONGEST).collect(), position)
    }
}

/// The language, with random numbers from a stream.
pub fn engine(draws: Stream) -> Engine {
    let mut engine = Engine::new_raw();
    PACKAGES.register(&mut engine);
    engine
        .set_max_operations(OPERATIONS)
        .set_max_call_levels(CALLS)
        .set_max_variables(VARIABLES)
        .set_max_expr_depths(DEPTH.0, DEPTH.1)
        .set_max_string_size(TEXT)
        .set_max_array_size(ELEMENTS)
        .set_max_map_size(ELEMENTS)
        .set_strict_variables(true)
        .set_fail_on_invalid_map_property(true)
        .on_print(|_| {})
        .on_debug(|_, _, _| {});
    for word in WITHOUT {
        engine.disable_symbol(*word);
    }
    view::register(&mut engine);
    units(&mut engine);
    choices(&mut engine);
    random(&mut engine, draws);
    engine
}

/// `5.ms()` or `ms(5)`: times are whole nanoseconds.
fn units(engine: &mut Engine) {
    for (name, nanos) in [("us", 1_000_i64), ("ms", 1_000_000), ("s", 1_000_000_000)] {
        engine.register_fn(name, move |number: i64| -> Result<i64, Box<EvalAltResult>> {
            number.checked_mul(nanos).ok_or_else(|| "this time is too long".into())
        });
    }
}

/// `ready.least(|t| t.ran)`: the first element with the smallest number; and `most`.
fn choices(engine: &mut Engine) {
    engine.register_fn("least", |context: NativeCallContext<'_>, list: Array, key: FnPtr| {
        choose(&context, list, &key, |number| number)
    });
    engine.register_fn("most", |context: NativeCallContext<'_>, list: Array, key: FnPtr| {
        choose(&context, list, &key, |number| !number)
    });
}

fn choose(
    context: &NativeCallContext<'_>,
    list: Array,
    key: &FnPtr,
    rank: fn(i64) -> i64,
) -> Result<Dynamic, Box<EvalAltResult>> {
    let mut best: Option<(i64, Dynamic)> = None;
    for element in list {
        let number: i64 = key.call_within_context(context, (element.clone(),))?;
        if best.as_ref().is_none_or(|(least, _)| rank(number) < *least) {
            best = Some((rank(number), element));
        }
    }
    Ok(best.map_or(Dynamic::UNIT, |(_, element)| element))
}

/// `random(6)`: a number from 0 to 5, from the run's seed.
fn random(engine: &mut Engine, draws: Stream) {
    let draws = Arc::new(Mutex::new(draws));
    engine.register_fn("random", move |below: i64| -> Result<i64, Box<EvalAltResult>> {
        if below < 1 {
            return Err(format!("`random` takes a number of at least 1, not {below}").into());
        }
        let mut draws = draws.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(draws.uniform(0, below.unsigned_abs() - 1) as i64)
    });
}

/// Whether a script may keep this from one call to the next: it must be small, and not nested without end.
pub(super) fn may_keep(value: &Dynamic) -> Result<(), String> {
    let mut room = ELEMENTS;
    weigh(value, &mut room, 0)
}

fn weigh(value: &Dynamic, room: &mut usize, depth: usize) -> Result<(), String> {
    let bytes = value.read_lock::<rhai::ImmutableString>().map_or(0, |text| text.len());
    match room.checked_sub(1 + bytes / 16) {
        Some(rest) if depth <= NESTED => *room = rest,
        Some(_) => return Err(format!("what a script keeps is nested at most {NESTED} deep")),
        None => return Err(format!("a script keeps at most {ELEMENTS} values")),
    }
    if let Some(list) = value.read_lock::<Array>() {
        return list.iter().try_for_each(|element| weigh(element, room, depth + 1));
    }
    if let Some(table) = value.read_lock::<rhai::Map>() {
        return table.values().try_for_each(|element| weigh(element, room, depth + 1));
    }
    Ok(())
}

/// Whether a value is made of numbers, truths, texts, lists and tables alone.
pub(super) fn is_plain(value: &Dynamic) -> bool {
    if let Some(list) = value.read_lock::<Array>() {
        return list.iter().all(is_plain);
    }
    if let Some(table) = value.read_lock::<rhai::Map>() {
        return table.values().all(is_plain);
    }
    !value.is::<View>() && !value.is::<FnPtr>()
}
