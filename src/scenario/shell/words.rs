//! A shell line's tokens: words with their quotes, and operators. Model: POSIX, Shell Command
//! Language, 2.2 and 2.3.
//!
//! What the shell of real systems knows beyond this (globs, arithmetic, here-documents, functions,
//! command substitution) is refused by name, not taken for a plain character.

use std::ops::Range;

/// A part of a word, after its quotes have been taken away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    Literal(String),
    /// `$?`: the status of the last command.
    Status,
    /// `$name`: a variable of the program that runs the line.
    Variable(String),
}

/// A word: parts that stand together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    pub parts: Vec<Part>,
    /// Where it stands in the line.
    pub at: Range<usize>,
}

impl Word {
    /// The word's text, if nothing in it must be filled in.
    pub fn literal(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }
}

/// Where a redirection goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `|`
    Pipe,
    /// `&&`
    And,
    /// `||`
    Or,
    /// `;`
    Then,
    /// The end of a line
    Line,
    /// `&`
    Background,
    /// `<`
    From,
    /// `>`
    To,
    /// `>>`
    Append,
    /// `>&`
    Same,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    Word(Word),
    /// An operator; for a redirection the descriptor that stands right before it.
    Operator(Operator, Option<u16>, Range<usize>),
}

/// Why a line can't be read, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    pub message: String,
    pub at: Range<usize>,
}

impl Mistake {
    pub fn new(message: impl Into<String>, at: Range<usize>) -> Mistake {
        Mistake { message: message.into(), at }
    }
}

/// Operators, the longer ones first.
const OPERATORS: &[(&str, Operator)] = &[
    ("&&", Operator::And),
    ("||", Operator::Or),
    (">>", Operator::Append),
    (">&", Operator::Same),
    ("|", Operator::Pipe),
    ("&", Operator::Background),
    (";", Operator::Then),
    ("\n", Operator::Line),
    ("<", Operator::From),
    (">", Operator::To),
];

/// What isn't known here, and what it is called.
const UNKNOWN: &[(&str, &str)] = &[
    ("$((", "arithmetic"),
    ("$(", "command substitution"),
    ("`", "command substitution"),
    ("<<", "a here-document"),
    ("<&", "a duplicated input"),
    ("(", "a subshell"),
    (")", "a subshell"),
    ("*", "a pattern"),
    ("?", "a pattern"),
    ("[", "a pattern"),
    ("{", "a group"),
    ("}", "a group"),
    ("!", "a negated pipeline"),
];

/// Cuts a line into words and operators.
pub fn tokens(line: &str) -> Result<Vec<Token>, Mistake> {
    let mut reader = Reader { line, position: 0 };
    let mut tokens = Vec::new();
    loop {
        reader.skip_space();
        if reader.rest().is_empty() {
            return Ok(tokens);
        }
        tokens.push(reader.token()?);
    }
}

struct Reader<'l> {
    line: &'l str,
    position: usize,
}

