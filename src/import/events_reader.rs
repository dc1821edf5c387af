//! From trace points to tasks and calls.

use std::collections::BTreeMap;

use crate::errno::Errno;

use super::ImportError;
use super::events::Line;
use super::lines::Unread;
use super::recording::{Answer, Call, End, Moment, Off, Recording, Task};
use super::strace::gives_birth;
use super::syscalls;

const CLONE_THREAD: u64 = 0x10000;

#[derive(Default)]
pub struct Reader {
    recording: Recording,
    living: BTreeMap<u64, usize>,
    /// Calls that haven't returned, by task.
    pending: BTreeMap<usize, Call>,
    /// Since when a task isn't on a CPU, and whether it waits for something.
    off: BTreeMap<usize, (Moment, bool)>,
    /// Those of which only later is known whether they are threads: `clone3` hides its flags.
    unclear: Vec<usize>,
    now: Moment,
    events: u64,
    /// Returns of calls that began before the recording.
    cut: u64,
    lost: u64,
    pub unread: Unread,
}

impl Reader {
    pub fn event(&mut self, line: &Line<'_>) {
        self.events += 1;
        // CPUs' buffers are merged by time, and can be out of order by little.
        self.now = self.now.max(line.at);
        let cpus = u64::from(line.cpu.min(63)) + 1;
        self.recording.cpus = self.recording.cpus.max(Some(cpus));
        let fields = line.fields;
        match line.event {
            "sys_enter" => self.enter_raw(line),
            "sys_exit" => {
                if let Some((_, result)) = fields.rsplit_once("= ") {
                    self.exit(line, result.trim().parse().ok());
                }
            }
            "sched_switch" => self.switch(fields),
            "sched_waking" => {
                if let Some(task) = number(fields, "pid") {
                    self.waking(task);
                }
            }
            "sched_process_fork" => {
                if let (Some(parent), Some(child)) = (number(fields, "pid"), number(fields, "child_pid")) {
                    self.birth(parent, child, line);
                }
            }
            "sched_process_exec" => self.exec(line),
            "sched_process_exit" => {
                if let Some(task) = number(fields, "pid") {
                    self.ended(task, line.comm);
                }
            }
            event => {
                if let Some(name) = event.strip_prefix("sys_enter_") {
                    self.enter(line, name, &plain_args(fields));
                } else if event.starts_with("sys_exit_") {
                    self.exit(line, hexadecimal(fields));
                } else if let Some(name) = event.strip_prefix("sys_") {
                    match fields.strip_prefix('(') {
                        Some(args) => self.enter(line, name, &plain_args(args.trim_end_matches(')'))),
                        None => self.exit(line, fields.strip_prefix(" -> ").and_then(hexadecimal)),
                    }
                }
            }
        }
    }

    pub fn lost(&mut self, line: &str) {
        let number = line.split("LOST ").nth(1).and_then(|rest| rest.split(' ').next()?.parse::<u64>().ok());
        self.lost = self.lost.saturating_add(number.unwrap_or(1));
    }

    /// `NR 0 (3, 7ff0, 10, 0, 0, 0)`: hexadecimal numbers.
    fn enter_raw(&mut self, line: &Line<'_>) {
        let Some((number, args)) = line.fields.strip_prefix("NR ").and_then(|rest| rest.split_once(" ("))
        else {
            return;
        };
        let known = number.parse().ok().and_then(syscalls::name);
        let name = known.map_or_else(|| format!("syscall_{number}"), str::to_owned);
        let args: Vec<String> =
            args.trim_end_matches(')').split(", ").map(|arg| format!("0x{}", arg.trim())).collect();
        self.enter(line, &name, &args.join(", "));
    }

    fn enter(&mut self, line: &Line<'_>, name: &str, args: &str) {
        let Some(task) = self.task(line.task, line.comm) else { return };
        let (begin, end) = (line.at, line.at);
        let call = Call { name: name.into(), args: args.into(), result: Answer::None, begin, end };
        if let Some(call) = self.pending.insert(task, call) {
            self.recording.tasks[task].calls.push(call);
        }
    }

