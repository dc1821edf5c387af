//! How long less urgent tasks can keep a job waiting by holding locks, under fixed priorities on one CPU.
//!
//! A lock matters to a task if a less urgent one holds it and somebody as urgent as the task, or more so, may want
//! it: with `protocol = "inherit"` or `"ceiling"` the holder then goes before the task. Under inheritance each less
//! urgent task, and each lock, can be in the way once; under ceilings one of them, once. Without a protocol the
//! holder waits for everybody in between, and no bound holds.
//!
//! L. Sha, R. Rajkumar, J. Lehoczky, "Priority inheritance protocols: an approach to real-time synchronization",
//! IEEE TC 39(9), 1990. The sections are those found in the programs' steps.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::{CpuId, ObjectId};
use crate::program::Image;
use crate::program::instruction::{Instruction, Note};
use crate::program::syscall::Syscall;
use crate::time::Span;

use super::body::{Body, Known};
use super::model::{Discipline, Model};
use super::task::Order;

/// What a lock does to priorities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    None,
    Inherit,
    Ceiling(i64),
}

/// One who uses locks.
struct User<'a> {
    /// Its index among the tasks; none for a process without a period.
    task: Option<usize>,
    priority: i64,
    cpu: Option<CpuId>,
    body: &'a Body,
}

/// For each task how long it can be blocked by locks, or why that isn't known.
pub fn blocking(image: &Image, model: &Model) -> Vec<Known> {
    let protocols = protocols(image);
    let tasks = model.set.tasks.iter().zip(&model.origins).enumerate();
    let tasks = tasks.map(|(index, (task, origins))| User {
        task: Some(index),
        priority: task.priority,
        cpu: task.cpu,
        body: &origins.body,
    });
    let others = model.bystanders.iter().map(|other| User {
        task: None,
        priority: other.priority,
        cpu: other.cpu,
        body: &other.body,
    });
    let users: Vec<User<'_>> = tasks.chain(others).collect();
    let locks = Locks { image, protocols, users, discipline: model.discipline };
    (0..model.set.tasks.len()).map(|task| locks.blocking(task)).collect()
}

/// What each lock's own calls say of its protocol.
fn protocols(image: &Image) -> BTreeMap<ObjectId, Protocol> {
    let mut found = BTreeMap::new();
    for program in &image.programs {
        let code = || program.code.iter().zip(&program.steps);
        for (instruction, step) in code() {
            let Instruction::Note(Note::Acquired { object }) = *instruction else { continue };
            // A step's instructions are together, and no other step's have its number.
            let mut calls =
                code().filter(|(_, other)| *other == step).filter_map(|(instruction, _)| match instruction {
                    Instruction::Syscall { call: Syscall::FutexLockPi(_), .. } => Some(Protocol::Inherit),
                    Instruction::Syscall { call: Syscall::Ceiling(call), .. } => {
                        Some(Protocol::Ceiling(i64::from(call.ceiling)))
                    }
                    _ => None,
                });
            let protocol = calls.next_back().unwrap_or(Protocol::None);
            let known = found.entry(object).or_insert(protocol);
            if *known == Protocol::None {
                *known = protocol;
            }
        }
    }
    found
}

struct Locks<'a> {
    image: &'a Image,
    protocols: BTreeMap<ObjectId, Protocol>,
    users: Vec<User<'a>>,
    discipline: Discipline,
}

impl Locks<'_> {
    fn name(&self, lock: ObjectId) -> &str {
        self.image.objects.get(lock.index()).map_or("?", |entry| &entry.name)
    }

    fn users_of(&self, lock: ObjectId) -> impl Iterator<Item = &User<'_>> {
        self.users.iter().filter(move |user| user.body.sections.contains_key(&lock))
    }

    /// The most urgent priority that a holder of the lock can have.
    fn ceiling(&self, lock: ObjectId) -> i64 {
        let highest = self.users_of(lock).map(|user| user.priority).max().unwrap_or(i64::MIN);
        match self.protocols.get(&lock) {
            Some(Protocol::Ceiling(ceiling)) => highest.max(*ceiling),
            Some(Protocol::None | Protocol::Inherit) | None => highest,
        }
    }

    fn blocking(&self, task: usize) -> Known {
        let own = &self.users[task];
        // A CPU that isn't known can be the same one.
        let here = |user: &&User<'_>| user.cpu == own.cpu || user.cpu.is_none() || own.cpu.is_none();
        let is_other = |user: &&User<'_>| user.task != Some(task);
        let used: BTreeSet<ObjectId> =
            self.users.iter().filter(here).flat_map(|user| user.body.sections.keys().copied()).collect();
        let mut by_user: BTreeMap<usize, Span> = BTreeMap::new();
        let mut by_lock: BTreeMap<ObjectId, Span> = BTreeMap::new();
        let mut only_ceilings = true;
        for lock in used {
            let name = self.name(lock);
            let has_ceiling = matches!(self.protocols.get(&lock), Some(Protocol::Ceiling(_)));
            // A ceiling is above others even if nobody else takes the lock.
            let is_own = self.users_of(lock).count() < 2;
            if is_own && !(has_ceiling && self.discipline == Discipline::Fixed(Order::Given)) {
                continue;
            }
            if own.body.sections.contains_key(&lock) && self.users_of(lock).any(|user| !here(&user)) {
                return Err(format!(
                    "`{name}` is used on several CPUs: how long it is held elsewhere isn't analysed"
                ));
            }
            if self.discipline != Discipline::Fixed(Order::Given) {
                return Err(format!(
                    "`{name}` is shared, and what a holder is lent is a priority, by which this policy doesn't go"
                ));
            }
            let lower = self
                .users
                .iter()
                .enumerate()
                .filter(|(_, user)| here(user) && is_other(user) && user.priority < own.priority);
            let holders: Vec<_> =
                lower.filter_map(|(index, user)| Some((index, user.body.sections.get(&lock)?))).collect();
            if holders.is_empty() || self.ceiling(lock) < own.priority {
                continue;
            }
            match self.protocols.get(&lock) {
                None | Some(Protocol::None) => {
                    return Err(format!(
                        "`{name}` has no protocol: a less urgent holder waits for all in between; give it \
                         `protocol = \"inherit\"` or `\"ceiling\"`"
                    ));
                }
                Some(Protocol::Inherit) => only_ceilings = false,
                Some(Protocol::Ceiling(ceiling)) => {
                    if self.users_of(lock).any(|user| user.priority > *ceiling) {
                        return Err(format!(
                            "the ceiling of `{name}` is below the priority of one who uses it"
                        ));
                    }
                }
            }
            for (index, section) in holders {
                let time = section
                    .clone()
                    .map_err(|why| format!("how long `{name}` is held can't be found in the steps: {why}"))?;
                let longest = by_user.entry(index).or_default();
                *longest = (*longest).max(time);
                let longest = by_lock.entry(lock).or_default();
                *longest = (*longest).max(time);
            }
        }
        if only_ceilings {
            return Ok(by_lock.into_values().max().unwrap_or(Span::ZERO));
        }
        let (users, locks): (Span, Span) = (by_user.into_values().sum(), by_lock.into_values().sum());
        Ok(users.min(locks))
    }
}
