//! JSON as rt-app takes it: with comments and trailing commas, keys in their order, the same key more than once.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::ImportError;

/// A JSON value whose objects are lists.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    Null,
    Truth(bool),
    Number(f64),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    pub fn get(&self, key: &str) -> Option<&Json> {
        self.entries().iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// An object's entries; none of anything else.
    pub fn entries(&self) -> &[(String, Json)] {
        match self {
            Json::Object(entries) => entries,
            Json::Null | Json::Truth(_) | Json::Number(_) | Json::Text(_) | Json::List(_) => &[],
        }
    }

    pub fn text(&self) -> Option<&str> {
        match self {
            Json::Text(text) => Some(text),
            Json::Null | Json::Truth(_) | Json::Number(_) | Json::List(_) | Json::Object(_) => None,
        }
    }

    /// A whole number, also one in quotes.
    pub fn number(&self) -> Option<i64> {
        match self {
            Json::Number(number) if number.abs() < 9e15 => Some(number.trunc() as i64),
            Json::Text(text) => text.trim().parse().ok(),
            Json::Null | Json::Truth(_) | Json::Number(_) | Json::List(_) | Json::Object(_) => None,
        }
    }
}

/// Reads a text.
pub fn read(bytes: &[u8]) -> Result<Json, ImportError> {
    let plain = strip(bytes);
    serde_json::from_slice(&plain).map_err(|error| {
        let text = error.to_string();
        let text = text.split(" at line ").next().unwrap_or_default().to_owned();
        ImportError::new(Some(error.line() as u64), format!("this isn't JSON: {text}"))
    })
}

/// Without comments and trailing commas, which become spaces: lines keep their numbers.
pub fn strip(bytes: &[u8]) -> Vec<u8> {
    let mut plain = bytes.to_vec();
    let mut at = 0;
    // A comma behind which only spaces and comments were.
    let mut comma = None;
    while at < bytes.len() {
        let two = (bytes[at], bytes.get(at + 1).copied().unwrap_or(0));
        let end = match two {
            (b'"', _) => end_of_text(bytes, at),
            (b'/', b'/') => {
                bytes[at..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |to| at + to)
            }
            (b'/', b'*') => {
                let end = bytes[at + 2..].windows(2).position(|two| two == b"*/");
                end.map_or(bytes.len(), |to| at + 2 + to + 2)
            }
            _ => at + 1,
        };
        match two {
            (b'/', b'/' | b'*') => {
                plain[at..end].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
            }
            (b',', _) => comma = Some(at),
            (b'}' | b']', _) => {
                if let Some(comma) = comma.take() {
                    plain[comma] = b' ';
                }
            }
            (byte, _) if byte.is_ascii_whitespace() => {}
            _ => comma = None,
        }
        at = end;
    }
    plain
}

fn end_of_text(bytes: &[u8], begin: usize) -> usize {
    let mut at = begin + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Truth(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Number(value as f64))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(value as f64))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Number(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element()? {
            values.push(value);
        }
        Ok(Json::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Json::Object(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_trailing_commas_go_and_texts_stay() {
        let text = "{ // a \"comment\", }\n\"a\": [1, 2, /* , */ ], \"u//rl\": \"x, }\\\"/*\", /* end */\n}";
        let json = read(text.as_bytes()).expect("JSON");
        let expected = Json::Object(vec![
            ("a".to_owned(), Json::List(vec![Json::Number(1.0), Json::Number(2.0)])),
            ("u//rl".to_owned(), Json::Text("x, }\"/*".to_owned())),
        ]);
        assert_eq!(json, expected);
    }

    #[test]
    fn keys_keep_their_order_and_come_more_than_once() {
        let json = read(b"{\"run\": 1, \"sleep\": 2, \"run\": 3}").expect("JSON");
        let keys: Vec<&str> = json.entries().iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["run", "sleep", "run"]);
    }

    #[test]
    fn mistakes_have_their_line() {
        let error = read(b"{\n/* x\n*/ \"a\" 1 }").expect_err("a mistake");
        assert_eq!(error.line, Some(3));
        assert!(read("[".repeat(100_000).as_bytes()).is_err());
        assert!(read(b"{\"a\": \"never closed").is_err());
    }
}
