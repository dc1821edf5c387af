//! Each CPU's interrupt controller: what is pending, masked and in service.
//!
//! The model is the local APIC of a PC (Intel SDM volume 3, chapter "Advanced Programmable
//! Interrupt Controller") cut down to 64 vectors. A vector's number is its priority. An edge is
//! latched in the pending register until it is acknowledged; a level line counts as pending for as
//! long as the device holds it high. A vector in service holds off all vectors up to its own, so
//! that only a higher one nests.

use crate::ids::Vector;

use super::device::Trigger;

/// The local timer of a CPU.
pub const LOCAL_TIMER: Vector = Vector(60);
/// The inter-processor interrupt that asks a CPU to schedule.
pub const RESCHEDULE: Vector = Vector(62);
/// The vectors that devices can have, lowest and highest priority.
pub const DEVICE_VECTORS: std::ops::RangeInclusive<u8> = 16..=47;

/// What an asserted line has done to the pending register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asserted {
    /// It was clear and is now pending.
    Raised,
    /// It was pending already: both will be served by one interrupt.
    Coalesced,
}

/// One CPU's interrupt register. Bit `n` of each word is vector `n`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Controller {
    /// Edges that wait to be acknowledged.
    latched: u64,
    /// Level-triggered lines that are high now.
    high: u64,
    /// Vectors that are held back.
    masked: u64,
    /// Vectors whose handlers have begun and not yet signalled the end of interrupt.
    in_service: u64,
    /// Vectors that are pending and not masked: what the CPU looks at after each instruction.
    ready: u64,
}

const fn bit(vector: Vector) -> u64 {
    1 << vector.0
}

impl Controller {
    /// A line rises.
    pub fn assert(&mut self, vector: Vector, trigger: Trigger) -> Asserted {
        let register = match trigger {
            Trigger::Edge => &mut self.latched,
            Trigger::Level => &mut self.high,
        };
        let before = *register;
        *register |= bit(vector);
        self.update();
        if before & bit(vector) == 0 { Asserted::Raised } else { Asserted::Coalesced }
    }

    fn update(&mut self) {
        self.ready = self.pending() & !self.masked;
    }

    /// A level-triggered line falls, because its device has been served.
    pub fn deassert(&mut self, vector: Vector) {
        self.high &= !bit(vector);
        self.update();
    }

    pub fn mask(&mut self, vector: Vector) {
        self.masked |= bit(vector);
        self.update();
    }

    pub fn unmask(&mut self, vector: Vector) {
        self.masked &= !bit(vector);
        self.update();
    }

    /// The highest pending, unmasked vector above the current priority.
    #[inline]
    pub fn highest(&self) -> Option<Vector> {
        if self.ready == 0 {
            return None;
        }
        let highest = 63 - self.ready.leading_zeros();
        let above = self.in_service >> highest == 0;
        above.then_some(Vector(highest as u8))
    }

    /// The CPU takes the interrupt: its edge is cleared and its handler is in service.
    pub fn acknowledge(&mut self, vector: Vector) {
        self.latched &= !bit(vector);
        self.in_service |= bit(vector);
        self.update();
    }

    /// The handler is done with the hard half; lower vectors may come again. A level line that is
    /// still high is pending at once.
    pub fn end_of_interrupt(&mut self, vector: Vector) {
        self.in_service &= !bit(vector);
    }

    /// The pending register: latched edges and high levels.
    pub const fn pending(&self) -> u64 {
        self.latched | self.high
    }

    pub const fn masked(&self) -> u64 {
        self.masked
    }

    pub const fn in_service(&self) -> u64 {
        self.in_service
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOW: Vector = Vector(16);
    const HIGH: Vector = Vector(40);

    #[test]
    fn the_highest_pending_vector_wins() {
        let mut controller = Controller::default();
        controller.assert(LOW, Trigger::Edge);
        controller.assert(HIGH, Trigger::Edge);
        assert_eq!(controller.highest(), Some(HIGH));
    }

    #[test]
    fn a_masked_line_stays_pending_until_it_is_unmasked() {
        let mut controller = Controller::default();
        controller.mask(HIGH);
        controller.assert(HIGH, Trigger::Edge);
        assert_eq!(controller.highest(), None);
        controller.unmask(HIGH);
        assert_eq!(controller.highest(), Some(HIGH));
    }

    #[test]
    fn only_a_higher_vector_nests_into_one_in_service() {
        let mut controller = Controller::default();
        controller.assert(LOW, Trigger::Edge);
        controller.acknowledge(LOW);
        controller.assert(LOW, Trigger::Edge);
        assert_eq!(controller.highest(), None, "its own next edge waits");
        controller.assert(HIGH, Trigger::Edge);
        assert_eq!(controller.highest(), Some(HIGH));
        controller.acknowledge(HIGH);
        controller.end_of_interrupt(HIGH);
        assert_eq!(controller.highest(), None);
        controller.end_of_interrupt(LOW);
        assert_eq!(controller.highest(), Some(LOW));
    }

    #[test]
    fn a_second_edge_before_the_first_is_served_is_coalesced() {
        let mut controller = Controller::default();
        assert_eq!(controller.assert(LOW, Trigger::Edge), Asserted::Raised);
        assert_eq!(controller.assert(LOW, Trigger::Edge), Asserted::Coalesced);
        controller.acknowledge(LOW);
        controller.end_of_interrupt(LOW);
        assert_eq!(controller.highest(), None);
    }

    #[test]
    fn a_level_line_interrupts_again_until_its_device_is_served() {
        let mut controller = Controller::default();
        controller.assert(LOW, Trigger::Level);
        controller.acknowledge(LOW);
        assert_eq!(controller.highest(), None, "held off while in service");
        controller.end_of_interrupt(LOW);
        assert_eq!(controller.highest(), Some(LOW), "still high");
        controller.deassert(LOW);
        assert_eq!(controller.highest(), None);
    }
}
