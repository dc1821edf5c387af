//! Values with their place in the scenario's text.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

/// A value and where it stands.
///
/// [`serde_spanned::Spanned`] with a JSON Schema: the value's own.
#[derive(Clone, Debug, PartialEq)]
pub struct At<T> {
    pub span: Range<usize>,
    pub value: T,
}

impl<T> At<T> {
    pub fn new(span: Range<usize>, value: T) -> At<T> {
        At { span, value }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for At<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<At<T>, D::Error> {
        let spanned = serde_spanned::Spanned::<T>::deserialize(deserializer)?;
        Ok(At::new(spanned.span(), spanned.into_inner()))
    }
}

impl<T: JsonSchema> JsonSchema for At<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }
    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// A value as it stands in the text, before anything is expected of it.
///
/// Reading amounts in two stages lets every mistake in a table be reported, with its own code and
/// place, where serde would stop at the first.
#[derive(Clone, Debug, PartialEq)]
pub enum Raw {
    Integer(i128),
    Float(f64),
    Truth(bool),
    Text(String),
    Table(Vec<(At<String>, At<Raw>)>),
    List(Vec<At<Raw>>),
}

/// The keys and values of a table, in the order of the file.
pub type Entries = [(At<String>, At<Raw>)];

impl Raw {
    /// What it is, with its article.
    pub fn kind(&self) -> &'static str {
        match self {
            Raw::Integer(_) => "an integer",
            Raw::Float(_) => "a decimal number",
            Raw::Truth(_) => "true or false",
            Raw::Text(_) => "a text",
            Raw::Table(_) => "a table",
            Raw::List(_) => "a list",
        }
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Integer(value.into()))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Integer(value.into()))
    }
    fn visit_i128<E>(self, value: i128) -> Result<Raw, E> {
        Ok(Raw::Integer(value))
    }
    fn visit_u128<E>(self, value: u128) -> Result<Raw, E> {
        Ok(Raw::Integer(i128::try_from(value).unwrap_or(i128::MAX)))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Float(value))
    }
    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Truth(value))
    }
    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry::<At<String>, At<Raw>>()? {
            entries.push(entry);
        }
        entries.sort_by_key(|(key, _)| key.span.start);
        Ok(Raw::Table(entries))
    }
    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element::<At<Raw>>()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Raw, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

macro_rules! raw_kinds {
    ($($(#[doc = $doc:literal])* $name:ident: $schema:tt;)*) => {$(
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name(pub Raw);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                Raw::deserialize(deserializer).map($name)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                let mut schema = schemars::json_schema!($schema);
                let doc = concat!($($doc, "\n"),*).trim().to_owned();
                schema.insert("description".into(), doc.into());
                schema
            }
        }
    )*};
}

raw_kinds! {
    /// A time with its unit, for example "10us" or "500 instructions".
    Time: { "type": "string", "pattern": "^[+]?[0-9][0-9_.]* *(ns|us|µs|ms|s|min|instructions?)$" };
    /// A number of bytes with its unit, for example "64KiB".
    Size: { "type": "string", "pattern": "^[+]?[0-9][0-9_.]* *(B|KiB|MiB|GiB)$" };
    /// A time with its unit ("10us", "500 instructions"), a computed one
    /// ({ value = "n * 10", unit = "us" }), or a random one ({ dist = "exponential", mean = "10us" }).
    TimeAmount: { "anyOf": [
        { "type": "string" },
        { "type": "object", "properties": { "value": {}, "unit": { "type": "string" } },
          "required": ["value", "unit"], "additionalProperties": false },
        { "type": "object", "properties": {
            "dist": { "enum": ["uniform", "exponential", "normal", "pareto"] },
            "low": {}, "high": {}, "mean": {}, "deviation": {}, "scale": {}, "shape": {} },
          "required": ["dist"], "additionalProperties": false }
    ] };
    /// A number of bytes with its unit ("64KiB"), a computed one ({ value = "n", unit = "B" }), or
    /// a random one ({ dist = "uniform", low = "1B", high = "4KiB" }).
    SizeAmount: { "anyOf": [
        { "type": "string" },
        { "type": "object", "properties": { "value": {}, "unit": { "type": "string" } },
          "required": ["value", "unit"], "additionalProperties": false },
        { "type": "object", "properties": {
            "dist": { "enum": ["uniform", "exponential", "normal", "pareto"] },
            "low": {}, "high": {}, "mean": {}, "deviation": {}, "scale": {}, "shape": {} },
          "required": ["dist"], "additionalProperties": false }
    ] };
    /// A count: a whole number, an expression ("n + 1"), or a random one
    /// ({ dist = "uniform", low = 1, high = 6 }).
    CountAmount: { "anyOf": [
        { "type": "integer", "minimum": 0 },
        { "type": "string" },
        { "type": "object", "properties": {
            "dist": { "enum": ["uniform", "exponential", "normal", "pareto"] },
            "low": {}, "high": {}, "mean": {}, "deviation": {}, "scale": {}, "shape": {} },
          "required": ["dist"], "additionalProperties": false }
    ] };
    /// A whole number, or an expression of variables, for example "i * 2 + 1".
    Value: { "type": ["integer", "string"] };
    /// A time that is fixed ("5ms") or random ({ dist = "uniform", low = "1ms", high = "9ms" }).
    TimeChoice: { "anyOf": [
        { "type": "string" },
        { "type": "object", "properties": {
            "dist": { "enum": ["uniform", "exponential"] }, "low": {}, "high": {}, "mean": {} },
          "required": ["dist"], "additionalProperties": false }
    ] };
    /// A whole number.
    Whole: { "type": "integer" };
    /// Anything.
    Anything: {};
}

impl TimeAmount {
    /// Whether it is more than nothing, whatever happens. Only a fixed zero is known not to be.
    pub fn is_surely_positive(&self) -> bool {
        match &self.0 {
            Raw::Text(text) => text.contains(|c: char| ('1'..='9').contains(&c)),
            Raw::Integer(_) | Raw::Float(_) | Raw::Truth(_) | Raw::Table(_) | Raw::List(_) => true,
        }
    }
}

/// `true`, or a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whether {
    True,
    Name(String),
}

impl<'de> Deserialize<'de> for Whether {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Whether, D::Error> {
        match Raw::deserialize(deserializer)? {
            Raw::Truth(true) => Ok(Whether::True),
            Raw::Text(name) => Ok(Whether::Name(name)),
            other => {
                Err(serde::de::Error::custom(format!("expected a name or `true`, not {}", other.kind())))
            }
        }
    }
}

impl JsonSchema for Whether {
    fn schema_name() -> Cow<'static, str> {
        "Whether".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({ "anyOf": [{ "const": true }, { "type": "string" }] })
    }
}
