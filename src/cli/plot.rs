//! `trapline plot`: the timeline of a trace as a picture.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use trapline::analysis::naming::time;
use trapline::chart::{ChartError, Options, Theme, timeline_png, timeline_svg};
use trapline::time::{Instant, Span};
use trapline::units::parse_time;

use super::digest::{self, Window};
use super::exit::{Exit, Failure};
use super::{output, terminal};

/// Draw the timeline of a trace.
#[derive(Debug, Args)]
pub struct Plot {
    /// A trace, or a folder with a trace.bin in it.
    #[arg(value_name = "TRACE")]
    trace: PathBuf,

    /// The picture, a .svg or .png; `-` is standard output [default: timeline.svg beside the trace].
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

    /// How wide the picture is, in pixels; the height follows.
    #[arg(long, value_name = "PIXELS", default_value_t = Options::default().width)]
    width: u32,

    /// The colours.
    #[arg(long, value_enum, default_value_t = ThemeArg::Light)]
    theme: ThemeArg,

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
        let trace = trace_in(&self.trace);
        let picture = picture(self.format, self.output.as_deref())?;
        let window = window(self.from, self.to, Window::ALL)?;
        let options = Options {
            width: self.width,
            theme: self.theme.theme(),
            wakeups: !self.no_wakeups,
            messages: self.messages,
        };
        let drawn = digest::draw(&trace, window)?;
        let drawing = match picture {
            Picture::Svg => timeline_svg(&drawn.lanes, &drawn.header, &options).map(String::into_bytes),
            Picture::Png => timeline_png(&drawn.lanes, &drawn.header, &options),
        };
        let drawing = drawing.map_err(undrawn)?;
        if drawn.shortened {
            let text = format!(
                "The picture shows {} only; for another part, use --from and --to.",
                time(drawn.lanes.span())
            );
            terminal::note(&text);
        }
        self.deliver(&trace, &drawing)?;
        drawn.damage.map_or(Ok(Exit::Success), |damage| Err(Failure::trace(damage)))
    }

    fn deliver(&self, trace: &Path, drawing: &[u8]) -> Result<(), Failure> {
        let beside = trace.with_file_name("timeline.svg");
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
