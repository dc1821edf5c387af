//! The host's numbers for system calls.

macro_rules! calls {
    ($($name:ident = $number:ident,)*) => {
        $(pub const $name: i64 = libc::$number;)*
    };
}

calls! {
    CLOCK_NANOSLEEP = SYS_clock_nanosleep,
    CLONE = SYS_clone,
    CLONE3 = SYS_clone3,
    CLOSE = SYS_close,
    EXECVE = SYS_execve,
    EXIT = SYS_exit,
    EXIT_GROUP = SYS_exit_group,
    FSYNC = SYS_fsync,
    FUTEX = SYS_futex,
    GETPID = SYS_getpid,
    GETPPID = SYS_getppid,
    KILL = SYS_kill,
    PWRITEV2 = SYS_pwritev2,
    READ = SYS_read,
    RT_SIGACTION = SYS_rt_sigaction,
    RT_SIGPENDING = SYS_rt_sigpending,
    RT_SIGPROCMASK = SYS_rt_sigprocmask,
    RT_SIGSUSPEND = SYS_rt_sigsuspend,
    RT_SIGTIMEDWAIT = SYS_rt_sigtimedwait,
    SCHED_SETAFFINITY = SYS_sched_setaffinity,
    SETITIMER = SYS_setitimer,
    SETPRIORITY = SYS_setpriority,
    TGKILL = SYS_tgkill,
    SCHED_YIELD = SYS_sched_yield,
    WAIT4 = SYS_wait4,
    WRITE = SYS_write,
}

/// Newer architectures have only `ppoll`, of which the C library makes `pause`.
#[cfg(target_arch = "x86_64")]
pub const PAUSE: i64 = libc::SYS_pause;
#[cfg(not(target_arch = "x86_64"))]
pub const PAUSE: i64 = libc::SYS_ppoll;
