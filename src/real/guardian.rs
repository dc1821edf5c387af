//! The guardian: a process between the caller and the scenario's processes, and init to them.
//!
//! It has one thread, so that it may fork. It makes what the scenario's processes share, starts them, buries them,
//! sends what the scenario's events send, and ends everybody when the caller closes the guardian's standard input
//! (also by dying), when the time is over, or when nobody could ever go on again.

use std::io::{Read, Write};
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::{Duration, Instant as Wall};

use crate::errno::Errno;
use crate::ids::{Fd, Tid};
use crate::os::process::{self, Forked, Watch};
use crate::os::{clock, file, memory};
use crate::program::native::{Chunk, Native, Note, Reborn, Row, What, World};
use crate::program::userland::{Origin, User};
use crate::program::{StartId, syscall};
use crate::random::Key;
use crate::signal::Signal;
use crate::time::Instant;

use super::due::{self, Due};
use super::spec::{BOARD, SPEC, Spec};
pub use super::spec::{End, Message};
use super::{interpret, limits, named, sentinel, stage};

/// So often the guardian looks whether anybody gets on; so many looks in a row that found everybody
/// waiting mean that nobody ever will.
const LOOK_MILLIS: u16 = 100;
const LOOKS: u32 = 3;
/// The status of a process that a mistake of ours has ended, as in sysexits.h.
const MISTAKE: u16 = 70;
/// So long the caller has for saying that the run begins.
const CALLER: Duration = Duration::from_secs(60);
/// So long the processes have for ending when they are told so: one may be inside of a disk's call.
const LAST: Duration = Duration::from_secs(30);

/// The guardian's program: the descriptors of the run's description and board are its arguments.
pub fn main(arguments: &[String]) -> u16 {
    let said = |message: &Message| {
        let line = serde_json::to_string(message).unwrap_or_default();
        writeln!(std::io::stdout(), "{line}").and_then(|()| std::io::stdout().flush()).is_ok()
    };
    match Guardian::prepare(arguments) {
        Ok((mut guardian, notes)) => {
            let memories = guardian.world.memories.iter().map(memory::Mapping::first_page).collect();
            let heard = said(&Message::Ready { notes, memories });
            let how = if heard { guardian.run() } else { End::Interrupted };
            named::remove_all(&guardian.objects);
            let notes = guardian.shortage.take().into_iter().collect();
            let heard = said(&Message::Done { how, arrays: guardian.world.arrays(), notes });
            guardian.world.unlink_memories();
            // The caller has gone: nobody else will tidy up.
            if how == End::Interrupted || !heard {
                let _ = std::fs::remove_dir_all(&guardian.world.scratch);
                super::ftrace::clean();
            }
            0
        }
        Err(text) => {
            said(&Message::Failed { text });
            1
        }
    }
}

/// The program of a process that has executed an `exec` step.
pub fn reborn(arguments: &[String]) -> Result<(), String> {
    let reborn = Reborn::from_arguments(arguments).ok_or("this command is for trapline's own use")?;
    let spec = Spec::inherited()?;
    let world = spec.world(spec.scenario()?).map_err(|error| error.to_string())?;
    default_signals();
    process::set_ignored(Signal::SIGPIPE, reborn.ignores_pipe).map_err(|errno| errno.to_string())?;
    let program = world.image.programs.get(usize::from(reborn.program.0)).ok_or("no such program")?;
    let row = world.board.find(reborn.task);
    let mut user = User::new(row.origin, reborn.program, program, 0, Key::from_seed(reborn.key));
    user.variables[0] = reborn.index;
    user.receive(program, &reborn.passed);
    let mut native = Native::new(Arc::new(world), user, reborn.task, row.process, interpret::run);
    native.mask = crate::os::signal::mask();
    native.redirect(reborn.redirected);
    native.begin();
    let exec = syscall::NAMES.iter().position(|name| *name == "execve").unwrap_or(0);
    native.note(What::Leave, exec as i64, 0);
    interpret::run(native);
    Ok(())
}

