//! Message queues and semaphore sets: their calls, and what bytes cost in a queue.

use super::bench::{Bench, Stop};
use super::copies::{add_curve, body};
use super::found::Found;
use super::registry::Measurement;
use super::text::{Text, batches, loops};

pub const MESSAGES: Measurement = Measurement {
    name: "messages",
    what: "message queues and semaphore sets",
    how: "One process sends a message and receives it again, by 1 B to 8 KiB, to a POSIX and to a System V queue. What 1 B takes is the base. It makes and removes a POSIX queue, asks to be told of messages and takes that back, looks at queues, and counts a System V semaphore up and down.",
    keys: &[
        "calls.mq_open",
        "calls.mq_unlink",
        "calls.mq_timedsend",
        "calls.mq_timedreceive",
        "calls.mq_notify",
        "calls.mq_getsetattr",
        "calls.msgsnd",
        "calls.msgrcv",
        "calls.msgctl",
        "calls.semop",
        "calls.semctl",
        "copies.mq-send",
        "copies.mq-receive",
        "copies.msgsnd",
        "copies.msgrcv",
    ],
    measure: messages,
};

const SIZES: &[u64] = &[1, 64, 512, 1024, 4096, 8192];
const CALLS_IN_BATCH: usize = 128;

/// Steps, and the calls that are measured in them.
const STEPS: &[(&str, &str, &[&str])] = &[
    (
        "mq names",
        "{ mq-open = \"o\", create = true, into = \"d\" },\n{ mq-unlink = \"o\" },\n{ close = \"@d\" },\n",
        &["mq_open", "mq_unlink"],
    ),
    ("mq notify", "{ mq-notify = \"q\", signal = \"SIGUSR1\" },\n{ mq-notify = \"q\" },\n", &["mq_notify"]),
    ("mq look", "{ mq-getattr = \"q\", into = \"n\" },\n", &["mq_getsetattr"]),
    ("msg look", "{ msgctl = \"t\", messages-into = \"n\" },\n", &["msgctl"]),
    (
        "sem",
        "{ semop = \"s\", ops = [{ add = 1 }] },\n{ semop = \"s\", ops = [{ add = -1 }] },\n",
        &["semop"],
    ),
    ("sem look", "{ semctl = \"s\", get = 0, into = \"n\" },\n", &["semctl"]),
];

/// A channel: its name in batches, the steps that send and receive, their calls and curves.
struct Channel {
    name: &'static str,
    verbs: [&'static str; 2],
    calls: [&'static str; 2],
    curves: [&'static str; 2],
}

const CHANNELS: &[Channel] = &[
    Channel {
        name: "q",
        verbs: ["mq-send", "mq-receive"],
        calls: ["mq_timedsend", "mq_timedreceive"],
        curves: ["mq-send", "mq-receive"],
    },
    Channel {
        name: "t",
        verbs: ["msgsnd", "msgrcv"],
        calls: ["msgsnd", "msgrcv"],
        curves: ["msgsnd", "msgrcv"],
    },
];

fn messages(bench: &mut Bench<'_>, found: &mut Found) -> Result<(), Stop> {
    let count = bench.batches(30);
    let mut steps = String::new();
    for Channel { name, verbs: [send, receive], .. } in CHANNELS {
        for size in SIZES {
            let pair =
                format!("{{ {send} = \"{name}\", bytes = \"{size}B\" }},\n{{ {receive} = \"{name}\" }},\n");
            steps += &batches(&format!("{name} {size}"), count, &loops(CALLS_IN_BATCH, &pair));
        }
    }
    for (name, step, _) in STEPS {
        steps += &batches(name, count, &loops(CALLS_IN_BATCH, step));
    }
    let objects =
        "[mqueue.q]\n[mqueue.o]\ncreate = \"open\"\n[sysv-queue.t]\n[sysv-semaphores.s]\nvalues = [0]\n";
    let shown = bench.run(&Text::default().objects(objects).process("solo", 0, &steps), 1)?;
    for Channel { name, calls, curves, .. } in CHANNELS {
        for (&call, &curve) in calls.iter().zip(curves) {
            let byte = body(&shown, found, &format!("{name} 1"), call)?;
            found.call(call, byte, "a message of one byte, in one process");
            add_curve(found, &shown, curve, call, SIZES, |size| format!("{name} {size}"))?;
        }
    }
    for (name, _, calls) in STEPS {
        for call in *calls {
            let sample = body(&shown, found, name, call)?;
            found.call(call, sample, format!("{:.0} ns more than an empty call", sample.median));
        }
    }
    Ok(())
}
