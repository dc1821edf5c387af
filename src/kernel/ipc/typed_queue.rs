//! System V message queues: messages with a type, by which a receiver chooses.
//!
//! Model: msgop(2), msgctl(2) and Linux's ipc/msg.c. A message that somebody waits for goes straight to
//! the first of those who want its type. Whoever waits for room looks again after each message that
//! is taken, in the order in which they came; one whose message still wouldn't fit goes to the end.

use std::collections::{BTreeMap, VecDeque};

use crate::errno::Errno;
use crate::ids::{ObjectId, Tid};
use crate::kernel::Kernel;
use crate::kernel::bytes::Bytes;
use crate::kernel::waits::WaitKey;
use crate::trace::{Cause, Sink};

/// The bytes that a queue holds unless the scenario says otherwise (/proc/sys/kernel/msgmnb).
pub const DEFAULT_CAPACITY: u64 = 16_384;
/// The most bytes of a message (/proc/sys/kernel/msgmax).
pub const MOST_BYTES: u64 = 8192;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypedMessage {
    pub kind: i64,
    pub bytes: Bytes,
}

/// Which messages a receiver wants, as msgrcv's type says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// 0: the oldest.
    Any,
    /// Above 0: the oldest of this type.
    Exactly(i64),
    /// Below 0: the oldest of the lowest type up to this.
    UpTo(i64),
}

impl Wanted {
    pub const fn of(kind: i64) -> Wanted {
        match kind {
            0 => Wanted::Any,
            1.. => Wanted::Exactly(kind),
            i64::MIN => Wanted::UpTo(i64::MAX),
            _ => Wanted::UpTo(-kind),
        }
    }

    const fn fits(self, kind: i64) -> bool {
        match self {
            Wanted::Any => true,
            Wanted::Exactly(wanted) => kind == wanted,
            Wanted::UpTo(most) => kind <= most,
        }
    }
}

/// Messages in the order in which they came.
#[derive(Clone, Debug, Default)]
pub struct ByType {
    messages: VecDeque<TypedMessage>,
    bytes: u64,
}

impl ByType {
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    pub fn push(&mut self, message: TypedMessage) {
        self.bytes += message.bytes.len();
        self.messages.push_back(message);
    }

    fn place(&self, wanted: Wanted) -> Option<usize> {
        let fitting = self.messages.iter().enumerate().filter(|(_, message)| wanted.fits(message.kind));
        match wanted {
            Wanted::Any | Wanted::Exactly(_) => fitting.map(|(place, _)| place).next(),
            // The first of equals is the oldest.
            Wanted::UpTo(_) => fitting.min_by_key(|(_, message)| message.kind).map(|(place, _)| place),
        }
    }

    pub fn find(&self, wanted: Wanted) -> Option<&TypedMessage> {
        self.messages.get(self.place(wanted)?)
    }

    pub fn take(&mut self, wanted: Wanted) -> Option<TypedMessage> {
        let message = self.messages.remove(self.place(wanted)?)?;
        self.bytes -= message.bytes.len();
        Some(message)
    }
}

/// Who waits for a message, and what it has room for: no limit if it lets the rest be cut off.
#[derive(Clone, Copy, Debug)]
struct Receiver {
    thread: Tid,
    wanted: Wanted,
    room: Option<u64>,
}

#[derive(Clone, Debug)]
pub struct TypedQueue {
    pub object: ObjectId,
    pub capacity: u64,
    pub messages: ByType,
    pub removed: bool,
    receivers: Vec<Receiver>,
    /// Those who wait for room, and the bytes for which they need it.
    senders: Vec<(Tid, u64)>,
    /// What those who have waited got.
    handed: BTreeMap<Tid, Result<TypedMessage, Errno>>,
}

impl TypedQueue {
    pub fn new(object: ObjectId, capacity: u64) -> TypedQueue {
        TypedQueue {
            object,
            capacity,
            messages: ByType::default(),
            removed: false,
            receivers: Vec::new(),
            senders: Vec::new(),
            handed: BTreeMap::new(),
        }
    }

    /// Messages without bytes take room too (msg_fits_inqueue in ipc/msg.c).
    pub fn has_room(&self, bytes: u64) -> bool {
        let (used, count) = (self.messages.bytes, self.messages.len() as u64);
        used + bytes <= self.capacity && count < self.capacity
    }

    /// The bytes of the message that a thread would get now.
    pub fn next_bytes(&self, thread: Tid, wanted: Wanted) -> Option<u64> {
        let handed = self.handed.get(&thread).and_then(|handed| handed.as_ref().ok());
        handed.or_else(|| self.messages.find(wanted)).map(|message| message.bytes.len())
    }
}

/// POSIX queues count from zero, these from the middle: both wait for messages.
const FIRST: u32 = 1 << 31;

const fn receiving(queue: u32) -> WaitKey {
    WaitKey { cause: Cause::Message, object: FIRST + queue }
}

const fn sending(queue: u32) -> WaitKey {
    WaitKey { cause: Cause::MessageRoom, object: FIRST + queue }
}

