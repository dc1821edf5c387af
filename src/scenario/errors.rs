//! What each error code means, with a wrong and a right example. Documentation and tests iterate
//! the registry.

use crate::program::problem::Code;

/// One error code.
#[derive(Clone, Copy, Debug)]
pub struct ErrorRow {
    pub code: Code,
    pub title: &'static str,
    /// Why it is an error and what to do.
    pub doc: &'static str,
    /// Part of a scenario that has the error; empty if no text can show it. It may be one step.
    pub wrong: &'static str,
    /// The same, corrected.
    pub right: &'static str,
}

/// A part of a scenario, made whole: a step is put into a process, and a format and a process are
/// added where they are missing.
pub fn complete(example: &str) -> String {
    if example.starts_with('{') {
        return format!("format = 1\n[process.a]\nsteps = [ {example} ]\n");
    }
    let mut text = String::new();
    if !example.contains("format =") {
        text.push_str("format = 1\n");
    }
    text.push_str(example);
    if !example.contains("[process") {
        text.push_str("\n[process.a]\nsteps = [ { compute = \"10us\" } ]\n");
    }
    text
}

macro_rules! rows {
    ($($code:ident, $title:literal, $doc:literal, $wrong:literal, $right:literal;)*) => {
        /// Every error code, in the order of their numbers.
        pub const ERRORS: &[ErrorRow] = &[$(ErrorRow {
            code: Code::$code,
            title: $title,
            doc: $doc,
            wrong: $wrong,
            right: $right,
        },)*];
    };
}

