//! Channels and synchronisation between processes: one file for each mechanism.

pub mod connect;
pub mod futex;
pub mod pipe;
pub mod receive;
pub mod socket;
pub mod transfer;
