//! A thread of a program on the real kernel: what a system call needs to be executed there.
//!
//! The counterpart of [`Call`](super::call::Call). Everything that programs share is in
//! [`World`], which a fork copies and an exec builds anew; what happens is noted on the
//! [`Board`].

mod board;
mod descriptors;
mod family;
mod note;
mod reborn;
mod world;

pub use board::{Board, Chunk, Row, Size};
pub use descriptors::{Channel, ChannelKind, Held};
pub use note::{Note, Noted, What};

use std::collections::BTreeMap;
use std::os::fd::RawFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::errno::Errno;
use crate::ids::{ObjectId, Pid, StepId, Tid};
use crate::kernel::dispositions::{Handler, Unfinished};
use crate::kernel::releases::Periodic;
use crate::os::clock;
use crate::os::file::{self, Buffer};
use crate::os::memory;
use crate::os::process::{self, Ended};
use crate::os::signal;
use crate::signal::Signal;
use crate::time::Instant;

use super::image::{ProgramId, StartId};
use super::instruction::Cell;
use super::userland::{Origin, User};
use super::value::DivideByZero;
use super::{Amount, Operand};

pub use reborn::Reborn;
pub use world::{Named, SharedCell, World};

/// The descriptors of a real run, by their numbers: they are the same in all its processes, so
/// that an exec can find them.
pub const FIRST_DESCRIPTOR: RawFd = 20;
/// The subcommand that an exec executes.
pub const REBORN_COMMAND: &str = "real-exec";

/// The threads of a process that may still be joined, with the programs that they run.
pub type Threads = Arc<Mutex<Vec<(ProgramId, Tid, JoinHandle<()>)>>>;
/// The rules for signals that a process handles.
pub type Handlers = Arc<Mutex<BTreeMap<Signal, Handler>>>;

/// A thread of the scenario that runs on the real kernel.
#[derive(Debug)]
pub struct Native {
    pub world: Arc<World>,
    pub user: User,
    pub task: Tid,
    pub process: Pid,
    pub threads: Threads,
    /// What a new thread does: the interpreter.
    pub run: fn(Native),
    pub step: StepId,
    pub buffer: Buffer,
    /// The signals that it blocks, and those that its process handles.
    pub mask: u64,
    handlers: Handlers,
    /// What it goes on with when no handler is to run any more.
    pub unfinished: Unfinished,
    /// The process's timer has been set, and may send a signal.
    pub timer_set: bool,
    pub held: Held,
    /// Its asynchronous requests.
    pub requests: crate::os::aio::Requests,
    /// Its process's rings.
    pub rings: crate::os::uring::Rings,
    chunk: Chunk,
    /// How many calls it has made, and when the current one was entered.
    calls: u64,
    entered: u64,
    /// Its jobs, if it has one in each period.
    pub periodic: Option<Periodic>,
    /// Children that ended while another was waited for.
    early: Vec<Ended>,
}

/// The largest transfer of a real run.
const MOST_BYTES: u64 = 64 << 20;
/// Bytes of a thread's stack; the interpreter needs a few pages.
const STACK: usize = 256 << 10;

impl Native {
    pub fn new(world: Arc<World>, user: User, task: Tid, process: Pid, run: fn(Native)) -> Native {
        let (threads, buffer, held) = (Threads::default(), Buffer::new(), Held::default());
        Native {
            world,
            user,
            task,
            process,
            threads,
            run,
            step: StepId::NONE,
            buffer,
            mask: 0,
            handlers: Handlers::default(),
            unfinished: Unfinished::default(),
            timer_set: false,
            held,
            requests: crate::os::aio::Requests::default(),
            rings: crate::os::uring::Rings::default(),
            chunk: Chunk::default(),
            calls: 0,
            entered: 0,
            periodic: None,
            early: Vec::new(),
        }
    }

    /// A process has come to be, or a thread, or this one is what a fork has made of its parent:
    /// it writes its own notes from now on.
    pub fn begin(&mut self) {
        self.chunk = Chunk::default();
        let (thread, process) = (process::gettid(), process::getpid());
        self.world.board.is_on_host(self.task, thread, process);
        self.note(What::Begin, i64::from(thread), i64::from(process));
    }

    /// Waits for the run to begin. The process's first job is released then, if it has one in each period.
    pub fn await_go(&mut self) {
        self.world.board.await_go();
        self.world.board.has_used(self.task, process::Usage::own());
        let Origin::Start { entry, .. } = self.user.origin else { return };
        let key = self.user.key.named("releases");
        self.periodic = self.world.image.starts[usize::from(entry.0)].rhythm.as_ref().map(|rhythm| {
            let mut periodic = Periodic::new(Instant::from_nanos(clock::now()), Arc::clone(rhythm), key);
            periodic.begin();
            periodic
        });
    }

