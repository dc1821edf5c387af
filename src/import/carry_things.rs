//! Sockets in recordings, and descriptors that variables of the steps hold.

use super::args::{field, list, nth, number, number_at, quoted};
use super::build::Context;
use super::calls::Carried;
use super::carry_events::word;
use super::carry_process::{flag, unsuccessful};
use super::descriptors::{Descriptor, End, What};
use super::plan::{Fields, Value, text};
use super::things::Kind;

const CLOEXEC: i64 = 0o2_000_000;
/// Descriptors that variables hold, at most.
const MOST: usize = 8000;
/// So many reads by one stand for a read of a counter, at most.
const MOST_TAKEN: u64 = 64;
const ELSEWHERE: &str = "a socket whose other end, or whose number, the steps can't know";

/// The kind of a socket by the family and type of the call.
fn kind(family: &str, form: &str) -> Option<&'static str> {
    let unix = family == "AF_UNIX" || family == "AF_LOCAL" || number(family) == Some(1);
    let inet = ["AF_INET", "AF_INET6"].contains(&family) || [Some(2), Some(10)].contains(&number(family));
    let code = number(form).map(|form| form & 0xf);
    let is = |name: &str, of: i64| form.split('|').any(|word| word == name) || code == Some(of);
    match (unix, inet) {
        (true, _) if is("SOCK_STREAM", 1) => Some("unix-stream"),
        (true, _) if is("SOCK_DGRAM", 2) => Some("unix-datagram"),
        (true, _) if is("SOCK_SEQPACKET", 5) => Some("unix-seqpacket"),
        (_, true) if is("SOCK_STREAM", 1) => Some("tcp"),
        _ => None,
    }
}

/// A new descriptor, whose variable this task's steps know.
pub fn put(cx: &mut Context<'_, '_>, fd: i64, kind: Kind, on_exec: bool) -> Option<usize> {
    if cx.builder.things.all.len() >= MOST {
        cx.process().table.put(fd, Descriptor { what: What::Socket, on_exec });
        return None;
    }
    let name = format!("fd_{}", fd.max(0));
    let thing = cx.builder.things.add(kind, name.clone());
    cx.process().table.put(fd, Descriptor { what: What::Thing(thing), on_exec });
    know(cx, thing);
    Some(thing)
}

/// The variable holds this one's descriptor from now on, and no other's.
fn know(cx: &mut Context<'_, '_>, thing: usize) {
    let mut knows = std::mem::take(&mut cx.track().knows);
    let all = &cx.builder.things.all;
    knows.retain(|other, _| all[*other].name != all[thing].name);
    knows.insert(thing, true);
    cx.track().knows = knows;
}

/// The thing that an argument stands for, if it is one.
pub fn thing(cx: &mut Context<'_, '_>, index: usize) -> Option<usize> {
    let fd = number_at(&cx.call.args, index)?;
    match cx.process().table.get(fd)?.what {
        What::Thing(thing) => Some(thing),
        What::Pipe(..) | What::File(_) | What::Terminal | What::Socket | What::Other | What::Unknown => None,
    }
}

/// `@` and the variable, if steps of this task can use it; if not, nobody's steps do.
fn handle(cx: &mut Context<'_, '_>, thing: usize) -> Option<String> {
    let known = cx.track().knows.get_mut(&thing).map(|used| *used = true).is_some();
    let things = &mut cx.builder.things;
    if !known || !things.all[thing].made {
        things.spoil(thing);
        return None;
    }
    things.fit(thing).then(|| format!("@{}", things.all[thing].name))
}

/// Whether a step could wait for it.
pub fn waited_for(cx: &mut Context<'_, '_>, what: What) -> bool {
    match what {
        What::Thing(thing) => {
            let known = cx.track().knows.contains_key(&thing);
            let things = &cx.builder.things;
            known && things.fit(thing) && things.all[thing].made
        }
        What::Pipe(_, End::Read) => true,
        What::Pipe(_, End::Write)
        | What::File(_)
        | What::Terminal
        | What::Socket
        | What::Other
        | What::Unknown => false,
    }
}

