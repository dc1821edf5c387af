//! Sockets: what one holds, and the addresses to which they are bound.
//!
//! Models: unix(7), tcp(7), udp(7). A socket's inbox is the queue of its own end; what is sent is put
//! into the other end's inbox at once. A Unix socket's bytes count against the sender's send buffer
//! until they are read. Those of a TCP connection fill the receiver's buffer, and then the sender's; a
//! UDP socket's receive buffer drops what doesn't fit. How sockets get together is in
//! [`connect`](super::connect), how bytes go from one to the other in [`transfer`](super::transfer).
//!
//! Left out: congestion control, Nagle's algorithm, retransmission and the growth of TCP's buffers:
//! on the loopback nothing is lost or late. Buffers count the bytes that programs send, without
//! the kernel's own bookkeeping for each message.

use std::collections::VecDeque;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::ids::ObjectId;
use crate::kernel::bytes::Bytes;
use crate::kernel::readiness::Readiness;

/// What kind of socket: its protocol, and whether it keeps messages apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SocketKind {
    UnixStream,
    UnixDatagram,
    UnixSeqpacket,
    Tcp,
    Udp,
}

/// Datagrams of others that wait at a Unix socket before a sender has to wait: one more than Linux's
/// net.unix.max_dgram_qlen.
const MOST_WAITING: usize = 11;
/// The largest datagram: 65535 bytes less the headers of IP and UDP.
const UDP_MOST: u64 = 65_507;
/// The bytes of a Unix socket's send buffer that a message can't use (net/unix/af_unix.c).
const UNIX_OVERHEAD: u64 = 32;
/// The most connections that wait to be accepted, whatever the program asks for (SOMAXCONN).
const SOMAXCONN: i64 = 4096;
/// Sender numbers from here on are those of sockets without a declared address.
pub const UNDECLARED: i64 = 1 << 16;

impl SocketKind {
    pub const ALL: &[SocketKind] = &[
        SocketKind::UnixStream,
        SocketKind::UnixDatagram,
        SocketKind::UnixSeqpacket,
        SocketKind::Tcp,
        SocketKind::Udp,
    ];

    /// As a scenario writes it.
    pub const fn name(self) -> &'static str {
        match self {
            SocketKind::UnixStream => "unix-stream",
            SocketKind::UnixDatagram => "unix-datagram",
            SocketKind::UnixSeqpacket => "unix-seqpacket",
            SocketKind::Tcp => "tcp",
            SocketKind::Udp => "udp",
        }
    }

    pub const fn is_unix(self) -> bool {
        !matches!(self, SocketKind::Tcp | SocketKind::Udp)
    }

    /// Whether bytes come in order and without boundaries.
    pub const fn is_stream(self) -> bool {
        matches!(self, SocketKind::UnixStream | SocketKind::Tcp)
    }

    /// Whether it needs a connection.
    pub const fn connects(self) -> bool {
        matches!(self, SocketKind::UnixStream | SocketKind::UnixSeqpacket | SocketKind::Tcp)
    }

    /// Linux's defaults: net.core.wmem_default, and the middle value of net.ipv4.tcp_wmem.
    pub const fn default_send_buffer(self) -> u64 {
        match self {
            SocketKind::Tcp => 16_384,
            _ => 212_992,
        }
    }

    /// Linux's defaults: net.core.rmem_default, and the middle value of net.ipv4.tcp_rmem.
    pub const fn default_receive_buffer(self) -> u64 {
        match self {
            SocketKind::Tcp => 131_072,
            _ => 212_992,
        }
    }

    /// Whether a socket of this kind can use an address of that kind.
    pub fn fits(self, address: SocketKind) -> Result<(), Errno> {
        match (self == address, self.is_unix() && address.is_unix()) {
            (true, _) => Ok(()),
            (false, true) => Err(Errno::EPROTOTYPE),
            (false, false) => Err(Errno::EINVAL),
        }
    }
}

