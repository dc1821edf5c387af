//! For each law: a trace that obeys it, and one that breaks it.

use super::*;
use crate::ids::{CallId, NameId, Pid, StepId};
use crate::signal::Signal;
use crate::trace::event::{Cause, Exception, Fault};
use crate::trace::header::{ObjectEntry, SCHEMA};

const READ: CallId = CallId(0);
const FORK: CallId = CallId(1);
const LINE: Vector = Vector(33);
const PIPE: ObjectId = ObjectId(0);
const FILE: ObjectId = ObjectId(1);

fn header() -> Header {
    let entry = |task| TaskEntry {
        task: Tid(task),
        process: Pid(task),
        parent: Tid::INIT,
        name: format!("p{task}"),
        start: Instant::START,
    };
    let object = |kind: &str| ObjectEntry { kind: kind.to_owned(), name: kind.to_owned() };
    Header {
        schema: SCHEMA,
        tool_version: String::new(),
        scenario: String::new(),
        scenario_hash: String::new(),
        question: String::new(),
        seed: 0,
        source: Source::Simulated,
        cpus: 2,
        costs: String::new(),
        costs_hash: String::new(),
        observes: Vec::new(),
        fingerprint: String::new(),
        calls: vec!["read".to_owned(), "fork".to_owned()],
        steps: Vec::new(),
        objects: vec![object("pipe"), object("file")],
        vectors: Vec::new(),
        initial: vec![entry(2), entry(3)],
        programs: Vec::new(),
        memory: Default::default(),
    }
}

/// Events of CPU 0, one each 10 ns.
fn on_cpu_0(events: &[(u32, Kind)]) -> Vec<Event> {
    let placed: Vec<_> = events.iter().map(|&(task, kind)| (0, task, kind)).collect();
    on_cpus(&placed)
}

/// Events with their CPU, one each 10 ns.
fn on_cpus(events: &[(u16, u32, Kind)]) -> Vec<Event> {
    let events = events.iter().enumerate();
    events
        .map(|(index, &(cpu, task, kind))| Event {
            at: Instant::from_nanos(10 * index as u64),
            cpu: Some(CpuId(cpu)),
            task: Tid(task),
            step: StepId::NONE,
            kind,
        })
        .collect()
}

fn broken_by(header: &Header, events: &[Event]) -> Vec<(Law, u64)> {
    let mut checker = Checker::new(header);
    for event in events {
        checker.event(event);
    }
    checker.finish().iter().map(|violation| (violation.law, violation.index)).collect()
}

/// The violations of a trace in which CPU 0 goes from idle to thread 2, which then does this.
fn running_2(events: &[(u32, Kind)]) -> Vec<(Law, u64)> {
    let mut all = vec![(0, switch(0, 2, Why::WorkArrived)), (2, Kind::SchedExit)];
    all.extend_from_slice(events);
    broken_by(&header(), &on_cpu_0(&all))
}

fn switch(prev: u32, next: u32, why: Why) -> Kind {
    Kind::SchedSwitch { prev: Tid(prev), next: Tid(next), why }
}

const BLOCKED: Why = Why::Blocked { on: Cause::PipeRead, object: Some(PIPE) };
const NOTHING: [(Law, u64); 0] = [];

#[test]
fn time_goes_forward_or_stands_still() {
    let mut events =
        on_cpu_0(&[(0, switch(0, 2, Why::WorkArrived)), (2, Kind::SchedExit), (2, Kind::LocalTimerEntry)]);
    events[1].at = Instant::START;
    assert_eq!(broken_by(&header(), &events), NOTHING);
    events[1].at = Instant::from_nanos(21);
    assert_eq!(broken_by(&header(), &events), [(Law::TimeGoesForward, 2)]);
}

#[test]
fn a_call_is_left_before_the_next_is_entered() {
    let enter = |call| (2, Kind::SysEnter { call });
    let leave = |call| (2, Kind::SysExit { call, result: 0 });
    assert_eq!(running_2(&[enter(READ), leave(READ), enter(FORK), leave(FORK), enter(READ)]), NOTHING);
    assert_eq!(running_2(&[enter(READ), enter(FORK)]), [(Law::CallsBalance, 3)]);
    assert_eq!(running_2(&[enter(READ), leave(FORK)]), [(Law::CallsBalance, 3)]);
    assert_eq!(running_2(&[leave(READ)]), [(Law::CallsBalance, 2)]);
}

