//! A progress bar on standard error, for what takes longer than a second.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant as HostInstant};

use indicatif::{ProgressBar, ProgressStyle};
use trapline::analysis::naming::{count, time};
use trapline::sim::Control;
use trapline::time::Instant;

/// What is done sooner stays silent.
const PATIENCE: Duration = Duration::from_secs(1);
const INTERVAL: Duration = Duration::from_millis(200);

/// Watches something until it is dropped.
pub struct Progress {
    over: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// Watches a run, on its way to the latest end that it can have.
    pub fn of_run(control: &'static Control, until: Instant) -> Progress {
        let began = HostInstant::now();
        Progress::watch(until.since(Instant::START).as_nanos(), move || {
            let (now, crossings) = control.reached();
            let speed = crossings as f64 / began.elapsed().as_secs_f64();
            let now = now.since(Instant::START);
            (now.as_nanos(), format!("{} simulated, {} crossings/s", time(now), count(speed as u64)))
        })
    }

    /// Watches the reading of a trace of so many events.
    pub fn of_reading(read: Arc<AtomicU64>, events: u64) -> Progress {
        Progress::watch(events, move || {
            let read = read.load(Ordering::Relaxed);
            (read, format!("{} events read back", count(read)))
        })
    }

    /// Asks from time to time how far it is and what there is to say; silently if nobody looks at
    /// standard error.
    fn watch(all: u64, ask: impl Fn() -> (u64, String) + Send + 'static) -> Progress {
        if !std::io::stderr().is_terminal() {
            return Progress { over: None, thread: None };
        }
        let (over, end) = mpsc::channel();
        let thread = thread::spawn(move || {
            if end.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                let bar = bar(all);
                while end.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                    let (done, text) = ask();
                    bar.set_message(text);
                    bar.set_position(done);
                }
                bar.finish_and_clear();
            }
        });
        Progress { over: Some(over), thread: Some(thread) }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        drop(self.over.take());
        if let Some(thread) = self.thread.take() {
            // A bar that failed is no reason to lose the run.
            let _ = thread.join();
        }
    }
}

fn bar(all: u64) -> ProgressBar {
    let bar = ProgressBar::new(all.max(1));
    // Short enough for a terminal of 80 columns.
    let style = ProgressStyle::with_template("  {bar:24.blue} {percent:>3}%  {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━╸─"));
    bar
}
