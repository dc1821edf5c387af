//! Statistics against textbooks' examples, added up by hand, and laws that hold in every run.

// What a test can't do without is unwrapped, outside of its own function as well.
#![allow(clippy::unwrap_used)]

mod common;

use common::generator;
use trapline::analysis::state::ThreadState;
use trapline::analysis::value::Value;
use trapline::analysis::{Account, LanesBuilder, Statistics, Summary};
use trapline::ids::NameId;
use trapline::scenario::{Overrides, Scenario};
use trapline::sim::{Outcome, Pace, Simulator, header};
use trapline::time::{Instant, Span};
use trapline::trace::statistics::{Figure, SpreadStatistic, ThreadStatistic};
use trapline::trace::{Header, sink::Memory};

/// A run in memory.
struct Run {
    header: Header,
    memory: Memory,
    end: Instant,
    outcome: Outcome,
}

impl Run {
    fn new(text: &str) -> Run {
        let scenario = match Scenario::parse("test", text, &Overrides::default()) {
            Ok(scenario) => scenario,
            Err(diagnostics) => panic!("{text}\n{}", diagnostics.render(false)),
        };
        let mut simulator = Simulator::new(&scenario.image, Memory::new(), Pace::Fast);
        let outcome = simulator.run();
        let end = simulator.end();
        Run { header: header(&scenario.image), memory: simulator.kernel.sink, end, outcome }
    }

    /// Kernel work is free, so that the times are the textbook's.
    fn free(scheduler: &str, processes: &[(u64, u64)]) -> Statistics {
        let mut text =
            format!("format = 1\n[machine]\ncosts = \"free\"\n[kernel]\nscheduler = {scheduler}\n");
        for (number, (arrival, burst)) in processes.iter().enumerate() {
            text.push_str(&format!(
                "[process.p{}]\nstart = \"{arrival}ms\"\nburst = \"{burst}ms\"\nsteps = [{{ compute = \"{burst}ms\" }}]\n",
                number + 1
            ));
        }
        let run = Run::new(&text);
        assert_eq!(run.outcome, Outcome::Finished);
        Statistics::of(&run.summary())
    }

    fn summary(&self) -> Summary {
        let mut account = Account::new(&self.header);
        for (task, process, parent, name) in &self.memory.tasks {
            account.task(*task, *process, *parent, name);
        }
        for (number, name) in self.memory.names.iter().enumerate() {
            account.name(NameId::from(number), name);
        }
        self.memory.events.iter().for_each(|event| account.event(event));
        account.finish(self.end)
    }

    /// How long each thread was ready, from the spans that a picture draws.
    fn ready(&self) -> Vec<Span> {
        let mut lanes = LanesBuilder::new(&self.header);
        for (task, process, parent, name) in &self.memory.tasks {
            lanes.task(*task, *process, *parent, name);
        }
        self.memory.events.iter().for_each(|event| lanes.event(event));
        let lanes = lanes.finish(self.end);
        let threads = lanes.threads.iter().filter(|thread| thread.start.is_some());
        let ready = threads.map(|thread| {
            let spans = thread.spans.iter().filter(|span| span.state == ThreadState::Ready);
            spans.map(|span| span.to.since(span.from)).sum()
        });
        ready.collect()
    }
}

/// A statistic of all threads, in whole milliseconds.
fn millis(statistics: &Statistics, statistic: ThreadStatistic) -> Vec<u64> {
    let values = statistics.threads.iter().map(|thread| match thread.get(statistic) {
        Some(Value::Time(span)) => span.as_nanos(),
        Some(Value::Moment(at)) => at.as_nanos(),
        other => panic!("{statistic:?} is {other:?}"),
    });
    values.map(|nanos| if nanos % 1_000_000 == 0 { nanos / 1_000_000 } else { panic!("{nanos}ns") }).collect()
}

#[track_caller]
fn figure(statistics: &Statistics, name: &str) -> Value {
    statistics.figure(Figure::by_name(name).unwrap()).unwrap()
}

const fn us(micros: u64) -> Value {
    Value::Time(Span::from_micros(micros))
}

// The first three are those of Silberschatz, Galvin and Gagne, Operating System Concepts, chapter 5.