impl<S: Sink> Kernel<S> {
    /// A queue that hasn't been removed.
    pub fn typed_queue(&mut self, queue: u32) -> Result<&mut TypedQueue, Errno> {
        let found = &mut self.ipc.typed[queue as usize];
        if found.removed { Err(Errno::EINVAL) } else { Ok(found) }
    }

    /// A message goes to the first who waits for its type and has room for it, else into the queue.
    /// Those on the way whose room is too small get an error instead.
    pub fn send_typed(&mut self, cpu: usize, queue: u32, message: TypedMessage) {
        let number = queue as usize;
        let mut place = 0;
        while let Some(&receiver) = self.ipc.typed[number].receivers.get(place) {
            if !receiver.wanted.fits(message.kind) {
                place += 1;
                continue;
            }
            self.ipc.typed[number].receivers.remove(place);
            if !self.wake_waiter(cpu, receiver.thread) {
                continue;
            }
            let handed = &mut self.ipc.typed[number].handed;
            if receiver.room.is_some_and(|room| room < message.bytes.len()) {
                handed.insert(receiver.thread, Err(Errno::E2BIG));
            } else {
                handed.insert(receiver.thread, Ok(message));
                return;
            }
        }
        self.ipc.typed[number].messages.push(message);
    }

    pub fn wait_for_typed_room(&mut self, queue: u32, thread: Tid, bytes: u64) {
        self.ipc.typed[queue as usize].senders.push((thread, bytes));
        self.wait_for(sending(queue), thread);
    }

    /// A message, and those who wait for room look whether there is enough now.
    pub fn take_typed(&mut self, cpu: usize, queue: u32, wanted: Wanted) -> Option<TypedMessage> {
        let taken = self.ipc.typed[queue as usize].messages.take(wanted)?;
        let waiting = std::mem::take(&mut self.ipc.typed[queue as usize].senders);
        for (sender, bytes) in waiting {
            if !self.ipc.typed[queue as usize].has_room(bytes) {
                self.ipc.typed[queue as usize].senders.push((sender, bytes));
            } else {
                self.wake_waiter(cpu, sender);
            }
        }
        Some(taken)
    }

    pub fn wait_for_typed(&mut self, queue: u32, thread: Tid, wanted: Wanted, room: Option<u64>) {
        self.ipc.typed[queue as usize].receivers.push(Receiver { thread, wanted, room });
        self.wait_for(receiving(queue), thread);
    }

    /// A thread waits no longer: what it was given meanwhile, if anything; EIDRM if the queue has gone.
    pub fn end_typed_wait(&mut self, queue: u32, thread: Tid) -> Option<Result<TypedMessage, Errno>> {
        let here = &mut self.ipc.typed[queue as usize];
        here.receivers.retain(|receiver| receiver.thread != thread);
        here.senders.retain(|(sender, _)| *sender != thread);
        let removed = here.removed.then_some(Err(Errno::EIDRM));
        here.handed.remove(&thread).or(removed)
    }

    /// The queue and its messages are gone; everybody who waits there is told so.
    pub fn remove_typed(&mut self, cpu: usize, queue: u32) -> Result<(), Errno> {
        let here = self.typed_queue(queue)?;
        here.removed = true;
        here.messages = ByType::default();
        (here.receivers, here.senders) = (Vec::new(), Vec::new());
        self.wake_all_of(cpu, receiving(queue));
        self.wake_all_of(cpu, sending(queue));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Linux's own loop over the messages (find_msg in ipc/msg.c), on a list of types and numbers.
    fn chosen(messages: &[(i64, u64)], kind: i64) -> Option<usize> {
        let mut found = None;
        let mut most = -kind;
        for (place, (own, _)) in messages.iter().enumerate() {
            match kind {
                0 => return Some(place),
                1.. if *own == kind => return Some(place),
                1.. => {}
                _ if *own <= most => {
                    found = Some(place);
                    most = own - 1;
                }
                _ => {}
            }
        }
        found
    }

    proptest! {
        #[test]
        fn the_type_selects_as_the_kernels_own_loop_does(
            deeds in proptest::collection::vec((any::<bool>(), 1..5_i64, -5..5_i64), 0..60),
        ) {
            let (mut queue, mut model) = (ByType::default(), Vec::<(i64, u64)>::new());
            for (number, (sends, kind, wanted)) in deeds.into_iter().enumerate() {
                let word = number as u64;
                if sends {
                    queue.push(TypedMessage { kind, bytes: Bytes::word(8, word) });
                    model.push((kind, word));
                } else {
                    let expected = chosen(&model, wanted).map(|place| model.remove(place));
                    let got = queue.take(Wanted::of(wanted));
                    prop_assert_eq!(got.map(|message| (message.kind, message.bytes.first_word())), expected);
                }
                prop_assert_eq!(queue.len(), model.len());
                prop_assert_eq!(queue.bytes, 8 * model.len() as u64);
            }
        }
    }
}
