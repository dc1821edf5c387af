//! Who can reach which pipe, who closes which end, and who must not fork for ever.
//!
//! A program starts with the ends of pipes that it uses itself and those that it passes on to the
//! programs that it forks. As well-behaved programs do, it gives up those that it only passes on as
//! soon as it has forked the last child that needs them.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::Fd;
use crate::program::ProgramId;
use crate::program::handler::SIGNAL_VARIABLE;
use crate::program::image::MemoryId;
use crate::program::instruction::Instruction;
use crate::program::lower::{Edge, Link, Tables, Unit, close_list, insert};
use crate::program::names::Names;
use crate::program::problem::{Code, Problem, Problems};
use crate::program::start::Start;

use super::memory::ShmRule;
use super::objects::PipeRule;

/// What each program uses, alone and with all that it starts.
struct Reach {
    fds: Vec<BTreeSet<Fd>>,
    memories: Vec<BTreeSet<MemoryId>>,
    /// All programs that can come to run below a program, itself included.
    programs: Vec<BTreeSet<usize>>,
}

/// Fills in what each program holds, and reports pipes out of reach, fork bombs and variables that
/// nobody sets.
pub fn relate(
    units: &mut [Unit],
    starts: &[Start],
    rules: &[PipeRule],
    names: &Names,
    tables: &mut Tables,
    problems: &mut Problems,
) {
    let reach = reach(units, rules);
    check_variables(units, problems);
    check_forks(units, &reach, problems);
    check_pipes(units, starts, rules, names, &reach, problems);
    // A step that couldn't be read may be the one that runs a program.
    if !problems.has_errors() {
        check_used(units, starts, names, &reach, problems);
    }
    let pipe_ends: BTreeSet<Fd> =
        rules.iter().filter(|rule| !rule.both).flat_map(|rule| [rule.read, rule.write]).collect();
    let threads: BTreeSet<usize> = units
        .iter()
        .flat_map(|unit| &unit.edges)
        .filter(|edge| matches!(edge.link, Link::Thread | Link::Handler | Link::Within))
        .map(|edge| usize::from(edge.to.0))
        .collect();
    for (index, unit) in units.iter_mut().enumerate() {
        unit.program.fds = reach.fds[index].iter().copied().collect();
        unit.program.memories = reach.memories[index].iter().copied().collect();
        // A thread shares its descriptors with the whole process, so it isn't the one to close them.
        if !threads.contains(&index) {
            close_unused(index, unit, &reach, &pipe_ends, tables);
        }
    }
}

fn target(edge: &Edge) -> usize {
    usize::from(edge.to.0)
}

fn reach(units: &[Unit], rules: &[PipeRule]) -> Reach {
    let both: BTreeMap<Fd, [Fd; 2]> = rules
        .iter()
        .filter(|rule| rule.both)
        .flat_map(|rule| [rule.read, rule.write].map(|fd| (fd, [rule.read, rule.write])))
        .collect();
    let own = |unit: &Unit| -> BTreeSet<Fd> {
        let used = unit.fds.keys();
        used.flat_map(|fd| both.get(fd).map_or(vec![*fd], |ends| ends.to_vec())).collect()
    };
    let mut programs = Vec::with_capacity(units.len());
    for start in 0..units.len() {
        let mut seen = BTreeSet::from([start]);
        let mut waiting = vec![start];
        while let Some(index) = waiting.pop() {
            for edge in &units[index].edges {
                if seen.insert(target(edge)) {
                    waiting.push(target(edge));
                }
            }
        }
        programs.push(seen);
    }
    let all = |seen: &BTreeSet<usize>| -> BTreeSet<Fd> {
        seen.iter().flat_map(|index| own(&units[*index])).collect()
    };
    let memories = |seen: &BTreeSet<usize>| -> BTreeSet<MemoryId> {
        let units = seen.iter().map(|index| &units[*index]);
        units.flat_map(|unit| unit.memories.keys().copied()).collect()
    };
    Reach {
        fds: programs.iter().map(all).collect(),
        memories: programs.iter().map(memories).collect(),
        programs,
    }
}

