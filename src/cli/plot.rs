//! `trapline plot`: a trace as a picture, of any kind.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use trapline::analysis::naming::{base, time};
use trapline::chart::figures::{self, ChartRow};
use trapline::chart::terminal::{Absent, Look, Part};
use trapline::chart::{CHARTS, ChartError, Options, Theme, chart_png, chart_svg};
use trapline::ids::CpuId;
use trapline::program::problem::closest;
use trapline::time::{Instant, Span};
use trapline::trace::TraceError;
use trapline::units::parse_time;

use super::digest::{self, Window};
use super::exit::{Exit, Failure};
use super::{output, plot_against, terminal};

/// Draw a trace: its timeline, or another kind of chart.
#[derive(Debug, Args)]
pub struct Plot {
    /// A trace, or a folder with a trace.bin in it.
    #[arg(value_name = "TRACE", required_unless_present_any = ["kind"])]
    trace: Option<PathBuf>,

    /// What to draw; `list` tells which kinds there are.
    #[arg(long, value_name = "KIND", default_value = "timeline", value_parser = kind)]
    kind: Kind,

    /// Another trace, below the first over the same time axis (timeline), or in the same plot (latency).
    #[arg(long, value_name = "TRACE", conflicts_with = "terminal")]
    against: Option<PathBuf>,

    /// The picture, a .svg or .png; `-` is standard output [default: KIND.svg beside the trace].
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// The picture's format, where the name of the file doesn't tell.
    #[arg(long, value_enum)]
    format: Option<Picture>,

    /// The beginning of the part to show, in simulated time, for example 1.5ms.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    from: Option<Span>,

    /// The end of the part to show.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    to: Option<Span>,

    /// Only these CPUs, for example 0,2.
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    cpus: Vec<u16>,

    /// Only these processes; a name stands for all of its numbered ones.
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    tasks: Vec<String>,

    /// How wide the picture is, in pixels [default: 1200], or in characters [default: the terminal's width]; the
    /// height follows.
    #[arg(long, value_name = "NUMBER")]
    width: Option<u32>,

    /// The picture's title [default: the scenario's name].
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,

    /// The colours.
    #[arg(long, value_enum, default_value_t = ThemeArg::Light)]
    theme: ThemeArg,

    /// Draw the timeline as characters on standard output.
    #[arg(long, conflicts_with_all = ["output", "format", "theme", "messages", "no_wakeups"])]
    terminal: bool,

    /// Draw arrows from senders to receivers.
    #[arg(long)]
    messages: bool,

    /// Draw no arrows from who wakes to who is woken.
    #[arg(long)]
    no_wakeups: bool,
}

/// The kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Picture {
    Svg,
    Png,
}

/// [`Theme`], for the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum ThemeArg {
    Light,
    Dark,
    /// For paper.
    Print,
}

impl ThemeArg {
    pub const fn theme(self) -> Theme {
        match self {
            ThemeArg::Light => Theme::Light,
            ThemeArg::Dark => Theme::Dark,
            ThemeArg::Print => Theme::Print,
        }
    }
}

impl Plot {
    pub fn execute(self) -> Result<Exit, Failure> {
        let Kind::One(row) = self.kind else {
            terminal::print(&list())?;
            return Ok(Exit::Success);
        };
        let trace = self.trace.as_deref().ok_or_else(|| Failure::usage("which trace is to be drawn?"))?;
        let trace = trace_in(trace);
        if self.terminal {
            return self.as_characters(row, &trace);
        }
        let picture = picture(self.format, self.output.as_deref())?;
        let window = window(self.from, self.to, Window::ALL)?;
        let options = Options {
            width: self.width.unwrap_or(Options::default().width),
            theme: self.theme.theme(),
            wakeups: !self.no_wakeups,
            messages: self.messages,
        };
        let mut drawn = self.read(&trace, window)?;
        let mut damage = drawn.damage.take();
        let drawing = match &self.against {
            Some(against) => {
                plot_against::check(row)?;
                let against = trace_in(against);
                let mut other = self.read(&against, window)?;
                damage = damage.or(other.damage.take());
                plot_against::draw(row, [drawn, other], [&trace, &against], picture, &options)?
            }
            None => {
                let (lanes, header) = (&drawn.lanes, &drawn.header);
                let drawing = match picture {
                    Picture::Svg => chart_svg(row, lanes, header, &options).map(String::into_bytes),
                    Picture::Png => chart_png(row, lanes, header, &options),
                };
                drawing.map_err(undrawn)?
            }
        };
        self.deliver(row, &trace, &drawing)?;
        damage.map_or(Ok(Exit::Success), |damage| Err(damaged(&damage)))
    }

