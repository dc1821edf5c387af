//! `trapline compare-policies`: one scenario under several scheduling policies.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;

use clap::Args;
use trapline::analysis::{Lanes, Statistics};
use trapline::chart::panels::Panel;
use trapline::chart::{Options, Panels, panels_png, panels_svg};
use trapline::compare::{Policies, PolicyRun};
use trapline::program::Image;
use trapline::program::problem::closest;
use trapline::scenario::Overrides;
use trapline::sim::{Outcome, Pace};
use trapline::time::{Instant, Span};
use trapline::trace::Header;
use trapline::trace::statistics::Figure;
use trapline::units::parse_time;

use super::digest::{self, Window, digest};
use super::exit::{Exit, Failure};
use super::load::Source;
use super::plot::{Picture, ThemeArg, picture, undrawn, window};
use super::policy_list::{self, Choice};
use super::run::OverrideArgs;
use super::simulate::simulate;
use super::stats::Format;
use super::{interrupt, output, place, terminal};

/// Texts of a picture of this width can be read on a sheet of A4.
const WIDTH: u32 = 900;

/// Run a scenario under several scheduling policies, and compare.
///
/// Shows a table with the best of each column marked, and draws a small timeline for each policy over the
/// same time axis. The scenario's file stays as it is. docs/STATISTICS.md has the definitions of all figures.
#[derive(Debug, Args)]
pub struct ComparePolicies {
    /// The scenario; `-` is standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The policies, each perhaps with parameters: round-robin:quantum=2ms,mlfq:quantum=[1ms,2ms]. `own` is
    /// the scenario's [default: all that the scenario can run under].
    #[arg(short, long, value_name = "LIST", value_parser = policy_list::parse)]
    policy: Option<std::vec::Vec<Choice>>,

    #[command(flatten)]
    overrides: OverrideArgs,

    /// How the comparison is printed.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,

    /// The figure that the picture names for each policy, for example p95-latency [default: misses if there
    /// are deadlines, else mean-turnaround].
    #[arg(long, value_name = "NAME", value_parser = figure)]
    figure: Option<Figure>,

    /// The picture, a .svg or .png; `-` is standard output, in place of the table [default:
    /// output/NAME-policies.svg].
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Draw no picture.
    #[arg(long, conflicts_with = "output")]
    no_files: bool,

    /// The beginning of the part that the picture shows, in simulated time, for example 1.5ms.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    from: Option<Span>,

    /// The end of the part that the picture shows.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    to: Option<Span>,

    /// How wide the picture is, in pixels; the height follows.
    #[arg(long, value_name = "PIXELS", default_value_t = WIDTH)]
    width: u32,

    /// The colours of the picture.
    #[arg(long, value_enum, default_value_t = ThemeArg::Light)]
    theme: ThemeArg,
}

fn figure(name: &str) -> Result<Figure, String> {
    Figure::by_name(name).ok_or_else(|| {
        let names: Vec<String> = Figure::all().map(Figure::name).collect();
        match closest(name, names.iter().map(String::as_str)) {
            Some(similar) => format!("a run has no figure `{name}`: did you mean `{similar}`?"),
            None => format!("a run has no figure `{name}`: there is {}", names.join(", ")),
        }
    })
}

/// A run and its trace.
struct Done {
    run: PolicyRun,
    trace: PathBuf,
    end: Instant,
}

impl ComparePolicies {
    pub fn execute(self) -> Result<Exit, Failure> {
        let kind = picture(None, output::named(self.output.as_deref()))?;
        let window = window(self.from, self.to, Window::ALL)?;
        let source = Source::open(&self.file)?;
        let overrides = self.overrides.overrides();
        // What is wrong with it under its own policy, too, is said once.
        let scenario = source.read(&overrides)?;
        terminal::diagnostics(&scenario.warnings);
        let name = scenario.image.name.clone();
        let choices = self.choices(&policy_list::own(&scenario.image.kernel.scheduler), || {
            policy_list::all(&scenario.image.kernel.scheduler)
        });
        let folder = tempfile::tempdir().map_err(Failure::host)?;
        let (mut done, mut invalid) = (Vec::new(), Vec::new());
        for (number, choice) in choices.iter().enumerate() {
            let overrides = Overrides { policy: as_option(choice), ..overrides.clone() };
            match source.read(&overrides) {
                Ok(scenario) => {
                    let trace = folder.path().join(format!("{number}.bin"));
                    done.push(carry_out(choice, &scenario.image, trace)?);
                }
                Err(diagnostics) if self.policy.is_some() => {
                    terminal::error(&format!("the scenario can't run under {}", choice.label));
                    terminal::diagnostics(&diagnostics);
                    invalid.push(choice.label.as_str());
                }
                Err(_) => invalid.push(choice.label.as_str()),
            }
        }
        if self.policy.is_none() && !invalid.is_empty() {
            let left_out = invalid.join(", ");
            terminal::note(&format!("Left out, since the scenario lacks what they need: {left_out}"));
        }
        let (runs, traces): (Vec<PolicyRun>, Vec<(PathBuf, Instant)>) =
            done.into_iter().map(|done| (done.run, (done.trace, done.end))).unzip();
        let policies = Policies { runs };
        if !policies.runs.is_empty() {
            self.deliver(&policies, &traces, &name, kind, window)?;
        }
        let ended = ending(&policies);
        Ok(if self.policy.is_some() && !invalid.is_empty() { Exit::InvalidScenario } else { ended })
    }

