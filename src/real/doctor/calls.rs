//! Single calls that real runs make, each tried once.

use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};

use crate::os::memory::{Mapping, shared_object};
use crate::os::{file, futex, process, uring};

use super::{CheckRow, Host, Refused, Shown, Tried};

pub const PIN: CheckRow = CheckRow {
    name: "CPUs",
    purpose: "processes stay on the CPUs that the scenario has (sched_setaffinity)",
    without: "scenarios with more CPUs than this run on fewer",
    remedy: "allow more CPUs: taskset, or the container's cpuset",
    vital: true,
    test: pin,
};

pub const DESCRIPTORS: CheckRow = CheckRow {
    name: "descriptors",
    purpose: "pipes and files keep the same numbers in all processes (RLIMIT_NOFILE, dup2)",
    without: "scenarios with many pipes and files can't run",
    remedy: "raise the hard limit: ulimit -Hn 4096",
    vital: false,
    test: descriptors,
};

pub const PROCESSES: CheckRow = CheckRow {
    name: "processes",
    purpose: "as many processes and threads as scenarios start (RLIMIT_NPROC, the group's pids.max)",
    without: "forks fail with EAGAIN when there are too many",
    remedy: "raise the limit (ulimit -u, the container's limit of processes), or lower --most-tasks",
    vital: false,
    test: processes,
};

pub const MEMORY: CheckRow = CheckRow {
    name: "shared memory",
    purpose: "memory that all processes of a run see (memfd_create, mmap)",
    without: "no scenario can run for real",
    remedy: "allow memfd_create in the container's filter of system calls",
    vital: true,
    test: memory,
};

pub const FUTEX: CheckRow = CheckRow {
    name: "futex",
    purpose: "mutexes, semaphores, and the common start of all processes",
    without: "no scenario can run for real",
    remedy: "allow futex in the container's filter of system calls",
    vital: true,
    test: wake,
};

pub const PIPES: CheckRow = CheckRow {
    name: "pipe sizes",
    purpose: "pipes hold as much as the scenario says (F_SETPIPE_SZ)",
    without: "pipes hold less than the scenario says, so writers wait at other places",
    remedy: "as root: sysctl fs.pipe-max-size=1048576 fs.pipe-user-pages-soft=0",
    vital: false,
    test: pipes,
};

pub const DIRECT: CheckRow = CheckRow {
    name: "direct transfers",
    purpose: "steps with `direct` go past the page cache (O_DIRECT)",
    without: "steps with `direct` fail with EINVAL",
    remedy: "choose a folder on a disk: --scratch DIR (tmpfs and some overlays can't)",
    vital: false,
    test: direct,
};

pub const RINGS: CheckRow = CheckRow {
    name: "rings",
    purpose: "steps of rings of requests (io_uring_setup)",
    without: "`uring-setup` fails, with ENOSYS or EPERM",
    remedy: "set kernel.io_uring_disabled to 0, and allow io_uring in the container's filter of system calls",
    vital: false,
    test: rings,
};

pub const SYNC: CheckRow = CheckRow {
    name: "synchronous writes",
    purpose: "steps with `sync`, and `fsync` (pwritev2 with RWF_DSYNC)",
    without: "steps with `sync` fail",
    remedy: "choose another folder: --scratch DIR",
    vital: false,
    test: sync,
};

pub const SPACE: CheckRow = CheckRow {
    name: "space",
    purpose: "room for the scenario's files in the folder for temporary files",
    without: "scenarios with large files can't begin, or their writes fail with ENOSPC",
    remedy: "choose a folder with more room: --scratch DIR",
    vital: false,
    test: space,
};

fn pin(host: &Host) -> Tried {
    let on = |cpu: usize| {
        // A thread of its own, so that this one may go on where it likes.
        let thread = std::thread::spawn(move || {
            process::pin(&[cpu]).ok()?;
            nix::sched::sched_getcpu().ok()
        });
        thread.join().ok().flatten() == Some(cpu)
    };
    let (there, refused): (Vec<usize>, Vec<usize>) = host.cpus.iter().partition(|&&cpu| on(cpu));
    if there.is_empty() {
        return Err(Refused::because("no process can be bound to a CPU"));
    }
    let result = format!("{} of {} CPUs can be chosen: {there:?}", there.len(), host.cpus.len());
    Ok(Shown::limited_if(!refused.is_empty(), result))
}

fn descriptors(_: &Host) -> Tried {
    /// Runs use numbers up to this.
    const HIGHEST: RawFd = 1000;
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard.min(4096).max(soft), hard)?;
    let (read, _write, _) = file::pipe(4096)?;
    let made = nix::unistd::dup(&read).and_then(|copy| file::place(copy, HIGHEST));
    let _ = file::close(HIGHEST);
    let result = format!("{soft} at first, {hard} at most");
    Ok(Shown::limited_if(made.is_err(), result))
}

