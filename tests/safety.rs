//! Nothing of a real run is left, whoever is killed at whatever moment.
//!
//! Besides the scenario's processes a run has three of its own: the caller, the guardian, and the
//! guardian's sentinel. The test ends them with SIGKILL, alone and two at once, at random moments
//! from before the guardian exists until well into the run, and looks for processes with the run's
//! mark, files, tracing instances, shared memory objects, message queues and semaphore sets.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

#[path = "common/real.rs"]
mod real;

use std::fs;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use real::{BUSY, Bench, PATIENCE, ways};
use trapline::os::process;
use trapline::random::{Key, Stream};
use trapline::real::named::Object;
use trapline::real::run::clean;
use trapline::signal::Signal;

/// Whom a test ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Victims {
    Caller,
    Guardian,
    Sentinel,
    CallerAndGuardian,
    CallerAndSentinel,
}

const VICTIMS: [Victims; 5] = [
    Victims::Caller,
    Victims::Guardian,
    Victims::CallerAndGuardian,
    Victims::Sentinel,
    Victims::CallerAndSentinel,
];

/// A process as /proc/PID/stat shows it: its parent, its group.
fn relatives(pid: i32) -> Option<(i32, i32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(1);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

/// The guardian of a run and its sentinel, as far as they are there.
fn officers(caller: u32) -> (Option<i32>, Option<i32>) {
    let marked = Bench::processes(caller).into_iter().filter_map(|pid| pid.parse().ok());
    let marked: Vec<(i32, (i32, i32))> = marked.filter_map(|pid: i32| Some((pid, relatives(pid)?))).collect();
    let guardian = marked.iter().find(|(_, (parent, _))| *parent == caller as i32).map(|(pid, _)| *pid);
    let leads = |pid: i32, parent: i32, group: i32| guardian == Some(parent) && group == pid;
    let sentinel = marked.iter().find(|(pid, (parent, group))| leads(*pid, *parent, *group));
    (guardian, sentinel.map(|(pid, _)| *pid))
}

fn kill(pid: Option<i32>) {
    // It may have ended by itself.
    let _ = pid.map(|pid| process::kill(pid, Signal::SIGKILL));
}

/// Says whether the victims other than the caller were there already.
fn end(victims: Victims, child: &mut Child) -> bool {
    let (guardian, sentinel) = officers(child.id());
    match victims {
        Victims::Caller => {}
        Victims::Guardian | Victims::CallerAndGuardian => kill(guardian),
        Victims::Sentinel | Victims::CallerAndSentinel => kill(sentinel),
    }
    match victims {
        Victims::Caller | Victims::CallerAndGuardian | Victims::CallerAndSentinel => child.kill().unwrap(),
        Victims::Guardian | Victims::Sentinel if guardian.is_none() => child.kill().unwrap(),
        Victims::Guardian | Victims::Sentinel => {}
    }
    sentinel.is_some()
}

/// Waits for the end of a child, but not for ever.
fn await_end(child: &mut Child, what: &str) {
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < PATIENCE, "{what}: the caller doesn't end");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn await_no_process(caller: u32, what: &str) {
    let begun = Instant::now();
    loop {
        let left = Bench::processes(caller);
        if left.is_empty() {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{what}: {left:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// How long it takes on this host, as loaded as it is, until a run is well under way.
fn time_to_begin() -> Duration {
    let bench = Bench::new(BUSY);
    let mut child = bench.start(&["--observe", "notes"]);
    let begun = Instant::now();
    await_processes(child.id());
    let time = begun.elapsed();
    process::kill(child.id() as i32, Signal::SIGTERM).unwrap();
    await_end(&mut child, "first run");
    bench.insist_on_nothing_left(child.id(), "first run");
    time
}

/// Waits until the scenario's processes have children of their own.
fn await_processes(caller: u32) {
    let begun = Instant::now();
    while Bench::processes(caller).len() < 12 {
        assert!(begun.elapsed() < PATIENCE, "the run doesn't begin");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn one_kill(number: usize, moments: &mut Stream, longest: Duration, way: &str) -> (u32, bool, usize) {
    let victims = VICTIMS[number % VICTIMS.len()];
    let moment = Duration::from_micros(moments.uniform(0, longest.as_micros() as u64));
    let what = format!("kill {number}: {victims:?} after {moment:?}, {way}");
    let bench = Bench::new(BUSY);
    let mut child = bench.start(&["--observe", way, "--most-time", "20s"]);
    let caller = child.id();
    std::thread::sleep(moment);
    let objects = bench.objects();
    let hit = end(victims, &mut child);
    await_end(&mut child, &what);
    await_no_process(caller, &what);
    // Nobody tidies up who was ended before there was anybody else: the next start does.
    clean(Path::new(&bench.path("scratch")));
    // A guardian that was only just forked bears its mark later; it finds that it is alone, and goes.
    bench.insist_on_nothing_left(caller, &what);
    let left: Vec<&Object> = objects.iter().filter(|object| object.exists()).collect();
    assert!(left.is_empty(), "{what}: {left:?}");
    (caller, hit, objects.len())
}

#[test]
fn nothing_is_left_whoever_is_killed_at_any_moment() {
    const KILLS: usize = 60;
    const AT_ONCE: usize = 3;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let seed = std::env::var("TRAPLINE_SEED").map_or(now, |text| text.parse().unwrap());
    let longest = time_to_begin() * 2;
    println!("TRAPLINE_SEED={seed}, moments up to {longest:?}");
    let ways = ways();
    let kills: Vec<(u32, bool, usize)> =
        std::thread::scope(|scope| {
            let workers: Vec<_> =
                (0..AT_ONCE)
                    .map(|worker| {
                        let ways = &ways;
                        scope.spawn(move || {
                            let mut moments = Key::from_seed(seed).numbered(worker as u64).stream();
                            let own = (worker..KILLS).step_by(AT_ONCE);
                            let way = |number: usize| ways[number / 7 % ways.len()];
                            own.map(|number| one_kill(number, &mut moments, longest, way(number)))
                                .collect::<Vec<(u32, bool, usize)>>()
                        })
                    })
                    .collect();
            workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
        });
    assert_eq!(kills.len(), KILLS);
    // A test that always comes too early tests nothing.
    assert!(kills.iter().filter(|(_, hit, _)| *hit).count() >= 5, "{kills:?}");
    assert!(kills.iter().filter(|(_, _, objects)| *objects == 4).count() >= 5, "{kills:?}");
    let names = |folder: &str| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect::<Vec<String>>()
    };
    let instances = names("/sys/kernel/tracing/instances");
    let left = instances
        .iter()
        .filter(|name| kills.iter().any(|(pid, _, _)| name.starts_with(&format!("trapline-{pid}-"))));
    assert_eq!(left.count(), 0, "{instances:?}");
    let shared = names("/dev/shm");
    assert!(!shared.iter().any(|name| name.contains("trapline")), "{shared:?}");
}

#[test]
fn an_ended_guardian_ends_the_run_with_an_error_and_leaves_nothing() {
    let bench = Bench::new(BUSY);
    let mut child = bench.start(&["--observe", "notes"]);
    let caller = child.id();
    await_processes(caller);
    kill(officers(caller).0);
    await_end(&mut child, "guardian");
    assert_eq!(child.wait().unwrap().code(), Some(5));
    assert_eq!(bench.leftovers(caller), Vec::<String>::new());
}
