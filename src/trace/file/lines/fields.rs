//! An event's fields, from JSON to the bytes of its kind's row.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::ids::{NameId, Tid};
use crate::signal::Signal;
use crate::trace::event::{Cause, Exception, Fault};
use crate::trace::header::Header;
use crate::trace::kinds::{Encoding, KindRow, WHYS, WhyCode};
use crate::trace::moved::Moved;
use crate::trace::rule::Rule;

use super::super::varint::{SLOT, Slot};

type Fields = Map<String, Value>;

/// What numbers are called; the first that bears a name. Looked up only, never walked.
pub struct Tables {
    calls: HashMap<String, u64>,
    objects: HashMap<String, u64>,
    vectors: HashMap<String, u64>,
    texts: HashMap<String, u64>,
    count: u32,
}

fn table<'a>(names: impl Iterator<Item = (&'a str, u64)>) -> HashMap<String, u64> {
    let mut table = HashMap::new();
    for (name, number) in names {
        table.entry(name.to_owned()).or_insert(number);
    }
    table
}

impl Tables {
    pub fn new(header: &Header) -> Tables {
        let calls = header.calls.iter().map(String::as_str).zip(0..);
        let objects = header.objects.iter().map(|entry| entry.name.as_str()).zip(0..);
        let vectors = header.vectors.iter().map(|entry| (entry.name.as_str(), entry.vector.0.into()));
        Tables {
            calls: table(calls),
            objects: table(objects),
            vectors: table(vectors),
            texts: HashMap::new(),
            count: 0,
        }
    }

    /// How many texts there are so far.
    pub fn texts(&self) -> u32 {
        self.count
    }

    pub fn text(&mut self, text: String) {
        let number = NameId(self.count);
        self.texts.entry(text).or_insert(number.0.into());
        self.count = self.count.wrapping_add(1);
    }

    /// The fields in the order and the encoding of the kind's row.
    pub fn payload(&self, row: &KindRow, fields: &Fields, task: Tid) -> Result<Vec<u8>, String> {
        let mut bytes = [0; SLOT];
        let mut slot = Slot::new(&mut bytes);
        for field in row.fields {
            let name = field.name;
            match field.encoding {
                Encoding::Uint => slot.uint(self.number(fields, name)?),
                Encoding::Int => {
                    slot.int(get(fields, name)?.as_i64().ok_or_else(|| odd(name, "an integer"))?)
                }
                Encoding::Task => {
                    let other =
                        u32::try_from(self.number(fields, name)?).map_err(|_| odd(name, "a thread"))?;
                    slot.int(i64::from(other) - i64::from(task.0));
                }
                Encoding::Bool => {
                    let flag = get(fields, name)?.as_bool();
                    slot.byte(flag.ok_or_else(|| odd(name, "true or false"))?.into());
                }
                Encoding::Fault => {
                    slot.byte(position(fields, name, Fault::ALL.iter().map(|one| one.name()))?)
                }
                Encoding::Rule => slot.byte(position(fields, name, Rule::ALL.iter().map(|one| one.name()))?),
                Encoding::Moved => {
                    slot.byte(position(fields, name, Moved::ALL.iter().map(|one| one.name()))?)
                }
                Encoding::Exception => {
                    slot.byte(position(fields, name, Exception::ALL.iter().map(|one| one.name()))?);
                }
                Encoding::Why => self.why(fields, name, &mut slot)?,
            }
        }
        let len = slot.len();
        Ok(bytes[..len].to_vec())
    }

    fn why(&self, fields: &Fields, name: &str, slot: &mut Slot<'_>) -> Result<(), String> {
        let place = usize::from(position(fields, name, WHYS.iter().map(|row| row.name))?);
        let code = WHYS[place].code;
        slot.byte(code as u8);
        match code {
            WhyCode::Blocked => {
                slot.byte(position(fields, "on", Cause::ALL.iter().map(|one| one.name()))?);
                let object = fields.get("object").map(|_| self.number(fields, "object")).transpose()?;
                let object = object.map_or(Some(0), |object| object.checked_add(1));
                slot.uint(object.ok_or_else(|| odd("object", "an object"))?);
            }
            WhyCode::Preempted => slot.uint(self.number(fields, "by")?),
            WhyCode::SliceEnd | WhyCode::Yielded | WhyCode::Exited | WhyCode::WorkArrived => {}
        }
        Ok(())
    }

    /// A number, written as such or by its name.
    fn number(&self, fields: &Fields, name: &str) -> Result<u64, String> {
        let value = get(fields, name)?;
        let Some(text) = value.as_str() else {
            return value.as_u64().ok_or_else(|| odd(name, "a number from 0"));
        };
        if let Some(number) = fields.get(&format!("{name}_number")) {
            return number.as_u64().ok_or_else(|| odd(name, "a number from 0"));
        }
        if let Some(number) = text.strip_prefix('#') {
            return number.parse().map_err(|_| odd(name, "a name, or # and a number"));
        }
        let table = match name {
            "call" => &self.calls,
            "object" => &self.objects,
            "vector" => &self.vectors,
            "signal" => {
                let signal = Signal::ALL.iter().find(|signal| signal.name() == text);
                return signal
                    .map(|&signal| signal as u64)
                    .ok_or_else(|| format!("there is no signal `{text}`"));
            }
            _ => &self.texts,
        };
        table
            .get(text)
            .copied()
            .ok_or_else(|| format!("`{name}` is \"{text}\", which nothing before is called"))
    }
}

fn get<'a>(fields: &'a Fields, name: &str) -> Result<&'a Value, String> {
    fields.get(name).ok_or_else(|| format!("there is no `{name}` in `fields`"))
}

fn odd(name: &str, expected: &str) -> String {
    format!("`{name}` isn't {expected}")
}

/// The place of a word in its list.
fn position<'a>(fields: &Fields, name: &str, mut words: impl Iterator<Item = &'a str>) -> Result<u8, String> {
    let word = get(fields, name)?.as_str().ok_or_else(|| odd(name, "a word"))?;
    let place = words.position(|known| known == word);
    let place = place.and_then(|place| u8::try_from(place).ok());
    place.ok_or_else(|| {
        format!("`{name}` is \"{word}\", which is unknown: a newer Trapline may have written it")
    })
}
