//! Jobs that arrive and compute: OSTEP's scheduler.py and the package cpusched.

use serde_json::{Value, json};

use super::python::Random;
use super::run::{Ran, compare_number, compare_values, mean, preamble, run, ticks};

struct Job {
    arrival: f64,
    length: f64,
    priority: i64,
}

fn scenario(scheduler: &str, jobs: &[Job]) -> Result<Ran, String> {
    let mut text = preamble(scheduler, 1);
    for (number, job) in jobs.iter().enumerate() {
        let (start, length) = (ticks(job.arrival), ticks(job.length));
        text += &format!(
            "[process.job{number}]\nstart = \"{start}\"\nburst = \"{length}\"\npriority = {}\nsteps = [{{ compute = \"{length}\" }}]\n",
            job.priority
        );
    }
    run(&text, jobs.len())
}

fn number(value: &Value) -> Result<f64, String> {
    value.as_f64().ok_or_else(|| format!("{value} isn't a number"))
}

fn list(value: &Value) -> Result<&[Value], String> {
    value.as_array().map(Vec::as_slice).ok_or_else(|| format!("{value} isn't a list"))
}

/// All arrive at once; shares of a quantum are listed one by one.
pub fn scheduler(input: &Value, expected: &Value) -> Result<Vec<String>, String> {
    let quantum = number(&input["quantum"])?;
    let (policy, slice) = match input["policy"].as_str() {
        Some("FIFO") => ("\"fcfs\"".to_owned(), f64::INFINITY),
        Some("SJF") => ("\"sjf\"".to_owned(), f64::INFINITY),
        Some("RR") => (format!("{{ policy = \"round-robin\", quantum = \"{}\" }}", ticks(quantum)), quantum),
        _ => return Err(format!("no policy {}", input["policy"])),
    };
    let mut jobs = Vec::new();
    if let (Value::Null, Some(seed)) = (&input["jobs"], input["seed"].as_u64()) {
        // The tool made them up itself.
        let mut random = Random::new(seed);
        let longest = input["maxlen"].as_u64().unwrap_or(10);
        let lengths = (0..input["numjobs"].as_u64().unwrap_or(3)).map(|_| random.below(longest) + 1);
        jobs.extend(lengths.map(|length| Job { arrival: 0.0, length: length as f64, priority: 0 }));
    } else {
        for job in list(&input["jobs"])? {
            jobs.push(Job { arrival: 0.0, length: number(&job["length"])?, priority: 0 });
        }
    }
    let ran = scenario(&policy, &jobs)?;
    let mut found = Vec::new();
    let mut left: Vec<f64> = jobs.iter().map(|job| job.length).collect();
    for segment in ran.pieces() {
        let mut from = segment.from;
        while from < segment.to {
            let run = (segment.to - from).min(slice);
            left[segment.job] -= run;
            let done = if left[segment.job] == 0.0 { json!(from + run) } else { Value::Null };
            found.push(json!({ "t": from, "job": segment.job, "run": run, "done_at": done }));
            from += run;
        }
    }
    let mut differences = Vec::new();
    compare_values("trace", &Value::Array(found), &expected["trace"], &mut differences);
    for expected in list(&expected["jobs"])? {
        let job = number(&expected["job"])? as usize;
        let what = |kind| format!("job {job}'s {kind}");
        compare_number(&what("response"), ran.first_run(job), &expected["response"], &mut differences);
        compare_number(&what("turnaround"), ran.finish(job), &expected["turnaround"], &mut differences);
        let wait = ran.finish(job) - jobs[job].length;
        compare_number(&what("wait"), wait, &expected["wait"], &mut differences);
    }
    let all = 0..jobs.len();
    let average = &expected["avg"];
    let response = mean(all.clone().map(|job| ran.first_run(job)));
    compare_number("mean response", response, &average["response"], &mut differences);
    let turnaround = mean(all.clone().map(|job| ran.finish(job)));
    compare_number("mean turnaround", turnaround, &average["turnaround"], &mut differences);
    let wait = mean(all.map(|job| ran.finish(job) - jobs[job].length));
    compare_number("mean wait", wait, &average["wait"], &mut differences);
    Ok(differences)
}

/// A smaller priority number is more urgent; arrivals during a quantum queue behind whose quantum it is.
pub fn cpusched(input: &Value, expected: &Value) -> Result<Vec<String>, String> {
    let policy = match input["policy"].as_str() {
        Some("fcfs") => "\"fcfs\"".to_owned(),
        Some("sjf") => "\"sjf\"".to_owned(),
        Some("srtf") => "\"srtf\"".to_owned(),
        Some("priority") => "{ policy = \"priority\", preemptive = false }".to_owned(),
        Some("priority_preemptive") => "\"priority\"".to_owned(),
        Some("rr") => format!(
            "{{ policy = \"round-robin\", quantum = \"{}\", newcomers = \"after-expired\" }}",
            ticks(number(&input["params"]["quantum"])?)
        ),
        _ => return Err(format!("no policy {}", input["policy"])),
    };
    let (mut jobs, mut names) = (Vec::new(), Vec::new());
    for job in list(&input["procs"])? {
        jobs.push(Job {
            arrival: number(&job["arrival"])?,
            length: number(&job["burst"])?,
            priority: -job["priority"].as_i64().unwrap_or(0),
        });
        names.push(job["pid"].as_str().unwrap_or_default());
    }
    let ran = scenario(&policy, &jobs)?;
    let mut differences = Vec::new();
    let mut gantt = Vec::new();
    let mut until = 0.0;
    for segment in ran.pieces() {
        if segment.from > until {
            gantt.push(json!([until as u64, segment.from as u64, "IDLE"]));
        }
        gantt.push(json!([segment.from as u64, segment.to as u64, names[segment.job]]));
        until = segment.to;
    }
    compare_values("gantt", &Value::Array(gantt), &expected["gantt"], &mut differences);
    let turnaround = |job: usize| ran.finish(job) - jobs[job].arrival;
    let wait = |job: usize| turnaround(job) - jobs[job].length;
    let response = |job: usize| ran.first_run(job) - jobs[job].arrival;
    for expected in list(&expected["per_proc"])? {
        let name = expected["pid"].as_str().unwrap_or_default();
        let job =
            names.iter().position(|known| *known == name).ok_or_else(|| format!("no process {name}"))?;
        compare_number(&format!("{name}'s finish"), ran.finish(job), &expected["finish"], &mut differences);
        compare_number(&format!("{name}'s wait"), wait(job), &expected["wait"], &mut differences);
        compare_number(
            &format!("{name}'s turnaround"),
            turnaround(job),
            &expected["turnaround"],
            &mut differences,
        );
        compare_number(&format!("{name}'s response"), response(job), &expected["response"], &mut differences);
    }
    let all = 0..jobs.len();
    compare_number("mean wait", mean(all.clone().map(wait)), &expected["avg_wait"], &mut differences);
    compare_number(
        "mean turnaround",
        mean(all.clone().map(turnaround)),
        &expected["avg_turnaround"],
        &mut differences,
    );
    compare_number("mean response", mean(all.map(response)), &expected["avg_response"], &mut differences);
    compare_number("utilisation", ran.busy() / ran.end(), &expected["cpu_util"], &mut differences);
    Ok(differences)
}
