//! What the kernel saw of a run, whichever way it was asked: its trace points, or the records of
//! performance events.

macro_rules! points {
    ($($(#[doc = $doc:literal])* $name:ident = $path:literal [$($field:literal),*] $(=> $kind:literal)?;)*) => {
        /// A trace point that is of use here.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Point { $($(#[doc = $doc])* $name),* }

        impl Point {
            pub const ALL: &[Point] = &[$(Point::$name),*];

            /// Where tracefs has it; empty where it hasn't.
            pub const fn path(self) -> &'static str {
                match self { $(Point::$name => $path),* }
            }

            /// The fields that are kept, in the order of [`Raw::values`].
            pub const fn fields(self) -> &'static [&'static str] {
                match self { $(Point::$name => &[$($field),*]),* }
            }

            /// The kind of event that only this point can tell of.
            pub const fn kind(self) -> Option<&'static str> {
                let kinds: &[&str] = match self { $(Point::$name => &[$($kind)?]),* };
                kinds.first().copied()
            }
        }
    };
}

points! {
    Switch = "sched/sched_switch" ["prev_pid", "prev_state", "next_pid"] => "sched_switch";
    Waking = "sched/sched_waking" ["pid"] => "sched_waking";
    Wakeup = "sched/sched_wakeup" ["pid", "target_cpu"] => "sched_wakeup";
    WakeupNew = "sched/sched_wakeup_new" ["pid", "target_cpu"];
    Migrate = "sched/sched_migrate_task" ["pid", "orig_cpu", "dest_cpu"] => "sched_migrate";
    Fork = "sched/sched_process_fork" ["child_pid"];
    Exit = "sched/sched_process_exit" ["pid"];
    SysEnter = "raw_syscalls/sys_enter" ["id"];
    SysExit = "raw_syscalls/sys_exit" ["id", "ret"];
    FaultUser = "exceptions/page_fault_user" ["address", "error_code"] => "page_fault_user";
    /// The end of a page fault in user mode. Its values: the address, whether it was a major one.
    FaultEnd = "" [] => "exception_exit";
    FaultKernel = "exceptions/page_fault_kernel" ["address", "error_code"] => "page_fault_kernel";
    IrqEntry = "irq/irq_handler_entry" ["irq"] => "irq_handler_entry";
    IrqExit = "irq/irq_handler_exit" ["irq", "ret"] => "irq_handler_exit";
    SoftirqEntry = "irq/softirq_entry" ["vec"] => "softirq_entry";
    SoftirqExit = "irq/softirq_exit" ["vec"] => "softirq_exit";
    TimerEntry = "irq_vectors/local_timer_entry" [] => "local_timer_entry";
    TimerExit = "irq_vectors/local_timer_exit" [] => "local_timer_exit";
    RescheduleEntry = "irq_vectors/reschedule_entry" [] => "reschedule_entry";
    RescheduleExit = "irq_vectors/reschedule_exit" [] => "reschedule_exit";
    SignalGenerate = "signal/signal_generate" ["sig", "pid"];
    SignalDeliver = "signal/signal_deliver" ["sig", "sa_handler"];
}

/// A thread's state when it leaves its CPU, from `sched_switch`: it could go on.
pub const RUNNABLE: i64 = 0;
/// It sleeps, interruptible or not.
pub const SLEEPS: i64 = 1;
pub const SLEEPS_DEEPLY: i64 = 2;
/// It is a zombie, or not even that.
pub const DEAD: i64 = 0x10 | 0x20 | 0x80;

/// One event of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raw {
    /// Nanoseconds of the monotonic clock.
    pub at: u64,
    pub cpu: usize,
    /// The thread that was current, by the host's number.
    pub pid: i32,
    pub point: Point,
    /// The point's fields, in the order of its list.
    pub values: [i64; 3],
}

/// What the kernel saw of a run.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// In the order of time.
    pub events: Vec<Raw>,
    /// Events that found no place in the buffers.
    pub lost: u64,
    /// What could be seen at all.
    pub points: Vec<Point>,
}

impl Seen {
    pub fn sees(&self, point: Point) -> bool {
        self.points.contains(&point)
    }

    /// The kinds of event that could be seen.
    pub fn kinds(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.points.iter().filter_map(|point| point.kind())
    }
}
