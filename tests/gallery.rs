//! docs/GALLERY.md has a picture of every kind of chart, and each is what the program draws today.
//!
//! `UPDATE_DOCS=1 cargo test --test gallery` draws them anew.

use std::path::Path;

use trapline::analysis::{Lanes, LanesBuilder};
use trapline::chart::versus::Half;
use trapline::chart::{CHARTS, Options, Versus, chart_svg, figures, versus_svg};
use trapline::ids::NameId;
use trapline::scenario::{Overrides, Scenario};
use trapline::sim::{Pace, Simulator, header};
use trapline::time::Instant;
use trapline::trace::sink::Memory;
use trapline::trace::{Header, Trace};

/// A picture's name, its kind, its scenario, and the part of it that is shown, in microseconds.
type Drawing = (&'static str, &'static str, &'static str, Option<(u64, u64)>);

const PICTURES: &[Drawing] = &[
    ("timeline", "timeline", "boundary/first-look", None),
    ("gantt", "gantt", "sched/response-versus-turnaround", None),
    ("gantt-jobs", "gantt", "sched/overload", None),
    ("states", "states", "programs/pool", None),
    ("latency", "latency", "boundary/interrupt-register", None),
    ("queue", "queue", "programs/pool", None),
    ("syscalls", "syscalls", "ipc/shm-versus-pipe-versus-socket", None),
    ("graph", "graph", "programs/threaded-echo-server", None),
    ("pages", "pages", "memory/thrashing", Some((60_000, 62_000))),
    ("frames", "frames", "memory/thrashing", Some((0, 3_000))),
    ("forks", "forks", "validation/shell-pipeline", None),
    ("waits", "waits", "races/dining-philosophers", None),
];
const LARGEST: usize = 60_000;

/// Two traces in one picture: its name, and the scenarios.
const AGAINST: (&str, [&str; 2]) =
    ("against", ["races/priority-inversion", "races/priority-inversion-inherited"]);

fn run(scenario: &str, part: Option<(u64, u64)>) -> (Lanes, Header) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("scenarios/{scenario}.toml"));
    let scenario = Scenario::load(&path, &Overrides::default())
        .unwrap_or_else(|diagnostics| panic!("{}", diagnostics.render(false)));
    let mut simulator = Simulator::new(&scenario.image, Memory::new(), Pace::Fast);
    let outcome = simulator.run();
    let end = simulator.end();
    let trace = Trace::from_memory(header(&scenario.image), simulator.kernel.sink, end, outcome);
    let mut builder = LanesBuilder::new(&trace.header);
    if let Some((from, to)) = part {
        builder = builder.window(Instant::from_nanos(from * 1_000), Instant::from_nanos(to * 1_000));
    }
    for entry in &trace.tasks {
        builder.task(entry.task, entry.process, entry.parent, &entry.name);
    }
    for (number, name) in trace.names.iter().enumerate() {
        builder.name(NameId::from(number), name);
    }
    trace.events.iter().for_each(|event| builder.event(event));
    (builder.finish(trace.end), trace.header)
}

fn draw((_, kind, scenario, part): Drawing) -> String {
    let (lanes, header) = run(scenario, part);
    let options = Options { width: 900, ..Options::default() };
    let row = figures::by_name(kind).unwrap_or_else(|| panic!("there is no kind {kind}"));
    chart_svg(row, &lanes, &header, &options).expect("a picture")
}

fn draw_against(scenarios: [&str; 2]) -> String {
    let [(mut one, header), (mut other, below)] = scenarios.map(|scenario| run(scenario, None));
    let to = one.to.max(other.to);
    (one.to, other.to) = (to, to);
    let names = scenarios.map(|scenario| scenario.rsplit('/').next().unwrap_or(scenario));
    let half = |label, lanes, header| Half { label, lanes, header, parts: Vec::new() };
    let versus = Versus {
        title: &header.scenario,
        question: &header.question,
        result: "",
        window: "",
        halves: [half(names[0], one, &header), half(names[1], other, &below)],
        distributions: Vec::new(),
        notes: Vec::new(),
    };
    versus_svg(&versus, &Options { width: 900, ..Options::default() }).expect("a picture")
}

#[test]
fn the_gallery_shows_every_kind_as_it_is_drawn_today() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let page = std::fs::read_to_string(docs.join("GALLERY.md")).expect("docs/GALLERY.md");
    for row in CHARTS {
        assert!(PICTURES.iter().any(|(_, kind, ..)| *kind == row.name), "{} has no picture", row.name);
        assert!(page.contains(&format!("\n## {}\n", row.name)), "{} has no section", row.name);
    }
    for &drawing in PICTURES {
        let (name, _, scenario, _) = drawing;
        hold(&docs, &page, name, &[scenario], &draw(drawing));
    }
    let (name, scenarios) = AGAINST;
    hold(&docs, &page, name, &scenarios, &draw_against(scenarios));
}

/// The picture is small, the page shows it and says how to draw it, and it is what is drawn today.
fn hold(docs: &Path, page: &str, name: &str, scenarios: &[&str], drawn: &str) {
    assert!(drawn.len() < LARGEST, "{name}: {} bytes", drawn.len());
    assert!(page.contains(&format!("](pictures/gallery/{name}.svg)")), "{name} isn't shown");
    for scenario in scenarios {
        assert!(page.contains(&format!("run scenarios/{scenario}.toml")), "{name}: how to draw it");
    }
    let picture = docs.join(format!("pictures/gallery/{name}.svg"));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(docs.join("pictures/gallery")).expect("the folder can be made");
        std::fs::write(&picture, drawn).expect("the picture can be written");
    }
    assert!(
        std::fs::read_to_string(&picture).unwrap_or_default() == drawn,
        "docs/pictures/gallery/{name}.svg isn't what is drawn today; \
         UPDATE_DOCS=1 cargo test --test gallery draws it anew"
    );
}
