//! How a socket gives what has come to it, and who goes on then. Sources: recv(2), unix(7), tcp(7).

use crate::errno::Errno;
use crate::ids::Tid;
use crate::kernel::Kernel;
use crate::kernel::bytes::Bytes;
use crate::kernel::file::Opened;
use crate::trace::{Cause, Kind, Sink};

use super::connect::{Progress, at};
use super::socket::{Attempt, SocketKind};

/// How a transfer is to be done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Manner {
    /// It fails with EAGAIN instead of waiting.
    pub nonblock: bool,
    /// What is received stays where it is.
    pub peek: bool,
}

/// What has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    pub bytes: Bytes,
    /// The number by which its sender can be answered.
    pub from: i64,
    /// The socket that has sent the message.
    pub sender: Option<u32>,
}

impl<S: Sink> Kernel<S> {
    /// Takes what has come, at most so many bytes; of a message the rest is lost.
    pub fn receive(
        &mut self,
        cpu: usize,
        thread: Tid,
        socket: u32,
        wanted: u64,
        manner: Manner,
    ) -> Result<Progress<Received>, Errno> {
        let found = match self.sockets.get(socket).kind.is_stream() {
            true => self.receive_bytes(socket, wanted, manner.peek)?,
            false => self.receive_message(socket, wanted, manner)?,
        };
        let Some(received) = found else {
            if manner.nonblock {
                return Err(Errno::EAGAIN);
            }
            self.wait_for(at(Cause::SocketRead, socket), thread);
            return Ok(Progress::Waits(Cause::SocketRead));
        };
        if !manner.peek {
            self.was_taken(cpu, socket, &received);
        }
        Ok(Progress::Done(received))
    }

    /// A stream's next bytes; none if there are none yet.
    fn receive_bytes(&mut self, socket: u32, wanted: u64, peek: bool) -> Result<Option<Received>, Errno> {
        let own = self.sockets.get_mut(socket);
        let tcp = own.kind == SocketKind::Tcp;
        if own.attempt == Some(Attempt::UnderWay) {
            return Ok(None);
        }
        if own.used > 0 || (wanted == 0 && own.peer.is_some()) {
            let bytes = if peek { own.stream.slice(0, wanted) } else { own.stream.take(wanted) };
            if !peek {
                own.used -= bytes.len();
            }
            return Ok(Some(Received { bytes, from: 0, sender: None }));
        }
        if own.listening.is_some() || (own.peer.is_none() && own.error.is_none()) {
            return Err(if tcp { Errno::ENOTCONN } else { Errno::EINVAL });
        }
        if own.finished {
            return Ok(Some(Received::default()));
        }
        if let Some(errno) = own.error.take() {
            return Err(errno);
        }
        Ok(own.ended.then(Received::default))
    }

    /// The next message; none if there is none yet.
    fn receive_message(
        &mut self,
        socket: u32,
        wanted: u64,
        manner: Manner,
    ) -> Result<Option<Received>, Errno> {
        let own = self.sockets.get_mut(socket);
        if own.kind.connects() && own.peer.is_none() {
            return Err(Errno::ENOTCONN);
        }
        if let Some(errno) = own.error.take() {
            return Err(errno);
        }
        let message = if manner.peek { own.messages.front().cloned() } else { own.messages.pop_front() };
        let Some(mut message) = message else {
            let ended = own.ended && (!manner.nonblock || own.kind.connects());
            return Ok(ended.then(Received::default));
        };
        if !manner.peek {
            own.used -= message.bytes.len();
            if let Some(from) = message.from.filter(|_| own.kind.is_unix()) {
                self.sockets.get_mut(from).outstanding -= message.bytes.len();
            }
        }
        let from = self.sockets.number_of(message.from);
        Ok(Some(Received { bytes: message.bytes.take(wanted), from, sender: message.from }))
    }

    /// Something was taken out: whoever waits for room may go on, and so may another reader.
    fn was_taken(&mut self, cpu: usize, socket: u32, received: &Received) {
        let own = self.sockets.get(socket);
        let (kind, object, rest) = (own.kind, own.object, own.used > 0 || !own.messages.is_empty());
        let (crowded, from) = (own.is_crowded(), received.sender);
        let sender = if kind.is_stream() { own.peer } else { from };
        if let Some(object) = object
            && !received.bytes.is_empty()
        {
            self.emit(cpu, Kind::MessageReceive { object, bytes: received.bytes.len() });
        }
        if !received.bytes.is_empty() || from.is_some() {
            self.cpus[cpu].debt += self.costs.socket;
        }
        if let Some(sender) = sender
            && kind != SocketKind::Udp
        {
            if self.sockets.is_writable(sender) {
                self.wake_all_of(cpu, at(Cause::SocketWrite, sender));
            }
            self.announce(cpu, Opened::Socket(sender));
        }
        if kind == SocketKind::UnixDatagram && !crowded {
            self.wake_first(cpu, at(Cause::SocketWrite, socket));
        }
        if rest && !kind.is_stream() {
            self.wake_first(cpu, at(Cause::SocketRead, socket));
        }
    }
}
