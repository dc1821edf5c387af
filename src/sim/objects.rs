//! What a machine has at the beginning: the scenario's devices, files, pipes, sockets and memory.

use std::collections::VecDeque;

use crate::hw::device::{Device, DeviceSpec, State as DeviceState};
use crate::hw::mmu::Frames;
use crate::ids::Fd;
use crate::kernel::bytes::Bytes;
use crate::kernel::file::{File, Files, Flags, Open, Opened};
use crate::kernel::ipc::Ipc;
use crate::kernel::ipc::pipe::Pipe;
use crate::kernel::ipc::semaphore_set::SemaphoreSet;
use crate::kernel::ipc::socket::{Address, Sockets};
use crate::kernel::ipc::typed_queue::TypedQueue;
use crate::kernel::memory::{Content, Region};
use crate::program::Image;
use crate::program::image::{Backing, FileSpec, MemoryId, PipeSpec};
use crate::random::Key;

pub(super) fn sockets(image: &Image) -> Sockets {
    let addresses = image.sockets.iter().map(|spec| Address {
        object: spec.object,
        kind: spec.kind,
        send_buffer: spec.send_buffer,
        receive_buffer: spec.receive_buffer,
        bound: Vec::new(),
    });
    Sockets { all: Vec::new(), addresses: addresses.collect() }
}

pub(super) fn ipc(image: &Image) -> Ipc {
    let mut ipc = Ipc::default();
    for spec in &image.ipc.queues {
        ipc.messages.declare(spec.object, spec.max_messages, spec.message_size, spec.fd.is_some());
    }
    ipc.typed.extend(image.ipc.typed.iter().map(|spec| TypedQueue::new(spec.object, spec.capacity)));
    let sets = image.ipc.semaphores.iter();
    ipc.semaphores.extend(sets.map(|spec| SemaphoreSet::new(spec.object, spec.values.clone())));
    ipc
}

pub(super) fn pipe(spec: &PipeSpec) -> Pipe {
    let mut pipe = Pipe::new(Some(spec.object), spec.capacity);
    pipe.named = spec.fifo;
    pipe
}

pub(super) fn device(image: &Image, spec: &DeviceSpec, run: Key) -> Device {
    let mut device = Device::new(spec.clone(), run);
    if let (DeviceState::Disk(disk), Some(times)) = (&mut device.state, &image.machine.measured_disk) {
        disk.measure(times.clone(), run.named("measured disk").named(&spec.name).stream());
    }
    device
}

pub(super) fn regions(image: &Image) -> Vec<Region> {
    let mut regions: Vec<Region> = image
        .memories
        .iter()
        .enumerate()
        .map(|(number, spec)| Region {
            base: spec.memory.base,
            pages: spec.memory.pages,
            content: match spec.backing {
                Backing::Private | Backing::Heap => Content::Private,
                Backing::Shared | Backing::Posix | Backing::SystemV => {
                    Content::Shared { frames: vec![None; spec.memory.pages as usize] }
                }
                Backing::File(fd) => Content::File { file: file_of(image, fd) },
                Backing::SharedFile(fd) => Content::SharedFile { file: file_of(image, fd) },
            },
            mapped: !image.unmapped.contains(&MemoryId(number as u16)),
            unlinked: false,
        })
        .collect();
    regions.sort_by_key(|region| region.base);
    regions
}

pub(super) fn file_of(image: &Image, fd: Fd) -> u32 {
    image.files.iter().position(|file| file.fd == fd).unwrap_or(0) as u32
}

/// All files, and an open description for each descriptor of the scenario, by its number.
pub(super) fn files(image: &Image, frames: &mut Frames) -> Files {
    let count = usize::from(image.named_descriptors());
    let mut what = vec![Opened::Screen; count];
    what[0] = Opened::Keyboard;
    for (number, pipe) in image.pipes.iter().enumerate() {
        what[pipe.read.index()] = Opened::PipeRead(number as u32);
        what[pipe.write.index()] = Opened::PipeWrite(number as u32);
    }
    for (number, file) in image.files.iter().enumerate() {
        what[file.fd.index()] = Opened::File(number as u32);
    }
    let flags = |what: &Opened| {
        let (Opened::PipeRead(pipe) | Opened::PipeWrite(pipe)) = *what else { return Flags::default() };
        Flags { nonblock: image.pipes[pipe as usize].nonblock }
    };
    let open = what.into_iter().map(|what| Open::new(what, flags(&what))).collect();
    let mut order = VecDeque::new();
    let mut file = |(number, spec): (usize, &FileSpec)| {
        let pages = if spec.cached { spec.size.div_ceil(crate::hw::mmu::PAGE_SIZE) } else { 0 };
        let cached: Vec<_> = (0..pages).map(|_| frames.allocate()).collect();
        order.extend((0..pages as u32).map(|page| (number as u32, page)));
        let dirty = vec![false; cached.len()];
        let content = Bytes::text(spec.text.as_bytes());
        let unlinked = !spec.exists;
        File { content, cached, dirty, unlinked, ..File::new(spec.object, spec.disk, spec.size) }
    };
    let files: Vec<File> = image.files.iter().enumerate().map(&mut file).collect();
    let exist = image.files.iter().enumerate();
    let names = exist.map(|(number, spec)| spec.exists.then_some(number as u32)).collect();
    Files { open, files, order, names, named: image.named_descriptors(), ..Files::default() }
}
