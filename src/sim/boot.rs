//! How a machine comes to be from a lowered scenario, and how processes come to be on it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::hw::device::{State as DeviceState, Trigger};
use crate::hw::interrupt::RESCHEDULE;
use crate::hw::queue::Rank;
use crate::ids::{Fd, Pid, Tid};
use crate::kernel::file::OpenId;
use crate::kernel::process::{Birth, Place};
use crate::kernel::sched::{self, Checked, Policy, Ready, Site};
use crate::kernel::task::Affinity;
use crate::kernel::work::Context;
use crate::kernel::{Due, Kernel};
use crate::program::userland::{Origin, User, Userland};
use crate::program::{Image, Program, ProgramId, StartId};
use crate::random::Key;
use crate::time::{Instant, Span};
use crate::trace::{Kind, Sink, Why};

use super::assemble::{kernel, prices};
use super::{Control, Mutation, Pace, Simulator};

/// The number of the first process; those below are idle and init.
pub(super) const FIRST: u32 = 2;

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
            kernel: kernel(image, sink, run, policy),
            userland: Userland::new(image),
            pace,
            mutation: Mutation::None,
            prices: prices(image),
            cut_off: false,
            outcome: None,
            deadlock: None,
            holders: BTreeMap::new(),
            mapped: super::mapped::places(image),
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

    fn boot(&mut self, run: Key) {
        let image = self.image;
        self.kernel.found_ancestors();
        let nobody = Origin::Born { program: ProgramId(0), number: 0 };
        for _ in 0..FIRST {
            self.userland.users.push(User::new(nobody, ProgramId(0), &Program::default(), 0, run));
        }
        self.open_for_later_starts();
        let initial: Vec<(Origin, ProgramId, u32)> = image
            .initial()
            .map(|(origin, start)| match origin {
                Origin::Start { number, .. } | Origin::Born { number, .. } => (origin, start.program, number),
            })
            .collect();
        for (origin, program, number) in initial {
            if let Some(thread) = self.bear(origin, program, number) {
                let to = self.kernel.place_new(self.kernel.tasks[thread.index()].affinity);
                self.kernel.begin_job(to.index(), thread);
                self.kernel.make_ready(to.index(), thread, to, Ready::New);
            }
        }
        self.expect_the_rest();
        for cpu in 0..self.kernel.cpus.len() {
            let here = &mut self.kernel.cpus[cpu];
            (here.debt, here.reschedule) = (Span::ZERO, None);
            let here = &self.kernel.cpus[cpu];
            if self.kernel.queues[here.queue].waiting() > 0 {
                self.kernel.schedule(cpu, Why::WorkArrived);
            }
        }
    }

    /// What is due later: events from outside, later starts, noise.
    fn expect_the_rest(&mut self) {
        for (index, injection) in self.image.injections.iter().enumerate() {
            self.kernel.expect(injection.at, Rank::Outside, Due::Outside(index as u32));
        }
        for (entry, start) in self.image.starts.iter().enumerate() {
            if start.at > Instant::START {
                self.unstarted += start.count;
                self.kernel.expect(start.at, Rank::Outside, Due::Start(entry as u16));
            }
        }
        self.kernel.expect_balancing(Instant::START);
        for index in 0..self.kernel.devices.len() {
            if let DeviceState::Noise(noise) = &mut self.kernel.devices[index].state {
                let first = noise.next(Instant::START);
                self.kernel.expect(first, Rank::Device, Due::Noise { device: index.into() });
            }
        }
    }

    /// The descriptors of processes that start later are held open until then, so that a reader
    /// doesn't see the end of a pipe whose writer is yet to come.
    fn open_for_later_starts(&mut self) {
        for start in self.image.starts.iter().filter(|start| start.at > Instant::START) {
            for &fd in opened_at_start(&self.image.programs[usize::from(start.program.0)], self.image) {
                for _ in 0..start.count {
                    self.kernel.hold(OpenId(u32::from(fd.0)));
                }
            }
        }
    }

    /// A process from the scenario's list of starts.
    fn bear(&mut self, origin: Origin, id: ProgramId, number: u32) -> Option<Tid> {
        let image = self.image;
        let Origin::Start { entry, .. } = origin else { return None };
        let start = &image.starts[usize::from(entry.0)];
        let birth = Birth {
            place: Place::ChildOf(Pid::INIT),
            program: id.0,
            parameters: Arc::clone(&start.parameters),
            affinity: start.cpu.map_or(Affinity::Any, Affinity::Only),
            context: Context::User,
        };
        let thread = self.kernel.create(birth)?;
        let program = &image.programs[usize::from(id.0)];
        self.userland.users.push(User::started(image, origin, entry, number));
        for &fd in opened_at_start(program, image) {
            if let Some(queue) = image.ipc.queue_at(fd) {
                self.kernel.install_mqueue(thread.leads(), fd, queue);
                continue;
            }
            let open = self.kernel.open_anew(OpenId(u32::from(fd.0)));
            self.kernel.install(thread.leads(), fd, open);
        }
        if let (Some(process), Some(frames)) =
            (&mut self.kernel.processes[thread.leads().index()], start.frames)
        {
            process.space.special_mut().limit = Some(frames);
        }
        if let Some(rhythm) = &start.rhythm {
            let key = self.userland.users[thread.index()].key;
            self.kernel.begin_period(thread, start.at, rhythm, key);
        }
        self.kernel.first_of[usize::from(entry.0)].get_or_insert(thread.leads());
        Some(thread)
    }

    /// Processes start in the middle of the run.
    pub(super) fn start(&mut self, cpu: usize, at: Instant, entry: u16) {
        let start = &self.image.starts[usize::from(entry)];
        for number in 0..start.count {
            self.unstarted -= 1;
            let origin = Origin::Start { entry: StartId(entry), number };
            let Some(thread) = self.bear(origin, start.program, number) else { continue };
            for &fd in opened_at_start(&self.image.programs[usize::from(start.program.0)], self.image) {
                self.kernel.drop_reference(cpu, OpenId(u32::from(fd.0)));
            }
            let image = self.image;
            self.kernel.sink.task(thread, thread.leads(), Tid::INIT, &|| origin.name(image));
            let to = self.kernel.place_new(self.kernel.tasks[thread.index()].affinity);
            self.externally(cpu, at, |kernel| {
                kernel.begin_job(cpu, thread);
                kernel.make_ready(cpu, thread, to, Ready::New);
                kernel.emit(cpu, Kind::SchedWakeup { task: thread, on: to });
            });
        }
    }

    /// Does something that isn't the doing of whatever this CPU executes: it costs that nothing,
    /// and if the CPU is to schedule it learns so by an interrupt. It happens at its own time, which
    /// may lie within the instruction that the CPU has just executed.
    pub(super) fn externally(&mut self, cpu: usize, at: Instant, happening: impl FnOnce(&mut Kernel<S>)) {
        let here = &mut self.kernel.cpus[cpu];
        let (debt, before, current) = (here.debt, here.reschedule, here.current);
        let attentive = self.kernel.tasks[current.index()].attention;
        let boundary = std::mem::replace(&mut here.now, at);
        happening(&mut self.kernel);
        let news = !attentive && self.kernel.tasks[current.index()].attention;
        let here = &mut self.kernel.cpus[cpu];
        (here.now, here.debt) = (boundary, debt);
        if (before.is_none() && here.reschedule.is_some()) || news {
            self.kernel.assert_line(at, cpu, RESCHEDULE, Trigger::Edge);
        }
    }
}

/// The descriptors that a process has from the beginning: all of its program's but FIFOs'.
fn opened_at_start<'a>(program: &'a Program, image: &'a Image) -> impl Iterator<Item = &'a Fd> {
    program.fds.iter().filter(|&&fd| !image.is_fifo(fd))
}
