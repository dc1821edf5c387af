//! Channels and synchronisation between processes: one file for each mechanism.

pub mod futex;
pub mod pipe;
