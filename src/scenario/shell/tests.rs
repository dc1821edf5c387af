//! What shell lines become, step by step.

use std::collections::BTreeSet;

use super::compile::{Compiled, compile};
use super::grammar::parse;

fn compiled(line: &str, own: &[&str]) -> Result<Compiled, String> {
    let own: BTreeSet<String> = own.iter().map(|&name| name.to_owned()).collect();
    let mut into = Compiled::default();
    let script = parse(line).and_then(|script| compile("sh", &script, &own, &mut into));
    script.map(|()| into).map_err(|mistake| mistake.message)
}

#[test]
fn a_pipeline_is_a_pipe_two_children_and_two_waits() {
    let into = compiled("gen 1000 | upper > out.txt", &["gen", "upper"]).unwrap();
    assert_eq!(
        into.programs["sh"],
        [
            r#"{ set = "status", to = 0 }"#,
            r#"{ pipe = ["r1", "w1"] }"#,
            r#"{ fork = "sh-1-gen" }"#,
            r#"{ close = "@w1" }"#,
            r#"{ fork = "sh-2-upper" }"#,
            r#"{ close = "@r1" }"#,
            r#"{ wait = "sh-1-gen", status = "status" }"#,
            r#"{ wait = "sh-2-upper", status = "status" }"#,
            r#"{ exit = "status" }"#,
        ]
    );
    assert_eq!(
        into.programs["sh-1-gen"],
        [
            r#"{ close = "@r1" }"#,
            r#"{ dup2 = "@w1", onto = "stdout" }"#,
            r#"{ close = "@w1" }"#,
            r#"{ exec = "gen", args = { arg1 = 1000 } }"#,
        ]
    );
    assert_eq!(
        into.programs["sh-2-upper"],
        [
            r#"{ dup2 = "@r1", onto = "stdin" }"#,
            r#"{ close = "@r1" }"#,
            r#"{ open = "out.txt", flags = ["write", "create", "truncate"], into = "f" }"#,
            r#"{ dup2 = "@f", onto = "stdout" }"#,
            r#"{ close = "@f" }"#,
            r#"{ exec = "upper" }"#,
        ]
    );
    assert_eq!(into.files.into_iter().collect::<Vec<_>>(), ["out.txt"]);
}

#[test]
fn conditions_look_at_the_status_and_the_background_is_not_waited_for() {
    let into = compiled("true && false || true & wait", &[]).unwrap();
    assert_eq!(
        into.programs["sh"],
        [
            r#"{ set = "status", to = 0 }"#,
            r#"{ fork = "sh-1-background" }"#,
            r#"{ set = "status", to = 0 }"#,
            r#"{ wait = "all" }"#,
            r#"{ set = "status", to = 0 }"#,
            r#"{ exit = "status" }"#,
        ]
    );
    let background = &into.programs["sh-1-background"];
    assert!(background[3].starts_with(r#"{ if = "status == 0", then = [ { fork = "sh-3-false" }"#));
    assert!(background[4].starts_with(r#"{ if = "status != 0", then = [ { fork = "sh-4-true" }"#));
    assert_eq!(into.programs["false"], ["{ exit = 1 }"]);
}

#[test]
fn commands_with_other_arguments_are_other_programs() {
    let into = compiled("echo a {b}; echo $x 'q\"'; echo a {b}", &[]);
    assert_eq!(into.unwrap_err(), "a group isn't known here; quote `{` to mean the character");
    let into = compiled("echo a '{b}'; echo $x 'q\"'; echo a '{b}'", &[]).unwrap();
    assert_eq!(into.programs["echo"], [r#"{ write = "stdout", text = "a {{b}}\n" }"#]);
    assert_eq!(into.programs["echo-2"], [r#"{ write = "stdout", text = "{x} q\"\n" }"#]);
    assert!(!into.programs.contains_key("echo-3"));
    assert_eq!(into.programs["sh-2-echo"], [r#"{ exec = "echo-2", args = { x = "x" } }"#]);
}

#[test]
fn what_a_program_cannot_do_with_its_arguments_is_said() {
    for (line, message) in [
        ("wcc", "there is no program `wcc`; did you mean `wc`?"),
        ("wc -x", "`wc` has no option `-x` here"),
        ("sleep", "`sleep` needs one number of seconds"),
        ("sleep 1.5.2", "`1.5.2` isn't a number of seconds"),
        ("head -n many", "`many` isn't a number of lines"),
        ("gen word", "an argument of a scenario's own program is a whole number or a variable"),
        ("cat < $x", "a file's name can't hold variables"),
        ("exit a", "`exit` takes one number"),
    ] {
        assert_eq!(compiled(line, &["gen"]).unwrap_err(), message, "{line}");
    }
}