/// An address of the scenario, and who is bound to it.
#[derive(Clone, Debug)]
pub struct Address {
    pub object: ObjectId,
    pub kind: SocketKind,
    pub send_buffer: u64,
    pub receive_buffer: u64,
    pub bound: Vec<u32>,
}

/// A message in an inbox.
#[derive(Clone, Debug)]
pub struct Message {
    pub bytes: Bytes,
    /// The socket that has sent it; none if it came from outside of the machine.
    pub from: Option<u32>,
}

/// The connections that a listening socket has, not yet accepted.
#[derive(Clone, Debug, Default)]
pub struct Listening {
    pub backlog: usize,
    pub ready: VecDeque<u32>,
    /// Sockets that asked without waiting when there was no room.
    pub knocking: VecDeque<u32>,
}

#[derive(Clone, Debug)]
pub struct Socket {
    pub object: Option<ObjectId>,
    pub kind: SocketKind,
    pub send_buffer: u64,
    pub receive_buffer: u64,
    /// The address that it has.
    pub bound: Option<u32>,
    /// The socket at the other end.
    pub peer: Option<u32>,
    /// Where a UDP socket's datagrams go, and the only address from which it takes some.
    pub destination: Option<u32>,
    pub listening: Option<Listening>,
    /// How a connection ended that was asked for without waiting, until somebody asks; or that it
    /// hasn't yet.
    pub attempt: Option<Attempt>,
    /// A stream's inbox.
    pub stream: Bytes,
    /// Other sockets' inbox.
    pub messages: VecDeque<Message>,
    /// Bytes in the inbox.
    pub used: u64,
    /// Bytes that it has sent as messages and nobody has read yet.
    pub outstanding: u64,
    /// Nothing more will come.
    pub ended: bool,
    /// TCP: the other side has said that nothing more will come.
    pub finished: bool,
    /// It can't send any more.
    pub mute: bool,
    /// TCP: the connection was broken off.
    pub reset: bool,
    /// What the next call that looks will fail with.
    pub error: Option<Errno>,
    /// Nobody has a descriptor of it any more.
    pub gone: bool,
}

/// A connection that was asked for without waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    UnderWay,
    Over(Result<(), Errno>),
}

/// All sockets and addresses.
#[derive(Clone, Debug, Default)]
pub struct Sockets {
    pub all: Vec<Socket>,
    /// Indexed by the number of the address in the scenario.
    pub addresses: Vec<Address>,
}

/// Where a message goes, when the call says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    Address(u32),
    Socket(u32),
}

impl Destination {
    /// What a number stands for that a receive has given.
    pub fn from_number(number: i64) -> Result<Destination, Errno> {
        match number {
            1..UNDECLARED => Ok(Destination::Address(number as u32 - 1)),
            _ if number >= UNDECLARED => {
                u32::try_from(number - UNDECLARED).map(Destination::Socket).map_err(|_| Errno::EINVAL)
            }
            _ => Err(Errno::EINVAL),
        }
    }
}

impl Listening {
    pub fn new(backlog: i64) -> Listening {
        Listening { backlog: bounded(backlog), ..Listening::default() }
    }

    pub fn set_backlog(&mut self, backlog: i64) {
        self.backlog = bounded(backlog);
    }

    /// Linux lets one more wait than the backlog says.
    pub fn is_full(&self) -> bool {
        self.ready.len() > self.backlog
    }
}

/// A negative backlog counts as a very large one.
fn bounded(backlog: i64) -> usize {
    if backlog < 0 { SOMAXCONN as usize } else { backlog.min(SOMAXCONN) as usize }
}

impl Socket {
    /// A fresh socket of a kind, with the buffers that an address asks for.
    pub fn new(kind: SocketKind, object: Option<ObjectId>, send_buffer: u64, receive_buffer: u64) -> Socket {
        Socket {
            object,
            kind,
            send_buffer,
            receive_buffer,
            bound: None,
            peer: None,
            destination: None,
            listening: None,
            attempt: None,
            stream: Bytes::default(),
            messages: VecDeque::new(),
            used: 0,
            outstanding: 0,
            ended: false,
            finished: false,
            mute: false,
            reset: false,
            error: None,
            gone: false,
        }
    }

