//! Tasks with constant-bandwidth servers: schedsim.

use serde_json::{Value, json};

use super::periodic::{Job, follow, list, nanos, number};
use super::run::{compare_values, run};

/// Each task has a server with its worst-case time as the budget; its jobs come at given times and take
/// given times.
fn scenario(input: &Value) -> Result<String, String> {
    let cpus = input["cpus"].as_u64().unwrap_or(1);
    let policy = match input["policy"].as_str() {
        Some("EDF+CBS") => "cbs",
        _ => return Err(format!("not translated: policy {}", input["policy"])),
    };
    let reclaim = match input["reclaim"].as_str() {
        Some("none") => "none",
        Some("grub") if cpus == 1 => "grub",
        _ => return Err(format!("not translated: reclaim {}", input["reclaim"])),
    };
    let queues = if cpus == 1 { "per-cpu" } else { "global" };
    let mut text = format!(
        "format = 1\n[machine]\ncpus = {cpus}\ncosts = {{ base = \"free\", syscall-entry = \"1ns\" }}\n\
         [kernel]\npreemption = \"none\"\nqueues = \"{queues}\"\n\
         scheduler = {{ policy = \"{policy}\", ties = \"order\", reclaim = \"{reclaim}\" }}\n[run]\nuntil = \"{}ns\"\n",
        nanos(number(&input["duration"])?) + 1
    );
    for (index, task) in list(&input["tasks"])?.iter().enumerate() {
        let jobs = list(&task["jobs"])?;
        let time = |value: &Value| number(value).map(|time| format!("{}ns", nanos(time)));
        let (mut releases, mut steps) = (Vec::new(), Vec::new());
        for job in jobs {
            releases.push(format!("\"{}\"", time(&job["arrival"])?));
            let length = nanos(number(&job["duration"])?);
            steps.push(format!(
                "{{ compute = \"{}ns\" }}, {{ next-period = true }}",
                length.saturating_sub(1)
            ));
        }
        if jobs.is_empty() {
            continue;
        }
        text += &format!(
            "[process.job{index}]\nreleases = [{}]\nperiod = \"{}\"\ndeadline = \"{}\"\npriority = -{index}\nbudget = \"{}\"\nsteps = [{}]\n",
            releases.join(", "),
            time(&task["period"])?,
            time(&task["relative_deadline"])?,
            time(&task["wcet"])?,
            steps.join(", ")
        );
    }
    Ok(text)
}

/// Everything in `expected` is compared. Nobody is refused: that the tasks fit is for the user to know.
pub fn compare(input: &Value, expected: &Value) -> Result<Vec<String>, String> {
    let tasks = list(&input["tasks"])?;
    let until = number(&input["duration"])?;
    let ran = run(&scenario(input)?, tasks.len())?;
    let cpus = input["cpus"].as_u64().unwrap_or(1) as usize;
    let (jobs, _) = follow(&ran, tasks.len(), cpus, until);
    let mut done: Vec<(f64, usize, usize, &Job)> = Vec::new();
    let (mut preemptions, mut late, mut total) = (0, 0, 0);
    for (task, spec) in tasks.iter().enumerate() {
        let deadline = number(&spec["relative_deadline"])?;
        for (&number, job) in &jobs[task] {
            preemptions += job.stretches.len().saturating_sub(1);
            late += usize::from(job.end.unwrap_or(until) > job.release + deadline);
            done.extend(job.end.filter(|&end| end <= until).map(|end| (end, task, number, job)));
        }
        total += list(&spec["jobs"])?.len();
    }
    done.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
    let found = done.iter().map(|&(end, task, number, job)| {
        let (end, release) = (end as u64, job.release as u64);
        json!({ "task": tasks[task]["id"], "job": number, "release": release, "end": end, "response": end - release })
    });
    let found: Value = found.collect();
    let mut differences = Vec::new();
    compare_values("jobs", &found, &expected["jobs"], &mut differences);
    compare_values("preemptions", &json!(preemptions), &expected["preemptions"], &mut differences);
    compare_values("misses", &json!(late), &expected["deadline_misses"], &mut differences);
    compare_values("completed", &json!(done.len()), &expected["completed"], &mut differences);
    compare_values("total", &json!(total), &expected["total"], &mut differences);
    compare_values("rejected", &json!(0), &expected["rejected"], &mut differences);
    Ok(differences)
}
