//! `[mqueue.NAME]`, `[sysv-queue.NAME]` and `[sysv-semaphores.NAME]`: what has a name or key in the
//! system, so that unrelated processes reach it and it outlives them.

use schemars::JsonSchema;
use serde::Deserialize;
use toml::de::DeTable;

use crate::kernel::ipc::mqueue::{HARD_BYTES, HARD_MESSAGES};
use crate::kernel::ipc::semaphore_set::{MOST_SEMAPHORES, MOST_VALUE};
use crate::kernel::ipc::typed_queue::DEFAULT_CAPACITY;
use crate::program::at::{At, Size, Whole};
use crate::program::ipc::{QueueSpec, SemaphoresSpec, TypedQueueSpec};
use crate::program::names::{Channel, Names, Queue};
use crate::program::problem::{Code, Problem, Problems};

use super::objects::Objects;
use super::table::{named, size, whole};

/// `[mqueue.NAME]`: a POSIX message queue. Any process reaches it, and it outlives them all.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct MqueueForm {
    /// How many messages it holds; 10 if absent.
    pub max_messages: Option<At<Whole>>,
    /// How many bytes a message has at most; "8KiB" if absent.
    pub message_size: Option<At<Size>>,
    /// "start" (the default): it exists from the beginning, and is open in each process that uses it.
    /// "open": an `mq-open` makes it.
    pub create: Option<Create>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Create {
    Start,
    Open,
}

/// `[sysv-queue.NAME]`: a System V message queue, which exists from the beginning. Any process reaches
/// it, and it outlives them all.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TypedQueueForm {
    /// How many bytes of messages it holds; "16KiB" if absent.
    pub capacity: Option<At<Size>>,
}

/// `[sysv-semaphores.NAME]`: a set of System V semaphores, which exists from the beginning. Any process
/// reaches it, and it outlives them all.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SemaphoresForm {
    /// The semaphores' values at the beginning, from 0 to 32767; as many as the set has semaphores.
    pub values: At<Vec<At<Whole>>>,
}

impl Objects {
    pub(super) fn queues(&mut self, root: &DeTable<'_>, names: &mut Names, problems: &mut Problems) {
        for entry in named::<MqueueForm>(root, "mqueue", problems) {
            let object = self.object("mqueue", &entry.name, names, problems);
            let form = entry.form;
            let messages = form.max_messages.as_ref();
            let bounds = 1..=if form.create == Some(Create::Open) {
                // What is too much for the kernel is an error number that programs can see.
                i128::from(u32::MAX)
            } else {
                i128::from(HARD_MESSAGES)
            };
            let messages = messages.and_then(|at| whole(at, "the number of messages", bounds, problems));
            let bytes = form.message_size.as_ref();
            let bytes = bytes.and_then(|at| size(at, "a message", HARD_BYTES, problems));
            let at_start = form.create != Some(Create::Open);
            let fd = at_start.then(|| self.fd(&entry.name, problems));
            let (max_messages, message_size) = (messages.unwrap_or(10), bytes.unwrap_or(8 << 10));
            let number = self.ipc.queues.len() as u32;
            names.queues.insert(entry.name.value.clone(), Queue { number, message_size, fd });
            self.ipc.queues.push(QueueSpec { object, fd, max_messages, message_size });
            if let Some(fd) = fd {
                names.channels.insert(entry.name.value, Channel::Queue(fd));
            }
        }
        for entry in named::<TypedQueueForm>(root, "sysv-queue", problems) {
            let object = self.object("sysv-queue", &entry.name, names, problems);
            let capacity = entry.form.capacity.as_ref();
            let capacity = capacity.and_then(|at| size(at, "a message queue", 1 << 30, problems));
            names.typed_queues.insert(entry.name.value, self.ipc.typed.len() as u32);
            let capacity = capacity.unwrap_or(DEFAULT_CAPACITY);
            self.ipc.typed.push(TypedQueueSpec { object, capacity });
        }
        for entry in named::<SemaphoresForm>(root, "sysv-semaphores", problems) {
            let object = self.object("sysv-semaphores", &entry.name, names, problems);
            let given = &entry.form.values;
            if !(1..=MOST_SEMAPHORES).contains(&given.value.len()) {
                let message = format!("a set has from 1 to {MOST_SEMAPHORES} semaphores");
                problems.push(Problem::error(Code::OutOfRange, given.span.clone(), message));
            }
            let bounds = 0..=i128::from(MOST_VALUE);
            let value = |at| whole(at, "a semaphore's value", bounds.clone(), problems).unwrap_or(0);
            let values: Vec<i64> = given.value.iter().map(value).collect();
            names.set_sizes.push(values.len());
            names.semaphore_sets.insert(entry.name.value, self.ipc.semaphores.len() as u32);
            self.ipc.semaphores.push(SemaphoresSpec { object, values });
        }
    }
}