    /// Notes what happens now.
    #[inline]
    pub fn note(&mut self, what: What, first: i64, second: i64) {
        self.note_at(clock::now(), what, first, second);
    }

    #[inline]
    fn note_at(&mut self, at: u64, what: What, first: i64, second: i64) {
        let note = Note { at, step: self.step, what, first, second };
        self.world.board.note(self.task, &mut self.chunk, note);
    }

    /// A reader on another CPU may have the bytes before the call that sends them has returned: they
    /// count as sent from its beginning on.
    pub fn sent(&mut self, object: Option<ObjectId>, bytes: usize) {
        let Some(object) = object else { return };
        self.note_at(self.entered, What::Send, i64::from(object.0), bytes as i64);
    }

    pub fn received(&mut self, object: Option<ObjectId>, bytes: usize) {
        let Some(object) = object else { return };
        self.note(What::Receive, i64::from(object.0), bytes as i64);
    }

    pub fn value(&self, operand: Operand) -> Result<i64, DivideByZero> {
        self.world.image.expressions.evaluate(operand, &self.user.variables)
    }

    /// As [`value`](Self::value); dividing by zero ends the process with the processor's exception.
    pub fn computed(&self, operand: Operand) -> i64 {
        self.value(operand).unwrap_or_else(|_| {
            process::raise(crate::trace::Exception::DivideError);
            0
        })
    }

