//! A lowered scenario: everything that either world needs to run it, with all names resolved.

use crate::hw::device::{DeviceSpec, MeasuredDisk, Packet};
use crate::ids::{CpuId, DeviceId, Fd, ObjectId, PageNumber, StepId, Vector};
use crate::kernel::cost::Costs;
use crate::kernel::ipc::socket::SocketKind;
use crate::kernel::options::Options;
use crate::kernel::readiness::Events;
use crate::kernel::speed::{CacheSpec, Speed, Speeds};
use crate::signal::Signal;
use crate::time::{Instant, Span};
use crate::trace::Cause;
use crate::trace::header::{Header, MemoryEntry, ObjectEntry, SCHEMA, Source, StepEntry};

use super::call::Awaits;
use super::start::Start;
use super::syscall;
use super::userland::Origin;

use super::instruction::{Instruction, Memory};
use super::value::{Expressions, Handle, Operand, Variable};
pub use super::width::Width;

/// The index of a program in [`Image::programs`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProgramId(pub u16);

/// The index of an entry in [`Image::starts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StartId(pub u16);

/// One program: the steps of a `[process.X]` or `[program.X]`, lowered.
#[derive(Clone, Debug, Default)]
pub struct Program {
    pub name: String,
    pub code: Vec<Instruction>,
    /// The step that each instruction belongs to; as long as `code`.
    pub steps: Vec<StepId>,
    /// The names of its private variables, by slot. Hidden ones (loop counters, temporaries of
    /// library functions) have an empty name. Slot 0 is always `index`.
    pub variables: Vec<String>,
    /// How many streams of random numbers it draws from.
    pub streams: u16,
    /// The descriptors that it uses itself or passes on to programs that it forks.
    pub fds: Vec<Fd>,
    /// The shared and private memory objects that it, or a program it forks or starts, uses.
    pub memories: Vec<MemoryId>,
}

/// The index of a memory object in [`Image::memories`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemoryId(pub u16);

/// A pipe: one buffer, one end to read and one to write.
#[derive(Clone, Debug)]
pub struct PipeSpec {
    pub object: ObjectId,
    /// Bytes.
    pub capacity: u64,
    pub read: Fd,
    pub write: Fd,
    /// Both ends have O_NONBLOCK.
    pub nonblock: bool,
    /// A FIFO: nobody has its ends before opening them.
    pub fifo: bool,
}

/// A descriptor that a `poll` looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Polled {
    pub fd: Handle,
    pub events: Events,
    /// Gets what it is ready for.
    pub into: Option<Variable>,
}

/// A file on a disk.
#[derive(Clone, Debug)]
pub struct FileSpec {
    pub object: ObjectId,
    pub fd: Fd,
    pub disk: DeviceId,
    /// Bytes that it holds at the beginning.
    pub size: u64,
    /// Whether its pages are in the page cache at the beginning.
    pub cached: bool,
    /// Whether it exists at the beginning.
    pub exists: bool,
    /// What it holds at the beginning; zeros behind it.
    pub text: String,
}

/// An address for sockets.
#[derive(Clone, Debug)]
pub struct SocketSpec {
    pub object: ObjectId,
    pub kind: SocketKind,
    /// Bytes.
    pub send_buffer: u64,
    pub receive_buffer: u64,
    /// Whether the scenario asks for these sizes.
    pub sized: [bool; 2],
}

/// A terminal, as descriptor 0 (keyboard) and 1 (screen).
#[derive(Clone, Debug)]
pub struct TerminalSpec {
    pub object: ObjectId,
    pub device: Option<DeviceId>,
}

/// Memory that programs touch or share.
#[derive(Clone, Debug)]
pub struct MemorySpec {
    pub object: ObjectId,
    pub memory: Memory,
    pub backing: Backing,
}

/// Where a page's content comes from at its first touch, and who sees a write to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backing {
    /// Zeros; a fork shares the pages until one side writes.
    Private,
    /// Zeros; relatives see each other's writes.
    Shared,
    /// Zeros; an object of its own with a name: whoever maps it sees all writes.
    Posix,
    /// The same, as a System V segment.
    SystemV,
    /// Read from a file on the first touch (a major fault); private once written.
    File(Fd),
    /// Read from a file on the first touch; writes go to the page cache, and from there to the disk.
    SharedFile(Fd),
    /// Zeros of the process's own, up to the end of its heap.
    Heap,
}

impl Backing {
    /// Whether several processes see the same.
    pub const fn is_shared(self) -> bool {
        match self {
            Backing::Shared | Backing::Posix | Backing::SystemV | Backing::SharedFile(_) => true,
            Backing::Private | Backing::File(_) | Backing::Heap => false,
        }
    }
}

