//! `recv` and `recvfrom`: bytes come out of a connection, or a message and who has sent it.
//!
//! Sources: recv(2), unix(7), tcp(7), udp(7). `read` on a socket does the same.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
#[cfg(target_os = "linux")]
use crate::kernel::bytes::Bytes;
use crate::kernel::cost::Copying;
use crate::kernel::file::OpenId;
use crate::kernel::ipc::connect::Progress;
use crate::kernel::ipc::receive::Manner;
use crate::kernel::ipc::socket::SocketKind;
#[cfg(target_os = "linux")]
use crate::os::socket;
use crate::program::at::{At, SizeAmount};
use crate::program::call::{Awaits, Call, Copied, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::image::Image;
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::resolve::End;
use crate::program::value::{Amount, Handle, Variable};
use crate::program::verb::{Level, Real, VerbRow};
use crate::trace::{Cause, Sink};

pub const RECV: VerbRow = VerbRow {
    name: "recv",
    level: Level::Syscall,
    summary: "takes bytes or a message out of a socket",
    doc: "Takes at most `bytes` bytes out of a connection, and waits while there are none; 0 is the end. Of a message it takes the beginning, and the rest is lost. With `all` it asks again until all bytes are there; with `peek` they stay where they are; with `dontwait` it fails with EAGAIN instead of waiting. ECONNRESET: the other end was closed before it had read everything.",
    example: r#"{ recv = "@c", bytes = "64B", into = "x" }"#,
    real: Real::Yes("recv(2), which is recvfrom(2)"),
    blocks: &[],
    parse: parse::<RecvForm>,
    schema: schema::<RecvForm>,
};

pub const RECVFROM: VerbRow = VerbRow {
    name: "recvfrom",
    level: Level::Syscall,
    summary: "takes a message and says who has sent it",
    doc: "As `recv`; `from` gets the number of the sender, by which `sendto` can answer. It is 0 if the sender has no address.",
    example: r#"{ recvfrom = "@s", bytes = "64B", from = "who" }"#,
    real: Real::Yes("recvfrom(2)"),
    blocks: &[],
    parse: parse::<RecvfromForm>,
    schema: schema::<RecvfromForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RecvForm {
    /// The socket's descriptor.
    recv: At<String>,
    /// How many bytes at most; 8 if absent.
    bytes: Option<At<SizeAmount>>,
    /// Asks again until all bytes are there or the connection ends.
    all: Option<bool>,
    /// What is received stays there for the next call (MSG_PEEK).
    peek: Option<bool>,
    /// It fails with EAGAIN instead of waiting (MSG_DONTWAIT).
    dontwait: Option<bool>,
    /// The variable that gets the value that the bytes carry.
    into: Option<At<String>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RecvfromForm {
    /// The socket's descriptor.
    recvfrom: At<String>,
    /// How many bytes at most; 8 if absent.
    bytes: Option<At<SizeAmount>>,
    /// What is received stays there for the next call (MSG_PEEK).
    peek: Option<bool>,
    /// It fails with EAGAIN instead of waiting (MSG_DONTWAIT).
    dontwait: Option<bool>,
    /// The variable that gets the value that the bytes carry.
    into: Option<At<String>>,
    /// The variable that gets the sender's number.
    from: Option<At<String>>,
}

impl Form for RecvForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let bytes = self.bytes.as_ref().map_or(Amount::Const(8), |bytes| cx.size(bytes));
        let into = self.into.as_ref().map(|name| cx.assign(name));
        let way = Way {
            all: self.all.unwrap_or(false),
            peek: self.peek.unwrap_or(false),
            dontwait: self.dontwait.unwrap_or(false),
            into,
            from: None,
            keep: false,
        };
        if let Some(fd) = cx.socket(&self.recv, End::Read) {
            cx.call(step, Recvfrom { fd, bytes, way });
        }
    }
}

impl Form for RecvfromForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let bytes = self.bytes.as_ref().map_or(Amount::Const(8), |bytes| cx.size(bytes));
        let into = self.into.as_ref().map(|name| cx.assign(name));
        let way = Way {
            all: false,
            peek: self.peek.unwrap_or(false),
            dontwait: self.dontwait.unwrap_or(false),
            into,
            from: self.from.as_ref().map(|name| cx.assign(name)),
            keep: false,
        };
        if let Some(fd) = cx.socket(&self.recvfrom, End::Read) {
            cx.call(step, Recvfrom { fd, bytes, way });
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recvfrom {
    pub fd: Handle,
    pub bytes: Amount,
    pub way: Way,
}

/// How something is received, and where it goes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Way {
    /// Repeats the call until all bytes are there or the connection ends.
    pub all: bool,
    pub peek: bool,
    pub dontwait: bool,
    /// Gets the value that the bytes carry.
    pub into: Option<Variable>,
    /// Gets the number of the sender.
    pub from: Option<Variable>,
    /// Whether the program uses what it has received as a whole.
    pub keep: bool,
}

impl SystemCall for Recvfrom {
    fn amount(&self) -> Option<&Amount> {
        Some(&self.bytes)
    }

    fn keep_what_comes(&mut self) {
        self.way.keep = true;
    }

    fn copies<S: Sink>(&self, call: &Call<'_, S>) -> Option<Copied> {
        call.socket(self.fd).ok().map(|(_, socket)| copies(call, socket))
    }

    fn waits(&self, _: &Image) -> Option<Awaits> {
        Some(Awaits { on: Cause::SocketRead, object: None })
    }

    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let (open, socket) = call.socket(self.fd)?;
        receive(call, open, socket, self.way)
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let Way { all, peek, dontwait, into, from, keep } = self.way;
        let descriptor = native.descriptor(self.fd)?;
        let channel = native.channel(self.fd);
        let mut left = native.transfer(self.bytes)?;
        loop {
            let buffer = native.buffer.take(left);
            let (taken, sender) =
                socket::receive(descriptor, buffer, socket::Manner { nonblock: dontwait, peek })?;
            let bytes = Bytes::text(&buffer[..taken]);
            let more = all && !peek && taken > 0 && taken < left;
            if taken > 0 {
                match all && !peek {
                    true => native.user.set_beginning(into, bytes.first_word(), taken as u64, more),
                    false => native.user.set(into, bytes.first_word() as i64),
                }
                if !peek {
                    native.received(channel.object, taken);
                }
            }
            if from.is_some() {
                let number = native.sender(channel, &sender);
                native.user.set(from, number);
            }
            if keep {
                native.user.keep(bytes, more);
            }
            left -= taken;
            if all && taken == 0 {
                native.user.goes_on_no_more();
            }
            if !more {
                return Ok(taken as i64);
            }
            native.repeat_call(taken as i64);
        }
    }
}

