//! Verbs that no other part of the generator is about: buffers, programs in a program's place, shell lines, groups of
//! processes, names of files and memory.
//!
//! They have a stream of their own, so that the rest of a scenario is what it would be without them.

use trapline::random::{Key, Stream};

#[derive(Debug)]
pub struct Rest {
    random: Stream,
}

impl Rest {
    pub fn new(seed: u64) -> Rest {
        Rest { random: Key::of_run(seed).named("rest").stream() }
    }

    fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.random.uniform(0, choices.len() as u64 - 1) as usize]
    }

    pub fn objects(&mut self) -> String {
        "[file.old]\ndisk = \"disk\"\nsize = \"600B\"\n[file.other]\ndisk = \"disk\"\nexists = false\n\
         [shm.named]\nkind = \"posix\"\ncells = { n = 0 }\nmapped = false\n[shm.word]\ncells = { w = 0 }\n\
         [stream.last]\nover = \"old\"\nbuffer = \"32B\""
            .to_owned()
    }

    /// A program that another one takes the place of, that one, and one without an end.
    pub fn programs(&mut self) -> String {
        let [before, after] = [0; 2].map(|_| self.random.uniform(0, 90));
        format!(
            "[program.before]\nsteps = [{{ compute = \"{before}ns\" }}, {{ exec = \"after\", args = {{ kept = 3 }} }}]\n\
             [program.after]\nsteps = [{{ compute = \"{after}ns\" }}, {{ atomic-add = \"cells.x\", value = \"kept\" }}, \
             {{ exit = \"kept\" }}]\n\
             [program.endless]\nsteps = [{{ forever = true, do = [{{ compute = \"{before}ns\" }}, {{ sleep = \"{after}ns\" }}] }}]"
        )
    }

    /// A step or a few; most of the time none. Only those who may have children run shell lines.
    pub fn steps(&mut self, parent: bool) -> Option<String> {
        if self.random.uniform(1, 100) > 14 {
            return None;
        }
        let fails = "on-error = \"continue\"";
        let time = self.random.uniform(1, 40) * 5;
        let kinds = if parent { 16 } else { 12 };
        Some(match self.random.uniform(0, kinds) {
            0 | 1 => {
                "{ set = \"n\", to = 5 }, { pread = \"old\", offset = 0, bytes = \"40B\", into = \"x\" }, \
                 { count-buffer = true, lines = \"n\", bytes = \"x\" }, { cut-buffer = \"n\" }, \
                 { digest = \"x\" }, { pack-buffer = [\"x\", 7] }, { unpack-buffer = [\"n\", \"x\"] }"
                    .to_owned()
            }
            2 => "{ compare-swap = \"cells.x\", expected = 0, new = 4, old = \"x\" }, \
                  { assert = \"x - x == 0\", message = \"a number differs from itself\" }"
                .to_owned(),
            3 => format!(
                "{{ futex-lock-pi = \"word.w\", timeout = \"{time}ns\", result = \"r\", {fails} }}, {{ compute = \"{time}ns\" }}, \
                 {{ futex-unlock-pi = \"word.w\", {fails} }}"
            ),
            4 => {
                let group = self.pick(&["", ", group = 3"]);
                format!("{{ setpgid = 0{group}, {fails} }}, {{ getpgid = \"x\" }}")
            }
            5 => format!("{{ getppid = \"x\" }}, {{ setpgid = \"x\", {fails} }}"),
            6 => {
                let [from, to] = [0; 2].map(|_| self.pick(&["old", "other", "new"]));
                format!("{{ rename = \"{from}\", to = \"{to}\", {fails} }}")
            }
            7 => format!(
                "{{ mmap = \"named\", {fails} }}, {{ shm-unlink = \"named\", {fails} }}, {{ munmap = \"named\", {fails} }}"
            ),
            8 => "{ sem-try-wait = \"s\", result = \"r\" }".to_owned(),
            9 => {
                let signal = self.pick(&["SIGCHLD", "SIGCONT"]);
                format!("{{ getpid = \"x\" }}, {{ tgkill = \"x\", signal = \"{signal}\", {fails} }}")
            }
            10 => "{ value-set = \"v\", to = 9 }".to_owned(),
            11 => format!(
                "{{ dup = \"p0\", end = \"write\", into = \"dw\", {fails} }}, {{ dup2 = \"nn\", end = \"write\", onto = \"@dw\", {fails} }}, \
                 {{ write = \"@dw\", bytes = \"8B\", {fails} }}, {{ close = \"@dw\", {fails} }}"
            ),
            12 => "{ fwrite = \"last\", bytes = \"40B\" }, { fclose = \"last\" }".to_owned(),
            13 => "{ fork = \"before\" }".to_owned(),
            14 => format!("{{ fork = \"{}\" }}", self.pick(&["before", "endless"])),
            _ => {
                let line = self.pick(&[
                    "echo one two | wc",
                    "cat old | head -n 2 > other",
                    "false || echo $? > other",
                    "before & wait",
                ]);
                format!("{{ sh = \"{line}\", status = \"x\" }}")
            }
        })
    }
}
