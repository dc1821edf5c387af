//! Setups of Pintos' tests of donated priorities, told in sentences such as "main(31) holds A and B",
//! "a(32) blocks on A", "release B".
//!
//! A sentence has a subject and what it does: `holds`, `blocks on`, `waits on`, `releases`, `ups`, `sleep to the
//! same tick`, or that it is `ready`. Several are joined by "and", "then" or a comma; a bare verb is main's.
//! Remarks in brackets tell nothing new. A new name with a priority is a new thread, which begins there.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use trapline::trace::{Kind, Trace};

use super::pintos::name;
use super::run::{Ran, TICK, compare_values, preamble, run, ticks};

/// The time for a sentence, in ticks.
const STEP: u64 = 1000;

#[derive(Clone, Debug, PartialEq)]
enum Action {
    Lock(String),
    Unlock(String),
    Wait(String),
    Post(String),
    Sleep,
}

#[derive(Debug)]
struct Actor {
    name: String,
    priority: i64,
    /// The sentence in which it comes into being, and its place among several that do.
    born: usize,
    place: u64,
    /// What it does, and in which sentence that is told.
    actions: Vec<(usize, Action)>,
    held: Vec<String>,
}

#[derive(Debug, Default)]
struct Play {
    actors: Vec<Actor>,
    /// Sentences in which somebody comes to a lock or gives one back, so that priorities may change.
    telling: BTreeSet<usize>,
    /// Who has to wait for which lock.
    contended: Vec<String>,
    semaphores: BTreeSet<String>,
    mutexes: BTreeSet<String>,
}

/// The sentence without remarks: brackets that hold no number, and "once it has the lock".
fn plain(sentence: &str) -> String {
    let mut plain = String::new();
    let mut rest = sentence;
    while let Some((before, after)) = rest.split_once('(') {
        let (inside, after) = after.split_once(')').unwrap_or((after, ""));
        plain += before;
        if inside.parse::<i64>().is_ok() {
            plain += &format!("({inside})");
        }
        rest = after;
    }
    plain += rest;
    let parts = plain.split(',').map(str::trim).filter(|part| !part.starts_with("once "));
    let joined = parts.collect::<Vec<_>>().join(", ");
    // A subject between commas belongs to what follows.
    match joined.split_once(", ") {
        Some((subject, rest)) if !subject.contains(' ') && !subject.contains('(') => {
            format!("{subject} {rest}")
        }
        _ => joined,
    }
}

const VERBS: [&str; 12] = [
    "hold", "holds", "block", "blocks", "wait", "waits", "release", "releases", "up", "ups", "sleep",
    "sleeps",
];

impl Play {
    fn read(sentences: &[&str]) -> Result<Play, String> {
        let mut play = Play::default();
        let is_mains = |sentence: &&str| {
            let first = sentence.split([' ', '(', ',']).next().unwrap_or_default();
            first == "main" || VERBS.contains(&first)
        };
        if sentences.iter().any(is_mains) {
            play.add("main", 31, 0, 0);
        }
        for (number, sentence) in sentences.iter().enumerate() {
            play.sentence(number, sentence).ok_or_else(|| format!("`{sentence}` isn't understood"))?;
        }
        // Whoever ends gives back what it has, the last lock first.
        let last = sentences.len();
        for actor in &mut play.actors {
            while let Some(lock) = actor.held.pop() {
                actor.actions.push((last, Action::Unlock(lock)));
            }
        }
        Ok(play)
    }

    fn add(&mut self, name: &str, priority: i64, born: usize, place: u64) -> usize {
        let actor =
            Actor { name: name.to_owned(), priority, born, place, actions: Vec::new(), held: Vec::new() };
        self.actors.push(actor);
        self.actors.len() - 1
    }

    /// The actors that a sentence is about, and how many of its words tell that.
    fn subject(&mut self, number: usize, words: &[&str]) -> Option<(Vec<usize>, usize)> {
        let first = *words.first()?;
        let known = |play: &Play, name: &str| play.actors.iter().position(|actor| actor.name == name);
        if VERBS.contains(&first) {
            return Some((vec![known(self, "main")?], 0));
        }
        if let (Ok(count), Some(&"threads"), Some(&"prio"), Some(range)) =
            (first.parse::<i64>(), words.get(1), words.get(2), words.get(3))
        {
            let (low, high) = range.split_once("..")?;
            let (low, high): (i64, i64) = (low.parse().ok()?, high.parse().ok()?);
            if high - low + 1 != count {
                return None;
            }
            let add = |priority: i64| {
                self.add(&priority.to_string(), priority, number, (priority - low).unsigned_abs())
            };
            return Some(((low..=high).map(add).collect(), 4));
        }
        let actor = match first.split_once('(') {
            Some((name, priority)) => {
                let priority = priority.strip_suffix(')')?.parse().ok()?;
                match known(self, name) {
                    Some(known) => {
                        self.actors[known].priority = priority;
                        known
                    }
                    None => self.add(name, priority, number, 0),
                }
            }
            None => known(self, first)?,
        };
        Some((vec![actor], 1))
    }

