//! What a run may use: looked at before anything starts, and now and then while it runs.
//!
//! Besides, the kernel bounds each process (see [`limit`](crate::os::process::limit)) and ends those
//! of a run first if memory runs short; the board bounds how many are born. `RLIMIT_NPROC` isn't
//! used: it counts all processes of a user, and none of root's. Nor is `RLIMIT_AS`, which bounds
//! each process alone.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::sys::statvfs::statvfs;

use crate::program::Image;
use crate::program::verb::{self, Real};

use super::run::{RealError, Settings};
use super::spec::Spec;

/// The host keeps at least so many bytes of memory, and of the disk with the scratch folder.
const SPARE: u64 = 64 << 20;
/// At most so many descriptors are used: hosts allow each process 1024.
const DESCRIPTORS: usize = 900;
const PAGE: u64 = 4096;

/// Why the scenario isn't even begun.
pub fn refuse(image: &Image, settings: &Settings) -> Result<(), RealError> {
    let impossible = |text: String| Err(RealError::Impossible(text));
    for step in &image.steps {
        if let Some(Real::No(why)) = verb::find(&step.verb).map(|row| row.real) {
            return impossible(format!("line {}: `{}`: {why}", step.line, step.verb));
        }
    }
    let started: u64 = image.starts.iter().map(|start| u64::from(start.count)).sum();
    if started + 2 >= u64::from(settings.tasks) {
        return impossible(format!(
            "it starts {started} processes, and at most {} may be born",
            settings.tasks
        ));
    }
    let pipes: u64 = image.pipes.iter().map(|pipe| pipe.capacity).sum();
    let memory = shared_bytes(image) + image.private_bytes().saturating_mul(started.max(1)) + pipes;
    if memory > settings.memory {
        let pages = memory / PAGE;
        return impossible(format!("its memory is {pages} pages, more than {} bytes", settings.memory));
    }
    let descriptors = image.pipes.len() * 2 + image.files.len() + image.memories.len();
    if descriptors > DESCRIPTORS {
        return impossible(format!("it needs {descriptors} descriptors, and at most {DESCRIPTORS} are used"));
    }
    let files = image.files.iter().fold(0_u64, |sum, file| sum.saturating_add(file.size));
    if files > settings.file_bytes {
        return impossible(format!("its files have {files} bytes, more than {}", settings.file_bytes));
    }
    match (free_memory(), free_disk(&settings.scratch)) {
        (Some(free), _) if free < memory + SPARE => {
            impossible(format!("it needs {memory} bytes of memory, and the host has {free}"))
        }
        (_, Some(free)) if free < files + SPARE => {
            impossible(format!("its files need {files} bytes, and {} has {free}", settings.scratch.display()))
        }
        _ => Ok(()),
    }
}

fn shared_bytes(image: &Image) -> u64 {
    let shared = image.memories.iter().filter(|spec| spec.backing.is_shared());
    shared.map(|spec| u64::from(spec.memory.pages) * PAGE).sum()
}

/// What runs short while the scenario runs, in words.
pub fn shortage(spec: &Spec) -> Option<String> {
    let used = used_disk(&spec.scratch);
    if used > spec.file_bytes {
        return Some(format!("the run was ended because its files had {used} bytes"));
    }
    let free = free_memory().filter(|free| *free < SPARE)?;
    Some(format!("the run was ended because only {free} bytes of memory were left"))
}

/// Bytes on the disk of the files in a folder.
fn used_disk(folder: &Path) -> u64 {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files.filter_map(|file| file.metadata().ok()).map(|meta| meta.blocks() * 512).sum()
}

fn free_disk(folder: &Path) -> Option<u64> {
    let disk = statvfs(folder).ok()?;
    Some(disk.blocks_available().saturating_mul(disk.fragment_size()))
}

/// Memory that can be had without pushing others out, as the kernel estimates it.
fn free_memory() -> Option<u64> {
    let info = std::fs::read_to_string("/proc/meminfo").ok()?;
    let kib = info.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    kib.trim().trim_end_matches("kB").trim().parse::<u64>().ok().map(|kib| kib << 10)
}
