//! Sums of the hand-written traces, in nanoseconds that a reader can check against their stories.

use super::latency::Distribution;
use super::render::Colour;
use super::stories;
use super::summary::Summary;
use crate::ids::{ObjectId, Vector};
use crate::time::Span;
use crate::trace::{Cause, Fault, Kind};

const fn us(micros: u64) -> Span {
    Span::from_micros(micros)
}

const fn ns(nanos: u64) -> Span {
    Span::from_nanos(nanos)
}

fn once(span: Span) -> Option<Distribution> {
    Some(Distribution { count: 1, min: span, mean: span, p50: span, p95: span, p99: span, max: span })
}

fn cpu_times(summary: &Summary, cpu: usize) -> [Span; 5] {
    let cpu = &summary.cpus[cpu];
    [cpu.user, cpu.kernel, cpu.interrupt, cpu.switch, cpu.idle]
}

#[test]
fn time_in_a_major_fault_is_kernel_then_blocked_then_ready() {
    let summary = stories::page_fault().summary();
    assert_eq!(summary.laws(), []);
    assert_eq!(summary.wall, us(80));
    let [editor, crunch] = &summary.threads[..] else { panic!("two threads") };
    // Fault 11-14 and its end 52-54, exit 64-66.
    assert_eq!((editor.usage.user, editor.usage.kernel), (us(10 + 10), us(3 + 2 + 2)));
    // Blocked from 14 until the handler's wake-up at 47, ready until the switch at 51.
    assert_eq!(editor.usage.blocked.get(&Cause::Page), Some(&us(33)));
    assert_eq!((editor.usage.ready, editor.usage.switch), (us(4), us(1 + 1)));
    assert_eq!(editor.usage.faults.get(&Fault::Major), Some(&1));
    assert_eq!((editor.usage.switches.blocked, editor.usage.switches.exited), (1, 1));
    assert_eq!((editor.status, editor.end), (Some(0), Some(crate::time::Instant::from_nanos(66_000))));
    assert_eq!(crunch.usage.user, us(30 + 13));
    assert_eq!(crunch.usage.interrupt, us(6));
    assert_eq!((crunch.usage.ready, crunch.usage.switch), (us(14 + 15), us(2)));
    assert_eq!((crunch.usage.switches.preempted, crunch.usage.switches.involuntary()), (1, 1));
}

#[test]
fn the_cpu_of_the_fault_story_is_never_idle() {
    let summary = stories::page_fault().summary();
    assert_eq!(cpu_times(&summary, 0), [us(20 + 43), us(7), us(6), us(4), us(0)]);
}

#[test]
fn a_masked_interrupt_waits_and_its_handler_is_timed_from_recognition() {
    let summary = stories::page_fault().summary();
    let [disk] = &summary.vectors[..] else { panic!("one vector was used") };
    assert_eq!((disk.name.as_str(), disk.raised, disk.recognised, disk.spurious), ("disk", 1, 1, 0));
    assert_eq!(disk.latency, once(us(5)));
    assert_eq!(disk.handling, once(us(4)));
}

#[test]
fn crossings_are_calls_exceptions_and_interrupts() {
    let totals = stories::page_fault().summary().totals;
    assert_eq!((totals.calls, totals.exceptions, totals.interrupts, totals.crossings), (1, 1, 1, 3));
    assert_eq!((totals.switches, totals.events.get("sched_switch")), (4, Some(&4)));
}

#[test]
fn a_disk_request_and_the_time_spent_waiting_for_it_belong_to_the_disk() {
    let summary = stories::page_fault().summary();
    let [disk] = &summary.objects[..] else { panic!("one object was used") };
    assert_eq!((disk.requests, disk.read_bytes, disk.blocked), (1, 4_096, us(33)));
}

#[test]
fn printed_lines_are_kept_in_order() {
    let summary = stories::page_fault().summary();
    assert_eq!(summary.prints[0].text, "saved <draft> & closed");
}

#[test]
fn each_round_of_ping_pong_adds_the_same_times() {
    let (three, five) = (stories::ping_pong(3).summary(), stories::ping_pong(5).summary());
    assert_eq!(three.laws(), []);
    assert_eq!(five.wall - three.wall, ns(2 * 10_000));
    let added = |get: fn(&Summary) -> Span| get(&five) - get(&three);
    assert_eq!(added(|summary| summary.threads[0].usage.user), ns(2 * (1_100 + 1_500 + 2_000)));
    assert_eq!(added(|summary| summary.threads[0].usage.kernel), ns(2 * (600 + 400 + 300)));
    assert_eq!(added(|summary| summary.threads[0].usage.interrupt), ns(2 * 400));
    assert_eq!(added(|summary| summary.threads[1].usage.user), ns(2 * 2_000));
    assert_eq!(five.objects[0].sent_bytes, 5);
    // The child sends one byte ahead of the rounds.
    assert_eq!((five.objects[1].sent, five.objects[1].received), (6, 6));
}

