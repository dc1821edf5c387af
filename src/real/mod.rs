//! Scenarios on the real Linux kernel: each process of the scenario is a process of the host that
//! interprets the same lowered program as the simulator, with actual system calls.
//!
//! - [`mod@run`]: starts a run and waits for it; the caller's process does nothing else meanwhile
//! - [`guardian`]: the parent of all the scenario's processes: it makes what they share, starts
//!   them, waits for them, and ends them all when the caller goes away or the time is over
//! - `sentinel`: ends them all if the guardian itself is ended
//! - [`limits`]: what is refused before a run, and what ends it
//! - `interpret`: the loop that each of them executes
//! - [`spec`]: what caller, guardian and exec'd programs tell each other
//! - [`ftrace`]: what the kernel itself saw of a run
//! - [`observe`]: what the processes noted down, as a trace; `align` sets their times right by
//!   what the kernel saw, `kernel` adds what only the kernel could see

mod align;
pub mod ftrace;
pub mod guardian;
mod interpret;
mod kernel;
pub mod limits;
pub mod observe;
pub mod run;
mod sentinel;
pub mod spec;

pub use run::{Measured, RealError, Settings, run};
