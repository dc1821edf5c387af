//! What the real-time policies have in common: of the ready threads the one runs whose measure is the
//! smallest, be it a deadline or a period.
//!
//! The measure is a property of the thread's job or of the thread, so it doesn't change while the thread
//! waits. Threads that have none run after all others, first come, first served.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::ids::Tid;
use crate::time::{Instant, Span};
use crate::trace::{Reason, Rule};

use super::policy::{Policy, Ready, Thread};
use super::{Given, Parameters};

/// What a policy goes by: the rule that it tells as its reason, and a thread's number under it, if it
/// has one. The smallest is the most urgent.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    pub rule: Rule,
    pub of: fn(&Parameters) -> Option<u64>,
}

/// Who is first of several that are equally urgent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ties {
    /// Whose job came first. It keeps its place when it is pre-empted. Those that came at the same
    /// instant are in order.
    Arrival,
    /// Who came into the queue first. Who is pre-empted comes last, also of those that come at the same
    /// instant.
    Tail,
    /// Who has the highest static priority; among equals who was started first.
    Order,
}

/// The parameters of the policies that go by a measure.
pub const PARAMETERS: &[(&str, &str, &str)] = &[
    (
        "ties",
        "arrival|tail|order",
        "who is first of several that wait and are equally urgent: whose job came first; who came into the queue first, a pre-empted one last; or, as among those that came at the same instant, who has the higher `priority`, then who was started first; arrival",
    ),
    (
        "running",
        "keeps|competes",
        "whether the running thread keeps the CPU when an equally urgent one becomes ready, unless both did so at the same instant, or `ties` decides between them in any case; keeps",
    ),
];

/// A thread's place in the queue: how urgent, then by the tie rule, then by priority, then by number.
type Place = (u64, u64, Reverse<i32>, Tid);

#[derive(Clone, Debug)]
pub struct Urgency {
    measure: Measure,
    ties: Ties,
    competes: bool,
    queue: BTreeSet<Place>,
    /// By [`Tid`]: its place, if it waits.
    places: Vec<Option<Place>>,
    /// By [`Tid`]: when it came, in half nanoseconds, of which the second is for those that were pre-empted.
    arrivals: Vec<u64>,
    picked: Option<u64>,
}

impl Urgency {
    pub fn new(measure: Measure, given: &Given<'_>) -> Urgency {
        let ties = match given.word("ties") {
            Some("tail") => Ties::Tail,
            Some("order") => Ties::Order,
            _ => Ties::Arrival,
        };
        Urgency {
            measure,
            ties,
            competes: given.word("running") == Some("competes"),
            queue: BTreeSet::new(),
            places: Vec::new(),
            arrivals: Vec::new(),
            picked: None,
        }
    }

    fn place(&self, thread: Thread<'_>) -> Place {
        let tie = match self.ties {
            Ties::Arrival | Ties::Tail => self.arrivals.get(thread.id.index()).copied().unwrap_or(0),
            Ties::Order => 0,
        };
        let measure = (self.measure.of)(thread.parameters).unwrap_or(u64::MAX);
        (measure, tie, Reverse(thread.parameters.priority), thread.id)
    }
}

impl Policy for Urgency {
    fn enqueue(&mut self, thread: Thread<'_>, why: Ready, now: Instant) {
        let index = thread.id.index();
        if self.places.len() <= index {
            self.places.resize(index + 1, None);
            self.arrivals.resize(index + 1, 0);
        }
        let arrival = now.as_nanos().saturating_mul(2);
        match why {
            Ready::New | Ready::Woken | Ready::Yielded | Ready::Migrated => self.arrivals[index] = arrival,
            Ready::SliceEnd | Ready::Preempted if self.ties == Ties::Tail => {
                self.arrivals[index] = arrival.saturating_add(1);
            }
            Ready::SliceEnd | Ready::Preempted => {}
        }
        let place = self.place(thread);
        self.places[index] = Some(place);
        self.queue.insert(place);
    }

    fn pick(&mut self, _: Instant) -> Option<Tid> {
        let (measure, _, _, id) = self.queue.pop_first()?;
        self.places[id.index()] = None;
        self.picked = (measure < u64::MAX).then_some(measure);
        Some(id)
    }

    fn remove(&mut self, thread: Tid) -> bool {
        let place = self.places.get_mut(thread.index()).and_then(Option::take);
        self.picked = place.map(|(measure, ..)| measure).filter(|&measure| measure < u64::MAX);
        place.is_some_and(|place| self.queue.remove(&place))
    }

    fn waiting(&self) -> usize {
        self.queue.len()
    }

    fn slice(&self, _: Thread<'_>, _: Instant) -> Option<Span> {
        None
    }

    fn reason(&self) -> Option<Reason> {
        self.picked.map(|number| Reason { rule: self.measure.rule, number })
    }

    fn gives_reasons(&self) -> bool {
        true
    }

    fn gives_way(&self, running: Thread<'_>, _: Instant) -> bool {
        self.queue.first().is_some_and(|&first| first.0 < self.place(running).0)
    }

    fn preempts(&mut self, woken: Thread<'_>, running: Thread<'_>, _: Instant) -> bool {
        let arrival = |id: Tid| self.arrivals.get(id.index());
        // Who has come at this very instant has no advantage yet.
        let competes = self.competes || arrival(woken.id) == arrival(running.id);
        let (woken, running) = (self.place(woken), self.place(running));
        if competes { woken < running } else { woken.0 < running.0 }
    }

    fn queue(&self) -> Vec<Tid> {
        self.queue.iter().map(|&(_, _, _, id)| id).collect()
    }
}
