//! What threads synchronise by beside mutexes and semaphores: `[rwlock.NAME]`, `[condition.NAME]`,
//! `[barrier.NAME]`, `[event-flag.NAME]`, `[once.NAME]`, `[spinlock.NAME]`, `[value.NAME]`,
//! `[thread-queue.NAME]`, `[float-channel.NAME]`, `[timer.NAME]`.
//!
//! Each has its words in a cache line of its own, as mutexes have.

use schemars::JsonSchema;
use serde::Deserialize;
use toml::de::DeTable;

use crate::ids::{ObjectId, PageNumber};
use crate::program::at::{At, Time, Whole};
use crate::program::image::{ArraySpec, Backing, MemoryId, MemorySpec, Width};
use crate::program::instruction::Cell;
use crate::program::library::{
    barrier, condition, event_flag, once, rwlock, spinlock, thread_queue, timer, value,
};
use crate::program::names::{Array, Names, Region, Semaphore, Synchroniser, Words};
use crate::program::problem::Problems;
use crate::program::value::Operand;

use super::locks::Lines;
use super::objects::Objects;
use super::table::{Entry, lookup, named, whole};

/// The most items of a queue and numbers of a channel.
const MOST_ITEMS: i128 = 1 << 20;

/// `[rwlock.NAME]`: a lock that many readers or one writer can hold, for `read-lock`, `write-lock`, `rw-unlock`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RwlockForm {
    /// Who comes first if both wait: "readers", who also come in while a writer waits, or "writers"
    /// (the default).
    pub prefer: Option<Preferred>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Preferred {
    Readers,
    Writers,
}

/// `[condition.NAME]`: what threads wait for until others signal it, for `cond-wait`, `cond-signal`,
/// `cond-broadcast`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ConditionForm {
    /// The mutex with which it is waited for; a broadcast lets the waiters wait for it. If absent, each
    /// `cond-wait` names one, and a broadcast wakes everybody.
    pub mutex: Option<At<String>>,
}

/// `[barrier.NAME]`: where threads wait for one another, for `barrier-wait`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct BarrierForm {
    /// How many threads must have come.
    pub parties: At<Whole>,
}

/// `[event-flag.NAME]`: a flag that threads wait for, for `event-set`, `event-clear`, `event-wait`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct EventFlagForm {}

/// `[once.NAME]`: whether something was done, for `once`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OnceForm {}

/// `[spinlock.NAME]`: a lock that is waited for by trying again, for `spin-lock`, `spin-unlock`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SpinlockForm {}

/// `[value.NAME]`: a shared value, for `value-get`, `value-set`, `value-add`; also a cell `NAME.value`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ValueForm {
    /// "i" (32 bits) or "q" (64 bits); "i" if absent.
    pub r#type: Option<ValueType>,
    /// What it is at the beginning; 0 if absent.
    pub initial: Option<At<Whole>>,
    /// Whether it has a lock; true if absent.
    pub lock: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ValueType {
    I,
    Q,
}

/// `[thread-queue.NAME]`: a queue of limited length between threads, for `enqueue` and `dequeue`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ThreadQueueForm {
    /// How many items it holds.
    pub capacity: At<Whole>,
}

/// `[float-channel.NAME]`: an array of floating-point numbers of 64 bits that goes from one side to the
/// other through shared memory, for `channel-send` and `channel-receive`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FloatChannelForm {
    /// How many numbers go over at a time.
    pub length: At<Whole>,
}

/// `[timer.NAME]`: a thread that waits and then runs a program unless it is cancelled, for `timer-start` and
/// `timer-cancel`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TimerForm {
    /// How long its thread waits.
    pub after: At<Time>,
    /// The program that the thread runs then.
    pub program: At<String>,
}

