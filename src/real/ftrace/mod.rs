//! The kernel's own trace points, through an instance of ftrace that belongs to the run.
//!
//! - [`Instance`]: made before the run, switched on while it lasts
//! - [`Buffer`]: what one CPU has recorded
//! - `format`: what the kernel says about each trace point's fields
//! - `page`: the binary pages of a CPU's buffer
//!
//! The buffers are large enough for short runs, and are read when those are over: a reader that is at
//! work meanwhile would show up in the trace itself. Only a buffer that gets half full is read before. Interface: Documentation/trace/ftrace.rst of Linux.

mod format;
mod page;

use std::fs;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::fcntl::OFlag;

use crate::os::{file, process};

use super::collect::{Batch, Source};
use super::seen::{Point, Raw};

use format::Format;

/// Where the kernel shows its trace points.
const TRACING: &str = "/sys/kernel/tracing";
/// What instances of ours begin with; the caller's number and the guardian's follow.
const PREFIX: &str = "trapline-";
/// Memory for each CPU's buffer, in KiB: half a million events or so.
const BUFFER_KIB: u32 = 32 * 1024;
/// A buffer is read during the run when so much of it is full, in per cent.
const FULL_PERCENT: u32 = 50;

/// An instance of ftrace; it goes when this is dropped.
#[derive(Debug)]
pub struct Instance {
    folder: PathBuf,
    formats: Arc<[(Point, Format)]>,
}

/// What one CPU has recorded.
#[derive(Debug)]
pub struct Buffer {
    folder: PathBuf,
    cpu: usize,
    pipe: fs::File,
    formats: Arc<[(Point, Format)]>,
}

/// Why the kernel's trace points can't be used, and what to do about it.
pub fn obstacle() -> Option<String> {
    let instances = Path::new(TRACING).join("instances");
    match fs::read_dir(&instances) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Some("only root may use the kernel's trace points".to_owned())
        }
        Err(_) => Some(format!("tracefs isn't mounted; as root: mount -t tracefs nodev {TRACING}")),
        Ok(_) => None,
    }
}

/// Instances that runs have left behind whose processes have gone.
pub fn stale() -> Vec<String> {
    let entries = fs::read_dir(Path::new(TRACING).join("instances")).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let stale = |name: &String| {
        let pid = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next()?.parse().ok());
        pid.is_some_and(|pid| !process::lives(pid))
    };
    names.filter(stale).collect()
}

/// Removes an instance of ours.
pub fn remove(name: &str) -> bool {
    name.starts_with(PREFIX) && fs::remove_dir(Path::new(TRACING).join("instances").join(name)).is_ok()
}

/// Removes the instances that runs have left behind whose processes have gone.
pub fn clean() -> Vec<String> {
    stale().into_iter().filter(|name| remove(name)).collect()
}

impl Instance {
    /// Makes an instance for the process with this number and all that it forks from now on.
    pub fn new(guardian: i32) -> io::Result<Instance> {
        clean();
        let folder =
            Path::new(TRACING).join("instances").join(format!("{PREFIX}{}-{guardian}", std::process::id()));
        fs::create_dir(&folder)?;
        let mut instance = Instance { folder, formats: Arc::default() };
        instance.set("tracing_on", "0")?;
        instance.set("trace_clock", "mono")?;
        instance.set("buffer_size_kb", &BUFFER_KIB.to_string())?;
        // A full buffer keeps what is oldest, so that a trace that lost events is whole up to there.
        instance.set("options/overwrite", "0")?;
        instance.set("options/event-fork", "1")?;
        // First whose, then which: events of others never get in.
        instance.set("set_event_pid", &guardian.to_string())?;
        // Kernels before 5.0 can't be asked to wait; there, losses are only counted.
        let _ = instance.set("buffer_percent", &FULL_PERCENT.to_string());
        let mut formats = Vec::new();
        for &point in Point::ALL.iter().filter(|point| !point.path().is_empty()) {
            let folder = format!("events/{}", point.path());
            let Ok(text) = fs::read_to_string(instance.folder.join(&folder).join("format")) else { continue };
            let Some(format) = Format::parse(&text, point.fields()) else { continue };
            if instance.set(&format!("{folder}/enable"), "1").is_ok() {
                formats.push((point, format));
            }
        }
        instance.formats = formats.into();
        Ok(instance)
    }

    fn set(&self, file: &str, value: &str) -> io::Result<()> {
        fs::write(self.folder.join(file), value)
    }

    pub fn switch_on(&self) -> io::Result<()> {
        self.set("tracing_on", "1")
    }

    pub fn switch_off(&self) -> io::Result<()> {
        self.set("tracing_on", "0")
    }

    /// What can be seen.
    pub fn points(&self) -> Vec<Point> {
        self.formats.iter().map(|(point, _)| *point).collect()
    }

    /// The CPUs' buffers. They must be gone before the instance goes.
    pub fn buffers(&self) -> io::Result<Vec<Buffer>> {
        let mut buffers = Vec::new();
        for entry in fs::read_dir(self.folder.join("per_cpu"))? {
            let folder = entry?.path();
            let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let Some(cpu) = name.strip_prefix("cpu").and_then(|number| number.parse().ok()) else { continue };
            let pipe = file::open(
                &folder.join("trace_pipe_raw"),
                OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC,
            )?;
            buffers.push(Buffer { folder, cpu, pipe: pipe.into(), formats: Arc::clone(&self.formats) });
        }
        Ok(buffers)
    }
}

impl Buffer {
    /// Reads at most so many pages.
    fn read(&mut self, pages: usize, batch: &mut Batch<'_>) -> io::Result<()> {
        let mut buffer = [0; page::SIZE];
        for _ in 0..pages {
            match self.pipe.read(&mut buffer) {
                Ok(0) => break,
                Ok(bytes) => {
                    page::decode(&buffer[..bytes], self.cpu, &self.formats, &mut |raw| batch.add(raw))
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl Source for Buffer {
    fn ready(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }

    fn drain(&mut self, batch: &mut Batch<'_>) -> io::Result<()> {
        // No more than there were: a reader that keeps up with the writer would never end.
        const PAGES: usize = BUFFER_KIB as usize * 1024 / page::SIZE;
        self.read(PAGES * FULL_PERCENT as usize / 100, batch)
    }

    fn finish(&mut self, batch: &mut Batch<'_>) -> io::Result<()> {
        self.read(usize::MAX, batch)?;
        let stats = fs::read_to_string(self.folder.join("stats"))?;
        let counted = ["overrun:", "dropped events:"];
        let lost = stats
            .lines()
            .filter_map(|line| counted.iter().find_map(|name| line.strip_prefix(name)))
            .filter_map(|number| number.trim().parse::<u64>().ok())
            .sum();
        batch.lost_in_all(self.cpu, lost);
        Ok(())
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let _ = self.set("tracing_on", "0");
        let _ = fs::remove_dir(&self.folder);
    }
}
