//! Tracks: their numbers, their names, and which lies below which.

use std::io;

use crate::export::lanes::{Counter, Lane, called};
use crate::export::names::Names;
use crate::ids::{CpuId, Pid, Tid};
use crate::time::Instant;
use crate::trace::Header;
use crate::trace::header::TaskEntry;

use super::{CLEARED, Packets, wire};

/// Sorts of tracks, each with numbers of its own. None is 0, which Perfetto takes for no track.
#[derive(Clone, Copy)]
pub enum Sort {
    Thread = 1,
    State,
    Process,
    Kernel,
    Queue,
    Load,
    Bytes,
    Machine,
}

/// A track's number, which takes few bytes if what it is for has a small one.
pub const fn track(sort: Sort, number: u64) -> u64 {
    number << 4 | sort as u64
}

pub fn uuid(lane: Lane) -> u64 {
    match lane {
        Lane::Calls(task) => track(Sort::Thread, task.0.into()),
        Lane::State(task) => track(Sort::State, task.0.into()),
        Lane::Kernel(cpu) | Lane::Cpu(cpu) => track(Sort::Kernel, cpu.0.into()),
        Lane::Machine => track(Sort::Machine, 0),
    }
}

/// The track of a counter.
pub fn counted(counter: Counter) -> u64 {
    match counter {
        Counter::Queue(cpu) => track(Sort::Queue, cpu.0.into()),
        Counter::Load => track(Sort::Load, 0),
        Counter::Bytes(object) => track(Sort::Bytes, object.0.into()),
    }
}

/// Perfetto's numbers are signed, so the largest don't fit.
pub fn signed(number: u32) -> u64 {
    i32::try_from(number).unwrap_or(i32::MAX).unsigned_abs().into()
}

impl Packets<'_> {
    pub fn begin(&mut self, header: &Header) -> io::Result<()> {
        self.out.packet(|out| out.extend_from_slice(&CLEARED))?;
        self.describe(track(Sort::Machine, 0), |out| {
            wire::text(out, 2, &format!("scenario {}", header.scenario));
        })?;
        for cpu in 0..header.cpus {
            self.kernel(CpuId(cpu))?;
        }
        header.initial.iter().try_for_each(|entry| self.thread(entry))
    }

    /// Writes a TrackDescriptor.
    fn describe(&mut self, uuid: u64, fill: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        self.known.insert(uuid);
        self.out.packet(|out| {
            wire::message(out, 60, |out| {
                wire::number(out, 1, uuid);
                fill(out);
            });
        })
    }

    fn kernel(&mut self, cpu: CpuId) -> io::Result<()> {
        let name = format!("CPU {cpu}: kernel");
        self.describe(uuid(Lane::Kernel(cpu)), |out| wire::text(out, 2, &name))
    }

    pub fn thread(&mut self, entry: &TaskEntry) -> io::Result<()> {
        let pid = signed(entry.process.0);
        let process = track(Sort::Process, entry.process.0.into());
        if !self.known.contains(&process) {
            self.describe(process, |out| {
                wire::message(out, 3, |out| {
                    wire::number(out, 1, pid);
                    wire::text(out, 6, &entry.name);
                });
            })?;
        }
        let thread = uuid(Lane::Calls(entry.task));
        self.describe(thread, |out| {
            wire::message(out, 4, |out| {
                wire::number(out, 1, pid);
                wire::number(out, 2, signed(entry.task.0));
                wire::text(out, 5, &entry.name);
            });
        })?;
        self.describe(uuid(Lane::State(entry.task)), |out| {
            wire::text(out, 2, "state");
            wire::number(out, 5, thread);
        })
    }

    /// Tells of a lane that nothing has announced.
    pub fn announce(&mut self, lane: Lane, names: &Names) -> io::Result<()> {
        if self.known.contains(&uuid(lane)) {
            return Ok(());
        }
        match lane {
            Lane::Calls(task) | Lane::State(task) => self.thread(&TaskEntry {
                task,
                process: Pid(task.0),
                parent: Tid::INIT,
                name: called(names, task).into_owned(),
                start: Instant::START,
            }),
            Lane::Kernel(cpu) | Lane::Cpu(cpu) => self.kernel(cpu),
            Lane::Machine => Ok(()),
        }
    }

    /// Tells of a counter that nothing has announced.
    pub fn announce_counter(&mut self, counter: Counter, names: &Names) -> io::Result<()> {
        let uuid = counted(counter);
        if self.known.contains(&uuid) {
            return Ok(());
        }
        // Perfetto's UNIT_SIZE_BYTES and UNIT_COUNT.
        let unit = if matches!(counter, Counter::Bytes(_)) { 3 } else { 2 };
        self.describe(uuid, |out| {
            wire::text(out, 2, &counter.name(names));
            wire::message(out, 8, |out| wire::number(out, 3, unit));
        })
    }
}
