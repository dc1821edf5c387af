//! Sockets: their calls, what the layer above all protocols adds, the way over the loopback, and what
//! bytes cost by kind.

use super::bench::{Bench, Stop};
use super::copies::{body, curve_beyond};
use super::found::Found;
use super::registry::Measurement;
use super::sample::Sample;
use super::text::{Text, batches, loops};

pub const SOCKETS: Measurement = Measurement {
    name: "sockets",
    what: "sockets of all kinds",
    how: "One process sends to itself and receives again through connected sockets, by 1 B to 64 KiB. What 1 B takes longer through a Unix stream socket than through a pipe, by the same `write` and `read`, is `socket`, the mean of both; what a `send` of 1 B takes longer there over UDP or TCP, whichever is less, is `loopback`. The curve of each kind is what is left. It makes sockets and pairs of them, binds, listens, connects, accepts and shuts down; a connection's price is the mean of Unix and TCP.",
    keys: &[
        "socket",
        "loopback",
        "calls.sendto",
        "calls.recvfrom",
        "calls.socket",
        "calls.socketpair",
        "calls.bind",
        "calls.listen",
        "calls.connect",
        "calls.accept4",
        "calls.shutdown",
        "copies.unix-stream-send",
        "copies.unix-stream-receive",
        "copies.unix-datagram-send",
        "copies.unix-datagram-receive",
        "copies.tcp-send",
        "copies.tcp-receive",
        "copies.udp-send",
        "copies.udp-receive",
    ],
    measure: sockets,
};

/// A kind of socket: the descriptors of a connected pair, the curves, the largest message.
struct Channel {
    name: &'static str,
    ends: [&'static str; 2],
    curves: [&'static str; 2],
    most: u64,
    /// Whether what it sends goes over the loopback.
    wire: bool,
}

const CHANNELS: &[Channel] = &[
    Channel {
        name: "unix-stream",
        ends: ["a", "b"],
        curves: ["unix-stream-send", "unix-stream-receive"],
        most: 65_536,
        wire: false,
    },
    Channel {
        name: "unix-datagram",
        ends: ["c", "d"],
        curves: ["unix-datagram-send", "unix-datagram-receive"],
        most: 65_536,
        wire: false,
    },
    // More than half of what a receiver takes at first would have its sender wait.
    Channel { name: "tcp", ends: ["e", "f"], curves: ["tcp-send", "tcp-receive"], most: 32_768, wire: true },
    // The largest datagram is a little smaller than 64 KiB.
    Channel { name: "udp", ends: ["h", "g"], curves: ["udp-send", "udp-receive"], most: 32_768, wire: true },
];

const SIZES: &[u64] = &[1, 64, 512, 1024, 4096, 16_384, 32_768, 65_536];
const CALLS_IN_BATCH: usize = 64;

const OBJECTS: &str = "[socket.web]\nkind = \"tcp\"\n[socket.shop]\nkind = \"tcp\"\n[socket.names]\nkind = \"udp\"\n[socket.free]\nkind = \"udp\"\n[socket.local]\nkind = \"unix-stream\"\n";
const BEFORE: &str = "{ socketpair = [\"a\", \"b\"] },\n{ socketpair = [\"c\", \"d\"], kind = \"unix-datagram\" },\n{ listen = \"web\", into = \"w\" },\n{ connect = \"web\", into = \"e\" },\n{ accept = \"@w\", into = \"f\" },\n{ bind = \"names\", into = \"g\" },\n{ socket = \"names\", into = \"h\" },\n{ connect = \"@h\", to = \"names\" },\n{ listen = \"local\", into = \"l\" },\n";

/// A batch, its steps, and the calls that are measured in them, each with how many descriptors it numbers anew.
type Steps = (&'static str, &'static str, &'static [(&'static str, usize)]);

const STEPS: &[Steps] = &[
    ("make", "{ socket = \"local\", into = \"s\" },\n{ close = \"@s\" },\n", &[("socket", 1)]),
    (
        "pair",
        "{ socketpair = [\"s\", \"t\"] },\n{ close = \"@s\" },\n{ close = \"@t\" },\n",
        &[("socketpair", 2)],
    ),
    ("bind", "{ bind = \"free\", into = \"s\" },\n{ close = \"@s\" },\n", &[("bind", 0)]),
    ("listen", "{ listen = \"shop\", into = \"s\" },\n{ close = \"@s\" },\n", &[("listen", 0)]),
];
const SHUT: &str = "{ shutdown = \"@s\", how = \"write\" },\n{ close = \"@s\" },\n{ close = \"@t\" },\n";