    /// The largest message that it can send.
    pub fn largest_message(&self) -> u64 {
        match self.kind {
            SocketKind::Udp => UDP_MOST,
            _ => self.send_buffer.saturating_sub(UNIX_OVERHEAD),
        }
    }

    /// Whether a Unix socket has so many datagrams that a stranger must wait.
    pub fn is_crowded(&self) -> bool {
        self.messages.len() >= MOST_WAITING
    }
}

impl Sockets {
    pub fn get(&self, socket: u32) -> &Socket {
        &self.all[socket as usize]
    }

    pub fn get_mut(&mut self, socket: u32) -> &mut Socket {
        &mut self.all[socket as usize]
    }

    pub fn add(&mut self, socket: Socket) -> u32 {
        self.all.push(socket);
        (self.all.len() - 1) as u32
    }

    /// A fresh socket of an address's kind.
    pub fn made_for(&self, address: u32) -> Socket {
        let Address { object, kind, send_buffer, receive_buffer, .. } = self.addresses[address as usize];
        Socket::new(kind, Some(object), send_buffer, receive_buffer)
    }

    /// Who listens at an address.
    pub fn listener(&self, address: u32) -> Option<u32> {
        let bound = self.addresses[address as usize].bound.iter().copied();
        bound.into_iter().find(|&socket| {
            let socket = self.get(socket);
            socket.listening.is_some() && !socket.ended
        })
    }

    /// The number by which a program can answer a message: zero if its sender has no address.
    pub fn number_of(&self, from: Option<u32>) -> i64 {
        let Some(socket) = from else { return 0 };
        let sender = self.get(socket);
        match sender.bound {
            Some(address) => i64::from(address) + 1,
            None if sender.kind == SocketKind::Udp => UNDECLARED + i64::from(socket),
            None => 0,
        }
    }

    /// How many bytes a stream's sender may have in the other end's inbox.
    pub fn stream_capacity(&self, socket: u32) -> u64 {
        let own = self.get(socket);
        match (own.kind, own.peer) {
            (SocketKind::Tcp, Some(peer)) => own.send_buffer + self.get(peer).receive_buffer,
            _ => own.send_buffer,
        }
    }

    /// What a descriptor of the socket is ready for.
    pub fn readiness(&self, socket: u32) -> Readiness {
        let own = self.get(socket);
        if let Some(listening) = &own.listening {
            return Readiness { readable: !listening.ready.is_empty(), ..Readiness::default() };
        }
        let connected = !own.kind.connects() || own.peer.is_some();
        let waiting = own.used > 0 || !own.messages.is_empty();
        let crowded = own.kind == SocketKind::UnixDatagram
            && own
                .peer
                .is_some_and(|peer| self.get(peer).peer != Some(socket) && self.get(peer).is_crowded());
        Readiness {
            readable: waiting || own.ended || own.error.is_some(),
            writable: own.mute || own.error.is_some() || (connected && !crowded && self.is_writable(socket)),
            hung_up: (own.ended && own.mute) || (!connected && own.attempt != Some(Attempt::UnderWay)),
            error: own.error.is_some(),
        }
    }

    /// Whether a waiting sender is worth waking: Linux waits for a quarter of a Unix socket's buffer,
    /// or two thirds of a TCP socket's, to be all that is left of it.
    pub fn is_writable(&self, socket: u32) -> bool {
        let own = self.get(socket);
        let peer = own.peer.map(|peer| self.get(peer));
        match own.kind {
            SocketKind::Udp => true,
            SocketKind::Tcp => peer.is_none_or(|peer| peer.used * 3 <= self.stream_capacity(socket) * 2),
            SocketKind::UnixStream => peer.is_none_or(|peer| peer.used * 4 <= own.send_buffer),
            SocketKind::UnixDatagram | SocketKind::UnixSeqpacket => own.outstanding * 4 <= own.send_buffer,
        }
    }
}