impl<'l> Reader<'l> {
    fn rest(&self) -> &'l str {
        &self.line[self.position..]
    }

    fn skip_space(&mut self) {
        let blank = |c: char| c == ' ' || c == '\t' || c == '\r';
        self.position = self.line.len() - self.rest().trim_start_matches(blank).len();
        if self.rest().starts_with('#') {
            let end = self.rest().find('\n').unwrap_or(self.rest().len());
            self.position += end;
        }
    }

    fn token(&mut self) -> Result<Token, Mistake> {
        let start = self.position;
        if let Some(token) = self.operator(None, start)? {
            return Ok(token);
        }
        let digits = self.rest().len() - self.rest().trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let after = &self.rest()[digits..];
        if digits > 0 && (after.starts_with('<') || after.starts_with('>')) {
            let number = self.rest()[..digits].parse::<u16>().ok().filter(|number| *number <= 2);
            let Some(number) = number else {
                let message = "only the descriptors 0, 1 and 2 can be redirected";
                return Err(Mistake::new(message, start..start + digits));
            };
            self.position += digits;
            if let Some(token) = self.operator(Some(number), start)? {
                return Ok(token);
            }
        }
        self.word().map(Token::Word)
    }

    fn operator(&mut self, number: Option<u16>, start: usize) -> Result<Option<Token>, Mistake> {
        if let Some((sign, name)) = UNKNOWN.iter().find(|(sign, _)| self.rest().starts_with(sign)) {
            let at = self.position..self.position + sign.len();
            return Err(Mistake::new(
                format!("{name} isn't known here; quote `{sign}` to mean the character"),
                at,
            ));
        }
        let Some((sign, operator)) = OPERATORS.iter().find(|(sign, _)| self.rest().starts_with(sign)) else {
            return Ok(None);
        };
        self.position += sign.len();
        Ok(Some(Token::Operator(*operator, number, start..self.position)))
    }

    fn word(&mut self) -> Result<Word, Mistake> {
        let start = self.position;
        let mut parts = Vec::new();
        while let Some(next) = self.rest().chars().next() {
            match next {
                ' ' | '\t' | '\r' | '\n' | '|' | '&' | ';' | '<' | '>' => break,
                '\'' => self.single_quoted(&mut parts)?,
                '"' => self.double_quoted(&mut parts)?,
                '$' => self.variable(&mut parts)?,
                '\\' => {
                    self.position += 1;
                    let Some(escaped) = self.rest().chars().next() else {
                        return Err(Mistake::new(
                            "nothing follows the backslash",
                            self.position - 1..self.position,
                        ));
                    };
                    self.position += escaped.len_utf8();
                    literal(&mut parts, &escaped.to_string());
                }
                _ => {
                    if let Some((sign, name)) = UNKNOWN.iter().find(|(sign, _)| self.rest().starts_with(sign))
                    {
                        let at = self.position..self.position + sign.len();
                        let message =
                            format!("{name} isn't known here; quote `{sign}` to mean the character");
                        return Err(Mistake::new(message, at));
                    }
                    self.position += next.len_utf8();
                    literal(&mut parts, &next.to_string());
                }
            }
        }
        Ok(Word { parts, at: start..self.position })
    }

    fn single_quoted(&mut self, parts: &mut Vec<Part>) -> Result<(), Mistake> {
        let start = self.position;
        self.position += 1;
        let Some(end) = self.rest().find('\'') else {
            return Err(Mistake::new("this quote has no partner", start..start + 1));
        };
        literal(parts, &self.rest()[..end]);
        self.position += end + 1;
        Ok(())
    }

    /// Within double quotes `$` fills in, and a backslash takes the meaning of `$`, `"` and itself.
    fn double_quoted(&mut self, parts: &mut Vec<Part>) -> Result<(), Mistake> {
        let start = self.position;
        self.position += 1;
        literal(parts, "");
        while let Some(next) = self.rest().chars().next() {
            match next {
                '"' => {
                    self.position += 1;
                    return Ok(());
                }
                '$' => self.variable(parts)?,
                '\\' if self.rest()[1..].starts_with(['$', '"', '\\', '`']) => {
                    literal(parts, &self.rest()[1..2]);
                    self.position += 2;
                }
                _ => {
                    literal(parts, &next.to_string());
                    self.position += next.len_utf8();
                }
            }
        }
        Err(Mistake::new("this quote has no partner", start..start + 1))
    }

    fn variable(&mut self, parts: &mut Vec<Part>) -> Result<(), Mistake> {
        let start = self.position;
        if let Some((sign, name)) = UNKNOWN.iter().find(|(sign, _)| self.rest().starts_with(sign)) {
            return Err(Mistake::new(format!("{name} isn't known here"), start..start + sign.len()));
        }
        self.position += 1;
        if self.rest().starts_with('?') {
            self.position += 1;
            parts.push(Part::Status);
            return Ok(());
        }
        let braces = self.rest().starts_with('{');
        self.position += usize::from(braces);
        let name = self.rest();
        let end = name.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(name.len());
        let name = &name[..end];
        if !crate::program::lower::is_variable(name) {
            return Err(Mistake::new("`$` needs the name of a variable, or `?`", start..start + 1));
        }
        self.position += end;
        if braces {
            if !self.rest().starts_with('}') {
                return Err(Mistake::new("expected a closing brace", self.position..self.position + 1));
            }
            self.position += 1;
        }
        parts.push(Part::Variable(name.to_owned()));
        Ok(())
    }
}

/// Adds text to a word; neighbouring texts become one.
fn literal(parts: &mut Vec<Part>, text: &str) {
    match parts.last_mut() {
        Some(Part::Literal(before)) => before.push_str(text),
        _ => parts.push(Part::Literal(text.to_owned())),
    }
}