    /// None if it isn't understood.
    fn sentence(&mut self, number: usize, sentence: &str) -> Option<()> {
        let plain = plain(sentence).replace(" then ", " and ").replace(',', " and");
        let words: Vec<&str> =
            plain.split_whitespace().filter(|word| !["the", "again", "once"].contains(word)).collect();
        let (actors, told) = self.subject(number, &words)?;
        let mut verb = "";
        for clause in words[told..].split(|&word| word == "and").filter(|clause| !clause.is_empty()) {
            let rest = if VERBS.contains(&clause[0]) || clause[0] == "ready" || clause[0] == "no" {
                verb = clause[0];
                &clause[1..]
            } else {
                clause
            };
            for &actor in &actors {
                self.clause(number, actor, verb.strip_suffix('s').unwrap_or(verb), rest)?;
            }
        }
        Some(())
    }

    fn clause(&mut self, number: usize, actor: usize, verb: &str, rest: &[&str]) -> Option<()> {
        let Play { actors, telling, contended, semaphores, mutexes } = self;
        let actor = &mut actors[actor];
        let mut act = |action| actor.actions.push((number, action));
        match (verb, rest) {
            ("ready" | "no", _) => {}
            ("sleep", ["to", "same", "tick"]) => act(Action::Sleep),
            ("hold", &[lock]) | ("block", &["on", lock]) => {
                act(Action::Lock(lock.to_owned()));
                mutexes.insert(lock.to_owned());
                actor.held.push(lock.to_owned());
                if verb == "block" {
                    contended.push(format!("{} gets {lock}", actor.name));
                    telling.insert(number);
                }
            }
            ("wait", &["on", semaphore]) => {
                act(Action::Wait(semaphore.to_owned()));
                semaphores.insert(semaphore.to_owned());
            }
            ("up", &[semaphore, ref times @ ..]) => {
                let times = match *times {
                    [] => 1,
                    [times, "times"] => times.parse().ok()?,
                    _ => return None,
                };
                (0..times).for_each(|_| act(Action::Post(semaphore.to_owned())));
                semaphores.insert(semaphore.to_owned());
            }
            ("release", ["both"]) => {
                while let Some(lock) = actor.held.pop() {
                    actor.actions.push((number, Action::Unlock(lock)));
                }
                telling.insert(number);
            }
            ("release", &[lock]) => {
                act(Action::Unlock(lock.to_owned()));
                actor.held.retain(|held| held != lock);
                telling.insert(number);
            }
            _ => return None,
        }
        Some(())
    }

    /// Main, or whoever holds something from the beginning, acts as the sentences go; all others begin where
    /// they are told of, and go on as they can.
    fn leader(&self) -> Option<usize> {
        let holds = |actor: &Actor| matches!(actor.actions.first(), Some((0, Action::Lock(_))));
        let main = self.actors.iter().position(|actor| actor.name == "main");
        main.or_else(|| self.actors.first().filter(|first| holds(first)).map(|_| 0))
    }

    fn text(&self, sentences: usize) -> String {
        let mut text = preamble("\"priority\"", 1) + "wake-order = \"priority\"\n";
        self.mutexes.iter().for_each(|name| text += &format!("[mutex.{name}]\nprotocol = \"inherit\"\n"));
        self.semaphores.iter().for_each(|name| text += &format!("[semaphore.{name}]\nvalue = 0\n"));
        for (index, actor) in self.actors.iter().enumerate() {
            let leads = self.leader() == Some(index);
            let mut steps = String::new();
            for sentence in 0..=sentences {
                if leads {
                    steps += &format!("{{ compute = \"{}\" }}, ", ticks(STEP as f64));
                }
                let told = actor.actions.iter().filter(|(told, _)| *told == sentence);
                told.for_each(|(_, action)| steps += &actor.step(action));
            }
            let start = if leads { 0 } else { (actor.born as u64 + 1) * STEP + STEP / 2 + actor.place };
            text += &format!(
                "[process.p-{0}]\nstart = \"{1}\"\npriority = {2}\nsteps = [{steps}{{ print = \"{0} finishes\" }}]\n",
                actor.name,
                ticks(start as f64),
                actor.priority
            );
        }
        text
    }
}

