//! The trace: what happened, in one schema for simulated and measured runs.
//!
//! - [`event`]: the kinds of event
//! - [`kinds`]: their names and documentation, one row each
//! - [`header`]: what a trace says about itself
//! - [`sink`]: where a running simulation puts events
//! - [`file`]: the binary format, written and read as a stream
//! - [`check`]: the laws that every trace obeys
//!
//! This module knows nothing of who produced a trace.

pub mod event;
pub mod header;
pub mod sink;

pub use event::{Cause, Event, Exception, Fault, Kind, Why};
pub use header::Header;
pub use sink::Sink;