pub fn socket(cx: &mut Context<'_, '_>) -> Carried {
    let Some(fd) = cx.call.value() else {
        return unsuccessful(cx.call);
    };
    let args = &cx.call.args;
    let on_exec = flag(nth(args, 1), "SOCK_CLOEXEC", CLOEXEC);
    match kind(nth(args, 0), nth(args, 1)) {
        Some(kind @ ("tcp" | "unix-stream")) => drop(put(cx, fd, Kind::Socket(kind), on_exec)),
        Some(_) | None => cx.process().table.put(fd, Descriptor { what: What::Socket, on_exec }),
    }
    Carried::Followed
}

pub fn pair(cx: &mut Context<'_, '_>) -> Carried {
    if cx.call.value() != Some(0) {
        return unsuccessful(cx.call);
    }
    let args = &cx.call.args;
    let on_exec = flag(nth(args, 1), "SOCK_CLOEXEC", CLOEXEC);
    let fds: Vec<i64> = list(nth(args, 3)).iter().filter_map(|fd| number(fd)).collect();
    let (Some(kind), [one, other]) = (kind(nth(args, 0), nth(args, 1)), fds.as_slice()) else {
        return Carried::Work("its descriptors aren't in the recording");
    };
    let ends = [*one, *other].map(|fd| put(cx, fd, Kind::Socket(kind), on_exec));
    let [Some(one), Some(other)] = ends else {
        return Carried::Work("more sockets than a scenario can have");
    };
    let things = &mut cx.builder.things;
    things.join(one, other);
    things.all[one].made = true;
    things.all[other].made = true;
    if !things.fit(one) {
        return Carried::Followed;
    }
    let names = format!("[\"{}\", \"{}\"]", things.all[one].name, things.all[other].name);
    Carried::Steps(vec![vec![("socketpair", Value::Plain(names)), ("kind", text(kind))]])
}

/// What an address is known by: a port or a path.
fn key(kind: &str, address: &str) -> Option<String> {
    let port = field(address, "sin_port").or_else(|| field(address, "sin6_port"));
    let port = port.map(|port| port.trim_start_matches("htons("));
    let place = if kind == "tcp" { port } else { quoted(address) };
    place.filter(|place| !place.is_empty() && *place != "0").map(|place| format!("{kind} {place}"))
}

/// The steps that make a socket for an address.
fn make(cx: &mut Context<'_, '_>, thing: usize, address: usize) -> Option<Fields> {
    let known = cx.track().knows.contains_key(&thing);
    let things = &mut cx.builder.things;
    things.all[thing].made = true;
    things.all[thing].address = Some(address);
    if !known {
        things.spoil(thing);
        return None;
    }
    if !things.fit(thing) {
        return None;
    }
    things.addresses[address].used = true;
    let name = text(things.addresses[address].name.clone());
    Some(vec![("socket", name), ("into", text(things.all[thing].name.clone()))])
}

pub fn bind(cx: &mut Context<'_, '_>) -> Carried {
    if cx.call.value() != Some(0) {
        return unsuccessful(cx.call);
    }
    let Some((thing, kind)) = stream(cx) else { return Carried::Work("a kind of socket without a step") };
    let key = key(kind, nth(&cx.call.args, 1));
    let builder = &mut *cx.builder;
    let address = builder.things.address(thing, kind, &mut builder.names);
    if let Some(key) = key {
        builder.things.bound.insert(key, address);
    }
    let Some(socket) = make(cx, thing, address) else { return Carried::Followed };
    let things = &cx.builder.things;
    let own = format!("@{}", things.all[thing].name);
    let bind = vec![("bind", text(own)), ("to", text(things.addresses[address].name.clone()))];
    Carried::Steps(vec![socket, bind])
}

/// The connection or listener that the first argument stands for.
fn stream(cx: &mut Context<'_, '_>) -> Option<(usize, &'static str)> {
    let thing = thing(cx, 0)?;
    match cx.builder.things.all[thing].kind {
        Kind::Socket(kind) => Some((thing, kind)),
        Kind::Counter | Kind::Epoll | Kind::Named(_) => None,
    }
}

/// The kernel tells which port it has chosen.
pub fn name(cx: &mut Context<'_, '_>) -> Carried {
    if let Some((thing, kind)) = stream(cx)
        && cx.call.value() == Some(0)
        && let Some(address) = cx.builder.things.all[thing].address
        && cx.builder.things.all[thing].peer.is_none()
        && let Some(key) = key(kind, nth(&cx.call.args, 1))
    {
        cx.builder.things.bound.entry(key).or_insert(address);
    }
    unsuccessful(cx.call)
}