#[test]
fn first_come_first_served_has_the_textbooks_averages() {
    let statistics = Run::free("\"fcfs\"", &[(0, 24), (0, 3), (0, 3)]);
    assert_eq!(millis(&statistics, ThreadStatistic::Waiting), [0, 24, 27]);
    assert_eq!(millis(&statistics, ThreadStatistic::Turnaround), [24, 27, 30]);
    assert_eq!(millis(&statistics, ThreadStatistic::Response), [0, 24, 27]);
    assert_eq!(figure(&statistics, "mean-waiting"), us(17_000));
    assert_eq!(figure(&statistics, "mean-turnaround"), us(27_000));
    assert_eq!(figure(&statistics, "makespan"), us(30_000));
    assert_eq!(figure(&statistics, "throughput"), Value::Rate(100.0));
    // Slowdowns 1, 9 and 10: 20² / (3 · 182).
    assert_eq!(figure(&statistics, "max-slowdown"), Value::Ratio(10.0));
    assert_eq!(figure(&statistics, "fairness-slowdown"), Value::Ratio(400.0 / 546.0));
    // CPU times 24, 3 and 3: 30² / (3 · 594).
    let Value::Ratio(fairness) = figure(&statistics, "fairness-cpu") else { panic!("a ratio") };
    assert!((fairness - 900.0 / 1_782.0).abs() < 1e-12);
}

#[test]
fn round_robin_has_the_textbooks_averages() {
    let scheduler = "{ policy = \"round-robin\", quantum = \"4ms\" }";
    let statistics = Run::free(scheduler, &[(0, 24), (0, 3), (0, 3)]);
    assert_eq!(millis(&statistics, ThreadStatistic::Waiting), [6, 4, 7]);
    assert_eq!(millis(&statistics, ThreadStatistic::Turnaround), [30, 7, 10]);
    assert_eq!(millis(&statistics, ThreadStatistic::LongestWait), [6, 4, 7]);
    assert_eq!(figure(&statistics, "mean-waiting"), Value::Time(Span::from_nanos(17_000_000 / 3)));
}

#[test]
fn shortest_remaining_time_first_has_the_textbooks_averages() {
    let statistics = Run::free("\"srtf\"", &[(0, 8), (1, 4), (2, 9), (3, 5)]);
    assert_eq!(millis(&statistics, ThreadStatistic::Arrival), [0, 1, 2, 3]);
    assert_eq!(millis(&statistics, ThreadStatistic::Finish), [17, 5, 26, 10]);
    assert_eq!(millis(&statistics, ThreadStatistic::Response), [0, 0, 15, 2]);
    assert_eq!(figure(&statistics, "mean-waiting"), us(6_500));
    assert_eq!(figure(&statistics, "mean-turnaround"), us(13_000));
    assert_eq!(figure(&statistics, "preemptions"), Value::Count(1));
}

#[test]
fn time_blocked_is_no_slowdown_and_starvation_is_the_longest_wait() {
    let run = Run::new(
        r#"
format = 1
[machine]
costs = "free"
[kernel]
scheduler = "priority"
[process.high]
priority = 2
steps = [{ compute = "2ms" }, { sleep = "3ms" }, { compute = "1ms" }]
[process.low]
steps = [{ compute = "20ms" }]
[process.never]
priority = -1
steps = [{ compute = "1ms" }]
[run]
until = "10ms"
"#,
    );
    let statistics = Statistics::of(&run.summary());
    let [high, low, never] = &statistics.threads[..] else { panic!("three threads") };
    assert_eq!(high.get(ThreadStatistic::Blocked), Some(us(3_000)));
    assert_eq!(high.get(ThreadStatistic::Slowdown), Some(Value::Ratio(1.0)));
    // It waits at the beginning for 2 ms, and is pre-empted from 5 to 6 ms.
    assert_eq!(low.get(ThreadStatistic::Waiting), Some(us(3_000)));
    assert_eq!(low.get(ThreadStatistic::LongestWait), Some(us(2_000)));
    assert_eq!(low.get(ThreadStatistic::Involuntary), Some(Value::Count(1)));
    assert_eq!(low.get(ThreadStatistic::Turnaround), None);
    assert_eq!(never.get(ThreadStatistic::Response), None);
    assert_eq!(never.get(ThreadStatistic::LongestWait), Some(us(10_000)));
    assert_eq!(figure(&statistics, "unfinished"), Value::Count(2));
    assert_eq!(figure(&statistics, "makespan"), us(10_000));
    assert_eq!(figure(&statistics, "utilisation"), Value::Ratio(1.0));
}

