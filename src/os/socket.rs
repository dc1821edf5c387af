//! Sockets of the host: Unix sockets with abstract names, and TCP and UDP on 127.0.0.1 only.
//!
//! An abstract name vanishes with its last socket, so that nothing is left in the file system
//! whatever happens to a run.

use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno as HostErrno;

use crate::errno::Errno;

/// How a socket transfers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Stream,
    Datagram,
    Seqpacket,
}

/// Where a socket can be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// An abstract name of a Unix socket; empty if it has none.
    Abstract(Vec<u8>),
    /// A port on 127.0.0.1.
    Loopback(u16),
}

/// How a transfer is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Manner {
    pub nonblock: bool,
    pub peek: bool,
}

impl Manner {
    const fn flags(self) -> i32 {
        let nonblock = if self.nonblock { libc::MSG_DONTWAIT } else { 0 };
        let peek = if self.peek { libc::MSG_PEEK } else { 0 };
        nonblock | peek
    }
}

/// An address as the kernel takes it.
struct Raw {
    storage: libc::sockaddr_storage,
    length: libc::socklen_t,
}

impl Raw {
    fn empty() -> Raw {
        // SAFETY: plain numbers, for which zeros are a value.
        Raw { storage: unsafe { zeroed() }, length: size_of::<libc::sockaddr_storage>() as libc::socklen_t }
    }

    fn of(address: &Address) -> Raw {
        let mut raw = Raw::empty();
        match address {
            Address::Abstract(name) => {
                // SAFETY: the storage is as large as any address and aligned for it.
                let unix = unsafe { &mut *(&raw mut raw.storage).cast::<libc::sockaddr_un>() };
                unix.sun_family = libc::AF_UNIX as libc::sa_family_t;
                // The first byte stays zero: that is what makes a name abstract.
                let places = unix.sun_path.iter_mut().skip(1);
                let written = places.zip(name).map(|(place, byte)| *place = *byte as libc::c_char).count();
                raw.length = (size_of::<libc::sa_family_t>() + 1 + written) as libc::socklen_t;
            }
            Address::Loopback(port) => {
                // SAFETY: as above.
                let inet = unsafe { &mut *(&raw mut raw.storage).cast::<libc::sockaddr_in>() };
                inet.sin_family = libc::AF_INET as libc::sa_family_t;
                inet.sin_port = port.to_be();
                inet.sin_addr.s_addr = u32::from(std::net::Ipv4Addr::LOCALHOST).to_be();
                raw.length = size_of::<libc::sockaddr_in>() as libc::socklen_t;
            }
        }
        raw
    }

    fn address(&self) -> Address {
        if i32::from(self.storage.ss_family) == libc::AF_INET {
            // SAFETY: the family says which address it is; the storage is large enough for it.
            let inet = unsafe { &*(&raw const self.storage).cast::<libc::sockaddr_in>() };
            return Address::Loopback(u16::from_be(inet.sin_port));
        }
        // SAFETY: the storage is as large as any address and aligned for it.
        let unix = unsafe { &*(&raw const self.storage).cast::<libc::sockaddr_un>() };
        let used = (self.length as usize).saturating_sub(size_of::<libc::sa_family_t>());
        let name = unix.sun_path.iter().take(used).skip(1).map(|&byte| byte as u8);
        Address::Abstract(name.collect())
    }

    const fn pointer(&self) -> *const libc::sockaddr {
        (&raw const self.storage).cast()
    }
}

fn kind(style: Style, nonblock: bool) -> i32 {
    let kind = match style {
        Style::Stream => libc::SOCK_STREAM,
        Style::Datagram => libc::SOCK_DGRAM,
        Style::Seqpacket => libc::SOCK_SEQPACKET,
    };
    kind | libc::SOCK_CLOEXEC | if nonblock { libc::SOCK_NONBLOCK } else { 0 }
}

fn checked(result: i32) -> Result<i32, Errno> {
    HostErrno::result(result).map_err(super::errno)
}

/// A new socket, of Unix or of the Internet.
pub fn open(unix: bool, style: Style, nonblock: bool) -> Result<OwnedFd, Errno> {
    let family = if unix { libc::AF_UNIX } else { libc::AF_INET };
    // SAFETY: plain numbers.
    let descriptor = checked(unsafe { libc::socket(family, kind(style, nonblock), 0) })?;
    // SAFETY: the kernel has just given it to nobody else.
    let descriptor = unsafe { OwnedFd::from_raw_fd(descriptor) };
    if !unix && style == Style::Stream {
        set(descriptor.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_NODELAY, 1)?;
        set(descriptor.as_raw_fd(), libc::SOL_SOCKET, libc::SO_REUSEADDR, 1)?;
    }
    Ok(descriptor)
}

/// Two Unix sockets that are connected.
pub fn pair(style: Style, nonblock: bool) -> Result<(OwnedFd, OwnedFd), Errno> {
    let mut both = [0; 2];
    // SAFETY: the kernel writes two numbers.
    checked(unsafe { libc::socketpair(libc::AF_UNIX, kind(style, nonblock), 0, both.as_mut_ptr()) })?;
    // SAFETY: the kernel has just given them to nobody else.
    Ok(unsafe { (OwnedFd::from_raw_fd(both[0]), OwnedFd::from_raw_fd(both[1])) })
}

