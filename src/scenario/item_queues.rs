//! `[queue.NAME]`: a queue between processes, of a pipe and a lock for each of its ends.

use schemars::JsonSchema;
use serde::Deserialize;
use toml::de::DeTable;

use crate::ids::ObjectId;
use crate::program::ProgramId;
use crate::program::at::{At, Size, Whole};
use crate::program::image::{ArraySpec, Backing, MemoryId, MemorySpec, PipeSpec, Width};
use crate::program::library::queue_feeder;
use crate::program::names::{Feeder, ItemQueue, Names, Semaphore, Synchroniser, Words};
use crate::program::problem::Problems;

use super::locks::Lines;
use super::machine::PAGE;
use super::objects::{Objects, PipeRule};
use super::table::{named, size, whole};

/// `[queue.NAME]`: a queue between related processes, of a pipe and a lock for each of its ends, for `queue-put`,
/// `queue-get` and `queue-close`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct QueueForm {
    /// The process that creates it: only that one and its descendants can reach it. If absent: the only initial
    /// process, else init, the parent of all.
    pub of: Option<At<String>>,
    /// How many items it holds; who puts one more waits. If absent, as many as memory holds.
    pub max_items: Option<At<Whole>>,
    /// Whether a put only hands the item to a thread of its process, the feeder, which sends it; true if
    /// absent. Without one, a put returns when the item is in the pipe.
    pub feeder: Option<bool>,
    /// How many bytes its pipe holds; "64KiB" if absent.
    pub capacity: Option<At<Size>>,
}

impl Objects {
    pub(super) fn item_queues(
        &mut self,
        root: &DeTable<'_>,
        lines: &mut Lines,
        names: &mut Names,
        problems: &mut Problems,
    ) {
        // The numbers of `[stream.NAME]` come first.
        let streams = root.get("stream").and_then(|value| value.get_ref().as_table());
        let streams = streams.map_or(0, |table| table.len());
        for (number, entry) in named::<QueueForm>(root, "queue", problems).into_iter().enumerate() {
            let (name, form) = (entry.name, entry.form);
            let object = self.object("queue", &name, names, problems);
            let (read, write) = (self.fd(&name, problems), self.fd(&name, problems));
            let capacity = form.capacity.as_ref();
            let capacity = capacity.and_then(|at| size(at, "a pipe", 1 << 30, problems)).unwrap_or(64 << 10);
            self.pipes.push(PipeSpec { object, capacity, read, write, nonblock: false, fifo: false });
            let rule = PipeRule { name: name.value.clone(), of: form.of, both: false, read, write };
            self.rules.push(rule);
            let (read_lock, write_lock) =
                (self.lock_of(&name, "read", lines), self.lock_of(&name, "write", lines));
            let most = form.max_items.as_ref();
            let most = most.and_then(|at| whole(at, "`max-items`", 1..=i128::from(i32::MAX), problems));
            let room = most.map(|most| self.room_of(&name, most, lines));
            let feeder = form.feeder.unwrap_or(true).then(|| Feeder {
                words: self.words_of_each(&name, object, problems),
                program: ProgramId(0),
            });
            let stream = (streams + number) as u16;
            let queue = ItemQueue { object, read, write, read_lock, write_lock, room, stream, feeder };
            names.synchronisers.insert(name.value, Synchroniser::Queue(queue));
        }
    }

    /// The semaphore that counts how many more items there may be.
    fn room_of(&mut self, queue: &At<String>, most: i64, lines: &mut Lines) -> Semaphore {
        let name = format!("{}.room", queue.value);
        let object = self.part("semaphore", name.clone());
        let (page, offset) = lines.take();
        let mut word = |name, offset, value| {
            let (width, initial) = (Width::Int32, vec![value]);
            self.array(ArraySpec { object, name, page, offset, width, initial })
        };
        let waiters = word(format!("{name}.waiters"), offset + 4, 0);
        Semaphore { value: word(name, offset, most), waiters, memory: lines.memory, object }
    }

    /// Words that each process has for its own, in a page of their own.
    fn words_of_each(&mut self, queue: &At<String>, object: ObjectId, problems: &mut Problems) -> Words {
        let memory = self.pages(PAGE, queue, problems);
        let id = MemoryId(self.memories.len() as u16);
        self.memories.push(MemorySpec { object, memory, backing: Backing::Private });
        let array = self.array(ArraySpec {
            object,
            name: format!("{}.feeder", queue.value),
            page: memory.base,
            offset: 0,
            width: Width::Int32,
            initial: vec![0; queue_feeder::WORDS],
        });
        Words { array, memory: id, object }
    }
}
