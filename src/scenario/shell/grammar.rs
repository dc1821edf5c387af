//! A shell line's commands: pipelines, lists, redirections. Model: POSIX, Shell Command Language,
//! 2.7 and 2.9.

use super::words::{Mistake, Operator, Token, Word, tokens};

/// What a line does: lists one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    pub items: Vec<Item>,
}

/// Pipelines that depend on each other's status, perhaps in the background.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub first: Pipeline,
    pub rest: Vec<(Condition, Pipeline)>,
    pub background: bool,
}

/// Whether a pipeline runs after the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// `&&`: only after success.
    Success,
    /// `||`: only after failure.
    Failure,
}

/// Commands, each of which reads what the one before it writes. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pipeline {
    pub commands: Vec<Command>,
}

/// A program with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    pub name: Word,
    pub arguments: Vec<Word>,
    /// In the order in which they are done.
    pub redirections: Vec<Redirection>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirection {
    /// 0, 1 or 2.
    pub descriptor: u16,
    pub target: Target,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    From(Word),
    To(Word),
    Append(Word),
    /// The same as this descriptor now.
    Same(u16),
}

/// Reads a line.
pub fn parse(line: &str) -> Result<Script, Mistake> {
    let tokens = tokens(line)?;
    let mut parser = Parser { tokens: &tokens, end: line.len() };
    let mut items = Vec::new();
    loop {
        while parser.accept(Operator::Line) {}
        if parser.tokens.is_empty() {
            break;
        }
        items.push(parser.item()?);
    }
    if items.is_empty() {
        return Err(Mistake::new("there is no command here", 0..line.len()));
    }
    Ok(Script { items })
}

struct Parser<'t> {
    tokens: &'t [Token],
    end: usize,
}

