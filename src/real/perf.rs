//! What the kernel tells anybody about processes of his own, root or not: when their threads went
//! on and off a CPU, whether of their own accord, and their page faults in user mode.
//!
//! Each CPU has a ring of records; its reader brings them into the form of the trace points, so that
//! what follows is the same for both. What can't be seen this way: wake-ups, interrupts, signals,
//! what other processes do, and the kernel's side of calls. Source: perf_event_open(2).

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use crate::os::perf::{Asked, Recorder};

use super::collect::{Batch, Source};
use super::seen::{DEAD, Point, RUNNABLE, Raw, SLEEPS};

/// What can be seen this way.
pub const POINTS: &[Point] = &[Point::Switch, Point::Fork, Point::Exit, Point::FaultUser, Point::FaultEnd];

/// Bytes of records for each CPU, if the host allows as many.
const RING_BYTES: usize = 16 << 20;
/// A thread that comes on so soon after another has gone off has followed it directly: nothing of
/// the host's went between them, and the CPU wasn't idle. A switch takes one or two microseconds;
/// going idle and coming back takes longer.
const DIRECTLY: u64 = 4_000;

/// Kinds of record, and bits of `misc`, from include/uapi/linux/perf_event.h.
mod record {
    pub const LOST: u32 = 2;
    pub const EXIT: u32 = 4;
    pub const FORK: u32 = 7;
    pub const SAMPLE: u32 = 9;
    pub const SWITCH: u32 = 14;
    pub const SWITCH_OUT: u16 = 1 << 13;
    pub const SWITCH_OUT_PREEMPT: u16 = 1 << 14;
}

/// The records of one CPU on their way into the form of trace points.
#[derive(Debug)]
pub struct Stream {
    recorder: Recorder,
    waiting: Waiting,
}

/// A thread that has left its CPU, whose successor isn't known yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Waiting(Option<Raw>);

/// A record, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Record {
    On { at: u64, tid: i32 },
    Off { at: u64, tid: i32, state: i64 },
    Fork { at: u64, parent: i32, child: i32 },
    Exit { at: u64, tid: i32 },
    Fault { at: u64, tid: i32, address: u64, asked: Asked },
    Lost(u64),
}

/// Why nothing can be seen this way, and what to do about it.
pub fn obstacle() -> Option<String> {
    let error = Recorder::new(0, *crate::os::process::cpus().first()?, 0).err()?;
    let paranoid = std::fs::read_to_string("/proc/sys/kernel/perf_event_paranoid").unwrap_or_default();
    let remedy = match paranoid.trim().parse::<i32>() {
        Ok(level) if level > 2 => "as root: sysctl kernel.perf_event_paranoid=2",
        Ok(_) => "a container's filter of system calls may forbid it",
        Err(_) => "this kernel was built without it",
    };
    Some(format!("perf_event_open: {}; {remedy}", error.desc()))
}

/// Begins to record what a process and its future descendants do on these CPUs.
pub fn start(pid: i32, cpus: &[usize]) -> io::Result<Vec<Stream>> {
    let stream = |&cpu| {
        let recorder = Recorder::new(pid, cpu, RING_BYTES)?;
        Ok(Stream { recorder, waiting: Waiting::default() })
    };
    cpus.iter().map(stream).collect::<nix::Result<Vec<Stream>>>().map_err(io::Error::from)
}

impl Source for Stream {
    fn ready(&self) -> BorrowedFd<'_> {
        self.recorder.as_fd()
    }

    fn drain(&mut self, batch: &mut Batch<'_>) -> io::Result<()> {
        let Stream { recorder, waiting } = self;
        let cpu = recorder.cpu;
        let mut records = Vec::new();
        let mut told_lost = 0;
        recorder.take(|recorder, bytes| match read(bytes, &|id| recorder.asked(id)) {
            Some(Record::Lost(number)) => told_lost += number,
            other => records.extend(other),
        });
        // A fault inside of an interrupt could be written before what it interrupted.
        records.sort_by_key(Record::at);
        for record in records {
            waiting.take(record, cpu, &mut |raw| batch.add(raw));
        }
        // The records that tell of lost ones come only when there is room again.
        match recorder.lost() {
            Some(all) => batch.lost_in_all(cpu, all),
            None => batch.lost(told_lost),
        }
        Ok(())
    }

    fn finish(&mut self, batch: &mut Batch<'_>) -> io::Result<()> {
        self.drain(batch)?;
        if let Some(raw) = self.waiting.0.take() {
            batch.add(raw);
        }
        Ok(())
    }
}

