//! A policy that a scenario brings along: a script of a few lines, asked wherever the kernel asks a policy.
//!
//! - [`sandbox`]: the language, and what keeps a script within bounds
//! - [`view`]: what a script sees of a thread
//! - `inside`: a script with what it keeps; `worker`: the thread that scripts run on
//! - here: the script itself, and the policy that asks it
//!
//! The script must have the function `pick`; [`FUNCTIONS`] lists the others. `this` is the table of what it
//! keeps, one for each queue; the scenario's parameters are in it from the beginning. A thread whose turn it isn't
//! stays in the queue whatever the script does: the script chooses, the queue is kept here. If it fails, the run ends.

mod inside;
pub mod sandbox;
pub mod view;
mod worker;

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rhai::{AST, Dynamic};

use crate::ids::Tid;
use crate::kernel::options::Parameter;
use crate::random::Key;
use crate::time::{Instant, Span};
use crate::trace::{Reason, Rule};

use super::policy::{Policy, Ready, Thread};
use super::{Given, PolicyRow};

use inside::{Answer, Inside};
pub use sandbox::Mistake;
use view::{Accounts, nanos};
use worker::Worker;

/// What the interpreter is if it isn't there any more.
const BROKEN: &str = "the interpreter has broken down";

/// Its documentation, and how it is made.
pub(super) const ROW: PolicyRow = PolicyRow {
    name: "script",
    summary: "the scenario's own policy, a script",
    doc: "The scenario says itself who is next, in a script: a file, `scheduler = { script = \"my.rhai\" }`, or a text, `scheduler = { code = \"fn pick(ready, now) { ready[0] }\" }`; `policy` can be left out. The script gets every other key as a parameter of its own. It is explained in docs/OWN-POLICY.md.",
    parameters: &[
        ("script", "text", "the path of the script, relative to the scenario's file"),
        ("code", "text", "the script itself, in place of `script`"),
    ],
    build: |given| Box::new(ScriptPolicy::new(given)),
};

/// The functions that a script can have: name, parameters (the last ones may be left out), and what it is for.
pub const FUNCTIONS: &[(&str, &[&str], &str)] = &[
    ("pick", &["ready", "now"], "the one of the ready threads that runs next; every script has it"),
    ("init", &[], "fills in `this`, before anything else"),
    ("enqueue", &["task", "now"], "a thread has become ready"),
    (
        "ran",
        &["task", "time", "now"],
        "the thread that has the CPU has run for so long since the last such call",
    ),
    (
        "slice",
        &["task", "now"],
        "how long the thread may run in one go; without a limit if it is `()`, or there is no such function",
    ),
    (
        "preempts",
        &["woken", "running", "now"],
        "whether a thread that has just come takes the CPU; never if there is no such function",
    ),
    ("reason", &["task", "now"], "the number that the picked thread was picked by, for the trace"),
];

/// A script, compiled.
#[derive(Clone)]
pub struct Script {
    name: Arc<str>,
    text: Arc<str>,
    ast: Arc<AST>,
    /// How many lines are before it in its file, and how many characters in its first line.
    behind: (usize, usize),
    /// How many parameters each of [`FUNCTIONS`] takes, if the script has it.
    takes: [Option<usize>; FUNCTIONS.len()],
}

impl PartialEq for Script {
    fn eq(&self, other: &Script) -> bool {
        (&self.name, &self.text) == (&other.name, &other.text)
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Script({})", self.name)
    }
}

impl Script {
    /// Compiles a text; `name` stands for it in messages.
    pub fn compile(name: &str, text: &str) -> Result<Script, Mistake> {
        let (name, text) = (name.to_owned(), text.to_owned());
        let compiled = Worker::new().run(move || Script::compile_here(&name, &text));
        compiled.unwrap_or_else(|| Err(Mistake::new(BROKEN)))
    }

    fn compile_here(name: &str, text: &str) -> Result<Script, Mistake> {
        let engine = sandbox::engine(Key::of_run(0).stream());
        let ast = engine
            .compile(text)
            .map_err(|error| Mistake::at(error.err_type().to_string(), error.position()))?;
        if let Some((name, _, _)) = ast.iter_literal_variables(true, true).next() {
            let message = format!("`{name}` stands outside of all functions, and so no function sees it");
            return Err(Mistake::new(message));
        }
        let mut takes = [None; FUNCTIONS.len()];
        for function in ast.iter_functions() {
            let Some(index) = FUNCTIONS.iter().position(|(name, _, _)| *name == function.name) else {
                continue;
            };
            let (name, parameters, _) = FUNCTIONS[index];
            if function.params.len() > parameters.len() {
                let known = parameters.join(", ");
                return Err(Mistake::new(format!(
                    "`{name}` takes no more parameters than `{name}({known})`"
                )));
            }
            if takes[index].replace(function.params.len()).is_some() {
                return Err(Mistake::new(format!("the function `{name}` stands twice")));
            }
        }
        let script =
            Script { name: name.into(), text: text.into(), ast: Arc::new(ast), behind: (0, 0), takes };
        match script.takes("pick") {
            Some(_) => Ok(script),
            None => Err(Mistake::new("the script has no function `pick(ready, now)`")),
        }
    }

