//! `trapline explain`: what a verb, an event, an error code or any other name means.

use std::fmt::Write;

use clap::Args;
use trapline::trace::statistics::Figure;

use super::exit::{Exit, Failure};
use super::terminal;
use super::topics::{SPREAD_GROUP, Topic, topics};

/// Explain a step, a table, a kind of event, an error code, a policy, a device or a cost.
#[derive(Debug, Args)]
pub struct Explain {
    /// What to explain; everything there is, if absent.
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

impl Explain {
    pub fn execute(self) -> Result<Exit, Failure> {
        let topics = topics();
        let width = usize::from(terminal::width().min(100));
        let text = match &self.name {
            None => overview(&topics, width),
            Some(name) => {
                let found: Vec<String> = topics
                    .iter()
                    .filter(|topic| is_meant(topic, name))
                    .map(|topic| topic.text(width, terminal::strong))
                    .collect();
                if found.is_empty() {
                    return Err(unknown(&topics, name));
                }
                found.join("\n")
            }
        };
        terminal::print(&text)?;
        Ok(Exit::Success)
    }
}

/// Whether a topic is meant: error codes are known by their number as well, figures such as `p95-latency`
/// by what they are of.
fn is_meant(topic: &Topic, name: &str) -> bool {
    if let Some(figure @ Figure::Spread(..)) = Figure::by_name(name) {
        return topic.group == SPREAD_GROUP && topic.name == figure.row().name;
    }
    let code = topic.name.strip_prefix('E').and_then(|digits| digits.parse::<u16>().ok());
    let number = name.trim_start_matches(['E', 'e']).parse::<u16>().ok();
    topic.name.eq_ignore_ascii_case(name) || (code.is_some() && code == number)
}

fn overview(topics: &[Topic], width: usize) -> String {
    let mut text = String::new();
    for group in topics.chunk_by(|one, next| one.group == next.group) {
        let widest = group.iter().map(|topic| topic.name.chars().count()).max().unwrap_or(0);
        // Writing to a string can't fail, so the results carry no news.
        let _ = writeln!(text, "{}", terminal::strong(group[0].group));
        for topic in group {
            let line = format!("  {:widest$}  {}", topic.name, topic.summary);
            let _ = writeln!(text, "{}", cut(&line, width));
        }
        text.push('\n');
    }
    text.push_str("`trapline explain NAME` tells more.\n");
    text
}

fn cut(line: &str, width: usize) -> String {
    if line.chars().count() <= width {
        return line.to_owned();
    }
    line.chars().take(width - 1).chain(['…']).collect()
}

fn unknown(topics: &[Topic], name: &str) -> Failure {
    /// How alike two names must be for the one to be meant by the other.
    const ALIKE: f64 = 0.8;
    const SUGGESTIONS: usize = 3;
    let wanted = name.to_lowercase();
    let score = |topic: &Topic| strsim::jaro_winkler(&wanted, &topic.name.to_lowercase());
    let mut alike: Vec<(f64, &str)> = topics
        .iter()
        .map(|topic| (score(topic), topic.name.as_str()))
        .filter(|(score, _)| *score > ALIKE)
        .collect();
    alike.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(other.1)));
    alike.dedup_by_key(|(_, name)| *name);
    let names: Vec<String> = alike.iter().take(SUGGESTIONS).map(|(_, name)| format!("`{name}`")).collect();
    let help = match names.is_empty() {
        true => "`trapline explain` lists everything".to_owned(),
        false => format!("did you mean {}?", names.join(" or ")),
    };
    Failure::usage(format!("nothing is called `{name}`; {help}"))
}
