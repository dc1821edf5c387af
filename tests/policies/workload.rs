//! Random workloads, small enough to be read when one of them breaks a law.

use std::fmt;

use proptest::prelude::*;
use trapline::kernel::sched::PolicyRow;

/// What a job does next; times are in nanoseconds.
#[derive(Clone, Debug)]
pub enum Act {
    Compute(u64),
    Sleep(u64),
    /// A read that waits for the disk.
    Io,
    /// Computes, and perhaps sleeps, while it holds one of the locks.
    Locked(usize, u64, u64),
    /// A child that computes, sleeps and computes.
    Fork,
    Yield,
    /// From here on it may run on these CPUs only.
    Allow(Vec<u16>),
    Nice(i64),
}

#[derive(Clone, Debug)]
pub struct Job {
    pub start: u64,
    pub cpu: Option<u16>,
    pub priority: i64,
    pub nice: i64,
    pub tickets: u64,
    pub burst: Option<u64>,
    pub acts: Vec<Act>,
}

/// What kernel work costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Costs {
    Free,
    Small,
}

#[derive(Clone)]
pub struct Workload {
    pub policy: &'static str,
    /// The policy's parameters as the scenario gives them.
    pub parameters: Vec<(&'static str, String)>,
    pub cpus: u16,
    pub costs: Costs,
    pub preemption: &'static str,
    pub placement: &'static str,
    pub balance: &'static str,
    pub tick: Option<u64>,
    /// One queue for all CPUs.
    pub global: bool,
    pub jobs: Vec<Job>,
}

pub const LOCKS: usize = 2;

impl Workload {
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str())
    }

    /// A parameter that is a time, in nanoseconds.
    pub fn time(&self, name: &str) -> Option<u64> {
        self.parameter(name)?.trim_matches('"').strip_suffix("ns")?.parse().ok()
    }

    /// Whether the CPU idles while its job waits, so that a wait for another job never ends.
    fn holds(&self) -> bool {
        self.parameter("hold") == Some("true")
    }

    pub fn text(&self) -> String {
        let mut text = format!("format = 1\n[machine]\ncpus = {}\n", self.cpus);
        text += match self.costs {
            Costs::Free => "costs = \"free\"\n",
            Costs::Small => {
                "costs = { base = \"free\", switch = \"20ns\", timer = \"10ns\", syscall-entry = \"7ns\", \
                 syscall-exit = \"5ns\", interrupt = \"8ns\", wakeup = \"3ns\", ipi-delivery = \"15ns\" }\n"
            }
        };
        let given: String =
            self.parameters.iter().map(|(name, value)| format!(", {name} = {value}")).collect();
        text += &format!("[kernel]\nscheduler = {{ policy = \"{}\"{given} }}\n", self.policy);
        text += &format!(
            "preemption = \"{}\"\nplacement = \"{}\"\nbalance = \"{}\"\n",
            self.preemption, self.placement, self.balance
        );
        if self.global {
            text += "queues = \"global\"\n";
        }
        if let Some(tick) = self.tick {
            text += &format!("tick = \"{tick}ns\"\n");
        }
        text += "[device.disk]\nkind = \"disk\"\nservice = \"700ns\"\n";
        text += "[file.data]\ndisk = \"disk\"\nsize = \"256KiB\"\n";
        for lock in 0..LOCKS {
            text += &format!("[mutex.m{lock}]\n");
        }
        for (number, job) in self.jobs.iter().enumerate() {
            text += &self.job(number, job);
        }
        text += "[program.child]\nsteps = [{ compute = \"400ns\" }, { sleep = \"250ns\" }, { compute = \"600ns\" }]\n";
        text + "[run]\nuntil = \"1s\"\n"
    }

    fn job(&self, number: usize, job: &Job) -> String {
        let Job { start, priority, nice, tickets, .. } = job;
        let mut text = format!("[process.job{number}]\n");
        if *start > 0 {
            text += &format!("start = \"{start}ns\"\n");
        }
        if let Some(cpu) = job.cpu {
            text += &format!("cpu = {cpu}\n");
        }
        match (self.policy, priority) {
            ("linux", 0) => {}
            ("linux", _) => text += &format!("class = \"fifo\"\npriority = {priority}\n"),
            _ => text += &format!("priority = {priority}\n"),
        }
        text += &format!("nice = {nice}\ntickets = {tickets}\n");
        if let Some(burst) = job.burst {
            text += &format!("burst = \"{burst}ns\"\n");
        }
        let mut steps: Vec<String> = job.acts.iter().filter_map(|act| self.step(act)).collect();
        if !self.holds() && job.acts.iter().any(|act| matches!(act, Act::Fork)) {
            steps.push("{ wait = \"all\" }".to_owned());
        }
        if steps.is_empty() {
            steps.push("{ compute = \"500ns\" }".to_owned());
        }
        text + &format!("steps = [{}]\n", steps.join(", "))
    }

    fn step(&self, act: &Act) -> Option<String> {
        Some(match act {
            Act::Compute(time) => format!("{{ compute = \"{time}ns\" }}"),
            Act::Sleep(time) => format!("{{ sleep = \"{time}ns\" }}"),
            Act::Io => "{ read = \"data\", bytes = \"4KiB\", direct = true }".to_owned(),
            Act::Locked(..) if self.holds() => return None,
            Act::Locked(lock, compute, sleep) => {
                let sleep = match sleep {
                    0 => String::new(),
                    sleep => format!("{{ sleep = \"{sleep}ns\" }}, "),
                };
                format!(
                    "{{ lock = \"m{lock}\" }}, {{ compute = \"{compute}ns\" }}, {sleep}{{ unlock = \"m{lock}\" }}"
                )
            }
            Act::Fork => "{ fork = \"child\" }".to_owned(),
            Act::Yield => "{ yield = true }".to_owned(),
            Act::Allow(cpus) => format!("{{ sched-setaffinity = {cpus:?} }}"),
            Act::Nice(more) => format!("{{ nice = {more} }}"),
        })
    }
}

