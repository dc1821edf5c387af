//! The processed profile of the Firefox Profiler, for profiler.firefox.com.
//!
//! Each thread has markers (calls, faults, messages, jobs, waits) and samples, whose stacks lead from user mode into
//! the kernel, so that its call tree and flame graph tell what the time went to. The CPUs are a process of their
//! own: who runs there, and which interrupts and switches.
//!
//! The format wants each thread as a whole, and each of its columns as a whole, while a trace tells of all at once.
//! So columns are collected in a temporary file (`spool`), about as large as the result; memory doesn't grow with
//! the events. Arrows are left out: the format keeps the number of each as a text in memory.

mod meta;
mod row;
mod spool;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufWriter, Write};

use serde_json::{Map, Value as Json, json};

use crate::ids::{CpuId, StepId, Tid};
use crate::time::Instant;
use crate::trace::fields::Value;
use crate::trace::header::{StepEntry, TaskEntry};
use crate::trace::{Event, Header, Kind, Record};

use self::meta::{Format, SORTS};
use self::row::{Category, Open, Row, Strings, columns_of, item, millis};
use self::spool::{Spool, StreamId};
use super::lanes::{Counter, Lane, Lanes, Mark, What, called};
use super::names::Names;
use super::{ExportError, Exporter, Input, Writes};

pub const EXPORTER: Exporter = Exporter {
    name: "firefox",
    endings: &["firefox.json"],
    doc: "The Firefox Profiler's JSON: markers, and a flame graph of where the time went, for profiler.firefox.com.",
    writes: Writes::Events(write),
};

fn write(input: &mut Input<'_>, out: &mut dyn Write) -> Result<(), ExportError> {
    let mut names = Names::new(input.header(), str::to_owned);
    let mut lanes = Lanes::new(input.header());
    let mut profile = Profile::new(input.header())?;
    let mut damage = None;
    let mut last = 0;
    for record in input.by_ref() {
        match record {
            Ok(Record::Event(event)) => {
                last = event.at.as_nanos().max(last);
                lanes.take(&event);
                profile.draw(lanes.marks(), Some(&event), &names)?;
                if matches!(event.kind, Kind::ProcessExit { .. }) {
                    profile.row(Place::Thread(event.task), &names).end = Some(last);
                }
            }
            Ok(other) => {
                names.learn(&other);
                if let Record::Task(entry) = other {
                    profile.thread(&entry);
                }
            }
            Err(error) => {
                damage = Some(error);
                break;
            }
        }
    }
    let end = input.footer().map_or(last, |footer| footer.end.as_nanos().max(last));
    lanes.finish(end);
    profile.draw(lanes.marks(), None, &names)?;
    let mut out = BufWriter::with_capacity(64 * 1024, out);
    profile.finish(input.header(), end, &mut out)?;
    out.flush()?;
    damage.map_or(Ok(()), |error| Err(error.into()))
}

/// A thread of the profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Cpu(CpuId),
    Machine,
    Thread(Tid),
}

impl From<Lane> for Place {
    fn from(lane: Lane) -> Place {
        match lane {
            Lane::Cpu(cpu) | Lane::Kernel(cpu) => Place::Cpu(cpu),
            Lane::Calls(task) | Lane::State(task) => Place::Thread(task),
            Lane::Machine => Place::Machine,
        }
    }
}

/// A counter's columns.
struct Counted {
    time: StreamId,
    change: StreamId,
    before: u64,
    samples: u64,
}

/// The profile under construction.
struct Profile {
    spool: Spool,
    strings: Strings,
    rows: BTreeMap<Place, Row>,
    /// Names of processes, by number.
    processes: BTreeMap<u32, String>,
    counters: BTreeMap<Counter, (String, Counted)>,
    steps: Vec<StepEntry>,
    /// The fields that markers have had.
    fields: BTreeSet<(&'static str, Format)>,
}

impl Profile {
    fn new(header: &Header) -> io::Result<Profile> {
        let mut profile = Profile {
            spool: Spool::new()?,
            strings: Strings::default(),
            rows: BTreeMap::new(),
            processes: BTreeMap::new(),
            counters: BTreeMap::new(),
            steps: header.steps.clone(),
            fields: BTreeSet::new(),
        };
        for cpu in (0..header.cpus).map(CpuId) {
            profile.rows.insert(Place::Cpu(cpu), cpu_row(cpu, &mut profile.spool));
        }
        header.initial.iter().for_each(|entry| profile.thread(entry));
        Ok(profile)
    }

    fn thread(&mut self, entry: &TaskEntry) {
        let main = entry.process.leader() == entry.task;
        if main || !self.processes.contains_key(&entry.process.0) {
            self.processes.insert(entry.process.0, entry.name.clone());
        }
        let spool = &mut self.spool;
        self.rows.entry(Place::Thread(entry.task)).or_insert_with(|| thread_row(entry, spool));
    }

