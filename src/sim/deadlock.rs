//! Why nothing can happen any more: who waits for whom, and where the circle is.

use std::fmt;

use petgraph::algo::tarjan_scc;
use petgraph::graphmap::DiGraphMap;

use crate::ids::{ObjectId, Pid, Tid};
use crate::kernel::file::Opened;
use crate::kernel::task::{Phase, State};
use crate::trace::{Cause, Sink};

use super::Simulator;

/// A thread that waits for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiter {
    pub thread: Tid,
    pub name: String,
    /// What it waits for, in words.
    pub waits_for: String,
    /// The scenario's line, and the step's text.
    pub line: Option<u32>,
    pub step: String,
    /// Who could wake it.
    pub on: Vec<Tid>,
    /// Whether it is part of a circle.
    pub in_cycle: bool,
}

/// The wait-for graph at the end of a run in which nothing can happen any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deadlock {
    pub waiters: Vec<Waiter>,
    /// The names along the shortest circle, if there is one.
    pub cycle: Vec<String>,
}

impl fmt::Display for Deadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.cycle.first() {
            Some(first) => write!(f, "circle: {} -> {first}", self.cycle.join(" -> "))?,
            None => write!(f, "no circle: what they wait for can't come any more")?,
        }
        for waiter in self.waiters.iter().take(20) {
            write!(f, "\n  {} waits for {}", waiter.name, waiter.waits_for)?;
            if let Some(line) = waiter.line {
                write!(f, " at line {line}: {}", waiter.step)?;
            }
        }
        if self.waiters.len() > 20 {
            write!(f, "\n  and {} more", self.waiters.len() - 20)?;
        }
        Ok(())
    }
}

