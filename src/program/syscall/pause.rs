//! `pause`: sleeps until a signal ends the process.

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pause;
