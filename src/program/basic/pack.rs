//! `pack-buffer` and `unpack-buffer`: numbers become the bytes of a message, and these numbers again.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::program::at::{At, Value};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::instruction::{InMemory, Instruction};
use crate::program::lower::Lower;
use crate::program::value::Operand;
use crate::program::verb::{Level, Real, VerbRow};

pub const PACK: VerbRow = VerbRow {
    name: "pack-buffer",
    level: Level::Instruction,
    summary: "makes the bytes of a message of several numbers",
    doc: "Puts numbers of eight bytes each one after the other, in the place of what the thread has read last. One instruction for each, and one for each operator of an expression. A `write` or `send` with `buffer` passes them on.",
    example: r#"{ pack-buffer = [1, "i * 2"] }"#,
    real: Real::Yes("stores to the program's own buffer"),
    blocks: &[],
    parse: parse::<PackForm>,
    schema: schema::<PackForm>,
};

pub const UNPACK: VerbRow = VerbRow {
    name: "unpack-buffer",
    level: Level::Instruction,
    summary: "takes several numbers out of what was read last",
    doc: "Takes a number of eight bytes for each of the variables from the beginning of what the thread has read last; 0 if nothing is left. One instruction for each. The rest stays for the next one.",
    example: r#"{ unpack-buffer = ["what", "n"] }"#,
    real: Real::Yes("loads from the program's own buffer"),
    blocks: &[],
    parse: parse::<UnpackForm>,
    schema: schema::<UnpackForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct PackForm {
    /// The numbers, or expressions.
    pack_buffer: Vec<At<Value>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct UnpackForm {
    /// The variables that get the numbers.
    unpack_buffer: Vec<At<String>>,
}

impl Form for PackForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        cx.uses_buffer();
        for (number, at) in self.pack_buffer.iter().enumerate() {
            let mut value = cx.operand(at);
            // What is computed is an instruction of its own, where a division by zero is an exception.
            if let Operand::Expression(_) = value {
                let variable = cx.temporary(0);
                cx.emit(Instruction::Set { variable, value });
                value = variable.into();
            }
            cx.emit(Instruction::InMemory(InMemory::Pack { value, is_first: number == 0 }));
        }
    }

    fn takes_time(&self, _step: &Step) -> bool {
        !self.pack_buffer.is_empty()
    }
}

impl Form for UnpackForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        cx.uses_buffer();
        for name in &self.unpack_buffer {
            let into = cx.assign(name);
            cx.emit(Instruction::InMemory(InMemory::Unpack { into }));
        }
    }

    fn takes_time(&self, _step: &Step) -> bool {
        !self.unpack_buffer.is_empty()
    }
}
