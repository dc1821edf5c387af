//! How a machine comes to be from a lowered scenario, and how processes come to be on it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use crate::hw::device::{Device, DeviceSpec, State as DeviceState, Trigger};
use crate::hw::interrupt::RESCHEDULE;
use crate::hw::mmu::Frames;
use crate::hw::queue::{EventQueue, Rank};
use crate::ids::{CpuId, Fd, Pid, Tid};
use crate::kernel::bytes::Bytes;
use crate::kernel::caches::Caches;
use crate::kernel::cpu::Cpu;
use crate::kernel::dispositions::Signals;
use crate::kernel::file::{File, Files, Flags, Open, OpenId, Opened, Terminal};
use crate::kernel::ipc::Ipc;
use crate::kernel::ipc::futex::Futexes;
use crate::kernel::ipc::pi::PiLocks;
use crate::kernel::ipc::pipe::Pipe;
use crate::kernel::ipc::semaphore_set::SemaphoreSet;
use crate::kernel::ipc::socket::{Address, Sockets};
use crate::kernel::ipc::typed_queue::TypedQueue;
use crate::kernel::memory::{Content, Region};
use crate::kernel::process::{Birth, Place};
use crate::kernel::readiness::Watchers;
use crate::kernel::options::Queues;
use crate::kernel::sched::{self, Policy, Ready, Site};
use crate::kernel::task::Affinity;
use crate::kernel::waits::Waits;
use crate::kernel::work::Context;
use crate::kernel::{Due, Kernel};
use crate::program::image::{Backing, FileSpec, MemoryId, PipeSpec};
use crate::program::userland::{Origin, User, Userland};
use crate::program::{Image, Program, ProgramId, StartId, syscall};
use crate::random::Key;
use crate::time::{Instant, Span};
use crate::trace::{Kind, Sink, Why};

use super::interpret::OwnWork;
use super::{CallPrice, Control, Mutation, Pace, Prices, Simulator};

/// The number of the first process; those below are idle and init.
pub(super) const FIRST: u32 = 2;

impl<'a, S: Sink> Simulator<'a, S> {
    /// A machine that is about to run the scenario, with its events going to `sink`.
    pub fn new(image: &'a Image, sink: S, pace: Pace) -> Simulator<'a, S> {
        let run = Key::of_run(image.run.seed);
        let mut simulator = Simulator {
            image,
            kernel: kernel(image, sink, run),
            userland: Userland::new(image),
            pace,
            mutation: Mutation::None,
            prices: prices(image),
            cut_off: false,
            outcome: None,
            deadlock: None,
            holders: BTreeMap::new(),
            mapped: super::mapped::places(image),
            sharers: BTreeSet::new(),
            unstarted: 0,
            turns: 0,
            watched: (Instant::START, 0),
            control: None,
        };
        simulator.fill_mapped_files();
        simulator.page(run);
        simulator.boot(run);
        simulator
    }

    /// Runs with a deliberate mistake in the fast-forward.
    #[cfg(feature = "mutations")]
    pub fn mutated(mut self, mutation: Mutation) -> Simulator<'a, S> {
        self.mutation = mutation;
        self
    }

