//! A program: a few actions, repeated, and then the exit.

/// What a thread does in one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Compute,
    Write,
    Read,
    Sleep,
    /// Asks the device for something.
    Request,
    Exit,
}

/// A thread's place in its program.
pub struct Program {
    actions: &'static [Action],
    rounds: u32,
    next: usize,
    /// The last action that [`next`](Program::next) gave.
    pub action: Action,
}

impl Program {
    pub fn new(actions: &'static [Action], rounds: u32) -> Program {
        Program { actions, rounds, next: 0, action: Action::Exit }
    }

    #[inline]
    pub fn next(&mut self) -> Action {
        if self.next == self.actions.len() {
            self.next = 0;
            self.rounds -= 1;
        }
        self.action = match self.rounds {
            0 => Action::Exit,
            _ => self.actions[self.next],
        };
        self.next += 1;
        self.action
    }
}
