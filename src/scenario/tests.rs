use super::*;

use crate::ids::Fd;
use crate::program::instruction::{FdListId, Instruction};
use crate::program::syscall::Syscall;

fn image(text: &str) -> Image {
    match Scenario::parse("test.toml", text, &Overrides::default()) {
        Ok(scenario) => scenario.image,
        Err(diagnostics) => panic!("{diagnostics}"),
    }
}

#[test]
fn a_parent_keeps_its_own_ends_and_closes_the_others_after_the_fork() {
    let image = image(include_str!("testdata/ping-pong.toml"));
    assert_eq!(image.name, "pipe-ping-pong");
    let [parent, child] = image.programs.as_slice() else {
        panic!("two programs");
    };
    assert_eq!(parent.fds, [Fd(3), Fd(4), Fd(5), Fd(6)]);
    assert_eq!(child.fds, [Fd(3), Fd(6)]);
    assert_eq!(parent.code[1], Instruction::CloseUnused(FdListId(0)));
    assert_eq!(image.fd_lists, [[Fd(3), Fd(6)]]);
    let Instruction::LoopStart { past: 6, .. } = parent.code[2] else {
        panic!("the loop goes on behind its body: {:?}", parent.code[2]);
    };
    let Instruction::Syscall { call: Syscall::Write(write), .. } = parent.code[3] else {
        panic!("the body begins with the write: {:?}", parent.code[3]);
    };
    assert_eq!(write.fd, Fd(4));
    assert_eq!(parent.code.last(), Some(&Instruction::End));
    assert_eq!(image.steps[2].line, 20);
    assert_eq!(image.steps[2].text, "{ write = \"ping\", bytes = \"1B\" }");
}
