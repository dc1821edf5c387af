//! Statistics as text: tables for a terminal or in Markdown, CSV and JSON.

use std::fmt::Write;

use serde_json::{Map, Value as Json, json};

use crate::trace::statistics::{
    Aggregate, CpuStatistic, DeviceStatistic, Figure, RunStatistic, SpreadStatistic, ThreadStatistic,
};

use super::naming::count;
use super::render::Colour;
use super::statistics::{Statistics, ThreadRow};
use super::table::{Column, Table};
use super::value::Value;

/// So many threads are shown in a table; the other formats have all.
const MOST: usize = 40;

/// How soon a thread's column is left out of a table that is too narrow; 0 is never left out.
const fn rank(statistic: ThreadStatistic) -> u8 {
    match statistic {
        ThreadStatistic::Response
        | ThreadStatistic::Turnaround
        | ThreadStatistic::Waiting
        | ThreadStatistic::Cpu => 0,
        ThreadStatistic::Blocked | ThreadStatistic::Slowdown => 1,
        ThreadStatistic::Misses | ThreadStatistic::MaxLateness => 1,
        ThreadStatistic::Jobs | ThreadStatistic::MaxJobResponse => 2,
        ThreadStatistic::MeanJobResponse => 3,
        ThreadStatistic::Finish | ThreadStatistic::Arrival => 2,
        ThreadStatistic::LongestWait | ThreadStatistic::Involuntary => 3,
        ThreadStatistic::FirstRun | ThreadStatistic::Migrations => 4,
        ThreadStatistic::Dispatches | ThreadStatistic::Voluntary => 5,
        // What `trapline summary` shows.
        ThreadStatistic::User | ThreadStatistic::Kernel => 6,
        ThreadStatistic::Interrupt | ThreadStatistic::Switch => 7,
    }
}

fn shown(value: Option<Value>) -> String {
    value.map_or_else(|| "-".to_owned(), Value::shown)
}

impl Statistics {
    /// Lines of at most `width` characters, if the narrowest tables allow it.
    pub fn render(&self, width: u16, colour: Colour) -> String {
        let strong = |text: &str| match colour {
            Colour::Never => text.to_owned(),
            Colour::Always => format!("\u{1b}[1m{text}\u{1b}[0m"),
        };
        let mut text = String::new();
        // Writing to a string can't fail, so the results carry no news.
        let _ = writeln!(text, "{}", strong(&self.scenario));
        if !self.question.is_empty() {
            let _ = writeln!(text, "{}", self.question);
        }
        for (title, table) in self.tables() {
            if let Some(table) = table.render(width.into()) {
                let _ = writeln!(text, "\n{}\n{table}", strong(title));
            }
        }
        if self.threads.len() > MOST {
            let more = count((self.threads.len() - MOST) as u64);
            let _ = writeln!(text, "\n{more} more threads: --format csv and json have all.");
        }
        text
    }

    /// All tables in Markdown.
    pub fn markdown(&self) -> String {
        let mut text = format!("## {}\n\n", self.scenario);
        if !self.question.is_empty() {
            let _ = writeln!(text, "{}\n", self.question);
        }
        for (title, table) in self.tables() {
            if let Some(table) = table.markdown() {
                let _ = writeln!(text, "### {title}\n\n{table}\n");
            }
        }
        text.truncate(text.trim_end().len());
        text + "\n"
    }

