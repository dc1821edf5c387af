//! `trapline test`: runs scenarios and judges what their `[expect]` says.
//!
//! Each runs at both paces, whose traces must be the same to the byte. A run of very many
//! instructions is executed at the fast pace only, and the result says so.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;

use anyhow::Context;
use clap::Args;
use trapline::analysis::naming::{count, time};
use trapline::scenario::{Overrides, Scenario};
use trapline::sim::{Outcome, Pace};
use trapline::time::Span;
use trapline::trace::{Reader, Record};

use super::digest::{Digest, digest};
use super::exit::{Exit, Failure};
use super::judge::{Mismatch, judge};
use super::load::load;
use super::simulate::simulate;
use super::{interrupt, terminal};

/// More instructions than this take too long one by one: about a second.
const MOST_STEPS: u64 = 100_000_000;

/// Run scenarios and check what their [expect] says.
///
/// Runs each at both paces, which must give the same trace, and checks the laws that every trace
/// obeys.
#[derive(Debug, Args)]
pub struct Test {
    /// Scenario files, or folders with scenarios in them, at any depth.
    #[arg(required = true, value_name = "FILE|DIR")]
    paths: Vec<PathBuf>,

    /// Run them on this machine's own kernel. What depends on the machine, and on who comes first,
    /// isn't judged there; each result says what that was.
    #[cfg(target_os = "linux")]
    #[arg(long)]
    real: bool,
}

/// How many scenarios did what.
#[derive(Default)]
struct Tally {
    passed: u64,
    failed: u64,
    skipped: u64,
}

impl Test {
    pub fn execute(self) -> Result<Exit, Failure> {
        let cases = cases(&self.paths)?;
        let widest = cases.iter().map(|case| case.label.chars().count()).max().unwrap_or(0);
        let folder = tempfile::tempdir().context("can't make a temporary folder").map_err(Failure::host)?;
        let mut tally = Tally::default();
        for case in &cases {
            let label = format!("{:widest$}", case.label);
            let verdict = match self.is_real() {
                #[cfg(target_os = "linux")]
                true => super::test_real::verdict(&case.path, folder.path())?,
                _ => verdict(&case.path, folder.path())?,
            };
            let text = match verdict {
                Verdict::Passed(how) => {
                    tally.passed += 1;
                    format!("{}    {label}  {how}\n", terminal::paint("ok", "32"))
                }
                Verdict::Skipped(why) => {
                    tally.skipped += 1;
                    format!("{}  {label}  {why}\n", terminal::paint("SKIP", "33"))
                }
                Verdict::Failed(mismatches) => {
                    tally.failed += 1;
                    format!("{}  {}\n{}", terminal::paint("FAIL", "1;31"), case.label, details(&mismatches))
                }
            };
            terminal::print(&text)?;
        }
        terminal::print(&tally.text())?;
        Ok(if tally.failed > 0 { Exit::Failed } else { Exit::Success })
    }

    #[cfg(target_os = "linux")]
    const fn is_real(&self) -> bool {
        self.real
    }

    #[cfg(not(target_os = "linux"))]
    const fn is_real(&self) -> bool {
        false
    }
}

impl Tally {
    fn text(&self) -> String {
        let mut text = format!("\n{} passed", self.passed);
        let _ = match self.failed {
            0 => Ok(()),
            failed => write!(text, ", {failed} failed"),
        };
        let _ = match self.skipped {
            0 => Ok(()),
            skipped => write!(text, ", {skipped} skipped"),
        };
        text + "\n"
    }
}

/// A scenario and what it is called here.
pub struct Case {
    pub path: PathBuf,
    pub label: String,
}

/// The scenarios that are meant, those of a folder in the order of their names.
pub fn cases(paths: &[PathBuf]) -> Result<Vec<Case>, Failure> {
    let mut cases = Vec::new();
    for path in paths {
        if !path.is_dir() {
            cases.push(Case { path: path.clone(), label: path.with_extension("").display().to_string() });
            continue;
        }
        let mut files = Vec::new();
        let found = collect(path, &mut files);
        found.with_context(|| format!("can't read the folder {}", path.display())).map_err(Failure::host)?;
        if files.is_empty() {
            return Err(Failure::usage(format!("there is no scenario (*.toml) in {}", path.display())));
        }
        files.sort();
        cases.extend(files.into_iter().map(|file| {
            let within = file.strip_prefix(path).unwrap_or(&file);
            Case { label: within.with_extension("").display().to_string(), path: file }
        }));
    }
    Ok(cases)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        // A link to a folder could lead back here.
        if entry.file_type()?.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|ending| ending == "toml") {
            files.push(path);
        }
    }
    Ok(())
}

pub(super) enum Verdict {
    /// With what there is to say of the run.
    Passed(String),
    /// Why it wasn't judged.
    Skipped(String),
    Failed(Vec<Mismatch>),
}

