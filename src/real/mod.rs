//! Scenarios on the real Linux kernel.
