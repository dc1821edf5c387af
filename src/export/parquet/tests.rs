//! The table, read back by the crate's own reader.

use ::parquet::file::reader::{FileReader, SerializedFileReader};
use ::parquet::record::{Field, Row};

use super::super::samples;
use super::*;
use crate::trace::Reader;
use crate::trace::kinds;

fn exported(bytes: &[u8]) -> (SerializedFileReader<Bytes>, bool) {
    let mut out = Vec::new();
    let whole = write(&mut Reader::new(bytes).unwrap().boxed(), &mut out).is_ok();
    (SerializedFileReader::new(Bytes::from(out)).unwrap(), whole)
}

fn rows(file: &SerializedFileReader<Bytes>) -> Vec<Row> {
    file.get_row_iter(None).unwrap().map(Result::unwrap).collect()
}

fn cell(row: &Row, name: &str) -> Field {
    row.get_column_iter().find(|(column, _)| *column == name).unwrap().1.clone()
}

fn text(text: &str) -> Field {
    Field::Str(text.to_owned())
}

#[test]
fn rows_come_back_with_types_names_and_nulls() {
    let (file, whole) = exported(&samples::bytes());
    assert!(whole);
    let rows = rows(&file);
    assert_eq!(rows.len(), samples::trace().events.len());
    let find = |kind: &str| rows.iter().find(|row| cell(row, "kind") == text(kind)).unwrap();
    let entered = find("sys_enter");
    assert_eq!((cell(entered, "at_ns"), cell(entered, "task")), (Field::Long(100), Field::UInt(2)));
    assert_eq!((cell(entered, "call"), cell(entered, "line")), (text("read"), Field::UInt(12)));
    assert_eq!(cell(entered, "step_text"), text("{ read = \"ping\" }"));
    assert_eq!(cell(entered, "task_name"), text("say \"hi\""));
    assert_eq!((cell(entered, "object"), cell(entered, "bytes")), (Field::Null, Field::Null));
    let switch = find("sched_switch");
    assert_eq!((cell(switch, "why"), cell(switch, "cause")), (text("blocked"), text("pipe-read")));
    assert_eq!((cell(switch, "object"), cell(switch, "next_name")), (text("ping"), text("idle")));
    assert_eq!(cell(find("message_send"), "bytes"), Field::ULong(7));
    assert_eq!(cell(find("sys_exit"), "result"), Field::Long(-32));
    assert_eq!(cell(find("signal_deliver"), "handled"), Field::Bool(false));
    assert_eq!(cell(find("irq_handler_entry"), "vector"), text("#99"));
    assert_eq!(cell(find("interrupt_raised"), "cpu"), Field::Null);
    assert_eq!(cell(find("print"), "text"), text("line one\nline \"two\", and more"));
    let about = file.metadata().file_metadata().key_value_metadata().unwrap();
    let about: serde_json::Value = serde_json::from_str(about[0].value.as_ref().unwrap()).unwrap();
    assert_eq!((&about["seed"], &about["question"]), (&json!(u64::MAX), &json!("Does it\nescape?")));
}

#[test]
fn every_kind_comes_back_with_all_its_fields() {
    let mut trace = samples::trace();
    let event = trace.events[0];
    trace.events = kinds::samples::kinds().into_iter().map(|kind| Event { kind, ..event }).collect();
    let (file, _) = exported(&trace.write(Vec::new()).unwrap());
    for (row, event) in rows(&file).iter().zip(&trace.events) {
        event.kind.each_field(|field, value| {
            let name = COLUMNS[columns::place(field, value).unwrap() as usize].name;
            assert_ne!(cell(row, name), Field::Null, "{}.{field}", event.kind.name());
        });
    }
}

#[test]
fn a_long_trace_has_several_groups_and_a_cut_one_what_there_is() {
    let mut trace = samples::trace();
    let event = trace.events[0];
    trace.events = vec![event; GROUP + 1];
    let bytes = trace.write(Vec::new()).unwrap();
    let groups = |file: &SerializedFileReader<Bytes>| {
        let groups = file.metadata().row_groups().iter().map(|group| group.num_rows());
        groups.collect::<Vec<_>>()
    };
    let (file, whole) = exported(&bytes);
    assert_eq!((groups(&file), whole), (vec![GROUP as i64, 1], true));
    let (file, whole) = exported(&bytes[..bytes.len() - 20]);
    assert_eq!((groups(&file), whole), (vec![GROUP as i64, 1], false));

    trace.events.clear();
    let (file, whole) = exported(&trace.write(Vec::new()).unwrap());
    assert_eq!((rows(&file).len(), whole), (0, true));
}