#[test]
fn a_forked_child_begins_inside_its_parents_call() {
    let fork = (2, Kind::ProcessFork { child: Tid(9), process: Pid(9) });
    let before = [
        (2, Kind::SysEnter { call: FORK }),
        fork,
        (2, Kind::SysExit { call: FORK, result: 9 }),
        (2, switch(2, 9, Why::SliceEnd)),
    ];
    let then = |kind| [&before[..], &[(9, kind)]].concat();
    assert_eq!(running_2(&then(Kind::SysExit { call: FORK, result: 0 })), NOTHING);
    // A thread begins in user mode: it never leaves the call by which it was made.
    assert_eq!(running_2(&then(Kind::SysEnter { call: READ })), NOTHING);
    assert_eq!(running_2(&then(Kind::SysExit { call: READ, result: 0 })), [(Law::CallsBalance, 6)]);
}

#[test]
fn a_thread_that_ends_or_begins_another_program_may_leave_its_call_open() {
    let enter = (2, Kind::SysEnter { call: READ });
    assert_eq!(
        running_2(&[enter, (2, Kind::ProcessExit { status: 137 }), (2, switch(2, 0, Why::Exited))]),
        NOTHING
    );
    let exec = (2, Kind::ProcessExec { program: NameId(0) });
    assert_eq!(running_2(&[enter, exec, enter]), NOTHING);
    assert_eq!(running_2(&[enter, exec, (2, Kind::SysExit { call: READ, result: 0 }), enter]), NOTHING);
}

#[test]
fn exceptions_are_handled_one_after_another() {
    let fault = (2, Kind::PageFaultUser { page: 1, fault: Fault::Major });
    let divide = (2, Kind::ExceptionEntry { exception: Exception::DivideError });
    let kernel = (2, Kind::PageFaultKernel { page: 1, fault: Fault::Minor });
    let exit = (2, Kind::ExceptionExit);
    let away = [(2, switch(2, 0, BLOCKED)), (0, Kind::SchedWakeup { task: Tid(2), on: CpuId(0) })];
    let back = (0, switch(0, 2, Why::WorkArrived));
    assert_eq!(running_2(&[fault, away[0], away[1], back, exit, divide, exit]), NOTHING);
    // The kernel's own faults may or may not end with an exit.
    assert_eq!(running_2(&[kernel, exit, kernel, fault, exit]), NOTHING);
    assert_eq!(running_2(&[fault, divide]), [(Law::ExceptionsBalance, 3)]);
    assert_eq!(running_2(&[exit]), [(Law::ExceptionsBalance, 2)]);
}

#[test]
fn handlers_nest_on_their_cpu() {
    let entry = (2, Kind::SoftirqEntry { vector: LINE });
    let exit = (2, Kind::SoftirqExit { vector: LINE });
    let irq = [
        (2, Kind::IrqHandlerEntry { vector: Vector(40) }),
        (2, Kind::IrqHandlerExit { vector: Vector(40), handled: true }),
    ];
    let timer = [(2, Kind::LocalTimerEntry), (2, Kind::LocalTimerExit)];
    let reschedule = [(2, Kind::RescheduleEntry), (2, Kind::RescheduleExit)];
    let nested = [entry, irq[0], timer[0], timer[1], reschedule[0], reschedule[1], irq[1], exit];
    assert_eq!(running_2(&nested), NOTHING);
    assert_eq!(running_2(&[entry, timer[0]]), NOTHING, "the run ended within the handlers");
    assert_eq!(running_2(&[entry, irq[0], exit]), [(Law::HandlersNest, 4)]);
    assert_eq!(running_2(&[timer[1]]), [(Law::HandlersNest, 2)]);
    assert_eq!(running_2(&[(2, Kind::IrqHandlerEntry { vector: LINE }), irq[1]]), [(Law::HandlersNest, 3)]);
}

