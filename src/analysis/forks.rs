//! The fork tree: who made whom, from when to when each existed, and how it ended.
//!
//! A thread hangs below the thread that made it; threads that exist from the beginning, and those whose maker
//! the trace doesn't name, are roots. Whoever is handed to init when its parent ends stays where it was born, and
//! is marked. When a zombie is reaped isn't in a trace.

use std::collections::BTreeMap;

use crate::ids::{NameId, Pid, Tid};
use crate::time::Instant;
use crate::trace::header::TaskEntry;
use crate::trace::{Event, Header, Kind, Record};

/// What a member of the tree is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// The first thread of a process of its own.
    Process,
    /// A further thread of its maker's process.
    Thread,
}

/// Another program that a process has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exec {
    pub at: Instant,
    pub program: String,
}

/// The end of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    pub at: Instant,
    /// 0 to 255 from exit; 128 + signal number if a signal ended it.
    pub status: u16,
}

/// A process or thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub task: Tid,
    pub process: Pid,
    pub name: String,
    pub sort: Sort,
    /// Who made it: a position in [`ForkTree::members`], always an earlier one.
    pub parent: Option<usize>,
    /// Positions, in the order of their making.
    pub children: Vec<usize>,
    pub start: Instant,
    /// None if it outlives the trace.
    pub end: Option<End>,
    pub execs: Vec<Exec>,
}

/// Everybody who ever existed, makers before those whom they made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ForkTree {
    pub members: Vec<Member>,
    /// Positions of those without a maker.
    pub roots: Vec<usize>,
    /// When the run ended.
    pub end: Instant,
}

impl ForkTree {
    /// Whether the parent process ended first, so that init took it in.
    pub fn orphaned(&self, member: &Member) -> bool {
        let Some(parent) = member.parent.map(|parent| &self.members[parent]) else { return false };
        let end = |member: &Member| member.end.map_or(Instant::NEVER, |end| end.at);
        member.sort == Sort::Process && end(parent) < end(member)
    }

    /// How many generations below its root a member is.
    pub fn depth(&self, member: usize) -> usize {
        std::iter::successors(self.members[member].parent, |&at| self.members[at].parent).count()
    }
}

/// A fork tree under construction. It takes a trace's records one by one; its memory grows with the number of threads.
#[derive(Clone, Debug, Default)]
pub struct ForkTreeBuilder {
    tree: ForkTree,
    index: BTreeMap<Tid, usize>,
    names: BTreeMap<NameId, String>,
}

impl ForkTreeBuilder {
    pub fn new(header: &Header) -> ForkTreeBuilder {
        let mut builder = ForkTreeBuilder::default();
        header.initial.iter().for_each(|entry| builder.task(entry));
        builder
    }

    pub fn record(&mut self, record: &Record) {
        match record {
            Record::Event(event) => self.event(event),
            Record::Name(number, text) => {
                self.names.insert(*number, text.clone());
            }
            Record::Task(entry) => self.task(entry),
        }
    }

    fn task(&mut self, entry: &TaskEntry) {
        if entry.task <= Tid::INIT || self.index.contains_key(&entry.task) {
            return;
        }
        let at = self.tree.members.len();
        let parent = self.index.get(&entry.parent).copied();
        match parent {
            Some(parent) => self.tree.members[parent].children.push(at),
            None => self.tree.roots.push(at),
        }
        self.index.insert(entry.task, at);
        self.tree.members.push(Member {
            task: entry.task,
            process: entry.process,
            name: entry.name.clone(),
            sort: if entry.process.leader() == entry.task { Sort::Process } else { Sort::Thread },
            parent,
            children: Vec::new(),
            start: entry.start,
            end: None,
            execs: Vec::new(),
        });
    }

