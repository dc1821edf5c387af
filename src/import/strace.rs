//! Logs of `strace -f -ttt -T`, as it writes them to a file or to the terminal.
//!
//! Every line is one process's: a call, half of a call (`<unfinished ...>`, `<... resumed>`), a signal, or its
//! end. Time stamps may be those of `-ttt`, `-tt`, `-t` or `-r`. Without `-f`, or before the first fork on a
//! terminal, lines bear no process number.

use std::collections::{BTreeMap, BTreeSet};

use super::ImportError;
use super::lines::{Lines, Unread, seconds};
use super::recording::{Answer, Call, End, Moment, Recording, Task};
use super::strace_line::{Body, body, shorten};

const DAY: u64 = 86_400_000_000_000;
/// Time stamps below a million seconds are the time since the last line.
const ABSOLUTE: u64 = 1_000_000_000_000_000;

/// Whether a line looks like one of strace's.
pub fn looks(line: &str) -> bool {
    let (_, rest) = number(line);
    let rest = clock(rest).map_or(rest, |(_, rest)| rest);
    match body(rest) {
        Some(Body::Noise) | None => false,
        Some(Body::Call { result, .. }) => result != Answer::None || rest.contains(" = ?"),
        Some(_) => true,
    }
}

/// Reads a log.
pub fn read(mut lines: Lines<'_>) -> Result<Recording, ImportError> {
    let mut reader = Reader::default();
    // What strace says about itself can come in the middle of a line.
    let mut begun: Option<String> = None;
    while let Some((number, line)) = lines.advance()? {
        let line = match begun.take() {
            None => line,
            Some(begun) => format!("{begun}{line}").into(),
        };
        if let Some(at) = line.rfind("strace: Process ").filter(|at| *at > 0 && line.ends_with(" attached")) {
            reader.line(&line[at..]);
            begun = Some(line[..at].to_owned());
            continue;
        }
        if reader.line(&line).is_none() {
            reader.unread.add(number, &line);
        }
    }
    reader.finish()
}

#[derive(Default)]
struct Reader {
    recording: Recording,
    /// The task that now has a number.
    living: BTreeMap<u64, usize>,
    /// The task of the lines without a number.
    unnumbered: Option<usize>,
    /// Those of which strace said that they are new.
    attached: BTreeSet<u64>,
    /// Calls that haven't returned, by task.
    pending: BTreeMap<usize, Call>,
    now: Moment,
    day: u64,
    timed: bool,
    /// Whether calls say how long they took.
    durations: bool,
    signals: BTreeMap<String, u64>,
    unread: Unread,
}

/// The process number at the beginning of a line: `[pid 7] ` or `7 `.
fn number(line: &str) -> (Option<u64>, &str) {
    let line = line.trim_start();
    if let Some(rest) = line.strip_prefix("[pid") {
        if let Some((number, rest)) = rest.split_once(']')
            && let Ok(number) = number.trim().parse()
        {
            return (Some(number), rest.trim_start());
        }
        return (None, line);
    }
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    match (line[..digits].parse(), line[digits..].strip_prefix([' ', '\t'])) {
        (Ok(number), Some(rest)) => (Some(number), rest.trim_start()),
        _ => (None, line),
    }
}

/// The time stamp at the beginning of a line, in nanoseconds.
fn clock(line: &str) -> Option<(Stamp, &str)> {
    let (stamp, rest) = line.split_once(' ')?;
    let rest = rest.trim_start();
    if let Some(nanos) = seconds(stamp) {
        return stamp.contains('.').then_some((Stamp::Seconds(nanos), rest));
    }
    let mut parts = stamp.splitn(3, ':');
    let mut part = || parts.next().and_then(seconds);
    let (hours, minutes, seconds) = (part()?, part()?, part()?);
    let nanos = hours.checked_mul(3600)?.checked_add(minutes.checked_mul(60)?)?.checked_add(seconds)?;
    (nanos < 2 * DAY).then_some((Stamp::OfDay(nanos), rest))
}

enum Stamp {
    Seconds(u64),
    OfDay(u64),
}

impl Reader {
    fn line(&mut self, line: &str) -> Option<()> {
        let (number, rest) = number(line);
        let rest = match clock(rest) {
            None => rest,
            Some((stamp, rest)) => {
                self.timed = true;
                self.advance(&stamp);
                rest
            }
        };
        match body(rest)? {
            Body::Noise => {
                // "strace: Process 7 attached"
                if let Some(child) = rest.split(' ').nth(2).and_then(|word| word.parse().ok()) {
                    self.attached.insert(child);
                }
            }
            Body::Call { name, args, result, took } => {
                let task = self.task(number);
                self.durations |= took.is_some();
                let end = self.now.saturating_add(took.unwrap_or(0));
                let call = Call { name: name.into(), args: shorten(args), result, begin: self.now, end };
                self.returned(task, call);
            }
            Body::Unfinished { name, args } => {
                let task = self.task(number);
                let (begin, end) = (self.now, self.now);
                let args = shorten(args);
                let call = Call { name: name.into(), args, result: Answer::None, begin, end };
                // A first half whose second was lost.
                if let Some(lost) = self.pending.insert(task, call) {
                    self.recording.tasks[task].calls.push(lost);
                }
            }
            Body::Resumed { name, args, result, took } => {
                let task = self.task(number);
                let mut call = self.pending.remove(&task)?;
                if &*call.name != name {
                    self.pending.insert(task, call);
                    return None;
                }
                self.durations |= took.is_some();
                call.end = took.map_or(self.now, |took| call.begin.saturating_add(took));
                call.args = shorten(&format!("{}{args}", call.args));
                call.result = result;
                self.returned(task, call);
            }
            Body::Signal(name) => *self.signals.entry(name.to_owned()).or_default() += 1,
            Body::Exited(status) => self.ended(number, Some(End::Exited(status))),
            Body::Killed(signal) => self.ended(number, Some(End::Killed(signal.to_owned()))),
            Body::Superseded => self.ended(number, None),
        }
        Some(())
    }