fn connection(address: &str, listener: &str) -> String {
    format!(
        "{{ connect = \"{address}\", into = \"s\" }},\n{{ accept = \"@{listener}\", into = \"t\" }},\n{SHUT}"
    )
}

fn sockets(bench: &mut Bench<'_>, found: &mut Found) -> Result<(), Stop> {
    let count = bench.batches(20);
    let mut steps = BEFORE.to_owned();
    let [there, back] = CHANNELS[0].ends;
    let plain =
        format!("{{ write = \"@{there}\", bytes = \"1B\" }},\n{{ read = \"@{back}\", bytes = \"1B\" }},\n");
    steps += &batches("plain", count, &loops(CALLS_IN_BATCH, &plain));
    for Channel { name, ends: [there, back], most, .. } in CHANNELS {
        for size in SIZES.iter().filter(|size| *size <= most) {
            let bytes = format!("bytes = \"{size}B\"");
            let pair = format!("{{ send = \"@{there}\", {bytes} }},\n{{ recv = \"@{back}\", {bytes} }},\n");
            let calls = (1_048_576 / size).clamp(4, CALLS_IN_BATCH as u64);
            steps += &batches(&format!("{name} {size}"), count, &loops(calls as usize, &pair));
        }
    }
    for (name, step, _) in STEPS {
        steps += &batches(name, count, &loops(16, step));
    }
    steps += &batches("unix connection", count, &loops(16, &connection("local", "l")));
    // Each leaves a port that rests for a minute.
    steps += &batches("tcp connection", count, &loops(4, &connection("web", "w")));
    let shown = bench.run(&Text::default().objects(OBJECTS).process("solo", 0, &steps), 1)?;

    let longer = |call| Ok::<_, Stop>(body(&shown, found, "plain", call)?.less(found.of_call(call)));
    let (sending, receiving) = (longer("write")?, longer("read")?);
    let socket = sending.plus(receiving.median).times(0.5);
    let source = format!(
        "1 B through a Unix stream socket beside a pipe: write {:.0} ns longer, read {:.0} ns, the mean",
        sending.median, receiving.median
    );
    found.scalar("socket", socket, source);
    for (call, batch) in [("sendto", "unix-stream 1"), ("recvfrom", "unix-stream 1")] {
        let byte = body(&shown, found, batch, call)?.less(socket.median);
        found.call(call, byte, "1 B through a Unix stream socket, less `socket`");
    }
    let layer = found.of_call("sendto") + socket.median;
    let over = |batch| Ok::<_, Stop>(body(&shown, found, batch, "sendto")?.less(layer));
    let (tcp, udp) = (over("tcp 1")?, over("udp 1")?);
    let loopback = if udp.median < tcp.median { udp } else { tcp };
    let source = format!(
        "1 B beside a Unix stream socket: TCP takes {:.0} ns longer, UDP {:.0} ns, the shorter; the rest is in the curve",
        tcp.median, udp.median
    );
    found.scalar("loopback", loopback, source);
    for Channel { name, curves: [send, receive], most, wire, .. } in CHANNELS {
        let sizes: Vec<u64> = SIZES.iter().copied().filter(|size| size <= most).collect();
        let batch = |size: u64| format!("{name} {size}");
        let wire = if *wire { loopback.median } else { 0.0 };
        let base = found.of_call("sendto") + socket.median + wire;
        curve_beyond(found, &shown, send, "sendto", base, &sizes, batch)?;
        let base = found.of_call("recvfrom") + socket.median;
        curve_beyond(found, &shown, receive, "recvfrom", base, &sizes, batch)?;
    }
    for (name, _, calls) in STEPS {
        for (call, numbered) in *calls {
            let sample = body(&shown, found, name, call)?.less(*numbered as f64 * found.numbering);
            found.call(call, sample, format!("less {:.0} ns for a descriptor's number", found.numbering));
        }
    }
    for call in ["connect", "accept4", "shutdown"] {
        let of = |batch: &str| body(&shown, found, batch, call);
        let (unix, tcp): (Sample, Sample) = (of("unix connection")?, of("tcp connection")?);
        let number = if call == "accept4" { found.numbering } else { 0.0 };
        let source = format!("Unix {:.0} ns, TCP {:.0} ns, the mean", unix.median, tcp.median);
        found.call(call, unix.plus(tcp.median).times(0.5).less(number), source);
    }
    Ok(())
}