/// What a receive from a socket copies now.
pub(super) fn copies<S: Sink>(call: &Call<'_, S>, socket: u32) -> Copied {
    let own = call.kernel.sockets.get(socket);
    let copying = match own.kind {
        SocketKind::UnixStream => Copying::UnixStreamReceive,
        SocketKind::UnixDatagram | SocketKind::UnixSeqpacket => Copying::UnixDatagramReceive,
        SocketKind::Tcp => Copying::TcpReceive,
        SocketKind::Udp => Copying::UdpReceive,
    };
    let there = if own.kind.is_stream() {
        own.used
    } else {
        own.messages.front().map_or(0, |message| message.bytes.len())
    };
    Copied { copying, bytes: there.min(call.amount()) }
}

/// Receives, for `recv` and for `read`.
pub(super) fn receive<S: Sink>(
    call: &mut Call<'_, S>,
    open: OpenId,
    socket: u32,
    way: Way,
) -> Result<Outcome, Errno> {
    let Way { all, peek, dontwait, into, from, keep } = way;
    let wanted = call.amount();
    let nonblock = dontwait || call.kernel.files.open[open.0 as usize].flags.nonblock;
    let (cpu, thread) = (call.cpu, call.task);
    let received = match call.kernel.receive(cpu, thread, socket, wanted, Manner { nonblock, peek })? {
        Progress::Done(received) => received,
        Progress::Waits(on) => {
            return Ok(Outcome::Block { on, object: call.kernel.sockets.get(socket).object });
        }
    };
    let taken = received.bytes.len();
    let more = all && !peek && taken > 0 && taken < wanted;
    let user = call.user();
    if taken > 0 {
        let word = received.bytes.first_word();
        match all && !peek {
            true => user.set_beginning(into, word, taken, more),
            false => user.set(into, word as i64),
        }
    } else if all {
        user.goes_on_no_more();
    }
    user.set(from, received.from);
    if keep {
        user.keep(received.bytes, more);
    }
    if more {
        user.amount -= taken;
        return Ok(Outcome::Repeat(taken as i64));
    }
    Ok(Outcome::Done(taken as i64))
}
