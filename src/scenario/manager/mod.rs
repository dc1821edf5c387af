//! Managers: `[manager.NAME]`, a server process that owns objects, and clients that reach them by messages.
//!
//! What is modelled is Python's `multiprocessing.Manager`: a thread for each client in the server, and
//! one request and one reply for each call. All of it becomes ordinary programs and objects of the
//! scenario before anything else looks at it, so it costs what these cost, and does the same on a real
//! kernel.
//!
//! - [`declared`]: the table, and what it says
//! - [`methods`]: what the server does with each kind of object
//! - [`server`]: the server's programs
//! - [`client`]: what a client's step becomes
//! - [`mod@expand`]: puts programs and steps into the scenario's tables

pub mod client;
pub mod declared;
pub mod expand;
pub mod methods;
pub mod server;

pub use declared::ManagerForm;
pub use expand::{expand, expansion};

#[cfg(test)]
mod tests;
