//! Perfetto's own format, for ui.perfetto.dev and its trace processor.
//!
//! Switches and wake-ups are written as the kernel's own tracing would have them, so that Perfetto's
//! scheduling view knows them: who runs on which CPU, in colours, thread states, scheduling latency, who
//! woke whom, and the SQL tables of these. All else is written as track events: calls and faults on a
//! track of each thread, what it waits for on one below, interrupts and decisions on a track of each CPU,
//! counters, and arrows.
//!
//! - `wire`: protobuf's encoding
//! - `intern`: texts that stand as numbers after their first time
//! - `memo`: what was made of an event that looked alike; `quick` finds it
//! - `tracks`: tracks, and what Perfetto is told of them
//! - `messages`: what is made of a mark
//!
//! The tests hold the result against `plain`, which builds the same messages as structs (`proto`).

mod intern;
mod memo;
mod messages;
#[cfg(test)]
mod plain;
#[cfg(test)]
pub(super) mod proto;
mod quick;
#[cfg(test)]
mod tests;
mod tracks;
mod wire;

use std::collections::BTreeSet;
use std::io::{self, Write};

use crate::ids::StepId;
use crate::trace::event::{Event, Kind};
use crate::trace::header::Footer;
use crate::trace::{Header, Record};

use self::intern::Interned;
use self::memo::{Key, Memo, Told};
use super::lanes::{Lane, Lanes, What};
use super::names::Names;
use super::{ExportError, Exporter, Input, Writes};

pub const EXPORTER: Exporter = Exporter {
    name: "perfetto",
    endings: &["pftrace"],
    doc: "Perfetto's protobuf: scheduling, calls, interrupts, arrows and counters, for ui.perfetto.dev.",
    writes: Writes::Events(write),
};

/// So many bytes are collected before they are written.
const CHUNK: usize = 64 * 1024;
/// Everything is written by one writer, which Perfetto calls a sequence: trusted_packet_sequence_id is 1.
const SEQUENCE: [u8; 2] = [0x50, 1];
/// The same, and sequence_flags is SEQ_NEEDS_INCREMENTAL_STATE: earlier packets explain the numbers in this one.
const SEQUENCE_AND_STATE: [u8; 4] = [0x50, 1, 0x68, 2];
/// The sequence begins here: sequence_flags is SEQ_INCREMENTAL_STATE_CLEARED.
const CLEARED: [u8; 2] = [0x68, 1];

fn write(input: &mut Input<'_>, out: &mut dyn Write) -> Result<(), ExportError> {
    let mut names = Names::new(input.header(), str::to_owned);
    let mut lanes = Lanes::new(input.header());
    let mut packets = Packets::new(input.header(), out);
    packets.begin(input.header())?;
    let mut last = 0;
    let mut failed = None;
    for record in input.by_ref() {
        match record {
            Ok(Record::Event(event)) => {
                last = event.at.as_nanos().max(last);
                packets.schedule(&event, &names)?;
                lanes.take(&event);
                packets.draw(&lanes, Some(&event), &names)?;
            }
            Ok(other) => {
                names.learn(&other);
                if let Record::Task(entry) = other {
                    packets.memo.forget();
                    packets.thread(&entry)?;
                }
            }
            Err(error) => {
                failed = Some(error);
                break;
            }
        }
    }
    let end = input.footer().map_or(last, |footer| footer.end.as_nanos());
    lanes.finish(end);
    packets.draw(&lanes, None, &names)?;
    if let Some(footer) = input.footer().filter(|_| failed.is_none()) {
        packets.outcome(end.max(last), footer)?;
    }
    packets.out.flush()?;
    failed.map_or(Ok(()), |error| Err(error.into()))
}

/// The file under construction.
struct Out<'a> {
    out: &'a mut dyn Write,
    bytes: Vec<u8>,
}

