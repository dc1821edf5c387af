//! Workloads of rt-app: tasks with phases of events, as JSON.
//!
//! Each task is a process of its own here; all that they share are resources. The kind of an event is the longest
//! known word at the beginning of its key, as in rt-app: `lock1` is a `lock`.

use std::collections::BTreeMap;

use super::json::{self, Json};
use super::plan::{Fields, Item, Object, Plan, Process, Program, Step, Value, text};
use super::report::{Fate, Report};
use super::rtapp_sync::Sync;
use super::{ImportError, Options};

/// The longest time that a step gets, in microseconds: a day.
const LONGEST: i64 = 86_400_000_000;
const MICRO: u64 = 1_000;

pub fn looks(line: &str) -> bool {
    line.trim_start_matches('\u{feff}').trim_start().starts_with('{')
}

/// What the tasks of one file make of it.
struct Reader {
    plan: Plan,
    report: Report,
    sync: Sync,
    /// Programs of tasks that others fork.
    programs: BTreeMap<String, String>,
}

pub fn read(bytes: &[u8], options: &Options) -> Result<(Plan, Report), ImportError> {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let json = json::read(bytes)?;
    let Some(tasks) = json.get("tasks").filter(|tasks| !tasks.entries().is_empty()) else {
        return Err(ImportError::new(None, "there are no \"tasks\" in it, as rt-app's workloads have"));
    };
    let mut reader = Reader {
        plan: Plan { scheduler: "eevdf", ..Plan::default() },
        report: Report::default(),
        sync: Sync::new(tasks),
        programs: BTreeMap::new(),
    };
    let global = json.get("global");
    reader.global(global.unwrap_or(&Json::Null), tasks);
    for (key, value) in json.entries() {
        if !["tasks", "global", "resources"].contains(&key.as_str()) {
            reader.ignored(key, value);
        }
    }
    let forked = forked(tasks);
    for (name, _) in tasks.entries().iter().filter(|(name, _)| forked.contains(&name.as_str())) {
        let program = reader.sync.names.take(name);
        reader.programs.insert(name.clone(), program);
    }
    let mut cpus = 0;
    for (name, task) in tasks.entries() {
        if (options.stop)() {
            return Err(ImportError::interrupted());
        }
        cpus = cpus.max(reader.task(name, task));
    }
    let (mut plan, mut report) = (reader.plan, reader.report);
    let (objects, remarks) = reader.sync.finish();
    plan.objects.extend(objects);
    remarks.into_iter().for_each(|remark| report.remark(remark));
    plan.cpus = options.cpus.unwrap_or_else(|| cpus.max(1));
    if plan.processes.is_empty() {
        return Err(ImportError::new(None, "no task begins by itself: each is forked by another"));
    }
    Ok((plan, report))
}

/// The tasks that only others start: those named by `fork`.
fn forked(tasks: &Json) -> Vec<&str> {
    let mut found = Vec::new();
    let mut waiting = vec![tasks];
    while let Some(json) = waiting.pop() {
        for (key, value) in json.entries() {
            let named = value.text().or_else(|| value.get("ref").and_then(Json::text));
            if kind(key) == Some("fork") {
                found.extend(named);
            }
            waiting.push(value);
        }
    }
    found
}

/// The words that begin the keys of events. Longer ones come before those that they begin with.
const EVENTS: &[&str] = &[
    "lock",
    "unlock",
    "wait",
    "signal",
    "broad",
    "sync",
    "sleep",
    "runtime",
    "run",
    "timer",
    "suspend",
    "resume",
    "memload",
    "mem",
    "iorun",
    "yield",
    "barrier",
    "fork",
    "sig_and_wait",
];

/// The kind of an event.
pub fn kind(key: &str) -> Option<&'static str> {
    let mut kinds: Vec<&'static str> = EVENTS.iter().copied().filter(|kind| key.starts_with(kind)).collect();
    kinds.sort_by_key(|kind| kind.len());
    kinds.pop()
}

