//! The registry of what happens to the machine from outside: what an `[[event]]` can be.

use super::image::Action;
use super::verb::Real;

/// One thing that an event can be.
#[derive(Clone, Copy, Debug)]
pub struct ActionRow {
    /// The event's key.
    pub key: &'static str,
    /// What it does, in a few words.
    pub summary: &'static str,
    /// How `trapline real` does it.
    pub real: Real,
}

/// Why a program can't do it to a real machine.
const CONTROLLER: &str = "only the kernel may access the interrupt controller";
const HARDWARE: &str = "it takes a hand that moves the hardware";

macro_rules! actions {
    ($($name:ident { $key:literal, $summary:literal, $real:expr })*) => {
        /// Everything that an event can be.
        pub const ACTIONS: &[ActionRow] =
            &[$(ActionRow { key: $key, summary: $summary, real: $real },)*];

        #[derive(Clone, Copy)]
        enum Row { $($name,)* }

        impl Action {
            /// Its row in the registry.
            pub const fn row(&self) -> &'static ActionRow {
                match self { $(Action::$name { .. } => &ACTIONS[Row::$name as usize],)* }
            }
        }
    };
}

actions! {
    Raise { "raise", "asserts the line of a device that has nothing to say", Real::No(CONTROLLER) }
    Mask { "mask", "masks the line of a device", Real::No(CONTROLLER) }
    Unmask { "unmask", "unmasks the line of a device", Real::No(CONTROLLER) }
    Keys { "keys", "keys are pressed", Real::Yes("write(2) into the pipe that stands for the keyboard") }
    Packet { "packet", "a packet arrives at a network card", Real::No("no packet is sent to a card of the host") }
    Unplug { "unplug", "pulls a removable device out", Real::No(HARDWARE) }
    Plug { "plug", "puts a removable device in", Real::No(HARDWARE) }
    Signal { "signal", "sends a signal to a process's first instance", Real::Yes("kill(2), by the guardian") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hw::device::Packet;
    use crate::ids::{CpuId, DeviceId, Vector};
    use crate::program::StartId;
    use crate::signal::Signal;

    #[test]
    fn every_action_has_the_row_that_its_key_names() {
        let (vector, cpu, device) = (Vector(20), CpuId(0), DeviceId(0));
        let actions = [
            (Action::Raise { vector, cpu }, "raise"),
            (Action::Mask { vector, cpu }, "mask"),
            (Action::Unmask { vector, cpu }, "unmask"),
            (Action::Keys { device, text: String::new() }, "keys"),
            (Action::Packet { device, packet: Packet { bytes: 0, text: None, to: None } }, "packet"),
            (Action::Unplug { device }, "unplug"),
            (Action::Plug { device }, "plug"),
            (Action::Signal { process: StartId(0), signal: Signal::SIGTERM }, "signal"),
        ];
        assert_eq!(actions.len(), ACTIONS.len());
        for (action, key) in actions {
            assert_eq!(action.row().key, key);
        }
    }
}
