//! Ctrl-C: the first asks whatever is under way to end in good order, the second ends the program.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use trapline::sim::Control;

use super::exit::Exit;

/// How often the user, or a SIGTERM, has asked for the end.
static COUNT: AtomicU32 = AtomicU32::new(0);
static CONTROL: OnceLock<Control> = OnceLock::new();

/// Begins to listen. Where that isn't possible, Ctrl-C ends the program as it always does.
pub fn listen() {
    let _ = ctrlc::set_handler(|| {
        if COUNT.fetch_add(1, Ordering::Relaxed) > 0 {
            std::process::exit(Exit::Interrupted as i32);
        }
        control().stop();
    });
}

/// What every run of this process is watched and stopped by.
pub fn control() -> &'static Control {
    CONTROL.get_or_init(Control::new)
}

/// How often the end has been asked for: work that takes long compares with what it was before.
pub fn count() -> u32 {
    COUNT.load(Ordering::Relaxed)
}
