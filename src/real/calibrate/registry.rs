//! All measurements, in the order in which they are made: each relies on those before it.

use super::bench::{Bench, Stop};
use super::found::Found;
use super::{
    births, calls, copies, disk, events, faults, mappings, messages, names, remote, requests, scheduler,
    sockets, switch, timer, user,
};

/// A group of parameters that is measured at once.
#[derive(Clone, Copy)]
pub struct Measurement {
    pub name: &'static str,
    /// What it measures, in a few words.
    pub what: &'static str,
    /// The method, in whole sentences.
    pub how: &'static str,
    /// The profile's keys that it fills.
    pub keys: &'static [&'static str],
    pub measure: fn(&mut Bench<'_>, &mut Found) -> Result<(), Stop>,
}

pub const MEASUREMENTS: &[Measurement] = &[
    user::SPEED,
    user::EMPTY_CALL,
    user::INSTRUCTIONS,
    user::AROUND_CALLS,
    calls::CALLS,
    copies::PIPES,
    copies::FILES,
    events::EVENTS,
    sockets::SOCKETS,
    requests::REQUESTS,
    messages::MESSAGES,
    names::NAMES,
    mappings::MAPPINGS,
    switch::SWITCH,
    switch::RINGS,
    remote::EXCHANGE,
    remote::SHARED,
    faults::FAULTS,
    timer::TIMER,
    births::PROCESSES,
    births::PAGES,
    births::THREADS,
    births::PROGRAMS,
    births::SIGNALS,
    disk::DISK,
    scheduler::SCHEDULER,
];

/// Documents every measurement, in Markdown.
pub fn markdown() -> String {
    let row = |measurement: &Measurement| {
        let keys: Vec<String> = measurement.keys.iter().map(|key| format!("`{key}`")).collect();
        let keys = if keys.is_empty() { String::new() } else { format!("\n\nFills {}.", keys.join(", ")) };
        format!("### {}\n\n{}{keys}\n\n", capital(measurement.what), measurement.how)
    };
    MEASUREMENTS.iter().map(row).collect()
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters
        .next()
        .map_or(String::new(), |first| first.to_uppercase().collect::<String>() + characters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::cost::{COPIES, DISK_ROWS, HOST_ROWS, ROWS};
    use crate::program::syscall::NAMES;
    use std::collections::BTreeSet;

    #[test]
    fn every_measurement_says_what_how_and_which_keys_and_no_key_is_filled_twice() {
        let mut filled = BTreeSet::new();
        for measurement in MEASUREMENTS {
            let Measurement { name, what, how, keys, .. } = measurement;
            assert!(!name.is_empty() && !what.is_empty() && how.ends_with('.'), "{name}");
            for key in *keys {
                let known = match key.split_once('.') {
                    None => *key == "switch-cold" || ROWS.iter().any(|row| row.key == *key),
                    Some(("calls", call)) => NAMES.contains(&call),
                    Some(("copies", copy)) => COPIES.iter().any(|row| row.key == copy),
                    Some(("disk", what)) => DISK_ROWS.iter().any(|row| row.key == what),
                    Some(("host", what)) => HOST_ROWS.iter().any(|row| row.key == what),
                    Some(_) => false,
                };
                assert!(known, "{name}: no profile has the key {key}");
                assert!(filled.insert(*key), "{key} is filled twice");
            }
        }
    }

    #[test]
    fn the_documentation_holds_every_measurement() {
        crate::documentation::holds("CALIBRATION.md", "calibrate", &markdown());
    }
}
