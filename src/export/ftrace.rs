//! The text of the kernel's own tracing, as in /sys/kernel/tracing/trace, for scripts that read it.
//!
//! Events for which the kernel has a trace point are written as that prints them, the calls as the
//! `syscalls` trace points do; what a trace doesn't have is 0, and every priority is 120. All other
//! events are marks (`tracing_mark_write`) with their fields. Times have nine decimals, as with
//! `trace-cmd report -t`.

use std::io::{self, Write};

use crate::ids::{CpuId, Tid};
use crate::trace::event::{Cause, Event, Fault, Kind, Why};
use crate::trace::{Header, Record};

use super::names::Names;
use super::{ExportError, Exporter, Input, Writes};

pub const EXPORTER: Exporter = Exporter {
    name: "ftrace",
    endings: &["ftrace"],
    doc: "The text of the kernel's own tracing, for scripts that read it, and Perfetto.",
    writes: Writes::Events(write),
};

/// So many bytes are collected before they are written.
const CHUNK: usize = 64 * 1024;
/// The priority of a thread of nice 0.
const PRIORITY: u32 = 120;
/// Linux's vectors on x86-64 of the local timer and of a request to schedule.
const TIMER: u8 = 236;
const RESCHEDULE: u8 = 253;

fn write(input: &mut Input<'_>, out: &mut dyn Write) -> Result<(), ExportError> {
    let mut names = Names::new(input.header(), printable);
    let mut bytes = Vec::with_capacity(2 * CHUNK);
    head(&mut bytes, input.header())?;
    for record in input.by_ref() {
        match record {
            Ok(Record::Event(event)) => line(&mut bytes, &event, &names)?,
            Ok(other) => names.learn(&other),
            Err(error) => {
                out.write_all(&bytes)?;
                return Err(error.into());
            }
        }
        if bytes.len() >= CHUNK {
            out.write_all(&bytes)?;
            bytes.clear();
        }
    }
    out.write_all(&bytes)?;
    out.flush()?;
    Ok(())
}

/// A name on one line.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '_' } else { c }).collect()
}

fn head(out: &mut Vec<u8>, header: &Header) -> io::Result<()> {
    writeln!(out, "# tracer: nop")?;
    writeln!(out, "#")?;
    writeln!(out, "# scenario: {}   #P:{}", printable(&header.scenario), header.cpus)?;
    writeln!(out, "#")?;
    writeln!(out, "#                                _-----=> irqs-off/BH-disabled")?;
    writeln!(out, "#                               / _----=> need-resched")?;
    writeln!(out, "#                              | / _---=> hardirq/softirq")?;
    writeln!(out, "#                              || / _--=> preempt-depth")?;
    writeln!(out, "#                              ||| / _-=> migrate-disable")?;
    writeln!(out, "#                              |||| /     delay")?;
    writeln!(out, "#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION")?;
    writeln!(out, "#              | |         |   |||||     |         |")
}

fn comm(names: &Names, task: Tid) -> &str {
    match task {
        Tid::IDLE => "<idle>",
        task => names.task(task).unwrap_or("<...>"),
    }
}

fn line(out: &mut Vec<u8>, event: &Event, names: &Names) -> io::Result<()> {
    let at = event.at.as_nanos();
    let cpu = event.cpu.unwrap_or(match event.kind {
        Kind::InterruptRaised { to, .. } | Kind::InterruptCoalesced { to, .. } => to,
        _ => CpuId(0),
    });
    let (name, task) = (comm(names, event.task), event.task.0);
    let (seconds, nanos) = (at / 1_000_000_000, at % 1_000_000_000);
    write!(out, "{name:>16}-{task:<7} [{:03}] ..... {seconds:5}.{nanos:09}: ", cpu.0)?;
    function(out, event, names)?;
    out.push(b'\n');
    Ok(())
}

/// In `sched_switch`, the idle thread is called otherwise than at the beginning of the line.
fn switched(names: &Names, task: Tid, cpu: Option<CpuId>) -> String {
    match task {
        Tid::IDLE => format!("swapper/{}", cpu.unwrap_or_default()),
        task => comm(names, task).to_owned(),
    }
}