impl Reader {
    fn ignored(&mut self, key: &str, value: &Json) {
        // A list of numbers, for example, as it stands there.
        let shown = match value {
            Json::Text(text) => super::lines::shown(text),
            Json::Number(number) => number.to_string(),
            Json::Null | Json::Truth(_) | Json::List(_) | Json::Object(_) => String::new(),
        };
        self.report.add(Fate::LeftOut, &format!("key {}", super::lines::shown(key)), &shown);
    }

    fn global(&mut self, global: &Json, tasks: &Json) {
        let real_time = |task: &Json| {
            let policy = task.get("policy").or_else(|| global.get("default_policy")).and_then(Json::text);
            policy.is_some_and(|policy| ["SCHED_FIFO", "SCHED_RR"].contains(&policy))
        };
        if tasks.entries().iter().any(|(_, task)| real_time(task)) {
            self.plan.scheduler = "priority";
        }
        for (key, value) in global.entries() {
            match (key.as_str(), value.number()) {
                ("duration", Some(seconds @ 1..=86_400)) => {
                    self.plan.until = Some(seconds.unsigned_abs() * 1_000_000 * MICRO);
                }
                ("duration", Some(-1)) => {}
                ("default_policy", _) => {}
                _ => self.ignored(key, value),
            }
        }
    }

    /// Reads a task; gives how many CPUs it knows of.
    fn task(&mut self, name: &str, task: &Json) -> u64 {
        let mut keys: Fields = Vec::new();
        let mut cpus = 0;
        for (key, value) in task.entries() {
            match (key.as_str(), value) {
                ("instance", value) => match value.number() {
                    Some(1) => {}
                    Some(count @ 2..=10_000) => keys.push(("count", Value::Number(count))),
                    _ => self.ignored(key, value),
                },
                ("cpus", Json::List(list)) => {
                    let list: Vec<i64> =
                        list.iter().filter_map(Json::number).filter(|cpu| (0..64).contains(cpu)).collect();
                    cpus = list.iter().max().map_or(0, |cpu| cpu.unsigned_abs() + 1);
                    match list.as_slice() {
                        [cpu] => keys.push(("cpu", Value::Number(*cpu))),
                        _ => self.ignored(key, value),
                    }
                }
                ("priority", value) => match (value.number(), self.plan.scheduler) {
                    (Some(nice @ -20..=19), "eevdf") => keys.push(("nice", Value::Number(nice))),
                    (Some(priority @ 0..=99), "priority") => keys.push(("priority", Value::Number(priority))),
                    _ => self.ignored(key, value),
                },
                ("policy", _) if value.text().is_some_and(|policy| policy.starts_with("SCHED_")) => {
                    if value.text() == Some("SCHED_DEADLINE") {
                        self.report.remark("SCHED_DEADLINE is given as budget, period and deadline, which the scenario's scheduler may not use");
                    }
                }
                ("dl-runtime", value) => self.time(&mut keys, "budget", key, value),
                ("dl-period", value) => self.time(&mut keys, "period", key, value),
                ("dl-deadline", value) => self.time(&mut keys, "deadline", key, value),
                ("delay", value) => self.time(&mut keys, "start", key, value),
                ("loop" | "phases", _) => {}
                _ if kind(key).is_some() => {}
                _ => self.ignored(key, value),
            }
        }
        // What a periodic task says once counts for all of its phases.
        let mut items = Vec::new();
        self.sync.begin(name);
        match task.get("phases") {
            None => items.extend(self.events(task)),
            Some(phases) => {
                for (_, phase) in phases.entries() {
                    let inside = self.events(phase);
                    for (key, value) in phase.entries() {
                        if key != "loop" && kind(key).is_none() {
                            self.ignored(key, value);
                        }
                    }
                    items.extend(repeated(inside, phase.get("loop").and_then(Json::number).unwrap_or(1)));
                }
            }
        }
        // Without phases a task goes round for ever, with them as often as it says.
        let rounds = task.get("loop").and_then(Json::number).unwrap_or(-1);
        let mut items = repeated(items, rounds);
        if items.is_empty() {
            items.push(Item::call(vec![("yield", Value::Truth(true))]));
        }
        match self.programs.get(name) {
            Some(program) => {
                self.plan.programs.push(Program { name: program.clone(), items });
                for (key, _) in keys {
                    self.report.add(Fate::LeftOut, key, "of a task that another forks");
                }
            }
            None => {
                let name = self.sync.names.take(name);
                self.plan.processes.push(Process { name, keys, items });
            }
        }
        cpus
    }

