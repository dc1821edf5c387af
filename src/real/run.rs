//! Starts a run and waits for it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::os::clock::Spin;
use crate::os::memory::{self, Mapping};
use crate::os::process;
use crate::program::Image;
use crate::program::native::{Board, Noted, Row, Size};
use crate::program::verb::{self, Real};
use crate::scenario::{Overrides, Scenario};
use crate::time::Span;

use super::guardian::{End, Message};
use super::route::{Route, Watching};
use super::seen::Seen;
use super::spec::Spec;

/// The subcommand that the guardian executes.
pub const GUARDIAN_COMMAND: &str = "real-guardian";

/// Marks all processes of a run from the guardian on: the caller's number, in their environment.
pub const MARK: &str = "TRAPLINE_RUN";
/// What the folders of runs are called, before the caller's number.
const SCRATCH: &str = "trapline-run-";
/// So long the guardian has for ending all others.
const PATIENCE: Duration = Duration::from_secs(5);

/// How a run is carried out, and its limits.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The program file of trapline.
    pub program: PathBuf,
    /// Where the scenario's files are made.
    pub scratch: PathBuf,
    /// The CPUs that the processes may use.
    pub cpus: Vec<usize>,
    /// The run is ended after so long.
    pub most_time: Span,
    /// At most so many processes and threads are born.
    pub tasks: u32,
    /// At most so many bytes of notes are kept, and of what the kernel saw.
    pub notes: u64,
    /// At most so many bytes of memory objects, and of each file.
    pub memory: u64,
    pub file_bytes: u64,
    /// How it is observed; see [`Route::best`].
    pub route: Route,
}

/// What a run has shown.
#[derive(Clone, Debug)]
pub struct Measured {
    /// In the order of time.
    pub notes: Vec<Noted>,
    /// Every process and thread that there was.
    pub rows: Vec<Row>,
    /// On the host's clock, in nanoseconds.
    pub start: u64,
    pub end: u64,
    pub how: End,
    /// What the shared arrays hold at the end.
    pub arrays: Vec<Vec<i64>>,
    /// Notes that found no place.
    pub lost: u64,
    /// In what the host differs from what the scenario asks for.
    pub differences: Vec<String>,
    pub spin: Spin,
    pub cpus: Vec<usize>,
    /// What the kernel saw, if it was asked; and how.
    pub seen: Option<Seen>,
}

impl Measured {
    /// Notes and kernel events that found no place.
    pub fn lost(&self) -> u64 {
        self.lost + self.seen.as_ref().map_or(0, |seen| seen.lost)
    }
}

/// A new folder for a run's files, which goes when it is dropped.
pub fn scratch(place: &Path) -> std::io::Result<tempfile::TempDir> {
    clean(place);
    tempfile::Builder::new().prefix(&format!("{SCRATCH}{}-", std::process::id())).tempdir_in(place)
}

/// Removes what runs have left behind whose callers have gone: folders in `place`, and instances of
/// the kernel's tracing. Says what it was.
pub fn clean(place: &Path) -> Vec<String> {
    let mut removed = super::ftrace::clean();
    for entry in std::fs::read_dir(place).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let pid = name.strip_prefix(SCRATCH).and_then(|rest| rest.split('-').next()?.parse().ok());
        if pid.is_some_and(|pid| !process::lives(pid)) && std::fs::remove_dir_all(entry.path()).is_ok() {
            removed.push(entry.path().display().to_string());
        }
    }
    removed
}

