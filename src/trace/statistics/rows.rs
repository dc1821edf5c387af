//! The rows of all statistics: of a thread, of a CPU, of a device, of the run.

use super::{Better, StatisticRow, Unit};

/// A list of statistics and their rows, in the same order.
macro_rules! statistics {
    ($(#[$doc:meta])* $name:ident in $rows:ident:
     $($variant:ident = $row_name:literal, $title:literal, $unit:ident, $better:ident,
       $formula:literal, $row_doc:literal;)*) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $(#[doc = $row_doc] $variant,)*
        }

        $(#[$doc])*
        pub const $rows: &[StatisticRow] = &[$(StatisticRow {
            name: $row_name,
            title: $title,
            unit: Unit::$unit,
            better: Better::$better,
            formula: $formula,
            doc: $row_doc,
        },)*];

        impl $name {
            pub const ALL: &[$name] = &[$($name::$variant,)*];

            pub const fn row(self) -> &'static StatisticRow {
                &$rows[self as usize]
            }

            pub fn by_name(name: &str) -> Option<$name> {
                $name::ALL.iter().copied().find(|statistic| statistic.row().name == name)
            }
        }
    };
}

statistics! {
    /// What can be said of a thread.
    ThreadStatistic in THREAD:
    Arrival = "arrival", "arrival", Moment, Neither,
        "the moment of `process_fork`, or the start that the scenario gives",
        "When it began to exist, and so to be ready.";
    FirstRun = "first-run", "first run", Moment, Neither,
        "the first `sched_switch` to it",
        "When it had a CPU for the first time. Textbooks call it start.";
    Finish = "finish", "finish", Moment, Neither,
        "the last `sched_switch` from it, if it has ended",
        "When it left its CPU for good. A thread that is ended while it waits finishes there and then.";
    Response = "response", "response", Time, Less,
        "first-run − arrival",
        "How long it took until it had a CPU for the first time.";
    Turnaround = "turnaround", "turnaround", Time, Less,
        "finish − arrival = cpu + interrupt + switch + waiting + blocked",
        "How long it took from beginning to end.";
    Waiting = "waiting", "waiting", Time, Less,
        "Σ times in the state ready",
        "How long it could have run, but had no CPU. Of a thread that hasn't ended: until the end of the run.";
    LongestWait = "longest-wait", "longest wait", Time, Less,
        "max of the times from one dispatch, or from the beginning, to the next in the state ready",
        "The longest time in one go that it was ready and had no CPU. It shows starvation, which means and sums hide.";
    Blocked = "blocked", "blocked", Time, Neither,
        "Σ times in the state blocked",
        "How long it waited for something other than a CPU: a device, a timer, a lock, another process.";
    Cpu = "cpu", "CPU", Time, Neither,
        "user + kernel",
        "The CPU time that it had for itself.";
    User = "user", "user", Time, Neither,
        "Σ times in user mode",
        "CPU time for its own instructions.";
    Kernel = "kernel", "kernel", Time, Neither,
        "Σ times in system calls, faults and exceptions",
        "CPU time that the kernel spent on its behalf.";
    Interrupt = "interrupt", "interrupt", Time, Neither,
        "Σ times in which its CPU served a device",
        "It was current, but the CPU did something for somebody else.";
    Switch = "switch", "switch", Time, Neither,
        "Σ times from `sched_switch` to it until `sched_exit`",
        "How long the switches to it took.";
    Slowdown = "slowdown", "slowdown", Ratio, Less,
        "turnaround / (cpu + blocked)",
        "How many times as long it took as if it had had a CPU whenever it wanted one; 1 is the best there is. Time blocked counts as time that it would need alone, since a device isn't any faster then. Where it is blocked on other processes it might need less alone, and so the slowdown is a lower bound.";
    Dispatches = "dispatches", "dispatches", Count, Less,
        "number of `sched_switch` to it",
        "How often it was given a CPU.";
    Voluntary = "voluntary", "gave up", Count, Neither,
        "number of `sched_switch` from it because it blocked, yielded or ended",
        "How often it gave its CPU up.";
    Involuntary = "involuntary", "lost CPU", Count, Less,
        "number of `sched_switch` from it because its slice ended or it was pre-empted",
        "How often its CPU was taken away.";
    Migrations = "migrations", "migrations", Count, Less,
        "number of `sched_migrate` of it",
        "How often it went from one CPU's run queue to another's.";
    Jobs = "jobs", "jobs", Count, Neither,
        "number of `job_end` of it",
        "Of a periodic thread: how many jobs it has done.";
    Misses = "misses", "misses", Count, Less,
        "number of `deadline_miss` of it",
        "How many of its jobs hadn't ended by their deadlines, jobs that never began among them.";
    MeanJobResponse = "mean-job-response", "mean job", Time, Less,
        "Σ (time of `job_end` − release) / jobs",
        "How long its jobs took from release to end, on average. A release isn't put off if the job before is late.";
    MaxJobResponse = "max-job-response", "worst job", Time, Less,
        "max (time of `job_end` − release)",
        "How long the slowest of its jobs took from release to end.";
    MaxLateness = "max-lateness", "lateness", Lateness, Less,
        "max (time of `job_end` − deadline)",
        "How late the latest of its jobs was; negative if all ended before their deadlines. A job that never ended has no lateness, but is a miss.";
}

