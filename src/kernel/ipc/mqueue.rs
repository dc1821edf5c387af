//! POSIX message queues: whole messages with priorities, under a name that outlives its processes.
//!
//! Model: mq_overview(7) and Linux's ipc/mqueue.c. The highest priority comes first, and the oldest of
//! those. Whoever waits for a message gets it from the sender's hands, so that nobody else can take
//! it first; likewise the message of whoever waits for room goes in when a receiver makes room. Both
//! wait in the order in which they came. Left out: among those who wait, Linux prefers real-time threads.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::errno::Errno;
use crate::ids::{Fd, ObjectId, Pid, Tid};
use crate::kernel::Kernel;
use crate::kernel::bytes::Bytes;
use crate::kernel::file::{Flags, Opened};
use crate::kernel::waits::WaitKey;
use crate::signal::Signal;
use crate::trace::{Cause, Sink};

/// Priorities are below this (limits.h).
pub const PRIORITIES: i64 = 32_768;
/// What a user without privilege may ask for (/proc/sys/fs/mqueue): queues, messages and bytes.
pub const MOST_QUEUES: usize = 256;
pub const MOST_MESSAGES: u32 = 10;
pub const MOST_BYTES: u64 = 8192;
/// What nobody may exceed.
pub const HARD_MESSAGES: u32 = 65_536;
pub const HARD_BYTES: u64 = 16 << 20;
/// The bytes that all queues of a user may take (RLIMIT_MSGQUEUE).
pub const MOST_MEMORY: u64 = 819_200;
/// The kernel's own bytes for each message: its head, and its place in the tree of priorities.
const HEAD: u64 = 48 + 48;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub bytes: Bytes,
    pub priority: u32,
}

/// Messages in the order in which they are received.
#[derive(Clone, Debug, Default)]
pub struct ByPriority {
    rows: BTreeMap<Reverse<u32>, VecDeque<Bytes>>,
    count: u32,
}

impl ByPriority {
    pub const fn len(&self) -> u32 {
        self.count
    }

    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub fn push(&mut self, message: Message) {
        self.count += 1;
        self.rows.entry(Reverse(message.priority)).or_default().push_back(message.bytes);
    }

    pub fn pop(&mut self) -> Option<Message> {
        let mut row = self.rows.first_entry()?;
        let priority = row.key().0;
        let bytes = row.get_mut().pop_front()?;
        if row.get().is_empty() {
            row.remove();
        }
        self.count -= 1;
        Some(Message { bytes, priority })
    }

    /// The bytes of the message that comes next.
    pub fn first(&self) -> Option<&Bytes> {
        self.rows.first_key_value()?.1.front()
    }
}

#[derive(Clone, Debug)]
pub struct MessageQueue {
    pub object: ObjectId,
    pub max_messages: u32,
    pub message_size: u64,
    pub messages: ByPriority,
    /// Open descriptions; a queue without name and descriptions is gone.
    pub references: u32,
    has_name: bool,
    /// Who is told of a message that arrives at the empty queue, and by which signal.
    notify: Option<(Pid, Signal)>,
    receivers: VecDeque<Tid>,
    senders: VecDeque<(Tid, Message)>,
    /// What those who have waited got.
    handed: BTreeMap<Tid, Message>,
    /// Those whose messages went in while they waited.
    accepted: BTreeSet<Tid>,
}

impl MessageQueue {
    fn new(name: &QueueName) -> MessageQueue {
        MessageQueue {
            object: name.object,
            max_messages: name.max_messages,
            message_size: name.message_size,
            messages: ByPriority::default(),
            references: 0,
            has_name: true,
            notify: None,
            receivers: VecDeque::new(),
            senders: VecDeque::new(),
            handed: BTreeMap::new(),
            accepted: BTreeSet::new(),
        }
    }

    pub const fn is_full(&self) -> bool {
        self.messages.len() >= self.max_messages
    }

    /// The bytes of the message that a thread would get now.
    pub fn next_bytes(&self, thread: Tid) -> Option<u64> {
        let handed = self.handed.get(&thread).map(|message| &message.bytes);
        handed.or_else(|| self.messages.first()).map(Bytes::len)
    }
}

