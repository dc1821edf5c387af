//! Fork, exec, wait, signals and limits.

use std::ffi::CString;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage, setrlimit};
use nix::sys::signal::{SigHandler, SigSet, Signal as HostSignal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::time::TimeValLike;
use nix::unistd::{ForkResult, Pid as HostPid};

use crate::errno::Errno;
use crate::signal::Signal;

/// Which of the two a process is after a fork.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forked {
    /// The parent, with the child's number.
    Parent(i32),
    Child,
}

/// How a child has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    pub pid: i32,
    /// 0 to 255, or 128 and the signal's number.
    pub status: u16,
    /// What it used, with all children that it has waited for.
    pub usage: Usage,
}

/// What the kernel counts for a process, traced or not: getrusage(2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Nanoseconds in user mode and in the kernel.
    pub user: u64,
    pub system: u64,
    /// Page faults without and with waiting for a device, in the kernel as well.
    pub minor_faults: u64,
    pub major_faults: u64,
    /// Times that it gave up its CPU, and that it was taken away.
    pub voluntary: u64,
    pub involuntary: u64,
}

impl Usage {
    /// How many numbers it has.
    pub const WORDS: usize = 6;
    /// The place of `minor_faults` among them.
    pub const MINOR_FAULTS: usize = 2;

    pub const fn words(self) -> [u64; Usage::WORDS] {
        let Usage { user, system, minor_faults, major_faults, voluntary, involuntary } = self;
        [user, system, minor_faults, major_faults, voluntary, involuntary]
    }

    pub const fn from_words(words: [u64; Usage::WORDS]) -> Usage {
        let [user, system, minor_faults, major_faults, voluntary, involuntary] = words;
        Usage { user, system, minor_faults, major_faults, voluntary, involuntary }
    }

    pub(super) fn of(usage: &libc::rusage) -> Usage {
        let nanos = |time: libc::timeval| time.tv_sec as u64 * 1_000_000_000 + time.tv_usec as u64 * 1_000;
        Usage {
            user: nanos(usage.ru_utime),
            system: nanos(usage.ru_stime),
            minor_faults: usage.ru_minflt as u64,
            major_faults: usage.ru_majflt as u64,
            voluntary: usage.ru_nvcsw as u64,
            involuntary: usage.ru_nivcsw as u64,
        }
    }

    /// What this process has used so far.
    pub fn own() -> Usage {
        // SAFETY: all zeros are a valid value of this plain structure.
        let mut usage = unsafe { std::mem::zeroed::<libc::rusage>() };
        // SAFETY: `usage` is valid for the call to write to.
        unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut usage) };
        Usage::of(&usage)
    }
}

/// What was used between two moments.
impl std::ops::Sub for Usage {
    type Output = Usage;

    fn sub(self, before: Usage) -> Usage {
        let (now, before) = (self.words(), before.words());
        Usage::from_words(std::array::from_fn(|index| now[index].saturating_sub(before[index])))
    }
}

/// A second process, the same as this one.
pub fn fork() -> Result<Forked, Errno> {
    // SAFETY: the real mode forks from processes with one thread, or, where a scenario asks for a
    // fork beside threads, does in the child what is allowed there: the C library's allocator is
    // usable after a fork, and no lock of ours is held by another thread for longer than a push.
    match unsafe { nix::unistd::fork() } {
        Ok(ForkResult::Parent { child }) => Ok(Forked::Parent(child.as_raw())),
        Ok(ForkResult::Child) => Ok(Forked::Child),
        Err(error) => Err(super::errno(error)),
    }
}

/// Becomes another program; returns only if that isn't possible.
pub fn exec(program: &Path, arguments: &[String]) -> Errno {
    let path = CString::new(program.as_os_str().as_bytes()).unwrap_or_default();
    let arguments: Vec<CString> =
        arguments.iter().map(|text| CString::new(text.as_str()).unwrap_or_default()).collect();
    match nix::unistd::execv(&path, &arguments) {
        Err(error) => super::errno(error),
        Ok(never) => match never {},
    }
}

/// Ends the process at once, without anything that a program does at its end.
pub fn exit(status: u16) -> ! {
    // SAFETY: the call doesn't return.
    unsafe { libc::_exit(i32::from(status)) }
}

pub(super) fn status_of(status: i32) -> u16 {
    if libc::WIFSIGNALED(status) {
        128 + libc::WTERMSIG(status) as u16
    } else {
        libc::WEXITSTATUS(status) as u16
    }
}

/// Waits for a child: this one, or any. `None` if `now` and none has ended yet.
pub fn wait(child: Option<i32>, now: bool) -> Result<Option<Ended>, Errno> {
    let mut status = 0;
    // SAFETY: all zeros are a valid value of this plain structure.
    let mut usage = unsafe { std::mem::zeroed::<libc::rusage>() };
    let flags = if now { libc::WNOHANG } else { 0 };
    // SAFETY: `status` and `usage` are valid for the call to write to.
    let pid = unsafe { libc::wait4(child.unwrap_or(-1), &raw mut status, flags, &raw mut usage) };
    let pid = nix::errno::Errno::result(pid).map_err(super::errno)?;
    if pid == 0 {
        return Ok(None);
    }
    Ok(Some(Ended { pid, status: status_of(status), usage: Usage::of(&usage) }))
}