fn set(descriptor: RawFd, level: i32, option: i32, value: i32) -> Result<(), Errno> {
    let length = size_of::<i32>() as libc::socklen_t;
    // SAFETY: the kernel reads one number.
    let result = unsafe { libc::setsockopt(descriptor, level, option, (&raw const value).cast(), length) };
    checked(result).map(|_| ())
}

fn get(descriptor: RawFd, option: i32) -> Result<i32, Errno> {
    let (mut value, mut length) = (0_i32, size_of::<i32>() as libc::socklen_t);
    // SAFETY: the kernel writes one number.
    let result = unsafe {
        libc::getsockopt(descriptor, libc::SOL_SOCKET, option, (&raw mut value).cast(), &raw mut length)
    };
    checked(result).map(|_| value)
}

/// Asks for buffers of these sizes.
pub fn set_buffers(descriptor: RawFd, send: Option<u64>, receive: Option<u64>) -> Result<(), Errno> {
    for (option, bytes) in [(libc::SO_SNDBUF, send), (libc::SO_RCVBUF, receive)] {
        if let Some(bytes) = bytes {
            set(descriptor, libc::SOL_SOCKET, option, i32::try_from(bytes).unwrap_or(i32::MAX))?;
        }
    }
    Ok(())
}

/// The sizes of the buffers, as the kernel counts them.
pub fn buffers(descriptor: RawFd) -> Result<(u64, u64), Errno> {
    let [send, receive] = [libc::SO_SNDBUF, libc::SO_RCVBUF].map(|option| get(descriptor, option));
    Ok((send?.unsigned_abs().into(), receive?.unsigned_abs().into()))
}

pub fn bind(descriptor: RawFd, address: &Address) -> Result<(), Errno> {
    let raw = Raw::of(address);
    // SAFETY: the kernel reads an address of this length.
    checked(unsafe { libc::bind(descriptor, raw.pointer(), raw.length) }).map(|_| ())
}

pub fn listen(descriptor: RawFd, backlog: i32) -> Result<(), Errno> {
    // SAFETY: plain numbers.
    checked(unsafe { libc::listen(descriptor, backlog) }).map(|_| ())
}

pub fn connect(descriptor: RawFd, address: &Address) -> Result<(), Errno> {
    let raw = Raw::of(address);
    // SAFETY: the kernel reads an address of this length.
    checked(unsafe { libc::connect(descriptor, raw.pointer(), raw.length) }).map(|_| ())
}

pub fn accept(descriptor: RawFd, nonblock: bool) -> Result<OwnedFd, Errno> {
    let flags = libc::SOCK_CLOEXEC | if nonblock { libc::SOCK_NONBLOCK } else { 0 };
    let nowhere = std::ptr::null_mut();
    // SAFETY: the kernel writes no address where there is no place for one.
    let child = checked(unsafe { libc::accept4(descriptor, nowhere, std::ptr::null_mut(), flags) })?;
    // SAFETY: the kernel has just given it to nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(child) })
}

pub fn shutdown(descriptor: RawFd, read: bool, write: bool) -> Result<(), Errno> {
    let how = match (read, write) {
        (true, false) => libc::SHUT_RD,
        (false, true) => libc::SHUT_WR,
        (true, true) | (false, false) => libc::SHUT_RDWR,
    };
    // SAFETY: plain numbers.
    checked(unsafe { libc::shutdown(descriptor, how) }).map(|_| ())
}

/// Sends once, as much as there is room for.
pub fn send(descriptor: RawFd, bytes: &[u8], to: Option<&Address>, manner: Manner) -> Result<usize, Errno> {
    let raw = to.map(Raw::of);
    let (address, length) = raw.as_ref().map_or((std::ptr::null(), 0), |raw| (raw.pointer(), raw.length));
    // SAFETY: the kernel reads at most the buffer's length, and an address of the length given.
    let result = unsafe {
        libc::sendto(descriptor, bytes.as_ptr().cast(), bytes.len(), manner.flags(), address, length)
    };
    HostErrno::result(result).map(|sent| sent as usize).map_err(super::errno)
}

/// Receives once, at most the buffer's length; and the sender's address, as far as it has one.
pub fn receive(descriptor: RawFd, into: &mut [u8], manner: Manner) -> Result<(usize, Address), Errno> {
    let mut raw = Raw::empty();
    // SAFETY: the kernel writes at most the buffer's length, and an address no longer than its place.
    let result = unsafe {
        libc::recvfrom(
            descriptor,
            into.as_mut_ptr().cast(),
            into.len(),
            manner.flags(),
            (&raw mut raw.storage).cast(),
            &raw mut raw.length,
        )
    };
    HostErrno::result(result).map(|taken| (taken as usize, raw.address())).map_err(super::errno)
}

/// A port of 127.0.0.1 that nobody uses, and the socket that has it.
pub fn free_port(style: Style) -> Result<(OwnedFd, u16), Errno> {
    let holder = open(false, style, false)?;
    bind(holder.as_raw_fd(), &Address::Loopback(0))?;
    let mut raw = Raw::empty();
    // SAFETY: the kernel writes an address no longer than its place.
    let result =
        unsafe { libc::getsockname(holder.as_raw_fd(), (&raw mut raw.storage).cast(), &raw mut raw.length) };
    checked(result)?;
    match raw.address() {
        Address::Loopback(port) => Ok((holder, port)),
        Address::Abstract(_) => Err(Errno::EINVAL),
    }
}
