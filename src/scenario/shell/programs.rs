//! The programs that every shell line can use: what `echo`, `cat`, `wc` and the others become.
//!
//! Each becomes ordinary steps for the arguments that it was called with. They read and write in
//! blocks of the sizes that GNU coreutils use.

use super::steps::{quoted, text};
use super::words::Word;

/// One program: its name, what it does, and its steps for these arguments.
pub struct Builtin {
    pub name: &'static str,
    pub doc: &'static str,
    steps: fn(&[Word]) -> Result<Body, String>,
}

/// A program's steps, and the files that it opens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body {
    pub steps: Vec<String>,
    pub files: Vec<String>,
}

impl Builtin {
    /// Its steps; an error says what is wrong with the arguments.
    pub fn body(&self, arguments: &[Word]) -> Result<Body, String> {
        (self.steps)(arguments)
    }
}

pub const BUILTINS: &[Builtin] = &[
    Builtin {
        name: "echo",
        doc: "writes its arguments, and a newline unless the first is `-n`",
        steps: echo,
    },
    Builtin { name: "cat", doc: "writes what the files hold, or what it reads", steps: cat },
    Builtin { name: "wc", doc: "counts lines, words and bytes, or what `-l`, `-w`, `-c` say", steps: wc },
    Builtin { name: "head", doc: "writes the first 10 lines, or as many as `-n` says", steps: head },
    Builtin { name: "sleep", doc: "waits for so many seconds", steps: sleep },
    Builtin { name: "true", doc: "succeeds", steps: |_| exits(0) },
    Builtin { name: "false", doc: "fails", steps: |_| exits(1) },
    Builtin { name: "yes", doc: "writes `y`, or its arguments, until nobody reads any more", steps: yes },
];

fn plain(steps: Vec<String>) -> Result<Body, String> {
    Ok(Body { steps, files: Vec::new() })
}

fn exits(status: u16) -> Result<Body, String> {
    plain(vec![format!("{{ exit = {status} }}")])
}

fn echo(words: &[Word]) -> Result<Body, String> {
    let silent = words.first().and_then(Word::literal) == Some("-n");
    let mut line: Vec<String> = words.iter().skip(usize::from(silent)).map(text).collect();
    if !silent {
        line = vec![line.join(" ") + "\n"];
    }
    plain(vec![format!("{{ write = \"stdout\", text = {} }}", quoted(&line.join(" ")))])
}

/// A loop over everything that can be read: `work` is done with each block in the buffer.
fn each_block(from: &str, block: &str, work: &str) -> [String; 2] {
    let read = format!("{{ read = {from}, bytes = \"{block}\", result = \"n\" }}");
    [read.clone(), format!("{{ while = \"n > 0\", do = [ {work}, {read} ] }}")]
}

/// Does `work` with each block of each file, or of what comes in if there is none.
fn over(files: &[Word], block: &str, work: &str) -> Result<Body, String> {
    let mut body = Body::default();
    if files.is_empty() {
        body.steps.extend(each_block("\"stdin\"", block, work));
    }
    for word in files {
        let file = word.literal().ok_or("a file's name can't hold variables")?;
        body.files.push(file.to_owned());
        body.steps.push(format!("{{ open = {}, flags = [\"read\"], into = \"f\" }}", quoted(file)));
        body.steps.extend(each_block("\"@f\"", block, work));
        body.steps.push("{ close = \"@f\" }".to_owned());
    }
    Ok(body)
}

const PASS_ON: &str = "{ write = \"stdout\", buffer = true }";

fn cat(words: &[Word]) -> Result<Body, String> {
    over(words, "128KiB", PASS_ON)
}

