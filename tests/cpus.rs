//! Many CPUs, and what switching and moving costs: each in a scenario whose nanoseconds can be added up by
//! hand.
//!
//! All run on the profile `free`, where kernel work costs nothing and an instruction 1 ns, with the one cost
//! that is looked at; each at both paces, and each trace must keep the laws.

use trapline::ids::CpuId;
use trapline::scenario::{Overrides, Scenario};
use trapline::sim::{Pace, Simulator};
use trapline::trace::sink::Memory;
use trapline::trace::{Event, Kind, Moved, Trace, Why};

fn events(text: &str) -> Vec<Event> {
    let text = format!("format = 1\n{text}");
    let scenario = match Scenario::parse("test", &text, &Overrides::default()) {
        Ok(scenario) => scenario,
        Err(diagnostics) => panic!("{}", diagnostics.render(false)),
    };
    let [step, fast] = [Pace::Step, Pace::Fast].map(|pace| {
        let mut simulator = Simulator::new(&scenario.image, Memory::new(), pace);
        let outcome = simulator.run();
        let (header, end) = (trapline::sim::header(&scenario.image), simulator.end());
        Trace::from_memory(header, simulator.kernel.sink, end, outcome)
    });
    assert_eq!(step.check(), []);
    assert!(step.events == fast.events, "the paces differ");
    step.events
}

/// One CPU, whose switches cost so much.
fn switching(costs: &str, rest: &str) -> Vec<Event> {
    events(&format!("[machine]\ncosts = {{ base = \"free\", {costs} }}\n{rest}"))
}

fn times(events: &[Event], is_it: impl Fn(&Event) -> bool) -> Vec<u64> {
    events.iter().filter(|event| is_it(event)).map(|event| event.at.as_nanos()).collect()
}

/// When each switch began and ended.
fn switches(events: &[Event]) -> Vec<(u64, u64)> {
    let begun = times(events, |event| matches!(event.kind, Kind::SchedSwitch { .. }));
    let ended = times(events, |event| matches!(event.kind, Kind::SchedExit));
    assert_eq!(begun.len(), ended.len());
    begun.into_iter().zip(ended).collect()
}

fn enters(events: &[Event]) -> Vec<u64> {
    times(events, |event| matches!(event.kind, Kind::SysEnter { .. }))
}

/// When each process ended.
fn ends(events: &[Event]) -> Vec<u64> {
    times(events, |event| matches!(event.kind, Kind::ProcessExit { .. }))
}

/// When threads moved, where to, and why.
fn moves(events: &[Event]) -> Vec<(u64, u16, Moved)> {
    let moved = events.iter().filter_map(|event| match event.kind {
        Kind::SchedMigrate { to: CpuId(to), why, .. } => Some((event.at.as_nanos(), to, why)),
        _ => None,
    });
    moved.collect()
}

const PARTS: &str = "switch-save = \"10ns\", switch-decide = \"3ns\", switch-load = \"20ns\"";

#[test]
fn nothing_is_saved_of_the_idle_loop_and_nothing_loaded_for_it() {
    let text =
        "[process.a]\nsteps = [{ compute = \"100ns\" }, { sleep = \"50ns\" }, { compute = \"100ns\" }]";
    // To the thread 3 + 20; to the idle loop 10 + 3, and its own 7.
    let events = switching(&format!("{PARTS}, idle-entry = \"7ns\""), text);
    assert_eq!(switches(&events), [(0, 23), (123, 143), (173, 196), (296, 316)]);
}

const TWO: &str = r#"
[kernel]
scheduler = "fcfs"
[process.a]
steps = [{ compute = "100ns" }]
[process.b]
steps = [{ compute = "100ns" }]
"#;

#[test]
fn between_two_threads_a_switch_costs_the_sum_of_its_parts() {
    assert_eq!(switches(&switching(PARTS, TWO)), [(0, 23), (123, 156), (256, 269)]);
}

#[test]
fn one_price_for_the_whole_is_paid_from_whatever_to_any_thread() {
    assert_eq!(switches(&switching("switch = \"33ns\"", TWO)), [(0, 33), (133, 166), (266, 266)]);
}

#[test]
fn parts_override_the_whole_in_their_table_and_a_later_whole_the_parts() {
    assert_eq!(switches(&switching(&format!("switch = \"5us\", {PARTS}"), TWO))[1], (123, 156));
    let textbook = "[machine]\ncosts = { base = \"textbook\", switch-load = \"20ns\" }\n";
    assert_eq!(switches(&events(&format!("{textbook}{TWO}")))[0], (0, 20), "not the profile's 1 us");
}

