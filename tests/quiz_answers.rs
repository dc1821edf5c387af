//! Every answer of a quiz is found in another way: from the spans of a picture, by counting events, from the
//! simulator's own registers, or from what the scenario expects of itself.

// What a test can't do without is unwrapped, outside of its own function as well.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use trapline::analysis::Lanes;
use trapline::analysis::lanes::Waker;
use trapline::analysis::state::{CpuState, Handler, ThreadState, Work};
use trapline::ids::Tid;
use trapline::quiz::grade::{Verdict, grade};
use trapline::quiz::question::{NAME, Place, letter, shuffle};
use trapline::quiz::{Answer, KINDS, Question, Run};
use trapline::random::Key;
use trapline::scenario::{Outcome as Expected, Overrides, Scenario};
use trapline::sim::{Control, Outcome, Pace, Simulator};
use trapline::time::{Instant, Span};
use trapline::trace::sink::Memory;
use trapline::trace::{Event, Kind, Why};

const FOLDERS: [&str; 7] = ["boundary", "ipc", "programs", "io", "memory", "races", "sched"];
/// So many questions of each kind are held against another way to find their answers, per scenario.
const EACH: usize = 5;

fn scenarios() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in FOLDERS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(folder);
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|ending| ending == "toml") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The right answer without marks.
fn right(question: &Question) -> String {
    match &question.answer {
        Answer::Choice { choices, right } => bare(&choices[*right]),
        Answer::Number(number) | Answer::Bytes(number) => number.to_string(),
        Answer::Time(span) => span.as_nanos().to_string(),
    }
}

fn bare(text: &str) -> String {
    text.chars().filter(|c| *c != NAME.0 && *c != NAME.1).collect()
}

struct Case<'r> {
    run: &'r Run<'r>,
    lanes: Lanes,
}

/// Whether another way to find the answer gives the same; None if there isn't any at that place.
type Check = fn(&Case<'_>, &Question) -> Option<bool>;

const CHECKS: &[(&str, Check)] = &[
    ("entry", entry),
    ("next", next),
    ("left", left),
    ("woken", woken),
    ("register", register),
    ("served", served),
    ("faults", faults),
    ("calls", calls),
    ("switches", switches),
    ("bytes", bytes),
    ("response", response),
    ("turnaround", turnaround),
    ("waiting", waiting),
    ("order", order),
    ("missed", missed),
    ("value", value),
    ("output", output),
    ("deadlock", deadlock),
    ("circle", circle),
];

#[test]
fn every_answer_is_found_in_another_way_too() {
    assert_eq!(
        CHECKS.iter().map(|row| row.0).collect::<Vec<_>>(),
        KINDS.iter().map(|row| row.name).collect::<Vec<_>>()
    );
    let mut checked: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut mute, mut wrong) = (Vec::new(), Vec::new());
    for path in scenarios() {
        let scenario = Scenario::load(&path, &Overrides::default()).unwrap();
        let run = Run::of(&scenario, &Control::new()).unwrap();
        let lanes = run.lanes(run.events().len(), Instant::START, run.trace.end);
        let case = Case { run: &run, lanes };
        let mut any = false;
        for (row, (_, check)) in KINDS.iter().zip(CHECKS) {
            let mut stream = Key::of_run(7).named(row.name).named(&scenario.image.name).stream();
            let mut places = (row.places)(&run);
            shuffle(&mut places, &mut stream);
            let questions =
                places.into_iter().take(8 * EACH).filter_map(|place| (row.ask)(&run, place, &mut stream));
            for question in questions.take(EACH) {
                any = true;
                sound(&run, &question);
                if let Some(same) = check(&case, &question) {
                    if !same {
                        wrong.push(format!("{}: {question:#?}", path.display()));
                    }
                    *checked.entry(row.name).or_default() += 1;
                }
            }
        }
        if !any {
            mute.push(path);
        }
    }
    assert!(
        wrong.is_empty(),
        "{} answers are found otherwise in another way:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    for row in KINDS {
        let least = match row.name {
            "served" => 2,
            "register" | "circle" | "missed" | "value" => 5,
            _ => 30,
        };
        let found = checked.get(row.name).copied().unwrap_or(0);
        assert!(
            found >= least,
            "{}: only {found} answers were held against another way: {checked:?}",
            row.name
        );
    }
    assert!(mute.is_empty(), "nothing to ask about: {mute:?}");
}

