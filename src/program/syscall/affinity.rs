//! `sched-setaffinity`: on which CPUs a thread may run.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::errno::Errno;
use crate::ids::CpuId;
use crate::kernel::task::Affinity;
#[cfg(target_os = "linux")]
use crate::os::process;
use crate::program::at::At;
use crate::program::call::{Call, Outcome, SystemCall};
use crate::program::form::{Form, Step, parse, schema};
use crate::program::lower::Lower;
#[cfg(target_os = "linux")]
use crate::program::native::Native;
use crate::program::problem::Code;
use crate::program::verb::{Level, Real, VerbRow};
use crate::trace::Sink;

pub const ROW: VerbRow = VerbRow {
    name: "sched-setaffinity",
    level: Level::Syscall,
    summary: "says on which CPUs the thread may run",
    doc: "From now on the thread runs on these CPUs only; its children as well. If it is on another one, it moves at once. CPUs that the machine doesn't have are left out; `EINVAL` if none is left.",
    example: r#"{ sched-setaffinity = [0] }"#,
    real: Real::Yes("sched_setaffinity(2), within the CPUs of the run"),
    blocks: &[],
    parse: parse::<AffinityForm>,
    schema: schema::<AffinityForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct AffinityForm {
    /// The CPUs, counted from 0.
    sched_setaffinity: Vec<At<u16>>,
}

impl Form for AffinityForm {
    fn lower(&self, step: &Step, cx: &mut Lower<'_>) {
        let mut cpus = 0;
        for cpu in &self.sched_setaffinity {
            if cpu.value >= 32 {
                cx.problems.error(Code::OutOfRange, cpu.span.clone(), "a CPU's number is from 0 to 31 here");
                return;
            }
            cpus |= 1 << cpu.value;
        }
        cx.call(step, SetAffinity { cpus });
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SetAffinity {
    /// A bit for each CPU.
    pub cpus: u64,
}

impl SystemCall for SetAffinity {
    fn simulate<S: Sink>(&self, call: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        let all = u64::MAX >> (64 - call.kernel.cpus.len().clamp(1, 64));
        let allowed = self.cpus & all;
        if allowed == 0 {
            return Err(Errno::EINVAL);
        }
        let affinity = match (allowed == all, allowed.count_ones()) {
            (true, _) => Affinity::Any,
            (false, 1) => Affinity::Only(CpuId(allowed.trailing_zeros() as u16)),
            (false, _) => Affinity::Among(allowed as u32),
        };
        let stays = call.kernel.allow(call.cpu, call.task, affinity);
        Ok(if stays { Outcome::Done(0) } else { Outcome::Yield(0) })
    }

    #[cfg(target_os = "linux")]
    fn execute(&self, native: &mut Native) -> Result<i64, Errno> {
        let wanted = |&(number, _): &(usize, &usize)| number < 64 && self.cpus & 1 << number != 0;
        let cpus: Vec<usize> =
            native.world.cpus.iter().enumerate().filter(wanted).map(|(_, &cpu)| cpu).collect();
        if cpus.is_empty() {
            return Err(Errno::EINVAL);
        }
        process::pin(&cpus).map(|()| 0)
    }
}
