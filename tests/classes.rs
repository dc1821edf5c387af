//! Linux's classes and gangs on the simulated kernel, with times that can be added up by hand.

#[path = "common/paces.rs"]
#[expect(dead_code, reason = "nothing is printed here")]
mod paces;
#[path = "common/switches.rs"]
mod switches;

use switches::switches;

/// 50 µs of work with 20 µs in each 100 µs: at 0, 100 and 200 µs, though nobody else wants the CPU.
#[test]
fn a_budget_is_a_limit_even_on_an_idle_cpu() {
    let text = r#"
        [kernel]
        scheduler = "linux"
        [process.d]
        class = "deadline"
        budget = "20us"
        period = "100us"
        jobs = 1
        steps = [{ compute = "50us" }]
    "#;
    assert_eq!(switches(text, &["d"]), ["d@0:0", "d@0:100", "d@0:200"]);
    // Where only the tick finds that out, what it ran longer is owed: it runs for 30 µs, from 100 to 120, having
    // 10 left, from 200 to 210, having 10 again, and then for as long as it needs.
    let ticks = text.replace("scheduler =", "tick = \"30us\"\ntickless-idle = false\nscheduler =");
    let ticks = ticks.replace("50us", "70us");
    assert_eq!(switches(&ticks, &["d"]), ["d@0:0", "d@0:100", "d@0:200", "d@0:300"]);
}

/// The server has 50 µs in each millisecond, first at the end of one, then at the beginning.
#[test]
fn a_loop_of_a_real_time_thread_leaves_a_part_to_others() {
    let text = r#"
        [kernel]
        scheduler = { policy = "linux", server-budget = "50us", server-period = "1ms" }
        [process.loop]
        class = "fifo"
        priority = 50
        steps = [{ compute = "2500us" }]
        [process.other]
        steps = [{ compute = "300us" }]
    "#;
    let wanted = ["loop@0:0", "other@0:950", "loop@0:1050", "other@0:2000", "loop@0:2050", "other@0:2650"];
    assert_eq!(switches(text, &["loop", "other"]), wanted);
    let off = text.replace("\"50us\"", "\"0ns\"");
    assert_eq!(switches(&off, &["loop", "other"]), ["loop@0:0", "other@0:2500"]);
}

/// `low` has the lock that `high` waits for: until it gives it back, `mid` doesn't get the CPU.
#[test]
fn a_fair_thread_with_a_lent_priority_keeps_real_time_threads_waiting() {
    let text = r#"
        [kernel]
        scheduler = "linux"
        [mutex.m]
        protocol = "inherit"
        [process.low]
        steps = [{ lock = "m" }, { compute = "30us" }, { unlock = "m" }, { compute = "10us" }]
        [process.mid]
        class = "fifo"
        priority = 10
        start = "20us"
        steps = [{ compute = "50us" }]
        [process.high]
        class = "rr"
        priority = 20
        start = "10us"
        steps = [{ lock = "m" }, { compute = "5us" }, { unlock = "m" }]
    "#;
    let wanted = ["low@0:0", "high@0:10", "low@0:10", "high@0:30", "mid@0:35", "low@0:85"];
    assert_eq!(switches(text, &["low", "high", "mid"]), wanted);
}

/// Both programs have two threads of 15 µs of work, and slots of 10 µs. The threads of each are always on
/// both CPUs, once there are two of them; the slot in which blue is done ends with it.
#[test]
fn both_threads_of_a_program_get_the_cpus_at_the_same_time() {
    let text = r#"
        cpus = 2
        [kernel]
        scheduler = { policy = "gang", quantum = "10us" }
        queues = "global"
        [process.red]
        steps = [{ thread = "red-2" }, { compute = "15us" }]
        [program.red-2]
        steps = [{ compute = "15us" }]
        [process.blue]
        steps = [{ thread = "blue-2" }, { compute = "15us" }]
        [program.blue-2]
        steps = [{ compute = "15us" }]
    "#;
    let seen = switches(text, &["red", "blue", "red-2", "blue-2"]);
    let mut at: std::collections::BTreeMap<u64, Vec<&str>> = std::collections::BTreeMap::new();
    for switch in &seen {
        let (who, when) = switch.split_once(':').expect("a time");
        at.entry(when.parse().expect("a number")).or_default().push(who);
    }
    assert_eq!(at.keys().copied().collect::<Vec<_>>(), [0, 10, 20, 25], "{seen:?}");
    for (time, colour) in [(10, "red"), (20, "blue"), (25, "red")] {
        let here = &at[&time];
        assert_eq!(here.len(), 2, "{seen:?}");
        assert!(here.iter().all(|who| who.starts_with(colour)), "{seen:?}");
    }
}
