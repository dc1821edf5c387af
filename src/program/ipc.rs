//! Message queues and semaphore sets, as a lowered scenario describes them.

use crate::errno::Errno;
use crate::ids::{Fd, ObjectId};
use crate::kernel::ipc::mqueue::PRIORITIES;
use crate::kernel::waits::Interruption;
use crate::time::Span;
use crate::trace::{Cause, Sink};

use super::at::{At, TimeAmount, Value};
use super::call::{Awaits, Call};
use super::image::Image;
use super::lower::Lower;
use super::names::Queue;
#[cfg(target_os = "linux")]
use super::native::Native;
use super::problem::{Code, Problem};
use super::value::{Amount, Handle, Operand, Variable};

/// A POSIX message queue's name.
#[derive(Clone, Debug)]
pub struct QueueSpec {
    pub object: ObjectId,
    /// Its descriptor in all processes that use it; none if it is made by an `mq-open`.
    pub fd: Option<Fd>,
    pub max_messages: u32,
    /// Bytes of a message at most.
    pub message_size: u64,
}

/// A System V message queue.
#[derive(Clone, Debug)]
pub struct TypedQueueSpec {
    pub object: ObjectId,
    /// Bytes.
    pub capacity: u64,
}

/// A System V semaphore set.
#[derive(Clone, Debug)]
pub struct SemaphoresSpec {
    pub object: ObjectId,
    /// The values at the beginning.
    pub values: Vec<i64>,
}

/// An operation of a `semop` step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SemaphoreStep {
    pub number: Operand,
    pub change: Operand,
    pub nowait: bool,
    pub undo: bool,
}

/// The index of a list in [`Lists::operations`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperationsId(pub u32);

/// The index of a list in [`Lists::operands`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperandsId(pub u32);

/// The index of a list in [`Lists::variables`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VariablesId(pub u32);

/// What instructions of a fixed size only point to.
#[derive(Clone, Debug, Default)]
pub struct Lists {
    pub operations: Vec<Vec<SemaphoreStep>>,
    pub operands: Vec<Vec<Operand>>,
    pub variables: Vec<Vec<Variable>>,
}

/// All message queues and semaphore sets of a scenario.
#[derive(Clone, Debug, Default)]
pub struct Ipc {
    pub queues: Vec<QueueSpec>,
    pub typed: Vec<TypedQueueSpec>,
    pub semaphores: Vec<SemaphoresSpec>,
}

impl Ipc {
    pub fn is_empty(&self) -> bool {
        self.queues.is_empty() && self.typed.is_empty() && self.semaphores.is_empty()
    }

    /// The queue whose descriptor this is.
    pub fn queue_at(&self, fd: Fd) -> Option<usize> {
        self.queues.iter().position(|queue| queue.fd == Some(fd))
    }
}

impl Image {
    /// What a call on a queue's descriptor waits for.
    pub fn queue_wait(&self, handle: Handle, on: Cause) -> Awaits {
        let queue = match handle {
            Handle::Named(fd) => self.ipc.queue_at(fd),
            Handle::Number(_) => None,
        };
        Awaits { on, object: queue.map(|queue| self.ipc.queues[queue].object) }
    }
}

impl Lower<'_> {
    /// The descriptor of a message queue that is open from the beginning, or behind `@` and a variable
    /// that holds its number.
    pub fn queue(&mut self, name: &At<String>) -> Option<Handle> {
        if let Some(number) = name.value.strip_prefix('@') {
            let number = super::at::Raw::Text(number.to_owned());
            return Some(Handle::Number(self.operand(&At::new(name.span.clone(), Value(number)))));
        }
        let Queue { fd, .. } = self.queue_name(name)?;
        if fd.is_none() {
            let message = format!("`{}` isn't open from the beginning", name.value);
            let problem = Problem::error(Code::WrongObject, name.span.clone(), message);
            self.problems.push(problem.help(format!(
                "open it: `{{ mq-open = \"{}\", into = \"q\", create = true }}`, and name it \"@q\" then",
                name.value
            )));
        }
        Some(Handle::Named(self.use_fd(fd?, &name.span)))
    }

    /// The name of a message queue.
    pub fn queue_name(&mut self, name: &At<String>) -> Option<Queue> {
        let found = self.names.queues.get(&name.value).copied();
        if found.is_none() {
            let have = self.names.queues.keys().cloned().collect();
            self.no_such(name, "mqueue", have);
        }
        found
    }

    pub fn typed_queue(&mut self, name: &At<String>) -> Option<u32> {
        let found = self.names.typed_queues.get(&name.value).copied();
        if found.is_none() {
            let have = self.names.typed_queues.keys().cloned().collect();
            self.no_such(name, "sysv-queue", have);
        }
        found
    }

    pub fn semaphore_set(&mut self, name: &At<String>) -> Option<u32> {
        let found = self.names.semaphore_sets.get(&name.value).copied();
        if found.is_none() {
            let have = self.names.semaphore_sets.keys().cloned().collect();
            self.no_such(name, "sysv-semaphores", have);
        }
        found
    }

    /// A time limit, if there is one.
    pub fn time_limit(&mut self, at: Option<&At<TimeAmount>>) -> Option<Amount> {
        at.map(|at| self.time(at))
    }

    /// A message's priority; 0 if it isn't given.
    pub fn message_priority(&mut self, at: Option<&At<Value>>) -> Operand {
        at.map_or(Operand::Const(0), |at| self.operand(at))
    }
}

impl<S: Sink> Call<'_, S> {
    /// The wait that is about to begin ends after a time, if there is a limit; `late` at once if that
    /// is no time at all.
    pub fn limit_wait(&mut self, limit: Option<Amount>, late: Errno) -> Result<(), Errno> {
        let Some(limit) = limit else { return Ok(()) };
        let image = self.image;
        let limit = Span::from_nanos(self.user().draw(limit, image));
        if limit.is_zero() {
            return Err(late);
        }
        let due = self.now() + limit;
        self.kernel.limit_wait(self.cpu, self.task, due);
        Ok(())
    }

    /// Why a wait ended that brought nothing: `late` if the time was over, EINTR if a signal came. If
    /// nothing comes of that, or it was neither, the call looks again as if it had just been made.
    pub fn waited_in_vain(&mut self, late: Errno) -> Option<Errno> {
        self.user().progress = 0;
        match self.kernel.take_interruption(self.task)? {
            Interruption::Timeout => Some(late),
            Interruption::Signal | Interruption::Failure => Some(Errno::EINTR),
        }
    }
}

#[cfg(target_os = "linux")]
impl Native {
    /// How the host calls a message queue of the scenario.
    pub fn queue_name(&self, queue: u32) -> Result<&str, Errno> {
        self.world.named.queues.get(queue as usize).map(String::as_str).ok_or(Errno::ENOENT)
    }

    /// The host's id of a System V queue.
    pub fn typed_queue(&self, queue: u32) -> Result<i32, Errno> {
        self.world.named.typed.get(queue as usize).copied().ok_or(Errno::EINVAL)
    }

    /// The host's id of a semaphore set.
    pub fn semaphore_set(&self, set: u32) -> Result<i32, Errno> {
        self.world.named.semaphores.get(set as usize).copied().ok_or(Errno::EINVAL)
    }

    /// A time limit in nanoseconds.
    pub fn time_limit(&mut self, limit: Option<Amount>) -> Option<u64> {
        limit.map(|limit| self.user.draw(limit, &self.world.image))
    }
}

/// A priority that a message can have.
pub fn priority(value: i64) -> Option<u32> {
    (0..PRIORITIES).contains(&value).then_some(value as u32)
}
