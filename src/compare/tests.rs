//! Comparisons of small traces with hand-computed values.

use std::collections::BTreeMap;

use super::accuracy::Nature;
use super::contributors::{Reason, Sort};
use super::facts::Count;
use super::join::Conditions;
use super::pieces::Cause;
use super::row::Group;
use super::tape::{ANSWERER, CALLER, EXIT, PING, PONG, READ, Tape, WRITE, header};
use super::{Comparison, Facts, Goals, Side, Verdict, view};
use crate::ids::{CpuId, ObjectId, StepId, Tid};
use crate::time::{Instant, Span};
use crate::trace::{Event, Fault, Kind, Trace, Why};

/// What things cost, in nanoseconds.
#[derive(Clone, Copy)]
struct Prices {
    user: u64,
    write: u64,
    hand_over: u64,
}

const PRICES: Prices = Prices { user: 100, write: 200, hand_over: 1_000 };

/// Two processes on one CPU send a byte to and fro. The answerer begins and blocks at once: 100 ns
/// of user mode and 50 ns up to the caller's first step. Each round has four pieces of user mode, two
/// writes and two hand-overs: 2.8 us with the prices above.
fn ping_pong(rounds: u64, prices: Prices) -> Trace {
    let mut tape = Tape::new();
    let arrives = Kind::SchedSwitch { prev: Tid::IDLE, next: ANSWERER, why: Why::WorkArrived };
    tape.after(0, Tid::IDLE, 0, arrives);
    tape.after(100, ANSWERER, 2, Kind::SysEnter { call: READ });
    tape.blocks(ANSWERER, 2, CALLER);
    for round in 0..rounds {
        let first = if round == 0 { 50 } else { prices.user };
        send(&mut tape, (CALLER, 0, PING), ANSWERER, first, prices);
        tape.after(prices.user, CALLER, 1, Kind::SysEnter { call: READ });
        tape.blocks(CALLER, 1, ANSWERER);
        receive(&mut tape, (ANSWERER, 2, PING), prices);
        send(&mut tape, (ANSWERER, 3, PONG), CALLER, prices.user, prices);
        tape.after(prices.user, ANSWERER, 2, Kind::SysEnter { call: READ });
        tape.blocks(ANSWERER, 2, CALLER);
        receive(&mut tape, (CALLER, 1, PONG), prices);
    }
    tape.after(prices.user, CALLER, u32::MAX, Kind::SysEnter { call: EXIT });
    // Taking it apart is no part of the run.
    tape.after(70_000, CALLER, u32::MAX, Kind::ProcessExit { status: 0 });
    tape.after(0, CALLER, u32::MAX, Kind::SchedSwitch { prev: CALLER, next: Tid::IDLE, why: Why::Exited });
    tape.trace
}

fn send(tape: &mut Tape, (task, step, object): (Tid, u32, ObjectId), to: Tid, user: u64, prices: Prices) {
    tape.after(user, task, step, Kind::SysEnter { call: WRITE });
    tape.after(prices.write / 2, task, step, Kind::MessageSend { object, bytes: 1 });
    tape.after(0, task, step, Kind::SchedWakeup { task: to, on: CpuId(0) });
    tape.after(prices.write - prices.write / 2, task, step, Kind::SysExit { call: WRITE, result: 1 });
}

fn receive(tape: &mut Tape, (task, step, object): (Tid, u32, ObjectId), prices: Prices) {
    tape.after(prices.hand_over, task, step, Kind::MessageReceive { object, bytes: 1 });
    tape.after(0, task, step, Kind::SysExit { call: READ, result: 1 });
}

fn side(label: &str, traces: &[Trace]) -> Side {
    Side {
        label: label.to_owned(),
        plain: traces.iter().map(Facts::of).collect(),
        seen: traces.first().map(Facts::of),
    }
}

fn compare(one: &[Trace], other: &[Trace]) -> Comparison {
    let conditions = Conditions { labels: ["one".into(), "other".into()], ..Conditions::default() };
    Comparison::new(&side("one", one), &side("other", other), Goals::of(1), conditions)
}

