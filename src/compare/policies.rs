//! One scenario under several scheduling policies, held against each other.

use serde_json::{Map, Value as Json, json};

use crate::analysis::render::Colour;
use crate::analysis::table::{Column, Table};
use crate::analysis::value::Value;
use crate::analysis::{Csv, Statistics};
use crate::trace::Outcome;
use crate::trace::statistics::{Aggregate, Better, Figure, RunStatistic, SpreadStatistic};

/// The columns of the table, and how soon each is left out if there is no room; 0 is never left out.
const COLUMNS: &[(Figure, u8)] = &[
    (Figure::Single(RunStatistic::Misses), 0),
    (Figure::Single(RunStatistic::MaxLateness), 1),
    (Figure::Spread(Aggregate::Max, SpreadStatistic::JobResponse), 2),
    (Figure::Spread(Aggregate::Mean, SpreadStatistic::Turnaround), 0),
    (Figure::Spread(Aggregate::P95, SpreadStatistic::Turnaround), 3),
    (Figure::Spread(Aggregate::Mean, SpreadStatistic::Response), 0),
    (Figure::Spread(Aggregate::P95, SpreadStatistic::Response), 6),
    (Figure::Spread(Aggregate::Mean, SpreadStatistic::Waiting), 0),
    (Figure::Spread(Aggregate::P95, SpreadStatistic::Latency), 5),
    (Figure::Single(RunStatistic::MaxSlowdown), 4),
    (Figure::Single(RunStatistic::FairnessSlowdown), 0),
    (Figure::Single(RunStatistic::Switches), 0),
    (Figure::Single(RunStatistic::Preemptions), 7),
    (Figure::Single(RunStatistic::Migrations), 2),
    (Figure::Single(RunStatistic::Throughput), 1),
    (Figure::Single(RunStatistic::Makespan), 0),
];

/// The scenario's run under one policy.
pub struct PolicyRun {
    /// The policy with its parameters, as the user wrote them.
    pub policy: String,
    pub outcome: Outcome,
    pub statistics: Statistics,
}

/// All runs, in the order in which they are shown.
pub struct Policies {
    pub runs: Vec<PolicyRun>,
}

impl Policies {
    /// What tells most where there is room for one figure only: misses if there are deadlines.
    pub fn key_figure(&self) -> Figure {
        let misses = Figure::Single(RunStatistic::Misses);
        match self.runs.iter().any(|run| run.statistics.figure(misses).is_some()) {
            true => misses,
            false => Figure::Spread(Aggregate::Mean, SpreadStatistic::Turnaround),
        }
    }

    /// Which runs have the best value, if any is better than another.
    ///
    /// Where fewer threads have ended than under another policy, or the run has come to a bad end, its
    /// figures are about less work: then they don't compete.
    pub fn best(&self, figure: Figure) -> Vec<bool> {
        let finished = Figure::Single(RunStatistic::Finished);
        let most = self.runs.iter().filter(|run| run.is_sound());
        let most = most.filter_map(|run| run.statistics.figure(finished).map(Value::whole)).max();
        let value = |run: &PolicyRun| {
            let complete = run.statistics.figure(finished).map(Value::whole) == most;
            run.statistics.figure(figure).filter(|_| run.is_sound() && complete)
        };
        let values: Vec<Option<Value>> = self.runs.iter().map(value).collect();
        let known = || values.iter().copied().flatten();
        let best = match figure.row().better {
            Better::Less => known().min_by_key(|value| value.whole()),
            Better::More => known().max_by_key(|value| value.whole()),
            Better::Neither => None,
        };
        let Some(best) = best.map(Value::shown) else { return vec![false; values.len()] };
        // Who can't be told apart by what is shown shares the place.
        let is_best: Vec<bool> =
            values.iter().map(|value| value.is_some_and(|value| value.shown() == best)).collect();
        let worse = values.iter().zip(&is_best).any(|(value, is_best)| value.is_some() && !is_best);
        is_best.into_iter().map(|is_best| is_best && worse).collect()
    }

    /// The table for a terminal; an asterisk marks the best of each column.
    pub fn render(&self, width: u16, colour: Colour) -> String {
        let mut text = self.heading(colour);
        let table = self.table(|value, best| if best { format!("*{value}") } else { value });
        if let Some(table) = table.render(width.into()) {
            text.push_str(&table);
            text.push('\n');
            if table.contains(" *") {
                text.push_str("\n* the best of its column\n");
            }
        }
        text
    }

    /// The table for a page; the best of each column is bold.
    pub fn markdown(&self) -> String {
        let table = self.table(|value, best| if best { format!("**{value}**") } else { value });
        table.markdown().map_or_else(String::new, |table| table + "\n")
    }

    fn heading(&self, colour: Colour) -> String {
        let Some(run) = self.runs.first() else { return String::new() };
        let (name, question) = (&run.statistics.scenario, &run.statistics.question);
        let name = match colour {
            Colour::Never => name.clone(),
            Colour::Always => format!("\u{1b}[1m{name}\u{1b}[0m"),
        };
        if question.is_empty() { format!("{name}\n\n") } else { format!("{name}\n{question}\n\n") }
    }

