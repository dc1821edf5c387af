//! What only a measured host charges, each in a scenario whose nanoseconds can be added up by hand.
//!
//! All run on the profile `free`, where kernel work costs nothing and an instruction 1 ns, with
//! the one cost that is looked at; and each at both paces.

use trapline::scenario::{Overrides, Scenario};
use trapline::sim::{Pace, Simulator};
use trapline::trace::sink::Memory;
use trapline::trace::{Event, Kind, Why};

fn load(text: &str, overrides: &Overrides) -> Scenario {
    let text = format!("format = 1\n{text}");
    match Scenario::parse("test", &text, overrides) {
        Ok(scenario) => scenario,
        Err(diagnostics) => panic!("{}", diagnostics.render(false)),
    }
}

fn events_of(scenario: &Scenario) -> Vec<Event> {
    let [step, fast] = [Pace::Step, Pace::Fast].map(|pace| {
        let mut simulator = Simulator::new(&scenario.image, Memory::new(), pace);
        simulator.run();
        simulator.kernel.sink.events
    });
    assert!(step == fast, "the paces differ");
    step
}

/// The events of a scenario, whose cost profile is `free` with these costs.
fn events(costs: &str, text: &str) -> Vec<Event> {
    let scenario = format!("[machine]\ncosts = {{ base = \"free\", {costs} }}\n{text}");
    events_of(&load(&scenario, &Overrides::default()))
}

/// When things of this kind happened, in nanoseconds.
fn times(events: &[Event], is_it: impl Fn(&Event) -> bool) -> Vec<u64> {
    events.iter().filter(|event| is_it(event)).map(|event| event.at.as_nanos()).collect()
}

fn enters(events: &[Event]) -> Vec<u64> {
    times(events, |event| matches!(event.kind, Kind::SysEnter { .. }))
}

fn exits(events: &[Event]) -> Vec<u64> {
    times(events, |event| matches!(event.kind, Kind::SysExit { .. }))
}

fn switches(events: &[Event]) -> Vec<u64> {
    times(events, |event| matches!(event.kind, Kind::SchedSwitch { .. }))
}

#[test]
fn a_programs_own_work_passes_before_its_instructions() {
    let events = events(
        "user-step = \"10ns\", user-call = \"100ns\", user-note = \"30ns\"",
        r#"
        [process.a]
        steps = [
          { set = "x", to = 3 },
          { repeat = 2, do = [{ compute = "50ns" }] },
          { print = "done" },
          { getpid = "x" },
        ]
        "#,
    );
    // Setting takes 10 in all. The loop's start 10, then twice 10 + 50 for the computing and 10 for
    // the jump back; the print 30.
    let prints = times(&events, |event| matches!(event.kind, Kind::Print { .. }));
    assert_eq!(prints, [10 + 10 + 2 * (10 + 50 + 10) + 30]);
    // The call's own work is the user's; so is that of the exit.
    assert_eq!(enters(&events), [190 + 100, 290 + 100]);
    assert_eq!(exits(&events)[0], 290);
}

#[test]
fn without_a_price_for_it_a_programs_own_work_takes_no_time() {
    let text = "[process.a]\nsteps = [{ repeat = 2, do = [{ compute = \"50ns\" }] }, { getpid = \"x\" }]";
    assert_eq!(enters(&events("switch = \"0ns\"", text)), [100, 100]);
}

#[test]
fn copied_bytes_follow_their_channels_curve_in_place_of_the_calls_price() {
    let events = events(
        r#"calls.write = { base = "5ns", per-kib = "1us" }, calls.read = { base = "7ns" },
           copies.pipe-write = { points = [["1KiB", "100ns"], ["2KiB", "300ns"]] }"#,
        r#"
        [pipe.p]
        ends = "both"
        [process.a]
        steps = [
          { write = "p", bytes = "512B" },
          { write = "p", bytes = "1.5KiB" },
          { write = "p", bytes = "3KiB" },
          { read = "p", bytes = "3KiB" },
          { write = "terminal", bytes = "1KiB" },
        ]
        "#
        .trim(),
    );
    let lasted: Vec<u64> =
        exits(&events).iter().zip(enters(&events)).map(|(exit, enter)| exit - enter).collect();
    // 50, 200 and 500 by the curve; the read has none, nor a price; the terminal has the call's price.
    assert_eq!(lasted[..5], [5 + 50, 5 + 200, 5 + 500, 7, 5 + 1_000]);
}

