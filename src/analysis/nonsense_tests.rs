//! Events that no kernel would emit: whatever comes, nothing panics, and time is never lost.

use proptest::prelude::*;

use super::stories::Story;
use crate::chart::{Options, timeline_svg};
use crate::ids::{CallId, CpuId, NameId, ObjectId, Pid, Tid, Vector};
use crate::signal::Signal;
use crate::trace::{Cause, Exception, Fault, Kind, Why};

fn kinds() -> impl Strategy<Value = Kind> {
    (0u8..26, 0u32..6, 0u32..6).prop_map(|(kind, one, two)| {
        let (prev, next, task) = (Tid(one), Tid(two), Tid(one));
        let (object, vector, call) = (ObjectId(two), Vector(two as u8), CallId(two as u16));
        match kind {
            0 => Kind::SchedSwitch { prev, next, why: Why::SliceEnd },
            1 => Kind::SchedSwitch { prev, next, why: Why::Exited },
            2 | 3 => {
                let why = Why::Blocked { on: Cause::Lock, object: Some(object) };
                Kind::SchedSwitch { prev, next, why }
            }
            4 => Kind::SchedExit,
            5 => Kind::SchedWakeup { task, on: CpuId(9) },
            6 => Kind::SysEnter { call },
            7 => Kind::SysExit { call, result: -1 },
            8 => Kind::PageFaultUser { page: 7, fault: Fault::Minor },
            9 => Kind::ExceptionEntry { exception: Exception::DivideError },
            10 => Kind::ExceptionExit,
            11 => Kind::InterruptRaised { vector, to: CpuId(3) },
            12 => Kind::InterruptRecognised { vector },
            13 => Kind::IrqHandlerEntry { vector },
            14 => Kind::IrqHandlerExit { vector, handled: false },
            15 => Kind::SoftirqEntry { vector },
            16 => Kind::SoftirqExit { vector },
            17 => Kind::LocalTimerEntry,
            18 => Kind::LocalTimerExit,
            19 => Kind::ProcessFork { child: next, process: Pid(two) },
            20 => Kind::ProcessExit { status: 139 },
            21 => Kind::MessageSend { object, bytes: u64::from(one) },
            22 => Kind::MessageReceive { object, bytes: u64::from(one) },
            23 => Kind::SignalDeliver { signal: Signal::SIGKILL, handled: false },
            24 => Kind::BlockRqComplete { object, bytes: 1, write: true },
            _ => Kind::Print { text: NameId(two) },
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nonsense_is_counted_and_drawn_without_a_panic(
        events in prop::collection::vec((0u64..50, 0u16..3, kinds()), 0..120)
    ) {
        let mut story = Story::new("nonsense", "", 3);
        for (after, cpu, kind) in events {
            story.on(cpu).after(after).then(kind);
        }
        let summary = story.summary();
        for cpu in &summary.cpus {
            prop_assert_eq!(cpu.busy() + cpu.idle, summary.wall);
        }
        let svg = timeline_svg(&story.lanes(), &story.header, &Options::default());
        prop_assert!(svg.is_ok());
    }
}
