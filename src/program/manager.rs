//! `manager-start`, `manager-call` and `manager-stop`: objects in a process of their own, which others
//! reach by messages. What they become is put in their place before steps are read, so these rows are
//! only their documentation.

use schemars::JsonSchema;
use serde::Deserialize;

use super::at::{At, Value};
use super::form::{Form, Step, parse, schema};
use super::lower::Lower;
use super::verb::{Level, Real, VerbRow};

pub const START: VerbRow = VerbRow {
    name: "manager-start",
    level: Level::Library,
    summary: "starts the server process of a manager",
    doc: "Forks the process that owns the objects of `[manager.NAME]`, and waits until it listens. It runs the program NAME: a thread accepts connections, and each client has a thread of its own there. The server ends by `manager-stop`, or when whoever started it and all that were forked afterwards have ended. SIGPIPE is ignored from here on.",
    example: r#"{ manager-start = "m" }"#,
    real: Real::Yes("socketpair(2), fork(2), recv(2); in the server listen(2), accept(2) and clone3(2)"),
    blocks: &[],
    parse: parse::<StartForm>,
    schema: schema::<StartForm>,
};

pub const CALL: VerbRow = VerbRow {
    name: "manager-call",
    level: Level::Library,
    summary: "has the server of a manager do something with one of its objects",
    doc: "Sends object, method, `key` and `value` to the server in one message of 32 bytes and waits for its reply of 16: what came of it, and the answer. The server's thread for this client does it, and waits there if it must. The thread's first call connects, for which it ignores SIGPIPE. A dict knows `get`, `set`, `contains`, `remove`, `length` (ENOENT: no such key; ENOMEM: full); a list `append`, `get`, `set`, `pop`, `length` (ERANGE: no such item; ENOMEM: full); a value `get`, `set`, `add`; a lock `acquire`, `release` (EPERM: nobody holds it); a semaphore `acquire`, `release`; a condition `acquire`, `release`, `wait`, `notify`, `notify-all` (EPERM: its lock isn't the caller's); an event `set`, `clear`, `wait`, `is-set`; a queue `put`, `get`. ECONNREFUSED, ECONNRESET or EPIPE: there is no server, or none any more. The message takes the place of what the thread has read last.",
    example: r#"{ manager-call = "m.squares", method = "set", key = "i", value = "i * i" }"#,
    real: Real::Yes("connect(2) once, then send(2) and recv(2)"),
    blocks: &[],
    parse: parse::<CallForm>,
    schema: schema::<CallForm>,
};

pub const STOP: VerbRow = VerbRow {
    name: "manager-stop",
    level: Level::Library,
    summary: "ends the server process of a manager",
    doc: "Tells the server to end, and waits until it has. Its objects are gone, and who calls them gets an error. It stands in the program that has started the server.",
    example: r#"{ manager-stop = "m" }"#,
    real: Real::Yes("send(2), close(2), wait4(2)"),
    blocks: &[],
    parse: parse::<StopForm>,
    schema: schema::<StopForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct StartForm {
    /// The manager.
    #[serde(rename = "manager-start")]
    _manager: At<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct CallForm {
    /// The manager and its object, "manager.object".
    #[serde(rename = "manager-call")]
    _object: At<String>,
    /// What the server does with it.
    #[serde(rename = "method")]
    _method: At<String>,
    /// The key in a dict, or the place in a list, from 0.
    #[serde(rename = "key")]
    _key: Option<At<Value>>,
    /// What is put in.
    #[serde(rename = "value")]
    _value: Option<At<Value>>,
    /// The variable that gets the answer.
    #[serde(rename = "into")]
    _into: Option<At<String>>,
    /// The variable that gets 0, or a negated error number.
    #[serde(rename = "result")]
    _result: Option<At<String>>,
    /// What a failed call does: "exit" (the default) says so on the terminal and ends the process with
    /// status 1, "continue" goes on.
    #[serde(rename = "on-error")]
    _on_error: Option<At<String>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct StopForm {
    /// The manager.
    #[serde(rename = "manager-stop")]
    _manager: At<String>,
}

/// Never reached: the scenario has put other steps in their places.
macro_rules! replaced {
    ($($form:ty),*) => {$(
        impl Form for $form {
            fn lower(&self, _step: &Step, _cx: &mut Lower<'_>) {}
        }
    )*};
}

replaced!(StartForm, CallForm, StopForm);