/// A workload that breaks a law is shown as what it is: a scenario that can be run.
impl fmt::Debug for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n{}", self.text())
    }
}

/// Times that often coincide with others.
fn time() -> impl Strategy<Value = u64> {
    prop_oneof![3 => (1..=8_u64).prop_map(|halves| 500 * halves), 1 => 1..3_000_u64]
}

/// A value for a parameter of this kind.
fn value(name: &'static str, kind: &'static str) -> BoxedStrategy<String> {
    let quantum = || prop_oneof![(2..=8_u64).prop_map(|halves| 500 * halves), 700..3_000_u64];
    match kind {
        "time" => quantum().prop_map(|time| format!("\"{time}ns\"")).boxed(),
        "number" => (1..=4_u64).prop_map(|number| number.to_string()).boxed(),
        "truth" => any::<bool>().prop_map(|truth| truth.to_string()).boxed(),
        "times" => prop::collection::vec(quantum(), 1..=3)
            .prop_map(|times| {
                format!("{:?}", times.iter().map(|time| format!("{time}ns")).collect::<Vec<_>>())
            })
            .boxed(),
        "numbers" => {
            prop::collection::vec(1..=5_u64, 1..=3).prop_map(|numbers| format!("{numbers:?}")).boxed()
        }
        words if words.contains('|') => {
            let words: Vec<&str> = words.split('|').collect();
            prop::sample::select(words).prop_map(|word| format!("\"{word}\"")).boxed()
        }
        other => panic!("no values for the parameter `{name}` of the kind `{other}`"),
    }
}

fn act(cpus: u16) -> BoxedStrategy<Act> {
    let allowed = prop::collection::btree_set(0..cpus, 1..=usize::from(cpus));
    prop_oneof![
        6 => time().prop_map(Act::Compute),
        3 => time().prop_map(Act::Sleep),
        1 => Just(Act::Io),
        2 => (0..LOCKS, time(), prop_oneof![Just(0), time()])
            .prop_map(|(lock, compute, sleep)| Act::Locked(lock, compute, sleep)),
        1 => Just(Act::Fork),
        1 => Just(Act::Yield),
        1 => allowed.prop_map(|cpus| Act::Allow(cpus.into_iter().collect())),
        1 => (-3..=3_i64).prop_map(Act::Nice),
    ]
    .boxed()
}

fn job(cpus: u16) -> impl Strategy<Value = Job> {
    let acts = prop::collection::vec(act(cpus), 1..=6);
    let start = prop_oneof![2 => Just(0), 1 => time()];
    let cpu = prop::option::weighted(0.2, 0..cpus);
    let burst = prop::option::of(time());
    (start, cpu, 0..=3_i64, -5..=5_i64, 1..=9_u64, burst, acts).prop_map(
        |(start, cpu, priority, nice, tickets, burst, acts)| Job {
            start,
            cpu,
            priority,
            nice,
            tickets,
            burst,
            acts,
        },
    )
}

impl Job {
    /// The same, free to run on any CPU.
    fn anywhere(mut self) -> Job {
        self.cpu = None;
        self.acts.retain(|act| !matches!(act, Act::Allow(_)));
        self
    }
}

/// Policies of a scenario's own.
const SCRIPTS: &[&str] = &[
    "fn pick(ready) { ready[0] }",
    "fn pick(ready) { ready[ready.len() - 1] } fn slice(task) { 2.us() }",
    "fn pick(ready) { ready.least(|t| t.ran) } fn slice(task) { 3.us() } fn preempts(woken, running) { woken.ran < running.ran }",
];

/// Workloads under a policy, with each of its parameters given or not.
pub fn workload(row: &'static PolicyRow) -> impl Strategy<Value = Workload> {
    let given: Vec<_> = row
        .parameters
        .iter()
        .map(|&(name, kind, _)| match (row.name, name) {
            ("script", "code") => {
                prop::sample::select(SCRIPTS).prop_map(move |code| Some((name, format!("'{code}'")))).boxed()
            }
            ("script", _) => Just(None).boxed(),
            _ => prop::option::weighted(0.6, value(name, kind))
                .prop_map(move |value| value.map(|value| (name, value)))
                .boxed(),
        })
        .collect();
    let machine = (1..=3_u16).prop_flat_map(|cpus| (Just(cpus), prop::collection::vec(job(cpus), 1..=5)));
    let costs = prop_oneof![3 => Just(Costs::Free), 1 => Just(Costs::Small)];
    let preemption = prop::sample::select(vec!["none", "voluntary", "full"]);
    let placement = prop::sample::select(vec!["previous", "idle", "shortest"]);
    let balance = prop::sample::select(vec!["none", "steal"]);
    let tick = prop::option::weighted(0.25, 500..2_000_u64);
    let global = prop::bool::weighted(0.25);
    (given, machine, costs, preemption, placement, balance, (tick, global)).prop_map(
        move |(parameters, (cpus, jobs), costs, preemption, placement, balance, (tick, global))| Workload {
            policy: row.name,
            parameters: parameters.into_iter().flatten().collect(),
            cpus,
            costs,
            preemption,
            placement,
            balance,
            tick,
            // It decides for all CPUs at once.
            global: global || row.name == "gang",
            jobs: if row.name == "gang" { jobs.into_iter().map(Job::anywhere).collect() } else { jobs },
        },
    )
}
