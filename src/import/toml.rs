//! A plan as the text of a scenario.

use std::fmt::Write;

use super::plan::{Fields, Item, Mean, Plan, Step, Value};

/// The text, with comments at its head.
pub fn write(plan: &Plan, head: &[String]) -> String {
    let mut out = String::new();
    let mut line = |text: &str| {
        out.push_str(text);
        out.push('\n');
    };
    for comment in head {
        line(format!("# {comment}").trim_end());
    }
    line("");
    line("format = 1");
    line(&format!("name = {}", quoted(&plan.name)));
    line(&format!("question = {}", quoted(&plan.question)));
    line("");
    line("[machine]");
    line(&format!("cpus = {}", plan.cpus));
    line("costs = \"linux-x86\"");
    if let Some(memory) = plan.memory {
        line(&format!("memory = \"{}\"", bytes(memory)));
    }
    line("");
    line("[kernel]");
    line(&format!("scheduler = \"{}\"", plan.scheduler));
    if let Some(until) = plan.until {
        line("");
        line("[run]");
        line(&format!("until = \"{}\"", time(until)));
    }
    let mut last = "";
    for object in &plan.objects {
        if object.kind != last || !object.keys.is_empty() {
            line("");
        }
        last = object.kind;
        let comment = object.comment.as_ref().map_or(String::new(), |comment| format!(" # {comment}"));
        line(&format!("[{}.{}]{comment}", object.kind, object.name));
        for (key, value) in &object.keys {
            line(&format!("{key} = {}", plain(value)));
        }
    }
    for process in &plan.processes {
        line("");
        line(&format!("[process.{}]", process.name));
        for (key, value) in &process.keys {
            line(&format!("{key} = {}", plain(value)));
        }
        line(&steps(&process.items));
    }
    for program in &plan.programs {
        line("");
        line(&format!("[program.{}]", program.name));
        line(&steps(&program.items));
    }
    out
}

fn steps(items: &[Item]) -> String {
    let mut out = String::from("steps = [\n");
    items.iter().for_each(|item| step(item, 1, &mut out));
    out.push(']');
    out
}

fn step(item: &Item, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    let nanos = item.before.mean();
    if nanos > 0 {
        // Writing to a string can't fail.
        let _ = writeln!(out, "{indent}{{ compute = \"{}\" }},{}", time(nanos), spread(item.before));
    }
    match &item.step {
        Step::Call(fields) => {
            let _ = writeln!(out, "{indent}{{ {} }},{}", keys(fields), measured(fields));
        }
        Step::Block { keys: fields, inside, items } => {
            let _ = writeln!(out, "{indent}{{ {}, {inside} = [", keys(fields));
            items.iter().for_each(|item| step(item, depth + 1, out));
            let _ = writeln!(out, "{indent}] }},");
        }
        Step::Nothing => {}
    }
}

fn keys(fields: &Fields) -> String {
    let parts: Vec<String> = fields.iter().map(|(key, value)| format!("{key} = {}", plain(value))).collect();
    parts.join(", ")
}

fn measured(fields: &Fields) -> String {
    let means = fields
        .iter()
        .filter_map(|(_, value)| if let Value::Measured(mean) = value { Some(*mean) } else { None });
    means.map(spread).collect()
}

/// What a mean hides.
fn spread(mean: Mean) -> String {
    match mean.count {
        0 | 1 => String::new(),
        count => format!(" # mean of {count}, {} to {}", time(mean.least), time(mean.most)),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Text(text) => quoted(text),
        Value::Number(number) => number.to_string(),
        Value::Truth(truth) => truth.to_string(),
        Value::Bytes(number) => format!("\"{}\"", bytes(*number)),
        Value::Time(nanos) => format!("\"{}\"", time(*nanos)),
        Value::Measured(mean) => format!("\"{}\"", time(mean.mean())),
        Value::Plain(list) => list.clone(),
        Value::Cells(names) => {
            let cells: Vec<String> = names.iter().map(|name| format!("{name} = 0")).collect();
            format!("{{ {} }}", cells.join(", "))
        }
    }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.replace(['\n', '\r'], " ")).to_string()
}

/// Exactly, in the largest unit that needs few digits behind the point.
fn time(nanos: u64) -> String {
    let (unit, size) = match nanos {
        0..1_000 => ("ns", 1),
        1_000..1_000_000 => ("us", 1_000),
        1_000_000..1_000_000_000 => ("ms", 1_000_000),
        _ => ("s", 1_000_000_000_u64),
    };
    let rest = nanos % size;
    if rest == 0 {
        return format!("{}{unit}", nanos / size);
    }
    let digits = size.ilog10() as usize;
    let fraction = format!("{rest:0digits$}");
    format!("{}.{}{unit}", nanos / size, fraction.trim_end_matches('0'))
}

fn bytes(number: u64) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    let unit = units.into_iter().find(|(shift, _)| number > 0 && number.is_multiple_of(1 << shift));
    unit.map_or_else(|| format!("{number}B"), |(shift, unit)| format!("{}{unit}", number >> shift))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{parse_size, parse_time};

    #[test]
    fn times_and_sizes_are_exact() {
        for nanos in [0, 1, 999, 1_000, 1_001, 1_500_000, 90_000_000_001, u64::MAX / 4] {
            assert_eq!(parse_time(&time(nanos)).map(|span| span.as_nanos()), Ok(nanos), "{}", time(nanos));
        }
        assert_eq!((time(1_500), time(90_000_000_000)), ("1.5us".to_owned(), "90s".to_owned()));
        for size in [0, 1, 1023, 1024, 65_536, 65_537, 1 << 30] {
            assert_eq!(parse_size(&bytes(size)), Ok(size));
        }
    }
}
