//! `trapline validate`: compares a folder of scenarios, and says how accurate the simulation is.

use std::path::{Path, PathBuf};

use clap::Args;
use trapline::compare::accuracy::{Accuracy, Case};
use trapline::real::observe;
use trapline::scenario::Overrides;

use super::exit::{Exit, Failure};
use super::profile::Profile;
use super::sides::Task;
use super::summary::Format;
use super::{output, terminal, test};

/// Compare every scenario of a folder, and say how accurate the simulation is, by class.
///
/// Each is simulated, and run for real as often as --runs says. Scenarios with several CPUs that
/// don't pin their processes run unpinned.
#[derive(Debug, Args)]
pub struct Validate {
    /// Scenario files, or folders with scenarios in them.
    #[arg(required = true, value_name = "FILE|DIR")]
    paths: Vec<PathBuf>,

    /// How many repetitions count.
    #[arg(long, value_name = "NUMBER", default_value_t = 11, value_parser = clap::value_parser!(u16).range(1..=1000))]
    runs: u16,

    /// The cost profile: a file, or the name of a built-in one [default: profile.toml or
    /// output/profile.toml].
    #[arg(long, value_name = "PROFILE")]
    costs: Option<String>,

    /// Write the result to a file as well: Markdown, or JSON if it ends in .json.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Put the result between the marks `<!-- validate:begin -->` and `<!-- validate:end -->` of a page.
    #[arg(long, value_name = "FILE")]
    page: Option<PathBuf>,

    /// How the result is printed.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,

    /// End with status 1 if a goal isn't reached.
    #[arg(long)]
    strict: bool,
}

impl Validate {
    pub fn execute(self) -> Result<Exit, Failure> {
        let profile = Profile::choose(self.costs.as_deref())?;
        let scenarios = test::cases(&self.paths)?;
        // A page without a place for the result is known of before anything is measured.
        let page = self.page.as_deref().map(read_page).transpose()?;
        let (mut cases, mut failed, mut name) = (Vec::new(), Vec::new(), String::new());
        for (number, scenario) in scenarios.iter().enumerate() {
            let task = Task {
                file: &scenario.path,
                overrides: Overrides::default(),
                profile: &profile,
                runs: self.runs.into(),
                cpus: None,
                unpinned: true,
                goal: None,
            };
            match task.carry_out() {
                Ok(sides) => {
                    name.clone_from(&sides.comparison.conditions.profile);
                    let result = sides.comparison.result();
                    let line = result.lines().next().unwrap_or_default();
                    terminal::note(&format!(
                        "[{}/{}] {}: {line}",
                        number + 1,
                        scenarios.len(),
                        scenario.label
                    ));
                    cases.extend(Case::new(&scenario.label, sides.placement, &sides.comparison));
                }
                Err(Failure::Interrupted) => return Err(Failure::Interrupted),
                Err(Failure::Error { error, .. }) => {
                    terminal::warning(&format!("{}: {error:#}", scenario.label));
                    failed.push((scenario.label.clone(), format!("{error:#}")));
                }
                Err(failure) => {
                    failure.report();
                    failed.push((scenario.label.clone(), "the scenario is invalid".to_owned()));
                }
            }
        }
        let accuracy = Accuracy::new(&name, &observe::fingerprint(), self.runs.into(), cases, failed);
        match self.format {
            Format::Table => terminal::print(&accuracy.render(false, terminal::width()))?,
            Format::Json => terminal::print(&json(&accuracy)?)?,
        }
        if let Some(path) = &self.output {
            let text = if is_json(path) { json(&accuracy)? } else { accuracy.render(true, u16::MAX) };
            output::write(path, text.as_bytes())?;
            terminal::note(&format!("Wrote {}", path.display()));
        }
        if let Some((path, page)) = self.page.as_deref().zip(page) {
            let text = accuracy.page(&page).ok_or_else(|| no_place(path))?;
            output::write(path, text.as_bytes())?;
            terminal::note(&format!("Wrote {}", path.display()));
        }
        Ok(if self.strict && !accuracy.is_reached() { Exit::Failed } else { Exit::Success })
    }
}

/// A page's text, which has a place for the result.
fn read_page(path: &Path) -> Result<String, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("can't read {}: {error}", path.display())))?;
    let nothing = Accuracy::new("", "", 0, Vec::new(), Vec::new());
    if nothing.page(&text).is_none() { Err(no_place(path)) } else { Ok(text) }
}

fn no_place(path: &Path) -> Failure {
    Failure::usage(format!(
        "{} has no place for the result, which is between <!-- validate:begin --> and <!-- validate:end -->",
        path.display()
    ))
}

fn is_json(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"))
}

fn json(accuracy: &Accuracy) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(accuracy).map_err(|error| Failure::bug(error.to_string()))?;
    Ok(text + "\n")
}