fn function(out: &mut Vec<u8>, event: &Event, names: &Names) -> io::Result<()> {
    let kind = event.kind.name();
    match event.kind {
        Kind::SchedSwitch { prev, next, why } => {
            let (before, after) = (switched(names, prev, event.cpu), switched(names, next, event.cpu));
            write!(
                out,
                "{kind}: prev_comm={before} prev_pid={prev} prev_prio={PRIORITY} prev_state={} ==> \
                 next_comm={after} next_pid={next} next_prio={PRIORITY}",
                state(why)
            )
        }
        Kind::SchedWaking { task } => woken(out, kind, task, event.cpu.unwrap_or_default(), names),
        Kind::SchedWakeup { task, on } => woken(out, kind, task, on, names),
        Kind::SchedMigrate { task, from, to, .. } => write!(
            out,
            "sched_migrate_task: comm={} pid={task} prio={PRIORITY} orig_cpu={from} dest_cpu={to}",
            comm(names, task)
        ),
        Kind::SysEnter { call } => write!(out, "sys_{}()", names.call(call).unwrap_or("unknown")),
        Kind::SysExit { call, result } => {
            write!(out, "sys_{} -> {result:#x}", names.call(call).unwrap_or("unknown"))
        }
        Kind::PageFaultUser { page, fault } => faulted(out, kind, page, fault, 4),
        Kind::PageFaultKernel { page, fault } => faulted(out, kind, page, fault, 0),
        Kind::IrqHandlerEntry { vector } => {
            write!(out, "{kind}: irq={vector} name={}", names.vector(vector).unwrap_or("unknown"))
        }
        Kind::IrqHandlerExit { vector, handled } => {
            write!(out, "{kind}: irq={vector} ret={}", if handled { "handled" } else { "unhandled" })
        }
        Kind::SoftirqEntry { vector } | Kind::SoftirqExit { vector } => {
            write!(out, "{kind}: vec={vector} [action={}]", names.vector(vector).unwrap_or("unknown"))
        }
        Kind::LocalTimerEntry | Kind::LocalTimerExit => write!(out, "{kind}: vector={TIMER}"),
        Kind::RescheduleEntry | Kind::RescheduleExit => write!(out, "{kind}: vector={RESCHEDULE}"),
        Kind::ProcessFork { child, .. } => write!(
            out,
            "sched_process_fork: comm={} pid={} child_comm={} child_pid={child}",
            comm(names, event.task),
            event.task,
            comm(names, child)
        ),
        Kind::ProcessExit { .. } => write!(
            out,
            "sched_process_exit: comm={} pid={} prio={PRIORITY}",
            comm(names, event.task),
            event.task
        ),
        _ => {
            write!(out, "tracing_mark_write: {kind}")?;
            event.kind.each_field(|name, value| {
                let value = format!(" {name}={}", names.of(value));
                out.extend_from_slice(value.as_bytes());
            });
            Ok(())
        }
    }
}

fn woken(out: &mut Vec<u8>, kind: &str, task: Tid, on: CpuId, names: &Names) -> io::Result<()> {
    let comm = comm(names, task);
    write!(out, "{kind}: comm={comm} pid={task} prio={PRIORITY} target_cpu={:03}", on.0)
}

/// The error code is that of x86: bit 0 for a page that is there, 1 for a write, 2 for user mode.
fn faulted(out: &mut Vec<u8>, kind: &str, page: u64, fault: Fault, mode: u8) -> io::Result<()> {
    let code = mode
        | match fault {
            Fault::Minor | Fault::Major => 0,
            Fault::Protection => 1,
            Fault::CopyOnWrite => 3,
        };
    let address = page.saturating_mul(4096);
    write!(out, "{kind}: address={address:#x} ip=0x0 error_code={code:#x}")
}

const fn state(why: Why) -> &'static str {
    match why {
        Why::Preempted { .. } => "R+",
        Why::SliceEnd | Why::Yielded | Why::WorkArrived => "R",
        Why::Blocked { on: Cause::Disk | Cause::Page, .. } => "D",
        Why::Blocked { on: Cause::Stopped, .. } => "T",
        Why::Blocked { .. } => "S",
        Why::Exited => "Z",
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use crate::trace::Reader;

    /// What a script makes of a line: thread, CPU, nanoseconds, name of the event, and the rest.
    fn parse(line: &str) -> (u32, u16, u64, &str, &str) {
        let (head, rest) = line.split_once(" [").unwrap();
        let task = head.trim_end().rsplit_once('-').unwrap().1.parse().unwrap();
        let (cpu, rest) = rest.split_once("] ").unwrap();
        let (flags, rest) = rest.split_once(' ').unwrap();
        assert_eq!(flags.len(), 5);
        let (time, rest) = rest.trim_start().split_once(": ").unwrap();
        let (seconds, nanos) = time.split_once('.').unwrap();
        let at = seconds.parse::<u64>().unwrap() * 1_000_000_000 + nanos.parse::<u64>().unwrap();
        let (name, rest) = rest.split_once(": ").unwrap_or((rest, ""));
        (task, cpu.parse().unwrap(), at, name, rest)
    }

    #[test]
    fn lines_are_read_by_an_independent_parser() {
        let bytes = samples::bytes();
        let mut out = Vec::new();
        write(&mut Reader::new(&bytes[..]).unwrap().boxed(), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.starts_with("# tracer: nop\n"));
        let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).map(parse).collect();
        let trace = samples::trace();
        assert_eq!(lines.len(), trace.events.len());
        for (line, event) in lines.iter().zip(&trace.events) {
            assert_eq!((line.0, line.2), (event.task.0, event.at.as_nanos()));
        }
        let of = |name: &str| *lines.iter().find(|line| line.3 == name).unwrap();
        assert_eq!(
            of("sched_switch").4,
            "prev_comm=say \"hi\" prev_pid=2 prev_prio=120 prev_state=S ==> next_comm=swapper/0 next_pid=0 \
             next_prio=120"
        );
        assert_eq!(of("irq_handler_entry"), (0, 1, 400, "irq_handler_entry", "irq=99 name=unknown"));
        assert_eq!(
            of("sched_process_fork").4,
            "comm=say \"hi\" pid=2 child_comm=child, the first child_pid=9"
        );
        assert_eq!(of("local_timer_entry").4, "vector=236");
        assert_eq!(of("sys_read()").2, 100);
        assert_eq!(of("sys_write -> 0xffffffffffffffe0").2, 600);
        let print = lines[lines.len() - 1];
        assert_eq!(print.4, "print text=line one_line \"two\", and more");
    }
}
