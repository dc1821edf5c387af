//! Signals of the host: rules, masks, and what has arrived at this thread.
//!
//! A caught signal only sets a bit here, and blocks all caught ones until the thread has looked at it
//! and says what its mask is to be: what comes meanwhile stays pending in the kernel, as it would
//! while a handler runs.
//!
//! A signal may arrive after a thread has looked for the last time and before its call has begun
//! to wait; that call wouldn't be interrupted. So a timer interrupts the call again every
//! millisecond until the thread has looked.

use std::cell::Cell;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};

use nix::errno::Errno as HostErrno;

use crate::errno::Errno;
use crate::signal::Signal;
use crate::time::Span;

/// What the process does at a signal's arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    Default,
    Ignore,
    /// It is noted down for [`take`].
    Catch,
}

/// The signals that this process catches, by their bits.
static CAUGHT: AtomicU64 = AtomicU64::new(0);
/// The signal by which a thread interrupts its own call.
static KICK: AtomicI32 = AtomicI32::new(0);
/// So often a call is interrupted until its thread has looked.
const KICK_NANOS: i64 = 1_000_000;

thread_local! {
    /// What has arrived at this thread since it last looked.
    static ARRIVED: AtomicU64 = const { AtomicU64::new(0) };
    /// Whether a call of the host's was interrupted by that.
    static INTERRUPTED: Cell<bool> = const { Cell::new(false) };
    /// Whether the thread is in a call that may wait.
    static IN_CALL: Cell<bool> = const { Cell::new(false) };
    /// The timer that interrupts the call, plus one.
    static TIMER: AtomicI32 = const { AtomicI32::new(0) };
    /// Where the thread goes on after an instruction that it knows to be refused.
    static AFTER_FAULT: AtomicU64 = const { AtomicU64::new(0) };
}

/// Our sets have a signal's bit at its number, the host's one place below.
const fn host_set(set: u64) -> u64 {
    set >> 1
}

extern "C" fn note(signal: i32, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the errno is this thread's own; the program below must find it as it was.
    let errno = unsafe { *libc::__errno_location() };
    ARRIVED.with(|arrived| arrived.fetch_or(1 << signal, Ordering::Relaxed));
    // SAFETY: the kernel passes both to a handler with SA_SIGINFO, valid while it runs.
    let (info, context) = unsafe { (&*info, &mut *context.cast::<libc::ucontext_t>()) };
    let mask = (&raw mut context.uc_sigmask).cast::<u64>();
    // SAFETY: the set has 64 bits or more, the first of which the kernel restores at the handler's end.
    unsafe { *mask |= host_set(CAUGHT.load(Ordering::Relaxed)) };
    let after = AFTER_FAULT.with(|after| after.swap(0, Ordering::Relaxed));
    if info.si_code > 0 && after != 0 {
        go_on_at(context, after);
    } else if IN_CALL.get() {
        INTERRUPTED.set(INTERRUPTED.get() || was_in_call(context));
        TIMER.with(start_kicks);
    }
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = errno };
}

/// Does nothing: that it comes interrupts a call.
extern "C" fn kick(_: i32) {}

#[cfg(target_arch = "x86_64")]
fn go_on_at(context: &mut libc::ucontext_t, place: u64) {
    context.uc_mcontext.gregs[libc::REG_RIP as usize] = place as i64;
}

#[cfg(not(target_arch = "x86_64"))]
fn go_on_at(_: &mut libc::ucontext_t, _: u64) {}

/// Whether the signal has interrupted a call's wait: it is about to return EINTR.
#[cfg(target_arch = "x86_64")]
fn was_in_call(context: &libc::ucontext_t) -> bool {
    const SYSCALL: [u8; 2] = [0x0f, 0x05];
    let place = context.uc_mcontext.gregs[libc::REG_RIP as usize] as usize;
    if context.uc_mcontext.gregs[libc::REG_RAX as usize] != -i64::from(libc::EINTR) {
        return false;
    }
    let before = (place - SYSCALL.len()) as *const [u8; 2];
    // SAFETY: the thread has just executed what stands before this place, or something near it: both
    // lie in the text of this program or of a library.
    unsafe { before.read_unaligned() == SYSCALL }
}

