//! `trapline compare`: a scenario simulated and run for real, or two traces, held against each other.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use trapline::chart::versus::{Distribution, Half, MOST_CURVES, Part};
use trapline::chart::{ChartError, Options, Versus, versus_png, versus_svg};
use trapline::compare::contributors::Sort;
use trapline::compare::join::Conditions;
use trapline::compare::window::Windows;
use trapline::compare::{Comparison, Facts, Goals, Side, Verdict, view};
use trapline::time::Span;
use trapline::trace::Trace;

use super::exit::{Exit, Failure};
use super::place;
use super::plot::trace_in;
use super::profile::Profile;
use super::run::OverrideArgs;
use super::sides::Task;
use super::summary::Format;
use super::{output, terminal};

/// Simulate a scenario, run it for real, and compare.
///
/// Counts come first, since they show a wrong rule; then times, which show a wrong price. Writes the
/// comparison and a picture to output/NAME-compare/. With --against, compares two traces.
#[derive(Debug, Args)]
pub struct Compare {
    /// The scenario; with --against, a trace.
    #[arg(value_name = "FILE|TRACE")]
    file: PathBuf,

    #[command(flatten)]
    overrides: OverrideArgs,

    /// Another trace, to compare the first with.
    #[arg(long, value_name = "TRACE", conflicts_with_all = ["costs", "cpus", "unpinned", "set", "seed", "until"])]
    against: Option<PathBuf>,

    /// How many repetitions count.
    #[arg(long, value_name = "NUMBER", default_value_t = 11, value_parser = clap::value_parser!(u16).range(1..=1000))]
    runs: u16,

    /// The cost profile: a file, or the name of a built-in one [default: profile.toml or
    /// output/profile.toml].
    #[arg(long, value_name = "PROFILE")]
    costs: Option<String>,

    /// The host's CPUs, for example 0 or 0,1 [default: one, or as many as the scenario has if it says
    /// for each process where it runs].
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    cpus: Option<Vec<usize>>,

    /// Let the host place processes that the scenario doesn't pin.
    #[arg(long, conflicts_with = "cpus")]
    unpinned: bool,

    /// The end-to-end error that is allowed, for example 10%; a greater one ends with status 1.
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    goal: Option<f64>,

    /// The folder for the results [default: output/NAME-compare].
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,

    /// Write no files.
    #[arg(long, conflicts_with = "output")]
    no_files: bool,

    /// Write the picture as PNG as well.
    #[arg(long, conflicts_with = "no_files")]
    png: bool,

    /// How wide the picture is, in pixels; the height follows.
    #[arg(long, value_name = "PIXELS", default_value_t = Options::default().width)]
    width: u32,

    /// How the comparison is printed.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// A percentage, with or without its sign, as a part.
pub fn percent(text: &str) -> Result<f64, String> {
    let number: f64 = text
        .trim_end_matches('%')
        .trim_end()
        .parse()
        .map_err(|_| format!("`{text}` isn't a percentage, for example 10%"))?;
    if (0.0..=1000.0).contains(&number) { Ok(number / 100.0) } else { Err("from 0% to 1000%".to_owned()) }
}

/// A comparison and the traces that its picture shows.
struct Found {
    comparison: Comparison,
    one: Trace,
    other: Trace,
}

impl Compare {
    pub fn execute(self) -> Result<Exit, Failure> {
        let found = match &self.against {
            Some(against) => self.traces(against)?,
            None => self.worlds()?,
        };
        match self.format {
            Format::Table => {
                terminal::print(&found.comparison.render(terminal::width(), terminal::colour()))?;
            }
            Format::Json => terminal::print(&json(&found.comparison)?)?,
        }
        self.write(&found)?;
        let missed = found.comparison.end_to_end().is_none_or(|row| row.verdict != Verdict::Same);
        Ok(if self.goal.is_some() && missed { Exit::Failed } else { Exit::Success })
    }

    /// The scenario in both worlds.
    fn worlds(&self) -> Result<Found, Failure> {
        let profile = Profile::choose(self.costs.as_deref())?;
        let task = Task {
            file: &self.file,
            overrides: self.overrides.overrides(),
            profile: &profile,
            runs: self.runs.into(),
            cpus: self.cpus.as_deref(),
            unpinned: self.unpinned,
            goal: self.goal,
        };
        let sides = task.carry_out()?;
        let other = sides.seen.unwrap_or(sides.measured);
        Ok(Found { comparison: sides.comparison, one: sides.simulated, other })
    }

    /// Two traces, whatever made them.
    fn traces(&self, against: &Path) -> Result<Found, Failure> {
        let read = |path: &Path| {
            Trace::read(trace_in(path)).map_err(|error| Failure::Error {
                exit: Exit::Usage,
                error: anyhow::Error::new(error).context(format!("can't compare {}", path.display())),
            })
        };
        let (one, other) = (read(&self.file)?, read(against)?);
        let side = |trace: &Trace, eyes: &Trace, label: String| {
            let seen = view::through(trace, &eyes.header);
            let both = view::observes(&seen.header, "sched_switch");
            Side { label, plain: vec![Facts::of(trace)], seen: both.then(|| Facts::of(&seen)) }
        };
        let labels = labels(&self.file, against);
        let [left, right] = labels.clone();
        let (left, right) = (side(&one, &other, left), side(&other, &one, right));
        let cpus = usize::from(one.header.cpus.max(other.header.cpus));
        let mut goals = Goals::of(cpus);
        goals.times = self.goal.unwrap_or(goals.times);
        let conditions = Conditions {
            scenario: one.header.scenario.clone(),
            question: one.header.question.clone(),
            labels,
            profile: one.header.costs.clone(),
            machine: other.header.fingerprint.clone(),
            cpus,
            ..Conditions::default()
        };
        let comparison = Comparison::new(&left, &right, goals, conditions);
        Ok(Found { comparison, one, other })
    }