    /// What is shown of a trace.
    fn read(&self, trace: &Path, window: Window) -> Result<digest::Drawn, Failure> {
        let mut drawn = digest::draw(trace, window)?;
        if let Some(end) = drawn.ended.filter(|end| window.from > *end) {
            return Err(outside(window.from, trace, end));
        }
        if drawn.shortened {
            let text = format!(
                "The picture shows {} only; for another part, use --from and --to.",
                time(drawn.lanes.span())
            );
            terminal::note(&text);
        }
        self.choose(&mut drawn)?;
        if let Some(title) = &self.title {
            drawn.header.scenario.clone_from(title);
        }
        Ok(drawn)
    }

    /// Draws with characters.
    fn as_characters(&self, row: &ChartRow, trace: &Path) -> Result<Exit, Failure> {
        if row.draw.is_some() {
            let name = row.name;
            return Err(Failure::usage(format!(
                "--terminal draws the timeline only; for {name} leave it out"
            )));
        }
        let window = window(self.from, self.to, Window::ALL)?;
        let cpus = self.cpus.iter().map(|&cpu| CpuId(cpu)).collect();
        let part = Part { from: window.from, to: window.to, cpus, tasks: self.tasks.clone() };
        let (overview, damage) = digest::overview(trace, part)?;
        match overview.absent() {
            Some(Absent::Cpu(cpu)) => return Err(no_cpu(cpu)),
            Some(Absent::Task(name)) => return Err(no_process(&name, overview.names())),
            None => {}
        }
        if overview.now() < window.from {
            return Err(outside(window.from, trace, overview.now()));
        }
        let width = self.width.map_or(terminal::width().into(), |width| width as usize);
        let look = Look { width, rows: usize::MAX, colour: terminal::colour() };
        terminal::print(&overview.render(&look))?;
        damage.map_or(Ok(Exit::Success), |damage| Err(Failure::trace(damage)))
    }

    /// Leaves out what isn't asked for, and refuses what isn't there.
    fn choose(&self, drawn: &mut digest::Drawn) -> Result<(), Failure> {
        let cpus: Vec<CpuId> = self.cpus.iter().map(|&cpu| CpuId(cpu)).collect();
        if let Some(absent) = cpus.iter().find(|cpu| cpu.index() >= drawn.lanes.cpus.len()) {
            return Err(no_cpu(*absent));
        }
        let known = || drawn.lanes.threads.iter().flat_map(|lane| [lane.name.as_str(), base(&lane.name)]);
        if let Some(absent) = self.tasks.iter().find(|name| !known().any(|known| known == name.as_str())) {
            return Err(no_process(absent, known()));
        }
        drawn.lanes = std::mem::take(&mut drawn.lanes).only(&cpus, &self.tasks);
        Ok(())
    }

    fn deliver(&self, row: &ChartRow, trace: &Path, drawing: &[u8]) -> Result<(), Failure> {
        let ending = if self.format == Some(Picture::Png) { "png" } else { "svg" };
        let beside = trace.with_file_name(format!("{}.{ending}", row.name));
        match output::named(Some(self.output.as_deref().unwrap_or(&beside))) {
            Some(path) => {
                output::write(path, drawing)?;
                terminal::note(&format!("Wrote {}", path.display()));
            }
            None => terminal::print_bytes(drawing)?,
        }
        Ok(())
    }
}