    fn event(&mut self, event: &Event) {
        match event.kind {
            Kind::ProcessFork { child, .. } => {
                if let Some(child) = self.member(child) {
                    child.start = event.at;
                }
            }
            Kind::ProcessExec { program } => {
                let program = self.names.get(&program).cloned().unwrap_or_else(|| format!("#{program}"));
                if let Some(member) = self.member(event.task) {
                    member.execs.push(Exec { at: event.at, program });
                }
            }
            Kind::ProcessExit { status } => {
                if let Some(member) = self.member(event.task) {
                    member.end.get_or_insert(End { at: event.at, status });
                }
            }
            _ => {}
        }
    }

    fn member(&mut self, task: Tid) -> Option<&mut Member> {
        self.index.get(&task).map(|&at| &mut self.tree.members[at])
    }

    /// The whole tree; `end` is when the run ended.
    pub fn finish(mut self, end: Instant) -> ForkTree {
        self.tree.end = end;
        self.tree
    }
}

#[cfg(test)]
mod tests {
    use super::super::stories::Story;
    use super::*;
    use crate::trace::Why;

    fn entry(task: u32, process: u32, parent: u32, name: &str) -> Record {
        let (task, process, parent) = (Tid(task), Pid(process), Tid(parent));
        Record::Task(TaskEntry { task, process, parent, name: name.to_owned(), start: Instant::START })
    }

    fn tree() -> ForkTree {
        let mut story = Story::new("family", "", 1);
        story.process(Tid(2), "shell");
        story.at(100).switch(Tid(2), Why::WorkArrived, 0);
        let fork = |child, process| Kind::ProcessFork { child: Tid(child), process: Pid(process) };
        story.at(200).then(fork(3, 3)).at(300).then(fork(4, 2));
        story.at(400).switch(Tid(3), Why::Yielded, 0).at(500).then(fork(5, 5));
        story.at(600).then(Kind::ProcessExec { program: NameId(0) });
        story.at(700).then(Kind::ProcessExit { status: 137 }).switch(Tid(2), Why::Exited, 0);
        let mut builder = ForkTreeBuilder::new(&story.header);
        builder.record(&Record::Name(NameId(0), "sort".to_owned()));
        for record in [entry(3, 3, 2, "left"), entry(4, 2, 2, "helper"), entry(5, 5, 3, "grandchild")] {
            builder.record(&record);
        }
        story.events.iter().for_each(|&event| builder.record(&Record::Event(event)));
        builder.finish(Instant::from_nanos(900))
    }

    #[test]
    fn children_hang_below_their_makers_with_times_and_status() {
        let tree = tree();
        assert_eq!(tree.roots, [0]);
        let [shell, left, helper, grandchild] = &tree.members[..] else { panic!("{tree:?}") };
        assert_eq!((&shell.children[..], shell.end), (&[1, 2][..], None));
        assert_eq!((left.sort, left.start), (Sort::Process, Instant::from_nanos(200)));
        assert_eq!(left.end, Some(End { at: Instant::from_nanos(700), status: 137 }));
        assert_eq!(left.execs, [Exec { at: Instant::from_nanos(600), program: "sort".to_owned() }]);
        assert_eq!((helper.sort, helper.process, helper.parent), (Sort::Thread, Pid(2), Some(0)));
        assert_eq!((grandchild.parent, tree.depth(3)), (Some(1), 2));
    }

    #[test]
    fn whoever_outlives_its_parent_is_an_orphan() {
        let tree = tree();
        let orphans: Vec<_> = tree.members.iter().map(|member| tree.orphaned(member)).collect();
        assert_eq!(orphans, [false, false, false, true]);
    }

    #[test]
    fn a_trace_that_names_somebody_as_its_own_ancestor_gives_a_tree_all_the_same() {
        let mut builder = ForkTreeBuilder::default();
        for record in
            [entry(3, 3, 3, "own"), entry(4, 4, 5, "a"), entry(5, 5, 4, "b"), entry(5, 5, 3, "again")]
        {
            builder.record(&record);
        }
        let tree = builder.finish(Instant::START);
        assert_eq!(tree.roots, [0, 1]);
        assert_eq!(tree.members[1].children, [2]);
        assert_eq!((0..3).map(|at| tree.depth(at)).collect::<Vec<_>>(), [0, 0, 1]);
    }
}
