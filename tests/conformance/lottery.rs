//! OSTEP's lottery.py: who wins each draw, with the draws given.

use serde_json::{Value, json};

use super::run::{compare_values, preamble, run, ticks};

pub fn compare(input: &Value, expected: &Value) -> Result<Vec<String>, String> {
    let quantum = input["quantum"].as_f64().ok_or("no quantum")?;
    let draws = &input["random_draws"];
    let policy = format!(
        "{{ policy = \"lottery\", quantum = \"{}\", alone = true, draws = {draws} }}",
        ticks(quantum)
    );
    let jobs = input["jobs"].as_array().ok_or("no jobs")?;
    let mut text = preamble(&policy, 1);
    for job in jobs {
        let length = job["length"].as_f64().ok_or("no length")?;
        text += &format!(
            "[process.job{}]\ntickets = {}\nsteps = [{{ compute = \"{}\" }}]\n",
            job["job"],
            job["tickets"],
            ticks(length)
        );
    }
    let ran = run(&text, jobs.len())?;
    let mut differences = Vec::new();
    let winners = json!(ran.picks.iter().map(|pick| pick.job).collect::<Vec<_>>());
    compare_values("winners", &winners, &expected["winners"], &mut differences);
    let tickets = json!(ran.picks.iter().map(|pick| pick.number).collect::<Vec<_>>());
    compare_values("winning tickets", &tickets, &expected["winning_tickets"], &mut differences);
    let mut done: Vec<(f64, usize)> = (0..jobs.len()).map(|job| (ran.finish(job), job)).collect();
    done.sort_by(|one, other| one.0.total_cmp(&other.0));
    let done: Vec<Value> =
        done.iter().map(|&(time, job)| json!({ "job": job, "time": time as u64 })).collect();
    compare_values("done", &Value::Array(done), &expected["done"], &mut differences);
    Ok(differences)
}
