//! A scenario's run, as a trace in a file.

use std::path::Path;

use trapline::ids::{NameId, Pid, Tid};
use trapline::program::Image;
use trapline::sim::{Control, Deadlock, Outcome, Pace, Simulator, header};
use trapline::trace::{Event, FileSink, Sink, TraceError};

use super::live::Feed;

/// After so many events it is worth asking whether the file can still be written.
const CHECK: u64 = 1 << 16;

/// What is known of a run besides its trace.
pub struct Run {
    pub outcome: Outcome,
    pub deadlock: Option<Deadlock>,
    /// What the shared arrays hold at the end, in the order of [`Image::arrays`].
    pub arrays: Vec<Box<[i64]>>,
    pub events: u64,
}

/// Runs the scenario; the trace is at `path` when this returns.
pub fn simulate(image: &Image, pace: Pace, path: &Path, control: &Control) -> Result<Run, TraceError> {
    simulate_shown(image, pace, path, control, None)
}

/// Like [`simulate`], and whoever draws the run gets its events.
pub fn simulate_shown(
    image: &Image,
    pace: Pace,
    path: &Path,
    control: &Control,
    feed: Option<Feed>,
) -> Result<Run, TraceError> {
    let file = FileSink::create(path, &header(image))?;
    let sink = Stopping { file, control, events: 0, feed };
    let mut simulator = Simulator::new(image, sink, pace).watched_by(control);
    let outcome = simulator.run();
    let end = simulator.end();
    let deadlock = simulator.deadlock().cloned();
    let Stopping { file, events, feed, control: _ } = simulator.kernel.sink;
    drop(feed);
    file.finish(end, outcome.clone(), 0)?;
    Ok(Run { outcome, deadlock, arrays: simulator.userland.arrays, events })
}

/// A trace file that stops the run when it can't be written any more.
struct Stopping<'a> {
    file: FileSink,
    control: &'a Control,
    events: u64,
    feed: Option<Feed>,
}

impl Sink for Stopping<'_> {
    const ON: bool = true;

    #[inline]
    fn event(&mut self, event: Event) {
        self.file.event(event);
        if let Some(feed) = &mut self.feed {
            feed.event(event);
        }
        self.events += 1;
        if self.events.is_multiple_of(CHECK) && self.file.failed() {
            self.control.stop();
        }
    }

    fn name(&mut self, text: &str) -> NameId {
        self.file.name(text)
    }

    fn task(&mut self, task: Tid, process: Pid, parent: Tid, name: &dyn Fn() -> String) {
        if let Some(feed) = &mut self.feed {
            feed.task(task, process, parent, name());
        }
        self.file.task(task, process, parent, name);
    }
}
