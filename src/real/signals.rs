//! Signals that have arrived at a thread of a real run: its handlers run as programs of the scenario, at
//! the place where the thread would go on with its own.
//!
//! The host's kernel has sent them, chosen the thread, and interrupted its call. What is left to do
//! here is what the kernel does on the way back to user mode: to lay the handler upon the
//! program, to say whether the call is made again, and to go back at the handler's end.

use crate::errno::Errno;
use crate::kernel::dispositions::{Handler, UNBLOCKABLE, Unfinished, first_of};
use crate::os::signal as host;
use crate::program::ProgramId;
use crate::program::call::{AfterSignal, RESTART, SystemCall};
use crate::program::native::{Native, What};
use crate::program::syscall::{SIGNAL_RETURN, Syscall};
use crate::signal::Signal;

/// So long a thread computes before it looks whether a signal has come.
const SLICE: u64 = 20_000;

/// Begins the handlers of what has arrived, one upon the other, as the kernel does.
#[cold]
pub fn deliver(native: &mut Native) {
    loop {
        let (mut arrived, _) = host::take();
        while let Some(signal) = first_of(arrived) {
            arrived &= !signal.bit();
            if let Some(handler) = native.handler(signal) {
                begin(native, signal, handler);
            }
        }
        // What the handler doesn't block may arrive at once.
        host::set_mask(native.mask);
        if !host::has_arrived() {
            return;
        }
    }
}

fn begin(native: &mut Native, signal: Signal, handler: Handler) {
    native.note(What::Deliver, signal as i64, 0);
    if handler.once {
        native.set_handler(signal, None);
        let _ = host::set_rule(signal, host::Rule::Default);
    }
    let image = &native.world.image;
    let unfinished = std::mem::take(&mut native.unfinished);
    native.user.handle(image, ProgramId(handler.program), signal, unfinished, native.mask);
    native.mask = handler.mask(native.mask, signal) & !UNBLOCKABLE;
}

/// A handler's program is over.
pub fn end_of_handler(native: &mut Native) {
    native.user.call = SIGNAL_RETURN;
    native.enter();
    let image = &native.world.image;
    if let Some((unfinished, mask)) = native.user.handled(image) {
        (native.unfinished, native.mask) = (unfinished, mask);
    }
    native.note(What::Leave, i64::from(SIGNAL_RETURN.0), 0);
    host::set_mask(native.mask);
}

/// What a call returns that a signal has interrupted. If nothing had interrupted the call itself, the
/// signal came before it began to wait, and it is made again.
pub fn after_call(native: &Native, call: &Syscall, returned: i64) -> i64 {
    let (arrived, interrupted) = host::peek();
    if returned != Errno::EINTR.result() {
        return returned;
    }
    let first = first_of(arrived).and_then(|signal| native.handler(signal));
    let again = match call.after_signal() {
        AfterSignal::Fails => false,
        AfterSignal::RestartsIfAsked => first.is_some_and(|handler| handler.restart),
        AfterSignal::Restarts => true,
    };
    if again || !interrupted { RESTART } else { returned }
}

/// Computes, up to a signal; the rest is done after the handler.
pub fn compute(native: &mut Native, nanos: u64) {
    if !host::catches_any() {
        return native.world.spin.work(nanos);
    }
    let mut left = nanos;
    while left > 0 {
        let slice = left.min(SLICE);
        native.world.spin.work(slice);
        left -= slice;
        if host::has_arrived() {
            break;
        }
    }
    native.unfinished = Unfinished { left: crate::time::Span::from_nanos(left), failed: None };
}
