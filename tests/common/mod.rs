//! What several tests share.

pub mod generator;
pub mod sockets;
