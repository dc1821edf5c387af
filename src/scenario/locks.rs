//! `[mutex.NAME]` and `[semaphore.NAME]`: their words in memory.
//!
//! The words of all mutexes and semaphores lie in hidden shared pages, each in a cache line of its
//! own, 64 to a page.

use schemars::JsonSchema;
use serde::Deserialize;
use toml::de::DeTable;

use crate::ids::{ObjectId, PageNumber};
use crate::program::at::{At, Whole};
use crate::program::image::{ArraySpec, Backing, MemoryId, MemorySpec, Width};
use crate::program::names::{Lock, Names, Semaphore};
use crate::program::problem::Problems;
use crate::trace::header::ObjectEntry;

use super::machine::PAGE;
use super::objects::Objects;
use super::table::{named, whole};

/// The bytes between two lock words: a cache line, so that neighbours don't share one.
const LINE: u32 = 64;

/// `[mutex.NAME]`: a lock on a futex, for `lock` and `unlock`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct MutexForm {}

/// `[semaphore.NAME]`: a counter on a futex, for `sem-wait` and `sem-post`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SemaphoreForm {
    /// Its value at the beginning; 1 if absent.
    pub value: Option<At<Whole>>,
}

impl Objects {
    pub(super) fn locks(&mut self, root: &DeTable<'_>, names: &mut Names, problems: &mut Problems) {
        let mutexes = named::<MutexForm>(root, "mutex", problems);
        let semaphores = named::<SemaphoreForm>(root, "semaphore", problems);
        let Some(first) =
            mutexes.first().map(|entry| &entry.name).or(semaphores.first().map(|entry| &entry.name))
        else {
            return;
        };
        let count = (mutexes.len() + semaphores.len()) as u64;
        let memory = self.pages(count * u64::from(LINE), first, problems);
        self.entries.push(ObjectEntry { kind: "memory".to_owned(), name: "locks".to_owned() });
        let object = ObjectId::from(self.entries.len() - 1);
        let id = MemoryId(self.memories.len() as u16);
        self.memories.push(MemorySpec { object, memory, backing: Backing::Shared });
        let mut next = 0_u32;
        let mut line = || {
            let at = next * LINE;
            next += 1;
            let page = u64::from(at) / PAGE;
            let page = PageNumber(memory.base.0 + page as u32);
            (page, at % PAGE as u32)
        };
        for entry in mutexes {
            let object = self.object("mutex", &entry.name, names, problems);
            let (page, offset) = line();
            let word = self.array(ArraySpec {
                object,
                name: entry.name.value.clone(),
                page,
                offset,
                width: Width::Int32,
                initial: vec![0],
            });
            let lock = Lock { word, memory: id, object };
            names.mutexes.insert(entry.name.value, lock);
        }
        for entry in semaphores {
            let object = self.object("semaphore", &entry.name, names, problems);
            let value = entry.form.value.as_ref();
            let bounds = 0..=i128::from(i32::MAX);
            let value = value.and_then(|at| whole(at, "a semaphore's value", bounds, problems));
            let (page, offset) = line();
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
    }
}