/// Shared cells of one width within a shared memory object.
#[derive(Clone, Debug)]
pub struct ArraySpec {
    pub object: ObjectId,
    pub name: String,
    /// The page that holds its first element.
    pub page: PageNumber,
    /// The byte offset of its first element in that page.
    pub offset: u32,
    pub width: Width,
    /// What the elements hold at the beginning, as their bits; as many as it has elements.
    pub initial: Vec<i64>,
}

/// A line of output with places for values: pieces of text, each followed by a value except the last.
#[derive(Clone, Debug, Default)]
pub struct Text {
    pub pieces: Vec<String>,
    pub values: Vec<Operand>,
    /// How each value is stored that a shared cell holds; a value without an entry is an integer.
    pub widths: Vec<Width>,
}

impl Text {
    /// The line with its values filled in.
    pub fn filled(&self, value: impl Fn(usize, Operand) -> Option<i64>) -> String {
        let mut line = String::new();
        for (number, piece) in self.pieces.iter().enumerate() {
            line.push_str(piece);
            if let Some(value) = self.values.get(number).and_then(|&operand| value(number, operand)) {
                let width = self.widths.get(number).copied().unwrap_or(Width::Int64);
                line.push_str(&width.shown(value));
            }
        }
        line
    }
}

/// Something that happens to the machine from outside: an `[[event]]` of the scenario.
#[derive(Clone, Debug)]
pub struct Injection {
    pub at: Instant,
    pub action: Action,
}

/// What happens from outside.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// A device's line is asserted though it has nothing to say; the handler finds out.
    Raise {
        vector: Vector,
        cpu: CpuId,
    },
    /// An interrupt controller's mask bit.
    Mask {
        vector: Vector,
        cpu: CpuId,
    },
    Unmask {
        vector: Vector,
        cpu: CpuId,
    },
    /// Keys are pressed; a line is complete at its newline.
    Keys {
        device: DeviceId,
        text: String,
    },
    /// A packet arrives.
    Packet {
        device: DeviceId,
        packet: Packet,
    },
    /// A removable device is pulled out or put in.
    Unplug {
        device: DeviceId,
    },
    Plug {
        device: DeviceId,
    },
    /// A signal from outside to a process's first instance.
    Signal {
        process: StartId,
        signal: Signal,
    },
}

/// The hardware.
#[derive(Clone, Debug)]
pub struct MachineSpec {
    pub cpus: u16,
    /// Page frames of physical memory.
    pub frames: u32,
    /// Entries of each CPU's translation look-aside buffer; zero turns it off.
    pub tlb: u16,
    /// Indexed by [`DeviceId`].
    pub devices: Vec<DeviceSpec>,
    /// How long a host's disk takes, in place of what the disks' own descriptions say.
    pub measured_disk: Option<MeasuredDisk>,
    /// How fast each CPU computes; all at full speed if empty.
    pub speeds: Vec<Speed>,
    pub cache: Option<CacheSpec>,
}

impl MachineSpec {
    /// What the kernel keeps of speeds and of where threads' data are; none if nothing depends on it.
    pub fn speeds(&self, kernel: &Options, instruction: Span) -> Option<Box<Speeds>> {
        let matters =
            !self.speeds.is_empty() || self.cache.is_some() || !kernel.balancing.migration_cost.is_zero();
        matters.then(|| Box::new(Speeds::new(self.cpus, &self.speeds, self.cache, instruction)))
    }
}

/// Bounds of a run.
#[derive(Clone, Copy, Debug)]
pub struct RunSpec {
    pub seed: u64,
    /// The run ends here at the latest.
    pub until: Instant,
}

/// A whole scenario, ready to run.
#[derive(Clone, Debug)]
pub struct Image {
    pub name: String,
    pub question: String,
    /// SHA-256 of the scenario's text and of what the command line set, in hexadecimal.
    pub hash: String,
    pub machine: MachineSpec,
    pub kernel: Options,
    pub costs: Costs,
    pub programs: Vec<Program>,
    pub starts: Vec<Start>,
    pub expressions: Expressions,
    pub texts: Vec<Text>,
    /// Texts of assertions, indexed by the [`NameId`](crate::ids::NameId) in the instruction.
    pub names: Vec<String>,
    pub fd_lists: Vec<Vec<Fd>>,
    /// The variables that each exec passes on, by their names in the other program.
    pub arguments: Vec<Vec<(String, Operand)>>,
    /// What each `poll` looks at.
    pub polls: Vec<Vec<Polled>>,
    /// Whether a program sets a timer behind a descriptor.
    pub sets_timers: bool,
    /// Whether a queue has a feeder.
    pub has_feeders: bool,
    /// Indexed by [`ObjectId`].
    pub objects: Vec<ObjectEntry>,
    pub pipes: Vec<PipeSpec>,
    pub files: Vec<FileSpec>,
    pub sockets: Vec<SocketSpec>,
    pub terminal: TerminalSpec,
    /// Message queues and semaphore sets, and what calls on them point to.
    pub ipc: super::ipc::Ipc,
    pub lists: super::ipc::Lists,
    /// Indexed by [`MemoryId`].
    pub memories: Vec<MemorySpec>,
    /// Those that no process has mapped at its beginning.
    pub unmapped: Vec<MemoryId>,
    /// Indexed by [`ArrayId`](super::instruction::ArrayId).
    pub arrays: Vec<ArraySpec>,
    /// In the order of their times; those of the same time in the order of the file.
    pub injections: Vec<Injection>,
    /// Indexed by [`StepId`].
    pub steps: Vec<StepEntry>,
    pub run: RunSpec,
}