#[cfg(target_arch = "aarch64")]
fn was_in_call(context: &libc::ucontext_t) -> bool {
    context.uc_mcontext.regs[0] as i64 == -i64::from(libc::EINTR)
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn was_in_call(_: &libc::ucontext_t) -> bool {
    true
}

fn start_kicks(timer: &AtomicI32) {
    if timer.load(Ordering::Relaxed) != 0 {
        return;
    }
    // SAFETY: all zeros are a valid value of this plain structure.
    let mut event = unsafe { std::mem::zeroed::<libc::sigevent>() };
    event.sigev_notify = libc::SIGEV_THREAD_ID;
    event.sigev_signo = KICK.load(Ordering::Relaxed);
    // SAFETY: the call has no arguments.
    event.sigev_notify_thread_id = unsafe { libc::syscall(libc::SYS_gettid) } as i32;
    let mut id: i32 = 0;
    // SAFETY: both structures are valid for the call; it may be made in a signal's handler.
    let made =
        unsafe { libc::syscall(libc::SYS_timer_create, libc::CLOCK_MONOTONIC, &raw mut event, &raw mut id) };
    if made != 0 {
        return;
    }
    let every = libc::timespec { tv_sec: 0, tv_nsec: KICK_NANOS };
    let times = libc::itimerspec { it_interval: every, it_value: every };
    let nothing = std::ptr::null_mut::<libc::itimerspec>();
    // SAFETY: the times are valid, and what was set before isn't wanted.
    unsafe { libc::syscall(libc::SYS_timer_settime, id, 0, &raw const times, nothing) };
    timer.store(id + 1, Ordering::Relaxed);
}

fn install(signal: i32, handler: usize, flags: i32) -> Result<(), Errno> {
    // SAFETY: all zeros are a valid value of this plain structure.
    let mut rule = unsafe { std::mem::zeroed::<libc::sigaction>() };
    rule.sa_sigaction = handler;
    rule.sa_flags = flags;
    // SAFETY: the set is part of a valid structure.
    unsafe { libc::sigfillset(&raw mut rule.sa_mask) };
    // SAFETY: the rule is valid, and our handlers do only what a signal's handler may.
    let result = unsafe { libc::sigaction(signal, &raw const rule, std::ptr::null_mut()) };
    HostErrno::result(result).map(|_| ()).map_err(super::errno)
}

/// Says what the process does at a signal's arrival.
pub fn set_rule(signal: Signal, rule: Rule) -> Result<(), Errno> {
    match rule {
        Rule::Default | Rule::Ignore => {
            super::process::set_ignored(signal, rule == Rule::Ignore)?;
            CAUGHT.fetch_and(!signal.bit(), Ordering::Relaxed);
            Ok(())
        }
        Rule::Catch => {
            if KICK.load(Ordering::Relaxed) == 0 {
                let number = libc::SIGRTMIN() + 4;
                install(number, kick as extern "C" fn(i32) as usize, 0)?;
                KICK.store(number, Ordering::Relaxed);
            }
            CAUGHT.fetch_or(signal.bit(), Ordering::Relaxed);
            type Note = extern "C" fn(i32, *mut libc::siginfo_t, *mut libc::c_void);
            install(i32::from(signal as u8), note as Note as usize, libc::SA_SIGINFO)
        }
    }
}

/// Whether anything has arrived at this thread.
#[inline]
pub fn has_arrived() -> bool {
    ARRIVED.with(|arrived| arrived.load(Ordering::Relaxed) != 0)
}

/// Whether this process catches any signal.
#[inline]
pub fn catches_any() -> bool {
    CAUGHT.load(Ordering::Relaxed) != 0
}

/// Takes what has arrived, and whether that has interrupted a call's wait. The thread's mask must be
/// set next.
pub fn take() -> (u64, bool) {
    let timer = TIMER.with(|timer| timer.swap(0, Ordering::Relaxed));
    if timer != 0 {
        // SAFETY: the timer is this thread's own.
        unsafe { libc::syscall(libc::SYS_timer_delete, timer - 1) };
    }
    (ARRIVED.with(|arrived| arrived.swap(0, Ordering::Relaxed)), INTERRUPTED.replace(false))
}

/// The same without taking it.
pub fn peek() -> (u64, bool) {
    (ARRIVED.with(|arrived| arrived.load(Ordering::Relaxed)), INTERRUPTED.get())
}

/// In the child of a fork: nothing is pending, and the mask is this one.
pub fn begin_anew(mask: u64) {
    TIMER.with(|timer| timer.store(0, Ordering::Relaxed));
    ARRIVED.with(|arrived| arrived.store(0, Ordering::Relaxed));
    INTERRUPTED.set(false);
    if catches_any() {
        set_mask(mask);
    }
}

/// A call that may wait begins or has ended.
#[inline]
pub fn in_call(now: bool) {
    IN_CALL.set(now);
}

/// Another mask for this thread.
pub fn set_mask(mask: u64) {
    let set = host_set(mask);
    let nothing = std::ptr::null_mut::<u64>();
    // SAFETY: the set has the size that is given, and the old one isn't wanted.
    unsafe { libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_SETMASK, &raw const set, nothing, 8) };
}

