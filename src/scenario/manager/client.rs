//! What a client's step becomes. A text `$key` stands for the value of the step's own key.

use std::fmt::Write;

use crate::errno::Errno;
use crate::scenario::shell::steps::quoted;

use super::declared::Manager;
use super::server::{REPLY, address};

/// A call as it is to be made.
pub struct Asked<'a> {
    pub manager: &'a Manager,
    /// The places of the object and of the method.
    pub object: usize,
    pub method: usize,
    /// The keys that the step has.
    pub given: &'a [&'a str],
    /// What is printed before the error if a failure ends the program; none if it goes on.
    pub complaint: Option<String>,
}

/// At the beginning of a program: whatever it was forked from, it has no connection yet.
pub fn prologue(manager: &Manager) -> String {
    format!("{{ set = \"{}\", to = 0 }},", manager.variable("connection"))
}

pub fn start(manager: &Manager) -> String {
    let (here, there) = (manager.variable("here"), manager.variable("there"));
    format!(
        "{{ signal = \"SIGPIPE\", action = \"ignore\" }}, {{ socketpair = [\"{here}\", \"{there}\"] }}, \
         {{ fork = \"{}\" }}, {{ close = \"@{there}\" }}, {{ recv = \"@{here}\", bytes = \"1B\" }},",
        manager.name.value
    )
}

pub fn stop(manager: &Manager) -> String {
    let (here, status) = (manager.variable("here"), manager.variable("status"));
    let connection = manager.variable("connection");
    format!(
        "{{ send = \"@{here}\", bytes = \"1B\", result = \"{status}\", on-error = \"continue\" }}, \
         {{ close = \"@{here}\" }}, {{ if = \"{connection} != 0\", then = [ \
         {{ close = \"@{connection}\" }}, {{ set = \"{connection}\", to = 0 }} ] }}, {{ wait = \"{}\" }},",
        manager.name.value
    )
}

pub fn call(asked: &Asked<'_>) -> String {
    let manager = asked.manager;
    let [status, answer, connection] = ["status", "answer", "connection"].map(|what| manager.variable(what));
    let operand = |key: &str| {
        if asked.given.contains(&key) { format!("\"${key}\"") } else { "0".to_owned() }
    };
    let mut text = format!(
        "{{ set = \"{status}\", to = 0 }}, {{ if = \"{connection} == 0\", then = [ \
         {{ signal = \"SIGPIPE\", action = \"ignore\" }}, \
         {{ connect = \"{}\", into = \"{connection}\", result = \"{status}\", on-error = \"continue\" }}, \
         {{ if = \"{status} < 0 and {connection} != 0\", then = [ {{ close = \"@{connection}\" }}, \
         {{ set = \"{connection}\", to = 0 }} ] }} ] }}, ",
        address(manager)
    );
    let _ = write!(
        text,
        "{{ if = \"{status} == 0\", then = [ {{ pack-buffer = [{}, {}, {}, {}] }}, \
         {{ send = \"@{connection}\", buffer = true, result = \"{status}\", on-error = \"continue\" }}, \
         {{ if = \"{status} > 0\", then = [ {{ recv = \"@{connection}\", bytes = \"{REPLY}B\", all = true, \
         result = \"{status}\", on-error = \"continue\" }}, {{ if = \"{status} == {REPLY}\", \
         then = [ {{ unpack-buffer = [\"{status}\", \"{answer}\"] }} ], \
         else = [ {{ if = \"{status} >= 0\", then = [ {{ set = \"{status}\", to = {} }} ] }} ] }} ] }} ] }}, ",
        asked.object,
        asked.method,
        operand("key"),
        operand("value"),
        Errno::ECONNRESET.result()
    );
    if asked.given.contains(&"result") {
        let _ = write!(text, "{{ set = \"$result\", to = \"{status}\" }}, ");
    }
    if let Some(complaint) = &asked.complaint {
        let _ = write!(
            text,
            "{{ if = \"{status} < 0\", then = [ {} {{ exit = 1 }} ] }}, ",
            complaints(&status, complaint)
        );
    }
    if asked.given.contains(&"into") {
        let _ = write!(
            text,
            "{{ if = \"{status} == 0\", then = [ {{ set = \"$into\", to = \"{answer}\" }} ] }}, "
        );
    }
    text
}

/// Prints the error that there is. Whatever the connection may fail with besides is a number.
fn complaints(status: &str, complaint: &str) -> String {
    let known = [
        Errno::ENOENT,
        Errno::ENOMEM,
        Errno::ERANGE,
        Errno::EPERM,
        Errno::ECONNREFUSED,
        Errno::ECONNRESET,
        Errno::EPIPE,
    ];
    let other = format!("{{ print = {} }},", quoted(&format!("{complaint}: error {{0 - {status}}}")));
    known.iter().rev().fold(other, |rest, errno| {
        let line = quoted(&format!("{complaint}: {errno}"));
        let number = errno.result();
        format!("{{ if = \"{status} == {number}\", then = [ {{ print = {line} }} ], else = [ {rest} ] }},")
    })
}
