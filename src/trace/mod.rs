//! The trace: what happened, in one schema for simulated and measured runs.
//!
//! - [`event`]: the kinds of event
//! - [`kinds`]: their names and documentation, one row each
//! - [`fields`]: what an event carries, as named values
//! - [`header`]: what a trace says about itself
//! - [`sink`]: where a running simulation puts events
//! - [`mod@file`]: the binary format, written and read as a stream
//! - [`mod@check`]: the laws that every trace obeys
//! - [`statistics`]: what can be said of a whole trace, by name
//!
//! This module knows nothing of who produced a trace.

pub mod cause;
pub mod check;
pub mod event;
pub mod fields;
pub mod file;
pub mod header;
pub mod kinds;
pub mod moved;
pub mod rule;
pub mod sink;
pub mod statistics;

pub use check::{Violation, check};
pub use event::{Cause, Event, Exception, Fault, Kind, Why};
pub use file::{FileSink, Reader, Record, Trace, TraceError, Writer};
pub use header::{Footer, Header, Outcome};
pub use moved::Moved;
pub use rule::{Reason, Rule};
pub use sink::Sink;
