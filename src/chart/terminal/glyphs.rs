//! Which characters and colours states have, and how many columns a text takes.

use unicode_width::UnicodeWidthChar;

use crate::analysis::render::Colour;
use crate::chart::canvas::Rgb;
use crate::chart::columns::Paint;
use crate::chart::theme::Theme;

/// A state's character where it has all of it.
pub const fn character(paint: Paint, colour: Colour) -> char {
    match (paint, colour) {
        (Paint::Blocked, _) => '─',
        (Paint::Idle, _) => ' ',
        (_, Colour::Always) | (Paint::User, Colour::Never) => '█',
        (Paint::Kernel, Colour::Never) => '▓',
        (Paint::Fault, Colour::Never) => '▚',
        (Paint::Switch, Colour::Never) => '╱',
        (Paint::Interrupt, Colour::Never) => '◆',
        (Paint::Deferred, Colour::Never) => '◇',
        (Paint::Ready, Colour::Never) => '░',
    }
}

/// Tones that can be told from a light background and from a dark one.
pub const fn paint(paint: Paint) -> Rgb {
    Theme::Dark.palette().paint(paint)
}

/// What lies behind a state's colour, where two share a character: nothing where nothing happens.
pub fn ground(state: Paint) -> Option<Rgb> {
    match state {
        Paint::Blocked | Paint::Idle => None,
        Paint::User
        | Paint::Kernel
        | Paint::Fault
        | Paint::Switch
        | Paint::Interrupt
        | Paint::Deferred
        | Paint::Ready => Some(paint(state)),
    }
}

/// How many columns of a terminal a text takes.
pub fn wide(text: &str) -> usize {
    text.chars().map(|letter| letter.width().unwrap_or(0)).sum()
}

/// The beginning of a text, with an ellipsis if that isn't all.
pub fn fit(text: &str, room: usize) -> String {
    if wide(text) <= room {
        return text.to_owned();
    }
    let mut fitting = String::new();
    for letter in text.chars() {
        if wide(&fitting) + letter.width().unwrap_or(0) >= room {
            break;
        }
        fitting.push(letter);
    }
    fitting.push('…');
    fitting
}
