//! `trapline quiz`: asks what happens in a run, at the terminal or on paper.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use trapline::chart::{self, Theme, timeline_svg};
use trapline::program::problem::closest;
use trapline::quiz::look::Command;
use trapline::quiz::sheet::{Part, Picture, html, markdown, text};
use trapline::quiz::{KINDS, KindRow, NoRun, Paper, Run, kinds};
use trapline::scenario::{Overrides, Scenario};

use super::exit::{Exit, Failure};
use super::load::load;
use super::place::file_name;
use super::{interrupt, output, quiz_session, terminal};

/// Ask what happens in a scenario's run, and tell why.
///
/// Runs the scenario on the simulated machine, shows it, and asks a few questions whose answers come from the
/// trace. At a terminal it waits for your answers and tells the score; otherwise it prints the questions.
/// docs/QUIZ.md lists the kinds of question.
#[derive(Debug, Args)]
pub struct Quiz {
    /// The scenarios; `-` is standard input, for printing the questions only.
    #[arg(value_name = "FILE", required_unless_present = "kind")]
    files: Vec<PathBuf>,

    /// How many questions about each scenario.
    #[arg(long, short = 'n', value_name = "NUMBER", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=500))]
    questions: u16,

    /// Only questions of these kinds, for example next,left; `list` tells which there are.
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    kind: Vec<String>,

    /// Which questions, about which moments, in which order: another number gives another quiz.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,

    /// Print the answers as well, with reasons and where to look.
    #[arg(long)]
    answers: bool,

    /// Print the questions, at a terminal too.
    #[arg(long, conflicts_with = "interactive")]
    sheet: bool,

    /// Read the answers line by line from standard input, even if that isn't a terminal.
    #[arg(long, conflicts_with_all = ["answers", "worksheet"])]
    interactive: bool,

    /// Print a question sheet and an answer sheet for a class.
    #[arg(long)]
    worksheet: bool,

    /// What the worksheet is [default: what the name of -o tells, or Markdown].
    #[arg(long, value_enum, requires = "worksheet")]
    format: Option<Format>,

    /// The worksheet's file; `-` is standard output.
    #[arg(short, long, value_name = "FILE", default_value = "-", requires = "worksheet")]
    output: PathBuf,

    /// Set a key of the scenario, for example machine.cpus=2.
    #[arg(long, value_name = "KEY=VALUE", value_parser = Overrides::parse_set)]
    set: Vec<(String, String)>,

    /// When the run ends at the latest, in simulated time, for example 10ms.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    until: Option<String>,
}

/// What a worksheet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    /// With a folder of pictures beside it, if it is a file.
    Markdown,
    /// One file to print, with its pictures in it.
    Html,
}

impl Quiz {
    pub fn execute(self) -> Result<Exit, Failure> {
        if self.kind.iter().any(|name| name == "list") {
            terminal::print(&list())?;
            return Ok(Exit::Success);
        }
        let kinds = chosen(&self.kind)?;
        if self.files.is_empty() {
            return Err(Failure::usage("about which scenario?"));
        }
        let overrides =
            Overrides { set: self.set.clone(), until: self.until.clone(), ..Overrides::default() };
        let scenarios: Vec<Scenario> =
            self.files.iter().map(|file| load(file, &overrides)).collect::<Result<_, _>>()?;
        let runs: Vec<Run<'_>> = scenarios.iter().map(observe).collect::<Result<_, _>>()?;
        let papers: Vec<Paper> = runs.iter().map(|run| self.paper(run, &kinds)).collect::<Result<_, _>>()?;
        let parts: Vec<Part<'_>> = runs
            .iter()
            .zip(&papers)
            .zip(&self.files)
            .map(|((run, paper), file)| Part { run, paper, command: self.command(run, file) })
            .collect();
        if self.worksheet {
            return self.write_worksheet(&parts);
        }
        if self.asks() {
            return quiz_session::ask(&parts);
        }
        let width = usize::from(terminal::width());
        for (number, part) in parts.iter().enumerate() {
            let gap = if number > 0 { "\n" } else { "" };
            terminal::print(&format!("{gap}{}", text::questions(part, width)))?;
            if self.answers {
                terminal::print(&format!("\n{}", text::answers(part, width)))?;
            }
        }
        Ok(Exit::Success)
    }

    /// Whether somebody is there to answer.
    fn asks(&self) -> bool {
        let from_input = self.files.iter().any(|file| file == Path::new("-"));
        let is_terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
        self.interactive || is_terminal && !self.sheet && !self.answers && !from_input
    }