#[test]
fn a_forked_child_begins_in_the_kernel_inside_the_fork() {
    let summary = stories::ping_pong(0).summary();
    let child = &summary.threads[1];
    assert_eq!(child.name, "child");
    assert_eq!((child.usage.user, child.usage.kernel), (ns(400), ns(200 + 400)));
    // Ready from the fork at 1500 until the parent blocks at 2800.
    assert_eq!(child.usage.ready, ns(1_300));
}

#[test]
fn an_idle_cpu_that_is_asked_to_schedule_takes_an_interrupt_first() {
    let summary = stories::reschedule().summary();
    assert_eq!(summary.laws(), []);
    assert_eq!(cpu_times(&summary, 0), [us(19 + 17), us(3), us(0), us(1), us(0)]);
    assert_eq!(cpu_times(&summary, 1), [us(2 + 14), us(2 + 2), us(1), us(1 + 1 + 1), us(16)]);
    assert_eq!(summary.vectors[0].latency, once(us(1)));
    assert_eq!(summary.threads[1].usage.blocked.get(&Cause::PipeRead), Some(&us(16)));
}

#[test]
fn an_empty_trace_is_an_idle_machine() {
    let mut story = stories::Story::new("empty", "", 2);
    story.end(7);
    let summary = story.summary();
    assert_eq!(summary.laws(), []);
    assert_eq!(cpu_times(&summary, 1), [ns(0), ns(0), ns(0), ns(0), ns(7)]);
}

#[test]
fn a_long_busy_run_keeps_all_laws() {
    assert_eq!(stories::busy(7, 50_000).summary().laws(), []);
}

#[test]
fn tables_fit_a_hundred_columns_and_leave_out_what_is_zero() {
    for story in
        [stories::ping_pong(9), stories::page_fault(), stories::reschedule(), stories::busy(200, 20_000)]
    {
        let text = story.summary().render(100, Colour::Never);
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
        assert!(!text.contains("coalesced") && !text.contains('\u{1b}'), "{text}");
    }
}

#[test]
fn many_processes_of_one_base_name_become_one_row() {
    let text = stories::busy(200, 20_000).summary().render(100, Colour::Never);
    assert!(text.contains("worker[0..199]"), "{text}");
    assert!(!text.contains("worker[7]"), "{text}");
}

#[test]
fn a_summary_serialises_with_kebab_case_keys() {
    let json = serde_json::to_value(stories::page_fault().summary()).unwrap();
    assert_eq!(json["threads"][0]["first-run"], 0);
    assert_eq!(json["threads"][0]["usage"]["blocked"]["page"], 33_000);
    assert_eq!(json["processes"][1]["usage"]["switches"]["preempted"], 1);
}

#[test]
fn exits_without_entries_change_nothing() {
    let mut story = stories::reschedule();
    let whole = story.summary();
    story.on(0).at(30_000).leave(stories::READ, 0).then(Kind::ExceptionExit);
    story.then(Kind::LocalTimerExit).end(40_000);
    let damaged = story.summary();
    assert_eq!((damaged.laws(), damaged.cpus), (vec![], whole.cpus));
}

#[test]
fn ids_that_the_header_does_not_list_have_numbers_for_names() {
    let mut story = stories::reschedule();
    let object = ObjectId(u32::MAX);
    story.on(0).at(30_000).then(Kind::MessageSend { object, bytes: 1 }).raise(Vector(7), 1);
    let summary = story.end(40_000).summary();
    assert_eq!(summary.objects.last().unwrap().name, format!("object {}", u32::MAX));
    assert_eq!(summary.vectors.last().unwrap().name, "vector 7");
}

#[test]
fn a_narrow_terminal_gets_fewer_columns() {
    let text = stories::ping_pong(3).summary().render(60, Colour::Never);
    let table: Vec<&str> = text.lines().skip_while(|&line| line != "Processes").collect();
    assert!(table.iter().all(|line| line.chars().count() <= 60), "{text}");
    assert!(text.contains("blocked") && !text.contains("wake-ups"), "{text}");
}

#[test]
fn colour_is_only_used_if_asked_for() {
    assert!(stories::page_fault().summary().render(100, Colour::Always).contains("\u{1b}[1m"));
}