    fn exit(&mut self, line: &Line<'_>, result: Option<i64>) {
        let Some(task) = self.task(line.task, line.comm) else { return };
        let Some(mut call) = self.pending.remove(&task) else {
            // A child returns from a call that it didn't make.
            let born = self.recording.tasks[task].parent.is_some() && result == Some(0);
            self.cut += u64::from(!born);
            return;
        };
        call.end = line.at.max(call.begin);
        call.result = match result {
            None => Answer::None,
            Some(failed @ -4095..=-1) => Answer::Failed(error(failed).into()),
            Some(value) => Answer::Value(value),
        };
        if gives_birth(&call.name)
            && let Some(child) = call.value().and_then(|value| u64::try_from(value).ok())
            && child > 0
        {
            let known = self.living.get(&child).map(|child| self.recording.tasks[*child].parent.is_some());
            if known != Some(true) {
                let flags = call.clone();
                self.pending.insert(task, flags);
                self.birth(line.task, child, line);
                self.pending.remove(&task);
            }
        }
        self.recording.tasks[task].calls.push(call);
    }

    fn birth(&mut self, parent: u64, child: u64, line: &Line<'_>) {
        let Some(parent) = self.task(parent, line.comm) else { return };
        let name = self.recording.tasks[parent].name.clone();
        let Some(task) = self.task(child, &name) else { return };
        let call = self.pending.get(&parent);
        let flags =
            call.filter(|call| &*call.name == "clone").and_then(|call| super::args::number_at(&call.args, 0));
        let unclear = call.is_some_and(|call| &*call.name == "clone3");
        let born = &mut self.recording.tasks[task];
        if born.parent.is_some() || task == parent {
            return;
        }
        born.parent = Some(parent);
        born.thread = flags.is_some_and(|flags| flags.cast_unsigned() & CLONE_THREAD != 0);
        born.first = born.first.min(line.at);
        if unclear {
            self.unclear.push(task);
        }
        self.off.entry(task).or_insert((line.at, false));
    }

    fn exec(&mut self, line: &Line<'_>) {
        let Some(number) = number(line.fields, "pid") else { return };
        let Some(task) = self.task(number, line.comm) else { return };
        let file = line.fields.split("filename=").nth(1).and_then(|rest| rest.split(" pid=").next());
        if let (Some(call), Some(file)) = (self.pending.get_mut(&task), file) {
            call.args = format!("\"{}\"", file.trim()).into();
        } else if let Some(file) = file
            && self.recording.tasks[task].calls.is_empty()
        {
            self.recording.tasks[task].name = file.rsplit('/').next().unwrap_or(file).to_owned();
        }
    }

    fn ended(&mut self, number: u64, comm: &str) {
        let Some(task) = self.task(number, comm) else { return };
        if let Some(mut call) = self.pending.remove(&task) {
            call.end = self.now.max(call.begin);
            self.recording.tasks[task].calls.push(call);
        }
        let status = self.recording.tasks[task].calls.last().filter(|call| call.name.starts_with("exit"));
        let status = status.and_then(|call| super::args::number_at(&call.args, 0)).unwrap_or(0);
        self.recording.tasks[task].end = Some(End::Exited(status & 0xff));
        self.off.remove(&task);
        self.living.remove(&number);
    }

    fn switch(&mut self, fields: &str) {
        self.recording.switches = true;
        let Some((left, right)) = fields.split_once(" ==> ") else { return };
        let (from, state) = match (number(left, "prev_pid"), left.split("prev_state=").nth(1)) {
            (Some(from), state) => {
                (Some((from, comm(left, "prev_comm=", " prev_pid="))), state.unwrap_or("R"))
            }
            // bash:7 [120] S ==> swapper/0:0 [120]
            (None, _) => (short(left), left.rsplit(' ').next().unwrap_or("R")),
        };
        let to = number(right, "next_pid").map(|to| (to, comm(right, "next_comm=", " next_pid=")));
        if let Some((from, comm)) = from
            && let Some(task) = self.task(from, comm)
        {
            self.off.insert(task, (self.now, !state.trim().starts_with('R')));
        }
        if let Some((to, comm)) = to.or_else(|| short(right))
            && let Some(task) = self.task(to, comm)
            && let Some((from, waited)) = self.off.remove(&task)
        {
            self.was_off(task, from, waited);
        }
    }

