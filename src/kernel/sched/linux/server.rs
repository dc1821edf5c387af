//! The fair server: what is left for ordinary threads when real-time ones don't give up the CPU, as Linux
//! 6.18 does it (`fair_server` in `kernel/sched/deadline.c`).
//!
//! It is a reservation of the deadline class on behalf of all fair threads, and a deferred one: while
//! these run by themselves, that counts. Only if they would else not have their time in this period, at the
//! last moment at which that is still possible, it takes part in the deadline class. From then on it has
//! its time at the beginning of each period, until fair threads run by themselves again.
//!
//! It takes the place of the older limit of 0.95 s in each second for real-time threads
//! (`sched_rt_runtime_us`), which in that kernel only counts for groups.

use crate::time::{Instant, Span};

use super::deadline::{Account, Reservation};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// No fair thread wants the CPU.
    Off,
    /// It takes part as soon as no time is left to lose.
    Deferred,
    /// It takes part.
    Serving,
    /// It has had its time in this period.
    Spent,
}

#[derive(Clone, Debug)]
pub struct FairServer {
    reservation: Reservation,
    account: Account,
    state: State,
}

impl FairServer {
    pub fn new(budget: Span, period: Span) -> FairServer {
        let reservation = Reservation { budget, deadline: period, period };
        FairServer { reservation, account: Account::default(), state: State::Off }
    }

    /// A fair thread wants the CPU.
    pub fn start(&mut self, now: Instant) {
        if self.state != State::Off || self.reservation.budget.is_zero() {
            return;
        }
        let Account { deadline, left } = self.account;
        if deadline <= now || left <= 0 || self.reservation.is_exceeded(left, deadline.since(now)) {
            self.account = self.reservation.new_period(now);
        }
        self.state = State::Deferred;
    }

    /// No fair thread wants it any more.
    pub fn stop(&mut self) {
        self.state = State::Off;
    }

    /// Its deadline, while it takes part.
    pub fn deadline(&self) -> Option<Instant> {
        (self.state == State::Serving).then_some(self.account.deadline)
    }

    /// What is left of its time in this period.
    pub fn left(&self) -> Span {
        Span::from_nanos(u64::try_from(self.account.left).unwrap_or(0))
    }

    /// A fair thread that the server runs has run. Whether that has used up the server's time; what it runs
    /// until it gives way is owed.
    pub fn serve(&mut self, time: Span) -> bool {
        self.use_up(time);
        let is_spent = self.state == State::Serving && self.account.left <= 0;
        if is_spent {
            self.state = State::Spent;
        }
        is_spent
    }

    /// A fair thread has run by itself. If they have had the server's time in that way, it begins a new
    /// period, and waits again until no time is left to lose.
    pub fn ran(&mut self, time: Span, now: Instant) {
        if self.state == State::Off || time.is_zero() {
            return;
        }
        self.use_up(time);
        if self.account.left <= 0 {
            (self.account, self.state) = (self.reservation.new_period(now), State::Deferred);
        }
    }

    fn use_up(&mut self, time: Span) {
        let time = i64::try_from(time.as_nanos()).unwrap_or(i64::MAX);
        self.account.left = self.account.left.saturating_sub(time);
    }

    /// When it begins to take part, if fair threads don't run until then.
    pub fn due(&self) -> Instant {
        let Account { deadline, .. } = self.account;
        match self.state {
            State::Off | State::Serving => Instant::NEVER,
            State::Deferred => Instant::START + deadline.since(Instant::START + self.left()),
            State::Spent => deadline,
        }
    }

    /// Begins to take part if that is due. Whether it does.
    pub fn replenish(&mut self, now: Instant) -> bool {
        if self.due() > now {
            return false;
        }
        let reservation = self.reservation;
        reservation.replenish(&mut self.account, now);
        self.state = State::Serving;
        true
    }
}
