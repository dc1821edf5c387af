//! What a switch costs: as a whole, or in its three parts.
//!
//! The parts are those of Silberschatz, Galvin and Gagne, *Operating System Concepts*: the state of the
//! old thread is saved, the scheduler decides, the state of the new one is loaded. Each is paid only where
//! it is done. A profile that has one price for all keeps that from whatever to any thread.

use crate::time::Span;

use super::Costs;

/// The parts of a switch, as a profile names them.
pub(super) const PARTS: [&str; 3] = ["switch-save", "switch-decide", "switch-load"];

/// A switch's price by where it comes from and where it leads, in whole instructions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SwitchPrices {
    /// From one thread to another.
    pub between: Span,
    /// From the idle loop to a thread: nothing is saved.
    pub from_idle: Span,
    /// From a thread to the idle loop: nothing is loaded.
    pub to_idle: Span,
    /// The same thread is chosen again.
    pub again: Span,
}

impl SwitchPrices {
    /// The prices of a profile in whole instructions. `reloads`: a thread that is chosen again was saved
    /// before the decision, and is loaded after it.
    pub fn of(costs: &Costs, reloads: bool) -> SwitchPrices {
        let Costs { switch, switch_save, switch_decide, switch_load, idle_entry, .. } = *costs;
        let between = switch;
        if !costs.has_parts() {
            let again = if reloads { switch } else { Span::ZERO };
            return SwitchPrices { between, from_idle: switch, to_idle: idle_entry, again };
        }
        SwitchPrices {
            between,
            from_idle: switch_decide + switch_load,
            to_idle: switch_save + switch_decide + idle_entry,
            again: if reloads { switch } else { switch_decide },
        }
    }
}

impl Costs {
    /// Whether the switch is priced in parts.
    pub(super) const fn has_parts(&self) -> bool {
        !(self.switch_save.is_zero() && self.switch_decide.is_zero() && self.switch_load.is_zero())
    }

    /// The whole is the sum of its parts, if there are any.
    pub(super) fn add_up_switch(&mut self) {
        if self.has_parts() {
            self.switch = self.switch_save + self.switch_decide + self.switch_load;
        }
    }

    /// A table has given some of the switch's prices: parts make the whole, whatever it was; a whole
    /// without parts is no longer divided.
    pub(super) fn settle_switch(&mut self, gives: impl Fn(&str) -> bool) {
        if PARTS.into_iter().any(&gives) {
            self.switch = self.switch_save + self.switch_decide + self.switch_load;
        } else if gives("switch") {
            (self.switch_save, self.switch_decide, self.switch_load) = (Span::ZERO, Span::ZERO, Span::ZERO);
        }
    }
}
