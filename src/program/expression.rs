//! Expressions of a scenario's steps: integers, variables, arithmetic, comparisons, `and`, `or`.
//!
//! A parser by precedence climbing. It gives a tree with places in the text; the lowering turns
//! names into variables' slots. `not x` is `x == 0`, and `-x` is `0 - x`.

use std::ops::Range;

use super::value::Operator;

/// An expression as it was written. Places are bytes of the expression's own text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expr {
    Number(i64),
    Name(String, Range<usize>),
    Binary(Operator, Box<Expr>, Box<Expr>),
}

/// Why a text isn't an expression, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpressionError {
    pub message: String,
    pub at: Range<usize>,
}

/// Operators from the loosest to the tightest; those of one level go from left to right.
const LEVELS: &[&[(&str, Operator)]] = &[
    &[("or", Operator::Or), ("||", Operator::Or)],
    &[("and", Operator::And), ("&&", Operator::And)],
    &[
        ("==", Operator::Equal),
        ("!=", Operator::NotEqual),
        ("<=", Operator::LessOrEqual),
        (">=", Operator::GreaterOrEqual),
        ("<", Operator::Less),
        (">", Operator::Greater),
    ],
    &[("+", Operator::Add), ("-", Operator::Subtract)],
    &[("*", Operator::Multiply), ("/", Operator::Divide), ("%", Operator::Remainder)],
];

/// How deep parentheses and signs may nest; also bounds the evaluation's recursion.
const DEPTH: usize = 64;

/// How many operators one expression may have; long chains recurse as well.
const OPERATORS: usize = 200;

pub fn parse(text: &str) -> Result<Expr, ExpressionError> {
    let mut parser = Parser { text, position: 0, operators: 0 };
    let expr = parser.level(0, 0)?;
    parser.skip_space();
    match parser.rest().chars().next() {
        None => Ok(expr),
        Some('=') => Err(parser.wrong("a comparison is written `==`")),
        Some(_) => Err(parser.wrong("expected an operator")),
    }
}

struct Parser<'t> {
    text: &'t str,
    position: usize,
    operators: usize,
}

