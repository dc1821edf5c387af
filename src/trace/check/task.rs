//! What the laws need to know of a thread: whether it lives, waits, and is in the kernel.

use crate::ids::CallId;
use crate::time::Instant;

use super::{Law, Role};

pub struct Task {
    pub start: Instant,
    /// An event has named it.
    pub used: bool,
    pub forked: bool,
    pub exited: bool,
    /// After its end, its CPU went to another thread.
    pub left: bool,
    /// It left the CPU to wait for something, and nobody has woken it since.
    pub blocked: bool,
    /// The call that it is in.
    pub call: Option<CallId>,
    /// The call needn't be left: the thread was born in it, or has begun another program in it.
    optional: bool,
    /// An exception in user mode is being handled.
    exception: bool,
    /// The kernel touched a missing page; that may or may not end with an exit of its own.
    pub kernel_fault: bool,
}

impl Task {
    pub fn new(start: Instant) -> Task {
        Task::born_in(start, None)
    }

    /// A thread that begins inside the call by which it was made.
    pub fn born_in(start: Instant, call: Option<CallId>) -> Task {
        Task {
            start,
            used: false,
            forked: false,
            exited: false,
            left: false,
            blocked: false,
            call,
            optional: true,
            exception: false,
            kernel_fault: false,
        }
    }

    /// The thread, announced or not, is forked by one that is in `call`.
    pub fn fork(&mut self, at: Instant, call: Option<CallId>) {
        *self = Task { forked: true, used: self.used, ..Task::born_in(self.start.min(at), call) };
    }

    /// Whether the thread can't play this role any more.
    pub fn is_over_for(&self, role: Role) -> bool {
        match role {
            Role::Acting => self.exited,
            Role::Current => self.left,
            Role::Addressed => false,
        }
    }

    /// The thread has ended, whatever it was doing.
    pub fn exit(&mut self) {
        self.exited = true;
        self.call = None;
        self.exception = false;
    }

    /// The call that began the new program returns to it, or the program simply begins.
    pub fn exec(&mut self) {
        self.optional = true;
    }

    /// Enters a call; says what is wrong with that.
    pub fn enter(&mut self, call: CallId) -> Option<(Law, String)> {
        let open = self.call.replace(call).filter(|_| !self.optional);
        self.optional = false;
        open.map(|open| (Law::CallsBalance, format!("enters call {call} without having left call {open}")))
    }

    /// Leaves a call; says what is wrong with that.
    pub fn leave(&mut self, call: CallId) -> Option<(Law, String)> {
        self.kernel_fault = false;
        let open = self.call.take();
        if open == Some(call) {
            return None;
        }
        Some((
            Law::CallsBalance,
            match open {
                Some(open) => format!("leaves call {call}, but it is in call {open}"),
                None => format!("leaves call {call} without having entered it"),
            },
        ))
    }

    /// Raises an exception in user mode; says what is wrong with that.
    pub fn raise(&mut self) -> Option<(Law, String)> {
        let open = std::mem::replace(&mut self.exception, true);
        open.then(|| {
            (Law::ExceptionsBalance, "raises an exception while its last one is being handled".to_owned())
        })
    }

    /// An exception has been handled; says what is wrong with that.
    pub fn handled(&mut self) -> Option<(Law, String)> {
        if std::mem::take(&mut self.exception) || std::mem::take(&mut self.kernel_fault) {
            return None;
        }
        Some((Law::ExceptionsBalance, "leaves an exception that it hasn't raised".to_owned()))
    }
}