fn wc(words: &[Word]) -> Result<Body, String> {
    let is_option = |word: &&Word| word.literal().is_some_and(|text| text.starts_with('-'));
    let (options, files): (Vec<&Word>, Vec<&Word>) = words.iter().partition(is_option);
    let mut wanted = Vec::new();
    for option in options.iter().filter_map(|word| word.literal()) {
        for letter in option.chars().skip(1) {
            wanted.push(match letter {
                'l' => "{l}",
                'w' => "{w}",
                'c' => "{b}",
                _ => return Err(format!("`wc` has no option `{option}` here")),
            });
        }
    }
    // In this order, whatever the order of the options.
    let all = ["{l}", "{w}", "{b}"];
    let shown: Vec<&str> =
        all.into_iter().filter(|count| wanted.is_empty() || wanted.contains(count)).collect();
    if files.len() > 1 {
        return Err("`wc` counts one file here".to_owned());
    }
    let files: Vec<Word> = files.into_iter().cloned().collect();
    let count = "{ count-buffer = true, lines = \"l\", words = \"w\", bytes = \"b\" }";
    let mut body = over(&files, "16KiB", count)?;
    let name = body.files.first().map(|file| format!(" {}", braced(file))).unwrap_or_default();
    let line = format!("{}{name}\n", shown.join(" "));
    body.steps.push(format!("{{ write = \"stdout\", text = {} }}", quoted(&line)));
    Ok(body)
}

/// Braces in a text stand for themselves.
fn braced(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}")
}

fn head(words: &[Word]) -> Result<Body, String> {
    let literals: Vec<&str> = words.iter().filter_map(Word::literal).collect();
    let (lines, files) = match literals.as_slice() {
        ["-n", number, ..] => (*number, &words[2..]),
        [option, ..] if option.starts_with("-n") => (&option[2..], &words[1..]),
        [option, ..] if option.starts_with('-') => (&option[1..], &words[1..]),
        _ => ("10", words),
    };
    let lines: u32 = lines.parse().map_err(|_| format!("`{lines}` isn't a number of lines"))?;
    let mut body = Body::default();
    body.steps.push(format!("{{ set = \"wanted\", to = {lines} }}"));
    let from = match files {
        [] => "\"stdin\"",
        [word] => {
            let file = word.literal().ok_or("a file's name can't hold variables")?;
            body.files.push(file.to_owned());
            body.steps.push(format!("{{ open = {}, flags = [\"read\"], into = \"f\" }}", quoted(file)));
            "\"@f\""
        }
        _ => return Err("`head` reads one file here".to_owned()),
    };
    body.steps.push(format!(
        "{{ while = \"wanted > 0\", do = [ {{ read = {from}, bytes = \"8KiB\", result = \"n\" }}, \
         {{ if = \"n == 0\", then = [ {{ exit = 0 }} ] }}, {{ cut-buffer = \"wanted\" }}, {PASS_ON} ] }}"
    ));
    Ok(body)
}

fn sleep(words: &[Word]) -> Result<Body, String> {
    let [word] = words else { return Err("`sleep` needs one number of seconds".to_owned()) };
    let text = word.literal().unwrap_or_default();
    let seconds = text.strip_suffix('s').unwrap_or(text);
    let wrong = || format!("`{text}` isn't a number of seconds");
    let valid = seconds.chars().all(|c| c.is_ascii_digit() || c == '.') && seconds.matches('.').count() <= 1;
    let number: f64 = seconds.parse().map_err(|_| wrong())?;
    if !valid || number > 1e6 {
        return Err(wrong());
    }
    plain(vec![format!("{{ sleep = \"{seconds}s\" }}")])
}

fn yes(words: &[Word]) -> Result<Body, String> {
    let line = match words {
        [] => "y".to_owned(),
        _ => words.iter().map(text).collect::<Vec<_>>().join(" "),
    };
    let line = line + "\n";
    // As many whole lines as go into a block.
    let block = line.repeat((4096 / line.len()).max(1));
    plain(vec![format!("{{ forever = true, do = [ {{ write = \"stdout\", text = {} }} ] }}", quoted(&block))])
}
