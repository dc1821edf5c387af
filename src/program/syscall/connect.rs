//! `connect`, `accept` and `shutdown`: how a connection begins and how it ends.
//!
//! Sources: connect(2), accept(2), shutdown(2).

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::kernel::file::Flags;
use crate::kernel::ipc::connect::{Progress, Sides};
#[cfg(target_os = "linux")]
use crate::os::socket;
use crate::program::at::At;
use crate::program::call::{Awaits, Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::image::Image;
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::problem::{Code, Problem};
use crate::program::resolve::End;
use crate::program::value::{Handle, Operand, Variable};
use crate::program::verb::{Level, Real, VerbRow};
use crate::trace::{Cause, Sink};

use super::Socket;

pub const CONNECT: VerbRow = VerbRow {
    name: "connect",
    level: Level::Syscall,
    summary: "connects a socket with an address",
    doc: "Connects a socket with whoever listens at the address `to`; a datagram socket only learns where its messages go. With an address instead of a descriptor it makes the socket first: `{ connect = \"server\", into = \"c\" }` is `socket` and `connect`. ECONNREFUSED: nobody listens there. It waits while too many connections wait to be accepted. With `nonblock` a TCP connect returns EINPROGRESS, and the next one tells how it ended.",
    example: r#"{ connect = "server", into = "c" }"#,
    real: Real::Yes("connect(2)"),
    blocks: &[],
    parse: parse::<ConnectForm>,
    schema: schema::<ConnectForm>,
};

pub const ACCEPT: VerbRow = VerbRow {
    name: "accept",
    level: Level::Syscall,
    summary: "takes the next connection",
    doc: "Takes the oldest connection that waits at a listening socket, and waits if there is none. `into` gets the descriptor of a new socket, for this connection only.",
    example: r#"{ accept = "@s", into = "c" }"#,
    real: Real::Yes("accept4(2)"),
    blocks: &[],
    parse: parse::<AcceptForm>,
    schema: schema::<AcceptForm>,
};

pub const SHUTDOWN: VerbRow = VerbRow {
    name: "shutdown",
    level: Level::Syscall,
    summary: "ends one side of a connection",
    doc: "Ends a connection's sides: after \"write\" the other end gets end of file and this one can still receive; after \"read\" this one gets end of file. Unlike `close` it ends them for all who have the descriptor.",
    example: r#"{ shutdown = "@c", how = "write" }"#,
    real: Real::Yes("shutdown(2)"),
    blocks: &[],
    parse: parse::<ShutdownForm>,
    schema: schema::<ShutdownForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ConnectForm {
    /// A socket's descriptor ("@c"), or the address, for a new socket.
    connect: At<String>,
    /// The address, if a descriptor is given.
    to: Option<At<String>>,
    /// The variable that gets the new socket's descriptor.
    into: Option<At<String>>,
    /// For a new socket: its calls never wait.
    nonblock: Option<bool>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct AcceptForm {
    /// The listening socket's descriptor.
    accept: At<String>,
    /// The variable that gets the new socket's descriptor.
    into: At<String>,
    /// The new socket's calls never wait.
    nonblock: Option<bool>,
}

/// The sides of a connection that are ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum How {
    Read,
    Write,
    Both,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ShutdownForm {
    /// The socket's descriptor.
    shutdown: At<String>,
    /// "read", "write" or "both".
    how: How,
}

impl Form for ConnectForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        if !self.connect.value.starts_with('@') {
            if let Some((address, into)) = cx.makes_socket(&self.connect, self.into.as_ref()) {
                let fd = Handle::Number(Operand::Variable(into));
                let socket = Socket { address: address.id, into, nonblock: self.nonblock.unwrap_or(false) };
                cx.calls_in_turn(step, &[socket.into(), Connect { fd, address: address.id }.into()]);
            }
            return;
        }
        let Some(to) = &self.to else {
            let message = "a step that connects a descriptor needs `to`: the address";
            let problem = Problem::error(Code::MissingKey, step.span.clone(), message);
            return cx.problems.push(problem.help("for example `{ connect = \"@c\", to = \"server\" }`"));
        };
        let fd = cx.socket(&self.connect, End::Read);
        if let (Some(fd), Some(address)) = (fd, cx.address(to)) {
            cx.call(step, Connect { fd, address: address.id });
        }
    }
}

impl Form for AcceptForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let into = cx.assign(&self.into);
        if let Some(fd) = cx.socket(&self.accept, End::Read) {
            cx.call(step, Accept { fd, into, nonblock: self.nonblock.unwrap_or(false) });
        }
    }
}

impl Form for ShutdownForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let sides = Sides { read: self.how != How::Write, write: self.how != How::Read };
        if let Some(fd) = cx.socket(&self.shutdown, End::Read) {
            cx.call(step, Shutdown { fd, sides });
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Connect {
    pub fd: Handle,
    pub address: u32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Accept {
    pub fd: Handle,
    pub into: Variable,
    pub nonblock: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shutdown {
    pub fd: Handle,
    pub sides: Sides,
}

impl SystemCall for Connect {
    fn waits(&self, image: &Image) -> Option<Awaits> {
        let object = image.sockets.get(self.address as usize).map(|spec| spec.object);
        Some(Awaits { on: Cause::Connect, object })
    }

    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let (open, socket) = call.socket(self.fd)?;
        let nonblock = call.kernel.files.open[open.0 as usize].flags.nonblock;
        let (cpu, thread) = (call.cpu, call.task);
        match call.kernel.connect_socket(cpu, thread, socket, self.address, nonblock)? {
            Progress::Done(()) => Ok(Outcome::Done(0)),
            Progress::Waits(on) => {
                let object = call.kernel.sockets.addresses[self.address as usize].object;
                Ok(Outcome::Block { on, object: Some(object) })
            }
        }
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let descriptor = native.descriptor(self.fd)?;
        socket::connect(descriptor, &native.address_for(self.fd, self.address)?).map(|()| 0)
    }
}

impl SystemCall for Accept {
    fn waits(&self, _: &Image) -> Option<Awaits> {
        Some(Awaits { on: Cause::Accept, object: None })
    }

    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let (open, socket) = call.socket(self.fd)?;
        let nonblock = call.kernel.files.open[open.0 as usize].flags.nonblock;
        let flags = Flags { nonblock: self.nonblock };
        let (cpu, thread) = (call.cpu, call.task);
        match call.kernel.accept_from(cpu, thread, socket, nonblock, flags)? {
            Progress::Done(fd) => {
                let number = i64::from(fd.0);
                call.user().set(Some(self.into), number);
                Ok(Outcome::Done(number))
            }
            Progress::Waits(on) => Ok(Outcome::Block { on, object: call.kernel.sockets.get(socket).object }),
        }
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let descriptor = native.descriptor(self.fd)?;
        let channel = native.channel(self.fd);
        let child = socket::accept(descriptor, self.nonblock)?;
        let number = i64::from(native.adopt(child, channel)?.0);
        native.user.set(Some(self.into), number);
        Ok(number)
    }
}

impl SystemCall for Shutdown {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let (_, socket) = call.socket(self.fd)?;
        call.kernel.shut_down(call.cpu, socket, self.sides)?;
        Ok(Outcome::Done(0))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let descriptor = native.descriptor(self.fd)?;
        socket::shutdown(descriptor, self.sides.read, self.sides.write).map(|()| 0)
    }
}