impl Objects {
    pub(super) fn synchronisers(
        &mut self,
        root: &DeTable<'_>,
        lines: &mut Lines,
        names: &mut Names,
        problems: &mut Problems,
    ) {
        for Entry { name, form } in named::<RwlockForm>(root, "rwlock", problems) {
            let words = self.words("rwlock", &name, rwlock::WORDS, lines, names, problems);
            let prefers_readers = form.prefer == Some(Preferred::Readers);
            names.synchronisers.insert(name.value, Synchroniser::Rwlock { words, prefers_readers });
        }
        for Entry { name, form } in named::<ConditionForm>(root, "condition", problems) {
            let words = self.words("condition", &name, condition::WORDS, lines, names, problems);
            let mutex = form.mutex.as_ref();
            let mutex =
                mutex.and_then(|at| lookup(&names.mutexes, "mutex", &at.value, &at.span, problems).copied());
            names.synchronisers.insert(name.value, Synchroniser::Condition { words, mutex });
        }
        for Entry { name, form } in named::<BarrierForm>(root, "barrier", problems) {
            let words = self.words("barrier", &name, barrier::WORDS, lines, names, problems);
            let parties = whole(&form.parties, "`parties`", 1..=1_000_000, problems).unwrap_or(1);
            names.synchronisers.insert(name.value, Synchroniser::Barrier { words, parties });
        }
        for Entry { name, form: EventFlagForm {} } in named(root, "event-flag", problems) {
            let words = self.words("event-flag", &name, event_flag::WORDS, lines, names, problems);
            names.synchronisers.insert(name.value, Synchroniser::EventFlag { words });
        }
        for Entry { name, form: OnceForm {} } in named(root, "once", problems) {
            let words = self.words("once", &name, once::WORDS, lines, names, problems);
            names.synchronisers.insert(name.value, Synchroniser::Once { words });
        }
        for Entry { name, form: SpinlockForm {} } in named(root, "spinlock", problems) {
            let words = self.words("spinlock", &name, spinlock::WORDS, lines, names, problems);
            names.synchronisers.insert(name.value, Synchroniser::Spinlock { words });
        }
        for entry in named::<ValueForm>(root, "value", problems) {
            self.value(entry, lines, names, problems);
        }
        for entry in named::<ThreadQueueForm>(root, "thread-queue", problems) {
            self.thread_queue(entry, lines, names, problems);
        }
        for entry in named::<FloatChannelForm>(root, "float-channel", problems) {
            self.float_channel(entry, lines, names, problems);
        }
    }

    /// Words in a line of their own.
    fn words(
        &mut self,
        kind: &'static str,
        name: &At<String>,
        count: usize,
        lines: &mut Lines,
        names: &mut Names,
        problems: &mut Problems,
    ) -> Words {
        let object = self.object(kind, name, names, problems);
        self.words_of(object, name.value.clone(), count, lines)
    }

    pub(super) fn words_of(
        &mut self,
        object: ObjectId,
        name: String,
        count: usize,
        lines: &mut Lines,
    ) -> Words {
        let (page, offset) = lines.take();
        let array = self.array(ArraySpec {
            object,
            name,
            page,
            offset,
            width: Width::Int32,
            initial: vec![0; count],
        });
        Words { array, memory: lines.memory, object }
    }

