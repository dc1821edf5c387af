//! A trace file that appears under its name only when it is complete.

use std::fs::{File, Permissions};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

use crate::ids::{NameId, Pid, Tid};
use crate::time::Instant;
use crate::trace::event::Event;
use crate::trace::header::{Header, Outcome};
use crate::trace::sink::Sink;

use super::error::TraceError;
use super::writer::Writer;

/// Writes a trace to a temporary file beside its destination. [`finish`](FileSink::finish) gives it
/// its name; if that is never called, the temporary file is removed and an older trace of the same
/// name stays as it was.
pub struct FileSink {
    writer: Writer<NamedTempFile>,
    path: PathBuf,
}

impl FileSink {
    /// Begins a trace that will be at `path`.
    pub fn create(path: impl AsRef<Path>, header: &Header) -> Result<FileSink, TraceError> {
        let path = path.as_ref();
        let failed = |source| TraceError::File { doing: "create", path: path.to_owned(), source };
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let mut builder = Builder::new();
        builder.prefix(".trapline-").suffix(".partial");
        if let Some(permissions) = ordinary_permissions() {
            builder.permissions(permissions);
        }
        let file = builder.tempfile_in(folder).map_err(failed)?;
        let writer = Writer::new(file, header).map_err(failed)?;
        Ok(FileSink { writer, path: path.to_owned() })
    }

    /// Whether something couldn't be written; then going on is of no use.
    pub fn failed(&self) -> bool {
        self.writer.failed()
    }

    /// Completes the trace and gives the file its name.
    pub fn finish(self, end: Instant, outcome: Outcome, lost: u64) -> Result<File, TraceError> {
        let FileSink { writer, path } = self;
        let result = writer.finish(end, outcome, lost).and_then(|file| Ok(file.persist(&path)?));
        result.map_err(|source| TraceError::File { doing: "write", path, source })
    }
}

/// What a new file ordinarily gets, less the user's mask; temporary files are private otherwise.
#[cfg(unix)]
fn ordinary_permissions() -> Option<Permissions> {
    use std::os::unix::fs::PermissionsExt;
    Some(Permissions::from_mode(0o666))
}

#[cfg(not(unix))]
fn ordinary_permissions() -> Option<Permissions> {
    None
}

impl Sink for FileSink {
    const ON: bool = true;

    #[inline]
    fn event(&mut self, event: Event) {
        self.writer.event(event);
    }

    fn name(&mut self, text: &str) -> NameId {
        self.writer.name(text)
    }

    fn task(&mut self, task: Tid, process: Pid, parent: Tid, name: &dyn Fn() -> String) {
        self.writer.task(task, process, parent, name);
    }
}
