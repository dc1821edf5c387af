//! What the kernel tells a program about its own children without privilege: perf_event_open(2).
//!
//! A [`Recorder`] follows a process and all that it forks from then on, as far as they run on one
//! CPU: when each thread goes on and off that CPU, when it begins and ends, and its page faults in
//! user mode. Nothing that happens inside the kernel is asked for, so that the strictest of the
//! usual settings (`perf_event_paranoid` = 2) allows it.

use std::num::NonZeroUsize;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

use nix::errno::Errno as HostErrno;
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};

const PAGE: usize = 4096;
/// The largest and the smallest ring that is tried, in pages; the host limits how much one may have.
const MOST_PAGES: usize = 4096;
const FEWEST_PAGES: usize = 4;

/// `struct perf_event_attr`, as long as Linux 4.7 knows it.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Attributes {
    kind: u32,
    size: u32,
    config: u64,
    sample_period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup_watermark: u32,
    breakpoint_kind: u32,
    config1: u64,
    config2: u64,
    branch_sample_type: u64,
    sample_regs_user: u64,
    sample_stack_user: u32,
    clock: i32,
    sample_regs_intr: u64,
    aux_watermark: u32,
    sample_max_stack: u16,
    reserved: u16,
}

const SOFTWARE: u32 = 1;
const CLOEXEC: libc::c_ulong = 8;

/// Bits of `flags`, which C declares as bit fields.
mod flag {
    const fn bit(number: u32) -> u64 {
        if cfg!(target_endian = "big") { 1 << (63 - number) } else { 1 << number }
    }
    pub const INHERIT: u64 = bit(1);
    pub const EXCLUDE_KERNEL: u64 = bit(5);
    pub const EXCLUDE_HYPERVISOR: u64 = bit(6);
    pub const TASK: u64 = bit(13);
    pub const WATERMARK: u64 = bit(14);
    pub const SAMPLE_ID_ALL: u64 = bit(18);
    pub const USE_CLOCK: u64 = bit(25);
    pub const CONTEXT_SWITCH: u64 = bit(26);
}

/// What a sample holds, in this order: identifier first, then thread, time, address.
const SAMPLE: u64 = 1 << 16 | 1 << 1 | 1 << 2 | 1 << 3;
const FORMAT_ID: u64 = 1 << 2;
const FORMAT_LOST: u64 = 1 << 4;

/// What is asked for; the first one's ring takes the records of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Nothing is counted: switches, beginnings and ends of threads come beside it.
    Threads,
    /// The beginning of a page fault.
    Fault,
    /// The end of one that needed no waiting, and of one that did.
    MinorFault,
    MajorFault,
}

impl Asked {
    const ALL: [Asked; 4] = [Asked::Threads, Asked::Fault, Asked::MinorFault, Asked::MajorFault];

    /// `PERF_COUNT_SW_...`
    const fn config(self) -> u64 {
        match self {
            Asked::Threads => 9,
            Asked::Fault => 2,
            Asked::MinorFault => 5,
            Asked::MajorFault => 6,
        }
    }

    fn attributes(self, ring_bytes: usize) -> Attributes {
        let all = flag::INHERIT
            | flag::EXCLUDE_KERNEL
            | flag::EXCLUDE_HYPERVISOR
            | flag::WATERMARK
            | flag::SAMPLE_ID_ALL
            | flag::USE_CLOCK;
        let (own, period) = match self {
            Asked::Threads => (flag::TASK | flag::CONTEXT_SWITCH, 0),
            Asked::Fault | Asked::MinorFault | Asked::MajorFault => (0, 1),
        };
        Attributes {
            kind: SOFTWARE,
            size: size_of::<Attributes>() as u32,
            config: self.config(),
            sample_period: period,
            sample_type: SAMPLE,
            read_format: FORMAT_ID | FORMAT_LOST,
            flags: all | own,
            wakeup_watermark: (ring_bytes / 2) as u32,
            clock: libc::CLOCK_MONOTONIC,
            ..Attributes::default()
        }
    }
}

