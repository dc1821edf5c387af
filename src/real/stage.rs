//! What a run's processes find: pipes, the terminal and files, each at its descriptor.

use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::fcntl::OFlag;

use crate::ids::Fd;
use crate::kernel::ipc::socket::SocketKind;
use crate::os::ipc::{self, OpenQueue};
use crate::os::{self, file, socket};
use crate::program::ProgramId;
use crate::program::native::World;
use crate::scenario::Scenario;

use super::spec::Spec;

/// The channels of a run, beside the descriptors that the scenario's processes know.
pub struct Channels {
    /// The guardian's own ends of pipes.
    pub ends: Vec<Fd>,
    pub held: Held,
    /// In what they differ from what the scenario asks for.
    pub notes: Vec<String>,
}

/// What the guardian alone keeps open for the run.
#[derive(Debug)]
pub struct Held {
    pub keyboard: Keyboard,
    /// The sockets that keep the ports of TCP addresses; nobody listens at them.
    _ports: Vec<OwnedFd>,
}

/// Where keys are pressed, with the terminal's line discipline: a line can be read when it is complete,
/// and a read takes one line.
#[derive(Debug)]
pub struct Keyboard {
    /// Each write to it is read as a packet of its own.
    lines: OwnedFd,
    line: String,
}

impl Keyboard {
    pub fn press(&mut self, keys: &str) {
        for key in keys.chars() {
            self.line.push(key);
            if key == '\n' {
                let line = std::mem::take(&mut self.line);
                let _ = nix::unistd::write(&self.lines, line.as_bytes());
            }
        }
    }
}

/// Makes pipes and the terminal.
pub fn make_channels(world: &World) -> nix::Result<Channels> {
    let (mut ends, mut notes) = (Vec::new(), Vec::new());
    for (number, pipe) in world.image.pipes.iter().enumerate() {
        if pipe.fifo {
            os::pipe::make_fifo(&world.fifo(number))?;
            continue;
        }
        let (read, write, holds) = file::pipe(pipe.capacity)?;
        // What is at least a page is rounded up in the model as well.
        if holds != pipe.capacity.next_power_of_two() {
            let name = &world.image.objects[pipe.object.index()].name;
            notes.push(format!("pipe `{name}` holds {holds} bytes here, not {}", pipe.capacity));
        }
        if pipe.nonblock {
            for end in [&read, &write] {
                os::pipe::nonblock(end.as_raw_fd(), true)?;
            }
        }
        file::place(read, world.descriptor(pipe.read))?;
        file::place(write, world.descriptor(pipe.write))?;
        ends.extend([pipe.read, pipe.write]);
    }
    let (reads, lines, _) = file::pipe(65536)?;
    file::set_direct(lines.as_raw_fd(), true).map_err(|_| nix::errno::Errno::EINVAL)?;
    let keyboard = Keyboard { lines, line: String::new() };
    file::place(reads, world.descriptor(Fd(0)))?;
    let screen = world.scratch.join("terminal");
    let screen = file::open(&screen, OFlag::O_CREAT | OFlag::O_WRONLY | OFlag::O_APPEND)?;
    file::place(nix::unistd::dup(&screen)?, world.descriptor(Fd(2)))?;
    file::place(screen, world.descriptor(Fd(1)))?;
    let held = Held { keyboard, _ports: take_ports(world, &mut notes)? };
    Ok(Channels { ends, held, notes })
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
        if !wanted.exists {
            continue;
        }
        let path = spec.scratch.join(format!("file-{number}"));
        let mut out = std::io::BufWriter::new(std::fs::File::create(path)?);
        out.write_all(wanted.text.as_bytes())?;
        let rest = wanted.size - (wanted.text.len() as u64).min(wanted.size);
        std::io::copy(&mut std::io::repeat(0).take(rest), &mut out)?;
        let made = out.into_inner()?;
        if !wanted.cached {
            file::forget(&OwnedFd::from(made)).map_err(std::io::Error::from)?;
        }
    }
    Ok(())
}

/// Each process of the list of starts has opened its files and message queues itself; it gives up the ends of pipes
/// that its program doesn't use.
pub fn open_own_files(world: &World, program: ProgramId) -> nix::Result<()> {
    let used = &world.image.programs[usize::from(program.0)].fds;
    for (number, spec) in world.image.files.iter().enumerate() {
        if spec.exists && used.contains(&spec.fd) {
            let opened = file::open(&world.path(number), OFlag::O_RDWR)?;
            file::place(opened, world.descriptor(spec.fd))?;
        }
    }
    for (number, spec) in world.image.ipc.queues.iter().enumerate() {
        // One whose name has gone meanwhile isn't open to those who start later.
        if let Some(fd) = spec.fd.filter(|fd| used.contains(fd)) {
            let how = OpenQueue { create: None, exclusive: false, nonblock: false };
            let opened = world.named.queues.get(number).map(|name| ipc::open_queue(name, how));
            if let Some(Ok(opened)) = opened {
                file::place(opened, world.descriptor(fd))?;
            }
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