    /// A row, made if nothing has announced it.
    fn row(&mut self, place: Place, names: &Names) -> &mut Row {
        let spool = &mut self.spool;
        self.rows.entry(place).or_insert_with(|| match place {
            Place::Cpu(cpu) => cpu_row(cpu, spool),
            Place::Machine => Row::new(about("devices", "0", json!("devices"), false, 0), spool),
            Place::Thread(task) => {
                let name = called(names, task).into_owned();
                let (process, parent, start) = (task.leads(), Tid::INIT, Instant::START);
                thread_row(&TaskEntry { task, process, parent, name, start }, spool)
            }
        })
    }

    fn draw(&mut self, marks: &[Mark], event: Option<&Event>, names: &Names) -> io::Result<()> {
        for mark in marks {
            match &mark.what {
                What::Begin { lane, name, told } => {
                    let args = self.args(*lane, event.filter(|_| *told), names);
                    self.begin(*lane, mark.at, &name.text(names), args, names)?;
                }
                What::End { lane, told } => self.end(*lane, mark.at, event.filter(|_| *told), names)?,
                What::Moment { lane, name, .. } => {
                    let args = self.args(*lane, event, names);
                    let name = name.text(names).into_owned();
                    let moment = Open { at: mark.at, name, category: category(*lane), args };
                    self.marker(*lane, &moment, None, names)?;
                }
                What::Count { counter, value } => self.count(*counter, mark.at, *value, names)?,
            }
        }
        Ok(())
    }

    fn begin(
        &mut self,
        lane: Lane,
        at: u64,
        name: &str,
        args: Map<String, Json>,
        names: &Names,
    ) -> io::Result<()> {
        self.sample(lane, at, names)?;
        let row = self.row(lane.into(), names);
        let open = |category| Open { at, name: name.to_owned(), category, args };
        match lane {
            Lane::Cpu(_) => row.base = Some((name.to_owned(), Category::User)),
            Lane::State(_) => {
                row.base = Some(("user mode".to_owned(), Category::User));
                row.waits = match name {
                    "runs" => None,
                    "ready" => Some((name.to_owned(), Category::Ready)),
                    _ => Some((name.to_owned(), Category::Waits)),
                };
                row.since_state = at;
            }
            Lane::Calls(_) | Lane::Kernel(_) | Lane::Machine => row.open.push(open(category(lane))),
        }
        Ok(())
    }

    fn end(&mut self, lane: Lane, at: u64, event: Option<&Event>, names: &Names) -> io::Result<()> {
        self.sample(lane, at, names)?;
        let row = self.row(lane.into(), names);
        match lane {
            Lane::Cpu(_) => row.base = Some(("idle".to_owned(), Category::Waits)),
            Lane::State(_) => {
                row.base = None;
                let Some((name, category)) = row.waits.take() else { return Ok(()) };
                let since = row.since_state;
                let args = self.args(lane, None, names);
                self.marker(lane, &Open { at: since, name, category, args }, Some(at), names)?;
            }
            Lane::Calls(_) | Lane::Kernel(_) | Lane::Machine => {
                let Some(mut open) = row.open.pop() else { return Ok(()) };
                if let Some(event) = event {
                    self.fields(event, names, &mut open.args);
                }
                self.marker(lane, &open, Some(at), names)?;
            }
        }
        Ok(())
    }

    fn sample(&mut self, lane: Lane, at: u64, names: &Names) -> io::Result<()> {
        self.row(lane.into(), names);
        let Some(row) = self.rows.get_mut(&lane.into()) else { return Ok(()) };
        row.sample(at, &mut self.strings, &mut self.spool)
    }

    fn marker(&mut self, lane: Lane, marker: &Open, end: Option<u64>, names: &Names) -> io::Result<()> {
        self.row(lane.into(), names);
        let Some(row) = self.rows.get_mut(&lane.into()) else { return Ok(()) };
        row.marker(marker, end, &mut self.strings, &mut self.spool)
    }

    fn count(&mut self, counter: Counter, at: u64, value: u64, names: &Names) -> io::Result<()> {
        let spool = &mut self.spool;
        let (_, counted) = self.counters.entry(counter).or_insert_with(|| {
            let counted = Counted { time: spool.stream(), change: spool.stream(), before: 0, samples: 0 };
            (counter.name(names), counted)
        });
        let more = counted.samples > 0;
        // The format counts up and down, so it gets the difference.
        let change = i128::from(value) - i128::from(counted.before);
        (counted.before, counted.samples) = (value, counted.samples + 1);
        spool.add(counted.time, |out| item(out, more, |out| millis(out, at)))?;
        spool.add(counted.change, |out| {
            item(out, more, |out| out.extend_from_slice(itoa::Buffer::new().format(change).as_bytes()));
        })
    }

