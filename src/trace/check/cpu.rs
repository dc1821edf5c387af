//! What the laws need to know of a CPU: who is current on it, and which handlers are open.

use crate::ids::{Tid, Vector};
use crate::trace::event::Kind;

pub struct Cpu {
    pub current: Tid,
    open: Vec<Handler>,
}

/// A piece of kernel work with an entry and an exit that belongs to the CPU, not to a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handler {
    Irq(Vector),
    Softirq(Vector),
    Timer,
    Reschedule,
}

enum Step {
    Entry(Handler),
    Exit(Handler),
}

impl Cpu {
    pub fn new(current: Tid) -> Cpu {
        Cpu { current, open: Vec::new() }
    }

    /// Takes note of entries and exits; says what is wrong with an exit.
    pub fn handle(&mut self, kind: &Kind) -> Option<String> {
        match step(kind)? {
            Step::Entry(handler) => {
                self.open.push(handler);
                None
            }
            Step::Exit(handler) => self.exit(handler),
        }
    }

    fn exit(&mut self, handler: Handler) -> Option<String> {
        let last = self.open.last().copied();
        if last == Some(handler) {
            self.open.pop();
            return None;
        }
        // Whatever was entered after it is given up, so that one mistake isn't reported for ever.
        if let Some(position) = self.open.iter().rposition(|open| *open == handler) {
            self.open.truncate(position);
        }
        Some(match last {
            Some(last) => format!("{handler} ends while {last}, entered later, is open"),
            None => format!("{handler} ends without having begun"),
        })
    }
}

fn step(kind: &Kind) -> Option<Step> {
    Some(match *kind {
        Kind::IrqHandlerEntry { vector } => Step::Entry(Handler::Irq(vector)),
        Kind::IrqHandlerExit { vector, .. } => Step::Exit(Handler::Irq(vector)),
        Kind::SoftirqEntry { vector } => Step::Entry(Handler::Softirq(vector)),
        Kind::SoftirqExit { vector } => Step::Exit(Handler::Softirq(vector)),
        Kind::LocalTimerEntry => Step::Entry(Handler::Timer),
        Kind::LocalTimerExit => Step::Exit(Handler::Timer),
        Kind::RescheduleEntry => Step::Entry(Handler::Reschedule),
        Kind::RescheduleExit => Step::Exit(Handler::Reschedule),
        _ => return None,
    })
}
