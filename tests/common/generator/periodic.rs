//! Processes that have jobs: in each period, with gaps or at given times; late ones go on, are given up or
//! leave others out.

use trapline::random::{Key, Stream};

/// Up to two of them, in some of the scenarios, from a stream of their own. Under Linux's classes only some of
/// these have a priority.
pub fn tables(seed: u64, classes: bool) -> String {
    let mut random = Key::of_run(seed).named("periodic").stream();
    if random.uniform(0, 99) >= 35 {
        return String::new();
    }
    (0..random.uniform(1, 2)).map(|number| table(&mut random, number, classes)).collect()
}

fn table(random: &mut Stream, number: u64, classes: bool) -> String {
    let period = [210, 300, 700, 1_000, 2_100, 5_000][random.uniform(0, 5) as usize];
    let jobs = random.uniform(2, 6);
    let mut text = format!("[process.j{number}]\n");
    match (random.uniform(0, 5), classes) {
        (0, true) => {}
        (priority, true) => text += &format!("class = \"fifo\"\npriority = {priority}\n"),
        (priority, false) => text += &format!("priority = {priority}\n"),
    }
    if random.uniform(0, 3) == 0 {
        let mut at = 0;
        let releases = (0..jobs).map(|_| {
            at += period + random.uniform(0, 2) * 210;
            format!("\"{at}ns\"")
        });
        let releases: Vec<String> = releases.collect();
        text += &format!("releases = [{}]\n", releases.join(", "));
    } else {
        text += &format!("jobs = {jobs}\nstart = \"{}ns\"\n", random.uniform(0, 3) * 210);
        match random.uniform(0, 3) {
            0 => text += &format!("gap = {{ dist = \"exponential\", mean = \"{period}ns\" }}\n"),
            1 => text += "gap = \"70ns\"\n",
            _ => {}
        }
    }
    text += &format!("period = \"{period}ns\"\n");
    let part = |random: &mut Stream| period * random.uniform(1, 12) / 10;
    if random.uniform(0, 1) == 0 {
        text += &format!("deadline = \"{}ns\"\n", part(random));
    }
    if random.uniform(0, 1) == 0 {
        text += &format!("budget = \"{}ns\"\n", part(random));
    }
    if random.uniform(0, 1) == 0 {
        text += &format!("wcet = \"{}ns\"\n", part(random));
    }
    let on_miss = ["continue", "skip", "abort", "abort"][random.uniform(0, 3) as usize];
    text += &format!("on-miss = \"{on_miss}\"\n");
    let steps = [0; 3].map(|_| step(random, period)).join(", ");
    let last = step(random, period);
    let steps = match random.uniform(0, 2) {
        0 => format!("{{ repeat = {jobs}, do = [{steps}, {{ next-period = true }}, {last}] }}"),
        1 => format!("{steps}, {{ next-period = true }}, {last}, {{ next-period = true }}"),
        _ => format!("{steps}, {last}"),
    };
    text + &format!("steps = [{steps}]\n")
}

fn step(random: &mut Stream, period: u64) -> String {
    let time = period / [2, 3, 5, 10][random.uniform(0, 3) as usize];
    match random.uniform(0, 6) {
        0 => format!("{{ sleep = \"{time}ns\" }}"),
        1 => format!("{{ lock = \"m0\" }}, {{ compute = \"{time}ns\" }}, {{ unlock = \"m0\" }}"),
        2 => "{ getpid = \"x\" }".to_owned(),
        3 => format!("{{ repeat = 2, do = [{{ compute = \"{time}ns\" }}, {{ yield = true }}] }}"),
        4 => "{ touch = \"heap\", pages = 2, mode = \"write\" }".to_owned(),
        _ => format!("{{ compute = \"{time}ns\" }}"),
    }
}
