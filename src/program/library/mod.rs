//! Library functions: user-mode instructions and, only where needed, system calls.

pub mod lock;
pub mod semaphore;
pub mod stream;
