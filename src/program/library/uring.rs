//! What a program does with a ring's queues in its own memory: `uring-read`, `uring-write`,
//! `uring-fsync`, `uring-poll` and `uring-nop` put a request in, `uring-reap` takes a completion out.
//!
//! None of them enters the kernel. Model: liburing's io_uring_get_sqe(3), io_uring_prep_read(3) and its
//! like, io_uring_peek_cqe(3) with io_uring_cqe_seen(3). The queues aren't mapped anywhere else: to
//! work on a number that is no ring of the process is an access to memory that it hasn't got.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::kernel::readiness::Events;
use crate::program::at::{At, SizeAmount, Value};
use crate::program::content::Content;
use crate::program::form::{Form, Step, parse, schema};
use crate::program::instruction::Instruction;
use crate::program::lower::Lower;
use crate::program::names::Channel;
use crate::program::problem::{Code, Problem};
use crate::program::resolve::End;
use crate::program::verb::{Level, Real, VerbRow};
use crate::program::{Handle, Operand};

use super::ring_work::{Request, RingWork};

const REAL: Real = Real::Yes("an entry of the queue that io_uring_setup(2) has mapped; no call");

pub const READ: VerbRow = VerbRow {
    name: "uring-read",
    level: Level::Library,
    summary: "puts a read of a file into a ring",
    doc: "Puts a read of at most `bytes` bytes from byte `offset` of a file into the ring's queue, without entering the kernel. `uring-enter` submits it. `queued` gets 1, or 0 if the queue is full; without it, a full queue stops the run. Mistakes (EBADF, EINVAL) are the completion's result; so is EOPNOTSUPP for what is no file, which Linux could read as well.",
    example: r#"{ uring-read = "@r", file = "log", offset = 0, bytes = "4KiB", data = 1 }"#,
    real: REAL,
    blocks: &[],
    parse: parse::<ReadForm>,
    schema: schema::<ReadForm>,
};

pub const WRITE: VerbRow = VerbRow {
    name: "uring-write",
    level: Level::Library,
    summary: "puts a write to a file into a ring",
    doc: "As `uring-read`: a write to byte `offset` of a file (to its end, if it was opened with \"append\"). What is written is decided here, not when it is submitted. The simulated kernel is done when the call returns; Linux may leave the write to a worker, so wait for its completion.",
    example: r#"{ uring-write = "@r", file = "log", offset = 0, value = "x" }"#,
    real: REAL,
    blocks: &[],
    parse: parse::<WriteForm>,
    schema: schema::<WriteForm>,
};

pub const FSYNC: VerbRow = VerbRow {
    name: "uring-fsync",
    level: Level::Library,
    summary: "puts an fsync into a ring",
    doc: "As `uring-read`: completes when the disk has all that was written to the file before it was submitted. It doesn't wait for writes that the ring has under way.",
    example: r#"{ uring-fsync = "@r", file = "log", data = 9 }"#,
    real: REAL,
    blocks: &[],
    parse: parse::<FsyncForm>,
    schema: schema::<FsyncForm>,
};

pub const POLL: VerbRow = VerbRow {
    name: "uring-poll",
    level: Level::Library,
    summary: "puts the wait for a descriptor into a ring",
    doc: "As `uring-read`: completes once, when the descriptor is ready. The result has poll's bits: 1 to read, 4 to write, 8 an error, 16 hung up.",
    example: r#"{ uring-poll = "@r", on = "ping", data = 2 }"#,
    real: REAL,
    blocks: &[],
    parse: parse::<PollForm>,
    schema: schema::<PollForm>,
};

pub const NOP: VerbRow = VerbRow {
    name: "uring-nop",
    level: Level::Library,
    summary: "puts a request for nothing into a ring",
    doc: "As `uring-read`: completes with 0 as soon as it is submitted.",
    example: r#"{ uring-nop = "@r", data = 3 }"#,
    real: REAL,
    blocks: &[],
    parse: parse::<NopForm>,
    schema: schema::<NopForm>,
};