/// A name in the system, and the queue that has it now.
#[derive(Clone, Debug)]
pub struct QueueName {
    pub object: ObjectId,
    pub max_messages: u32,
    pub message_size: u64,
    queue: Option<u32>,
}

impl QueueName {
    const fn memory(&self) -> u64 {
        (HEAD + self.message_size) * self.max_messages as u64
    }
}

#[derive(Clone, Debug, Default)]
pub struct MessageQueues {
    pub queues: Vec<MessageQueue>,
    pub names: Vec<QueueName>,
}

impl MessageQueues {
    /// A name, with a queue of that name from the beginning or not.
    pub fn declare(&mut self, object: ObjectId, max_messages: u32, message_size: u64, exists: bool) {
        let mut name = QueueName { object, max_messages, message_size, queue: None };
        if exists {
            name.queue = Some(self.queues.len() as u32);
            self.queues.push(MessageQueue::new(&name));
        }
        self.names.push(name);
    }

    /// A new queue for a name that has none.
    fn make(&mut self, number: usize) -> Result<u32, Errno> {
        let name = &self.names[number];
        if self.names.iter().filter(|name| name.queue.is_some()).count() >= MOST_QUEUES {
            return Err(Errno::ENOSPC);
        }
        if name.max_messages > MOST_MESSAGES || name.message_size > MOST_BYTES {
            return Err(Errno::EINVAL);
        }
        let living = self.queues.iter().filter(|queue| queue.has_name || queue.references > 0);
        let taken: u64 =
            living.map(|queue| (HEAD + queue.message_size) * u64::from(queue.max_messages)).sum();
        if taken + name.memory() > MOST_MEMORY {
            return Err(Errno::EMFILE);
        }
        let queue = self.queues.len() as u32;
        self.queues.push(MessageQueue::new(name));
        self.names[number].queue = Some(queue);
        Ok(queue)
    }
}

/// How a queue is opened: O_CREAT, O_EXCL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Opening {
    pub create: bool,
    pub exclusive: bool,
}

const fn receiving(queue: u32) -> WaitKey {
    WaitKey { cause: Cause::Message, object: queue }
}

const fn sending(queue: u32) -> WaitKey {
    WaitKey { cause: Cause::MessageRoom, object: queue }
}

impl<S: Sink> Kernel<S> {
    pub fn mqueue(&self, queue: u32) -> &MessageQueue {
        &self.ipc.messages.queues[queue as usize]
    }

    fn mqueue_mut(&mut self, queue: u32) -> &mut MessageQueue {
        &mut self.ipc.messages.queues[queue as usize]
    }

    /// A new descriptor for the queue with a name.
    pub fn open_mqueue(
        &mut self,
        process: Pid,
        name: usize,
        opening: Opening,
        flags: Flags,
    ) -> Result<Fd, Errno> {
        self.lowest_free(process)?;
        let queues = &mut self.ipc.messages;
        let queue = match queues.names[name].queue {
            Some(_) if opening.create && opening.exclusive => return Err(Errno::EEXIST),
            Some(queue) => queue,
            None if opening.create => queues.make(name)?,
            None => return Err(Errno::ENOENT),
        };
        self.open(process, Opened::Queue(queue), flags)
    }

    /// The name is gone at once, the queue with its last descriptor.
    pub fn unlink_mqueue(&mut self, name: usize) -> Result<(), Errno> {
        let queue = self.ipc.messages.names[name].queue.take().ok_or(Errno::ENOENT)?;
        self.mqueue_mut(queue).has_name = false;
        Ok(())
    }

    /// A process that the scenario starts has the queue open already, unless its name has gone.
    pub fn install_mqueue(&mut self, process: Pid, fd: Fd, name: usize) {
        if let Some(queue) = self.ipc.messages.names[name].queue {
            let open = self.describe(Opened::Queue(queue), Flags::default());
            self.install(process, fd, open);
        }
    }

