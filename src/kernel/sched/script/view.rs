//! What a script sees of a thread, and the account that is kept of each for it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rhai::{Dynamic, Engine, EvalAltResult, Map};

use crate::ids::Tid;
use crate::kernel::sched::{Parameters, Ready, Thread};
use crate::time::{Instant, Span};

use super::sandbox::{is_plain, may_keep};

/// What a script has noted about a thread.
type Note = Arc<Mutex<Dynamic>>;

fn whatever<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is known of a thread beyond its parameters.
#[derive(Clone, Debug)]
struct Account {
    parameters: Parameters,
    arrived: Instant,
    /// When it became ready last, and why.
    since: Instant,
    why: Ready,
    queued: bool,
    ran: Span,
    waited: Span,
    /// How long it has run since it last came from a wait.
    used: Span,
    picked: u64,
    /// Up to when its time on the CPU is in `ran`, if it has the CPU.
    accounted: Option<Instant>,
    note: Note,
}

/// The accounts of all threads of a run, which its queues share, so that a thread takes its own along.
#[derive(Clone, Debug, Default)]
pub struct Accounts(Arc<Mutex<Vec<Option<Account>>>>);

impl Accounts {
    fn with<T>(&self, thread: Tid, change: impl FnOnce(&mut Account) -> T) -> Option<T> {
        let mut all = whatever(&self.0);
        all.get_mut(thread.index()).and_then(Option::as_mut).map(change)
    }

    /// A thread is ready. One that goes from queue to queue goes on waiting.
    pub fn enqueue(&self, thread: Thread<'_>, why: Ready, now: Instant) {
        let mut all = whatever(&self.0);
        let index = thread.id.index();
        if all.len() <= index {
            all.resize(index + 1, None);
        }
        let account = all[index].get_or_insert_with(|| Account {
            parameters: thread.parameters.clone(),
            arrived: now,
            since: now,
            why,
            queued: false,
            ran: Span::ZERO,
            waited: Span::ZERO,
            used: Span::ZERO,
            picked: 0,
            accounted: None,
            note: Arc::new(Mutex::new(Map::new().into())),
        });
        account.parameters.clone_from(thread.parameters);
        account.accounted = None;
        if !(account.queued && why == Ready::Migrated) {
            account.since = now;
        }
        account.why = why;
        account.queued = true;
        if matches!(why, Ready::New | Ready::Woken) {
            account.used = Span::ZERO;
        }
    }

    pub fn picked(&self, thread: Tid, now: Instant) {
        self.with(thread, |account| {
            account.waited += now.since(account.since);
            account.queued = false;
            account.picked += 1;
            account.accounted = Some(now);
        });
    }

    /// The thread has run for so long. If it was taken out of the queue and not picked, it was given the CPU before.
    pub fn ran(&self, thread: Tid, time: Span, now: Instant) {
        self.with(thread, |account| {
            if account.queued {
                account.waited += now.since(account.since).saturating_sub(time);
                account.queued = false;
                account.picked += 1;
            }
            account.ran += time;
            account.used += time;
            account.accounted = Some(now);
        });
    }

    /// The thread's parameters as they are now.
    pub fn update(&self, thread: Thread<'_>) {
        self.with(thread.id, |account| account.parameters.clone_from(thread.parameters));
    }

    /// The thread as it is now.
    pub fn view(&self, thread: Tid, now: Instant) -> Option<View> {
        self.with(thread, |account| {
            let mut account = account.clone();
            if account.queued {
                account.waited += now.since(account.since);
            }
            if let Some(since) = account.accounted {
                account.ran += now.since(since);
                account.used += now.since(since);
            }
            View(Arc::new((thread, account)))
        })
    }
}

/// A thread at one moment. Only the script's own note can be changed.
#[derive(Clone, Debug)]
pub struct View(Arc<(Tid, Account)>);

impl View {
    pub fn id(&self) -> Tid {
        self.0.0
    }

    fn note(&mut self) -> Dynamic {
        whatever(&self.0.1.note).clone()
    }

    fn set_note(&mut self, note: Dynamic) -> Result<(), Box<EvalAltResult>> {
        if !is_plain(&note) {
            return Err("a thread's `data` holds numbers, truths, texts, lists and tables only".into());
        }
        may_keep(&note)?;
        *whatever(&self.0.1.note) = note;
        Ok(())
    }
}

