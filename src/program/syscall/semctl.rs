//! `semctl`: looks at the semaphores of a System V set, sets them, or removes the set.
//! Source: semctl(2).

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::kernel::ipc::semaphore_set::MOST_VALUE;
#[cfg(target_os = "linux")]
use crate::os::ipc;
use crate::program::at::{At, Value};
use crate::program::call::{Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::image::Image;
use crate::program::ipc::{OperandsId, VariablesId};
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::problem::{Code, Problem};
use crate::program::resolve::True;
use crate::program::userland::User;
use crate::program::verb::{Level, Real, VerbRow};
use crate::program::{Operand, Variable};
use crate::trace::Sink;

pub const ROW: VerbRow = VerbRow {
    name: "semctl",
    level: Level::Syscall,
    summary: "looks at a System V semaphore set, sets its values, or removes it",
    doc: "With `get` and `into` the variable gets a semaphore's value; with `get-all` each variable of the list gets one. With `set` and `value` a semaphore gets a value, with `set-all` each: ERANGE below 0 or above 32767. That lets waiters go on, and forgets what processes would have undone. With `remove` the set is gone at once: whoever waits there gets EIDRM, whoever comes later EINVAL.",
    example: r#"{ semctl = "forks", get = 1, into = "free" }"#,
    real: Real::Yes("semctl(2)"),
    blocks: &[],
    parse: parse::<SemctlForm>,
    schema: schema::<SemctlForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SemctlForm {
    /// The semaphore set.
    semctl: At<String>,
    /// The semaphore whose value is asked for (GETVAL).
    get: Option<At<Value>>,
    /// The variable that gets the value.
    into: Option<At<String>>,
    /// Variables that get the values of all semaphores (GETALL); as many as the set has.
    get_all: Option<At<Vec<At<String>>>>,
    /// The semaphore that gets a value (SETVAL).
    set: Option<At<Value>>,
    /// The value that it gets.
    value: Option<At<Value>>,
    /// The values that all semaphores get (SETALL); as many as the set has.
    set_all: Option<At<Vec<At<Value>>>>,
    /// Removes the set (IPC_RMID).
    remove: Option<True>,
}

impl SemctlForm {
    fn control(&self, cx: &mut Lower<'_>) -> Option<SetControl> {
        let Self { get, into, get_all, set, value, set_all, remove, .. } = self;
        Some(match (get, into, get_all, set, value, set_all, remove) {
            (Some(number), Some(into), None, None, None, None, None) => {
                SetControl::Get { number: cx.operand(number), into: cx.assign(into) }
            }
            (None, None, Some(list), None, None, None, None) => {
                let variables = list.value.iter().map(|name| cx.assign(name)).collect();
                let lists = &mut cx.tables.lists.variables;
                lists.push(variables);
                SetControl::GetAll(VariablesId((lists.len() - 1) as u32))
            }
            (None, None, None, Some(number), Some(value), None, None) => {
                SetControl::Set { number: cx.operand(number), value: cx.operand(value) }
            }
            (None, None, None, None, None, Some(list), None) => {
                let operands = list.value.iter().map(|value| cx.operand(value)).collect();
                let lists = &mut cx.tables.lists.operands;
                lists.push(operands);
                SetControl::SetAll(OperandsId((lists.len() - 1) as u32))
            }
            (None, None, None, None, None, None, Some(True)) => SetControl::Remove,
            _ => return None,
        })
    }
}

impl Form for SemctlForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let Some(what) = self.control(cx) else {
            let message = "`semctl` does one thing: `get` with `into`, `get-all`, `set` with `value`, `set-all` or `remove`";
            cx.problems.push(Problem::error(Code::MissingKey, step.span.clone(), message));
            return;
        };
        let Some(set) = cx.semaphore_set(&self.semctl) else { return };
        let lists = self.get_all.as_ref().map(|at| (&at.span, at.value.len()));
        let lists = lists.or(self.set_all.as_ref().map(|at| (&at.span, at.value.len())));
        let has = cx.names.set_sizes[set as usize];
        if let Some((span, _)) = lists.filter(|(_, length)| *length != has) {
            let message = format!("`{}` has {has} semaphores: the list has as many", self.semctl.value);
            cx.problems.push(Problem::error(Code::OutOfRange, span.clone(), message));
        }
        cx.call(step, Semctl { set, what });
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Semctl {
    /// The set's number among the scenario's.
    pub set: u32,
    pub what: SetControl,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SetControl {
    Get { number: Operand, into: Variable },
    GetAll(VariablesId),
    Set { number: Operand, value: Operand },
    SetAll(OperandsId),
    Remove,
}

/// The values that all semaphores get.
fn all(user: &User, image: &Image, list: OperandsId) -> Vec<i64> {
    image.lists.operands[list.0 as usize].iter().map(|value| user.value(*value, image)).collect()
}

fn check(value: i64) -> Result<i64, Errno> {
    if (0..=MOST_VALUE).contains(&value) { Ok(value) } else { Err(Errno::ERANGE) }
}

impl SystemCall for Semctl {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let (image, set) = (call.image, self.set);
        let values = call.kernel.semaphore_set(set)?.values.clone();
        let place = |number: i64| {
            usize::try_from(number).ok().filter(|place| *place < values.len()).ok_or(Errno::EINVAL)
        };
        match self.what {
            SetControl::Get { number, into } => {
                let number = call.user().value(number, image);
                let value = values[place(number)?];
                call.user().set(Some(into), value);
                return Ok(Outcome::Done(value));
            }
            SetControl::GetAll(list) => {
                for (variable, value) in image.lists.variables[list.0 as usize].iter().zip(values) {
                    call.user().set(Some(*variable), value);
                }
            }
            SetControl::Set { number, value } => {
                let (number, value) = (call.user().value(number, image), call.user().value(value, image));
                let value = check(value)?;
                let place = place(number)?;
                call.kernel.set_semaphores(call.cpu, set, &[(place, value)]);
            }
            SetControl::SetAll(list) => {
                let all = all(call.user(), image, list);
                let all: Result<Vec<i64>, Errno> = all.into_iter().map(check).collect();
                let all: Vec<(usize, i64)> = all?.into_iter().enumerate().collect();
                call.kernel.set_semaphores(call.cpu, set, &all);
            }
            SetControl::Remove => call.kernel.remove_semaphores(call.cpu, set)?,
        }
        Ok(Outcome::Done(0))
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let id = native.semaphore_set(self.set)?;
        let number = |value: i64| i32::try_from(value).unwrap_or(-1);
        match self.what {
            SetControl::Get { number: place, into } => {
                let value = ipc::semaphore(id, number(native.computed(place)))?;
                native.user.set(Some(into), value);
                return Ok(value);
            }
            SetControl::GetAll(list) => {
                let values = ipc::all_semaphores(id)?;
                let world = std::sync::Arc::clone(&native.world);
                for (variable, value) in world.image.lists.variables[list.0 as usize].iter().zip(values) {
                    native.user.set(Some(*variable), value);
                }
            }
            SetControl::Set { number: place, value } => {
                let (place, value) = (number(native.computed(place)), native.computed(value));
                ipc::set_semaphore(id, place, value)?;
            }
            SetControl::SetAll(list) => {
                ipc::set_all_semaphores(id, &all(&native.user, &native.world.image, list))?;
            }
            SetControl::Remove => ipc::remove_semaphores(id)?,
        }
        Ok(0)
    }
}
