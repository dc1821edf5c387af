//! Other programs, where they are installed.
//!
//! Python is that of `TRAPLINE_PYTHON`, else that of target/python, which `.ci/run` makes, else `python3`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn works(program: &Path, arguments: &[&str]) -> bool {
    let silent = || Stdio::null();
    let run = Command::new(program).args(arguments).stdout(silent()).stderr(silent()).status();
    run.is_ok_and(|status| status.success())
}

/// Whether a program can be started; says so if it can't.
#[allow(dead_code, reason = "not every test that has this file needs it")]
pub fn there(program: &str, arguments: &[&str], name: &str) -> bool {
    let there = works(Path::new(program), arguments);
    if !there {
        eprintln!("SKIPPED: {name} isn't here");
    }
    there
}

/// Where `.ci/run` puts what it installs.
fn installed(path: &str) -> PathBuf {
    let folder = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join(path)
}

/// A Python that has these packages; says so if there is none.
pub fn python(packages: &str) -> Option<PathBuf> {
    let chosen = std::env::var_os("TRAPLINE_PYTHON").map(PathBuf::from);
    let candidates =
        chosen.map_or_else(|| vec![installed("python/bin/python"), "python3".into()], |one| vec![one]);
    let import = format!("import {packages}");
    let found = candidates.into_iter().find(|python| works(python, &["-c", &import]));
    if found.is_none() {
        eprintln!("SKIPPED: no Python with {packages} (pip install them, and set TRAPLINE_PYTHON)");
    }
    found
}

/// The Firefox Profiler's command line; says so if it isn't there.
#[allow(dead_code, reason = "not every test that has this file needs it")]
pub fn profiler() -> Option<PathBuf> {
    let chosen = std::env::var_os("TRAPLINE_PROFILER_CLI").map(PathBuf::from);
    let program = chosen.unwrap_or_else(|| installed("node/node_modules/.bin/profiler-cli"));
    let there = works(&program, &["--version"]);
    if !there {
        eprintln!(
            "SKIPPED: the Firefox Profiler isn't here (npm install --prefix target/node @firefox-devtools/profiler-cli)"
        );
    }
    there.then_some(program)
}