impl Parser<'_> {
    fn accept(&mut self, wanted: Operator) -> bool {
        let found =
            matches!(self.tokens.first(), Some(Token::Operator(operator, _, _)) if *operator == wanted);
        if found {
            self.tokens = &self.tokens[1..];
        }
        found
    }

    fn item(&mut self) -> Result<Item, Mistake> {
        let first = self.pipeline()?;
        let mut rest = Vec::new();
        loop {
            let condition = if self.accept(Operator::And) {
                Condition::Success
            } else if self.accept(Operator::Or) {
                Condition::Failure
            } else {
                break;
            };
            while self.accept(Operator::Line) {}
            rest.push((condition, self.pipeline()?));
        }
        let background = self.accept(Operator::Background);
        let ended = background || self.accept(Operator::Then) || self.accept(Operator::Line);
        if !ended && !self.tokens.is_empty() {
            return Err(self.expected("the end of a command"));
        }
        Ok(Item { first, rest, background })
    }

    fn pipeline(&mut self) -> Result<Pipeline, Mistake> {
        let mut commands = vec![self.command()?];
        while self.accept(Operator::Pipe) {
            while self.accept(Operator::Line) {}
            commands.push(self.command()?);
        }
        Ok(Pipeline { commands })
    }

    fn command(&mut self) -> Result<Command, Mistake> {
        let mut words = Vec::new();
        let mut redirections = Vec::new();
        while let Some(token) = self.tokens.first() {
            match token {
                Token::Word(word) => {
                    words.push(word.clone());
                    self.tokens = &self.tokens[1..];
                }
                Token::Operator(operator, number, _) => {
                    let (operator, number) = (*operator, *number);
                    let usual = match operator {
                        Operator::From => 0,
                        Operator::To | Operator::Append | Operator::Same => 1,
                        Operator::Pipe
                        | Operator::And
                        | Operator::Or
                        | Operator::Then
                        | Operator::Line
                        | Operator::Background => break,
                    };
                    self.tokens = &self.tokens[1..];
                    let target = self.target(operator)?;
                    redirections.push(Redirection { descriptor: number.unwrap_or(usual), target });
                }
            }
        }
        let mut words = words.into_iter();
        let Some(name) = words.next() else {
            return Err(self.expected("a command"));
        };
        Ok(Command { name, arguments: words.collect(), redirections })
    }

    fn target(&mut self, operator: Operator) -> Result<Target, Mistake> {
        let Some(Token::Word(word)) = self.tokens.first() else {
            return Err(self.expected("a file's name"));
        };
        let word = word.clone();
        self.tokens = &self.tokens[1..];
        Ok(match operator {
            Operator::From => Target::From(word),
            Operator::Append => Target::Append(word),
            Operator::Same => {
                let number = word.literal().and_then(|text| text.parse().ok()).filter(|number| *number <= 2);
                let at = word.at.clone();
                Target::Same(number.ok_or_else(|| Mistake::new("expected 0, 1 or 2", at))?)
            }
            Operator::To
            | Operator::Pipe
            | Operator::And
            | Operator::Or
            | Operator::Then
            | Operator::Line
            | Operator::Background => Target::To(word),
        })
    }

    fn expected(&self, what: &str) -> Mistake {
        let at = match self.tokens.first() {
            Some(Token::Word(word)) => word.at.clone(),
            Some(Token::Operator(_, _, at)) => at.clone(),
            None => self.end..self.end,
        };
        Mistake::new(format!("expected {what}"), at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::shell::words::Part;
    use proptest::prelude::*;

    /// A script in full parentheses.
    fn shown(line: &str) -> String {
        let word = |word: &Word| -> String {
            let parts = word.parts.iter().map(|part| match part {
                Part::Literal(text) => text.clone(),
                Part::Status => "$?".to_owned(),
                Part::Variable(name) => format!("${name}"),
            });
            format!("<{}>", parts.collect::<String>())
        };
        let command = |command: &Command| {
            let mut text = word(&command.name);
            text.extend(command.arguments.iter().map(word));
            for redirection in &command.redirections {
                let number = redirection.descriptor;
                text.push_str(&match &redirection.target {
                    Target::From(file) => format!(" {number}<{}", word(file)),
                    Target::To(file) => format!(" {number}>{}", word(file)),
                    Target::Append(file) => format!(" {number}>>{}", word(file)),
                    Target::Same(other) => format!(" {number}>&{other}"),
                });
            }
            text
        };
        let pipeline = |line: &Pipeline| {
            format!("({})", line.commands.iter().map(command).collect::<Vec<_>>().join(" | "))
        };
        let item = |item: &Item| {
            let mut text = pipeline(&item.first);
            for (condition, next) in &item.rest {
                let sign = if *condition == Condition::Success { "&&" } else { "||" };
                text.push_str(&format!(" {sign} {}", pipeline(next)));
            }
            text + if item.background { " &" } else { ";" }
        };
        parse(line).expect("a script").items.iter().map(item).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn lines_are_read_as_the_shell_reads_them() {
        assert_eq!(
            shown("gen 1000 | upper > out.txt; wc out.txt &"),
            "(<gen><1000> | <upper> 1><out.txt>); (<wc><out.txt>) &"
        );
        assert_eq!(shown("true && false || echo no"), "(<true>) && (<false>) || (<echo><no>);");
        assert_eq!(shown("a 2>&1 >>log <in"), "(<a> 2>&1 1>><log> 0<<in>);");
        assert_eq!(shown("a2>x"), "(<a2> 1><x>);", "a digit within a word is no descriptor");
        assert_eq!(shown("a &\nwait"), "(<a>) & (<wait>);");
        assert_eq!(shown("a |\n b &&\n c # end"), "(<a> | <b>) && (<c>);");
    }

    #[test]
    fn quotes_keep_words_together_and_double_ones_fill_in() {
        assert_eq!(shown(r#"echo 'a  $x' "b $x ${y}c" d\ e ''"#), "(<echo><a  $x><b $x $yc><d e><>);");
        assert_eq!(shown(r#"echo "$?" "\"\$x\\n""#), r#"(<echo><$?><"$x\n>);"#);
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        let wrong = |line: &str| parse(line).expect_err("a mistake");
        assert_eq!(wrong("a | ; b").message, "expected a command");
        assert_eq!(wrong("a | ; b").at, 4..5);
        assert_eq!(wrong("a >").message, "expected a file's name");
        assert_eq!(wrong("echo 'x").message, "this quote has no partner");
        assert_eq!(wrong("  ").message, "there is no command here");
        assert_eq!(wrong("echo *.c").message, "a pattern isn't known here; quote `*` to mean the character");
        assert_eq!(wrong("x=$(ls)").message, "command substitution isn't known here");
        assert_eq!(wrong("a 3>x").message, "only the descriptors 0, 1 and 2 can be redirected");
        assert_eq!(wrong("a >&x").message, "expected 0, 1 or 2");
        assert_eq!(wrong("& a").message, "expected a command");
    }

    proptest! {
        #[test]
        fn any_line_is_read_or_refused(line in "\\PC{0,60}") {
            if let Err(mistake) = parse(&line) {
                prop_assert!(mistake.at.end <= line.len().max(mistake.at.start) + 1);
            }
        }

        #[test]
        fn lines_of_shell_signs_are_read_or_refused(line in "[ab \"'$?{}|&;<>2\\\\#]{0,30}") {
            let _ = parse(&line);
        }
    }
}
