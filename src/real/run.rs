//! Starts a run and waits for it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::os::clock::Spin;
use crate::os::memory::{self, Mapping};
use crate::os::process;
use crate::program::Image;
use crate::program::native::{Board, Noted, Row, Size};
use crate::program::verb::Real;
use crate::scenario::{Overrides, Scenario};
use crate::time::Span;

use super::guardian::{End, Message};
use super::limits;
use super::route::{Route, Watching};
use super::seen::Seen;
use super::spec::Spec;

pub use super::leftovers::clean;

/// The subcommand that the guardian executes.
pub const GUARDIAN_COMMAND: &str = "real-guardian";

/// Marks all processes of a run from the guardian on: the caller's number, in their environment.
pub const MARK: &str = "TRAPLINE_RUN";
/// What the folders of runs are called, before the caller's number.
pub(super) const SCRATCH: &str = "trapline-run-";
/// So long the guardian has for making what the processes share, and for ending them: much longer
/// than it takes on a loaded host.
const PREPARATION: Duration = Duration::from_secs(120);
/// So long it has for ending all others when it is told so.
const PATIENCE: Duration = Duration::from_secs(10);

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
    /// The host's number of each memory object's first page.
    pub memories: Vec<u64>,
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

/// A new folder for a run's files, which goes when it is dropped. What earlier runs have left behind
/// goes now.
pub fn scratch(place: &Path) -> std::io::Result<tempfile::TempDir> {
    clean(place);
    folder(place)
}

/// The same without a look at what earlier runs have left behind.
pub(super) fn folder(place: &Path) -> std::io::Result<tempfile::TempDir> {
    tempfile::Builder::new().prefix(&format!("{SCRATCH}{}-", std::process::id())).tempdir_in(place)
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
    limits::refuse(&scenario.image, settings)?;
    let host = |what| move |source| RealError::Host { what, source };
    let spin = process::on_cpu(settings.cpus.first().copied(), Spin::calibrate);
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
        memory: settings.memory,
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
    let (mut differences, memories) = match guardian.hear(PREPARATION, stopped)? {
        Message::Ready { notes, memories } => (notes, memories),
        Message::Failed { text } => return Err(RealError::NotBegun(text)),
        Message::Done { .. } => return Err(RealError::NotBegun("it was over before it began".to_owned())),
    };
    let guardian_pid = guardian.child.id() as i32;
    let watching = settings.route.watch(guardian_pid, &settings.cpus, settings.notes);
    let watching = watching.map_err(host("observing the run"))?;
    guardian.go()?;
    let most = Duration::from_nanos(settings.most_time.as_nanos()) + PREPARATION;
    let (how, arrays) = match guardian.hear(most, stopped)? {
        Message::Done { how, arrays, notes } => {
            differences.extend(notes);
            (how, arrays)
        }
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
        memories,
        spin,
        cpus: settings.cpus.clone(),
        seen,
    })
}

/// The guardian as its caller sees it. When this is dropped, nothing of the run is left.
struct Guardian {
    child: Child,
    lines: mpsc::Receiver<String>,
    scratch: PathBuf,
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
        Ok(Guardian { child, lines, scratch: settings.scratch.clone() })
    }

    /// The next thing that it says, within `most`. A user who wants the end gets it: standard input
    /// closes.
    fn hear(&mut self, most: Duration, stopped: &dyn Fn() -> bool) -> Result<Message, RealError> {
        let gone = |text: String| Err(RealError::GuardianGone(text));
        let mut until = Instant::now() + most;
        loop {
            match self.lines.recv_timeout(Duration::from_millis(50)) {
                Ok(line) => return serde_json::from_str(&line).or_else(|error| gone(error.to_string())),
                Err(mpsc::RecvTimeoutError::Timeout) if Instant::now() > until => {
                    return gone("it doesn't answer any more".to_owned());
                }
                Err(mpsc::RecvTimeoutError::Timeout) if stopped() => {
                    if self.child.stdin.take().is_some() {
                        until = until.min(Instant::now() + PREPARATION);
                    }
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    return gone(
                        self.end().map_or("nobody knows how".to_owned(), |status| status.to_string()),
                    );
                }
            }
        }
    }

    /// Waits until the guardian has ended, but not for ever.
    fn end(&mut self) -> Option<ExitStatus> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) => std::thread::sleep(Duration::from_millis(1)),
                Err(_) => return None,
            }
        }
        None
    }

    fn go(&mut self) -> Result<(), RealError> {
        let Some(input) = &mut self.child.stdin else { return Ok(()) };
        input.write_all(b"\n").map_err(|source| RealError::Host { what: "starting the run", source })
    }
}

impl Drop for Guardian {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // The guardian ends all others when its input closes, and goes. Should it not, it is ended.
        if self.end().is_none() {
            let _ = self.child.kill();
            let _ = self.end();
        }
        // Should it have been ended, its sentinel ends the others: they all have the guardian's
        // standard output, which is closed when the last of them has gone.
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            match self.lines.recv_timeout(Duration::from_millis(50)) {
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Ok(_) | Err(mpsc::RecvTimeoutError::Timeout) => {}
            }
        }
        // As a rule the guardian has done so.
        super::named::remove(&self.scratch);
    }
}
