//! Wait-for graphs of small traces.

use super::super::stories::{PING, PONG, Story};
use super::*;

const LEFT: Tid = Tid(2);
const RIGHT: Tid = Tid(3);

fn blocked(on: Cause, object: ObjectId) -> Why {
    Why::Blocked { on, object: Some(object) }
}

fn graph(story: &Story) -> WaitGraph {
    let mut builder = WaitGraphBuilder::new(&story.header);
    story.events.iter().for_each(|&event| builder.record(&Record::Event(event)));
    builder.finish()
}

fn two(name: &str) -> Story {
    let mut story = Story::new(name, "", 1);
    story.process(LEFT, "left").process(RIGHT, "right");
    story
}

fn wait(graph: &WaitGraph, place: usize) -> &Wait {
    graph.threads[place].wait.as_ref().unwrap()
}

#[test]
fn two_locks_in_opposite_order_are_a_circle() {
    let mut story = two("locks");
    story.at(0).switch(LEFT, Why::WorkArrived, 0).then(Kind::LockAcquired { object: PING });
    story.at(10).switch(RIGHT, Why::SliceEnd, 0).then(Kind::LockAcquired { object: PONG });
    story.at(20).switch(LEFT, blocked(Cause::Lock, PING), 0);
    story.at(30).switch(Tid::IDLE, blocked(Cause::Lock, PONG), 0);
    let graph = graph(&story);
    assert_eq!(graph.circle, [0, 1]);
    assert!(graph.threads.iter().all(|party| party.in_circle));
    assert_eq!(wait(&graph, 0).helpers, [(1, Tie::Holds)]);
    assert_eq!((wait(&graph, 1).since, wait(&graph, 1).object), (Instant::from_nanos(20), Some(PING)));
}

#[test]
fn a_lock_that_was_given_back_and_a_wait_that_is_over_are_no_edges() {
    let mut story = two("over");
    story.at(0).switch(LEFT, Why::WorkArrived, 0).then(Kind::LockAcquired { object: PING });
    story.at(10).switch(RIGHT, Why::SliceEnd, 0).switch(LEFT, blocked(Cause::Lock, PING), 0);
    assert_eq!(graph(&story).threads.len(), 2, "the holder is there, though it doesn't wait");
    story.then(Kind::LockReleased { object: PING }).wake(RIGHT, 0);
    assert_eq!(graph(&story), WaitGraph::default());
}

#[test]
fn who_takes_a_lock_twice_waits_for_itself() {
    let mut story = two("itself");
    story.at(0).switch(LEFT, Why::WorkArrived, 0).then(Kind::LockAcquired { object: PING });
    story.at(10).switch(Tid::IDLE, blocked(Cause::Lock, PING), 0);
    let graph = graph(&story);
    assert_eq!(graph.circle, [0]);
    assert_eq!(wait(&graph, 0).helpers, [(0, Tie::Holds)]);
}

#[test]
fn a_reader_waits_for_who_wrote_or_could_write() {
    let mut story = two("pipe");
    let step = |program: &str, verb: &str, text: &str, line| StepEntry {
        program: program.to_owned(),
        verb: verb.to_owned(),
        text: text.to_owned(),
        line,
    };
    story.header.steps = vec![
        step("left", "read", "{ read = \"ping\" }", 1),
        step("right", "write", "{ write = \"ping\", bytes = \"1B\" }", 2),
        step("right", "read", "{ read = \"pong\" }", 3),
    ];
    story.at(0).switch(LEFT, Why::WorkArrived, 0).switch(RIGHT, blocked(Cause::PipeRead, PING), 0);
    story.at(5).switch(Tid::IDLE, blocked(Cause::PipeRead, PONG), 0);
    let named = graph(&story);
    assert_eq!(wait(&named, 0).helpers, [(1, Tie::Names)]);
    assert!(wait(&named, 1).helpers.is_empty(), "nobody names pong but its reader");
    assert!(named.circle.is_empty());

    story.events.insert(
        0,
        Event {
            at: Instant::START,
            cpu: None,
            task: RIGHT,
            step: StepId::NONE,
            kind: Kind::MessageSend { object: PING, bytes: 1 },
        },
    );
    assert_eq!(wait(&graph(&story), 0).helpers, [(1, Tie::Used)]);
}

#[test]
fn parents_wait_for_their_living_children() {
    let mut story = two("family");
    story.header.initial[1].parent = LEFT;
    let awaits = Why::Blocked { on: Cause::Child, object: None };
    story.at(0).switch(LEFT, Why::WorkArrived, 0).switch(RIGHT, awaits, 0);
    assert_eq!(wait(&graph(&story), 0).helpers, [(1, Tie::Ends)]);
    story.then(Kind::ProcessExit { status: 0 });
    assert!(wait(&graph(&story), 0).helpers.is_empty());
}

#[test]
fn a_circle_that_somebody_outside_can_open_is_none() {
    // Each holds what the other one wants, but `pong` is also held by one that only sleeps.
    let mut story = two("open");
    let third = Tid(4);
    story.process(third, "third");
    story.at(0).switch(LEFT, Why::WorkArrived, 0).then(Kind::LockAcquired { object: PING });
    story.switch(RIGHT, Why::SliceEnd, 0).then(Kind::LockAcquired { object: PONG });
    story.switch(third, Why::SliceEnd, 0).then(Kind::LockAcquired { object: PONG });
    story.switch(LEFT, Why::Blocked { on: Cause::Sleep, object: None }, 0);
    story.switch(RIGHT, blocked(Cause::Lock, PONG), 0).switch(Tid::IDLE, blocked(Cause::Lock, PING), 0);
    let graph = graph(&story);
    assert_eq!(wait(&graph, 0).helpers, [(1, Tie::Holds), (2, Tie::Holds)]);
    assert!(graph.circle.is_empty() && graph.threads.iter().all(|party| !party.in_circle));
}
