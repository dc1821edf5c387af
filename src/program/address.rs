//! What the verbs of sockets have in common: addresses and descriptors in steps, and the addresses of
//! a real run.

use crate::errno::Errno;
use crate::kernel::ipc::socket::{Destination, SocketKind};

use super::at::{At, Raw, Value};
use super::form::Step;
use super::image::Image;
use super::instruction::{Instruction, OnError};
use super::lower::Lower;
use super::names::SocketAddress;
#[cfg(target_os = "linux")]
use super::native::{Channel, ChannelKind, Native, World};
use super::problem::{Code, Problem};
use super::resolve::End;
use super::syscall::Syscall;
use super::userland::User;
use super::value::{Handle, Operand, Operator, Variable};
#[cfg(target_os = "linux")]
use crate::os::socket;

/// The most addresses of a scenario.
pub const MOST_ADDRESSES: usize = 1024;

/// Where a message goes: a declared address, or the number that a receive has given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    Address(u32),
    Number(Operand),
}

impl To {
    /// The place that a thread means.
    pub fn destination(self, user: &User, image: &Image) -> Result<Destination, Errno> {
        match self {
            To::Address(address) => Ok(Destination::Address(address)),
            To::Number(number) => Destination::from_number(user.value(number, image)),
        }
    }
}

impl Lower<'_> {
    /// A descriptor of a socket: `@` and the variable that holds its number.
    pub fn socket(&mut self, name: &At<String>, end: End) -> Option<Handle> {
        if self.names.sockets.contains_key(&name.value) {
            let message = format!("`{}` is an address; this needs a socket's descriptor", name.value);
            let problem = Problem::error(Code::WrongObject, name.span.clone(), message);
            self.problems
                .push(problem.help("write `@` and the variable that holds its number, such as \"@c\""));
            return None;
        }
        self.channel(name, end)
    }

    /// Where a message goes.
    pub fn destination(&mut self, name: &At<String>) -> Option<To> {
        if let Some(number) = name.value.strip_prefix('@') {
            let number = At::new(name.span.clone(), Value(Raw::Text(number.to_owned())));
            return Some(To::Number(self.operand(&number)));
        }
        self.address(name).map(|address| To::Address(address.id))
    }

    /// Whether a verb names an address, so that it makes the socket itself: which, and the variable
    /// that gets the descriptor.
    pub fn makes_socket(
        &mut self,
        name: &At<String>,
        into: Option<&At<String>>,
    ) -> Option<(SocketAddress, Variable)> {
        if name.value.starts_with('@') {
            return None;
        }
        let address = self.address(name)?;
        let Some(into) = into else {
            let message = "a step that makes a socket needs `into`: the variable that gets its descriptor";
            self.problems.error(Code::MissingKey, name.span.clone(), message);
            return None;
        };
        Some((address, self.assign(into)))
    }

    /// Makes several calls for one step. If the program goes on after a failure, the first one that
    /// fails is the last.
    pub fn calls_in_turn(&mut self, step: &Step, calls: &[Syscall]) {
        let named = step.result.as_ref().map(|name| self.assign(name));
        let goes_on = step.on_error == OnError::Continue;
        let result = named.or_else(|| goes_on.then(|| self.temporary(0)));
        let mut jumps = Vec::new();
        for (number, &call) in calls.iter().enumerate() {
            self.emit(Instruction::Syscall { call, result, on_error: step.on_error });
            if let Some(result) = result
                && goes_on
                && number + 1 < calls.len()
            {
                let (result, zero) = (Operand::Variable(result), Operand::Const(0));
                let condition = self.tables.expressions.add(Operator::GreaterOrEqual, result, zero);
                jumps.push(self.emit(Instruction::JumpIfZero { condition, target: 0 }));
            }
        }
        for jump in jumps {
            self.patch(jump);
        }
    }
}

/// The host's word for how a socket transfers.
#[cfg(target_os = "linux")]
pub const fn style(kind: SocketKind) -> socket::Style {
    match kind {
        SocketKind::UnixStream | SocketKind::Tcp => socket::Style::Stream,
        SocketKind::UnixDatagram | SocketKind::Udp => socket::Style::Datagram,
        SocketKind::UnixSeqpacket => socket::Style::Seqpacket,
    }
}

#[cfg(target_os = "linux")]
impl World {
    /// The run's own name of an address: abstract for Unix sockets, else a port.
    pub fn socket_address(&self, address: u32) -> socket::Address {
        let Some(spec) = self.image.sockets.get(address as usize) else {
            return socket::Address::Abstract(Vec::new());
        };
        if spec.kind.is_unix() {
            let run = self.scratch.file_name().unwrap_or_default().to_string_lossy();
            return socket::Address::Abstract(format!("{run}-{address}").into_bytes());
        }
        socket::Address::Loopback(self.board.port(address))
    }

    /// The number by which a program can answer whoever has the address.
    fn number_of(&self, kind: SocketKind, from: &socket::Address) -> i64 {
        let mut declared = 0..self.image.sockets.len() as u32;
        let own =
            |&id: &u32| self.image.sockets[id as usize].kind == kind && self.socket_address(id) == *from;
        match (declared.find(own), from) {
            (Some(id), _) => i64::from(id) + 1,
            (None, socket::Address::Loopback(port)) if kind == SocketKind::Udp => {
                crate::kernel::ipc::socket::UNDECLARED + i64::from(*port)
            }
            (None, socket::Address::Loopback(_) | socket::Address::Abstract(_)) => 0,
        }
    }
}

#[cfg(target_os = "linux")]
impl Native {
    /// The kind of socket that a descriptor stands for, if it is one.
    pub fn socket_kind(&self, handle: Handle) -> Option<SocketKind> {
        match self.channel(handle).kind {
            ChannelKind::Socket(kind) => Some(kind),
            ChannelKind::Pipe
            | ChannelKind::File
            | ChannelKind::Terminal
            | ChannelKind::Queue
            | ChannelKind::Ring(_)
            | ChannelKind::Events => None,
        }
    }

    /// The host's address for one of the scenario, if the socket can use it.
    pub fn address_for(&self, handle: Handle, address: u32) -> Result<socket::Address, Errno> {
        if let (Some(kind), Some(spec)) =
            (self.socket_kind(handle), self.world.image.sockets.get(address as usize))
        {
            kind.fits(spec.kind)?;
        }
        Ok(self.world.socket_address(address))
    }

    /// The host's address for where a message goes.
    pub fn address_of(&self, handle: Handle, to: To) -> Result<socket::Address, Errno> {
        match to.destination(&self.user, &self.world.image)? {
            Destination::Address(address) if (address as usize) < self.world.image.sockets.len() => {
                self.address_for(handle, address)
            }
            Destination::Socket(port) if self.socket_kind(handle) == Some(SocketKind::Udp) => {
                u16::try_from(port).map(socket::Address::Loopback).map_err(|_| Errno::EINVAL)
            }
            Destination::Address(_) | Destination::Socket(_) => Err(Errno::EINVAL),
        }
    }

    /// What a receive says of the sender.
    pub fn sender(&self, channel: Channel, from: &socket::Address) -> i64 {
        match channel.kind {
            ChannelKind::Socket(kind) if !kind.connects() => self.world.number_of(kind, from),
            ChannelKind::Socket(_)
            | ChannelKind::Pipe
            | ChannelKind::File
            | ChannelKind::Terminal
            | ChannelKind::Queue
            | ChannelKind::Ring(_)
            | ChannelKind::Events => 0,
        }
    }
}
