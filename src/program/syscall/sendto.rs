//! `send` and `sendto`: bytes go into a connection, or as a message to an address.
//!
//! Sources: send(2), unix(7), tcp(7), udp(7). `write` on a socket does the same.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::kernel::cost::Copying;
use crate::kernel::file::OpenId;
use crate::kernel::ipc::connect::Progress;
use crate::kernel::ipc::socket::SocketKind;
#[cfg(target_os = "linux")]
use crate::os::socket;
use crate::program::address::To;
use crate::program::at::{At, SizeAmount, Value};
use crate::program::call::{Awaits, Call, Copied, Outcome, SystemCall};
use crate::program::content::{Content, What};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::image::Image;
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::resolve::End;
use crate::program::value::{Amount, Handle};
use crate::program::verb::{Level, Real, VerbRow};
use crate::trace::{Cause, Sink};

pub const SEND: VerbRow = VerbRow {
    name: "send",
    level: Level::Syscall,
    summary: "sends bytes or a message through a socket",
    doc: "Sends `bytes` bytes through a connected socket; the first eight hold `value`. A stream takes what there is room for and waits for more; other sockets send one message, whole or not at all (EMSGSIZE: too long). When the other end is closed: EPIPE, and SIGPIPE. With `dontwait` it fails with EAGAIN instead of waiting.",
    example: r#"{ send = "@c", text = "hello" }"#,
    real: Real::Yes("send(2), which is sendto(2)"),
    blocks: &[],
    parse: parse::<SendForm>,
    schema: schema::<SendForm>,
};

pub const SENDTO: VerbRow = VerbRow {
    name: "sendto",
    level: Level::Syscall,
    summary: "sends a message to an address",
    doc: "Sends a message to an address, or back to a sender whose number `recvfrom` has given: `to = \"@who\"`. UDP drops it if the receiver's buffer is full, or nobody is there; a Unix socket waits for room, and fails with ECONNREFUSED if nobody is there.",
    example: r#"{ sendto = "@s", to = "server", text = "hello" }"#,
    real: Real::Yes("sendto(2)"),
    blocks: &[],
    parse: parse::<SendtoForm>,
    schema: schema::<SendtoForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SendForm {
    /// The socket's descriptor.
    send: At<String>,
    /// How many bytes; 8 if only a value is given.
    bytes: Option<At<SizeAmount>>,
    /// What the first eight bytes hold: a whole number or an expression.
    value: Option<At<Value>>,
    /// A text, with expressions in braces as in `print`; its length is how many bytes are sent.
    text: Option<At<String>>,
    /// What the thread has received last, as many bytes as that was.
    buffer: Option<bool>,
    /// It fails with EAGAIN instead of waiting (MSG_DONTWAIT).
    dontwait: Option<bool>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SendtoForm {
    /// The socket's descriptor.
    sendto: At<String>,
    /// The address, or "@" and the variable with a sender's number.
    to: At<String>,
    /// How many bytes; 8 if only a value is given.
    bytes: Option<At<SizeAmount>>,
    /// What the first eight bytes hold: a whole number or an expression.
    value: Option<At<Value>>,
    /// A text, with expressions in braces as in `print`; its length is how many bytes are sent.
    text: Option<At<String>>,
    /// What the thread has received last, as many bytes as that was.
    buffer: Option<bool>,
    /// It fails with EAGAIN instead of waiting (MSG_DONTWAIT).
    dontwait: Option<bool>,
}

impl Form for SendForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let content = Content::of(&self.bytes, &self.value, &self.text, self.buffer);
        let (bytes, what) = cx.content(step, content);
        if let Some(fd) = cx.socket(&self.send, End::Write) {
            cx.call(step, Sendto { fd, to: None, bytes, what, dontwait: self.dontwait.unwrap_or(false) });
        }
    }
}

