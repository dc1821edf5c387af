//! A real terminal for tests, by tmux.

use std::process::Command;
use std::time::{Duration, Instant};

/// Longer than anything here takes, on a loaded machine as well.
const PATIENCE: Duration = Duration::from_secs(60);

/// A terminal of tmux with a server of its own, which ends with it.
pub struct Tmux {
    socket: String,
    folder: tempfile::TempDir,
}

impl Tmux {
    /// None if tmux isn't installed.
    pub fn new(width: u16, height: u16, shell: &str) -> Option<Tmux> {
        if Command::new("tmux").arg("-V").output().is_err() {
            eprintln!("SKIPPED: nothing is tested in a real terminal, since tmux isn't installed");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket").display().to_string();
        let tmux = Tmux { socket, folder };
        let (width, height) = (width.to_string(), height.to_string());
        tmux.tell(&["-f", "/dev/null", "new-session", "-d", "-x", &width, "-y", &height, shell]);
        Some(tmux)
    }

    pub fn tell(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("tmux");
        command.env_remove("TMUX").env("TMUX_TMPDIR", self.folder.path()).args(["-S", &self.socket]);
        let output = command.args(arguments).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    pub fn keys(&self, keys: &[&str]) {
        self.tell(&[&["send-keys"], keys].concat());
    }

    /// The screen, as soon as it contains a text.
    pub fn shows(&self, wanted: &str) -> String {
        let begin = Instant::now();
        loop {
            let screen = self.tell(&["capture-pane", "-p"]);
            if screen.contains(wanted) {
                return screen;
            }
            assert!(begin.elapsed() < PATIENCE, "`{wanted}` isn't on the screen:\n{screen}");
        }
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        self.tell(&["kill-server"]);
    }
}
