//! What is kept of a run that is stepped through: the last events, the console's lines, and names.

use std::collections::{BTreeMap, HashMap, VecDeque};

use crate::ids::{NameId, Pid, Tid};
use crate::trace::{Event, Header, Kind, Sink};

/// So many of the last events, and of the console's last lines, are kept.
const KEPT: usize = 200;

/// The end of a trace, with the names that occur in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recent {
    /// The last events, oldest first, and how many there have been in all.
    pub events: VecDeque<Event>,
    pub count: u64,
    /// The events of the last step.
    pub fresh: Vec<Event>,
    /// What the programs have written on the terminal: who, and what.
    pub console: VecDeque<(Tid, NameId)>,
    texts: Vec<String>,
    numbers: HashMap<String, NameId>,
    tasks: BTreeMap<Tid, String>,
}

impl Recent {
    pub fn new(header: &Header) -> Recent {
        let mut tasks = BTreeMap::from([(Tid::IDLE, "idle".to_owned()), (Tid::INIT, "init".to_owned())]);
        tasks.extend(header.initial.iter().map(|entry| (entry.task, entry.name.clone())));
        Recent { tasks, ..Recent::default() }
    }

    /// A thread's name.
    pub fn task(&self, task: Tid) -> &str {
        self.tasks.get(&task).map_or("?", String::as_str)
    }

    /// A text of the name table.
    pub fn text(&self, name: NameId) -> &str {
        self.texts.get(name.index()).map_or("?", String::as_str)
    }
}

fn keep<T>(queue: &mut VecDeque<T>, last: T) {
    if queue.len() == KEPT {
        queue.pop_front();
    }
    queue.push_back(last);
}

impl Sink for Recent {
    const ON: bool = true;

    fn event(&mut self, event: Event) {
        self.count += 1;
        if let Kind::Print { text } = event.kind {
            keep(&mut self.console, (event.task, text));
        }
        keep(&mut self.events, event);
        self.fresh.push(event);
    }

    fn name(&mut self, text: &str) -> NameId {
        if let Some(&known) = self.numbers.get(text) {
            return known;
        }
        let number = NameId::from(self.texts.len());
        self.texts.push(text.to_owned());
        self.numbers.insert(text.to_owned(), number);
        number
    }

    fn task(&mut self, task: Tid, _: Pid, _: Tid, name: &dyn Fn() -> String) {
        self.tasks.insert(task, name());
    }
}
