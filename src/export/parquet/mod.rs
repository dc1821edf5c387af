//! Parquet: one typed table, a row for each event, for DuckDB, pandas, polars and whatever else reads columns.
//!
//! A column for each thing that an event can say (`columns`); what an event doesn't say is null, which costs next
//! to nothing. Names and words are kept once for each group of rows. A group has 65,536 rows, and no more than one
//! is in memory; what is kept beyond it is a few kilobytes for each group, which the format wants at the end.

mod columns;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

use ::parquet::basic::{Compression, ConvertedType, Encoding, Repetition, Type as Physical};
use ::parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, Int32Type, Int64Type};
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::KeyValue;
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use ::parquet::schema::types::{ColumnPath, Type};
use bytes::Bytes;
use serde_json::json;

use crate::ids::{StepId, Tid};
use crate::trace::fields::Value;
use crate::trace::{Event, Header, Record};

use self::columns::{At, COLUMNS, Column, Sort};
use super::names::Names;
use super::{ExportError, Exporter, Input, Writes};

pub const EXPORTER: Exporter = Exporter {
    name: "parquet",
    endings: &["parquet"],
    doc: "Parquet: one row per event in typed columns, for DuckDB, pandas and polars.",
    writes: Writes::Events(write),
};

/// So many rows are a group: as many are in memory.
const GROUP: usize = 64 * 1024;
/// These are never null.
const ALWAYS: [&str; 3] = ["at_ns", "task", "kind"];

fn write(input: &mut Input<'_>, out: &mut dyn Write) -> Result<(), ExportError> {
    let mut names = Names::new(input.header(), str::to_owned);
    let mut table = Table::new(input.header()).map_err(failed)?;
    let mut damage = None;
    for record in input.by_ref() {
        match record {
            Ok(Record::Event(event)) => {
                table.rows.event(&event, &names);
                if table.rows.count == GROUP {
                    table.flush(out)?;
                }
            }
            Ok(other) => {
                names.learn(&other);
                table.rows.learn(&other);
            }
            Err(error) => {
                damage = Some(error);
                break;
            }
        }
    }
    table.finish(out)?;
    damage.map_or(Ok(()), |error| Err(error.into()))
}

/// The writer writes to memory, so that its errors are our own mistakes.
fn failed(error: ParquetError) -> io::Error {
    io::Error::other(error)
}

/// The file under construction. The crate's writer wants an output that can go to another thread, so it gets a
/// vector, which is emptied into the real output after each group.
struct Table {
    writer: SerializedFileWriter<Vec<u8>>,
    rows: Rows,
}

impl Table {
    fn new(header: &Header) -> Result<Table, ParquetError> {
        let about = json!({
            "schema": header.schema, "tool-version": header.tool_version, "scenario": header.scenario,
            "scenario-hash": header.scenario_hash, "question": header.question, "seed": header.seed,
            "source": header.source, "cpus": header.cpus, "costs": header.costs,
        });
        let about = KeyValue::new("trapline".to_owned(), about.to_string());
        let time = ColumnPath::from(COLUMNS[At::Time as usize].name);
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_column_dictionary_enabled(time.clone(), false)
            .set_column_encoding(time, Encoding::DELTA_BINARY_PACKED)
            .set_key_value_metadata(Some(vec![about]))
            .build();
        let writer = SerializedFileWriter::new(Vec::new(), Arc::new(schema()?), Arc::new(properties))?;
        Ok(Table { writer, rows: Rows::new(header) })
    }

    /// Writes the rows so far as a group.
    fn flush(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if self.rows.count > 0 {
            self.group().map_err(failed)?;
        }
        self.writer.flush()?;
        out.write_all(self.writer.inner())?;
        self.writer.inner_mut().clear();
        Ok(())
    }

