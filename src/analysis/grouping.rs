//! Processes of one base name, added up.

use std::collections::BTreeMap;

use super::naming::{base, number};
use super::summary::{ProcessSummary, Usage};

/// Processes of one base name as one row: `sleeper[0..99999]`.
pub fn grouped(processes: &[ProcessSummary]) -> Vec<ProcessSummary> {
    struct Group {
        row: ProcessSummary,
        least: u64,
        most: u64,
    }
    let mut groups: Vec<Group> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for process in processes {
        let number = number(&process.name);
        let place = *places.entry(base(&process.name)).or_insert_with(|| {
            let row = ProcessSummary {
                name: process.name.clone(),
                processes: 0,
                threads: 0,
                statuses: BTreeMap::new(),
                usage: Usage::default(),
            };
            groups.push(Group { row, least: u64::MAX, most: 0 });
            groups.len() - 1
        });
        let group = &mut groups[place];
        group.least = group.least.min(number.unwrap_or(u64::MAX));
        group.most = group.most.max(number.unwrap_or(0));
        group.row.processes += process.processes;
        group.row.threads += process.threads;
        group.row.usage.add(&process.usage);
        for (&status, count) in &process.statuses {
            *group.row.statuses.entry(status).or_default() += count;
        }
    }
    let named = groups.into_iter().map(|mut group| {
        if group.least < group.most {
            group.row.name = format!("{}[{}..{}]", base(&group.row.name), group.least, group.most);
        }
        group.row
    });
    named.collect()
}