impl Out<'_> {
    /// Writes a packet: field 1 of the whole, a message with its length before it.
    #[inline]
    fn packet(&mut self, fill: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        wire::message(&mut self.bytes, 1, |out| {
            fill(out);
            out.extend_from_slice(&SEQUENCE);
        });
        if self.bytes.len() >= CHUNK { self.spill() } else { Ok(()) }
    }

    /// Writes a track event, whose content comes in two parts, with the texts that it needs.
    #[inline]
    fn event(&mut self, at: u64, content: [&[u8]; 2], fresh: &mut Vec<u8>) -> io::Result<()> {
        let length = content[0].len() + content[1].len();
        let mut whole = 2 + wire::length(at) + wire::length(length as u64) + length;
        whole += SEQUENCE_AND_STATE.len();
        if !fresh.is_empty() {
            whole += 1 + wire::length(fresh.len() as u64) + fresh.len();
        }
        self.start(whole as u64, at, length as u64);
        self.bytes.extend_from_slice(content[0]);
        self.bytes.extend_from_slice(content[1]);
        self.bytes.extend_from_slice(&SEQUENCE_AND_STATE);
        if !fresh.is_empty() {
            wire::bytes(&mut self.bytes, 12, fresh);
            fresh.clear();
        }
        if self.bytes.len() >= CHUNK { self.spill() } else { Ok(()) }
    }

    /// A packet's length, its timestamp (field 8), and the length of its track_event (field 11).
    #[inline]
    fn start(&mut self, whole: u64, at: u64, content: u64) {
        if whole < 1 << 14 && at < wire::SPREAD {
            // At most 15 bytes: put together as a number, so that they are stored at once.
            let field = |first: u8, number: u64| u128::from(first) | u128::from(wire::spread(number)) << 8;
            let second = 1 + wire::length(whole);
            let third = second + 1 + wire::length(at);
            let all =
                field(0x0a, whole) | field(0x40, at) << (8 * second) | field(0x5a, content) << (8 * third);
            let end = self.bytes.len() + third + 1 + wire::length(content);
            self.bytes.extend_from_slice(&all.to_le_bytes());
            self.bytes.truncate(end);
        } else {
            self.bytes.push(0x0a);
            wire::varint(&mut self.bytes, whole);
            wire::number(&mut self.bytes, 8, at);
            self.bytes.push(0x5a);
            wire::varint(&mut self.bytes, content);
        }
    }

    fn spill(&mut self) -> io::Result<()> {
        self.out.write_all(&self.bytes)?;
        self.bytes.clear();
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.spill()?;
        self.out.flush()
    }
}

/// The packets, and what they have told so far.
struct Packets<'a> {
    out: Out<'a>,
    /// Tracks that Perfetto has been told of.
    known: BTreeSet<u64>,
    steps: Vec<(String, u32)>,
    interned: Interned,
    memo: Memo,
    /// Room for a message's content, and for what comes after it.
    content: Vec<u8>,
    after: Vec<u8>,
}

impl<'a> Packets<'a> {
    fn new(header: &Header, out: &'a mut dyn Write) -> Packets<'a> {
        let steps = header.steps.iter().map(|step| (step.text.clone(), step.line)).collect();
        Packets {
            out: Out { out, bytes: Vec::with_capacity(2 * CHUNK) },
            known: BTreeSet::new(),
            steps,
            interned: Interned::default(),
            memo: Memo::default(),
            content: Vec::new(),
            after: Vec::new(),
        }
    }

    /// What Perfetto's scheduling view is made of.
    fn schedule(&mut self, event: &Event, names: &Names) -> io::Result<()> {
        let Some(cpu) = event.cpu else { return Ok(()) };
        let (Kind::SchedSwitch { .. } | Kind::SchedWaking { .. }) = event.kind else { return Ok(()) };
        let key = Key::Schedule(cpu, event.task, event.kind);
        let place = match self.memo.find(&key) {
            Some(place) => place,
            None => self.make(key, names)?,
        };
        let content = self.memo.message(place);
        self.out.packet(|out| {
            wire::message(out, 1, |out| {
                wire::number(out, 1, cpu.0.into());
                wire::message(out, 2, |out| {
                    wire::number(out, 1, event.at.as_nanos());
                    out.extend_from_slice(content);
                });
            });
        })
    }

    fn draw(&mut self, lanes: &Lanes, event: Option<&Event>, names: &Names) -> io::Result<()> {
        let told = event.map(|event| Told { kind: event.kind, step: event.step });
        for mark in lanes.marks() {
            self.after.clear();
            let key = match &mark.what {
                What::Begin { lane: Lane::Cpu(_), .. } | What::End { lane: Lane::Cpu(_), .. } => continue,
                What::Begin { lane, name, told: explained } => {
                    Key::Begin(*lane, *name, told.filter(|_| *explained))
                }
                What::End { lane, told: explained } => {
                    let Some(told) = told.filter(|_| *explained) else {
                        messages::end(&mut self.after, *lane);
                        self.out.event(mark.at, [&self.after, &[]], self.interned.fresh())?;
                        continue;
                    };
                    Key::End(*lane, Told { step: StepId::NONE, ..told })
                }
                What::Moment { lane, name, starts, ends } => {
                    starts.iter().for_each(|arrow| wire::fixed(&mut self.after, 47, *arrow));
                    let ends = &lanes.ends()[ends.clone()];
                    ends.iter().for_each(|arrow| wire::fixed(&mut self.after, 48, *arrow));
                    Key::Moment(*lane, *name, told)
                }
                What::Count { counter, value } => {
                    let value = i64::try_from(*value).unwrap_or(i64::MAX);
                    wire::signed(&mut self.after, 30, value);
                    Key::Count(*counter)
                }
            };
            let place = match self.memo.find(&key) {
                Some(place) => place,
                None => self.make(key, names)?,
            };
            let content = [self.memo.message(place), &self.after[..]];
            self.out.event(mark.at, content, self.interned.fresh())?;
        }
        Ok(())
    }

    fn outcome(&mut self, at: u64, footer: &Footer) -> io::Result<()> {
        let mut content = Vec::new();
        messages::outcome(&mut content, footer);
        self.out.event(at, [&content, &[]], self.interned.fresh())
    }
}
