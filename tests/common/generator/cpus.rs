//! What CPUs have of their own: speeds, caches, switches priced in parts, ways to balance.
//!
//! They have a stream of their own, so that the rest of a scenario is what it would be without them.

use std::fmt::Write;

use trapline::random::{Key, Stream};

#[derive(Debug)]
pub struct Cpus {
    random: Stream,
}

impl Cpus {
    pub fn new(seed: u64) -> Cpus {
        Cpus { random: Key::of_run(seed).named("cpus").stream() }
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.random.uniform(1, 100) <= percent
    }

    fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.random.uniform(0, choices.len() as u64 - 1) as usize]
    }

    /// Lines of `[machine]`.
    pub fn machine(&mut self, cpus: u64) -> String {
        let mut lines = String::new();
        if self.chance(25) {
            let speeds: Vec<&str> =
                (0..cpus).map(|_| self.pick(&["1.0", "0.5", "0.3", "2.0", "1.0"])).collect();
            let _ = writeln!(lines, "speeds = [{}]", speeds.join(", "));
        }
        if self.chance(25) {
            let (warm_up, speed) = (self.random.uniform(0, 900), self.pick(&["0.5", "0.7", "0.25", "1.5"]));
            let _ = write!(lines, "cache = {{ warm-up = \"{warm_up}ns\", cold-speed = {speed}");
            if self.chance(60) {
                let keeps = self.random.uniform(0, 3_000);
                let _ = write!(lines, ", keeps = \"{keeps}ns\"");
            }
            lines.push_str(" }\n");
        }
        lines
    }

    /// Further keys of `costs`.
    pub fn costs(&mut self) -> String {
        let mut costs = String::new();
        if self.chance(25) {
            for part in ["save", "decide", "load"] {
                if self.chance(70) {
                    let time = self.random.uniform(0, 300);
                    let _ = write!(costs, ", switch-{part} = \"{time}ns\"");
                }
            }
        }
        costs
    }

    /// Lines of `[kernel]`; `balance` is the word that there would be without them.
    pub fn kernel(&mut self, balance: &str) -> String {
        let mut lines = String::new();
        if self.chance(20) {
            lines.push_str("reschedule = \"reloads\"\n");
        }
        let cost = self.random.uniform(0, 2_000);
        match self.random.uniform(0, 9) {
            0 | 1 => {
                let (kind, every) = (self.pick(&["periodic", "both"]), self.random.uniform(50, 4_000));
                let imbalance = self.pick(&["0", "25", "100"]);
                let _ = writeln!(
                    lines,
                    "balance = {{ kind = \"{kind}\", every = \"{every}ns\", imbalance = {imbalance}, migration-cost = \"{cost}ns\" }}"
                );
            }
            2 if balance == "steal" => {
                let _ = writeln!(lines, "balance = {{ kind = \"steal\", migration-cost = \"{cost}ns\" }}");
            }
            _ => {
                let _ = writeln!(lines, "balance = \"{balance}\"");
            }
        }
        lines
    }
}