impl Record {
    const fn at(&self) -> u64 {
        match *self {
            Record::On { at, .. }
            | Record::Off { at, .. }
            | Record::Fork { at, .. }
            | Record::Exit { at, .. }
            | Record::Fault { at, .. } => at,
            Record::Lost(_) => 0,
        }
    }
}

impl Waiting {
    /// Takes a CPU's next record; gives what is complete now.
    fn take(&mut self, record: Record, cpu: usize, give: &mut impl FnMut(Raw)) {
        let raw = |at, pid, point, values| Raw { at, cpu, pid, point, values };
        let before = self.0.take();
        match record {
            Record::On { at, tid } => {
                let follows = before.filter(|left| at.saturating_sub(left.at) <= DIRECTLY);
                match (follows, before) {
                    (Some(left), _) => {
                        give(Raw { values: [left.values[0], left.values[1], tid.into()], ..left })
                    }
                    (None, left) => {
                        left.into_iter().for_each(&mut *give);
                        give(raw(at, 0, Point::Switch, [0, RUNNABLE, tid.into()]));
                    }
                }
            }
            Record::Off { at, tid, state } => {
                before.into_iter().for_each(&mut *give);
                self.0 = Some(raw(at, tid, Point::Switch, [tid.into(), state, 0]));
            }
            // Nothing is recorded of a thread after this, not even that it leaves its CPU.
            Record::Exit { at, tid } => {
                before.into_iter().for_each(&mut *give);
                self.0 = Some(raw(at, tid, Point::Switch, [tid.into(), DEAD, 0]));
            }
            Record::Fork { at, parent, child } => {
                before.into_iter().for_each(&mut *give);
                give(raw(at, parent, Point::Fork, [child.into(), 0, 0]));
            }
            Record::Fault { at, tid, address, asked } => {
                before.into_iter().for_each(&mut *give);
                let (point, major) = match asked {
                    Asked::MajorFault => (Point::FaultEnd, 1),
                    Asked::MinorFault => (Point::FaultEnd, 0),
                    Asked::Fault | Asked::Threads => (Point::FaultUser, 0),
                };
                give(raw(at, tid, point, [address as i64, major, 0]));
            }
            Record::Lost(_) => self.0 = before,
        }
    }
}

