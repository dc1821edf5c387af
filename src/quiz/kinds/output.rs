//! What is printed? A line of the terminal, by its place.

use crate::random::Stream;

use crate::quiz::observed::{Run, at};
use crate::quiz::question::{Answer, Place, Question, code, shuffle};

use super::{KindRow, Look};

pub const ROW: KindRow = KindRow {
    name: "output",
    summary: "What is the first, second ... line on the terminal?",
    doc: "Which line comes when depends on who runs when; what stands in it, on what the program has computed or been \
          given. The wrong answers are other lines of the run, and lines with other numbers.",
    needs: "a line on the terminal",
    look: Look::Tables,
    places,
    ask,
};

/// Only the first lines are asked about: who would count further?
const FIRST: usize = 6;
/// A longer line can't be read as a choice.
const LONGEST: usize = 100;

fn places(run: &Run<'_>) -> Vec<Place> {
    (0..run.summary.prints.len().min(FIRST)).map(Place::Entry).collect()
}

fn ask(run: &Run<'_>, place: Place, stream: &mut Stream) -> Option<Question> {
    let Place::Entry(number) = place else { return None };
    let lines = &run.summary.prints;
    let line = lines.get(number)?;
    if line.text.chars().count() > LONGEST {
        return None;
    }
    let mut others: Vec<String> = Vec::new();
    for other in lines.iter().take(4 * FIRST) {
        if other.text != line.text && !others.contains(&other.text) && other.text.chars().count() <= LONGEST {
            others.push(other.text.clone());
        }
    }
    shuffle(&mut others, stream);
    others.truncate(2);
    let nearby = [1, -1, 2].into_iter().filter_map(|by| with_other_number(&line.text, by));
    let wrong: Vec<String> = others.into_iter().chain(nearby).map(|text| code(&text)).collect();
    let answer = Answer::choice(code(&line.text), wrong, stream)?;
    let text = match lines.len() {
        1 => "One line is printed on the terminal. Which?".to_owned(),
        many => format!("{many} lines are printed on the terminal. Which is the {}?", ordinal(number)),
    };
    let before = number.checked_sub(1).and_then(|before| lines.get(before));
    let before = before.map_or_else(String::new, |before| {
        format!(" The line before it comes from {} at {}.", run.name(before.task), at(before.at))
    });
    Some(Question {
        kind: ROW.name,
        place,
        moment: None,
        text,
        state: Vec::new(),
        answer,
        reason: format!("{} prints it at {}.{before}", run.name(line.task), at(line.at)),
    })
}

fn ordinal(number: usize) -> &'static str {
    const NAMES: [&str; FIRST] = ["first", "second", "third", "fourth", "fifth", "sixth"];
    NAMES.get(number).copied().unwrap_or("last")
}

/// The line with its last number changed; none if it has no number, or one that wouldn't be plausible.
fn with_other_number(line: &str, by: i64) -> Option<String> {
    let end = line.rfind(|c: char| c.is_ascii_digit())? + 1;
    let begin = line[..end]
        .rfind(|c: char| !c.is_ascii_digit())
        .map_or(0, |at| at + line[at..].chars().next().map_or(1, char::len_utf8));
    let number: i64 = line[begin..end].parse().ok()?;
    let other = number.checked_add(by).filter(|other| *other >= 0)?;
    Some(format!("{}{other}{}", &line[..begin], &line[end..]))
}

#[cfg(test)]
mod tests {
    use super::with_other_number;

    #[test]
    fn another_number_takes_the_place_of_the_last_one() {
        assert_eq!(with_other_number("a 12 b 99!", 1).as_deref(), Some("a 12 b 100!"));
        assert_eq!(with_other_number("é7", -1).as_deref(), Some("é6"));
        assert_eq!(with_other_number("0", -1), None);
        assert_eq!(with_other_number("none", 1), None);
    }
}
