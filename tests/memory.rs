//! Page replacement, swapping, limits and lack of memory, in scenarios that can be worked out by hand.

#![allow(clippy::unwrap_used)]

use trapline::ids::Tid;
use trapline::scenario::{Overrides, Scenario};
use trapline::sim::{Outcome, Pace, Simulator};
use trapline::trace::sink::Memory;
use trapline::trace::{Event, Fault, Kind};

fn load(text: &str) -> Scenario {
    match Scenario::parse("test", &format!("format = 1\n{text}"), &Overrides::default()) {
        Ok(scenario) => scenario,
        Err(diagnostics) => panic!("{}", diagnostics.render(false)),
    }
}

/// What a scenario's text is refused for.
fn refused(text: &str) -> String {
    match Scenario::parse("test", &format!("format = 1\n{text}"), &Overrides::default()) {
        Ok(_) => panic!("accepted"),
        Err(diagnostics) => diagnostics.render(false),
    }
}

fn run(text: &str) -> (Vec<Event>, Outcome) {
    let scenario = load(text);
    let [step, fast] = [Pace::Step, Pace::Fast].map(|pace| {
        let mut simulator = Simulator::new(&scenario.image, Memory::new(), pace);
        let outcome = simulator.run();
        (simulator.kernel.sink.events, outcome)
    });
    assert!(step == fast, "the paces differ");
    step
}

/// The pages that were replaced, as the memory object counts them, and whether they had to be written.
fn replaced(events: &[Event]) -> Vec<(u64, bool)> {
    let kinds = events.iter().filter_map(|event| match event.kind {
        Kind::PageEvicted { page, write } => Some((page - 16, write)),
        _ => None,
    });
    kinds.collect()
}

fn faults(events: &[Event], of: Fault) -> usize {
    let is_it = |event: &&Event| matches!(event.kind, Kind::PageFaultUser { fault, .. } if fault == of);
    events.iter().filter(is_it).count()
}

fn end_of(events: &[Event]) -> u64 {
    events.last().unwrap().at.as_nanos()
}

/// Steps that access these pages one after the other.
fn string(pages: &[u32], mode: &str) -> String {
    let steps = pages.iter();
    let steps: Vec<String> = steps
        .map(|page| format!("{{ touch = \"m\", first = {page}, pages = 1, mode = \"{mode}\" }}"))
        .collect();
    steps.join(", ")
}

const TEXTBOOK: &[u32] = &[7, 0, 1, 2, 0, 3, 0, 4, 2, 3, 0, 3, 2, 1, 2, 0, 1, 7, 0, 1];

fn textbook(replacement: &str, more: &str) -> Vec<u64> {
    let steps = string(TEXTBOOK, "read");
    let (events, outcome) = run(&format!(
        "[machine]\nmemory = \"12KiB\"\n[kernel]\nreplacement = \"{replacement}\"\n{more}\n[memory.m]\nsize = \"32KiB\"\n[process.a]\nsteps = [{steps}]"
    ));
    assert_eq!(outcome, Outcome::Finished);
    replaced(&events).into_iter().map(|(page, _)| page).collect()
}

#[test]
fn whole_runs_replace_the_pages_that_the_policies_say() {
    assert_eq!(textbook("lru", ""), [7, 1, 2, 3, 0, 4, 0, 3, 2]);
    assert_eq!(textbook("opt", ""), [7, 1, 0, 4, 3, 2]);
    assert_eq!(textbook("fifo", ""), [7, 0, 1, 2, 3, 0, 4, 2, 3, 0, 1, 2]);
    assert_eq!(textbook("random", "").len(), textbook("random", "").len());
}

#[test]
fn a_changed_page_is_written_to_the_swap_device_and_read_from_there() {
    // On `free` an instruction takes 1 ns and kernel work nothing. Pages 0 and 1 are written at 1 and 2
    // (each access is made again after its fault: 2 and 4). Page 2 needs a frame at 5: page 0 is written
    // for 100 ns, until 105, and page 2 is there at 106. Page 0 is accessed at 107: page 1 is written until
    // 207, page 0 read until 307, and accessed at 308.
    let steps = string(&[0, 1, 2, 0], "write");
    let text = format!(
        "[machine]\ncosts = \"free\"\nmemory = \"8KiB\"\n[device.swap]\nkind = \"disk\"\nservice = \"100ns\"\nper-kib = \"0ns\"\n[kernel]\nreplacement = \"lru\"\n[memory.m]\nsize = \"16KiB\"\n[process.a]\nsteps = [{steps}]"
    );
    let (events, outcome) = run(&text);
    assert_eq!(outcome, Outcome::Finished);
    assert_eq!(replaced(&events), [(0, true), (1, true)]);
    assert_eq!((faults(&events, Fault::Minor), faults(&events, Fault::Major)), (3, 1));
    assert_eq!(end_of(&events), 308);
}

