//! How bytes go from one socket to another. Sources: send(2), recv(2), unix(7), tcp(7), udp(7).
//!
//! What TCP and UDP send is put into the receiver's inbox by the deferred half of the network's
//! work, which Linux does on the sender's CPU before its call returns. Its price, `loopback`, is added to
//! what that CPU does next; so is `socket`, what the layer above all protocols costs.

use crate::errno::Errno;
use crate::ids::{ObjectId, Tid};
use crate::kernel::Kernel;
use crate::kernel::bytes::Bytes;
use crate::kernel::file::Opened;
use crate::signal::Signal;
use crate::trace::{Cause, Kind, Sink};

use super::connect::{Progress, at};
use super::socket::{Destination, Message, Socket, SocketKind};

impl<S: Sink> Kernel<S> {
    /// How many of `rest` bytes a stream's sender can put into the other end's inbox now.
    pub fn stream_room(&self, socket: u32, rest: u64) -> u64 {
        let own = self.sockets.get(socket);
        let Some(peer) = own.peer else { return 0 };
        self.sockets.stream_capacity(socket).saturating_sub(self.sockets.get(peer).used).min(rest)
    }

    /// Why a connected socket can't send, if it can't.
    fn may_send(&mut self, socket: u32) -> Result<u32, Errno> {
        let own = self.sockets.get_mut(socket);
        if own.kind == SocketKind::Tcp {
            if let Some(errno) = own.error.take() {
                return Err(errno);
            }
            return own.peer.filter(|_| !own.mute).ok_or(Errno::EPIPE);
        }
        let (mute, peer) = (own.mute, own.peer);
        if mute {
            return Err(Errno::EPIPE);
        }
        let peer = peer.ok_or(Errno::ENOTCONN)?;
        if self.sockets.get(peer).gone { Err(Errno::EPIPE) } else { Ok(peer) }
    }

    /// A failed send; a broken connection also earns its process a signal.
    fn refuse(&mut self, cpu: usize, thread: Tid, errno: Errno) -> Errno {
        if errno == Errno::EPIPE {
            let process = self.tasks[thread.index()].process;
            self.send_signal(cpu, process, Signal::SIGPIPE);
        }
        errno
    }

    /// Sends bytes of a stream, of which so many are `done` already: how many are done then. It says
    /// what it waits for if some are left.
    pub fn send_stream(
        &mut self,
        cpu: usize,
        thread: Tid,
        socket: u32,
        (done, total): (u64, u64),
        nonblock: bool,
        content: impl FnOnce(u64) -> Bytes,
    ) -> Result<(u64, Option<Cause>), Errno> {
        let peer = match self.may_send(socket) {
            Ok(peer) => peer,
            Err(_) if done > 0 => return Ok((done, None)),
            Err(errno) => return Err(self.refuse(cpu, thread, errno)),
        };
        let own = self.sockets.get(socket);
        let (object, kind) = (own.object, own.kind);
        if kind == SocketKind::Tcp && self.sockets.get(peer).gone {
            // The other side answers that it has nobody who reads.
            self.put_on_wire(cpu, kind);
            self.break_off(cpu, socket);
            return Ok((total, None));
        }
        let now = self.stream_room(socket, total - done);
        if now > 0 {
            let there = self.sockets.get_mut(peer);
            there.stream.push(content(now));
            there.used += now;
            self.sent(cpu, object, now);
            self.put_on_wire(cpu, kind);
            self.wake_all_of(cpu, at(Cause::SocketRead, peer));
            self.announce(cpu, Opened::Socket(peer));
        }
        let done = done + now;
        if done == total {
            if self.stream_room(socket, 1) > 0 {
                self.wake_first(cpu, at(Cause::SocketWrite, socket));
            }
            return Ok((done, None));
        }
        if nonblock {
            return if done > 0 { Ok((done, None)) } else { Err(Errno::EAGAIN) };
        }
        self.wait_for(at(Cause::SocketWrite, socket), thread);
        Ok((done, Some(Cause::SocketWrite)))
    }

    /// Sends a message to the other end, or to where the call says.
    pub fn send_to_socket(
        &mut self,
        cpu: usize,
        thread: Tid,
        socket: u32,
        to: Option<Destination>,
        nonblock: bool,
        bytes: Bytes,
    ) -> Result<Progress<u64>, Errno> {
        let result = match self.sockets.get(socket).kind {
            SocketKind::Udp => self.send_udp(cpu, socket, to, bytes),
            _ => self.send_unix(cpu, thread, socket, to, nonblock, bytes),
        };
        result.map_err(|errno| self.refuse(cpu, thread, errno))
    }

