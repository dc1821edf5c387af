//! The kernel's own trace points, through an instance of ftrace that belongs to the run.
//!
//! - [`Instance`]: made before the run, switched on while it lasts, read after it
//! - `format`: what the kernel says about each trace point's fields
//! - `page`: the binary pages of a CPU's buffer
//!
//! The buffers are read when the run is over: a reader that is at work meanwhile would show up in
//! the trace itself. Interface: Documentation/trace/ftrace.rst of Linux.

mod format;
mod page;

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

use crate::os::{file, process};

use format::Format;

/// Where the kernel shows its trace points.
const TRACING: &str = "/sys/kernel/tracing";
/// What instances of ours begin with.
const PREFIX: &str = "trapline-";
/// Memory for each CPU's buffer, in KiB: half a million events or so.
const BUFFER_KIB: u32 = 32 * 1024;

macro_rules! points {
    ($($name:ident = $path:literal [$($field:literal),*];)*) => {
        /// A trace point that is of use here.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Point { $($name),* }

        impl Point {
            const ALL: &[Point] = &[$(Point::$name),*];

            const fn path(self) -> &'static str {
                match self { $(Point::$name => $path),* }
            }

            /// The fields that are kept, in the order of [`Raw::values`].
            const fn fields(self) -> &'static [&'static str] {
                match self { $(Point::$name => &[$($field),*]),* }
            }
        }
    };
}

points! {
    Switch = "sched/sched_switch" ["prev_pid", "prev_state", "next_pid"];
    Waking = "sched/sched_waking" ["pid"];
    Wakeup = "sched/sched_wakeup" ["pid", "target_cpu"];
    WakeupNew = "sched/sched_wakeup_new" ["pid", "target_cpu"];
    Migrate = "sched/sched_migrate_task" ["pid", "orig_cpu", "dest_cpu"];
    Fork = "sched/sched_process_fork" ["child_pid"];
    Exit = "sched/sched_process_exit" ["pid"];
    SysEnter = "raw_syscalls/sys_enter" ["id"];
    SysExit = "raw_syscalls/sys_exit" ["id", "ret"];
    FaultUser = "exceptions/page_fault_user" ["address", "error_code"];
    FaultKernel = "exceptions/page_fault_kernel" ["address", "error_code"];
    IrqEntry = "irq/irq_handler_entry" ["irq"];
    IrqExit = "irq/irq_handler_exit" ["irq", "ret"];
    SoftirqEntry = "irq/softirq_entry" ["vec"];
    SoftirqExit = "irq/softirq_exit" ["vec"];
    TimerEntry = "irq_vectors/local_timer_entry" [];
    TimerExit = "irq_vectors/local_timer_exit" [];
    RescheduleEntry = "irq_vectors/reschedule_entry" [];
    RescheduleExit = "irq_vectors/reschedule_exit" [];
    SignalGenerate = "signal/signal_generate" ["sig", "pid"];
    SignalDeliver = "signal/signal_deliver" ["sig"];
}

/// One event of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raw {
    /// Nanoseconds of the monotonic clock.
    pub at: u64,
    pub cpu: usize,
    /// The thread that was current, by the host's number.
    pub pid: i32,
    pub point: Point,
    /// The point's fields, in the order of its list.
    pub values: [i64; 3],
}

/// What the kernel saw of a run.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// In the order of time.
    pub events: Vec<Raw>,
    /// Events that found no place in the buffers.
    pub lost: u64,
    /// Trace points that this kernel has.
    pub points: Vec<Point>,
}

/// An instance of ftrace; it goes when this is dropped.
#[derive(Debug)]
pub struct Instance {
    folder: PathBuf,
    formats: Vec<(Point, Format)>,
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

/// Instances that runs have left behind whose processes have gone; all of them are removed.
pub fn clean() -> Vec<String> {
    let Ok(entries) = fs::read_dir(Path::new(TRACING).join("instances")) else { return Vec::new() };
    let mut removed = Vec::new();
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(pid) = name.strip_prefix(PREFIX).and_then(|pid| pid.parse().ok()) else { continue };
        if !process::lives(pid) && fs::remove_dir(entry.path()).is_ok() {
            removed.push(name);
        }
    }
    removed
}

impl Instance {
    /// Makes an instance for the process with this number and all that it forks from now on.
    pub fn new(guardian: i32) -> io::Result<Instance> {
        clean();
        let folder = Path::new(TRACING).join("instances").join(format!("{PREFIX}{}", std::process::id()));
        fs::create_dir(&folder)?;
        let mut instance = Instance { folder, formats: Vec::new() };
        instance.set("tracing_on", "0")?;
        instance.set("trace_clock", "mono")?;
        instance.set("buffer_size_kb", &BUFFER_KIB.to_string())?;
        // A full buffer keeps what is oldest, so that a trace that lost events is whole up to there.
        instance.set("options/overwrite", "0")?;
        instance.set("options/event-fork", "1")?;
        // First whose, then which: events of others never get in.
        instance.set("set_event_pid", &guardian.to_string())?;
        for &point in Point::ALL {
            let folder = format!("events/{}", point.path());
            let Ok(text) = fs::read_to_string(instance.folder.join(&folder).join("format")) else { continue };
            let Some(format) = Format::parse(&text, point.fields()) else { continue };
            if instance.set(&format!("{folder}/enable"), "1").is_ok() {
                instance.formats.push((point, format));
            }
        }
        Ok(instance)
    }

    fn set(&self, file: &str, value: &str) -> io::Result<()> {
        fs::write(self.folder.join(file), value)
    }

    pub fn switch_on(&self) -> io::Result<()> {
        self.set("tracing_on", "1")
    }

    /// Stops recording, and reads what was recorded.
    pub fn read(&self) -> io::Result<Seen> {
        self.set("tracing_on", "0")?;
        let mut seen =
            Seen { points: self.formats.iter().map(|(point, _)| *point).collect(), ..Seen::default() };
        for entry in fs::read_dir(self.folder.join("per_cpu"))? {
            let folder = entry?.path();
            let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let Some(cpu) = name.strip_prefix("cpu").and_then(|number| number.parse().ok()) else { continue };
            self.read_cpu(&folder, cpu, &mut seen.events)?;
            let stats = fs::read_to_string(folder.join("stats"))?;
            let counted = ["overrun:", "dropped events:"];
            seen.lost += stats
                .lines()
                .filter_map(|line| counted.iter().find_map(|name| line.strip_prefix(name)))
                .filter_map(|number| number.trim().parse::<u64>().ok())
                .sum::<u64>();
        }
        seen.events.sort_by_key(|event| event.at);
        Ok(seen)
    }

    fn read_cpu(&self, folder: &Path, cpu: usize, events: &mut Vec<Raw>) -> io::Result<()> {
        let pipe = file::open(&folder.join("trace_pipe_raw"), OFlag::O_RDONLY | OFlag::O_NONBLOCK)?;
        let mut pipe = fs::File::from(pipe);
        let mut buffer = [0; page::SIZE];
        loop {
            match pipe.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(bytes) => page::decode(&buffer[..bytes], cpu, &self.formats, events),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let _ = self.set("tracing_on", "0");
        let _ = fs::remove_dir(&self.folder);
    }
}