#[test]
fn jobs_are_timed_from_their_releases_and_late_ones_counted() {
    let run = Run::new(
        r#"
format = 1
[machine]
costs = "free"
[kernel]
scheduler = "priority"
[process.fast]
priority = 2
period = "5ms"
jobs = 4
steps = [{ compute = "2ms" }]
[process.slow]
priority = 1
period = "10ms"
deadline = "8ms"
jobs = 2
steps = [{ compute = "5ms" }]
"#,
    );
    let statistics = Statistics::of(&run.summary());
    let [fast, slow] = &statistics.threads[..] else { panic!("two threads") };
    assert_eq!(fast.get(ThreadStatistic::Jobs), Some(Value::Count(4)));
    assert_eq!(fast.get(ThreadStatistic::MaxJobResponse), Some(us(2_000)));
    assert_eq!(fast.get(ThreadStatistic::MaxLateness), Some(Value::Lateness(-3_000_000)));
    // It runs from 2 to 5 and from 7 to 9 ms, and so again ten milliseconds later.
    assert_eq!(slow.get(ThreadStatistic::MeanJobResponse), Some(us(9_000)));
    assert_eq!(slow.get(ThreadStatistic::Misses), Some(Value::Count(2)));
    assert_eq!(figure(&statistics, "misses"), Value::Count(2));
    assert_eq!(figure(&statistics, "max-lateness"), Value::Lateness(1_000_000));
    assert_eq!(figure(&statistics, "mean-job-response"), Value::Time(Span::from_nanos(26_000_000 / 6)));
}

#[test]
fn a_disk_is_busy_from_request_to_completion() {
    let run = Run::new(
        r#"
format = 1
[machine]
costs = "free"
[device.disk]
service = "4ms"
per-kib = "0ns"
[file.data]
disk = "disk"
size = "64KiB"
[process.p]
steps = [{ compute = "1ms" }, { read = "data", bytes = "4KiB" }, { compute = "3ms" }]
"#,
    );
    let statistics = Statistics::of(&run.summary());
    let [(name, values)] = &statistics.devices[..] else { panic!("one file: {statistics:?}") };
    assert_eq!((name.as_str(), values[0]), ("data", us(4_000)));
    assert_eq!(figure(&statistics, "io-busy"), us(4_000));
    assert_eq!(statistics.threads[0].get(ThreadStatistic::Blocked), Some(us(4_000)));
}

#[test]
fn statistics_obey_their_laws_in_random_scenarios() {
    let mut ended = 0;
    for seed in 0..120 {
        let run = Run::new(&generator::scenario(seed));
        let summary = run.summary();
        let statistics = Statistics::of(&summary);
        let ready = run.ready();
        assert_eq!(ready.len(), statistics.threads.len(), "seed {seed}");
        for (thread, ready) in statistics.threads.iter().zip(ready) {
            let time = |statistic| match thread.get(statistic) {
                Some(Value::Time(span)) => span,
                other => panic!("seed {seed}: {statistic:?} is {other:?}"),
            };
            use ThreadStatistic::{Blocked, Cpu, Interrupt, LongestWait, Switch, Waiting};
            assert_eq!(time(Waiting), ready, "seed {seed}");
            assert!(time(LongestWait) <= time(Waiting), "seed {seed}");
            let parts = time(Cpu) + time(Interrupt) + time(Switch) + time(Waiting) + time(Blocked);
            if let Some(turnaround) = thread.get(ThreadStatistic::Turnaround) {
                ended += 1;
                assert_eq!(turnaround, Value::Time(parts), "seed {seed}: {}", thread.name);
            }
            if let Some(Value::Time(response)) = thread.get(ThreadStatistic::Response) {
                assert!(response <= time(Waiting) + time(Blocked), "seed {seed}: {}", thread.name);
            }
            if let Some(Value::Ratio(slowdown)) = thread.get(ThreadStatistic::Slowdown) {
                assert!(slowdown >= 1.0, "seed {seed}: {}", thread.name);
            }
        }
        for name in ["fairness-slowdown", "fairness-cpu"] {
            match statistics.figure(Figure::by_name(name).unwrap()) {
                Some(Value::Ratio(index)) => assert!(index > 0.0 && index <= 1.0, "seed {seed}: {index}"),
                Some(other) => panic!("seed {seed}: {name} is {other:?}"),
                None => {}
            }
        }
        let dispatches: u64 = summary.threads.iter().map(|thread| thread.dispatches).sum();
        let latency = statistics.spread(SpreadStatistic::Latency);
        assert_eq!(latency.map_or(0, |latency| latency.count), dispatches, "seed {seed}");
    }
    assert!(ended > 150, "only {ended} threads ended: the laws say little");
}
