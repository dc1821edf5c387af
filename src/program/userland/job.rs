//! Where a thread goes on whose job is given up.

use crate::program::image::Image;
use crate::program::instruction::{Address, Instruction};
use crate::program::syscall::Syscall;

use super::User;

impl User {
    /// Goes on at the end of its job: at the first `next-period` that follows, or else the first of all.
    /// False if its program has none.
    pub fn leave_job(&mut self, image: &Image) -> bool {
        let code = &image.programs[usize::from(self.program.0)].code;
        let ends = |instruction: &Instruction| {
            matches!(instruction, Instruction::Syscall { call: Syscall::NextPeriod(_), .. })
        };
        let here = self.call_at.filter(|_| self.repeats).unwrap_or(self.next) as usize;
        let after = code.iter().skip(here).position(ends).map(|end| here + end);
        let Some(end) = after.or_else(|| code.iter().position(ends)) else { return false };
        (self.next, self.progress, self.fetched, self.repeats) = (end as Address, 0, false, false);
        self.goes_on_no_more();
        true
    }
}
