//! `[socket.NAME]`: an address that sockets are bound to and connected with.

use schemars::JsonSchema;
use serde::Deserialize;
use toml::de::DeTable;

use crate::kernel::ipc::socket::SocketKind;
use crate::program::at::{At, Size};
use crate::program::image::SocketSpec;
use crate::program::names::{Names, SocketAddress};
use crate::program::problem::{Code, Problem, Problems};

use super::objects::Objects;
use super::table::{named, size};

/// The most addresses that a scenario can have: a real run has a place for so many ports.
const MOST: usize = crate::program::address::MOST_ADDRESSES;

/// `[socket.NAME]`: an address, and what kind of socket it is for.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SocketForm {
    /// "unix-stream" and "tcp" carry bytes over a connection, "unix-seqpacket" messages over a
    /// connection, "unix-datagram" and "udp" single messages.
    pub kind: SocketKind,
    /// How many bytes a sender may have under way (SO_SNDBUF). "208KiB" if absent, "16KiB" for tcp.
    pub send_buffer: Option<At<Size>>,
    /// How many bytes a receiver keeps (SO_RCVBUF; only tcp and udp have it). "208KiB" if absent,
    /// "128KiB" for tcp.
    pub receive_buffer: Option<At<Size>>,
}

impl Objects {
    pub(super) fn sockets(&mut self, root: &DeTable<'_>, names: &mut Names, problems: &mut Problems) {
        for entry in named::<SocketForm>(root, "socket", problems) {
            let object = self.object("socket", &entry.name, names, problems);
            let kind = entry.form.kind;
            let mut asked = |at: &Option<At<Size>>| {
                at.as_ref().and_then(|at| size(at, "a socket's buffer", 1 << 30, problems))
            };
            let (send, receive) = (asked(&entry.form.send_buffer), asked(&entry.form.receive_buffer));
            if let Some(at) = entry.form.receive_buffer.as_ref().filter(|_| kind.is_unix()) {
                let message = "a Unix socket has no receive buffer of its own";
                let problem = Problem::error(Code::WrongObject, at.span.clone(), message);
                problems.push(problem.help("what is sent counts against the sender's `send-buffer`"));
            }
            if self.sockets.len() >= MOST {
                let message = format!("a scenario can't have more than {MOST} addresses");
                problems.error(Code::OutOfRange, entry.name.span.clone(), message);
            }
            names.sockets.insert(entry.name.value, SocketAddress { id: self.sockets.len() as u32, kind });
            self.sockets.push(SocketSpec {
                object,
                kind,
                send_buffer: send.unwrap_or(kind.default_send_buffer()),
                receive_buffer: receive.unwrap_or(kind.default_receive_buffer()),
                sized: [send.is_some(), receive.is_some()],
            });
        }
    }
}