statistics! {
    /// What can be said of a CPU.
    CpuStatistic in CPU:
    Busy = "busy", "busy", Time, Neither,
        "user + kernel + interrupt + switch",
        "How long it did anything.";
    Idle = "idle", "idle", Time, Neither,
        "wall − busy",
        "How long there was nothing to do.";
    Utilisation = "utilisation", "utilisation", Ratio, Neither,
        "busy / wall",
        "Which part of the run it was busy.";
    Switches = "switches", "switches", Count, Less,
        "number of `sched_switch` on it",
        "How often it went from one thread, or from idling, to another.";
    Interrupts = "interrupts", "interrupts", Count, Neither,
        "number of handlers entered on it",
        "How often it was interrupted.";
}

statistics! {
    /// What can be said of a disk's file.
    DeviceStatistic in DEVICE:
    Busy = "busy", "busy", Time, Neither,
        "Σ times with at least one request from `block_rq_issue` to `block_rq_complete`",
        "How long a disk was at work for it, requests that queue there among them.";
    Utilisation = "utilisation", "utilisation", Ratio, Neither,
        "busy / wall",
        "Which part of the run that is.";
    Requests = "requests", "requests", Count, Neither,
        "number of `block_rq_issue`",
        "How many requests went to the disk.";
}

statistics! {
    /// What can be said of a run in one number.
    RunStatistic in RUN:
    Makespan = "makespan", "makespan", Time, Less,
        "max finish − min arrival; until the end of the run if a thread hasn't ended",
        "How long all the work took together.";
    Finished = "finished", "finished", Count, More,
        "number of threads with a finish",
        "How many threads ended within the run.";
    Unfinished = "unfinished", "unfinished", Count, Less,
        "number of threads without a finish",
        "How many threads hadn't ended. They have no turnaround and no slowdown, but they have waited.";
    Throughput = "throughput", "throughput", Rate, More,
        "finished / makespan",
        "How many threads ended in each second.";
    Utilisation = "utilisation", "CPUs busy", Ratio, Neither,
        "Σ busy of all CPUs / (CPUs × wall)",
        "Which part of all CPUs' time was used.";
    IoBusy = "io-busy", "I/O busy", Time, Neither,
        "Σ times with at least one request at any disk",
        "How long there was anything for the disks to do.";
    Jobs = "jobs", "jobs", Count, Neither,
        "Σ jobs of periodic threads",
        "How many jobs were done.";
    Misses = "misses", "misses", Count, Less,
        "Σ misses of periodic threads",
        "How many jobs hadn't ended by their deadlines.";
    MaxLateness = "max-lateness", "lateness", Lateness, Less,
        "max of max-lateness of periodic threads",
        "How late the latest job was; negative if all ended before their deadlines.";
    Switches = "switches", "switches", Count, Less,
        "number of `sched_switch`",
        "How often a CPU went from one thread, or from idling, to another.";
    Preemptions = "preemptions", "pre-emptions", Count, Less,
        "Σ involuntary",
        "How often a CPU was taken away from a thread.";
    Migrations = "migrations", "migrations", Count, Less,
        "number of `sched_migrate`",
        "How often a thread went from one run queue to another.";
    MeanSlowdown = "mean-slowdown", "mean slowdown", Ratio, Less,
        "Σ slowdown / n over threads that have ended",
        "How many times as long a thread took, on average, as it would have alone.";
    MaxSlowdown = "max-slowdown", "max slowdown", Ratio, Less,
        "max slowdown of threads that have ended",
        "The same for the thread that fared worst.";
    FairnessSlowdown = "fairness-slowdown", "fairness", Ratio, More,
        "(Σ xᵢ)² / (n · Σ xᵢ²) with xᵢ = slowdown of threads that have ended",
        "Jain's fairness index of slowdowns: 1 if all were slowed down equally, 1/n if one was and the others hardly. It compares jobs of different lengths.";
    FairnessCpu = "fairness-cpu", "fairness of CPU time", Ratio, More,
        "(Σ xᵢ)² / (n · Σ xᵢ²) with xᵢ = cpu of all threads",
        "Jain's fairness index of CPU time received: 1 if all had equally much, 1/n if one had all. It means something where all want as much as they can get until the run is over; where all run to their end it only says how different they are.";
}

statistics! {
    /// What has many values in a run, of which mean, percentiles and maximum are kept.
    SpreadStatistic in SPREADS:
    Response = "response", "response", Time, Less,
        "response of threads that have run",
        "How long threads took until they had a CPU for the first time.";
    Turnaround = "turnaround", "turnaround", Time, Less,
        "turnaround of threads that have ended",
        "How long threads took from beginning to end.";
    Waiting = "waiting", "waiting", Time, Less,
        "waiting of all threads",
        "How long threads were ready without a CPU.";
    Latency = "latency", "latency", Time, Less,
        "at each `sched_switch` to a thread: how long it had been ready",
        "Scheduling latency: from ready to running, each time that a thread was given a CPU, and not only the first.";
    JobResponse = "job-response", "job response", Time, Less,
        "at each `job_end`: its time − release",
        "How long the jobs of periodic threads took from release to end.";
}
