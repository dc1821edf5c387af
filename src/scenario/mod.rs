//! Scenarios: from a TOML file to a lowered [`Image`], or to a list of all that is wrong with it.
//!
//! - [`document`]: bytes to TOML, and what the command line overrides
//! - [`table`]: reading tables into forms
//! - the tables: [`machine`] with [`card`] and [`speeds`]; [`kernel`] with [`scheduler`], [`policy_script`] and
//!   [`balance`]; [`objects`] with [`memory`], [`shared`], [`locks`], [`sync`], [`streams`], [`queues`],
//!   [`item_queues`] and [`sockets`]; [`pools`]; [`processes`] with [`rhythm`]; [`events`]; [`run`]; [`picture`];
//!   [`expect`] with `expect_statistics`
//! - [`mod@manager`], [`shell`]: what becomes programs before anything else looks at it
//! - [`relatives`]: who can reach which pipe
//! - [`diagnostics`] and [`errors`]: how mistakes are shown, and what each means
//! - [`mod@schema`] and [`mod@markdown`]: the language's schema and its documentation

pub mod balance;
pub mod card;
mod classes;
pub mod diagnostics;
pub mod document;
pub mod errors;
pub mod events;
pub mod expect;
mod expect_statistics;
pub mod item_queues;
pub mod kernel;
pub mod locks;
pub mod machine;
pub mod manager;
pub mod markdown;
pub mod memory;
pub mod objects;
pub mod picture;
pub mod policy_script;
pub mod pools;
pub mod processes;
pub mod queues;
pub mod relatives;
pub mod rhythm;
pub mod run;
pub mod scheduler;
pub mod schema;
pub mod shared;
pub mod shell;
pub mod sockets;
pub mod speeds;
pub mod streams;
pub mod sync;
pub mod table;

use std::path::Path;

use serde_spanned::Spanned;
use sha2::Digest;
use toml::de::{DeTable, DeValue};

use crate::kernel::cost::hex;
use crate::program::Image;
use crate::program::image::MachineSpec;
use crate::program::lower::{Tables, Unit, lower};
use crate::program::names::{Names, Source, Synchroniser};
use crate::program::problem::{Code, Problem, Problems};
use crate::program::reading::{check_keys, kind};

pub use diagnostics::Diagnostics;
pub use document::Overrides;
pub use expect::{Bound, Expect, Number, Outcome, RealExpect};
pub use markdown::markdown;
pub use picture::Picture;
pub use run::Sweep;
pub use schema::schema;

/// The version of the language that this build reads.
pub const FORMAT: i64 = 1;

/// A scenario that can run.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub image: Image,
    pub expect: Expect,
    pub sweeps: Vec<Sweep>,
    /// The part of a simulated run that is drawn.
    pub picture: Picture,
    /// Why it can't run on a real kernel, if it says so.
    pub simulated_only: Option<String>,
    /// What is suspicious but not wrong.
    pub warnings: Diagnostics,
    pub source: String,
}

impl Scenario {
    /// Reads a file. Paths in it are relative to its folder.
    pub fn load(path: &Path, overrides: &Overrides) -> Result<Scenario, Diagnostics> {
        let name = path.display().to_string();
        let fail = |code, message: String| {
            let problem = Problem::error(code, 0..0, message);
            Err(Diagnostics::new(vec![problem], Vec::new()))
        };
        let meta = match std::fs::metadata(path) {
            Ok(meta) => meta,
            Err(error) => return fail(Code::Unreadable, format!("can't read {name}: {error}")),
        };
        if meta.is_dir() {
            return fail(Code::Unreadable, format!("{name} is a directory, not a scenario"));
        }
        if meta.len() > document::MOST {
            return fail(Code::TooLarge, too_large(&name));
        }
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) => return fail(Code::Unreadable, format!("can't read {name}: {error}")),
        };
        Scenario::parse_bytes(&name, &bytes, overrides, path.parent())
    }

    /// Reads a scenario that may not even be text, for example from standard input.
    pub fn parse_bytes(
        name: &str,
        bytes: &[u8],
        overrides: &Overrides,
        directory: Option<&Path>,
    ) -> Result<Scenario, Diagnostics> {
        match std::str::from_utf8(bytes) {
            Ok(text) => parse(name, text, overrides, directory),
            Err(error) => {
                let at = error.valid_up_to();
                let text = String::from_utf8_lossy(&bytes[..at]).into_owned();
                let message = "this file isn't text: it isn't valid UTF-8 from here on";
                let problem = Problem::error(Code::NotUtf8, at..at, message);
                Err(Diagnostics::new(vec![problem], vec![part(name, &text)]))
            }
        }
    }

    /// Reads a scenario from a text; `name` stands for its file in messages.
    pub fn parse(name: &str, text: &str, overrides: &Overrides) -> Result<Scenario, Diagnostics> {
        parse(name, text, overrides, None)
    }
}