/// Why a run wasn't possible.
#[derive(Debug, thiserror::Error)]
pub enum RealError {
    #[error("the scenario can't run for real: {0}")]
    Impossible(String),
    #[error("{what}: {source}")]
    Host { what: &'static str, source: std::io::Error },
    #[error("the run couldn't begin: {0}")]
    NotBegun(String),
    #[error("the guardian of the run has gone: {0}")]
    GuardianGone(String),
}

/// What of a scenario has no counterpart on a real machine, in words.
pub fn left_out(image: &Image) -> Vec<String> {
    let mut numbers: BTreeMap<&str, (u64, &str)> = BTreeMap::new();
    for injection in &image.injections {
        let row = injection.action.row();
        if let Real::No(why) = row.real {
            numbers.entry(row.key).or_insert((0, why)).0 += 1;
        }
    }
    let text = |(key, (number, why)): (&str, (u64, &str))| match number {
        1 => format!("the event `{key}`: {why}"),
        _ => format!("{number} events `{key}`: {why}"),
    };
    numbers.into_iter().map(text).collect()
}

/// Runs the scenario on this machine; `stopped` is asked now and then whether the user wants it to
/// end.
pub fn run(
    scenario: &Scenario,
    name: &str,
    overrides: &Overrides,
    settings: &Settings,
    stopped: &dyn Fn() -> bool,
) -> Result<Measured, RealError> {
    refuse(&scenario.image, settings)?;
    let host = |what| move |source| RealError::Host { what, source };
    let spin = Spin::calibrate();
    let spec = Spec {
        name: name.to_owned(),
        text: scenario.source.clone(),
        directory: Path::new(name).parent().map(PathBuf::from),
        set: overrides.set.clone(),
        seed: overrides.seed,
        until: overrides.until.clone(),
        tasks: settings.tasks,
        notes: settings.notes,
        scratch: settings.scratch.clone(),
        program: settings.program.clone(),
        rounds_per_nano: spin.rounds_per_nano,
        dispersion: spin.dispersion,
        cpus: settings.cpus.clone(),
        most_millis: settings.most_time.as_nanos() / 1_000_000,
        file_bytes: settings.file_bytes,
    };
    let shared = |name, bytes| memory::shared_object(name, bytes).map_err(std::io::Error::from);
    let size = Size { tasks: settings.tasks, notes: settings.notes };
    let board_object = shared("trapline-board", size.bytes() as u64).map_err(host("the run's board"))?;
    let text = serde_json::to_vec(&spec).map_err(|error| RealError::NotBegun(error.to_string()))?;
    let spec_object = shared("trapline-spec", 0).map_err(host("the run's description"))?;
    let mut spec_file = std::fs::File::from(spec_object);
    spec_file.write_all(&text).map_err(host("the run's description"))?;
    let spec_object = OwnedFd::from(spec_file);
    let mapping = Mapping::shared(&board_object, size.bytes()).map_err(std::io::Error::from);
    let board = Board::new(mapping.map_err(host("the run's board"))?, size);

    let mut guardian = Guardian::start(settings, &spec_object, &board_object)?;
    let differences = match guardian.hear(stopped)? {
        Message::Ready { notes } => notes,
        Message::Failed { text } => return Err(RealError::NotBegun(text)),
        Message::Done { .. } => return Err(RealError::NotBegun("it was over before it began".to_owned())),
    };
    let guardian_pid = guardian.child.id() as i32;
    let watching = settings.route.watch(guardian_pid, &settings.cpus, settings.notes);
    let watching = watching.map_err(host("observing the run"))?;
    guardian.go()?;
    let (how, arrays) = match guardian.hear(stopped)? {
        Message::Done { how, arrays } => (how, arrays),
        Message::Ready { .. } => return Err(RealError::GuardianGone("it began anew".to_owned())),
        Message::Failed { text } => return Err(RealError::GuardianGone(text)),
    };
    let seen = watching.map(Watching::finish).transpose().map_err(host("observing the run"))?;
    drop(guardian);
    Ok(Measured {
        notes: board.notes(),
        rows: board.rows_with_usage(),
        start: board.start(),
        end: board.end(),
        how,
        arrays,
        lost: board.lost(),
        differences,
        spin,
        cpus: settings.cpus.clone(),
        seen,
    })
}

/// Limits are looked at before anything starts.
fn refuse(image: &Image, settings: &Settings) -> Result<(), RealError> {
    let impossible = |text: String| Err(RealError::Impossible(text));
    for step in &image.steps {
        if let Some(Real::No(why)) = verb::find(&step.verb).map(|row| row.real) {
            return impossible(format!("line {}: `{}`: {why}", step.line, step.verb));
        }
    }
    let started: u64 = image.starts.iter().map(|start| u64::from(start.count)).sum();
    if started + 2 >= u64::from(settings.tasks) {
        return impossible(format!(
            "it starts {started} processes, and at most {} may be born",
            settings.tasks
        ));
    }
    let pages: u64 = image.memories.iter().map(|spec| u64::from(spec.memory.pages)).sum();
    if pages * 4096 > settings.memory {
        return impossible(format!("its memory is {pages} pages, more than {} bytes", settings.memory));
    }
    let pipes = image.pipes.len() * 2 + image.files.len() + image.memories.len();
    if pipes > 900 {
        return impossible(format!("it needs {pipes} descriptors, and at most 900 are used"));
    }
    Ok(())
}

/// The guardian as its caller sees it. When this is dropped, nothing of the run is left.
struct Guardian {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Guardian {
    fn start(settings: &Settings, spec: &OwnedFd, board: &OwnedFd) -> Result<Guardian, RealError> {
        let mut command = Command::new(&settings.program);
        command.arg(GUARDIAN_COMMAND).args([spec.as_raw_fd().to_string(), board.as_raw_fd().to_string()]);
        command.env(MARK, std::process::id().to_string());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child = command.spawn();
        let mut child = child.map_err(|source| RealError::Host { what: "starting the guardian", source })?;
        let (sender, lines) = mpsc::channel();
        if let Some(out) = child.stdout.take() {
            std::thread::spawn(move || {
                for line in BufReader::new(out).lines().map_while(Result::ok) {
                    if sender.send(line).is_err() {
                        return;
                    }
                }
            });
        }
        Ok(Guardian { child, lines })
    }

    /// The next thing that it says. A user who wants the end gets it: standard input closes.
    fn hear(&mut self, stopped: &dyn Fn() -> bool) -> Result<Message, RealError> {
        loop {
            match self.lines.recv_timeout(Duration::from_millis(50)) {
                Ok(line) => {
                    return serde_json::from_str(&line)
                        .map_err(|error| RealError::GuardianGone(error.to_string()));
                }
                Err(mpsc::RecvTimeoutError::Timeout) if stopped() => drop(self.child.stdin.take()),
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    let status =
                        self.child.wait().map_or_else(|error| error.to_string(), |status| status.to_string());
                    return Err(RealError::GuardianGone(status));
                }
            }
        }
    }

    fn go(&mut self) -> Result<(), RealError> {
        let Some(input) = &mut self.child.stdin else { return Ok(()) };
        input.write_all(b"\n").map_err(|source| RealError::Host { what: "starting the run", source })
    }
}

impl Drop for Guardian {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // The guardian ends all others when its input closes, and goes. Should it not, or should it
        // have been ended itself, its group is ended.
        let begun = Instant::now();
        let ended = loop {
            match self.child.try_wait() {
                Ok(Some(status)) => break status.code().is_some(),
                Ok(None) if begun.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(1)),
                Ok(None) | Err(_) => break false,
            }
        };
        if !ended {
            process::kill_group(self.child.id() as i32);
            let _ = self.child.wait();
        }
    }
}
