//! The programs of a manager's server: its first thread, the one that accepts, and those of the clients.

use std::fmt::Write;

use super::declared::{Manager, Object, Transport};

/// The bytes of a request (object, method, key, value) and of a reply (status, answer).
pub const REQUEST: u64 = 32;
pub const REPLY: u64 = 16;
/// Connections that wait to be accepted.
const BACKLOG: u64 = 128;

/// The name of the address at which it listens.
pub fn address(manager: &Manager) -> String {
    format!("{}-address", manager.name.value)
}

/// The address's table, as TOML.
pub fn address_table(manager: &Manager) -> String {
    let kind = match manager.transport {
        Transport::Unix => "unix-stream",
        Transport::Tcp => "tcp",
    };
    format!("[socket.{}]\nkind = \"{kind}\"\n", address(manager))
}

/// All tables that a server needs, as TOML.
pub fn tables(manager: &Manager) -> String {
    let name = &manager.name.value;
    let mut text = address_table(manager);
    for object in &manager.objects {
        text += &filled(manager, object, object.kind.tables);
    }
    let variable = |what| manager.variable(what);
    let (here, there, door) = (variable("here"), variable("there"), variable("door"));
    let _ = write!(
        text,
        "[program.{name}]\nsteps = [ {{ close = \"@{here}\" }}, \
         {{ listen = \"{}\", into = \"{door}\", backlog = {BACKLOG} }}, {{ thread = \"{name}-accept\" }}, \
         {{ send = \"@{there}\", bytes = \"1B\" }}, \
         {{ recv = \"@{there}\", bytes = \"1B\", result = \"n\", on-error = \"continue\" }} ]\n",
        address(manager)
    );
    let _ = write!(
        text,
        "[program.{name}-accept]\nsteps = [ {{ forever = true, do = [ \
         {{ accept = \"@{door}\", into = \"client\" }}, {{ thread = \"{name}-serve\" }} ] }} ]\n"
    );
    let _ = write!(
        text,
        "[program.{name}-serve]\nsteps = [ {{ set = \"n\", to = {REQUEST} }}, \
         {{ while = \"n == {REQUEST}\", do = [ \
         {{ recv = \"@client\", bytes = \"{REQUEST}B\", all = true, result = \"n\", on-error = \"continue\" }}, \
         {{ if = \"n == {REQUEST}\", then = [ \
         {{ unpack-buffer = [\"object\", \"method\", \"key\", \"value\"] }}, \
         {{ set = \"status\", to = 0 }}, {{ set = \"answer\", to = 0 }}, {} \
         {{ pack-buffer = [\"status\", \"answer\"] }}, \
         {{ send = \"@client\", buffer = true, result = \"sent\", on-error = \"continue\" }} ] }} ] }}, \
         {{ close = \"@client\" }} ]\n",
        dispatch(manager)
    );
    text
}

/// Finds the object, then the method, by comparing with one after the other.
fn dispatch(manager: &Manager) -> String {
    let objects = manager.objects.iter().map(|object| {
        let methods = object.kind.methods.iter().map(|method| filled(manager, object, method.steps));
        let chosen = choice("method", &methods.collect::<Vec<_>>());
        if !object.kind.is_locked {
            return chosen;
        }
        let mutex = format!("{}-{}-mutex", manager.name.value, object.name);
        format!("{{ lock = \"{mutex}\" }}, {chosen} {{ unlock = \"{mutex}\" }},")
    });
    choice("object", &objects.collect::<Vec<_>>())
}

/// The steps of the one whose number the variable has. The last one needs no test.
fn choice(variable: &str, cases: &[String]) -> String {
    let Some((last, others)) = cases.split_last() else { return String::new() };
    let numbered = others.iter().enumerate().rev();
    numbered.fold(last.clone(), |rest, (number, steps)| {
        format!("{{ if = \"{variable} == {number}\", then = [ {steps} ], else = [ {rest} ] }},")
    })
}

fn filled(manager: &Manager, object: &Object, template: &str) -> String {
    template
        .replace("OBJECT", &format!("{}-{}", manager.name.value, object.name))
        .replace("SIZE", &object.capacity.to_string())
        .replace("INITIAL", &object.initial.to_string())
}