/// Reads a record; none if it is of a kind that wasn't asked for.
fn read(bytes: &[u8], asked: &dyn Fn(u64) -> Option<Asked>) -> Option<Record> {
    let half = |at: usize| bytes.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes);
    let word = |at: usize| bytes.get(at..at + 8)?.try_into().ok().map(u64::from_ne_bytes);
    let (kind, misc) = (half(0)?, u16::from_ne_bytes(bytes.get(4..6)?.try_into().ok()?));
    // All but samples end with the numbers of process and thread, the time, and an identifier.
    let end = bytes.len();
    let told = || Some((word(end.checked_sub(16)?)?, half(end.checked_sub(20)?)? as i32));
    match kind {
        record::SWITCH => {
            let (at, tid) = told()?;
            if misc & record::SWITCH_OUT == 0 {
                return Some(Record::On { at, tid });
            }
            let state = if misc & record::SWITCH_OUT_PREEMPT == 0 { SLEEPS } else { RUNNABLE };
            Some(Record::Off { at, tid, state })
        }
        record::FORK => {
            let (child, parent) = (half(16)? as i32, half(20)? as i32);
            Some(Record::Fork { at: word(24)?, parent, child })
        }
        record::EXIT => Some(Record::Exit { at: word(24)?, tid: half(16)? as i32 }),
        record::SAMPLE => {
            let (tid, at, address) = (half(20)? as i32, word(24)?, word(32)?);
            Some(Record::Fault { at, tid, address, asked: asked(word(8)?)? })
        }
        record::LOST => Some(Record::Lost(word(16)?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn translated(records: &[Record]) -> Vec<Raw> {
        let (mut waiting, mut given) = (Waiting::default(), Vec::new());
        for &record in records {
            waiting.take(record, 3, &mut |raw| given.push(raw));
        }
        given.extend(waiting.0);
        given
    }

    fn switch(at: u64, prev: i64, state: i64, next: i64) -> Raw {
        Raw { at, cpu: 3, pid: prev as i32, point: Point::Switch, values: [prev, state, next] }
    }

    #[test]
    fn a_thread_that_comes_on_at_once_has_followed_directly() {
        let records = [
            Record::On { at: 10, tid: 7 },
            Record::Off { at: 100, tid: 7, state: SLEEPS },
            Record::On { at: 100 + DIRECTLY, tid: 8 },
            Record::Off { at: 9_000, tid: 8, state: RUNNABLE },
            Record::On { at: 9_001 + DIRECTLY, tid: 7 },
        ];
        let wanted = [
            switch(10, 0, RUNNABLE, 7),
            switch(100, 7, SLEEPS, 8),
            switch(9_000, 8, RUNNABLE, 0),
            switch(9_001 + DIRECTLY, 0, RUNNABLE, 7),
        ];
        assert_eq!(translated(&records), wanted);
    }

    #[test]
    fn a_thread_that_ends_leaves_its_cpu() {
        let records = [Record::Exit { at: 5, tid: 7 }, Record::Fork { at: 50, parent: 8, child: 9 }];
        let fork = Raw { at: 50, cpu: 3, pid: 8, point: Point::Fork, values: [9, 0, 0] };
        assert_eq!(translated(&records), [switch(5, 7, DEAD, 0), fork]);
    }

    /// A record with its header; the length is that of the words.
    fn bytes(kind: u32, misc: u16, words: &[u64]) -> Vec<u8> {
        let mut bytes = kind.to_ne_bytes().to_vec();
        bytes.extend(misc.to_ne_bytes());
        bytes.extend((8 + words.len() as u16 * 8).to_ne_bytes());
        bytes.extend(words.iter().flat_map(|word| word.to_ne_bytes()));
        bytes
    }

    /// Two numbers of 32 bits, the first at the lower address.
    fn pair(first: u32, second: u32) -> u64 {
        let mut bytes = first.to_ne_bytes().to_vec();
        bytes.extend(second.to_ne_bytes());
        u64::from_ne_bytes(bytes.try_into().unwrap())
    }

    #[test]
    fn records_are_read() {
        let none = |_| None;
        let end = [pair(40, 42), 1_000, 99];
        let read_one = |kind, misc, words: &[u64]| read(&bytes(kind, misc, words), &none);
        assert_eq!(read_one(record::SWITCH, 0, &end), Some(Record::On { at: 1_000, tid: 42 }));
        let off = |state| Some(Record::Off { at: 1_000, tid: 42, state });
        assert_eq!(read_one(record::SWITCH, record::SWITCH_OUT, &end), off(SLEEPS));
        let preempted = record::SWITCH_OUT | record::SWITCH_OUT_PREEMPT;
        assert_eq!(read_one(record::SWITCH, preempted, &end), off(RUNNABLE));
        let fork = [pair(50, 40), pair(52, 42), 2_000, end[0], end[1], end[2]];
        assert_eq!(read_one(record::FORK, 0, &fork), Some(Record::Fork { at: 2_000, parent: 42, child: 52 }));
        assert_eq!(read_one(record::EXIT, 0, &fork), Some(Record::Exit { at: 2_000, tid: 52 }));
        assert_eq!(read_one(record::LOST, 0, &[99, 17, end[0], end[1], end[2]]), Some(Record::Lost(17)));
        let sample = bytes(record::SAMPLE, 0, &[99, pair(40, 42), 3_000, 0x7000]);
        let fault = Record::Fault { at: 3_000, tid: 42, address: 0x7000, asked: Asked::Fault };
        assert_eq!(read(&sample, &|id| (id == 99).then_some(Asked::Fault)), Some(fault));
        assert_eq!(read(&sample, &none), None);
        for length in 0..sample.len() {
            assert_eq!(read(&sample[..length], &|_| Some(Asked::Fault)), None, "{length}");
        }
    }
}
