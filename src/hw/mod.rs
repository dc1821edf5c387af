//! The hardware: interrupt controllers, the event queue, the MMU and devices.
//!
//! - [`interrupt`]: each CPU's interrupt register
//! - [`queue`]: what is due when, in a total order
//! - [`timers`]: which threads sleep until when
//! - [`mmu`]: page tables, translation look-aside buffers and page frames
//! - [`device`]: what raises interrupts

pub mod device;
pub mod interrupt;
pub mod mmu;
pub mod queue;
pub mod timers;
