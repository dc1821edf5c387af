//! How sockets get names and get together: bind, listen, connect, accept, shutdown, and their end.
//!
//! A connection on one machine is made at once: the child of the listening socket exists from the
//! connect on, and waits to be accepted. Sources: bind(2), listen(2), connect(2), accept(2),
//! shutdown(2), and net/unix/af_unix.c and net/ipv4/tcp.c of Linux where these say less.

use crate::errno::Errno;
use crate::ids::{Fd, Pid, Tid};
use crate::kernel::Kernel;
use crate::kernel::file::{Flags, Opened};
use crate::kernel::waits::WaitKey;
use crate::trace::{Cause, Sink};

use super::socket::{Attempt, Listening, Socket, SocketKind};

/// How far a call on a socket has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress<T> {
    Done(T),
    /// The thread waits for this; it is in the queue already.
    Waits(Cause),
}

/// The sides of a connection that are shut down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sides {
    pub read: bool,
    pub write: bool,
}

/// The key for waiting at a socket.
pub fn at(cause: Cause, socket: u32) -> WaitKey {
    WaitKey { cause, object: socket }
}

impl<S: Sink> Kernel<S> {
    /// A descriptor for a new socket.
    pub fn open_socket(&mut self, process: Pid, socket: Socket, flags: Flags) -> Result<Fd, Errno> {
        self.lowest_free(process)?;
        let socket = self.sockets.add(socket);
        self.open(process, Opened::Socket(socket), flags)
    }

    /// Two sockets that are connected from the beginning.
    pub fn open_pair(
        &mut self,
        cpu: usize,
        process: Pid,
        kind: SocketKind,
        flags: Flags,
    ) -> Result<(Fd, Fd), Errno> {
        let make = || Socket::new(kind, None, kind.default_send_buffer(), kind.default_receive_buffer());
        let first = self.open_socket(process, make(), flags)?;
        let one = self.sockets.all.len() as u32 - 1;
        let second = match self.open_socket(process, make(), flags) {
            Ok(second) => second,
            Err(errno) => {
                self.close(cpu, process, first);
                return Err(errno);
            }
        };
        self.sockets.get_mut(one).peer = Some(one + 1);
        self.sockets.get_mut(one + 1).peer = Some(one);
        Ok((first, second))
    }

    /// Gives a socket an address. Two TCP sockets may have the same one as long as none listens there:
    /// servers set SO_REUSEADDR, and so do these.
    pub fn bind_socket(&mut self, socket: u32, address: u32) -> Result<(), Errno> {
        let kind = self.sockets.get(socket).kind;
        kind.fits(self.sockets.addresses[address as usize].kind)?;
        if self.sockets.get(socket).bound.is_some() {
            return Err(Errno::EINVAL);
        }
        let taken = match kind {
            SocketKind::Tcp => self.sockets.listener(address).is_some(),
            _ => !self.sockets.addresses[address as usize].bound.is_empty(),
        };
        if taken {
            return Err(Errno::EADDRINUSE);
        }
        self.sockets.addresses[address as usize].bound.push(socket);
        self.sockets.get_mut(socket).bound = Some(address);
        Ok(())
    }

    pub fn listen_at(&mut self, socket: u32, backlog: i64) -> Result<(), Errno> {
        let own = self.sockets.get(socket);
        let (kind, bound) = (own.kind, own.bound);
        if !kind.connects() {
            return Err(Errno::EOPNOTSUPP);
        }
        if own.peer.is_some() || (kind.is_unix() && bound.is_none()) {
            return Err(Errno::EINVAL);
        }
        let other = bound.and_then(|address| self.sockets.listener(address));
        if other.is_some_and(|other| other != socket) {
            return Err(Errno::EADDRINUSE);
        }
        match &mut self.sockets.get_mut(socket).listening {
            Some(listening) => listening.set_backlog(backlog),
            None => self.sockets.get_mut(socket).listening = Some(Listening::new(backlog)),
        }
        Ok(())
    }

