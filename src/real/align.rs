//! Sets the processes' notes right by what the kernel saw: a call begins and ends when the kernel
//! was entered and left, not when the program looked at its clock before and after.

use std::collections::BTreeMap;

use crate::ids::{CallId, Tid};
use crate::os::calls;
use crate::program::native::{Noted, Row, What};
use crate::program::syscall::NAMES;

use super::seen::{Point, Raw};

/// A system call as the kernel saw it.
#[derive(Clone, Copy, Debug)]
struct Crossing {
    number: i64,
    enter: u64,
    exit: u64,
}

/// The host's numbers for a call of the scenario. Those that aren't here, a library makes of others.
fn numbers(call: CallId) -> &'static [i64] {
    match NAMES.get(usize::from(call.0)).copied().unwrap_or("") {
        "close" => &[calls::CLOSE],
        "execve" => &[calls::EXECVE],
        "exit_group" => &[calls::EXIT_GROUP, calls::EXIT],
        "fork" => &[calls::CLONE],
        "clone" => &[calls::CLONE3, calls::CLONE],
        "fsync" => &[calls::FSYNC],
        "brk" => &[calls::BRK],
        "mmap" => &[calls::MMAP],
        "mprotect" => &[calls::MPROTECT],
        "msync" => &[calls::MSYNC],
        "munmap" => &[calls::MUNMAP],
        "shm_unlink" => &[calls::UNLINK],
        "shmat" => &[calls::SHMAT],
        "shmdt" => &[calls::SHMDT],
        "fdatasync" => &[calls::FDATASYNC],
        "fstat" => &[calls::FSTAT, calls::NEWFSTATAT],
        "ftruncate" => &[calls::FTRUNCATE],
        "lseek" => &[calls::LSEEK],
        "openat" => &[calls::OPENAT],
        "pread64" => &[calls::PREAD64],
        "pwrite64" => &[calls::PWRITE64],
        "rename" => &[calls::RENAME],
        "unlink" => &[calls::UNLINK],
        "futex_wait" | "futex_wake" | "futex_requeue" | "futex_lock_pi" | "futex_unlock_pi" | "join" => {
            &[calls::FUTEX]
        }
        "getpid" => &[calls::GETPID],
        "getppid" => &[calls::GETPPID],
        "kill" => &[calls::KILL],
        "nanosleep" | "clock_nanosleep" => &[calls::CLOCK_NANOSLEEP],
        "pause" => &[calls::PAUSE],
        "read" => &[calls::READ],
        "rt_sigaction" => &[calls::RT_SIGACTION],
        "sched_setparam" => &[calls::SCHED_SETPARAM],
        "rt_sigpending" => &[calls::RT_SIGPENDING],
        "rt_sigprocmask" => &[calls::RT_SIGPROCMASK],
        "rt_sigsuspend" => &[calls::RT_SIGSUSPEND],
        "rt_sigtimedwait" => &[calls::RT_SIGTIMEDWAIT],
        "sched_setaffinity" => &[calls::SCHED_SETAFFINITY],
        "setitimer" => &[calls::SETITIMER],
        "setpriority" => &[calls::SETPRIORITY],
        "tgkill" => &[calls::TGKILL],
        "sched_yield" => &[calls::SCHED_YIELD],
        "wait4" => &[calls::WAIT4],
        "write" => &[calls::WRITE, calls::PWRITEV2],
        "pipe2" => &[calls::PIPE2],
        "dup" => &[calls::DUP],
        "dup2" => &[calls::DUP3],
        "fcntl" => &[calls::FCNTL],
        "open" => &[calls::OPENAT],
        "ppoll" => &[calls::PPOLL],
        "epoll_create1" => &[calls::EPOLL_CREATE1],
        "epoll_ctl" => &[calls::EPOLL_CTL],
        "epoll_pwait2" => &[calls::EPOLL_PWAIT2],
        "eventfd2" => &[calls::EVENTFD2],
        "timerfd_create" => &[calls::TIMERFD_CREATE],
        "timerfd_settime" => &[calls::TIMERFD_SETTIME],
        "io_uring_setup" => &[calls::IO_URING_SETUP],
        "io_uring_enter" => &[calls::IO_URING_ENTER],
        _ => &[],
    }
}

/// The notes with the kernel's times, in the order of time.
pub fn align(notes: &[Noted], events: &[Raw], rows: &[Row]) -> Vec<Noted> {
    let crossings = crossings(events);
    let forks: BTreeMap<i64, u64> = events
        .iter()
        .filter(|event| event.point == Point::Fork)
        .map(|event| (event.values[0], event.at))
        .collect();
    let hosts: BTreeMap<Tid, i32> = rows.iter().map(|row| (row.task, row.host_thread)).collect();
    let mut of_task: BTreeMap<Tid, Vec<usize>> = BTreeMap::new();
    for (index, noted) in notes.iter().enumerate() {
        of_task.entry(noted.task).or_default().push(index);
    }
    let mut aligned = notes.to_vec();
    for (task, own) in of_task {
        if let Some(made) = hosts.get(&task).and_then(|host| crossings.get(host)) {
            align_task(&mut aligned, &own, made);
        }
        for &index in &own {
            let note = &mut aligned[index].note;
            let child = (note.what == What::Fork).then(|| hosts.get(&Tid(note.first as u32)));
            if let Some(&at) = child.flatten().and_then(|host| forks.get(&i64::from(*host))) {
                note.at = at;
            }
        }
    }
    aligned.sort_by_key(|noted| noted.note.at);
    aligned
}

/// Every thread's calls, in the order of time; one that never returned ends at the end of time.
fn crossings(events: &[Raw]) -> BTreeMap<i32, Vec<Crossing>> {
    let mut crossings: BTreeMap<i32, Vec<Crossing>> = BTreeMap::new();
    for event in events {
        let number = event.values[0];
        match event.point {
            Point::SysEnter => {
                let own = crossings.entry(event.pid).or_default();
                own.push(Crossing { number, enter: event.at, exit: u64::MAX });
            }
            Point::SysExit => {
                let last = crossings.get_mut(&event.pid).and_then(|own| own.last_mut());
                if let Some(last) = last.filter(|last| last.number == number) {
                    last.exit = event.at;
                }
            }
            _ => {}
        }
    }
    crossings
}

/// `own` are the places of one thread's notes.
fn align_task(notes: &mut [Noted], own: &[usize], made: &[Crossing]) {
    let mut next = 0;
    for (place, &index) in own.iter().enumerate() {
        let entered = notes[index].note;
        if entered.what != What::Enter {
            continue;
        }
        let rest = &own[place + 1..];
        let left = rest.iter().position(|&index| matches!(notes[index].note.what, What::Leave | What::Enter));
        let until = left.map_or(u64::MAX, |left| notes[rest[left]].note.at);
        let fitting = numbers(CallId(entered.first as u16));
        while next < made.len() && made[next].enter < entered.at {
            next += 1;
        }
        let within = made[next..].iter().take_while(|crossing| crossing.enter <= until);
        let mut within = within.filter(|crossing| fitting.contains(&crossing.number));
        let Some(first) = within.next() else { continue };
        let last = within.last().unwrap_or(first);
        notes[index].note.at = first.enter;
        let inside = left.map_or(rest, |left| &rest[..=left]);
        for &index in inside {
            let note = &mut notes[index].note;
            match note.what {
                What::Receive | What::Leave if last.exit != u64::MAX => note.at = last.exit,
                What::Enter => {}
                // What the program noted before it entered the kernel, or on its way back.
                _ => note.at = note.at.clamp(first.enter, last.exit),
            }
        }
    }
}
