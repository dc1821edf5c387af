//! Reading amounts: fixed, computed by an expression, or random.

use std::ops::Range;

use crate::time::Span;
use crate::units::{Kind, UnitError, parse_size, parse_time};

use super::at::{At, CountAmount, Raw, SizeAmount, TimeAmount, Value};
use super::expression::{self, Expr};
use super::lower::Lower;
use super::names::Source;
use super::problem::{Code, Problem, Problems};
use super::value::{Amount, Distribution, Operand, Operator, Site};

/// An error about an amount's unit.
pub fn unit_problem(error: UnitError, span: Range<usize>) -> Problem {
    let code = match error {
        UnitError::Negative { .. } | UnitError::Overflow { .. } => Code::OutOfRange,
        UnitError::MissingUnit { .. }
        | UnitError::UnknownUnit { .. }
        | UnitError::Fraction { .. }
        | UnitError::Malformed { .. } => Code::Unit,
    };
    Problem::error(code, span, error.to_string())
}

fn bare_number(number: i128, kind: Kind) -> UnitError {
    match number {
        ..0 => UnitError::Negative { kind },
        0.. => UnitError::MissingUnit { kind },
    }
}

/// A fixed time; "500 instructions" counts in instructions.
pub fn fixed_time(raw: &Raw, instruction: Span) -> Result<Span, UnitError> {
    let kind = Kind::Time;
    match raw {
        Raw::Text(text) => {
            let trimmed = text.trim();
            let count = trimmed.strip_suffix("instructions").or_else(|| trimmed.strip_suffix("instruction"));
            let Some(count) = count else {
                return parse_time(text);
            };
            let digits: String = count.trim().chars().filter(|c| *c != '_').collect();
            if digits.starts_with('-') {
                return Err(UnitError::Negative { kind });
            }
            if digits.is_empty() || !digits.bytes().all(|c| c.is_ascii_digit()) {
                return Err(UnitError::Malformed { kind });
            }
            let count = digits.parse::<u64>().ok();
            let nanos = count.and_then(|count| count.checked_mul(instruction.as_nanos()));
            nanos.map(Span::from_nanos).ok_or(UnitError::Overflow { kind })
        }
        Raw::Integer(number) => Err(bare_number(*number, kind)),
        Raw::Float(number) if *number < 0.0 => Err(UnitError::Negative { kind }),
        Raw::Float(_) => Err(UnitError::MissingUnit { kind }),
        Raw::Truth(_) | Raw::Table(_) | Raw::List(_) => Err(UnitError::Malformed { kind }),
    }
}

/// A fixed number of bytes.
pub fn fixed_size(raw: &Raw) -> Result<u64, UnitError> {
    let kind = Kind::Size;
    match raw {
        Raw::Text(text) => parse_size(text),
        Raw::Integer(number) => Err(bare_number(*number, kind)),
        Raw::Float(number) if *number < 0.0 => Err(UnitError::Negative { kind }),
        Raw::Float(_) => Err(UnitError::MissingUnit { kind }),
        Raw::Truth(_) | Raw::Table(_) | Raw::List(_) => Err(UnitError::Malformed { kind }),
    }
}

/// In which unit an amount counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    Time { instruction: Span },
    Size,
    Count,
}

impl Measure {
    fn fixed(self, at: &At<Raw>) -> Result<u64, Problem> {
        let problem = |error| unit_problem(error, at.span.clone());
        match self {
            Measure::Time { instruction } => {
                fixed_time(&at.value, instruction).map(Span::as_nanos).map_err(problem)
            }
            Measure::Size => fixed_size(&at.value).map_err(problem),
            Measure::Count => match at.value {
                Raw::Integer(number) => u64::try_from(number).map_err(|_| {
                    let what = if number < 0 { "negative" } else { "so large" };
                    let message = format!("a count can't be {what}");
                    Problem::error(Code::OutOfRange, at.span.clone(), message)
                }),
                ref other => {
                    let message = format!("expected a whole number, not {}", other.kind());
                    Err(Problem::error(Code::WrongType, at.span.clone(), message))
                }
            },
        }
    }

    const fn kind(self) -> Option<Kind> {
        match self {
            Measure::Time { .. } => Some(Kind::Time),
            Measure::Size => Some(Kind::Size),
            Measure::Count => None,
        }
    }
}

/// The parameters of each distribution.
const DISTRIBUTIONS: &[(&str, &[&str])] = &[
    ("uniform", &["low", "high"]),
    ("exponential", &["mean"]),
    ("normal", &["mean", "deviation"]),
    ("pareto", &["scale", "shape"]),
];

