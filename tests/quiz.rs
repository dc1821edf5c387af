//! `trapline quiz` as its users meet it: on paper, by a pipe, and in a real terminal.

// What a test can't do without is unwrapped, outside of its own function as well.
#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use trapline::quiz::KINDS;

#[path = "common/tmux.rs"]
mod tmux;

use tmux::Tmux;

fn scenario(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(name)
}

fn quiz(arguments: &[&str]) -> Output {
    answered(arguments, b"")
}

/// Runs the program with something on its standard input.
fn answered(arguments: &[&str], input: &[u8]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trapline"));
    command.arg("quiz").args(arguments).env("NO_COLOR", "1");
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    // It may have ended before it reads all of it.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn error(output: &Output, status: i32) -> String {
    assert_eq!(output.status.code(), Some(status), "{output:?}");
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The scenario on which most of these ask, and the questions that have a single letter as their answer.
fn choices() -> [String; 5] {
    let file = scenario("boundary/time-slice.toml").display().to_string();
    [file, "--kind".to_owned(), "next,left".to_owned(), "--questions".to_owned(), "3".to_owned()]
}

fn with<'a>(arguments: &'a [String], more: &[&'a str]) -> Vec<&'a str> {
    arguments.iter().map(String::as_str).chain(more.iter().copied()).collect()
}

/// The right letters, from what `--answers` prints.
fn letters(arguments: &[&str]) -> Vec<char> {
    let shown = text(&quiz(&[arguments, &["--answers"]].concat()));
    let (_, answers) = shown.split_once("\nAnswers\n").unwrap();
    let lines = answers.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit()));
    lines.map(|line| line.split_once(". ").unwrap().1.chars().next().unwrap()).collect()
}

#[test]
fn without_a_terminal_the_questions_are_printed_and_nothing_that_answers_them() {
    let file = scenario("races/lost-update.toml").display().to_string();
    let shown = text(&quiz(&[&file, "-n", "8"]));
    assert!(shown.starts_with("lost-update\n") && shown.contains("\nQuestions\n"), "{shown}");
    assert!(shown.contains("[process.counter]"), "the scenario is shown: {shown}");
    for secret in ["[expect", "18 of 100", "= 82", "\nAnswers\n", "Look:"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    assert_eq!(shown.lines().filter(|line| line.starts_with("8. ")).count(), 1, "{shown}");
}

#[test]
fn a_seed_decides_everything() {
    let arguments = choices();
    let shown = |seed| text(&quiz(&with(&arguments, &["--answers", "--seed", seed])));
    assert_eq!(shown("5"), shown("5"));
    assert_ne!(shown("5"), shown("6"));
}

#[test]
fn right_answers_are_counted_and_wrong_ones_are_told_why() {
    let arguments = choices();
    let right = letters(&with(&arguments, &[]));
    assert_eq!(right.len(), 3);
    let all: String = right.iter().map(|letter| format!("{letter}\n")).collect();
    let shown = text(&answered(&with(&arguments, &["--interactive"]), all.as_bytes()));
    assert_eq!(shown.matches("Right.").count(), 3, "{shown}");
    assert!(shown.ends_with("3 of 3 right\n"), "{shown}");
    let wrong = if right[0] == 'a' { 'b' } else { 'a' };
    let shown = text(&answered(&with(&arguments, &["--interactive"]), format!("{wrong}\nq\n").as_bytes()));
    assert!(shown.contains(&format!("Wrong. It is:\n   {}) ", right[0])), "{shown}");
    assert!(shown.contains("Look: trapline step "), "{shown}");
    assert!(shown.ends_with("0 of 1 right, 2 not answered\n"), "{shown}");
}

#[test]
fn the_end_of_the_input_is_the_end_of_the_quiz() {
    let arguments = choices();
    let shown = text(&answered(&with(&arguments, &["--interactive"]), b""));
    assert!(shown.ends_with("\n0 of 0 right, 3 not answered\n"), "{shown}");
    // A last line needs no end.
    let shown = text(&answered(&with(&arguments, &["--interactive"]), b"s"));
    assert!(shown.contains("The answer is:") && shown.ends_with("0 of 1 right, 2 not answered\n"), "{shown}");
}

#[test]
fn what_cant_be_an_answer_is_asked_again() {
    let arguments = choices();
    let right = letters(&with(&arguments, &[]));
    let mut input = b"\xff\xfe\n".to_vec();
    input.extend(vec![b'a'; 100_000]);
    input.extend(format!("\nzebra\n\n?\n{}\n", right[0]).into_bytes());
    let shown = text(&answered(&with(&arguments, &["--interactive"]), &input));
    for told in [
        "That isn't text",
        "too long for an answer",
        "answer with a letter, a to",
        "s shows the answer, q ends",
    ] {
        assert!(shown.contains(told), "{told} in {shown}");
    }
    assert!(shown.ends_with("1 of 1 right, 2 not answered\n"), "{shown}");
}

#[test]
fn times_are_answered_with_their_unit() {
    let file = scenario("boundary/time-slice.toml").display().to_string();
    let arguments = [file.as_str(), "--kind", "response", "-n", "2", "--interactive"];
    // `b` first runs at 22 us and `c` at 44 us, whichever is asked first.
    let shown = text(&answered(&arguments, b"22\n22us\n0.044ms\n44us\n22us\n"));
    assert!(shown.contains("a time needs a unit"), "{shown}");
    let rights = shown.matches("Right.").count();
    assert!(rights == 2 || shown.contains("Wrong."), "{shown}");
    let shown =
        text(&answered(&[&arguments[..], &["--set", "kernel.scheduler.quantum=50us"]].concat(), b"s\ns\n"));
    assert!(
        shown.contains("--set kernel.scheduler.quantum=50us"),
        "where to look is the run that was asked about: {shown}"
    );
}

#[test]
fn every_kind_is_listed_and_can_be_asked_for() {
    let shown = text(&quiz(&["--kind", "list"]));
    for row in KINDS {
        assert!(shown.lines().any(|line| line.split_whitespace().next() == Some(row.name)), "{shown}");
    }
    let file = scenario("boundary/deadlock.toml").display().to_string();
    let shown = text(&quiz(&[&file, "--kind", "circle", "-n", "9", "--answers"]));
    // However the lines are wrapped.
    let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        shown.contains("`left` and `right`") && shown.contains("The circle is `left` -> `right` -> `left`."),
        "{shown}"
    );
}

