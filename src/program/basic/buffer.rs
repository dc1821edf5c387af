//! `count-buffer` and `cut-buffer`: what a program does with the text that it has read.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::program::at::At;
use crate::program::buffer_work::BufferWork;
use crate::program::form::{Form, Step, parse, schema};
use crate::program::instruction::Instruction;
use crate::program::lower::Lower;
use crate::program::resolve::True;
use crate::program::verb::{Level, Real, VerbRow};

pub const COUNT: VerbRow = VerbRow {
    name: "count-buffer",
    level: Level::Instruction,
    summary: "counts lines, words and bytes of what was read last",
    doc: "Adds the lines, words and bytes of what the thread has read last to variables, as `wc` does. A word that one read begins and the next ends counts once. One instruction for each eight bytes, at least one.",
    example: r#"{ count-buffer = true, lines = "n" }"#,
    real: Real::Yes("a loop over the bytes, in user mode"),
    blocks: &[],
    parse: parse::<CountForm>,
    schema: schema::<CountForm>,
};

pub const CUT: VerbRow = VerbRow {
    name: "cut-buffer",
    level: Level::Instruction,
    summary: "keeps only so many lines of what was read last",
    doc: "Keeps as many lines of what the thread has read last as the variable says, and cuts off the rest; the variable is how many more are wanted then, as `head` needs it. One instruction for each eight bytes, at least one.",
    example: r#"{ cut-buffer = "n" }"#,
    real: Real::Yes("a loop over the bytes, in user mode"),
    blocks: &[],
    parse: parse::<CutForm>,
    schema: schema::<CutForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct CountForm {
    /// Always `true`.
    #[serde(rename = "count-buffer")]
    _count: At<True>,
    /// The variable that grows by the number of newlines.
    lines: Option<At<String>>,
    /// The variable that grows by the number of words that begin.
    words: Option<At<String>>,
    /// The variable that grows by the number of bytes.
    bytes: Option<At<String>>,
}

impl Form for CountForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        cx.uses_buffer();
        let [lines, words, bytes] =
            [&self.lines, &self.words, &self.bytes].map(|name| name.as_ref().map(|name| cx.assign(name)));
        let inside = cx.lasting();
        cx.emit(Instruction::Buffer(BufferWork::Count { lines, words, bytes, inside }));
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct CutForm {
    /// The variable with the number of lines.
    cut_buffer: At<String>,
}

impl Form for CutForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        cx.uses_buffer();
        let lines = cx.assign(&self.cut_buffer);
        cx.emit(Instruction::Buffer(BufferWork::Cut { lines }));
    }
}
