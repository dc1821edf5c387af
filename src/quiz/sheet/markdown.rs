//! Question and answer sheets as Markdown.

use std::fmt::Write;

use crate::quiz::grade::hint;
use crate::quiz::listing;
use crate::quiz::question::{Answer, Question, letter};

use super::{Draw, Part, pieces};

/// The question sheet of all scenarios, then the answer sheet.
pub fn worksheet(parts: &[Part<'_>], draw: &mut Draw<'_>) -> String {
    let mut text = "# Questions\n".to_owned();
    for part in parts {
        text.push_str(&questions(part, draw));
    }
    text.push_str("\n# Answers\n");
    for part in parts {
        text.push_str(&answers(part, draw));
    }
    text
}

fn questions(part: &Part<'_>, draw: &mut Draw<'_>) -> String {
    let image = &part.run.scenario.image;
    let listing = listing::listing(&part.run.scenario.source);
    let fence = "`".repeat(longest_run(&listing).max(2) + 1);
    let mut text = format!("\n## {}\n\n{}\n", escaped(&image.name), escaped(&image.question));
    // Writing to a string can't fail, so the results carry no news.
    let _ = writeln!(
        text,
        "\nThe machine: {}.\n\n{fence}toml\n{listing}{fence}",
        escaped(&listing::machine(image))
    );
    for (number, question) in part.paper.questions.iter().enumerate() {
        let _ = write!(text, "\n**{}.** {}\n", number + 1, inline(&question.text));
        text.push_str(&state(question));
        let picture = Part::pictured(question).and_then(|moment| draw(&part.before(moment)));
        if let Some(picture) = picture {
            let _ = writeln!(text, "\n{picture}");
        }
        text.push('\n');
        match &question.answer {
            Answer::Choice { choices, .. } => {
                for (number, choice) in choices.iter().enumerate() {
                    let _ = writeln!(text, "- {}) {}", letter(number), inline(choice));
                }
            }
            Answer::Number(_) | Answer::Bytes(_) | Answer::Time(_) => {
                let _ = writeln!(text, "Answer ({}):", hint(&question.answer));
            }
        }
    }
    text
}

fn state(question: &Question) -> String {
    if question.state.is_empty() {
        return String::new();
    }
    let mut text = "\n| who | state | |\n|---|---|---|\n".to_owned();
    for line in &question.state {
        let cells = [&line.who, &line.state, &line.detail].map(|cell| inline(cell).replace('|', "\\|"));
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text
}

fn answers(part: &Part<'_>, draw: &mut Draw<'_>) -> String {
    let mut text = format!("\n## {}\n", escaped(&part.run.scenario.image.name));
    if let Some(picture) = part.whole().and_then(|picture| draw(&picture)) {
        let _ = writeln!(text, "\n{picture}");
    }
    for (number, question) in part.paper.questions.iter().enumerate() {
        let right = inline(&question.answer.right());
        let _ = write!(text, "\n**{}.** {right}\n\n{}\n", number + 1, inline(&question.reason));
        let picture =
            Part::pictured(question).and_then(|moment| part.after(moment)).and_then(|picture| draw(&picture));
        if let Some(picture) = picture {
            let _ = writeln!(text, "\n{picture}");
        }
        let commands = part.command.look(part.run, question).join("\n");
        let _ = writeln!(text, "\n```console\n$ {}\n```", commands.replace('\n', "\n$ "));
    }
    text
}

/// A text with its names as code.
fn inline(text: &str) -> String {
    pieces(text).map(|(piece, is_name)| if is_name { code(piece) } else { escaped(piece) }).collect()
}

/// A code span, with more backticks around it than it has in it.
fn code(name: &str) -> String {
    let marks = "`".repeat(longest_run(name) + 1);
    let pad = if name.starts_with('`') || name.ends_with('`') || name.trim().is_empty() { " " } else { "" };
    format!("{marks}{pad}{name}{pad}{marks}")
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// What would be markup is written with a backslash.
fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if "\\`*_[]<>#&".contains(character) {
            shown.push('\\');
        }
        shown.push(if character.is_control() { ' ' } else { character });
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_taken_for_markup() {
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(escaped("<b>*x*</b>"), "\\<b\\>\\*x\\*\\</b\\>");
    }
}