    fn paper(&self, run: &Run<'_>, kinds: &[&'static KindRow]) -> Result<Paper, Failure> {
        let name = &run.scenario.image.name;
        let paper = Paper::new(run, kinds, self.seed, usize::from(self.questions));
        match paper.questions.len() {
            0 => {
                let needs = match kinds {
                    [one] => format!("a question of the kind `{}` needs {}", one.name, one.needs),
                    _ => "`trapline quiz --kind list` says what each kind of question needs".to_owned(),
                };
                Err(Failure::usage(format!("nothing can be asked about {name}: {needs}")))
            }
            found => {
                if found < usize::from(self.questions) && !self.kind.is_empty() {
                    terminal::note(&format!("There is no more to ask about {name} than this."));
                }
                Ok(paper)
            }
        }
    }

    /// How the run is called on the command line, with what was set.
    fn command(&self, run: &Run<'_>, file: &Path) -> Command {
        let set = self.set.iter().flat_map(|(key, value)| ["--set".to_owned(), format!("{key}={value}")]);
        let until = self.until.iter().flat_map(|time| ["--until".to_owned(), time.clone()]);
        let options: Vec<String> = set.chain(until).collect();
        let folder = format!("output/{}", file_name(&run.scenario.image.name));
        Command::new(&file.display().to_string(), &options, &folder)
    }

    fn write_worksheet(&self, parts: &[Part<'_>]) -> Result<Exit, Failure> {
        let path = output::named(Some(&self.output));
        let format = self.format.map_or_else(|| format_of(path), Ok)?;
        let mut failure = None;
        let sheet = match format {
            Format::Text => text::worksheet(parts, usize::from(terminal::width())),
            Format::Html => html::worksheet(parts, &mut |picture| kept(svg(picture), &mut failure)),
            Format::Markdown => {
                let mut number = 0;
                let mut draw = |picture: &Picture<'_>| {
                    number += 1;
                    kept(beside(path?, number, picture), &mut failure)
                };
                markdown::worksheet(parts, &mut draw)
            }
        };
        if let Some(failure) = failure {
            return Err(failure);
        }
        output::write_or_print(&self.output, &sheet)?;
        if let Some(path) = path {
            terminal::note(&format!("Wrote {}", path.display()));
        }
        Ok(Exit::Success)
    }
}

/// The first failure is what is reported.
fn kept<T>(result: Result<T, Failure>, failure: &mut Option<Failure>) -> Option<T> {
    result.map_err(|error| _ = failure.get_or_insert(error)).ok()
}

fn observe(scenario: &Scenario) -> Result<Run<'_>, Failure> {
    Run::of(scenario, interrupt::control()).map_err(|error| match error {
        NoRun::TooLong => Failure::usage(format!("{}: {error}", scenario.image.name)),
        NoRun::Interrupted => Failure::Interrupted,
    })
}

fn svg(picture: &Picture<'_>) -> Result<String, Failure> {
    let options = chart::Options { width: 1_000, theme: Theme::Print, ..chart::Options::default() };
    let drawn = timeline_svg(&picture.lanes, picture.header, &options);
    drawn.map_err(|error| Failure::bug(error.to_string()))
}

/// Writes a picture into the folder beside a Markdown file; gives what shows it.
fn beside(page: &Path, number: u32, picture: &Picture<'_>) -> Result<String, Failure> {
    let stem = page.file_stem().map_or_else(|| "quiz".to_owned(), |stem| file_name(&stem.to_string_lossy()));
    let name = format!("{}-pictures", stem.replace(' ', "-"));
    let folder = page.with_file_name(&name);
    output::folder(&folder)?;
    output::write(&folder.join(format!("{number}.svg")), svg(picture)?.as_bytes())?;
    Ok(format!("![{}]({name}/{number}.svg)", picture.caption))
}

/// The format that a file's name tells.
fn format_of(path: Option<&Path>) -> Result<Format, Failure> {
    let ending = path.and_then(|path| path.extension()?.to_str()).map(str::to_ascii_lowercase);
    match ending.as_deref() {
        None | Some("md" | "markdown") => Ok(Format::Markdown),
        Some("html" | "htm") => Ok(Format::Html),
        Some("txt") => Ok(Format::Text),
        Some(other) => Err(Failure::usage(format!(
            "a worksheet can't be a .{other}: choose .html, .md or .txt, or say which with --format"
        ))),
    }
}

/// The kinds that are asked for; all of them if none is named.
fn chosen(names: &[String]) -> Result<Vec<&'static KindRow>, Failure> {
    if names.is_empty() {
        return Ok(KINDS.iter().collect());
    }
    let mut rows: Vec<&'static KindRow> = Vec::new();
    for name in names {
        let Some(row) = kinds::by_name(name) else {
            let known = || KINDS.iter().map(|row| row.name);
            let help = match closest(name, known()) {
                Some(similar) => format!("did you mean `{similar}`?"),
                None => format!("there is {}, and `list`", known().collect::<Vec<_>>().join(", ")),
            };
            return Err(Failure::usage(format!("there is no kind of question `{name}`: {help}")));
        };
        if !rows.iter().any(|known| known.name == row.name) {
            rows.push(row);
        }
    }
    Ok(rows)
}

/// The kinds of question, for people.
fn list() -> String {
    let widest = KINDS.iter().map(|row| row.name.len()).max().unwrap_or(0);
    let line = |row: &KindRow| {
        format!("{:widest$}  {}\n{:widest$}  needs {}\n", row.name, row.summary, "", row.needs)
    };
    KINDS.iter().map(line).collect()
}