    fn send_unix(
        &mut self,
        cpu: usize,
        thread: Tid,
        socket: u32,
        to: Option<Destination>,
        nonblock: bool,
        bytes: Bytes,
    ) -> Result<Progress<u64>, Errno> {
        let own = self.sockets.get(socket);
        let (kind, mute) = (own.kind, own.mute);
        let (to, connected) = match to.filter(|_| !kind.connects()) {
            None => (own.peer.ok_or(Errno::ENOTCONN).map(Some)?, true),
            Some(Destination::Address(address)) => {
                let address = self.sockets.addresses.get(address as usize).ok_or(Errno::EINVAL)?;
                kind.fits(address.kind)?;
                (address.bound.first().copied(), false)
            }
            Some(Destination::Socket(_)) => return Err(Errno::EINVAL),
        };
        if bytes.len() > own.largest_message() {
            return Err(Errno::EMSGSIZE);
        }
        if mute {
            return Err(Errno::EPIPE);
        }
        let there = to.filter(|&there| !self.sockets.get(there).gone);
        let Some(there) = there else {
            if kind.connects() {
                return Err(Errno::EPIPE);
            }
            if connected {
                self.sockets.get_mut(socket).peer = None;
            }
            return Err(Errno::ECONNREFUSED);
        };
        let other = self.sockets.get(there);
        if other.peer.is_some_and(|peer| peer != socket) {
            return Err(Errno::EPERM);
        }
        if other.ended && !kind.connects() {
            return Err(Errno::EPIPE);
        }
        let waits_at = match (other.is_crowded() && other.peer != Some(socket), self.has_room(socket)) {
            (true, _) => Some(there),
            (false, false) => Some(socket),
            (false, true) => None,
        };
        if let Some(place) = waits_at {
            if nonblock {
                return Err(Errno::EAGAIN);
            }
            self.wait_for(at(Cause::SocketWrite, place), thread);
            return Ok(Progress::Waits(Cause::SocketWrite));
        }
        let object = if connected { self.sockets.get(socket).object } else { other.object };
        let length = bytes.len();
        self.sockets.get_mut(socket).outstanding += length;
        self.deliver(cpu, there, Message { bytes, from: Some(socket) }, object);
        // More senders may wait, and there may be room for them.
        if !self.sockets.get(there).is_crowded() {
            self.wake_first(cpu, at(Cause::SocketWrite, there));
        }
        if self.has_room(socket) {
            self.wake_first(cpu, at(Cause::SocketWrite, socket));
        }
        Ok(Progress::Done(length))
    }

    /// A Unix socket may send as long as its buffer isn't full; a message may go beyond it.
    fn has_room(&self, socket: u32) -> bool {
        let own = self.sockets.get(socket);
        own.outstanding < own.send_buffer
    }

    fn send_udp(
        &mut self,
        cpu: usize,
        socket: u32,
        to: Option<Destination>,
        bytes: Bytes,
    ) -> Result<Progress<u64>, Errno> {
        let own = self.sockets.get_mut(socket);
        let connected = to.is_none();
        let to = to.or(own.destination.map(Destination::Address)).ok_or(Errno::EDESTADDRREQ)?;
        if bytes.len() > own.largest_message() {
            return Err(Errno::EMSGSIZE);
        }
        if let Some(errno) = own.error.take() {
            return Err(errno);
        }
        let mut object = own.object;
        let there = match to {
            Destination::Address(address) => {
                let address = self.sockets.addresses.get(address as usize).ok_or(Errno::EINVAL)?;
                SocketKind::Udp.fits(address.kind)?;
                object = Some(address.object);
                address.bound.first().copied()
            }
            Destination::Socket(there) => {
                Some(there).filter(|&there| (there as usize) < self.sockets.all.len())
            }
        };
        let from = self.sockets.get(socket).bound;
        // A connected socket takes datagrams from the other side only.
        let takes = |there: &Socket| {
            !there.gone
                && there.kind == SocketKind::Udp
                && there.destination.is_none_or(|only| Some(only) == from)
        };
        let there = there.filter(|&there| takes(self.sockets.get(there)));
        let length = bytes.len();
        self.put_on_wire(cpu, SocketKind::Udp);
        match there {
            None => {
                self.sent(cpu, object, length);
                if connected {
                    // The answer is that nobody has this port; the next call learns of it.
                    self.sockets.get_mut(socket).error = Some(Errno::ECONNREFUSED);
                    self.wake_all_at(cpu, socket);
                }
            }
            Some(there) => self.deliver_or_drop(cpu, there, Message { bytes, from: Some(socket) }, object),
        }
        Ok(Progress::Done(length))
    }

    /// A datagram comes to a UDP socket, which may have no room for it.
    fn deliver_or_drop(&mut self, cpu: usize, there: u32, message: Message, object: Option<ObjectId>) {
        let socket = self.sockets.get_mut(there);
        if socket.used > 0 && socket.used + message.bytes.len() > socket.receive_buffer {
            let (lost, bytes) = (socket.object, message.bytes.len());
            self.sent(cpu, object, bytes);
            if let Some(object) = lost {
                self.emit(cpu, Kind::PacketDropped { object, bytes });
            }
            return;
        }
        self.deliver(cpu, there, message, object);
    }

    fn deliver(&mut self, cpu: usize, there: u32, message: Message, object: Option<ObjectId>) {
        let length = message.bytes.len();
        let socket = self.sockets.get_mut(there);
        socket.used += length;
        socket.messages.push_back(message);
        self.sent(cpu, object, length);
        self.cpus[cpu].debt += self.costs.socket;
        self.wake_first(cpu, at(Cause::SocketRead, there));
        self.announce(cpu, Opened::Socket(there));
    }

    fn sent(&mut self, cpu: usize, object: Option<ObjectId>, bytes: u64) {
        if let Some(object) = object
            && bytes > 0
        {
            self.emit(cpu, Kind::MessageSend { object, bytes });
        }
    }

    /// What a transfer costs besides the call and the copy.
    fn put_on_wire(&mut self, cpu: usize, kind: SocketKind) {
        let costs = &self.costs;
        self.cpus[cpu].debt += match kind {
            SocketKind::Tcp => costs.loopback + costs.socket,
            SocketKind::Udp => costs.loopback,
            _ => costs.socket,
        };
    }

    /// A packet from outside comes to whoever has the address.
    pub(in crate::kernel) fn arrive(&mut self, cpu: usize, address: u32, bytes: Bytes) {
        let address = &self.sockets.addresses[address as usize];
        if let Some(there) = address.bound.first().copied()
            && self.sockets.get(there).destination.is_none()
        {
            // It is no thread's doing, so nobody counts as its sender.
            self.deliver_or_drop(cpu, there, Message { bytes, from: None }, None);
        }
    }
}