#[test]
fn what_another_cpu_used_and_wrote_last_costs_more() {
    let events = events(
        "contended = \"40ns\", remote-per-kib = \"1000ns\"",
        r#"
        cpus = 2
        [pipe.p]
        ends = "both"
        [process.writer]
        cpu = 0
        steps = [{ write = "p", bytes = "1KiB" }, { write = "p", bytes = "1KiB" }]
        [process.reader]
        cpu = 1
        steps = [
          { compute = "500ns" },
          { read = "p", bytes = "512B" },
          { read = "p", bytes = "512B" },
          { write = "p", bytes = "1KiB" },
          { read = "p", bytes = "1KiB" },
          { read = "p", bytes = "1KiB" },
        ]
        "#
        .trim(),
    );
    let of = |cpu: u16| -> Vec<Event> {
        let mine = events.iter().filter(|event| event.cpu.is_some_and(|on| on.0 == cpu));
        mine.copied().collect()
    };
    let lasted = |events: &[Event]| -> Vec<u64> {
        let pairs = exits(events).into_iter().zip(enters(events));
        pairs.map(|(exit, enter)| exit - enter).collect()
    };
    assert_eq!(lasted(&of(0)), [0, 0]);
    // The first read finds the pipe with the writer's CPU; all but the reader's own KiB come from there.
    assert_eq!(lasted(&of(1)), [40 + 500, 500, 0, 1_000, 0]);
}

#[test]
fn a_switch_costs_more_the_longer_ago_the_thread_ran_there() {
    let events = events(
        "switch = \"10ns\", switch-cold = { points = [[2, \"5ns\"], [4, \"105ns\"]] }",
        r#"
        [process.a]
        count = 3
        steps = [{ yield = true }, { yield = true }]
        "#,
    );
    // Each thread's first switch is as cold as can be: 10 + 105. The others are three switches ago:
    // 10 + 55. At the end there is the switch to the idle loop, which costs nothing.
    let starts = switches(&events);
    let lasted: Vec<u64> = starts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(lasted, [115, 115, 115, 65, 65, 65, 65, 65, 65]);
}

#[test]
fn a_sleep_lasts_longer_by_the_timers_slack() {
    let text = "[process.a]\nsteps = [{ sleep = \"1us\" }]";
    let wakings = times(&events("timer-slack = \"50ns\"", text), |event| {
        matches!(event.kind, Kind::SchedWaking { .. })
    });
    assert_eq!(wakings, [1_050]);
}

/// A sleeper on CPU 1 is woken from CPU 0 after 300 ns, and once more after 10 us.
const WOKEN: &str = r#"
    cpus = 2
    [pipe.p]
    ends = "both"
    [process.waker]
    cpu = 0
    steps = [{ compute = "300ns" }, { write = "p", bytes = "8B" }, { compute = "9700ns" }, { write = "p", bytes = "8B" }]
    [process.sleeper]
    cpu = 1
    steps = [{ read = "p" }, { read = "p" }]
"#;

#[test]
fn a_cpu_that_looks_for_work_needs_no_message() {
    let costs = "idle-poll = \"1us\", poll-notice = \"20ns\", ipi-delivery = \"200ns\", idle-exit = \"90ns\"";
    let events = events(costs, WOKEN.trim());
    let arrivals = times(&events, |event| {
        matches!(event.kind, Kind::SchedSwitch { why: Why::WorkArrived, .. }) && event.at.as_nanos() > 0
    });
    // The first time it still looks for work; the second time it has halted.
    assert_eq!(arrivals, [300 + 20, 10_000 + 200 + 90]);
    let messages = times(&events, |event| matches!(event.kind, Kind::RescheduleEntry));
    assert_eq!(messages, [10_200]);
}

#[test]
fn a_message_to_a_halted_cpu_takes_its_own_time() {
    let events = events("ipi-delivery = \"200ns\", ipi-delivery-idle = \"700ns\"", WOKEN.trim());
    let messages = times(&events, |event| matches!(event.kind, Kind::RescheduleEntry));
    assert_eq!(messages, [1_000, 10_700]);
}