    fn group(&mut self) -> Result<(), ParquetError> {
        let mut group = self.writer.next_row_group()?;
        let mut levels = vec![0; self.rows.count];
        for (column, filled) in COLUMNS.iter().zip(&mut self.rows.columns) {
            let Some(mut writer) = group.next_column()? else { break };
            // Level 1 is a value, level 0 is none; a column that is never null has no levels.
            levels.fill(0);
            filled.rows.iter().for_each(|&row| levels[row as usize] = 1);
            let levels = (!ALWAYS.contains(&column.name)).then_some(&levels[..]);
            match &mut filled.cells {
                Cells::Long(cells) => put::<Int64Type>(&mut writer, cells, levels)?,
                Cells::Int(cells) => put::<Int32Type>(&mut writer, cells, levels)?,
                Cells::Flag(cells) => put::<BoolType>(&mut writer, cells, levels)?,
                Cells::Text(cells) => put::<ByteArrayType>(&mut writer, cells, levels)?,
            }
            writer.close()?;
            filled.rows.clear();
        }
        group.close()?;
        self.rows.count = 0;
        Ok(())
    }

    fn finish(mut self, out: &mut dyn Write) -> io::Result<()> {
        self.flush(out)?;
        self.writer.finish().map_err(failed)?;
        out.write_all(self.writer.inner())?;
        out.flush()
    }
}

fn put<T: DataType>(
    writer: &mut SerializedColumnWriter<'_>,
    cells: &mut Vec<T::T>,
    levels: Option<&[i16]>,
) -> Result<(), ParquetError> {
    writer.typed::<T>().write_batch(cells, levels, None)?;
    cells.clear();
    Ok(())
}

fn schema() -> Result<Type, ParquetError> {
    let field = |column: &Column| {
        let (physical, meaning) = match column.sort {
            Sort::Signed => (Physical::INT64, ConvertedType::NONE),
            Sort::Unsigned => (Physical::INT64, ConvertedType::UINT_64),
            Sort::Number => (Physical::INT32, ConvertedType::UINT_32),
            Sort::Flag => (Physical::BOOLEAN, ConvertedType::NONE),
            Sort::Text => (Physical::BYTE_ARRAY, ConvertedType::UTF8),
        };
        let always = ALWAYS.contains(&column.name);
        let field = Type::primitive_type_builder(column.name, physical)
            .with_repetition(if always { Repetition::REQUIRED } else { Repetition::OPTIONAL })
            .with_converted_type(meaning)
            .build()?;
        Ok(Arc::new(field))
    };
    let fields = COLUMNS.iter().map(field).collect::<Result<Vec<_>, ParquetError>>()?;
    Type::group_type_builder("trace").with_fields(fields).build()
}

/// The values of a column, without the nulls.
enum Cells {
    Long(Vec<i64>),
    Int(Vec<i32>),
    Flag(Vec<bool>),
    Text(Vec<ByteArray>),
}

struct Filled {
    cells: Cells,
    /// The row of each value.
    rows: Vec<u32>,
}

/// The rows of a group under construction.
struct Rows {
    columns: Vec<Filled>,
    count: usize,
    /// Names that come again and again: a copy of such a text is a counted reference.
    steps: Vec<ByteArray>,
    calls: Vec<ByteArray>,
    objects: Vec<ByteArray>,
    tasks: BTreeMap<Tid, ByteArray>,
}

fn text(text: &str) -> ByteArray {
    ByteArray::from(text)
}

/// A word of ours, which needs no copy.
fn word(word: &'static str) -> ByteArray {
    ByteArray::from(Bytes::from_static(word.as_bytes()))
}

impl Rows {
    fn new(header: &Header) -> Rows {
        let empty = |column: &Column| Filled {
            cells: match column.sort {
                Sort::Signed | Sort::Unsigned => Cells::Long(Vec::new()),
                Sort::Number => Cells::Int(Vec::new()),
                Sort::Flag => Cells::Flag(Vec::new()),
                Sort::Text => Cells::Text(Vec::new()),
            },
            rows: Vec::new(),
        };
        Rows {
            columns: COLUMNS.iter().map(empty).collect(),
            count: 0,
            steps: header.steps.iter().map(|step| text(&step.text)).collect(),
            calls: header.calls.iter().map(|call| text(call)).collect(),
            objects: header.objects.iter().map(|object| text(&object.name)).collect(),
            tasks: header
                .initial
                .iter()
                .map(|entry| (entry.task, text(&entry.name)))
                .chain([(Tid::IDLE, word("idle")), (Tid::INIT, word("init"))])
                .collect(),
        }
    }

