//! How fast a thread computes: by the CPU that it is on, and by whether its data are in that CPU's cache.
//!
//! A thread that comes to a CPU where its data aren't *warm* computes at a lower speed until it has computed
//! so much there that they are. They are warm where it ran last, until it runs on another CPU, or others have
//! run there for long enough to drive them out. That is the model of cache affinity of Squillante and
//! Lazowska, "Using Processor-Cache Affinity Information in Shared-Memory Multiprocessor Scheduling", IEEE
//! TPDS 4(2), 1993, with one step between cold and warm; Torrellas, Tucker and Gupta, "Evaluating the
//! Performance of Cache-Affinity Scheduling in Shared-Memory Multiprocessors", JPDC 24(2), 1995, measured it.
//!
//! What is stretched is the programs' computing alone. Kernel work, single instructions and accesses take what
//! the cost profile says. Left out: caches that CPUs share, data that threads share, and that data go one
//! line after the other.
//!
//! **Exactness.** All is whole nanoseconds. What a piece of computing will take is known when it begins, or
//! goes on on a CPU; how much of it is done is asked only when the thread leaves the CPU. Neither depends on
//! how many instructions pass at once.

use crate::ids::{CpuId, Tid};
use crate::time::{Instant, Span};

/// A speed in millionths of that of an ordinary CPU with warm data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Speed(u64);

impl Speed {
    pub const FULL: Speed = Speed(1_000_000);

    /// None if it is less than a thousandth or more than a thousand.
    pub fn new(factor: f64) -> Option<Speed> {
        let range = 0.001..=1_000.0;
        range.contains(&factor).then(|| Speed((factor * 1e6).round() as u64))
    }

    /// One speed slowed down, or sped up, by another.
    fn with(self, other: Speed) -> Speed {
        // Both have 30 bits.
        Speed((self.0 * other.0 / Speed::FULL.0).max(1))
    }

    /// What so much work takes, in whole instructions.
    fn time_for(self, work: Span, instruction: Span) -> Span {
        let millionths = u128::from(work.as_nanos()) * u128::from(Speed::FULL.0);
        let time = millionths.div_ceil(u128::from(self.0));
        let unit = u128::from(instruction.as_nanos().max(1));
        Span::from_nanos(u64::try_from(time.div_ceil(unit).saturating_mul(unit)).unwrap_or(u64::MAX))
    }
}

/// What a CPU's cache does to whoever computes there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheSpec {
    /// So much must be computed until the data are warm.
    pub warm_up: Span,
    /// How fast it is until then.
    pub cold_speed: Speed,
    /// When others have run for so long, the data are gone; if absent, only by running elsewhere.
    pub keeps: Option<Span>,
}

/// The speeds of a machine's CPUs, and where each thread's data are.
#[derive(Clone, Debug)]
pub struct Speeds {
    instruction: Span,
    cache: Option<CacheSpec>,
    cpus: Vec<Core>,
    /// Indexed by [`Tid`].
    threads: Vec<Footprint>,
}

#[derive(Clone, Copy, Debug)]
struct Core {
    speed: Speed,
    /// How long threads have had it, and since when the current one has.
    used: Span,
    since: Instant,
}

/// A thread's data.
#[derive(Clone, Copy, Debug, Default)]
struct Footprint {
    /// Where it ran last, when it left, and how long that CPU had been used then.
    cpu: Option<CpuId>,
    left_at: Instant,
    used: Span,
    /// How much it must compute until its data are warm.
    cold: Span,
    computing: Computing,
}

/// What a thread computes.
#[derive(Clone, Copy, Debug, Default)]
enum Computing {
    #[default]
    Nothing,
    /// It is on a CPU, or its kernel work interrupts it there.
    Here(Stretch),
    /// It was taken from the CPU with so much work left.
    Later(Span),
}

/// A piece of computing on a CPU: first cold, then warm.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    cold: Piece,
    warm: Piece,
    /// How much of its time has passed at least: what is added on the side passes at once.
    passed: Span,
}

#[derive(Clone, Copy, Debug)]
struct Piece {
    work: Span,
    time: Span,
}

impl Piece {
    /// How much work is done after so much of its time.
    fn done(self, passed: Span) -> Span {
        if passed >= self.time {
            return self.work;
        }
        let done = u128::from(self.work.as_nanos()) * u128::from(passed.as_nanos());
        // Less than the whole work, and a time that isn't zero.
        Span::from_nanos((done / u128::from(self.time.as_nanos())) as u64)
    }
}

