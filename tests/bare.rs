//! The bare loops that the benchmarks compare with, against hand-computed times: entry and exit
//! 100 ns, a switch 500 ns, an interrupt handler 200 ns. Each run begins with a switch from the
//! idle loop and ends with the entry of the last exit.

#[path = "../benches/bare/mod.rs"]
mod bare;

use std::sync::atomic::AtomicU32;

use bare::queue::Queue;
use bare::random::{Draw, Random};
use bare::{bytecode, ping_pong, pipeline, quanta, requests, sleepers};

/// Always the same.
fn fixed(nanos: u64) -> Draw {
    let (low, high) = (nanos, nanos);
    Draw::Uniform { low, high }
}

#[test]
fn events_come_in_the_order_of_time_and_then_of_scheduling() {
    let mut queue = Queue::new();
    for (time, source) in [(5, 0), (3, 1), (5, 2), (1, 3), (3, 4)] {
        queue.push(time, source);
    }
    assert_eq!(queue.pop(), Some((1, 3)));
    queue.push(2, 5);
    let rest: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
    assert_eq!(rest, [(2, 5), (3, 1), (3, 4), (5, 0), (5, 2)]);
}

#[test]
fn a_round_trip_is_two_messages_and_two_switches() {
    // Parent: switch 500, compute to 1500, write 1600 to 1700, read 1800 blocks; switch to child
    // 2300, read 2400 to 2500, compute to 3500, write 3600 to 3700 wakes the parent, exit 3800;
    // switch to parent 4300, its read returns 4400, exit 4500.
    let totals = ping_pong::run(1);
    assert_eq!(totals.end, 4_500);
    assert_eq!(totals.traps, 6);
}

#[test]
fn each_quantum_costs_a_handler_and_a_switch() {
    // Two processes of two quanta: 4 x (switch 500 + 1 ms + handler 200), then for each of the two
    // a switch and the entry of its exit.
    let totals = quanta::run(1, 2, 2_000_000, 1_000_000);
    assert_eq!(totals.end, 4 * 1_000_700 + 2 * 600);
    assert_eq!(totals.slices, 4);
}

#[test]
fn two_cpus_share_one_queue() {
    let totals = quanta::run(2, 4, 2_000_000, 1_000_000);
    assert_eq!(totals.end, 4 * 1_000_700 + 2 * 600);
    assert_eq!(totals.slices, 8);
}

#[test]
fn a_lone_process_keeps_its_cpu_at_the_end_of_its_slice() {
    let totals = quanta::run(1, 1, 2_000_000, 1_000_000);
    assert_eq!(totals.end, 500 + 2 * 1_000_200 + 100);
}

#[test]
fn a_sleep_ends_with_a_handler_a_switch_and_an_exit() {
    // Switch 500, entry 600, asleep to 1600, handler 1800, switch 2300, exit 2400, entry 2500.
    let totals = sleepers::run(1, 1, fixed(1_000));
    assert_eq!(totals.end, 2_500);
    assert_eq!(totals.traps, 3);
}

#[test]
fn the_device_serves_the_second_request_after_the_first() {
    // A asks at 2700 and is served to 4700; B's timer rings at 2200, in the switch to A, so that
    // its handler comes at 2300. B asks at 3400 and is served from 4700 to 6700; handler 6900,
    // switch 7400, exit 7500, entry 7600.
    let totals = requests::run(2, 1, fixed(1_000), fixed(2_000));
    assert_eq!(totals.end, 7_600);
    assert_eq!(totals.traps, 10);
}

#[test]
fn a_full_pipe_blocks_the_first_stage() {
    // Source: switch 500, compute 1500, write to 1700, compute 2700, write 2800 blocks; switch to
    // sink 3300, read 3400 wakes the source, to 3500, compute 4500, read to 4700, compute 5700,
    // exit 5800; switch to source 6300, its write returns 6400, exit 6500.
    let totals = pipeline::run(1, 2, 1, 2, fixed(1_000));
    assert_eq!(totals.end, 6_500);
}

#[test]
fn a_wake_up_raises_an_idle_cpus_register() {
    // The sink blocks at 600. The source writes at 1600: handler 1800 on the sink's CPU, switch
    // 2300, exit 2400, compute 3400, read to 3600, compute 4600, exit 4700.
    let totals = pipeline::run(2, 2, 1, 2, fixed(1_000));
    assert_eq!(totals.end, 4_700);
}

#[test]
fn events_an_operation_are_those_of_the_models() {
    let w1 = ping_pong::run(1_000).events as f64 / 2_000.0;
    assert!((w1 - 8.0).abs() < 0.02, "{w1}");
    let w2 = quanta::run(2, 10, 100_000_000, 1_000_000).events as f64 / 1_000.0;
    assert!((w2 - 4.0).abs() < 0.05, "{w2}");
    let think = Draw::Exponential { mean: 1.6e6 };
    let service = Draw::Exponential { mean: 1e5 };
    let w3 = requests::run(16, 1_000, think, service).events as f64 / 16_000.0;
    assert!((w3 - 14.0).abs() < 0.2, "{w3}");
}

#[test]
fn draws_have_their_distributions_means() {
    let mut random = Random::new(1);
    let mut mean = |draw| (0..100_000).map(|_| random.draw(draw)).sum::<u64>() as f64 / 1e5;
    let exponential = mean(Draw::Exponential { mean: 1e6 });
    assert!((exponential / 1e6 - 1.0).abs() < 0.02, "{exponential}");
    let (low, high) = (1, 999_999);
    let uniform = mean(Draw::Uniform { low, high });
    assert!((uniform / 5e5 - 1.0).abs() < 0.02, "{uniform}");
}

#[test]
fn the_bytecode_sums_in_four_instructions_a_number() {
    let executed = bytecode::run(bytecode::SUM, 10, &AtomicU32::new(0));
    assert_eq!((executed.sum, executed.instructions), (55, 41));
    assert_eq!(bytecode::run_deaf(bytecode::SUM, 10), executed);
}

#[test]
fn an_interrupt_stops_the_bytecode_after_one_instruction() {
    let executed = bytecode::run(bytecode::SUM, 10, &AtomicU32::new(1));
    assert_eq!(executed.instructions, 1);
}
