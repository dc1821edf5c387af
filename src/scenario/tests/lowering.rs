//! What tables and steps become.

use super::super::*;
use super::{codes, image};
use crate::hw::device::{DeviceKind, Duration, Trigger};
use crate::ids::{CpuId, Fd, PageNumber, Vector};
use crate::program::image::{Action, Backing, Width};
use crate::program::instruction::Instruction;
use crate::program::value::{Amount, Operand};
use crate::time::{Instant, Span};

const EVERYTHING: &str = include_str!("../testdata/everything.toml");

#[test]
fn the_machine_is_as_described() {
    let image = image(EVERYTHING);
    let machine = &image.machine;
    assert_eq!((machine.cpus, machine.frames, machine.tlb), (2, 4096, 32));
    assert_eq!(image.costs.switch, Span::from_nanos(500));
    assert_eq!(image.costs.calls["write"].base, Span::from_nanos(200));
    assert_eq!(image.costs.calls["write"].per_kib, Span::from_nanos(1_024));
    let vectors: Vec<(&str, Vector)> =
        machine.devices.iter().map(|device| (device.name.as_str(), device.line.vector)).collect();
    // `noise` has the highest priority, `alarm` its own vector; the others follow in their order.
    let wanted = [("disk", 46), ("stick", 45), ("terminal", 44), ("card", 43), ("alarm", 40), ("noise", 47)];
    assert_eq!(vectors, wanted.map(|(name, vector)| (name, Vector(vector))));
    let card = &machine.devices[3];
    assert_eq!((card.line.trigger, card.line.cpu), (Trigger::Level, CpuId(1)));
    assert_eq!((card.handler, card.deferred), (Some(Span::from_micros(2)), Some(Span::from_micros(3))));
    let DeviceKind::Disk(disk) = machine.devices[0].kind else { panic!("a disk") };
    let service = Duration::Uniform { low: Span::from_millis(1), high: Span::from_millis(9) };
    assert_eq!((disk.service, disk.depth), (service, 2));
}

#[test]
fn objects_get_descriptors_and_pages_in_order() {
    let image = image(EVERYTHING);
    let ends: Vec<(Fd, Fd)> = image.pipes.iter().map(|pipe| (pipe.read, pipe.write)).collect();
    assert_eq!(ends, [(Fd(3), Fd(4)), (Fd(5), Fd(6))]);
    assert_eq!(image.files[0].fd, Fd(7));
    let memories: Vec<_> =
        image.memories.iter().map(|m| (m.memory.base.0, m.memory.pages, m.backing)).collect();
    // Two cells and three 32-bit elements take 28 bytes; 600 elements of 64 bits begin at 32.
    let wanted = [
        (16, 3, Backing::Private),
        (19, 2, Backing::File(Fd(7))),
        (21, 2, Backing::Shared),
        (23, 1, Backing::Shared),
    ];
    assert_eq!(memories, wanted);
    let places: Vec<_> =
        image.arrays.iter().map(|a| (a.name.as_str(), a.page.0, a.offset, a.width)).collect();
    let wanted = [
        ("s.x", 21, 0, Width::Int64),
        ("s.y", 21, 8, Width::Int64),
        ("s.a", 21, 16, Width::Int32),
        ("s.b", 21, 32, Width::Int64),
        ("m", 23, 0, Width::Int32),
        ("empty", 23, 64, Width::Int32),
        ("empty.waiters", 23, 68, Width::Int32),
    ];
    assert_eq!(places, wanted);
    assert_eq!(image.arrays[1].initial, [5]);
    assert_eq!(image.arrays[2].initial, [7, 8, 0]);
    assert_eq!(image.arrays[5].initial, [3]);
    assert_eq!(image.memories[0].memory.base, PageNumber(16));
}

#[test]
fn events_come_in_the_order_of_their_times() {
    let image = image(EVERYTHING);
    let times: Vec<u64> = image.injections.iter().map(|i| i.at.as_nanos() / 1_000_000).collect();
    assert_eq!(times, [1, 2, 3, 3, 4, 4, 5]);
    let raise = Action::Raise { vector: Vector(40), cpu: CpuId(1) };
    assert_eq!(image.injections[1].action, raise);
    assert_eq!(image.run.until, Instant::START + Span::from_millis(20));
}

