//! Random steps and events of scenarios with signals: handlers, masks, stops, timers, exceptions.

use trapline::random::Stream;

fn pick<'a>(random: &mut Stream, choices: &[&'a str]) -> &'a str {
    choices[random.uniform(0, choices.len() as u64 - 1) as usize]
}

const SIGNALS: &[&str] = &["SIGUSR1", "SIGUSR2", "SIGALRM", "SIGCHLD", "SIGFPE"];

/// The handlers' programs.
pub fn programs(random: &mut Stream) -> String {
    let mut text = String::new();
    for handler in 0..3 {
        let time = random.uniform(0, 60);
        let more = pick(
            random,
            &[
                "{ atomic-add = \"cells.y\", value = 1 }",
                "{ sleep = \"40ns\", on-error = \"continue\" }",
                "{ sem-post = \"s\" }",
                "{ read = \"p0\", bytes = \"1B\", on-error = \"continue\" }",
                "{ getpid = \"me\" }, { kill = \"me\", signal = \"SIGUSR2\" }",
                "{ exit = 7 }",
                "{ print = \"handled\" }",
            ],
        );
        text += &format!("[program.h{handler}]\nsteps = [{{ compute = \"{time}ns\" }}, {more}]\n");
    }
    text
}

/// What a process begins with.
pub fn setup(random: &mut Stream) -> String {
    let mut steps = Vec::new();
    for &signal in SIGNALS {
        // Now and then one is left that ends the process.
        if random.uniform(0, 9) == 0 {
            continue;
        }
        let handler = random.uniform(0, 2);
        let restart = pick(random, &["true", "false"]);
        let more = pick(random, &["", "", ", once = true", ", nested = true", ", blocks = [\"SIGUSR1\"]"]);
        steps.push(format!(
            "{{ signal = \"{signal}\", action = \"handler\", run = \"h{handler}\", restart = {restart}{more} }}"
        ));
    }
    steps.join(", ")
}

/// A step that has to do with signals.
pub fn step(random: &mut Stream, time: u64) -> String {
    let signal = pick(random, SIGNALS);
    match random.uniform(0, 15) {
        0 | 1 => format!("{{ kill = \"child\", signal = \"{signal}\", on-error = \"continue\" }}"),
        2 => format!("{{ kill = \"parent\", signal = \"{signal}\", on-error = \"continue\" }}"),
        3 => format!("{{ getpid = \"me\" }}, {{ kill = \"me\", signal = \"{signal}\" }}"),
        4 => format!(
            "{{ sigmask = \"block\", signals = [\"{signal}\"] }}, {{ compute = \"{time}ns\" }}, \
             {{ sigmask = \"unblock\", signals = [\"{signal}\"] }}"
        ),
        5 => format!("{{ sigpending = [\"{signal}\"], into = \"n\" }}"),
        6 => format!("{{ alarm = \"{time}ns\" }}, {{ pause = true, on-error = \"continue\" }}"),
        7 => format!("{{ alarm = \"{time}ns\" }}, {{ sigsuspend = [], on-error = \"continue\" }}"),
        8 => format!("{{ setitimer = \"{time}ns\", every = \"{}ns\" }}", time * 7 + 100),
        9 => format!("{{ sigwait = [\"{signal}\"], timeout = \"{time}ns\", on-error = \"continue\" }}"),
        10 => "{ kill = \"child\", signal = \"SIGSTOP\", on-error = \"continue\" }, { compute = \"90ns\" }, \
               { kill = \"child\", signal = \"SIGCONT\", on-error = \"continue\" }"
            .to_owned(),
        11 => "{ wait = \"any\", now = true, stopped = true, continued = true, on-error = \"continue\" }"
            .to_owned(),
        12 => format!("{{ kill = \"group\", signal = \"{signal}\" }}"),
        13 => "{ nice = 1 }".to_owned(),
        14 => {
            "{ sched-setaffinity = [0, 1] }, { compute = \"11ns\" }, { sched-setaffinity = [0] }".to_owned()
        }
        _ => "{ raise = \"divide-error\" }".to_owned(),
    }
}

/// A signal from outside.
pub fn event(random: &mut Stream) -> String {
    let signal = pick(
        random,
        &["SIGUSR1", "SIGUSR2", "SIGALRM", "SIGUSR1", "SIGUSR2", "SIGSTOP", "SIGCONT", "SIGTSTP"],
    );
    format!("signal = \"{signal}\"\nprocess = \"a0\"")
}