/// Takes back what Rust's own start has set: SIGPIPE is ignored, and a handler looks whether a
/// SIGSEGV means that the stack is full.
fn default_signals() {
    for signal in [Signal::SIGPIPE, Signal::SIGSEGV, Signal::SIGBUS] {
        let _ = process::set_ignored(signal, false);
    }
}

struct Guardian {
    spec: Spec,
    world: Arc<World>,
    watch: Watch,
    /// The guardian's own ends of pipes, given up when the last process has started.
    ends: Vec<Fd>,
    held: Option<stage::Held>,
    chunk: Chunk,
    /// What is still to happen, in the order of time.
    due: Vec<(Instant, Due)>,
    /// The number of the sentinel and of the scenario's processes' group.
    sentinel: i32,
    /// The sentinel was ended by somebody: without it the run doesn't go on.
    alone: bool,
    /// What ran short.
    shortage: Option<String>,
    /// What has a name or key on the host.
    objects: Vec<named::Object>,
}

impl Guardian {
    fn prepare(arguments: &[String]) -> Result<(Guardian, Vec<String>), String> {
        let numbers: Vec<RawFd> = arguments.iter().filter_map(|text| text.parse().ok()).collect();
        let [spec, board] = numbers[..] else {
            return Err("this command is for trapline's own use".to_owned());
        };
        let host = |what: &str| {
            let what = what.to_owned();
            move |error: nix::Error| format!("{what}: {}", error.desc())
        };
        file::renumber(spec, SPEC).map_err(host("the run's description"))?;
        file::renumber(board, BOARD).map_err(host("the run's board"))?;
        let spec = Spec::inherited()?;
        let scenario = spec.scenario()?;
        process::adopt_orphans();
        let sentinel = sentinel::post(&spec.scratch).map_err(|errno| format!("the sentinel: {errno}"))?;
        process::limit(spec.most_millis / 1000 + 1, spec.file_bytes);
        process::pin(&spec.cpus).map_err(|errno| format!("CPUs {:?} can't be used: {errno}", spec.cpus))?;
        stage::make_files(&spec, &scenario)
            .map_err(|error| format!("{}: {error}", spec.scratch.display()))?;
        spec.make_memories(&scenario).map_err(host("shared memory"))?;
        let (objects, made) = named::make(&spec.scratch, &scenario.image);
        if let Err(text) = made {
            named::remove_all(&objects);
            return Err(text);
        }
        let watch = Watch::begin().map_err(host("watching children"))?;
        let world = Arc::new(spec.world(scenario).map_err(host("mapping memory"))?);
        world.map_and_fill().map_err(host("mapping memory"))?;
        world.board.set_guardian(process::getpid());
        let mut guardian = Guardian {
            spec,
            due: due::due(&world),
            world,
            watch,
            ends: Vec::new(),
            held: None,
            chunk: Chunk::default(),
            sentinel,
            alone: false,
            shortage: None,
            objects,
        };
        let channels = stage::make_channels(&guardian.world).map_err(host("pipes"))?;
        (guardian.ends, guardian.held) = (channels.ends, Some(channels.held));
        Ok((guardian, channels.notes))
    }

    fn run(&mut self) -> End {
        if !self.await_start() {
            return End::Interrupted;
        }
        let initial: Vec<(Origin, StartId)> = self
            .world
            .image
            .initial()
            .filter_map(|(origin, _)| match origin {
                Origin::Start { entry, .. } => Some((origin, entry)),
                Origin::Born { .. } => None,
            })
            .collect();
        for (origin, entry) in initial {
            self.start(origin, entry);
        }
        let world = Arc::clone(&self.world);
        self.let_ends_go();
        // Nobody begins before everybody is there.
        let (born, begun) = (world.board.rows().count() as u64, Wall::now());
        while world.board.ready() < born && begun.elapsed() < CALLER && !self.watch.wait(1).input {
            self.bury_dead();
            if world.board.rows().any(|row| row.ended.is_some()) {
                break;
            }
        }
        world.board.go(clock::now());
        let how = self.attend();
        world.board.set_end(clock::now());
        world.board.stop();
        self.end_all();
        how
    }

