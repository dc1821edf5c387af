//! OSTEP's process-run.py: programs of CPU and I/O instructions, and everybody's state at each tick.
//!
//! There are two of them. The one of its chapter on devices has no instruction that follows an I/O, its I/O is over a tick
//! earlier, and it knows programmed I/O, which is computing. A program tells which one it is for.

use serde_json::{Value, json};
use trapline::trace::{Cause, Kind, Why};

use super::run::{Ran, TICK, compare_number, compare_values, preamble, run, ticks};

#[derive(Clone, Copy, PartialEq)]
enum State {
    Ready,
    Running,
    Blocked,
    Done,
}

/// What the tool is told, beside the programs.
struct Rules {
    /// For how many ticks nobody could run the process that asked for I/O.
    io: u64,
    immediate: bool,
    on_end: bool,
}

impl Rules {
    fn of(input: &Value, programs: &[Vec<&str>]) -> Result<Rules, String> {
        let immediate = match input["io_done"].as_str() {
            Some("IO_RUN_LATER") => false,
            Some("IO_RUN_IMMEDIATE") => true,
            _ => return Err(format!("io_done can't be {}", input["io_done"])),
        };
        let on_end = match input["switch"].as_str() {
            Some("SWITCH_ON_IO") => false,
            Some("SWITCH_ON_END") => true,
            _ => return Err(format!("switch can't be {}", input["switch"])),
        };
        let length = input["io_length"].as_u64().ok_or("no length of I/O")?;
        let io = match is_for_devices(programs) {
            true => length.checked_sub(1).ok_or("an I/O without length is never over")?,
            false => length,
        };
        Ok(Rules { io, immediate, on_end })
    }

    fn policy(&self) -> String {
        let woken = if self.immediate { "preempts" } else { "waits" };
        format!("{{ policy = \"fcfs\", next = \"number\", woken = \"{woken}\", hold = {} }}", self.on_end)
    }

    /// What follows an I/O instruction. An I/O without length is over before the next tick: others come
    /// first, unless the process has the CPU at once again.
    fn wait(&self) -> String {
        match self.io {
            0 if self.immediate || self.on_end => String::new(),
            0 => "{ yield = true }, ".to_owned(),
            io => format!("{{ sleep = \"{}\" }}, ", ticks(io as f64)),
        }
    }
}

/// Whether an I/O needs no instruction after it, or some is programmed.
fn is_for_devices(programs: &[Vec<&str>]) -> bool {
    programs.iter().any(|program| {
        let followed = |place: usize| program.get(place + 1) == Some(&"io_done");
        let mut instructions = program.iter().enumerate();
        instructions.any(|(place, &one)| one == "p_io" || (one == "io" && !followed(place)))
    })
}

fn programs(input: &Value) -> Result<Vec<Vec<&str>>, String> {
    let list = input["programs"].as_array().ok_or("no programs")?;
    list.iter()
        .map(|program| {
            let instructions = program.as_array().ok_or("a program is a list")?;
            instructions
                .iter()
                .map(|one| match one.as_str() {
                    Some(name @ ("cpu" | "io" | "io_done" | "p_io")) => Ok(name),
                    _ => Err(format!("no instruction {one}")),
                })
                .collect()
        })
        .collect()
}

/// Each instruction is a tick of computing.
fn scenario(rules: &Rules, programs: &[Vec<&str>]) -> String {
    let mut text = preamble(&rules.policy(), 1);
    let tick = ticks(1.0);
    for (number, program) in programs.iter().enumerate() {
        text += &format!("[process.job{number}]\nsteps = [");
        for instruction in program {
            text += &format!("{{ compute = \"{tick}\" }}, ");
            if *instruction == "io" {
                text += &rules.wait();
            }
        }
        text += "]\n";
    }
    text
}

