//! What one line of an strace log says, behind the process number and the time.

use super::args::{closing, number};
use super::lines::seconds;
use super::recording::Answer;

/// A line's meaning.
#[derive(Debug, PartialEq)]
pub enum Body<'a> {
    Call {
        name: &'a str,
        args: &'a str,
        result: Answer,
        took: Option<u64>,
    },
    Unfinished {
        name: &'a str,
        args: &'a str,
    },
    Resumed {
        name: &'a str,
        args: &'a str,
        result: Answer,
        took: Option<u64>,
    },
    Signal(&'a str),
    Exited(i64),
    Killed(&'a str),
    /// A thread executed another program, and took over the number of its process.
    Superseded,
    /// What strace says about itself.
    Noise,
}

pub fn body(line: &str) -> Option<Body<'_>> {
    if line.starts_with("strace: ") {
        return Some(Body::Noise);
    }
    if let Some(rest) = line.strip_prefix("+++ ") {
        if let Some(rest) = rest.strip_prefix("exited with ") {
            return Some(Body::Exited(number(rest)?));
        }
        if let Some(rest) = rest.strip_prefix("killed by ") {
            return Some(Body::Killed(rest.split(' ').next()?));
        }
        return rest.starts_with("superseded").then_some(Body::Superseded);
    }
    if let Some(rest) = line.strip_prefix("--- ") {
        let name = rest.split(' ').next()?;
        let known = name.starts_with("SIG") || rest.starts_with("stopped by ");
        return known.then_some(Body::Signal(name));
    }
    if let Some(rest) = line.strip_prefix("<... ") {
        let (name, rest) = rest.split_once(" resumed>")?;
        // The second half of a call that was cut off again.
        if rest.contains("<unfinished ...>") {
            return is_name(name).then_some(Body::Signal("SIGSTOP"));
        }
        let (args, rest) = cut(rest)?;
        let (result, took) = answer(rest)?;
        return is_name(name).then_some(Body::Resumed { name, args, result, took });
    }
    let (name, rest) = line.split_once('(')?;
    if !is_name(name) {
        return None;
    }
    if let Some(at) = rest.rfind("<unfinished ...>").or_else(|| rest.rfind("<detached ...>")) {
        return Some(Body::Unfinished { name, args: rest[..at].trim_end() });
    }
    let (args, rest) = cut(rest)?;
    let (result, took) = answer(rest)?;
    Some(Body::Call { name, args, result, took })
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The arguments, and what comes behind their parenthesis.
fn cut(rest: &str) -> Option<(&str, &str)> {
    // A path in angle brackets can hold a quote or a bracket that nothing closes.
    let at = closing(rest).or_else(|| rest.rfind(") "))?;
    Some((&rest[..at], rest[at + 1..].trim_start()))
}

/// The result and how long the call took.
fn answer(text: &str) -> Option<(Answer, Option<u64>)> {
    let text = text.strip_prefix('=')?.trim();
    let (text, took) = match text.strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
        Some((rest, took)) if seconds(took).is_some() => (rest.trim_end(), seconds(took)),
        _ => (text, None),
    };
    let mut words = text.split(' ');
    let first = words.next()?;
    let error = words.next().filter(|word| word.starts_with('E'));
    let result = match (first, error) {
        ("?", Some(error)) | ("-1", Some(error)) => Answer::Failed(error.into()),
        ("?", None) => Answer::None,
        (value, _) => Answer::Value(number(value)?),
    };
    Some((result, took))
}

/// The arguments without the bulk of long texts in them.
pub fn shorten(args: &str) -> Box<str> {
    const TEXT: usize = 120;
    const MOST: usize = 2000;
    if args.len() <= TEXT {
        return args.into();
    }
    let mut short = String::new();
    let (mut quoted, mut escaped, mut length) = (false, false, 0);
    for c in args.chars() {
        if quoted && (c != '"' || escaped) {
            escaped = c == '\\' && !escaped;
            length += 1;
            // Not between a backslash and what it escapes.
            if length > TEXT && !(length == TEXT + 1 && short.ends_with('\\')) {
                continue;
            }
        } else if c == '"' {
            quoted = !quoted;
            (escaped, length) = (false, 0);
        }
        if short.len() >= MOST {
            break;
        }
        short.push(c);
    }
    short.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_have_name_arguments_result_and_duration() {
        let line = r#"read(3, "a) = 7 <1>", 832) = 832 <0.000037>"#;
        let expected = Body::Call {
            name: "read",
            args: r#"3, "a) = 7 <1>", 832"#,
            result: Answer::Value(832),
            took: Some(37_000),
        };
        assert_eq!(body(line), Some(expected));
        let Some(Body::Call { result, took, .. }) =
            body("access(\"/x\", R_OK) = -1 ENOENT (No such file) <0.5>")
        else {
            panic!("a call")
        };
        assert_eq!((result, took), (Answer::Failed("ENOENT".into()), Some(500_000_000)));
        let Some(Body::Call { result, took, .. }) = body("exit_group(0)                     = ?") else {
            panic!("a call")
        };
        assert_eq!((result, took), (Answer::None, None));
        let Some(Body::Call { result, .. }) = body("pause() = ? ERESTARTNOHAND (To be restarted)") else {
            panic!("a call")
        };
        assert_eq!(result, Answer::Failed("ERESTARTNOHAND".into()));
        assert!(matches!(
            body("open(\"/x\", O_RDONLY) = 3</x>"),
            Some(Body::Call { result: Answer::Value(3), .. })
        ));
    }

    #[test]
    fn halves_signals_and_ends_are_told_apart() {
        assert_eq!(body("read(3,  <unfinished ...>"), Some(Body::Unfinished { name: "read", args: "3," }));
        let second = body("<... read resumed>\"\", 10) = 0 <0.1>");
        let expected = Body::Resumed {
            name: "read",
            args: "\"\", 10",
            result: Answer::Value(0),
            took: Some(100_000_000),
        };
        assert_eq!(second, Some(expected));
        assert_eq!(body("--- SIGCHLD {si_signo=SIGCHLD} ---"), Some(Body::Signal("SIGCHLD")));
        assert_eq!(body("+++ exited with 3 +++"), Some(Body::Exited(3)));
        assert_eq!(body("+++ killed by SIGSEGV (core dumped) +++"), Some(Body::Killed("SIGSEGV")));
        assert_eq!(body("strace: Process 7 attached"), Some(Body::Noise));
        for foreign in ["", "hello", "a b(c) = 1", "f(x", "f(x) 1", "int main(void) {", "+++ what +++"] {
            assert_eq!(body(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn long_texts_are_cut_and_what_follows_them_is_kept() {
        let long = format!("3, \"{}\\\"\", 4096", "x".repeat(500));
        let short = shorten(&long);
        assert!(short.len() < 200 && short.ends_with("\", 4096"), "{short}");
        assert_eq!(super::super::args::number_at(&short, 2), Some(4096));
    }
}