    /// It doesn't begin at its file's beginning, but behind so many lines, and so many characters of the next one.
    pub fn begins_behind(mut self, lines: usize, characters: usize) -> Script {
        self.behind = (lines, characters);
        self
    }

    /// What runs the threads in the order in which they became ready.
    fn in_order() -> Script {
        let text = "fn pick(ready) { ready[0] }";
        Script::compile("in order", text).unwrap_or_else(|_| Script {
            name: "in order".into(),
            text: text.into(),
            ast: Arc::new(AST::empty()),
            behind: (0, 0),
            takes: [None; FUNCTIONS.len()],
        })
    }

    /// Tries `init` with these parameters, so that its mistakes come to light before the run.
    pub fn try_init(&self, parameters: &BTreeMap<String, Parameter>) -> Result<(), Mistake> {
        let mut inside = Inside::new(self.clone(), parameters, Key::of_run(0).stream());
        let tried = Worker::new().run(move || inside.ask("init", Vec::new()));
        tried.unwrap_or_else(|| Err(Mistake::new(BROKEN))).map(drop)
    }

    fn takes(&self, function: &str) -> Option<usize> {
        let index = FUNCTIONS.iter().position(|(name, _, _)| *name == function)?;
        self.takes[index]
    }

    /// A mistake as the user reads it.
    fn explain(&self, function: &str, mistake: &Mistake) -> String {
        let place = mistake.at.map_or(String::new(), |(line, column)| {
            let column = if line == 1 { column + self.behind.1 } else { column };
            format!(":{}:{column}", line + self.behind.0)
        });
        format!("the policy's script fails: {}{place}: `{function}`: {}", self.name, mistake.message)
    }
}

/// What the queues of a run share: the accounts of its threads, and the worker.
#[derive(Clone, Debug)]
pub struct Shared {
    accounts: Accounts,
    worker: Arc<Worker>,
}

impl Shared {
    fn new() -> Shared {
        Shared { accounts: Accounts::default(), worker: Arc::new(Worker::new()) }
    }
}

/// A queue whose order a script decides. Its clones share what the script keeps.
#[derive(Clone)]
pub struct ScriptPolicy {
    script: Script,
    inside: Arc<Mutex<Inside>>,
    worker: Arc<Worker>,
    /// Who waits, in the order of becoming ready; a thread that lost its CPU is at the head.
    ready: VecDeque<Tid>,
    accounts: Accounts,
    /// Why the script has failed. A `slice` may make it fail, too.
    failure: RefCell<Option<String>>,
    reason: Option<u64>,
}

impl fmt::Debug for ScriptPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptPolicy").field("script", &self.script).field("ready", &self.ready).finish()
    }
}

impl ScriptPolicy {
    fn new(given: &Given<'_>) -> ScriptPolicy {
        let Given(parameters, site, common) = given;
        let script = match parameters.get("script") {
            Some(Parameter::Script(script)) => script.clone(),
            _ => Script::in_order(),
        };
        let Shared { accounts, worker } = common.get_or_init(Shared::new).clone();
        let inside = Inside::new(script.clone(), parameters, site.key.stream());
        let policy = ScriptPolicy {
            script,
            inside: Arc::new(Mutex::new(inside)),
            worker,
            ready: VecDeque::new(),
            accounts,
            failure: RefCell::new(None),
            reason: None,
        };
        policy.ask("init", Vec::new);
        policy
    }

    /// What the script's function gives; none if it has no such function, or the script has failed.
    fn ask(&self, function: &'static str, arguments: impl FnOnce() -> Vec<Dynamic>) -> Option<Answer> {
        if self.script.takes(function).is_none() || self.failure.borrow().is_some() {
            return None;
        }
        let (inside, arguments) = (Arc::clone(&self.inside), arguments());
        let answer = self
            .worker
            .run(move || inside.lock().unwrap_or_else(PoisonError::into_inner).ask(function, arguments));
        let answer = answer.unwrap_or_else(|| Err(Mistake::new(BROKEN)));
        answer.map_err(|mistake| self.fail(function, &mistake)).ok()
    }

    fn fail(&self, function: &str, mistake: &Mistake) {
        self.failure.borrow_mut().get_or_insert_with(|| self.script.explain(function, mistake));
    }

