//! `[mutex.NAME]` and `[semaphore.NAME]`: their words in memory.
//!
//! The words of all locks lie in hidden shared pages, each in a cache line of its
//! own, 64 to a page.

use std::ops::Range;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::de::DeTable;

use crate::ids::{ObjectId, PageNumber};
use crate::program::at::{At, Whole};
use crate::program::image::{ArraySpec, Backing, MemoryId, MemorySpec, Width};
use crate::program::names::{Lock, LockKind, Names, Protocol, Semaphore};
use crate::program::problem::{Code, Problems};
use crate::trace::header::ObjectEntry;

use super::machine::PAGE;
use super::objects::Objects;
use super::sync::TimerForm;
use super::table::{named, whole};

/// The bytes between two lock words: a cache line, so that neighbours don't share one.
pub(super) const LINE: u32 = 64;

/// `[mutex.NAME]`: a lock on a futex, for `lock`, `try-lock` and `unlock`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct MutexForm {
    /// What happens if its holder takes it again or another thread gives it back: "normal" (the default:
    /// nobody looks), "recursive", or "error-checking".
    pub kind: Option<LockKind>,
    /// What becomes of priorities: "none" (the default), "inherit" (the holder has the priority of the
    /// highest waiter), or "ceiling" (the holder has at least the priority `ceiling`).
    pub protocol: Option<At<ProtocolName>>,
    /// The priority with `protocol = "ceiling"`.
    pub ceiling: Option<At<Whole>>,
    /// Whether whoever gets it after its holder has died is told, by EOWNERDEAD; false if absent. It needs
    /// `protocol = "inherit"`, by which the kernel knows the holder.
    pub robust: Option<At<bool>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProtocolName {
    None,
    Inherit,
    Ceiling,
}

/// `[semaphore.NAME]`: a counter on a futex, for `sem-wait` and `sem-post`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SemaphoreForm {
    /// Its value at the beginning; 1 if absent.
    pub value: Option<At<Whole>>,
}

/// Cache lines in a hidden shared memory object.
pub struct Lines {
    pub memory: MemoryId,
    base: PageNumber,
    next: u32,
}

impl Lines {
    pub const fn new(memory: MemoryId, base: PageNumber) -> Lines {
        Lines { memory, base, next: 0 }
    }

    /// The page and the offset in it of the next line.
    pub fn take(&mut self) -> (PageNumber, u32) {
        let at = self.next * LINE;
        self.next += 1;
        let page = u64::from(at) / PAGE;
        (PageNumber(self.base.0 + page as u32), at % PAGE as u32)
    }
}

impl MutexForm {
    fn protocol(&self, problems: &mut Problems) -> Protocol {
        let name = self.protocol.as_ref().map_or(ProtocolName::None, |at| at.value);
        let mut wrong = |at: &Range<usize>, message: &str| {
            problems.error(Code::OutOfRange, at.clone(), message);
        };
        match &self.robust {
            Some(at) if at.value && name != ProtocolName::Inherit => {
                wrong(&at.span, "a robust mutex needs `protocol = \"inherit\"`");
            }
            Some(_) | None => {}
        }
        match (name, &self.ceiling, &self.protocol) {
            (ProtocolName::Ceiling, None, Some(at)) => {
                wrong(&at.span, "this protocol needs a `ceiling`");
                Protocol::None
            }
            (ProtocolName::None | ProtocolName::Inherit, Some(at), _) => {
                wrong(&at.span, "a ceiling needs `protocol = \"ceiling\"`");
                Protocol::None
            }
            (ProtocolName::Inherit, None, _) => Protocol::Inherit,
            (ProtocolName::Ceiling, Some(at), _) => {
                let ceiling = whole(at, "`ceiling`", -1_000_000..=1_000_000, problems);
                Protocol::Ceiling(ceiling.unwrap_or(0))
            }
            (ProtocolName::None | ProtocolName::Ceiling, None, _) => Protocol::None,
        }
    }
}

impl Objects {
    /// An object that the scenario doesn't declare itself: a part of one that it does.
    pub(super) fn part(&mut self, kind: &str, name: String) -> ObjectId {
        self.entries.push(ObjectEntry { kind: kind.to_owned(), name });
        ObjectId::from(self.entries.len() - 1)
    }

    /// A lock that is part of something, as of one end of a queue.
    pub(super) fn lock_of(&mut self, owner: &At<String>, part: &str, lines: &mut Lines) -> Lock {
        let name = format!("{}.{part}", owner.value);
        let object = self.part("mutex", name.clone());
        let (page, offset) = lines.take();
        let word =
            self.array(ArraySpec { object, name, page, offset, width: Width::Int32, initial: vec![0] });
        let (kind, protocol) = (LockKind::Normal, Protocol::None);
        Lock { word, memory: lines.memory, object, kind, protocol, robust: false }
    }

    pub(super) fn locks(&mut self, root: &DeTable<'_>, names: &mut Names, problems: &mut Problems) {
        let mutexes = named::<MutexForm>(root, "mutex", problems);
        let semaphores = named::<SemaphoreForm>(root, "semaphore", problems);
        let timers = named::<TimerForm>(root, "timer", problems);
        let count = (mutexes.len() + semaphores.len()) as u64 + super::sync::lines(root);
        if count == 0 {
            return;
        }
        let name = At::new(0..0, "locks".to_owned());
        let memory = self.pages(count * u64::from(LINE), &name, problems);
        self.entries.push(ObjectEntry { kind: "memory".to_owned(), name: name.value });
        let object = ObjectId::from(self.entries.len() - 1);
        let id = MemoryId(self.memories.len() as u16);
        self.memories.push(MemorySpec { object, memory, backing: Backing::Shared });
        let mut lines = Lines { memory: id, base: memory.base, next: 0 };
        for entry in mutexes {
            let object = self.object("mutex", &entry.name, names, problems);
            let kind = entry.form.kind.unwrap_or_default();
            let protocol = entry.form.protocol(problems);
            let robust = entry.form.robust.is_some_and(|at| at.value);
            let (page, offset) = lines.take();
            // Only those that aren't plain look who holds them, and how often.
            let count = if kind == LockKind::Normal { 1 } else { 3 };
            let word = self.array(ArraySpec {
                object,
                name: entry.name.value.clone(),
                page,
                offset,
                width: Width::Int32,
                initial: vec![0; count],
            });
            let lock = Lock { word, memory: id, object, kind, protocol, robust };
            names.mutexes.insert(entry.name.value, lock);
        }
        for entry in semaphores {
            let object = self.object("semaphore", &entry.name, names, problems);
            let value = entry.form.value.as_ref();
            let bounds = 0..=i128::from(i32::MAX);
            let value = value.and_then(|at| whole(at, "a semaphore's value", bounds, problems));
            let (page, offset) = lines.take();
            let name = &entry.name.value;
            let mut word = |part: &str, offset, value| {
                self.array(ArraySpec {
                    object,
                    name: format!("{name}{part}"),
                    page,
                    offset,
                    width: Width::Int32,
                    initial: vec![value],
                })
            };
            let semaphore = Semaphore {
                value: word("", offset, value.unwrap_or(1)),
                waiters: word(".waiters", offset + 4, 0),
                memory: id,
                object,
            };
            names.semaphores.insert(entry.name.value, semaphore);
        }
        self.synchronisers(root, &mut lines, names, problems);
        self.item_queues(root, &mut lines, names, problems);
        for entry in timers {
            let words = self.timer(&entry.name, &mut lines, names, problems);
            names.timers.insert(entry.name.value, words);
        }
    }
}