    /// Waits for the caller's word.
    fn await_start(&self) -> bool {
        let begun = Wall::now();
        while !self.watch.wait(1000).input {
            if begun.elapsed() >= CALLER {
                return false;
            }
        }
        let mut byte = [0];
        matches!(std::io::stdin().lock().read(&mut byte), Ok(1))
    }

    /// Forks one process of the scenario's list of starts; it begins with the others.
    fn start(&mut self, origin: Origin, entry: StartId) {
        let world = Arc::clone(&self.world);
        let Origin::Start { number, .. } = origin else { return };
        let start = &world.image.starts[usize::from(entry.0)];
        let Some(task) = world.board.number() else { return };
        world.board.enter(task, task.leads(), Tid::INIT, origin, start.program);
        match process::fork() {
            Ok(Forked::Parent(pid)) => {
                // The child does the same: whoever comes first.
                let _ = process::put_into_group(pid, self.sentinel);
                world.board.is_on_host(task, pid, pid);
            }
            Ok(Forked::Child) => {
                let user = User::started(&world.image, origin, entry, number);
                self.live(task, user, start.cpu.map(|cpu| cpu.index()))
            }
            Err(_) => world.board.has_ended(task, 1),
        }
    }

    /// What a child of the guardian does: it becomes a process of the scenario.
    fn live(&mut self, task: Tid, user: User, cpu: Option<usize>) -> ! {
        process::die_with_parent();
        if process::put_into_group(0, self.sentinel).is_err() {
            process::exit(1);
        }
        default_signals();
        process::go_first_without_memory();
        Watch::forget();
        self.held = None;
        let world = Arc::clone(&self.world);
        if let Some(cpu) = cpu
            && let Some(&cpu) = self.spec.cpus.get(cpu % self.spec.cpus.len().max(1))
        {
            let _ = process::pin(&[cpu]);
        }
        if stage::open_own_files(&world, user.program).is_err() {
            process::exit(1);
        }
        let mut native = Native::new(Arc::clone(&world), user, task, task.leads(), interpret::run);
        world.unmap_what_isnt_mapped();
        native.begin();
        memory::populate_all(&world.memories);
        native.await_go();
        // What a panic would unwind is the guardian's, of which this process is a copy.
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| interpret::run(native)));
        process::exit(if ended.is_ok() { 0 } else { MISTAKE })
    }

    /// Gives up the ends of pipes, so that a reader sees the end when the last writer has gone.
    fn let_ends_go(&mut self) {
        if self.due.iter().any(|(_, due)| matches!(due, Due::Start(_))) {
            return;
        }
        for fd in self.ends.drain(..) {
            let _ = file::close(self.world.descriptor(fd));
        }
    }

    /// Looks after the run until it is over.
    fn attend(&mut self) -> End {
        let world = Arc::clone(&self.world);
        let begun = Wall::now();
        let most = Duration::from_millis(self.spec.most_millis);
        let mut looked = (Wall::now(), Vec::new(), 0);
        loop {
            self.bury_dead();
            let now = Instant::from_nanos(clock::now().saturating_sub(world.board.start()));
            while self.due.first().is_some_and(|(at, _)| *at <= now) {
                let (_, due) = self.due.remove(0);
                self.happen(due);
            }
            let living: Vec<Row> = world.board.rows().filter(|row| row.ended.is_none()).collect();
            let processes = living.iter().any(|row| row.process.leader() == row.task);
            if world.board.is_stopped() {
                return End::Assertion;
            }
            if self.alone {
                return End::Interrupted;
            }
            if !processes && !self.due.iter().any(|(_, due)| matches!(due, Due::Start(_))) {
                return End::Finished;
            }
            if begun.elapsed() >= most {
                return End::Limit;
            }
            if looked.0.elapsed() >= Duration::from_millis(LOOK_MILLIS.into()) {
                let doing: Vec<(Tid, u64)> =
                    living.iter().map(|row| (row.task, world.board.doing(row.task))).collect();
                let all_wait = doing.iter().all(|&(_, mark)| mark != 0);
                let same = all_wait && doing == looked.1 && self.due.is_empty();
                looked = (Wall::now(), doing, if same { looked.2 + 1 } else { 0 });
                self.note_who_vanished(&living);
                self.shortage = limits::shortage(&self.spec);
                if self.shortage.is_some() {
                    return End::Limit;
                }
                if looked.2 >= LOOKS {
                    return End::Stuck;
                }
            }
            let next = self.due.first().map_or(LOOK_MILLIS, |(at, _)| {
                let left = at.as_nanos().saturating_sub(now.as_nanos()).div_ceil(1_000_000);
                left.min(LOOK_MILLIS.into()) as u16
            });
            if self.watch.wait(next).input {
                return End::Interrupted;
            }
        }
    }

    fn happen(&mut self, due: Due) {
        let world = Arc::clone(&self.world);
        match due {
            Due::Start(entry) => {
                for number in 0..world.image.starts[usize::from(entry.0)].count {
                    self.start(Origin::Start { entry, number }, entry);
                }
                self.let_ends_go();
            }
            Due::Signal(entry, signal) => {
                let origin = Origin::Start { entry, number: 0 };
                let row = world.board.rows().find(|row| row.origin == origin && row.ended.is_none());
                if let Some(row) = row {
                    self.note(What::Signal, signal as i64, i64::from(row.task.0));
                    let _ = process::kill(row.host_process, signal);
                }
            }
            Due::Keys(text) => {
                if let Some(held) = &mut self.held {
                    held.keyboard.press(&text);
                }
            }
        }
    }

    /// Takes the status of every child that has ended.
    fn bury_dead(&mut self) {
        while let Ok(Some(ended)) = process::wait(None, true) {
            if ended.pid == self.sentinel {
                process::kill_group(self.sentinel);
                self.alone = true;
            }
            if let Some(row) = self.world.board.process_on_host(ended.pid) {
                self.world.board.was_reaped(row.task, Tid::INIT, ended);
                self.note(What::Reaped, i64::from(row.task.0), i64::from(ended.status));
            }
        }
    }

    /// Children of who ignores SIGCHLD leave nothing behind that anybody could wait for.
    fn note_who_vanished(&self, living: &[Row]) {
        let processes = living.iter().filter(|row| row.process.leader() == row.task && row.host_process > 0);
        for row in processes.filter(|row| !process::exists(row.host_process)) {
            if self.world.board.find(row.task).ended.is_none() {
                self.world.board.has_ended(row.task, 0);
            }
        }
    }

    fn note(&mut self, what: What, first: i64, second: i64) {
        let note = Note { at: clock::now(), step: crate::ids::StepId::NONE, what, first, second };
        self.world.board.note(Tid::INIT, &mut self.chunk, note);
    }

    /// Ends every process of the run, the sentinel as well, and waits until none is left. As one
    /// group they are ended at once: none of them can fork meanwhile.
    fn end_all(&mut self) {
        if !self.alone {
            process::kill_group(self.sentinel);
        }
        let begun = Wall::now();
        while begun.elapsed() < LAST {
            match process::wait(None, true) {
                Ok(Some(ended)) => {
                    if let Some(row) = self.world.board.process_on_host(ended.pid) {
                        self.world.board.was_reaped(row.task, Tid::INIT, ended);
                        self.note(What::Reaped, i64::from(row.task.0), i64::from(ended.status));
                    }
                }
                Ok(None) => self.watch.wait_for_children(LOOK_MILLIS),
                Err(Errno::EINTR) => {}
                Err(_) => return,
            }
        }
    }
}
