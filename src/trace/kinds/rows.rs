//! One row per kind of event.

use super::{Encoding, Field, KindRow};
use crate::trace::event::Kind;

macro_rules! kinds {
    ($($variant:ident = $code:literal, $name:literal, $point:expr, $meaning:literal,
        { $($field:ident: $encoding:ident, $doc:literal;)* })*) => {
        /// A kind's number in a trace file.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Code { $($variant = $code,)* }

        impl Code {
            /// The kind with this number.
            #[inline]
            pub const fn from_u8(code: u8) -> Option<Code> {
                match code {
                    $($code => Some(Code::$variant),)*
                    _ => None,
                }
            }
        }

        impl Kind {
            /// The number that stands for it in a trace file.
            #[inline]
            pub const fn code(&self) -> Code {
                match self { $(Kind::$variant { .. } => Code::$variant,)* }
            }
        }

        /// Every kind of event, in the order of their codes.
        pub static KINDS: &[KindRow] = &[
            $(KindRow {
                code: Code::$variant,
                name: $name,
                trace_point: $point,
                meaning: $meaning,
                fields: &[$(Field {
                    name: stringify!($field),
                    encoding: Encoding::$encoding,
                    doc: $doc,
                },)*],
            },)*
        ];
    };
}

kinds! {
    SchedSwitch = 1, "sched_switch", Some("sched:sched_switch"),
        "The CPU leaves one thread for another. From here on `next` is current, in kernel mode; what the switch \
         itself costs lies between this event and `sched_exit`.",
        {
            prev: Task, "The thread that is left; 0 if the CPU was idle.";
            next: Uint, "The thread that goes on; 0 if the CPU becomes idle.";
            why: Why, "The reason of the decision.";
        }
    SchedExit = 2, "sched_exit", None,
        "The switch is complete. The new thread goes on exactly where it was interrupted or blocked.",
        {}
    SchedWaking = 3, "sched_waking", Some("sched:sched_waking"),
        "The current thread, or an interrupt that came while it ran, wakes a blocked thread. This is the moment of \
         the decision; the thread is ready only at `sched_wakeup`.",
        { task: Uint, "The thread that is woken."; }
    SchedWakeup = 4, "sched_wakeup", Some("sched:sched_wakeup"),
        "A thread is ready and stands in a run queue. It is not running yet: the time from here to its \
         `sched_switch` is the scheduling latency.",
        {
            task: Uint, "The thread that is ready.";
            on: Uint, "The CPU whose run queue it is in.";
        }
    SchedMigrate = 5, "sched_migrate", Some("sched:sched_migrate_task"),
        "A thread goes from one CPU's run queue to another's. Its cached data stay behind, so it runs slower for a \
         while.",
        {
            task: Uint, "The thread that is moved.";
            from: Uint, "The CPU that it leaves.";
            to: Uint, "The CPU that it goes to.";
            why: Moved, "What has moved it.";
        }
    SysEnter = 6, "sys_enter", Some("raw_syscalls:sys_enter"),
        "The program asks the kernel for something: the thread goes from user mode to kernel mode by the system call \
         instruction. The thread is in the kernel until the `sys_exit` of the same call, even while it is blocked.",
        { call: Uint, "The system call, a position in the header's `calls`."; }
    SysExit = 7, "sys_exit", Some("raw_syscalls:sys_exit"),
        "The system call returns to the program, in user mode. A forked child begins its life with one: it returns \
         from the fork that its parent called.",
        {
            call: Uint, "The system call, a position in the header's `calls`.";
            result: Int, "What the program gets: a value, or a negated error number.";
        }
    PageFaultUser = 8, "page_fault_user", Some("exceptions:page_fault_user"),
        "An instruction in user mode touched a page that isn't mapped, or not for this kind of access. The kernel \
         repairs that (perhaps the thread is blocked meanwhile), `exception_exit` follows, and the instruction is \
         executed again.",
        {
            page: Uint, "The number of the page within the address space.";
            fault: Fault, "Cause and remedy.";
        }
    PageFaultKernel = 9, "page_fault_kernel", Some("exceptions:page_fault_kernel"),
        "The kernel itself touched a page that wasn't there, on behalf of the program. A system call that copies \
         data to a buffer which the program has never touched does this.",
        {
            page: Uint, "The number of the page within the address space.";
            fault: Fault, "Cause and remedy.";
        }
    ExceptionEntry = 10, "exception_entry", None,
        "An instruction raised an exception other than a page fault. The program caused it, so it comes at the same \
         place in every run; an interrupt doesn't.",
        { exception: Exception, "Which exception."; }
    ExceptionExit = 11, "exception_exit", None,
        "The handler of an exception or page fault is done. The thread goes on in user mode, unless a signal ended \
         it.",
        {}
    InterruptRaised = 12, "interrupt_raised", None,
        "A device asserted its line: a bit in the CPU's interrupt register is set. The CPU hasn't noticed yet; it \
         looks after the current instruction, and later if interrupts are masked.",
        {
            vector: Uint, "The line of the interrupt controller.";
            to: Uint, "The CPU that shall take the interrupt.";
        }
    InterruptCoalesced = 13, "interrupt_coalesced", None,
        "The line was asserted again while the first request still waited. The register has one bit for both, so one \
         interrupt serves them.",
        {
            vector: Uint, "The line of the interrupt controller.";
            to: Uint, "The CPU that shall take the interrupt.";
        }
    InterruptRecognised = 14, "interrupt_recognised", None,
        "Between two instructions the CPU looked at its interrupt register and took the highest request. The time \
         since `interrupt_raised` is the interrupt latency.",
        { vector: Uint, "The line of the interrupt controller."; }
    IrqHandlerEntry = 15, "irq_handler_entry", Some("irq:irq_handler_entry"),
        "The hard half of a device's interrupt handler begins. It runs in whatever thread happened to be current, \
         and that thread pays for it with its time.",
        { vector: Uint, "The line of the interrupt controller."; }
    IrqHandlerExit = 16, "irq_handler_exit", Some("irq:irq_handler_exit"),
        "The hard half of a device's interrupt handler is done. Work that can wait was left to a softirq.",
        {
            vector: Uint, "The line of the interrupt controller.";
            handled: Bool, "False for a spurious interrupt: no device had asked for it.";
        }
    SoftirqEntry = 17, "softirq_entry", Some("irq:softirq_entry"),
        "The deferred half of an interrupt handler begins. Interrupts are enabled, so further ones may nest into it.",
        { vector: Uint, "The line whose handler left this work."; }
    SoftirqExit = 18, "softirq_exit", Some("irq:softirq_exit"),
        "The deferred half of an interrupt handler is done. The kernel may choose another thread now.",
        { vector: Uint, "The line whose handler left this work."; }
    LocalTimerEntry = 19, "local_timer_entry", Some("irq_vectors:local_timer_entry"),
        "The handler of the CPU's own timer begins. It counts time against the current thread's slice and fires the \
         timers that are due.",
        {}
    LocalTimerExit = 20, "local_timer_exit", Some("irq_vectors:local_timer_exit"),
        "The handler of the CPU's own timer is done. If the slice is used up, a `sched_switch` follows.",
        {}
    RescheduleEntry = 21, "reschedule_entry", Some("irq_vectors:reschedule_entry"),
        "Another CPU asked this one, by an inter-processor interrupt, to choose again what to run. A wake-up across \
         CPUs does this.",
        {}
    RescheduleExit = 22, "reschedule_exit", Some("irq_vectors:reschedule_exit"),
        "The inter-processor interrupt is served. If a better thread is ready, a `sched_switch` follows.",
        {}
    SignalGenerate = 23, "signal_generate", Some("signal:signal_generate"),
        "A signal is sent to a thread by the kernel or by a program. It is pending until the thread next goes from \
         the kernel back to user mode.",
        {
            signal: Uint, "The signal's number, as on Linux.";
            to: Uint, "The thread that shall get it.";
        }
    SignalDeliver = 24, "signal_deliver", Some("signal:signal_deliver"),
        "The current thread, on its way back to user mode, finds a pending signal. Its handler is called, or the \
         default action is taken.",
        {
            signal: Uint, "The signal's number, as on Linux.";
            handled: Bool, "True if a handler of the program is called.";
        }
    ProcessFork = 25, "process_fork", Some("sched:sched_process_fork"),
        "A thread has come into existence, made by the current one. It has its own address space, or shares its \
         parent's if `process` is the parent's.",
        {
            child: Uint, "The new thread.";
            process: Uint, "The process that the new thread belongs to.";
        }
    ProcessExec = 26, "process_exec", Some("sched:sched_process_exec"),
        "The current process throws its program away and begins another. Number, parent and open files stay.",
        { program: Uint, "The program's name, a number in the name table."; }
    ProcessExit = 27, "process_exit", Some("sched:sched_process_exit"),
        "The current thread is over. It runs no program any more; the CPU leaves it at the next `sched_switch`.",
        { status: Uint, "0 to 255 from exit; 128 + signal number if a signal ended it."; }
    MessageSend = 28, "message_send", None,
        "Bytes went from the program into a channel. The time from here to their `message_receive` is how long they \
         lay in the kernel.",
        {
            object: Uint, "The channel, a position in the header's `objects`.";
            bytes: Uint, "How many bytes.";
        }
    MessageReceive = 29, "message_receive", None,
        "Bytes came out of a channel to the program. A pipe never gives more than was put in.",
        {
            object: Uint, "The channel, a position in the header's `objects`.";
            bytes: Uint, "How many bytes.";
        }
    LockContended = 30, "lock_contended", None,
        "The thread found a lock of the scenario taken and will wait for it. Linux's trace point of this name tells \
         of the kernel's own locks, not of a program's.",
        { object: Uint, "The lock, a position in the header's `objects`."; }
    LockAcquired = 31, "lock_acquired", None,
        "The thread holds the lock from here on. If nobody held it, no system call was needed.",
        { object: Uint, "The lock, a position in the header's `objects`."; }
    LockReleased = 32, "lock_released", None,
        "The thread gave the lock back. If others wait for it, one of them is woken.",
        { object: Uint, "The lock, a position in the header's `objects`."; }
    BlockRqIssue = 33, "block_rq_issue", Some("block:block_rq_issue"),
        "A request goes to a disk. The disk works on it by itself, while the CPU does something else.",
        {
            object: Uint, "The disk or file, a position in the header's `objects`.";
            bytes: Uint, "How many bytes.";
            write: Bool, "True if they go to the disk.";
        }
    BlockRqComplete = 34, "block_rq_complete", Some("block:block_rq_complete"),
        "The kernel has learnt, by the disk's interrupt, that a request is done. Threads that waited for it can be \
         woken.",
        {
            object: Uint, "The disk or file, a position in the header's `objects`.";
            bytes: Uint, "How many bytes.";
            write: Bool, "True if they went to the disk.";
        }
    Print = 35, "print", None,
        "A line appears on the terminal. It is the program's own output, kept with the moment at which it came.",
        { text: Uint, "The line, a number in the name table."; }
    DataLost = 36, "data_lost", None,
        "Bytes that programs were told are written will never be on the disk: it was pulled out before it had them. \
         Nobody had waited for them by `fsync`.",
        {
            object: Uint, "The file, a position in the header's `objects`.";
            bytes: Uint, "How many bytes.";
        }
    SchedPiSetprio = 37, "sched_pi_setprio", None,
        "A thread has another priority from here on: it holds a lock for which a thread of a higher priority waits, \
         which lends it that priority, or it has given such a lock back. Linux's trace point of this name tells of \
         the kernel's real-time classes, which a program of a measured run doesn't use.",
        {
            task: Uint, "The thread whose priority changes.";
            donor: Uint, "The thread that lends its priority; 0 if the thread has less from here on.";
            before: Int, "The priority until now.";
            after: Int, "The priority from now on.";
        }
    PageEvicted = 38, "page_evicted", None,
        "No frame was free, so this page gave up its own to the one that was needed. Its next access is a page fault.",
        {
            page: Uint, "The page; 4294967295 for one of a file that nobody has mapped.";
            write: Bool, "True if it was changed and has to be written to a device first.";
        }
    OomKill = 39, "oom_kill", Some("oom:mark_victim"),
        "No frame was free and no page could be taken from anybody. The process with the most pages is ended by \
         SIGKILL, so that the others can go on.",
        {
            task: Uint, "The first thread of the process that must end.";
            pages: Uint, "How many pages it had, in memory and on the swap device.";
        }
    PacketDropped = 40, "packet_dropped", None,
        "A packet or datagram is lost: a network card's receive ring was full, or a UDP socket's buffer. Whoever sent \
         it isn't told.",
        {
            object: Uint, "The card or socket, a position in the header's `objects`.";
            bytes: Uint, "How many bytes.";
        }
    SchedPick = 41, "sched_pick", None,
        "The scheduler chose who runs next, by a rule that the queue's order alone doesn't show. The number is what \
         the policy went by: the time to go, the ticket that was drawn, the pass, the level, the virtual time, the \
         priority, or what waiting has added to that.",
        {
            task: Uint, "The thread that was chosen; it may be the one that ran until now.";
            rule: Rule, "The rule.";
            number: Uint, "What the rule went by.";
        }
    JobRelease = 42, "job_release", None,
        "A periodic thread's job begins to want the CPU. It has been released, and the one before it is over.",
        {
            task: Uint, "The thread.";
            number: Uint, "The job's number among the thread's, from 1.";
            release: Uint, "When it was released; earlier than the event's time if the job before was late.";
            deadline: Uint, "By when it must have ended.";
        }
    JobEnd = 43, "job_end", None,
        "A job has done its work. Its response time is from its release to here.",
        {
            task: Uint, "The thread.";
            number: Uint, "The job's number.";
        }
    DeadlineMiss = 44, "deadline_miss", None,
        "A job hasn't ended by its deadline. The event comes one nanosecond after: a job that ends at its deadline has \
         met it.",
        {
            task: Uint, "The thread.";
            number: Uint, "The job's number.";
        }
    JobDrop = 45, "job_drop", None,
        "A late job is given up, or one is left out whose time went by before it could begin. What becomes of late \
         jobs is the process's `on-miss`.",
        {
            task: Uint, "The thread.";
            number: Uint, "The job's number.";
            begun: Bool, "Whether it had begun.";
        }
    SchedLoad = 46, "sched_load", None,
        "The scheduler has reckoned the load average: how many threads were ready or ran lately. It does so each \
         second, and the trace tells at the next decision; a CPU that idles tells when it doesn't any more.",
        { load: Uint, "The load average, in hundredths of a thread."; }
    SchedBoost = 47, "sched_boost", None,
        "The scheduler lifts all threads of a run queue to its highest level, those that wait for something too. So \
         nobody starves on a low one.",
        {
            on: Uint, "The CPU whose run queue it is.";
            level: Uint, "The level that all are on from here.";
            due: Uint, "When that was due, in nanoseconds since the start: before this event if the CPU was idle then.";
        }
    FramesFree = 48, "frames_free", None,
        "The number of free page frames has changed. Only runs with page replacement tell of it, where frames are \
         scarce.",
        { free: Uint, "How many frames are free from here on."; }
    PagesUnmapped = 49, "pages_unmapped", None,
        "A process has these pages in memory no more: their frames went to somebody else (`page_evicted` comes before \
         it), or the program gave them back by `munmap`. That all pages go with the end of a process, or with an exec, \
         needs no event.",
        {
            task: Uint, "The first thread of the process.";
            page: Uint, "The first of the pages.";
            pages: Uint, "How many.";
        }
}
