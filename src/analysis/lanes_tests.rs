//! Spans and arrows of the hand-written traces.

use super::lanes::{CpuSpan, FreeCall, Interrupt, Message, ThreadSpan, Waker, Wakeup, What};
use super::state::{CpuState, Handler, ThreadState, Work};
use super::stories::{self, CHILD, CONSUMER, CRUNCH, DISK, DISK_VECTOR, EDITOR, PARENT, PING, PRODUCER};
use crate::ids::{CpuId, Tid};
use crate::time::Instant;
use crate::trace::{Cause, Fault};

const fn us(micros: u64) -> Instant {
    Instant::from_nanos(micros * 1_000)
}

fn thread_states(spans: &[ThreadSpan]) -> Vec<(u64, u64, ThreadState)> {
    let micros = |at: Instant| at.as_nanos() / 1_000;
    spans.iter().map(|span| (micros(span.from), micros(span.to), span.state)).collect()
}

#[test]
fn a_fault_blocks_is_woken_by_the_handler_and_ends_in_the_kernel() {
    let lanes = stories::page_fault().lanes();
    let fault = ThreadState::Kernel(Work::Fault(Fault::Major));
    let blocked = ThreadState::Blocked { on: Cause::Page, object: Some(DISK) };
    let expected = [
        (0, 1, ThreadState::Switch),
        (1, 11, ThreadState::User),
        (11, 14, fault),
        (14, 47, blocked),
        (47, 51, ThreadState::Ready),
        (51, 52, ThreadState::Switch),
        (52, 54, fault),
        (54, 64, ThreadState::User),
        (64, 66, ThreadState::Kernel(Work::Call(stories::EXIT))),
    ];
    assert_eq!(thread_states(&lanes.threads[0].spans), expected);
    assert_eq!(lanes.threads[0].end, Some(us(66)));
}

#[test]
fn the_interrupted_process_is_still_current_while_the_handler_runs() {
    let lanes = stories::page_fault().lanes();
    let irq = ThreadState::Interrupted(Handler::Irq(DISK_VECTOR));
    let softirq = ThreadState::Interrupted(Handler::Softirq(DISK_VECTOR));
    let crunch = thread_states(&lanes.threads[1].spans);
    assert_eq!(crunch[3..6], [(45, 49, irq), (49, 51, softirq), (51, 66, ThreadState::Ready)]);
    let handler = CpuSpan {
        from: us(45),
        to: us(49),
        state: CpuState::Interrupt(Handler::Irq(DISK_VECTOR)),
        task: CRUNCH,
    };
    assert!(lanes.cpus[0].spans.contains(&handler));
}

#[test]
fn cpu_spans_follow_each_other_without_a_gap() {
    for story in
        [stories::page_fault(), stories::ping_pong(4), stories::reschedule(), stories::busy(5, 3_000)]
    {
        let lanes = story.lanes();
        for cpu in &lanes.cpus {
            assert_eq!((cpu.spans[0].from, cpu.spans.last().unwrap().to), (lanes.from, lanes.to));
            assert!(cpu.spans.windows(2).all(|pair| pair[0].to == pair[1].from));
        }
        for thread in &lanes.threads {
            assert!(thread.spans.windows(2).all(|pair| pair[0].to == pair[1].from));
        }
    }
}

#[test]
fn an_interrupt_is_paired_with_its_line() {
    let lanes = stories::page_fault().lanes();
    let disk =
        Interrupt { vector: DISK_VECTOR, cpu: CpuId(0), raised: Some(us(40)), recognised: Some(us(45)) };
    assert_eq!(lanes.interrupts, [disk]);
}

#[test]
fn a_wake_up_names_the_thread_or_the_handler_that_caused_it() {
    let by_handler = stories::page_fault().lanes().wakeups;
    let by = Waker::Handler(Handler::Irq(DISK_VECTOR));
    assert_eq!(by_handler, [Wakeup { at: us(47), task: EDITOR, by, cpu: Some(CpuId(0)) }]);
    let by_thread = stories::reschedule().lanes().wakeups;
    assert_eq!(
        by_thread,
        [Wakeup { at: us(21), task: CONSUMER, by: Waker::Thread(PRODUCER), cpu: Some(CpuId(0)) }]
    );
}

#[test]
fn a_message_goes_from_its_sender_to_its_receiver() {
    let lanes = stories::reschedule().lanes();
    let message =
        Message { object: PING, sent: us(21), from: PRODUCER, received: us(26), to: CONSUMER, bytes: 512 };
    assert_eq!(lanes.messages, [message]);
}

#[test]
fn forks_prints_and_exits_are_marks() {
    let fork = &stories::ping_pong(0).lanes().marks[0];
    assert_eq!((fork.task, &fork.what), (PARENT, &What::Forked { child: CHILD }));
    let marks = stories::page_fault().lanes().marks;
    assert_eq!(marks[0].what, What::Printed { text: "saved <draft> & closed".to_owned() });
    assert_eq!((marks[1].at, &marks[1].what), (us(66), &What::Exited { status: 0 }));
}

#[test]
fn a_forked_thread_has_no_spans_before_its_fork() {
    let lanes = stories::ping_pong(0).lanes();
    let child = &lanes.threads[1];
    assert_eq!(child.start, Some(Instant::from_nanos(1_500)));
    assert_eq!(child.spans[0].from, Instant::from_nanos(1_500));
    assert_eq!(child.spans[0].state, ThreadState::Ready);
}

#[test]
fn an_idle_cpu_has_no_current_thread() {
    let lanes = stories::reschedule().lanes();
    let idle: Vec<_> = lanes.cpus[1].spans.iter().filter(|span| span.state == CpuState::Idle).collect();
    assert_eq!(idle, [&CpuSpan { from: us(6), to: us(22), state: CpuState::Idle, task: Tid::IDLE }]);
}

#[test]
fn a_window_cuts_spans_and_keeps_what_began_before_it() {
    let lanes = stories::page_fault().window(30_000, 60_000);
    assert_eq!((lanes.from, lanes.to), (us(30), us(60)));
    let editor = thread_states(&lanes.threads[0].spans);
    assert_eq!((editor[0].0, editor[0].1), (30, 47));
    assert_eq!(editor.last(), Some(&(54, 60, ThreadState::User)));
    assert_eq!(stories::page_fault().window(50_000, 60_000).interrupts, []);
}

#[test]
fn a_call_that_takes_no_time_is_kept_as_an_instant() {
    let mut story = stories::reschedule();
    story.on(0).at(30_000).enter(stories::READ).leave(stories::READ, 0).end(40_000);
    let lanes = story.lanes();
    let free = FreeCall { at: us(30), task: PRODUCER, cpu: Some(CpuId(0)), call: stories::READ };
    assert_eq!(lanes.free_calls, [free]);
}
