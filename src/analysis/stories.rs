//! Small hand-written traces with times that a reader can add up, for the tests of this layer and
//! of the charts.

use crate::ids::Tid;
use crate::trace::header::AreaEntry;
use crate::trace::{Cause, Fault, Kind, Why};

pub use super::story::{
    DISK, DISK_VECTOR, EXIT, FORK, PING, PONG, READ, RESCHEDULE_VECTOR, Story, TIMER_VECTOR, WRITE,
};

pub const PARENT: Tid = Tid(2);
pub const CHILD: Tid = Tid(3);

/// A parent forks a child; then a byte goes to and fro. A timer interrupt falls into each round.
///
/// All times are multiples of 100 ns. One round takes 10 us: the parent computes 3 us (of which
/// 400 ns are the timer's), writes for 600 ns, reads for 400 ns and blocks; 200 ns of switch; the
/// child finishes its read in 300 ns, computes 2 us, writes 600 ns, reads 400 ns and blocks;
/// 200 ns of switch; the parent finishes its read in 300 ns and computes for 2 us.
pub fn ping_pong(rounds: u64) -> Story {
    let mut story =
        Story::new("pipe-ping-pong", "How long does one byte take from a parent to its child and back?", 1);
    story.process(PARENT, "parent");
    story.tasks.push((CHILD, CHILD.leads(), PARENT, "child".to_owned()));
    let blocked = |object| Why::Blocked { on: Cause::PipeRead, object: Some(object) };
    let byte = |object| Kind::MessageSend { object, bytes: 1 };
    let arrival = |object| Kind::MessageReceive { object, bytes: 1 };
    story.at(0).switch(PARENT, Why::WorkArrived, 200);
    story.after(300).enter(FORK).after(1_000);
    story.then(Kind::ProcessFork { child: CHILD, process: CHILD.leads() }).wake(CHILD, 0);
    story.after(500).leave(FORK, 3);
    // The parent's first read lets the child run up to its own first read.
    story.after(500).enter(READ).after(300).switch(CHILD, blocked(PONG), 200);
    story.after(200).leave(FORK, 0).after(400).enter(READ).after(400);
    story.then(Kind::MessageSend { object: PONG, bytes: 1 }).wake(PARENT, 0);
    story.switch(PARENT, blocked(PING), 200).after(300).then(arrival(PONG)).leave(READ, 1);
    for _ in 0..rounds {
        story.after(1_000).raise(TIMER_VECTOR, 0).after(100).recognise(TIMER_VECTOR);
        story.then(Kind::LocalTimerEntry).after(400).then(Kind::LocalTimerExit).after(1_500);
        story.enter(WRITE).after(500).then(byte(PING)).wake(CHILD, 0).after(100).leave(WRITE, 1);
        story.enter(READ).after(400).switch(CHILD, blocked(PONG), 200);
        story.after(300).then(arrival(PING)).leave(READ, 1).after(2_000);
        story.enter(WRITE).after(500).then(byte(PONG)).wake(PARENT, 0).after(100).leave(WRITE, 1);
        story.enter(READ).after(400).switch(PARENT, blocked(PING), 200);
        story.after(300).then(arrival(PONG)).leave(READ, 1).after(2_000);
    }
    let end = story.now.as_nanos();
    story.end(end);
    story
}

pub const EDITOR: Tid = Tid(2);
pub const CRUNCH: Tid = Tid(3);

