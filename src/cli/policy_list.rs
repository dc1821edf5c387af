//! Scheduling policies as the command line names them: `round-robin:quantum=2ms,mlfq`.

use trapline::kernel::options::{Parameter, Scheduler};
use trapline::kernel::sched::{POLICIES, PolicyRow};
use trapline::program::problem::closest;

/// What stands for the scenario's own scheduler.
const OWN: &str = "own";

/// A policy to run a scenario under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The policy with its parameters, as the user wrote them.
    pub label: String,
    /// The scheduler as TOML; none for the scenario's own.
    pub scheduler: Option<String>,
}

/// Those that a list names, with what is wrong with it otherwise.
pub fn parse(list: &str) -> Result<Vec<Choice>, String> {
    let mut choices: Vec<Choice> = Vec::new();
    for text in split(list, ',') {
        let choice = choice(text.trim())?;
        if choices.iter().any(|known| known.scheduler == choice.scheduler) {
            return Err(format!("`{}` is given twice", choice.label));
        }
        choices.push(choice);
    }
    Ok(choices)
}

/// The scenario's own scheduler.
pub fn own(scheduler: &Scheduler) -> Choice {
    let mut label = scheduler.policy.clone();
    for (key, value) in &scheduler.parameters {
        label.push_str(&format!(":{key}={}", shown(value)));
    }
    Choice { label, scheduler: None }
}

/// All policies, the scenario's own one as the scenario has it.
pub fn all(scheduler: &Scheduler) -> Vec<Choice> {
    let choice = |row: &PolicyRow| match row.name == scheduler.policy {
        true => own(scheduler),
        false => {
            Choice { label: row.name.to_owned(), scheduler: Some(format!("{{ policy = \"{}\" }}", row.name)) }
        }
    };
    POLICIES.iter().map(choice).collect()
}

fn choice(text: &str) -> Result<Choice, String> {
    let mut parts = split(text, ':').into_iter();
    let name = parts.next().unwrap_or_default().trim();
    let given: Vec<&str> = parts.collect();
    if name == OWN && given.is_empty() {
        return Ok(Choice { label: OWN.to_owned(), scheduler: None });
    }
    let Some(row) = POLICIES.iter().find(|row| row.name == name) else {
        let help = match closest(name, POLICIES.iter().map(|row| row.name)) {
            Some(similar) => format!("did you mean `{similar}`?"),
            None => {
                let names: Vec<&str> = POLICIES.iter().map(|row| row.name).collect();
                format!("there is {}, and `{OWN}` for the scenario's", names.join(", "))
            }
        };
        return Err(format!("there is no scheduling policy `{name}`: {help}"));
    };
    let mut toml = format!("{{ policy = \"{name}\"");
    let mut keys: Vec<&str> = Vec::new();
    for part in given {
        let Some((key, value)) = part.split_once('=') else {
            return Err(format!("`{part}` isn't KEY=VALUE, for example {name}:{}", example(row)));
        };
        let (key, value) = (key.trim(), value.trim());
        let known = row.parameters.iter().map(|(name, ..)| *name);
        if !known.clone().any(|known| known == key) {
            let help = match closest(key, known.clone()) {
                Some(similar) => format!(": did you mean `{similar}`?"),
                None if row.parameters.is_empty() => String::new(),
                None => format!(": there is {}", known.collect::<Vec<_>>().join(", ")),
            };
            return Err(format!("the policy `{name}` has no parameter `{key}`{help}"));
        }
        if keys.contains(&key) {
            return Err(format!("`{key}` of `{name}` is given twice"));
        }
        keys.push(key);
        toml.push_str(&format!(", {key} = {}", value_as_toml(value)));
    }
    Ok(Choice { label: text.to_owned(), scheduler: Some(toml + " }") })
}

fn example(row: &PolicyRow) -> String {
    row.parameters.first().map_or_else(|| "KEY=VALUE".to_owned(), |(key, ..)| format!("{key}=..."))
}

/// Numbers and the like as they are, lists element by element, anything else as a text.
fn value_as_toml(value: &str) -> String {
    if let Some(list) = value.strip_prefix('[').and_then(|list| list.strip_suffix(']')) {
        let elements: Vec<String> =
            split(list, ',').into_iter().map(|element| value_as_toml(element.trim())).collect();
        return format!("[{}]", elements.join(", "));
    }
    let is_toml = value.parse::<i64>().is_ok()
        || value.parse::<f64>().is_ok()
        || matches!(value, "true" | "false")
        || (value.len() >= 2 && value.starts_with('"') && value.ends_with('"'));
    if is_toml { value.to_owned() } else { toml::Value::String(value.to_owned()).to_string() }
}

/// The pieces between separators that stand outside of brackets and quotes.
fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut depth, mut quoted, mut begin) = (0_i32, false, 0);
    let mut pieces = Vec::new();
    for (place, letter) in text.char_indices() {
        match letter {
            '"' => quoted = !quoted,
            '[' if !quoted => depth += 1,
            ']' if !quoted => depth -= 1,
            _ if letter == separator && depth <= 0 && !quoted => {
                pieces.push(&text[begin..place]);
                begin = place + letter.len_utf8();
            }
            _ => {}
        }
    }
    pieces.push(&text[begin..]);
    pieces
}

fn shown(parameter: &Parameter) -> String {
    let list = |values: Vec<String>| match &values[..] {
        [one] => one.clone(),
        _ => format!("[{}]", values.join(",")),
    };
    match parameter {
        Parameter::Time(time) => time.to_string(),
        Parameter::Number(number) => number.to_string(),
        Parameter::Truth(truth) => truth.to_string(),
        Parameter::Word(word) => word.clone(),
        Parameter::Times(times) => list(times.iter().map(ToString::to_string).collect()),
        Parameter::Numbers(numbers) => list(numbers.iter().map(ToString::to_string).collect()),
        Parameter::Script(_) => "script".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_names_policies_with_their_parameters() {
        let choices = parse("round-robin:quantum=2ms, mlfq:quantum=[1ms,2ms]:levels=2,own").unwrap();
        let schedulers: Vec<Option<&str>> = choices.iter().map(|one| one.scheduler.as_deref()).collect();
        assert_eq!(
            schedulers,
            [
                Some("{ policy = \"round-robin\", quantum = \"2ms\" }"),
                Some("{ policy = \"mlfq\", quantum = [\"1ms\", \"2ms\"], levels = 2 }"),
                None
            ]
        );
        assert_eq!(choices[1].label, "mlfq:quantum=[1ms,2ms]:levels=2");
    }

    #[test]
    fn what_is_wrong_with_a_list_is_said_with_a_suggestion() {
        for (list, wanted) in [
            ("round-robbin", "did you mean `round-robin`?"),
            ("fcfs,,mlfq", "there is no scheduling policy ``: there is fcfs, round-robin"),
            ("mlfq,fcfs,mlfq", "`mlfq` is given twice"),
            ("round-robin:quantm=2ms", "has no parameter `quantm`: did you mean `quantum`?"),
            ("round-robin:2ms", "`2ms` isn't KEY=VALUE, for example round-robin:quantum=..."),
            ("stride:quantum=1ms:quantum=2ms", "`quantum` of `stride` is given twice"),
        ] {
            let error = parse(list).expect_err(list);
            assert!(error.contains(wanted), "{list}: {error}");
        }
    }

    #[test]
    fn the_same_policy_with_other_parameters_is_another_choice() {
        assert_eq!(parse("stride:quantum=1ms,stride:quantum=2ms").map(|choices| choices.len()), Ok(2));
    }
}
