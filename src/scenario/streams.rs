//! `[stream.NAME]`: a buffer of the program's own in front of a channel, as C's stdio has it.

use schemars::JsonSchema;
use serde::Deserialize;
use toml::de::DeTable;

use crate::program::at::{At, Size};
use crate::program::names::{Names, Stream};
use crate::program::problem::{Code, Problem, Problems};

use super::table::{named, size};

/// `[stream.NAME]`: a buffer in the program's memory in front of a channel, for `fwrite`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct StreamForm {
    /// The pipe or file that it writes to, or "terminal".
    pub over: At<String>,
    /// How many bytes its buffer holds; "4KiB" if absent.
    pub buffer: Option<At<Size>>,
}

/// Reads all streams and puts their names into `names`.
pub fn read(root: &DeTable<'_>, names: &mut Names, problems: &mut Problems) {
    for (number, entry) in named::<StreamForm>(root, "stream", problems).into_iter().enumerate() {
        let buffer = entry.form.buffer.as_ref();
        let buffer = buffer.and_then(|at| size(at, "a stream's buffer", 1 << 30, problems));
        let over = entry.form.over;
        if over.value != "terminal" && !names.channels.contains_key(&over.value) {
            let message = format!("there is no pipe or file `{}`", over.value);
            let problem = Problem::error(Code::UnknownObject, over.span.clone(), message);
            problems.push(problem.suggest(&over.value, names.channels.keys().map(String::as_str)));
            continue;
        }
        if let Some(other) = names.kinds.insert(entry.name.value.clone(), "stream") {
            let message = format!("`{}` is already the name of a {other}", entry.name.value);
            problems.error(Code::DuplicateName, entry.name.span.clone(), message);
        }
        let stream = Stream { number: number as u16, size: buffer.unwrap_or(4096) as i64, over };
        names.streams.insert(entry.name.value, stream);
    }
}