    fn table(&self, mark: impl Fn(String, bool) -> String) -> Table {
        let mut table = Table::default();
        table.add(Column::whole("policy", self.runs.iter().map(|run| run.policy.clone())));
        for &(figure, rank) in COLUMNS {
            let values = self.runs.iter().map(|run| run.statistics.figure(figure));
            // Without periodic threads there are no misses.
            if values.clone().all(|value| value.is_none()) {
                continue;
            }
            let cells = values.zip(self.best(figure)).map(|(value, best)| match value {
                Some(value) => mark(value.shown(), best),
                None => "-".to_owned(),
            });
            table.add(Column::number(figure.title(), cells.collect::<Vec<_>>()).rank(rank));
        }
        // That all went well is no news.
        if self.runs.iter().any(|run| run.outcome != Outcome::Finished) {
            let unfinished = |run: &PolicyRun| {
                let number = run.statistics.figure(Figure::Single(RunStatistic::Unfinished));
                number.map_or(String::new(), Value::shown)
            };
            table.add(Column::number("unfinished", self.runs.iter().map(unfinished)));
            table.add(Column::text("ended by", self.runs.iter().map(|run| run.outcome.name().to_owned())));
        }
        table
    }

    /// A line for each policy, with all figures of its run.
    pub fn csv(&self) -> String {
        let names: Vec<String> = Figure::all().map(Figure::name).collect();
        let mut csv = Csv::new(["policy", "outcome"].into_iter().chain(names.iter().map(String::as_str)));
        for run in &self.runs {
            let exact = |figure| run.statistics.figure(figure).map_or(String::new(), Value::exact);
            let values: Vec<String> = Figure::all().map(exact).collect();
            let first = [run.policy.as_str(), run.outcome.name()];
            csv.line(first.into_iter().chain(values.iter().map(String::as_str)));
        }
        csv.finish()
    }

    /// All figures of each run, and in which of them it is the best.
    pub fn json(&self) -> Json {
        let runs = self.runs.iter().enumerate().map(|(number, run)| {
            let best = Figure::all().filter(|&figure| self.best(figure)[number]);
            let mut entries = Map::new();
            entries.insert("policy".to_owned(), run.policy.as_str().into());
            entries.insert("outcome".to_owned(), run.outcome.name().into());
            entries.insert("figures".to_owned(), run.statistics.run_json());
            entries.insert("best".to_owned(), best.map(Figure::name).collect::<Vec<_>>().into());
            Json::Object(entries)
        });
        let first = self.runs.first().map(|run| &run.statistics);
        json!({
            "scenario": first.map(|statistics| statistics.scenario.as_str()),
            "question": first.map(|statistics| statistics.question.as_str()),
            "policies": runs.collect::<Vec<Json>>(),
        })
    }
}

impl PolicyRun {
    /// Whether it came to its end, or to that of the time it was given.
    const fn is_sound(&self) -> bool {
        matches!(self.outcome, Outcome::Finished | Outcome::Limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Summary;
    use crate::analysis::stories::Story;
    use crate::ids::Tid;
    use crate::trace::Why;

    /// Two threads of 2 and 8 us on one CPU, the first or the second one first; the other one ends if it is to.
    fn summary(first: u32, until: u64) -> Summary {
        let mut story = Story::new("two", "", 1);
        story.process(Tid(2), "short").process(Tid(3), "long");
        let length = |task: u32| if task == 2 { 2_000 } else { 8_000 };
        story.at(0).switch(Tid(first), Why::WorkArrived, 0);
        story.after(length(first)).switch(Tid(5 - first), Why::Exited, 0);
        if until == 10_000 {
            story.after(length(5 - first)).switch(Tid::IDLE, Why::Exited, 0);
        }
        story.end(until).summary()
    }

    fn run(policy: &str, outcome: Outcome, summary: &Summary) -> PolicyRun {
        PolicyRun { policy: policy.to_owned(), outcome, statistics: Statistics::of(summary) }
    }

    fn figure(name: &str) -> Figure {
        Figure::by_name(name).expect(name)
    }

    #[test]
    fn the_best_is_marked_where_there_is_a_better_one() {
        let runs = vec![
            run("short-first", Outcome::Finished, &summary(2, 10_000)),
            run("long-first", Outcome::Finished, &summary(3, 10_000)),
        ];
        let policies = Policies { runs };
        // 2 and 10 us, or 8 and 10.
        assert_eq!(policies.best(figure("mean-turnaround")), [true, false]);
        assert_eq!(policies.best(figure("makespan")), [false, false]);
        assert_eq!(policies.best(figure("utilisation")), [false, false]);
        let text = policies.render(110, Colour::Never);
        assert!(text.contains("*6us") && text.contains(" 9us"), "{text}");
        assert!(policies.markdown().contains("| **6us** |"), "{}", policies.markdown());
        assert!(policies.csv().starts_with("policy,outcome,makespan,"), "{}", policies.csv());
        let json = policies.json();
        assert_eq!(json["policies"][1]["figures"]["mean-turnaround"], 9_000);
        assert!(json["policies"][0]["best"].as_array().is_some_and(|best| best.len() > 3), "{json}");
    }

    #[test]
    fn who_has_done_less_or_came_to_a_bad_end_doesnt_compete() {
        let deadlock = Outcome::Deadlock { text: "circle".to_owned() };
        let runs = vec![
            run("half", Outcome::Limit, &summary(2, 4_000)),
            run("whole", Outcome::Finished, &summary(3, 10_000)),
            run("stuck", deadlock, &summary(2, 10_000)),
            run("best", Outcome::Finished, &summary(2, 10_000)),
        ];
        let policies = Policies { runs };
        assert_eq!(policies.best(figure("mean-turnaround")), [false, false, false, true]);
        let text = policies.render(110, Colour::Never);
        assert!(text.contains("unfinished") && text.contains("deadlock"), "{text}");
    }
}