/// An editor touches a page that lies on disk. While the disk works, another process computes;
/// the disk's interrupt wakes the editor, which pre-empts it and later exits.
///
/// In microseconds: 0-1 switch, 1-11 editor in user mode, 11-14 page fault, 14-15 switch, 15-45
/// crunch in user mode, 40 the disk's line rises but is masked until 45, 45-49 handler (47 wake),
/// 49-51 softirq, 51-52 switch, 52-54 end of the fault, 54-64 editor in user mode, 64-66 exit call,
/// 66-67 switch, 67-80 crunch in user mode.
pub fn page_fault() -> Story {
    let mut story =
        Story::new("major-page-fault", "What happens when a program touches a page that is on disk?", 1);
    story.process(EDITOR, "editor").process(CRUNCH, "crunch");
    let page = Kind::PageFaultUser { page: 0x7f00_2000, fault: Fault::Major };
    let request = |done| {
        let (object, bytes, write) = (DISK, 4_096, false);
        if done {
            Kind::BlockRqComplete { object, bytes, write }
        } else {
            Kind::BlockRqIssue { object, bytes, write }
        }
    };
    story.at(0).switch(EDITOR, Why::WorkArrived, 1_000);
    story.at(11_000).then(page).after(2_000).then(request(false)).after(1_000);
    story.switch(CRUNCH, Why::Blocked { on: Cause::Page, object: Some(DISK) }, 1_000);
    story.at(40_000).raise(DISK_VECTOR, 0).at(45_000).recognise(DISK_VECTOR);
    story.then(Kind::IrqHandlerEntry { vector: DISK_VECTOR }).at(46_000).then(request(true));
    story.at(47_000).wake(EDITOR, 0).at(49_000);
    story.then(Kind::IrqHandlerExit { vector: DISK_VECTOR, handled: true });
    story
        .then(Kind::SoftirqEntry { vector: DISK_VECTOR })
        .at(51_000)
        .then(Kind::SoftirqExit { vector: DISK_VECTOR });
    story.switch(EDITOR, Why::Preempted { by: EDITOR }, 1_000);
    story.at(54_000).then(Kind::ExceptionExit).at(60_000).print("saved <draft> & closed");
    story.at(64_000).enter(EXIT).at(66_000).then(Kind::ProcessExit { status: 0 });
    story.switch(CRUNCH, Why::Exited, 1_000).end(80_000);
    story
}

pub const PRODUCER: Tid = Tid(2);
pub const CONSUMER: Tid = Tid(3);

/// Two CPUs. A producer on CPU 0 writes to a pipe whose reader sleeps on idle CPU 1, and asks that
/// CPU to schedule by an interrupt.
///
/// In microseconds: CPU 1: 0-1 switch, 1-3 user, 3-5 read, 5-6 switch to idle, idle, 22-23
/// reschedule interrupt, 23-24 switch, 24-26 end of read, 26-40 user. CPU 0: 0-1 switch, 1-20 user,
/// 20-23 write (21 wake and raise), 23-40 user.
pub fn reschedule() -> Story {
    let mut story = Story::new("wake-on-another-cpu", "How does one CPU make another one schedule?", 2);
    story.process(PRODUCER, "producer").process(CONSUMER, "consumer");
    story.on(0).at(0).switch(PRODUCER, Why::WorkArrived, 1_000);
    story.on(1).at(0).switch(CONSUMER, Why::WorkArrived, 1_000);
    story.at(3_000).enter(READ).at(5_000);
    story.switch(Tid::IDLE, Why::Blocked { on: Cause::PipeRead, object: Some(PING) }, 1_000);
    story.on(0).at(20_000).enter(WRITE).at(21_000).then(Kind::MessageSend { object: PING, bytes: 512 });
    story.wake(CONSUMER, 1).raise(RESCHEDULE_VECTOR, 1);
    story.on(1).at(22_000).recognise(RESCHEDULE_VECTOR).then(Kind::RescheduleEntry);
    story.on(0).at(23_000).leave(WRITE, 512);
    story.on(1).at(23_000).then(Kind::RescheduleExit).switch(CONSUMER, Why::WorkArrived, 1_000);
    story.at(26_000).then(Kind::MessageReceive { object: PING, bytes: 512 }).leave(READ, 512);
    story.end(40_000);
    story
}

/// Many events: `threads` processes take turns of 1 us on two CPUs, each turn with a system call;
/// a timer interrupt falls into each fourth. Ten events to a turn or so.
pub fn busy(threads: u32, events: usize) -> Story {
    let mut story = Story::new("busy", "What does a long run look like?", 2);
    for task in 0..threads {
        story.process(Tid(task + 2), &format!("worker[{task}]"));
    }
    let mut turn = 0u32;
    while story.events.len() < events {
        let now = u64::from(turn / 2) * 1_000;
        let next = Tid(turn % threads + 2);
        let why = if turn < 2 { Why::WorkArrived } else { Why::SliceEnd };
        story.on((turn % 2) as u16).at(now).switch(next, why, 50 + u64::from(turn % 7) * 10);
        story.at(now + 300).enter(READ).at(now + 400).leave(READ, 0);
        if turn % 8 < 2 {
            story.at(now + 500).raise(TIMER_VECTOR, (turn % 2) as u16).at(now + 520).recognise(TIMER_VECTOR);
            story.then(Kind::LocalTimerEntry).at(now + 600).then(Kind::LocalTimerExit);
        }
        turn += 1;
    }
    let end = u64::from(turn / 2) * 1_000 + 1_000;
    // Turns of both CPUs were written one after the other.
    story.events.sort_by_key(|event| event.at);
    story.end(end);
    story
}