fn outside(from: Instant, trace: &Path, end: Instant) -> Failure {
    let [from, end] = [from, end].map(|at| time(at.since(Instant::START)));
    let trace = trace.display();
    Failure::usage(format!(
        "--from is {from}, which is outside of the trace {trace}: it begins at 0 and ends at {end}"
    ))
}

fn no_cpu(absent: CpuId) -> Failure {
    Failure::usage(format!("the trace has no CPU {absent}"))
}

fn no_process<'a>(absent: &str, known: impl Iterator<Item = &'a str>) -> Failure {
    let help = closest(absent, known).map(|name| format!(": did you mean `{name}`?"));
    Failure::usage(format!("the trace has no process `{absent}`{}", help.unwrap_or_default()))
}

/// The picture is there, but the trace isn't whole.
fn damaged(damage: &TraceError) -> Failure {
    Failure::usage(format!("{damage}; the picture shows what comes before"))
}

/// What `--kind` asks for.
#[derive(Clone, Copy, Debug)]
enum Kind {
    One(&'static ChartRow),
    List,
}

fn kind(name: &str) -> Result<Kind, String> {
    if name == "list" {
        return Ok(Kind::List);
    }
    figures::by_name(name).map(Kind::One).ok_or_else(|| {
        let names: Vec<&str> = CHARTS.iter().map(|row| row.name).collect();
        match closest(name, names.iter().copied()) {
            Some(similar) => format!("did you mean `{similar}`?"),
            None => format!("there is {}, and `list`", names.join(", ")),
        }
    })
}

/// The kinds of chart, for people.
fn list() -> String {
    let widest = CHARTS.iter().map(|row| row.name.len()).max().unwrap_or(0);
    let line = |row: &ChartRow| format!("{:widest$}  {}\n", row.name, row.summary);
    CHARTS.iter().map(line).collect()
}

/// Why there is no picture.
pub fn undrawn(error: ChartError) -> Failure {
    match error {
        ChartError::Width(_) => Failure::usage(error.to_string()),
        ChartError::Drawing(_) | ChartError::Png(_) => Failure::bug(error.to_string()),
    }
}

/// The kind of picture that is asked for, or that the name of its file tells.
pub fn picture(asked: Option<Picture>, path: Option<&Path>) -> Result<Picture, Failure> {
    let ending = path.and_then(|path| path.extension()?.to_str());
    match (asked, ending) {
        (Some(picture), _) => Ok(picture),
        (None, Some(ending)) if ending.eq_ignore_ascii_case("png") => Ok(Picture::Png),
        (None, Some(ending)) if ending.eq_ignore_ascii_case("svg") => Ok(Picture::Svg),
        (None, None) => Ok(Picture::Svg),
        (None, Some(ending)) => Err(Failure::usage(format!(
            "a picture can't be a .{ending}: choose .svg or .png, or say which with --format"
        ))),
    }
}

/// The part of a run to show; where the command line doesn't say, what `otherwise` does.
pub fn window(from: Option<Span>, to: Option<Span>, otherwise: Window) -> Result<Window, Failure> {
    let at = |span: Option<Span>| span.map(|span| Instant::START + span);
    let window = Window { from: at(from).unwrap_or(otherwise.from), to: at(to).unwrap_or(otherwise.to) };
    if window.from >= window.to {
        return Err(Failure::usage("the part to show is empty: --from must be earlier than --to"));
    }
    Ok(window)
}

/// The trace that is meant by a file, or by the folder that a run wrote.
pub fn trace_in(path: &Path) -> PathBuf {
    if path.is_dir() { path.join("trace.bin") } else { path.to_owned() }
}
