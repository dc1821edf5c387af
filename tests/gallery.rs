//! docs/GALLERY.md has a picture of every kind of chart, and each is what the program draws today.
//!
//! `UPDATE_DOCS=1 cargo test --test gallery` draws them anew.

use std::path::Path;

use trapline::analysis::LanesBuilder;
use trapline::chart::{CHARTS, Options, chart_svg, figures};
use trapline::ids::NameId;
use trapline::scenario::{Overrides, Scenario};
use trapline::sim::{Pace, Simulator, header};
use trapline::trace::Trace;
use trapline::trace::sink::Memory;

/// A picture's name, its kind and its scenario.
const PICTURES: &[(&str, &str, &str)] = &[
    ("timeline", "timeline", "boundary/first-look"),
    ("gantt", "gantt", "sched/response-versus-turnaround"),
    ("gantt-jobs", "gantt", "sched/overload"),
    ("states", "states", "programs/pool"),
    ("latency", "latency", "boundary/interrupt-register"),
    ("queue", "queue", "programs/pool"),
    ("syscalls", "syscalls", "ipc/shm-versus-pipe-versus-socket"),
    ("graph", "graph", "programs/threaded-echo-server"),
];
const LARGEST: usize = 60_000;

fn draw(kind: &str, scenario: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("scenarios/{scenario}.toml"));
    let scenario = Scenario::load(&path, &Overrides::default())
        .unwrap_or_else(|diagnostics| panic!("{}", diagnostics.render(false)));
    let mut simulator = Simulator::new(&scenario.image, Memory::new(), Pace::Fast);
    let outcome = simulator.run();
    let end = simulator.end();
    let trace = Trace::from_memory(header(&scenario.image), simulator.kernel.sink, end, outcome);
    let mut builder = LanesBuilder::new(&trace.header);
    for entry in &trace.tasks {
        builder.task(entry.task, entry.process, entry.parent, &entry.name);
    }
    for (number, name) in trace.names.iter().enumerate() {
        builder.name(NameId::from(number), name);
    }
    trace.events.iter().for_each(|event| builder.event(event));
    let lanes = builder.finish(trace.end);
    let options = Options { width: 900, ..Options::default() };
    let row = figures::by_name(kind).unwrap_or_else(|| panic!("there is no kind {kind}"));
    chart_svg(row, &lanes, &trace.header, &options).expect("a picture")
}

#[test]
fn the_gallery_shows_every_kind_as_it_is_drawn_today() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let page = std::fs::read_to_string(docs.join("GALLERY.md")).expect("docs/GALLERY.md");
    for row in CHARTS {
        assert!(PICTURES.iter().any(|(_, kind, _)| *kind == row.name), "{} has no picture", row.name);
        assert!(page.contains(&format!("\n## {}\n", row.name)), "{} has no section", row.name);
    }
    for &(name, kind, scenario) in PICTURES {
        let drawn = draw(kind, scenario);
        assert!(drawn.len() < LARGEST, "{name}: {} bytes", drawn.len());
        assert!(page.contains(&format!("](pictures/gallery/{name}.svg)")), "{name} isn't shown");
        assert!(page.contains(&format!("run scenarios/{scenario}.toml")), "{name}: how to draw it");
        let picture = docs.join(format!("pictures/gallery/{name}.svg"));
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::create_dir_all(docs.join("pictures/gallery")).expect("the folder can be made");
            std::fs::write(&picture, &drawn).expect("the picture can be written");
        }
        assert!(
            std::fs::read_to_string(&picture).unwrap_or_default() == drawn,
            "docs/pictures/gallery/{name}.svg isn't what is drawn today; \
             UPDATE_DOCS=1 cargo test --test gallery draws it anew"
        );
    }
}
