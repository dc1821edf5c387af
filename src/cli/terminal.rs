//! Standard output for data, standard error for everything else; colour and width.

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use anstream::{AutoStream, ColorChoice};
use trapline::analysis::render::Colour;
use trapline::scenario::Diagnostics;

use super::exit::Failure;

/// The width of texts for a file or another program.
const WIDTH: u16 = 110;
/// The lines of a page, where there is no screen.
const HEIGHT: u16 = 50;

/// Takes over what `--color` says; without it, `NO_COLOR` and the kind of the stream decide.
pub fn choose_colour(choice: clap::ColorChoice) {
    let choice = match choice {
        clap::ColorChoice::Auto => ColorChoice::Auto,
        clap::ColorChoice::Always => ColorChoice::Always,
        clap::ColorChoice::Never => ColorChoice::Never,
    };
    choice.write_global();
}

/// Whether standard output gets colour.
pub fn colour() -> Colour {
    colour_on(AutoStream::choice(&io::stdout()))
}

/// Whether standard error gets colour.
pub fn error_colour() -> Colour {
    colour_on(AutoStream::choice(&io::stderr()))
}

fn colour_on(choice: ColorChoice) -> Colour {
    match choice {
        ColorChoice::Never => Colour::Never,
        ColorChoice::Auto | ColorChoice::Always | ColorChoice::AlwaysAnsi => Colour::Always,
    }
}

/// How many characters fit in a line of standard output.
pub fn width() -> u16 {
    match terminal_size::terminal_size_of(io::stdout()) {
        Some((terminal_size::Width(width), _)) if io::stdout().is_terminal() => width.max(40),
        Some(_) | None => WIDTH,
    }
}

/// How many characters fit in a line of standard error, and how many lines on its screen.
pub fn error_size() -> (u16, u16) {
    match terminal_size::terminal_size_of(io::stderr()) {
        Some((terminal_size::Width(width), terminal_size::Height(height))) => (width.max(40), height),
        None => (WIDTH, HEIGHT),
    }
}

/// Writes to standard output. That nobody reads it any more is no error.
pub fn print(text: &str) -> Result<(), Failure> {
    print_bytes(text.as_bytes())
}

/// Writes what isn't text to standard output.
pub fn print_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(unwritable(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Why standard output can't be written.
pub fn unwritable(error: io::Error) -> Failure {
    match error.kind() {
        ErrorKind::BrokenPipe => Failure::ClosedPipe,
        _ => Failure::host(anyhow::Error::new(error).context("can't write to standard output")),
    }
}

/// Whether only errors are to be said.
static SILENT: AtomicBool = AtomicBool::new(false);

/// From now on, notes aren't said any more; warnings and errors are.
pub fn silence() {
    SILENT.store(true, Ordering::Relaxed);
}

/// Says something that is neither data nor wrong.
pub fn note(text: &str) {
    if !SILENT.load(Ordering::Relaxed) {
        say(text);
    }
}

/// Where standard error is closed, nobody is left to be told.
fn say(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Says what went wrong.
pub fn error(text: &str) {
    say(&labelled("error", "31", text));
}

/// Says what is suspicious.
pub fn warning(text: &str) {
    say(&labelled("warning", "33", text));
}

fn labelled(label: &str, code: &str, text: &str) -> String {
    if error_colour() == Colour::Always {
        format!("\u{1b}[1;{code}m{label}\u{1b}[0m\u{1b}[1m:\u{1b}[0m {text}")
    } else {
        format!("{label}: {text}")
    }
}

/// Shows all that is wrong, or suspicious, with a scenario.
pub fn diagnostics(diagnostics: &Diagnostics) {
    if !diagnostics.problems.is_empty() {
        say(diagnostics.render(error_colour() == Colour::Always).trim_end());
    }
}

/// Bold, on standard output.
pub fn strong(text: &str) -> String {
    paint(text, "1")
}

/// A text in a colour, on standard output.
pub fn paint(text: &str, code: &str) -> String {
    match colour() {
        Colour::Always => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        Colour::Never => text.to_owned(),
    }
}
