//! The committed pictures of the scenarios are what the program draws today, and each scenario has its
//! section with question, picture and command.
//!
//! `UPDATE_DOCS=1 cargo test --test pictures` draws them anew.

use std::path::{Path, PathBuf};

use trapline::analysis::LanesBuilder;
use trapline::chart::{Options, timeline_svg};
use trapline::ids::NameId;
use trapline::program::verb::VERBS;
use trapline::scenario::{Overrides, Scenario};
use trapline::sim::{Pace, Simulator, header};
use trapline::trace::Trace;
use trapline::trace::sink::Memory;

/// The folders whose scenarios have pictures, each with a page of its own.
const FOLDERS: [&str; 7] = ["boundary", "ipc", "programs", "io", "memory", "races", "sched"];
/// A picture beyond this is too large for a page that shows several: `[picture]` chooses a part.
const LARGEST: usize = 60_000;
/// All together.
const LARGEST_SUM: usize = 4_000_000;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The files of a folder with this ending, in the order of their names.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the folder can be read");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|found| found == ending));
    files.sort();
    files
}

fn names(folder: &str, ending: &str) -> Vec<String> {
    let name = |path: PathBuf| path.file_stem().expect("a name").to_string_lossy().into_owned();
    files(&root().join(folder), ending).into_iter().map(name).collect()
}

fn load(path: &str) -> Scenario {
    Scenario::load(&root().join(path), &Overrides::default())
        .unwrap_or_else(|diagnostics| panic!("{}", diagnostics.render(false)))
}

fn run(scenario: &Scenario) -> Trace {
    let mut simulator = Simulator::new(&scenario.image, Memory::new(), Pace::Fast);
    let outcome = simulator.run();
    let end = simulator.end();
    Trace::from_memory(header(&scenario.image), simulator.kernel.sink, end, outcome)
}

/// The part of the run that `[picture]` names, as `trapline run` draws it.
fn draw(scenario: &Scenario) -> String {
    let trace = run(scenario);
    let part = scenario.picture;
    let mut builder = LanesBuilder::new(&trace.header).window(part.from, part.to);
    for entry in &trace.tasks {
        builder.task(entry.task, entry.process, entry.parent, &entry.name);
    }
    for (number, name) in trace.names.iter().enumerate() {
        builder.name(NameId::from(number), name);
    }
    trace.events.iter().filter(|event| event.at <= part.to).for_each(|event| builder.event(event));
    let lanes = builder.finish(trace.end.min(part.to));
    timeline_svg(&lanes, &trace.header, &Options::default()).expect("a picture")
}

#[test]
fn every_scenario_has_the_picture_that_is_drawn_today() {
    let update = std::env::var_os("UPDATE_DOCS").is_some();
    let mut sum = 0;
    for folder in FOLDERS {
        let pictures = root().join("docs/pictures").join(folder);
        if update {
            std::fs::create_dir_all(&pictures).expect("the folder can be made");
        }
        let scenarios = names(&format!("scenarios/{folder}"), "toml");
        for name in &scenarios {
            let drawn = draw(&load(&format!("scenarios/{folder}/{name}.toml")));
            let picture = pictures.join(format!("{name}.svg"));
            if update {
                std::fs::write(&picture, &drawn).expect("the picture can be written");
            }
            assert!(
                drawn.len() < LARGEST,
                "{folder}/{name}: {} bytes; [picture] can choose a part",
                drawn.len()
            );
            sum += drawn.len();
            assert!(
                std::fs::read_to_string(&picture).unwrap_or_default() == drawn,
                "docs/pictures/{folder}/{name}.svg isn't what is drawn today; \
                 UPDATE_DOCS=1 cargo test --test pictures draws it anew"
            );
        }
        assert_eq!(scenarios, names(&format!("docs/pictures/{folder}"), "svg"), "one picture each");
    }
    assert!(sum < LARGEST_SUM, "{sum} bytes in all");
}

#[test]
fn every_scenario_is_explained_with_its_question_picture_and_command() {
    let index = text("scenarios/README.md");
    for folder in FOLDERS {
        let page = text(&format!("scenarios/{folder}/README.md"));
        assert!(index.contains(&format!("]({folder}/README.md)")), "the index leads to {folder}");
        for name in names(&format!("scenarios/{folder}"), "toml") {
            assert!(page.contains(&format!("](#{name})")), "{folder}/{name} isn't in the page's list");
            let heading = format!("\n## {name}\n");
            let (_, section) =
                page.split_once(&heading).unwrap_or_else(|| panic!("{folder}/{name} has no section"));
            let section = section.split("\n## ").next().expect("a section");
            let question = load(&format!("scenarios/{folder}/{name}.toml")).image.question;
            let flowing = section.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(flowing.contains(&format!("**{question}**")), "{folder}/{name}'s question: {question}");
            let picture = format!("](../../docs/pictures/{folder}/{name}.svg)");
            let (described, _) =
                section.split_once(&picture).unwrap_or_else(|| panic!("{folder}/{name}'s picture"));
            let (_, description) = described.rsplit_once("![").expect("a picture's description");
            assert!(description.len() > 20, "{folder}/{name}'s picture is described: {description}");
            assert!(
                section.contains(&format!("run scenarios/{folder}/{name}.toml")),
                "{folder}/{name}'s command"
            );
        }
    }
}

#[test]
fn every_scenario_expects_something_of_itself() {
    for folder in FOLDERS {
        for name in names(&format!("scenarios/{folder}"), "toml") {
            let scenario = load(&format!("scenarios/{folder}/{name}.toml"));
            assert!(!scenario.expect.is_empty(), "{folder}/{name} has no [expect]");
        }
    }
}

/// Whoever looks for an example of a step finds one beside a question and a picture.
#[test]
fn every_step_is_in_a_scenario() {
    let folders = FOLDERS.into_iter().chain(["validation"]).map(|folder| format!("scenarios/{folder}"));
    let scenarios = folders.flat_map(|folder| {
        names(&folder, "toml").into_iter().map(move |name| format!("{folder}/{name}.toml"))
    });
    let all: String = scenarios.map(|path| text(&path)).collect();
    let missing: Vec<&str> =
        VERBS.iter().map(|row| row.name).filter(|verb| !all.contains(&format!("{{ {verb} = "))).collect();
    assert!(missing.is_empty(), "in no scenario: {missing:?}");
}

#[test]
fn every_validation_scenario_is_listed_with_its_question() {
    let page = text("scenarios/validation/README.md");
    let scenarios = names("scenarios/validation", "toml");
    assert_eq!(page.matches("\n| [").count(), scenarios.len(), "one row each");
    for name in scenarios {
        let scenario = load(&format!("scenarios/validation/{name}.toml"));
        let row = format!("| [{name}]({name}.toml) | {} |", scenario.image.question);
        assert!(page.contains(&row), "{row}");
        assert!(!scenario.expect.is_empty(), "{name} has no [expect]");
    }
}
