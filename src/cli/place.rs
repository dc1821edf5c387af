//! Where a run's results go: a folder, or nowhere.

use std::path::{Path, PathBuf};

use trapline::analysis::naming::{bytes, time};
use trapline::chart::{self, timeline_svg};
use trapline::report::MOST;

use super::digest::{self, Digest, Window};
use super::exit::Failure;
use super::{output, report, terminal};

/// Where the results go.
pub enum Place {
    Folder(PathBuf),
    Nowhere(tempfile::TempDir),
}

impl Place {
    pub fn choose(folder: Option<PathBuf>, nowhere: bool, name: &str) -> Result<Place, Failure> {
        if nowhere {
            return tempfile::tempdir().map(Place::Nowhere).map_err(Failure::host);
        }
        let folder = folder.unwrap_or_else(|| Path::new("output").join(file_name(name)));
        output::folder(&folder)?;
        Ok(Place::Folder(folder))
    }

    pub fn path(&self) -> &Path {
        match self {
            Place::Folder(folder) => folder,
            Place::Nowhere(folder) => folder.path(),
        }
    }

    /// Writes what is made of the trace, beside it.
    pub fn write(&self, digest: &Digest, window: Window) -> Result<(), Failure> {
        let Place::Folder(folder) = self else { return Ok(()) };
        output::write(&folder.join("summary.json"), digest.json()?.as_bytes())?;
        let drawn = digest::draw(&folder.join("trace.bin"), window)?;
        let picture = timeline_svg(&drawn.lanes, &drawn.header, &chart::Options::default());
        let picture = picture.map_err(|error| Failure::bug(error.to_string()))?;
        output::write(&folder.join("timeline.svg"), picture.as_bytes())?;
        self.write_report(folder, digest, window)?;
        if drawn.shortened {
            terminal::note(&format!(
                "The picture shows the first {}; for another part: trapline plot {} --from TIME --to TIME",
                time(drawn.lanes.span()),
                folder.display()
            ));
        }
        if window != Window::ALL {
            terminal::note(&format!(
                "The picture shows the part that [picture] names; for all of it: trapline plot {}",
                folder.display()
            ));
        }
        Ok(())
    }

    /// The page shows all of the run that it can hold, and the picture's part at first.
    fn write_report(&self, folder: &Path, digest: &Digest, window: Window) -> Result<(), Failure> {
        let trace = folder.join("trace.bin");
        let side = report::side(&trace, &folder.display().to_string(), digest, Window::ALL, MOST)?;
        let end = window.to.min(digest.footer.end);
        let view = Window { from: window.from.min(end), to: end };
        report::write(&folder.join("report.html"), &[side], (window != Window::ALL).then_some(view))
    }

    pub fn tell(&self, trace: &Path) {
        let Place::Folder(folder) = self else { return };
        let size = std::fs::metadata(trace).map_or(0, |meta| meta.len());
        terminal::note(&format!(
            "Wrote {}/: trace.bin ({}), summary.json, timeline.svg, report.html",
            folder.display(),
            bytes(size)
        ));
    }
}

/// The scenario's name as that of a folder: nothing in it can lead elsewhere.
pub fn file_name(name: &str) -> String {
    let allowed = |c: char| if c.is_alphanumeric() || "-_.+ ".contains(c) { c } else { '-' };
    let name: String = name.trim().chars().map(allowed).take(100).collect();
    let name = name.trim_matches(['.', ' ']);
    if name.is_empty() { "scenario".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenarios_name_cant_lead_out_of_the_output_folder() {
        assert_eq!(file_name("first-look"), "first-look");
        assert_eq!(file_name("../../etc/passwd"), "-..-etc-passwd");
        assert_eq!(file_name(".."), "scenario");
        assert_eq!(file_name(""), "scenario");
        assert_eq!(file_name("a/b\\c:d\0"), "a-b-c-d-");
    }
}