/// A table such as `{ dist = "exponential", mean = "10us" }`.
pub fn distribution(
    entries: &[(At<String>, At<Raw>)],
    span: &Range<usize>,
    measure: Measure,
    problems: &mut Problems,
) -> Option<Distribution> {
    let get = |name: &str| entries.iter().find(|(key, _)| key.value == name);
    let names = || DISTRIBUTIONS.iter().map(|(name, _)| *name);
    let (name, at) = match get("dist") {
        Some((_, At { value: Raw::Text(name), span })) => (name.as_str(), span),
        Some((_, other)) => {
            let message = "the name of a distribution is a text";
            problems.error(Code::WrongType, other.span.clone(), message);
            return None;
        }
        None => {
            let message = "a random amount needs the key `dist`";
            let problem = Problem::error(Code::MissingKey, span.clone(), message);
            problems.push(problem.help("for example { dist = \"exponential\", mean = \"10us\" }"));
            return None;
        }
    };
    let Some((_, parameters)) = DISTRIBUTIONS.iter().find(|(known, _)| *known == name) else {
        let message = format!("there is no distribution `{name}`");
        let problem = Problem::error(Code::UnknownChoice, at.clone(), message);
        problems.push(problem.suggest(name, names()));
        return None;
    };
    let mut complete = true;
    for (key, _) in entries {
        if key.value != "dist" && !parameters.contains(&key.value.as_str()) {
            let message = format!("the distribution `{name}` has no key `{}`", key.value);
            let problem = Problem::error(Code::UnknownKey, key.span.clone(), message);
            problems.push(problem.suggest(&key.value, parameters.iter().copied()));
            complete = false;
        }
    }
    let mut amount = |key: &str| match get(key) {
        Some((_, at)) => measure.fixed(at).map_err(|problem| problems.push(problem)).ok(),
        None => {
            let message = format!("the distribution `{name}` needs the key `{key}`");
            problems.error(Code::MissingKey, span.clone(), message);
            None
        }
    };
    let result = match name {
        "uniform" => {
            let (low, high) = (amount("low"), amount("high"));
            let (low, high) = (low?, high?);
            if low > high {
                let message = "`low` is above `high`";
                problems.error(Code::OutOfRange, span.clone(), message);
                return None;
            }
            Distribution::Uniform { low, high }
        }
        "exponential" => Distribution::Exponential { mean: amount("mean")? as f64 },
        "normal" => {
            let (mean, deviation) = (amount("mean"), amount("deviation"));
            Distribution::Normal { mean: mean? as f64, deviation: deviation? as f64 }
        }
        _ => {
            let scale = amount("scale");
            let shape = match get("shape").map(|(_, at)| (&at.value, &at.span)) {
                Some((Raw::Float(shape), _)) if *shape > 0.0 && shape.is_finite() => Some(*shape),
                Some((Raw::Integer(shape), _)) if *shape > 0 => Some(*shape as f64),
                other => {
                    let at = other.map_or(span, |(_, at)| at);
                    let message = "`shape` is a number above zero, for example 1.5";
                    problems.error(Code::OutOfRange, at.clone(), message);
                    None
                }
            };
            if scale == Some(0) {
                let message = "`scale` is the least amount; it must be above zero";
                problems.error(Code::OutOfRange, span.clone(), message);
                return None;
            }
            Distribution::Pareto { scale: scale? as f64, shape: shape? }
        }
    };
    complete.then_some(result)
}

/// Where a text's own characters are in the scenario, if they stand there as they are.
fn offset(source: Source<'_>, span: &Range<usize>, text: &str) -> Option<usize> {
    let inner = source.slice(span).get(1..)?;
    inner.starts_with(text).then_some(span.start + 1)
}

