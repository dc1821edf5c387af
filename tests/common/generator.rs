//! Random scenarios: valid, short, and full of things that happen at the same time.
//!
//! A scenario is a function of its seed alone. The times are small primes and their multiples, so
//! that ends of instructions, timers and devices often fall on the same nanosecond.

mod cpus;
mod events;
mod manager;
mod periodic;
mod pools;
mod sync;

#[path = "generator_files.rs"]
mod files;

mod messages;
mod rest;

use std::fmt::Write;

use trapline::random::{Key, Stream};

use super::signals;
use super::sockets::{PROLOGUE, Sockets};

pub struct Generator {
    sockets: Sockets,
    rest: rest::Rest,
    own: cpus::Cpus,
    random: Stream,
    text: String,
    cpus: u64,
    pipes: u64,
    mutexes: u64,
    children: u64,
    pub replaces: bool,
    /// Whether its programs have to do with signals.
    signals: bool,
    policy: String,
}

/// The scenario of this seed.
pub fn scenario(seed: u64) -> String {
    let mut generator = Generator {
        sockets: Sockets::new(seed),
        rest: rest::Rest::new(seed),
        own: cpus::Cpus::new(seed),
        random: Key::of_run(seed).named("generator").stream(),
        text: String::new(),
        cpus: 1,
        pipes: 0,
        mutexes: 0,
        children: 0,
        replaces: false,
        signals: false,
        policy: String::new(),
    };
    generator.whole(seed);
    generator.text
}

