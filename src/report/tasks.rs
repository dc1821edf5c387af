//! The numbers that stand for threads in a report: small ones, in the order of their first use.

use std::collections::HashMap;

use serde_json::{Value as Json, json};

use crate::analysis::Lanes;
use crate::ids::Tid;

/// Every thread that was named so far. The idle loop is number 0.
#[derive(Clone, Debug)]
pub struct Tasks {
    all: Vec<Tid>,
    /// Looked up only, never walked: its order can't reach a report.
    places: HashMap<Tid, u64>,
}

impl Tasks {
    pub fn new() -> Tasks {
        Tasks { all: vec![Tid::IDLE], places: HashMap::from([(Tid::IDLE, 0)]) }
    }

    pub fn place(&mut self, task: Tid) -> u64 {
        let next = self.all.len() as u64;
        let place = *self.places.entry(task).or_insert(next);
        if place == next {
            self.all.push(task);
        }
        place
    }

    /// Names and lives of all of them: number, process, parent, name, beginning, end.
    pub fn json(&self, lanes: &Lanes) -> Json {
        let known: HashMap<Tid, usize> =
            lanes.threads.iter().enumerate().map(|(place, lane)| (lane.task, place)).collect();
        let one = |&task: &Tid| match known.get(&task).map(|&place| &lanes.threads[place]) {
            Some(lane) => json!([task, lane.process, lane.parent, lane.name, lane.start, lane.end]),
            None => {
                let name = match task {
                    Tid::IDLE => "idle".to_owned(),
                    Tid::INIT => "init".to_owned(),
                    Tid(number) => format!("task {number}"),
                };
                json!([task, task.leads(), Tid::IDLE, name, null, null])
            }
        };
        self.all.iter().map(one).collect()
    }
}
