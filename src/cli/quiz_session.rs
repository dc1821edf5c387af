//! A quiz with somebody at the other end: asks, waits for an answer, tells what is right and why.

use std::io::{self, BufRead};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use trapline::quiz::grade::{Verdict, grade, hint};
use trapline::quiz::sheet::{Part, text};

use super::exit::{Exit, Failure};
use super::{interrupt, terminal};

/// A longer line isn't an answer.
const LONGEST: usize = 500;
/// How soon Ctrl-C is noticed.
const WAIT: Duration = Duration::from_millis(100);

/// What somebody has typed.
enum Line {
    Text(String),
    NotText,
    TooLong,
}

/// How a question ended.
enum Ended {
    Right,
    Wrong,
    /// Whoever answers has had enough.
    Enough,
}

/// Asks all questions; the score is told at the end, whenever that is.
pub fn ask(parts: &[Part<'_>]) -> Result<Exit, Failure> {
    let lines = listen();
    let (mut right, mut answered) = (0, 0);
    let all: usize = parts.iter().map(|part| part.paper.questions.len()).sum();
    'parts: for (number, part) in parts.iter().enumerate() {
        let gap = if number > 0 { "\n" } else { "" };
        terminal::print(&format!("{gap}{}\n", text::scenario(part, width())))?;
        for number in 0..part.paper.questions.len() {
            match ask_one(part, number, &lines)? {
                Ended::Right => right += 1,
                Ended::Wrong => {}
                Ended::Enough => break 'parts,
            }
            answered += 1;
        }
    }
    let left = all - answered;
    let unasked = if left > 0 { format!(", {left} not answered") } else { String::new() };
    terminal::print(&format!("{}\n", terminal::strong(&format!("{right} of {answered} right{unasked}"))))?;
    Ok(Exit::Success)
}

fn ask_one(part: &Part<'_>, number: usize, lines: &Receiver<Line>) -> Result<Ended, Failure> {
    let question = &part.paper.questions[number];
    terminal::print(&text::question(number + 1, question, width()))?;
    let ways = format!("answer with {}; s shows the answer, q ends", hint(&question.answer));
    loop {
        terminal::print("> ")?;
        let typed = match next(lines)? {
            None => {
                terminal::print("\n")?;
                return Ok(Ended::Enough);
            }
            Some(Line::TooLong) => {
                terminal::print(&format!("That is too long for an answer: {ways}\n"))?;
                continue;
            }
            Some(Line::NotText) => {
                terminal::print(&format!("That isn't text: {ways}\n"))?;
                continue;
            }
            Some(Line::Text(typed)) => typed,
        };
        let (verdict, ended) = match typed.trim() {
            "q" | "quit" | "exit" => return Ok(Ended::Enough),
            "" | "?" | "help" => {
                terminal::print(&format!("{ways}\n"))?;
                continue;
            }
            "s" | "skip" => ("The answer is:".to_owned(), Ended::Wrong),
            typed => match grade(&question.answer, typed) {
                Verdict::Right => (terminal::paint("Right.", "32"), Ended::Right),
                Verdict::Wrong => (format!("{} It is:", terminal::paint("Wrong.", "31")), Ended::Wrong),
                Verdict::Unclear(help) => {
                    terminal::print(&format!("{help}\n"))?;
                    continue;
                }
            },
        };
        terminal::print(&format!("{verdict}\n{}\n", text::answer(part, question, width())))?;
        return Ok(ended);
    }
}

fn width() -> usize {
    usize::from(terminal::width())
}

/// The next line; none at the end of the input.
fn next(lines: &Receiver<Line>) -> Result<Option<Line>, Failure> {
    loop {
        match lines.recv_timeout(WAIT) {
            Ok(line) => return Ok(Some(line)),
            Err(RecvTimeoutError::Disconnected) => return Ok(None),
            Err(RecvTimeoutError::Timeout) if interrupt::count() > 0 => {
                terminal::print("\n")?;
                return Err(Failure::Interrupted);
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

/// Reads standard input on a thread of its own, since a read doesn't end with Ctrl-C.
fn listen() -> Receiver<Line> {
    let (sender, lines) = sync_channel(1);
    thread::spawn(move || read(&mut io::stdin().lock(), &sender));
    lines
}

/// Sends each line, of which it keeps no more than an answer can have.
fn read(input: &mut impl BufRead, lines: &SyncSender<Line>) {
    let (mut line, mut length) = (Vec::new(), 0);
    loop {
        let Ok(buffer) = input.fill_buf() else { return };
        let end = buffer.iter().position(|&byte| byte == b'\n');
        let taken = end.unwrap_or(buffer.len());
        let room = (LONGEST + 1).saturating_sub(line.len()).min(taken);
        line.extend_from_slice(&buffer[..room]);
        length += taken;
        let is_over = buffer.is_empty();
        input.consume(if end.is_some() { taken + 1 } else { taken });
        if (end.is_some() || is_over && length > 0)
            && lines.send(judged(std::mem::take(&mut line), std::mem::take(&mut length))).is_err()
        {
            return;
        }
        if is_over {
            return;
        }
    }
}

fn judged(line: Vec<u8>, length: usize) -> Line {
    if length > LONGEST {
        return Line::TooLong;
    }
    String::from_utf8(line).map_or(Line::NotText, Line::Text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(input: &[u8]) -> Vec<Line> {
        let (sender, lines) = sync_channel(100);
        read(&mut io::BufReader::with_capacity(7, input), &sender);
        drop(sender);
        lines.iter().collect()
    }

    #[test]
    fn lines_come_one_by_one_and_the_last_needs_no_end() {
        let found = lines(b"a\nbcdefghijk\n\nlast");
        let texts: Vec<&str> =
            found.iter().map(|line| if let Line::Text(text) = line { text.as_str() } else { "?" }).collect();
        assert_eq!(texts, ["a", "bcdefghijk", "", "last"]);
    }

    #[test]
    fn what_is_too_long_or_no_text_is_said_to_be_so() {
        let mut input = vec![b'x'; LONGEST];
        input.push(b'\n');
        input.extend(vec![b'y'; 10 * LONGEST]);
        input.extend(b"\n\xff\xfe\nb\n");
        let found = lines(&input);
        assert!(matches!(&found[0], Line::Text(text) if text.len() == LONGEST));
        assert!(matches!(found[1..], [Line::TooLong, Line::NotText, Line::Text(_)]));
    }
}