#[test]
fn a_page_that_came_from_the_swap_device_and_wasnt_changed_neednt_be_written_again() {
    let steps = format!("{}, {}", string(&[0, 1], "write"), string(&[2, 0, 1, 2], "read"));
    let text = format!(
        "[machine]\ncosts = \"free\"\nmemory = \"8KiB\"\n[device.swap]\nkind = \"disk\"\n[kernel]\nreplacement = \"fifo\"\n[memory.m]\nsize = \"16KiB\"\n[process.a]\nsteps = [{steps}]"
    );
    let (events, _) = run(&text);
    // Page 2 was only read: it is zeros, and can be had again without a device.
    assert_eq!(replaced(&events), [(0, true), (1, true), (2, false), (0, false)]);
    assert_eq!((faults(&events, Fault::Minor), faults(&events, Fault::Major)), (4, 2));
}

#[test]
fn a_process_with_a_limit_replaces_its_own_pages_only() {
    let (events, outcome) = run(
        "[kernel]\nreplacement = \"lru\"\n[memory.m]\nsize = \"64KiB\"\n[process.small]\nframes = 2\nsteps = [{ touch = \"m\", pages = 5, mode = \"read\" }]\n[process.large]\nsteps = [{ touch = \"m\", pages = 16, mode = \"read\" }]",
    );
    assert_eq!(outcome, Outcome::Finished);
    let by = events.iter().filter(|event| matches!(event.kind, Kind::PageEvicted { .. }));
    assert_eq!(by.map(|event| event.task).collect::<Vec<_>>(), [Tid(2); 3]);
    assert_eq!(replaced(&events), [(0, false), (1, false), (2, false)]);
}

#[test]
fn pages_of_files_go_from_the_cache_without_being_written() {
    let (events, outcome) = run(
        "[machine]\nmemory = \"8KiB\"\n[device.disk]\n[file.f]\nsize = \"16KiB\"\n[kernel]\nreplacement = \"fifo\"\n[memory.m]\nsize = \"16KiB\"\nfile = \"f\"\n[process.a]\nsteps = [{ touch = \"m\", mode = \"read\" }, { touch = \"m\", pages = 1, mode = \"read\" }]",
    );
    assert_eq!(outcome, Outcome::Finished);
    assert_eq!(replaced(&events), [(0, false), (1, false), (2, false)]);
    assert_eq!(faults(&events, Fault::Major), 5);
}

#[test]
fn a_dirty_page_of_a_mapped_file_is_written_to_its_file() {
    let (events, outcome) = run(
        "[machine]\nmemory = \"8KiB\"\n[device.disk]\n[file.f]\nsize = \"16KiB\"\n[kernel]\nreplacement = \"fifo\"\n[memory.m]\nsize = \"16KiB\"\nfile = \"f\"\nshared = true\n[process.a]\nsteps = [{ touch = \"m\", pages = 2 }, { sleep = \"1us\" }, { write = \"f\", bytes = \"1B\" }, { touch = \"m\", pages = 3 }]",
    );
    assert_eq!(outcome, Outcome::Finished);
    assert!(replaced(&events).contains(&(0, true)), "{:?}", replaced(&events));
}

#[test]
fn the_largest_process_is_killed_when_nothing_can_be_taken() {
    let (events, outcome) = run(
        "[machine]\nmemory = \"32KiB\"\n[memory.m]\nsize = \"64KiB\"\n[process.large]\nsteps = [{ touch = \"m\", pages = 6 }, { sleep = \"1ms\" }, { print = \"never\" }]\n[process.small]\nsteps = [{ sleep = \"100us\" }, { touch = \"m\", pages = 4 }, { exit = 3 }]",
    );
    assert_eq!(outcome, Outcome::Finished);
    let killed: Vec<_> = events
        .iter()
        .filter_map(|event| match event.kind {
            Kind::OomKill { task, pages } => Some((event.task, task, pages)),
            _ => None,
        })
        .collect();
    assert_eq!(killed, [(Tid(3), Tid(2), 6)], "the small one needs a page, the large one has most");
    let statuses: Vec<_> = events
        .iter()
        .filter_map(|event| match event.kind {
            Kind::ProcessExit { status } => Some((event.task, status)),
            _ => None,
        })
        .collect();
    assert_eq!(statuses, [(Tid(2), 137), (Tid(3), 3)]);
}

#[test]
fn opt_is_refused_where_the_future_depends_on_the_faults() {
    let text = refused(
        "[kernel]\nreplacement = \"opt\"\n[process.a]\nsteps = [{ fork = \"c\" }]\n[program.c]\nsteps = [{ exit = 0 }]",
    );
    assert!(text.contains("`opt` must know the order of all accesses beforehand"), "{text}");
    let text = refused("[kernel]\nreplacement = \"opt\"\n[process.a]\ncount = 2\nsteps = [{ exit = 0 }]");
    assert!(text.contains("there is more than one process"), "{text}");
}