pub const REAP: VerbRow = VerbRow {
    name: "uring-reap",
    level: Level::Library,
    summary: "takes a completion out of a ring",
    doc: "Takes the oldest completion out of its queue, without entering the kernel. `outcome` gets what the call would have returned (a number of bytes, or a negative error number), `data` what the request was given as its own, `into` the value that the bytes of a read carry. If there is no completion, `outcome` gets -11 (-EAGAIN), and the others stay.",
    example: r#"{ uring-reap = "@r", outcome = "n", data = "which" }"#,
    real: Real::Yes("an entry of the queue that io_uring_setup(2) has mapped; no call"),
    blocks: &[],
    parse: parse::<ReapForm>,
    schema: schema::<ReapForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ReadForm {
    /// The ring: "@" and the variable with its number.
    uring_read: At<String>,
    /// The file.
    file: At<String>,
    /// The first byte, from 0.
    offset: At<Value>,
    /// How many bytes at most.
    bytes: At<SizeAmount>,
    /// What its completion brings back; 0 if absent.
    data: Option<At<Value>>,
    /// The variable that gets 1, or 0 if the queue is full.
    queued: Option<At<String>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WriteForm {
    /// The ring: "@" and the variable with its number.
    uring_write: At<String>,
    /// The file.
    file: At<String>,
    /// The first byte, from 0.
    offset: At<Value>,
    /// How many bytes; 8 if only a value is given.
    bytes: Option<At<SizeAmount>>,
    /// The value that the first eight bytes hold.
    value: Option<At<Value>>,
    /// A text, with expressions in braces as in `print`.
    text: Option<At<String>>,
    /// What the thread has read last.
    buffer: Option<bool>,
    /// What its completion brings back; 0 if absent.
    data: Option<At<Value>>,
    /// The variable that gets 1, or 0 if the queue is full.
    queued: Option<At<String>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct FsyncForm {
    /// The ring: "@" and the variable with its number.
    uring_fsync: At<String>,
    /// The file.
    file: At<String>,
    /// What its completion brings back; 0 if absent.
    data: Option<At<Value>>,
    /// The variable that gets 1, or 0 if the queue is full.
    queued: Option<At<String>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct PollForm {
    /// The ring: "@" and the variable with its number.
    uring_poll: At<String>,
    /// A pipe, FIFO, queue, "terminal", or "@" and a variable.
    on: At<String>,
    /// Which end of a pipe; to write waits at the other than to read.
    end: Option<End>,
    /// What its completion brings back; 0 if absent.
    data: Option<At<Value>>,
    /// The variable that gets 1, or 0 if the queue is full.
    queued: Option<At<String>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct NopForm {
    /// The ring: "@" and the variable with its number.
    uring_nop: At<String>,
    /// What its completion brings back; 0 if absent.
    data: Option<At<Value>>,
    /// The variable that gets 1, or 0 if the queue is full.
    queued: Option<At<String>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ReapForm {
    /// The ring: "@" and the variable with its number.
    uring_reap: At<String>,
    /// The variable that gets the result, or -11 if there is no completion.
    outcome: At<String>,
    /// The variable that gets the request's own data.
    data: Option<At<String>>,
    /// The variable that gets the value that the bytes of a read carry.
    into: Option<At<String>>,
}

type Common<'a> = (&'a At<String>, &'a Option<At<Value>>, &'a Option<At<String>>);

fn prepare(step: &Step, cx: &mut Lower<'_>, (ring, data, queued): Common<'_>, request: Request) {
    let Some(ring) = cx.channel(ring, End::Read) else { return };
    let data = data.as_ref().map_or(Operand::Const(0), |data| cx.operand(data));
    let into = match queued {
        Some(queued) => cx.assign(queued),
        None => cx.temporary(0),
    };
    cx.emit(Instruction::Ring(RingWork::Prepare { ring, request, data, queued: into }));
    if queued.is_none() {
        let text = cx.name(format!("{}: the queue of submissions is full", step.row.name));
        cx.emit(Instruction::Assert { condition: Operand::Variable(into), text });
    }
}

/// The descriptor of a file; a ring of the model transfers nothing else.
fn file(name: &At<String>, end: End, cx: &mut Lower<'_>) -> Option<Handle> {
    if let Some(Channel::Pipe { .. }) = cx.channel_kind(&name.value) {
        let message = format!("`{}` is no file", name.value);
        let problem = Problem::error(Code::WrongObject, name.span.clone(), message);
        cx.problems.push(problem.help("a ring waits for it with `uring-poll`"));
        return None;
    }
    cx.channel(name, end)
}

impl Form for ReadForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let (bytes, offset) = (cx.size(&self.bytes), cx.operand(&self.offset));
        if let Some(fd) = file(&self.file, End::Read, cx) {
            let request = Request::Read { fd, offset, bytes };
            prepare(step, cx, (&self.uring_read, &self.data, &self.queued), request);
        }
    }
}

impl Form for WriteForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let content = Content::of(&self.bytes, &self.value, &self.text, self.buffer);
        let (bytes, what) = cx.content(step, content);
        let offset = cx.operand(&self.offset);
        if let Some(fd) = file(&self.file, End::Write, cx) {
            let request = Request::Write { fd, offset, bytes, what };
            prepare(step, cx, (&self.uring_write, &self.data, &self.queued), request);
        }
    }
}

impl Form for FsyncForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        if let Some(fd) = file(&self.file, End::Write, cx) {
            prepare(step, cx, (&self.uring_fsync, &self.data, &self.queued), Request::Sync(fd));
        }
    }
}

impl Form for PollForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let end = self.end.unwrap_or(End::Read);
        let events = if end == End::Read { Events::IN } else { Events::OUT };
        if let Some(fd) = cx.channel(&self.on, end) {
            prepare(step, cx, (&self.uring_poll, &self.data, &self.queued), Request::Poll(fd, events));
        }
    }
}

impl Form for NopForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        prepare(step, cx, (&self.uring_nop, &self.data, &self.queued), Request::Nothing);
    }
}

impl Form for ReapForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let outcome = cx.assign(&self.outcome);
        let data = self.data.as_ref().map(|name| cx.assign(name));
        let into = self.into.as_ref().map(|name| cx.assign(name));
        if let Some(ring) = cx.channel(&self.uring_reap, End::Read) {
            cx.emit(Instruction::Ring(RingWork::Reap { ring, outcome, data, into, keep: false }));
        }
    }
}
