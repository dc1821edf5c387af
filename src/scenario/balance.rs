//! `balance` in `[kernel]`: how threads move from CPU to CPU.

use crate::kernel::balance::Balancing;
use crate::kernel::options::Balance;
use crate::program::at::{Anything, At, Raw};
use crate::program::problem::{Code, Problem, Problems};
use crate::time::Span;

use super::table::raw_time;

/// The words that say how.
pub(super) const KINDS: [(&str, Balance); 4] = [
    ("none", Balance::None),
    ("steal", Balance::Steal),
    ("periodic", Balance::Periodic),
    ("both", Balance::Both),
];
const KEYS: [&str; 4] = ["kind", "every", "imbalance", "migration-cost"];
/// The greatest imbalance: one queue must be a hundred times as long as another.
const MOST_IMBALANCE: i128 = 10_000;

/// How threads move: a word, or a table with `kind` and what belongs to it.
pub(super) fn read(
    given: Option<&At<Anything>>,
    instruction: Span,
    problems: &mut Problems,
) -> (Balance, Balancing) {
    let (mut kind, mut balancing) = (Balance::default(), Balancing::default());
    let Some(at) = given else { return (kind, balancing) };
    let entries = match &at.value.0 {
        Raw::Text(word) => return (word_of(word, at.span.clone(), problems), balancing),
        Raw::Table(entries) => entries,
        other => {
            let message = format!("`balance` is a word or a table, not {}", other.kind());
            problems.error(Code::WrongType, at.span.clone(), message);
            return (kind, balancing);
        }
    };
    match entries.iter().find(|(key, _)| key.value == "kind").map(|(_, at)| (&at.value, at.span.clone())) {
        Some((Raw::Text(word), span)) => kind = word_of(word, span, problems),
        Some((other, span)) => {
            let message = format!("`kind` is a word, not {}", other.kind());
            problems.error(Code::WrongType, span, message);
        }
        None => problems.error(Code::MissingKey, at.span.clone(), "`balance` needs the key `kind`"),
    }
    for (key, at) in entries.iter().filter(|(key, _)| key.value != "kind") {
        let name = key.value.as_str();
        let fits = match name {
            "every" | "imbalance" => kind.evens(),
            _ => kind != Balance::None,
        };
        if KEYS.contains(&name) && !fits {
            let message = format!("`{name}` means nothing to this kind of balancing");
            problems.error(Code::UnknownKey, key.span.clone(), message);
            continue;
        }
        match name {
            "every" => match raw_time(&at.value, &at.span, instruction, problems) {
                Some(every) if every.is_zero() => {
                    problems.error(Code::OutOfRange, at.span.clone(), "`every` is more than 0");
                }
                Some(every) => balancing.every = every,
                None => {}
            },
            "migration-cost" => {
                if let Some(cost) = raw_time(&at.value, &at.span, instruction, problems) {
                    balancing.migration_cost = cost;
                }
            }
            "imbalance" => match at.value {
                Raw::Integer(number) if (0..=MOST_IMBALANCE).contains(&number) => {
                    balancing.imbalance = number as u32;
                }
                Raw::Integer(_) => {
                    let message = format!("`imbalance` must be from 0 to {MOST_IMBALANCE} percent");
                    problems.error(Code::OutOfRange, at.span.clone(), message);
                }
                ref other => {
                    let message = format!("`imbalance` is a whole number of percent, not {}", other.kind());
                    problems.error(Code::WrongType, at.span.clone(), message);
                }
            },
            other => {
                let message = format!("`balance` has no key `{other}`");
                let problem = Problem::error(Code::UnknownKey, key.span.clone(), message);
                problems.push(problem.suggest(other, KEYS));
            }
        }
    }
    (kind, balancing)
}

fn word_of(word: &str, span: std::ops::Range<usize>, problems: &mut Problems) -> Balance {
    if let Some((_, kind)) = KINDS.iter().find(|(known, _)| *known == word) {
        return *kind;
    }
    let message = format!("there is no way to balance named `{word}`");
    let problem = Problem::error(Code::UnknownChoice, span, message);
    problems.push(problem.suggest(word, KINDS.map(|(known, _)| known)));
    Balance::default()
}
