//! `trapline doctor`: what this host allows real runs, and why not more.

use std::fmt::Write;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use serde::Serialize;
use trapline::program::outside::ACTIONS;
use trapline::program::verb::{Real, VERBS};
use trapline::real::doctor::{Finding, State, can_run, examine};
use trapline::real::{leftovers, observe};

use super::exit::{Exit, Failure};
use super::summary::Format;
use super::terminal;
use super::topics::wrap;

/// Try out what this host allows of what real runs need.
///
/// Says for each thing what was seen, what it means if it doesn't work, and what to do about it.
/// Ends with 0 if scenarios can run for real at all, else with 5.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Remove what killed runs have left behind: processes, folders, trace instances.
    #[arg(long)]
    clean: bool,

    /// Where scenarios' files are made [default: the system's folder for temporary files].
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,

    /// How the findings are printed.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// Everything that there is to say.
#[derive(Debug, Serialize)]
struct Report {
    host: String,
    can_run: bool,
    findings: Vec<Finding>,
    /// What a scenario can say that isn't possible for real.
    impossible: Vec<Impossible>,
    leftovers: Leftovers,
}

/// Something that a scenario can say, and why it isn't possible for real.
#[derive(Debug, Serialize)]
struct Impossible {
    what: &'static str,
    name: &'static str,
    why: &'static str,
}

#[derive(Debug, Default, Serialize)]
struct Leftovers {
    found: Vec<String>,
    removed: Vec<String>,
}

impl Doctor {
    pub fn execute(self) -> Result<Exit, Failure> {
        let place = self.scratch.unwrap_or_else(std::env::temp_dir);
        let program = std::env::current_exe().context("can't find my own program").map_err(Failure::host)?;
        let words = |list: Vec<leftovers::Leftover>| list.iter().map(ToString::to_string).collect();
        let leftovers = if self.clean {
            let (removed, found) = leftovers::clean_all(&place);
            Leftovers { found: words(found), removed: words(removed) }
        } else {
            Leftovers { found: words(leftovers::find(&place)), removed: Vec::new() }
        };
        let findings = examine(&program, &place);
        let findings = findings.with_context(|| place.display().to_string()).map_err(Failure::host)?;
        let can_run = can_run(&findings);
        let host = observe::fingerprint();
        let report = Report { host, can_run, findings, impossible: impossible(), leftovers };
        match self.format {
            Format::Table => terminal::print(&report.text(usize::from(terminal::width())))?,
            Format::Json => {
                let bug = |error: serde_json::Error| Failure::bug(error.to_string());
                terminal::print(&(serde_json::to_string_pretty(&report).map_err(bug)? + "\n"))?;
            }
        }
        Ok(if can_run { Exit::Success } else { Exit::Host })
    }
}

fn impossible() -> Vec<Impossible> {
    let verbs = VERBS.iter().map(|row| ("step", row.name, row.real));
    let all = verbs.chain(ACTIONS.iter().map(|row| ("event", row.key, row.real)));
    let refused = all.filter_map(|(what, name, real)| match real {
        Real::No(why) => Some(Impossible { what, name, why }),
        Real::Yes(_) => None,
    });
    refused.collect()
}

impl Report {
    fn text(&self, width: usize) -> String {
        let mut text = format!("{}\n\n", terminal::strong(&self.host));
        for finding in &self.findings {
            write_finding(&mut text, finding, width);
        }
        let verdict = match self.can_run {
            true => "Scenarios can run for real here.",
            false => "Scenarios can't run for real here.",
        };
        // Writing to a string can't fail, so the results carry no news.
        let _ = writeln!(text, "\n{}", terminal::strong(verdict));
        self.write_impossible(&mut text, width);
        self.write_leftovers(&mut text);
        text
    }

    fn write_impossible(&self, text: &mut String, width: usize) {
        let steps = self.impossible.iter().filter(|row| row.what == "step").count();
        let _ = match steps {
            0 => writeln!(text, "\nAll {} steps of the language are done for real.", VERBS.len()),
            _ => writeln!(text, "\n{steps} of {} steps of the language can't be done for real.", VERBS.len()),
        };
        if !self.impossible.is_empty() {
            text.push_str("Not possible on a real machine, and left out of real runs:\n");
        }
        for row in &self.impossible {
            let line = format!("{} `{}`: {}", row.what, row.name, row.why);
            let _ = writeln!(text, "{}", wrap(&line, width, "  "));
        }
    }

    fn write_leftovers(&self, text: &mut String) {
        let Leftovers { found, removed } = &self.leftovers;
        for (title, list) in [("Removed:", removed), ("Left behind by killed runs:", found)] {
            if !list.is_empty() {
                let _ = writeln!(text, "\n{title}\n  {}", list.join("\n  "));
            }
        }
        if removed.is_empty() && found.is_empty() {
            text.push_str("\nNothing is left behind by killed runs.\n");
        } else if removed.is_empty() {
            text.push_str("`trapline doctor --clean` removes it.\n");
        }
    }
}

fn write_finding(text: &mut String, finding: &Finding, width: usize) {
    const NAME: usize = 20;
    let code = match finding.state {
        State::Works => "32",
        State::Limited => "33",
        State::Missing => "31",
    };
    let state = terminal::paint(&format!("{:7}", finding.state.name()), code);
    let indent = " ".repeat(NAME + 9);
    let result = wrap(&finding.result, width, &indent);
    let _ = writeln!(text, "{state}  {:NAME$}{}", finding.name, result.trim_start());
    if finding.state == State::Works {
        return;
    }
    for (title, words) in [("for", finding.purpose), ("so", finding.consequence), ("remedy", finding.remedy)]
    {
        let _ = writeln!(text, "{}", wrap(&format!("{title}: {words}"), width, &indent));
    }
}