    fn advance(&mut self, stamp: &Stamp) {
        let now = match *stamp {
            Stamp::Seconds(nanos) if nanos < ABSOLUTE => self.now.saturating_add(nanos),
            Stamp::Seconds(nanos) => nanos,
            Stamp::OfDay(nanos) => {
                let now = self.day.saturating_add(nanos);
                // Midnight has passed.
                if now.saturating_add(DAY / 2) < self.now {
                    self.day = self.day.saturating_add(DAY);
                }
                self.day.saturating_add(nanos)
            }
        };
        self.now = self.now.max(now);
    }

    fn task(&mut self, number: Option<u64>) -> usize {
        let Some(number) = number else {
            let new = self.recording.tasks.len();
            let task = *self.unnumbered.get_or_insert(new);
            if task == new {
                self.create(0);
            }
            return task;
        };
        if let Some(task) = self.living.get(&number) {
            return *task;
        }
        // The lines without a number turn out to be this one's, unless it is a child that comes to be.
        if let Some(task) = self.unnumbered
            && self.recording.tasks[task].number == 0
            && !self.attached.contains(&number)
            && self.pending.get(&task).is_none_or(|call| !gives_birth(&call.name))
        {
            self.recording.tasks[task].number = number;
            self.living.insert(number, task);
            return task;
        }
        let task = self.create(number);
        self.living.insert(number, task);
        task
    }

    fn create(&mut self, number: u64) -> usize {
        self.recording.tasks.push(Task { number, first: self.now, ..Task::default() });
        self.recording.tasks.len() - 1
    }

    fn returned(&mut self, task: usize, call: Call) {
        if gives_birth(&call.name)
            && let Some(number) = call.value().and_then(|value| u64::try_from(value).ok())
            && number > 0
        {
            let known = self.living.get(&number).copied();
            let child = known.filter(|child| {
                let child = &self.recording.tasks[*child];
                child.parent.is_none() && child.first >= call.begin
            });
            let child = child.filter(|child| *child != task).unwrap_or_else(|| {
                let child = self.create(number);
                self.living.insert(number, child);
                child
            });
            let child = &mut self.recording.tasks[child];
            child.parent = Some(task);
            child.thread = super::args::has_flag(&call.args, "CLONE_THREAD");
            child.first = child.first.min(call.end);
        }
        self.recording.tasks[task].calls.push(call);
    }

    fn ended(&mut self, number: Option<u64>, end: Option<End>) {
        let task = self.task(number);
        self.last_call(task);
        self.recording.tasks[task].end = end;
        let number = self.recording.tasks[task].number;
        // The number can be given to another process now.
        self.living.remove(&number);
    }

    /// A call that its task's end cut off.
    fn last_call(&mut self, task: usize) {
        if let Some(mut call) = self.pending.remove(&task) {
            call.end = self.now.max(call.begin);
            self.recording.tasks[task].calls.push(call);
        }
    }

    fn finish(mut self) -> Result<Recording, ImportError> {
        let tasks: Vec<usize> = self.pending.keys().copied().collect();
        tasks.into_iter().for_each(|task| self.last_call(task));
        if self.recording.tasks.iter().all(|task| task.calls.is_empty()) {
            return Err(self.unread.error("system call as strace writes them"));
        }
        let remarks = &mut self.recording.remarks;
        remarks.extend(self.unread.remark());
        if !self.timed {
            remarks.push(
                "the log has no times: there is no compute between the calls (record with -ttt -T)".into(),
            );
        } else if !self.durations {
            remarks.push(
                "the log doesn't say how long calls took: what they waited counts as compute (record with -T)".into(),
            );
        }
        if !self.signals.is_empty() {
            let signals = self.signals.iter().map(|(name, count)| format!("{name} {count}"));
            let signals = signals.collect::<Vec<_>>().join(", ");
            remarks.push(format!("signals that were delivered, which are no steps: {signals}"));
        }
        Ok(self.recording)
    }
}

/// Whether a call makes a process or thread.
pub fn gives_birth(name: &str) -> bool {
    ["clone", "clone3", "fork", "vfork"].contains(&name)
}
