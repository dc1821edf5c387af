//! Kernel-shaped bare loops: the least that any simulator of these workloads has to do.
//!
//! Each is a discrete-event loop with the crossings of a kernel and nothing else: no scenario, no
//! instructions, no statistics, no trace. What the simulator costs beyond them is the price of its
//! generality; `core.rs` measures both side by side.
//!
//! - [`kernel`]: the loop. Read this first
//! - [`queue`]: its event queue
//! - [`program`], [`pipe`], [`random`]: what the workloads need besides
//! - [`ping_pong`] (W1), [`quanta`] (W2), [`requests`] (W3), [`pipeline`] (W4), [`sleepers`] (W5):
//!   the workloads, each a small state machine
//! - [`bytecode`]: the bare loop over instructions
//!
//! All times are nanoseconds.

pub mod bytecode;
pub mod kernel;
pub mod ping_pong;
pub mod pipe;
pub mod pipeline;
pub mod program;
pub mod quanta;
pub mod queue;
pub mod random;
pub mod requests;
pub mod sleepers;