impl<'t> Parser<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.position..]
    }

    fn skip_space(&mut self) {
        self.position = self.text.len() - self.rest().trim_start().len();
    }

    fn wrong(&self, message: impl Into<String>) -> ExpressionError {
        let width = self.rest().chars().next().map_or(0, char::len_utf8);
        ExpressionError { message: message.into(), at: self.position..self.position + width }
    }

    fn operator(&mut self, level: &[(&str, Operator)]) -> Option<Operator> {
        self.skip_space();
        let rest = self.rest();
        let (token, operator) = level.iter().find(|(token, _)| {
            let word = token.starts_with(|c: char| c.is_ascii_alphabetic());
            rest.strip_prefix(token).is_some_and(|after| !(word && after.starts_with(is_name)))
        })?;
        self.position += token.len();
        Some(*operator)
    }

    fn level(&mut self, level: usize, depth: usize) -> Result<Expr, ExpressionError> {
        let Some(operators) = LEVELS.get(level) else {
            return self.primary(depth);
        };
        let mut left = self.level(level + 1, depth)?;
        while let Some(operator) = self.operator(operators) {
            let right = self.level(level + 1, depth)?;
            left = self.binary(operator, left, right)?;
        }
        Ok(left)
    }

    fn binary(&mut self, operator: Operator, left: Expr, right: Expr) -> Result<Expr, ExpressionError> {
        self.operators += 1;
        if self.operators > OPERATORS {
            return Err(self.wrong("this expression has too many operators"));
        }
        Ok(Expr::Binary(operator, Box::new(left), Box::new(right)))
    }

    fn primary(&mut self, depth: usize) -> Result<Expr, ExpressionError> {
        self.skip_space();
        if depth > DEPTH {
            return Err(self.wrong("this expression is nested too deeply"));
        }
        let rest = self.rest();
        let Some(first) = rest.chars().next() else {
            return Err(self.wrong("expected a number or a variable"));
        };
        match first {
            '(' => {
                self.position += 1;
                let inner = self.level(0, depth + 1)?;
                self.skip_space();
                if !self.rest().starts_with(')') {
                    return Err(self.wrong("expected a closing parenthesis"));
                }
                self.position += 1;
                Ok(inner)
            }
            '-' => {
                self.position += 1;
                self.skip_space();
                if self.rest().starts_with(|c: char| c.is_ascii_digit()) {
                    return self.number(true);
                }
                let inner = self.primary(depth + 1)?;
                self.binary(Operator::Subtract, Expr::Number(0), inner)
            }
            '0'..='9' => self.number(false),
            c if is_name(c) => {
                let start = self.position;
                let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
                let name = &rest[..end];
                self.position += end;
                if name == "not" {
                    let inner = self.primary(depth + 1)?;
                    return self.binary(Operator::Equal, inner, Expr::Number(0));
                }
                if matches!(name, "and" | "or") {
                    self.position = start;
                    return Err(self.wrong("expected a number or a variable"));
                }
                let mut name = name.to_owned();
                // An element of a shared array: its index belongs to the name.
                if name.contains('.') && self.rest().starts_with('[') {
                    let Some(length) = closing(self.rest()) else {
                        return Err(self.wrong("expected a closing bracket"));
                    };
                    name.push_str(&self.rest()[..length]);
                    self.position += length;
                }
                Ok(Expr::Name(name, start..self.position))
            }
            _ => Err(self.wrong("expected a number or a variable")),
        }
    }

    fn number(&mut self, negative: bool) -> Result<Expr, ExpressionError> {
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '_')).unwrap_or(rest.len());
        let start = self.position;
        let mut digits: String = rest[..end].chars().filter(|c| *c != '_').collect();
        if negative {
            digits.insert(0, '-');
        }
        self.position += end;
        if self.rest().starts_with(|c: char| is_name(c)) {
            return Err(self.wrong("a number can't go over into a name; units aren't used here"));
        }
        let value = digits.parse().map_err(|_| ExpressionError {
            message: "this number doesn't fit into 64 bits".to_owned(),
            at: start..self.position,
        })?;
        Ok(Expr::Number(value))
    }
}

/// The length of what stands in brackets at the beginning of a text.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '[' => depth += 1,
            ']' if depth == 1 => return Some(at + 1),
            ']' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// A character of a name. The dot is taken in so that a shared cell's name can be recognised and
/// explained.
fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '.'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(expr: &Expr) -> String {
        match expr {
            Expr::Number(value) => value.to_string(),
            Expr::Name(name, _) => name.clone(),
            Expr::Binary(operator, left, right) => {
                format!("({} {operator:?} {})", shown(left), shown(right))
            }
        }
    }

    #[test]
    fn tighter_operators_bind_first_and_equal_ones_from_the_left() {
        let text = |text| shown(&parse(text).expect("an expression"));
        assert_eq!(text("1 + 2 * i"), "(1 Add (2 Multiply i))");
        assert_eq!(text("a - b - c"), "((a Subtract b) Subtract c)");
        assert_eq!(text("a < b and not c"), "((a Less b) And (c Equal 0))");
        assert_eq!(text("-(x)"), "(0 Subtract x)");
        assert_eq!(text("1_000 % -7"), "(1000 Remainder -7)");
        assert_eq!(text("orange or android"), "(orange Or android)");
        assert_eq!(text("-9223372036854775808"), i64::MIN.to_string());
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        let wrong = |text: &str| parse(text).expect_err("a mistake");
        assert_eq!(wrong("x = 1").message, "a comparison is written `==`");
        assert_eq!(wrong("x = 1").at, 2..3);
        assert_eq!(wrong("(1 + 2").message, "expected a closing parenthesis");
        assert_eq!(wrong("").message, "expected a number or a variable");
        assert_eq!(wrong("1 +").at, 3..3);
        assert!(wrong("9999999999999999999").message.contains("64 bits"));
        assert!(wrong(&"(".repeat(9_999)).message.contains("too deeply"));
        assert!(wrong(&format!("1{}", "+1".repeat(9_999))).message.contains("too many"));
    }
}