fn processes(_: &Host) -> Tried {
    /// As many as a run may have unless the command line says otherwise.
    const USUAL: u64 = 1000;
    let (soft, _) = getrlimit(Resource::RLIMIT_NPROC)?;
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let of_group = |path: &str| {
        let text = std::fs::read_to_string(format!("/sys/fs/cgroup{path}/pids.max")).ok()?;
        text.trim().parse::<u64>().ok()
    };
    let group = groups.lines().filter_map(|line| of_group(line.rsplit(':').next()?)).min();
    let most = soft.min(group.unwrap_or(RLIM_INFINITY));
    let words = if most == RLIM_INFINITY { "no limit".to_owned() } else { format!("at most {most}") };
    Ok(Shown::limited_if(most < USUAL + 50, words))
}

fn memory(_: &Host) -> Tried {
    const BYTES: usize = 1 << 20;
    let object = shared_object("trapline-doctor", BYTES as u64)?;
    let (one, other) = (Mapping::shared(&object, BYTES)?, Mapping::shared(&object, BYTES)?);
    one.populate(0, BYTES);
    let cell = |mapping: &Mapping| mapping.cell64(BYTES - 8).map(|cell| cell.load(Ordering::SeqCst));
    one.cell64(BYTES - 8).ok_or(Refused::because("the mapping is too small"))?.store(42, Ordering::SeqCst);
    if cell(&other) != Some(42) {
        return Err(Refused::because("two mappings of the same object hold different values"));
    }
    Ok(Shown::works("what one mapping writes, another reads"))
}

fn wake(_: &Host) -> Tried {
    const PATIENCE: Duration = Duration::from_secs(10);
    let object = shared_object("trapline-doctor", 4096)?;
    let mapping = Arc::new(Mapping::shared(&object, 4096)?);
    let shared = Arc::clone(&mapping);
    let waiter = std::thread::spawn(move || {
        let Some(cell) = shared.cell32(0) else { return };
        while cell.load(Ordering::SeqCst) == 0 {
            let _ = futex::wait(cell, 0, futex::Limit::Never);
        }
    });
    let cell = mapping.cell32(0).ok_or(Refused::because("the mapping is too small"))?;
    let begun = Instant::now();
    // Only a wake-up of somebody who waits is one.
    let mut woken = 0;
    while woken == 0 && !waiter.is_finished() && begun.elapsed() < PATIENCE {
        woken = futex::wake(cell, 1).map_err(|errno| Refused::because(format!("futex: {errno}")))?;
        std::thread::yield_now();
    }
    cell.store(1, Ordering::SeqCst);
    let _ = futex::wake(cell, i32::MAX);
    waiter.join().map_err(|_| Refused::because("the waiter has gone"))?;
    if woken == 0 {
        return Err(Refused::because("nobody was woken"));
    }
    Ok(Shown::works("a thread waits, and is woken"))
}

fn pipes(_: &Host) -> Tried {
    const LARGE: u64 = 1 << 20;
    let (_read, _write, large) = file::pipe(LARGE)?;
    let (_read, _write, small) = file::pipe(4096)?;
    let result = format!("from {small} to {large} bytes");
    Ok(Shown::limited_if(large < LARGE, result))
}

fn direct(host: &Host) -> Tried {
    let path = host.scratch.join("direct");
    let opened = file::open(&path, OFlag::O_CREAT | OFlag::O_RDWR)?;
    let mut buffer = file::Buffer::new();
    let transfer = file::set_direct(opened.as_raw_fd(), true)
        .and_then(|()| file::write(opened.as_raw_fd(), buffer.take(4096)));
    let _ = std::fs::remove_file(&path);
    Ok(match transfer {
        Ok(bytes) => Shown::works(format!("{bytes} bytes went past the page cache")),
        Err(errno) => Shown::missing(format!("O_DIRECT in {}: {errno}", host.scratch.display())),
    })
}

fn rings(_: &Host) -> Tried {
    Ok(match uring::Ring::new(1, None) {
        Ok(_) => Shown::works("a ring was made"),
        Err(errno) => Shown::missing(format!("io_uring_setup: {errno}")),
    })
}

fn sync(host: &Host) -> Tried {
    let path = host.scratch.join("sync");
    let opened = file::open(&path, OFlag::O_CREAT | OFlag::O_RDWR)?;
    let begun = Instant::now();
    let written =
        file::write_through(opened.as_raw_fd(), &[b'.'; 4096]).and_then(|_| file::sync(opened.as_raw_fd()));
    let took = begun.elapsed();
    let _ = std::fs::remove_file(&path);
    Ok(match written {
        Ok(()) => Shown::works(format!("4 KiB and an fsync took {} us", took.as_micros())),
        Err(errno) => Shown::missing(format!("pwritev2 with RWF_DSYNC: {errno}")),
    })
}

fn space(host: &Host) -> Tried {
    /// As large as a file may be unless the command line says otherwise.
    const USUAL: u64 = 512 << 20;
    let volume = nix::sys::statvfs::statvfs(&host.scratch)?;
    let free = volume.blocks_available() as u64 * volume.fragment_size() as u64;
    let place = host.scratch.parent().unwrap_or(&host.scratch).display().to_string();
    Ok(Shown::limited_if(free < USUAL, format!("{} MiB free in {place}", free >> 20)))
}
