//! `trapline run --live`: the timeline of a run while it goes on, on standard error.
//!
//! The run hands its events over in batches; another thread follows them and draws. If it can't keep up, the
//! run waits for it, so that what is shown is never older than a moment.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant as HostInstant};

use indicatif::{ProgressBar, ProgressStyle};
use trapline::analysis::naming::{count, time};
use trapline::chart::terminal::{Look, Overview, Part};
use trapline::ids::{Pid, Tid};
use trapline::sim::Control;
use trapline::time::Instant;
use trapline::trace::{Event, Header};

use super::terminal;

/// How often the picture is drawn.
const INTERVAL: Duration = Duration::from_millis(100);
/// Events of a batch, unless the picture is due.
const BATCH: usize = 4096;
/// Batches on their way; more, and the run waits.
const BATCHES: usize = 64;
/// Lines beside the rows of threads: headline, axis, CPUs, legend, progress.
const OTHER_LINES: usize = 12;
/// As many threads as can be taken in at a glance.
const MOST_ROWS: usize = 16;

/// Draws a run until its [`Feed`] is dropped.
pub struct Live {
    thread: Option<JoinHandle<()>>,
}

/// Where a run puts what is to be drawn.
pub struct Feed {
    to: SyncSender<News>,
    batch: Vec<Event>,
    /// The picture is due, and should have what there is.
    due: Arc<AtomicBool>,
}

enum News {
    Events(Vec<Event>),
    Task { task: Tid, process: Pid, parent: Tid, name: String },
}

impl Live {
    /// Begins to draw a run that ends at `until` at the latest.
    pub fn start(header: &Header, control: &'static Control, until: Instant) -> (Live, Feed) {
        let (to, news) = mpsc::sync_channel(BATCHES);
        let due = Arc::new(AtomicBool::new(false));
        let feed = Feed { to, batch: Vec::with_capacity(BATCH), due: Arc::clone(&due) };
        let overview = Overview::new(header, Part::default());
        let screen = Screen { overview, control, until, began: HostInstant::now(), events: 0 };
        let thread = thread::spawn(move || screen.follow(&news, &due));
        (Live { thread: Some(thread) }, feed)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            // A picture that failed is no reason to lose the run.
            let _ = thread.join();
        }
    }
}

impl Feed {
    pub fn event(&mut self, event: Event) {
        self.batch.push(event);
        if self.batch.len() >= BATCH || self.due.load(Ordering::Relaxed) {
            self.deliver();
        }
    }

    pub fn task(&mut self, task: Tid, process: Pid, parent: Tid, name: String) {
        self.deliver();
        self.send(News::Task { task, process, parent, name });
    }

    fn deliver(&mut self) {
        self.due.store(false, Ordering::Relaxed);
        let batch = std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH));
        self.send(News::Events(batch));
    }

    fn send(&self, news: News) {
        // Where nobody draws any more, nothing needs to be said.
        let _ = self.to.send(news);
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.deliver();
    }
}

/// What is drawn.
struct Screen {
    overview: Overview,
    control: &'static Control,
    until: Instant,
    began: HostInstant,
    events: u64,
}

impl Screen {
    /// Draws from time to time if anybody looks, and once at the end.
    fn follow(mut self, news: &Receiver<News>, due: &AtomicBool) {
        let bar = std::io::stderr().is_terminal().then(bar);
        let mut drawn = HostInstant::now();
        loop {
            match news.recv_timeout(INTERVAL.saturating_sub(drawn.elapsed())) {
                Ok(news) => self.take(news),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if let Some(bar) = &bar
                && drawn.elapsed() >= INTERVAL
            {
                bar.set_message(self.text());
                drawn = HostInstant::now();
                due.store(true, Ordering::Relaxed);
            }
        }
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
        self.overview.finish(self.control.reached().0);
        terminal::note(&self.text());
    }

    fn take(&mut self, news: News) {
        match news {
            News::Events(events) => {
                self.events += events.len() as u64;
                events.iter().for_each(|event| self.overview.event(event));
            }
            News::Task { task, process, parent, name } => self.overview.task(task, process, parent, &name),
        }
    }

    fn text(&self) -> String {
        let (width, height) = terminal::error_size();
        let rows = usize::from(height).saturating_sub(OTHER_LINES).clamp(2, MOST_ROWS);
        let look = Look { width: width.into(), rows, colour: terminal::error_colour() };
        let (now, crossings) = self.control.reached();
        let since = |at: Instant| time(at.since(Instant::START));
        let speed = count((crossings as f64 / self.began.elapsed().as_secs_f64()) as u64);
        let until =
            if self.until == Instant::NEVER { String::new() } else { format!(" of {}", since(self.until)) };
        let progress =
            format!("{}{until} simulated, {} events, {speed} crossings/s", since(now), count(self.events));
        format!("{}{progress}", self.overview.render(&look))
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    match ProgressStyle::with_template("{msg}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
