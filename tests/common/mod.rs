//! What several tests share.

pub mod generator;
mod signals;
pub mod sockets;