#[test]
fn a_trace_amounts_to_its_counts_and_times() {
    let facts = Facts::of(&ping_pong(10, PRICES));
    // 150 ns up to the first write, then rounds of 2.8 us of which the first has spent its first
    // 100 ns, and 100 ns up to the exit.
    assert_eq!(facts.wall, Span::from_nanos(150 + 28_000 - 100 + 100));
    let counted = |count: Count| facts.counts.get(&count).copied().unwrap_or(0);
    assert_eq!(counted(Count::Call("read".into())), 21);
    assert_eq!(counted(Count::Call("write".into())), 20);
    assert_eq!((counted(Count::Messages("ping".into())), counted(Count::Bytes("pong".into()))), (10, 10));
    // The answerer blocks once more than the caller, and the caller exits.
    assert_eq!((counted(Count::Voluntary), counted(Count::Involuntary)), (22, 0));
    assert_eq!(counted(Count::Wakeups), 20);
    // From the writer's entry to the reader's return: write, user mode, hand-over.
    assert_eq!(facts.messages["ping"], vec![1_300; 10]);
    let write = facts.steps.iter().find(|(key, _)| key.task == "caller" && key.call == "write").unwrap();
    assert_eq!((write.0.step.as_ref().unwrap().1, write.0.line, write.1), (1, 5, &vec![200; 10]));
}

#[test]
fn the_pieces_are_the_end_to_end_time_to_the_nanosecond() {
    let facts = Facts::of(&ping_pong(10, PRICES));
    let sum: u64 = facts.pieces.values().map(|pieces| pieces.nanos).sum();
    assert_eq!(Span::from_nanos(sum), facts.wall);
    let of = |sort: Sort| -> (u64, u64) {
        let meant = facts.pieces.iter().filter(|(cause, _)| cause.sort() == sort);
        meant.fold((0, 0), |(count, nanos), (_, it)| (count + it.count, nanos + it.nanos))
    };
    assert_eq!(of(Sort::HandOvers), (20, 20_000));
    assert_eq!(of(Sort::Calls), (20, 4_000));
    assert_eq!(of(Sort::UserMode), (42, 4_150));
    assert_eq!(of(Sort::Ends), (0, 0));
}

#[test]
fn the_same_trace_twice_has_no_error() {
    let trace = ping_pong(10, PRICES);
    let comparison = compare(std::slice::from_ref(&trace), std::slice::from_ref(&trace));
    assert!(comparison.rows.iter().all(|row| row.verdict == Verdict::Same && row.error == Some(0.0)));
    assert!(comparison.contributors.iter().all(|it| it.difference == 0.0));
    assert!(comparison.end_to_end().is_some());
    assert_eq!(comparison.nature, Nature::Ipc);
}

#[test]
fn a_dearer_hand_over_is_a_timing_error_and_its_cause() {
    let dear = Prices { hand_over: 1_500, ..PRICES };
    let comparison = compare(&[ping_pong(10, dear)], &[ping_pong(10, PRICES)]);
    let row = comparison.end_to_end().unwrap();
    assert_eq!((row.one, row.other.median, row.verdict), (38_150.0, 28_150.0, Verdict::Timing));
    assert!((row.error.unwrap() - 10_000.0 / 28_150.0).abs() < 1e-12);
    let [first, second, third] = &comparison.contributors[..3] else { panic!("too few") };
    for (found, task, line) in [(first, "answerer", 9), (second, "caller", 6)] {
        assert_eq!(found.cause, format!("hand-over to {task}, back from read (line {line})"));
        assert_eq!((found.share, found.reason), (0.5, Reason::Price));
        assert_eq!((found.counts, found.prices), ([10.0, 10.0], [1_500.0, 1_000.0]));
    }
    assert_eq!(third.difference, 0.0);
    assert!(comparison.rows(Group::Work).all(|row| row.verdict == Verdict::Same));
}

#[test]
fn other_counts_are_a_workload_error() {
    let comparison = compare(&[ping_pong(12, PRICES)], &[ping_pong(10, PRICES)]);
    assert_eq!(comparison.end_to_end().unwrap().verdict, Verdict::Workload);
    let read = comparison.rows(Group::Work).find(|row| row.name == "read").unwrap();
    assert_eq!((read.one, read.other.median, read.verdict), (25.0, 21.0, Verdict::Workload));
    let first = &comparison.contributors[0];
    assert_eq!((first.reason, first.counts, first.difference), (Reason::Count, [12.0, 10.0], 2_000.0));
    // Each call took as long as on the other side.
    assert!(comparison.rows(Group::Step).all(|row| row.error == Some(0.0)));
}