/// Descriptors that every process has: standard input, output and error.
const STANDARD: u16 = 3;

impl Image {
    /// The number of descriptors that the scenario's own channels have: those that calls return
    /// count on from here, the lowest free one first.
    pub fn named_descriptors(&self) -> u16 {
        let ends = self.pipes.iter().flat_map(|pipe| [pipe.read, pipe.write]);
        let queues = self.ipc.queues.iter().filter_map(|queue| queue.fd);
        let last = ends.chain(self.files.iter().map(|file| file.fd)).chain(queues).max();
        last.map_or(STANDARD, |fd| fd.0 + 1)
    }

    /// Whether a descriptor is an end of a FIFO.
    pub fn is_fifo(&self, fd: Fd) -> bool {
        self.pipes.iter().any(|pipe| pipe.fifo && (pipe.read == fd || pipe.write == fd))
    }

    /// The index of the file that a descriptor of the scenario stands for.
    pub fn file_number(&self, fd: Fd) -> u32 {
        self.files.iter().position(|file| file.fd == fd).unwrap_or(0) as u32
    }

    /// What a transfer through a descriptor waits for, if it is a pipe's: `on_pipe`. What a number
    /// stands for isn't known beforehand: it counts as a pipe without a name.
    pub fn channel_wait(&self, handle: Handle, on_pipe: Cause) -> Awaits {
        let Handle::Named(fd) = handle else {
            return Awaits { on: on_pipe, object: None };
        };
        if let Some(pipe) = self.pipes.iter().find(|pipe| pipe.read == fd || pipe.write == fd) {
            return Awaits { on: on_pipe, object: Some(pipe.object) };
        }
        if let Some(queue) = self.ipc.queue_at(fd) {
            return Awaits { on: on_pipe, object: Some(self.ipc.queues[queue].object) };
        }
        match self.files.iter().find(|file| file.fd == fd) {
            Some(file) => Awaits { on: Cause::Disk, object: Some(file.object) },
            None => Awaits { on: Cause::Terminal, object: Some(self.terminal.object) },
        }
    }

    /// Bytes of memory objects that each process has of its own.
    pub fn private_bytes(&self) -> u64 {
        let private = self.memories.iter().filter(|spec| !spec.backing.is_shared());
        private.map(|spec| u64::from(spec.memory.pages) * 4096).sum()
    }

    /// The processes that exist at the beginning, in the order of their numbers.
    pub fn initial(&self) -> impl Iterator<Item = (Origin, &Start)> {
        let starts = self.starts.iter().enumerate().filter(|(_, start)| start.at == Instant::START);
        starts.flat_map(|(entry, start)| {
            let entry = StartId(entry as u16);
            (0..start.count).map(move |number| (Origin::Start { entry, number }, start))
        })
    }

    /// What a trace of a run of this scenario says about itself, as far as that is the same in both
    /// worlds.
    pub fn header(&self, source: Source) -> Header {
        Header {
            schema: SCHEMA,
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            scenario: self.name.clone(),
            scenario_hash: self.hash.clone(),
            question: self.question.clone(),
            seed: self.run.seed,
            source,
            cpus: self.machine.cpus,
            costs: self.costs.name.clone(),
            costs_hash: self.costs.hash.clone(),
            observes: Vec::new(),
            fingerprint: self.costs.fingerprint.clone(),
            calls: syscall::NAMES.iter().map(|&name| name.to_owned()).collect(),
            steps: self.steps.clone(),
            objects: self.objects.clone(),
            vectors: Vec::new(),
            initial: Vec::new(),
            programs: self.programs.iter().map(|program| program.name.clone()).collect(),
            memory: MemoryEntry::default(),
        }
    }
}
