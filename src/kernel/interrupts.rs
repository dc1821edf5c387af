//! What the handlers do: of the local timer, of devices, and of messages from other CPUs.

use crate::hw::device::{Packet, Reaction, State, Trigger};
use crate::hw::interrupt::{Asserted, LOCAL_TIMER, RESCHEDULE};
use crate::hw::queue::Rank;
use crate::ids::{DeviceId, Tid, Vector};
use crate::time::{Instant, Span};
use crate::trace::{Kind, Sink};

use super::bytes::Bytes;
use super::work::{Context, Work};
use super::{Due, Kernel};

/// The place of a request that failed because its disk wasn't there.
pub const FAILED: u16 = u16::MAX;

impl<S: Sink> Kernel<S> {
    /// A line rises at a CPU.
    pub fn assert_line(&mut self, at: Instant, cpu: usize, vector: Vector, trigger: Trigger) {
        let here = &mut self.cpus[cpu];
        let to = here.id;
        here.noticed = at;
        let kind = match here.interrupts.assert(vector, trigger) {
            Asserted::Raised => Kind::InterruptRaised { vector, to },
            Asserted::Coalesced => Kind::InterruptCoalesced { vector, to },
        };
        self.emit_at(at, cpu, kind);
    }

    /// A line is no longer held back at a CPU.
    pub fn unmask(&mut self, at: Instant, cpu: usize, vector: Vector) {
        let here = &mut self.cpus[cpu];
        here.noticed = at;
        here.interrupts.unmask(vector);
    }

    /// A device has something to say.
    pub fn device_asserts(&mut self, at: Instant, device: DeviceId) {
        let line = self.devices[device.index()].spec.line;
        self.assert_line(at, line.cpu.index(), line.vector, line.trigger);
    }

    /// A disk has finished a request: it begins with the next one and says so.
    pub fn disk_done(&mut self, at: Instant, device: DeviceId, place: u16) {
        let State::Disk(disk) = &mut self.devices[device.index()].state else { return };
        if place == FAILED {
            return self.device_asserts(at, device);
        }
        let (done, started) = disk.complete(place, at);
        if let Some((due, place)) = started {
            self.expect(due, Rank::Device, Due::DiskDone { device, place });
        }
        if done.is_some() {
            self.device_asserts(at, device);
        }
    }

    /// A packet comes to a network card.
    pub fn packet(&mut self, at: Instant, device: DeviceId, packet: Packet) {
        let here = &mut self.devices[device.index()];
        let State::Network(card) = &mut here.state else { return };
        let bytes = packet.bytes;
        match card.receive(packet) {
            Reaction::Interrupt => self.device_asserts(at, device),
            Reaction::Wait { time, ticket } => {
                self.expect(at + time.max(Span::TICK), Rank::Device, Due::Card { device, ticket });
            }
            Reaction::Nothing => {}
            Reaction::Drop => {
                let (object, cpu) = (here.spec.object, here.spec.line.cpu.index());
                self.emit_at(at, cpu, Kind::PacketDropped { object, bytes });
            }
        }
    }

    /// A network card's timer is over.
    pub fn card_waited(&mut self, at: Instant, device: DeviceId, ticket: u32) {
        let State::Network(card) = &mut self.devices[device.index()].state else { return };
        if card.has_waited(ticket) {
            self.device_asserts(at, device);
        }
    }

    /// Something elsewhere in the host interrupts, and will again.
    pub fn noise(&mut self, at: Instant, device: DeviceId) {
        let State::Noise(noise) = &mut self.devices[device.index()].state else { return };
        noise.arrive();
        let next = noise.next(at);
        self.expect(next, Rank::Device, Due::Noise { device });
        self.device_asserts(at, device);
    }

    /// The CPU takes an interrupt from its register: the handler begins.
    pub fn enter_interrupt(&mut self, cpu: usize, vector: Vector) {
        self.crossings += 1;
        self.emit(cpu, Kind::InterruptRecognised { vector });
        let here = &mut self.cpus[cpu];
        here.interrupts.acknowledge(vector);
        if here.suspended.is_empty() && here.now > here.last_return {
            here.interrupts_in_a_row = 0;
        }
        here.interrupts_in_a_row += 1;
        let leaves_idle = here.context == Context::Idle && !here.polls(here.now);
        let (work, cost, entry) = match vector {
            LOCAL_TIMER => (Work::Timer, self.costs.timer, Kind::LocalTimerEntry),
            RESCHEDULE => (Work::Reschedule, self.costs.reschedule, Kind::RescheduleEntry),
            _ => {
                let device = self.lines[usize::from(vector.0)];
                let own = device.and_then(|device| self.devices[device.index()].spec.handler);
                let cost = own.unwrap_or(self.costs.interrupt);
                (Work::Handler(vector), cost, Kind::IrqHandlerEntry { vector })
            }
        };
        let idle_exit = if leaves_idle { self.costs.idle_exit } else { Span::ZERO };
        self.emit(cpu, entry);
        let cost = self.costs.whole(idle_exit) + self.costs.whole(cost);
        self.cpus[cpu].enter(work, cost);
    }

