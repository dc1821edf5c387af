//! The hardware: interrupt controllers, the event queue, the MMU and devices.
pub mod device;
