//! What each call of a scenario waits for, if it waits: the kernel only says that a thread sleeps.

use std::collections::BTreeMap;

use crate::ids::{CallId, StepId};
use crate::program::Instruction;
use crate::program::call::{Awaits, SystemCall};
use crate::program::image::Image;

/// What each call of each step waits for, if it waits.
pub fn waits(image: &Image) -> BTreeMap<(StepId, CallId), Awaits> {
    let instructions = image.programs.iter().flat_map(|program| program.code.iter().zip(&program.steps));
    instructions
        .filter_map(|(instruction, &step)| match instruction {
            Instruction::Syscall { call, .. } => Some(((step, call.id()), call.waits(image)?)),
            _ => None,
        })
        .collect()
}