#[test]
fn chance_is_no_error() {
    let with = |hand_over| ping_pong(10, Prices { hand_over, ..PRICES });
    let others: Vec<Trace> = [800, 900, 1_000, 1_100, 1_200].map(with).into();
    let comparison = compare(&[with(1_150)], &others);
    let row = comparison.end_to_end().unwrap();
    // 10.7 % more than the median, but the repetitions are no closer to each other.
    assert!(row.error.unwrap() > 0.10 && row.other.low < row.other.high);
    assert_eq!(row.verdict, Verdict::Same);
}

#[test]
fn a_trace_is_seen_through_the_eyes_of_another() {
    let mut tape = Tape::new();
    tape.trace.header.observes = Vec::new();
    let fault = Kind::PageFaultUser { page: 16, fault: Fault::Minor };
    tape.after(0, Tid::IDLE, 0, Kind::SchedSwitch { prev: Tid::IDLE, next: CALLER, why: Why::WorkArrived });
    tape.after(300, CALLER, 0, Kind::SchedExit);
    tape.after(100, CALLER, 0, fault);
    tape.after(800, CALLER, 0, Kind::ExceptionExit);
    tape.after(100, CALLER, 0, fault);
    tape.blocks(CALLER, 0, Tid::IDLE);
    tape.after(50, CALLER, 0, Kind::ExceptionExit);
    let mut eyes = header();
    eyes.observes = vec!["sched_switch".to_owned(), "page_fault_user".to_owned()];
    let seen = view::through(&tape.trace, &eyes);
    let kinds: Vec<(u64, &str)> =
        seen.events.iter().map(|event| (event.at.as_nanos(), event.kind.name())).collect();
    let expected = [
        (0, "sched_switch"),
        (400, "page_fault_user"),
        (400, "exception_exit"),
        (1_300, "page_fault_user"),
        (1_300, "sched_switch"),
        (1_350, "exception_exit"),
    ];
    assert_eq!(kinds, expected);
    // The switch and the first fault have become user mode.
    assert_eq!(Facts::of(&seen).processes["caller"].user, 1_300);
}

#[test]
fn only_faults_of_the_scenarios_own_memory_count() {
    let mut trace = ping_pong(1, PRICES);
    let fault = |page| Event {
        at: Instant::START,
        cpu: Some(CpuId(0)),
        task: CALLER,
        step: StepId(0),
        kind: Kind::PageFaultUser { page, fault: Fault::CopyOnWrite },
    };
    trace.events.splice(1..1, [fault(17), fault(18), fault(34_358_720_173)]);
    let facts = Facts::of(&trace);
    assert_eq!(facts.counts[&Count::Faults(Some(Fault::CopyOnWrite))], 2);
    let of_caller: u64 = facts.pieces.values().map(|pieces| pieces.faults).sum();
    assert_eq!(of_caller, 2);
}

#[test]
fn numbered_siblings_are_pooled() {
    let mut trace = ping_pong(2, PRICES);
    for (entry, name) in trace.header.initial.iter_mut().zip(["worker[0]", "worker[1]"]) {
        entry.name = name.to_owned();
    }
    trace.tasks.clone_from(&trace.header.initial);
    let facts = Facts::of(&trace);
    assert_eq!(facts.processes.keys().collect::<Vec<_>>(), ["worker"]);
    assert!(facts.steps.keys().all(|key| key.task == "worker"));
}

#[test]
fn values_that_are_spread_are_compared_as_distributions() {
    // Half of the measured hand-overs take five times as long.
    let mut measured = ping_pong(40, PRICES);
    let mut late = Span::ZERO;
    let mut reads = 0;
    for event in &mut measured.events {
        if matches!(event.kind, Kind::MessageReceive { .. }) && event.task == CALLER {
            reads += 1;
            late += Span::from_nanos(if reads % 2 == 0 { 4_000 } else { 0 });
        }
        event.at += late;
    }
    let comparison = compare(&[ping_pong(40, PRICES)], &[measured.clone(), measured]);
    let name = "message through pong, p50";
    let row = comparison.rows(Group::Message).find(|row| row.name == name).unwrap();
    assert_eq!((row.error, row.distance, row.verdict), (Some(0.0), Some(0.5), Verdict::Timing));
    let ping = comparison.rows(Group::Message).find(|row| row.name == "message through ping, p50").unwrap();
    assert_eq!((ping.distance, ping.verdict), (None, Verdict::Same));
}

