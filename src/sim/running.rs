//! The instructions that most programs consist of: computing that nothing disturbs, jumps and calls.
//!
//! What they need of the machine is looked up once for a whole run of them. All others are in `user`.

use std::ops::ControlFlow;

use crate::kernel::cost::Costs;
use crate::kernel::cpu::Cpu;
use crate::kernel::speed::Speeds;
use crate::kernel::task::Task;
use crate::kernel::work::Context;
use crate::program::call::SystemCall;
use crate::program::image::Program;
use crate::program::instruction::{Address, Instruction};
use crate::program::userland::User;
use crate::program::{Image, Syscall, Variable};
use crate::time::Span;
use crate::trace::Sink;

use super::execute::Quiet;
use super::interpret::OwnWork;
use super::{Simulator, Trap};

/// The thread that a CPU runs, with all that its usual instructions need: looked up once.
pub(super) struct Running<'s, 'a> {
    pub here: &'s mut Cpu,
    pub task: &'s mut Task,
    pub user: &'s mut User,
    quiet: Quiet,
    turns: &'s mut u64,
    own: &'s OwnWork,
    costs: &'s Costs,
    speeds: Option<&'s mut Speeds>,
    cpu: usize,
    image: &'a Image,
}

impl<'a> Running<'_, 'a> {
    /// The instructions that most programs consist of: computing that nothing disturbs, jumps, and a
    /// call in the end. Goes on with an instruction of another kind, and breaks off with the call's
    /// trap, or with none if computing has begun that may be disturbed.
    #[inline(always)]
    pub fn usual_instructions<S: Sink>(self) -> ControlFlow<Option<Trap>, (&'a Program, Address)> {
        let Running { here, task, user, quiet, turns, own, costs, mut speeds, cpu, image } = self;
        let program = &image.programs[usize::from(user.program.0)];
        let code = program.code.as_slice();
        loop {
            let at = user.next;
            if S::ON {
                task.step = program.steps[at as usize];
            }
            let instruction = &code[at as usize];
            if own.takes_time && !own.passes_before(instruction, user, here, quiet, turns) {
                return ControlFlow::Break(None);
            }
            match instruction {
                Instruction::Compute(amount) => {
                    let mut time = costs.whole(Span::from_nanos(user.draw_usual(amount, image)));
                    if let Some(speeds) = &mut speeds {
                        time = speeds.begin(cpu, here.current, time);
                    }
                    if !time.is_zero() {
                        if !quiet.passes(here, turns, time + here.debt, 1) {
                            here.begin(Context::User, time);
                            return ControlFlow::Break(None);
                        }
                        here.debt = Span::ZERO;
                    }
                    if let Some(speeds) = &mut speeds {
                        speeds.end(here.current);
                    }
                    user.next = at + 1;
                }
                Instruction::Loop { counter: Variable(slot), target } => {
                    let counter = &mut user.variables[usize::from(*slot)];
                    *counter -= 1;
                    user.next = if *counter > 0 { *target } else { at + 1 };
                }
                Instruction::Jump(target) => user.next = *target,
                Instruction::Syscall { call, result, .. } => {
                    return ControlFlow::Break(Some(ask(user, call, *result, image)));
                }
                _ => return ControlFlow::Continue((program, at)),
            }
        }
    }
}

/// The program asks for the kernel; what it asks for is drawn now.
#[inline(always)]
fn ask(user: &mut User, call: &Syscall, result: Option<Variable>, image: &Image) -> Trap {
    if !std::mem::take(&mut user.repeats)
        && let Some(amount) = call.amount()
    {
        user.amount = user.draw_usual(amount, image);
    }
    user.progress = 0;
    user.call = call.id();
    user.result_goes_to = result;
    user.call_at = Some(user.next);
    user.next += 1;
    Trap::Syscall(user.call)
}

impl<'a, S: Sink> Simulator<'a, S> {
    /// The current thread and what it needs for its usual instructions.
    #[inline(always)]
    pub(super) fn running(&mut self, cpu: usize) -> Running<'_, 'a> {
        let quiet = self.quiet();
        let Simulator { kernel, userland, turns, prices, image, .. } = self;
        let here = &mut kernel.cpus[cpu];
        let thread = here.current.index();
        let (task, user) = (&mut kernel.tasks[thread], &mut userland.users[thread]);
        let speeds = kernel.speeds.as_deref_mut();
        let (own, costs) = (&prices.own, &kernel.costs);
        Running { here, task, user, quiet, turns, own, costs, speeds, cpu, image }
    }
}