#[test]
fn an_events_thread_is_the_one_its_cpu_has_switched_to() {
    let timer = Kind::LocalTimerEntry;
    assert_eq!(running_2(&[(2, switch(2, 3, Why::SliceEnd)), (3, timer)]), NOTHING);
    assert_eq!(running_2(&[(3, timer)]), [(Law::OneTaskPerCpu, 2)]);
    assert_eq!(running_2(&[(2, switch(3, 2, Why::SliceEnd))]), [(Law::OneTaskPerCpu, 2)]);
    let raised = Kind::InterruptRaised { vector: LINE, to: CpuId(0) };
    assert_eq!(running_2(&[(0, raised)]), NOTHING, "a device is no thread");
}

#[test]
fn no_thread_is_on_two_cpus() {
    let start = |next| switch(0, next, Why::WorkArrived);
    let events =
        |on_1| on_cpus(&[(0, 0, start(2)), (1, 0, start(on_1)), (1, on_1, switch(on_1, 0, Why::Yielded))]);
    assert_eq!(broken_by(&header(), &events(3)), NOTHING);
    assert_eq!(broken_by(&header(), &events(2)), [(Law::OneTaskPerCpu, 1)]);
}

#[test]
fn a_blocked_thread_is_woken_before_it_runs() {
    let away = (2, switch(2, 0, BLOCKED));
    let back = (0, switch(0, 2, Why::WorkArrived));
    let wake = (0, Kind::SchedWakeup { task: Tid(2), on: CpuId(0) });
    assert_eq!(running_2(&[away, wake, back]), NOTHING);
    assert_eq!(running_2(&[(2, switch(2, 0, Why::Yielded)), back]), NOTHING);
    assert_eq!(running_2(&[away, back]), [(Law::BlockedUntilWoken, 3)]);
    assert_eq!(running_2(&[away, wake, back, away, back]), [(Law::BlockedUntilWoken, 6)]);
}

#[test]
fn a_thread_does_nothing_before_it_exists() {
    let fork = (2, Kind::ProcessFork { child: Tid(9), process: Pid(9) });
    let wake = (2, Kind::SchedWakeup { task: Tid(9), on: CpuId(0) });
    assert_eq!(running_2(&[fork, wake]), NOTHING);
    assert_eq!(running_2(&[wake]), [(Law::TasksLive, 2)]);
    assert_eq!(running_2(&[wake, wake]), [(Law::TasksLive, 2)], "it is said once");
    assert_eq!(running_2(&[fork, fork]), [(Law::TasksLive, 3)]);

    let mut late = header();
    late.initial[0].start = Instant::from_nanos(1);
    let events = on_cpu_0(&[(0, switch(0, 2, Why::WorkArrived)), (2, Kind::SchedExit)]);
    assert_eq!(broken_by(&late, &events), [(Law::TasksLive, 0)]);
}

#[test]
fn an_announced_thread_exists_from_its_start() {
    let entry = |start| TaskEntry {
        task: Tid(9),
        process: Pid(9),
        parent: Tid(1),
        name: "late".to_owned(),
        start: Instant::from_nanos(start),
    };
    let events = on_cpu_0(&[
        (0, switch(0, 2, Why::WorkArrived)),
        (2, Kind::SchedWakeup { task: Tid(9), on: CpuId(0) }),
    ]);
    let broken = |start| {
        let mut checker = Checker::new(&header());
        checker.task(&entry(start));
        events.iter().for_each(|event| checker.event(event));
        checker.finish().len()
    };
    assert_eq!(broken(10), 0);
    assert_eq!(broken(11), 1);
}