impl Stretch {
    /// How much of its time has passed if so much of it is left.
    fn passed(&self, left: Span) -> Span {
        (self.cold.time + self.warm.time).saturating_sub(left).max(self.passed)
    }
}

impl Speeds {
    /// For a machine whose CPUs have these speeds, all of them full speed if there are none.
    pub fn new(cpus: u16, speeds: &[Speed], cache: Option<CacheSpec>, instruction: Span) -> Speeds {
        let speed = |cpu: u16| speeds.get(usize::from(cpu)).copied().unwrap_or(Speed::FULL);
        let core = |cpu| Core { speed: speed(cpu), used: Span::ZERO, since: Instant::START };
        Speeds { instruction, cache, cpus: (0..cpus).map(core).collect(), threads: Vec::new() }
    }

    fn thread(&mut self, thread: Tid) -> &mut Footprint {
        if self.threads.len() <= thread.index() {
            self.threads.resize(thread.index() + 1, Footprint::default());
        }
        &mut self.threads[thread.index()]
    }

    /// A thread on a CPU begins to compute so much: how long that takes there.
    pub fn begin(&mut self, cpu: usize, thread: Tid, work: Span) -> Span {
        let (instruction, cache, speed) = (self.instruction, self.cache, self.cpus[cpu].speed);
        let thread = self.thread(thread);
        let slow = cache.map_or(speed, |cache| speed.with(cache.cold_speed));
        let cold = work.min(thread.cold);
        let warm = work.saturating_sub(cold);
        let cold = Piece { work: cold, time: slow.time_for(cold, instruction) };
        let warm = Piece { work: warm, time: speed.time_for(warm, instruction) };
        thread.computing = Computing::Here(Stretch { cold, warm, passed: Span::ZERO });
        cold.time + warm.time
    }

    /// What the thread has begun to compute is done.
    pub fn end(&mut self, thread: Tid) {
        let thread = self.thread(thread);
        if let Computing::Here(stretch) = std::mem::take(&mut thread.computing) {
            thread.cold = thread.cold.saturating_sub(stretch.cold.work);
        }
    }

    /// Something is about to be done on the side, before the thread goes on to compute what is left.
    pub fn put_off(&mut self, thread: Tid, left: Span) {
        if let Computing::Here(stretch) = &mut self.thread(thread).computing {
            stretch.passed = stretch.passed(left);
        }
    }

    /// The thread stops computing with so much time left: how much work that is. As given, if it doesn't
    /// compute.
    pub fn suspend(&mut self, thread: Tid, left: Span) -> Span {
        let thread = self.thread(thread);
        let Computing::Here(stretch) = std::mem::take(&mut thread.computing) else { return left };
        let passed = stretch.passed(left);
        let (cold, warm) =
            (stretch.cold.done(passed), stretch.warm.done(passed.saturating_sub(stretch.cold.time)));
        thread.cold = thread.cold.saturating_sub(cold);
        (stretch.cold.work + stretch.warm.work).saturating_sub(cold + warm)
    }

    /// The thread leaves the CPU. `left`: what is left of its time there, if it was in user mode; what it
    /// has to keep of that is returned.
    pub fn leave(&mut self, cpu: usize, thread: Tid, now: Instant, left: Option<Span>) -> Option<Span> {
        let core = &mut self.cpus[cpu];
        core.used += now.since(core.since);
        let used = core.used;
        let known = self.thread(thread);
        (known.cpu, known.left_at, known.used) = (Some(CpuId::from(cpu)), now, used);
        let Computing::Here(_) = known.computing else { return None };
        let work = self.suspend(thread, left?);
        self.thread(thread).computing = Computing::Later(work);
        Some(work)
    }

    /// The thread gets a CPU: how long what it was computing takes there, if it was.
    pub fn arrive(&mut self, cpu: usize, thread: Tid, now: Instant) -> Option<Span> {
        let (cache, core) = (self.cache, &mut self.cpus[cpu]);
        core.since = now;
        let used = core.used;
        let known = self.thread(thread);
        if let Some(cache) = cache {
            let others = used.saturating_sub(known.used);
            let is_here = known.cpu == Some(CpuId::from(cpu));
            if !is_here || cache.keeps.is_some_and(|keeps| others >= keeps) {
                known.cold = cache.warm_up;
            }
        }
        match known.computing {
            Computing::Later(work) => Some(self.begin(cpu, thread, work)),
            Computing::Here(_) | Computing::Nothing => None,
        }
    }