#[test]
fn a_pipe_with_both_ends_is_never_closed_by_itself() {
    let image = image(EVERYTHING);
    let other = &image.programs[2];
    assert_eq!(other.name, "other");
    assert_eq!(other.fds, [Fd(5), Fd(6)]);
    assert!(!other.code.iter().any(|i| matches!(i, Instruction::CloseUnused(_))));
    // `a` writes to `p` itself and only passes on the read end.
    assert_eq!(image.fd_lists, [[Fd(3)]]);
}

#[test]
fn ends_are_closed_behind_the_last_step_that_passes_them_on_and_jumps_stay_right() {
    let image = image(
        r#"format = 1
[pipe.p]
[process.a]
steps = [
  { repeat = 2, do = [ { fork = "w" } ] },
  { while = "index < 0", do = [ { compute = "1us" } ] },
  { wait = "all" },
]
[program.w]
steps = [ { write = "p", bytes = "1B" } ]
"#,
    );
    let code = &image.programs[0].code;
    assert!(matches!(code[0], Instruction::LoopStart { past: 3, .. }));
    assert!(matches!(code[2], Instruction::Loop { target: 1, .. }));
    assert!(matches!(code[3], Instruction::CloseUnused(_)));
    assert!(matches!(code[4], Instruction::JumpIfZero { target: 7, .. }));
    assert_eq!(code[6], Instruction::Jump(4));
}

#[test]
fn an_end_that_an_execed_program_needs_stays_open() {
    let image = image(
        r#"format = 1
[pipe.p]
[process.a]
steps = [ { fork = "w" }, { exec = "r" } ]
[program.w]
steps = [ { write = "p", bytes = "1B" } ]
[program.r]
steps = [ { read = "p" } ]
"#,
    );
    assert_eq!(image.programs[0].fds, [Fd(3), Fd(4)]);
    assert_eq!(image.fd_lists, [[Fd(4)]]);
}

#[test]
fn a_variable_passes_through_a_program_that_does_not_name_it() {
    let image = image(
        r#"format = 1
[process.a]
steps = [ { set = "n", to = 5 }, { fork = "middle" } ]
[program.middle]
steps = [ { fork = "leaf" } ]
[program.leaf]
steps = [ { print = "{n}" } ]
"#,
    );
    assert_eq!(image.programs[1].variables, ["index", "n"]);
    let exec = "[process.a]\nsteps = [ { set = \"n\", to = 5 }, { exec = \"t\" } ]\n[program.t]\nsteps = [ { print = \"{n}\" } ]";
    assert_eq!(codes(&errors::complete(exec)), [Code::UnknownVariable]);
}

#[test]
fn amounts_are_fixed_computed_or_random() {
    let image = image(
        r#"format = 1
[process.a]
steps = [
  { set = "n", to = 3 },
  { compute = "1.5us" },
  { compute = "500 instructions" },
  { compute = { value = "n", unit = "us" } },
  { sleep = { dist = "exponential", mean = "10us" } },
  { compute = { dist = "uniform", low = "1us", high = "2us" } },
]
"#,
    );
    let code = &image.programs[0].code;
    assert_eq!(code[1], Instruction::Compute(Amount::Const(1_500)));
    assert_eq!(code[2], Instruction::Compute(Amount::Const(500)));
    let Instruction::Compute(Amount::Operand(value)) = code[3] else { panic!("{:?}", code[3]) };
    assert_eq!(image.expressions.evaluate(value, &[0, 3]), Ok(3_000));
    assert_eq!(image.programs[0].streams, 2);
    let Instruction::Compute(Amount::Random(site)) = code[5] else { panic!("{:?}", code[5]) };
    assert_eq!(site.stream, 1);
    assert_eq!(code[0], Instruction::Set { variable: crate::program::Variable(1), value: Operand::Const(3) });
}

