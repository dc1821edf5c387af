//! `forever`: until something from outside ends the process.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::program::at::At;
use crate::program::form::{Form, Step, parse, schema};
use crate::program::instruction::Instruction;
use crate::program::lower::Lower;
use crate::program::problem::{Code, Problem};
use crate::program::resolve::True;
use crate::program::verb::{Level, Real, VerbRow};

pub const ROW: VerbRow = VerbRow {
    name: "forever",
    level: Level::Control,
    summary: "executes steps again and again",
    doc: "Executes the steps in `do` again and again. Ends only with the process: by `exit` in the steps, a signal, or the end of the run. At least one of the steps must take time.",
    example: r#"{ forever = true, do = [ { compute = "1us" }, { exit = 0 } ] }"#,
    real: Real::Yes("a loop of the interpreter, in user mode"),
    blocks: &["do"],
    parse: parse::<ForeverForm>,
    schema: schema::<ForeverForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ForeverForm {
    /// Always `true`.
    #[serde(rename = "forever")]
    _forever: At<True>,
}

impl Form for ForeverForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        if !self.takes_time(step) {
            let message = "the steps of this loop take no time: it would never end";
            let problem = Problem::error(Code::EndlessLoop, step.verb.clone(), message);
            cx.problems.push(problem.help("add a step that takes time, for example `{ compute = \"1us\" }`"));
        }
        let top = cx.here();
        cx.block(step.block("do"));
        cx.emit(Instruction::Jump(top));
        cx.never_returns();
    }

    fn takes_time(&self, step: &Step) -> bool {
        step.block("do").iter().any(Step::takes_time)
    }
}
