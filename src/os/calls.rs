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
    FDATASYNC = SYS_fdatasync,
    FSTAT = SYS_fstat,
    FSYNC = SYS_fsync,
    FTRUNCATE = SYS_ftruncate,
    LSEEK = SYS_lseek,
    NEWFSTATAT = SYS_newfstatat,
    OPENAT = SYS_openat,
    PREAD64 = SYS_pread64,
    PWRITE64 = SYS_pwrite64,
    FUTEX = SYS_futex,
    GETPID = SYS_getpid,
    GETPPID = SYS_getppid,
    KILL = SYS_kill,
    PWRITEV2 = SYS_pwritev2,
    READ = SYS_read,
    RT_SIGACTION = SYS_rt_sigaction,
    SCHED_SETPARAM = SYS_sched_setparam,
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
    BRK = SYS_brk,
    MMAP = SYS_mmap,
    MPROTECT = SYS_mprotect,
    MSYNC = SYS_msync,
    MUNMAP = SYS_munmap,
    SHMAT = SYS_shmat,
    SHMDT = SYS_shmdt,
    PIPE2 = SYS_pipe2,
    DUP = SYS_dup,
    DUP3 = SYS_dup3,
    FCNTL = SYS_fcntl,
    PPOLL = SYS_ppoll,
    EPOLL_CREATE1 = SYS_epoll_create1,
    EPOLL_CTL = SYS_epoll_ctl,
    EPOLL_PWAIT2 = SYS_epoll_pwait2,
    EVENTFD2 = SYS_eventfd2,
    TIMERFD_CREATE = SYS_timerfd_create,
    TIMERFD_SETTIME = SYS_timerfd_settime,
    IO_URING_SETUP = SYS_io_uring_setup,
    IO_URING_ENTER = SYS_io_uring_enter,
}

/// Newer architectures have only the calls that take a folder's descriptor.
#[cfg(target_arch = "x86_64")]
pub const UNLINK: i64 = libc::SYS_unlink;
#[cfg(not(target_arch = "x86_64"))]
pub const UNLINK: i64 = libc::SYS_unlinkat;
#[cfg(target_arch = "x86_64")]
pub const RENAME: i64 = libc::SYS_rename;
#[cfg(not(target_arch = "x86_64"))]
pub const RENAME: i64 = libc::SYS_renameat;

/// Newer architectures have only `ppoll`, of which the C library makes `pause`.
#[cfg(target_arch = "x86_64")]
pub const PAUSE: i64 = libc::SYS_pause;
#[cfg(not(target_arch = "x86_64"))]
pub const PAUSE: i64 = libc::SYS_ppoll;
