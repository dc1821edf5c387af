//! Walks through runs: that there is one state at each step, however it is reached; where commands stop;
//! what the screen shows.

use std::collections::BTreeMap;

use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::command::Command;
use super::snapshots::Snapshots;
use super::view::View;
use super::words::Part;
use super::{Recent, Stepper};
use crate::scenario::{Overrides, Scenario};
use crate::sim::{Pace, Simulator, header};

/// Two CPUs, a pipe, slices, sleep, page faults and a button that nobody presses.
const BUSY: &str = r#"
format = 1
name = "busy"
question = "What happens?"
[machine]
cpus = 2
costs = "textbook"
[device.button]
kind = "button"
[kernel]
scheduler = { policy = "round-robin", quantum = "7us" }
[pipe.p]
[memory.heap]
size = "8KiB"
[process.writer]
steps = [
  { compute = "3us" },
  { touch = "heap" },
  { write = "p", bytes = "100B" },
  { sleep = "20us" },
  { print = "written" },
]
[process.reader]
steps = [ { read = "p", bytes = "100B" }, { print = "read" }, { compute = "4us" } ]
[process.burner]
count = 2
steps = [ { compute = "31us" } ]
"#;

fn scenario(text: &str) -> Scenario {
    match Scenario::parse("test", text, &Overrides::default()) {
        Ok(scenario) => scenario,
        Err(diagnostics) => panic!("{diagnostics:?}"),
    }
}

fn act(stepper: &mut Stepper, script: &str) {
    for (_, command) in Command::script(script).unwrap() {
        stepper.command(&command, &mut || false);
    }
}

/// The last events of a run at full speed, how many there were, and its end.
fn at_full_speed(scenario: &Scenario) -> (Recent, String) {
    let sink = Recent::new(&header(&scenario.image));
    let mut simulator = Simulator::new(&scenario.image, sink, Pace::Fast);
    let outcome = simulator.run();
    (simulator.kernel.sink, outcome.name().to_owned())
}

#[test]
fn a_walk_through_a_run_is_that_run() {
    let scenario = scenario(BUSY);
    let (run, outcome) = at_full_speed(&scenario);
    assert!(run.count > 40, "{}", run.count);
    for word in ["g", "s*1000000", "e*1000", "c*1000"] {
        let mut stepper = Stepper::new(&scenario.image);
        act(&mut stepper, word);
        assert_eq!(stepper.outcome().unwrap().name(), outcome);
        assert_eq!(stepper.recent().events, run.events, "{word}");
        assert_eq!(stepper.recent().count, run.count, "{word}");
        assert_eq!(stepper.recent().console, run.console, "{word}");
    }
}

#[test]
fn one_instruction_at_a_time_comes_to_the_same_as_passing_them_over() {
    let scenario = scenario(BUSY);
    let mut one = Stepper::new(&scenario.image);
    let mut other = Stepper::new(&scenario.image);
    for step in 1..3000 {
        act(&mut one, "s");
        if step % 97 == 0 {
            act(&mut other, &format!("@{step}"));
            assert_eq!(one.text(100), other.text(100), "step {step}");
        }
    }
    assert_eq!(one.step(), 2999);
}