/// This thread's mask, as far as scenarios know signals.
pub fn mask() -> u64 {
    let mut set = 0_u64;
    let nothing = std::ptr::null::<u64>();
    // SAFETY: without a new set the call only writes the present one, which has the size that is given.
    unsafe { libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_SETMASK, nothing, &raw mut set, 8) };
    Signal::ALL.iter().fold(0, |mask, signal| mask | (set << 1 & signal.bit()))
}

/// What is pending for this thread.
pub fn pending() -> u64 {
    let mut set = 0_u64;
    // SAFETY: the set has the size that is given.
    unsafe { libc::syscall(libc::SYS_rt_sigpending, &raw mut set, 8) };
    Signal::ALL.iter().fold(0, |mask, signal| mask | (set << 1 & signal.bit()))
}

/// Waits with another mask until a signal has arrived.
pub fn suspend(mask: u64) -> Errno {
    let set = host_set(mask);
    // SAFETY: the set has the size that is given.
    let result = unsafe { libc::syscall(libc::SYS_rt_sigsuspend, &raw const set, 8) };
    match HostErrno::result(result) {
        Err(error) => super::errno(error),
        Ok(_) => Errno::EINTR,
    }
}

/// Waits until one of these is pending, and takes it; `EAGAIN` after the time limit.
pub fn wait(set: u64, most: Option<Span>) -> Result<i64, Errno> {
    let set = host_set(set);
    let time = most.map(|most| libc::timespec {
        tv_sec: (most.as_nanos() / 1_000_000_000) as libc::time_t,
        tv_nsec: (most.as_nanos() % 1_000_000_000) as libc::c_long,
    });
    let time = time.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    let nothing = std::ptr::null_mut::<libc::siginfo_t>();
    // SAFETY: the set has the size that is given, the time is valid or absent, and nothing more is
    // wanted about the signal.
    let result = unsafe { libc::syscall(libc::SYS_rt_sigtimedwait, &raw const set, nothing, time, 8) };
    HostErrno::result(result).map_err(super::errno)
}

/// Sends a signal to a thread of a process.
pub fn send_to_thread(process: i32, thread: i32, signal: Signal) -> Result<(), Errno> {
    if process <= 0 || thread <= 0 {
        return Err(Errno::ESRCH);
    }
    // SAFETY: the call takes numbers only.
    let result = unsafe { libc::syscall(libc::SYS_tgkill, process, thread, i32::from(signal as u8)) };
    HostErrno::result(result).map(|_| ()).map_err(super::errno)
}