rows! {
    Unreadable, "the file can't be read",
        "The path doesn't exist, is a directory, or may not be read.",
        "", "";
    NotUtf8, "the file isn't text",
        "A scenario is UTF-8 text. Save it with that encoding.",
        "", "";
    TooLarge, "the file is too large",
        "A scenario has at most 16 MiB. Use `repeat` and `count` instead of writing steps out.",
        "", "";
    Syntax, "this isn't TOML",
        "The text breaks the rules of TOML: a quote or a bracket is missing, a key stands twice, and the like.",
        "[machine]\ncpus =", "[machine]\ncpus = 1";
    TooDeep, "nested too deeply",
        "Tables and lists nest at most 80 levels deep; a step within a step takes two. Move the inner steps into a `[program.NAME]`.",
        "name = [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
        "name = \"shallow\"";
    Format, "the format is missing or unknown",
        "The first line says which version of the language the scenario is written in.",
        "format = 7", "format = 1";
    UnknownKey, "unknown key",
        "A table or step has a key that means nothing there. It would be ignored, and the run would answer another question than the one asked.",
        "[machine]\ncpu = 2", "[machine]\ncpus = 2";
    UnknownVerb, "unknown verb",
        "No key of the step is a verb.",
        "{ compuet = \"10us\" }", "{ compute = \"10us\" }";
    NoVerb, "a step without a verb",
        "One key of a step says what it does; the others say how.",
        "{ bytes = \"1B\" }", "{ write = \"terminal\", bytes = \"1B\" }";
    TwoVerbs, "a step with two verbs",
        "A step does one thing. Write two steps, one after the other.",
        "{ compute = \"10us\", sleep = \"1ms\" }", "{ compute = \"10us\" }, { sleep = \"1ms\" }";
    WrongType, "a value of the wrong type",
        "A text, a number, a list or a table stands where another one is needed.",
        "[machine]\ncpus = \"two\"", "[machine]\ncpus = 2";
    MissingKey, "a required key is missing",
        "The table or step can't do without this key.",
        "{ set = \"x\" }", "{ set = \"x\", to = 1 }";
    Unit, "a unit is missing or unknown",
        "Times and sizes carry their unit: ns, us, ms, s, min; B, KiB, MiB, GiB. A bare number could mean anything.",
        "{ compute = 10 }", "{ compute = \"10us\" }";
    OutOfRange, "a value out of range",
        "The value is negative, too large, or beyond what there is.",
        "[machine]\ncpus = 65", "[machine]\ncpus = 64";
    UnknownName, "an unknown name",
        "The table names a process, device, file or program that isn't declared.",
        "[process.a]\nprogram = \"wroker\"\n[program.worker]\nsteps = [ { compute = \"10us\" } ]",
        "[process.a]\nprogram = \"worker\"\n[program.worker]\nsteps = [ { compute = \"10us\" } ]";
    UnknownChoice, "not one of the choices",
        "The value must be one of a list of words.",
        "[kernel]\nscheduler = \"round-robbin\"", "[kernel]\nscheduler = \"round-robin\"";
    DuplicateName, "a name used twice",
        "Steps name objects without their kind, so that a pipe and a file can't share a name; a process with steps is a program as well.",
        "[pipe.x]\n[mutex.x]", "[pipe.x]\n[mutex.m]";
    BadName, "not a name",
        "Names have letters, digits, `-` and `_`, a letter in front; variables' names have no `-`. Some words are taken.",
        "{ set = \"2x\", to = 1 }", "{ set = \"x2\", to = 1 }";
    Expression, "not an expression",
        "Expressions consist of whole numbers, variables, `+ - * / %`, comparisons, `and`, `or`, `not` and parentheses.",
        "{ set = \"x\", to = \"1 +\" }", "{ set = \"x\", to = \"1 + 2\" }";
    UnknownVariable, "a variable that nothing sets",
        "The program reads a variable that neither it sets nor a program that forks it. Shared cells aren't variables: `load` brings them into one.",
        "{ set = \"count\", to = 1 }, { print = \"{cuont}\" }", "{ set = \"count\", to = 1 }, { print = \"{count}\" }";
    UnknownObject, "an unknown object",
        "The step names a pipe, file, memory, mutex or semaphore that isn't declared.",
        "[pipe.ping]\n[process.a]\nsteps = [ { write = \"pnig\", bytes = \"1B\" } ]",
        "[pipe.ping]\n[process.a]\nsteps = [ { write = \"ping\", bytes = \"1B\" } ]";
    UnknownProgram, "an unknown program",
        "`fork`, `exec`, `thread`, `join` and `wait` name a `[program.NAME]` (or a process with steps).",
        "{ fork = \"child\" }",
        "[process.a]\nsteps = [ { fork = \"child\" } ]\n[program.child]\nsteps = [ { exit = 0 } ]";
    WrongObject, "an object of the wrong kind",
        "The name is that of something else: a mutex can't be read, a pipe can't be locked.",
        "[mutex.m]\n[process.a]\nsteps = [ { read = \"m\", bytes = \"1B\" } ]",
        "[mutex.m]\n[process.a]\nsteps = [ { lock = \"m\" } ]";
    UnrelatedProcess, "a pipe out of reach",
        "A pipe has no name in the system: only the process that created it (`of`) and its descendants have its ends. Unrelated processes use something that has a name: a FIFO, a message queue or a socket. A pipe without `of` belongs to init if there are several initial processes, so that all can reach it.",
        "[pipe.p]\nof = \"a\"\n[process.a]\nsteps = [ { write = \"p\", bytes = \"1B\" } ]\n[process.b]\nsteps = [ { read = \"p\", bytes = \"1B\" } ]",
        "[pipe.p]\n[process.a]\nsteps = [ { write = \"p\", bytes = \"1B\" } ]\n[process.b]\nsteps = [ { read = \"p\", bytes = \"1B\" } ]";
    NoSteps, "nothing to do",
        "A process or program has no steps.",
        "[process.a]\nstart = \"1ms\"", "[process.a]\nstart = \"1ms\"\nsteps = [ { compute = \"10us\" } ]";
    StepsAndProgram, "both steps and a program",
        "A process has its own steps or runs a program, not both.",
        "[process.a]\nprogram = \"w\"\nsteps = [ { exit = 0 } ]\n[program.w]\nsteps = [ { exit = 0 } ]",
        "[process.a]\nprogram = \"w\"\n[program.w]\nsteps = [ { exit = 0 } ]";
    EndlessLoop, "a loop that takes no time",
        "None of the steps in the loop takes time, so that it would go round for ever at one instant.",
        "{ forever = true, do = [ { print = \"x\" } ] }",
        "{ forever = true, do = [ { print = \"x\" }, { sleep = \"1ms\" } ] }";
    ForkBomb, "a fork bomb",
        "Every run of the program makes another one, so that the machine fills up with processes. Put the fork into an `if`.",
        "[process.a]\nsteps = [ { fork = \"b\" } ]\n[program.b]\nsteps = [ { fork = \"b\" } ]",
        "[process.a]\nsteps = [ { set = \"n\", to = 3 }, { fork = \"b\" } ]\n[program.b]\nsteps = [ { add = \"n\", value = -1 }, { if = \"n > 0\", then = [ { fork = \"b\" } ] } ]";
    Device, "a device that isn't there or doesn't fit",
        "The kind of device doesn't exist, the key means nothing to it, or something needs a device that the machine doesn't have.",
        "[file.log]", "[device.disk]\n[file.log]";
    Vector, "interrupt vectors collide",
        "Each device has a line of its own at the interrupt controller; there are 32 for devices, 16 to 47.",
        "[device.a]\nkind = \"button\"\nvector = 20\n[device.b]\nkind = \"button\"\nvector = 20",
        "[device.a]\nkind = \"button\"\nvector = 20\n[device.b]\nkind = \"button\"\nvector = 21";
    NoProgress, "no program would get on",
        "A quantum or tick that isn't longer than the timer's handler leaves no time for programs; so do events or interrupts without time between them.",
        "[kernel]\nscheduler = { policy = \"round-robin\", quantum = \"1us\" }",
        "[kernel]\nscheduler = { policy = \"round-robin\", quantum = \"1ms\" }";
    Costs, "a mistake in a cost profile",
        "The profile doesn't exist, or a key or value in it is wrong.",
        "[machine]\ncosts = { base = \"textbook\", swich = \"500ns\" }",
        "[machine]\ncosts = { base = \"textbook\", switch = \"500ns\" }";
    Override, "an option can't be applied",
        "`--set` takes a dotted key whose tables are tables in the scenario.",
        "", "";
    NoProcess, "no process",
        "A scenario needs at least one `[process.NAME]`; nothing else runs by itself.",
        "name = \"[process]\"", "[process.a]\nsteps = [ { compute = \"10us\" } ]";
    Placeholder, "a brace without its partner",
        "Braces in `print` hold an expression. Write `{{` or `}}` for the character itself.",
        "{ print = \"{index\" }", "{ print = \"{index}\" }";
    Sweep, "nothing to vary",
        "`[sweep]` takes dotted keys, each with a list of simple values.",
        "[sweep]\n\"machine.cpus\" = 2", "[sweep]\n\"machine.cpus\" = [1, 2]";
    Event, "an event that isn't one thing",
        "An event says when and exactly one thing that happens; the other keys must belong to it.",
        "[[event]]\nat = \"1ms\"", "[device.b]\nkind = \"button\"\n[[event]]\nat = \"1ms\"\nraise = \"b\"";
    Unused, "a program that nobody runs",
        "A warning: no process runs the program, nor does anybody fork it.",
        "[program.spare]\nsteps = [ { exit = 0 } ]", "";
    Shell, "a line that the shell can't read",
        "The line has a command, a quote or an operator that isn't known here, or names a program that doesn't exist.",
        "{ sh = \"echo hello | wcc\" }", "{ sh = \"echo hello | wc\" }";
    Script, "a policy's script that can't be used",
        "The file can't be read, the script breaks the rules of its language, or it has no function `pick`.",
        "[kernel]\nscheduler = { code = \"fn pick(ready, now) { ready[0 }\" }",
        "[kernel]\nscheduler = { code = \"fn pick(ready, now) { ready[0] }\" }";
}