    fn value(
        &mut self,
        Entry { name, form }: Entry<ValueForm>,
        lines: &mut Lines,
        names: &mut Names,
        problems: &mut Problems,
    ) {
        let words = self.words("value", &name, value::WORDS, lines, names, problems);
        let (width, bounds) = match form.r#type.unwrap_or(ValueType::I) {
            ValueType::I => (Width::Int32, i128::from(i32::MIN)..=i128::from(i32::MAX)),
            ValueType::Q => (Width::Int64, i128::from(i64::MIN)..=i128::from(i64::MAX)),
        };
        let initial = form.initial.as_ref();
        let initial = initial.and_then(|at| whole::<i64>(at, "`initial`", bounds, problems));
        let (page, offset) = lines.take();
        let full = format!("{}.value", name.value);
        let id = self.array(ArraySpec {
            object: words.object,
            name: full.clone(),
            page,
            offset,
            width,
            initial: vec![initial.unwrap_or(0)],
        });
        let (memory, object) = (lines.memory, words.object);
        names.arrays.insert(full, Array { id, length: 1, memory, object, is_cell: true, width });
        let cell = Cell { array: id, index: Operand::Const(0) };
        let is_locked = form.lock.unwrap_or(true);
        names.synchronisers.insert(name.value, Synchroniser::Value { words, cell, is_locked });
    }

    fn thread_queue(
        &mut self,
        Entry { name, form }: Entry<ThreadQueueForm>,
        lines: &mut Lines,
        names: &mut Names,
        problems: &mut Problems,
    ) {
        let words = self.words("thread-queue", &name, thread_queue::WORDS, lines, names, problems);
        // The functions find the conditions' arrays right behind that of the queue.
        for part in ["not-empty", "not-full"] {
            let name = format!("{}.{part}", name.value);
            self.words_of(words.object, name, condition::WORDS, lines);
        }
        let capacity: i64 = whole(&form.capacity, "`capacity`", 1..=MOST_ITEMS, problems).unwrap_or(1);
        let (memory, page) = self.own_memory(words.object, &name, capacity as u64 * 8, problems);
        let items = self.array(ArraySpec {
            object: words.object,
            name: format!("{}.items", name.value),
            page,
            offset: 0,
            width: Width::Int64,
            initial: vec![0; capacity as usize],
        });
        let queue = Synchroniser::ThreadQueue { words, items, memory: memory.id, capacity };
        names.synchronisers.insert(name.value, queue);
    }

    fn float_channel(
        &mut self,
        Entry { name, form }: Entry<FloatChannelForm>,
        lines: &mut Lines,
        names: &mut Names,
        problems: &mut Problems,
    ) {
        let object = self.object("float-channel", &name, names, problems);
        let length: i64 = whole(&form.length, "`length`", 1..=MOST_ITEMS, problems).unwrap_or(1);
        let bytes = length as u64 * 8;
        let mut semaphore = |part: &str, value| {
            let (page, offset) = lines.take();
            let mut word = |part: String, offset, value| {
                let (name, width) = (format!("{}.{part}", name.value), Width::Int32);
                self.array(ArraySpec { object, name, page, offset, width, initial: vec![value] })
            };
            let waiters = word(format!("{part}.waiters"), offset + 4, 0);
            Semaphore { value: word(part.to_owned(), offset, value), waiters, memory: lines.memory, object }
        };
        let (empty, full) = (semaphore("empty", 1), semaphore("full", 0));
        let (array, _) = self.own_memory(object, &name, bytes, problems);
        let channel = Synchroniser::FloatChannel { empty, full, array, bytes };
        names.synchronisers.insert(name.value, channel);
    }

    /// Shared memory of an object's own, and its first page.
    pub(super) fn own_memory(
        &mut self,
        object: ObjectId,
        name: &At<String>,
        bytes: u64,
        problems: &mut Problems,
    ) -> (Region, PageNumber) {
        let memory = self.pages(bytes, name, problems);
        let id = MemoryId(self.memories.len() as u16);
        self.memories.push(MemorySpec { object, memory, backing: Backing::Shared });
        (Region { id, memory, backing: Backing::Shared }, memory.base)
    }

    /// A timer's words; its program comes with the processes'.
    pub(super) fn timer(
        &mut self,
        name: &At<String>,
        lines: &mut Lines,
        names: &mut Names,
        problems: &mut Problems,
    ) -> Words {
        self.words("timer", name, timer::WORDS, lines, names, problems)
    }
}

/// How many lines the tables need.
pub fn lines(root: &DeTable<'_>) -> u64 {
    let lines_of = [
        ("rwlock", 1),
        ("condition", 1),
        ("barrier", 1),
        ("event-flag", 1),
        ("once", 1),
        ("spinlock", 1),
        ("value", 2),
        ("thread-queue", 3),
        ("float-channel", 2),
        ("timer", 1),
        ("queue", 3),
    ];
    let count = |table: &str| {
        let table = root.get(table).and_then(|value| value.get_ref().as_table());
        table.map_or(0, |table| table.len() as u64)
    };
    lines_of.iter().map(|(table, lines)| count(table) * lines).sum()
}
