//! What instructions do with the bytes that a thread has read last, in both worlds.

use super::userland::User;
use super::value::Variable;

/// Work on the thread's buffer. It takes an instruction for each eight bytes, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BufferWork {
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
    /// The bytes that it looks at.
    pub fn bytes(self, user: &User) -> u64 {
        user.buffer().map_or(0, |buffer| buffer.len())
    }

    pub fn apply(self, user: &mut User) {
        match self {
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
