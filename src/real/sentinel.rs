//! The sentinel: a process that does nothing but wait for the guardian's end. It leads the group of
//! the scenario's processes, and ends them all when the guardian is gone.
//!
//! As a rule the guardian has done so itself before. The sentinel is for a guardian that is ended by
//! SIGKILL, or by a mistake of ours. That each process dies with its parent (`PR_SET_PDEATHSIG`)
//! wouldn't do: a fork loses it, and an orphan of a scenario must outlive its parent.

use std::path::Path;

use crate::errno::Errno;
use crate::os::process::{self, Forked};

/// Posts the sentinel of this process, which has one thread; gives the sentinel's number, which is
/// that of its group.
pub fn post(scratch: &Path) -> Result<i32, Errno> {
    let guardian = process::getpid();
    match process::fork()? {
        Forked::Parent(sentinel) => {
            // Whoever of the two comes first makes the group.
            process::put_into_group(sentinel, sentinel)?;
            Ok(sentinel)
        }
        Forked::Child => {
            let _ = process::put_into_group(0, 0);
            process::await_end_of(guardian);
            tidy_up(scratch);
            process::kill_own_group()
        }
    }
}

/// A process outside of the group removes what the run leaves behind, if its caller has gone too.
fn tidy_up(scratch: &Path) {
    let sentinel = process::getpid();
    match process::fork() {
        Ok(Forked::Parent(tidier)) => drop(process::put_into_group(tidier, tidier)),
        Ok(Forked::Child) => {
            let _ = process::put_into_group(0, 0);
            // A process that isn't dead yet could make a queue again.
            let objects = super::named::listed(scratch);
            super::named::remove_all(&objects);
            process::await_end_of_group(sentinel);
            super::named::remove_all(&objects);
            let _ = std::fs::remove_dir_all(scratch);
            super::ftrace::clean();
            process::exit(0)
        }
        Err(_) => {}
    }
}