    /// Lets somebody else watch the run and stop it.
    pub fn watched_by(mut self, control: &'a Control) -> Simulator<'a, S> {
        self.control = Some(control);
        self
    }

    fn boot(&mut self, run: Key) {
        let image = self.image;
        self.kernel.found_ancestors();
        let nobody = Origin::Born { program: ProgramId(0), number: 0 };
        for _ in 0..FIRST {
            self.userland.users.push(User::new(nobody, ProgramId(0), &Program::default(), 0, run));
        }
        self.open_for_later_starts();
        let initial: Vec<(Origin, ProgramId, u32)> = image
            .initial()
            .map(|(origin, start)| match origin {
                Origin::Start { number, .. } | Origin::Born { number, .. } => (origin, start.program, number),
            })
            .collect();
        for (origin, program, number) in initial {
            if let Some(thread) = self.bear(origin, program, number) {
                let to = self.kernel.place_new(self.kernel.tasks[thread.index()].affinity);
                self.kernel.begin_job(to.index(), thread);
                self.kernel.make_ready(to.index(), thread, to, Ready::New);
            }
        }
        self.expect_the_rest();
        for cpu in 0..self.kernel.cpus.len() {
            let here = &mut self.kernel.cpus[cpu];
            (here.debt, here.reschedule) = (Span::ZERO, None);
            let here = &self.kernel.cpus[cpu];
            if self.kernel.queues[here.queue].waiting() > 0 {
                self.kernel.schedule(cpu, Why::WorkArrived);
            }
        }
    }

    /// What is due later: events from outside, later starts, noise.
    fn expect_the_rest(&mut self) {
        for (index, injection) in self.image.injections.iter().enumerate() {
            self.kernel.expect(injection.at, Rank::Outside, Due::Outside(index as u32));
        }
        for (entry, start) in self.image.starts.iter().enumerate() {
            if start.at > Instant::START {
                self.unstarted += start.count;
                self.kernel.expect(start.at, Rank::Outside, Due::Start(entry as u16));
            }
        }
        for index in 0..self.kernel.devices.len() {
            if let DeviceState::Noise(noise) = &mut self.kernel.devices[index].state {
                let first = noise.next(Instant::START);
                self.kernel.expect(first, Rank::Device, Due::Noise { device: index.into() });
            }
        }
    }

    /// The descriptors of processes that start later are held open until then, so that a reader
    /// doesn't see the end of a pipe whose writer is yet to come.
    fn open_for_later_starts(&mut self) {
        for start in self.image.starts.iter().filter(|start| start.at > Instant::START) {
            for &fd in opened_at_start(&self.image.programs[usize::from(start.program.0)], self.image) {
                for _ in 0..start.count {
                    self.kernel.hold(OpenId(u32::from(fd.0)));
                }
            }
        }
    }

    /// A process from the scenario's list of starts.
    fn bear(&mut self, origin: Origin, id: ProgramId, number: u32) -> Option<Tid> {
        let image = self.image;
        let Origin::Start { entry, .. } = origin else { return None };
        let start = &image.starts[usize::from(entry.0)];
        let birth = Birth {
            place: Place::ChildOf(Pid::INIT),
            program: id.0,
            parameters: Arc::clone(&start.parameters),
            affinity: start.cpu.map_or(Affinity::Any, Affinity::Only),
            context: Context::User,
        };
        let thread = self.kernel.create(birth)?;
        let program = &image.programs[usize::from(id.0)];
        self.userland.users.push(User::started(image, origin, entry, number));
        for &fd in opened_at_start(program, image) {
            if let Some(queue) = image.ipc.queue_at(fd) {
                self.kernel.install_mqueue(thread.leads(), fd, queue);
                continue;
            }
            let open = self.kernel.open_anew(OpenId(u32::from(fd.0)));
            self.kernel.install(thread.leads(), fd, open);
        }
        if let (Some(process), Some(frames)) =
            (&mut self.kernel.processes[thread.leads().index()], start.frames)
        {
            process.space.special_mut().limit = Some(frames);
        }
        if let Some(rhythm) = &start.rhythm {
            let key = self.userland.users[thread.index()].key;
            self.kernel.begin_period(thread, start.at, rhythm, key);
        }
        self.kernel.first_of[usize::from(entry.0)].get_or_insert(thread.leads());
        Some(thread)
    }

    /// Processes start in the middle of the run.
    pub(super) fn start(&mut self, cpu: usize, at: Instant, entry: u16) {
        let start = &self.image.starts[usize::from(entry)];
        for number in 0..start.count {
            self.unstarted -= 1;
            let origin = Origin::Start { entry: StartId(entry), number };
            let Some(thread) = self.bear(origin, start.program, number) else { continue };
            for &fd in opened_at_start(&self.image.programs[usize::from(start.program.0)], self.image) {
                self.kernel.drop_reference(cpu, OpenId(u32::from(fd.0)));
            }
            let image = self.image;
            self.kernel.sink.task(thread, thread.leads(), Tid::INIT, &|| origin.name(image));
            let to = self.kernel.place_new(self.kernel.tasks[thread.index()].affinity);
            self.externally(cpu, at, |kernel| {
                kernel.begin_job(cpu, thread);
                kernel.make_ready(cpu, thread, to, Ready::New);
                kernel.emit(cpu, Kind::SchedWakeup { task: thread, on: to });
            });
        }
    }

    /// Does something that isn't the doing of whatever this CPU executes: it costs that nothing,
    /// and if the CPU is to schedule it learns so by an interrupt. It happens at its own time, which
    /// may lie within the instruction that the CPU has just executed.
    pub(super) fn externally(&mut self, cpu: usize, at: Instant, happening: impl FnOnce(&mut Kernel<S>)) {
        let here = &mut self.kernel.cpus[cpu];
        let (debt, before, current) = (here.debt, here.reschedule, here.current);
        let attentive = self.kernel.tasks[current.index()].attention;
        let boundary = std::mem::replace(&mut here.now, at);
        happening(&mut self.kernel);
        let news = !attentive && self.kernel.tasks[current.index()].attention;
        let here = &mut self.kernel.cpus[cpu];
        (here.now, here.debt) = (boundary, debt);
        if (before.is_none() && here.reschedule.is_some()) || news {
            self.kernel.assert_line(at, cpu, RESCHEDULE, Trigger::Edge);
        }
    }
}

/// The descriptors that a process has from the beginning: all of its program's but FIFOs'.
fn opened_at_start<'a>(program: &'a Program, image: &'a Image) -> impl Iterator<Item = &'a Fd> {
    program.fds.iter().filter(|&&fd| !image.is_fifo(fd))
}

fn prices(image: &Image) -> Prices {
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

fn kernel<S: Sink>(image: &Image, sink: S, run: Key) -> Kernel<S> {
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
            sched::build(&image.kernel.scheduler, site).unwrap_or_else(sched::default_policy)
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
    Kernel {
        keeps_account: queues[0].keeps_account(),
        charges_the_next: queues[0].charges_the_next(),
        gives_reasons: queues[0].gives_reasons(),
        costs: image.costs.in_whole_instructions(),
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