#[test]
fn whoever_is_chosen_again_pays_for_the_decision() {
    let text = "[process.a]\nsteps = [{ compute = \"100ns\" }, { yield = true }, { compute = \"100ns\" }]";
    let events = switching(PARTS, text);
    assert_eq!(switches(&events), [(0, 23), (123, 126), (226, 239)]);
    let again = events.iter().find_map(|event| match event.kind {
        Kind::SchedSwitch { prev, next, why } if prev == next => Some(why),
        _ => None,
    });
    assert_eq!(again, Some(Why::Yielded));
    let whole = switching("switch = \"33ns\"", text);
    assert_eq!(switches(&whole), [(0, 33), (233, 233)], "with one price there is no switch then");
}

#[test]
fn a_thread_that_becomes_ready_can_cost_the_running_one_a_switch_to_itself() {
    let text = |rule: &str| {
        format!(
            r#"
            [kernel]
            scheduler = "priority"
            reschedule = "{rule}"
            [process.a]
            priority = 5
            steps = [{{ compute = "1us" }}]
            [process.b]
            priority = 1
            start = "300ns"
            steps = [{{ compute = "100ns" }}]
            "#
        )
    };
    let keeps = switching(PARTS, &text("keeps"));
    assert_eq!(switches(&keeps), [(0, 23), (1_023, 1_056), (1_156, 1_169)]);
    let reloads = switching(PARTS, &text("reloads"));
    assert_eq!(switches(&reloads), [(0, 23), (300, 333), (1_056, 1_089), (1_189, 1_202)]);
    let whole = switching("switch = \"33ns\"", &text("reloads"));
    assert_eq!(switches(&whole), [(0, 33), (300, 333), (1_066, 1_099), (1_199, 1_199)]);
}

#[test]
fn a_reload_leaves_the_slice_as_it_is() {
    let text = |start: &str| {
        format!(
            r#"
            [kernel]
            scheduler = {{ policy = "round-robin", quantum = "500ns" }}
            reschedule = "reloads"
            [process.a]
            steps = [{{ compute = "2us" }}]
            [process.b]
            start = "{start}"
            steps = [{{ compute = "100ns" }}]
            "#
        )
    };
    // The slice begins at 20 and ends at 520, whatever happens at 300.
    let events = switching("switch-load = \"20ns\"", &text("300ns"));
    assert_eq!(switches(&events)[..3], [(0, 20), (300, 320), (520, 540)]);
    // Alone it has one slice after the other.
    let events = switching("switch-load = \"20ns\"", &text("1300ns"));
    assert_eq!(switches(&events)[..3], [(0, 20), (1_300, 1_320), (1_520, 1_540)]);
}

#[test]
fn a_thread_computes_slowly_until_its_data_are_warm() {
    let text = r#"
        [machine]
        costs = "free"
        cache = { warm-up = "100ns", cold-speed = 0.5 }
        [process.a]
        steps = [{ repeat = 3, do = [{ compute = "60ns" }, { getpid = "x" }] }]
    "#;
    // 60 at half the speed; the other 40, and 20 at full speed; and 60.
    assert_eq!(enters(&events(text))[..3], [120, 220, 280]);
}

#[test]
fn others_drive_its_data_out() {
    let text = |keeps: &str| {
        format!(
            r#"
            [machine]
            costs = "free"
            cache = {{ warm-up = "100ns", cold-speed = 0.5{keeps} }}
            [kernel]
            scheduler = {{ policy = "round-robin", quantum = "100ns" }}
            preemption = "none"
            [process.a]
            steps = [{{ compute = "200ns" }}]
            [process.b]
            steps = [{{ compute = "200ns" }}]
            "#
        )
    };
    // Each turn of the other makes it cold: it gets 50 done in each of its own.
    assert_eq!(ends(&events(&text(", keeps = \"100ns\""))), [700, 800]);
    // Warm after two turns, done after a third.
    for keeps in [", keeps = \"101ns\"", ""] {
        assert_eq!(ends(&events(&text(keeps))), [500, 600]);
    }
}

#[test]
fn a_cpu_of_half_the_speed_takes_twice_as_long_to_compute() {
    let text = r#"
        [machine]
        cpus = 2
        costs = "free"
        speeds = [1.0, 0.5]
        [process.a]
        cpu = 0
        steps = [{ compute = "100ns" }, { compute = "30ns" }]
        [process.b]
        cpu = 1
        steps = [{ compute = "100ns" }, { compute = "30ns" }]
    "#;
    assert_eq!(ends(&events(text)), [130, 260]);
}

#[test]
fn a_handler_in_between_leaves_the_work_that_is_left() {
    let text = r#"
        [machine]
        costs = "free"
        cache = { warm-up = "1us", cold-speed = 0.5 }
        [process.a]
        steps = [
          { signal = "SIGUSR1", action = "handler", run = "h" },
          { compute = "100ns" },
        ]
        [program.h]
        steps = [{ compute = "10ns" }]
        [[event]]
        at = "80ns"
        signal = "SIGUSR1"
        process = "a"
    "#;
    // The handler takes 20 of the 220.
    assert_eq!(ends(&events(text)), [220]);
}

