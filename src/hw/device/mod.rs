//! Devices: what raises interrupts. One file for each kind, one row in [`DEVICES`].

mod disk;
mod network;
mod noise;
mod quantiles;
mod terminal;

pub use disk::{Disk, Request, Started};
pub use network::{Card, CardSpec, Coalesce, Packet, Reaction};
pub use noise::Noise;
pub use quantiles::Quantiles;
pub use terminal::Keyboard;

use crate::ids::{CpuId, ObjectId, Vector};
use crate::random::{Key, Stream};
use crate::time::Span;

/// A device of the machine, as the scenario describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceSpec {
    pub name: String,
    pub object: ObjectId,
    pub kind: DeviceKind,
    pub line: LineSpec,
    /// What its handler costs: the hard half, with this line masked, and the half that is deferred
    /// until interrupts are enabled again (zero: it has none). The cost profile's, if absent.
    pub handler: Option<Span>,
    pub deferred: Option<Span>,
    /// False for a removable device that is put in later.
    pub plugged: bool,
}

/// How a device is connected to the interrupt controllers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineSpec {
    pub vector: Vector,
    pub trigger: Trigger,
    /// The CPU that its interrupts go to.
    pub cpu: CpuId,
    /// Masked at the beginning.
    pub masked: bool,
}

/// When a line counts as asserted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trigger {
    /// At the moment it rises; a second rise before the first is served adds nothing.
    #[default]
    Edge,
    /// As long as it is high: until the device has been served.
    Level,
}

/// What a device is and does.
#[derive(Clone, Debug, PartialEq)]
pub enum DeviceKind {
    Disk(DiskSpec),
    /// A disk that can be unplugged.
    Usb(DiskSpec),
    Terminal,
    Network(CardSpec),
    /// The rest of the host: interrupts that have nothing to do with the scenario.
    Noise(NoiseSpec),
    /// A bare line, raised only by the scenario's events.
    Button,
}

/// A disk: serves one request after the other, or up to `depth` at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DiskSpec {
    /// The time to begin a request: positioning, for a rotating disk.
    pub service: Duration,
    /// The time to transfer one KiB.
    pub per_kib: Span,
    /// Requests that it works on at the same time.
    pub depth: u16,
    /// How many bytes its files can have together; no limit if none.
    pub capacity: Option<u64>,
}

/// How long a real disk took for each kind of request; a kind that wasn't measured takes what the
/// scenario says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MeasuredDisk {
    pub read: Option<Quantiles>,
    pub write: Option<Quantiles>,
    pub flush: Option<Quantiles>,
    /// For each KiB, on top.
    pub per_kib: Span,
}

/// A stream of interrupts from outside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NoiseSpec {
    /// From one interrupt to the next.
    pub interval: Duration,
}

/// A time that is fixed, or drawn anew for each use, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Duration {
    Fixed(Span),
    Uniform { low: Span, high: Span },
    Exponential { mean: Span },
}

impl Duration {
    pub fn draw(self, stream: &mut Stream) -> Span {
        match self {
            Duration::Fixed(time) => time,
            Duration::Uniform { low, high } => stream.uniform_span(low, high),
            Duration::Exponential { mean } => stream.exponential_span(mean),
        }
    }
}

/// A device at work.
#[derive(Clone, Debug)]
pub struct Device {
    pub spec: DeviceSpec,
    pub plugged: bool,
    pub state: State,
}

/// What a device has in it.
#[derive(Clone, Debug)]
pub enum State {
    Disk(Disk),
    Keyboard(Keyboard),
    Network(Card),
    Noise(Noise),
    Button,
}

impl Device {
    /// The device as it is when the machine is switched on.
    pub fn new(spec: DeviceSpec, run: Key) -> Device {
        let stream = run.named("device").named(&spec.name).stream();
        let state = match spec.kind {
            DeviceKind::Disk(disk) | DeviceKind::Usb(disk) => State::Disk(Disk::new(disk, stream)),
            DeviceKind::Terminal => State::Keyboard(Keyboard::default()),
            DeviceKind::Network(card) => State::Network(Card::new(card)),
            DeviceKind::Noise(noise) => State::Noise(Noise::new(noise, stream)),
            DeviceKind::Button => State::Button,
        };
        Device { plugged: spec.plugged, spec, state }
    }
}

/// The documentation of one kind of device.
#[derive(Clone, Copy, Debug)]
pub struct DeviceRow {
    /// Its name as `kind` in `[device.X]`.
    pub name: &'static str,
    pub summary: &'static str,
    pub doc: &'static str,
}

/// Every kind of device that a scenario can name.
pub const DEVICES: &[DeviceRow] = &[
    DeviceRow {
        name: "disk",
        summary: "a disk that holds files",
        doc: "Serves requests in the order of their arrival, `depth` at a time; each takes `service` plus `per-kib` for each KiB. Its interrupt completes the request.",
    },
    DeviceRow {
        name: "usb",
        summary: "a disk that can be unplugged",
        doc: "As `disk`; an event can unplug it at any time, and what it hasn't finished fails with EIO.",
    },
    DeviceRow {
        name: "terminal",
        summary: "keyboard and screen",
        doc: "Each key that an event presses raises an interrupt; a read returns when a line is complete.",
    },
    DeviceRow {
        name: "network",
        summary: "a network card",
        doc: "Each packet that an event sends raises an interrupt; packets that arrive before it is served share it. With `coalesce` it waits for several. `ring` packets wait at most; others are lost. With `budget` the deferred half polls the card, so many packets at a time, while its interrupt is off (NAPI). A packet that is `to` an address goes to the UDP socket there.",
    },
    DeviceRow {
        name: "noise",
        summary: "the rest of the host",
        doc: "Raises interrupts at intervals that have nothing to do with the scenario.",
    },
    DeviceRow {
        name: "button",
        summary: "a bare interrupt line",
        doc: "Raised only by the scenario's events. For studying the interrupt register itself.",
    },
];