/// Asks the kernel about a process, and about all that it forks from now on, on one CPU.
fn open(asked: Asked, pid: i32, cpu: usize, ring_bytes: usize) -> nix::Result<OwnedFd> {
    let mut attributes = asked.attributes(ring_bytes);
    let call = |attributes: &Attributes| {
        // SAFETY: `attributes` is as long as its own `size` says, and the kernel only reads it.
        let made = unsafe {
            libc::syscall(
                libc::SYS_perf_event_open,
                std::ptr::from_ref(attributes),
                pid,
                cpu as libc::c_int,
                -1 as libc::c_int,
                CLOEXEC,
            )
        };
        HostErrno::result(made)
    };
    let made = call(&attributes).or_else(|error| {
        // Before Linux 6.0 an event can't say how many records found no place.
        attributes.read_format = FORMAT_ID;
        if error == HostErrno::EINVAL { call(&attributes) } else { Err(error) }
    })?;
    // SAFETY: the kernel has just made this descriptor, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(made as i32) })
}

/// The kernel's records about a process and its descendants on one CPU.
#[derive(Debug)]
pub struct Recorder {
    pub cpu: usize,
    /// The first one has the ring.
    events: Vec<(Asked, OwnedFd, u64)>,
    ring: NonNull<u8>,
    /// Bytes of records that the ring holds; its first page comes before them.
    bytes: usize,
}

// SAFETY: the ring belongs to the recorder alone; the kernel's side of it is accessed atomically.
unsafe impl Send for Recorder {}

nix::ioctl_write_int_bad! {
    /// Sends an event's records to another event's ring.
    set_output, nix::request_code_none!(b'$', 5)
}

impl Recorder {
    /// Begins to record with the largest ring that the host allows, at most so many bytes.
    pub fn new(pid: i32, cpu: usize, most_bytes: usize) -> nix::Result<Recorder> {
        let mut pages = (most_bytes / PAGE).clamp(FEWEST_PAGES, MOST_PAGES).next_power_of_two();
        loop {
            match Recorder::with_ring(pid, cpu, pages * PAGE) {
                // More than one may lock in memory, or than there is.
                Err(HostErrno::EPERM | HostErrno::ENOMEM) if pages > FEWEST_PAGES => pages /= 2,
                other => return other,
            }
        }
    }

    fn with_ring(pid: i32, cpu: usize, bytes: usize) -> nix::Result<Recorder> {
        let first = open(Asked::Threads, pid, cpu, bytes)?;
        let size = NonZeroUsize::new(PAGE + bytes).unwrap_or(NonZeroUsize::MIN);
        let rights = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: the kernel chooses the place, and the recorder is the only owner of it.
        let ring = unsafe { mmap(None, size, rights, MapFlags::MAP_SHARED, &first, 0)? };
        let mut recorder = Recorder { cpu, events: Vec::new(), ring: ring.cast(), bytes };
        recorder.add(Asked::Threads, first)?;
        for asked in &Asked::ALL[1..] {
            let event = open(*asked, pid, cpu, bytes)?;
            // SAFETY: both are open descriptors of events.
            unsafe { set_output(event.as_raw_fd(), recorder.events[0].1.as_raw_fd())? };
            recorder.add(*asked, event)?;
        }
        Ok(recorder)
    }

    fn add(&mut self, asked: Asked, event: OwnedFd) -> nix::Result<()> {
        let (id, _) = values(&event)?;
        self.events.push((asked, event, id));
        Ok(())
    }

    /// What a sample with this identifier tells of.
    pub fn asked(&self, id: u64) -> Option<Asked> {
        self.events.iter().find(|event| event.2 == id).map(|event| event.0)
    }

    /// Records that found no place so far; none if this kernel doesn't say.
    pub fn lost(&self) -> Option<u64> {
        self.events.iter().map(|event| values(&event.1).ok()?.1).sum()
    }

    /// Bytes that the ring holds at most.
    pub const fn capacity(&self) -> usize {
        self.bytes
    }