/// What holds for every question, whatever its kind.
fn sound(run: &Run<'_>, question: &Question) {
    assert!(question.text.contains('?') && question.reason.ends_with('.'), "{question:#?}");
    for text in [&question.text, &question.reason] {
        let marks = |mark| text.matches(mark).count();
        assert_eq!(marks(NAME.0), marks(NAME.1), "{text}");
        let around: Vec<&str> =
            text.split(NAME.0).map(|piece| piece.rsplit(NAME.1).next().unwrap()).collect();
        let around = around.join("name");
        assert!(!around.contains("  ") && !around.contains(" ."), "{text}");
    }
    if let Some(moment) = question.moment {
        let events = run.events();
        assert!(events[..moment.events].iter().all(|event| event.at <= moment.at), "{question:#?}");
        assert!(events[moment.events..].iter().all(|event| event.at >= moment.at), "{question:#?}");
    }
    match &question.answer {
        Answer::Choice { choices, right } => {
            let different: BTreeSet<&String> = choices.iter().collect();
            assert_eq!(different.len(), choices.len(), "{question:#?}");
            assert!((2..=4).contains(&choices.len()), "{question:#?}");
            for number in 0..choices.len() {
                let wanted = if number == *right { Verdict::Right } else { Verdict::Wrong };
                assert_eq!(grade(&question.answer, &letter(number).to_string()), wanted);
            }
        }
        Answer::Number(number) => assert_eq!(grade(&question.answer, &number.to_string()), Verdict::Right),
        Answer::Bytes(bytes) => assert_eq!(grade(&question.answer, &format!("{bytes}B")), Verdict::Right),
        Answer::Time(span) => assert_eq!(grade(&question.answer, &span.to_string()), Verdict::Right),
    }
}

fn event<'r>(case: &Case<'r>, question: &Question) -> (usize, &'r Event) {
    let Place::Event(number) = question.place else { panic!("{question:#?}") };
    (number, &case.run.events()[number])
}

fn thread(question: &Question) -> Tid {
    match question.place {
        Place::Thread(task) | Place::Faults(task, _) => task,
        _ => panic!("{question:#?}"),
    }
}

/// Whether the CPU does anything else at the same instant, so that spans can't tell.
fn is_alone(case: &Case<'_>, number: usize) -> bool {
    let event = case.run.events()[number];
    let here = |other: &&Event| other.at == event.at && other.cpu == event.cpu;
    let switches = case.run.events().iter().filter(here);
    switches.filter(|other| matches!(other.kind, Kind::SchedSwitch { .. })).count() == 1
}

fn next(case: &Case<'_>, question: &Question) -> Option<bool> {
    let (number, event) = event(case, question);
    let spans = &case.lanes.cpus[event.cpu?.index()].spans;
    let after = spans.iter().find(|span| span.to > event.at).filter(|_| is_alone(case, number))?;
    let name = match after.state {
        CpuState::Idle => "nobody: the CPU is idle".to_owned(),
        // A switch to idling has a price, and then nobody is current.
        _ if after.task == Tid::IDLE => "nobody: the CPU is idle".to_owned(),
        _ => case.run.bare_name(after.task).to_owned(),
    };
    Some(name == right(question))
}

fn left(case: &Case<'_>, question: &Question) -> Option<bool> {
    let (number, event) = event(case, question);
    let Kind::SchedSwitch { prev, .. } = event.kind else { panic!("a switch") };
    let lane = case.lanes.threads.iter().find(|lane| lane.task == prev)?;
    if !is_alone(case, number) {
        return None;
    }
    let after = lane.spans.iter().find(|span| span.to > event.at);
    let said = right(question);
    Some(match after.map(|span| span.state) {
        None => lane.end != Some(event.at) || said == "it has ended",
        Some(ThreadState::Blocked { on, object }) => {
            said == bare(&format!("it waits for {}", case.run.wait(on, object)))
        }
        Some(ThreadState::Ready) => {
            said.contains("used up") || said.contains("goes first") || said.contains("step back")
        }
        // It was woken or came back at the same instant.
        Some(_) => return None,
    })
}

