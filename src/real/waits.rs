//! What a thread waits for that blocks inside of a call.

use std::collections::BTreeMap;

use crate::ids::{CallId, ObjectId, StepId};
use crate::program::Instruction;
use crate::program::image::Image;
use crate::program::syscall::Syscall;
use crate::trace::Cause;

/// What each call of each step waits for, if it waits.
pub fn waits(image: &Image) -> BTreeMap<(StepId, CallId), (Cause, Option<ObjectId>)> {
    let of_channel = |fd, pipe_cause| {
        if let Some(pipe) = image.pipes.iter().find(|pipe| pipe.read == fd || pipe.write == fd) {
            return (pipe_cause, Some(pipe.object));
        }
        match image.files.iter().find(|file| file.fd == fd) {
            Some(file) => (Cause::Disk, Some(file.object)),
            None => (Cause::Terminal, Some(image.terminal.object)),
        }
    };
    let mut waits = BTreeMap::new();
    for program in &image.programs {
        for (instruction, &step) in program.code.iter().zip(&program.steps) {
            let Instruction::Syscall { call, .. } = instruction else { continue };
            let wait = match call {
                Syscall::Read(read) => of_channel(read.fd, Cause::PipeRead),
                Syscall::Write(write) => of_channel(write.fd, Cause::PipeWrite),
                Syscall::Fsync(fsync) => of_channel(fsync.fd, Cause::Disk),
                Syscall::FutexWait(wait) => (wait.cause, Some(wait.object)),
                Syscall::Wait(_) => (Cause::Child, None),
                Syscall::Join(_) => (Cause::Thread, None),
                Syscall::Sleep(_) => (Cause::Sleep, None),
                Syscall::Pause(_) => (Cause::Signal, None),
                Syscall::Close(_)
                | Syscall::Exec(_)
                | Syscall::Exit(_)
                | Syscall::Fork(_)
                | Syscall::FutexWake(_)
                | Syscall::Getpid(_)
                | Syscall::Getppid(_)
                | Syscall::Kill(_)
                | Syscall::SignalAction(_)
                | Syscall::Thread(_)
                | Syscall::Yield(_) => continue,
            };
            waits.insert((step, call.id()), wait);
        }
    }
    waits
}