pub fn listen(cx: &mut Context<'_, '_>) -> Carried {
    if cx.call.value() != Some(0) {
        return unsuccessful(cx.call);
    }
    let Some((thing, _)) = stream(cx) else { return Carried::Work("a kind of socket without a step") };
    let backlog = number_at(&cx.call.args, 1).unwrap_or(0).clamp(0, 4096);
    match handle(cx, thing) {
        Some(own) => Carried::Steps(vec![vec![("listen", text(own)), ("backlog", Value::Number(backlog))]]),
        None => Carried::Followed,
    }
}

pub fn connect(cx: &mut Context<'_, '_>) -> Carried {
    if cx.call.value() != Some(0) && !cx.call.failed_with("EINPROGRESS") {
        return unsuccessful(cx.call);
    }
    let Some((thing, kind)) = stream(cx) else { return Carried::Waits("a kind of socket without a step") };
    let key = key(kind, nth(&cx.call.args, 1));
    let address = key.and_then(|key| cx.builder.things.bound.get(&key).copied());
    let Some(address) = address else {
        cx.builder.things.spoil(thing);
        return Carried::Waits("the other side isn't in the recording");
    };
    let socket = make(cx, thing, address);
    let things = &mut cx.builder.things;
    match things.addresses[address].servers.pop_front() {
        Some(server) => things.join(thing, server),
        None => things.addresses[address].clients.push_back(thing),
    }
    let Some(socket) = socket else { return Carried::Waits(ELSEWHERE) };
    let own = format!("@{}", things.all[thing].name);
    let connect = vec![("connect", text(own)), ("to", text(things.addresses[address].name.clone()))];
    Carried::Steps(vec![socket, connect])
}

pub fn accept(cx: &mut Context<'_, '_>) -> Carried {
    let Some(fd) = cx.call.value() else {
        return unsuccessful(cx.call);
    };
    let on_exec = flag(nth(&cx.call.args, 3), "SOCK_CLOEXEC", CLOEXEC);
    let listener = stream(cx).and_then(|(thing, kind)| {
        let address = cx.builder.things.all[thing].address?;
        Some((thing, kind, address))
    });
    let Some((listener, kind, address)) = listener else {
        cx.process().table.put(fd, Descriptor { what: What::Socket, on_exec });
        return Carried::Waits("a socket");
    };
    let own = handle(cx, listener);
    let Some(thing) = put(cx, fd, Kind::Socket(kind), on_exec) else {
        return Carried::Waits("more sockets than a scenario can have");
    };
    let things = &mut cx.builder.things;
    things.all[thing].made = true;
    things.all[thing].address = Some(address);
    match things.addresses[address].clients.pop_front() {
        Some(client) => things.join(thing, client),
        None => things.addresses[address].servers.push_back(thing),
    }
    match own.filter(|_| things.fit(thing)) {
        Some(own) => {
            let into = text(things.all[thing].name.clone());
            Carried::Steps(vec![vec![("accept", text(own)), ("into", into)]])
        }
        None => Carried::Waits(ELSEWHERE),
    }
}

pub fn shutdown(cx: &mut Context<'_, '_>) -> Carried {
    if cx.call.value() != Some(0) {
        return unsuccessful(cx.call);
    }
    let Some((thing, _)) = stream(cx) else { return Carried::Work("a kind of socket without a step") };
    let how = match nth(&cx.call.args, 1) {
        "SHUT_RD" | "0" => "read",
        "SHUT_WR" | "1" => "write",
        _ => "both",
    };
    cx.builder.things.all[thing].shut |= how != "read";
    match handle(cx, thing) {
        Some(own) => Carried::Steps(vec![vec![("shutdown", text(own)), ("how", text(how))]]),
        None => Carried::Work(ELSEWHERE),
    }
}

/// The process's last descriptor of it is closed.
pub fn closing(cx: &mut Context<'_, '_>, thing: usize) -> Option<Fields> {
    // What was never bound or connected has no step that made it.
    if !cx.builder.things.all[thing].made {
        return None;
    }
    handle(cx, thing).map(|own| vec![("close", text(own))])
}