    fn choices(&self, own: &Choice, all: impl FnOnce() -> Vec<Choice>) -> Vec<Choice> {
        let Some(asked) = &self.policy else { return all() };
        let named = asked.iter().map(|choice| match choice.scheduler {
            Some(_) => choice.clone(),
            None => Choice { label: format!("{}: {}", choice.label, own.label), ..choice.clone() },
        });
        named.collect()
    }

    fn deliver(
        &self,
        policies: &Policies,
        traces: &[(PathBuf, Instant)],
        name: &str,
        kind: Picture,
        window: Window,
    ) -> Result<(), Failure> {
        let to_stdout = self.output.as_deref().is_some_and(|path| path == Path::new("-"));
        if !to_stdout {
            terminal::print(&text(policies, self.format)?)?;
        }
        if self.no_files {
            return Ok(());
        }
        let drawing = self.draw(policies, traces, kind, window)?;
        if to_stdout {
            return terminal::print_bytes(&drawing);
        }
        let path = match &self.output {
            Some(path) => path.clone(),
            None => {
                output::folder(Path::new("output"))?;
                Path::new("output").join(place::file_name(&format!("{name}-policies.svg")))
            }
        };
        output::write(&path, &drawing)?;
        terminal::note(&format!("Wrote {}", path.display()));
        Ok(())
    }

    fn draw(
        &self,
        policies: &Policies,
        traces: &[(PathBuf, Instant)],
        kind: Picture,
        window: Window,
    ) -> Result<Vec<u8>, Failure> {
        let last = traces.iter().map(|(_, end)| *end).max().unwrap_or_default();
        let to = window.to.min(last);
        if window.from >= to {
            return Err(Failure::usage("every run is over before the part to show begins"));
        }
        let mut drawn = Vec::new();
        for (trace, _) in traces {
            drawn.push(digest::draw(trace, Window { from: window.from, to })?);
        }
        // All panels have the same axis, which must end where the first of them has no more room.
        let shortened = drawn.iter().filter(|drawn| drawn.shortened).map(|drawn| drawn.lanes.to).min();
        let to = shortened.unwrap_or(to);
        let headers: Vec<Header> = drawn.iter().map(|drawn| drawn.header.clone()).collect();
        let figure = self.figure.unwrap_or_else(|| policies.key_figure());
        let best = policies.best(figure);
        let mut panels = Vec::new();
        for (number, run) in policies.runs.iter().enumerate() {
            let window = Window { from: window.from, to };
            let lanes = match shortened {
                Some(_) => digest::draw(&traces[number].0, window)?.lanes,
                None => std::mem::take(&mut drawn[number].lanes),
            };
            let value = run.statistics.figure(figure);
            let value = value.map_or_else(|| "-".to_owned(), |value| value.shown());
            let remark = match &run.outcome {
                Outcome::Finished | Outcome::Limit => best[number].then(|| "best".to_owned()),
                outcome => Some(outcome.name().to_owned()),
            };
            panels.push(Panel {
                label: &run.policy,
                result: format!("{} {value}", figure.title()),
                remark,
                lanes: Lanes { to, ..lanes },
                header: &headers[number],
                end: traces[number].1,
            });
        }
        let notes =
            shortened.map(|to| format!("Only the time up to {to} has room in the picture.")).into_iter();
        let first = &policies.runs[0].statistics;
        let panels =
            Panels { title: &first.scenario, question: &first.question, panels, notes: notes.collect() };
        let options = Options { width: self.width, theme: self.theme.theme(), ..Options::default() };
        match kind {
            Picture::Svg => panels_svg(&panels, &options).map(String::into_bytes).map_err(undrawn),
            Picture::Png => panels_png(&panels, &options).map_err(undrawn),
        }
    }
}

fn as_option(choice: &Choice) -> Option<(String, String)> {
    let scheduler = choice.scheduler.clone()?;
    Some((format!("--policy {}", choice.label), scheduler))
}

fn carry_out(choice: &Choice, image: &Image, trace: PathBuf) -> Result<Done, Failure> {
    let run = simulate(image, Pace::Fast, &trace, interrupt::control()).map_err(Failure::host)?;
    if run.outcome == Outcome::Interrupted {
        return Err(Failure::Interrupted);
    }
    let digest = digest(&trace, &AtomicU64::new(0))?;
    if let Some(broken) = digest.broken_laws().first() {
        return Err(Failure::bug(format!("under {}, the trace breaks a law: {broken}", choice.label)));
    }
    let run = PolicyRun {
        policy: choice.label.clone(),
        outcome: digest.footer.outcome.clone(),
        statistics: Statistics::of(&digest.summary),
    };
    Ok(Done { run, trace, end: digest.footer.end })
}

/// Says under which policies the run has come to a bad end.
fn ending(policies: &Policies) -> Exit {
    let mut exit = Exit::Success;
    for run in &policies.runs {
        if let Some(text) = run.outcome.text() {
            terminal::error(&format!("under {}: {}: {text}", run.policy, run.outcome.name()));
            exit = Exit::Abnormal;
        }
    }
    exit
}

fn text(policies: &Policies, format: Format) -> Result<String, Failure> {
    match format {
        Format::Table => Ok(policies.render(terminal::width(), terminal::colour())),
        Format::Markdown => Ok(policies.markdown()),
        Format::Csv => Ok(policies.csv()),
        Format::Json => {
            let text = serde_json::to_string_pretty(&policies.json());
            Ok(text.map_err(|error| Failure::bug(error.to_string()))? + "\n")
        }
    }
}