#[test]
fn expectations_are_kept_for_the_judge() {
    let scenario = match Scenario::parse("x", EVERYTHING, &Overrides::default()) {
        Ok(scenario) => scenario,
        Err(diagnostics) => panic!("{diagnostics}"),
    };
    let expect = scenario.expect;
    assert_eq!(expect.outcome, Some(Outcome::Limit));
    assert_eq!(expect.count["print"], Bound::exactly(2));
    assert!(expect.count["sched_switch"].contains(1_000) && !expect.count["sched_switch"].contains(0));
    assert_eq!(expect.end, Some(Bound { min: Some(1_000_000), max: Some(20_000_000) }));
    assert_eq!(expect.values["s.a[0]"], crate::scenario::Number::Whole(7));
    assert_eq!(scenario.sweeps[1].key, "kernel.scheduler.policy");
    assert_eq!(scenario.sweeps[1].values, ["\"fcfs\"", "\"priority\""]);
}

#[test]
fn the_command_line_overrides_the_file() {
    let set = |argument| Overrides::parse_set(argument).expect("an override");
    let overrides = Overrides {
        set: vec![
            set("machine.cpus=4"),
            set("kernel.scheduler.policy=fcfs"),
            set("kernel.scheduler.quantum=\"3ms\""),
            set("pipe.extra.capacity=1KiB"),
        ],
        seed: Some(99),
        until: Some("5ms".to_owned()),
        ..Overrides::default()
    };
    let text = include_str!("../testdata/ping-pong.toml");
    let Err(diagnostics) = Scenario::parse("x.toml", text, &overrides) else { panic!("fcfs has no quantum") };
    let [problem] = diagnostics.problems.as_slice() else { panic!("{diagnostics}") };
    assert_eq!(problem.code, Code::UnknownKey);
    assert!(diagnostics.to_string().contains("--set kernel.scheduler.quantum"), "{diagnostics}");
    let overrides =
        Overrides { set: vec![set("machine.cpus=4"), set("pipe.extra.capacity=1KiB")], ..overrides };
    let scenario = match Scenario::parse("x.toml", text, &overrides) {
        Ok(scenario) => scenario,
        Err(diagnostics) => panic!("{diagnostics}"),
    };
    assert_eq!(scenario.image.machine.cpus, 4);
    assert_eq!(scenario.image.pipes[2].capacity, 1024);
    assert_eq!(scenario.image.run.seed, 99);
    assert_eq!(scenario.image.run.until.as_nanos(), 5_000_000);
    let overrides = Overrides { until: Some("5".to_owned()), ..Overrides::default() };
    let Err(diagnostics) = Scenario::parse("x.toml", text, &overrides) else { panic!("no unit") };
    assert_eq!(diagnostics.problems[0].code, Code::Unit);
    assert!(diagnostics.to_string().contains("--until 5"));
}

#[test]
fn a_changed_profile_and_an_override_change_the_hashes() {
    let text = include_str!("../testdata/ping-pong.toml");
    let plain = image(text);
    let changed = image(&text.replace("\"textbook\"", "{ base = \"textbook\", switch = \"2us\" }"));
    assert_eq!(changed.costs.name, "textbook (changed)");
    assert_ne!(changed.costs.hash, plain.costs.hash);
    let overrides = Overrides { seed: Some(2), ..Overrides::default() };
    let scenario = Scenario::parse("test.toml", text, &overrides).map_err(|d| d.to_string());
    assert_ne!(scenario.expect("a scenario").image.hash, plain.hash);
}

#[test]
fn a_long_file_full_of_mistakes_is_reported_quickly() {
    let steps = "{ compuet = \"1us\" },\n".repeat(5_000);
    let text = format!("format = 1\n[process.a]\nsteps = [\n{steps}]\n");
    let Err(diagnostics) = Scenario::parse("x", &text, &Overrides::default()) else { panic!("accepted") };
    assert_eq!(diagnostics.errors(), 5_000);
    let shown = diagnostics.render(false);
    assert!(shown.ends_with("... and 4950 more\n"));
    assert!(shown.contains("x:53:3"));
}