/// Sets the process's timer of real time, and gives what was left of the time before.
pub fn set_interval(first: Span, every: Span) -> Result<Span, Errno> {
    // A microsecond is the least that the call knows.
    let time = |span: Span| libc::timeval {
        tv_sec: (span.as_nanos() / 1_000_000_000) as libc::time_t,
        tv_usec: (span.as_nanos() % 1_000_000_000).div_ceil(1_000) as libc::suseconds_t,
    };
    let new = libc::itimerval { it_interval: time(every), it_value: time(first) };
    // SAFETY: all zeros are a valid value of this plain structure.
    let mut old = unsafe { std::mem::zeroed::<libc::itimerval>() };
    // SAFETY: both structures are valid for the call.
    let result = unsafe { libc::setitimer(libc::ITIMER_REAL, &raw const new, &raw mut old) };
    HostErrno::result(result).map_err(super::errno)?;
    Ok(span_of(old.it_value))
}

/// What is left until the process's timer of real time expires; zero if it isn't set.
pub fn interval_left() -> Span {
    // SAFETY: all zeros are a valid value of this plain structure.
    let mut now = unsafe { std::mem::zeroed::<libc::itimerval>() };
    // SAFETY: the structure is valid for the call to write to.
    unsafe { libc::getitimer(libc::ITIMER_REAL, &raw mut now) };
    span_of(now.it_value)
}

fn span_of(time: libc::timeval) -> Span {
    Span::from_nanos(time.tv_sec as u64 * 1_000_000_000 + time.tv_usec as u64 * 1_000)
}

/// Executes an instruction that raises an exception; if the signal is caught, the thread goes on behind
/// it.
#[cfg(target_arch = "x86_64")]
pub fn execute_refused(what: Refused) {
    let after = AFTER_FAULT.with(AtomicU64::as_ptr);
    match what {
        // SAFETY: the instruction traps. Unless the signal is caught the process ends; if it is, the
        // handler goes on at the label, and no register that isn't named has changed.
        Refused::Division => unsafe {
            std::arch::asm!("lea {place}, [rip + 2f]", "mov [{after}], {place}", "div {zero}", "2:",
                place = out(reg) _, after = in(reg) after, zero = in(reg) 0_u64,
                inout("rax") 1_u64 => _, inout("rdx") 0_u64 => _);
        },
        // SAFETY: as above.
        Refused::Illegal => unsafe {
            std::arch::asm!("lea {place}, [rip + 2f]", "mov [{after}], {place}", "ud2", "2:",
                place = out(reg) _, after = in(reg) after);
        },
        // SAFETY: as above: the processor refuses the access, and nothing is read or written.
        Refused::Read(address) => unsafe {
            std::arch::asm!("lea {place}, [rip + 2f]", "mov [{after}], {place}", "mov al, [{address}]", "2:",
                place = out(reg) _, after = in(reg) after, address = in(reg) address, out("al") _);
        },
        // SAFETY: as above.
        Refused::Write(address) => unsafe {
            std::arch::asm!("lea {place}, [rip + 2f]", "mov [{after}], {place}", "mov byte ptr [{address}], 0", "2:",
                place = out(reg) _, after = in(reg) after, address = in(reg) address);
        },
    }
}

/// An instruction that the processor refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    Division,
    Illegal,
    Read(usize),
    Write(usize),
}

/// Other processors don't trap at a division by zero: the signals that the exceptions stand for.
#[cfg(not(target_arch = "x86_64"))]
pub fn execute_refused(what: Refused) {
    let signal = match what {
        Refused::Division => Signal::SIGFPE,
        Refused::Illegal => Signal::SIGILL,
        Refused::Read(_) | Refused::Write(_) => Signal::SIGSEGV,
    };
    let own = super::process::getpid();
    let _ = send_to_thread(own, super::process::gettid(), signal);
}
