//! The first block: the header, and a description of the kinds of event.
//!
//! The description lets a program in any language read the records without a table of its own, and
//! lets people see in ten years what a number meant.

use std::io;

use serde::{Deserialize, Serialize};

use crate::trace::event::{Cause, Exception, Fault};
use crate::trace::header::{Header, SCHEMA};
use crate::trace::kinds::{KINDS, WHYS};
use crate::trace::moved::Moved;
use crate::trace::rule::Rule;

use super::error::TraceError;

#[derive(Serialize)]
struct Preamble<'a> {
    header: &'a Header,
    kinds: Vec<KindEntry>,
    /// From code 1.
    why: Vec<&'static str>,
    /// From 0, as the following.
    cause: Vec<&'static str>,
    rule: Vec<&'static str>,
    moved: Vec<&'static str>,
    fault: Vec<&'static str>,
    exception: Vec<&'static str>,
}

#[derive(Serialize)]
struct KindEntry {
    code: u8,
    name: &'static str,
    /// Name and encoding of each.
    fields: Vec<(&'static str, &'static str)>,
}

/// The bytes of the first block.
pub fn write(header: &Header) -> io::Result<Vec<u8>> {
    let kinds = KINDS.iter().map(|row| KindEntry {
        code: row.code as u8,
        name: row.name,
        fields: row.fields.iter().map(|field| (field.name, field.encoding.name())).collect(),
    });
    let preamble = Preamble {
        header,
        kinds: kinds.collect(),
        why: WHYS.iter().map(|row| row.name).collect(),
        cause: Cause::ALL.iter().map(|cause| cause.name()).collect(),
        rule: Rule::ALL.iter().map(|rule| rule.name()).collect(),
        moved: Moved::ALL.iter().map(|moved| moved.name()).collect(),
        fault: Fault::ALL.iter().map(|fault| fault.name()).collect(),
        exception: Exception::ALL.iter().map(|exception| exception.name()).collect(),
    };
    serde_json::to_vec(&preamble).map_err(io::Error::other)
}

/// Reads the header. Its schema is looked at first, since a newer one may not parse.
pub fn read(bytes: &[u8], offset: u64) -> Result<Header, TraceError> {
    #[derive(Deserialize)]
    struct Read<T> {
        header: T,
    }
    #[derive(Deserialize)]
    struct Version {
        schema: u32,
    }
    let wrong = |error: serde_json::Error| {
        TraceError::corrupt(offset, format!("the header isn't as it should be ({error})"))
    };
    let version: Read<Version> = serde_json::from_slice(bytes).map_err(wrong)?;
    let found = version.header.schema;
    if found > SCHEMA {
        return Err(TraceError::Future { what: "schema", found, known: SCHEMA });
    }
    let read: Read<Header> = serde_json::from_slice(bytes).map_err(wrong)?;
    Ok(read.header)
}
