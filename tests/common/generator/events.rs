//! Pipes of all kinds, counters, timers and whatever waits for several of them, in random scenarios.

use trapline::random::Stream;

fn pick<'a>(random: &mut Stream, choices: &[&'a str]) -> &'a str {
    choices[random.uniform(0, choices.len() as u64 - 1) as usize]
}

/// A FIFO, and a pipe that never waits.
pub fn objects(random: &mut Stream) -> String {
    let capacity = pick(random, &["4KiB", "8KiB", "64KiB"]);
    format!(
        "[fifo.ff]\ncapacity = \"{capacity}\"\n[pipe.nn]\ncapacity = \"{capacity}\"\nends = \"both\"\nnonblock = true"
    )
}

/// A step, or a few that belong together. Any of them may fail or wait.
pub fn step(random: &mut Stream, time: u64) -> String {
    let fails = "on-error = \"continue\"";
    let size = pick(random, &["1B", "8B", "100B", "3000B", "4096B", "9000B"]);
    let limit = format!("timeout = \"{time}ns\"");
    let events = pick(random, &["read", "write", "both"]);
    let truth = pick(random, &["true", "false"]);
    match random.uniform(0, 13) {
        0 => format!(
            "{{ fifo-open = \"ff\", end = \"read\", {fails} }}, {{ read = \"ff\", bytes = \"{size}\", {fails} }}, \
             {{ close = \"ff\", end = \"read\", {fails} }}"
        ),
        1 => format!(
            "{{ fifo-open = \"ff\", end = \"write\", nonblock = {truth}, {fails} }}, \
             {{ write = \"ff\", bytes = \"{size}\", {fails} }}, {{ close = \"ff\", end = \"write\", {fails} }}"
        ),
        2 => format!(
            "{{ fifo-open = \"ff\", end = \"read\", nonblock = true, into = \"ffr\", {fails} }}, \
             {{ poll = [{{ on = \"@ffr\" }}], {limit} }}, {{ close = \"@ffr\", {fails} }}"
        ),
        3 => format!(
            "{{ pipe = [\"pr\", \"pw\"], nonblock = {truth} }}, {{ write = \"@pw\", bytes = \"{size}\", {fails} }}, \
             {{ read = \"@pr\", bytes = \"100B\", {fails} }}, {{ close = \"@pr\" }}, {{ close = \"@pw\" }}"
        ),
        4 => format!("{{ write = \"nn\", bytes = \"{size}\", {fails} }}"),
        5 => format!("{{ read = \"nn\", bytes = \"{size}\", {fails} }}"),
        6 => format!("{{ fcntl = \"nn\", end = \"write\", capacity = \"{size}\", {fails} }}"),
        7 => format!(
            "{{ dup = \"p0\", end = \"write\", into = \"dw\", {fails} }}, {{ write = \"@dw\", bytes = \"{size}\", {fails} }}, \
             {{ close = \"@dw\", {fails} }}"
        ),
        8 => format!(
            "{{ poll = [{{ on = \"p0\", events = \"{events}\", into = \"v\" }}, {{ on = \"nn\", into = \"x\" }}], {limit} }}"
        ),
        9 => format!(
            "{{ eventfd = \"ec\", semaphore = {truth} }}, {{ write = \"@ec\", value = 2 }}, {{ read = \"@ec\", into = \"x\" }}, \
             {{ poll = [{{ on = \"@ec\" }}, {{ on = \"p0\" }}], {limit} }}, {{ close = \"@ec\" }}"
        ),
        10 => format!(
            "{{ timerfd = \"tf\" }}, {{ timerfd-settime = \"@tf\", after = \"{time}ns\", every = \"{time}ns\" }}, \
             {{ read = \"@tf\", into = \"x\" }}, {{ read = \"@tf\", into = \"x\" }}, {{ close = \"@tf\" }}"
        ),
        11 => format!(
            "{{ timerfd = \"tf\" }}, {{ timerfd-settime = \"@tf\", after = \"{time}ns\" }}, \
             {{ poll = [{{ on = \"@tf\" }}, {{ on = \"p0\" }}] }}, {{ close = \"@tf\" }}"
        ),
        _ => {
            let [edge, one_shot] = [0; 2].map(|_| pick(random, &["true", "false", "false"]));
            format!(
                "{{ epoll-create = \"es\" }}, \
                 {{ epoll-ctl = \"@es\", add = \"p0\", edge = {edge}, one-shot = {one_shot}, {fails} }}, \
                 {{ epoll-ctl = \"@es\", add = \"nn\", exclusive = {truth}, {fails} }}, \
                 {{ epoll-wait = \"@es\", into = \"x\", second = \"v\", {limit} }}, \
                 {{ epoll-wait = \"@es\", into = \"x\", {limit} }}, {{ close = \"@es\" }}"
            )
        }
    }
}
