//! What happens to the machine from outside: the scenario's `[[event]]`s.

use crate::hw::device::State;
use crate::ids::{DeviceId, Vector};
use crate::program::image::Action;
use crate::time::Instant;
use crate::trace::Sink;

use super::Simulator;

impl<S: Sink> Simulator<'_, S> {
    /// An event from outside happens, while this CPU takes its turn.
    pub(super) fn inject(&mut self, cpu: usize, at: Instant, index: u32) {
        let image = self.image;
        match &image.injections[index as usize].action {
            Action::Raise { vector, cpu } => self.raise(at, cpu.index(), *vector),
            Action::Mask { vector, cpu } => self.kernel.cpus[cpu.index()].interrupts.mask(*vector),
            Action::Unmask { vector, cpu } => self.kernel.unmask(at, cpu.index(), *vector),
            Action::Keys { device, text } => {
                if let State::Keyboard(keyboard) = &mut self.kernel.devices[device.index()].state {
                    keyboard.press(text);
                    self.kernel.device_asserts(at, *device);
                }
            }
            Action::Packet { device, packet } => self.kernel.packet(at, *device, packet.clone()),
            Action::Unplug { device } => self.unplug(cpu, at, *device),
            Action::Plug { device } => self.kernel.devices[device.index()].plugged = true,
            Action::Signal { process, signal } => {
                if let Some(to) = self.kernel.first_of[usize::from(process.0)] {
                    self.externally(cpu, at, |kernel| {
                        kernel.send_signal(cpu, to, *signal);
                    });
                }
            }
        }
    }

    /// A line of the interrupt controller rises at a CPU, as its device would let it.
    pub(super) fn raise(&mut self, at: Instant, cpu: usize, vector: Vector) {
        let device = self.kernel.lines[usize::from(vector.0)];
        let trigger = device
            .map_or_else(Default::default, |device| self.kernel.devices[device.index()].spec.line.trigger);
        self.kernel.assert_line(at, cpu, vector, trigger);
    }

    /// A disk is pulled out: what it hadn't finished fails, and it says so with its last
    /// interrupt; what it wasn't given yet is lost.
    fn unplug(&mut self, cpu: usize, at: Instant, device: DeviceId) {
        let here = &mut self.kernel.devices[device.index()];
        here.plugged = false;
        if let State::Disk(disk) = &mut here.state
            && disk.abandon() > 0
        {
            self.kernel.device_asserts(at, device);
        }
        self.externally(cpu, at, |kernel| kernel.lose_unwritten(cpu, device));
    }
}