    /// The local timer's handler is done: sleepers wake, the slice is checked, the timer is set anew.
    pub fn timer_handled(&mut self, cpu: usize) {
        let now = self.cpus[cpu].now;
        while let Some((ticket, sleeper)) = self.cpus[cpu].sleepers.pop_due(now) {
            let task = &mut self.tasks[sleeper.index()];
            if task.timer == ticket {
                task.timer = 0;
                self.hopes -= 1;
                self.timer_expired(cpu, sleeper);
            }
        }
        if self.cpus[cpu].alarms.is_some() {
            self.ring_alarms(cpu);
        }
        self.check_slice(cpu);
        self.cpus[cpu].interrupts.end_of_interrupt(LOCAL_TIMER);
        self.set_timer(cpu);
        self.emit(cpu, Kind::LocalTimerExit);
    }

    pub fn reschedule_handled(&mut self, cpu: usize) {
        self.cpus[cpu].interrupts.end_of_interrupt(RESCHEDULE);
        self.emit(cpu, Kind::RescheduleExit);
    }

    /// The hard half of a device's handler is done: the device is quiet, and either it has been
    /// served or that is left to the deferred half.
    pub fn device_handled(&mut self, cpu: usize, vector: Vector) {
        let device = self.lines[usize::from(vector.0)];
        let mut handled = false;
        if let Some(device) = device {
            handled = self.has_news(device);
            if self.deferred_cost(device).is_zero() {
                self.serve(cpu, device);
            } else {
                if let State::Network(card) = &mut self.devices[device.index()].state {
                    card.begin_poll();
                }
                self.cpus[cpu].deferred |= 1 << vector.0;
            }
        }
        let here = &mut self.cpus[cpu];
        here.interrupts.deassert(vector);
        here.interrupts.end_of_interrupt(vector);
        self.emit(cpu, Kind::IrqHandlerExit { vector, handled });
    }

    /// What the device's deferred half costs; zero if it has none.
    fn deferred_cost(&self, device: DeviceId) -> Span {
        self.devices[device.index()].spec.deferred.unwrap_or(self.costs.deferred)
    }

    /// Begins the deferred half with the highest vector that waits, unless one is already under way.
    pub fn begin_deferred(&mut self, cpu: usize) -> bool {
        let here = &self.cpus[cpu];
        let busy = here.suspended.iter().any(|(context, _)| {
            matches!(
                context,
                Context::Kernel(Work::Deferred(_) | Work::Handler(_) | Work::Timer | Work::Reschedule)
            )
        });
        if here.deferred == 0 || busy {
            return false;
        }
        let vector = Vector(63 - here.deferred.leading_zeros() as u8);
        let device = self.lines[usize::from(vector.0)];
        let cost = device.map_or(Span::ZERO, |device| self.deferred_cost(device));
        let cost = self.costs.whole(cost);
        self.emit(cpu, Kind::SoftirqEntry { vector });
        let here = &mut self.cpus[cpu];
        here.deferred &= !(1 << vector.0);
        here.begin(Context::Kernel(Work::Deferred(vector)), cost);
        true
    }

    pub fn deferred_handled(&mut self, cpu: usize, vector: Vector) {
        if let Some(device) = self.lines[usize::from(vector.0)] {
            self.serve(cpu, device);
            if let State::Network(card) = &mut self.devices[device.index()].state
                && card.end_poll()
            {
                self.cpus[cpu].deferred |= 1 << vector.0;
            }
        }
        self.emit(cpu, Kind::SoftirqExit { vector });
    }

    /// Whether the device asked for the interrupt. If not, it was spurious.
    fn has_news(&self, device: DeviceId) -> bool {
        match &self.devices[device.index()].state {
            State::Disk(disk) => disk.has_done(),
            State::Keyboard(keyboard) => keyboard.has_keys(),
            State::Network(card) => card.has_packets(),
            State::Noise(noise) => noise.has_come(),
            State::Button => true,
        }
    }

    /// Takes from the device all that it has, or what a card's budget allows, and passes it on to whoever waits for it.
    fn serve(&mut self, cpu: usize, device: DeviceId) {
        let most = match &self.devices[device.index()].state {
            State::Network(card) => card.budget(),
            State::Disk(_) | State::Keyboard(_) | State::Noise(_) | State::Button => u32::MAX,
        };
        for _ in 0..most {
            match &mut self.devices[device.index()].state {
                State::Disk(disk) => match disk.fetch() {
                    Some(request) => self.transferred(cpu, request),
                    None => return,
                },
                State::Keyboard(keyboard) => match keyboard.fetch() {
                    Some(key) => self.typed(cpu, key),
                    None => return,
                },
                State::Network(card) => match card.fetch() {
                    Some(packet) => self.took(cpu, packet),
                    None => return,
                },
                State::Noise(noise) => return noise.clear(),
                State::Button => return,
            }
        }
    }

    /// The handler has a packet: it goes to whoever has its address. The protocol's work for it is done
    /// by whatever the CPU goes on with.
    fn took(&mut self, cpu: usize, packet: Packet) {
        let Some(address) = packet.to else { return };
        let mut bytes = packet.text.map_or_else(Bytes::default, |text| Bytes::text(&text));
        bytes.resize(packet.bytes);
        self.cpus[cpu].debt += self.costs.loopback;
        self.arrive(cpu, address, bytes);
    }

    /// The current thread will be woken at `due` by the local timer of its CPU.
    pub fn sleep_until(&mut self, cpu: usize, sleeper: Tid, due: Instant) {
        let due = due + self.costs.timer_slack;
        let here = &mut self.cpus[cpu];
        let ticket = here.sleepers.push(due, sleeper);
        self.tasks[sleeper.index()].timer = ticket;
        self.hopes += 1;
        if due < here.timer {
            self.set_timer(cpu);
        }
    }
}
