//! The user-mode state of the simulated programs: where each thread is in its program, its
//! variables, and the shared cells.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};

use crate::ids::{CallId, Pid, Tid};
use crate::kernel::bytes::Bytes;
use crate::random::{Key, Stream};

use super::handler::Frame;
use super::image::{Image, Program, ProgramId, StartId, Text};
use super::instruction::{Address, ArgumentsId};
use super::value::{Amount, Distribution, Site};
use super::{ArrayId, Operand, Variable};

mod in_memory;
mod job;
mod own;

use own::Home;

/// Where a thread comes from: what it is called after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// One of the processes of an entry of the scenario's list of starts.
    Start { entry: StartId, number: u32 },
    /// Forked or started by another thread: the `number`th that runs this program.
    Born { program: ProgramId, number: u32 },
}

impl Origin {
    /// The thread's name: that of its process or program, with a number where there are several.
    pub fn name(self, image: &Image) -> String {
        match self {
            Origin::Start { entry, number } => {
                let start = &image.starts[usize::from(entry.0)];
                if start.count > 1 { format!("{}[{number}]", start.name) } else { start.name.clone() }
            }
            Origin::Born { program, number } => {
                let name = &image.programs[usize::from(program.0)].name;
                if number > 0 { format!("{name}[{number}]") } else { name.clone() }
            }
        }
    }
}

/// The user-mode registers and variables of one thread. Its size is a power of two, which makes
/// finding a thread's a shift.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub struct User {
    pub origin: Origin,
    pub program: ProgramId,
    /// The next instruction; while a system call is under way, the one after it.
    pub next: Address,
    /// How far the current instruction or call has come; what it counts is its own affair.
    pub progress: u64,
    /// The amount that the current instruction or call asks for, drawn once when it began.
    pub amount: u64,
    /// The page that a touch begins with.
    pub first_page: u32,
    /// The system call under way, where it stands, and what it returned.
    pub call: CallId,
    pub call_at: Option<Address>,
    pub result: i64,
    /// The variable that gets the result.
    pub result_goes_to: Option<Variable>,
    /// The call is to be made again with what is left of its amount.
    pub repeats: bool,
    /// The work before the next instruction has begun; see the simulator's `interpret`.
    pub fetched: bool,
    pub variables: Variables,
    /// The random numbers of the first site of its program that draws any.
    stream: Stream,
    /// What its children's random streams are derived from.
    pub key: Key,
    others: Option<Box<Others>>,
}

/// What few threads have.
#[derive(Clone, Debug, Default)]
struct Others {
    /// The random numbers of its program's other sites.
    streams: Vec<Stream>,
    /// How many children it has forked to run each program.
    children: Vec<u32>,
    /// What it goes on with at its end, if it is a signal's handler.
    interrupted: Option<Box<Frame>>,
    /// What it has read last, if its program uses that.
    buffer: Bytes,
    /// The next read adds to the buffer: it is the same `read` going on.
    buffer_grows: bool,
    /// The first bytes of a read that goes on, and how many of the eight are known.
    beginning: (u64, u8),
    /// What is in the buffers of its streams.
    stream_buffers: Vec<Bytes>,
    /// What all threads of its process have in common.
    home: Home,
}

/// A thread's variables: a few stand with its registers, in the same lines of the host's cache.
#[derive(Clone, Debug)]
pub enum Variables {
    Few([i64; FEW]),
    Many(Box<[i64]>),
}

/// With so many variables the registers and they take two lines of the cache.
const FEW: usize = 3;

impl Variables {
    fn new(count: usize) -> Variables {
        if count <= FEW { Variables::Few([0; FEW]) } else { Variables::Many(vec![0; count].into()) }
    }
}

impl Deref for Variables {
    type Target = [i64];

    #[inline(always)]
    fn deref(&self) -> &[i64] {
        match self {
            Variables::Few(few) => few,
            Variables::Many(many) => many,
        }
    }
}

impl DerefMut for Variables {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [i64] {
        match self {
            Variables::Few(few) => few,
            Variables::Many(many) => many,
        }
    }
}

/// All threads' user-mode state, and the memory that they share.
#[derive(Clone, Debug)]
pub struct Userland {
    /// Indexed by [`Tid`].
    pub users: Vec<User>,
    /// What the elements of each shared array hold, as their bits; indexed by [`ArrayId`].
    ///
    /// One that each process has for its own is empty here.
    pub arrays: Vec<Box<[i64]>>,
    /// The elements of these, by process and array; zeros if absent.
    own: BTreeMap<(Pid, ArrayId), Box<[i64]>>,
    /// How many threads have been forked to run each program, for their names.
    pub forked: Vec<u32>,
}

