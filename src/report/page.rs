//! The document: style, script, and the data that they show.
//!
//! Data can't become markup: numbers are base64, and texts are JSON in which every character that means something to
//! HTML is escaped. A content security policy forbids everything that isn't named in it by its hash, and all of the
//! network.

use std::fmt::Write as _;
use std::io::{self, Write};

use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use crate::chart::{Paint, Theme};
use crate::time::Instant;

use super::Side;
use super::columns::base64;

/// The script's parts, in the order in which they are executed: first what others build on.
const SCRIPTS: &[&str] = &[
    include_str!("page/decode.js"),
    include_str!("page/format.js"),
    include_str!("page/trace.js"),
    include_str!("page/words.js"),
    include_str!("page/why.js"),
    include_str!("page/state.js"),
    include_str!("page/dom.js"),
    include_str!("page/paint.js"),
    include_str!("page/rows.js"),
    include_str!("page/links.js"),
    include_str!("page/timeline.js"),
    include_str!("page/marks.js"),
    include_str!("page/pointer.js"),
    include_str!("page/overview.js"),
    include_str!("page/details.js"),
    include_str!("page/measure.js"),
    include_str!("page/critical.js"),
    include_str!("page/tables.js"),
    include_str!("page/list.js"),
    include_str!("page/search.js"),
    include_str!("page/filter.js"),
    include_str!("page/keys.js"),
    include_str!("page/main.js"),
];
const STYLE: &str = include_str!("page/style.css");
const BODY: &str = include_str!("page/index.html");

/// Writes a report of one trace, or of two above each other. `view` is the part that is shown at first.
pub fn write(out: &mut impl Write, sides: &[Side], view: Option<(Instant, Instant)>) -> io::Result<()> {
    let style = format!("{}{STYLE}", colours());
    let script = script();
    let title = sides.first().map_or("", |side| side.about["scenario"].as_str().unwrap_or_default());
    write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{} – Trapline</title>\n<style>{style}</style>\n\
         </head>\n<body>\n{BODY}",
        policy(&style, &script),
        escaped(title),
    )?;
    for (number, side) in sides.iter().enumerate() {
        for (name, column) in side.columns() {
            write!(out, "<script type=\"application/octet-stream\" id=\"{number}-{name}\">")?;
            column.write(out)?;
            out.write_all(b"</script>\n")?;
        }
    }
    let all: Vec<Json> = sides
        .iter()
        .map(|side| {
            let counts: Json =
                side.columns().iter().map(|(name, column)| json!([name, column.len()])).collect();
            json!({ "about": side.about, "counts": counts })
        })
        .collect();
    let paints: Vec<&str> = Paint::ALL.iter().map(|paint| paint.name()).collect();
    let data = json!({ "sides": all, "paints": paints, "view": view.map(|(from, to)| [from, to]) });
    writeln!(out, "<script type=\"application/json\" id=\"data\">{}</script>", json_in_html(&data))?;
    writeln!(out, "<script>{script}</script>\n</body>\n</html>")
}

/// All parts as one function, so that nothing of it is visible from outside.
fn script() -> String {
    format!("\"use strict\";\n(() => {{\n{}}})();\n", SCRIPTS.concat())
}

/// What the page may do: its own style and its own script, and nothing else.
fn policy(style: &str, script: &str) -> String {
    let hash = |text: &str| base64(&Sha256::digest(text.as_bytes()));
    format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(script),
        hash(style)
    )
}

/// The charts' colours as variables of the style sheet: light, dark, and what is on paper.
fn colours() -> String {
    let set = |theme: Theme| {
        theme.colours().iter().fold(String::new(), |mut text, (name, (red, green, blue))| {
            // Writing to a string can't fail.
            let _ = write!(text, "--{name}:#{red:02x}{green:02x}{blue:02x};");
            text
        })
    };
    let (light, dark) = (set(Theme::Light), set(Theme::Dark));
    format!(
        ":root{{color-scheme:light;{light}}}\n\
         @media (prefers-color-scheme:dark){{:root:not([data-theme=light]){{color-scheme:dark;{dark}}}}}\n\
         :root[data-theme=dark]{{color-scheme:dark;{dark}}}\n"
    )
}

/// JSON that can stand in a script element: no `<` can end it, and no line separator can break it.
fn json_in_html(json: &Json) -> String {
    let text = json.to_string();
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            // These occur within strings only.
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(safe, "\\u{:04x}", u32::from(character));
            }
            _ => safe.push(character),
        }
    }
    safe
}

/// Text that can stand in an element.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_can_end_the_element_that_it_stands_in() {
        let evil = json!({ "</script><img onerror=x>": "&amp;\u{2028}" });
        let safe = json_in_html(&evil);
        assert!(!safe.contains(['<', '>', '&', '\u{2028}']), "{safe}");
        assert_eq!(serde_json::from_str::<Json>(&safe).unwrap(), evil);
    }

    #[test]
    fn the_policy_names_the_script_by_the_hash_of_what_is_in_the_element() {
        let mut out = Vec::new();
        write(&mut out, &[], None).unwrap();
        let page = String::from_utf8(out).unwrap();
        let begin = page.rfind("<script>").unwrap() + "<script>".len();
        let end = begin + page[begin..].find("</script>").unwrap();
        let hash = base64(&Sha256::digest(&page.as_bytes()[begin..end]));
        assert!(page.contains(&format!("script-src 'sha256-{hash}'")));
        assert!(page.contains("default-src 'none'"));
        assert!(!page.contains("http://") && !page.contains("https://"), "nothing leads out of the page");
    }

    #[test]
    fn both_themes_have_all_colours() {
        let colours = colours();
        for name in Paint::ALL.map(Paint::name) {
            assert_eq!(colours.matches(&format!("--{name}:#")).count(), 3, "{name}");
        }
    }
}
