//! Who woke whom through a futex. A recording shows sleepers and wakers by address; which wake ended which sleep
//! follows from the times.
//!
//! Each sleeper gets a semaphore of its own for each futex. So no wake-up is lost and none goes to another thread,
//! whenever the scenario's threads come there.

use std::collections::{BTreeMap, VecDeque};

use super::args::{nth, number, number_at};
use super::recording::{Answer, Call, Recording};

/// What a futex call was for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// It slept until this semaphore was posted.
    Wait(usize),
    /// It woke those who sleep on these.
    Post(Vec<usize>),
    /// It waited for a thread to end: a place in the recording's tasks.
    Join(usize),
}

/// A call: the task, and which of its calls.
pub type Place = (usize, usize);

#[derive(Debug, Default)]
pub struct Roles {
    pub of: BTreeMap<Place, Role>,
    /// How many semaphores there are.
    pub semaphores: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    Wait,
    Wake,
    Other,
}

/// Address and, if only one process uses it, that process.
type Key = (Option<usize>, i64);

#[derive(Default)]
struct Users {
    waits: Vec<(u64, u64, Place)>,
    wakes: Vec<(u64, u64, Place, usize)>,
}

pub fn roles(recording: &Recording) -> Roles {
    let mut roles = Roles::default();
    let mut users: BTreeMap<Key, Users> = BTreeMap::new();
    let leaders: Vec<usize> = (0..recording.tasks.len()).map(|task| leader(recording, task)).collect();
    let mut threads: BTreeMap<(usize, i64), usize> = BTreeMap::new();
    for (index, task) in recording.tasks.iter().enumerate().filter(|(_, task)| task.thread) {
        threads.insert((leaders[index], task.number.cast_signed()), index);
    }
    for (index, task) in recording.tasks.iter().enumerate() {
        for (at, call) in task.calls.iter().enumerate().filter(|(_, call)| &*call.name == "futex") {
            let place = (index, at);
            let (operation, private) = operation(nth(&call.args, 1));
            let Some(address) = number_at(&call.args, 0) else { continue };
            let key = (private.then_some(leaders[index]), address);
            match (operation, call.value()) {
                (Operation::Wait, value) if value == Some(0) || call.failed_with("EAGAIN") => {
                    let awaited =
                        number_at(&call.args, 2).and_then(|number| threads.get(&(leaders[index], number)));
                    match awaited {
                        Some(thread) if *thread != index => {
                            roles.of.insert(place, Role::Join(*thread));
                        }
                        _ if value == Some(0) => {
                            users.entry(key).or_default().waits.push((call.begin, call.end, place));
                        }
                        _ => {}
                    }
                }
                (Operation::Wake, Some(woken @ 1..)) => {
                    let woken = usize::try_from(woken).unwrap_or(usize::MAX);
                    users.entry(key).or_default().wakes.push((call.begin, call.end, place, woken));
                }
                (Operation::Wait | Operation::Wake | Operation::Other, _) => {}
            }
        }
    }
    users.into_values().for_each(|users| pair(users, &mut roles));
    roles
}

/// The process of a thread.
pub fn leader(recording: &Recording, mut task: usize) -> usize {
    // A task's parent is another one, and the chain can't be longer than there are tasks.
    for _ in 0..recording.tasks.len() {
        match recording.tasks[task].parent {
            Some(parent) if recording.tasks[task].thread => task = parent,
            _ => break,
        }
    }
    task
}

fn operation(text: &str) -> (Operation, bool) {
    if let Some(code) = number(text) {
        let operation = match code & 0x7f {
            0 | 9 => Operation::Wait,
            1 | 5 | 10 => Operation::Wake,
            _ => Operation::Other,
        };
        return (operation, code & 0x80 != 0);
    }
    let operation = match text {
        _ if text.starts_with("FUTEX_WAIT") && !text.contains("REQUEUE") => Operation::Wait,
        _ if text.starts_with("FUTEX_WAKE") => Operation::Wake,
        _ => Operation::Other,
    };
    (operation, text.contains("PRIVATE"))
}

/// Gives each wake those who slept then, who came first first.
fn pair(mut users: Users, roles: &mut Roles) {
    users.waits.sort_unstable();
    users.wakes.sort_unstable();
    let mut semaphores: BTreeMap<usize, usize> = BTreeMap::new();
    let mut coming = users.waits.into_iter().peekable();
    let mut sleeping: VecDeque<(u64, u64, Place)> = VecDeque::new();
    for (begin, end, place, woken) in users.wakes {
        while let Some(wait) = coming.next_if(|wait| wait.0 <= end) {
            sleeping.push_back(wait);
        }
        sleeping.retain(|wait| wait.1 >= begin);
        let mut posted = Vec::new();
        while posted.len() < woken
            && let Some((_, _, sleeper)) = sleeping.pop_front()
        {
            let semaphore = *semaphores.entry(sleeper.0).or_insert_with(|| {
                roles.semaphores += 1;
                roles.semaphores - 1
            });
            roles.of.insert(sleeper, Role::Wait(semaphore));
            posted.push(semaphore);
        }
        if !posted.is_empty() {
            roles.of.insert(place, Role::Post(posted));
        }
    }
}

/// Why a futex call isn't carried over.
pub fn why_not(call: &Call) -> &'static str {
    match (operation(nth(&call.args, 1)).0, &call.result) {
        (Operation::Wake, _) => "woke nobody",
        (Operation::Wait, Answer::Failed(_)) => "didn't sleep, or not until it was woken",
        (Operation::Wait, Answer::Value(_)) => "woken by nobody in the recording",
        (Operation::Wait, Answer::None) => "hadn't returned at the end",
        (Operation::Other, _) => "another operation",
    }
}

#[cfg(test)]
mod tests {
    use super::super::recording::Task;
    use super::*;

    fn futex(args: &str, result: i64, begin: u64, end: u64) -> Call {
        Call { name: "futex".into(), args: args.into(), result: Answer::Value(result), begin, end }
    }

    #[test]
    fn a_wake_ends_the_oldest_sleep() {
        let task = |calls| Task { calls, ..Task::default() };
        let recording = Recording {
            tasks: vec![
                task(vec![futex("0x10, FUTEX_WAIT, 0, NULL", 0, 0, 100)]),
                task(vec![futex("0x10, FUTEX_WAIT, 0, NULL", 0, 5, 200)]),
                task(vec![
                    futex("0x10, FUTEX_WAKE, 1", 1, 90, 95),
                    futex("0x10, FUTEX_WAKE, 1", 0, 96, 97),
                    futex("0x20, 1, 1", 1, 98, 99),
                    futex("0x10, 1, 1", 1, 190, 195),
                ]),
            ],
            ..Recording::default()
        };
        let roles = roles(&recording);
        assert_eq!(roles.semaphores, 2);
        assert_eq!(roles.of[&(0, 0)], Role::Wait(0));
        assert_eq!(roles.of[&(1, 0)], Role::Wait(1));
        assert_eq!(roles.of[&(2, 0)], Role::Post(vec![0]));
        assert_eq!(roles.of[&(2, 3)], Role::Post(vec![1]));
        assert_eq!(roles.of.len(), 4);
    }
}
