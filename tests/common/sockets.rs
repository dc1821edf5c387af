//! Steps of random scenarios that work on sockets. They have a stream of their own, so that the rest of a
//! scenario is what it would be without them.

use trapline::random::{Key, Stream};

#[derive(Debug)]
pub struct Sockets {
    random: Stream,
    on: bool,
}

/// The variables that hold descriptors, set before anything else in each program.
pub const PROLOGUE: &str = "{ set = \"ls\", to = 900 }, { set = \"cs\", to = 901 }, { set = \"ds\", to = 902 }, { set = \"who\", to = 0 }";

impl Sockets {
    pub fn new(seed: u64) -> Sockets {
        let mut random = Key::of_run(seed).named("sockets").stream();
        let on = random.uniform(1, 100) <= 25;
        Sockets { random, on }
    }

    pub fn are_used(&self) -> bool {
        self.on
    }

    fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.random.uniform(0, choices.len() as u64 - 1) as usize]
    }

    pub fn objects(&mut self) -> String {
        let mut text = String::new();
        for (name, kind) in [
            ("su", "unix-stream"),
            ("sd", "unix-datagram"),
            ("sk", "unix-seqpacket"),
            ("st", "tcp"),
            ("sp", "udp"),
        ] {
            let size = self.pick(&["5B", "64B", "4KiB", "208KiB"]);
            text.push_str(&format!("[socket.{name}]\nkind = \"{kind}\"\nsend-buffer = \"{size}\"\n"));
            if matches!(kind, "tcp" | "udp") {
                let size = self.pick(&["5B", "64B", "128KiB"]);
                text.push_str(&format!("receive-buffer = \"{size}\"\n"));
            }
        }
        text
    }

    /// Keys of a network card.
    pub fn card(&mut self) -> String {
        if !self.on {
            return String::new();
        }
        let (ring, packets) = (self.random.uniform(1, 4), self.random.uniform(1, 4));
        let time = self.random.uniform(1, 900);
        let budget = self.pick(&["", "budget = 1\n", "budget = 2\n"]);
        format!("{budget}ring = {ring}\ncoalesce = {{ packets = {packets}, time = \"{time}ns\" }}\n")
    }

    /// A packet's address.
    pub fn packet(&mut self) -> &'static str {
        if self.on { "\nto = \"sp\"" } else { "" }
    }

    /// A step or a few; now and then none.
    pub fn steps(&mut self) -> Option<String> {
        if !self.on || self.random.uniform(1, 100) > 35 {
            return None;
        }
        let stream = self.pick(&["su", "sk", "st"]);
        let size = self.pick(&["1B", "8B", "100B", "5KiB"]);
        let socket = self.pick(&["cs", "ds"]);
        let wait = self.pick(&["", ", dontwait = true", ", dontwait = true"]);
        let kind = self.pick(&["unix-stream", "unix-datagram", "unix-seqpacket"]);
        let nonblock = self.pick(&["true", "false"]);
        let backlog = self.pick(&["0", "1", "4"]);
        let how = self.pick(&["read", "write", "both"]);
        let flag = self.pick(&["", ", peek = true"]);
        let rule = "on-error = \"continue\"";
        Some(match self.random.uniform(0, 13) {
            0 => format!(
                "{{ listen = \"{stream}\", into = \"ls\", backlog = {backlog}, nonblock = {nonblock}, {rule} }}"
            ),
            1 | 2 => format!("{{ connect = \"{stream}\", into = \"cs\", nonblock = {nonblock}, {rule} }}"),
            3 => format!("{{ accept = \"@ls\", into = \"ds\", {rule} }}"),
            4 => format!("{{ socketpair = [\"cs\", \"ds\"], kind = \"{kind}\", {rule} }}"),
            5 | 6 => format!("{{ send = \"@{socket}\", bytes = \"{size}\"{wait}, {rule} }}"),
            7 | 8 => format!("{{ recv = \"@{socket}\", bytes = \"{size}\"{wait}{flag}, {rule} }}"),
            9 => format!("{{ shutdown = \"@{socket}\", how = \"{how}\", {rule} }}"),
            10 => format!("{{ close = \"@{socket}\", {rule} }}"),
            11 => {
                let address = self.pick(&["sd", "sp"]);
                format!(
                    "{{ bind = \"{address}\", into = \"ls\", {rule} }}, {{ socket = \"{address}\", into = \"cs\", {rule} }}, \
                     {{ sendto = \"@cs\", to = \"{address}\", bytes = \"{size}\"{wait}, {rule} }}, \
                     {{ recvfrom = \"@ls\", bytes = \"{size}\"{wait}, from = \"who\", {rule} }}, \
                     {{ sendto = \"@ls\", to = \"@who\", bytes = \"{size}\"{wait}, {rule} }}"
                )
            }
            12 => {
                let address = self.pick(&["sd", "sp", "su"]);
                format!("{{ connect = \"@cs\", to = \"{address}\", {rule} }}")
            }
            _ => format!(
                "{{ recv = \"@{socket}\", bytes = \"{size}\"{wait}, {rule} }}, {{ change-buffer = \"upper\", cost = \"2ns\" }}, \
                 {{ send = \"@{socket}\", buffer = true{wait}, {rule} }}"
            ),
        })
    }
}
