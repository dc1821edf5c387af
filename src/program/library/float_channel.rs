//! `channel-send` and `channel-receive`: an array of floating-point numbers that goes from one side to the
//! other through shared memory.
//!
//! Two semaphores say whose turn it is: the sender waits until the array is empty, fills it and says that it is
//! full; the receiver the other way round. The kernel copies nothing: what it costs is writing and reading
//! the memory.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::program::at::At;
use crate::program::form::{Form, Step, parse, schema};
use crate::program::instruction::{Access, Instruction};
use crate::program::lower::Lower;
use crate::program::names::{Region, Semaphore, Synchroniser};
use crate::program::syscall::Limit;
use crate::program::value::Amount;
use crate::program::verb::{Level, Real, VerbRow};

use super::semaphore::{down, up};

pub const CHANNEL_SEND: VerbRow = VerbRow {
    name: "channel-send",
    level: Level::Library,
    summary: "writes an array of numbers to a float channel",
    doc: "Waits until the channel's array is empty, writes all of its numbers, and says that it is full. It enters the kernel only to wait and to wake the receiver.",
    example: r#"{ channel-send = "numbers" }"#,
    real: Real::Yes("stores to a shared mapping; futex(2) only if somebody must wait"),
    blocks: &[],
    parse: parse::<ChannelSendForm>,
    schema: schema::<ChannelSendForm>,
};

pub const CHANNEL_RECEIVE: VerbRow = VerbRow {
    name: "channel-receive",
    level: Level::Library,
    summary: "reads an array of numbers from a float channel",
    doc: "Waits until the channel's array is full, reads all of its numbers, and says that it is empty. It enters the kernel only to wait and to wake the sender.",
    example: r#"{ channel-receive = "numbers" }"#,
    real: Real::Yes("loads from a shared mapping; futex(2) only if somebody must wait"),
    blocks: &[],
    parse: parse::<ChannelReceiveForm>,
    schema: schema::<ChannelReceiveForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ChannelSendForm {
    /// The channel.
    channel_send: At<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ChannelReceiveForm {
    /// The channel.
    channel_receive: At<String>,
}

impl Form for ChannelSendForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let found = cx.synchroniser(&self.channel_send, "float-channel");
        if let Some(Synchroniser::FloatChannel { empty, full, array, bytes }) = found {
            transfer(cx, (empty, full), array, bytes, Access::Write);
        }
    }
}

impl Form for ChannelReceiveForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let found = cx.synchroniser(&self.channel_receive, "float-channel");
        if let Some(Synchroniser::FloatChannel { empty, full, array, bytes }) = found {
            transfer(cx, (full, empty), array, bytes, Access::Read);
        }
    }
}

/// Waits for the first semaphore, accesses the whole array, and posts the second one. The pages come first, so
/// that one which isn't there yet is a page fault.
fn transfer(
    cx: &mut Lower<'_>,
    (before, after): (Semaphore, Semaphore),
    array: Region,
    bytes: u64,
    access: Access,
) {
    down(cx, before, Limit::Never, None);
    let (first, pages) = (Amount::Const(0), Amount::Const(u64::from(array.memory.pages)));
    cx.emit(Instruction::Touch { memory: array.memory, first, pages, access });
    cx.emit(Instruction::Copy { memory: array.memory, bytes, access });
    up(cx, after);
}
