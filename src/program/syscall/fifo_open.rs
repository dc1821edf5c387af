//! `fifo-open`: opens one end of a FIFO by its name, and waits for somebody to open the other one.
//! Source: fifo(7), open(2).

#[cfg(target_os = "linux")]
use std::os::fd::AsRawFd;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::ids::{Fd, ObjectId};
use crate::kernel::file::{Flags, Open, OpenId, Opened};
#[cfg(target_os = "linux")]
use crate::kernel::ipc::pipe::DEFAULT_CAPACITY;
use crate::kernel::waits::WaitKey;
#[cfg(target_os = "linux")]
use crate::os;
use crate::program::Variable;
use crate::program::at::At;
use crate::program::call::{Awaits, Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::image::Image;
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::{Channel, ChannelKind, Native};
use crate::program::problem::{Code, Problem};
use crate::program::resolve::End;
use crate::program::value::Handle;
use crate::program::verb::{Level, Real, VerbRow};
use crate::trace::{Cause, Sink};

pub const ROW: VerbRow = VerbRow {
    name: "fifo-open",
    level: Level::Syscall,
    summary: "opens one end of a FIFO",
    doc: "Opens one end of a FIFO, which any process can do that knows its name. It waits until somebody opens the other end. With `nonblock` it doesn't: a reader succeeds at once, a writer fails with ENXIO if nobody reads. Afterwards `{ read = \"X\" }` and `{ write = \"X\" }` work; to open an end that is open already gives one more number, in `into`.",
    example: r#"{ fifo-open = "requests", end = "read" }"#,
    real: Real::Yes("open(2) of a FIFO in the run's own folder"),
    blocks: &[],
    parse: parse::<FifoOpenForm>,
    schema: schema::<FifoOpenForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct FifoOpenForm {
    /// A FIFO.
    fifo_open: At<String>,
    /// Which end.
    end: End,
    /// Doesn't wait for the other end, and calls fail with EAGAIN where they would wait; false if absent.
    nonblock: Option<bool>,
    /// The variable that gets the descriptor's number.
    into: Option<At<String>>,
}

impl Form for FifoOpenForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let into = self.into.as_ref().map(|name| cx.assign(name));
        let name = &self.fifo_open;
        let kind = cx.names.kinds.get(&name.value).copied();
        if kind != Some("fifo") {
            let problem = match kind {
                Some(kind) => {
                    let message = format!("`{}` is a {kind}; this needs a FIFO", name.value);
                    Problem::error(Code::WrongObject, name.span.clone(), message)
                }
                None => {
                    let message = format!("there is no FIFO `{}`", name.value);
                    let problem = Problem::error(Code::UnknownObject, name.span.clone(), message);
                    problem.help(format!("declare it: `[fifo.{}]`", name.value))
                }
            };
            return cx.problems.push(problem);
        }
        if let Some(Handle::Named(fd)) = cx.channel(name, self.end) {
            let write = self.end == End::Write;
            cx.call(step, FifoOpen { fd, write, nonblock: self.nonblock.unwrap_or(false), into });
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FifoOpen {
    /// The descriptor that its name stands for in a read or write.
    pub fd: Fd,
    pub write: bool,
    pub nonblock: bool,
    /// Gets the descriptor's number.
    pub into: Option<Variable>,
}

impl FifoOpen {
    /// Which of the scenario's pipes it is, and its object.
    fn fifo(&self, image: &Image) -> Option<(usize, ObjectId)> {
        let number = image.pipes.iter().position(|pipe| pipe.read == self.fd || pipe.write == self.fd)?;
        Some((number, image.pipes[number].object))
    }

    /// The first part: the end counts as open, for those who wait for it as well.
    fn begin<S: Sink>(&self, call: &mut Call<'_, S>, pipe: u32, object: ObjectId) -> Result<Outcome, Errno> {
        let process = call.process();
        let state = &call.kernel.pipes[pipe as usize];
        if self.write && self.nonblock && state.readers == 0 {
            return Err(Errno::ENXIO);
        }
        let is_first = if self.write { state.writers == 0 } else { state.readers == 0 };
        let there = if self.write { state.readers } else { state.writers };
        let (before, writers_ever) =
            (if self.write { state.readers_ever } else { state.writers_ever }, state.writers_ever);
        let what = if self.write { Opened::PipeWrite(pipe) } else { Opened::PipeRead(pipe) };
        let taken = call.kernel.opened(process, self.fd).is_some();
        let fd = if taken { call.kernel.lowest_free(process)? } else { self.fd };
        let offset = if !self.write && self.nonblock && there == 0 { writers_ever } else { u64::MAX };
        let flags = Flags { nonblock: self.nonblock };
        call.kernel.files.open.push(Open { offset, ..Open::new(what, flags) });
        let open = OpenId((call.kernel.files.open.len() - 1) as u32);
        call.kernel.install(process, fd, open);
        if is_first {
            call.kernel.wake_all_of(call.cpu, WaitKey { cause: Cause::Fifo, object: pipe });
        }
        call.user().amount = u64::from(fd.0);
        if there > 0 || self.nonblock {
            return Ok(self.done(call, fd));
        }
        call.user().progress = before + 1;
        call.kernel.wait_for(WaitKey { cause: Cause::Fifo, object: pipe }, call.task);
        Ok(Outcome::Block { on: Cause::Fifo, object: Some(object) })
    }

    fn done<S: Sink>(&self, call: &mut Call<'_, S>, fd: Fd) -> Outcome {
        call.user().set(self.into, i64::from(fd.0));
        Outcome::Done(i64::from(fd.0))
    }
}

impl SystemCall for FifoOpen {
    fn waits(&self, image: &Image) -> Option<Awaits> {
        let (_, object) = self.fifo(image)?;
        (!self.nonblock).then_some(Awaits { on: Cause::Fifo, object: Some(object) })
    }

    /// A handler has interrupted the wait: the end is closed again.
    fn achieved<S: Sink>(&self, call: &mut Call<'_, S>) -> Option<i64> {
        let (process, fd) = (call.process(), Fd(call.amount() as u16));
        call.kernel.close(call.cpu, process, fd);
        None
    }

    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let (pipe, object) = self.fifo(call.image).ok_or(Errno::ENOENT)?;
        let pipe = pipe as u32;
        if call.progress() == 0 {
            return self.begin(call, pipe, object);
        }
        let fd = Fd(call.amount() as u16);
        let state = &call.kernel.pipes[pipe as usize];
        let ever = if self.write { state.readers_ever } else { state.writers_ever };
        // Somebody may have opened the other end and be gone again.
        if ever + 1 > call.progress() {
            return Ok(self.done(call, fd));
        }
        call.kernel.wait_for(WaitKey { cause: Cause::Fifo, object: pipe }, call.task);
        Ok(Outcome::Block { on: Cause::Fifo, object: Some(object) })
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let (number, object) = self.fifo(&native.world.image).ok_or(Errno::ENOENT)?;
        let opened = os::pipe::open_fifo(&native.world.fifo(number), self.write, self.nonblock)?;
        let wanted = native.world.image.pipes[number].capacity;
        if wanted != DEFAULT_CAPACITY && os::pipe::capacity(opened.as_raw_fd())? != wanted {
            // One whose other end has been used already may hold too much for that, and stays as it is.
            let _ = os::pipe::set_capacity(opened.as_raw_fd(), wanted);
        }
        let channel = Channel { object: Some(object), kind: ChannelKind::Pipe };
        let fd = native.adopt_as(opened, self.fd, channel)?;
        native.user.set(self.into, i64::from(fd.0));
        Ok(i64::from(fd.0))
    }
}
