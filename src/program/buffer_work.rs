//! What instructions do with the bytes that a thread has read last, in both worlds.

use crate::time::Span;

use super::basic::change_buffer::Change;
use super::userland::User;
use super::value::Variable;

/// Work on the thread's buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BufferWork {
    /// Changes each byte, which takes so long.
    Change { change: Change, cost: Span },
    /// Adds what the buffer holds to counters, as `wc` does.
    Count {
        lines: Option<Variable>,
        words: Option<Variable>,
        bytes: Option<Variable>,
        /// Whether the last buffer ended inside of a word.
        inside: Variable,
    },
    /// Keeps so many lines and cuts off the rest; the variable is how many more are wanted then.
    Cut { lines: Variable },
}

impl BufferWork {
    /// How long the scenario says that it takes, beyond going through the bytes.
    pub fn cost(self, user: &User) -> Span {
        match self {
            BufferWork::Change { cost, .. } => cost * bytes(user),
            BufferWork::Count { .. } | BufferWork::Cut { .. } => Span::ZERO,
        }
    }

    /// How long it takes on a CPU whose instructions take `instruction`: what the scenario says, or an
    /// instruction for each eight bytes that it looks at; one at least.
    pub fn time(self, user: &User, instruction: Span) -> Span {
        let time = match self {
            BufferWork::Change { .. } => self.cost(user),
            BufferWork::Count { .. } | BufferWork::Cut { .. } => instruction * bytes(user).div_ceil(8),
        };
        time.max(instruction)
    }

    pub fn apply(self, user: &mut User) {
        match self {
            BufferWork::Change { change, .. } => user.change_buffer(|byte| change.apply(byte)),
            BufferWork::Count { lines, words, bytes, inside } => {
                let Some(buffer) = user.buffer() else { return };
                let (mut newlines, mut begun) = (0, 0);
                let mut within = user.variables[usize::from(inside.0)] != 0;
                // Zeros are neither newlines nor blanks.
                if buffer.are_zeros() && !buffer.is_empty() {
                    begun = i64::from(!within);
                    within = true;
                } else {
                    for byte in buffer.iter() {
                        newlines += i64::from(byte == b'\n');
                        let blank = byte.is_ascii_whitespace();
                        begun += i64::from(!blank && !within);
                        within = !blank;
                    }
                }
                let length = buffer.len() as i64;
                for (variable, more) in [(lines, newlines), (words, begun), (bytes, length)] {
                    if let Some(Variable(slot)) = variable {
                        user.variables[usize::from(slot)] += more;
                    }
                }
                user.set(Some(inside), i64::from(within));
            }
            BufferWork::Cut { lines: Variable(slot) } => {
                let wanted = user.variables[usize::from(slot)];
                let Some(buffer) = user.buffer() else { return };
                let (mut left, mut end) = (wanted, buffer.len());
                if left <= 0 {
                    end = 0;
                } else if !buffer.are_zeros() {
                    for (place, byte) in buffer.iter().enumerate() {
                        left -= i64::from(byte == b'\n');
                        if left == 0 {
                            end = place as u64 + 1;
                            break;
                        }
                    }
                }
                let kept = buffer.slice(0, end);
                user.keep(kept, false);
                user.variables[usize::from(slot)] = left;
            }
        }
    }
}

fn bytes(user: &User) -> u64 {
    user.buffer().map_or(0, |buffer| buffer.len())
}
