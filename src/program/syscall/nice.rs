//! `nice`: lets other threads have more of the CPU, or less.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::kernel::sched::Parameters;
#[cfg(target_os = "linux")]
use crate::os::children;
use crate::program::at::{At, Value};
use crate::program::call::{Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::verb::{Level, Real, VerbRow};
use crate::program::{Operand, Variable};
use crate::trace::Sink;

pub const ROW: VerbRow = VerbRow {
    name: "nice",
    level: Level::Syscall,
    summary: "gives the CPU away more readily",
    doc: "Adds to the thread's niceness, which lies from -20 to 19; whoever is nicer gets less of the CPU where the policy heeds that. Its children have it too. `new` gets what it is then. To be less nice needs a privilege, which simulated processes have.",
    example: r#"{ nice = 5, new = "n" }"#,
    real: Real::Yes("nice(2); its policy is that of the host"),
    blocks: &[],
    parse: parse::<NiceForm>,
    schema: schema::<NiceForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct NiceForm {
    /// How much nicer the thread becomes.
    nice: At<Value>,
    /// The variable that gets its niceness.
    new: Option<At<String>>,
}

impl Form for NiceForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let by = cx.operand(&self.nice);
        let new = self.new.as_ref().map(|name| cx.assign(name));
        cx.call(step, Nice { by, new });
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Nice {
    pub by: Operand,
    pub new: Option<Variable>,
}

impl SystemCall for Nice {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let image = call.image;
        let by = call.user().value(self.by, image).clamp(-40, 40);
        let parameters = &call.kernel.parameters[call.task.index()];
        let nice = (i64::from(parameters.nice) + by).clamp(-20, 19);
        let parameters = Parameters { nice: nice as i8, ..Parameters::clone(parameters) };
        call.kernel.set_parameters(call.cpu, call.task, Arc::new(parameters));
        call.user().set(self.new, nice);
        Ok(Outcome::Done(0))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let by = native.computed(self.by).clamp(-40, 40) as i32;
        let nice = children::nice(by)?;
        native.user.set(self.new, i64::from(nice));
        Ok(0)
    }
}
