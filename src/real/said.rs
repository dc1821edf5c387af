//! What the notes of a run say about statuses, and the lines that they stand for.

use std::collections::BTreeMap;

use crate::ids::Tid;
use crate::program::image::Text;
use crate::program::native::{Noted, What};
use crate::signal::Signal;
use crate::trace::Kind;

/// The signal that a status tells of.
pub fn deadly(status: u16) -> Option<Signal> {
    status.checked_sub(128).and_then(Signal::from_number)
}

/// What each thread's own last note, or whoever waited for it, says of its status. A signal's comes
/// from the latter alone.
pub fn statuses(notes: &[Noted]) -> BTreeMap<Tid, u16> {
    let mut statuses = BTreeMap::new();
    for Noted { task, note } in notes {
        match note.what {
            What::Exit => statuses.insert(*task, note.first as u16),
            What::Reaped => statuses.insert(Tid(note.first as u32), note.second as u16),
            _ => None,
        };
    }
    statuses
}

/// The values that a thread noted right after a text.
pub fn values(task: Tid, rest: &[Noted]) -> Vec<i64> {
    let own = rest.iter().filter(|noted| noted.task == task);
    own.take_while(|noted| noted.note.what == What::Value).map(|noted| noted.note.first).collect()
}

/// A line of output with its values filled in.
pub fn line(text: &Text, values: &[i64]) -> String {
    text.filled(|number, _| values.get(number).copied())
}

/// The threads that an event of the kernel's is about; some may be named more than once.
pub fn named(own: Tid, kind: Kind) -> [Tid; 3] {
    match kind {
        Kind::SchedSwitch { prev, next, .. } => [own, prev, next],
        Kind::SchedWaking { task }
        | Kind::SchedWakeup { task, .. }
        | Kind::SchedMigrate { task, .. }
        | Kind::SignalGenerate { to: task, .. } => [own, task, task],
        _ => [own; 3],
    }
}