impl Lower<'_> {
    fn report(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// A value: a whole number or an expression.
    pub fn operand(&mut self, at: &At<Value>) -> Operand {
        match &at.value.0 {
            Raw::Integer(number) => match i64::try_from(*number) {
                Ok(number) => Operand::Const(number),
                Err(_) => {
                    let message = "this number doesn't fit into 64 bits";
                    self.report(Problem::error(Code::OutOfRange, at.span.clone(), message));
                    Operand::Const(0)
                }
            },
            Raw::Text(text) => self.expression(text, &at.span),
            Raw::Truth(truth) => Operand::Const(i64::from(*truth)),
            other => {
                let message = format!("expected a whole number or an expression, not {}", other.kind());
                self.report(Problem::error(Code::WrongType, at.span.clone(), message));
                Operand::Const(0)
            }
        }
    }

    /// An expression that stands as a text of its own.
    pub fn expression(&mut self, text: &str, span: &Range<usize>) -> Operand {
        let offset = offset(self.source, span, text);
        self.expression_at(text, span, offset)
    }

    /// An expression whose characters begin at `offset`, if they can be located.
    pub fn expression_at(&mut self, text: &str, span: &Range<usize>, offset: Option<usize>) -> Operand {
        let place = |at: Range<usize>| match offset {
            Some(offset) => at.start + offset..at.end + offset,
            None => span.clone(),
        };
        match expression::parse(text) {
            Ok(expr) => self.expr(&expr, &place),
            Err(error) => {
                self.report(Problem::error(Code::Expression, place(error.at), error.message));
                Operand::Const(0)
            }
        }
    }

    fn expr(&mut self, expr: &Expr, place: &dyn Fn(Range<usize>) -> Range<usize>) -> Operand {
        match expr {
            Expr::Number(number) => Operand::Const(*number),
            Expr::Name(name, at) if name.contains('.') && self.loads_cells() => {
                self.hidden_load(&At::new(place(at.clone()), name.clone()))
            }
            Expr::Name(name, at) if name.contains('.') => {
                let message = format!("`{name}` isn't a variable of the process");
                let problem = Problem::error(Code::UnknownVariable, place(at.clone()), message);
                self.report(problem.help(format!(
                    "a shared cell is read by an instruction of its own: `{{ load = \"x\", from = \"{name}\" }}`"
                )));
                Operand::Const(0)
            }
            Expr::Name(name, at) => Operand::Variable(self.read_variable(name, &place(at.clone()))),
            Expr::Binary(operator, left, right) => {
                let left = self.expr(left, place);
                let right = self.expr(right, place);
                self.tables.expressions.add(*operator, left, right)
            }
        }
    }

    /// A condition, in which shared cells may stand: each is loaded by an instruction of its own
    /// right before.
    pub fn condition(&mut self, at: &At<Value>) -> Operand {
        self.loading_cells(|cx| cx.operand(at))
    }

    pub fn time(&mut self, at: &At<TimeAmount>) -> Amount {
        let instruction = self.names.instruction;
        self.amount(&at.value.0, &at.span, Measure::Time { instruction })
    }

    pub fn size(&mut self, at: &At<SizeAmount>) -> Amount {
        self.amount(&at.value.0, &at.span, Measure::Size)
    }

    pub fn count(&mut self, at: &At<CountAmount>) -> Amount {
        match &at.value.0 {
            Raw::Text(text) => match self.expression(text, &at.span) {
                Operand::Const(number) => Amount::Const(u64::try_from(number).unwrap_or(0)),
                operand => Amount::Operand(operand),
            },
            raw => self.amount(raw, &at.span, Measure::Count),
        }
    }

    fn amount(&mut self, raw: &Raw, span: &Range<usize>, measure: Measure) -> Amount {
        let computed = match raw {
            Raw::Table(entries) if entries.iter().any(|(key, _)| key.value == "value") => {
                self.computed(entries, span, measure)
            }
            Raw::Table(entries) => {
                let distribution = distribution(entries, span, measure, self.problems);
                distribution.map(|distribution| {
                    let stream = self.stream(span);
                    Amount::Random(Site { stream, distribution })
                })
            }
            fixed => match measure.fixed(&At::new(span.clone(), fixed.clone())) {
                Ok(amount) => Some(Amount::Const(amount)),
                Err(problem) => {
                    self.report(problem);
                    None
                }
            },
        };
        computed.unwrap_or(Amount::Const(1))
    }

    /// `{ value = "n * 10", unit = "us" }`.
    fn computed(
        &mut self,
        entries: &[(At<String>, At<Raw>)],
        span: &Range<usize>,
        measure: Measure,
    ) -> Option<Amount> {
        let kind = measure.kind()?;
        let mut value = None;
        let mut unit = None;
        for (key, at) in entries {
            match key.value.as_str() {
                "value" => value = Some(At::new(at.span.clone(), Value(at.value.clone()))),
                "unit" => unit = Some(at),
                other => {
                    let message = format!("a computed amount has no key `{other}`");
                    let problem = Problem::error(Code::UnknownKey, key.span.clone(), message);
                    self.report(problem.help("its keys are `value` and `unit`"));
                }
            }
        }
        let value = self.operand(&value?);
        let Some(unit) = unit else {
            self.report(unit_problem(UnitError::MissingUnit { kind }, span.clone()));
            return None;
        };
        let size = match &unit.value {
            Raw::Text(name) => match (kind, name.as_str(), measure) {
                (Kind::Time, "instructions", Measure::Time { instruction }) => Ok(instruction.as_nanos()),
                _ => kind.unit(name),
            },
            _ => Err(UnitError::UnknownUnit { kind }),
        };
        match size {
            Ok(1) => Some(Amount::Operand(value)),
            Ok(size) => {
                let size = Operand::Const(size as i64);
                let product = self.tables.expressions.add(Operator::Multiply, value, size);
                Some(Amount::Operand(product))
            }
            Err(error) => {
                self.report(unit_problem(error, unit.span.clone()));
                None
            }
        }
    }
}
