//! The host's clock, and work that takes a given time.

use nix::time::{ClockId, clock_gettime};

use crate::time::{Instant, Span};

/// Nanoseconds of the monotonic clock, the one that the kernel's trace points use as well.
#[inline]
pub fn now() -> u64 {
    nanos(ClockId::CLOCK_MONOTONIC)
}

fn nanos(clock: ClockId) -> u64 {
    clock_gettime(clock).map_or(0, |time| time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64)
}

/// Sleeps so long; gives what was left if a signal that has a handler has cut it short.
pub fn sleep(time: Span) -> Result<(), Span> {
    let (seconds, nanos) = (time.as_nanos() / 1_000_000_000, time.as_nanos() % 1_000_000_000);
    let wanted = libc::timespec { tv_sec: seconds as libc::time_t, tv_nsec: nanos as libc::c_long };
    let mut left = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: both are valid times.
    let result = unsafe { libc::clock_nanosleep(libc::CLOCK_MONOTONIC, 0, &raw const wanted, &raw mut left) };
    if result != libc::EINTR {
        return Ok(());
    }
    Err(Span::from_nanos(left.tv_sec as u64 * 1_000_000_000 + left.tv_nsec as u64))
}

/// Sleeps until a time of the monotonic clock; false if a signal that has a handler came before.
pub fn sleep_until(time: Instant) -> bool {
    let nanos = time.as_nanos();
    let (seconds, nanos) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    let wanted = libc::timespec { tv_sec: seconds as libc::time_t, tv_nsec: nanos as libc::c_long };
    let (clock, absolute) = (libc::CLOCK_MONOTONIC, libc::TIMER_ABSTIME);
    // SAFETY: the time is valid, and nothing is written back for an absolute one.
    let result = unsafe { libc::clock_nanosleep(clock, absolute, &raw const wanted, std::ptr::null_mut()) };
    result != libc::EINTR
}

/// How fast this host goes round an empty loop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spin {
    /// Rounds for each nanosecond of CPU time.
    pub rounds_per_nano: f64,
    /// The 90th percentile beside the lower quartile, minus one: how far the speed can be trusted.
    pub dispersion: f64,
}

impl Spin {
    /// Measures in CPU time, so that other work on the host does little harm: the lower quartile of many
    /// tries, as the fastest of all would promise more than the CPU keeps. Takes some 20 ms.
    pub fn calibrate() -> Spin {
        const ROUNDS: u64 = 200_000;
        const TRIES: usize = 50;
        let mut times: Vec<u64> = (0..TRIES)
            .map(|_| {
                let before = nanos(ClockId::CLOCK_THREAD_CPUTIME_ID);
                go_round(ROUNDS);
                nanos(ClockId::CLOCK_THREAD_CPUTIME_ID).saturating_sub(before).max(1)
            })
            .collect();
        times.sort_unstable();
        let (ordinary, slow) = (times[TRIES / 4] as f64, times[TRIES * 9 / 10] as f64);
        Spin { rounds_per_nano: ROUNDS as f64 / ordinary, dispersion: slow / ordinary - 1.0 }
    }

    /// Keeps the CPU busy for so many nanoseconds of its time.
    #[inline]
    pub fn work(&self, nanos: u64) {
        go_round((nanos as f64 * self.rounds_per_nano) as u64);
    }
}

#[inline(never)]
fn go_round(rounds: u64) {
    for round in 0..rounds {
        std::hint::black_box(round);
    }
}
