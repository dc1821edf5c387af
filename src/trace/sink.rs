//! Where a running simulation puts its events.
//!
//! The simulator is generic over its sink, so that with [`Off`] no code for events remains in the
//! core loop at all.

use std::collections::HashMap;

use crate::ids::{NameId, Pid, Tid};

use super::event::Event;

/// Takes the events of a run, in their order.
pub trait Sink {
    /// False if nothing is recorded: then the simulator doesn't even build events.
    const ON: bool;

    /// Takes one event. Time never runs backwards from one call to the next.
    fn event(&mut self, event: Event);

    /// Gives a text a number, the same for the same text.
    fn name(&mut self, text: &str) -> NameId;

    /// Announces a thread before the first event that names it. `name` is built only if wanted.
    fn task(&mut self, task: Tid, process: Pid, parent: Tid, name: &dyn Fn() -> String);
}

/// Records nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Off;

impl Sink for Off {
    const ON: bool = false;

    #[inline]
    fn event(&mut self, _: Event) {}

    fn name(&mut self, _: &str) -> NameId {
        NameId(0)
    }

    fn task(&mut self, _: Tid, _: Pid, _: Tid, _: &dyn Fn() -> String) {}
}

/// Keeps everything in memory: for tests, the stepper and short runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    pub events: Vec<Event>,
    pub names: Vec<String>,
    pub tasks: Vec<(Tid, Pid, Tid, String)>,
    numbers: HashMap<String, NameId>,
}

impl Memory {
    pub fn new() -> Memory {
        Memory::default()
    }
}

impl Sink for Memory {
    const ON: bool = true;

    fn event(&mut self, event: Event) {
        self.events.push(event);
    }

    fn name(&mut self, text: &str) -> NameId {
        if let Some(&known) = self.numbers.get(text) {
            return known;
        }
        let number = NameId::from(self.names.len());
        self.names.push(text.to_owned());
        self.numbers.insert(text.to_owned(), number);
        number
    }

    fn task(&mut self, task: Tid, process: Pid, parent: Tid, name: &dyn Fn() -> String) {
        self.tasks.push((task, process, parent, name()));
    }
}