/// Closes the ends that the program only passes on, behind the last step that passes them on.
fn close_unused(index: usize, unit: &mut Unit, reach: &Reach, pipe_ends: &BTreeSet<Fd>, tables: &mut Tables) {
    let mut keep: BTreeSet<Fd> = unit.fds.keys().copied().collect();
    let mut last: BTreeMap<Fd, usize> = BTreeMap::new();
    for edge in &unit.edges {
        let below = &reach.fds[target(edge)];
        match edge.link {
            // The process itself goes on with these.
            Link::Exec | Link::Thread | Link::Handler | Link::Within => keep.extend(below),
            Link::Fork => {
                for fd in below.iter().filter(|fd| pipe_ends.contains(fd)) {
                    let top = last.entry(*fd).or_insert(edge.top);
                    *top = edge.top.max(*top);
                }
            }
        }
    }
    let mut lists: BTreeMap<usize, Vec<Fd>> = BTreeMap::new();
    for (fd, top) in last {
        if !keep.contains(&fd) && reach.fds[index].contains(&fd) {
            lists.entry(top).or_default().push(fd);
        }
    }
    // From the last to the first, so that the places of the others stay right.
    for (top, fds) in lists.into_iter().rev() {
        let list = close_list(tables, fds);
        let close = Instruction::CloseUnused(list);
        insert(&mut unit.program, unit.ends[top], close);
    }
}

/// A variable counts as set if the program or one that forks it sets it. Programs in between get a
/// place for it, since a fork copies what both sides have.
fn check_variables(units: &mut [Unit], problems: &mut Problems) {
    let forks: Vec<(usize, usize)> = units
        .iter()
        .enumerate()
        .flat_map(|(index, unit)| unit.edges.iter().map(move |edge| (index, edge)))
        .flat_map(|(index, edge)| match edge.link {
            Link::Fork | Link::Thread => vec![(index, target(edge))],
            // A handler shares the variables in both directions, and so do steps within others.
            Link::Handler | Link::Within => vec![(index, target(edge)), (target(edge), index)],
            Link::Exec => Vec::new(),
        })
        .collect();
    let edges = units.iter().flat_map(|unit| &unit.edges);
    let handlers: BTreeSet<usize> = edges.filter(|edge| edge.link == Link::Handler).map(target).collect();
    let mut known: Vec<BTreeSet<String>> =
        units.iter().map(|unit| unit.set.iter().cloned().collect()).collect();
    let passed: Vec<(ProgramId, String)> = units.iter().flat_map(|unit| unit.passed.clone()).collect();
    for (program, name) in passed {
        known[usize::from(program.0)].insert(name);
    }
    for handler in handlers {
        known[handler].insert(SIGNAL_VARIABLE.to_owned());
    }
    let mut needs: Vec<BTreeSet<String>> =
        units.iter().map(|unit| unit.unset.iter().map(|(name, _)| name.clone()).collect()).collect();
    loop {
        let mut changed = false;
        for (parent, child) in &forks {
            let passed: Vec<String> = known[*parent].difference(&known[*child]).cloned().collect();
            changed |= !passed.is_empty();
            known[*child].extend(passed);
        }
        for (parent, child) in &forks {
            let wanted: Vec<String> = needs[*child]
                .iter()
                .filter(|name| known[*parent].contains(*name) && !needs[*parent].contains(*name))
                .cloned()
                .collect();
            changed |= !wanted.is_empty();
            needs[*parent].extend(wanted);
        }
        if !changed {
            break;
        }
    }
    for (index, unit) in units.iter_mut().enumerate() {
        for (name, at) in &unit.unset {
            if !known[index].contains(name) {
                problems.push(never_set(name, at.clone(), &known[index]));
            }
        }
        for name in &needs[index] {
            if known[index].contains(name) && !unit.program.variables.contains(name) {
                unit.program.variables.push(name.clone());
            }
        }
    }
}

fn never_set(name: &str, at: std::ops::Range<usize>, known: &BTreeSet<String>) -> Problem {
    let message = format!("nothing sets the variable `{name}`");
    let problem = Problem::error(Code::UnknownVariable, at, message);
    let names = known.iter().map(String::as_str).chain(["index"]);
    match crate::program::problem::closest(name, names) {
        Some(similar) => problem.help(format!("did you mean `{similar}`?")),
        None => problem.help(format!("set it first: `{{ set = \"{name}\", to = 0 }}`")),
    }
}