    /// A message goes to whoever waits for one, else into the queue, which isn't full.
    pub fn send_message(&mut self, cpu: usize, queue: u32, message: Message) {
        while let Some(receiver) = self.mqueue_mut(queue).receivers.pop_front() {
            if self.wake_waiter(cpu, receiver) {
                self.mqueue_mut(queue).handed.insert(receiver, message);
                return;
            }
        }
        let here = self.mqueue_mut(queue);
        here.messages.push(message);
        // The registration is for one message only.
        let told = if here.messages.len() == 1 { here.notify.take() } else { None };
        if let Some((process, signal)) = told {
            self.send_signal(cpu, process, signal);
        }
        self.announce(cpu, Opened::Queue(queue));
    }

    /// A thread's message will go in when there is room; until then the thread waits.
    pub fn wait_to_send(&mut self, queue: u32, thread: Tid, message: Message) {
        self.mqueue_mut(queue).senders.push_back((thread, message));
        self.wait_for(sending(queue), thread);
    }

    /// Whether the message of a thread that has waited went in. If not, it never will.
    pub fn was_accepted(&mut self, queue: u32, thread: Tid) -> bool {
        let here = self.mqueue_mut(queue);
        here.senders.retain(|(sender, _)| *sender != thread);
        here.accepted.remove(&thread)
    }

    /// The message that comes next, and whoever waits for room puts another in.
    pub fn take_message(&mut self, cpu: usize, queue: u32) -> Option<Message> {
        let taken = self.mqueue_mut(queue).messages.pop()?;
        while let Some((sender, message)) = self.mqueue_mut(queue).senders.pop_front() {
            if self.wake_waiter(cpu, sender) {
                let here = self.mqueue_mut(queue);
                here.messages.push(message);
                here.accepted.insert(sender);
                break;
            }
        }
        self.announce(cpu, Opened::Queue(queue));
        Some(taken)
    }

    pub fn wait_for_message(&mut self, queue: u32, thread: Tid) {
        self.mqueue_mut(queue).receivers.push_back(thread);
        self.wait_for(receiving(queue), thread);
    }

    /// What a thread that has waited was given; none if it stopped waiting for another reason.
    pub fn handed_message(&mut self, queue: u32, thread: Tid) -> Option<Message> {
        let here = self.mqueue_mut(queue);
        here.receivers.retain(|receiver| *receiver != thread);
        here.handed.remove(&thread)
    }

    /// A process wants to be told of the next message at the empty queue, or no longer.
    pub fn notify_of_message(
        &mut self,
        queue: u32,
        process: Pid,
        signal: Option<Signal>,
    ) -> Result<(), Errno> {
        let here = self.mqueue_mut(queue);
        match (here.notify, signal) {
            (Some(_), Some(_)) => return Err(Errno::EBUSY),
            (None, Some(signal)) => here.notify = Some((process, signal)),
            (Some((owner, _)), None) if owner == process => here.notify = None,
            (Some(_) | None, None) => {}
        }
        Ok(())
    }

    /// A process that closes a descriptor of a queue isn't told of messages any more.
    pub(in crate::kernel) fn forget_notification(&mut self, queue: u32, process: Pid) {
        let here = self.mqueue_mut(queue);
        if here.notify.is_some_and(|(owner, _)| owner == process) {
            here.notify = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_highest_priority_comes_first_and_the_oldest_of_those(
            deeds in proptest::collection::vec(proptest::option::of(0..4_u32), 0..60),
        ) {
            let (mut queue, mut model) = (ByPriority::default(), Vec::<(u32, u64)>::new());
            for (number, deed) in deeds.into_iter().enumerate() {
                let word = number as u64;
                match deed {
                    Some(priority) => {
                        queue.push(Message { bytes: Bytes::word(8, word), priority });
                        model.push((priority, word));
                    }
                    None => {
                        // `max_by_key` gives the last of equals, and the oldest is wanted.
                        let best = (0..model.len()).rev().max_by_key(|&at| model[at].0);
                        let wanted = best.map(|at| model.remove(at));
                        let first = queue.first().map(Bytes::first_word);
                        prop_assert_eq!(first, wanted.map(|(_, word)| word));
                        let got = queue.pop().map(|message| (message.priority, message.bytes.first_word()));
                        prop_assert_eq!(got, wanted);
                    }
                }
                prop_assert_eq!(queue.len() as usize, model.len());
            }
        }
    }
}
