//! Files that appear under their names only when they are complete.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Error};
use tempfile::{Builder, NamedTempFile};

use super::exit::Failure;

/// A file being written: under another name until [`finish`](NewFile::finish).
pub struct NewFile {
    file: NamedTempFile,
    path: PathBuf,
}

impl NewFile {
    /// Begins a file in a folder that exists.
    pub fn create(path: &Path) -> Result<NewFile, Failure> {
        if path.is_dir() {
            let path = path.display();
            return Err(Failure::usage(format!("{path} is a directory; give the name of a file in it")));
        }
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let mut builder = Builder::new();
        builder.prefix(".trapline-").suffix(".partial");
        if let Some(permissions) = ordinary_permissions() {
            builder.permissions(permissions);
        }
        let file = builder.tempfile_in(folder);
        let file = file.with_context(|| format!("can't create {}", path.display())).map_err(Failure::host)?;
        Ok(NewFile { file, path: path.to_owned() })
    }

    /// Gives the complete file its name.
    pub fn finish(mut self) -> Result<(), Failure> {
        let result = self.file.flush().map_err(Error::from);
        let result = result.and_then(|()| self.file.persist(&self.path).map_err(|error| error.error.into()));
        match result {
            Ok(_) => Ok(()),
            Err(error) => Err(unwritable(error, &self.path)),
        }
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Writes a whole file.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut file = NewFile::create(path)?;
    file.write_all(bytes).map_err(|error| unwritable(error.into(), path))?;
    file.finish()
}

/// Writes to a file, or to standard output if it is called `-`.
pub fn write_or_print(path: &Path, text: &str) -> Result<(), Failure> {
    match named(Some(path)) {
        Some(path) => write(path, text.as_bytes()),
        None => super::terminal::print(text),
    }
}

/// The file that is meant; none for standard output.
pub fn named(path: Option<&Path>) -> Option<&Path> {
    path.filter(|path| *path != Path::new("-"))
}

/// Makes a folder with those above it.
pub fn folder(path: &Path) -> Result<(), Failure> {
    if path.exists() && !path.is_dir() {
        let path = path.display();
        return Err(Failure::usage(format!(
            "{path} is a file, and results go to a folder; choose one with -o"
        )));
    }
    let made = fs::create_dir_all(path);
    made.with_context(|| format!("can't make the folder {}", path.display())).map_err(Failure::host)
}

/// What a failure to write means to the user.
pub fn unwritable(error: Error, path: &Path) -> Failure {
    Failure::host(error.context(format!("can't write {}", path.display())))
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
