//! Runs of a tiny scenario: whether it runs at all, and what each route shows of it.

use std::collections::BTreeSet;

use crate::real::guardian::End;
use crate::real::seen::Point;
use crate::real::{Measured, Route, Settings, perf, run};
use crate::scenario::{Overrides, Scenario};
use crate::time::Span;

use super::{CheckRow, Host, Refused, Shown, Tried};

pub const RUN: CheckRow = CheckRow {
    name: "run",
    purpose: "a scenario as real processes: fork, exec, wait, a pipe, a futex, a file, shared memory",
    without: "no scenario can run for real",
    remedy: "the result says which call was refused; a container's filter of system calls, or a full disk, may be why",
    vital: true,
    test: run_at_all,
};

pub const KERNEL: CheckRow = CheckRow {
    name: "trace points",
    purpose: "what the kernel itself saw: switches, wake-ups, calls, faults, interrupts (`--observe kernel`)",
    without: "real runs are observed without wake-ups, interrupts, and the kernel's side of calls",
    remedy: "run as root, with tracefs mounted at /sys/kernel/tracing",
    vital: false,
    test: kernel,
};

pub const PERF: CheckRow = CheckRow {
    name: "performance events",
    purpose: "switches and page faults without privilege (`--observe perf`)",
    without: "without root, switches and page faults are only counted, not seen in time",
    remedy: "as root: sysctl kernel.perf_event_paranoid=2",
    vital: false,
    test: perf,
};

/// Everything that differs from a plain program, once.
const SCENARIO: &str = r#"
format = 1
name = "doctor"
[pipe.p]
[mutex.m]
[shm.s]
cells = { n = 0 }
[memory.heap]
size = "64KiB"
[device.disk]
kind = "disk"
[file.f]
size = "4KiB"
[process.a]
steps = [
  { fork = "b" },
  { touch = "heap", pages = 16, mode = "write" },
  { lock = "m" },
  { compute = "200us" },
  { atomic-add = "s.n" },
  { unlock = "m" },
  { write = "p", bytes = "8B" },
  { sleep = "1ms" },
  { wait = "b" },
]
[program.b]
steps = [
  { lock = "m" },
  { atomic-add = "s.n" },
  { unlock = "m" },
  { read = "p", bytes = "8B" },
  { read = "f", bytes = "4KiB" },
  { exec = "c" },
]
[program.c]
steps = [ { exit = 0 } ]
"#;

fn measure(host: &Host, route: Route) -> Result<Measured, Refused> {
    let overrides = Overrides::default();
    let scenario = Scenario::parse_bytes("doctor.toml", SCENARIO.as_bytes(), &overrides, None)?;
    let scratch = tempfile::tempdir_in(&host.scratch)?;
    let settings = Settings {
        program: host.program.clone(),
        scratch: scratch.path().to_owned(),
        cpus: host.cpus.iter().take(1).copied().collect(),
        most_time: Span::from_millis(20_000),
        tasks: 50,
        notes: 4 << 20,
        memory: 16 << 20,
        file_bytes: 1 << 20,
        route,
    };
    let measured = run(&scenario, "doctor.toml", &overrides, &settings, &|| false)?;
    if measured.how != End::Finished {
        return Err(Refused::because(format!("the run didn't come to its end: {:?}", measured.how)));
    }
    let counted = measured.arrays.iter().flatten().copied().max();
    if counted.is_none_or(|counted| counted < 2) {
        return Err(Refused::because("the processes don't see each other's memory"));
    }
    Ok(measured)
}

fn run_at_all(host: &Host) -> Tried {
    let measured = measure(host, Route::Notes)?;
    let statuses = measured.rows.iter().filter(|row| row.ended == Some(0)).count();
    if statuses != measured.rows.len() {
        return Err(Refused::because(format!("of {} processes, {statuses} ended well", measured.rows.len())));
    }
    let counted = measured.rows.iter().filter_map(|row| row.usage);
    let switches: u64 = counted.map(|usage| usage.voluntary + usage.involuntary).sum();
    let (processes, notes) = (measured.rows.len(), measured.notes.len());
    Ok(Shown::works(format!("{processes} processes, {notes} notes, {switches} switches counted")))
}

/// Which of these points a run has shown nothing of, and how many events there were.
fn unheard(host: &Host, route: Route, wanted: &[Point]) -> Result<(Vec<Point>, Measured), Refused> {
    let measured = measure(host, route)?;
    let seen = measured.seen.as_ref().ok_or(Refused::because("nothing was recorded"))?;
    let heard: BTreeSet<Point> = seen.events.iter().map(|event| event.point).collect();
    let unheard = wanted.iter().copied().filter(|point| !heard.contains(point)).collect();
    Ok((unheard, measured))
}

fn shown((unheard, measured): (Vec<Point>, Measured)) -> Shown {
    let seen = measured.seen.unwrap_or_default();
    let (events, lost, points) = (seen.events.len(), seen.lost, seen.points.len());
    if unheard.is_empty() {
        return Shown::works(format!(
            "{points} kinds of record, {events} events of a small run, {lost} lost"
        ));
    }
    let names: Vec<String> = unheard.iter().map(|point| format!("{point:?}")).collect();
    let result = format!("{events} events of a small run, but none of {}", names.join(", "));
    Shown::limited_if(events > 0, result)
}

fn kernel(host: &Host) -> Tried {
    if let Some(why) = Route::Kernel.obstacle() {
        return Ok(Shown::missing(why));
    }
    // Each run has these; interrupts, signals and the like may or may not come.
    let wanted = [
        Point::Switch,
        Point::Waking,
        Point::Wakeup,
        Point::Fork,
        Point::SysEnter,
        Point::SysExit,
        Point::FaultUser,
    ];
    Ok(shown(unheard(host, Route::Kernel, &wanted)?))
}

fn perf(host: &Host) -> Tried {
    if let Some(why) = Route::Perf.obstacle() {
        return Ok(Shown::missing(why));
    }
    // Ends of threads become switches.
    let wanted: Vec<Point> = perf::POINTS.iter().copied().filter(|point| *point != Point::Exit).collect();
    Ok(shown(unheard(host, Route::Perf, &wanted)?))
}
