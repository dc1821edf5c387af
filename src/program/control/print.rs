//! `print`: a line on the terminal.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::program::at::At;
use crate::program::form::{Form, Step, parse, schema};
use crate::program::image::{Text, Width};
use crate::program::instruction::Instruction;
use crate::program::lower::Lower;
use crate::program::problem::Code;
use crate::program::verb::{Level, Real, VerbRow};

pub const ROW: VerbRow = VerbRow {
    name: "print",
    level: Level::Control,
    summary: "shows a line, with values in braces",
    doc: "Shows a line on the terminal. Expressions in braces are replaced by their values; a shared cell that stands in one is loaded first, by an instruction of its own, and one that stands alone is shown as it is stored, such as 81.0; `{{` and `}}` are braces. It is for looking on: it costs nothing and isn't a system call. What a program itself writes goes through `write = \"terminal\"`.",
    example: r#"{ print = "i is {i}, its square {i * i}" }"#,
    real: Real::Yes("a note in memory that the run's processes share; the trace shows it, no terminal does"),
    blocks: &[],
    parse: parse::<PrintForm>,
    schema: schema::<PrintForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct PrintForm {
    /// The line.
    print: At<String>,
}

impl Form for PrintForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let text = cx.loading_cells(|cx| text(&self.print, cx));
        let id = cx.text(text);
        cx.emit(Instruction::Print(id));
    }

    fn takes_time(&self, _step: &Step) -> bool {
        false
    }
}

/// Splits a line at its braces.
pub(in crate::program) fn text(at: &At<String>, cx: &mut Lower<'_>) -> Text {
    let mut text = Text::default();
    let mut piece = String::new();
    let mut rest = at.value.as_str();
    while let Some(brace) = rest.find(['{', '}']) {
        piece.push_str(&rest[..brace]);
        let after = &rest[brace + 1..];
        let opening = rest.as_bytes()[brace] == b'{';
        if after.as_bytes().first() == Some(&rest.as_bytes()[brace]) {
            piece.push(if opening { '{' } else { '}' });
            rest = &after[1..];
            continue;
        }
        let Some(end) = after.find('}').filter(|_| opening) else {
            let message = "a brace without its partner; write `{{` or `}}` for the character itself";
            cx.problems.error(Code::Placeholder, at.span.clone(), message);
            return text;
        };
        let start = at.value.len() - after.len();
        // Without escapes in it, the text stands in the file as it is, behind its quote.
        let literal = cx.source.slice(&at.span).get(1..);
        let offset =
            literal.filter(|literal| literal.starts_with(&at.value)).map(|_| at.span.start + 1 + start);
        let (value, width) = match cx.shown_cell(&after[..end], &at.span) {
            Some(shown) => shown,
            None => (cx.expression_at(&after[..end], &at.span, offset), Width::Int64),
        };
        text.pieces.push(std::mem::take(&mut piece));
        text.values.push(value);
        text.widths.push(width);
        rest = &after[end + 1..];
    }
    piece.push_str(rest);
    text.pieces.push(piece);
    text
}
