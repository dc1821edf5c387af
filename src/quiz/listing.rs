//! The scenario as it is shown with the questions: the machine in a line, and the TOML without what would
//! give answers away, which is its comments and what it expects of itself.

use crate::program::Image;

use super::kinds::policy;

/// Tables and keys at the top of a file that aren't shown: what comes out, how it is drawn, and what the
/// headline says already.
const HIDDEN: &[&str] = &["expect", "picture", "sweep", "format", "name", "question"];

/// The machine and the scheduler in a line.
pub fn machine(image: &Image) -> String {
    let cpus = match image.machine.cpus {
        1 => "1 CPU".to_owned(),
        many => format!("{many} CPUs"),
    };
    format!("{cpus}, costs {}, scheduler {}", image.costs.name, policy::name(image))
}

/// What a character of a TOML text is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Within {
    Plain,
    Comment(Place),
    /// A text between these marks, in which a backslash may protect the next character.
    Text {
        mark: &'static str,
        escapes: Escapes,
    },
}

/// Where a comment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Alone on its line, which goes with it.
    Alone,
    Behind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Escapes {
    Yes,
    No,
}

const TEXTS: [(&str, Escapes); 4] =
    [("\"\"\"", Escapes::Yes), ("'''", Escapes::No), ("\"", Escapes::Yes), ("'", Escapes::No)];

/// The scenario's text as students may see it.
pub fn listing(source: &str) -> String {
    let mut shown = String::new();
    let mut hides = false;
    for line in statements(source) {
        let start = line.trim_start();
        let key = start.trim_start_matches('[').trim_start();
        let key = key.split(['.', ']', '=', ' ', '\n']).next().unwrap_or_default().trim_matches(['"', '\'']);
        let is_table = start.starts_with('[');
        if is_table {
            hides = HIDDEN.contains(&key);
        }
        let at_top = is_table || shown.is_empty();
        if hides || (at_top && !is_table && HIDDEN.contains(&key)) || (key == "simulated-only") {
            continue;
        }
        let is_empty = line.trim().is_empty();
        if !(is_empty && (shown.is_empty() || shown.ends_with("\n\n"))) {
            shown.push_str(line.trim_end());
            shown.push('\n');
        }
    }
    format!("{}\n", shown.trim_end())
}

/// The statements of a text without comments: a line each, or several where brackets or texts go on.
fn statements(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let (mut statement, mut within, mut depth) = (String::new(), Within::Plain, 0_usize);
    let mut rest = source;
    while let Some(character) = rest.chars().next() {
        let mut taken = character.len_utf8();
        match within {
            Within::Comment(place) => {
                if character == '\n' {
                    within = Within::Plain;
                }
                if character != '\n' || place == Place::Alone {
                    rest = &rest[taken..];
                    continue;
                }
            }
            Within::Text { mark, .. } if rest.starts_with(mark) => {
                taken = mark.len();
                within = Within::Plain;
            }
            Within::Text { escapes: Escapes::Yes, .. } if character == '\\' => {
                taken += rest[1..].chars().next().map_or(0, char::len_utf8);
            }
            Within::Text { .. } => {}
            Within::Plain => match character {
                '#' => {
                    let line = statement.rfind('\n').map_or(0, |end| end + 1);
                    let is_alone = statement[line..].trim().is_empty();
                    if is_alone {
                        statement.truncate(line);
                    }
                    within = Within::Comment(if is_alone { Place::Alone } else { Place::Behind });
                    rest = &rest[taken..];
                    continue;
                }
                '[' | '{' => depth += 1,
                ']' | '}' => depth = depth.saturating_sub(1),
                _ => {
                    let begun = TEXTS.iter().find(|(mark, _)| rest.starts_with(mark));
                    if let Some(&(mark, escapes)) = begun {
                        taken = mark.len();
                        within = Within::Text { mark, escapes };
                    }
                }
            },
        }
        statement.push_str(&rest[..taken]);
        rest = &rest[taken..];
        if character == '\n' && within == Within::Plain && depth == 0 {
            found.push(std::mem::take(&mut statement));
        }
    }
    found.push(statement);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_expectations_are_left_out_and_texts_stay_whole() {
        let source = "#:schema x\nformat = 1\nname = \"n\"\nquestion = \"why?\"\n\n# 18 are lost\n[machine]\ncosts = \"free\" # free\n\n\
                      [process.a]\nsteps = [\n  # a hint\n  { print = \"# no comment \\\" [\" },\n]\n\n[expect]\nvalues = { x = 1 }\n\
                      [expect.real]\nfree = [\n  \"x\",\n]\n\n[run]\nseed = 3\n";
        let shown = "[machine]\ncosts = \"free\"\n\n[process.a]\nsteps = [\n  { print = \"# no comment \\\" [\" },\n]\n\n[run]\nseed = 3\n";
        assert_eq!(listing(source), shown);
    }

    #[test]
    fn an_expectation_at_the_top_of_the_file_is_left_out_too() {
        let source = "expect.outcome = \"deadlock\"\nexpect = { output = [\n\"secret\",\n] }\n[process.a]\nsteps = []\n";
        assert_eq!(listing(source), "[process.a]\nsteps = []\n");
    }
}