/// The word that a script reads for why a thread became ready.
fn word(why: Ready) -> &'static str {
    match why {
        Ready::New => "new",
        Ready::Woken => "woken",
        Ready::SliceEnd => "slice-end",
        Ready::Preempted => "preempted",
        Ready::Yielded => "yielded",
        Ready::Migrated => "migrated",
    }
}

/// A time as a script sees it, in nanoseconds.
pub(super) fn nanos(time: u64) -> i64 {
    i64::try_from(time).unwrap_or(i64::MAX)
}

fn time(time: Option<Span>) -> Dynamic {
    time.map_or(Dynamic::UNIT, |time| nanos(time.as_nanos()).into())
}

/// A property of a thread: its name, what it means, and its value.
type Property = (&'static str, &'static str, fn(Tid, &Account) -> Dynamic);

/// Everything that a script can read of a thread, beside `data`.
const PROPERTIES: &[Property] = &[
    ("id", "its number", |id, _| i64::from(id.0).into()),
    ("name", "the NAME of its `[process.NAME]`", |_, of| of.parameters.name.to_string().into()),
    ("priority", "its priority; a greater number is preferred", |_, of| {
        i64::from(of.parameters.priority).into()
    }),
    ("nice", "its nice value, -20 to 19", |_, of| i64::from(of.parameters.nice).into()),
    ("tickets", "its tickets; 0 if not given", |_, of| i64::from(of.parameters.tickets).into()),
    ("period", "its period, or `()`", |_, of| time(of.parameters.period)),
    ("deadline", "its relative deadline, or `()`", |_, of| time(of.parameters.deadline)),
    ("budget", "its budget, or `()`", |_, of| time(of.parameters.budget)),
    ("burst", "how long it computes from one wait to the next, or `()`", |_, of| time(of.parameters.burst)),
    ("wcet", "the longest that one of its jobs computes, or `()`", |_, of| time(of.parameters.wcet)),
    ("job", "the number of the job that it is at, or `()`", |_, of| {
        of.parameters.job.map_or(Dynamic::UNIT, |job| nanos(job.number).into())
    }),
    ("release", "when that job was released, or `()`", |_, of| {
        of.parameters.job.map_or(Dynamic::UNIT, |job| nanos(job.release.as_nanos()).into())
    }),
    ("due", "by when that job must have ended, or `()`", |_, of| {
        of.parameters.job.map_or(Dynamic::UNIT, |job| nanos(job.deadline.as_nanos()).into())
    }),
    ("arrived", "when it came into being", |_, of| nanos(of.arrived.as_nanos()).into()),
    ("since", "when it became ready last", |_, of| nanos(of.since.as_nanos()).into()),
    (
        "why",
        "why it became ready: `new`, `woken`, `slice-end`, `preempted`, `yielded` or `migrated`",
        |_, of| word(of.why).into(),
    ),
    ("ran", "how long it has had the CPU", |_, of| nanos(of.ran.as_nanos()).into()),
    ("used", "how long of that since it last came from a wait", |_, of| nanos(of.used.as_nanos()).into()),
    ("waited", "how long it has been ready without the CPU", |_, of| nanos(of.waited.as_nanos()).into()),
    ("picked", "how often it has been picked", |_, of| nanos(of.picked).into()),
];

/// The name of everything that a script can read of a thread, and what it means.
pub fn properties() -> impl Iterator<Item = (&'static str, &'static str)> {
    let note = ("data", "a table of the script's own, which it can change");
    PROPERTIES.iter().map(|&(name, doc, _)| (name, doc)).chain(std::iter::once(note))
}

/// Makes threads known to the language.
pub fn register(engine: &mut Engine) {
    engine.register_type_with_name::<View>("thread");
    for &(name, _, value) in PROPERTIES {
        engine.register_get(name, move |view: &mut View| value(view.id(), &view.0.1));
    }
    engine.register_get_set("data", View::note, View::set_note);
    engine.register_fn("==", |one: View, other: View| one.id() == other.id());
    engine.register_fn("!=", |one: View, other: View| one.id() != other.id());
}
