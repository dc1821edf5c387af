//! Timelines as characters, against stories whose times can be added up.

use super::{Absent, Look, Overview, Part};
use crate::analysis::render::Colour;
use crate::analysis::stories::{self, Story};
use crate::ids::{CpuId, Tid};
use crate::time::Instant;

const EIGHTY: Look = Look { width: 91, rows: 20, colour: Colour::Never };

fn overview(story: &Story, part: Part) -> Overview {
    let mut overview = Overview::new(&story.header, part);
    for (task, process, parent, name) in &story.tasks {
        overview.task(*task, *process, *parent, name);
    }
    story.events.iter().for_each(|event| overview.event(event));
    overview.finish(story.end);
    overview
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().collect()
}

/// `3█ 2─` as `███──`.
fn runs(text: &str) -> String {
    text.split_whitespace()
        .map(|run| {
            let digits = run.find(|letter: char| !letter.is_ascii_digit()).unwrap();
            run[digits..].repeat(run[..digits].parse().unwrap_or(1))
        })
        .collect()
}

#[test]
fn a_page_fault_is_drawn_to_the_microsecond() {
    // 80 us in 80 columns; the times stand with the story.
    let text = overview(&stories::page_fault(), Part::default()).render(&EIGHTY);
    let lines = lines(&text);
    assert_eq!(lines[0], "major-page-fault  80us");
    assert_eq!(
        lines[1],
        "        µs 0         10        20        30        40        50        60        70"
    );
    // A moment is known to within a cell, which is an eighth of a microsecond here.
    let interrupt = lines[3].chars().count() - "interrupts ".len() - 1;
    assert!(lines[3].ends_with('▾') && (44..=45).contains(&interrupt), "{interrupt}");
    let cpu = runs("╱ 2█ editor 2█ 3▚ ╱ 14█ crunch 10█ 4◆ 2◇ ╱ 2▚ 1█ editor 3█ 2▓ ╱ 3█ crunch 4█");
    assert_eq!(lines[4], format!("     CPU 0 {cpu}"));
    let editor = runs("╱ 10█ 3▚ 33─ 4░ ╱ 2▚ 10█ 2▓");
    assert_eq!(lines[6], format!("    editor {editor}"));
    let crunch = runs("14░ ╱ 30█ 4◆ 2◇ 15░ ╱ 13█");
    assert_eq!(lines[7], format!("    crunch {crunch}"));
    let legend = "█ user mode  ▓ kernel: system call  ▚ kernel: exception, signal  ╱ kernel: switch";
    assert_eq!(lines[8], legend);
    assert_eq!(lines[9], "◆ kernel: interrupt  ◇ kernel: deferred half  ░ ready  ─ blocked  ▾ one interrupt");
    assert_eq!(lines.len(), 10);
}

#[test]
fn what_is_drawn_while_a_run_goes_on_is_what_a_part_up_to_then_shows() {
    let story = stories::page_fault();
    let mut growing = Overview::new(&story.header, Part::default());
    for event in &story.events {
        growing.event(event);
        let to = event.at;
        let part = overview(&story, Part { to, ..Part::default() });
        let rows = |overview: &Overview| {
            let text = overview.render(&EIGHTY);
            // A part that ends with an event doesn't have it, so moments and the legend may differ.
            let rows = text.lines().filter(|line| !line.starts_with("interrupts"));
            let rows = rows.take_while(|line| !line.starts_with("█ user mode"));
            rows.map(str::to_owned).collect::<Vec<_>>()
        };
        if to > Instant::START {
            assert_eq!(rows(&growing), rows(&part), "{event:?}");
        }
    }
}

#[test]
fn no_time_is_lost_when_cells_grow() {
    let story = stories::busy(7, 90_000);
    let overview = overview(&story, Part::default());
    let all = story.end.as_nanos();
    for strip in overview.grid.cpus.values() {
        let times: u64 = strip.cells.iter().flat_map(|cell| cell.times).sum();
        assert_eq!(times, all);
        assert!(strip.cells.len() <= super::CELLS && strip.cells.len() * 2 >= super::CELLS);
    }
}

#[test]
fn threads_without_a_row_are_added_up() {
    let story = stories::busy(200, 9_000);
    let text = overview(&story, Part::default()).render(&Look { rows: 5, ..EIGHTY });
    let rows = lines(&text);
    let others = rows.iter().position(|line| line.trim_start().contains("others")).unwrap();
    let cpus = rows.iter().position(|line| line.is_empty()).unwrap();
    assert_eq!(others - cpus, 5, "{text}");
}

#[test]
fn a_part_shows_its_cpus_and_processes_only() {
    let story = stories::reschedule();
    let part = Part { cpus: vec![CpuId(1)], tasks: vec!["producer".to_owned()], ..Part::default() };
    let text = overview(&story, part).render(&EIGHTY);
    assert!(text.contains("CPU 1 ") && !text.contains("CPU 0 "), "{text}");
    assert!(text.contains("producer ") && !text.contains("consumer "), "{text}");
    let absent = |cpus: &[u16], task: &str| {
        let cpus = cpus.iter().map(|&cpu| CpuId(cpu)).collect();
        overview(&story, Part { cpus, tasks: vec![task.to_owned()], ..Part::default() }).absent()
    };
    assert_eq!(absent(&[7], "producer"), Some(Absent::Cpu(CpuId(7))));
    assert_eq!(absent(&[0], "nobody"), Some(Absent::Task("nobody".to_owned())));
    assert_eq!(absent(&[0, 1], "consumer"), None);
}

#[test]
fn no_line_is_wider_than_asked_for_and_no_name_reaches_the_terminal_as_a_command() {
    let mut story = stories::ping_pong(3);
    story.header.scenario = "\u{1b}[2J\nname".to_owned();
    for (number, name) in
        ["\u{1b}]0;title\u{7}", "名前がとても長いプロセス", "", &"x".repeat(300)].iter().enumerate()
    {
        story.process(Tid(100 + number as u32), name);
    }
    for width in [0, 40, 57, 200] {
        let text = overview(&story, Part::default()).render(&Look { width, ..EIGHTY });
        assert!(!text.contains('\u{1b}') && !text.contains('\u{7}'), "{text}");
        for line in text.lines().skip(1) {
            let wide: usize = line.chars().filter_map(unicode_width::UnicodeWidthChar::width).sum();
            assert!(wide <= width.max(40), "{wide} > {width}: {line}");
        }
    }
}

#[test]
fn colours_say_both_states_of_a_character() {
    // In 40 columns of 2 us, the last 1 us of user mode and the first of a fault share one.
    let look = Look { width: 51, rows: 20, colour: Colour::Always };
    let text = overview(&stories::page_fault(), Part::default()).render(&look);
    let editor = text.lines().find(|line| line.contains("editor ")).unwrap();
    assert!(editor.contains("▄"), "{editor:?}");
    assert!(editor.contains("\u{1b}[38;2;") && editor.contains(";48;2;"), "{editor:?}");
}

#[test]
fn an_empty_trace_is_an_empty_picture() {
    let mut story = Story::new("nothing", "", 1);
    let text = overview(&story, Part::default()).render(&EIGHTY);
    assert!(text.starts_with("nothing  0"), "{text}");
    story.end(u64::MAX);
    assert!(overview(&story, Part::default()).render(&EIGHTY).contains("CPU 0"));
}
