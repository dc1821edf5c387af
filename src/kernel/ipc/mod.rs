//! Channels and synchronisation between processes: one file for each mechanism.

pub mod alarm;
pub mod counter;
pub mod futex;
pub mod pi;
pub mod pipe;