    /// Connects a socket, or says where a datagram socket's messages go.
    pub fn connect_socket(
        &mut self,
        cpu: usize,
        thread: Tid,
        socket: u32,
        address: u32,
        nonblock: bool,
    ) -> Result<Progress<()>, Errno> {
        let kind = self.sockets.get(socket).kind;
        kind.fits(self.sockets.addresses[address as usize].kind)?;
        if !kind.connects() {
            return self.connect_datagrams(socket, address).map(Progress::Done);
        }
        let own = self.sockets.get_mut(socket);
        match own.attempt {
            Some(Attempt::UnderWay) => return Err(Errno::EALREADY),
            Some(Attempt::Over(result)) => {
                own.attempt = None;
                own.error = None;
                return result.map(Progress::Done);
            }
            None => {}
        }
        let unfit = match (own.listening.is_some(), own.peer.is_some()) {
            (true, _) if kind.is_unix() => Some(Errno::EINVAL),
            (false, false) => None,
            _ => Some(Errno::EISCONN),
        };
        // A Unix socket looks at itself last (unix_stream_connect).
        if let Some(errno) = unfit.filter(|_| !kind.is_unix()) {
            return Err(errno);
        }
        let in_background = nonblock && kind == SocketKind::Tcp;
        let Some(listener) = self.sockets.listener(address) else {
            if in_background {
                self.attempt_over(cpu, socket, Err(Errno::ECONNREFUSED));
                return Err(Errno::EINPROGRESS);
            }
            return Err(Errno::ECONNREFUSED);
        };
        let full = self.sockets.get(listener).listening.as_ref().is_some_and(Listening::is_full);
        match (full, in_background, nonblock) {
            (true, true, _) => {
                self.sockets.get_mut(socket).attempt = Some(Attempt::UnderWay);
                if let Some(listening) = &mut self.sockets.get_mut(listener).listening {
                    listening.knocking.push_back(socket);
                }
                Err(Errno::EINPROGRESS)
            }
            (true, false, true) => Err(Errno::EAGAIN),
            (true, false, false) => {
                self.wait_for(at(Cause::Connect, listener), thread);
                Ok(Progress::Waits(Cause::Connect))
            }
            (false, _, _) if unfit.is_some() => Err(unfit.unwrap_or(Errno::EISCONN)),
            (false, true, _) => {
                self.establish(cpu, socket, listener);
                self.attempt_over(cpu, socket, Ok(()));
                Err(Errno::EINPROGRESS)
            }
            (false, false, _) => {
                self.establish(cpu, socket, listener);
                Ok(Progress::Done(()))
            }
        }
    }

    fn connect_datagrams(&mut self, socket: u32, address: u32) -> Result<(), Errno> {
        if self.sockets.get(socket).kind == SocketKind::Udp {
            self.sockets.get_mut(socket).destination = Some(address);
            return Ok(());
        }
        let there = self.sockets.addresses[address as usize].bound.first().copied();
        let there = there.ok_or(Errno::ECONNREFUSED)?;
        if self.sockets.get(there).peer.is_some_and(|peer| peer != socket) {
            return Err(Errno::EPERM);
        }
        self.sockets.get_mut(socket).peer = Some(there);
        Ok(())
    }

    /// The end of a connection's making that nobody has waited for.
    fn attempt_over(&mut self, cpu: usize, socket: u32, result: Result<(), Errno>) {
        let own = self.sockets.get_mut(socket);
        own.attempt = Some(Attempt::Over(result));
        own.error = result.err();
        self.announce(cpu, Opened::Socket(socket));
    }

    /// The connection is there; at the other end it waits to be accepted.
    fn establish(&mut self, cpu: usize, socket: u32, listener: u32) {
        let there = self.sockets.get(listener);
        let mut child = Socket::new(there.kind, there.object, there.send_buffer, there.receive_buffer);
        child.bound = there.bound;
        child.peer = Some(socket);
        let child = self.sockets.add(child);
        self.sockets.get_mut(socket).peer = Some(child);
        if let Some(listening) = &mut self.sockets.get_mut(listener).listening {
            listening.ready.push_back(child);
        }
        self.wake_first(cpu, at(Cause::Accept, listener));
        self.announce(cpu, Opened::Socket(listener));
    }

    /// Takes the oldest connection that waits to be accepted.
    pub fn accept_from(
        &mut self,
        cpu: usize,
        thread: Tid,
        listener: u32,
        nonblock: bool,
        flags: Flags,
    ) -> Result<Progress<Fd>, Errno> {
        let own = self.sockets.get_mut(listener);
        if !own.kind.connects() {
            return Err(Errno::EOPNOTSUPP);
        }
        let ended = own.ended;
        let Some(listening) = &mut own.listening else { return Err(Errno::EINVAL) };
        let Some(&child) = listening.ready.front() else {
            if ended {
                return Err(Errno::EINVAL);
            }
            if nonblock {
                return Err(Errno::EAGAIN);
            }
            self.wait_for(at(Cause::Accept, listener), thread);
            return Ok(Progress::Waits(Cause::Accept));
        };
        let process = self.tasks[thread.index()].process;
        let fd = self.open(process, Opened::Socket(child), flags)?;
        let mut more = false;
        if let Some(listening) = &mut self.sockets.get_mut(listener).listening {
            listening.ready.pop_front();
            more = !listening.ready.is_empty();
        }
        self.let_in(cpu, listener);
        if more {
            self.wake_first(cpu, at(Cause::Accept, listener));
        }
        Ok(Progress::Done(fd))
    }

