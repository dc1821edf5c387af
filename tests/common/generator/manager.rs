//! A manager for some of the random scenarios: its server, who starts it, and clients that meet there.

use trapline::random::{Key, Stream};

/// The tables of a manager, in a part of the seeds. They draw from a stream of their own.
pub fn tables(seed: u64) -> String {
    let mut random = Key::of_run(seed).named("manager").stream();
    if random.uniform(1, 100) > 20 {
        return String::new();
    }
    let transport = if random.uniform(0, 1) == 0 { "unix" } else { "tcp" };
    let capacity = random.uniform(1, 3);
    let clients = random.uniform(1, 3);
    let own = steps(&mut random);
    let clients_steps = steps(&mut random);
    let again = steps(&mut random);
    format!(
        "[manager.mgr]\ntransport = \"{transport}\"\nobjects = {{ d = {{ kind = \"dict\", capacity = {capacity} }}, \
         l = \"list\", v = \"value\", k = \"lock\", s = \"semaphore\", c = \"condition\", e = \"event\", \
         q = {{ kind = \"queue\", capacity = {capacity} }} }}\n\
         [process.keeper]\nsteps = [ {{ manager-start = \"mgr\" }}, {{ fork = \"proxy\", count = {clients} }}, {own}, \
         {{ manager-stop = \"mgr\" }} ]\n\
         [program.proxy]\nsteps = [ {clients_steps}, {{ compute = \"30ns\" }}, {again} ]\n"
    )
}

fn steps(random: &mut Stream) -> String {
    let calls = (0..random.uniform(1, 5)).map(|_| call(random));
    calls.collect::<Vec<_>>().join(", ")
}

fn call(random: &mut Stream) -> String {
    let (key, value) = (random.uniform(0, 3), random.uniform(0, 9));
    let (with_key, with_value) = (format!(", key = {key}"), format!(", value = {value}"));
    let both = format!("{with_key}{with_value}");
    let choices = [
        ("d", "set", both.as_str()),
        ("d", "get", with_key.as_str()),
        ("d", "remove", with_key.as_str()),
        ("d", "length", ""),
        ("l", "append", with_value.as_str()),
        ("l", "get", with_key.as_str()),
        ("l", "pop", ""),
        ("v", "add", with_value.as_str()),
        ("v", "get", ""),
        ("k", "acquire", ""),
        ("k", "release", ""),
        ("s", "acquire", ""),
        ("s", "release", ""),
        ("c", "acquire", ""),
        ("c", "wait", ""),
        ("c", "notify-all", ""),
        ("c", "release", ""),
        ("e", "set", ""),
        ("e", "wait", ""),
        ("q", "put", with_value.as_str()),
        ("q", "get", ""),
    ];
    let (object, method, rest) = choices[random.uniform(0, choices.len() as u64 - 1) as usize];
    format!("{{ manager-call = \"mgr.{object}\", method = \"{method}\"{rest}, on-error = \"continue\" }}")
}
