//! What can be wrong with a scenario: a code, a message, the place in the text, and what to do.

use std::ops::Range;

macro_rules! codes {
    ($($name:ident = $number:literal,)*) => {
        /// The kind of an error or warning. Numbers stay the same for good; the scenario's table of
        /// errors documents each.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum Code { $($name = $number,)* }

        impl Code {
            /// Every code, in the order of their numbers.
            pub const ALL: &[Code] = &[$(Code::$name),*];
        }
    };
}

codes! {
    Unreadable = 1,
    NotUtf8 = 2,
    TooLarge = 3,
    Syntax = 4,
    TooDeep = 5,
    Format = 6,
    UnknownKey = 7,
    UnknownVerb = 8,
    NoVerb = 9,
    TwoVerbs = 10,
    WrongType = 11,
    MissingKey = 12,
    Unit = 13,
    OutOfRange = 14,
    UnknownName = 15,
    UnknownChoice = 16,
    DuplicateName = 17,
    BadName = 18,
    Expression = 19,
    UnknownVariable = 20,
    UnknownObject = 21,
    UnknownProgram = 22,
    WrongObject = 23,
    UnrelatedProcess = 24,
    NoSteps = 25,
    StepsAndProgram = 26,
    EndlessLoop = 27,
    ForkBomb = 28,
    Device = 30,
    Vector = 31,
    NoProgress = 32,
    Costs = 33,
    Override = 34,
    NoProcess = 35,
    Placeholder = 36,
    Sweep = 37,
    Event = 38,
    Unused = 39,
    Shell = 50,
    Script = 51,
}

impl Code {
    pub const fn number(self) -> u16 {
        self as u16
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "E{:04}", self.number())
    }
}

/// Whether the scenario can still run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Error,
    Warning,
}

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub severity: Severity,
    pub code: Code,
    pub message: String,
    /// Bytes of the scenario's text.
    pub span: Range<usize>,
    /// A few words beside the caret.
    pub label: String,
    /// What to do.
    pub help: Vec<String>,
}

impl Problem {
    pub fn error(code: Code, span: Range<usize>, message: impl Into<String>) -> Problem {
        Problem {
            severity: Severity::Error,
            code,
            message: message.into(),
            span,
            label: String::new(),
            help: Vec::new(),
        }
    }

    pub fn warning(code: Code, span: Range<usize>, message: impl Into<String>) -> Problem {
        Problem { severity: Severity::Warning, ..Problem::error(code, span, message) }
    }

    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Problem {
        self.label = label.into();
        self
    }

    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Problem {
        self.help.push(help.into());
        self
    }

    /// Adds "did you mean", if one of the names is similar.
    #[must_use]
    pub fn suggest<'n>(self, wrong: &str, names: impl IntoIterator<Item = &'n str>) -> Problem {
        let names: Vec<&str> = names.into_iter().collect();
        match closest(wrong, names.iter().copied()) {
            Some(name) => self.help(format!("did you mean `{name}`?")),
            None if names.is_empty() || names.len() > 40 => self,
            None => {
                let list = names.join("`, `");
                self.help(format!("there is `{list}`"))
            }
        }
    }
}

/// The name that was probably meant.
pub fn closest<'n>(wrong: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let scored = names.map(|name| (strsim::jaro_winkler(wrong, name), name));
    // 0.8 is where suggestions begin to look like what was typed.
    let similar = scored.filter(|(score, _)| *score > 0.8);
    similar.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
}

/// All problems found so far.
#[derive(Clone, Debug, Default)]
pub struct Problems {
    pub list: Vec<Problem>,
}

impl Problems {
    pub fn push(&mut self, problem: Problem) {
        self.list.push(problem);
    }

    /// Reports an error and goes on.
    pub fn error(&mut self, code: Code, span: Range<usize>, message: impl Into<String>) {
        self.push(Problem::error(code, span, message));
    }

    pub fn has_errors(&self) -> bool {
        let mut list = self.list.iter();
        list.any(|problem| problem.severity == Severity::Error)
    }
}
