//! `trapline step`: walks through a run in the terminal, forwards and backwards.

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use trapline::step::Stepper;
use trapline::step::breakpoint::Breakpoint;
use trapline::step::command::Command;
use trapline::step::view::View;

use super::exit::{Exit, Failure};
use super::load::load;
use super::run::OverrideArgs;
use super::{interrupt, terminal};

/// Walk through a run on the simulated machine, one instruction or event at a time, forwards and backwards.
///
/// Shows what each CPU is about to execute, its interrupt register, who is ready and who waits for what,
/// memory, what is due next, the console and the last events. `?` shows the keys.
#[derive(Debug, Args)]
pub struct Step {
    /// The scenario; `-` is standard input, together with --script.
    #[arg(value_name = "FILE")]
    file: PathBuf,

    #[command(flatten)]
    overrides: OverrideArgs,

    /// Carry out these commands and print the state after each, without a terminal: the stepper's keys as
    /// words, for example "s s*100 e c b:task=writer,line=12 g p E i:disk u @0".
    #[arg(long, value_name = "COMMANDS")]
    script: Option<String>,

    /// How many of the last events, and lines of the console, --script prints.
    #[arg(long, value_name = "NUMBER", default_value_t = 5, requires = "script")]
    events: usize,
}

impl Step {
    pub fn execute(self) -> Result<Exit, Failure> {
        let script = self.script.as_deref().map(Command::script).transpose().map_err(Failure::usage)?;
        if script.is_none() && !(io::stdin().is_terminal() && io::stdout().is_terminal()) {
            let advice =
                "the stepper needs a terminal; --script \"s e c\" prints the states in place of that";
            return Err(Failure::usage(advice));
        }
        let scenario = load(&self.file, &self.overrides.overrides())?;
        let mut stepper = Stepper::new(&scenario.image);
        match script {
            Some(script) => print(&mut stepper, &script, self.events),
            None => show(&mut stepper),
        }
    }
}

/// Prints the state at the beginning and after each command.
fn print(stepper: &mut Stepper, script: &[(String, Command)], events: usize) -> Result<Exit, Failure> {
    terminal::print(&stepper.text(events))?;
    for (word, command) in script {
        stepper.command(command, &mut || interrupt::count() > 0);
        if interrupt::count() > 0 {
            return Err(Failure::Interrupted);
        }
        let note = if stepper.note().is_empty() { String::new() } else { format!("  {}", stepper.note()) };
        terminal::print(&format!("\n--- {word}{note}\n{}", stepper.text(events)))?;
    }
    Ok(Exit::Success)
}

/// Shows the run on the terminal, which is as it was before when this returns, whatever happens.
fn show(stepper: &mut Stepper) -> Result<Exit, Failure> {
    // It takes care of panics as well.
    let mut terminal = ratatui::try_init().map_err(Failure::host)?;
    let walked = walk(&mut terminal, stepper);
    let restored = ratatui::try_restore();
    walked.and(restored).map_err(Failure::host)?;
    Ok(Exit::Success)
}

fn walk(terminal: &mut DefaultTerminal, stepper: &mut Stepper) -> io::Result<()> {
    /// So that a SIGTERM is noticed while no key is pressed.
    const WAIT: Duration = Duration::from_millis(200);
    let mut view = View::default();
    let mut stale = true;
    while interrupt::count() == 0 && has_terminal() {
        if stale {
            terminal.draw(|frame| view.draw(frame, stepper))?;
        }
        stale = event::poll(WAIT)?;
        if !stale || !has_terminal() {
            continue;
        }
        if let Event::Key(key) = event::read()?
            && key.kind == KeyEventKind::Press
            && !press(&mut view, stepper, key)
        {
            break;
        }
    }
    Ok(())
}

/// Whether the terminal is still there: to read from one that has been closed would never end.
fn has_terminal() -> bool {
    #[cfg(target_os = "linux")]
    {
        use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
        use std::os::fd::AsFd;

        let input = io::stdin();
        let mut watched = [PollFd::new(input.as_fd(), PollFlags::empty())];
        // What is wrong is told whether or not it was asked for (poll(2)).
        poll(&mut watched, PollTimeout::ZERO).is_err() || watched[0].any() == Some(false)
    }
    #[cfg(not(target_os = "linux"))]
    true
}

/// Whether whoever waits has had enough: has pressed Esc or Ctrl-C.
fn has_enough() -> bool {
    let pressed = || -> io::Result<bool> {
        while event::poll(Duration::ZERO)? {
            if let Event::Key(key) = event::read()?
                && (key.code == KeyCode::Esc || is_control_c(key))
            {
                return Ok(true);
            }
        }
        Ok(false)
    };
    // A terminal that can't be read any more has nobody at it.
    interrupt::count() > 0 || pressed().unwrap_or(true)
}

fn is_control_c(key: KeyEvent) -> bool {
    key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL)
}

/// What a key does. False if it ends the program.
fn press(view: &mut View, stepper: &mut Stepper, key: KeyEvent) -> bool {
    if is_control_c(key) {
        return false;
    }
    if view.prompt.is_some() {
        type_in(view, stepper, key.code);
        return true;
    }
    let command = match key.code {
        KeyCode::Char('q') => return false,
        KeyCode::Char('s' | ' ') | KeyCode::Right => Command::Step(1),
        KeyCode::Char('p') | KeyCode::Left => Command::Back(1),
        KeyCode::Char('e') => Command::Event(1),
        KeyCode::Char('E') => Command::EventBack(1),
        KeyCode::Char('c') => Command::Crossing(1),
        KeyCode::Char('g') => Command::Run,
        KeyCode::Char('0') => Command::GoTo(0),
        KeyCode::Char('B') => Command::ClearBreakpoints,
        KeyCode::Char('u') => Command::Forget,
        other => {
            match other {
                KeyCode::Char('b') => view.prompt = Some((BREAK, String::new())),
                KeyCode::Char('i') => view.prompt = Some((RAISE, String::new())),
                KeyCode::Char('?') => view.help = !view.help,
                KeyCode::Tab => view.next_pane(),
                KeyCode::Up | KeyCode::Down => view.scroll(if other == KeyCode::Down { 1 } else { -1 }),
                KeyCode::Esc => *view = View::default(),
                _ => {}
            }
            return true;
        }
    };
    stepper.command(&command, &mut has_enough);
    true
}

const BREAK: &str = "stop where (task=NAME line=N kind=KIND time=5ms)";
const RAISE: &str = "raise which line (LINE or LINE@CPU)";

/// A key at the prompt.
fn type_in(view: &mut View, stepper: &mut Stepper, key: KeyCode) {
    let Some((question, typed)) = &mut view.prompt else { return };
    match key {
        KeyCode::Char(letter) => typed.push(letter),
        KeyCode::Backspace => {
            typed.pop();
        }
        KeyCode::Esc => view.prompt = None,
        KeyCode::Enter => {
            let command = match *question {
                BREAK => Breakpoint::parse(typed).map(Command::Break),
                _ => Command::raise(typed),
            };
            view.prompt = None;
            match command {
                Ok(command) => stepper.command(&command, &mut has_enough),
                Err(wrong) => stepper.tell(wrong),
            }
        }
        _ => {}
    }
}
