//! What the board says of groups of processes, and of threads that others wait for; waiting for children.

use std::sync::{Arc, PoisonError};

use crate::errno::Errno;
use crate::ids::Tid;
use crate::os::children::{self, Also, Waited};
use crate::os::process::{self, Ended};
use crate::program::image::ProgramId;
use crate::program::userland::Origin;

use super::Native;
use super::board::{Board, Row, row};
use super::note::What;

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

impl Native {
    /// Waits for a child, for one that runs this program or has this number if one is named. None if
    /// only what has happened already counts, and nothing has.
    pub fn wait(
        &mut self,
        program: Option<ProgramId>,
        pid: Option<i64>,
        also: Also,
    ) -> Result<Option<Waited>, Errno> {
        let world = Arc::clone(&self.world);
        let own = self.process.leader();
        // A child is what it was forked to be, whatever it has become by an exec.
        let fits = |row: &Row| match (program, row.origin) {
            _ if pid.is_some_and(|pid| pid != i64::from(row.host_process)) => false,
            (None, _) => true,
            (Some(wanted), Origin::Born { program, .. }) => wanted == program,
            (Some(_), Origin::Start { .. }) => false,
        };
        let children_of =
            || world.board.rows().filter(|row| row.parent == own && row.process.leader() == row.task);
        loop {
            // One that ended while another was waited for.
            if let Some(index) = self
                .early
                .iter()
                .position(|ended| world.board.process_on_host(ended.pid).is_some_and(|row| fits(&row)))
            {
                return Ok(Some(Waited::Ended(self.early.remove(index))));
            }
            let awaited: Vec<i32> = children_of()
                .filter(|row| row.ended.is_none() && fits(row))
                .map(|row| row.host_process)
                .collect();
            if awaited.is_empty() {
                return Err(Errno::ECHILD);
            }
            // Children for which other threads wait are left to these.
            if program.is_some() && also == Also::default() && self.has_threads() {
                children::await_one_of(&awaited)?;
                for pid in awaited {
                    // Another thread may have been faster.
                    if let Ok(Some(ended)) = process::wait(Some(pid), true) {
                        self.reaped(ended);
                        return Ok(Some(Waited::Ended(ended)));
                    }
                }
                continue;
            }
            let ended = match children::wait_for(also)? {
                None => return Ok(None),
                Some(Waited::Ended(ended)) => ended,
                Some(news @ (Waited::Stopped { pid, .. } | Waited::Continued { pid })) => {
                    if world.board.process_on_host(pid).is_some_and(|row| fits(&row)) {
                        return Ok(Some(news));
                    }
                    continue;
                }
            };
            self.reaped(ended);
            self.early.push(ended);
        }
    }

    fn reaped(&mut self, ended: Ended) {
        let world = Arc::clone(&self.world);
        if let Some(row) = world.board.process_on_host(ended.pid) {
            world.board.was_reaped(row.task, self.process.leader(), ended);
            self.note(What::Reaped, i64::from(row.task.0), i64::from(ended.status));
        }
    }

    /// Whether the process has other threads that nobody has joined.
    fn has_threads(&self) -> bool {
        !self.threads.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}