impl User {
    /// A thread at the beginning of a program; `index` is its number among its like.
    pub fn new(origin: Origin, id: ProgramId, program: &Program, index: u32, key: Key) -> User {
        let mut variables = Variables::new(program.variables.len());
        variables[0] = i64::from(index);
        User {
            origin,
            program: id,
            next: 0,
            progress: 0,
            amount: 0,
            first_page: 0,
            call: CallId(0),
            call_at: None,
            result: 0,
            result_goes_to: None,
            repeats: false,
            fetched: false,
            variables,
            stream: key.numbered(0).stream(),
            key,
            others: others(program, key),
        }
    }

    /// The process of an entry of the list of starts, the `number`th of that entry.
    pub fn started(image: &Image, origin: Origin, entry: StartId, number: u32) -> User {
        let start = &image.starts[usize::from(entry.0)];
        let run = Key::of_run(image.run.seed);
        let key = run.named("process").named(&start.name).numbered(u64::from(number));
        User::new(origin, start.program, &image.programs[usize::from(start.program.0)], number, key)
    }

    /// A child or thread at the beginning of a program: with the variables that both programs have,
    /// and with random streams of its own.
    pub fn bear(&mut self, image: &Image, id: ProgramId, origin: Origin) -> User {
        let program = &image.programs[usize::from(id.0)];
        let children = &mut self.others.get_or_insert_default().children;
        if children.len() <= usize::from(id.0) {
            children.resize(usize::from(id.0) + 1, 0);
        }
        let index = children[usize::from(id.0)];
        children[usize::from(id.0)] += 1;
        let key = self.key.named(&program.name).numbered(u64::from(index));
        let mut born = User::new(origin, id, program, index, key);
        born.inherit(program, self, &image.programs[usize::from(self.program.0)]);
        born.call = self.call;
        born
    }

    /// What a handler has interrupted is kept below it.
    pub(super) fn lay_upon(&mut self, frame: Box<Frame>) {
        self.others.get_or_insert_default().interrupted = Some(frame);
    }

    pub(super) fn take_frame(&mut self) -> Option<Box<Frame>> {
        self.others.as_mut()?.interrupted.take()
    }

    /// Whether a handler runs.
    pub fn is_handler(&self) -> bool {
        self.others.as_ref().is_some_and(|others| others.interrupted.is_some())
    }

    /// Begins another program, as after an exec. Its number among its like stays.
    pub fn restart(&mut self, id: ProgramId, program: &Program) {
        let index = self.variables[0];
        *self = User::new(self.origin, id, program, 0, self.key.named(&program.name));
        self.variables[0] = index;
    }

    /// The variables that an exec passes on.
    pub fn passed(&self, image: &Image, arguments: ArgumentsId) -> Vec<(String, i64)> {
        let list = image.arguments[arguments.0 as usize].iter();
        list.map(|(name, value)| (name.clone(), self.value(*value, image))).collect()
    }

    /// The program begins with these variables, as far as it uses them.
    pub fn receive(&mut self, program: &Program, passed: &[(String, i64)]) {
        for (name, value) in passed {
            if let Some(slot) = program.variables.iter().position(|own| own == name) {
                self.variables[slot] = *value;
            }
        }
    }

    /// Takes over the values of the variables that both programs have, as after a fork.
    pub fn inherit(&mut self, own: &Program, parent: &User, parents: &Program) {
        for (slot, name) in own.variables.iter().enumerate().skip(1) {
            if name.is_empty() {
                continue;
            }
            if let Some(there) = parents.variables.iter().position(|other| other == name) {
                self.variables[slot] = parent.variables[there];
            }
        }
    }

    #[inline]
    pub fn set(&mut self, variable: Option<Variable>, value: i64) {
        if let Some(Variable(slot)) = variable {
            self.variables[usize::from(slot)] = value;
        }
    }

    /// As [`draw`](Self::draw), where instructions follow on each other: most amounts are fixed.
    #[inline(always)]
    pub fn draw_usual(&mut self, amount: &Amount, image: &Image) -> u64 {
        match amount {
            Amount::Const(amount) => *amount,
            Amount::Random(site) => self.sample(site),
            Amount::Operand(_) | Amount::Text(_) | Amount::Buffer => self.draw(*amount, image),
        }
    }

    /// How much an instruction asks for, drawn anew if it is random.
    pub fn draw(&mut self, amount: Amount, image: &Image) -> u64 {
        match amount {
            Amount::Const(amount) => amount,
            Amount::Random(ref site) => self.sample(site),
            // A division by zero in an amount counts as zero; in a variable it is an exception.
            Amount::Operand(operand) => self.value(operand, image).max(0) as u64,
            Amount::Text(text) => self.format(&image.texts[text.0 as usize], image).len() as u64,
            Amount::Buffer => self.buffer().map_or(0, Bytes::len),
        }
    }

