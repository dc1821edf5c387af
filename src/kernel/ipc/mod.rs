//! Channels and synchronisation between processes: one file for each mechanism.

pub mod alarm;
pub mod connect;
pub mod counter;
pub mod futex;
pub mod mqueue;
pub mod pi;
pub mod pipe;
pub mod receive;
pub mod semaphore_set;
pub mod socket;
pub mod transfer;
pub mod typed_queue;

/// What has a name or key in the system and outlives its processes.
#[derive(Clone, Debug, Default)]
pub struct Ipc {
    /// POSIX message queues.
    pub messages: mqueue::MessageQueues,
    /// System V message queues, and semaphore sets.
    pub typed: Vec<typed_queue::TypedQueue>,
    pub semaphores: Vec<semaphore_set::SemaphoreSet>,
}