fn entry(case: &Case<'_>, question: &Question) -> Option<bool> {
    let (_, event) = event(case, question);
    let lane = case.lanes.threads.iter().find(|lane| lane.task == event.task)?;
    let user = lane.spans.iter().position(|span| span.to == event.at && span.state == ThreadState::User)?;
    let after = lane.spans.get(user + 1)?;
    let said = right(question);
    Some(match after.state {
        ThreadState::Kernel(Work::Call(call)) => {
            said == format!("its own system call {}", case.run.trace.header.calls[call.index()])
        }
        ThreadState::Kernel(Work::Fault(fault)) => said.contains(&format!("page fault ({})", fault.name())),
        ThreadState::Kernel(Work::Exception(_) | Work::Death(_)) => said.starts_with("an exception"),
        ThreadState::Interrupted(Handler::Irq(vector) | Handler::Softirq(vector)) => {
            said == bare(&format!("an interrupt of {}", case.run.vector(vector)))
        }
        ThreadState::Interrupted(Handler::Timer) => said == "an interrupt of timer",
        ThreadState::Interrupted(Handler::Reschedule) => said == "an interrupt of reschedule",
        // Calls and handlers that take no time have no span.
        ThreadState::User | ThreadState::Switch | ThreadState::Ready | ThreadState::Blocked { .. } => {
            return None;
        }
    })
}

fn woken(case: &Case<'_>, question: &Question) -> Option<bool> {
    let (number, begin) = event(case, question);
    let rest = case.run.events()[number..].iter().filter(|event| event.cpu == begin.cpu);
    let mut end = None;
    let mut waker = Vec::new();
    for event in rest {
        match (begin.kind, event.kind) {
            (Kind::SysEnter { .. }, Kind::SysExit { .. }) => {
                (end, waker) = (Some(event.at), vec![Waker::Thread(begin.task)]);
                break;
            }
            (
                Kind::IrqHandlerEntry { vector },
                Kind::IrqHandlerExit { vector: over, .. } | Kind::SoftirqExit { vector: over },
            ) if vector == over => {
                end = Some(event.at);
                waker = vec![Waker::Handler(Handler::Irq(vector)), Waker::Handler(Handler::Softirq(vector))];
                if matches!(event.kind, Kind::SoftirqExit { .. }) {
                    break;
                }
            }
            (Kind::IrqHandlerEntry { .. }, Kind::SysEnter { .. } | Kind::SchedSwitch { .. }) => break,
            _ => {}
        }
    }
    let wakeups = case.lanes.wakeups.iter();
    let here = wakeups.filter(|wakeup| {
        (begin.at..=end.unwrap()).contains(&wakeup.at)
            && waker.contains(&wakeup.by)
            && wakeup.cpu == begin.cpu
    });
    let names: BTreeSet<&str> = here.map(|wakeup| case.run.bare_name(wakeup.task)).collect();
    let said = right(question);
    Some(if said == "nobody" { names.is_empty() } else { names.contains(said.as_str()) })
}

/// The simulator's own register, after as many events.
fn register(case: &Case<'_>, question: &Question) -> Option<bool> {
    let (number, _) = event(case, question);
    let image = &case.run.scenario.image;
    let mut simulator = Simulator::new(image, Memory::new(), Pace::Single);
    while simulator.kernel.sink.events.len() <= number {
        // Instructions that change nothing are passed over at once.
        simulator.pass_over(u64::MAX, Instant::NEVER);
        simulator.step()?;
    }
    if simulator.kernel.sink.events.len() != number + 1 {
        return None;
    }
    let lines: Vec<u64> = simulator.kernel.cpus.iter().map(|cpu| cpu.interrupts.pending()).collect();
    let pending = *lines.iter().find(|&&pending| pending != 0)?;
    let said = right(question).replace(" and ", ", ");
    for entry in &case.run.trace.header.vectors {
        let is_said = said.split(", ").any(|name| name == entry.name);
        if is_said != (pending >> entry.vector.0 & 1 == 1) {
            return Some(false);
        }
    }
    Some(true)
}