    /// The comparison, its picture, and the traces that the picture shows.
    fn write(&self, found: &Found) -> Result<(), Failure> {
        if self.no_files {
            return Ok(());
        }
        let name = format!("{}-compare", found.comparison.conditions.scenario);
        let folder = self.output.clone().unwrap_or_else(|| Path::new("output").join(place::file_name(&name)));
        output::folder(&folder)?;
        output::write(&folder.join("comparison.json"), json(&found.comparison)?.as_bytes())?;
        // Both timelines are drawn with the same eyes.
        let one = view::through(&found.one, &found.other.header);
        let windows = Windows::new(&one, &view::through(&found.other, &found.one.header));
        let versus = versus(found, windows);
        let options = Options { width: self.width, ..Options::default() };
        let failed = |error: ChartError| match error {
            ChartError::Width(_) => Failure::usage(error.to_string()),
            ChartError::Drawing(_) | ChartError::Png(_) => Failure::bug(error.to_string()),
        };
        let svg = versus_svg(&versus.picture(), &options).map_err(failed)?;
        output::write(&folder.join("comparison.svg"), svg.as_bytes())?;
        let mut written = vec!["comparison.json", "comparison.svg"];
        if self.png {
            let png = versus_png(&versus.picture(), &options).map_err(failed)?;
            output::write(&folder.join("comparison.png"), &png)?;
            written.push("comparison.png");
        }
        if self.against.is_none() {
            for (name, trace) in [("simulated.bin", &found.one), ("measured.bin", &found.other)] {
                let bytes = trace.write(Vec::new()).map_err(Failure::host)?;
                output::write(&folder.join(name), &bytes)?;
                written.push(name);
            }
        }
        terminal::note(&format!("Wrote {}/: {}", folder.display(), written.join(", ")));
        Ok(())
    }
}

/// The texts and numbers of a picture, which it borrows.
struct Shown<'a> {
    found: &'a Found,
    result: String,
    windows: Windows,
    notes: Vec<String>,
}

fn versus(found: &Found, windows: Windows) -> Shown<'_> {
    let result = found.comparison.result();
    let mut notes: Vec<String> = result.lines().skip(1).map(str::to_owned).collect();
    if let Some(slow) = found.comparison.slowdown {
        notes.push(format!(
            "Sums and latencies are from repetitions that nobody watched; the timeline is from one that the \
             kernel was asked about, which slowed it by {:.0} %.",
            slow * 100.0
        ));
    }
    let first = result.lines().next().unwrap_or_default().to_owned();
    Shown { found, result: first, windows, notes }
}

impl Shown<'_> {
    fn picture(&self) -> Versus<'_> {
        let comparison = &self.found.comparison;
        let conditions = &comparison.conditions;
        let half = |side: usize| Half {
            label: conditions.labels[side].as_str(),
            lanes: self.windows.lanes[side].clone(),
            header: if side == 0 { &self.found.one.header } else { &self.found.other.header },
            parts: parts(&comparison.parts[side]),
        };
        let curves = comparison.curves.iter().take(MOST_CURVES);
        Versus {
            title: &conditions.scenario,
            question: &conditions.question,
            result: &self.result,
            window: &self.windows.words,
            halves: [half(0), half(1)],
            distributions: curves
                .map(|curves| Distribution { name: &curves.name, samples: [&curves.one, &curves.other] })
                .collect(),
            notes: self.notes.clone(),
        }
    }
}

fn parts(sums: &BTreeMap<Sort, f64>) -> Vec<(Part, Span)> {
    let part = |sort: &Sort| match sort {
        Sort::UserMode => Part::User,
        Sort::Calls => Part::Calls,
        Sort::HandOvers => Part::HandOvers,
        Sort::Ends => Part::Ends,
    };
    sums.iter().map(|(sort, &nanos)| (part(sort), Span::from_nanos(nanos as u64))).collect()
}

/// What two traces are called: their folders' names, or their files'.
pub fn labels(one: &Path, other: &Path) -> [String; 2] {
    let label = |path: &Path| {
        let path = if path.ends_with("trace.bin") { path.parent().unwrap_or(path) } else { path };
        path.file_stem()
            .map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
    };
    match [label(one), label(other)] {
        [left, right] if left == right => [format!("{left} (1)"), format!("{right} (2)")],
        both => both,
    }
}

/// Everything that the comparison says, for programs.
pub fn json(comparison: &Comparison) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(comparison).map_err(|error| Failure::bug(error.to_string()))?;
    Ok(text + "\n")
}