#[test]
fn back_undoes_forward() {
    let scenario = scenario(BUSY);
    let mut stepper = Stepper::new(&scenario.image);
    for _ in 0..30 {
        let before = stepper.text(100);
        act(&mut stepper, "s");
        let after = stepper.text(100);
        assert_ne!(before, after);
        act(&mut stepper, "p");
        assert_eq!(stepper.text(100), before);
        act(&mut stepper, "e");
        let event = stepper.text(100);
        act(&mut stepper, "e E");
        assert_eq!(stepper.text(100), event);
    }
    act(&mut stepper, "E*100000");
    assert_eq!((stepper.step(), stepper.now().as_nanos()), (0, 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_step_has_one_state_whatever_the_way_there(
        walk in prop::collection::vec((0_usize..7, 1_u64..400), 1..25)
    ) {
        let scenario = scenario(BUSY);
        let mut stepper = Stepper::new(&scenario.image);
        let mut known: BTreeMap<u64, String> = BTreeMap::new();
        for (key, count) in walk {
            let few = count % 4 + 1;
            let word = match key {
                0 => format!("s*{count}"),
                1 => format!("p*{count}"),
                2 => format!("e*{few}"),
                3 => format!("E*{few}"),
                4 => format!("c*{few}"),
                5 => format!("@{}", count * 100),
                _ => format!("s*{count} p*{count}"),
            };
            act(&mut stepper, &word);
            // The end is found out by the step that can't be made.
            if stepper.outcome().is_none() {
                let text = stepper.text(100);
                prop_assert_eq!(known.entry(stepper.step()).or_insert_with(|| text.clone()), &text);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn with_snapshots_a_walk_is_the_same_as_without(
        walk in prop::collection::vec((0_usize..8, 1_u64..400), 1..25)
    ) {
        let scenario = scenario(BUSY);
        let stepper = |apart| Stepper { snapshots: Snapshots::apart(apart), ..Stepper::new(&scenario.image) };
        let (mut with, mut without) = (stepper(3), stepper(u64::MAX));
        for (key, count) in walk {
            let word = match key {
                0 => format!("s*{count}"),
                1 => format!("p*{count}"),
                2 => format!("e*{}", count % 16 + 1),
                3 => format!("E*{}", count % 4 + 1),
                4 => format!("@{}", count * 100),
                5 => "i:button".to_owned(),
                6 => "u".to_owned(),
                _ => "g".to_owned(),
            };
            act(&mut with, &word);
            act(&mut without, &word);
            prop_assert_eq!(with.text(100), without.text(100), "{}", word);
            prop_assert_eq!(with.note(), without.note());
        }
        prop_assert_eq!(without.snapshots.count(), 0);
    }
}

#[test]
fn snapshots_lie_further_apart_the_longer_a_run_is() {
    let scenario = scenario(&BUSY.replace("31us", "2ms").replace("count = 2", "count = 8"));
    let mut stepper = Stepper { snapshots: Snapshots::apart(2), ..Stepper::new(&scenario.image) };
    act(&mut stepper, "g");
    assert!(stepper.recent().count > 1000, "{}", stepper.recent().count);
    assert!((20..=64).contains(&stepper.snapshots.count()), "{}", stepper.snapshots.count());
}

#[test]
fn a_policy_that_cant_be_copied_is_run_again() {
    let text = BUSY.replace(
        "{ policy = \"round-robin\", quantum = \"7us\" }",
        "{ code = \"fn pick(ready, now) { ready[0] }\" }",
    );
    let scenario = scenario(&text);
    let mut stepper = Stepper { snapshots: Snapshots::apart(1), ..Stepper::new(&scenario.image) };
    act(&mut stepper, "e*10");
    let (step, there) = (stepper.step(), stepper.text(100));
    act(&mut stepper, &format!("e*5 @{step}"));
    assert_eq!(stepper.text(100), there);
    assert_eq!(stepper.snapshots.count(), 0);
}

#[test]
fn a_crossing_ends_with_an_entry_into_the_kernel() {
    let scenario = scenario(BUSY);
    let mut stepper = Stepper::new(&scenario.image);
    let mut entries = 0;
    loop {
        act(&mut stepper, "c");
        if stepper.outcome().is_some() {
            break;
        }
        assert!(stepper.recent().fresh.iter().any(super::is_entry));
        entries += 1;
    }
    assert!(entries > 10, "{entries}");
}

#[test]
fn breakpoints_stop_where_all_of_their_conditions_hold() {
    let scenario = scenario(BUSY);
    let mut stepper = Stepper::new(&scenario.image);
    act(&mut stepper, "b:kind=print,task=reader g");
    let printed = stepper.recent().fresh.last().copied().unwrap();
    assert_eq!((printed.kind.name(), stepper.recent().task(printed.task)), ("print", "reader"));
    assert_eq!(stepper.note(), "stopped at task=reader kind=print");

    // In the middle of a run of instructions.
    act(&mut stepper, "@0 B b:time=1125ns g");
    assert_eq!(stepper.now().as_nanos(), 1125);
    let line = scenario.image.steps.iter().find(|step| step.verb == "sleep").unwrap().line;
    act(&mut stepper, &format!("@0 B b:task=writer,line={line} g"));
    assert!(stepper.text(5).contains(&format!("line {line}: ")), "{}", stepper.text(5));
    let there = stepper.step();
    act(&mut stepper, "p");
    assert_eq!(stepper.step(), there - 1);
    // It holds again when the writer is back on a CPU after its sleep, and not before.
    act(&mut stepper, "s g");
    assert!(stepper.note().starts_with("stopped at task=writer"), "{}", stepper.note());
    assert!(stepper.now().as_nanos() > 20_000);
    act(&mut stepper, "B g");
    assert_eq!(stepper.outcome().unwrap().name(), "finished");
}

#[test]
fn breakpoints_that_cant_be_reached_are_refused() {
    let scenario = scenario(BUSY);
    let mut stepper = Stepper::new(&scenario.image);
    for (word, told) in [
        ("b:task=nobody", "nobody is called `nobody`; there are burner, reader, writer"),
        ("b:line=999", "no step stands at line 999"),
        ("b:kind=nothing", "no kind of event `nothing`"),
    ] {
        act(&mut stepper, word);
        assert!(stepper.note().contains(told), "{}", stepper.note());
    }
    assert!(stepper.breakpoints().is_empty());
}

#[test]
fn an_interrupt_of_the_users_is_taken_and_taken_back() {
    let scenario = scenario(BUSY);
    let mut stepper = Stepper::new(&scenario.image);
    act(&mut stepper, "s*3000");
    let plain = stepper.text(100);
    act(&mut stepper, "s*300");
    let ahead = stepper.text(100);
    act(&mut stepper, "@3000 i:button");
    assert_eq!(stepper.step(), 3001);
    assert_eq!(stepper.recent().fresh[0].kind.name(), "interrupt_raised");
    assert!(stepper.headline().contains("WHAT IF: button at step 3000"));
    // It is recognised, and its handler runs.
    act(&mut stepper, "s*100");
    let kinds: Vec<_> = stepper.recent().events.iter().map(|event| event.kind.name()).collect();
    assert!(kinds.contains(&"irq_handler_entry"), "{kinds:?}");
    let forked = stepper.text(100);
    // Backwards and forwards again, it is raised again.
    act(&mut stepper, "@100");
    assert!(stepper.headline().contains("1 what-if ahead"), "{}", stepper.headline());
    act(&mut stepper, "@3101");
    assert_eq!(stepper.text(100), forked);
    // Before it the run is as it was, and so is what follows once it is forgotten.
    act(&mut stepper, "@3000 u");
    assert_eq!(stepper.text(100), plain);
    act(&mut stepper, "s*300");
    assert_eq!(stepper.text(100), ahead);
}

#[test]
fn lines_and_cpus_that_arent_there_are_named() {
    let scenario = scenario(BUSY);
    let mut stepper = Stepper::new(&scenario.image);
    act(&mut stepper, "i:disk");
    assert!(stepper.note().contains("there is no line `disk`"), "{}", stepper.note());
    assert!(stepper.note().contains("button"), "{}", stepper.note());
    act(&mut stepper, "i:button@2");
    assert!(stepper.note().contains("no CPU 2"), "{}", stepper.note());
    act(&mut stepper, "g i:button");
    assert!(stepper.note().contains("the run is over"), "{}", stepper.note());
    assert!(stepper.raises().0.is_empty());
}

#[test]
fn a_run_that_goes_on_for_long_can_be_stopped() {
    let text = BUSY.replace("31us", "50ms");
    let scenario = scenario(&text.replace("7us", "3us").replace("count = 2", "count = 6"));
    let mut stepper = Stepper::new(&scenario.image);
    let mut asked = 0;
    stepper.command(&Command::Run, &mut || {
        asked += 1;
        asked == 2
    });
    assert_eq!((asked, stepper.note()), (2, "stopped"));
    assert!(stepper.outcome().is_none());
    // Backwards from there works as from everywhere.
    let step = stepper.step();
    act(&mut stepper, "p");
    assert_eq!(stepper.step(), step - 1);
}

fn screen(view: &View, stepper: &Stepper, width: u16, height: u16) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| view.draw(frame, stepper)).unwrap();
    let buffer = terminal.backend().buffer();
    let row = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    (0..height).map(row).collect()
}

#[test]
fn the_screen_shows_all_parts_at_both_sizes() {
    let scenario = scenario(BUSY);
    let mut stepper = Stepper::new(&scenario.image);
    act(&mut stepper, "e*12");
    for (width, height) in [(80, 24), (120, 40)] {
        let rows = screen(&View::default(), &stepper, width, height);
        let text = rows.join("\n");
        for part in Part::ALL {
            assert!(text.contains(part.title()), "{} in\n{text}", part.title());
        }
        assert!(rows[0].starts_with("busy  step "), "{text}");
        assert!(rows.last().unwrap().contains("q quit"), "{text}");
        for shown in ["CPU 0", "next: ", "pending", "in service", "frames used", "mode"] {
            assert!(text.contains(shown), "{shown} in\n{text}");
        }
        // The last event is in sight.
        let last = stepper.lines(Part::Trace).pop().unwrap();
        let begins: String = last.chars().take(25).collect();
        assert!(text.contains(&begins), "{begins} in\n{text}");
    }
}

#[test]
fn a_pane_is_enlarged_and_scrolled() {
    let scenario = scenario(BUSY);
    let mut stepper = Stepper::new(&scenario.image);
    act(&mut stepper, "e*60");
    let mut view = View::default();
    while view.enlarged != Some(Part::Trace) {
        view.next_pane();
    }
    let lines = stepper.lines(Part::Trace);
    let shows = |view: &View, line: &str| {
        let begins: String = line.chars().take(70).collect();
        screen(view, &stepper, 80, 24).iter().any(|row| row.contains(begins.trim_end()))
    };
    assert!(shows(&view, lines.last().unwrap()) && !shows(&view, &lines[0]));
    view.scrolled = usize::MAX;
    assert!(shows(&view, &lines[0]) && !shows(&view, lines.last().unwrap()));
    view.next_pane();
    assert_eq!(view, View::default());
}

#[test]
fn a_terminal_too_small_says_so() {
    let scenario = scenario(BUSY);
    let stepper = Stepper::new(&scenario.image);
    let text = screen(&View::default(), &stepper, 60, 10).join(" ");
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = words.join(" ");
    assert!(text.contains("This terminal has 60 columns and 10 lines"), "{text}");
    assert!(text.contains("needs 80 columns and 24 lines"), "{text}");
    // Even where there is hardly any room at all.
    screen(&View::default(), &stepper, 1, 1);
}

#[test]
fn prompts_and_help_are_shown() {
    let scenario = scenario(BUSY);
    let stepper = Stepper::new(&scenario.image);
    let view = View { prompt: Some(("raise which line", "but".to_owned())), ..View::default() };
    assert!(screen(&view, &stepper, 80, 24)[23].starts_with("raise which line: but_"));
    let view = View { help: true, ..View::default() };
    let text = screen(&view, &stepper, 80, 24).join("\n");
    for (_, what) in super::view::HELP {
        let begins: String = what.chars().take(50).collect();
        assert!(text.contains(&begins), "{what} in\n{text}");
    }
}
