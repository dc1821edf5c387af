//! What of a scenario happens at a time of its own: later starts, signals, keys.

use crate::program::StartId;
use crate::program::image::Action;
use crate::program::native::World;
use crate::signal::Signal;
use crate::time::Instant;

/// What happens at a time of its own.
#[derive(Clone, Debug)]
pub enum Due {
    Start(StartId),
    Signal(StartId, Signal),
    Keys(String),
}

/// Everything that happens, in the order of time.
pub fn due(world: &World) -> Vec<(Instant, Due)> {
    let later = |start: &crate::program::start::Start| start.at > Instant::START;
    let starts = world.image.starts.iter().enumerate().filter(|(_, start)| later(start));
    let starts = starts.map(|(entry, start)| (start.at, Due::Start(StartId(entry as u16))));
    let events = world.image.injections.iter().filter_map(|injection| match &injection.action {
        Action::Signal { process, signal } => Some((injection.at, Due::Signal(*process, *signal))),
        Action::Keys { text, .. } => Some((injection.at, Due::Keys(text.clone()))),
        Action::Raise { .. }
        | Action::Mask { .. }
        | Action::Unmask { .. }
        | Action::Packet { .. }
        | Action::Unplug { .. }
        | Action::Plug { .. } => None,
    });
    let mut due: Vec<(Instant, Due)> = starts.chain(events).collect();
    due.sort_by_key(|(at, _)| *at);
    due
}
