//! A progress bar on standard error, for runs that take longer than a second.

use std::io::IsTerminal;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant as HostInstant};

use indicatif::{ProgressBar, ProgressStyle};
use trapline::analysis::naming::{count, time};
use trapline::sim::Control;
use trapline::time::{Instant, Span};

/// Shorter runs stay silent.
const PATIENCE: Duration = Duration::from_secs(1);
const INTERVAL: Duration = Duration::from_millis(200);

/// Watches a run until it is dropped.
pub struct Progress {
    over: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// Begins to watch; silently if nobody looks at standard error.
    pub fn watch(control: &'static Control, until: Instant) -> Progress {
        if !std::io::stderr().is_terminal() {
            return Progress { over: None, thread: None };
        }
        let (over, end) = mpsc::channel();
        let thread = thread::spawn(move || {
            if end.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                let bar = bar(until);
                let start = HostInstant::now();
                let (_, before) = control.reached();
                while end.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                    let (now, crossings) = control.reached();
                    let speed = (crossings - before.min(crossings)) as f64 / start.elapsed().as_secs_f64();
                    bar.set_position(now.as_nanos());
                    bar.set_message(format!(
                        "{} simulated, {} crossings a second",
                        time(now.since(Instant::START)),
                        count(speed as u64)
                    ));
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

/// How far the run is on its way to the latest end that it can have.
fn bar(until: Instant) -> ProgressBar {
    let bar = ProgressBar::new(until.since(Instant::START).max(Span::TICK).as_nanos());
    let style = ProgressStyle::with_template("  {bar:28.blue} {percent:>3}%  {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━╸─"));
    bar
}