/// A scenario that can be judged, or why it can't.
pub(super) fn judgeable(path: &Path) -> Result<Result<Scenario, Verdict>, Failure> {
    if interrupt::count() > 0 {
        return Err(Failure::Interrupted);
    }
    match load(path, &Overrides::default()) {
        Ok(scenario) if scenario.expect.is_empty() => {
            Ok(Err(Verdict::Skipped("it has no [expect]".to_owned())))
        }
        Ok(scenario) => Ok(Ok(scenario)),
        Err(failure @ Failure::Scenario(_)) => {
            failure.report();
            let (expected, actual) = ("valid".to_owned(), "invalid, see above".to_owned());
            Ok(Err(Verdict::Failed(vec![Mismatch { what: "scenario".to_owned(), expected, actual }])))
        }
        Err(failure) => Err(failure),
    }
}

/// Runs one scenario and judges it.
fn verdict(path: &Path, folder: &Path) -> Result<Verdict, Failure> {
    let scenario = match judgeable(path)? {
        Ok(scenario) => scenario,
        Err(verdict) => return Ok(verdict),
    };
    let Scenario { image, expect, .. } = &scenario;
    let fast = folder.join("fast.bin");
    let run = simulate(image, Pace::Fast, &fast, interrupt::control()).map_err(Failure::host)?;
    if run.outcome == Outcome::Interrupted {
        return Err(Failure::Interrupted);
    }
    let digest = digest(&fast, &AtomicU64::new(0))?;
    let mut mismatches = judge(expect, image, &run, &digest);
    let instructions = instructions(&digest, image.costs.instruction);
    let stepped = instructions <= MOST_STEPS;
    if stepped {
        let step = folder.join("step.bin");
        let run = simulate(image, Pace::Step, &step, interrupt::control()).map_err(Failure::host)?;
        if run.outcome == Outcome::Interrupted {
            return Err(Failure::Interrupted);
        }
        mismatches.extend(difference(&fast, &step)?);
    }
    if !mismatches.is_empty() {
        return Ok(Verdict::Failed(mismatches));
    }
    let mut how = format!("{} simulated, {} events", time(digest.summary.wall), count(digest.footer.events));
    if !stepped {
        let _ = write!(how, "; not stepped: {} instructions", count(instructions));
    }
    Ok(Verdict::Passed(how))
}

/// How many instructions all CPUs executed.
fn instructions(digest: &Digest, length: Span) -> u64 {
    let busy: Span = digest.summary.cpus.iter().map(|cpu| cpu.busy()).sum();
    busy.as_nanos() / length.as_nanos().max(1)
}

/// Where the traces of both paces part, if they do.
fn difference(fast: &Path, step: &Path) -> Result<Option<Mismatch>, Failure> {
    let same = same_bytes(fast, step).context("can't compare the traces").map_err(Failure::host)?;
    if same {
        return Ok(None);
    }
    let open = |path: &Path| Reader::open(path).map_err(Failure::trace);
    let (mut fast, mut step) = (open(fast)?, open(step)?);
    let shown = |record: Option<Result<Record, _>>| match record {
        Some(Ok(Record::Event(event))) => format!("{} {:?}", event.at, event),
        Some(Ok(record)) => format!("{record:?}"),
        Some(Err(error)) => format!("{error}"),
        None => "the end".to_owned(),
    };
    let mut number = 0_u64;
    loop {
        let (one, other) = (step.next(), fast.next());
        let over = one.is_none() && other.is_none();
        let (one, other) = (shown(one), shown(other));
        if over || one != other {
            return Ok(Some(Mismatch {
                what: format!("pace: step and fast differ at record {number}"),
                expected: one,
                actual: other,
            }));
        }
        number += 1;
    }
}

fn same_bytes(one: &Path, other: &Path) -> io::Result<bool> {
    let (one, other) = (File::open(one)?, File::open(other)?);
    if one.metadata()?.len() != other.metadata()?.len() {
        return Ok(false);
    }
    let (mut one, mut other) = (BufReader::new(one).bytes(), BufReader::new(other).bytes());
    loop {
        match (one.next().transpose()?, other.next().transpose()?) {
            (None, None) => return Ok(true),
            (one, other) if one != other => return Ok(false),
            _ => {}
        }
    }
}

fn details(mismatches: &[Mismatch]) -> String {
    let mut text = String::new();
    let indented = |text: &str| text.replace('\n', "\n                  ");
    for Mismatch { what, expected, actual } in mismatches {
        let _ = writeln!(text, "      {what}");
        let _ = writeln!(text, "        expected  {}", indented(expected));
        let _ = writeln!(text, "        actual    {}", indented(actual));
    }
    text
}