#[test]
fn wrong_usage_says_what_to_do() {
    let file = scenario("boundary/first-look.toml").display().to_string();
    let told = error(&quiz(&[&file, "--kind", "nxet"]), 2);
    assert!(
        told.contains("there is no kind of question `nxet`") && told.contains("did you mean `next`?"),
        "{told}"
    );
    let told = error(&quiz(&[&file, "--kind", "missed"]), 2);
    assert!(
        told.contains("nothing can be asked about first-look") && told.contains("periodic processes"),
        "{told}"
    );
    let told = error(&quiz(&[&file, "--questions", "0"]), 2);
    assert!(told.contains("1..=500"), "{told}");
    assert!(error(&quiz(&[]), 2).contains("FILE"));
    assert!(error(&quiz(&["--kind", "next"]), 2).contains("about which scenario?"));
    let told = error(&quiz(&["no-such-file.toml"]), 3);
    assert!(told.contains("can't read no-such-file.toml"), "{told}");
    let told = error(&answered(&["-"], b"format = 1\n[process.a]\nsteps = [{ comptue = \"1us\" }]\n"), 3);
    assert!(told.contains("did you mean `compute`?"), "{told}");
    let told = error(&quiz(&[&file, "--format", "html"]), 2);
    assert!(told.contains("--worksheet"), "{told}");
    let told = error(&quiz(&[&file, "--worksheet", "-o", "sheet.docx"]), 2);
    assert!(told.contains("can't be a .docx"), "{told}");
}

#[test]
fn a_scenario_in_which_nothing_happens_gives_nothing_to_ask() {
    // A process that ends at once, alone, with one call.
    let text = b"format = 1\nname = \"nothing\"\n[machine]\ncosts = \"free\"\n[process.a]\nsteps = [{ add = \"x\", value = 1 }]\n";
    let told = error(&answered(&["-", "--kind", "next,faults,output"], text), 2);
    assert!(told.contains("nothing can be asked about nothing"), "{told}");
}

/// Names and lines that would be markup, wherever they are shown.
const MARKUP: &[u8] = b"format = 1\nname = \"<b>n&m</b>\"\nquestion = \"<script>alert(1)</script> `why`?\"\n\
    [machine]\ncosts = \"textbook\"\n[process.a]\nsteps = [{ print = \"<img src=x onerror=alert(2)> | `1`\" }, { print = \"**2**\" }]\n\
    [process.b]\nsteps = [{ compute = \"5us\" }, { print = \"</pre><script>3</script>\" }]\n";