fn too_large(name: &str) -> String {
    format!("{name} is too large for a scenario: at most {}MiB", document::MOST >> 20)
}

fn part(name: &str, text: &str) -> document::Part {
    document::Part { name: name.to_owned(), text: text.to_owned(), base: 0 }
}

fn parse(
    name: &str,
    text: &str,
    overrides: &Overrides,
    directory: Option<&Path>,
) -> Result<Scenario, Diagnostics> {
    let mut problems = Problems::default();
    let mut parts = vec![part(name, text)];
    if text.len() as u64 > document::MOST {
        problems.error(Code::TooLarge, 0..0, too_large(name));
        return Err(Diagnostics::new(problems.list, Vec::new()));
    }
    let settings = overrides.all();
    let mut root = document::parse(text, &mut problems);
    // What a broken file means beyond its syntax errors would be guesswork.
    if problems.has_errors() {
        return Err(Diagnostics::new(problems.list, parts));
    }
    parts.extend(document::apply(&mut root, text, &settings, &mut problems));
    let managers = manager::expansion(text, &root, &mut problems);
    manager::expand(&mut root, &managers, &mut problems);
    let shell = shell::expansion(text, &root, &mut problems);

    shell::expand(&mut root, &shell, &mut problems);
    // A profile that the command line names isn't looked for beside the scenario.
    let profiles = if overrides.costs.is_some() { None } else { directory };
    let end = parts.last().map_or(0, |part| part.base + part.text.len() + 1);
    let origin = policy_script::Origin { name, text, directory, end };
    let Contents { mut image, expect, sweeps, simulated_only, script } =
        read(origin, &mut root, profiles, &mut problems);
    parts.extend(script);
    let picture = picture::read(&root, image.costs.instruction, &mut problems);
    if overrides.host {
        kernel::as_on_host(&mut image, &mut problems);
    }
    // What the command line sets is part of what was run.
    let mut whole: String = parts.iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join("\n");
    if overrides.host {
        whole.push_str("\n--host");
    }
    image.hash = hex(&sha2::Sha256::digest(whole.as_bytes()));
    if problems.has_errors() {
        return Err(Diagnostics::new(problems.list, parts));
    }
    Ok(Scenario {
        image,
        expect,
        sweeps,
        picture,
        simulated_only,
        warnings: Diagnostics::new(problems.list, parts),
        source: text.to_owned(),
    })
}

/// What a scenario's tables say.
struct Contents {
    image: Image,
    expect: Expect,
    sweeps: Vec<Sweep>,
    simulated_only: Option<String>,
    /// The scheduler's script, if its text isn't in the scenario.
    script: Option<document::Part>,
}

