//! The language's documentation, made from the registries: docs/SCENARIO.md.

use std::fmt::Write;

use serde_json::Value;

use crate::hw::device::DEVICES;
use crate::kernel::cost::{BUILT_IN, KEYS, ROWS, TABLES as COST_TABLES};
use crate::kernel::sched::POLICIES;
use crate::program::outside::ACTIONS;
use crate::program::verb::{COMMON_KEYS, Level, Real, VERBS, VerbRow};
use crate::units::{SIZES, TIMES};

use super::errors::ERRORS;
use super::schema::{Shape, TABLES};

const INTRODUCTION: &str = "\
# The scenario language

A scenario is a TOML file that describes a machine, a kernel, processes and what they communicate through. `format = 1`
comes first. Unknown keys are errors, and all errors of a file are shown at once.

```toml
#:schema ../trapline.schema.json
format = 1
name = \"ping\"

[pipe.p]

[process.parent]
steps = [
  { fork = \"child\" },
  { write = \"p\", value = \"6 * 7\" },
  { wait = \"child\" },
]

[program.child]
steps = [
  { read = \"p\", into = \"x\" },
  { print = \"the answer is {x}\" },
]
```

This page is made from the program's own registries; `trapline explain` shows the same texts.

## Values

";

const EXPRESSIONS: &str = "
**Expressions** are texts such as `\"i * 2 + 1\"`: whole numbers of 64 bits (`1_000` is a thousand), variables,
`+ - * / %`, comparisons `== != < <= > >=`, `and`, `or`, `not`, and parentheses. Arithmetic wraps around; a division by
zero is an exception of the CPU. Each operator costs one instruction. `index` is the process's number among those of
its `count`, from 0.

**Variables** belong to one process. A fork copies them to the child; a thread and a program begun by `exec` start with
zeros. Reading a variable that nobody sets is an error.

**Shared cells and arrays** live in `[shm.NAME]` and are written `NAME.cell` and `NAME.array[index]`. Instructions of
their own (`load`, `store`, `atomic-add`, `compare-swap`) bring their values to variables and back.

**Amounts** of time and bytes are fixed (`\"10us\"`, `\"500 instructions\"`), computed
(`{ value = \"n * 10\", unit = \"us\" }`), or random: `{ dist = \"uniform\", low = \"1us\", high = \"9us\" }`,
`{ dist = \"exponential\", mean = \"10us\" }`, `{ dist = \"normal\", mean = \"10us\", deviation = \"2us\" }`,
`{ dist = \"pareto\", scale = \"1us\", shape = 1.5 }`. Each process and place draws from a stream of its own.

";

const PIPES: &str = "
## Who holds which end of a pipe

A process starts with the ends that its program uses and those that it passes on to programs that it forks. After the
last of its steps that forks a program which needs an end, it gives up the ends that it doesn't use itself, as
well-behaved programs do; that takes no time. With `ends = \"both\"` every program that uses the pipe holds both ends for
ever, which shows the classic end of file that never comes. Descriptors are the same in all processes: 0 is the
keyboard, 1 the screen, then come pipes (read end, write end) and files.

Memory objects lie at the same pages in all address spaces, from page 16 upward. The words of all mutexes and semaphores
lie in hidden shared pages, each in a cache line of its own.

";

/// docs/SCENARIO.md.
pub fn markdown() -> String {
    // Writing to a string can't fail, so its results carry no news.
    let mut text = INTRODUCTION.to_owned();
    let units = |units: &[(&str, u64)]| {
        let names: Vec<String> = units.iter().map(|(name, _)| format!("`{name}`")).collect();
        names.join(", ")
    };
    let _ = writeln!(text, "**Times** carry a unit: {}. So do **sizes**: {}.", units(TIMES), units(SIZES));
    text.push_str(EXPRESSIONS);
    tables(&mut text);
    text.push_str(PIPES);
    verbs(&mut text);
    actions(&mut text);
    devices(&mut text);
    policies(&mut text);
    costs(&mut text);
    errors(&mut text);
    text
}

fn tables(text: &mut String) {
    text.push_str("## Tables\n\n");
    for row in TABLES {
        let schema = (row.schema)().to_value();
        let title = match row.shape {
            Shape::Value => row.key.to_owned(),
            Shape::Table => format!("[{}]", row.key),
            Shape::Named => format!("[{}.NAME]", row.key),
            Shape::List => format!("[[{}]]", row.key),
        };
        let about = description(&schema);
        // The forms' texts begin with the table's name, for readers of the code and of the schema.
        let about = about.split_once("]`: ").map_or(about.as_str(), |(_, about)| about);
        let mut letters = about.chars();
        let first = letters.next().map_or(String::new(), |letter| letter.to_uppercase().collect());
        let _ = writeln!(text, "### `{title}`\n\n{first}{}\n", letters.as_str());
        keys(text, &schema, &[]);
    }
}

