//! Question and answer sheets as one HTML file for paper: no script, nothing from elsewhere.

use std::fmt::Write;

use crate::quiz::grade::hint;
use crate::quiz::listing;
use crate::quiz::question::{Answer, Question, letter};

use super::{Draw, Part, pieces};

const STYLE: &str = "\
:root { color-scheme: light; }
body { font: 11pt/1.45 Inter, 'Helvetica Neue', Arial, 'Liberation Sans', sans-serif; color: #1c2128; max-width: 48rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 17pt; margin: 0 0 .5rem; }
h2 { font-size: 13pt; margin: 2rem 0 .25rem; }
.name { float: right; color: #626c78; font-size: 10pt; padding-top: .6rem; }
.machine { color: #626c78; margin: .25rem 0 .75rem; }
pre { font: 8.5pt/1.4 'DejaVu Sans Mono', 'Liberation Mono', Consolas, monospace; background: #f4f6f8; border: 1px solid #d9dee4; border-radius: 4px; padding: .6rem .8rem; white-space: pre-wrap; overflow-wrap: anywhere; }
code { font: .92em 'DejaVu Sans Mono', 'Liberation Mono', Consolas, monospace; overflow-wrap: anywhere; }
ol.questions { padding-left: 1.6rem; }
ol.questions > li { margin: 1.3rem 0; break-inside: avoid; }
ol.choices { list-style: lower-alpha; padding-left: 1.6rem; margin: .4rem 0; }
ol.choices > li { margin: .15rem 0; }
table { border-collapse: collapse; font-size: 9.5pt; margin: .5rem 0; }
td, th { border: 1px solid #d9dee4; padding: .15rem .5rem; text-align: left; }
th { background: #f4f6f8; font-weight: 600; }
.blank { border-bottom: 1px solid #626c78; display: inline-block; width: 12rem; height: 1.2rem; margin-left: .4rem; }
.hint { color: #626c78; font-size: 9.5pt; }
.right { font-weight: 600; }
figure { margin: .6rem 0; break-inside: avoid; }
figure svg { width: 100%; height: auto; border: 1px solid #d9dee4; border-radius: 4px; }
figcaption { color: #626c78; font-size: 9pt; }
.sheet + .sheet { break-before: page; border-top: 2px solid #1c2128; margin-top: 3rem; padding-top: 2rem; }
@media print { body { margin: 0; max-width: none; padding: 0; } .sheet + .sheet { border-top: 0; margin-top: 0; padding-top: 0; } }
@page { size: A4; margin: 16mm; }
";

/// The question sheet of all scenarios, then the answer sheet, which begins a new page.
pub fn worksheet(parts: &[Part<'_>], draw: &mut Draw<'_>) -> String {
    let mut text = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Questions</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n"
    );
    text.push_str("<section class=\"sheet\">\n<span class=\"name\">Name: <span class=\"blank\"></span></span>\n<h1>Questions</h1>\n");
    for part in parts {
        text.push_str(&questions(part, draw));
    }
    text.push_str("</section>\n<section class=\"sheet\">\n<h1>Answers</h1>\n");
    for part in parts {
        text.push_str(&answers(part, draw));
    }
    text.push_str("</section>\n</body>\n</html>\n");
    text
}

fn questions(part: &Part<'_>, draw: &mut Draw<'_>) -> String {
    let image = &part.run.scenario.image;
    let mut text = format!("<h2>{}</h2>\n<p>{}</p>\n", escaped(&image.name), escaped(&image.question));
    // Writing to a string can't fail, so the results carry no news.
    let _ = writeln!(text, "<p class=\"machine\">{}</p>", escaped(&listing::machine(image)));
    let _ = writeln!(text, "<pre>{}</pre>", escaped(&listing::listing(&part.run.scenario.source)));
    text.push_str("<ol class=\"questions\">\n");
    for question in &part.paper.questions {
        let _ = writeln!(text, "<li>{}", inline(&question.text));
        text.push_str(&state(question));
        if let Some(moment) = Part::pictured(question) {
            text.push_str(&figure(&part.before(moment), draw));
        }
        match &question.answer {
            Answer::Choice { choices, .. } => {
                text.push_str("<ol class=\"choices\">\n");
                for choice in choices {
                    let _ = writeln!(text, "<li>{}</li>", inline(choice));
                }
                text.push_str("</ol>\n");
            }
            Answer::Number(_) | Answer::Bytes(_) | Answer::Time(_) => {
                let hint = escaped(&hint(&question.answer));
                let _ = writeln!(
                    text,
                    "<p><span class=\"blank\"></span> <span class=\"hint\">({hint})</span></p>"
                );
            }
        }
        text.push_str("</li>\n");
    }
    text.push_str("</ol>\n");
    text
}

fn state(question: &Question) -> String {
    if question.state.is_empty() {
        return String::new();
    }
    let mut text = "<table>\n<tr><th>who</th><th>state</th><th></th></tr>\n".to_owned();
    for line in &question.state {
        let cells = [&line.who, &line.state, &line.detail].map(|cell| format!("<td>{}</td>", inline(cell)));
        let _ = writeln!(text, "<tr>{}</tr>", cells.concat());
    }
    text.push_str("</table>\n");
    text
}

fn answers(part: &Part<'_>, draw: &mut Draw<'_>) -> String {
    let mut text = format!("<h2>{}</h2>\n", escaped(&part.run.scenario.image.name));
    if let Some(picture) = part.whole() {
        text.push_str(&figure(&picture, draw));
    }
    text.push_str("<ol class=\"questions\">\n");
    for question in &part.paper.questions {
        let right = match &question.answer {
            Answer::Choice { choices, right } => format!("{}) {}", letter(*right), inline(&choices[*right])),
            Answer::Number(_) | Answer::Bytes(_) | Answer::Time(_) => escaped(&question.answer.right()),
        };
        let _ = writeln!(text, "<li><span class=\"right\">{right}</span><br>{}", inline(&question.reason));
        if let Some(picture) = Part::pictured(question).and_then(|moment| part.after(moment)) {
            text.push_str(&figure(&picture, draw));
        }
        let commands = part.command.look(part.run, question).join("\n");
        let _ = writeln!(text, "<pre>{}</pre></li>", escaped(&commands));
    }
    text.push_str("</ol>\n");
    text
}

fn figure(picture: &super::Picture<'_>, draw: &mut Draw<'_>) -> String {
    let caption = escaped(&picture.caption);
    draw(picture).map_or_else(String::new, |drawn| {
        format!("<figure>\n{drawn}\n<figcaption>{caption}</figcaption>\n</figure>\n")
    })
}

/// A text with its names as code.
fn inline(text: &str) -> String {
    pieces(text)
        .map(
            |(piece, is_name)| {
                if is_name { format!("<code>{}</code>", escaped(piece)) } else { escaped(piece) }
            },
        )
        .collect()
}

/// Nothing of a text is taken for markup.
fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => shown.push_str("&amp;"),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '"' => shown.push_str("&quot;"),
            '\'' => shown.push_str("&#39;"),
            '\n' | '\t' => shown.push(character),
            _ if character.is_control() => shown.push(' '),
            _ => shown.push(character),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quiz::question::code;

    #[test]
    fn no_name_becomes_markup() {
        let text = format!("{} & co", code("<script>alert('x')</script>"));
        assert_eq!(inline(&text), "<code>&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;</code> &amp; co");
    }
}