#[test]
fn a_run_that_opt_hasnt_foreseen_is_broken_off() {
    // Whether the signal's time has come before the loop's end depends on the page faults: the run that
    // records the accesses has more of them.
    let rounds = string(&[0, 1, 2, 3, 0, 1, 4, 0, 1, 2, 3, 4], "read");
    let (_, outcome) = run(&format!(
        "[machine]\nmemory = \"12KiB\"\n[device.terminal]\n[kernel]\nreplacement = \"opt\"\n[memory.m]\nsize = \"32KiB\"\n[process.a]\nsteps = [{{ repeat = 50, do = [{rounds}] }}]\n[[event]]\nat = \"100us\"\nsignal = \"SIGTERM\"\nprocess = \"a\""
    ));
    assert!(matches!(outcome, Outcome::Error { .. }), "{outcome:?}");
}

#[test]
fn limits_and_swap_need_a_rule_for_what_goes() {
    let text = refused("[process.a]\nframes = 2\nsteps = [{ exit = 0 }]");
    assert!(text.contains("a process can't be kept within `frames` without page replacement"), "{text}");
    let text =
        refused("[device.d]\nkind = \"disk\"\n[kernel]\nswap = \"d\"\n[process.a]\nsteps = [{ exit = 0 }]");
    assert!(text.contains("nothing is ever swapped out without page replacement"), "{text}");
}

#[test]
fn anonymous_memory_is_for_relatives() {
    let text = refused(
        "[shm.s]\nof = \"a\"\ncells = { n = 0 }\n[process.a]\nsteps = [{ load = \"x\", from = \"s.n\" }]\n[process.b]\nsteps = [{ load = \"x\", from = \"s.n\" }]",
    );
    assert!(text.contains("`b` can't reach the memory `s`, which `a` creates"), "{text}");
    assert!(text.contains("anonymous memory has no name in the system"), "{text}");
}

#[test]
fn what_is_written_through_a_mapping_is_what_a_read_gets_and_the_other_way_round() {
    let scenario = load(
        "[device.disk]\n[file.f]\nsize = \"4KiB\"\n[shm.s]\nfile = \"f\"\ncells = { n = 0, m = 0 }\n[process.a]\nsteps = [{ store = \"s.n\", value = 77 }, { read = \"f\", into = \"x\" }, { write = \"f\", value = \"x + 1\" }, { print = \"{x} {s.m}\" }]",
    );
    let mut simulator = Simulator::new(&scenario.image, Memory::new(), Pace::Fast);
    simulator.run();
    assert!(simulator.kernel.sink.names.contains(&"77 78".to_owned()), "{:?}", simulator.kernel.sink.names);
}

#[test]
fn a_trace_tells_who_loses_a_page_and_how_many_frames_are_free() {
    let worker = "steps = [{ touch = \"m\", pages = 2 }, { sleep = \"10us\" }, { touch = \"m\", pages = 1 }]";
    let (events, outcome) = run(&format!(
        "[machine]\ncosts = \"free\"\nmemory = \"12KiB\"\n[device.swap]\nkind = \"disk\"\n[kernel]\nreplacement = \"fifo\"\n[memory.m]\nsize = \"8KiB\"\n[process.one]\n{worker}\n[process.other]\n{worker}"
    ));
    assert_eq!(outcome, Outcome::Finished);
    let unmapped: Vec<(u32, u64)> = events
        .iter()
        .filter_map(|event| match event.kind {
            Kind::PagesUnmapped { task, page, pages: 1 } => Some((task.0, page - 16)),
            _ => None,
        })
        .collect();
    // Both have a page 0 and a page 1. The fourth page needs the frame of the first, which takes that of the second.
    assert_eq!(unmapped, [(2, 0), (2, 1)]);
    assert_eq!(unmapped.len(), replaced(&events).len());
    let free: Vec<u64> = events
        .iter()
        .filter_map(|event| match event.kind {
            Kind::FramesFree { free } => Some(free),
            _ => None,
        })
        .collect();
    assert_eq!(&free[..3], [2, 1, 0]);
    assert_eq!(free.last(), Some(&3), "in the end all are free");
}

#[test]
fn a_page_that_a_program_gives_back_is_told_of() {
    let (events, _) = run(
        "[memory.m]\nsize = \"16KiB\"\n[process.a]\nsteps = [{ touch = \"m\", pages = 3 }, { munmap = \"m\", first = 0, pages = 2 }]",
    );
    let unmapped = events.iter().filter_map(|event| match event.kind {
        Kind::PagesUnmapped { task, page, pages } => Some((task, page - 16, pages)),
        _ => None,
    });
    assert_eq!(unmapped.collect::<Vec<_>>(), [(Tid(2), 0, 2)]);
    assert!(
        !events.iter().any(|event| matches!(event.kind, Kind::FramesFree { .. })),
        "frames aren't scarce"
    );
}