/// So many bytes came out of it.
pub fn received(cx: &mut Context<'_, '_>, thing: usize, bytes: u64, asked: Option<u64>) -> Carried {
    let verb = if cx.call.name.contains("recv") { "recv" } else { "read" };
    let Some(own) = handle(cx, thing) else { return Carried::Waits(ELSEWHERE) };
    let own = text(own);
    let entry = &cx.builder.things.all[thing];
    match entry.kind {
        Kind::Counter => {
            let taken = nth(&cx.call.args, 1);
            let Some(count) = word(taken).filter(|count| (1..=MOST_TAKEN).contains(count)) else {
                cx.builder.things.spoil(thing);
                return Carried::Waits("what it got wasn't recorded");
            };
            cx.builder.things.all[thing].received += count;
            if count > 1 {
                cx.builder
                    .report
                    .remark("a counter gives one at a time in the scenario: a read of more is several reads");
            }
            Carried::Steps((0..count).map(|_| vec![("read", own.clone())]).collect())
        }
        Kind::Socket(_) if flag(nth(&cx.call.args, 3), "MSG_PEEK", 2) && verb == "recv" => {
            Carried::Work("looked without taking")
        }
        Kind::Socket(_) if bytes == 0 => {
            let peer = entry.peer;
            let over = peer
                .is_some_and(|peer| cx.builder.things.all[peer].shut || !cx.builder.holds(What::Thing(peer)));
            if !over {
                cx.builder.things.spoil(thing);
                return Carried::Waits("an end although somebody seems to hold the other one");
            }
            let asked = asked.unwrap_or(4096).clamp(1, 1 << 20);
            Carried::Steps(vec![vec![(verb, own), ("bytes", Value::Bytes(asked))]])
        }
        Kind::Socket(kind) => {
            let messages = ["unix-datagram", "unix-seqpacket"].contains(&kind);
            cx.builder.things.all[thing].received += if messages { 1 } else { bytes };
            let mut fields = vec![(verb, own), ("bytes", Value::Bytes(bytes))];
            if bytes > 1 && !messages {
                fields.push(("all", Value::Truth(true)));
            }
            Carried::Steps(vec![fields])
        }
        Kind::Epoll | Kind::Named(_) => Carried::Waits("a device or the like"),
    }
}

/// So many bytes went into it.
pub fn sent(cx: &mut Context<'_, '_>, thing: usize, bytes: u64) -> Carried {
    let verb = if cx.call.name.contains("send") && &*cx.call.name != "sendfile" { "send" } else { "write" };
    let Some(own) = handle(cx, thing) else { return Carried::Waits(ELSEWHERE) };
    let own = text(own);
    match cx.builder.things.all[thing].kind {
        Kind::Counter => {
            let given = word(nth(&cx.call.args, 1)).and_then(|count| i64::try_from(count).ok());
            let Some(count) = given else {
                cx.builder.things.spoil(thing);
                return Carried::Waits("what it was given wasn't recorded");
            };
            cx.builder.things.all[thing].sent += count.unsigned_abs();
            Carried::Steps(vec![vec![("write", own), ("value", Value::Number(count))]])
        }
        Kind::Socket(_) if bytes == 0 => Carried::Work("wrote nothing"),
        Kind::Socket(kind) => {
            let messages = ["unix-datagram", "unix-seqpacket"].contains(&kind);
            cx.builder.things.all[thing].sent += if messages { 1 } else { bytes };
            Carried::Steps(vec![vec![(verb, own), ("bytes", Value::Bytes(bytes))]])
        }
        Kind::Epoll | Kind::Named(_) => Carried::Waits("a device or the like"),
    }
}

#[cfg(test)]
mod tests {
    use super::{key, kind};

    #[test]
    fn addresses_are_ports_and_paths() {
        let inet = r#"{sa_family=AF_INET, sin_port=htons(5000), sin_addr=inet_addr("127.0.0.1")}"#;
        assert_eq!(key("tcp", inet).as_deref(), Some("tcp 5000"));
        let unix = r#"{sa_family=AF_UNIX, sun_path="/tmp/s"}"#;
        assert_eq!(key("unix-stream", unix).as_deref(), Some("unix-stream /tmp/s"));
        assert_eq!(key("tcp", "{sin_port=htons(0)}"), None);
        assert_eq!(kind("AF_INET", "SOCK_STREAM|SOCK_CLOEXEC"), Some("tcp"));
        assert_eq!(kind("1", "5"), Some("unix-seqpacket"));
        assert_eq!(kind("AF_INET", "SOCK_DGRAM"), None);
    }
}
