//! Which questions are asked about a run: a few of each kind, chosen by a seed.

use crate::random::{Key, Stream};
use crate::time::Instant;

use super::kinds::KindRow;
use super::observed::Run;
use super::question::{Place, Question, shuffle};

/// After so many places in a row at which a kind has nothing to ask, it isn't tried any more in this turn.
const TRIES: usize = 40;

/// Kinds of which one gives the other's answer away.
const TELLTALES: (&str, &str) = ("deadlock", "circle");

/// The questions about one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paper {
    pub questions: Vec<Question>,
}

/// The places at which a kind may still ask, and what it draws.
struct Source {
    row: &'static KindRow,
    places: Vec<Place>,
    stream: Stream,
}

impl Paper {
    /// At most so many questions, of these kinds. Those about a moment come first, in order of time.
    pub fn new(run: &Run<'_>, kinds: &[&'static KindRow], seed: u64, number: usize) -> Paper {
        let key = Key::of_run(seed).named("quiz").named(&run.scenario.image.name);
        let mut sources: Vec<Source> = kinds
            .iter()
            .map(|&row| {
                let mut stream = key.named(row.name).stream();
                let mut places = (row.places)(run);
                shuffle(&mut places, &mut stream);
                Source { row, places, stream }
            })
            .collect();
        shuffle(&mut sources, &mut key.named("order of kinds").stream());
        let mut questions: Vec<Question> = Vec::new();
        while questions.len() < number && sources.iter().any(|source| !source.places.is_empty()) {
            for source in &mut sources {
                if questions.len() < number
                    && let Some(question) = source.ask(run, &questions)
                {
                    questions.push(question);
                }
            }
        }
        questions.sort_by_key(|question| question.moment.map_or(Instant::NEVER, |moment| moment.at));
        Paper { questions }
    }
}

impl Source {
    /// The next question that doesn't give the answer of another one away.
    fn ask(&mut self, run: &Run<'_>, asked: &[Question]) -> Option<Question> {
        let others = [(TELLTALES.0, TELLTALES.1), (TELLTALES.1, TELLTALES.0)];
        let telltale = others.into_iter().find(|(name, _)| *name == self.row.name);
        if telltale.is_some_and(|(_, other)| asked.iter().any(|question| question.kind == other)) {
            self.places.clear();
        }
        for _ in 0..TRIES {
            let place = self.places.pop()?;
            // Two questions about one event would answer each other.
            let is_taken = matches!(place, Place::Event(_)) && asked.iter().any(|other| other.place == place);
            if !is_taken && let Some(question) = (self.row.ask)(run, place, &mut self.stream) {
                return Some(question);
            }
        }
        None
    }
}
