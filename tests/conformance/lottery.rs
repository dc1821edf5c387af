//! OSTEP's lottery.py: who wins each draw, with the draws given, or the seed from which Python draws them.

use serde_json::{Value, json};

use super::python::Random;
use super::run::{compare_values, preamble, run, ticks};

/// The numbers drawn: as they are listed, or from the seed. Jobs that the tool made up itself were drawn before.
fn draws(input: &Value, jobs: &[Value]) -> Result<Vec<u64>, String> {
    if let Some(list) = input["random_draws"].as_array() {
        return list.iter().map(|draw| draw.as_u64().ok_or_else(|| format!("no draw {draw}"))).collect();
    }
    let seed = input["seed"].as_u64().ok_or("neither draws nor a seed")?;
    let most = |key: &str, otherwise| input[key].as_u64().unwrap_or(otherwise);
    let (longest, tickets) = (most("maxlen", 10), most("maxticket", 100));
    let mut random = Random::new(seed);
    let mut above_zero = |below| std::iter::repeat_with(|| random.below(below)).find(|&drawn| drawn > 0);
    let made_up = jobs.iter().all(|job| {
        let made = [above_zero(longest), above_zero(tickets)];
        made == [job["length"].as_u64(), job["tickets"].as_u64()]
    });
    if !made_up {
        random = Random::new(seed);
    }
    let lengths: u64 = jobs.iter().filter_map(|job| job["length"].as_u64()).sum();
    Ok((0..lengths).map(|_| random.below(1_000_001)).collect())
}

pub fn compare(input: &Value, expected: &Value) -> Result<Vec<String>, String> {
    let quantum = input["quantum"].as_f64().ok_or("no quantum")?;
    let jobs = input["jobs"].as_array().ok_or("no jobs")?;
    let draws = draws(input, jobs)?;
    let policy = format!(
        "{{ policy = \"lottery\", quantum = \"{}\", alone = true, draws = {draws:?} }}",
        ticks(quantum)
    );
    let mut text = preamble(&policy, 1);
    for job in jobs {
        let length = job["length"].as_f64().ok_or("no length")?;
        text += &format!(
            "[process.job{}]\ntickets = {}\nsteps = [{{ compute = \"{}\" }}]\n",
            job["job"],
            job["tickets"],
            // The tool's clock goes on by whole quanta, even where a job ends before.
            ticks((length / quantum).ceil() * quantum)
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
