//! The routes by which a run can be observed, from the one that sees most to the one that always
//! works.

use std::io;

use super::collect::Collector;
use super::ftrace::{self, Instance};
use super::perf;
use super::seen::Seen;

/// How a run is observed, besides what its processes note down themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Route {
    /// Not at all: disturbs the run least.
    #[default]
    Notes,
    /// Records of performance events, which need no privilege: switches, and faults in user mode.
    Perf,
    /// The kernel's trace points, which need root: everything.
    Kernel,
}

impl Route {
    /// From the one that sees most.
    pub const ALL: [Route; 3] = [Route::Kernel, Route::Perf, Route::Notes];

    pub const fn name(self) -> &'static str {
        match self {
            Route::Notes => "notes",
            Route::Perf => "perf",
            Route::Kernel => "kernel",
        }
    }

    /// Why it can't be taken on this host, and what to do about it.
    pub fn obstacle(self) -> Option<String> {
        match self {
            Route::Notes => None,
            Route::Perf => perf::obstacle(),
            Route::Kernel => ftrace::obstacle(),
        }
    }

    /// The one that sees most on this host, and why it isn't a better one.
    pub fn best() -> (Route, Vec<String>) {
        let mut obstacles = Vec::new();
        for route in Route::ALL {
            match route.obstacle() {
                None => return (route, obstacles),
                Some(why) => obstacles.push(why),
            }
        }
        (Route::Notes, obstacles)
    }

    /// Begins to observe a process and all that it forks from now on.
    pub fn watch(self, pid: i32, cpus: &[usize], most_bytes: u64) -> io::Result<Option<Watching>> {
        match self {
            Route::Notes => Ok(None),
            Route::Perf => {
                let streams = perf::start(pid, cpus)?;
                let collector = Collector::start(streams, perf::POINTS.to_vec(), most_bytes, cpus)?;
                Ok(Some(Watching { collector, instance: None }))
            }
            Route::Kernel => {
                let instance = Instance::new(pid)?;
                let collector = Collector::start(instance.buffers()?, instance.points(), most_bytes, cpus)?;
                instance.switch_on()?;
                Ok(Some(Watching { collector, instance: Some(instance) }))
            }
        }
    }
}

/// A run is being observed.
#[derive(Debug)]
pub struct Watching {
    // The buffers must be closed before the instance can go: fields go in their order.
    collector: Collector,
    instance: Option<Instance>,
}

impl Watching {
    /// The run is over: what was seen of it.
    pub fn finish(self) -> io::Result<Seen> {
        let Watching { collector, instance } = self;
        if let Some(instance) = &instance {
            instance.switch_off()?;
        }
        collector.finish()
    }
}
