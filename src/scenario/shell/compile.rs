//! From commands to steps: what a shell does for a line, as programs of the scenario.
//!
//! The line runs in a process of its own, as with `system(3)`. It makes a pipe before each
//! command that writes into one, forks a child for each command, gives up the ends that it has passed
//! on, and waits. The child puts pipes and files in the place of the terminal and becomes the
//! command's program by an exec. Model: dash, evalpipe and redirect.

use std::collections::{BTreeMap, BTreeSet};

use crate::program::resolve::STANDARD;

use super::grammar::{Command, Condition, Item, Pipeline, Redirection, Script, Target};
use super::programs::BUILTINS;
use super::steps::{expression, quoted, variables};
use super::words::{Mistake, Word};

/// What one or several lines became.
#[derive(Clone, Debug, Default)]
pub struct Compiled {
    /// The steps of each program that came to be, by its name.
    pub programs: BTreeMap<String, Vec<String>>,
    /// Files that commands open.
    pub files: BTreeSet<String>,
}

/// The state of compiling one line.
struct Shell<'a> {
    /// The name of the process that runs it.
    name: String,
    /// The scenario's own programs.
    own: &'a BTreeSet<String>,
    into: &'a mut Compiled,
    children: usize,
    pipes: usize,
}

/// Compiles a line as a program of this name.
pub fn compile(
    name: &str,
    script: &Script,
    own: &BTreeSet<String>,
    into: &mut Compiled,
) -> Result<(), Mistake> {
    let mut shell = Shell { name: name.to_owned(), own, into, children: 0, pipes: 0 };
    let mut steps = vec!["{ set = \"status\", to = 0 }".to_owned()];
    for item in &script.items {
        steps.extend(shell.item(item)?);
    }
    steps.push("{ exit = \"status\" }".to_owned());
    into.programs.insert(name.to_owned(), steps);
    Ok(())
}

