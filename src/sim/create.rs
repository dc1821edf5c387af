//! A simulator for a scenario: under the scenario's policy or the caller's own, at some pace, watched or not.

use std::collections::{BTreeMap, BTreeSet};

use crate::kernel::sched::{self, Checked, Policy, Site};
use crate::program::Image;
use crate::program::userland::Userland;
use crate::random::Key;
use crate::time::Instant;
use crate::trace::Sink;

use super::{Control, Mutation, Pace, Simulator, boot, mapped};

impl<'a, S: Sink> Simulator<'a, S> {
    /// A machine that is about to run the scenario, with its events going to `sink`.
    pub fn new(image: &'a Image, sink: S, pace: Pace) -> Simulator<'a, S> {
        Simulator::assemble(image, sink, pace, &mut sched::queues(&image.kernel.scheduler))
    }

    /// The same under a policy of the caller's own, whatever the scenario says: `policy` makes an empty queue
    /// for each of the machine's run queues. A policy that loses a thread, or makes one up, ends the run
    /// ([`Checked`]).
    pub fn with_policy(
        image: &'a Image,
        sink: S,
        pace: Pace,
        mut policy: impl FnMut(Site) -> Box<dyn Policy>,
    ) -> Simulator<'a, S> {
        Simulator::assemble(image, sink, pace, &mut |site| Box::new(Checked::new(policy(site))))
    }

    fn assemble(
        image: &'a Image,
        sink: S,
        pace: Pace,
        policy: &mut dyn FnMut(Site) -> Box<dyn Policy>,
    ) -> Simulator<'a, S> {
        let run = Key::of_run(image.run.seed);
        let mut simulator = Simulator {
            image,
            kernel: boot::kernel(image, sink, run, policy),
            userland: Userland::new(image),
            pace,
            mutation: Mutation::None,
            prices: boot::prices(image),
            cut_off: false,
            outcome: None,
            deadlock: None,
            holders: BTreeMap::new(),
            mapped: mapped::places(image),
            sharers: BTreeSet::new(),
            unstarted: 0,
            turns: 0,
            watched: (Instant::START, 0),
            control: None,
        };
        simulator.fill_mapped_files();
        simulator.page(run);
        simulator.boot(run);
        simulator
    }

    /// Runs with a deliberate mistake in the fast-forward.
    #[cfg(feature = "mutations")]
    pub fn mutated(mut self, mutation: Mutation) -> Simulator<'a, S> {
        self.mutation = mutation;
        self
    }

    /// Lets somebody else watch the run and stop it.
    pub fn watched_by(mut self, control: &'a Control) -> Simulator<'a, S> {
        self.control = Some(control);
        self
    }
}