#[test]
fn no_name_is_taken_for_markup_on_a_sheet() {
    let html = text(&answered(&["-", "--worksheet", "--format", "html", "-n", "20"], MARKUP));
    assert!(html.starts_with("<!DOCTYPE html>") && html.trim_end().ends_with("</html>"));
    for harm in ["<script", "<img", "<b>n", "onerror=alert(2)>", "http://", "https://", "src="] {
        let harm_in_names = html.replace("http://www.w3.org/2000/svg", "");
        assert!(!harm_in_names.contains(harm) || harm == "src=" && html.contains("&lt;img src=x"), "{harm}");
    }
    assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "the question is shown as text");
    let opened = html.matches("<svg ").count();
    assert!(opened >= 2 && opened == html.matches("</svg>").count(), "{opened} pictures");
    let markdown = text(&answered(&["-", "--worksheet", "-n", "20"], MARKUP));
    assert!(markdown.contains("\\<script\\>alert(1)\\</script\\>"), "{markdown}");
    assert!(markdown.contains("`` <img src=x onerror=alert(2)> | `1` ``"), "{markdown}");
}

#[test]
fn a_worksheet_has_questions_first_and_answers_after_them() {
    let files = ["boundary/first-look.toml", "boundary/deadlock.toml"]
        .map(|name| scenario(name).display().to_string());
    let arguments = [files[0].as_str(), files[1].as_str(), "--worksheet", "-n", "4"];
    for format in ["text", "markdown", "html"] {
        let sheet = text(&quiz(&[&arguments[..], &["--format", format]].concat()));
        let answers = sheet.find("Answers").unwrap();
        let (questions, answers) = sheet.split_at(answers);
        for name in ["first-look", "deadlock"] {
            assert!(questions.contains(name) && answers.contains(name), "{format}: {name}");
        }
        assert!(!questions.contains("trapline step") && answers.contains("trapline "), "{format}");
    }
}

#[test]
fn a_worksheet_in_a_file_has_its_pictures_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = scenario("boundary/first-look.toml").display().to_string();
    let write = |name: &str| {
        let path = folder.path().join(name).display().to_string();
        text(&quiz(&[&file, "--worksheet", "--kind", "next,left,entry", "-n", "3", "-o", &path]));
        std::fs::read_to_string(path).unwrap()
    };
    let page = write("sheet.md");
    let links: Vec<&str> =
        page.split("](sheet-pictures/").skip(1).map(|rest| rest.split(')').next().unwrap()).collect();
    assert!(links.len() >= 4, "before and after, and the whole run: {links:?}");
    for link in links {
        let drawn = std::fs::read_to_string(folder.path().join("sheet-pictures").join(link)).unwrap();
        assert!(drawn.starts_with("<svg ") && drawn.trim_end().ends_with("</svg>"), "{link}");
    }
    assert!(write("sheet.html").contains("<svg "));
    assert!(write("sheet.txt").contains("\nAnswers\n"));
}

/// What a picture shows of the run ends with the question's moment.
#[test]
fn the_picture_beside_a_question_doesnt_show_what_comes_after() {
    let input = b"format = 1\nname = \"x\"\n[machine]\ncosts = { base = \"free\", instruction = \"1us\" }\n[kernel]\nscheduler = { policy = \"round-robin\", quantum = \"10us\" }\n\
        [process.first]\nsteps = [{ compute = \"12us\" }, { print = \"early\" }]\n[process.second]\nsteps = [{ compute = \"14us\" }, { print = \"late\" }]\n";
    let arguments = ["-", "--worksheet", "--format", "html", "--kind", "next", "-n", "1"];
    for seed in 0..6 {
        let seed = seed.to_string();
        let html = text(&answered(&[&arguments[..], &["--seed", &seed]].concat(), input));
        let (questions, answers) = html.split_once("<h1>Answers</h1>").unwrap();
        let picture = questions.split_once("<svg ").unwrap().1;
        assert!(!picture.contains("late"), "seed {seed}");
        assert!(answers.contains("late"), "seed {seed}: the whole run is on the answer sheet");
    }
}

#[test]
fn a_quiz_works_in_a_real_terminal() {
    let arguments = choices();
    let right = letters(&with(&arguments, &[]));
    let program = env!("CARGO_BIN_EXE_trapline");
    let shell = format!("{program} quiz {}; echo status=$?; exec cat", arguments.join(" "));
    let Some(tmux) = Tmux::new(100, 50, &shell) else { return };
    tmux.shows("1. At ");
    tmux.keys(&[&right[0].to_string(), "Enter"]);
    tmux.shows("Right.");
    tmux.shows("2. At ");
    tmux.keys(&["nonsense", "Enter"]);
    tmux.shows("answer with a letter");
    tmux.keys(&["C-d"]);
    tmux.shows("1 of 1 right, 2 not answered");
    tmux.shows("status=0");
}

#[test]
fn ctrl_c_ends_a_quiz_in_good_order() {
    let program = env!("CARGO_BIN_EXE_trapline");
    let shell = format!("{program} quiz {}; echo status=$?; exec cat", choices().join(" "));
    let Some(tmux) = Tmux::new(100, 50, &shell) else { return };
    tmux.shows("1. At ");
    tmux.keys(&["C-c"]);
    tmux.shows("status=130");
}
