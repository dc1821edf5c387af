//! The instructions that work on a ring's queues in a program's own memory, in both worlds.

use crate::errno::Errno;
use crate::kernel::file::Opened;
use crate::kernel::readiness::Events;
use crate::kernel::rings::{Entry, Wish};
#[cfg(target_os = "linux")]
use crate::os::uring::Job;
use crate::program::call::Call;
use crate::program::content::What;
#[cfg(target_os = "linux")]
use crate::program::native::{ChannelKind, Native};
use crate::program::{Amount, Handle, Operand, Variable};
use crate::trace::{Kind, Sink};

/// What a program does with a ring's queues.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RingWork {
    /// Puts a request in; `queued` gets whether there was room.
    Prepare { ring: Handle, request: Request, data: Operand, queued: Variable },
    /// Takes a completion out.
    Reap { ring: Handle, outcome: Variable, data: Option<Variable>, into: Option<Variable>, keep: bool },
}

/// A request as the program has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Request {
    Nothing,
    Read { fd: Handle, offset: Operand, bytes: Amount },
    Write { fd: Handle, offset: Operand, bytes: Amount, what: What },
    Sync(Handle),
    Poll(Handle, Events),
}

impl RingWork {
    /// How many instructions it takes: the fields of an entry one by one and the queue's end, or the
    /// queue's both ends and the fields of a completion.
    pub const fn instructions(&self) -> u64 {
        match self {
            RingWork::Prepare { .. } => 8,
            RingWork::Reap { .. } => 4,
        }
    }

    /// The program uses what it receives as a whole.
    pub const fn keep_what_comes(&mut self) {
        if let RingWork::Reap { keep, .. } = self {
            *keep = true;
        }
    }

    /// Its effect; false if the process has no such ring in its memory.
    pub fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> bool {
        let (RingWork::Prepare { ring, .. } | RingWork::Reap { ring, .. }) = *self;
        let Some((_, Opened::Ring(number))) = call.opened(ring) else { return false };
        if call.kernel.rings[number as usize].owner != call.process() {
            return false;
        }
        match *self {
            RingWork::Prepare { request, data, queued, .. } => {
                let entry = request.entry(call, data);
                let fits = call.kernel.rings[number as usize].push(entry);
                call.user().set(Some(queued), i64::from(fits));
            }
            RingWork::Reap { outcome, data, into, keep, .. } => {
                let Some(completion) = call.kernel.rings[number as usize].reap() else {
                    call.user().set(Some(outcome), Errno::EAGAIN.result());
                    return true;
                };
                let bytes = completion.result.max(0) as u64;
                match completion.moved {
                    Some((object, true)) => call.emit(Kind::MessageSend { object, bytes }),
                    Some((object, false)) => {
                        call.emit(Kind::MessageReceive { object, bytes });
                        call.user().set(into, completion.content.first_word() as i64);
                    }
                    None => {}
                }
                call.user().set(Some(outcome), completion.result);
                call.user().set(data, completion.data);
                if keep && matches!(completion.moved, Some((_, false))) {
                    call.user().keep(completion.content, false);
                }
            }
        }
        true
    }

    /// The same for real; false if the process has no such ring in its memory.
    #[cfg(target_os = "linux")]
    pub fn execute(&self, native: &mut Native) -> bool {
        let (RingWork::Prepare { ring, .. } | RingWork::Reap { ring, .. }) = *self;
        let Some(ring) = native.ring(ring) else { return false };
        match *self {
            RingWork::Prepare { request, data, queued, .. } => {
                let data = native.computed(data);
                let object = request.fd().and_then(|fd| native.channel(fd).object);
                let fits = ring.prepare(request.job(native), data, object);
                native.user.set(Some(queued), i64::from(fits));
            }
            RingWork::Reap { outcome, data, into, keep, .. } => {
                let Some(done) = ring.reap() else {
                    native.user.set(Some(outcome), Errno::EAGAIN.result());
                    return true;
                };
                let bytes = usize::try_from(done.result).unwrap_or(0);
                match done.moves.filter(|_| bytes > 0) {
                    Some((object, true)) => native.sent(object, bytes),
                    Some((object, false)) => {
                        native.received(object, bytes);
                        let content = crate::kernel::bytes::Bytes::text(&done.content);
                        native.user.set(into, content.first_word() as i64);
                        if keep {
                            native.user.keep(content, false);
                        }
                    }
                    None => {}
                }
                native.user.set(Some(outcome), done.result);
                native.user.set(data, done.data);
            }
        }
        true
    }
}

impl Request {
    fn entry<S: Sink>(self, call: &mut Call<'_, S>, data: Operand) -> Entry {
        let data = call.user_value(data);
        let image = call.image;
        let (wish, fd) = match self {
            Request::Nothing => (Wish::Nothing, None),
            Request::Read { fd, offset, bytes } => {
                let (offset, bytes) = (call.user_value(offset), call.user().draw(bytes, image));
                (Wish::Read { offset, bytes }, Some(fd))
            }
            Request::Write { fd, offset, bytes, what } => {
                let (offset, bytes) = (call.user_value(offset), call.user().draw(bytes, image));
                let content = what.bytes(call.user(), image, bytes);
                (Wish::Write { offset, content }, Some(fd))
            }
            Request::Sync(fd) => (Wish::Sync, Some(fd)),
            Request::Poll(fd, events) => (Wish::Poll(events), Some(fd)),
        };
        Entry { wish, fd: fd.and_then(|fd| call.descriptor(fd)), data }
    }

    /// The descriptor that it is about.
    #[cfg(target_os = "linux")]
    const fn fd(self) -> Option<Handle> {
        match self {
            Request::Nothing => None,
            Request::Read { fd, .. } | Request::Write { fd, .. } => Some(fd),
            Request::Sync(fd) | Request::Poll(fd, _) => Some(fd),
        }
    }

    #[cfg(target_os = "linux")]
    fn job(self, native: &mut Native) -> Job<'_> {
        let Some(fd) = self.fd() else { return Job::Nothing };
        // A number that is nobody's is left to the host to find out.
        let (known, kind) = (native.descriptor(fd), native.channel(fd).kind);
        let descriptor = known.unwrap_or(-1);
        let no_file = known.is_ok() && kind != ChannelKind::File;
        match self {
            Request::Nothing => Job::Nothing,
            Request::Sync(_) => Job::Sync(descriptor),
            Request::Poll(_, events) => Job::Poll(descriptor, events.0),
            Request::Read { offset, bytes, .. } => {
                let offset = u64::try_from(native.computed(offset));
                match (native.transfer(bytes), offset) {
                    (Err(errno), _) => Job::Refused(errno),
                    (Ok(_), Ok(_)) if no_file => Job::Refused(Errno::EOPNOTSUPP),
                    (Ok(bytes), Ok(offset)) => Job::Read { descriptor, offset, bytes },
                    // To Linux -1 is the descriptor's own place.
                    (Ok(_), Err(_)) => Job::Refused(Errno::EINVAL),
                }
            }
            Request::Write { offset, bytes, what, .. } => {
                let offset = u64::try_from(native.computed(offset));
                match (native.transfer(bytes), offset) {
                    (Err(errno), _) => Job::Refused(errno),
                    (Ok(_), Ok(_)) if no_file => Job::Refused(Errno::EOPNOTSUPP),
                    (Ok(bytes), Ok(offset)) => {
                        Job::Write { descriptor, offset, content: native.filled(bytes, what) }
                    }
                    (Ok(_), Err(_)) => Job::Refused(Errno::EINVAL),
                }
            }
        }
    }
}
