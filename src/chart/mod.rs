//! Pictures of a trace.