/// As [`busy`], of a length at which some spans can be seen and others can't.
pub fn busy_few() -> Story {
    let mut story = busy(20, 1_500);
    story.header.scenario = "busy-few".to_owned();
    story
}

/// Two processes on one CPU in turns of 10 ns, with calls that cost nothing.
pub fn free() -> Story {
    let mut story = Story::new("free-costs", "Who runs when, if the kernel costs nothing?", 1);
    story.process(Tid(2), "a").process(Tid(3), "b");
    for turn in 0u32..8 {
        let why = if turn == 0 { Why::WorkArrived } else { Why::SliceEnd };
        story.at(u64::from(turn) * 10).switch(Tid(2 + turn % 2), why, 0);
        story.after(4).enter(READ).leave(READ, 0);
    }
    story.end(80);
    story
}

/// A bit of everything: a parent forks so many children, which take turns of 2 us on one CPU. In its turn a child
/// touches a page (and another child's goes), sends or receives, takes a lock or waits for one, and every
/// 50th of them is late with a job. In the end each second one exits, some by a signal; the others wait.
pub fn crowd(children: u32, events: usize) -> Story {
    let mut story = Story::new("crowd", "What does a crowd look like?", 1);
    story.header.memory.frames = 64;
    let area = |name: &str, page, shared| AreaEntry { name: name.to_owned(), page, pages: 40, shared };
    story.header.memory.areas = vec![area("heap", 16, false), area("ring", 56, true)];
    story.process(PARENT, "parent");
    let child = |number: u32| Tid(PARENT.0 + 1 + number);
    for number in 0..children {
        let task = child(number);
        story.tasks.push((task, task.leads(), PARENT, format!("child[{number}]")));
    }
    story.at(0).switch(PARENT, Why::WorkArrived, 100);
    for number in 0..children {
        let task = child(number);
        story.after(200).enter(FORK).then(Kind::ProcessFork { child: task, process: task.leads() });
        story.wake(task, 0).after(100).leave(FORK, task.0.into());
    }
    let mut turn = 0;
    while story.events.len() < events {
        let (number, round) = (turn % children, turn / children);
        let task = child(number);
        let on = if turn.is_multiple_of(3) { Cause::Lock } else { Cause::PipeRead };
        let why = Why::Blocked { on, object: Some(PING) };
        story.after(100).switch(task, why, 100);
        take_turn(&mut story, task, turn, round);
        turn += 1;
    }
    for number in (0..children).step_by(2) {
        story.switch(child(number), Why::SliceEnd, 100);
        story.after(100).then(Kind::ProcessExit { status: if number % 4 == 0 { 0 } else { 137 } });
    }
    let end = story.now.as_nanos() + 1_000;
    story.end(end);
    story
}

fn take_turn(story: &mut Story, task: Tid, turn: u32, round: u32) {
    let page = 16 + u64::from((turn * 7 + round) % 80);
    let fault = Fault::ALL[turn as usize % 3];
    story.after(200).then(Kind::PageFaultUser { page, fault });
    if turn.is_multiple_of(5) {
        story.then(Kind::PageEvicted { page: page - 1, write: turn.is_multiple_of(2) });
        story.then(Kind::PagesUnmapped { task, page: page - 1, pages: 1 });
    }
    story.then(Kind::FramesFree { free: u64::from(turn * 13 % 64) });
    story.after(200).then(Kind::ExceptionExit);
    let (call, message) = match turn % 2 {
        0 => (WRITE, Kind::MessageSend { object: PING, bytes: 64 }),
        _ => (READ, Kind::MessageReceive { object: PING, bytes: 64 }),
    };
    story.after(200).enter(call).after(300).then(message).leave(call, 64);
    if turn.is_multiple_of(7) {
        story.raise(TIMER_VECTOR, 0).after(40).recognise(TIMER_VECTOR).then(Kind::LocalTimerEntry);
        story.after(100).then(Kind::LocalTimerExit);
    }
    let now = story.now.as_nanos();
    if turn.is_multiple_of(50) {
        let number = u64::from(round + 1);
        story.then(Kind::JobRelease { task, number, release: now, deadline: now + 100 });
        story.after(200).then(Kind::DeadlineMiss { task, number }).then(Kind::JobEnd { task, number });
    }
    if turn.is_multiple_of(11) {
        story.print(if turn.is_multiple_of(2) { "a line" } else { "another, longer line on the terminal" });
    }
    story.after(200);
}