    fn learn(&mut self, record: &Record) {
        if let Record::Task(entry) = record {
            self.tasks.insert(entry.task, text(&entry.name));
        }
    }

    fn event(&mut self, event: &Event, names: &Names) {
        // No run is 292 years long; a time beyond that is the last that can be written.
        self.long(At::Time, i64::try_from(event.at.as_nanos()).unwrap_or(i64::MAX));
        if let Some(cpu) = event.cpu {
            self.int(At::Cpu, cpu.0.into());
        }
        self.task(At::Task, Some(At::TaskName), event.task);
        if event.step != StepId::NONE {
            self.int(At::Step, event.step.0);
            if let Some(text) = self.steps.get(event.step.index()).cloned() {
                self.text(At::StepText, text);
            }
            if let Some(line) = names.line(event.step) {
                self.int(At::Line, line);
            }
        }
        self.text(At::Kind, word(event.kind.name()));
        event.kind.each_field(|field, value| {
            if let Some(at) = columns::place(field, value) {
                self.value(at, value, names);
            }
        });
        self.count += 1;
    }

    fn value(&mut self, at: At, value: Value, names: &Names) {
        match value {
            Value::Task(task) => {
                let named = match at {
                    At::Next => Some(At::NextName),
                    At::Other => Some(At::OtherName),
                    _ => None,
                };
                self.task(at, named, task);
            }
            Value::Process(process) => self.int(at, process.0),
            Value::Cpu(cpu) => self.int(at, cpu.0.into()),
            Value::Call(call) => self.name(at, self.calls.get(call.index()).cloned(), call.0.into()),
            Value::Object(object) => self.name(at, self.objects.get(object.index()).cloned(), object.0),
            Value::Vector(vector) => self.name(at, names.vector(vector).map(text), vector.0.into()),
            Value::Name(number) => self.name(at, names.text(number).map(text), number.0),
            Value::Signal(signal) => self.text(at, word(signal.name())),
            Value::Word(name) => self.text(at, word(name)),
            // The column says that these 64 bits have no sign.
            Value::Number(number) => self.long(at, number.cast_signed()),
            Value::Result(result) => self.long(at, result),
            Value::Flag(flag) => {
                if let (Cells::Flag(cells), rows, row) = self.cells(at) {
                    cells.push(flag);
                    rows.push(row);
                }
            }
        }
    }

    fn task(&mut self, at: At, named: Option<At>, task: Tid) {
        self.int(at, task.0);
        if let Some(at) = named
            && let Some(name) = self.tasks.get(&task).cloned()
        {
            self.text(at, name);
        }
    }

    /// A name, or its number as `#7` if nothing in the trace names it.
    fn name(&mut self, at: At, name: Option<ByteArray>, number: u32) {
        self.text(at, name.unwrap_or_else(|| text(&format!("#{number}"))));
    }

    fn cells(&mut self, at: At) -> (&mut Cells, &mut Vec<u32>, u32) {
        let row = self.count as u32;
        let filled = &mut self.columns[at as usize];
        (&mut filled.cells, &mut filled.rows, row)
    }

    fn long(&mut self, at: At, value: i64) {
        if let (Cells::Long(cells), rows, row) = self.cells(at) {
            cells.push(value);
            rows.push(row);
        }
    }

    fn int(&mut self, at: At, value: u32) {
        if let (Cells::Int(cells), rows, row) = self.cells(at) {
            cells.push(value.cast_signed());
            rows.push(row);
        }
    }

    fn text(&mut self, at: At, value: ByteArray) {
        if let (Cells::Text(cells), rows, row) = self.cells(at) {
            cells.push(value);
            rows.push(row);
        }
    }
}