/// Two long jobs on the first CPU, a short one on the other.
fn uneven(balance: &str, short: &str) -> Vec<Event> {
    events(&format!(
        r#"
        [machine]
        cpus = 2
        costs = "free"
        [kernel]
        scheduler = {{ policy = "round-robin", quantum = "100ns" }}
        balance = {balance}
        preemption = "none"
        [process.long-1]
        steps = [{{ compute = "3us" }}]
        [process.short]
        steps = [{{ compute = "{short}" }}]
        [process.long-2]
        steps = [{{ compute = "3us" }}]
        "#
    ))
}

#[test]
fn queues_are_made_even_every_so_often() {
    assert_eq!(ends(&uneven("\"none\"", "10ns")), [10, 5_900, 6_000]);
    let periodic = uneven("{ kind = \"periodic\", every = \"1us\" }", "10ns");
    assert_eq!(moves(&periodic), [(1_000, 1, Moved::Balanced)]);
    // Each has had 500 by then. The message to the other CPU takes a nanosecond.
    assert_eq!(ends(&periodic), [10, 3_500, 3_501]);
}

#[test]
fn a_cpu_without_work_takes_a_thread_unless_it_is_hot() {
    // At 250 ns the first CPU runs the first job; the other one left at 200.
    assert_eq!(moves(&uneven("\"steal\"", "250ns")), [(250, 1, Moved::Stolen)]);
    let hot = |cost: &str| uneven(&format!("{{ kind = \"steal\", migration-cost = \"{cost}\" }}"), "250ns");
    assert_eq!(moves(&hot("50ns")), [(250, 1, Moved::Stolen)]);
    assert_eq!(moves(&hot("51ns")), []);
    let both = uneven("{ kind = \"both\", every = \"1070ns\", migration-cost = \"51ns\" }", "250ns");
    assert_eq!(moves(&both), [(1_070, 1, Moved::Balanced)]);
}

#[test]
fn a_migration_says_what_it_was_for() {
    let text = r#"
        [machine]
        cpus = 2
        costs = "free"
        [kernel]
        balance = "none"
        scheduler = "fcfs"
        [process.a]
        steps = [{ compute = "10ns" }, { sleep = "50ns" }, { compute = "10ns" }]
        [process.b]
        steps = [{ compute = "30ns" }]
        [process.c]
        steps = [{ compute = "500ns" }]
    "#;
    // Whoever sleeps is woken where nobody is: its own CPU has been given to the third.
    assert_eq!(moves(&events(text)), [(60, 1, Moved::Woken)]);
    let global = text.replace("balance = \"none\"", "queues = \"global\"");
    // All three waited where the first CPU could have taken them. Whoever wakes waits there as well, and the other
    // CPU hears of it a nanosecond later.
    assert_eq!(moves(&events(&global)), [(0, 1, Moved::Picked), (61, 1, Moved::Picked)]);
}

#[test]
fn each_mistake_is_told() {
    for (machine, kernel, told) in [
        ("speeds = [1.0]", "", "`speeds` has 1 numbers, and the machine 2 CPUs"),
        ("speeds = [1.0, 0.0]", "", "a CPU's speed must be from 0.001 to 1000"),
        ("cache = { warm-up = \"1us\" }", "", "cold-speed"),
        ("cache = { warm-up = \"1us\", cold-speed = 2e9 }", "", "`cold-speed` must be from 0.001 to 1000"),
        ("cache = { warm-up = 5, cold-speed = 0.5 }", "", "unit"),
        ("", "balance = \"peridoic\"", "there is no way to balance named `peridoic`"),
        ("", "balance = 3", "`balance` is a word or a table, not an integer"),
        ("", "balance = { every = \"1ms\" }", "`balance` needs the key `kind`"),
        ("", "balance = { kind = \"periodic\", every = \"0ns\" }", "`every` is more than 0"),
        ("", "balance = { kind = \"both\", imbalance = -1 }", "`imbalance` must be from 0 to 10000 percent"),
        ("", "balance = { kind = \"both\", imbalance = 0.5 }", "`imbalance` is a whole number of percent"),
        ("", "balance = { kind = \"steal\", every = \"1ms\" }", "`every` means nothing to this kind"),
        ("", "balance = { kind = \"both\", migrations = 1 }", "`balance` has no key `migrations`"),
        ("", "reschedule = \"never\"", "never"),
    ] {
        let text = format!(
            "format = 1\n[machine]\ncpus = 2\n{machine}\n[kernel]\n{kernel}\n[process.a]\nsteps = [{{ compute = \"1us\" }}]\n"
        );
        let diagnostics = Scenario::parse("test", &text, &Overrides::default()).expect_err(told);
        assert!(diagnostics.to_string().contains(told), "{diagnostics}");
    }
}