/// This process's number, asked from the kernel.
pub fn getpid() -> i32 {
    std::process::id() as i32
}

/// This thread's number.
pub fn gettid() -> i32 {
    nix::unistd::gettid().as_raw()
}

/// The parent's number.
pub fn getppid() -> i32 {
    nix::unistd::getppid().as_raw()
}

/// Sets the calling thread's static priority to what it is: 0, as for every thread of the ordinary class.
pub fn keep_priority() -> Result<(), Errno> {
    let priority = libc::sched_param { sched_priority: 0 };
    // SAFETY: the number 0 means the calling thread, and `priority` is a valid parameter.
    let result = unsafe { libc::syscall(libc::SYS_sched_setparam, 0, &raw const priority) };
    nix::errno::Errno::result(result).map(|_| ()).map_err(super::errno)
}

/// Lets other threads have the CPU.
pub fn sched_yield() {
    let _ = nix::sched::sched_yield();
}

/// Waits for a signal.
pub fn pause() {
    nix::unistd::pause();
}

/// Does something in a thread on one CPU, if there is a choice.
pub fn on_cpu<T: Send>(cpu: Option<usize>, work: impl FnOnce() -> T + Send) -> T {
    let pinned = || {
        if let Some(cpu) = cpu {
            let _ = pin(&[cpu]);
        }
        work()
    };
    std::thread::scope(|scope| match scope.spawn(pinned).join() {
        Ok(done) => done,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

/// Whether a process with this number exists and hasn't ended.
pub fn lives(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The state comes after the name, which is in brackets and may hold anything.
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    state.is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

/// Whether there is a process with this number, a zombie counted.
pub fn exists(pid: i32) -> bool {
    pid > 0 && nix::sys::signal::kill(HostPid::from_raw(pid), None) != Err(nix::errno::Errno::ESRCH)
}

/// Sends a signal to one process.
pub fn kill(pid: i32, signal: Signal) -> Result<(), Errno> {
    // A number of zero or less would mean a group of processes.
    if pid <= 0 {
        return Err(Errno::ESRCH);
    }
    nix::sys::signal::kill(HostPid::from_raw(pid), host_signal(signal)?).map_err(super::errno)
}

/// Ends all processes of a group at once.
pub fn kill_group(leader: i32) {
    if leader > 1 {
        let _ = nix::sys::signal::killpg(HostPid::from_raw(leader), HostSignal::SIGKILL);
    }
}

/// Ignores a signal from now on, or no longer.
pub fn set_ignored(signal: Signal, ignored: bool) -> Result<(), Errno> {
    let action = if ignored { SigHandler::SigIgn } else { SigHandler::SigDfl };
    // SAFETY: neither action runs code of ours.
    unsafe { nix::sys::signal::signal(host_signal(signal)?, action) }.map(|_| ()).map_err(super::errno)
}

/// Whether this process ignores a signal.
pub fn is_ignored(signal: Signal) -> bool {
    let mut rule = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: without a new rule the call only writes the present one to `rule`, which is large enough.
    let result = unsafe { libc::sigaction(i32::from(signal as u8), std::ptr::null(), rule.as_mut_ptr()) };
    // SAFETY: all zeros are a valid rule, and the call has written another or nothing.
    result == 0 && unsafe { rule.assume_init() }.sa_sigaction == libc::SIG_IGN
}

fn host_signal(signal: Signal) -> Result<HostSignal, Errno> {
    HostSignal::try_from(i32::from(signal as u8)).map_err(super::errno)
}

/// The process is ended when its parent is.
pub fn die_with_parent() {
    let _ = nix::sys::prctl::set_pdeathsig(HostSignal::SIGKILL);
}

/// Orphans among this process's descendants become its children.
pub fn adopt_orphans() {
    let _ = nix::sys::prctl::set_child_subreaper(true);
}

/// Puts a process into a group, of which it is the leader if the group bears its own number. Zero
/// stands for the caller.
pub fn put_into_group(pid: i32, group: i32) -> Result<(), Errno> {
    nix::unistd::setpgid(HostPid::from_raw(pid), HostPid::from_raw(group)).map_err(super::errno)
}

/// Ends the caller's group at once, and the caller with it: nobody in it can fork meanwhile.
pub fn kill_own_group() -> ! {
    let _ = nix::sys::signal::killpg(HostPid::from_raw(0), HostSignal::SIGKILL);
    exit(1)
}

/// Waits until the parent, which had this number, has ended in whatever way. The caller is deaf to
/// SIGTERM from then on, by which the kernel tells it.
pub fn await_end_of(parent: i32) {
    let mut told = SigSet::empty();
    told.add(HostSignal::SIGTERM);
    let _ = told.thread_block();
    let _ = nix::sys::prctl::set_pdeathsig(HostSignal::SIGTERM);
    let most = libc::timespec { tv_sec: 1, tv_nsec: 0 };
    while getppid() == parent {
        // SAFETY: the set and the time are valid; nothing is to be said about the signal.
        unsafe { libc::sigtimedwait(told.as_ref(), std::ptr::null_mut(), &raw const most) };
    }
}

/// Waits until nobody is left in a process group, but not for ever: one whose parent doesn't wait for
/// it stays.
pub fn await_end_of_group(group: i32) {
    const LOOKS: u32 = 200;
    let pause = libc::timespec { tv_sec: 0, tv_nsec: 5_000_000 };
    for _ in 0..LOOKS {
        if nix::sys::signal::killpg(nix::unistd::Pid::from_raw(group), None).is_err() {
            return;
        }
        // SAFETY: the time is valid; what is left of it isn't asked for.
        unsafe { libc::nanosleep(&raw const pause, std::ptr::null_mut()) };
    }
}

/// If memory runs short, the kernel ends this process and those that it forks before any other.
pub fn go_first_without_memory() {
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
}

/// Lets this thread run on these CPUs only.
pub fn pin(cpus: &[usize]) -> Result<(), Errno> {
    let mut set = CpuSet::new();
    for &cpu in cpus {
        set.set(cpu).map_err(super::errno)?;
    }
    sched_setaffinity(HostPid::from_raw(0), &set).map_err(super::errno)
}

/// The CPUs that this process may use.
pub fn cpus() -> Vec<usize> {
    let set = sched_getaffinity(HostPid::from_raw(0)).unwrap_or_default();
    (0..CpuSet::count()).filter(|&cpu| set.is_set(cpu).unwrap_or(false)).collect()
}

/// The CPU time of this process and of its children that have ended, in nanoseconds.
pub fn cpu_time() -> u64 {
    let of = |who| {
        let usage = getrusage(who).ok();
        let times = usage.map(|usage| [usage.user_time(), usage.system_time()]);
        let nanos = |time: nix::sys::time::TimeVal| time.num_microseconds() as u64 * 1000;
        times.map_or(0, |times| times.into_iter().map(nanos).sum())
    };
    of(UsageWho::RUSAGE_SELF) + of(UsageWho::RUSAGE_CHILDREN)
}

/// Bounds for this process and those that it forks: seconds of CPU time for each, bytes of a file,
/// and no core dumps. As many descriptors as the host allows.
pub fn limit(cpu_seconds: u64, file_bytes: u64) {
    let _ = setrlimit(Resource::RLIMIT_CPU, cpu_seconds, cpu_seconds + 1);
    let _ = setrlimit(Resource::RLIMIT_FSIZE, file_bytes, file_bytes);
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard.min(4096), hard);
    }
}

/// Executes an instruction that raises an exception of the processor. If its signal is ignored or
/// blocked, it ends the process all the same.
pub fn raise(exception: crate::trace::Exception) {
    use crate::trace::Exception;
    super::signal::execute_refused(match exception {
        Exception::DivideError => super::signal::Refused::Division,
        Exception::IllegalInstruction => super::signal::Refused::Illegal,
    });
}

/// Tells when a child has ended or somebody has written to standard input, without looking again
/// and again.
#[derive(Debug)]
pub struct Watch {
    children: SignalFd,
}

/// What a [`Watch`] saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Standard input has something to read, or is closed.
    pub input: bool,
}

impl Watch {
    /// Begins to watch; SIGCHLD doesn't interrupt anything from now on.
    pub fn begin() -> nix::Result<Watch> {
        let mut mask = SigSet::empty();
        mask.add(HostSignal::SIGCHLD);
        mask.thread_block()?;
        let children = SignalFd::with_flags(&mask, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;
        Ok(Watch { children })
    }

    /// In a child: signals come as they do to any program.
    pub fn forget() {
        let mut mask = SigSet::empty();
        mask.add(HostSignal::SIGCHLD);
        let _ = mask.thread_unblock();
    }

    /// Waits until something is to be seen, at most so many milliseconds.
    pub fn wait(&self, most: u16) -> Seen {
        let input = std::io::stdin();
        let mut watched = [
            PollFd::new(self.children.as_fd(), PollFlags::POLLIN),
            PollFd::new(input.as_fd(), PollFlags::POLLIN),
        ];
        let _ = poll(&mut watched, PollTimeout::from(most));
        let seen = Seen { input: watched[1].any().unwrap_or(false) };
        while let Ok(Some(_)) = self.children.read_signal() {}
        seen
    }

    /// Waits until a child has ended, at most so many milliseconds.
    pub fn wait_for_children(&self, most: u16) {
        let mut watched = [PollFd::new(self.children.as_fd(), PollFlags::POLLIN)];
        let _ = poll(&mut watched, PollTimeout::from(most));
        while let Ok(Some(_)) = self.children.read_signal() {}
    }
}
