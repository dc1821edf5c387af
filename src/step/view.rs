//! A stepped run on a terminal's screen: panes for the parts of the state, a headline, and a line for keys,
//! notes and prompts.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Block, Clear, Paragraph};

use super::Stepper;
use super::words::Part;

/// The smallest screen on which the panes can be read.
pub const LEAST: (u16, u16) = (80, 24);

/// What is on the screen beside the run itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// The only part that is shown, if one is enlarged.
    pub enlarged: Option<Part>,
    /// How many lines it is scrolled away from where it begins to be shown: its top, or its end if it grows.
    pub scrolled: usize,
    pub help: bool,
    /// What is asked for at the bottom, and what has been typed so far.
    pub prompt: Option<(&'static str, String)>,
}

const KEYS: &str = "s step  e event  c crossing  g go  p/E back  b break  i what-if  ? help  q quit";

/// What the keys do.
pub const HELP: &[(&str, &str)] = &[
    ("s, space", "one instruction on"),
    ("e", "on to the next event"),
    ("c", "on to the next entry into the kernel"),
    ("g", "on to a breakpoint, or to the end; Esc stops it"),
    ("p", "back one instruction"),
    ("E", "back one event"),
    ("0", "back to the beginning"),
    ("b", "set a breakpoint: task=NAME line=N kind=KIND time=5ms"),
    ("B", "remove all breakpoints"),
    ("i", "what if: raise an interrupt now, LINE or LINE@CPU"),
    ("u", "forget the what-ifs that lie ahead"),
    ("Tab", "enlarge one pane after the other; Esc shows all"),
    ("up, down", "scroll the enlarged pane"),
    ("?", "show or hide these lines"),
    ("q", "quit"),
];

impl View {
    /// Enlarges the pane after the one that is.
    pub fn next_pane(&mut self) {
        let next = match self.enlarged {
            None => 0,
            Some(part) => Part::ALL.iter().position(|&other| other == part).map_or(0, |place| place + 1),
        };
        (self.enlarged, self.scrolled) = (Part::ALL.get(next).copied(), 0);
    }

    /// Scrolls the enlarged pane by so many lines, down if more than zero.
    pub fn scroll(&mut self, lines: isize) {
        let away = if self.enlarged.is_some_and(Part::grows) { -lines } else { lines };
        self.scrolled = self.scrolled.saturating_add_signed(away);
    }

    pub fn draw(&self, frame: &mut Frame, stepper: &Stepper) {
        let area = frame.area();
        if area.width < LEAST.0 || area.height < LEAST.1 {
            return too_small(frame, area);
        }
        let rows = [Constraint::Length(1), Constraint::Min(0), Constraint::Length(1)];
        let [top, middle, bottom] = Layout::vertical(rows).areas(area);
        let reversed = Style::new().add_modifier(Modifier::REVERSED);
        frame.render_widget(Paragraph::new(cut(&stepper.headline(), top.width)).style(reversed), top);
        match self.enlarged {
            Some(part) => self.pane(frame, middle, stepper, part),
            None => self.panes(frame, middle, stepper),
        }
        if self.help {
            help(frame, middle);
        }
        let line = match (&self.prompt, stepper.note()) {
            (Some((question, typed)), _) => format!("{question}: {typed}_"),
            (None, "") => KEYS.to_owned(),
            (None, note) => note.to_owned(),
        };
        frame.render_widget(Paragraph::new(cut(&line, bottom.width)), bottom);
    }

    fn panes(&self, frame: &mut Frame, area: Rect, stepper: &Stepper) {
        let columns = [Constraint::Percentage(55), Constraint::Percentage(45)];
        let [left, right] = Layout::horizontal(columns).areas(area);
        // As high as the CPUs need, but the trace keeps a third.
        let wanted = stepper.lines(Part::Cpus).len() as u16 + 2;
        let cpus = Constraint::Length(wanted.min(left.height * 2 / 3));
        let [cpus, trace] = Layout::vertical([cpus, Constraint::Min(0)]).areas(left);
        self.pane(frame, cpus, stepper, Part::Cpus);
        self.pane(frame, trace, stepper, Part::Trace);
        let parts = [Part::Queues, Part::Waiting, Part::Memory, Part::Due, Part::Console];
        let areas: [Rect; 5] = Layout::vertical(parts.map(|_| Constraint::Fill(1))).areas(right);
        for (part, area) in parts.into_iter().zip(areas) {
            self.pane(frame, area, stepper, part);
        }
    }

    fn pane(&self, frame: &mut Frame, area: Rect, stepper: &Stepper, part: Part) {
        let block = Block::bordered().title(part.title());
        let inside = block.inner(area);
        let height = usize::from(inside.height);
        let lines = stepper.lines(part);
        let over = lines.len().saturating_sub(height);
        let skipped = match (self.enlarged, part.grows()) {
            (Some(_), false) => self.scrolled.min(over),
            (Some(_), true) => over.saturating_sub(self.scrolled),
            (None, true) => over,
            (None, false) => 0,
        };
        let mut shown: Vec<Line> = lines[skipped..]
            .iter()
            .take(height)
            .map(|line| {
                let style = match line.starts_with('>') {
                    true => Style::new().add_modifier(Modifier::BOLD),
                    false => Style::new(),
                };
                Line::styled(cut(line, inside.width), style)
            })
            .collect();
        let below = over - skipped;
        if below > 0
            && !part.grows()
            && let Some(last) = shown.last_mut()
        {
            *last = Line::raw(format!("... {} more lines", below + 1));
        }
        frame.render_widget(block, area);
        frame.render_widget(Paragraph::new(shown), inside);
    }
}

fn too_small(frame: &mut Frame, area: Rect) {
    let text = format!(
        "This terminal has {} columns and {} lines; the stepper needs {} columns and {} lines. Enlarge it, or \
         press q.",
        area.width, area.height, LEAST.0, LEAST.1
    );
    let wrapped = Paragraph::new(text).wrap(ratatui::widgets::Wrap { trim: true });
    frame.render_widget(wrapped, area);
}

fn help(frame: &mut Frame, area: Rect) {
    let lines: Vec<Line> = HELP.iter().map(|(keys, what)| Line::raw(format!("{keys:9} {what}"))).collect();
    let (width, height) = (70.min(area.width), (lines.len() as u16 + 2).min(area.height));
    let place =
        Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
    frame.render_widget(Clear, place);
    frame.render_widget(Paragraph::new(lines).block(Block::bordered().title("Keys")), place);
}

/// The text, with an ellipsis where it is too long for the screen.
fn cut(text: &str, width: u16) -> String {
    let width = usize::from(width);
    let line = Line::raw(text);
    if line.width() <= width {
        return text.to_owned();
    }
    let mut shown = String::new();
    for letter in text.chars() {
        shown.push(letter);
        if Line::raw(shown.as_str()).width() >= width {
            shown.pop();
            break;
        }
    }
    shown.push('…');
    shown
}
