//! What a name in a step refers to: one end of a pipe, a file, memory, a shared cell, a signal.

use std::borrow::Cow;
use std::ops::Range;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer};

use crate::ids::{Fd, ObjectId};
use crate::signal::Signal;

use super::at::{At, Raw, Value};
use super::image::Width;
use super::instruction::{Cell, Instruction};
use super::lower::Lower;
use super::names::{Array, Channel, Lock, Region, Semaphore, SocketAddress};
use super::problem::{Code, Problem, closest};
use super::value::{Handle, Operand};

/// The keyboard and the screen.
pub const KEYBOARD: Fd = Fd(0);
pub const SCREEN: Fd = Fd(1);
/// The names of the descriptors that a shell redirects, in the order of their numbers. Without a
/// redirection they are the keyboard and the screen.
pub const STANDARD: [&str; 3] = ["stdin", "stdout", "stderr"];

/// One end of a pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    Read,
    Write,
}

/// The value of a verb that has no argument: `true`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct True;

impl<'de> Deserialize<'de> for True {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<True, D::Error> {
        match bool::deserialize(deserializer)? {
            true => Ok(True),
            false => Err(serde::de::Error::custom(
                "invalid value: this verb's only value is `true`; leave the step out instead",
            )),
        }
    }
}

impl JsonSchema for True {
    fn schema_name() -> Cow<'static, str> {
        "True".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({ "const": true })
    }
}

/// The signals with these names as a set of bits; none if there is a mistake, which is reported.
pub fn signal_set(names: &[At<SignalName>], cx: &mut Lower<'_>) -> Option<u64> {
    let mut set = Some(0);
    for name in names {
        match name.value.resolve(&name.span) {
            Ok(signal) => set = set.map(|set| set | signal.bit()),
            Err(problem) => {
                cx.problems.push(problem);
                set = None;
            }
        }
    }
    set
}

/// A signal's name, with or without `SIG`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct SignalName(pub String);

impl JsonSchema for SignalName {
    fn schema_name() -> Cow<'static, str> {
        "SignalName".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<&str> = Signal::ALL.iter().map(|signal| signal.name()).collect();
        schemars::json_schema!({ "description": "A signal's name.", "enum": names })
    }
}

impl SignalName {
    /// The signal, or an error with a suggestion.
    pub fn resolve(&self, span: &Range<usize>) -> Result<Signal, Problem> {
        Signal::from_name(&self.0).ok_or_else(|| {
            let message = format!("there is no signal `{}`", self.0);
            let problem = Problem::error(Code::UnknownChoice, span.clone(), message);
            problem.suggest(&self.0, Signal::ALL.iter().map(|signal| signal.name()))
        })
    }
}