    fn waking(&mut self, number: u64) {
        let Some(task) = self.living.get(&number).copied() else { return };
        if let Some((from, true)) = self.off.get(&task).copied() {
            self.was_off(task, from, true);
            self.off.insert(task, (self.now, false));
        }
    }

    fn was_off(&mut self, task: usize, from: Moment, waited: bool) {
        if self.now > from {
            self.recording.tasks[task].off.push(Off { from, to: self.now, waited });
        }
    }

    /// The task of a number; none for the idle loop's.
    fn task(&mut self, number: u64, comm: &str) -> Option<usize> {
        if number == 0 {
            return None;
        }
        let (tasks, now) = (&mut self.recording.tasks, self.now);
        let task = *self.living.entry(number).or_insert_with(|| {
            tasks.push(Task { number, name: comm.to_owned(), first: now, ..Task::default() });
            tasks.len() - 1
        });
        self.recording.tasks[task].last = now;
        Some(task)
    }

    pub fn finish(mut self) -> Result<Recording, ImportError> {
        if self.recording.tasks.is_empty() {
            let what = if self.events == 0 { "event of a trace point" } else { "event of a process" };
            return Err(self.unread.error(what));
        }
        for (task, mut call) in std::mem::take(&mut self.pending) {
            call.end = self.now.max(call.begin);
            self.recording.tasks[task].calls.push(call);
        }
        for (task, (from, waited)) in std::mem::take(&mut self.off) {
            self.was_off(task, from, waited);
        }
        // Whoever is waited for, or executes another program, is a process.
        let waited: Vec<u64> =
            self.recording.tasks.iter().flat_map(|task| &task.calls).filter_map(reaped).collect();
        for task in self.unclear {
            let task = &mut self.recording.tasks[task];
            let execs = task.calls.iter().any(|call| call.name.starts_with("execve"));
            task.thread = !execs && !waited.contains(&task.number);
        }
        let remarks = &mut self.recording.remarks;
        remarks.extend(self.unread.remark());
        if self.cut > 0 {
            remarks.push(format!("{} calls had begun before the recording, and are left out", self.cut));
        }
        if self.lost > 0 {
            remarks.push(format!("the tracer lost {} events: calls are missing", self.lost));
        }
        Ok(self.recording)
    }
}

/// Whom a call has waited for.
fn reaped(call: &Call) -> Option<u64> {
    let waits = call.name.starts_with("wait");
    call.value().filter(|_| waits).and_then(|value| u64::try_from(value).ok()).filter(|value| *value > 0)
}

fn comm<'a>(text: &'a str, before: &str, behind: &str) -> &'a str {
    text.split(before).nth(1).and_then(|rest| rest.split(behind).next()).unwrap_or_default()
}

/// The number behind `key=`.
fn number(text: &str, key: &str) -> Option<u64> {
    super::args::field(text, key)?.parse().ok()
}

/// `name:7 [120]`.
fn short(text: &str) -> Option<(u64, &str)> {
    let (comm, rest) = text.split_once(" [")?.0.rsplit_once(':')?;
    Some((rest.parse().ok()?, comm))
}

/// `fd: 0x3, buf: 7f` as `0x3, 0x7f`.
fn plain_args(fields: &str) -> String {
    let value = |part: &str| {
        let value = part.rsplit(": ").next().unwrap_or_default().trim();
        if value.starts_with("0x") || value.starts_with('"') {
            value.to_owned()
        } else {
            format!("0x{value}")
        }
    };
    fields.split(", ").map(value).collect::<Vec<_>>().join(", ")
}

fn hexadecimal(text: &str) -> Option<i64> {
    super::args::number(text.trim())
}

fn error(result: i64) -> String {
    match result {
        -516..=-512 => "ERESTARTSYS".to_owned(),
        _ => Errno::from_result(result)
            .map_or_else(|| format!("error {}", -result), |errno| errno.name().to_owned()),
    }
}
