//! Whether an answer that somebody typed is right.

use crate::time::Span;
use crate::units::{parse_size, parse_time};

use super::question::{Answer, NAME, letter};

/// What there is to say of a typed answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Right,
    Wrong,
    /// It isn't an answer to this question; this says what would be one.
    Unclear(String),
}

/// Times needn't be exact: one part in so many.
const CLOSE: u64 = 100;

/// Judges a line as it was typed.
pub fn grade(answer: &Answer, typed: &str) -> Verdict {
    let typed = typed.trim();
    match answer {
        Answer::Choice { choices, right } => choice(choices, *right, typed),
        Answer::Number(number) => match whole(typed) {
            Some(typed) => verdict(typed == *number),
            None => Verdict::Unclear(format!("answer with a whole number, such as {}", example(*number))),
        },
        Answer::Bytes(bytes) => match whole(typed).map_or_else(|| parse_size(typed), Ok) {
            Ok(typed) => verdict(typed == *bytes),
            Err(error) => Verdict::Unclear(error.to_string()),
        },
        Answer::Time(span) => match parse_time(typed) {
            Ok(typed) => verdict(is_close(typed, *span)),
            Err(error) => Verdict::Unclear(error.to_string()),
        },
    }
}

/// How an answer is to be given.
pub fn hint(answer: &Answer) -> String {
    match answer {
        Answer::Choice { choices, .. } => format!("a letter, a to {}", letter(choices.len() - 1)),
        Answer::Number(_) => "a number".to_owned(),
        Answer::Bytes(_) => "bytes, such as 512 or 4KiB".to_owned(),
        Answer::Time(_) => "a time with its unit, such as 12.5us".to_owned(),
    }
}

const fn verdict(right: bool) -> Verdict {
    if right { Verdict::Right } else { Verdict::Wrong }
}

/// Some number that isn't the answer.
const fn example(answer: u64) -> u64 {
    if answer == 7 { 12 } else { 7 }
}

fn whole(typed: &str) -> Option<u64> {
    let digits: String = typed.chars().filter(|c| !matches!(c, '_' | ' ')).collect();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

fn is_close(typed: Span, exact: Span) -> bool {
    typed.as_nanos().abs_diff(exact.as_nanos()) <= exact.as_nanos() / CLOSE
}

/// A letter, perhaps with a bracket, or the text of a choice.
fn choice(choices: &[String], right: usize, typed: &str) -> Verdict {
    let bare =
        |text: &str| text.chars().filter(|c| *c != NAME.0 && *c != NAME.1 && *c != '`').collect::<String>();
    let typed = bare(typed).to_lowercase();
    // A choice may itself be called `a`, so the letters come first.
    let named = typed.trim_matches(['(', ')', '.', ' ']);
    let by_letter = (0..choices.len()).find(|&choice| named == letter(choice).to_string());
    let by_text = || choices.iter().position(|choice| bare(choice).to_lowercase() == typed);
    match by_letter.or_else(by_text) {
        Some(chosen) => verdict(chosen == right),
        None => Verdict::Unclear(format!("answer with a letter, a to {}", letter(choices.len() - 1))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_named_by_its_letter_or_its_text() {
        let choices = vec!["\u{2}left\u{3}".to_owned(), "nobody".to_owned()];
        let answer = Answer::Choice { choices, right: 0 };
        for right in ["a", " A ", "a)", "(a)", "left", "`left`", "LEFT"] {
            assert_eq!(grade(&answer, right), Verdict::Right, "{right}");
        }
        assert_eq!(grade(&answer, "b"), Verdict::Wrong);
        assert_eq!(grade(&answer, "nobody"), Verdict::Wrong);
        for unclear in ["c", "", "right", "ab", "\u{fffd}"] {
            assert!(matches!(grade(&answer, unclear), Verdict::Unclear(_)), "{unclear}");
        }
    }

    #[test]
    fn a_number_is_exact_and_a_time_is_close_and_has_a_unit() {
        let number = Answer::Number(1_024);
        assert_eq!(grade(&number, "1 024"), Verdict::Right);
        assert_eq!(grade(&number, "1023"), Verdict::Wrong);
        assert!(matches!(grade(&number, "many"), Verdict::Unclear(_)));
        assert!(matches!(grade(&number, "99999999999999999999999"), Verdict::Unclear(_)));
        let bytes = Answer::Bytes(3_072);
        assert_eq!(grade(&bytes, "3KiB"), Verdict::Right);
        assert_eq!(grade(&bytes, "3072"), Verdict::Right);
        assert_eq!(grade(&bytes, "3000B"), Verdict::Wrong);
        let time = Answer::Time(Span::from_nanos(13_557_300));
        assert_eq!(grade(&time, "13.6ms"), Verdict::Right);
        assert_eq!(grade(&time, "13557.3us"), Verdict::Right);
        assert_eq!(grade(&time, "13.2ms"), Verdict::Wrong);
        let Verdict::Unclear(help) = grade(&time, "13.6") else { panic!("no unit") };
        assert!(help.contains("needs a unit"), "{help}");
    }

    #[test]
    fn the_example_never_gives_the_answer_away() {
        for number in 0..20 {
            let Verdict::Unclear(help) = grade(&Answer::Number(number), "?") else { panic!("unclear") };
            assert!(!help.ends_with(&format!(" {number}")), "{help}");
        }
    }
}