fn verbs(text: &mut String) {
    text.push_str("## Steps\n\nA step is a table; one of its keys is a verb.\n\n");
    for level in Level::ALL {
        let _ = writeln!(text, "### Level: {}\n", level.name());
        if *level == Level::Syscall {
            text.push_str("Every system call knows these keys, too:\n\n| key | meaning |\n|---|---|\n");
            for (key, doc) in COMMON_KEYS {
                let _ = writeln!(text, "| `{key}` | {doc} |");
            }
            text.push('\n');
        }
        for row in VERBS.iter().filter(|row| row.level == *level) {
            verb(text, row);
        }
    }
}

fn verb(text: &mut String, row: &VerbRow) {
    let _ = writeln!(text, "#### `{}`: {}\n\n{}\n", row.name, row.summary, row.doc);
    let _ = writeln!(text, "```toml\n{}\n```\n", row.example);
    keys(text, &(row.schema)().to_value(), row.blocks);
    let _ = writeln!(text, "{}\n", row.real.sentence());
}

fn actions(text: &mut String) {
    text.push_str(
        "## Events from outside\n\nEach `[[event]]` is one of these. What a program can't do to a real machine, \
         `trapline real` leaves out, and says so.\n\n| key | what happens | on a real kernel |\n|---|---|---|\n",
    );
    for row in ACTIONS {
        let real = match row.real {
            Real::Yes(how) => how.to_owned(),
            Real::No(why) => format!("not possible: {why}"),
        };
        let _ = writeln!(text, "| `{}` | {} | {real} |", row.key, row.summary);
    }
    text.push('\n');
}

/// A schema's description, or its title in words.
fn description(schema: &Value) -> String {
    let text = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    text.replace('\n', " ")
}

/// A table of the keys of a form.
fn keys(text: &mut String, schema: &Value, blocks: &[&str]) {
    let none = serde_json::Map::new();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
    if properties.is_empty() && blocks.is_empty() {
        return;
    }
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .map_or_else(Vec::new, |list| list.iter().filter_map(Value::as_str).collect());
    text.push_str("| key | meaning |\n|---|---|\n");
    for (key, schema) in properties {
        let must = if required.contains(&key.as_str()) { " (required)" } else { "" };
        let meaning = description(schema).replace('|', "\\|");
        let _ = writeln!(text, "| `{key}`{must} | {meaning} |");
    }
    for (index, key) in blocks.iter().enumerate() {
        let must = if index == 0 { " (required)" } else { "" };
        let _ = writeln!(text, "| `{key}`{must} | The steps inside. |");
    }
    text.push('\n');
}

fn devices(text: &mut String) {
    text.push_str(
        "## Kinds of device\n\nDevices have the vectors 16 to 47, a higher one with higher priority; 60 is the local timer, \
         62 the inter-processor interrupt.\n\n| kind | what it is | what it does |\n|---|---|---|\n",
    );
    for row in DEVICES {
        let _ = writeln!(text, "| `{}` | {} | {} |", row.name, row.summary, row.doc);
    }
    text.push('\n');
}

fn policies(text: &mut String) {
    text.push_str("## Scheduling policies\n\n");
    for row in POLICIES {
        let _ = writeln!(text, "### `{}`: {}\n\n{}\n", row.name, row.summary, row.doc);
        for (key, kind, doc) in row.parameters {
            let _ = writeln!(text, "- `{key}` ({kind}): {doc}");
        }
        if !row.parameters.is_empty() {
            text.push('\n');
        }
    }
}

fn costs(text: &mut String) {
    let names: Vec<String> = BUILT_IN.iter().map(|(name, _)| format!("`{name}`")).collect();
    let _ = writeln!(
        text,
        "## Cost profiles\n\nBuilt in: {}. A profile is a TOML file with `format = 1`, a `name`, and these keys, each \
         `\"100ns\"` or `{{ cost = \"100ns\", source = \"...\" }}`. What is left out costs nothing. Beside `source`, where \
         a value comes from, it can say how measurements of it were spread: `p10` and `p90`, of so many as `n` says. \
         `costs = {{ base = \"textbook\", switch = \"500ns\" }}` in `[machine]` overrides single values.\n",
        names.join(", ")
    );
    let rows = ROWS.iter().map(|row| (row.key.to_owned(), row));
    let tables = COST_TABLES.iter().flat_map(|table| {
        let keys = KEYS.iter().filter(|(name, _)| *name == table.key).flat_map(|(_, keys)| *keys);
        let keys = keys.map(|row| (format!("{}.{}", table.key, row.key), row));
        std::iter::once((format!("[{}]", table.key), table)).chain(keys)
    });
    text.push_str("| key | meaning |\n|---|---|\n");
    for (key, row) in rows.chain(tables) {
        let _ = writeln!(text, "| `{key}` | {} |", row.doc.trim());
    }
    text.push('\n');
}

fn errors(text: &mut String) {
    text.push_str("## Errors\n\n");
    for row in ERRORS {
        let _ = writeln!(text, "### {}: {}\n\n{}\n", row.code, row.title, row.doc);
        for (title, example) in [("Wrong", row.wrong), ("Right", row.right)] {
            if !example.is_empty() && example.len() < 300 {
                let _ = writeln!(text, "{title}:\n\n```toml\n{example}\n```\n");
            }
        }
    }
}
