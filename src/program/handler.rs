//! A signal handler's program on top of the program that it interrupts, in both worlds.
//!
//! The handler shares the thread's variables by name: it begins with the values of those that both
//! have, and leaves its own behind. What the thread was at is kept aside, as the kernel keeps it in a
//! frame on the user's stack.

use crate::kernel::dispositions::Unfinished;
use crate::signal::Signal;

use super::image::{Image, ProgramId};
use super::userland::User;

/// The variable of a handler that is the signal's number.
pub const SIGNAL_VARIABLE: &str = "signal";

/// What a handler has interrupted.
#[derive(Clone, Debug)]
pub struct Frame {
    user: User,
    unfinished: Unfinished,
    /// The mask that comes back at the handler's end.
    mask: u64,
}

impl User {
    /// A handler begins.
    pub fn handle(
        &mut self,
        image: &Image,
        id: ProgramId,
        signal: Signal,
        unfinished: Unfinished,
        mask: u64,
    ) {
        let program = &image.programs[usize::from(id.0)];
        let index = self.variables[0];
        let mut handler = self.bear(image, id, self.origin);
        handler.variables[0] = index;
        if let Some(slot) = program.variables.iter().position(|name| name == SIGNAL_VARIABLE) {
            handler.variables[slot] = signal as i64;
        }
        let user = std::mem::replace(self, handler);
        self.lay_upon(Box::new(Frame { user, unfinished, mask }));
    }

    /// A handler is over, and the program below it goes on: with what, and with which mask.
    pub fn handled(&mut self, image: &Image) -> Option<(Unfinished, u64)> {
        let mut frame = self.take_frame()?;
        let (own, below) = (usize::from(self.program.0), usize::from(frame.user.program.0));
        // What the signal was is the handler's own affair.
        let theirs = &image.programs[below];
        let before = theirs.variables.iter().position(|name| name == SIGNAL_VARIABLE);
        let kept = before.map(|slot| (slot, frame.user.variables[slot]));
        frame.user.inherit(theirs, self, &image.programs[own]);
        if let Some((slot, value)) = kept {
            frame.user.variables[slot] = value;
        }
        let Frame { user, unfinished, mask } = *frame;
        let call = self.call;
        *self = user;
        self.call = call;
        // Only what came of it is left to be said.
        (self.result, self.result_goes_to) = (0, None);
        Some((unfinished, mask))
    }
}