#[test]
fn a_fault_on_a_cached_page_of_a_file_has_its_own_price() {
    let text = r#"
        [device.disk]
        [file.data]
        disk = "disk"
        size = "8KiB"
        cached = true
        [memory.heap]
        size = "4KiB"
        [memory.mapped]
        size = "8KiB"
        file = "data"
        [process.a]
        steps = [{ touch = "heap" }, { touch = "mapped", mode = "read" }]
    "#;
    let costs = "fault-minor = \"100ns\", fault-cached = \"30ns\"";
    let events = events(costs, text.trim());
    let faults = times(&events, |event| matches!(event.kind, Kind::PageFaultUser { .. }));
    let ends = times(&events, |event| matches!(event.kind, Kind::ExceptionExit));
    let lasted: Vec<u64> = ends.iter().zip(&faults).map(|(end, fault)| end - fault).collect();
    assert_eq!(lasted, [100, 30, 30]);
}

/// A profile of an invented host.
const HOST: &str = r#"
[machine]
costs = { base = "free", host = { policy = "eevdf", slice = "3ms", tick = "4ms", preemption = "none" }, disk = { read = { points = [[0.5, "80us"]] }, flush = { points = [[0.5, "1ms"]] }, per-kib = "1us" } }
"#;

#[test]
fn a_run_as_on_the_host_has_its_disks() {
    let text = format!(
        "{HOST}{}",
        r#"
        [device.disk]
        service = "4ms"
        [file.data]
        disk = "disk"
        size = "8KiB"
        [process.a]
        steps = [
          { read = "data", bytes = "4KiB", direct = true },
          { write = "data", bytes = "4KiB" },
          { fsync = "data" },
        ]
        "#
    );
    let scenario = load(&text, &Overrides { host: true, ..Overrides::default() });
    let complete = times(&events_of(&scenario), |event| matches!(event.kind, Kind::BlockRqComplete { .. }));
    assert_eq!(complete, [84_000, 84_000 + 1_004_000]);
    let scenario = load(&text, &Overrides::default());
    let complete = times(&events_of(&scenario), |event| matches!(event.kind, Kind::BlockRqComplete { .. }));
    // 4 ms and 5 us for each KiB.
    assert_eq!(complete, [4_020_000, 8_040_000]);
}

#[test]
fn a_run_as_on_the_host_has_its_scheduler() {
    let text = format!(
        "{HOST}\n[kernel]\nscheduler = \"fcfs\"\n[process.a]\ncount = 2\nsteps = [{{ compute = \"10ms\" }}]"
    );
    let scenario = load(&text, &Overrides { host: true, ..Overrides::default() });
    let events = events_of(&scenario);
    let ends = times(&events, |event| matches!(event.kind, Kind::SchedSwitch { why: Why::SliceEnd, .. }));
    // Slices of 3 ms are found to be over at ticks: both have 4 ms, twice, and then their rest. The
    // last 2 ms of the first end between ticks.
    assert_eq!(ends, [4_000_000, 8_000_000, 12_000_000, 16_000_000]);
    let fcfs = events_of(&load(&text, &Overrides::default()));
    assert!(!fcfs.iter().any(|event| matches!(event.kind, Kind::SchedSwitch { why: Why::SliceEnd, .. })));
}

#[test]
fn a_profile_on_the_command_line_takes_the_place_of_the_scenarios() {
    let text = "[machine]\ncosts = { base = \"textbook\", switch = \"7ns\" }\n[process.a]\nsteps = [{ getpid = \"x\" }]";
    let overrides = Overrides { costs: Some("linux-x86".to_owned()), ..Overrides::default() };
    let scenario = load(text, &overrides);
    assert_eq!(scenario.image.costs.name, "linux-x86");
    let set = vec![("machine.costs.switch".to_owned(), "9ns".to_owned())];
    let scenario = load(text, &Overrides { set, ..overrides });
    assert_eq!(scenario.image.costs.name, "linux-x86 (changed)");
    assert_eq!(scenario.image.costs.switch.as_nanos(), 9);
}

#[test]
fn a_profile_that_knows_no_host_is_refused_where_one_is_asked_for() {
    let text = "format = 1\n[process.a]\nsteps = [{ getpid = \"x\" }]";
    let problems = Scenario::parse("test", text, &Overrides { host: true, ..Overrides::default() });
    let problems = problems.map(|_| ()).expect_err("a mistake").render(false);
    assert!(problems.contains("the cost profile `textbook` doesn't say how a host is set"), "{problems}");
}
