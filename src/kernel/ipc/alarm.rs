//! A timer whose expirations are read from a descriptor. Model: timerfd_create(2), fs/timerfd.c.
//!
//! It rings by the local timer's interrupt of the CPU where it was set. One with an interval is set
//! again when it is read, by as many intervals as have passed meanwhile: nobody is interrupted for
//! expirations that nobody looks at.

use crate::hw::timers::Timers;
use crate::ids::Tid;
use crate::kernel::Kernel;
use crate::kernel::file::Opened;
use crate::kernel::readiness::{Events, Readiness};
use crate::kernel::waits::WaitKey;
use crate::time::{Instant, Span};
use crate::trace::{Cause, Sink};

/// The timers and event counters share a space of numbers for whoever waits: these lie above.
const KEYS: u32 = 1 << 31;

#[derive(Clone, Copy, Debug, Default)]
pub struct Alarm {
    /// Expirations that haven't been read.
    ticks: u64,
    /// When it rang, if it has an interval and hasn't been set again since.
    rang_at: Option<Instant>,
    interval: Span,
    /// While it is set: where, for when, and the ticket there.
    set: Option<(usize, Instant, u64)>,
}

impl Alarm {
    pub const fn readiness(self) -> Readiness {
        Readiness { readable: self.ticks > 0, writable: false, hung_up: false, error: false }
    }
}

/// What threads wait for that read such a timer.
pub const fn ringing(alarm: u32) -> WaitKey {
    WaitKey { cause: Cause::Counter, object: KEYS | alarm }
}

impl<S: Sink> Kernel<S> {
    /// A new timer that isn't set; what a descriptor of it stands for.
    pub fn new_alarm(&mut self) -> Opened {
        self.alarms.push(Alarm::default());
        Opened::Alarm((self.alarms.len() - 1) as u32)
    }

    /// Sets a timer on this CPU, or with nothing for `after` stops it; unread expirations are forgotten.
    pub fn set_alarm(&mut self, cpu: usize, alarm: u32, after: Span, interval: Span) {
        self.stop_alarm(alarm);
        self.alarms[alarm as usize] = Alarm { interval, ..Alarm::default() };
        if !after.is_zero() {
            let due = self.cpus[cpu].now + after;
            self.start_alarm(cpu, alarm, due);
        }
    }

    fn start_alarm(&mut self, cpu: usize, alarm: u32, due: Instant) {
        let here = &mut self.cpus[cpu];
        let ticket = here.alarms.get_or_insert_with(Box::<Timers>::default).push(due, Tid(alarm));
        self.alarms[alarm as usize].set = Some((cpu, due, ticket));
        self.hopes += 1;
        if due < here.timer {
            self.set_timer(cpu);
        }
    }

    fn stop_alarm(&mut self, alarm: u32) {
        if self.alarms[alarm as usize].set.take().is_some() {
            self.hopes -= 1;
        }
    }

    /// The timer's last descriptor is closed.
    pub(in crate::kernel) fn drop_alarm(&mut self, alarm: u32) {
        self.stop_alarm(alarm);
    }

    /// The local timer's handler: alarms of this CPU that are due ring.
    pub(in crate::kernel) fn ring_alarms(&mut self, cpu: usize) {
        let now = self.cpus[cpu].now;
        while let Some((ticket, Tid(number))) =
            self.cpus[cpu].alarms.as_mut().and_then(|alarms| alarms.pop_due(now))
        {
            let alarm = &mut self.alarms[number as usize];
            let Some((at, due, own)) = alarm.set else { continue };
            if (at, own) != (cpu, ticket) {
                continue;
            }
            alarm.set = None;
            alarm.ticks += 1;
            alarm.rang_at = (!alarm.interval.is_zero()).then_some(due);
            self.hopes -= 1;
            self.announce_events(cpu, Opened::Alarm(number), Events::IN);
            self.wake_all_of(cpu, ringing(number));
        }
    }

    /// Reads how often it has expired; none if it hasn't. One with an interval is set again.
    pub fn take_expirations(&mut self, cpu: usize, alarm: u32) -> Option<u64> {
        let now = self.cpus[cpu].now;
        let state = &mut self.alarms[alarm as usize];
        if state.ticks == 0 {
            return None;
        }
        let mut ticks = std::mem::take(&mut state.ticks);
        if let Some(rang_at) = state.rang_at.take() {
            let interval = state.interval;
            let passed = now.since(rang_at).as_nanos() / interval.as_nanos();
            ticks += passed;
            self.start_alarm(cpu, alarm, rang_at + interval * (passed + 1));
        }
        Some(ticks)
    }
}