    #[inline(never)]
    fn sample(&mut self, site: &Site) -> u64 {
        let stream = match (site.stream, &mut self.others) {
            (0, _) | (_, None) => &mut self.stream,
            (number, Some(others)) => &mut others.streams[usize::from(number) - 1],
        };
        match site.distribution {
            Distribution::Uniform { low, high } => stream.uniform(low, high),
            Distribution::Exponential { mean } => stream.exponential(mean),
            Distribution::Normal { mean, deviation } => stream.normal(mean, deviation),
            Distribution::Pareto { scale, shape } => stream.pareto(scale, shape),
        }
    }

    /// What it has read last.
    pub fn buffer(&self) -> Option<&Bytes> {
        self.others.as_ref().map(|others| &others.buffer)
    }

    /// A read that asks until all bytes are there has got some: the variable gets the first eight of all.
    #[cold]
    pub fn set_beginning(&mut self, variable: Option<Variable>, piece: u64, bytes: u64, goes_on: bool) {
        let others = self.others.get_or_insert_default();
        let (word, known) = others.beginning;
        let word = word | piece.checked_shl(8 * u32::from(known)).unwrap_or(0);
        let known = bytes.saturating_add(known.into()).min(8) as u8;
        others.beginning = if goes_on { (word, known) } else { (0, 0) };
        self.set(variable, word as i64);
    }

    /// Keeps what it has read, behind what was there if that came from the same step; `goes_on` if
    /// more is to come.
    pub fn keep(&mut self, bytes: Bytes, goes_on: bool) {
        let others = self.others.get_or_insert_default();
        if !others.buffer_grows {
            others.buffer = Bytes::default();
        }
        others.buffer.push(bytes);
        others.buffer_grows = goes_on;
    }

    /// What is in a stream's buffer.
    pub fn stream_buffer(&self, stream: u16) -> Bytes {
        let buffers = self.others.as_ref().map(|others| &others.stream_buffers);
        buffers.and_then(|buffers| buffers.get(usize::from(stream))).cloned().unwrap_or_default()
    }

    fn stream_buffer_mut(&mut self, stream: u16) -> &mut Bytes {
        let buffers = &mut self.others.get_or_insert_default().stream_buffers;
        if buffers.len() <= usize::from(stream) {
            buffers.resize(usize::from(stream) + 1, Bytes::default());
        }
        &mut buffers[usize::from(stream)]
    }

    /// Changes what it has read last.
    pub fn change_buffer(&mut self, change: impl Fn(u8) -> u8) {
        if let Some(others) = &mut self.others {
            others.buffer = others.buffer.map(change);
        }
    }

    /// A line of output with its values filled in.
    pub fn format(&self, text: &Text, image: &Image) -> String {
        text.filled(|_, operand| Some(self.value(operand, image)))
    }

    /// An operand's value; zero where it would divide by zero.
    pub fn value(&self, operand: Operand, image: &Image) -> i64 {
        image.expressions.evaluate(operand, &self.variables).unwrap_or(0)
    }
}

fn others(program: &Program, key: Key) -> Option<Box<Others>> {
    let streams: Vec<Stream> =
        (1..u64::from(program.streams)).map(|site| key.numbered(site).stream()).collect();
    (!streams.is_empty()).then(|| Box::new(Others { streams, ..Others::default() }))
}

impl Userland {
    pub fn new(image: &Image) -> Userland {
        Userland {
            users: Vec::new(),
            arrays: image.arrays.iter().map(|array| own::shared_part(image, array)).collect(),
            own: BTreeMap::new(),
            forked: vec![0; image.programs.len()],
        }
    }

    pub fn user(&mut self, thread: Tid) -> &mut User {
        &mut self.users[thread.index()]
    }

    /// The place of a shared element, if the index lies within the array.
    pub fn element(&mut self, array: ArrayId, index: i64) -> Option<&mut i64> {
        self.arrays[array.0 as usize].get_mut(usize::try_from(index).ok()?)
    }

    /// Where the next thread that is forked or started to run this program comes from.
    pub fn next_born(&mut self, program: ProgramId) -> Origin {
        let born = &mut self.forked[usize::from(program.0)];
        *born += 1;
        Origin::Born { program, number: *born - 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threads_registers_and_few_variables_take_two_lines_of_the_cache() {
        assert_eq!(size_of::<User>(), 128);
    }
}