#[test]
fn being_watched_widens_what_is_allowed() {
    let slow = Prices { user: 150, write: 300, hand_over: 1_500 };
    let quick: Vec<Trace> = (0..3).map(|_| ping_pong(10, PRICES)).collect();
    let mut other = side("measured", &quick);
    other.seen = Some(Facts::of(&ping_pong(10, slow)));
    let one = side("simulated", &[ping_pong(10, PRICES)]);
    let comparison = Comparison::new(&one, &other, Goals::of(1), Conditions::default());
    assert!((comparison.slowdown.unwrap() - 0.5).abs() < 0.01);
    let kernel = comparison.rows(Group::Process).find(|row| row.name == "caller: kernel").unwrap();
    // Ten writes, and ten hand-overs while it was current.
    assert_eq!((kernel.one, kernel.other.median), (12_000.0, 18_000.0));
    assert_eq!(kernel.verdict, Verdict::Same);
}

#[test]
fn without_placement_the_measured_time_lies_between_or_not() {
    let trace = ping_pong(10, PRICES);
    let with = |placements| {
        let conditions = Conditions { placements: Some(placements), ..Conditions::default() };
        let (one, other) = (side("a", std::slice::from_ref(&trace)), side("b", std::slice::from_ref(&trace)));
        Comparison::new(&one, &other, Goals::of(2), conditions)
    };
    assert_eq!(with([20_000.0, 40_000.0]).is_between(), Some(true));
    assert_eq!(with([40_000.0, 20_000.0]).is_between(), Some(true));
    assert_eq!(with([32_000.0, 40_000.0]).is_between(), Some(false));
    assert!(with([20_000.0, 40_000.0]).result().contains("lies between"));
}

#[test]
fn a_childs_birth_and_a_process_end_have_pieces_of_their_own() {
    let mut tape = Tape::new();
    tape.after(100, CALLER, 1, Kind::SysEnter { call: READ });
    // The answerer is a child here: its first crossing leaves the call that made it.
    tape.after(400, ANSWERER, 2, Kind::SysExit { call: WRITE, result: 0 });
    tape.after(30, ANSWERER, u32::MAX, Kind::SysEnter { call: EXIT });
    tape.after(5_000, CALLER, 1, Kind::SysExit { call: READ, result: 1 });
    let pieces: BTreeMap<String, u64> = Facts::of(&tape.trace)
        .pieces
        .iter()
        .map(|(cause, pieces)| {
            let name = match cause {
                Cause::Begin(task) => format!("begin {task}"),
                Cause::End(task) => format!("end {task}"),
                Cause::User(key) => format!("user {}", key.task),
                Cause::Call(key) | Cause::HandOver(key) => key.at(),
            };
            (name, pieces.nanos)
        })
        .collect();
    let expected =
        [("begin answerer", 400), ("end answerer", 5_000), ("user answerer", 30), ("user caller", 100)];
    assert_eq!(pieces, expected.map(|(name, nanos)| (name.to_owned(), nanos)).into());
}

#[test]
fn a_thread_that_loses_its_cpu_on_the_way_back_notes_the_return_when_it_goes_on() {
    let mut tape = Tape::new();
    tape.after(100, CALLER, 1, Kind::SysEnter { call: WRITE });
    tape.after(50, CALLER, 1, Kind::SysExit { call: WRITE, result: 1 });
    let why = Why::Preempted { by: ANSWERER };
    tape.after(0, CALLER, 1, Kind::SchedSwitch { prev: CALLER, next: ANSWERER, why });
    tape.after(20, ANSWERER, 2, Kind::SchedExit);
    let why = Why::Exited;
    tape.after(1_000, ANSWERER, 2, Kind::SchedSwitch { prev: ANSWERER, next: CALLER, why });
    tape.after(20, CALLER, 1, Kind::SchedExit);
    let exits = |trace: &Trace| -> Vec<u64> {
        let exits = trace.events.iter().filter(|event| matches!(event.kind, Kind::SysExit { .. }));
        exits.map(|event| event.at.as_nanos()).collect()
    };
    assert_eq!(exits(&tape.trace), [150]);
    assert_eq!(exits(&view::as_noted(&tape.trace)), [1_190]);
}
