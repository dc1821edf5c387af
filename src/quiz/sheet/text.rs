//! Questions and answers as text, as wide as the terminal.

use std::fmt::Write;

use crate::quiz::grade::hint;
use crate::quiz::listing;
use crate::quiz::question::{Answer, Question, StateLine, letter};

use super::{Part, pieces};

/// The scenario: what it asks, on which machine, and its programs.
pub fn scenario(part: &Part<'_>, width: usize) -> String {
    let image = &part.run.scenario.image;
    let mut text = format!("{}\n{}\n", plain(&image.name), wrapped(&image.question, width, 0));
    // Writing to a string can't fail, so the results carry no news.
    let _ = writeln!(text, "{}\n", wrapped(&listing::machine(image), width, 0));
    for line in listing::listing(&part.run.scenario.source).lines() {
        let line = crate::analysis::naming::printable(line);
        let _ = writeln!(text, "{}", format!("    {line}").trim_end());
    }
    text
}

/// A question with its number, the state at its moment, and its choices.
pub fn question(number: usize, question: &Question, width: usize) -> String {
    let head = format!("{number}. ");
    let mut text = format!("{head}{}\n", wrapped(&question.text, width, head.len()));
    text.push_str(&table(&question.state));
    if let Answer::Choice { choices, .. } = &question.answer {
        for (number, choice) in choices.iter().enumerate() {
            let _ = writeln!(text, "   {}) {}", letter(number), wrapped(choice, width, 6));
        }
    } else {
        let _ = writeln!(text, "   ({})", hint(&question.answer));
    }
    text
}

/// The answer with its reason and where to look.
pub fn answer(part: &Part<'_>, question: &Question, width: usize) -> String {
    let mut text = format!("   {}\n", wrapped(&question.answer.right(), width, 3));
    let _ = writeln!(text, "   {}", wrapped(&question.reason, width, 3));
    for (number, command) in part.command.look(part.run, question).iter().enumerate() {
        let label = if number == 0 { "Look:" } else { "     " };
        let _ = writeln!(text, "   {label} {command}");
    }
    text
}

/// All questions.
pub fn questions(part: &Part<'_>, width: usize) -> String {
    let questions = part.paper.questions.iter().enumerate();
    let questions: Vec<String> = questions.map(|(number, one)| question(number + 1, one, width)).collect();
    format!("{}\nQuestions\n\n{}", scenario(part, width), questions.join("\n"))
}

/// All answers.
pub fn answers(part: &Part<'_>, width: usize) -> String {
    let mut text = "Answers\n".to_owned();
    for (number, question) in part.paper.questions.iter().enumerate() {
        let _ = write!(text, "\n{}. {}", number + 1, answer(part, question, width).trim_start());
    }
    text
}

/// The question sheet of all scenarios, then the answer sheet.
pub fn worksheet(parts: &[Part<'_>], width: usize) -> String {
    let asked: Vec<String> = parts.iter().map(|part| questions(part, width)).collect();
    let answered = parts
        .iter()
        .map(|part| format!("{}\n{}", plain(&part.run.scenario.image.name), answers(part, width)));
    let answered: Vec<String> = answered.collect();
    format!("{}\n\u{c}\n{}", asked.join("\n\n"), answered.join("\n\n"))
}

fn table(lines: &[StateLine]) -> String {
    let widest = |of: fn(&StateLine) -> &str| lines.iter().map(|line| plain(of(line)).chars().count()).max();
    let (who, state) = (widest(|line| &line.who).unwrap_or(0), widest(|line| &line.state).unwrap_or(0));
    let mut text = String::new();
    for line in lines {
        let _ =
            writeln!(text, "     {:who$}  {:state$}  {}", plain(&line.who), line.state, plain(&line.detail));
    }
    text
}

/// With names between backticks.
pub fn plain(text: &str) -> String {
    pieces(text)
        .map(|(piece, is_name)| if is_name { format!("`{piece}`") } else { piece.to_owned() })
        .collect()
}

/// The text in lines of this width; all but the first are indented.
fn wrapped(text: &str, width: usize, indent: usize) -> String {
    let room = width.saturating_sub(indent).max(20);
    let mut lines: Vec<String> = vec![String::new()];
    for word in plain(text).split(' ') {
        let Some(line) = lines.last_mut() else { continue };
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > room {
            lines.push(word.to_owned());
            continue;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.join(&format!("\n{}", " ".repeat(indent)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_wrapped_between_words() {
        let text = "one two three four five six seven";
        assert_eq!(wrapped(text, 24, 4), "one two three four\n    five six seven");
        assert_eq!(wrapped("", 24, 4), "");
        let long = "x".repeat(50);
        assert_eq!(wrapped(&long, 24, 4), long);
    }
}
