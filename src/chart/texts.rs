//! The timeline's texts: titles, labels of rows and bars, what threads print and how they end.

use plotters::prelude::DrawingBackend;

use crate::analysis::lanes::{ThreadLane, What};
use crate::analysis::naming::{count, printable};

use super::ChartError;
use super::callouts::{ABOVE, Above};
use super::canvas::{Anchor, Canvas};
use super::font::{Weight, fit, width};
use super::labels::{Ground, Label};
use super::layout::{
    HEADING, INSIDE, LABEL, LABEL_GAP, MARGIN, NOTE, QUESTION, QUESTION_LINE, TITLE, question_lines,
};
use super::theme::Theme;
use super::timeline::Timeline;

/// What a thread prints is cut to this width.
const WIDEST: f64 = 260.0;

impl Timeline<'_> {
    pub(super) fn draw_titles<B: DrawingBackend>(
        &self,
        canvas: &mut Canvas<'_, B>,
    ) -> Result<(), ChartError> {
        let (layout, palette) = (&self.layout, &self.palette);
        let room = f64::from(layout.width - 2 * MARGIN);
        if let Some(title) = fit(&self.header.scenario, room, TITLE, Weight::Strong) {
            let set = self.set(TITLE, Weight::Strong, palette.text);
            canvas.text(&title, (MARGIN, layout.title), Anchor::Left, set)?;
        }
        let lines = question_lines(&self.header.question, layout.width);
        for ((line, number), top) in lines.iter().zip(0..).zip(layout.question.iter().cycle()) {
            let set = self.set(QUESTION, Weight::Regular, palette.muted);
            canvas.text(line, (MARGIN, top + number * QUESTION_LINE), Anchor::Left, set)?;
        }
        self.legend.draw(canvas, palette, layout.legend)?;
        for heading in &layout.headings {
            let set = self.set(HEADING, Weight::Strong, palette.muted);
            canvas.text(heading.text, (MARGIN, heading.middle), Anchor::Left, set)?;
        }
        let labels = self.rows.vectors.iter().map(|row| &row.label).zip(&layout.vectors);
        let labels = labels.chain(self.rows.cpus.iter().map(|row| &row.label).zip(&layout.cpus));
        let labels = labels.chain(self.rows.threads.iter().map(|row| &row.label).zip(&layout.threads));
        for (label, place) in labels {
            let room = f64::from(layout.left - MARGIN - LABEL_GAP + 1);
            if let Some(label) = fit(label, room, LABEL, Weight::Regular) {
                let set = self.set(LABEL, Weight::Regular, palette.text);
                canvas.text(&label, (layout.left - LABEL_GAP, place.middle()), Anchor::Right, set)?;
            }
        }
        for (number, note) in self.notes.iter().enumerate() {
            if let Some(note) = fit(note, room, NOTE, Weight::Regular) {
                let set = self.set(NOTE, Weight::Regular, palette.muted);
                canvas.text(&note, (MARGIN, layout.note(number as i32)), Anchor::Left, set)?;
            }
        }
        Ok(())
    }

    pub(super) fn draw_label<B: DrawingBackend>(
        &self,
        canvas: &mut Canvas<'_, B>,
        label: &Label,
    ) -> Result<(), ChartError> {
        let colour = match label.ground {
            Ground::Paint(paint) => self.palette.fill(paint).text(&self.palette),
            Ground::Line | Ground::Plain => self.palette.muted,
        };
        if label.ground == Ground::Line {
            let wide = width(&label.text, INSIDE, Weight::Regular).ceil() as i32 + 8;
            canvas.rect((label.x - wide / 2, label.y - 7), (wide, 14), self.palette.band)?;
        }
        if let Ground::Paint(paint) = label.ground {
            // An arrow that passes through a bar goes behind its text.
            let wide = width(&label.text, INSIDE, Weight::Regular).ceil() as i32 + 4;
            let (left, top) = (label.x - wide / 2, label.y - 7);
            let fill = self.palette.fill(paint);
            if fill.hides_texts(self.palette.theme) {
                canvas.rect((left, top), (wide, 14), self.palette.background)?;
            } else if self.arrows.cross((left, top, left + wide, top + 14)) {
                let ground =
                    if self.palette.theme == Theme::Print { self.palette.background } else { fill.colour };
                canvas.rect((left, top), (wide, 14), ground)?;
            }
        }
        let set = self.set(INSIDE, Weight::Regular, colour);
        canvas.text(&label.text, (label.x, label.y), Anchor::Centre, set)
    }

    /// What threads print, signals, and how they end.
    pub(super) fn draw_annotations<B: DrawingBackend>(
        &self,
        canvas: &mut Canvas<'_, B>,
    ) -> Result<(), ChartError> {
        if !self.layout.annotations {
            return Ok(());
        }
        let by_task = self.rows.by_task(self.lanes);
        let mut above = Above::new(self.layout.threads.len());
        let room = WIDEST.min(f64::from(self.layout.width - MARGIN / 2 - self.layout.left - 10));
        for mark in &self.lanes.marks {
            let Some(&row) = by_task.get(&mark.task) else {
                continue;
            };
            let text = match &mark.what {
                What::Printed { text } => format!("“{}”", printable(text.trim_end())),
                What::SignalDelivered { signal } => signal.name().to_owned(),
                // The legend explains their triangles.
                What::DeadlineMissed if self.releases.any_miss() => continue,
                What::DeadlineMissed => "deadline missed".to_owned(),
                What::Forked { .. } | What::Exited { .. } | What::SignalSent { .. } => continue,
            };
            let (x, place) = (self.scale.x(mark.at), self.layout.threads[row]);
            let Some(text) = fit(&text, room, INSIDE, Weight::Regular) else {
                continue;
            };
            let wide = width(&text, INSIDE, Weight::Regular).ceil() as i32;
            // To the right of the moment, or to the left of it if the picture ends there.
            let beyond = x + wide + 10 - (self.layout.width - MARGIN / 2);
            let left = if beyond > 0 { (x - wide - 10).max(self.layout.left) } else { x };
            if !above.is_free(row, (left, left + wide + 10)) {
                continue;
            }
            above.take(row, (left, left + wide + 10));
            let y = place.top - ABOVE;
            canvas.line((x, place.top - 4), (x, place.top), self.palette.text)?;
            canvas.rect((left + 2, y - 7), (wide + 4, 13), self.palette.background)?;
            let set = self.set(INSIDE, Weight::Regular, self.palette.text);
            canvas.text(&text, (left + 4, y), Anchor::Left, set)?;
        }
        above.take_arrows(&self.arrows, &self.layout);
        self.draw_ends(canvas, &mut above)?;
        self.draw_callouts(canvas, &above)
    }

    /// How threads end: beside the end or, if the picture ends there too, above it.
    fn draw_ends<B: DrawingBackend>(
        &self,
        canvas: &mut Canvas<'_, B>,
        above: &mut Above,
    ) -> Result<(), ChartError> {
        for (number, &place) in self.layout.threads.iter().enumerate() {
            let Some(thread) = self.rows.threads[number].alone().map(|lane| &self.lanes.threads[lane]) else {
                continue;
            };
            let Some(end) = thread.end.filter(|end| (self.scale.from..=self.scale.to).contains(end)) else {
                continue;
            };
            let x = self.scale.x(end);
            canvas.rect((x, place.top - 2), (2, place.height + 4), self.palette.text)?;
            let Some(text) = self.exit_text(thread) else {
                continue;
            };
            let set = self.set(INSIDE, Weight::Regular, self.palette.muted);
            let wide = width(&text, INSIDE, Weight::Regular).ceil() as i32;
            let over = (x - wide - 4, x);
            if x + 8 + wide <= self.layout.left + self.layout.plot {
                if self.arrows.cross((x + 6, place.middle() - 7, x + 10 + wide, place.middle() + 7)) {
                    canvas.rect((x + 6, place.middle() - 7), (wide + 4, 14), self.palette.background)?;
                }
                canvas.text(&text, (x + 8, place.middle()), Anchor::Left, set)?;
            } else if above.is_free(number, over) {
                above.take(number, over);
                canvas.rect((over.0, place.top - ABOVE - 6), (wide + 4, 12), self.palette.background)?;
                canvas.text(&text, (x, place.top - ABOVE), Anchor::Right, set)?;
            }
        }
        Ok(())
    }

    fn exit_text(&self, thread: &ThreadLane) -> Option<String> {
        let statuses = self.lanes.marks.iter().filter(|mark| mark.task == thread.task);
        let mut status = statuses.filter_map(|mark| match mark.what {
            What::Exited { status } => Some(format!("exit {}", count(status.into()))),
            What::Forked { .. }
            | What::SignalSent { .. }
            | What::SignalDelivered { .. }
            | What::DeadlineMissed
            | What::Printed { .. } => None,
        });
        status.next_back()
    }
}