#[test]
fn an_ended_thread_does_nothing_more_but_may_still_be_current() {
    let exit = (2, Kind::ProcessExit { status: 0 });
    let raised = (2, Kind::InterruptRaised { vector: LINE, to: CpuId(0) });
    let taken = (2, Kind::InterruptRecognised { vector: LINE });
    let child = (2, Kind::SignalGenerate { signal: Signal::SIGCHLD, to: Tid(3) });
    let waking = (2, Kind::SchedWaking { task: Tid(3) });
    let away = (2, switch(2, 0, Why::Exited));
    assert_eq!(running_2(&[exit, child, waking, raised, taken, away]), NOTHING);
    assert_eq!(running_2(&[exit, (2, Kind::SysEnter { call: READ })]), [(Law::TasksLive, 3)]);
    assert_eq!(running_2(&[exit, exit]), [(Law::TasksLive, 3)]);
    let signal = (0, Kind::SignalGenerate { signal: Signal::SIGTERM, to: Tid(2) });
    assert_eq!(running_2(&[exit, away, signal]), NOTHING, "a zombie can be sent signals");
    assert_eq!(running_2(&[exit, away, waking]), [(Law::OneTaskPerCpu, 4), (Law::TasksLive, 4)]);
    assert_eq!(running_2(&[exit, away, (0, switch(0, 2, Why::WorkArrived))]), [(Law::TasksLive, 4)]);
    assert_eq!(
        running_2(&[exit, away, (0, Kind::SchedWakeup { task: Tid(2), on: CpuId(0) })]),
        [(Law::TasksLive, 4)]
    );
}

#[test]
fn no_more_interrupts_are_recognised_than_raised() {
    let raised = (2, Kind::InterruptRaised { vector: LINE, to: CpuId(0) });
    let merged = (2, Kind::InterruptCoalesced { vector: LINE, to: CpuId(0) });
    let taken = (2, Kind::InterruptRecognised { vector: LINE });
    assert_eq!(running_2(&[raised, merged, taken, raised, taken, raised]), NOTHING);
    assert_eq!(running_2(&[raised, merged, taken, taken]), [(Law::RaisedBeforeRecognised, 5)]);
    let elsewhere = (2, Kind::InterruptRaised { vector: LINE, to: CpuId(1) });
    assert_eq!(running_2(&[elsewhere, taken]), [(Law::RaisedBeforeRecognised, 3)]);
}

#[test]
fn a_pipe_gives_no_more_bytes_than_it_took() {
    let send = |bytes| (2, Kind::MessageSend { object: PIPE, bytes });
    let receive = |object, bytes| (2, Kind::MessageReceive { object, bytes });
    assert_eq!(running_2(&[send(10), receive(PIPE, 4), receive(PIPE, 6)]), NOTHING);
    assert_eq!(running_2(&[send(10), receive(PIPE, 4), receive(PIPE, 7)]), [(Law::BytesConserved, 4)]);
    assert_eq!(running_2(&[receive(FILE, 7)]), NOTHING, "a file holds bytes from before");
}

#[test]
fn laws_that_a_source_cannot_observe_are_left_out() {
    let mut measured = header();
    measured.source = Source::Measured;
    let events =
        on_cpu_0(&[(3, Kind::SysEnter { call: READ }), (3, Kind::InterruptRecognised { vector: LINE })]);
    assert_eq!(broken_by(&measured, &events), NOTHING);
    measured.observes = vec!["interrupt_raised".to_owned()];
    assert_eq!(broken_by(&measured, &events), [(Law::RaisedBeforeRecognised, 1)]);
    assert_eq!(broken_by(&header(), &events)[0], (Law::OneTaskPerCpu, 0), "a simulated CPU begins idle");
}

#[test]
fn a_violation_says_which_event_when_and_what() {
    let mut checker = Checker::new(&header());
    for event in
        on_cpu_0(&[(0, switch(0, 2, Why::WorkArrived)), (2, Kind::SysExit { call: READ, result: 0 })])
    {
        checker.event(&event);
    }
    let shown: Vec<_> = checker.finish().iter().map(Violation::to_string).collect();
    assert_eq!(shown, ["event 1 at 10ns: thread 2 leaves call 0 without having entered it"]);
}

#[test]
fn the_checker_gives_up_after_enough_violations() {
    let wrong = vec![(2, Kind::ExceptionExit); 2 * MOST];
    assert_eq!(running_2(&wrong).len(), MOST);
}