    /// What a marker carries: its sort, the event's fields, and the step.
    fn args(&mut self, lane: Lane, event: Option<&Event>, names: &Names) -> Map<String, Json> {
        let mut args = Map::new();
        args.insert("type".to_owned(), sort(lane).into());
        let Some(event) = event else { return args };
        self.fields(event, names, &mut args);
        if event.step != StepId::NONE
            && let Some(step) = self.steps.get(event.step.index())
        {
            args.insert("step".to_owned(), step.text.as_str().into());
            args.insert("line".to_owned(), step.line.into());
        }
        args
    }

    fn fields(&mut self, event: &Event, names: &Names, args: &mut Map<String, Json>) {
        event.kind.each_field(|name, value| {
            let (value, format): (Json, Format) = match value {
                Value::Number(number) => (number.into(), Format::Integer),
                Value::Result(result) => (result.into(), Format::Integer),
                other => (names.of(other).into(), Format::Text),
            };
            self.fields.insert((name, format));
            args.insert(name.to_owned(), value);
        });
    }

    fn finish(&mut self, header: &Header, end: u64, out: &mut dyn Write) -> io::Result<()> {
        for row in self.rows.values_mut() {
            row.last_sample(end, &mut self.strings, &mut self.spool)?;
        }
        let meta = meta::of(header, end, &self.fields);
        write!(out, "{{\"meta\":{meta},\"libs\":[],\"threads\":[")?;
        for (place, (at, row)) in self.rows.iter_mut().enumerate() {
            let process = match at {
                Place::Cpu(_) | Place::Machine => Some("CPUs"),
                Place::Thread(_) => None,
            };
            let number = row.about["pid"].as_str().and_then(|pid| pid.parse().ok()).unwrap_or_default();
            let named = process.or_else(|| self.processes.get(&number).map(String::as_str));
            let named = named.map_or_else(|| row.about["name"].clone(), Json::from);
            row.about.insert("processName".to_owned(), named);
            write!(out, "{}", if place > 0 { ",\n" } else { "\n" })?;
            row.write(&mut self.spool, out)?;
        }
        write!(out, "\n],\"counters\":[")?;
        for (place, (name, counted)) in self.counters.values().enumerate() {
            let about = json!({"name": name, "category": "Counter", "description": name, "pid": "0",
                "mainThreadIndex": 0});
            let comma = if place > 0 { "," } else { "" };
            write!(
                out,
                "{comma}\n{},\"samples\":{{\"length\":{}",
                about.to_string().trim_end_matches('}'),
                counted.samples
            )?;
            columns_of(&[("time", counted.time), ("count", counted.change)], &mut self.spool, out)?;
            write!(out, "}}}}")?;
        }
        let strings = serde_json::to_string(self.strings.list())?;
        writeln!(out, "\n],\"shared\":{{\"stringArray\":{strings}}}}}")
    }
}

fn cpu_row(cpu: CpuId, spool: &mut Spool) -> Row {
    let name = format!("CPU {cpu}");
    let mut row = Row::new(about(&name, "0", json!(name), cpu == CpuId(0), 0), spool);
    row.base = Some(("idle".to_owned(), Category::Waits));
    row
}

fn thread_row(entry: &TaskEntry, spool: &mut Spool) -> Row {
    let main = entry.process.leader() == entry.task;
    let (process, start) = (entry.process.to_string(), entry.start.as_nanos());
    Row::new(about(&entry.name, &process, json!(entry.task.0), main, start), spool)
}

fn about(name: &str, process: &str, tid: Json, main: bool, start: u64) -> Map<String, Json> {
    let about = json!({
        "name": name, "isMainThread": main, "pid": process, "tid": tid, "processType": "default",
        "processStartupTime": 0, "processShutdownTime": null, "registerTime": start as f64 / 1e6,
        "pausedRanges": [], "showMarkersInTimeline": true,
    });
    match about {
        Json::Object(about) => about,
        _ => Map::new(),
    }
}

const fn sort(lane: Lane) -> &'static str {
    match lane {
        Lane::Calls(_) => SORTS[0],
        Lane::State(_) | Lane::Cpu(_) => SORTS[1],
        Lane::Kernel(_) => SORTS[2],
        Lane::Machine => SORTS[3],
    }
}

const fn category(lane: Lane) -> Category {
    match lane {
        Lane::Calls(_) => Category::Kernel,
        Lane::State(_) | Lane::Cpu(_) => Category::User,
        Lane::Kernel(_) => Category::Interrupt,
        Lane::Machine => Category::Other,
    }
}