impl Lower<'_> {
    /// An object of the wrong kind, or none at all.
    pub(super) fn no_such(&mut self, name: &At<String>, wanted: &str, have: Vec<String>) {
        let text = &name.value;
        let problem = match self.names.kinds.get(text) {
            Some(kind) => {
                let message = format!("`{text}` is a {kind}; this needs a {wanted}");
                Problem::error(Code::WrongObject, name.span.clone(), message)
            }
            None => {
                let message = format!("there is no {wanted} `{text}`");
                let problem = Problem::error(Code::UnknownObject, name.span.clone(), message);
                let names = have.iter().map(String::as_str);
                match closest(text, names) {
                    Some(similar) => problem.help(format!("did you mean `{similar}`?")),
                    None => {
                        let table = wanted.split(' ').next().unwrap_or_default();
                        problem.help(format!("declare it: `[{table}.{text}]`"))
                    }
                }
            }
        };
        self.problems.push(problem);
    }

    /// The descriptor behind a pipe's or file's name, or behind `@` and a variable that holds its
    /// number.
    pub fn channel(&mut self, name: &At<String>, end: End) -> Option<Handle> {
        if let Some(number) = name.value.strip_prefix('@') {
            let number = At::new(name.span.clone(), Value(Raw::Text(number.to_owned())));
            return Some(Handle::Number(self.operand(&number)));
        }
        self.named_channel(name, end).map(Handle::Named)
    }

    fn named_channel(&mut self, name: &At<String>, end: End) -> Option<Fd> {
        if let Some(number) = STANDARD.iter().position(|standard| *standard == name.value) {
            return Some(self.use_fd(Fd(number as u16), &name.span));
        }
        if name.value == "terminal" {
            let fd = match end {
                End::Read => KEYBOARD,
                End::Write => SCREEN,
            };
            return Some(self.use_fd(fd, &name.span));
        }
        let Some(channel) = self.names.channels.get(&name.value).copied() else {
            let have = self.names.channels.keys().cloned().collect();
            self.no_such(name, "pipe or file", have);
            return None;
        };
        if self.names.absent.contains(&name.value) {
            let message = format!("`{}` doesn't exist at the beginning, so nobody has it open", name.value);
            let problem = Problem::error(Code::WrongObject, name.span.clone(), message);
            let help = format!(
                "open it: `{{ open = \"{}\", flags = [\"create\", \"write\"], into = \"fd\" }}`, and write `\"@fd\"`",
                name.value
            );
            self.problems.push(problem.help(help));
            return None;
        }
        let fd = match (channel, end) {
            (Channel::Pipe { read, .. }, End::Read) => read,
            (Channel::Pipe { write, .. }, End::Write) => write,
            (Channel::File(fd) | Channel::Queue(fd), _) => fd,
        };
        Some(self.use_fd(fd, &name.span))
    }

    /// What kind of channel a name is.
    pub fn channel_kind(&self, name: &str) -> Option<Channel> {
        self.names.channels.get(name).copied()
    }

    pub fn region(&mut self, name: &At<String>) -> Option<Region> {
        let found = self.names.memories.get(&name.value).copied();
        match found {
            Some(region) => self.use_memory(region.id, &name.span),
            None => {
                let have = self.names.memories.keys().cloned().collect();
                self.no_such(name, "memory or shm", have);
            }
        }
        found
    }

    pub fn mutex(&mut self, name: &At<String>) -> Option<Lock> {
        let found = self.names.mutexes.get(&name.value).copied();
        match found {
            Some(lock) => self.use_memory(lock.memory, &name.span),
            None => {
                let have = self.names.mutexes.keys().cloned().collect();
                self.no_such(name, "mutex", have);
            }
        }
        found
    }

    pub fn semaphore(&mut self, name: &At<String>) -> Option<Semaphore> {
        let found = self.names.semaphores.get(&name.value).copied();
        match found {
            Some(semaphore) => self.use_memory(semaphore.memory, &name.span),
            None => {
                let have = self.names.semaphores.keys().cloned().collect();
                self.no_such(name, "semaphore", have);
            }
        }
        found
    }

    /// An address for sockets.
    pub fn address(&mut self, name: &At<String>) -> Option<SocketAddress> {
        let found = self.names.sockets.get(&name.value).copied();
        if found.is_none() {
            let have = self.names.sockets.keys().cloned().collect();
            self.no_such(name, "socket", have);
        }
        found
    }

    /// A shared cell `object.name` or element `object.name[index]`, and its object.
    pub fn cell(&mut self, at: &At<String>) -> Option<(Cell, ObjectId)> {
        let text = at.value.trim();
        let (name, index) = match text.split_once('[') {
            None => (text, None),
            Some((name, rest)) => match rest.strip_suffix(']') {
                Some(index) => (name.trim_end(), Some(index)),
                None => {
                    let message = "an element is written `object.array[index]`";
                    self.problems.error(Code::Expression, at.span.clone(), message);
                    return None;
                }
            },
        };
        let Some(array) = self.names.arrays.get(name).copied() else {
            self.no_cell(name, &at.span);
            return None;
        };
        self.use_memory(array.memory, &at.span);
        let index = self.element(name, array, index, &at.span)?;
        let cell = Cell { array: array.id, index };
        Some((cell, array.object))
    }

    /// A shared cell that holds an integer, for instructions that know no other.
    pub fn integer_cell(&mut self, at: &At<String>) -> Option<(Cell, ObjectId)> {
        let found = self.cell(at)?;
        let width = self.width_of(&at.value)?;
        if width.is_float() {
            let message = format!("`{}` holds a floating-point number; this needs an integer", at.value);
            let problem = Problem::error(Code::WrongObject, at.span.clone(), message);
            self.problems
                .push(problem.help("processors change integers indivisibly, but no fractions: use a lock"));
            return None;
        }
        Some(found)
    }

    /// A shared cell that is wide enough for a futex.
    pub fn futex_cell(&mut self, at: &At<String>) -> Option<(Cell, ObjectId)> {
        let found = self.integer_cell(at)?;
        if self.width_of(&at.value)?.bytes() < 4 {
            let message = format!("`{}` is too narrow: a futex is a word of 32 bits", at.value);
            self.problems.push(Problem::error(Code::WrongObject, at.span.clone(), message));
            return None;
        }
        Some(found)
    }

    fn width_of(&self, cell: &str) -> Option<Width> {
        let name = cell.split('[').next().unwrap_or_default().trim();
        self.names.arrays.get(name).map(|array| array.width)
    }

    /// A shared cell that stands alone in a line: a load of what it holds, and how that is stored.
    pub fn shown_cell(&mut self, text: &str, span: &Range<usize>) -> Option<(Operand, Width)> {
        let text = text.trim();
        let whole = text.split_once('[').is_none_or(|(_, index)| index.find(']') == Some(index.len() - 1));
        let width = self.width_of(text).filter(|_| whole)?;
        let into = self.next_load();
        let (cell, _) = self.cell(&At::new(span.clone(), text.to_owned()))?;
        self.emit(Instruction::LoadBits { into, cell });
        Some((Operand::Variable(into), width))
    }

    /// A shared cell in an expression: its value is loaded first.
    pub fn hidden_load(&mut self, at: &At<String>) -> Operand {
        let into = self.next_load();
        match self.cell(at) {
            Some((cell, _)) => {
                self.emit(Instruction::Load { into, cell });
                Operand::Variable(into)
            }
            None => Operand::Const(0),
        }
    }

    fn element(
        &mut self,
        name: &str,
        array: Array,
        index: Option<&str>,
        span: &Range<usize>,
    ) -> Option<Operand> {
        let Some(index) = index else {
            if array.is_cell {
                return Some(Operand::Const(0));
            }
            let message = format!("`{name}` is an array; say which element");
            let problem = Problem::error(Code::WrongObject, span.clone(), message);
            self.problems.push(problem.help(format!("for example `{name}[0]`")));
            return None;
        };
        if array.is_cell {
            let message = format!("`{name}` is a single cell; it has no elements");
            self.problems.error(Code::WrongObject, span.clone(), message);
            return None;
        }
        let operand = self.operand(&At::new(span.clone(), Value(Raw::Text(index.to_owned()))));
        if let Operand::Const(index) = operand
            && !u64::try_from(index).is_ok_and(|index| index < array.length)
        {
            let message = format!("`{name}` has {} elements, from 0", array.length);
            self.problems.error(Code::OutOfRange, span.clone(), message);
        }
        Some(operand)
    }

    fn no_cell(&mut self, name: &str, span: &Range<usize>) {
        let message = format!("there is no shared cell or array `{name}`");
        let problem = Problem::error(Code::UnknownObject, span.clone(), message);
        let names = self.names.arrays.keys().map(String::as_str);
        let problem = match closest(name, names) {
            Some(similar) => problem.help(format!("did you mean `{similar}`?")),
            None => problem.help(
                "declare it: `[shm.s] cells = { x = 0 }` makes `s.x`, and arrays are declared likewise",
            ),
        };
        self.problems.push(problem);
    }
}