    /// Whether the thread left a CPU less than so long ago.
    pub fn is_hot(&self, thread: Tid, now: Instant, cost: Span) -> bool {
        let known = self.threads.get(thread.index());
        known.is_some_and(|known| known.cpu.is_some() && now.since(known.left_at) < cost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Tid = Tid(2);

    fn ns(nanos: u64) -> Span {
        Span::from_nanos(nanos)
    }

    fn at(nanos: u64) -> Instant {
        Instant::from_nanos(nanos)
    }

    fn speeds(keeps: Option<Span>) -> Speeds {
        let half = Speed::new(0.5).unwrap();
        let cache = CacheSpec { warm_up: ns(100), cold_speed: half, keeps };
        Speeds::new(2, &[Speed::FULL, half], Some(cache), ns(1))
    }

    #[test]
    fn a_thread_is_slow_until_it_has_warmed_its_data_up() {
        let mut speeds = speeds(None);
        assert_eq!(speeds.arrive(0, A, at(0)), None);
        // 60 at half the speed; then the other 40, and 20 at full speed.
        assert_eq!(speeds.begin(0, A, ns(60)), ns(120));
        speeds.end(A);
        assert_eq!(speeds.begin(0, A, ns(60)), ns(80 + 20));
        speeds.end(A);
        assert_eq!(speeds.begin(0, A, ns(60)), ns(60));
    }

    #[test]
    fn what_is_left_is_taken_along_as_work() {
        let mut speeds = speeds(None);
        speeds.arrive(0, A, at(0));
        assert_eq!(speeds.begin(0, A, ns(300)), ns(400));
        // After 50 ns 25 are done; on the other CPU all is half as fast, and the data are cold again.
        assert_eq!(speeds.leave(0, A, at(50), Some(ns(350))), Some(ns(275)));
        assert_eq!(speeds.arrive(1, A, at(60)), Some(ns(100 * 4 + 175 * 2)));
        // 500 ns later its data are warm and 50 of the 175 are done; back there they aren't warm any more.
        assert_eq!(speeds.leave(1, A, at(560), Some(ns(250))), Some(ns(125)));
        assert_eq!(speeds.arrive(0, A, at(600)), Some(ns(100 * 2 + 25)));
    }

    #[test]
    fn data_go_when_others_have_run_long_enough() {
        for (others, took) in [(499, 150), (500, 200)] {
            let mut speeds = speeds(Some(ns(500)));
            speeds.arrive(0, A, at(0));
            speeds.begin(0, A, ns(50));
            speeds.end(A);
            assert_eq!(speeds.leave(0, A, at(100), None), None);
            speeds.arrive(0, Tid(3), at(1_000));
            speeds.leave(0, Tid(3), at(1_000 + others), None);
            // An idle CPU drives nothing out.
            speeds.arrive(0, A, at(9_000));
            assert_eq!(speeds.begin(0, A, ns(100)), ns(took), "others ran for {others} ns");
        }
    }

    #[test]
    fn what_is_done_on_the_side_is_no_work_of_the_thread() {
        let mut speeds = speeds(None);
        speeds.arrive(0, A, at(0));
        assert_eq!(speeds.begin(0, A, ns(100)), ns(200));
        // After 80 ns, 40 are done. Then 30 ns are put in between, of which 20 have passed.
        speeds.put_off(A, ns(120));
        assert_eq!(speeds.leave(0, A, at(100), Some(ns(130))), Some(ns(60)));
    }

    #[test]
    fn a_speed_is_from_a_thousandth_to_a_thousand() {
        let is = |factor| Speed::new(factor).is_some();
        assert_eq!(
            [0.0, 0.000_9, 0.001, 1_000.0, 1_001.0, f64::NAN].map(is),
            [false, false, true, true, false, false]
        );
    }

    #[test]
    fn times_are_whole_instructions() {
        let third = Speed::new(0.3).unwrap();
        assert_eq!(third.time_for(ns(10), ns(1)), ns(34));
        assert_eq!(third.time_for(ns(10), ns(10)), ns(40));
    }

    #[test]
    fn a_thread_is_hot_for_a_while_after_it_left() {
        let mut speeds = speeds(None);
        assert!(!speeds.is_hot(A, at(0), ns(500)), "it never ran");
        speeds.arrive(0, A, at(0));
        speeds.leave(0, A, at(100), None);
        assert!(speeds.is_hot(A, at(599), ns(500)));
        assert!(!speeds.is_hot(A, at(600), ns(500)));
    }
}
