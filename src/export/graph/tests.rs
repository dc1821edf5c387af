//! Graphs of small traces, in both languages.

use super::*;
use crate::export::{Exporter, Options, samples};
use crate::ids::{CpuId, ObjectId, Pid, StepId, Tid};
use crate::trace::event::{Cause, Event, Kind, Why};
use crate::trace::header::{ObjectEntry, TaskEntry};
use crate::trace::{Reader, Trace};

fn drawn(trace: &Trace, exporter: &Exporter, graph: &str) -> String {
    let bytes = trace.write(Vec::new()).unwrap();
    let mut out = Vec::new();
    let options = Options { graph: by_name(graph).unwrap() };
    exporter.write(&mut Reader::new(&bytes[..]).unwrap().boxed(), &options, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn entry(task: u32, parent: u32, name: &str) -> TaskEntry {
    let (task, parent) = (Tid(task), Tid(parent));
    TaskEntry { task, process: task.leads(), parent, name: name.to_owned(), start: Instant::START }
}

fn trace(tasks: Vec<TaskEntry>, events: &[(u32, Kind)]) -> Trace {
    let mut trace = samples::trace();
    trace.header.scenario = "small".to_owned();
    trace.header.initial.clone_from(&tasks);
    trace.tasks = tasks;
    let event = |(index, &(task, kind)): (usize, &(u32, Kind))| Event {
        at: Instant::from_nanos(1_000 * index as u64),
        cpu: Some(CpuId(0)),
        task: Tid(task),
        step: StepId::NONE,
        kind,
    };
    trace.events = events.iter().enumerate().map(event).collect();
    trace
}

#[test]
fn messages_go_from_senders_through_channels_to_receivers() {
    let pipe = ObjectId(0);
    let sent = |bytes| Kind::MessageSend { object: pipe, bytes };
    let events =
        [(2, sent(3_000)), (2, sent(1_096)), (3, Kind::MessageReceive { object: pipe, bytes: 1_024 })];
    let trace = trace(vec![entry(2, 1, "client"), entry(3, 1, "server")], &events);
    let dot = drawn(&trace, &dot::EXPORTER, "messages");
    for line in [
        "n0 [label=\"client\", shape=box",
        "n2 [label=\"pipe ping\", shape=box",
        "n0 -> n2 [label=\"4KiB\\n2 messages\", penwidth=6]",
        "n2 -> n1 [label=\"1KiB\\n1 message\", penwidth=2]",
    ] {
        assert!(dot.contains(line), "{line} in {dot}");
    }
    let mermaid = drawn(&trace, &mermaid::EXPORTER, "messages");
    assert!(mermaid.contains("  n0 -->|\"4KiB<br/>2 messages\"| n2\n"), "{mermaid}");
}

#[test]
fn many_processes_of_one_name_are_one_node() {
    let tasks: Vec<_> = (2..102).map(|task| entry(task, 1, &format!("client[{task}]"))).collect();
    let events: Vec<_> =
        (2..102).map(|task| (task, Kind::MessageSend { object: ObjectId(0), bytes: 1 })).collect();
    let dot = drawn(&trace(tasks, &events), &dot::EXPORTER, "messages");
    assert!(dot.contains("label=\"client ×100\"") && dot.contains("label=\"100B\\n100 messages\""), "{dot}");
}

#[test]
fn forks_are_a_tree_with_times_and_statuses() {
    let mut tasks = vec![entry(2, 1, "shell"), entry(3, 2, "sort")];
    tasks.extend((4..24).map(|task| entry(task, 3, &format!("worker[{task}]"))));
    let fork = |child| Kind::ProcessFork { child: Tid(child), process: Pid(child) };
    let mut events = vec![(2, fork(3))];
    events.extend((4..24).map(|task| (3, fork(task))));
    events.push((3, Kind::ProcessExit { status: 137 }));
    let dot = drawn(&trace(tasks, &events), &dot::EXPORTER, "forks");
    for part in [
        "label=\"shell (2)\\n0 to the end\\nlives on\"",
        "label=\"sort (3)\\n0 to 21us\\nstatus 137\"",
        "label=\"worker ×20\\n1us to the end\\nlives on\"",
        "n0 -> n1 [penwidth=1]",
        "n1 -> n2 [label=\"outlives it\", penwidth=1]",
    ] {
        assert!(dot.contains(part), "{part} in {dot}");
    }
}

#[test]
fn the_circle_of_a_deadlock_stands_out() {
    let mut trace = trace(vec![entry(2, 1, "left"), entry(3, 1, "right")], &[]);
    trace.header.objects.push(ObjectEntry { kind: "mutex".to_owned(), name: "b".to_owned() });
    let (a, b) = (ObjectId(0), ObjectId(1));
    let blocked = |prev, next, object| Kind::SchedSwitch {
        prev: Tid(prev),
        next: Tid(next),
        why: Why::Blocked { on: Cause::Lock, object: Some(object) },
    };
    let kinds = [
        (2, Kind::LockAcquired { object: a }),
        (3, Kind::LockAcquired { object: b }),
        (2, blocked(2, 3, b)),
        (3, blocked(3, 0, a)),
    ];
    let (event, events) = (samples::trace().events[0], kinds.into_iter());
    trace.events =
        events.map(|(task, kind)| Event { task: Tid(task), step: StepId::NONE, kind, ..event }).collect();
    let mermaid = drawn(&trace, &mermaid::EXPORTER, "waits");
    for line in [
        "  n0([\"left (2)\"])\n",
        "  n2[\"mutex b\"]\n",
        "  n0 -->|\"waits (lock) since 0\"| n2\n",
        "  n2 -->|\"holds it\"| n1\n",
        "  linkStyle 0 stroke-width:2px,stroke:#c0392b\n",
        "  class n0,n1 alarming\n",
    ] {
        assert!(mermaid.contains(line), "{line} in {mermaid}");
    }
}

#[test]
fn a_run_without_anything_to_draw_says_so() {
    let trace = trace(Vec::new(), &[]);
    for (graph, note) in [
        ("messages", "Nothing was sent."),
        ("forks", "There is no process."),
        ("waits", "Nobody waits at the end."),
    ] {
        assert!(drawn(&trace, &dot::EXPORTER, graph).contains(note));
        assert!(drawn(&trace, &mermaid::EXPORTER, graph).contains(note));
    }
}
