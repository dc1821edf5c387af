//! OSTEP's mlfq.py: levels, boosts, and jobs that wait for I/O after so many ticks of their own.

use serde_json::{Value, json};
use trapline::trace::{Cause, Kind, Why};

use super::run::{Ran, TICK, compare_number, compare_values, mean, preamble, run, ticks};

fn tick(value: &Value) -> Result<u64, String> {
    value.as_u64().ok_or_else(|| format!("{value} isn't a number of ticks"))
}

fn policy(input: &Value) -> Result<String, String> {
    let queues = input["queues"].as_array().ok_or("no queues")?;
    let (mut quanta, mut allotments) = (Vec::new(), Vec::new());
    for queue in queues {
        quanta.push(ticks(tick(&queue["quantum"])? as f64));
        allotments.push(tick(&queue["allotment"])?);
    }
    let boost = match tick(&input["boost"])? {
        0 => String::new(),
        boost => format!(", boost = \"{}\"", ticks(boost as f64)),
    };
    let after = if input["stay_after_io"] == true { "fresh" } else { "keep" };
    let woken = if input["io_bump"] == true { "head" } else { "tail" };
    Ok(format!(
        "{{ policy = \"mlfq\", levels = {}, quantum = {quanta:?}, allotment = {allotments:?}, after-wait = \"{after}\", woken = \"{woken}\"{boost} }}",
        queues.len()
    ))
}

/// The job's own ticks, with a wait after every so many but not at the end.
fn steps(run: u64, every: u64, wait: u64) -> String {
    if every == 0 || every >= run {
        return format!("{{ compute = \"{}\" }}", ticks(run as f64));
    }
    let waits = (run - 1) / every;
    let (compute, sleep, rest) =
        (ticks(every as f64), ticks(wait as f64), ticks((run - waits * every) as f64));
    format!(
        "{{ repeat = {waits}, do = [{{ compute = \"{compute}\" }}, {{ sleep = \"{sleep}\" }}] }}, {{ compute = \"{rest}\" }}"
    )
}

/// What happened to the jobs, as the tool lists it, in the order of times, names and jobs.
fn events(ran: &Ran, starts: &[u64], boost: u64) -> Vec<(u64, &'static str, Option<usize>)> {
    let mut events: Vec<_> =
        starts.iter().enumerate().map(|(job, &start)| (start, "JOB BEGINS", Some(job))).collect();
    for event in &ran.trace.events {
        let at = event.at.as_nanos() / TICK;
        match event.kind {
            Kind::SchedSwitch { prev, why: Why::Blocked { on: Cause::Sleep, .. }, .. } => {
                events.push((at, "IO_START", ran.job(prev)));
            }
            Kind::SchedWaking { task } => events.push((at, "IO_DONE", ran.job(task))),
            _ => {}
        }
    }
    events.extend((0..starts.len()).map(|job| (ran.finish(job) as u64, "FINISHED", Some(job))));
    events.extend(boosts(ran, boost).into_iter().map(|at| (at, "BOOST", None)));
    events.sort();
    events
}

/// When there was a boost. The kernel notices those that were due while its CPU idled when that is over.
fn boosts(ran: &Ran, period: u64) -> Vec<u64> {
    let is_busy = |at: u64| ran.segments.iter().any(|one| one.from < at as f64 && (at as f64) < one.to);
    let mut boosts = Vec::new();
    for event in &ran.trace.events {
        if let Kind::SchedBoost { due, .. } = event.kind {
            let due = due / TICK;
            let last = boosts.last().copied().unwrap_or(0);
            let missed = (last + period..due).step_by(period.max(1) as usize);
            boosts.extend(missed.filter(|&at| !is_busy(at)));
            boosts.push(due);
        }
    }
    boosts.retain(|&at| at < ran.end() as u64);
    boosts
}

pub fn compare(input: &Value, expected: &Value) -> Result<Vec<String>, String> {
    let jobs = input["jobs"].as_array().ok_or("no jobs")?;
    let mut text = preamble(&policy(input)?, 1);
    let mut starts = Vec::new();
    for job in jobs {
        let start = tick(&job["start"])?;
        let steps = steps(tick(&job["run"])?, tick(&job["io_freq"])?, tick(&input["io_time"])?);
        text +=
            &format!("[process.job{}]\nstart = \"{}\"\nsteps = [{steps}]\n", job["job"], ticks(start as f64));
        starts.push(start);
    }
    let ran = run(&text, jobs.len())?;
    let mut differences = Vec::new();
    let found = ran.segments.iter().map(|segment| {
        json!([segment.from as u64, (segment.to - segment.from) as u64, segment.job, segment.number])
    });
    let segments = &expected["segments_t_len_job_prio"];
    compare_values("segments", &found.collect(), segments, &mut differences);
    let mut listed: Vec<(u64, &str, Option<usize>)> = Vec::new();
    for event in expected["events"].as_array().ok_or("no events")? {
        let name = event[1].as_str().ok_or("an event without a name")?;
        listed.push((tick(&event[0])?, name, event[2].as_u64().map(|job| job as usize)));
    }
    listed.sort();
    let found = events(&ran, &starts, tick(&input["boost"])?);
    if found != listed {
        differences.push(format!("events: {found:?}, expected {listed:?}"));
    }
    let response = |job: usize| ran.first_run(job) - starts[job] as f64;
    let turnaround = |job: usize| ran.finish(job) - starts[job] as f64;
    for expected in expected["jobs"].as_array().ok_or("no jobs expected")? {
        let job = tick(&expected["job"])? as usize;
        compare_number(
            &format!("job {job}'s response"),
            response(job),
            &expected["response"],
            &mut differences,
        );
        compare_number(
            &format!("job {job}'s turnaround"),
            turnaround(job),
            &expected["turnaround"],
            &mut differences,
        );
    }
    let average = &expected["avg"];
    compare_number(
        "mean response",
        mean((0..jobs.len()).map(response)),
        &average["response"],
        &mut differences,
    );
    compare_number(
        "mean turnaround",
        mean((0..jobs.len()).map(turnaround)),
        &average["turnaround"],
        &mut differences,
    );
    let first = starts.iter().min().copied().unwrap_or(0) as f64;
    compare_number("idle ticks", ran.end() - first - ran.busy(), &expected["idle_ticks"], &mut differences);
    Ok(differences)
}
