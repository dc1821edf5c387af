//! What several tests share.

pub mod generator;
pub mod memory;
mod signals;
pub mod sockets;
