//! What a run's processes find: pipes, the terminal and files, each at its descriptor.

use std::io::Read;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::fcntl::OFlag;

use crate::ids::Fd;
use crate::kernel::ipc::socket::SocketKind;
use crate::os::{file, socket};
use crate::program::ProgramId;
use crate::program::native::World;
use crate::scenario::Scenario;

use super::spec::Spec;

/// The channels of a run, beside the descriptors that the scenario's processes know.
pub struct Channels {
    /// The guardian's own ends of pipes.
    pub ends: Vec<Fd>,
    /// Where keys are pressed.
    pub keyboard: OwnedFd,
    /// The sockets that keep the ports of TCP addresses for the run; nobody listens at them.
    pub ports: Vec<OwnedFd>,
    /// In what they differ from what the scenario asks for.
    pub notes: Vec<String>,
}

/// Makes pipes and the terminal.
pub fn make_channels(world: &World) -> nix::Result<Channels> {
    let (mut ends, mut notes) = (Vec::new(), Vec::new());
    for pipe in &world.image.pipes {
        let (read, write, holds) = file::pipe(pipe.capacity)?;
        if holds != pipe.capacity {
            let name = &world.image.objects[pipe.object.index()].name;
            notes.push(format!("pipe `{name}` holds {holds} bytes here, not {}", pipe.capacity));
        }
        file::place(read, world.descriptor(pipe.read))?;
        file::place(write, world.descriptor(pipe.write))?;
        ends.extend([pipe.read, pipe.write]);
    }
    let (reads, keyboard, _) = file::pipe(65536)?;
    file::place(reads, world.descriptor(Fd(0)))?;
    let screen = world.scratch.join("terminal");
    let screen = file::open(&screen, OFlag::O_CREAT | OFlag::O_WRONLY | OFlag::O_APPEND)?;
    file::place(screen, world.descriptor(Fd(1)))?;
    let ports = take_ports(world, &mut notes)?;
    Ok(Channels { ends, keyboard, ports, notes })
}

/// A port for each address of the Internet, from the host's free ones. A UDP port can't be kept
/// while others are to use it; one that another program takes meanwhile shows as EADDRINUSE.
fn take_ports(world: &World, notes: &mut Vec<String>) -> nix::Result<Vec<OwnedFd>> {
    let mut keep = Vec::new();
    for (number, spec) in world.image.sockets.iter().enumerate() {
        let host = |errno: crate::errno::Errno| nix::Error::from_raw(errno as i32);
        let name = &world.image.objects[spec.object.index()].name;
        let style = crate::program::address::style(spec.kind);
        let probe = if spec.kind.is_unix() {
            socket::open(true, style, false).map_err(host)?
        } else {
            let (holder, port) = socket::free_port(style).map_err(host)?;
            world.board.set_port(number as u32, port);
            holder
        };
        let [send, receive] = spec.sized;
        let asked = (send.then_some(spec.send_buffer), receive.then_some(spec.receive_buffer));
        socket::set_buffers(probe.as_raw_fd(), asked.0, asked.1).map_err(host)?;
        let (sends, receives) = socket::buffers(probe.as_raw_fd()).map_err(host)?;
        for (what, asked, has) in [("send", asked.0, sends), ("receive", asked.1, receives)] {
            if let Some(asked) = asked.filter(|&asked| asked != has) {
                notes.push(format!(
                    "socket `{name}` has a {what} buffer of {has} bytes here, not {asked}: Linux doubles what is asked for, \
                     within its limits, and counts its own bookkeeping as well"
                ));
            }
        }
        if spec.kind == SocketKind::Tcp {
            keep.push(probe);
        }
    }
    Ok(keep)
}

/// The scenario's files, as large as it says; those that it doesn't want in memory are forgotten.
pub fn make_files(spec: &Spec, scenario: &Scenario) -> std::io::Result<()> {
    for (number, wanted) in scenario.image.files.iter().enumerate() {
        if wanted.size > spec.file_bytes {
            let text = format!("a file of {} bytes is larger than the run's limit", wanted.size);
            return Err(std::io::Error::other(text));
        }
        let path = spec.scratch.join(format!("file-{number}"));
        let mut out = std::io::BufWriter::new(std::fs::File::create(path)?);
        std::io::copy(&mut std::io::repeat(0).take(wanted.size), &mut out)?;
        let made = out.into_inner()?;
        if !wanted.cached {
            file::forget(&OwnedFd::from(made)).map_err(std::io::Error::from)?;
        }
    }
    Ok(())
}

/// Each process of the list of starts has opened its files itself; it gives up the ends of pipes
/// that its program doesn't use.
pub fn open_own_files(world: &World, program: ProgramId) -> nix::Result<()> {
    let used = &world.image.programs[usize::from(program.0)].fds;
    for (number, spec) in world.image.files.iter().enumerate() {
        if used.contains(&spec.fd) {
            let opened = file::open(&world.path(number), OFlag::O_RDWR)?;
            file::place(opened, world.descriptor(spec.fd))?;
        }
    }
    for pipe in &world.image.pipes {
        for end in [pipe.read, pipe.write] {
            if !used.contains(&end) {
                let _ = file::close(world.descriptor(end));
            }
        }
    }
    Ok(())
}