    fn tables(&self) -> [(&'static str, Table); 5] {
        [
            ("Threads", self.thread_table()),
            ("All threads", self.spread_table()),
            ("The run", self.run_table()),
            ("CPUs", self.cpu_table()),
            ("Files on disks", self.device_table()),
        ]
    }

    fn thread_table(&self) -> Table {
        let shown_rows = &self.threads[..self.threads.len().min(MOST)];
        let mut table = Table::default();
        table.add(Column::text("thread", shown_rows.iter().map(|row| row.name.clone())));
        for &statistic in ThreadStatistic::ALL {
            // No thread is periodic, or none has ended.
            if shown_rows.iter().all(|row| row.get(statistic).is_none()) {
                continue;
            }
            let cells = shown_rows.iter().map(|row| shown(row.get(statistic)));
            let column = Column::number(statistic.row().title, cells).rank(rank(statistic));
            // Waiting that is zero is what one hopes for; a device that nobody used is nothing.
            table.add(if rank(statistic) == 0 { column.keep_zeros() } else { column });
        }
        table
    }

    fn spread_table(&self) -> Table {
        let known: Vec<_> =
            SpreadStatistic::ALL.iter().filter_map(|&one| Some((one, self.spread(one)?))).collect();
        let mut table = Table::default();
        let names = known.iter().map(|(statistic, _)| statistic.row().title.to_owned());
        table.add(Column::text("time", names));
        table.add(Column::number("values", known.iter().map(|(_, spread)| count(spread.count))));
        for aggregate in Aggregate::ALL {
            let cells =
                known.iter().map(|&(statistic, _)| shown(self.figure(Figure::Spread(aggregate, statistic))));
            table.add(Column::number(aggregate.name(), cells).keep_zeros());
        }
        table
    }

    fn run_table(&self) -> Table {
        let known = RunStatistic::ALL.iter().filter_map(|&statistic| {
            let value = self.figure(Figure::Single(statistic))?;
            let is_zero = value == Value::Count(0) || value.shown() == "0";
            (!is_zero || statistic == RunStatistic::Finished).then_some((statistic, value))
        });
        let known: Vec<_> = known.collect();
        let mut table = Table::default();
        let names = known.iter().map(|(statistic, _)| statistic.row().name.to_owned());
        table.add(Column::text("figure", names));
        table.add(Column::number("value", known.iter().map(|(_, value)| value.shown())).keep_zeros());
        table
    }

    fn cpu_table(&self) -> Table {
        let mut table = Table::default();
        table.add(Column::number("CPU", self.cpus.iter().map(|(cpu, _)| cpu.to_string())).keep_zeros());
        for (place, statistic) in CpuStatistic::ALL.iter().enumerate() {
            let cells = self.cpus.iter().map(|(_, values)| values[place].shown());
            table.add(Column::number(statistic.row().title, cells));
        }
        table
    }

    fn device_table(&self) -> Table {
        let mut table = Table::default();
        table.add(Column::text("file", self.devices.iter().map(|(name, _)| name.clone())));
        for (place, statistic) in DeviceStatistic::ALL.iter().enumerate() {
            let cells = self.devices.iter().map(|(_, values)| values[place].shown());
            table.add(Column::number(statistic.row().title, cells));
        }
        table
    }

    /// One line for each value: what it is of, whose, its name, unit and value.
    pub fn csv(&self) -> String {
        let mut lines = Csv::new(["of", "name", "statistic", "unit", "value"]);
        for figure in Figure::all() {
            lines.value("run", &self.scenario, &figure.name(), self.figure(figure));
        }
        for row in &self.threads {
            for &statistic in ThreadStatistic::ALL {
                lines.value("thread", &row.name, statistic.row().name, row.get(statistic));
            }
        }
        for (cpu, values) in &self.cpus {
            for (statistic, &value) in CpuStatistic::ALL.iter().zip(values) {
                lines.value("cpu", &cpu.to_string(), statistic.row().name, Some(value));
            }
        }
        for (name, values) in &self.devices {
            for (statistic, &value) in DeviceStatistic::ALL.iter().zip(values) {
                lines.value("file", name, statistic.row().name, Some(value));
            }
        }
        lines.finish()
    }

    /// Everything; what has no value is null.
    pub fn json(&self) -> Json {
        let cpus = self.cpus.iter().map(|(cpu, values)| {
            let values = CpuStatistic::ALL.iter().map(|statistic| statistic.row().name).zip(values);
            object("cpu", cpu.0.into(), values.map(|(name, &value)| (name.to_owned(), Some(value))))
        });
        let devices = self.devices.iter().map(|(file, values)| {
            let values = DeviceStatistic::ALL.iter().map(|statistic| statistic.row().name).zip(values);
            object("file", file.as_str().into(), values.map(|(name, &value)| (name.to_owned(), Some(value))))
        });
        json!({
            "scenario": self.scenario,
            "question": self.question,
            "run": self.run_json(),
            "threads": self.threads.iter().map(thread_json).collect::<Vec<Json>>(),
            "cpus": cpus.collect::<Vec<Json>>(),
            "files": devices.collect::<Vec<Json>>(),
        })
    }

    /// The figures of the run by their names.
    pub fn run_json(&self) -> Json {
        let figures = Figure::all().map(|figure| {
            let value = self.figure(figure).map_or(Json::Null, Value::json);
            (figure.name(), value)
        });
        Json::Object(figures.collect())
    }
}

fn thread_json(row: &ThreadRow) -> Json {
    let values = ThreadStatistic::ALL.iter().map(|statistic| statistic.row().name.to_owned());
    let mut json = object("task", row.task.0.into(), values.zip(row.values.iter().copied()));
    if let Json::Object(entries) = &mut json {
        entries.insert("name".to_owned(), row.name.as_str().into());
    }
    json
}

fn object(key: &str, name: Json, values: impl Iterator<Item = (String, Option<Value>)>) -> Json {
    let mut entries = Map::new();
    entries.insert(key.to_owned(), name);
    entries.extend(values.map(|(name, value)| (name, value.map_or(Json::Null, Value::json))));
    Json::Object(entries)
}

/// Lines of fields, quoted where they must be.
pub struct Csv {
    lines: csv::Writer<Vec<u8>>,
}

impl Csv {
    pub fn new<'a>(titles: impl IntoIterator<Item = &'a str>) -> Csv {
        let mut csv = Csv { lines: csv::Writer::from_writer(Vec::new()) };
        csv.line(titles);
        csv
    }

    /// As many fields as there are titles; a buffer in memory takes all of them.
    pub fn line<'a>(&mut self, fields: impl IntoIterator<Item = &'a str>) {
        let _ = self.lines.write_record(fields);
    }

    /// A statistic without a value has no line.
    pub fn value(&mut self, of: &str, name: &str, statistic: &str, value: Option<Value>) {
        if let Some(value) = value {
            self.line([of, name, statistic, value.unit().name(), value.exact().as_str()]);
        }
    }

    pub fn finish(self) -> String {
        let bytes = self.lines.into_inner().unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}