    /// A shared element. One that doesn't exist is an access to memory that isn't the process's.
    pub fn cell(&self, cell: Cell) -> Option<SharedCell<'_>> {
        let found = self.world.cell(cell.array, self.computed(cell.index));
        if found.is_none() {
            memory::touch_kernel(false);
        }
        found
    }

    /// What the thread is to be told of the child or thread that it is about to make: its number,
    /// and its state at the beginning. `EAGAIN` if there are too many.
    pub fn bear(&mut self, program: ProgramId) -> Result<(Tid, User), Errno> {
        let world = Arc::clone(&self.world);
        let task = world.board.number().ok_or(Errno::EAGAIN)?;
        let origin = Origin::Born { program, number: world.board.forked(program) };
        Ok((task, self.user.bear(&world.image, program, origin)))
    }

    /// ENOMEM if the memory objects of one more process would be too much.
    pub fn check_memory(&self) -> Result<(), Errno> {
        let world = &self.world;
        let each = world.image.private_bytes();
        // Whether enough would be left if everybody still lived needs no look at who does.
        let born = u64::from(world.board.births()) + 1;
        if each.saturating_mul(born) <= world.most_memory {
            return Ok(());
        }
        let lives = |row: &Row| row.ended.is_none() && row.process.leader() == row.task;
        let living = world.board.rows().filter(|row| lives(row)).count() as u64 + 1;
        if each.saturating_mul(living) <= world.most_memory { Ok(()) } else { Err(Errno::ENOMEM) }
    }

    /// The process of an entry of the scenario's list of starts.
    pub fn started(&self, start: StartId) -> Option<Row> {
        self.world.board.rows().find(|row| row.origin == Origin::Start { entry: start, number: 0 })
    }

    /// The static priority that the scenario gives to this thread, or to the process that it comes from.
    pub fn static_priority(&self) -> i32 {
        let mut row = self.world.board.find(self.task);
        while let Origin::Born { .. } = row.origin {
            row = self.world.board.find(row.parent);
        }
        match row.origin {
            Origin::Start { entry, .. } => self.world.image.starts[usize::from(entry.0)].parameters.priority,
            Origin::Born { .. } => 0,
        }
    }

    /// The bytes that a read or write asks for; ENOMEM if no buffer may be as large.
    pub fn transfer(&mut self, bytes: Amount) -> Result<usize, Errno> {
        let bytes = self.drawn(bytes);
        if bytes > MOST_BYTES { Err(Errno::ENOMEM) } else { Ok(bytes as usize) }
    }

    /// What a call asks for; it stays the same if the call is made again.
    pub fn drawn(&mut self, amount: Amount) -> u64 {
        if !std::mem::take(&mut self.user.repeats) {
            self.user.amount = self.user.draw(amount, &self.world.image);
        }
        self.user.amount
    }

    /// What the process does about a signal, if it has a handler.
    pub fn handler(&self, signal: Signal) -> Option<Handler> {
        self.handlers.lock().unwrap_or_else(PoisonError::into_inner).get(&signal).copied()
    }

    pub fn set_handler(&self, signal: Signal, handler: Option<Handler>) {
        let mut handlers = self.handlers.lock().unwrap_or_else(PoisonError::into_inner);
        match handler {
            Some(handler) => drop(handlers.insert(signal, handler)),
            None => drop(handlers.remove(&signal)),
        }
    }

    /// The call that is under way returns, and the library function around it makes it again.
    pub fn repeat_call(&mut self, result: i64) {
        let call = i64::from(self.user.call.0);
        self.note(What::Leave, call, result);
        self.enter();
    }

    /// A number that no other call of this thread has, for whoever looks whether it gets on.
    pub fn next_mark(&mut self) -> u64 {
        self.calls += 1;
        self.calls
    }

    /// Notes that the current call begins.
    pub fn enter(&mut self) {
        self.entered = clock::now();
        let call = i64::from(self.user.call.0);
        self.note_at(self.entered, What::Enter, call, 0);
    }

    /// What a fork's child begins with.
    pub fn become_child(&mut self, task: Tid, user: User, held: Held) {
        (self.task, self.process, self.user) = (task, task.leads(), user);
        self.threads = Threads::default();
        self.timer_set = false;
        signal::begin_anew(self.mask);
        self.held = held;
        self.requests.forget();
        self.rings.forget();
        for ring in self.held.take_rings() {
            let _ = file::close(self.world.descriptor(ring));
        }
        self.world.clear_own();
        self.begin();
    }

    /// Gives up what a program doesn't use of the ends of pipes and the files that it has inherited.
    pub fn keep_only_used(&self) {
        let image = &self.world.image;
        let used = &image.programs[usize::from(self.user.program.0)].fds;
        let ends = image.pipes.iter().flat_map(|pipe| [pipe.read, pipe.write]);
        let queues = image.ipc.queues.iter().filter_map(|queue| queue.fd);
        for fd in ends.chain(image.files.iter().map(|file| file.fd)).chain(queues) {
            if !used.contains(&fd) {
                // Its parent may not have had it any more.
                let _ = file::close(self.world.descriptor(fd));
            }
        }
    }

    /// Ends the process.
    pub fn exit(&mut self, status: u16) -> ! {
        self.note(What::Exit, i64::from(status), 0);
        process::exit(status)
    }

    /// Runs a program as another thread of this process.
    pub fn start_thread(&mut self, task: Tid, user: User) -> Result<i64, Errno> {
        let program = user.program;
        self.world.board.enter(task, self.process, self.task, user.origin, program);
        self.note(What::Fork, i64::from(task.0), 1);
        let mut thread = Native::new(Arc::clone(&self.world), user, task, self.process, self.run);
        thread.threads = Arc::clone(&self.threads);
        (thread.handlers, thread.mask) = (Arc::clone(&self.handlers), self.mask);
        thread.held = self.held.clone();
        thread.rings = self.rings.clone();
        let run = self.run;
        let handle = std::thread::Builder::new().stack_size(STACK).spawn(move || {
            signal::begin_anew(thread.mask);
            thread.begin();
            run(thread);
        });
        let handle = handle.map_err(|_| {
            self.world.board.has_ended(task, 0);
            Errno::EAGAIN
        })?;
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push((program, task, handle));
        Ok(i64::from(task.0))
    }

    /// Whether there are children that haven't been waited for.
    pub fn has_children(&self) -> bool {
        let own = self.process.leader();
        let child = |row: &Row| row.parent == own && row.process.leader() == row.task && row.ended.is_none();
        !self.early.is_empty() || self.world.board.rows().any(|row| child(&row))
    }

    /// Waits for the threads that run this program, or for all.
    /// `EINTR` if a signal has come meanwhile.
    pub fn join(&self, program: Option<ProgramId>) -> Result<(), Errno> {
        loop {
            let handle = {
                let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
                let fits = |(runs, _, _): &(ProgramId, Tid, _)| program.is_none_or(|only| only == *runs);
                let Some(found) = threads.iter().position(fits) else { return Ok(()) };
                if signal::catches_any() && self.world.board.find(threads[found].1).ended.is_none() {
                    Err(threads[found].1)
                } else {
                    Ok(threads.remove(found).2)
                }
            };
            match handle {
                Ok(handle) => drop(handle.join()),
                Err(thread) => self.world.board.await_end(thread)?,
            }
        }
    }
}
