//! Question and answer sheets: the same content as text for a terminal, as Markdown and as HTML.
//!
//! - [`text`]: for a terminal, also piece by piece for whoever asks one question after the other
//! - [`markdown`]: for a page
//! - [`html`]: one file for paper, with its pictures in it

pub mod html;
pub mod markdown;
pub mod text;

use crate::analysis::Lanes;
use crate::time::Instant;
use crate::trace::Header;

use super::look::{Command, around};
use super::observed::{Run, at};
use super::paper::Paper;
use super::question::{Moment, NAME, Question};

/// More events than this make a picture of the whole run too dense.
const DENSE: usize = 2_000;
/// With no more than this, one picture shows all of it well.
const SHORT: usize = 60;

/// The questions about one scenario.
pub struct Part<'r> {
    pub run: &'r Run<'r>,
    pub paper: &'r Paper,
    pub command: Command,
}

/// A timeline to be drawn.
pub struct Picture<'r> {
    pub lanes: Lanes,
    pub header: &'r Header,
    /// What it shows, in words.
    pub caption: String,
}

/// Draws a picture and gives what the page must contain to show it; none if it shows no pictures.
pub type Draw<'d> = dyn FnMut(&Picture<'_>) -> Option<String> + 'd;

impl Part<'_> {
    /// The run up to a question's moment: it shows nothing of what comes after.
    fn before(&self, moment: Moment) -> Picture<'_> {
        let (from, _) = around(self.run, moment);
        let lanes = self.run.lanes(moment.events, from, moment.at);
        let caption = format!("The run from {} to {}", at(from), at(moment.at));
        Picture { lanes, header: &self.run.trace.header, caption }
    }

    /// The same with what comes after; none if the picture of the whole run shows that already.
    fn after(&self, moment: Moment) -> Option<Picture<'_>> {
        if self.run.events().len() <= SHORT && self.whole().is_some() {
            return None;
        }
        let (from, to) = around(self.run, moment);
        let lanes = self.run.lanes(self.run.events().len(), from, to);
        let caption =
            format!("The run from {} to {}; the question was about {}", at(from), at(to), at(moment.at));
        Some(Picture { lanes, header: &self.run.trace.header, caption })
    }

    /// The run, or the part of it that its scenario wants to be drawn; none if that is too dense.
    fn whole(&self) -> Option<Picture<'_>> {
        let part = self.run.scenario.picture;
        let to = part.to.min(self.run.trace.end);
        let shown = self.run.events().iter().filter(|event| (part.from..=to).contains(&event.at)).count();
        if shown > DENSE || part.from >= to {
            return None;
        }
        let lanes = self.run.lanes(self.run.events().len(), part.from, to);
        let caption = match part.from == Instant::START && to == self.run.trace.end {
            true => "The whole run".to_owned(),
            false => format!("The run from {} to {}", at(part.from), at(to)),
        };
        Some(Picture { lanes, header: &self.run.trace.header, caption })
    }

    /// The moment at which a picture helps with a question.
    fn pictured(question: &Question) -> Option<Moment> {
        question.moment.filter(|moment| moment.at > Instant::START)
    }
}

/// A text with its names between marks, piece by piece: the second value says whether it is a name.
fn pieces(text: &str) -> impl Iterator<Item = (&str, bool)> {
    text.split(NAME.0).enumerate().flat_map(|(number, piece)| {
        let (name, rest) = match number {
            0 => (None, piece),
            _ => piece.split_once(NAME.1).map_or((Some(piece), ""), |(name, rest)| (Some(name), rest)),
        };
        name.map(|name| (name, true)).into_iter().chain((!rest.is_empty()).then_some((rest, false)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quiz::question::code;

    #[test]
    fn names_are_told_from_the_text_around_them() {
        let text = format!("{} wakes {}.", code("a<b"), code("c`d"));
        let found: Vec<_> = pieces(&text).collect();
        assert_eq!(found, [("a<b", true), (" wakes ", false), ("c`d", true), (".", false)]);
    }
}
