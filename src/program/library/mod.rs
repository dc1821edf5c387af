//! Library functions: user-mode instructions and, only where needed, system calls.

pub mod barrier;
pub mod condition;
pub mod emit;
pub mod event_flag;
pub mod float_channel;
pub mod jobs;
pub mod lock;
mod lock_pi;
pub mod once;
pub mod pool;
pub mod queue;
pub mod queue_feeder;
pub mod ring_work;
pub mod rwlock;
pub mod semaphore;
pub mod spinlock;
pub mod stream;
pub mod thread_queue;
pub mod timer;
pub mod uring;
pub mod value;
