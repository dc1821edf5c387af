//! What runs have left behind whose callers have gone: folders with the message queues and semaphore
//! sets that they tell of, instances of the kernel's tracing,
//! processes. An ordinary end leaves nothing; the caller, or the whole run, must have been killed.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::os::process;
use crate::signal::Signal;

use super::ftrace;
use super::named;
use super::run::{MARK, SCRATCH};

/// One thing that was left behind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Leftover {
    /// A process of a run, the guardian or one of the scenario's, by its number.
    Process(i32),
    /// A run's files; its message queues and semaphore sets go with them.
    Folder(PathBuf),
    /// An instance of ftrace.
    Instance(String),
}

impl fmt::Display for Leftover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Leftover::Process(pid) => write!(f, "process {pid}"),
            Leftover::Folder(path) => write!(f, "folder {}", path.display()),
            Leftover::Instance(name) => write!(f, "trace instance {name}"),
        }
    }
}

impl Leftover {
    /// Removes it; false if that isn't possible, for example because it belongs to another user.
    pub fn remove(&self) -> bool {
        match self {
            // The number may have passed to another process meanwhile.
            Leftover::Process(pid) if !is_orphan(*pid) => false,
            Leftover::Process(pid) => process::kill(*pid, Signal::SIGKILL).is_ok(),
            // The folder is what tells of the run's objects.
            Leftover::Folder(path) => named::remove(path) && std::fs::remove_dir_all(path).is_ok(),
            Leftover::Instance(name) => ftrace::remove(name),
        }
    }
}

/// Everything that runs have left behind; `place` is where their files were made.
pub fn find(place: &Path) -> Vec<Leftover> {
    let mut found: Vec<Leftover> = orphans().into_iter().map(Leftover::Process).collect();
    found.extend(folders(place).into_iter().map(Leftover::Folder));
    found.extend(ftrace::stale().into_iter().map(Leftover::Instance));
    found
}

/// Removes all but processes, which end themselves. Says what it was.
pub fn clean(place: &Path) -> Vec<String> {
    let instances = ftrace::stale().into_iter().map(Leftover::Instance);
    let found = folders(place).into_iter().map(Leftover::Folder).chain(instances);
    found.filter(Leftover::remove).map(|left| left.to_string()).collect()
}

/// Removes everything, processes as well. Says what it was, and what couldn't be removed.
pub fn clean_all(place: &Path) -> (Vec<Leftover>, Vec<Leftover>) {
    /// Processes that fork while they are being ended need another look.
    const LOOKS: usize = 10;
    let (mut removed, mut stuck) = (Vec::new(), Vec::new());
    for _ in 0..LOOKS {
        let found = find(place);
        if found.iter().all(|left| stuck.contains(left)) {
            break;
        }
        for left in found {
            if left.remove() {
                removed.push(left);
            } else if !stuck.contains(&left) {
                stuck.push(left);
            }
        }
    }
    removed.sort();
    removed.dedup();
    stuck.retain(|left| !removed.contains(left));
    (removed, stuck)
}

fn folders(place: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(place).into_iter().flatten().flatten();
    let stale = entries.filter(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        let pid = name.strip_prefix(SCRATCH).and_then(|rest| rest.split('-').next()?.parse().ok());
        pid.is_some_and(|pid| !process::lives(pid))
    });
    stale.map(|entry| entry.path()).collect()
}

/// Processes of runs whose callers have gone.
fn orphans() -> Vec<i32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.filter(|&pid| is_orphan(pid)).collect()
}

/// Whether a process bears the mark of a run whose caller has gone. Its environment is only shown
/// to its owner and to root.
fn is_orphan(pid: i32) -> bool {
    let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    let caller = environment.split(|&byte| byte == 0).find_map(|entry| {
        let (name, value) = std::str::from_utf8(entry).ok()?.split_once('=')?;
        (name == MARK).then(|| value.parse().ok())?
    });
    pid != std::process::id() as i32 && process::lives(pid) && caller.is_some_and(|pid| !process::lives(pid))
}
