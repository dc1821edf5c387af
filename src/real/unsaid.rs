//! What a process couldn't note down any more: it was ended right after its write had taken effect.

use std::collections::BTreeMap;

use crate::ids::{CallId, ObjectId, StepId, Tid};
use crate::program::Handle;
use crate::program::Instruction;
use crate::program::image::Image;
use crate::program::syscall::{Syscall, Write};

/// What pipes hold, by what was noted.
#[derive(Debug)]
pub struct Pipes {
    held: BTreeMap<ObjectId, u64>,
    /// The pipe that a step writes to.
    writes: BTreeMap<StepId, ObjectId>,
}

/// Bytes that somebody must have sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsaid {
    pub writer: Tid,
    pub step: StepId,
    pub bytes: u64,
}

impl Pipes {
    pub fn of(image: &Image) -> Pipes {
        Pipes { held: BTreeMap::new(), writes: writes(image) }
    }

    pub fn took(&mut self, pipe: ObjectId, bytes: u64) {
        *self.held.entry(pipe).or_insert(0) += bytes;
    }

    /// What comes out of a pipe beyond what went in is from a writer that is still inside of its call,
    /// as far as was noted; `doing` says who is inside of which.
    pub fn gave(
        &mut self,
        pipe: ObjectId,
        bytes: u64,
        doing: &BTreeMap<Tid, (CallId, StepId)>,
        lives: impl Fn(Tid) -> bool,
    ) -> Option<Unsaid> {
        let held = self.held.entry(pipe).or_insert(0);
        let missing = bytes.saturating_sub(*held);
        *held = held.saturating_sub(bytes);
        if missing == 0 {
            return None;
        }
        let mut inside = doing.iter().map(|(task, (_, step))| (*task, *step));
        let (writer, step) =
            inside.find(|&(task, step)| self.writes.get(&step) == Some(&pipe) && lives(task))?;
        Some(Unsaid { writer, step, bytes: missing })
    }
}

/// The pipes that steps write to.
fn writes(image: &Image) -> BTreeMap<StepId, ObjectId> {
    let code = image.programs.iter().flat_map(|program| program.code.iter().zip(&program.steps));
    let written = code.filter_map(|(instruction, step)| match instruction {
        Instruction::Syscall { call: Syscall::Write(Write { fd: Handle::Named(fd), .. }), .. } => {
            Some((*step, *fd))
        }
        _ => None,
    });
    let pipe = |fd| image.pipes.iter().find(|pipe| pipe.write == fd).map(|pipe| pipe.object);
    written.filter_map(|(step, fd)| Some((step, pipe(fd)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_out_of_a_pipe_must_have_gone_in() {
        let (pipe, step, writer) = (ObjectId(3), StepId(7), Tid(5));
        let mut pipes = Pipes { held: BTreeMap::new(), writes: BTreeMap::from([(step, pipe)]) };
        let doing = BTreeMap::from([(Tid(4), (CallId(0), StepId(1))), (writer, (CallId(1), step))]);
        pipes.took(pipe, 10);
        assert_eq!(pipes.gave(pipe, 4, &doing, |_| true), None);
        assert_eq!(pipes.gave(pipe, 9, &doing, |_| true), Some(Unsaid { writer, step, bytes: 3 }));
        assert_eq!(pipes.gave(pipe, 1, &BTreeMap::new(), |_| true), None, "nobody can have sent it");
    }
}