fn served(case: &Case<'_>, question: &Question) -> Option<bool> {
    let (_, event) = event(case, question);
    let waiting = case.lanes.interrupts.iter().filter(|interrupt| {
        Some(interrupt.cpu) == event.cpu
            && interrupt.raised.is_some_and(|raised| raised <= event.at)
            && interrupt.recognised.is_none_or(|recognised| recognised >= event.at)
    });
    let first =
        waiting.min_by_key(|interrupt| (interrupt.recognised.unwrap_or(Instant::NEVER), interrupt.vector))?;
    Some(bare(&case.run.vector(first.vector)) == right(question))
}

fn counted(case: &Case<'_>, question: &Question, wanted: impl Fn(&Event) -> bool) -> Option<bool> {
    let count = case.run.events().iter().filter(|event| wanted(event)).count();
    Some(right(question) == count.to_string())
}

fn faults(case: &Case<'_>, question: &Question) -> Option<bool> {
    let task = thread(question);
    counted(case, question, |event| {
        event.task == task
            && match (event.kind, question.place) {
                (
                    Kind::PageFaultUser { fault, .. } | Kind::PageFaultKernel { fault, .. },
                    Place::Faults(_, wanted),
                ) => fault == wanted,
                (Kind::PageFaultUser { .. } | Kind::PageFaultKernel { .. }, _) => true,
                _ => false,
            }
    })
}

fn calls(case: &Case<'_>, question: &Question) -> Option<bool> {
    let task = thread(question);
    let named = bare(&question.text);
    let named = named.strip_prefix("How many ").unwrap().split(' ').next().unwrap();
    let calls = &case.run.trace.header.calls;
    counted(case, question, |event| {
        event.task == task
            && matches!(event.kind, Kind::SysEnter { call } if named == "system" || calls[call.index()] == named)
    })
}

fn switches(case: &Case<'_>, question: &Question) -> Option<bool> {
    counted(case, question, |event| match (event.kind, question.place) {
        (Kind::SchedSwitch { .. }, Place::Run) => true,
        (Kind::SchedSwitch { prev, why, .. }, Place::Thread(task)) => {
            prev == task && matches!(why, Why::SliceEnd | Why::Preempted { .. })
        }
        _ => false,
    })
}

fn bytes(case: &Case<'_>, question: &Question) -> Option<bool> {
    let Place::Object(wanted) = question.place else { panic!("{question:#?}") };
    let sum: u64 = case
        .run
        .events()
        .iter()
        .map(|event| match event.kind {
            Kind::MessageReceive { object, bytes } if object == wanted => bytes,
            _ => 0,
        })
        .sum();
    Some(right(question) == sum.to_string())
}

fn born(case: &Case<'_>, task: Tid) -> Instant {
    let forked = case
        .run
        .events()
        .iter()
        .find(|event| matches!(event.kind, Kind::ProcessFork { child, .. } if child == task));
    // Those of the beginning come when the scenario says so.
    let name = trapline::analysis::naming::base(case.run.bare_name(task));
    let start = case.run.scenario.image.starts.iter().find(|start| start.name == name).map(|start| start.at);
    forked.map(|event| event.at).or(start).unwrap_or(Instant::START)
}

fn response(case: &Case<'_>, question: &Question) -> Option<bool> {
    let task = thread(question);
    let first = case
        .run
        .events()
        .iter()
        .find(|event| matches!(event.kind, Kind::SchedSwitch { next, .. } if next == task));
    Some(right(question) == first?.at.since(born(case, task)).as_nanos().to_string())
}

fn turnaround(case: &Case<'_>, question: &Question) -> Option<bool> {
    let task = thread(question);
    let mut last = case.run.events().iter().rev();
    let last = last
        .find(|event| matches!(event.kind, Kind::SchedSwitch { prev, why: Why::Exited, .. } if prev == task));
    Some(right(question) == last?.at.since(born(case, task)).as_nanos().to_string())
}

fn waiting(case: &Case<'_>, question: &Question) -> Option<bool> {
    let task = thread(question);
    let lane = case.lanes.threads.iter().find(|lane| lane.task == task)?;
    let ready = lane.spans.iter().filter(|span| span.state == ThreadState::Ready);
    let sum: Span = ready.map(|span| span.to.since(span.from)).sum();
    Some(right(question) == sum.as_nanos().to_string())
}