/// Reads all tables and lowers all programs. The image is usable if there are no errors.
fn read(
    origin: policy_script::Origin<'_>,
    root: &mut DeTable<'_>,
    directory: Option<&Path>,
    problems: &mut Problems,
) -> Contents {
    let (file, text) = (origin.name, origin.text);
    let known: Vec<&str> = schema::TABLES.iter().map(|row| row.key).collect();
    check_keys(root, &known, "a scenario", problems);
    check_format(root, problems);
    let machine: machine::MachineForm = table::single(root, "machine", problems);
    let (cpus, frames, tlb) = machine::sizes(&machine, problems);
    let costs = machine::costs(&machine, root, directory, problems);
    let instruction = costs.instruction;
    let speeds = speeds::speeds(&machine, cpus, problems);
    let cache = speeds::cache(&machine, instruction, problems);
    let mut names = Names { instruction, ..Names::default() };
    let mut entries = Vec::new();
    let devices = machine::devices(root, cpus, instruction, &mut entries, problems);
    let objects = objects::read(root, &devices, entries, &mut names, problems);
    let processes = processes::read(root, cpus, instruction, &mut names, problems);
    let kernel_form: kernel::KernelForm = table::single(root, "kernel", problems);
    let started = processes.starts.iter().map(|start| u64::from(start.count)).sum();
    let (kernel, script) = kernel::options(&kernel_form, started, &devices, origin, &costs, problems);
    let (run, simulated_only) = run::read(root, instruction, problems);
    classes::check(&kernel.scheduler, &processes.starts, &processes.places, problems);
    let by_name = machine::by_name(&devices);
    let world = events::World { devices: &devices, by_name: &by_name, names: &names, cpus, until: run.until };
    let injections = events::read(root, &world, problems);
    let expect = expect::read(root, &names, problems);
    let sweeps = run::sweep(root, problems);

    let mut tables = Tables::default();
    let mut units = programs(text, &processes, &names, &mut tables, problems);
    // A process whose program is in error stands for the first one, if there is any.
    if !units.is_empty() {
        let (starts, rules) = (&processes.starts, &objects.rules);
        relatives::relate(&mut units, starts, rules, &names, &mut tables, problems);
        relatives::check_shared(&units, starts, &objects.shm_rules, &names, problems);
        kernel::check_paging(&kernel_form, &units, &processes, problems);
    }
    let stem = Path::new(file).file_stem().map(|stem| stem.to_string_lossy());
    let default_name = stem.as_deref().unwrap_or("scenario");
    let image = Image {
        name: word(root, "name", problems).unwrap_or_else(|| default_name.to_owned()),
        question: word(root, "question", problems).unwrap_or_default(),
        hash: String::new(),
        machine: MachineSpec { cpus, frames, tlb, devices, measured_disk: None, speeds, cache },
        kernel,
        costs,
        programs: units.into_iter().map(|unit| unit.program).collect(),
        starts: processes.starts,
        expressions: tables.expressions,
        texts: tables.texts,
        names: tables.names,
        fd_lists: tables.fd_lists,
        arguments: tables.arguments,
        polls: tables.polls,
        sets_timers: tables.sets_timers,
        has_feeders: names.synchronisers.values().any(Synchroniser::has_feeder),
        objects: objects.entries,
        pipes: objects.pipes,
        files: objects.files,
        sockets: objects.sockets,
        terminal: objects.terminal,
        ipc: objects.ipc,
        lists: tables.lists,
        memories: objects.memories,
        unmapped: objects.unmapped,
        arrays: objects.arrays,
        injections,
        steps: tables.steps,
        run,
    };
    Contents { image, expect, sweeps, simulated_only, script }
}

fn programs(
    text: &str,
    processes: &processes::Processes,
    names: &Names,
    tables: &mut Tables,
    problems: &mut Problems,
) -> Vec<Unit> {
    let newlines = text.match_indices('\n').map(|(at, _)| at + 1);
    let lines: Vec<usize> = std::iter::once(0).chain(newlines).collect();
    let source = Source { text, lines: &lines };
    let bodies = processes.bodies.iter();
    bodies
        .map(|body| Unit {
            place: body.name.span.clone(),
            ..lower(&body.name.value, &body.steps, names, source, tables, problems)
        })
        .collect()
}

fn check_format(root: &DeTable<'_>, problems: &mut Problems) {
    let problem = match root.get("format").map(|value| (value.get_ref(), value.span())) {
        None => Problem::error(Code::Format, 0..0, "this scenario doesn't say which format it has"),
        Some((DeValue::Integer(number), _)) if number.to_string() == FORMAT.to_string() => return,
        Some((DeValue::Integer(number), span)) => {
            let message = format!("this build reads format {FORMAT}, not {number}");
            Problem::error(Code::Format, span, message)
        }
        Some((other, span)) => {
            let message = format!("the format is a number, not {}", kind(other));
            Problem::error(Code::Format, span, message)
        }
    };
    problems.push(problem.help(format!("begin the file with `format = {FORMAT}`")));
}

/// A text at the top of the file.
fn word(root: &DeTable<'_>, key: &str, problems: &mut Problems) -> Option<String> {
    let value: &Spanned<DeValue<'_>> = root.get(key)?;
    match value.get_ref() {
        DeValue::String(text) => Some(text.to_string()),
        other => {
            let message = format!("`{key}` is a text, not {}", kind(other));
            problems.error(Code::WrongType, value.span(), message);
            None
        }
    }
}

#[cfg(test)]
mod tests;
