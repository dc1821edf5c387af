//! Trapline's own trace file: JSON lines become one again, and of a damaged file one is made that ends before the damage.

use std::io::Write;

use crate::trace::{Outcome, Writer};

use super::{ExportError, Exporter, Input, Writes};

pub const EXPORTER: Exporter = Exporter {
    name: "trace",
    endings: &["bin"],
    doc: "Trapline's own trace file: for JSON lines that shall be one again, and to save what is left of a damaged one.",
    writes: Writes::Events(write),
};

fn write(input: &mut Input<'_>, out: &mut dyn Write) -> Result<(), ExportError> {
    let mut writer = Writer::new(out, input.header())?;
    let mut damage = None;
    for record in input.by_ref() {
        match record {
            Ok(record) => writer.record(&record),
            Err(error) => {
                damage = Some(error);
                break;
            }
        }
        if writer.failed() {
            break;
        }
    }
    let (end, outcome, lost) = match input.footer().filter(|_| damage.is_none()) {
        Some(footer) => (footer.end, footer.outcome.clone(), footer.lost),
        None => (input.at(), Outcome::Interrupted, 0),
    };
    writer.finish(end, outcome, lost)?;
    damage.map_or(Ok(()), |error| Err(error.into()))
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use crate::trace::{Reader, Trace};

    fn exported(bytes: &[u8]) -> (Vec<u8>, bool) {
        let mut out = Vec::new();
        let whole = write(&mut Reader::new(bytes).unwrap().boxed(), &mut out).is_ok();
        (out, whole)
    }

    #[test]
    fn a_trace_comes_out_as_it_went_in() {
        let bytes = samples::bytes();
        assert!(exported(&bytes) == (bytes, true));
    }

    #[test]
    fn what_is_left_of_a_damaged_trace_is_a_trace() {
        let bytes = samples::bytes();
        let (saved, whole) = exported(&bytes[..bytes.len() - 20]);
        assert!(!whole);
        let trace = Trace::from_reader(Reader::new(&saved[..]).unwrap()).unwrap();
        assert_eq!((trace.events, trace.outcome), (samples::trace().events, Outcome::Interrupted));
    }
}
