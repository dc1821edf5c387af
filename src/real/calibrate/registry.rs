//! All measurements, in the order in which they are made: each relies on those before it.

use super::bench::{Bench, Stop};
use super::found::Found;
use super::{births, calls, copies, disk, faults, remote, scheduler, switch, timer, user};

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