    fn time(&mut self, keys: &mut Fields, name: &'static str, key: &str, value: &Json) {
        match value.number() {
            Some(micros @ 1..=LONGEST) => keys.push((name, Value::Time(micros.unsigned_abs() * MICRO))),
            Some(0) if name == "start" => {}
            _ => self.ignored(key, value),
        }
    }

    /// The events of a phase.
    fn events(&mut self, phase: &Json) -> Vec<Item> {
        let mut items: Vec<Item> = Vec::new();
        // Compute that the next step waits for, and all time that the phase knows of.
        let (mut pending, mut busy) = (0, 0);
        for (key, value) in phase.entries() {
            let Some(kind) = kind(key) else { continue };
            let amount = value.number().filter(|micros| (0..=LONGEST).contains(micros));
            let micros = amount.map(|micros| micros.unsigned_abs() * MICRO);
            let steps: Vec<Step> = match (kind, micros) {
                ("run" | "runtime", Some(nanos)) => {
                    pending += nanos;
                    busy += nanos;
                    if kind == "runtime" {
                        self.report.remark("`runtime`, a time by the clock, is compute as `run` is");
                    }
                    continue;
                }
                ("sleep", Some(nanos)) => {
                    busy += nanos;
                    vec![Step::Call(vec![("sleep", Value::Time(nanos))])]
                }
                ("timer", _) => {
                    let period = value
                        .get("period")
                        .and_then(Json::number)
                        .filter(|period| (1..=LONGEST).contains(period));
                    let Some(period) = period else {
                        self.ignored(key, value);
                        continue;
                    };
                    let rest = (period.unsigned_abs() * MICRO).saturating_sub(busy);
                    busy = 0;
                    self.report.remark(
                        "`timer` is a sleep for what the phase's events leave of the period: a task that is held up begins its next period later",
                    );
                    vec![Step::Call(vec![("sleep", Value::Time(rest))])]
                }
                ("yield", _) => vec![Step::Call(vec![("yield", Value::Truth(true))])],
                ("fork", _) => {
                    let named = value.text().or_else(|| value.get("ref").and_then(Json::text));
                    match named.and_then(|name| self.programs.get(name)) {
                        Some(program) => vec![Step::Call(vec![("fork", text(program.clone()))])],
                        None => Vec::new(),
                    }
                }
                _ => self.sync.event(kind, value),
            };
            if steps.is_empty() {
                self.ignored(key, value);
            }
            items.extend(steps.into_iter().map(|step| Item::plain(step).after(std::mem::take(&mut pending))));
        }
        if pending > 0 {
            items.push(Item::only(pending));
        }
        items
    }
}

/// So many rounds of the steps; for ever if negative.
fn repeated(items: Vec<Item>, rounds: i64) -> Vec<Item> {
    let block = |keys| vec![Item::plain(Step::Block { keys, inside: "do", items: items.clone() })];
    match rounds {
        _ if items.is_empty() => items,
        1 => items,
        0 => Vec::new(),
        2.. => block(vec![("repeat", Value::Number(rounds.min(1_000_000_000)))]),
        _ if takes_time(&items) => block(vec![("forever", Value::Truth(true))]),
        _ => items,
    }
}

/// Whether a round takes time, so that it can go on for ever.
fn takes_time(items: &[Item]) -> bool {
    items.iter().any(|item| {
        item.before.mean() > 0
            || match &item.step {
                Step::Call(_) => true,
                Step::Block { items, .. } => takes_time(items),
                Step::Nothing => false,
            }
    })
}

/// The tables of objects.
pub fn object(kind: &'static str, name: &str, keys: Fields) -> Object {
    Object { kind, name: name.to_owned(), keys, comment: None }
}