impl Generator {
    pub fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.random.uniform(0, choices.len() as u64 - 1) as usize]
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.random.uniform(1, 100) <= percent
    }

    pub fn number(&mut self, low: u64, high: u64) -> u64 {
        self.random.uniform(low, high)
    }

    /// A time that others are likely to share.
    pub fn time(&mut self) -> u64 {
        let base = [1, 2, 3, 5, 7, 10, 30, 100, 210][self.number(0, 8) as usize];
        base * self.number(1, 12)
    }

    pub fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn whole(&mut self, seed: u64) {
        self.cpus = [1, 1, 2, 2, 3, 4, 6, 8][self.number(0, 7) as usize];
        let cpus = self.cpus;
        self.line("format = 1");
        self.line(&format!("name = \"seed-{seed}\""));
        self.line("[machine]");
        self.line(&format!("cpus = {cpus}"));
        let tlb = self.pick(&["0", "2", "64"]);
        self.line(&format!("tlb = {tlb}"));
        self.frames();
        let own = self.own.machine(cpus);
        self.line(&own);
        self.costs();
        self.kernel();
        self.paging();
        self.devices();
        self.objects();
        self.programs();
        self.line(&manager::tables(seed));
        self.line(&periodic::tables(seed, self.policy == "linux"));
        self.events();
        let until = self.number(5_000, 60_000);
        self.line(&format!("[run]\nseed = {seed}\nuntil = \"{until}ns\""));
    }

    fn costs(&mut self) {
        let base = self.pick(&["free", "textbook", "textbook", "linux-x86"]);
        let mut costs = format!("costs = {{ base = \"{base}\"");
        let unit = self.pick(&["1ns", "1ns", "3ns", "10ns"]);
        let _ = write!(costs, ", instruction = \"{unit}\"");
        for key in ["syscall-entry", "syscall-exit", "switch", "interrupt", "deferred", "wakeup"] {
            if self.chance(60) {
                let time = self.time();
                let _ = write!(costs, ", {key} = \"{time}ns\"");
            }
        }
        for key in ["reschedule", "ipi-send", "ipi-delivery", "idle-entry", "idle-exit", "tlb-miss"] {
            if self.chance(50) {
                let time = self.time();
                let _ = write!(costs, ", {key} = \"{time}ns\"");
            }
        }
        let timer = self.time();
        let _ = write!(costs, ", timer = \"{timer}ns\"");
        if base != "free" {
            // Forks and exits are shortened, so that more happens before the run's end.
            costs.push_str(", process-exit = \"150ns\", fault-minor = \"70ns\", fault-copy = \"90ns\"");
            costs.push_str(
                ", calls.fork.base = \"310ns\", calls.wait4.base = \"40ns\", calls.clone.base = \"200ns\"",
            );
        }
        costs.push_str(&self.own.costs());
        self.measured_costs(&mut costs);
        costs.push_str(" }");
        self.line(&costs);
    }

    /// What only a measured host charges.
    fn measured_costs(&mut self, costs: &mut String) {
        for key in ["user-step", "user-call", "user-note", "timer-slack", "ipi-delivery-idle", "poll-notice"]
        {
            if self.chance(30) {
                let time = self.time();
                let _ = write!(costs, ", {key} = \"{time}ns\"");
            }
        }
        for key in ["contended", "remote-per-kib", "fault-cached"] {
            if self.chance(30) {
                let time = self.time();
                let _ = write!(costs, ", {key} = \"{time}ns\"");
            }
        }
        if self.chance(40) {
            let time = self.time() * 10;
            let _ = write!(costs, ", idle-poll = \"{time}ns\"");
        }
        if self.chance(30) {
            let [small, large] = [0; 2].map(|_| self.time());
            let points = format!("points = [[1, \"0ns\"], [2, \"{small}ns\"], [4, \"{large}ns\"]]");
            let _ = write!(costs, ", switch-cold = {{ {points} }}");
        }
        for copying in ["pipe-write", "pipe-read", "file-write", "file-read", "direct-read", "terminal-write"]
        {
            if self.chance(25) {
                let [small, large] = [0; 2].map(|_| self.time());
                let points = format!("points = [[\"7B\", \"{small}ns\"], [\"4KiB\", \"{large}ns\"]]");
                let _ = write!(costs, ", copies.{copying} = {{ {points} }}");
            }
        }
        if self.chance(30) {
            let [fast, more] = [0; 2].map(|_| self.time());
            let slow = fast + more;
            let quantiles = format!("{{ points = [[0.1, \"{fast}ns\"], [0.9, \"{slow}ns\"]] }}");
            let _ =
                write!(costs, ", disk = {{ read = {quantiles}, flush = {quantiles}, per-kib = \"3ns\" }}");
        }
        let tick = self.number(3_000, 6_000);
        let preemption = self.pick(&["none", "full"]);
        let _ = write!(costs, ", host = {{ tick = \"{tick}ns\", preemption = \"{preemption}\"");
        if self.chance(50) {
            let slice = self.number(2_600, 7_000);
            let _ = write!(costs, ", policy = \"eevdf\", slice = \"{slice}ns\"");
        }
        costs.push_str(" }");
    }

    fn kernel(&mut self) {
        let policy = self.pick(&[
            "fcfs",
            "round-robin",
            "priority",
            "eevdf",
            "eevdf",
            "sjf",
            "srtf",
            "mlfq",
            "lottery",
            "stride",
            "cfs",
            "bsd",
            "linux",
            "linux",
            "gang",
            "edf",
            "rm",
            "dm",
            "llf",
            "cbs",
        ]);
        self.policy = policy.to_owned();
        let quantum = self.number(3_000, 9_000);
        let scheduler = match policy {
            // Without a draw of its own.
            "fcfs" => {
                let next = if quantum.is_multiple_of(2) { "number" } else { "ready-time" };
                let woken = if quantum.is_multiple_of(3) { "preempts" } else { "waits" };
                let hold = quantum.is_multiple_of(5);
                format!("{{ policy = \"fcfs\", next = \"{next}\", woken = \"{woken}\", hold = {hold} }}")
            }
            "eevdf" => {
                let slice = self.number(2_600, 7_000);
                let parity = self.pick(&["true", "false"]);
                format!("{{ policy = \"eevdf\", slice = \"{slice}ns\", run-to-parity = {parity} }}")
            }
            "priority" if self.chance(50) => {
                let preempted = if quantum.is_multiple_of(2) { "head" } else { "tail" };
                let aging = if quantum.is_multiple_of(3) { ", aging = \"4us\"" } else { "" };
                format!("{{ policy = \"priority\", preempted = \"{preempted}\"{aging} }}")
            }
            "cfs" => {
                let (latency, wakeup) = (3 * quantum, quantum / 4);
                format!(
                    "{{ policy = \"cfs\", latency = \"{latency}ns\", granularity = \"{quantum}ns\", \
                     wakeup-granularity = \"{wakeup}ns\" }}"
                )
            }
            "bsd" => format!("{{ policy = \"bsd\", tick = \"{quantum}ns\", slice = 2, recompute = 3 }}"),
            "linux" => {
                let (budget, period) = (self.number(2_600, 2_900), self.number(3_000, 9_000));
                format!(
                    "{{ policy = \"linux\", rr-timeslice = \"{quantum}ns\", slice = \"{quantum}ns\", \
                     server-budget = \"{budget}ns\", server-period = \"{period}ns\" }}"
                )
            }
            "gang" => {
                let fill = self.pick(&["true", "false"]);
                format!("{{ policy = \"gang\", quantum = \"{quantum}ns\", fill = {fill} }}")
            }
            "sjf" | "srtf" => {
                let weight = self.number(0, 100);
                format!("{{ policy = \"{policy}\", first = \"{quantum}ns\", weight = {weight} }}")
            }
            "mlfq" => {
                let (boost, allotment) = (self.number(9_000, 30_000), self.number(1, 3));
                let (after, woken) = (self.pick(&["keep", "fresh"]), self.pick(&["tail", "head"]));
                format!(
                    "{{ policy = \"mlfq\", quantum = [\"{quantum}ns\", \"7us\"], allotment = {allotment}, \
                     boost = \"{boost}ns\", after-wait = \"{after}\", woken = \"{woken}\" }}"
                )
            }
            "lottery" => {
                let alone = self.pick(&["true", "false"]);
                format!("{{ policy = \"lottery\", quantum = \"{quantum}ns\", alone = {alone} }}")
            }
            "edf" | "rm" | "dm" => {
                let (ties, running) =
                    (self.pick(&["arrival", "tail", "order"]), self.pick(&["keeps", "competes"]));
                format!("{{ policy = \"{policy}\", ties = \"{ties}\", running = \"{running}\" }}")
            }
            "cbs" => {
                let spent = self.pick(&["postpone", "throttle"]);
                let reclaim = if quantum.is_multiple_of(4) { "none" } else { self.pick(&["none", "grub"]) };
                format!("{{ policy = \"cbs\", when-spent = \"{spent}\", reclaim = \"{reclaim}\" }}")
            }
            "round-robin" => {
                let newcomers = self.pick(&["at-once", "after-expired"]);
                format!(
                    "{{ policy = \"round-robin\", quantum = \"{quantum}ns\", newcomers = \"{newcomers}\" }}"
                )
            }
            _ => format!("{{ policy = \"{policy}\", quantum = \"{quantum}ns\" }}"),
        };
        let preemption = self.pick(&["none", "voluntary", "full", "full"]);
        let placement = self.pick(&["previous", "idle", "shortest"]);
        let balance = self.pick(&["none", "steal"]);
        self.line("[kernel]");
        self.line(&format!("scheduler = {scheduler}"));
        self.line(&format!("preemption = \"{preemption}\""));
        self.line(&format!("placement = \"{placement}\""));
        let own = self.own.kernel(balance);
        self.line(&own);
        let serves_several = !matches!(policy, "fcfs" | "eevdf" | "mlfq" | "cfs" | "bsd" | "linux");
        if quantum.is_multiple_of(7) {
            self.line("wake-order = \"priority\"");
        }
        if policy == "gang" || serves_several && quantum.is_multiple_of(4) {
            self.line("queues = \"global\"");
        }
        self.files_of_kernel();
        if self.chance(30) {
            let tick = self.number(3_000, 6_000);
            let idle = self.pick(&["true", "false"]);
            self.line(&format!("tick = \"{tick}ns\"\ntickless-idle = {idle}"));
        }
    }

    fn devices(&mut self) {
        let service = self.time() * 3;
        let depth = self.number(1, 3);
        self.line(&format!(
            "[device.disk]\nkind = \"disk\"\nservice = \"{service}ns\"\nper-kib = \"10ns\"\ndepth = {depth}"
        ));
        self.line_of_device();
        self.line("[device.eth]\nkind = \"network\"");
        let card = self.sockets.card();
        self.line(&card);
        self.line_of_device();
        self.line("[device.button]\nkind = \"button\"");
        self.line_of_device();
        let interval = self.number(200, 3_000);
        let interval = if self.chance(50) {
            format!("\"{interval}ns\"")
        } else {
            format!("{{ dist = \"exponential\", mean = \"{interval}ns\" }}")
        };
        self.line(&format!("[device.noise]\nkind = \"noise\"\ninterval = {interval}"));
        self.line_of_device();
        self.line("[file.data]\ndisk = \"disk\"\nsize = \"64KiB\"");
        self.files();
    }

    fn line_of_device(&mut self) {
        let cpu = self.number(0, self.cpus - 1);
        let trigger = self.pick(&["edge", "level"]);
        self.line(&format!("cpu = {cpu}\ntrigger = \"{trigger}\""));
        if self.chance(50) {
            let (hard, deferred) = (self.time(), self.time());
            self.line(&format!("handler = \"{hard}ns\"\ndeferred = \"{deferred}ns\""));
        }
    }

    fn objects(&mut self) {
        self.pipes = self.number(1, 3);
        self.mutexes = self.number(1, 2);
        for pipe in 0..self.pipes {
            let capacity = self.pick(&["1B", "16B", "4KiB", "64KiB"]);
            self.line(&format!("[pipe.p{pipe}]\ncapacity = \"{capacity}\"\nends = \"both\""));
        }
        for mutex in 0..self.mutexes {
            self.line(&format!("[mutex.m{mutex}]"));
        }
        let value = self.number(0, 2);
        self.line(&format!("[semaphore.s]\nvalue = {value}"));
        if self.sockets.are_used() {
            let sockets = self.sockets.objects();
            self.line(&sockets);
        }
        self.synchronisers();
        self.pools();
        let channels = events::objects(&mut self.random);
        self.line(&channels);
        let queues = messages::objects(&mut self.random);
        self.line(&queues);
        self.line("[shm.cells]\ncells = { x = 0, y = 3 }");
        self.memories();
        let rest = self.rest.objects();
        self.line(&rest);
        self.line("[memory.heap]\nsize = \"32KiB\"");
        self.line("[memory.mapped]\nsize = \"64KiB\"\nfile = \"data\"");
    }

    fn programs(&mut self) {
        self.children = self.number(1, 2);
        self.signals = self.chance(50);
        if self.signals {
            let programs = signals::programs(&mut self.random);
            self.line(&programs);
        }
        for process in 0..self.number(1, 4) {
            let count = self.number(1, 2);
            let priority = self.number(0, 5);
            let nice = self.pick(&["-3", "0", "0", "4"]);
            self.line(&format!("[process.a{process}]\ncount = {count}\nnice = {nice}"));
            let standing = self.standing(process, priority);
            self.line(&standing);
            if self.chance(50) {
                let (tickets, burst) = (self.number(1, 9), self.number(500, 9_000));
                self.line(&format!("tickets = {tickets}\nburst = \"{burst}ns\""));
            }
            if self.chance(20) {
                let start = self.number(1, 4_000);
                self.line(&format!("start = \"{start}ns\""));
            }
            if self.chance(20) {
                let cpu = self.number(0, self.cpus - 1);
                if self.policy != "gang" {
                    self.line(&format!("cpu = {cpu}"));
                }
            }
            self.own_frames();
            let setup = if self.signals { signals::setup(&mut self.random) } else { String::new() };
            let steps = self.program(true);
            let separator = if setup.is_empty() { "" } else { ", " };
            self.line(&format!("steps = [{setup}{separator}{steps}]"));
        }
        for child in 0..self.children {
            let steps = self.program(false);
            self.line(&format!("[program.c{child}]\nsteps = [{steps}]"));
        }
        let rest = self.rest.programs();
        self.line(&rest);
        self.line("[program.t]\nsteps = [{ compute = \"333ns\" }, { atomic-add = \"cells.y\", value = 1 }, { compute = \"77ns\" }]");
    }

    /// A process's priority, or what it is under Linux's classes.
    fn standing(&self, process: u64, priority: u64) -> String {
        if self.policy != "linux" {
            return format!("priority = {priority}");
        }
        match (process, priority) {
            (0, _) => {
                let (budget, deadline) = (700 + priority * 210, 2_000 + priority * 300);
                format!(
                    "class = \"deadline\"\nbudget = \"{budget}ns\"\ndeadline = \"{deadline}ns\"\nperiod = \"3500ns\""
                )
            }
            (_, 0) => "class = \"idle\"".to_owned(),
            (1, _) => "class = \"batch\"".to_owned(),
            (2, _) => format!("class = \"rr\"\npriority = {priority}"),
            _ => format!("class = \"fifo\"\npriority = {priority}"),
        }
    }

    fn program(&mut self, parent: bool) -> String {
        let steps = self.steps(2, parent);
        if self.sockets.are_used() { format!("{PROLOGUE}, {steps}") } else { steps }
    }

    fn steps(&mut self, depth: u32, parent: bool) -> String {
        let count = self.number(2, 7);
        let mut steps = Vec::new();
        for _ in 0..count {
            steps.push(self.step(depth, parent));
            steps.extend(self.sockets.steps());
            steps.extend(self.rest.steps(parent));
        }
        // Where a kind of step isn't possible, something else is done.
        for step in steps.iter_mut().filter(|step| step.is_empty()) {
            *step = "{ compute = \"7ns\" }".to_owned();
        }
        steps.join(", ")
    }

    fn step(&mut self, depth: u32, parent: bool) -> String {
        let time = self.time();
        let pipe = self.number(0, self.pipes - 1);
        let mutex = self.number(0, self.mutexes - 1);
        let size = self.pick(&["1B", "8B", "100B", "5KiB"]);
        let child = self.number(0, self.children - 1);
        if self.chance(4) {
            return format!("{{ print = \"here\" }}, {{ write = \"terminal\", bytes = \"{size}\" }}");
        }
        if self.chance(8) {
            return self.memory_step();
        }
        if self.chance(12) {
            return events::step(&mut self.random, time);
        }
        if self.chance(12) {
            return self.synchronising();
        }
        if parent && self.chance(6) {
            return self.pooling();
        }
        if self.signals && self.chance(25) {
            return signals::step(&mut self.random, time);
        }
        if self.chance(7) {
            return self.file_step();
        }
        if self.chance(15) {
            return messages::step(&mut self.random, time);
        }
        match self.number(0, if depth > 0 { 25 } else { 22 }) {
            0..=3 => format!("{{ compute = \"{time}ns\" }}"),
            4 => format!("{{ compute = {{ dist = \"exponential\", mean = \"{time}ns\" }} }}"),
            5 | 6 => format!("{{ write = \"p{pipe}\", bytes = \"{size}\", on-error = \"continue\" }}"),
            7 | 8 => format!("{{ read = \"p{pipe}\", bytes = \"{size}\", on-error = \"continue\" }}"),
            9 => format!("{{ sleep = \"{time}ns\" }}"),
            10 => "{ yield = true }".to_owned(),
            11 => "{ getpid = \"x\" }".to_owned(),
            12 => {
                let first = self.number(0, 4);
                let mode = self.pick(&["read", "write"]);
                format!("{{ touch = \"heap\", first = {first}, pages = 3, mode = \"{mode}\" }}")
            }
            13 => {
                let first = self.number(0, 15);
                let mode = self.pick(&["read", "write"]);
                format!("{{ touch = \"mapped\", first = {first}, pages = 1, mode = \"{mode}\" }}")
            }
            14 => format!(
                "{{ lock = \"m{mutex}\" }}, {{ compute = \"{time}ns\" }}, {{ unlock = \"m{mutex}\" }}"
            ),
            15 => "{ sem-post = \"s\" }".to_owned(),
            16 => {
                "{ load = \"v\", from = \"cells.x\" }, { store = \"cells.x\", value = \"v + 1\" }".to_owned()
            }
            17 => "{ atomic-add = \"cells.x\", value = 1 }".to_owned(),
            18 => {
                let direct = self.pick(&["true", "false"]);
                // Direct transfers are whole sectors.
                let size = if direct == "true" { "4KiB" } else { size };
                format!("{{ read = \"data\", bytes = \"{size}\", direct = {direct} }}")
            }
            19 => {
                let sync = self.pick(&["true", "false"]);
                format!("{{ write = \"data\", bytes = \"{size}\", sync = {sync} }}")
            }
            20 if parent => format!(
                "{{ touch = \"heap\", pages = 2, mode = \"write\" }}, {{ fork = \"c{child}\" }}, \
                 {{ touch = \"heap\", pages = 2, mode = \"write\" }}, {{ compute = \"{time}ns\" }}"
            ),
            21 if parent => "{ wait = \"all\" }".to_owned(),
            22 if parent => {
                "{ thread = \"t\" }, { lock = \"m0\" }, { unlock = \"m0\" }, { join = \"all\" }".to_owned()
            }
            20 => "{ sem-post = \"s\" }, { sem-wait = \"s\" }".to_owned(),
            21 => "{ fsync = \"data\" }".to_owned(),
            22 => format!(
                "{{ set = \"n\", to = \"{time} * 3 + 1\" }}, {{ compute = {{ value = \"n\", unit = \"ns\" }} }}"
            ),
            23 | 24 => {
                let times = self.number(2, 5);
                let body = self.steps(depth - 1, false);
                format!("{{ repeat = {times}, do = [{body}] }}")
            }
            _ => {
                let body = self.steps(depth - 1, false);
                format!(
                    "{{ set = \"w\", to = 3 }}, {{ while = \"w > 0\", do = [{body}, {{ add = \"w\", value = -1 }}] }}"
                )
            }
        }
    }

    fn events(&mut self) {
        for _ in 0..self.number(2, 14) {
            let at = self.number(1, 20_000);
            let what = match self.number(0, 9) {
                _ if self.signals && self.chance(65) => signals::event(&mut self.random),
                0..=3 => "raise = \"button\"".to_owned(),
                4 => "raise = \"disk\"".to_owned(),
                5 | 6 => format!("packet = \"eth\"\nbytes = \"64B\"{}", self.sockets.packet()),
                7 => "mask = \"button\"".to_owned(),
                8 => "unmask = \"button\"".to_owned(),
                _ => "signal = \"SIGTERM\"\nprocess = \"a0\"".to_owned(),
            };
            self.line(&format!("[[event]]\nat = \"{at}ns\"\n{what}"));
        }
    }
}
