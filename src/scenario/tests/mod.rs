//! The scenario language, tested: what each part becomes, and what each mistake says.

use super::*;

use crate::ids::Fd;
use crate::program::Handle;
use crate::program::instruction::{FdListId, Instruction};
use crate::program::syscall::Syscall;

mod interleaving;
mod language;
mod lowering;
mod noise;

fn image(text: &str) -> Image {
    match Scenario::parse("test.toml", text, &Overrides::default()) {
        Ok(scenario) => scenario.image,
        Err(diagnostics) => panic!("{diagnostics}"),
    }
}

#[test]
fn a_parent_keeps_its_own_ends_and_closes_the_others_after_the_fork() {
    let image = image(include_str!("../testdata/ping-pong.toml"));
    assert_eq!(image.name, "pipe-ping-pong");
    let [parent, child] = image.programs.as_slice() else {
        panic!("two programs");
    };
    assert_eq!(parent.fds, [Fd(3), Fd(4), Fd(5), Fd(6)]);
    assert_eq!(child.fds, [Fd(3), Fd(6)]);
    assert_eq!(parent.code[1], Instruction::CloseUnused(FdListId(0)));
    assert_eq!(image.fd_lists, [[Fd(3), Fd(6)]]);
    let Instruction::LoopStart { past: 6, .. } = parent.code[2] else {
        panic!("the loop goes on behind its body: {:?}", parent.code[2]);
    };
    let Instruction::Syscall { call: Syscall::Write(write), .. } = parent.code[3] else {
        panic!("the body begins with the write: {:?}", parent.code[3]);
    };
    assert_eq!(write.fd, Handle::Named(Fd(4)));
    assert_eq!(parent.code.last(), Some(&Instruction::End));
    assert_eq!(image.steps[2].line, 20);
    assert_eq!(image.steps[2].text, "{ write = \"ping\", bytes = \"1B\" }");
}

/// The codes that a scenario's text leads to.
fn codes(text: &str) -> Vec<Code> {
    let problems = match Scenario::parse("test.toml", text, &Overrides::default()) {
        Ok(scenario) => scenario.warnings.problems,
        Err(diagnostics) => diagnostics.problems,
    };
    problems.into_iter().map(|problem| problem.code).collect()
}

#[test]
fn every_error_code_is_documented_and_its_examples_are_true() {
    let documented: Vec<Code> = errors::ERRORS.iter().map(|row| row.code).collect();
    assert_eq!(documented, Code::ALL);
    for row in errors::ERRORS {
        assert!(!row.title.is_empty() && !row.doc.is_empty());
        if !row.wrong.is_empty() {
            let text = errors::complete(row.wrong);
            assert_eq!(codes(&text), [row.code], "{} on\n{text}", row.code);
        }
        if !row.right.is_empty() {
            let text = errors::complete(row.right);
            assert_eq!(codes(&text), [], "{} on\n{text}", row.code);
        }
    }
}

#[test]
fn files_that_cannot_be_scenarios_are_refused() {
    let code = |result: Result<Scenario, Diagnostics>| match result {
        Ok(_) => panic!("accepted"),
        Err(diagnostics) => {
            assert!(!diagnostics.to_string().is_empty());
            diagnostics.problems[0].code
        }
    };
    let none = Overrides::default();
    let folder = tempfile::tempdir().expect("a folder");
    let missing = folder.path().join("missing.toml");
    assert_eq!(code(Scenario::load(&missing, &none)), Code::Unreadable);
    assert_eq!(code(Scenario::load(folder.path(), &none)), Code::Unreadable);
    let bytes = b"format = 1\nname = \"\xff\"";
    let result = Scenario::parse_bytes("x", bytes, &none, None);
    assert_eq!(code(result), Code::NotUtf8);
    let large = "#".repeat(document::MOST as usize + 1);
    assert_eq!(code(Scenario::parse("x", &large, &none)), Code::TooLarge);
    let path = folder.path().join("large.toml");
    std::fs::write(&path, &large).expect("a file");
    assert_eq!(code(Scenario::load(&path, &none)), Code::TooLarge);
    let wrong = Overrides { set: vec![("format.x".to_owned(), "1".to_owned())], ..Overrides::default() };
    let text = errors::complete("{ exit = 0 }");
    assert_eq!(code(Scenario::parse("x", &text, &wrong)), Code::Override);
}

#[test]
fn all_mistakes_of_a_file_are_shown_in_the_order_of_their_places() {
    let text = include_str!("../testdata/mistakes.toml");
    let Err(diagnostics) = Scenario::parse("mistakes.toml", text, &Overrides::default()) else {
        panic!("accepted");
    };
    let shown: Vec<String> = diagnostics
        .problems
        .iter()
        .map(|problem| {
            let (line, column) = diagnostics.position(problem);
            format!("{line}:{column} {} {}", problem.code, problem.message)
        })
        .collect();
    let wanted = include_str!("../testdata/mistakes.txt");
    assert_eq!(shown.join("\n"), wanted.trim_end());
    let text = diagnostics.render(false);
    assert!(text.contains("error[E0007]: `[machine]` has no key `cpsu`"));
    assert!(text.contains("mistakes.toml:4:1"));
    assert!(text.contains("did you mean `cpus`?"));
    assert!(!text.contains('\u{1b}'));
    assert!(diagnostics.render(true).contains('\u{1b}'));
}
