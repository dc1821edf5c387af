//! What the board says of groups of processes, and of threads that others wait for.

use crate::errno::Errno;
use crate::ids::Tid;

use super::board::{Board, Row, row};

impl Board {
    /// The process group that a process belongs to.
    pub fn group(&self, task: Tid) -> i32 {
        self.get(self.row(task, row::GROUP)).max(1) as i32
    }

    pub fn set_group(&self, task: Tid, group: i32) {
        self.set(self.row(task, row::GROUP), group as u64);
    }

    /// The processes of a group that haven't ended.
    pub fn members(&self, group: i32) -> Vec<Row> {
        let alive = |row: &Row| row.process.leader() == row.task && row.ended.is_none();
        self.rows().filter(|row| alive(row) && self.group(row.task) == group).collect()
    }

    pub fn has_executed(&self, task: Tid) -> bool {
        self.get(self.row(task, row::EXECUTED)) != 0
    }

    /// A thread has ended, and others of its process may wait for that.
    pub fn tell_joiners(&self, task: Tid) {
        if let Some(cell) = self.memory.cell32(self.row(task, row::ENDED) * 8) {
            let _ = crate::os::futex::wake(cell, i32::MAX);
        }
    }

    /// Waits until a thread has ended; `EINTR` after a signal.
    pub fn await_end(&self, task: Tid) -> Result<(), Errno> {
        let Some(cell) = self.memory.cell32(self.row(task, row::ENDED) * 8) else { return Ok(()) };
        match crate::os::futex::wait(cell, 0, crate::os::futex::Limit::Never) {
            Err(errno @ Errno::EINTR) => Err(errno),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}