/// A program that comes back to a fork of itself in every run fills the machine with processes.
fn check_forks(units: &[Unit], reach: &Reach, problems: &mut Problems) {
    let certain = |unit: &Unit| -> Vec<usize> {
        let edges = unit.edges.iter().filter(|edge| edge.certain);
        edges.map(target).collect()
    };
    for (index, unit) in units.iter().enumerate() {
        for edge in &unit.edges {
            if !edge.certain || edge.link == Link::Exec || !reach.programs[target(edge)].contains(&index) {
                continue;
            }
            let mut seen = BTreeSet::from([target(edge)]);
            let mut waiting = vec![target(edge)];
            while let Some(next) = waiting.pop() {
                for to in certain(&units[next]) {
                    if seen.insert(to) {
                        waiting.push(to);
                    }
                }
            }
            if seen.contains(&index) {
                let name = &unit.program.name;
                let message = format!("fork bomb: every `{name}` makes another `{name}`");
                let problem = Problem::error(Code::ForkBomb, edge.span.clone(), message);
                problems.push(problem.help("put the step into an `if` that ends it"));
            }
        }
    }
}

fn check_pipes(
    units: &[Unit],
    starts: &[Start],
    rules: &[PipeRule],
    names: &Names,
    reach: &Reach,
    problems: &mut Problems,
) {
    for rule in rules {
        let Some(of) = &rule.of else {
            continue;
        };
        let known = &names.starts;
        let owner = super::table::lookup(known, "process", &of.value, &of.span, problems);
        let Some(owner) = owner.map(|start| usize::from(start.0)) else {
            continue;
        };
        for (index, start) in starts.iter().enumerate() {
            if index == owner {
                continue;
            }
            for program in &reach.programs[usize::from(start.program.0)] {
                let unit = &units[*program];
                let uses = [rule.read, rule.write].map(|fd| unit.fds.get(&fd));
                if let Some(at) = uses.into_iter().flatten().min_by_key(|at| at.start) {
                    problems.push(out_of_reach(&rule.name, &of.value, &start.name, at.clone()));
                }
            }
        }
    }
}

fn out_of_reach(pipe: &str, owner: &str, process: &str, at: std::ops::Range<usize>) -> Problem {
    let message = format!("`{process}` can't reach the pipe `{pipe}`, which `{owner}` creates");
    Problem::error(Code::UnrelatedProcess, at, message)
        .label(format!("`{process}` isn't a descendant of `{owner}`"))
        .help("a pipe has no name in the system: a process gets its ends only from the process that created it, by fork. Unrelated processes use something that has a name: a FIFO, a message queue or a socket")
        .help(format!("or leave out `of`, so that init, the parent of all, creates `{pipe}`"))
}

/// Anonymous memory is reached by the process that creates it and its descendants only.
pub fn check_shared(
    units: &[Unit],
    starts: &[Start],
    rules: &[ShmRule],
    names: &Names,
    problems: &mut Problems,
) {
    let reach = reach(units, &[]);
    for ShmRule { name, of, memory } in rules {
        let owner = super::table::lookup(&names.starts, "process", &of.value, &of.span, problems);
        let Some(owner) = owner.map(|start| usize::from(start.0)) else {
            continue;
        };
        for (_, start) in starts.iter().enumerate().filter(|(index, _)| *index != owner) {
            let programs = reach.programs[usize::from(start.program.0)].iter();
            let uses = programs.filter_map(|program| units[*program].memories.get(memory));
            if let Some(at) = uses.min_by_key(|at| at.start) {
                let (process, of) = (&start.name, &of.value);
                let message = format!("`{process}` can't reach the memory `{name}`, which `{of}` creates");
                let problem = Problem::error(Code::UnrelatedProcess, at.clone(), message)
                    .label(format!("`{process}` isn't a descendant of `{of}`"))
                    .help("anonymous memory has no name in the system: a process shares it only with those that it forks. Unrelated processes use something that has a name: `kind = \"posix\"` or `kind = \"sysv\"`, or a mapped file")
                    .help(format!("or leave out `of`, so that init, the parent of all, creates `{name}`"));
                problems.push(problem);
            }
        }
    }
}

fn check_used(units: &[Unit], starts: &[Start], names: &Names, reach: &Reach, problems: &mut Problems) {
    let mut used: BTreeSet<usize> = BTreeSet::new();
    // A timer's thread has the program's steps for its own.
    used.extend(names.by_timers.iter().map(|program| usize::from(program.0)));
    for start in starts {
        used.extend(&reach.programs[usize::from(start.program.0)]);
    }
    for (index, unit) in units.iter().enumerate() {
        if !used.contains(&index) {
            let message = format!("no process ever runs the program `{}`", unit.program.name);
            problems.push(Problem::warning(Code::Unused, unit.place.clone(), message));
        }
    }
}
