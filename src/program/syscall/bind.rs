//! `bind` and `listen`: a socket gets an address, and takes connections there.
//!
//! With an address instead of a descriptor the step makes the socket as well, so that all three calls
//! are in the trace. Sources: bind(2), listen(2).

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
#[cfg(target_os = "linux")]
use crate::os::socket;
use crate::program::at::{At, Value};
use crate::program::call::{Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::problem::{Code, Problem};
use crate::program::resolve::End;
use crate::program::value::{Handle, Operand};
use crate::program::verb::{Level, Real, VerbRow};
use crate::trace::Sink;

use super::Socket;

pub const BIND: VerbRow = VerbRow {
    name: "bind",
    level: Level::Syscall,
    summary: "gives a socket an address",
    doc: "Gives a socket the address `to`. With an address instead of a descriptor it makes the socket first: `{ bind = \"inbox\", into = \"s\" }` is `socket` and `bind`. EADDRINUSE: another socket has the address.",
    example: r#"{ bind = "@s", to = "server" }"#,
    real: Real::Yes(
        "bind(2): to an abstract name of the run's own, or to a port of 127.0.0.1 that was free before the run",
    ),
    blocks: &[],
    parse: parse::<BindForm>,
    schema: schema::<BindForm>,
};

pub const LISTEN: VerbRow = VerbRow {
    name: "listen",
    level: Level::Syscall,
    summary: "lets a socket take connections",
    doc: "Lets a bound socket take connections, of which `backlog` and one more can wait to be accepted. With an address instead of a descriptor it makes and binds the socket first: `{ listen = \"server\", into = \"s\" }` is `socket`, `bind` and `listen`.",
    example: r#"{ listen = "server", into = "s", backlog = 8 }"#,
    real: Real::Yes("listen(2); before it socket(2) and bind(2)"),
    blocks: &[],
    parse: parse::<ListenForm>,
    schema: schema::<ListenForm>,
};

/// As many connections wait as most programs ask for.
const BACKLOG: i64 = 128;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct BindForm {
    /// A socket's descriptor ("@s"), or the address, for a new socket.
    bind: At<String>,
    /// The address, if a descriptor is given.
    to: Option<At<String>>,
    /// The variable that gets the new socket's descriptor.
    into: Option<At<String>>,
    /// For a new socket: its calls never wait.
    nonblock: Option<bool>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ListenForm {
    /// A socket's descriptor ("@s"), or the address, for a new socket.
    listen: At<String>,
    /// The variable that gets the new socket's descriptor.
    into: Option<At<String>>,
    /// How many connections can wait to be accepted; 128 if absent.
    backlog: Option<At<Value>>,
    /// For a new socket: its calls never wait.
    nonblock: Option<bool>,
}

impl Form for BindForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let nonblock = self.nonblock.unwrap_or(false);
        if !self.bind.value.starts_with('@') {
            if let Some((address, into)) = cx.makes_socket(&self.bind, self.into.as_ref()) {
                let fd = Handle::Number(Operand::Variable(into));
                let socket = Socket { address: address.id, into, nonblock };
                let bind = Bind { fd, address: address.id };
                cx.calls_in_turn(step, &[socket.into(), bind.into()]);
            }
            return;
        }
        let Some(to) = &self.to else {
            let message = "a step that binds a descriptor needs `to`: the address";
            let problem = Problem::error(Code::MissingKey, step.span.clone(), message);
            return cx.problems.push(problem.help("for example `{ bind = \"@s\", to = \"server\" }`"));
        };
        let fd = cx.socket(&self.bind, End::Read);
        if let (Some(fd), Some(address)) = (fd, cx.address(to)) {
            cx.call(step, Bind { fd, address: address.id });
        }
    }
}

impl Form for ListenForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let backlog = self.backlog.as_ref().map_or(Operand::Const(BACKLOG), |backlog| cx.operand(backlog));
        if self.listen.value.starts_with('@') {
            if let Some(fd) = cx.socket(&self.listen, End::Read) {
                cx.call(step, Listen { fd, backlog });
            }
        } else if let Some((address, into)) = cx.makes_socket(&self.listen, self.into.as_ref()) {
            let fd = Handle::Number(Operand::Variable(into));
            let socket = Socket { address: address.id, into, nonblock: self.nonblock.unwrap_or(false) };
            let bind = Bind { fd, address: address.id };
            cx.calls_in_turn(step, &[socket.into(), bind.into(), Listen { fd, backlog }.into()]);
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bind {
    pub fd: Handle,
    pub address: u32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Listen {
    pub fd: Handle,
    pub backlog: Operand,
}

impl SystemCall for Bind {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let (_, socket) = call.socket(self.fd)?;
        call.kernel.bind_socket(socket, self.address)?;
        Ok(Outcome::Done(0))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let descriptor = native.descriptor(self.fd)?;
        socket::bind(descriptor, &native.address_for(self.fd, self.address)?).map(|()| 0)
    }
}

impl SystemCall for Listen {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let (_, socket) = call.socket(self.fd)?;
        let image = call.image;
        let backlog = call.user().value(self.backlog, image);
        call.kernel.listen_at(socket, backlog)?;
        Ok(Outcome::Done(0))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let descriptor = native.descriptor(self.fd)?;
        let backlog = native.computed(self.backlog).clamp(-1, i64::from(i32::MAX)) as i32;
        socket::listen(descriptor, backlog).map(|()| 0)
    }
}
