//! `sh`: a line for the shell. What it becomes is put in its place before steps are read, so this
//! row is only its documentation.

use schemars::JsonSchema;
use serde::Deserialize;

use super::at::At;
use super::form::{Form, Step, parse, schema};
use super::lower::Lower;
use super::verb::{Level, Real, VerbRow};

pub const ROW: VerbRow = VerbRow {
    name: "sh",
    level: Level::Shell,
    summary: "has the shell run a line",
    doc: "Runs a line as `system(3)` does: in a shell of its own, for which the step waits. Commands are the scenario's programs (their arguments are the variables `arg1`, `arg2` ...) and `echo`, `cat`, `wc`, `head`, `sleep`, `true`, `false`, `yes`. The shell knows words and quotes, `$variable` and `$?`, pipelines, `<`, `>`, `>>`, `2>&1`, `;`, `&&`, `||`, `&`, `wait` and `exit`. Files that a line names and the scenario doesn't are made. The line becomes forks, pipes, dup2, exec and waits, which is what it costs.",
    example: r#"{ sh = "echo hello | wc -c" }"#,
    real: Real::Yes("pipe2(2), fork(2), dup2(2), execve(2) and wait4(2), as a shell makes them"),
    blocks: &[],
    parse: parse::<ShForm>,
    schema: schema::<ShForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ShForm {
    /// The line.
    #[serde(rename = "sh")]
    _line: At<String>,
    /// The variable that gets the line's exit status.
    #[serde(rename = "status")]
    _status: Option<At<String>>,
}

impl Form for ShForm {
    /// Never reached: the scenario has put forks and waits in its place.
    fn lower(&self, _step: &Step, _cx: &mut Lower<'_>) {}
}
