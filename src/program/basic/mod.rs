//! Verbs that are one instruction each, or a few.

pub mod add;
pub mod atomic_add;
pub mod buffer;
pub mod change_buffer;
pub mod compare_swap;
pub mod compute;
pub mod digest;
pub mod load;
pub mod pack;
pub mod raise;
pub mod set;
pub mod store;
pub mod touch;