/// Everybody's state at each tick, from 0, and at which ticks a wait was over.
fn states(ran: &Ran, programs: &[Vec<&str>]) -> (Vec<Vec<State>>, Vec<bool>) {
    let jobs = programs.len();
    // Whoever ends with an I/O has ended only in the tick in which that is over.
    let last = |job: usize| match programs[job].last() {
        Some(&"io") => exit(ran, job) + 1,
        _ => ran.finish(job) as usize,
    };
    let end = (0..jobs).map(last).max().unwrap_or(0);
    let (mut states, mut woken) = (vec![vec![State::Ready; jobs]; end], vec![false; end]);
    for segment in &ran.segments {
        let ticks = &mut states[segment.from as usize..segment.to as usize];
        ticks.iter_mut().for_each(|tick| tick[segment.job] = State::Running);
    }
    let mut asleep = vec![None; jobs];
    for event in &ran.trace.events {
        let at = (event.at.as_nanos() / TICK) as usize;
        match event.kind {
            Kind::SchedSwitch { prev, why: Why::Blocked { on: Cause::Sleep, .. }, .. } => {
                if let Some(job) = ran.job(prev) {
                    asleep[job] = Some(at);
                }
            }
            Kind::SchedWaking { task } => {
                if let Some(job) = ran.job(task)
                    && let Some(since) = asleep[job].take()
                {
                    states[since..at].iter_mut().for_each(|tick| tick[job] = State::Blocked);
                    woken[at] = true;
                }
            }
            _ => {}
        }
    }
    for job in 0..jobs {
        states[exit(ran, job)..].iter_mut().for_each(|tick| tick[job] = State::Done);
    }
    (states, woken)
}

/// When a job's process has ended.
fn exit(ran: &Ran, job: usize) -> usize {
    let exits = ran.trace.events.iter().filter(|event| matches!(event.kind, Kind::ProcessExit { .. }));
    exits
        .filter(|event| ran.job(event.task) == Some(job))
        .map(|event| (event.at.as_nanos() / TICK) as usize)
        .next_back()
        .unwrap_or(0)
}

/// The tool for devices calls a blocked process waiting.
fn named(tick: &Value) -> Value {
    let mut tick = tick.clone();
    for state in tick["states"].as_array_mut().into_iter().flatten() {
        if state == "WAITING" {
            *state = json!("BLOCKED");
        }
    }
    tick
}

fn percent(part: u64, whole: usize) -> f64 {
    100.0 * part as f64 / whole as f64
}

pub fn compare(input: &Value, expected: &Value) -> Result<Vec<String>, String> {
    let programs = programs(input)?;
    let rules = Rules::of(input, &programs)?;
    let ran = run(&scenario(&rules, &programs), programs.len())?;
    let (states, mut woken) = states(&ran, &programs);
    let mut differences = Vec::new();
    let mut done = vec![0; programs.len()];
    let (mut cpu_busy, mut io_busy) = (0, 0);
    let mut found = Vec::new();
    for (tick, states) in states.iter().enumerate() {
        let mut names = Vec::new();
        let (mut running, mut waiting) = (0, 0);
        for (job, state) in states.iter().enumerate() {
            names.push(match state {
                State::Ready => "READY".to_owned(),
                State::Blocked => {
                    waiting += 1;
                    "BLOCKED".to_owned()
                }
                State::Done => "DONE".to_owned(),
                State::Running => {
                    running += 1;
                    let instruction = programs[job].get(done[job]).copied().unwrap_or("nothing");
                    done[job] += 1;
                    if instruction == "io" && rules.io == 0 && tick + 1 < woken.len() {
                        woken[tick + 1] = true;
                    }
                    format!("RUN:{instruction}")
                }
            });
        }
        cpu_busy += running;
        io_busy += u64::from(waiting > 0);
        found.push(json!({
            "t": tick + 1, "io_done": woken[tick], "states": names, "cpu": running, "ios_in_flight": waiting
        }));
    }
    for (number, tick) in found.iter().enumerate() {
        compare_values("tick", tick, &named(&expected["ticks"][number]), &mut differences);
    }
    let listed = expected["ticks"].as_array().map(Vec::len);
    compare_values("number of ticks", &json!(found.len()), &json!(listed), &mut differences);
    let total = states.len();
    compare_values("total time", &json!(total), &expected["total_time"], &mut differences);
    compare_values("CPU busy", &json!(cpu_busy), &expected["cpu_busy"], &mut differences);
    compare_number("CPU busy (%)", percent(cpu_busy, total), &expected["cpu_pct"], &mut differences);
    compare_values("I/O busy", &json!(io_busy), &expected["io_busy"], &mut differences);
    compare_number("I/O busy (%)", percent(io_busy, total), &expected["io_pct"], &mut differences);
    let each = (0..programs.len()).map(|job| {
        let count = |state| states.iter().filter(|tick| tick[job] == state).count();
        json!({
            "pid": job, "first_run_tick": ran.first_run(job) as u64 + 1, "last_run_tick": ran.finish(job) as u64,
            "run": count(State::Running), "ready": count(State::Ready), "blocked": count(State::Blocked)
        })
    });
    compare_values("processes", &each.collect(), &expected["per_process"], &mut differences);
    Ok(differences)
}
