//! The columns of the Parquet table, and which field of an event goes where.

use crate::trace::fields::Value;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// A signed integer of 64 bits.
    Signed,
    /// An unsigned integer of 64 bits.
    Unsigned,
    /// An unsigned integer of 32 bits.
    Number,
    Flag,
    Text,
}

impl Sort {
    #[cfg(test)]
    pub const fn name(self) -> &'static str {
        match self {
            Sort::Signed => "int64",
            Sort::Unsigned => "uint64",
            Sort::Number => "uint32",
            Sort::Flag => "bool",
            Sort::Text => "text",
        }
    }
}

/// One column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    pub name: &'static str,
    pub sort: Sort,
    /// For docs/EXPORTS.md.
    #[cfg_attr(not(test), expect(dead_code, reason = "a test writes the documentation"))]
    pub doc: &'static str,
}

macro_rules! columns {
    ($($column:ident = $name:literal, $sort:ident, $doc:literal;)*) => {
        /// A column's position in [`COLUMNS`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum At { $($column,)* }

        /// Every column, in the table's order.
        pub static COLUMNS: &[Column] =
            &[$(Column { name: $name, sort: Sort::$sort, doc: $doc },)*];
    };
}

columns! {
    Time = "at_ns", Signed, "When, in nanoseconds since the start of the run.";
    Cpu = "cpu", Number, "On which CPU.";
    Task = "task", Number, "The thread that was current there; 0 if none was.";
    TaskName = "task_name", Text, "Its name.";
    Step = "step", Number, "The step of the scenario that it was at.";
    StepText = "step_text", Text, "That step, as the scenario writes it.";
    Line = "line", Number, "The line of the scenario file at which that step stands.";
    Kind = "kind", Text, "What happened, as in [TRACE.md](TRACE.md).";
    Call = "call", Text, "The system call.";
    Result = "result", Signed, "What the call returned.";
    Object = "object", Text, "The channel, lock, file or device.";
    Bytes = "bytes", Unsigned, "How many bytes.";
    Why = "why", Text, "Why the CPU left a thread, or what moved one.";
    Cause = "cause", Text, "What a thread that blocks waits for.";
    Prev = "prev", Number, "The thread that a switch leaves.";
    Next = "next", Number, "The thread that a switch goes to.";
    NextName = "next_name", Text, "Its name.";
    By = "by", Number, "The thread that pre-empts.";
    Other = "other", Number, "The thread that something happens to: woken, moved, picked, forked, sent a signal.";
    OtherName = "other_name", Text, "Its name.";
    Donor = "donor", Number, "The thread that lends its priority.";
    Process = "process", Number, "The process of a forked thread.";
    ToCpu = "to_cpu", Number, "The CPU that a thread or an interrupt goes to.";
    FromCpu = "from_cpu", Number, "The CPU that a thread comes from.";
    Vector = "vector", Text, "The line of the interrupt controller.";
    Page = "page", Unsigned, "The page.";
    Fault = "fault", Text, "The page fault's cause.";
    Exception = "exception", Text, "Which exception.";
    Signal = "signal", Text, "Which signal.";
    Handled = "handled", Flag, "Whether a signal has a handler, or an interrupt a device.";
    Write = "write", Flag, "Whether a request or a page has to be written.";
    Begun = "begun", Flag, "Whether a job had begun.";
    Status = "status", Unsigned, "With which status a thread ended.";
    Rule = "rule", Text, "By which rule the scheduler picked.";
    Number = "number", Unsigned, "What the rule went by; or a job's number.";
    Release = "release", Unsigned, "When a job was released.";
    Deadline = "deadline", Unsigned, "By when a job must have ended.";
    Load = "load", Unsigned, "The load average, in hundredths.";
    Level = "level", Unsigned, "The level that threads are lifted to.";
    Due = "due", Unsigned, "When that was due.";
    Pages = "pages", Unsigned, "How many pages a process had.";
    Free = "free", Unsigned, "How many page frames are free.";
    Before = "before", Signed, "The priority until now.";
    After = "after", Signed, "The priority from now on.";
    Text = "text", Text, "A line of output, or the name of a program.";
}

/// Where a field goes; none if there is no column for it.
#[inline]
pub fn place(field: &str, value: Value) -> Option<At> {
    Some(match value {
        Value::Task(_) => match field {
            "prev" => At::Prev,
            "next" => At::Next,
            "by" => At::By,
            "donor" => At::Donor,
            _ => At::Other,
        },
        Value::Process(_) => At::Process,
        Value::Cpu(_) if field == "from" => At::FromCpu,
        Value::Cpu(_) => At::ToCpu,
        Value::Call(_) => At::Call,
        Value::Object(_) => At::Object,
        Value::Vector(_) => At::Vector,
        Value::Signal(_) => At::Signal,
        Value::Name(_) => At::Text,
        Value::Result(_) => match field {
            "before" => At::Before,
            "after" => At::After,
            "result" => At::Result,
            _ => return None,
        },
        Value::Flag(_) => match field {
            "handled" => At::Handled,
            "write" => At::Write,
            "begun" => At::Begun,
            _ => return None,
        },
        Value::Word(_) => match field {
            "why" => At::Why,
            "on" => At::Cause,
            "fault" => At::Fault,
            "exception" => At::Exception,
            "rule" => At::Rule,
            _ => return None,
        },
        Value::Number(_) => match field {
            "bytes" => At::Bytes,
            "page" => At::Page,
            "number" => At::Number,
            "status" => At::Status,
            "release" => At::Release,
            "deadline" => At::Deadline,
            "load" => At::Load,
            "level" => At::Level,
            "due" => At::Due,
            "pages" => At::Pages,
            "free" => At::Free,
            _ => return None,
        },
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fmt::Write as _;

    use super::*;
    use crate::trace::kinds::samples;

    #[test]
    fn every_field_of_every_kind_has_a_column_of_its_own() {
        for kind in samples::kinds() {
            let mut taken = BTreeSet::new();
            kind.each_field(|field, value| {
                let at = place(field, value).unwrap_or_else(|| panic!("{}.{field}", kind.name()));
                assert!(
                    taken.insert(at as usize),
                    "{}: two fields in {}",
                    kind.name(),
                    COLUMNS[at as usize].name
                );
                let sort = match value {
                    Value::Result(_) => Sort::Signed,
                    Value::Number(_) => Sort::Unsigned,
                    Value::Task(_) | Value::Process(_) | Value::Cpu(_) => Sort::Number,
                    Value::Flag(_) => Sort::Flag,
                    Value::Call(_)
                    | Value::Object(_)
                    | Value::Vector(_)
                    | Value::Signal(_)
                    | Value::Name(_)
                    | Value::Word(_) => Sort::Text,
                };
                assert_eq!(COLUMNS[at as usize].sort, sort, "{}.{field}", kind.name());
            });
        }
    }

    #[test]
    fn the_documentation_holds_the_columns() {
        let mut table = "| column | type | what it is |\n|---|---|---|\n".to_owned();
        for column in COLUMNS {
            writeln!(table, "| `{}` | {} | {} |", column.name, column.sort.name(), column.doc).unwrap();
        }
        crate::documentation::holds("EXPORTS.md", "columns", &table);
    }
}
