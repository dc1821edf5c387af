//! Where scripts run: a thread with a large stack, one for all queues of a run.
//!
//! A language that is read and executed by functions that call themselves needs as much stack as a script
//! nests things. Within its limits a script can't use up this one. The kernel waits for each answer, so that nothing happens at
//! the same time.

use std::sync::mpsc::{Sender, channel};
use std::thread::{Builder, JoinHandle};

/// The size of its stack; only what is used becomes real memory.
const STACK: usize = 64 << 20;

type Job = Box<dyn FnOnce() + Send>;

#[derive(Debug)]
pub struct Worker {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// A worker without a thread, if the host gives none, has no answers.
    pub fn new() -> Worker {
        let (jobs, next) = channel::<Job>();
        let thread = Builder::new().name("script".to_owned()).stack_size(STACK).spawn(move || {
            while let Ok(job) = next.recv() {
                job();
            }
        });
        Worker { jobs: Some(jobs), thread: thread.ok() }
    }

    /// Does something there and waits for the answer; there is none if the thread is gone.
    pub fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let (answer, answered) = channel();
        // Whoever doesn't wait any more needs no answer.
        let job = Box::new(move || drop(answer.send(job())));
        self.jobs.as_ref()?.send(job).ok()?;
        answered.recv().ok()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            // A thread that has broken down has said so when it was asked.
            drop(thread.join());
        }
    }
}
