//! OSTEP's paging-policy.py: a string of references, and which page goes at each miss.

use serde_json::{Value, json};
use trapline::trace::Kind;

use super::python::Random;
use super::run::{TICK, compare_number, compare_values, preamble, run, ticks};

/// The policy of theirs as keys of `[kernel]`.
fn replacement(input: &Value, references: &[u64], frames: u64) -> Result<String, String> {
    let keys = match input["policy"].as_str() {
        Some("FIFO") => "replacement = \"fifo\"",
        Some("LRU") => "replacement = \"lru\"",
        Some("MRU") => "replacement = \"mru\"",
        Some("OPT") => "replacement = \"opt\"\nopt-tie = \"newest\"",
        Some("UNOPT") => "replacement = \"unopt\"\nopt-tie = \"oldest\"",
        Some("RAND") => {
            let draws = draws(input, references, frames)?;
            return Ok(format!("replacement = \"random\"\nreplacement-draws = {draws:?}"));
        }
        Some("CLOCK") => {
            let draws = draws(input, references, frames)?;
            let most = input["clockbits"].as_u64().unwrap_or(2);
            return Ok(format!(
                "replacement = \"random-chances\"\nreplacement-chances = {most}\nreplacement-draws = {draws:?}"
            ));
        }
        _ => return Err(format!("no policy {}", input["policy"])),
    };
    Ok(keys.to_owned())
}

/// The frames that Python draws. References that the tool made up itself were drawn before. Each reference
/// gives a page a chance, and each draw takes one or a page, so that there are no more draws than this.
fn draws(input: &Value, references: &[u64], frames: u64) -> Result<Vec<u64>, String> {
    if let Some(list) = input["random_draws"].as_array() {
        return list.iter().map(|draw| draw.as_u64().ok_or_else(|| format!("no draw {draw}"))).collect();
    }
    let seed = input["seed"].as_u64().unwrap_or(0);
    let pages = input["maxpage"].as_u64().unwrap_or(10);
    let mut random = Random::new(seed);
    if !references.iter().all(|&page| random.below(pages) == page) {
        random = Random::new(seed);
    }
    Ok((0..2 * references.len() + 1).map(|_| random.below(frames)).collect())
}

/// One reference at each tick, so that the time of an event tells which reference it belongs to.
fn scenario(input: &Value, references: &[u64]) -> Result<String, String> {
    let frames = input["frames"].as_u64().ok_or("no number of frames")?;
    let pages = references.iter().max().map_or(1, |last| last + 1);
    let mut text = preamble("\"fcfs\"", 1);
    text += &format!(
        "{}\n[memory.pages]\nsize = \"{}KiB\"\n[process.job0]\nframes = {frames}\nsteps = [\n",
        replacement(input, references, frames)?,
        4 * pages
    );
    for page in references {
        let tick = ticks(1.0);
        text += &format!(
            "  {{ touch = \"pages\", first = {page}, pages = 1, mode = \"read\" }},\n  {{ compute = \"{tick}\" }},\n"
        );
    }
    Ok(text + "]\n")
}

pub fn compare(input: &Value, expected: &Value) -> Result<Vec<String>, String> {
    let references: Option<Vec<u64>> =
        input["refs"].as_array().and_then(|list| list.iter().map(Value::as_u64).collect());
    let references = references.ok_or("no references")?;
    let ran = run(&scenario(input, &references)?, 1)?;
    let mut differences = Vec::new();
    let (mut missed, mut evicted) = (vec![false; references.len()], vec![None; references.len()]);
    // Where the pages begin in the address space; the first fault tells.
    let mut base = None;
    for event in &ran.trace.events {
        let place = (event.at.as_nanos() / TICK) as usize;
        match event.kind {
            Kind::PageFaultUser { page, .. } => {
                missed[place] = true;
                let first = *base.get_or_insert(page - references[place]);
                if page - first != references[place] {
                    differences.push(format!("reference {place}: page {} came", page - first));
                }
            }
            Kind::PageEvicted { page, .. } => {
                let known = base.ok_or("a page went before any came")?;
                if let Some(other) = evicted[place].replace(page - known) {
                    differences.push(format!("reference {place}: {other} went too"));
                }
            }
            _ => {}
        }
    }
    let misses = missed.iter().filter(|&&missed| missed).count();
    let hits = references.len() - misses;
    compare_values("hits", &json!(hits), &expected["hits"], &mut differences);
    compare_values("misses", &json!(misses), &expected["misses"], &mut differences);
    let rate = 100.0 * hits as f64 / references.len() as f64;
    compare_number("hit rate", rate, &expected["hitrate"], &mut differences);
    let sequence: String = missed.iter().map(|&missed| if missed { 'M' } else { 'H' }).collect();
    compare_values("hit sequence", &json!(sequence), &expected["hit_seq"], &mut differences);
    compare_values("victims", &json!(evicted), &expected["victims"], &mut differences);
    Ok(differences)
}
