//! `epoll-create`, `epoll-ctl`, `epoll-wait`: a set of descriptors that is registered once and waited
//! for often. Source: epoll(7), epoll_ctl(2), epoll_wait(2).

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::kernel::epoll::{Control, Interest};
use crate::kernel::file::{Flags, Opened};
#[cfg(target_os = "linux")]
use crate::os;
use crate::program::at::{At, Value};
use crate::program::call::{Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::{Channel, ChannelKind, Native};
use crate::program::problem::Code;
use crate::program::resolve::End;
use crate::program::verb::{Level, Real, VerbRow};
use crate::program::{Handle, Operand, Variable};
use crate::trace::Sink;

use super::poll::Wanted;

pub const CREATE: VerbRow = VerbRow {
    name: "epoll-create",
    level: Level::Syscall,
    summary: "makes a set of descriptors to wait for",
    doc: "Makes an empty epoll set, whose descriptor's number a variable gets. `epoll-ctl` puts descriptors into it, `epoll-wait` waits for them. Other than with `poll`, the kernel needn't be told each time what to look at.",
    example: r#"{ epoll-create = "set" }"#,
    real: Real::Yes("epoll_create1(2)"),
    blocks: &[],
    parse: parse::<CreateForm>,
    schema: schema::<CreateForm>,
};

pub const CTL: VerbRow = VerbRow {
    name: "epoll-ctl",
    level: Level::Syscall,
    summary: "changes what an epoll set watches",
    doc: "Puts a descriptor into an epoll set (`add`), changes how it is watched (`modify`), or takes it out (`delete`). Level-triggered, it is reported as long as it is ready; with `edge` once for each change; with `one-shot` once until it is modified. Closing the last descriptor takes it out as well. EEXIST if it is in the set, ENOENT if it isn't, EPERM for a file, which is always ready, ELOOP for a circle of sets.",
    example: r#"{ epoll-ctl = "@set", add = "ping", events = "read", edge = true }"#,
    real: Real::Yes("epoll_ctl(2)"),
    blocks: &[],
    parse: parse::<CtlForm>,
    schema: schema::<CtlForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct CreateForm {
    /// The variable that gets the descriptor's number.
    epoll_create: At<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct CtlForm {
    /// The set: "@" and the variable with its number.
    epoll_ctl: At<String>,
    /// The descriptor that is put into the set: a pipe, FIFO, "terminal", or "@" and a variable.
    add: Option<At<String>>,
    /// The descriptor that is watched in another way from now on.
    modify: Option<At<String>>,
    /// The descriptor that is taken out.
    delete: Option<At<String>>,
    /// Which end of a pipe; the one that `events` is about if absent.
    end: Option<End>,
    /// To "read" (the default), to "write", or "both".
    events: Option<Wanted>,
    /// Reported once for each change (EPOLLET); false if absent.
    edge: Option<bool>,
    /// Reported once, then not before it is modified (EPOLLONESHOT); false if absent.
    one_shot: Option<bool>,
    /// Of several sets that watch the same thing in this way only one is told (EPOLLEXCLUSIVE).
    exclusive: Option<bool>,
    /// What a wait tells when it is ready; the descriptor's number if absent.
    data: Option<At<Value>>,
}

impl Form for CreateForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let into = cx.assign(&self.epoll_create);
        cx.call(step, EpollCreate { into });
    }
}

impl Form for CtlForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let wanted = self.events.unwrap_or_default();
        let set = cx.channel(&self.epoll_ctl, End::Read);
        let given = [(What::Add, &self.add), (What::Modify, &self.modify), (What::Delete, &self.delete)];
        let given: Vec<_> = given.into_iter().filter_map(|(what, at)| Some((what, at.as_ref()?))).collect();
        let [(what, at)] = given[..] else {
            let message = "this step needs one of `add`, `modify` and `delete`";
            return cx.problems.error(Code::MissingKey, step.span.clone(), message);
        };
        let data = self.data.as_ref().map(|data| cx.operand(data));
        if let (Some(set), Some(fd)) = (set, cx.channel(at, self.end.unwrap_or(wanted.end()))) {
            let (edge, one_shot) = (self.edge.unwrap_or(false), self.one_shot.unwrap_or(false));
            let exclusive = self.exclusive.unwrap_or(false);
            cx.call(step, EpollCtl { set, what, fd, wanted, edge, one_shot, exclusive, data });
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EpollCreate {
    pub into: Variable,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EpollCtl {
    pub set: Handle,
    what: What,
    pub fd: Handle,
    wanted: Wanted,
    pub edge: bool,
    pub one_shot: bool,
    pub exclusive: bool,
    /// None is the descriptor's number.
    pub data: Option<Operand>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Add,
    Modify,
    Delete,
}

impl SystemCall for EpollCreate {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let process = call.process();
        call.kernel.lowest_free(process)?;
        let set = call.kernel.new_epoll();
        let fd = call.kernel.open(process, set, Flags::default())?;
        call.user().set(Some(self.into), i64::from(fd.0));
        Ok(Outcome::Done(i64::from(fd.0)))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let channel = Channel { object: None, kind: ChannelKind::Events };
        let fd = native.adopt(os::events::set()?, channel)?;
        native.user.set(Some(self.into), i64::from(fd.0));
        Ok(i64::from(fd.0))
    }
}

impl SystemCall for EpollCtl {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let (_, set) = call.opened(self.set).ok_or(Errno::EBADF)?;
        let (open, watched) = call.opened(self.fd).ok_or(Errno::EBADF)?;
        if matches!(watched, Opened::File(_)) {
            return Err(Errno::EPERM);
        }
        let Opened::Epoll(epoll) = set else {
            return Err(Errno::EINVAL);
        };
        if watched == set {
            return Err(Errno::EINVAL);
        }
        let fd = call.descriptor(self.fd).ok_or(Errno::EBADF)?;
        let interest = Interest {
            events: self.wanted.events(),
            edge: self.edge,
            one_shot: self.one_shot,
            exclusive: self.exclusive,
            data: self.data.map_or(i64::from(fd.0), |data| call.user_value(data)),
        };
        let control = match self.what {
            What::Add => Control::Add(interest),
            What::Modify => Control::Modify(interest),
            What::Delete => Control::Delete,
        };
        call.kernel.control_epoll(call.cpu, epoll, (fd, open), control)?;
        Ok(Outcome::Done(0))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let set = native.descriptor(self.set)?;
        let descriptor = native.descriptor(self.fd)?;
        let number = native.number(self.fd)?;
        let data = self.data.map_or(i64::from(number.0), |data| native.computed(data));
        let watch = os::events::Watch {
            events: self.wanted.events().0,
            edge: self.edge,
            one_shot: self.one_shot,
            exclusive: self.exclusive,
            data,
        };
        let change = match self.what {
            What::Add => os::events::Change::Add,
            What::Modify => os::events::Change::Modify,
            What::Delete => os::events::Change::Delete,
        };
        os::events::change_set(set, change, descriptor, watch).map(|()| 0)
    }
}