impl<S: Sink> Simulator<'_, S> {
    /// Who waits for what, and who could have helped.
    pub(super) fn explain_deadlock(&self) -> Deadlock {
        let mut waiters: Vec<Waiter> = self
            .kernel
            .tasks
            .iter()
            .enumerate()
            .filter_map(|(index, task)| match task.state {
                State::Blocked { on, object } => Some(self.waiter(Tid::from(index), on, object)),
                State::Ready | State::Running | State::Ended => None,
            })
            .collect();
        let mut graph: DiGraphMap<u32, ()> = DiGraphMap::new();
        for waiter in &waiters {
            for other in &waiter.on {
                graph.add_edge(waiter.thread.0, other.0, ());
            }
        }
        let circles = tarjan_scc(&graph)
            .into_iter()
            .filter(|component| component.len() > 1 || graph.contains_edge(component[0], component[0]));
        let members: Vec<u32> = circles.flatten().collect();
        for waiter in &mut waiters {
            waiter.in_cycle = members.contains(&waiter.thread.0);
        }
        let cycle = self.shortest_cycle(&graph, &waiters);
        Deadlock { waiters, cycle }
    }

    /// The shortest circle through the waiter with the lowest number that is in one.
    fn shortest_cycle(&self, graph: &DiGraphMap<u32, ()>, waiters: &[Waiter]) -> Vec<String> {
        let Some(start) = waiters.iter().find(|waiter| waiter.in_cycle) else { return Vec::new() };
        let start = start.thread.0;
        let mut came_from = std::collections::BTreeMap::new();
        let mut ahead = std::collections::VecDeque::from([start]);
        while let Some(here) = ahead.pop_front() {
            for next in graph.neighbors(here) {
                if next == start {
                    let mut path = vec![self.name(Tid(here))];
                    let mut at = here;
                    while at != start {
                        at = came_from[&at];
                        path.push(self.name(Tid(at)));
                    }
                    path.reverse();
                    return path;
                }
                if let std::collections::btree_map::Entry::Vacant(entry) = came_from.entry(next) {
                    entry.insert(here);
                    ahead.push_back(next);
                }
            }
        }
        Vec::new()
    }

    fn waiter(&self, thread: Tid, on: Cause, object: Option<ObjectId>) -> Waiter {
        let step = self.step_of(thread);
        let entry = object.map(|object| &self.image.objects[object.index()]);
        let named = entry.map(|entry| format!(" `{}`", entry.name)).unwrap_or_default();
        let kind = entry.map_or("", |entry| entry.kind.as_str());
        let waits_for = match on {
            Cause::PipeRead => format!("data in pipe{named}"),
            Cause::PipeWrite => format!("room in pipe{named}"),
            Cause::Futex => match kind {
                "condition" => format!("condition{named} to be signalled"),
                "barrier" => format!("the others at barrier{named}"),
                "event-flag" => format!("event-flag{named} to be set"),
                "once" => format!("once{named} to be done"),
                "queue" => format!("an item for the feeder of queue{named}"),
                "pool" => format!("a result of pool{named}"),
                "thread-queue" => format!("room or an item in thread-queue{named}"),
                _ => format!("a wake-up on{named}"),
            },
            Cause::Lock => match kind {
                "mutex" | "" => format!("mutex{named}"),
                "shm" => format!("the lock in{named}"),
                _ => format!("{kind}{named}"),
            },
            Cause::Semaphore => format!("semaphore{named}"),
            Cause::Child => "a child to end".to_owned(),
            Cause::Thread => "a thread to end".to_owned(),
            Cause::Sleep => "a timer".to_owned(),
            Cause::Disk => format!("the disk ({named} )").replace("( ", "(").replace(" )", ")"),
            Cause::Page => "a page from the disk".to_owned(),
            Cause::Terminal => "a line from the keyboard".to_owned(),
            Cause::Network => "a packet".to_owned(),
            Cause::Signal => "a signal".to_owned(),
            Cause::Message => format!("a message in{named}"),
            Cause::MessageRoom => format!("room in{named}"),
            Cause::SemaphoreSet => format!("semaphore set{named}"),
            Cause::Fifo => format!("the other end of FIFO{named}"),
            Cause::SocketRead => format!("data at socket{named}"),
            Cause::SocketWrite => format!("room in socket{named}"),
            Cause::Accept => format!("a connection to{named}"),
            Cause::Connect => format!("an answer from{named}"),
            Cause::Poll => "one of its descriptors to become ready".to_owned(),
            Cause::Counter => format!("counter{named}"),
            Cause::Completion => "an asynchronous transfer".to_owned(),
            Cause::Stopped => "SIGCONT".to_owned(),
            Cause::Release => "the release of its next job".to_owned(),
        };
        Waiter {
            thread,
            name: self.name(thread),
            waits_for,
            line: step.map(|step| step.line),
            step: step.map(|step| step.text.clone()).unwrap_or_default(),
            on: self.helpers(thread, on, object),
            in_cycle: false,
        }
    }

    /// The threads that could end a wait.
    fn helpers(&self, thread: Tid, on: Cause, object: Option<ObjectId>) -> Vec<Tid> {
        match on {
            Cause::PipeRead => self.holders_of_end(thread, object, true),
            Cause::PipeWrite => self.holders_of_end(thread, object, false),
            Cause::Lock => self.holders_of_lock(thread, object),
            Cause::Semaphore
            | Cause::Futex
            | Cause::Message
            | Cause::MessageRoom
            | Cause::Fifo
            | Cause::SocketRead
            | Cause::SocketWrite
            | Cause::Accept
            | Cause::Connect
            | Cause::Poll
            | Cause::Counter => self.others(thread),
            Cause::SemaphoreSet => self.holders_of_set(thread, object),
            Cause::Child => {
                let own = self.process(thread);
                self.living_threads(|process| {
                    self.kernel.processes[process.index()]
                        .as_ref()
                        .is_some_and(|process| process.parent == own)
                })
            }
            Cause::Thread => {
                let own = self.process(thread);
                let threads = self.living_threads(|process| process == own);
                threads.into_iter().filter(|&other| other != thread).collect()
            }
            Cause::Sleep
            | Cause::Disk
            | Cause::Page
            | Cause::Terminal
            | Cause::Network
            | Cause::Signal
            | Cause::Completion
            | Cause::Stopped
            | Cause::Release => Vec::new(),
        }
    }

    /// Whoever holds a lock: the one or several that said so, or whom the kernel knows from the lock's word.
    fn holders_of_lock(&self, thread: Tid, object: Option<ObjectId>) -> Vec<Tid> {
        if let Some(holder) = self.kernel.pi.holder(thread) {
            return vec![holder];
        }
        let Some(object) = object else { return Vec::new() };
        let alone = self.holders.get(&object).copied();
        let together = self.sharers.range((object, Tid(0))..=(object, Tid(u32::MAX)));
        alone.into_iter().chain(together.map(|&(_, holder)| holder)).collect()
    }

    /// The threads of the processes that hold the other end of a pipe.
    fn holders_of_end(&self, thread: Tid, object: Option<ObjectId>, write: bool) -> Vec<Tid> {
        let other_end = |opened: Opened| match opened {
            Opened::PipeWrite(pipe) if write => self.kernel.pipes[pipe as usize].object,
            Opened::PipeRead(pipe) if !write => self.kernel.pipes[pipe as usize].object,
            Opened::PipeRead(_)
            | Opened::PipeWrite(_)
            | Opened::File(_)
            | Opened::Queue(_)
            | Opened::Keyboard
            | Opened::Screen
            | Opened::Socket(_)
            | Opened::Counter(_)
            | Opened::Alarm(_)
            | Opened::Epoll(_)
            | Opened::Ring(_) => None,
        };
        let holders = self.living_threads(|process| {
            let files = self.kernel.processes[process.index()].as_ref().map(|process| &process.files);
            files.into_iter().flatten().flatten().any(|open| {
                object.is_some() && other_end(self.kernel.files.open[open.0 as usize].what) == object
            })
        });
        let mut holders: Vec<Tid> = holders;
        // A process that holds both ends waits for itself only if nobody else could help it.
        if holders.iter().any(|&holder| holder != thread) {
            holders.retain(|&holder| holder != thread);
        }
        holders
    }

    /// The threads of the processes that will give a semaphore set something back, by SEM_UNDO; if
    /// there are none, anybody could.
    fn holders_of_set(&self, thread: Tid, object: Option<ObjectId>) -> Vec<Tid> {
        let set = self.kernel.ipc.semaphores.iter().find(|set| Some(set.object) == object);
        let processes: Vec<Pid> = set.into_iter().flat_map(|set| set.holders()).collect();
        let holders = self.living_threads(|process| processes.contains(&process));
        if holders.is_empty() { self.others(thread) } else { holders }
    }

    /// Everybody else who still lives: any of them could have posted.
    fn others(&self, thread: Tid) -> Vec<Tid> {
        self.living_threads(|_| true).into_iter().filter(|&other| other != thread).collect()
    }

    fn living_threads(&self, whose: impl Fn(Pid) -> bool) -> Vec<Tid> {
        (super::boot::FIRST as usize..self.kernel.tasks.len())
            .map(Tid::from)
            .filter(|&thread| {
                let task = &self.kernel.tasks[thread.index()];
                let alive = self.kernel.processes[task.process.index()]
                    .as_ref()
                    .is_some_and(|process| process.phase == Phase::Alive);
                alive && task.state != State::Ended && whose(task.process)
            })
            .collect()
    }
}
