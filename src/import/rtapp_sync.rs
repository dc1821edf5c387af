//! rt-app's resources: mutexes, conditions, barriers, and tasks that suspend themselves.
//!
//! A condition becomes a semaphore. A signal that nobody waits for is lost in rt-app and kept here.

use std::collections::{BTreeMap, BTreeSet};

use super::json::Json;
use super::plan::{Fields, Item, Names, Object, Step, Value, text};
use super::rtapp::{kind, object};

pub struct Sync {
    pub names: Names,
    /// The scenario's name of a resource, by its kind and rt-app's name.
    known: BTreeMap<(&'static str, String), String>,
    /// How many tasks wait for a condition or come to a barrier.
    users: BTreeMap<(&'static str, String), u64>,
    task: String,
    remarks: BTreeSet<&'static str>,
}

impl Sync {
    pub fn new(tasks: &Json) -> Sync {
        let mut users = BTreeMap::new();
        for (_, task) in tasks.entries() {
            let instances =
                task.get("instance").and_then(Json::number).unwrap_or(1).clamp(0, 10_000).unsigned_abs();
            for used in uses(task) {
                *users.entry(used).or_default() += instances;
            }
        }
        let (names, known) = (Names::default(), BTreeMap::new());
        Sync { names, known, users, task: String::new(), remarks: BTreeSet::new() }
    }

    /// The steps that follow are this task's.
    pub fn begin(&mut self, task: &str) {
        task.clone_into(&mut self.task);
    }

    fn name(&mut self, kind: &'static str, resource: &str) -> String {
        let names = &mut self.names;
        self.known.entry((kind, resource.to_owned())).or_insert_with(|| names.take(resource)).clone()
    }

    /// The steps of an event; none if it can't be carried over.
    pub fn event(&mut self, kind: &str, value: &Json) -> Vec<Step> {
        let named = value.text().or_else(|| value.get("ref").and_then(Json::text)).map(str::to_owned);
        let mutex = value.get("mutex").and_then(Json::text).map(str::to_owned);
        let step = |verb, name: String| Step::Call(vec![(verb, text(name))]);
        let mut steps = Vec::new();
        match (kind, named) {
            ("lock", Some(name)) => steps.push(step("lock", self.name("mutex", &name))),
            ("unlock", Some(name)) => steps.push(step("unlock", self.name("mutex", &name))),
            ("signal", Some(name)) => steps.push(self.signal(&name)),
            ("broad", Some(name)) => steps.extend(self.broadcast(&name)),
            ("wait", Some(name)) => steps.extend(self.wait(&name, mutex.as_deref())),
            ("sync" | "sig_and_wait", Some(name)) => {
                steps.push(self.signal(&name));
                steps.extend(self.wait(&name, mutex.as_deref()));
            }
            ("barrier", Some(name)) => steps.extend(self.barrier(&name)),
            ("suspend", own) => {
                let task = own.filter(|name| !name.is_empty()).unwrap_or_else(|| self.task.clone());
                steps.push(step("sem-wait", self.name("semaphore", &format!("resume-{task}"))));
            }
            ("resume", Some(task)) => {
                steps.push(step("sem-post", self.name("semaphore", &format!("resume-{task}"))));
            }
            _ => {}
        }
        steps
    }

    fn condition(&mut self, name: &str) -> String {
        self.remarks.insert("a condition is a semaphore: a signal that nobody waits for is kept, not lost");
        self.name("semaphore", name)
    }

    fn signal(&mut self, name: &str) -> Step {
        Step::Call(vec![("sem-post", text(self.condition(name)))])
    }

    fn broadcast(&mut self, name: &str) -> Vec<Step> {
        let waiters = self.users.get(&("wait", name.to_owned())).copied().unwrap_or(0);
        let post = self.signal(name);
        (0..waiters.min(1)).map(|_| times(waiters, vec![post.clone()])).collect()
    }

    fn wait(&mut self, name: &str, mutex: Option<&str>) -> Vec<Step> {
        let wait = Step::Call(vec![("sem-wait", text(self.condition(name)))]);
        let Some(mutex) = mutex else { return vec![wait] };
        let mutex = self.name("mutex", mutex);
        let around = |verb| Step::Call(vec![(verb, text(mutex.clone()))]);
        vec![around("unlock"), wait, around("lock")]
    }

    /// Who comes last wakes the others.
    fn barrier(&mut self, name: &str) -> Vec<Step> {
        let all = self.users.get(&("barrier", name.to_owned())).copied().unwrap_or(1);
        if all < 2 {
            return vec![Step::Call(vec![("yield", Value::Truth(true))])];
        }
        self.remarks.insert("a barrier is a counter and a semaphore");
        let gate = self.name("semaphore", &format!("{name}-gate"));
        let counter = self.name("shm", name);
        let count = vec![
            ("atomic-add", text(format!("{counter}.count"))),
            ("value", Value::Number(1)),
            ("old", text("arrived")),
        ];
        let last = format!("arrived % {all} == {}", all - 1);
        let open = times(all - 1, vec![Step::Call(vec![("sem-post", text(gate.clone()))])]);
        let wait = Step::Call(vec![("sem-wait", text(gate))]);
        let not_last = format!("arrived % {all} != {}", all - 1);
        let branch = |condition: String, step| Step::Block {
            keys: vec![("if", text(condition))],
            inside: "then",
            items: vec![Item::plain(step)],
        };
        vec![Step::Call(count), branch(last, open), branch(not_last, wait)]
    }

    /// The tables of all resources that were used.
    pub fn finish(self) -> (Vec<Object>, Vec<String>) {
        let mut objects = Vec::new();
        for ((kind, _), name) in &self.known {
            let keys: Fields = match *kind {
                "semaphore" => vec![("value", Value::Number(0))],
                "shm" => vec![("cells", Value::Cells(vec!["count".to_owned()]))],
                _ => Vec::new(),
            };
            objects.push(object(kind, name, keys));
        }
        (objects, self.remarks.into_iter().map(str::to_owned).collect())
    }
}

fn times(count: u64, steps: Vec<Step>) -> Step {
    let items = steps.into_iter().map(Item::plain).collect();
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    Step::Block { keys: vec![("repeat", Value::Number(count))], inside: "do", items }
}

/// Which conditions a task waits for, and which barriers it comes to.
fn uses(task: &Json) -> BTreeSet<(&'static str, String)> {
    let mut found = BTreeSet::new();
    let mut waiting = vec![task];
    while let Some(json) = waiting.pop() {
        for (key, value) in json.entries() {
            let kind = match kind(key) {
                Some("wait" | "sync" | "sig_and_wait") => "wait",
                Some("barrier") => "barrier",
                _ => {
                    waiting.push(value);
                    continue;
                }
            };
            let named = value.text().or_else(|| value.get("ref").and_then(Json::text));
            found.extend(named.map(|name| (kind, name.to_owned())));
        }
    }
    found
}