impl Shell<'_> {
    fn item(&mut self, item: &Item) -> Result<Vec<String>, Mistake> {
        if !item.background {
            return self.list(item);
        }
        if item.rest.is_empty() {
            let mut steps = self.pipeline(&item.first, false)?;
            steps.push("{ set = \"status\", to = 0 }".to_owned());
            return Ok(steps);
        }
        // A list in the background needs a shell of its own that goes through it.
        let name = self.child("background");
        let mut steps = vec!["{ set = \"status\", to = 0 }".to_owned()];
        steps.extend(self.list(item)?);
        steps.push("{ exit = \"status\" }".to_owned());
        self.into.programs.insert(name.clone(), steps);
        Ok(vec![format!("{{ fork = {} }}", quoted(&name)), "{ set = \"status\", to = 0 }".to_owned()])
    }

    fn list(&mut self, item: &Item) -> Result<Vec<String>, Mistake> {
        let mut steps = self.pipeline(&item.first, true)?;
        for (condition, pipeline) in &item.rest {
            let inner = self.pipeline(pipeline, true)?.join(", ");
            let condition = match condition {
                Condition::Success => "status == 0",
                Condition::Failure => "status != 0",
            };
            steps.push(format!("{{ if = \"{condition}\", then = [ {inner} ] }}"));
        }
        Ok(steps)
    }

    fn pipeline(&mut self, pipeline: &Pipeline, wait: bool) -> Result<Vec<String>, Mistake> {
        if let [command] = pipeline.commands.as_slice()
            && wait
            && let Some(steps) = own_command(command)?
        {
            return Ok(steps);
        }
        let mut steps = Vec::new();
        let mut children = Vec::new();
        // The end of the last pipe to read.
        let mut incoming: Option<usize> = None;
        for (index, command) in pipeline.commands.iter().enumerate() {
            let outgoing = (index + 1 < pipeline.commands.len()).then(|| {
                self.pipes += 1;
                self.pipes
            });
            if let Some(pipe) = outgoing {
                steps.push(format!("{{ pipe = [\"r{pipe}\", \"w{pipe}\"] }}"));
            }
            let child = self.command(command, incoming, outgoing)?;
            steps.push(format!("{{ fork = {} }}", quoted(&child)));
            if let Some(pipe) = incoming {
                steps.push(format!("{{ close = \"@r{pipe}\" }}"));
            }
            if let Some(pipe) = outgoing {
                steps.push(format!("{{ close = \"@w{pipe}\" }}"));
            }
            incoming = outgoing;
            children.push(child);
        }
        if wait {
            let waits = children.iter();
            steps.extend(waits.map(|child| format!("{{ wait = {}, status = \"status\" }}", quoted(child))));
        }
        Ok(steps)
    }

    /// The program that a command's child begins with.
    fn command(
        &mut self,
        command: &Command,
        incoming: Option<usize>,
        outgoing: Option<usize>,
    ) -> Result<String, Mistake> {
        let mut steps = Vec::new();
        if let Some(pipe) = incoming {
            steps.push(format!("{{ dup2 = \"@r{pipe}\", onto = \"stdin\" }}"));
            steps.push(format!("{{ close = \"@r{pipe}\" }}"));
        }
        if let Some(pipe) = outgoing {
            steps.push(format!("{{ close = \"@r{pipe}\" }}"));
            steps.push(format!("{{ dup2 = \"@w{pipe}\", onto = \"stdout\" }}"));
            steps.push(format!("{{ close = \"@w{pipe}\" }}"));
        }
        for redirection in &command.redirections {
            steps.extend(self.redirection(redirection)?);
        }
        steps.push(self.exec(command)?);
        let name = self.child(command.name.literal().unwrap_or_default());
        self.into.programs.insert(name.clone(), steps);
        Ok(name)
    }

    fn redirection(&mut self, redirection: &Redirection) -> Result<Vec<String>, Mistake> {
        let onto = STANDARD[usize::from(redirection.descriptor)];
        let (file, flags) = match &redirection.target {
            Target::Same(other) => {
                let other = STANDARD[usize::from(*other)];
                return Ok(vec![format!("{{ dup2 = \"{other}\", onto = \"{onto}\" }}")]);
            }
            Target::From(file) => (file, r#"["read"]"#),
            Target::To(file) => (file, r#"["write", "create", "truncate"]"#),
            Target::Append(file) => (file, r#"["write", "create", "append"]"#),
        };
        let name = file.literal().filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| Mistake::new("a file's name can't hold variables", file.at.clone()))?;
        self.into.files.insert(name.to_owned());
        Ok(vec![
            format!("{{ open = {}, flags = {flags}, into = \"f\" }}", quoted(name)),
            format!("{{ dup2 = \"@f\", onto = \"{onto}\" }}"),
            "{ close = \"@f\" }".to_owned(),
        ])
    }

    /// The exec of a command's program, which comes to be if it is one that every shell knows.
    fn exec(&mut self, command: &Command) -> Result<String, Mistake> {
        let word = &command.name;
        let name = word.literal().filter(|name| !name.is_empty());
        let name =
            name.ok_or_else(|| Mistake::new("a command's name can't hold variables", word.at.clone()))?;
        let (program, arguments) = if self.own.contains(name) {
            (name.to_owned(), numbered(&command.arguments)?)
        } else if let Some(builtin) = BUILTINS.iter().find(|builtin| builtin.name == name) {
            let whole = word.at.start..command.arguments.last().map_or(word.at.end, |word| word.at.end);
            let body = builtin.body(&command.arguments).map_err(|message| Mistake::new(message, whole))?;
            self.into.files.extend(body.files);
            let program = self.program(name, body.steps);
            let names = variables(&command.arguments).into_iter();
            (program, names.map(|name| format!("{name} = {}", quoted(&name))).collect())
        } else {
            return Err(self.unknown(name, word));
        };
        let with = if arguments.is_empty() {
            String::new()
        } else {
            format!(", args = {{ {} }}", arguments.join(", "))
        };
        Ok(format!("{{ exec = {}{with} }}", quoted(&program)))
    }

    /// A program with these steps: one that is there already, or a new one, called after the command.
    fn program(&mut self, name: &str, steps: Vec<String>) -> String {
        let mut number = 1;
        loop {
            let program = if number == 1 { name.to_owned() } else { format!("{name}-{number}") };
            match self.into.programs.get(&program) {
                Some(other) if *other != steps => number += 1,
                None if self.own.contains(&program) => number += 1,
                Some(_) => return program,
                None => {
                    self.into.programs.insert(program.clone(), steps);
                    return program;
                }
            }
        }
    }

    fn unknown(&self, name: &str, word: &Word) -> Mistake {
        let known = self.own.iter().map(String::as_str).chain(BUILTINS.iter().map(|builtin| builtin.name));
        let similar = crate::program::problem::closest(name, known);
        let hint = similar.map(|similar| format!("; did you mean `{similar}`?")).unwrap_or_default();
        Mistake::new(format!("there is no program `{name}`{hint}"), word.at.clone())
    }

    /// A name for a child of the shell.
    fn child(&mut self, what: &str) -> String {
        self.children += 1;
        let name = format!("{}-{}-{what}", self.name, self.children);
        if self.own.contains(&name) { self.child(what) } else { name }
    }
}

/// What the shell does itself, without a child: `wait` and `exit`.
fn own_command(command: &Command) -> Result<Option<Vec<String>>, Mistake> {
    let words: Vec<Option<String>> = command.arguments.iter().map(expression).collect();
    let at = command.name.at.clone();
    match (command.name.literal(), words.as_slice()) {
        (Some("wait"), []) => {
            Ok(Some(vec!["{ wait = \"all\" }".to_owned(), "{ set = \"status\", to = 0 }".to_owned()]))
        }
        (Some("wait"), _) => Err(Mistake::new("`wait` waits for all commands in the background here", at)),
        (Some("exit"), []) => Ok(Some(vec!["{ exit = \"status\" }".to_owned()])),
        (Some("exit"), [Some(status)]) => Ok(Some(vec![format!("{{ exit = {status} }}")])),
        (Some("exit"), _) => Err(Mistake::new("`exit` takes one number", at)),
        _ => Ok(None),
    }
}

/// A scenario's own program gets its arguments as the variables `arg1`, `arg2`, ...
fn numbered(words: &[Word]) -> Result<Vec<String>, Mistake> {
    let arguments = words.iter().enumerate();
    arguments
        .map(|(index, word)| {
            let message = "an argument of a scenario's own program is a whole number or a variable";
            let value = expression(word).ok_or_else(|| Mistake::new(message, word.at.clone()))?;
            Ok(format!("arg{} = {value}", index + 1))
        })
        .collect()
}
