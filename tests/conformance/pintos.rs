//! Pintos' tests of threads: alarms, the 4.4BSD scheduler, and, in `sentences.rs`, donated priorities.

use serde_json::{Value, json};
use trapline::trace::{Kind, Trace};

use super::run::{Ran, TICK, compare_values, preamble, run, ticks};
use super::sentences;

/// A tick of Pintos' scheduler, 100 in a second.
const SLICE_TICK: u64 = 10_000_000;

pub fn compare(input: &Value, expected: &Value) -> Result<Vec<String>, String> {
    match (&input["setup"], &input["policy"]) {
        (Value::Array(setup), _) => {
            let sentences: Option<Vec<&str>> = setup.iter().map(Value::as_str).collect();
            let sentences = sentences.ok_or("a sentence of the setup isn't a text")?;
            match sentences.as_slice() {
                [sentence] if sentence.contains(" per iteration") => alarms(sentence, expected),
                _ => sentences::compare(&sentences, expected),
            }
        }
        (_, Value::String(policy)) if policy.starts_with("4.4BSD") => feedback(input, expected),
        _ => Err("neither a setup nor a policy that is known".to_owned()),
    }
}

/// The numbers in a text, one after the other.
fn numbers(text: &str) -> Vec<u64> {
    text.split(|letter: char| !letter.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect()
}

/// The name of a thread's process.
pub fn name(trace: &Trace, task: trapline::ids::Tid) -> &str {
    trace.tasks.iter().find(|entry| entry.task == task).map_or("", |entry| entry.name.as_str())
}

/// "5 threads, thread t sleeps (t+1)*10 ticks per iteration, 7 iterations", or "each sleeps 10 ticks": a wake-up
/// is told by its iteration times the thread's ticks.
fn alarms(sentence: &str, expected: &Value) -> Result<Vec<String>, String> {
    let grows = sentence.contains("(t+1)*");
    let numbers = numbers(&sentence.replace("(t+1)*", ""));
    let &[threads, ticks_each, iterations] = numbers.as_slice() else {
        return Err(format!("`{sentence}` isn't understood"));
    };
    let length = |thread: u64| if grows { (thread + 1) * ticks_each } else { ticks_each };
    let mut text = preamble("\"priority\"", 1);
    for thread in 0..threads {
        let sleep = ticks(length(thread) as f64);
        text += &format!(
            "[process.job{thread}]\nsteps = [{{ repeat = {iterations}, do = [{{ sleep = \"{sleep}\" }}] }}]\n"
        );
    }
    let ran = run(&text, threads as usize)?;
    let mut differences = Vec::new();
    let mut done = vec![0; threads as usize];
    let mut products = Vec::new();
    for event in &ran.trace.events {
        if let Kind::SchedWaking { task } = event.kind
            && let Some(job) = ran.job(task)
        {
            done[job] += 1;
            let product = done[job] * length(job as u64);
            let at = event.at.as_nanos() / TICK;
            compare_values(
                &format!("wake-up {} of {job}", done[job]),
                &json!(at),
                &json!(product),
                &mut differences,
            );
            products.push(product);
        }
    }
    for (key, expected) in expected.as_object().ok_or("nothing is expected")? {
        match key.as_str() {
            "wakeup_products_sorted" => compare_values(key, &json!(products), expected, &mut differences),
            _ => differences.push(format!("`{key}` isn't compared")),
        }
    }
    Ok(differences)
}

/// When a thread that only computes begins, and for how many seconds it is there.
struct Spinner {
    start: u64,
    seconds: u64,
    nice: i64,
}

/// The threads of a test: those that `nice` lists compute all the time. What others do is in the program of
/// the test that was run.
fn spinners(input: &Value) -> Result<Vec<Spinner>, String> {
    let seconds = input["duration_s"].as_u64().ok_or("no duration")?;
    if let Value::Array(nice) = &input["nice"] {
        let spinner = |nice: &Value| Some(Spinner { start: 0, seconds, nice: nice.as_i64()? });
        return nice.iter().map(spinner).collect::<Option<_>>().ok_or("a niceness isn't a number".to_owned());
    }
    let test = input["cmd"].as_str().unwrap_or_default().trim_end_matches(')');
    match test.rsplit(' ').next().unwrap_or_default() {
        "mlfqs-load-1" => Ok(vec![Spinner { start: 0, seconds, nice: 0 }]),
        "mlfqs-load-60" => Ok((0..60).map(|_| Spinner { start: 0, seconds: 60, nice: 0 }).collect()),
        "mlfqs-load-avg" => Ok((0..60).map(|start| Spinner { start, seconds: 60, nice: 0 }).collect()),
        other => Err(format!("what the threads of `{other}` do isn't known")),
    }
}

fn feedback(input: &Value, expected: &Value) -> Result<Vec<String>, String> {
    let until = input["duration_s"].as_u64().ok_or("no duration")?;
    let spinners = spinners(input)?;
    let mut text = preamble("\"bsd\"", 1);
    text += &format!("[run]\nuntil = \"{until}s\"\n");
    for (number, Spinner { start, seconds, nice }) in spinners.iter().enumerate() {
        text += &format!(
            "[process.job{number}]\nstart = \"{start}s\"\nnice = {nice}\nsteps = [{{ alarm = \"{seconds}s\" }}, {{ compute = \"{until}s\" }}]\n"
        );
    }
    // Somebody must ask for the load average while nobody computes.
    text += &format!("[process.asks]\nsteps = [{{ repeat = {until}, do = [{{ sleep = \"1s\" }}] }}]\n");
    let ran = run(&text, spinners.len())?;
    let tolerance = expected["tolerance"].as_f64().unwrap_or(0.005);
    let mut differences = Vec::new();
    for (key, expected) in expected.as_object().ok_or("nothing is expected")? {
        let found: Vec<f64> = match key.as_str() {
            "tolerance" => continue,
            "ticks" => ticks_had(&ran, spinners.len()).into_iter().map(|ticks| ticks as f64).collect(),
            _ => match (key.starts_with("every"), numbers(key).as_slice()) {
                (true, &[every, first]) => {
                    (first..until).step_by(every as usize).map(|at| load_at(&ran.trace, at)).collect()
                }
                _ => {
                    differences.push(format!("`{key}` isn't compared"));
                    continue;
                }
            },
        };
        let wanted: Option<Vec<f64>> =
            expected.as_array().and_then(|list| list.iter().map(Value::as_f64).collect());
        let near = wanted.is_some_and(|wanted| {
            let mut pairs = found.iter().zip(&wanted);
            found.len() == wanted.len() && pairs.all(|(found, wanted)| (found - wanted).abs() <= tolerance)
        });
        if !near {
            differences.push(format!("{key}: {found:?}, expected {expected} but for {tolerance}"));
        }
    }
    Ok(differences)
}

/// At how many ticks each job was the one that ran.
fn ticks_had(ran: &Ran, jobs: usize) -> Vec<u64> {
    let mut had = vec![0; jobs];
    let (mut since, mut current) = (0, None);
    let mut settle = |at: u64, next: Option<usize>| {
        let at = at / SLICE_TICK;
        if let Some(job) = current {
            had[job] += at - since;
        }
        (since, current) = (at, next);
    };
    for event in &ran.trace.events {
        if let Kind::SchedSwitch { next, .. } = event.kind {
            settle(event.at.as_nanos(), ran.job(next));
        }
    }
    settle(ran.trace.end.as_nanos(), None);
    had
}

/// The load average after so many seconds, as the policy reckoned it.
fn load_at(trace: &Trace, seconds: u64) -> f64 {
    let until = seconds * 1_000_000_000;
    let loads = trace.events.iter().filter(|event| event.at.as_nanos() <= until);
    let mut last = loads.filter_map(|event| match event.kind {
        Kind::SchedLoad { load } => Some(load as f64 / 100.0),
        _ => None,
    });
    last.next_back().unwrap_or(0.0)
}
