//! `touch`: accesses to pages of memory.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::program::at::{At, CountAmount};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::instruction::{Access, Instruction};
use crate::program::lower::Lower;
use crate::program::problem::{Code, Problem};
use crate::program::value::Amount;
use crate::program::verb::{Level, Real, VerbRow};

pub const ROW: VerbRow = VerbRow {
    name: "touch",
    level: Level::Instruction,
    summary: "accesses pages of memory",
    doc: "Accesses one byte in each of `pages` pages of a memory object, beginning with page `first`. The first access to a page is a page fault; so is the first write after a fork. `kernel` stands for the kernel's own memory: touching that is a protection violation.",
    example: r#"{ touch = "heap", pages = 4, mode = "write" }"#,
    real: Real::Yes(
        "an access to the first byte of each page of a mapping; huge pages are kept away by madvise(2)",
    ),
    blocks: &[],
    parse: parse::<TouchForm>,
    schema: schema::<TouchForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct TouchForm {
    /// A memory or shm object, or "kernel".
    touch: At<String>,
    /// How many pages; all from `first` on if absent.
    pages: Option<At<CountAmount>>,
    /// The first page, from 0.
    first: Option<At<CountAmount>>,
    /// Whether the access changes the page (the default) or only reads it.
    mode: Option<Mode>,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Mode {
    Read,
    Write,
}

impl Form for TouchForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        let access = match self.mode {
            Some(Mode::Read) => Access::Read,
            Some(Mode::Write) | None => Access::Write,
        };
        if self.touch.value == "kernel" {
            cx.emit(Instruction::TouchKernel { access });
            return;
        }
        let Some(region) = cx.region(&self.touch) else {
            return;
        };
        let have = u64::from(region.memory.pages);
        let first = match &self.first {
            Some(first) => cx.count(first),
            None => Amount::Const(0),
        };
        let pages = match (&self.pages, first) {
            (Some(pages), _) => cx.count(pages),
            (None, Amount::Const(first)) => Amount::Const(have.saturating_sub(first)),
            (None, Amount::Operand(_) | Amount::Random(_) | Amount::Text(_) | Amount::Buffer) => {
                Amount::Const(1)
            }
        };
        if let (Amount::Const(first), Amount::Const(pages)) = (first, pages)
            && (first >= have || pages > have - first)
        {
            let place = self.pages.as_ref().or(self.first.as_ref());
            let span = place.map_or(&self.touch.span, |at| &at.span).clone();
            let message = format!("`{}` has only {have} pages", self.touch.value);
            let problem = Problem::error(Code::OutOfRange, span, message);
            cx.problems.push(problem.help("a page has 4 KiB; pages count from 0"));
        }
        cx.emit(Instruction::Touch { memory: region.memory, first, pages, access });
    }
}
