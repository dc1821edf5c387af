//! docs/lessons, and docs/QUIZ.md: every command that a page shows prints what the page says.
//!
//! In a block of the kind `console`, each line that begins with `$ ` is a command, and what follows is all that it
//! prints, on standard output and standard error. A line `...` stands for any number of lines.
//! `UPDATE_DOCS=1 cargo test --test lessons` writes what is printed today; of a shortened output it keeps as many
//! lines before and after the `...` as there were.

#![cfg(unix)]
// What a test can't do without is unwrapped, outside of its own function as well.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use trapline::quiz::KINDS;

const BEGIN: &str = "```console\n";
const END: &str = "\n```";
const REST: &str = "...";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn lessons() -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join("docs/lessons")).unwrap();
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.extension().is_some_and(|ending| ending == "md"));
    found.sort();
    found
}

/// A command and the lines that it prints.
struct Shown {
    command: String,
    lines: Vec<String>,
}

fn read(block: &str) -> Vec<Shown> {
    let mut found: Vec<Shown> = Vec::new();
    for line in block.lines() {
        match (line.strip_prefix("$ "), found.last_mut()) {
            (Some(command), _) => found.push(Shown { command: command.to_owned(), lines: Vec::new() }),
            (None, Some(last)) => last.lines.push(line.to_owned()),
            (None, None) => panic!("a block begins with a command: {block}"),
        }
    }
    found
}

/// What a command prints in a folder, as a reader would see it.
fn print(command: &str, folder: &Path) -> Vec<String> {
    let program = Path::new(env!("CARGO_BIN_EXE_trapline")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let (mut reader, writer) = std::io::pipe().unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).current_dir(folder).env("PATH", path).env("NO_COLOR", "1");
    shell.stdin(std::process::Stdio::null()).stdout(writer.try_clone().unwrap()).stderr(writer);
    let mut child = shell.spawn().unwrap();
    // It holds the pipe's other end.
    drop(shell);
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    let status = child.wait().unwrap();
    let says_why = text.lines().any(|line| line.starts_with("error: "));
    assert!(status.success() || says_why, "`{command}` ends with {status}:\n{text}");
    text.lines().map(str::to_owned).collect()
}

/// Whether lines are those that are shown, of which some may be left out.
fn is_shown(shown: &[String], printed: &[String]) -> bool {
    let Some(gap) = shown.iter().position(|line| line == REST) else { return shown == printed };
    let (before, after) = (&shown[..gap], &shown[gap + 1..]);
    printed.starts_with(before)
        && (before.len()..=printed.len()).any(|from| is_shown(after, &printed[from..]))
}

/// The lines as they are to be shown, shortened where they were.
fn shortened(shown: &[String], printed: &[String]) -> Vec<String> {
    let gaps: Vec<usize> = (0..shown.len()).filter(|&line| shown[line] == REST).collect();
    match (gaps.first(), gaps.last()) {
        (Some(&first), Some(&last)) => {
            let tail = shown.len() - last - 1;
            assert!(gaps.len() == 1 && first + tail <= printed.len(), "shorten this by hand: {printed:#?}");
            let rest = [REST.to_owned()];
            [&printed[..first], &rest, &printed[printed.len() - tail..]].concat()
        }
        _ => printed.to_vec(),
    }
}

/// The page with its blocks as they are today.
fn as_of_today(page: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(root().join("scenarios"), folder.path().join("scenarios")).unwrap();
    let (mut text, mut rest) = (String::new(), page);
    while let Some(begin) = rest.find(BEGIN) {
        let begin = begin + BEGIN.len();
        let end = begin + rest[begin..].find(END).expect("the end of a block");
        text.push_str(&rest[..begin]);
        let mut lines = Vec::new();
        for Shown { command, lines: shown } in read(&rest[begin..end]) {
            assert!(command.contains("trapline "), "{command}");
            let printed = print(&command, folder.path());
            lines.push(format!("$ {command}"));
            lines.extend(if is_shown(&shown, &printed) { shown } else { shortened(&shown, &printed) });
        }
        text.push_str(&lines.join("\n"));
        rest = &rest[end..];
    }
    text + rest
}

#[test]
fn every_command_of_a_lesson_prints_what_the_lesson_says() {
    let update = std::env::var_os("UPDATE_DOCS").is_some_and(|value| value == "1");
    let mut stale = Vec::new();
    let quizzes = root().join("docs/QUIZ.md");
    for path in lessons().into_iter().chain([quizzes]) {
        let page = fs::read_to_string(&path).unwrap();
        let today = as_of_today(&page);
        if update {
            fs::write(&path, &today).unwrap();
        } else if page != today {
            let line = page.lines().zip(today.lines()).find(|(shown, printed)| shown != printed);
            stale.push(format!("{}: {line:?}", path.display()));
        }
    }
    assert!(stale.is_empty(), "out of date; UPDATE_DOCS=1 cargo test --test lessons:\n{}", stale.join("\n"));
}

#[test]
fn every_lesson_has_all_its_parts_and_a_picture_that_exists() {
    let index = fs::read_to_string(root().join("docs/lessons/README.md")).unwrap();
    let lessons: Vec<PathBuf> = lessons().into_iter().filter(|path| !path.ends_with("README.md")).collect();
    assert_eq!(lessons.len(), 8);
    for path in lessons {
        let page = fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(index.contains(&format!("]({name})")), "the index leads to {name}");
        let mut rest = page.as_str();
        for part in ["Predict", "Run", "Look", "Explain", "Vary", "Quiz", "Read on"] {
            let heading = format!("\n## {part}\n");
            let at = rest.find(&heading).unwrap_or_else(|| panic!("{name} has no `{part}` here"));
            rest = &rest[at + heading.len()..];
        }
        let (_, picture) =
            page.split_once("](../pictures/").unwrap_or_else(|| panic!("{name} has no picture"));
        let picture = picture.split(')').next().unwrap();
        assert!(root().join("docs/pictures").join(picture).exists(), "{name}: {picture}");
        assert!(page.contains("$ trapline quiz scenarios/"), "{name} has no quiz");
        let words = page.split_whitespace().count();
        assert!((300..1_800).contains(&words), "{name} has {words} words; one or two pages are meant");
    }
}

#[test]
fn together_the_lessons_ask_most_kinds_of_question() {
    let all: String = lessons().iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let named = |name: &str| {
        let quizzes = all.lines().filter(|line| line.starts_with("$ trapline quiz"));
        quizzes.flat_map(|line| line.split([' ', ','])).any(|word| word == name)
    };
    let unnamed: Vec<&str> = KINDS.iter().map(|row| row.name).filter(|name| !named(name)).collect();
    assert!(unnamed.len() <= 4, "in no lesson: {unnamed:?}");
}

#[test]
fn an_ellipsis_stands_for_any_number_of_lines() {
    let lines = |text: &str| -> Vec<String> { text.split(' ').map(str::to_owned).collect() };
    assert!(is_shown(&lines("a ... d"), &lines("a b c d")));
    assert!(is_shown(&lines("a ... b ... d"), &lines("a b c d")));
    assert!(is_shown(&lines("..."), &[]));
    assert!(!is_shown(&lines("a ... c"), &lines("a b c d")));
    assert!(!is_shown(&lines("a b"), &lines("a b c")));
    assert_eq!(shortened(&lines("x ... y z"), &lines("a b c d e")), lines("a ... d e"));
}
