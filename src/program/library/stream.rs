//! `fwrite`, `fflush` and `fclose`: output through a buffer of the program's own, as by C's stdio.
//!
//! A stream gathers bytes in memory and writes them when its buffer overflows: fewer system calls,
//! and what is in the buffer is nobody else's yet. It is lost if the process is killed. The end of
//! the program and `exit` write it out. After glibc's `_IO_new_file_xsputn`: a full buffer is
//! written when the next byte comes, and what doesn't fit behind it goes out in whole blocks.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::program::at::{At, SizeAmount, Value};
use crate::program::content::{Content, What};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::instruction::{InMemory, Instruction, OnError};
use crate::program::lower::Lower;
use crate::program::names::Stream;
use crate::program::problem::{Code, Problem};
use crate::program::resolve::End;
use crate::program::syscall::{Close, Write};
use crate::program::value::{Amount, Handle, Operand, Operator};
use crate::program::verb::{Level, Real, VerbRow};
use crate::program::{Variable, form};

pub const FWRITE: VerbRow = VerbRow {
    name: "fwrite",
    level: Level::Library,
    summary: "puts bytes into a stream's buffer",
    doc: "Puts bytes into the buffer of a `[stream.X]`. Only when they don't fit any more, a `write` follows: of the full buffer, then of as many whole blocks as there are. What is in the buffer when the process is killed is lost; the end of the program and `exit` write it out.",
    example: r#"{ fwrite = "out", text = "line {i}" }"#,
    real: Real::Yes("the program's own memory, and write(2)"),
    blocks: &[],
    parse: parse::<FwriteForm>,
    schema: schema::<FwriteForm>,
};

pub const FFLUSH: VerbRow = VerbRow {
    name: "fflush",
    level: Level::Library,
    summary: "writes what is in a stream's buffer",
    doc: "Writes what is in the stream's buffer, if anything is. Others can see it then; the disk needn't have it before an `fsync`.",
    example: r#"{ fflush = "out" }"#,
    real: Real::Yes("write(2)"),
    blocks: &[],
    parse: parse::<FflushForm>,
    schema: schema::<FflushForm>,
};

pub const FCLOSE: VerbRow = VerbRow {
    name: "fclose",
    level: Level::Library,
    summary: "writes what is in a stream's buffer, and closes",
    doc: "Writes what is in the stream's buffer, and closes the descriptor that the stream is over.",
    example: r#"{ fclose = "out" }"#,
    real: Real::Yes("write(2) and close(2)"),
    blocks: &[],
    parse: parse::<FcloseForm>,
    schema: schema::<FcloseForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct FwriteForm {
    /// The stream.
    fwrite: At<String>,
    /// How many bytes; 8 if only a value is given.
    bytes: Option<At<SizeAmount>>,
    /// The value that the first eight bytes hold.
    value: Option<At<Value>>,
    /// A text, with expressions in braces as in `print`.
    text: Option<At<String>>,
    /// What the thread has read last.
    buffer: Option<bool>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct FflushForm {
    /// The stream.
    fflush: At<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct FcloseForm {
    /// The stream.
    fclose: At<String>,
}

/// A stream as a program uses it.
#[derive(Clone, Copy, Debug)]
pub struct OpenStream {
    number: u16,
    size: i64,
    fd: Handle,
    /// How many bytes are in its buffer.
    pending: Variable,
}

impl Form for FwriteForm {
    fn lower(&self, step: &form::Step, cx: &mut Lower<'_>) {
        let content = Content::of(&self.bytes, &self.value, &self.text, self.buffer);
        let (bytes, what) = cx.content(step, content);
        let Some(stream) = stream(&self.fwrite, cx) else { return };
        let OpenStream { number, size, pending, .. } = stream;
        cx.emit(Instruction::InMemory(InMemory::Put { stream: number, bytes, what, pending }));
        let (held, size) = (Operand::Variable(pending), Operand::Const(size));
        let full = cx.tables.expressions.add(Operator::Greater, held, size);
        let fits = cx.emit(Instruction::JumpIfZero { condition: full, target: 0 });
        stream.write(cx, size, step.on_error);
        let rest = cx.tables.expressions.add(Operator::Remainder, held, size);
        let blocks = cx.tables.expressions.add(Operator::Subtract, held, rest);
        let whole = cx.temporary(0);
        cx.emit(Instruction::Set { variable: whole, value: blocks });
        let none = cx.emit(Instruction::JumpIfZero { condition: Operand::Variable(whole), target: 0 });
        stream.write(cx, Operand::Variable(whole), step.on_error);
        cx.patch(fits);
        cx.patch(none);
    }
}

impl Form for FflushForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        if let Some(stream) = stream(&self.fflush, cx) {
            stream.flush(cx, step.on_error);
        }
    }
}

impl Form for FcloseForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        if let Some(stream) = stream(&self.fclose, cx) {
            stream.flush(cx, step.on_error);
            cx.call(step, Close { fd: stream.fd });
        }
    }
}

impl OpenStream {
    /// Writes so many bytes of the buffer's beginning; what the call has taken leaves the buffer.
    fn write(self, cx: &mut Lower<'_>, bytes: Operand, on_error: OnError) {
        let OpenStream { number, fd, pending, .. } = self;
        let written = cx.temporary(1);
        let (bytes, what) = (Amount::Operand(bytes), What::Stream(number));
        let call = Write { fd, bytes, what, sync: false, direct: false };
        cx.emit(Instruction::Syscall { call: call.into(), result: Some(written), on_error });
        cx.emit(Instruction::InMemory(InMemory::Drop { stream: number, bytes: written, pending }));
    }

    /// Writes all that is in the buffer, if anything is.
    pub fn flush(self, cx: &mut Lower<'_>, on_error: OnError) {
        let held = Operand::Variable(self.pending);
        let empty = cx.emit(Instruction::JumpIfZero { condition: held, target: 0 });
        self.write(cx, held, on_error);
        cx.patch(empty);
    }
}

/// The stream of this name; its buffer belongs to the program from here on.
fn stream(name: &At<String>, cx: &mut Lower<'_>) -> Option<OpenStream> {
    let Some(Stream { number, size, over }) = cx.names.streams.get(&name.value).cloned() else {
        let message = format!("there is no stream `{}`", name.value);
        let problem = Problem::error(Code::UnknownObject, name.span.clone(), message);
        let names: Vec<&str> = cx.names.streams.keys().map(String::as_str).collect();
        let help = format!("declare it: `[stream.{}] over = \"...\"`", name.value);
        cx.problems.push(problem.suggest(&name.value, names).help(help));
        return None;
    };
    if let Some(known) = cx.open_streams.get(&number) {
        return Some(*known);
    }
    let fd = cx.channel(&over, End::Write)?;
    let stream = OpenStream { number, size, fd, pending: cx.lasting() };
    cx.open_streams.insert(number, stream);
    Some(stream)
}
