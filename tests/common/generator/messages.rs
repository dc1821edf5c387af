//! Message queues and semaphore sets of random scenarios.

use trapline::random::Stream;

fn pick<'a>(random: &mut Stream, choices: &[&'a str]) -> &'a str {
    choices[random.uniform(0, choices.len() as u64 - 1) as usize]
}

/// One of each kind, small, so that they are often full or empty.
pub fn objects(random: &mut Stream) -> String {
    let [messages, value, other] = [1, 0, 0].map(|least| random.uniform(least, 3));
    let capacity = pick(random, &["8B", "20B", "200B", "16KiB"]);
    let limit = random.uniform(1, 4);
    format!(
        "[mqueue.mq]\nmax-messages = {messages}\nmessage-size = \"100B\"\n\
         [mqueue.made]\nmax-messages = {limit}\nmessage-size = \"100B\"\ncreate = \"open\"\n\
         [sysv-queue.sq]\ncapacity = \"{capacity}\"\n[sysv-queue.gone]\n\
         [sysv-semaphores.ss]\nvalues = [{value}, {other}, 1]\n[sysv-semaphores.lost]\nvalues = [0]"
    )
}

/// A step, or a few that belong together. Any of them may fail or wait.
pub fn step(random: &mut Stream, time: u64) -> String {
    let fails = "on-error = \"continue\"";
    let priority = random.uniform(0, 2);
    let size = pick(random, &["0B", "8B", "8B", "100B", "101B"]);
    let timeout = if random.uniform(0, 1) == 0 { format!(", timeout = \"{time}ns\"") } else { String::new() };
    let nowait = pick(random, &["true", "false", "false"]);
    let kind = random.uniform(0, 6) as i64 - 3;
    match random.uniform(0, 15) {
        0..=2 => {
            format!("{{ mq-send = \"mq\", bytes = \"{size}\", priority = {priority}{timeout}, {fails} }}")
        }
        3 | 4 => {
            format!("{{ mq-receive = \"mq\", into = \"x\", priority-into = \"y\"{timeout}, {fails} }}")
        }
        5 => {
            let create = pick(random, &["create = true", "create = true, exclusive = true, nonblock = true"]);
            format!(
                "{{ mq-open = \"made\", into = \"d\", {create}, {fails} }}, \
                 {{ mq-send = \"@d\", value = 7, priority = {priority}{timeout}, {fails} }}, \
                 {{ mq-receive = \"@d\"{timeout}, {fails} }}, {{ close = \"@d\", {fails} }}"
            )
        }
        6 => format!("{{ mq-unlink = \"made\", {fails} }}, {{ mq-getattr = \"mq\", into = \"x\", {fails} }}"),
        7 => {
            let signal = pick(random, &["", ", signal = \"SIGTERM\"", ", signal = \"SIGCHLD\""]);
            let nonblock = pick(random, &["true", "false", "false"]);
            format!(
                "{{ mq-notify = \"mq\"{signal}, {fails} }}, {{ mq-setattr = \"mq\", nonblock = {nonblock}, {fails} }}"
            )
        }
        8 | 9 => format!(
            "{{ msgsnd = \"sq\", type = {}, bytes = \"{size}\", nowait = {nowait}, {fails} }}",
            priority + 1
        ),
        10 | 11 => format!(
            "{{ msgrcv = \"sq\", type = {kind}, bytes = \"60B\", truncate = {nowait}, nowait = {nowait}, into = \"x\", {fails} }}"
        ),
        12 if random.uniform(0, 3) == 0 => {
            format!(
                "{{ msgctl = \"gone\", remove = true, {fails} }}, {{ semctl = \"lost\", remove = true, {fails} }}"
            )
        }
        12 => format!(
            "{{ msgrcv = \"gone\", {fails} }}, {{ semop = \"lost\", ops = [{{ add = -1 }}]{timeout}, {fails} }}"
        ),
        13 | 14 => {
            let change = random.uniform(0, 4) as i64 - 2;
            let undo = pick(random, &["true", "false"]);
            let number = random.uniform(0, 2);
            format!(
                "{{ semop = \"ss\", ops = [{{ number = {number}, add = {change}, undo = {undo} }}, \
                 {{ number = 2, add = {}, nowait = {nowait} }}]{timeout}, {fails} }}",
                1 - kind.signum()
            )
        }
        _ => format!("{{ semctl = \"ss\", set = {priority}, value = {priority} }}"),
    }
}