impl Actor {
    fn step(&self, action: &Action) -> String {
        let name = &self.name;
        match action {
            Action::Lock(lock) => format!("{{ lock = \"{lock}\" }}, {{ print = \"{name} gets {lock}\" }}, "),
            Action::Unlock(lock) => format!("{{ unlock = \"{lock}\" }}, "),
            Action::Wait(semaphore) => {
                format!("{{ sem-wait = \"{semaphore}\" }}, {{ print = \"{name} passes {semaphore}\" }}, ")
            }
            Action::Post(semaphore) => format!("{{ sem-post = \"{semaphore}\" }}, "),
            // Those that begin later sleep for less, so that all wake at the same tick.
            Action::Sleep => format!("{{ sleep = \"{}\" }}, ", ticks((STEP / 4 - self.place) as f64)),
        }
    }
}

/// A thread's priority at a time, with what others lend it.
fn priority_at(ran: &Ran, actor: &Actor, at: u64) -> i64 {
    let changes = ran.trace.events.iter().filter(|event| event.at.as_nanos() <= at);
    let mut last = changes.filter_map(|event| match event.kind {
        Kind::SchedPiSetprio { task, after, .. } if name(&ran.trace, task) == format!("p-{}", actor.name) => {
            Some(after)
        }
        _ => None,
    });
    last.next_back().unwrap_or(actor.priority)
}

/// What was printed, in order.
fn told(trace: &Trace) -> Vec<String> {
    let lines = trace.events.iter().filter_map(|event| match event.kind {
        Kind::Print { text } => trace.names.get(text.index()),
        _ => None,
    });
    lines.map(ToString::to_string).collect()
}

pub fn compare(sentences: &[&str], expected: &Value) -> Result<Vec<String>, String> {
    let play = Play::read(sentences)?;
    let ran = run(&play.text(sentences.len()), play.actors.len())?;
    let told = told(&ran.trace);
    let actor = |name: &str| {
        let actor = play.actors.iter().find(|actor| actor.name == name);
        actor.ok_or_else(|| format!("nobody is called {name}"))
    };
    // Well after a sentence, and before the next one.
    let after = |sentence: usize| ((sentence as u64 + 1) * STEP + STEP * 3 / 4) * TICK;
    let finished = || told.iter().filter_map(|line| line.strip_suffix(" finishes"));
    let mut differences = Vec::new();
    for (key, expected) in expected.as_object().ok_or("nothing is expected")? {
        let listed = |line: &str| {
            expected
                .as_array()
                .is_some_and(|list| list.iter().any(|expected| expected.as_str() == Some(line)))
        };
        let found = match key.as_str() {
            // Whoever leads isn't always listed.
            "completion_order" => {
                let leads = |name: &str| play.leader().is_some_and(|leader| play.actors[leader].name == name);
                json!(finished().filter(|name| !leads(name) || listed(name)).collect::<Vec<_>>())
            }
            "event_order" => json!(told.iter().filter(|line| listed(line)).collect::<Vec<_>>()),
            "lock_order" => {
                json!(told.iter().filter(|line| play.contended.contains(line)).collect::<Vec<_>>())
            }
            "wake_order" => {
                let slept = finished().filter_map(|name| name.parse::<i64>().ok());
                json!(slept.collect::<Vec<_>>())
            }
            _ => {
                if let Some(who) = key.strip_suffix("_priority_trace") {
                    let who = actor(who)?;
                    let at = |&sentence: &usize| priority_at(&ran, who, after(sentence));
                    json!(play.telling.iter().map(at).collect::<Vec<_>>())
                } else if let Some((who, whom)) = key.split_once("_after_") {
                    json!(priority_at(&ran, actor(who)?, after(actor(whom)?.born)))
                } else if let Some(who) = key.strip_suffix("_end") {
                    json!(priority_at(&ran, actor(who)?, u64::MAX))
                } else {
                    differences.push(format!("`{key}` isn't compared"));
                    continue;
                }
            }
        };
        compare_values(key, &found, expected, &mut differences);
    }
    let left = play.actors.len() - finished().count();
    compare_values("threads that haven't ended", &json!(left), &json!(0), &mut differences);
    Ok(differences)
}
