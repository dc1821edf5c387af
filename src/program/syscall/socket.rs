//! `socket` and `socketpair`: new sockets.
//!
//! Sources: socket(2), socketpair(2).

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::kernel::file::Flags;
use crate::kernel::ipc::socket::SocketKind;
#[cfg(target_os = "linux")]
use crate::os::socket;
#[cfg(target_os = "linux")]
use crate::program::address::style;
use crate::program::at::At;
use crate::program::call::{Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::{Channel, ChannelKind, Native};
use crate::program::problem::{Code, Problem};
use crate::program::value::Variable;
use crate::program::verb::{Level, Real, VerbRow};
use crate::trace::Sink;

pub const SOCKET: VerbRow = VerbRow {
    name: "socket",
    level: Level::Syscall,
    summary: "makes a socket",
    doc: "Makes a socket of the kind that the address is for, not bound and not connected: `bind`, `listen` and `connect` do that. With an address instead of a descriptor these verbs make the socket themselves.",
    example: r#"{ socket = "server", into = "s" }"#,
    real: Real::Yes(
        "socket(2), and setsockopt(2) for the sizes of its buffers; a TCP socket also gets SO_REUSEADDR and TCP_NODELAY",
    ),
    blocks: &[],
    parse: parse::<SocketForm>,
    schema: schema::<SocketForm>,
};

pub const SOCKETPAIR: VerbRow = VerbRow {
    name: "socketpair",
    level: Level::Syscall,
    summary: "makes two sockets that are connected",
    doc: "Makes two Unix sockets that are connected with each other; the two variables get their descriptors. What goes into one comes out of the other, in both directions.",
    example: r#"{ socketpair = ["a", "b"], kind = "unix-stream" }"#,
    real: Real::Yes("socketpair(2)"),
    blocks: &[],
    parse: parse::<SocketpairForm>,
    schema: schema::<SocketpairForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SocketForm {
    /// The address whose kind it is.
    socket: At<String>,
    /// The variable that gets the descriptor.
    into: At<String>,
    /// Its calls never wait: they fail with EAGAIN instead (SOCK_NONBLOCK).
    nonblock: Option<bool>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SocketpairForm {
    /// The variables that get the two descriptors.
    socketpair: At<Vec<At<String>>>,
    /// "unix-stream" if absent, "unix-datagram" or "unix-seqpacket".
    kind: Option<At<SocketKind>>,
    /// Their calls never wait: they fail with EAGAIN instead.
    nonblock: Option<bool>,
}

impl Form for SocketForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let into = cx.assign(&self.into);
        if let Some(address) = cx.address(&self.socket) {
            let nonblock = self.nonblock.unwrap_or(false);
            cx.call(step, Socket { address: address.id, into, nonblock });
        }
    }
}

impl Form for SocketpairForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let kind = self.kind.as_ref().map_or(SocketKind::UnixStream, |at| at.value);
        if let Some(at) = self.kind.as_ref().filter(|at| !at.value.is_unix()) {
            let message = format!("a pair can't be of kind `{}`", at.value.name());
            let problem = Problem::error(Code::WrongObject, at.span.clone(), message);
            cx.problems.push(problem.help("Linux makes pairs of Unix sockets only"));
        }
        let [first, second] = self.socketpair.value.as_slice() else {
            let message = "a pair is two variables";
            let problem = Problem::error(Code::WrongType, self.socketpair.span.clone(), message);
            return cx.problems.push(problem.help("for example `socketpair = [\"a\", \"b\"]`"));
        };
        let into = [cx.assign(first), cx.assign(second)];
        cx.call(step, Socketpair { kind, into, nonblock: self.nonblock.unwrap_or(false) });
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Socket {
    pub address: u32,
    pub into: Variable,
    pub nonblock: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Socketpair {
    pub kind: SocketKind,
    pub into: [Variable; 2],
    pub nonblock: bool,
}

impl SystemCall for Socket {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let process = call.process();
        let socket = call.kernel.sockets.made_for(self.address);
        let fd = call.kernel.open_socket(process, socket, Flags { nonblock: self.nonblock })?;
        let number = i64::from(fd.0);
        call.user().set(Some(self.into), number);
        Ok(Outcome::Done(number))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        use std::os::fd::AsRawFd;
        let spec = native.world.image.sockets.get(self.address as usize).ok_or(Errno::EINVAL)?.clone();
        let made = socket::open(spec.kind.is_unix(), style(spec.kind), self.nonblock)?;
        let [send, receive] = spec.sized;
        let (send, receive) = (send.then_some(spec.send_buffer), receive.then_some(spec.receive_buffer));
        socket::set_buffers(made.as_raw_fd(), send, receive)?;
        let channel = Channel { object: Some(spec.object), kind: ChannelKind::Socket(spec.kind) };
        let number = i64::from(native.adopt(made, channel)?.0);
        native.user.set(Some(self.into), number);
        Ok(number)
    }
}

impl SystemCall for Socketpair {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let process = call.process();
        let flags = Flags { nonblock: self.nonblock };
        let (first, second) = call.kernel.open_pair(call.cpu, process, self.kind, flags)?;
        for (variable, fd) in self.into.into_iter().zip([first, second]) {
            call.user().set(Some(variable), i64::from(fd.0));
        }
        Ok(Outcome::Done(0))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let (first, second) = socket::pair(style(self.kind), self.nonblock)?;
        let channel = Channel { object: None, kind: ChannelKind::Socket(self.kind) };
        for (variable, descriptor) in self.into.into_iter().zip([first, second]) {
            let fd = native.adopt(descriptor, channel)?;
            native.user.set(Some(variable), i64::from(fd.0));
        }
        Ok(0)
    }
}