    /// It fails because a function gave something else than it must.
    fn refuse<T>(&self, function: &str, wanted: &str, given: &Answer) -> Option<T> {
        self.fail(function, &Mistake::new(format!("it must give {wanted}, not {given}")));
        None
    }

    fn view(&self, thread: Tid, now: Instant) -> Dynamic {
        self.accounts.view(thread, now).map_or(Dynamic::UNIT, Dynamic::from)
    }

    /// A thread that the kernel asks about; its parameters may be new.
    fn current(&self, thread: Thread<'_>, now: Instant) -> Dynamic {
        self.accounts.update(thread);
        self.view(thread.id, now)
    }

    /// The place in the queue of the thread that the script picks.
    fn choose(&self, now: Instant) -> Option<usize> {
        let all = || self.ready.iter().map(|&thread| self.view(thread, now)).collect();
        let given = self.ask("pick", || vec![Dynamic::from_array(all()), time(now)])?;
        let place = self.ready.iter().position(|&ready| given == Answer::Thread(ready));
        place.or_else(|| self.refuse("pick", "one of the threads that are ready", &given))
    }

    /// The number that the script says it went by.
    fn number(&self, picked: Tid, now: Instant) -> Option<u64> {
        let given = self.ask("reason", || vec![self.view(picked, now), time(now)])?;
        match given {
            Answer::Number(number) if number >= 0 => Some(number.unsigned_abs()),
            other => self.refuse("reason", "a whole number of at least 0", &other),
        }
    }
}

fn time(now: Instant) -> Dynamic {
    nanos(now.as_nanos()).into()
}

impl Policy for ScriptPolicy {
    fn enqueue(&mut self, thread: Thread<'_>, why: Ready, now: Instant) {
        match why {
            Ready::Preempted => self.ready.push_front(thread.id),
            Ready::New | Ready::Woken | Ready::SliceEnd | Ready::Yielded | Ready::Migrated => {
                self.ready.push_back(thread.id);
            }
        }
        self.accounts.enqueue(thread, why, now);
        self.ask("enqueue", || vec![self.view(thread.id, now), time(now)]);
    }

    fn pick(&mut self, now: Instant) -> Option<Tid> {
        if self.ready.is_empty() {
            return None;
        }
        let place = self.choose(now).unwrap_or(0);
        let picked = self.ready.remove(place)?;
        self.reason = self.number(picked, now);
        self.accounts.picked(picked, now);
        Some(picked)
    }

    fn remove(&mut self, thread: Tid) -> bool {
        let place = self.ready.iter().position(|&ready| ready == thread);
        place.and_then(|place| self.ready.remove(place)).is_some()
    }

    fn reprioritise(&mut self, thread: Thread<'_>, _: Instant) {
        self.accounts.update(thread);
    }

    fn waiting(&self) -> usize {
        self.ready.len()
    }

    fn slice(&self, thread: Thread<'_>, now: Instant) -> Option<Span> {
        let given = self.ask("slice", || vec![self.current(thread, now), time(now)])?;
        match given {
            Answer::Nothing => None,
            Answer::Number(nanos) if nanos > 0 => Some(Span::from_nanos(nanos.unsigned_abs())),
            other => self.refuse("slice", "a time of more than 0 in nanoseconds, or `()`", &other),
        }
    }

    fn gives_reasons(&self) -> bool {
        self.script.takes("reason").is_some()
    }

    fn reason(&self) -> Option<Reason> {
        self.reason.map(|number| Reason { rule: Rule::Own, number })
    }

    fn gives_way(&self, _: Thread<'_>, _: Instant) -> bool {
        !self.ready.is_empty()
    }

    fn preempts(&mut self, woken: Thread<'_>, running: Thread<'_>, now: Instant) -> bool {
        let both = || vec![self.current(woken, now), self.current(running, now), time(now)];
        match self.ask("preempts", both) {
            Some(Answer::Truth(truth)) => truth,
            Some(other) => self.refuse("preempts", "true or false", &other).unwrap_or(false),
            None => false,
        }
    }

    fn ran(&mut self, thread: Thread<'_>, spent: Span, now: Instant) {
        self.accounts.ran(thread.id, spent, now);
        let told = || vec![self.current(thread, now), nanos(spent.as_nanos()).into(), time(now)];
        self.ask("ran", told);
    }

    fn clones_apart(&self) -> bool {
        false
    }

    fn can_fail(&self) -> bool {
        true
    }

    fn failure(&self) -> Option<String> {
        self.failure.borrow().clone()
    }

    fn queue(&self) -> Vec<Tid> {
        self.ready.iter().copied().collect()
    }
}
