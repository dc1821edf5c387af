//! The machine and its kernel as the scenario describes them, before anything runs.

use super::interpret::OwnWork;
use super::{CallPrice, Prices};
use crate::hw::device::{Device, DeviceSpec, State as DeviceState};
use crate::hw::mmu::Frames;
use crate::hw::queue::EventQueue;
use crate::ids::{CpuId, Fd};
use crate::kernel::Kernel;
use crate::kernel::bytes::Bytes;
use crate::kernel::caches::Caches;
use crate::kernel::cost::SwitchPrices;
use crate::kernel::cpu::Cpu;
use crate::kernel::dispositions::Signals;
use crate::kernel::file::{File, Files, Flags, Open, Opened, Terminal};
use crate::kernel::ipc::Ipc;
use crate::kernel::ipc::futex::Futexes;
use crate::kernel::ipc::pi::PiLocks;
use crate::kernel::ipc::pipe::Pipe;
use crate::kernel::ipc::semaphore_set::SemaphoreSet;
use crate::kernel::ipc::socket::{Address, Sockets};
use crate::kernel::ipc::typed_queue::TypedQueue;
use crate::kernel::memory::{Content, Region};
use crate::kernel::options::{Queues, Reschedule};
use crate::kernel::readiness::Watchers;
use crate::kernel::sched::{Policy, Site};
use crate::kernel::waits::Waits;
use crate::program::image::{Backing, FileSpec, MemoryId, PipeSpec};
use crate::program::{Image, syscall};
use crate::random::Key;
use crate::time::Instant;
use crate::trace::Sink;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

pub(super) fn prices(image: &Image) -> Prices {
    let prices_caches = Caches::of(&image.costs).is_some();
    Prices {
        entry: image.costs.whole(image.costs.syscall_entry),
        exit: image.costs.whole(image.costs.syscall_exit),
        calls: syscall::NAMES
            .iter()
            .map(|name| {
                let cost = image.costs.call(name);
                let fixed = cost.per_kib.is_zero() && image.costs.copies.is_empty() && !prices_caches;
                CallPrice { base: image.costs.whole(cost.base), cost, fixed }
            })
            .collect(),
        own: OwnWork::new(&image.costs),
    }
}

/// The kernel before anything runs.
pub(super) fn kernel<S: Sink>(
    image: &Image,
    sink: S,
    run: Key,
    policy: &mut dyn FnMut(Site) -> Box<dyn Policy>,
) -> Kernel<S> {
    let devices: Vec<Device> = image.machine.devices.iter().map(|spec| device(image, spec, run)).collect();
    let mut lines = [None; 64];
    let global = image.kernel.queues == Queues::Global;
    let queue = |id: u16| if global { 0 } else { usize::from(id) };
    let mut cpus: Vec<Cpu> =
        (0..image.machine.cpus).map(|id| Cpu::new(CpuId(id), queue(id), image.machine.tlb)).collect();
    let queues: Vec<Box<dyn Policy>> = (0..if global { 1 } else { image.machine.cpus })
        .map(|id| {
            let key = run.named("scheduler").numbered(id.into());
            let site = Site { cpus: image.machine.cpus, tick: image.kernel.tick, key };
            policy(site)
        })
        .collect();
    for (number, device) in devices.iter().enumerate() {
        let line = device.spec.line;
        lines[usize::from(line.vector.0)] = Some(number.into());
        if line.masked {
            cpus[line.cpu.index()].interrupts.mask(line.vector);
        }
    }
    let mut frames = Frames::new(image.machine.frames);
    let costs = image.costs.in_whole_instructions();
    let reloads = image.kernel.reschedule == Reschedule::Reloads;
    Kernel {
        keeps_account: queues[0].keeps_account(),
        charges_the_next: queues[0].charges_the_next(),
        gives_reasons: queues[0].gives_reasons(),
        can_fail: queues[0].can_fail(),
        prices: SwitchPrices::of(&costs, reloads),
        reloads: reloads && !SwitchPrices::of(&costs, true).again.is_zero(),
        speeds: image.machine.speeds(&image.kernel, costs.instruction),
        costs,
        options: image.kernel.clone(),
        cpus,
        queues,
        is_pinned: false,
        periodic: BTreeMap::new(),
        deadlines: BTreeMap::new(),
        given_up: BTreeSet::new(),
        queue: EventQueue::default(),
        devices,
        lines,
        caches: Caches::of(&image.costs),
        files: files(image, &mut frames),
        requests: crate::kernel::requests::Requests::default(),
        rings: Vec::new(),
        frames,
        tasks: Vec::new(),
        parameters: Vec::new(),
        processes: Vec::new(),
        pipes: image.pipes.iter().map(pipe).collect(),
        sockets: sockets(image),
        futexes: Futexes::default(),
        pi: PiLocks::default(),
        ipc: ipc(image),
        counters: Vec::new(),
        alarms: Vec::new(),
        watchers: Watchers::default(),
        waits: Waits::default(),
        signals: Signals::default(),
        regions: regions(image),
        paging: None,
        terminal: Terminal::new(image.terminal.object),
        first_of: vec![None; image.starts.len()],
        numbers_in_use: 0,
        hopes: 0,
        crossings: 0,
        quiet_until: Instant::START,
        sink,
    }
}

fn sockets(image: &Image) -> Sockets {
    let addresses = image.sockets.iter().map(|spec| Address {
        object: spec.object,
        kind: spec.kind,
        send_buffer: spec.send_buffer,
        receive_buffer: spec.receive_buffer,
        bound: Vec::new(),
    });
    Sockets { all: Vec::new(), addresses: addresses.collect() }
}

fn ipc(image: &Image) -> Ipc {
    let mut ipc = Ipc::default();
    for spec in &image.ipc.queues {
        ipc.messages.declare(spec.object, spec.max_messages, spec.message_size, spec.fd.is_some());
    }
    ipc.typed.extend(image.ipc.typed.iter().map(|spec| TypedQueue::new(spec.object, spec.capacity)));
    let sets = image.ipc.semaphores.iter();
    ipc.semaphores.extend(sets.map(|spec| SemaphoreSet::new(spec.object, spec.values.clone())));
    ipc
}

fn pipe(spec: &PipeSpec) -> Pipe {
    let mut pipe = Pipe::new(Some(spec.object), spec.capacity);
    pipe.named = spec.fifo;
    pipe
}

fn device(image: &Image, spec: &DeviceSpec, run: Key) -> Device {
    let mut device = Device::new(spec.clone(), run);
    if let (DeviceState::Disk(disk), Some(times)) = (&mut device.state, &image.machine.measured_disk) {
        disk.measure(times.clone(), run.named("measured disk").named(&spec.name).stream());
    }
    device
}

fn regions(image: &Image) -> Vec<Region> {
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

fn file_of(image: &Image, fd: Fd) -> u32 {
    image.files.iter().position(|file| file.fd == fd).unwrap_or(0) as u32
}

/// All files, and an open description for each descriptor of the scenario, by its number.
fn files(image: &Image, frames: &mut Frames) -> Files {
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
