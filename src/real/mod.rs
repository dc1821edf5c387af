//! Scenarios on the real Linux kernel: each process of the scenario is a process of the host that
//! interprets the same lowered program as the simulator, with actual system calls.
//!
//! - [`mod@run`]: starts a run and waits for it; the caller's process does nothing else meanwhile
//! - [`guardian`]: the parent of all the scenario's processes: it makes what they share, starts
//!   them, waits for them, and ends them all when the caller goes away or the time is over
//! - `stage`: what the processes find; `due`: what happens at a time of its own
//! - [`named`]: message queues and semaphore sets, and how nothing is left of them
//! - `sentinel`: ends them all if the guardian itself is ended
//! - [`limits`]: what is refused before a run, and what ends it
//! - `interpret`: the loop that each of them executes
//! - [`spec`]: what caller, guardian and exec'd programs tell each other
//! - [`route`]: how the kernel is asked what it saw of a run: [`ftrace`] for root, [`perf`] for
//!   everybody; [`seen`] is what both give, `collect` gathers it while the run goes on
//! - [`leftovers`]: what killed runs have left behind; [`doctor`]: what this host allows, tried out
//! - [`calibrate`]: what kernel work costs on this host
//! - [`observe`]: what the processes noted down, as a trace; `align` sets their times right by
//!   what the kernel saw, `kernel` adds what only the kernel could see, with the causes from
//!   `waits`; `regions`: whose memory a page is; `unsaid`: what an ended thread couldn't note down
//!   any more
//! - [`others`]: what else the host did meanwhile

mod align;
pub mod calibrate;
mod collect;
pub mod doctor;
mod due;
mod fingerprint;
pub mod ftrace;
pub mod guardian;
mod interpret;
mod kernel;
pub mod leftovers;
pub mod limits;
pub mod named;
pub mod observe;
pub mod others;
pub mod perf;
mod regions;
pub mod route;
pub mod run;
mod said;
pub mod seen;
mod sentinel;
mod signals;
pub mod spec;
mod stage;
mod unsaid;
mod waits;

pub use route::Route;
pub use run::{Measured, RealError, Settings, run};
