//! What the tests of real runs share: a folder to run a scenario in, and a look at what is left of it.

// Each of the tests uses what it needs.
#![allow(dead_code)]

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use trapline::os::process;
use trapline::real::Route;
use trapline::real::named::{self, Object};
use trapline::real::run::MARK;

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_trapline");
/// Long enough for any loaded host.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Children and grandchildren that never end by themselves, and forks, files, shared memory, message
/// queues and semaphore sets for ever.
pub const BUSY: &str = r#"
format = 1
name = "busy"
[device.disk]
kind = "disk"
service = "100us"
[file.data]
size = "64KiB"
[shm.s]
cells = { n = 0 }
[pipe.p]
[mqueue.q]
max-messages = 2
message-size = "64B"
[mqueue.made]
create = "open"
max-messages = 1
message-size = "64B"
[sysv-queue.t]
[sysv-semaphores.e]
values = [0, 1]
[process.a]
count = 2
steps = [
  { repeat = 10, do = [ { fork = "b" } ] },
  { forever = true, do = [
    { fork = "c" },
    { atomic-add = "s.n" },
    { mq-open = "made", create = true, into = "d" },
    { mq-send = "q", value = 1, timeout = "0s", on-error = "continue" },
    { msgsnd = "t", value = 1, nowait = true, on-error = "continue" },
    { semop = "e", ops = [{ add = 1, undo = true }], on-error = "continue" },
    { close = "@d" },
    { mq-unlink = "made", on-error = "continue" },
    { wait = "c" },
  ] },
]
[program.b]
steps = [ { read = "data", bytes = "4KiB" }, { fork = "d" }, { pause = true } ]
[program.c]
steps = [ { compute = "50us" }, { write = "data", bytes = "1KiB" } ]
[program.d]
steps = [ { read = "p", bytes = "1B" }, { pause = true } ]
"#;

pub struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    pub fn new(text: &str) -> Bench {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("scratch")).unwrap();
        fs::write(folder.path().join("s.toml"), text).unwrap();
        Bench { folder }
    }

    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    pub fn start(&self, more: &[&str]) -> Child {
        let mut command = Command::new(PROGRAM);
        command.args([
            "real",
            &self.path("s.toml"),
            "--scratch",
            &self.path("scratch"),
            "-o",
            &self.path("out"),
        ]);
        command.args(more).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// A whole run: its exit status, and what it said on standard error. Nothing of it is left.
    pub fn run(&self, more: &[&str]) -> (Option<i32>, String) {
        let child = self.start(more);
        let caller = child.id();
        let output = child.wait_with_output().unwrap();
        self.insist_on_nothing_left(caller, &format!("{more:?}"));
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// The living processes of the run that this process has started.
    pub fn processes(caller: u32) -> Vec<String> {
        let mark = format!("{MARK}={caller}");
        let marked = |pid: &str| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|&byte| byte == 0).any(|entry| entry == mark.as_bytes())
        };
        let all = fs::read_dir("/proc").unwrap().flatten();
        let pids = all.map(|entry| entry.file_name().to_string_lossy().into_owned());
        pids.filter(|pid| pid.parse().is_ok_and(process::lives) && marked(pid)).collect()
    }

    /// The message queues and semaphore sets of the runs that are under way.
    pub fn objects(&self) -> Vec<Object> {
        let folders = fs::read_dir(self.path("scratch")).unwrap().flatten();
        folders.flat_map(|folder| named::listed(&folder.path())).collect()
    }

    pub fn leftovers(&self, caller: u32) -> Vec<String> {
        let mut left = Bench::processes(caller);
        let files = fs::read_dir(self.path("scratch")).unwrap().flatten();
        left.extend(files.map(|entry| entry.path().display().to_string()));
        left
    }

    /// Waits until nothing is left of the run.
    pub fn insist_on_nothing_left(&self, caller: u32, what: &str) {
        let begun = Instant::now();
        loop {
            let left = self.leftovers(caller);
            if left.is_empty() {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{what}: {left:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// The ways of observing that this host allows.
pub fn ways() -> Vec<&'static str> {
    let mut ways = Vec::new();
    for route in Route::ALL {
        match route.obstacle() {
            None => ways.push(route.name()),
            Some(why) => eprintln!("SKIPPED: the route {}: {why}", route.name()),
        }
    }
    ways
}
