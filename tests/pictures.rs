//! The committed pictures of the scenarios are what the program draws today.
//!
//! `UPDATE_DOCS=1 cargo test --test pictures` draws them anew.

use std::path::{Path, PathBuf};

use trapline::analysis::LanesBuilder;
use trapline::chart::{Options, timeline_svg};
use trapline::ids::NameId;
use trapline::scenario::{Overrides, Scenario};
use trapline::sim::{Pace, Simulator, header};
use trapline::trace::Trace;
use trapline::trace::sink::Memory;

/// A picture beyond this is too large for a page that shows several.
const LARGEST: usize = 60_000;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files of a folder with this ending, in the order of their names.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the folder can be read");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|found| found == ending));
    files.sort();
    files
}

fn names(folder: &Path, ending: &str) -> Vec<String> {
    let name = |path: PathBuf| path.file_stem().expect("a name").to_string_lossy().into_owned();
    files(folder, ending).into_iter().map(name).collect()
}

fn run(path: &Path) -> Trace {
    let scenario = Scenario::load(path, &Overrides::default())
        .unwrap_or_else(|diagnostics| panic!("{}", diagnostics.render(false)));
    let mut simulator = Simulator::new(&scenario.image, Memory::new(), Pace::Fast);
    let outcome = simulator.run();
    let end = simulator.end();
    Trace::from_memory(header(&scenario.image), simulator.kernel.sink, end, outcome)
}

fn draw(trace: &Trace) -> String {
    let mut builder = LanesBuilder::new(&trace.header);
    for entry in &trace.tasks {
        builder.task(entry.task, entry.process, entry.parent, &entry.name);
    }
    for (number, name) in trace.names.iter().enumerate() {
        builder.name(NameId::from(number), name);
    }
    trace.events.iter().for_each(|event| builder.event(event));
    timeline_svg(&builder.finish(trace.end), &trace.header, &Options::default()).expect("a picture")
}

#[test]
fn every_boundary_scenario_has_the_picture_that_is_drawn_today() {
    let pictures = root().join("docs/pictures/boundary");
    let update = std::env::var_os("UPDATE_DOCS").is_some();
    for scenario in files(&root().join("scenarios/boundary"), "toml") {
        let name = scenario.file_stem().expect("a name").to_string_lossy().into_owned();
        let drawn = draw(&run(&scenario));
        assert!(drawn.len() < LARGEST, "{name}: {} bytes", drawn.len());
        let picture = pictures.join(format!("{name}.svg"));
        if update {
            std::fs::write(&picture, &drawn).expect("the picture can be written");
        }
        let committed = std::fs::read_to_string(&picture).unwrap_or_default();
        assert!(
            committed == drawn,
            "docs/pictures/boundary/{name}.svg isn't what is drawn today; \
             UPDATE_DOCS=1 cargo test --test pictures draws it anew"
        );
    }
}

#[test]
fn every_boundary_scenario_is_explained_with_its_picture_and_command() {
    let readme = std::fs::read_to_string(root().join("scenarios/README.md")).expect("scenarios/README.md");
    let scenarios = names(&root().join("scenarios/boundary"), "toml");
    assert_eq!(scenarios, names(&root().join("docs/pictures/boundary"), "svg"), "one picture each");
    for name in scenarios {
        assert!(readme.contains(&format!("](../docs/pictures/boundary/{name}.svg)")), "{name}'s picture");
        assert!(readme.contains(&format!("run scenarios/boundary/{name}.toml")), "{name}'s command");
        let scenario =
            Scenario::load(&root().join(format!("scenarios/boundary/{name}.toml")), &Overrides::default())
                .unwrap_or_else(|diagnostics| panic!("{}", diagnostics.render(false)));
        let question = &scenario.image.question;
        assert!(readme.contains(question.as_str()), "{name}'s question: {question}");
    }
}

#[test]
fn every_validation_scenario_is_listed_with_its_question() {
    let readme = std::fs::read_to_string(root().join("scenarios/README.md")).expect("scenarios/README.md");
    let scenarios = names(&root().join("scenarios/validation"), "toml");
    assert!(readme.contains("Forty-six scenarios") && scenarios.len() == 46, "{} scenarios", scenarios.len());
    for name in scenarios {
        let path = root().join(format!("scenarios/validation/{name}.toml"));
        let scenario = Scenario::load(&path, &Overrides::default())
            .unwrap_or_else(|diagnostics| panic!("{}", diagnostics.render(false)));
        let row = format!("| [{name}](validation/{name}.toml) | {} |", scenario.image.question);
        assert!(readme.contains(&row), "{row}");
        assert!(!scenario.expect.is_empty(), "{name} has no [expect]");
    }
}
