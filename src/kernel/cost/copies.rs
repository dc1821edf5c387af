//! What copied bytes cost, by where they go.

use std::ops::{Index, IndexMut};

use super::{CostRow, Curve};

/// Where copied bytes go, as `[copies]` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copying {
    PipeWrite,
    PipeRead,
    FileWrite,
    FileRead,
    DirectWrite,
    DirectRead,
    TerminalWrite,
    TerminalRead,
    UnixStreamSend,
    UnixStreamReceive,
    UnixDatagramSend,
    UnixDatagramReceive,
    TcpSend,
    TcpReceive,
    UdpSend,
    UdpReceive,
    MqSend,
    MqReceive,
    MsgSend,
    MsgReceive,
}

/// The keys of `[copies]`, in the order of [`Copying`].
pub const COPIES: &[CostRow] = &[
    CostRow { key: "pipe-write", doc: "Into a pipe." },
    CostRow { key: "pipe-read", doc: "Out of a pipe." },
    CostRow { key: "file-write", doc: "Into the page cache." },
    CostRow { key: "file-read", doc: "Out of the page cache." },
    CostRow { key: "direct-write", doc: "To the disk, past the page cache." },
    CostRow { key: "direct-read", doc: "From the disk, past the page cache." },
    CostRow { key: "terminal-write", doc: "To the terminal." },
    CostRow { key: "terminal-read", doc: "A line from the terminal." },
    CostRow { key: "unix-stream-send", doc: "Into a Unix stream socket." },
    CostRow { key: "unix-stream-receive", doc: "Out of a Unix stream socket." },
    CostRow { key: "unix-datagram-send", doc: "Into a Unix socket that keeps messages apart." },
    CostRow { key: "unix-datagram-receive", doc: "Out of a Unix socket that keeps messages apart." },
    CostRow { key: "tcp-send", doc: "Into a TCP connection." },
    CostRow { key: "tcp-receive", doc: "Out of a TCP connection." },
    CostRow { key: "udp-send", doc: "Into a UDP datagram." },
    CostRow { key: "udp-receive", doc: "Out of a UDP datagram." },
    CostRow { key: "mq-send", doc: "Into a POSIX message queue." },
    CostRow { key: "mq-receive", doc: "Out of a POSIX message queue." },
    CostRow { key: "msgsnd", doc: "Into a System V message queue." },
    CostRow { key: "msgrcv", doc: "Out of a System V message queue." },
];

impl Copying {
    const ALL: [Copying; 20] = [
        Copying::PipeWrite,
        Copying::PipeRead,
        Copying::FileWrite,
        Copying::FileRead,
        Copying::DirectWrite,
        Copying::DirectRead,
        Copying::TerminalWrite,
        Copying::TerminalRead,
        Copying::UnixStreamSend,
        Copying::UnixStreamReceive,
        Copying::UnixDatagramSend,
        Copying::UnixDatagramReceive,
        Copying::TcpSend,
        Copying::TcpReceive,
        Copying::UdpSend,
        Copying::UdpReceive,
        Copying::MqSend,
        Copying::MqReceive,
        Copying::MsgSend,
        Copying::MsgReceive,
    ];

    pub(super) fn named(name: &str) -> Option<Copying> {
        let row = COPIES.iter().position(|row| row.key == name)?;
        Some(Copying::ALL[row])
    }
}

/// A curve for each [`Copying`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copies(pub(super) [Curve; 20]);

impl Copies {
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Curve::is_empty)
    }
}

impl Index<Copying> for Copies {
    type Output = Curve;
    fn index(&self, copying: Copying) -> &Curve {
        &self.0[copying as usize]
    }
}

impl IndexMut<Copying> for Copies {
    fn index_mut(&mut self, copying: Copying) -> &mut Curve {
        &mut self.0[copying as usize]
    }
}
