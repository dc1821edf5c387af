//! Showing what is wrong with a scenario, in the style of a compiler.

use std::fmt;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::program::problem::{Problem, Severity};

use super::document::Part;

/// How many problems are shown; more than that come from one cause, and nobody reads them.
const SHOWN: usize = 50;

/// All problems of a scenario, with the texts that they refer to. The first part is the file.
#[derive(Clone, Debug)]
pub struct Diagnostics {
    pub problems: Vec<Problem>,
    pub parts: Vec<Part>,
}

impl std::error::Error for Diagnostics {}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl Diagnostics {
    /// Sorts by place; those without one come first.
    pub fn new(mut problems: Vec<Problem>, parts: Vec<Part>) -> Diagnostics {
        problems.sort_by(|a, b| {
            let key = |problem: &Problem| (problem.span.start, problem.span.end, problem.code);
            key(a).cmp(&key(b))
        });
        problems.dedup();
        Diagnostics { problems, parts }
    }

    /// How many errors there are.
    pub fn errors(&self) -> usize {
        let problems = self.problems.iter();
        problems.filter(|problem| problem.severity == Severity::Error).count()
    }

    /// The text for people: each problem with its line and a caret.
    pub fn render(&self, color: bool) -> String {
        let renderer = match color {
            true => Renderer::styled(),
            false => Renderer::plain(),
        };
        let mut text = String::new();
        for problem in self.problems.iter().take(SHOWN) {
            text.push_str(&renderer.render(&self.report(problem)));
            text.push_str("\n\n");
        }
        if let Some(more) = self.problems.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            text.push_str(&format!("... and {more} more\n"));
        }
        text
    }

    /// The line and column of a problem, from 1, in its part.
    pub fn position(&self, problem: &Problem) -> (u32, u32) {
        let Some(part) = self.part(problem) else {
            return (1, 1);
        };
        let at = floor(&part.text, problem.span.start - part.base);
        let before = &part.text[..at];
        let line = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before[start..].chars().count() + 1;
        (line as u32, column as u32)
    }

    fn part(&self, problem: &Problem) -> Option<&Part> {
        let mut parts = self.parts.iter().rev();
        parts.find(|part| part.base <= problem.span.start)
    }

    fn report<'a>(&'a self, problem: &'a Problem) -> Vec<Group<'a>> {
        let level = match problem.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let title = level.primary_title(problem.message.as_str()).id(problem.code.to_string());
        let mut group = match self.part(problem) {
            Some(part) => {
                let start = floor(&part.text, problem.span.start - part.base);
                let end = floor(&part.text, problem.span.end.saturating_sub(part.base)).max(start);
                // Only the line itself is handed over: the file may be long. A table's place is all
                // of its lines; the first one is enough to show.
                let from = part.text[..start].rfind('\n').map_or(0, |newline| newline + 1);
                let rest = &part.text[start..];
                let to = rest.find('\n').map_or(part.text.len(), |newline| start + newline);
                let end = end.min(to);
                let line = part.text[..start].matches('\n').count() + 1;
                let mut annotation = AnnotationKind::Primary.span(start - from..end - from);
                if !problem.label.is_empty() {
                    annotation = annotation.label(problem.label.as_str());
                }
                let snippet = Snippet::source(&part.text[from..to])
                    .line_start(line)
                    .path(part.name.as_str())
                    .annotation(annotation);
                Group::with_title(title).element(snippet)
            }
            None => Group::with_title(title),
        };
        for help in &problem.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        vec![group]
    }
}

/// The place itself, or the character's beginning if it lies within one.
fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
