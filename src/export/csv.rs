//! CSV: a table with one row per event and fixed columns, for spreadsheets.
//!
//! What the fixed columns can't hold stands in the last one as `name=value`, separated by spaces.

use std::io::{self, Write};

use ::csv::{ByteRecord, WriterBuilder};

use crate::ids::StepId;
use crate::trace::fields::Value;
use crate::trace::{Event, Record};

use super::names::Names;
use super::{ExportError, Exporter, Input, Writes};

pub const EXPORTER: Exporter = Exporter {
    name: "csv",
    endings: &["csv"],
    doc: "Comma-separated values: one row per event with fixed columns, for spreadsheets.",
    writes: Writes::Events(write),
};

const COLUMNS: [&str; 11] =
    ["at_ns", "cpu", "task", "task_name", "step", "kind", "call", "object", "vector", "value", "detail"];

fn write(input: &mut Input<'_>, out: &mut dyn Write) -> Result<(), ExportError> {
    let mut names = Names::new(input.header(), str::to_owned);
    let mut table = WriterBuilder::new().buffer_capacity(64 * 1024).from_writer(out);
    table.write_byte_record(&ByteRecord::from(COLUMNS.to_vec())).map_err(io::Error::from)?;
    let mut row = Row::default();
    for record in input.by_ref() {
        match record {
            Ok(Record::Event(event)) => {
                let record = row.of(&event, &names);
                table.write_byte_record(record).map_err(io::Error::from)?;
            }
            Ok(other) => names.learn(&other),
            Err(error) => {
                table.flush()?;
                return Err(error.into());
            }
        }
    }
    table.flush()?;
    Ok(())
}

/// The row under construction: its memory serves one row after another.
#[derive(Default)]
struct Row {
    record: ByteRecord,
    call: String,
    object: String,
    vector: String,
    value: String,
    detail: String,
}

impl Row {
    fn of(&mut self, event: &Event, names: &Names) -> &ByteRecord {
        for column in [&mut self.call, &mut self.object, &mut self.vector, &mut self.value, &mut self.detail]
        {
            column.clear();
        }
        event.kind.each_field(|name, value| self.field(name, value, names));

        let mut number = itoa::Buffer::new();
        let record = &mut self.record;
        record.clear();
        record.push_field(number.format(event.at.as_nanos()).as_bytes());
        record.push_field(event.cpu.map_or("", |cpu| number.format(cpu.0)).as_bytes());
        record.push_field(number.format(event.task.0).as_bytes());
        record.push_field(names.task(event.task).unwrap_or_default().as_bytes());
        let step = if event.step == StepId::NONE { "" } else { number.format(event.step.0) };
        record.push_field(step.as_bytes());
        record.push_field(event.kind.name().as_bytes());
        for column in [&self.call, &self.object, &self.vector, &self.value, &self.detail] {
            record.push_field(column.as_bytes());
        }
        record
    }

    fn field(&mut self, name: &str, value: Value, names: &Names) {
        let mut number = itoa::Buffer::new();
        match value {
            Value::Call(call) => put_name(&mut self.call, names.call(call), call.0),
            Value::Object(object) => put_name(&mut self.object, names.object(object), object.0),
            Value::Vector(vector) => put_name(&mut self.vector, names.vector(vector), vector.0),
            Value::Number(value) => self.value.push_str(number.format(value)),
            Value::Result(value) => self.value.push_str(number.format(value)),
            Value::Name(text) => {
                self.detail(name, "");
                put_name(&mut self.detail, names.text(text), text.0);
            }
            Value::Task(task) => self.detail(name, number.format(task.0)),
            Value::Process(process) => self.detail(name, number.format(process.0)),
            Value::Cpu(cpu) => self.detail(name, number.format(cpu.0)),
            Value::Signal(signal) => self.detail(name, signal.name()),
            Value::Flag(flag) => self.detail(name, if flag { "true" } else { "false" }),
            Value::Word(word) => self.detail(name, word),
        }
    }

    fn detail(&mut self, name: &str, value: &str) {
        if !self.detail.is_empty() {
            self.detail.push(' ');
        }
        self.detail.push_str(name);
        self.detail.push('=');
        self.detail.push_str(value);
    }
}

/// A name, or its number as `#7` if nothing in the trace names it.
fn put_name(column: &mut String, name: Option<&str>, number: impl itoa::Integer) {
    match name {
        Some(name) => column.push_str(name),
        None => {
            column.push('#');
            column.push_str(itoa::Buffer::new().format(number));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use crate::trace::Reader;

    #[test]
    fn rows_come_back_with_names_in_their_columns() {
        let bytes = samples::bytes();
        let mut out = Vec::new();
        write(&mut Reader::new(&bytes[..]).unwrap().boxed(), &mut out).unwrap();
        let mut table = ::csv::Reader::from_reader(&out[..]);
        assert_eq!(table.headers().unwrap().iter().collect::<Vec<_>>(), COLUMNS);
        let rows: Vec<Vec<String>> =
            table.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect();
        assert_eq!(rows.len(), samples::trace().events.len());
        let find = |kind: &str| rows.iter().find(|row| row[5] == kind).unwrap().clone();
        assert_eq!(
            find("sys_enter"),
            ["100", "0", "2", "say \"hi\"", "0", "sys_enter", "read", "", "", "", ""]
        );
        let switch = find("sched_switch");
        assert_eq!(
            switch[4..],
            ["", "sched_switch", "", "ping", "", "", "prev=2 next=0 why=blocked on=pipe-read"]
        );
        assert_eq!(find("interrupt_raised")[1], "");
        assert_eq!(find("interrupt_raised")[6..], ["", "", "disk", "", "to=1"]);
        assert_eq!(find("irq_handler_entry")[8], "#99");
        assert_eq!(find("sys_exit")[6..], ["write", "", "", "-32", ""]);
        assert_eq!(find("message_send")[6..], ["", "ping", "", "7", ""]);
        assert_eq!(find("print")[10], "text=line one\nline \"two\", and more");
    }
}