    /// A word of the ring's first page, `struct perf_event_mmap_page`.
    fn word(&self, offset: usize) -> &AtomicU64 {
        // SAFETY: the offset is that of an aligned word of the first page, which lives as long as
        // `self`.
        unsafe { &*self.ring.as_ptr().byte_add(offset).cast() }
    }

    /// Takes the records that are there now, and gives each of them to `taken`.
    pub fn take(&mut self, mut taken: impl FnMut(&Recorder, &[u8])) {
        const HEAD: usize = 1024;
        const TAIL: usize = 1032;
        let head = self.word(HEAD).load(Ordering::Acquire);
        let mut tail = self.word(TAIL).load(Ordering::Relaxed);
        let mut record = [0; 256];
        while tail < head {
            let mut length = [0; 8];
            self.copy(tail, &mut length);
            let length = usize::from(u16::from_ne_bytes([length[6], length[7]]));
            // Nothing is shorter than its header; nothing of what is asked for is longer than this.
            if length >= 8
                && let Some(record) = record.get_mut(..length)
            {
                self.copy(tail, record);
                taken(self, record);
            }
            tail += length.max(8) as u64;
        }
        self.word(TAIL).store(tail, Ordering::Release);
    }

    /// Copies bytes out of the ring, which goes on at its beginning.
    fn copy(&self, from: u64, into: &mut [u8]) {
        let begin = (from % self.bytes as u64) as usize;
        let (first, rest) = into.split_at_mut(into.len().min(self.bytes - begin));
        // SAFETY: both pieces lie within the ring, and the kernel has left these bytes to the reader
        // until the tail passes them.
        unsafe {
            let records = self.ring.as_ptr().byte_add(PAGE);
            first.as_mut_ptr().copy_from_nonoverlapping(records.byte_add(begin), first.len());
            rest.as_mut_ptr().copy_from_nonoverlapping(records, rest.len());
        }
    }
}

impl AsFd for Recorder {
    /// Ready to read when the ring is half full.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.events[0].1.as_fd()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // SAFETY: nothing refers to the ring any more: all references to it borrow `self`.
        let _ = unsafe { munmap(self.ring.cast(), PAGE + self.bytes) };
    }
}

/// The event's identifier, and how many records found no place, if this kernel says so.
fn values(event: &OwnedFd) -> nix::Result<(u64, Option<u64>)> {
    let mut bytes = [0; 24];
    let length = nix::unistd::read(event, &mut bytes)?;
    let word = |at: usize| bytes[at..at + 8].try_into().map_or(0, u64::from_ne_bytes);
    Ok((word(8), (length == 24).then(|| word(16))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::memory::Mapping;
    use crate::os::process;

    #[test]
    fn the_page_faults_of_a_thread_are_recorded_with_their_ends() {
        const PAGES: usize = 20;
        let cpu = process::cpus()[0];
        process::pin(&[cpu]).unwrap();
        let mut recorder = match Recorder::new(0, cpu, 64 << 10) {
            Ok(recorder) => recorder,
            Err(error) => {
                eprintln!("SKIPPED: performance events: {error}");
                return;
            }
        };
        let memory = Mapping::private(PAGES * PAGE).unwrap();
        (0..PAGES).for_each(|page| memory.touch((page * PAGE) as u64, true));
        let mut faults = std::collections::BTreeMap::new();
        recorder.take(|recorder, record| {
            // A sample: its identifier comes after the header, its address at the end.
            let word = |at: usize| u64::from_ne_bytes(record[at..at + 8].try_into().unwrap());
            if record[..4] == 9_u32.to_ne_bytes() {
                let asked = recorder.asked(word(8)).unwrap();
                faults.entry(word(32) / PAGE as u64).or_insert_with(Vec::new).push(asked);
            }
        });
        let whole = faults.values().filter(|asked| **asked == [Asked::Fault, Asked::MinorFault]);
        assert!(whole.count() >= PAGES, "{faults:?}");
        assert_eq!(recorder.lost().unwrap_or(0), 0);
        let mut records = 0;
        recorder.take(|_, record| records += usize::from(record[..4] == 9_u32.to_ne_bytes()));
        assert!(records < PAGES, "what was taken has gone: {records}");
    }
}