fn order(case: &Case<'_>, question: &Question) -> Option<bool> {
    let said = right(question);
    let said: Vec<&str> = said.split(", ").collect();
    let ends = case.run.events().iter().filter_map(|event| match event.kind {
        Kind::ProcessExit { .. } => Some(case.run.bare_name(event.task)),
        _ => None,
    });
    Some(ends.filter(|name| said.contains(name)).collect::<Vec<_>>() == said)
}

fn missed(case: &Case<'_>, question: &Question) -> Option<bool> {
    let late = case.lanes.jobs.iter().filter(|job| job.missed);
    let said = right(question);
    Some(match question.place {
        Place::Thread(task) => said == late.filter(|job| job.task == task).count().to_string(),
        _ => match late.min_by_key(|job| job.deadline) {
            Some(first) => said == case.run.bare_name(first.task),
            None => said.starts_with("nobody"),
        },
    })
}

/// As the scenario expects, or as another pace of the machine gives it.
fn value(case: &Case<'_>, question: &Question) -> Option<bool> {
    let Place::Entry(number) = question.place else { panic!("{question:#?}") };
    let scenario = case.run.scenario;
    let spec = &scenario.image.arrays[number];
    let said: i64 = right(question).parse().unwrap();
    if let Some(expected) = scenario.expect.values.get(&spec.name) {
        return Some(expected.is_held(spec.width, said));
    }
    if case.run.trace.end > Instant::from_nanos(2_000_000) {
        return None;
    }
    let mut simulator = Simulator::new(&scenario.image, Memory::new(), Pace::Step);
    simulator.run();
    Some(simulator.userland.arrays[number][0] == said)
}

fn output(case: &Case<'_>, question: &Question) -> Option<bool> {
    let Place::Entry(number) = question.place else { panic!("{question:#?}") };
    let said = right(question);
    let mut printed = case.run.events().iter().filter_map(|event| case.run.printed(event));
    let shown = trapline::analysis::naming::printable(printed.nth(number)?);
    let expect = &case.run.scenario.expect;
    let expected =
        expect.output.as_ref().filter(|_| !expect.any_order).is_none_or(|lines| lines[number] == shown);
    Some(said == shown && expected)
}

fn deadlock(case: &Case<'_>, question: &Question) -> Option<bool> {
    let expect = &case.run.scenario.expect;
    let expected = match (expect.outcome, expect.deadlocked.as_ref().is_some_and(|names| !names.is_empty())) {
        (Some(outcome), _) => outcome,
        (None, true) => Expected::Deadlock,
        (None, false) if case.run.trace.outcome == Outcome::Limit => Expected::Limit,
        (None, false) => Expected::Finished,
    };
    let said = right(question);
    Some(match expected {
        Expected::Finished => said == "all processes end",
        Expected::Deadlock => said.contains("deadlock"),
        Expected::AssertFailed => said.contains("assertion"),
        Expected::Limit => said.contains("limit"),
        Expected::Livelock => said.contains("livelock"),
    })
}

fn circle(case: &Case<'_>, question: &Question) -> Option<bool> {
    let said = right(question).replace(" and ", ", ");
    let said: BTreeSet<&str> = said.split(", ").collect();
    match question.place {
        Place::Run => {
            let expected = case.run.scenario.expect.deadlocked.as_ref()?;
            Some(expected.iter().map(String::as_str).collect::<BTreeSet<_>>() == said)
        }
        // Whatever somebody waits for, it has blocked on in the trace, and nobody has woken it since.
        _ => {
            let Place::Entry(number) = question.place else { panic!("{question:#?}") };
            let waiter = &case.run.deadlock.as_ref()?.waiters[number];
            let switches = case.run.events().iter().rev().find_map(|event| match event.kind {
                Kind::SchedSwitch { prev, why, .. } if prev == waiter.thread => Some(why),
                _ => None,
            });
            let Some(Why::Blocked { object, .. }) = switches else { return Some(false) };
            let name = object.map(|object| case.run.trace.header.objects[object.index()].name.clone());
            Some(name.is_none_or(|name| right(question).contains(&name)))
        }
    }
}