    /// There is room for one more that wants to be connected.
    fn let_in(&mut self, cpu: usize, listener: u32) {
        let knocking = self.sockets.get_mut(listener).listening.as_mut();
        let next = knocking.and_then(|listening| listening.knocking.pop_front());
        match next {
            Some(socket) if self.sockets.get(socket).gone => self.let_in(cpu, listener),
            Some(socket) => {
                self.establish(cpu, socket, listener);
                self.attempt_over(cpu, socket, Ok(()));
            }
            None => {
                self.wake_first(cpu, at(Cause::Connect, listener));
            }
        }
    }

    pub fn shut_down(&mut self, cpu: usize, socket: u32, sides: Sides) -> Result<(), Errno> {
        let own = self.sockets.get_mut(socket);
        let (kind, peer) = (own.kind, own.peer);
        if kind == SocketKind::Tcp && own.listening.is_some() {
            if sides.read {
                self.stop_listening(cpu, socket);
                self.sockets.get_mut(socket).listening = None;
            }
            return Ok(());
        }
        if kind == SocketKind::Tcp && (peer.is_none() || own.reset) {
            return Err(Errno::ENOTCONN);
        }
        let was_mute = own.mute;
        own.ended |= sides.read;
        own.mute |= sides.write;
        self.wake_all_at(cpu, socket);
        if kind == SocketKind::Udp && self.sockets.get(socket).destination.is_none() {
            return Err(Errno::ENOTCONN);
        }
        let peer = peer.filter(|&peer| kind.connects() && !self.sockets.get(peer).gone);
        if let Some(peer) = peer {
            let there = self.sockets.get_mut(peer);
            if kind == SocketKind::Tcp {
                let fin = sides.write && !was_mute;
                (there.ended, there.finished) = (there.ended | fin, there.finished | fin);
            } else {
                there.ended |= sides.write;
                there.mute |= sides.read;
            }
            self.wake_all_at(cpu, peer);
        }
        Ok(())
    }

    /// Everybody who waits for the socket's bytes or room looks again.
    pub(super) fn wake_all_at(&mut self, cpu: usize, socket: u32) {
        for cause in [Cause::SocketRead, Cause::SocketWrite, Cause::Accept] {
            self.wake_all_of(cpu, at(cause, socket));
        }
        self.announce(cpu, Opened::Socket(socket));
    }

    /// The connection is broken off from the other side.
    pub(super) fn break_off(&mut self, cpu: usize, socket: u32) {
        let own = self.sockets.get_mut(socket);
        // Whoever has been told of the end already is told that the pipe is broken (tcp_reset).
        own.error = Some(if own.finished { Errno::EPIPE } else { Errno::ECONNRESET });
        (own.ended, own.mute, own.reset) = (true, true, true);
        self.wake_all_at(cpu, socket);
    }

    /// A socket's last descriptor is closed.
    pub(in crate::kernel) fn close_socket(&mut self, cpu: usize, socket: u32) {
        let own = self.sockets.get_mut(socket);
        own.gone = true;
        let (kind, unread) = (own.kind, own.used > 0);
        if let Some(address) = own.bound {
            self.sockets.addresses[address as usize].bound.retain(|&other| other != socket);
        }
        if self.sockets.get(socket).listening.is_some() {
            self.stop_listening(cpu, socket);
        }
        self.wake_all_at(cpu, socket);
        let peer = self.sockets.get(socket).peer;
        let Some(peer) = peer.filter(|&peer| kind.connects() && !self.sockets.get(peer).gone) else {
            return;
        };
        if kind == SocketKind::Tcp && unread {
            return self.break_off(cpu, peer);
        }
        let there = self.sockets.get_mut(peer);
        there.ended = true;
        match kind {
            SocketKind::Tcp => there.finished = true,
            _ => {
                there.mute = true;
                if unread {
                    there.error = Some(Errno::ECONNRESET);
                }
            }
        }
        self.wake_all_at(cpu, peer);
    }

    /// Whoever waits to be connected or accepted here won't be.
    fn stop_listening(&mut self, cpu: usize, socket: u32) {
        let Some(listening) = self.sockets.get_mut(socket).listening.take() else { return };
        for child in listening.ready {
            self.sockets.get_mut(child).gone = true;
            if let Some(peer) = self.sockets.get(child).peer
                && !self.sockets.get(peer).gone
            {
                self.break_off(cpu, peer);
            }
        }
        for knocking in listening.knocking {
            self.attempt_over(cpu, knocking, Err(Errno::ECONNREFUSED));
        }
        self.wake_all_of(cpu, at(Cause::Connect, socket));
        self.wake_all_at(cpu, socket);
    }
}