impl Form for SendtoForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let content = Content::of(&self.bytes, &self.value, &self.text, self.buffer);
        let (bytes, what) = cx.content(step, content);
        let to = cx.destination(&self.to);
        if let (Some(fd), Some(_)) = (cx.socket(&self.sendto, End::Write), to) {
            cx.call(step, Sendto { fd, to, bytes, what, dontwait: self.dontwait.unwrap_or(false) });
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sendto {
    pub fd: Handle,
    pub to: Option<To>,
    pub bytes: Amount,
    pub what: What,
    pub dontwait: bool,
}

impl SystemCall for Sendto {
    fn amount(&self) -> Option<&Amount> {
        Some(&self.bytes)
    }

    fn copies<S: Sink>(&self, call: &Call<'_, S>) -> Option<Copied> {
        call.socket(self.fd).ok().map(|(_, socket)| copies(call, socket))
    }

    fn waits(&self, _: &Image) -> Option<Awaits> {
        Some(Awaits { on: Cause::SocketWrite, object: None })
    }

    /// What is on its way already.
    fn achieved<S: Sink>(&self, call: &mut Call<'_, S>) -> Option<i64> {
        let sent = call.progress() as i64;
        (sent > 0).then_some(sent)
    }

    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let (open, socket) = call.socket(self.fd)?;
        send(call, open, socket, self.what, self.to, self.dontwait)
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let descriptor = native.descriptor(self.fd)?;
        let channel = native.channel(self.fd);
        let bytes = native.transfer(self.bytes)?;
        let to = self.to.map(|to| native.address_of(self.fd, to)).transpose()?;
        let object = match self.to {
            Some(To::Address(address)) => Some(native.world.image.sockets[address as usize].object),
            Some(To::Number(_)) | None => channel.object,
        };
        let buffer = native.filled(bytes, self.what);
        let manner = socket::Manner { nonblock: self.dontwait, peek: false };
        let sent = socket::send(descriptor, buffer, to.as_ref(), manner)?;
        if sent > 0 {
            native.sent(object, sent);
        }
        Ok(sent as i64)
    }
}

/// What a send through a socket copies now.
pub(super) fn copies<S: Sink>(call: &Call<'_, S>, socket: u32) -> Copied {
    let total = call.amount();
    let kind = call.kernel.sockets.get(socket).kind;
    let copying = match kind {
        SocketKind::UnixStream => Copying::UnixStreamSend,
        SocketKind::UnixDatagram | SocketKind::UnixSeqpacket => Copying::UnixDatagramSend,
        SocketKind::Tcp => Copying::TcpSend,
        SocketKind::Udp => Copying::UdpSend,
    };
    let rest = total - call.progress().min(total);
    let bytes = if kind.is_stream() {
        call.kernel.stream_room(socket, rest)
    } else {
        rest.min(call.kernel.sockets.get(socket).largest_message())
    };
    Copied { copying, bytes }
}

/// Sends what a call holds, for `send` and for `write`.
pub(super) fn send<S: Sink>(
    call: &mut Call<'_, S>,
    open: OpenId,
    socket: u32,
    what: What,
    to: Option<To>,
    dontwait: bool,
) -> Result<Outcome, Errno> {
    let (total, done, image) = (call.amount(), call.progress(), call.image);
    let nonblock = dontwait || call.kernel.files.open[open.0 as usize].flags.nonblock;
    let user = &call.userland.users[call.task.index()];
    let to = to.map(|to| to.destination(user, image)).transpose()?;
    let own = call.kernel.sockets.get(socket);
    let (kind, object) = (own.kind, own.object);
    let (cpu, thread) = (call.cpu, call.task);
    if kind.is_stream() {
        if to.is_some() && kind.is_unix() {
            return Err(if own.peer.is_some() { Errno::EISCONN } else { Errno::EOPNOTSUPP });
        }
        let content = |now| what.bytes(user, image, total).slice(done, now);
        let (done, waits) = call.kernel.send_stream(cpu, thread, socket, (done, total), nonblock, content)?;
        call.user().progress = done;
        return Ok(match waits {
            Some(on) => Outcome::Block { on, object },
            None => Outcome::Done(done as i64),
        });
    }
    let bytes = what.bytes(user, image, total);
    match call.kernel.send_to_socket(cpu, thread, socket, to, nonblock, bytes)? {
        Progress::Done(sent) => Ok(Outcome::Done(sent as i64)),
        Progress::Waits(on) => Ok(Outcome::Block { on, object }),
    }
}
