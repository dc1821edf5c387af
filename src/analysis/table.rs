//! A table for a terminal: numbers to the right, empty columns left out, and as many of the rest
//! as fit.

use std::borrow::Cow;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, LineStyle};

/// Longer texts are cut.
const LONGEST: usize = 28;
/// Between two columns.
const GAP: usize = 2;

/// A heading and its cells.
#[derive(Clone, Debug)]
pub struct Column {
    title: Cow<'static, str>,
    cells: Vec<String>,
    alignment: CellAlignment,
    /// The higher, the sooner it is left out of a table that is too wide; 0 is never left out.
    rank: u8,
    zeros_matter: bool,
}

impl Column {
    pub fn text(title: impl Into<Cow<'static, str>>, cells: impl IntoIterator<Item = String>) -> Column {
        let cells = cells.into_iter().map(|cell| cut(&cell));
        Column::whole(title, cells)
    }

    /// Texts that aren't cut, however long they are.
    pub fn whole(title: impl Into<Cow<'static, str>>, cells: impl IntoIterator<Item = String>) -> Column {
        let (title, cells) = (title.into(), cells.into_iter().collect());
        Column { title, cells, alignment: CellAlignment::Left, rank: 0, zeros_matter: false }
    }

    pub fn number(title: impl Into<Cow<'static, str>>, cells: impl IntoIterator<Item = String>) -> Column {
        Column { alignment: CellAlignment::Right, ..Column::text(title, cells) }
    }

    /// As [`number`](Self::number), where the compiler needs to be told the cells' type.
    pub fn number_vec(title: &'static str, cells: Vec<String>) -> Column {
        Column::number(title, cells)
    }

    pub fn rank(mut self, rank: u8) -> Column {
        self.rank = rank;
        self
    }

    /// Zero is news here, so a column of zeros stays.
    pub fn keep_zeros(mut self) -> Column {
        self.zeros_matter = true;
        self
    }

    fn is_empty(&self) -> bool {
        self.cells.iter().all(|cell| cell.is_empty() || (!self.zeros_matter && cell == "0"))
    }

    fn width(&self) -> usize {
        let widest = self.cells.iter().map(|cell| cell.chars().count()).max().unwrap_or(0);
        widest.max(self.title.chars().count()) + GAP
    }
}

/// Columns, all of the same length.
#[derive(Clone, Debug, Default)]
pub struct Table {
    columns: Vec<Column>,
}

impl Table {
    pub fn add(&mut self, column: Column) {
        if !column.is_empty() {
            self.columns.push(column);
        }
    }

    /// The table without a final line end; nothing if it has no rows.
    pub fn render(&self, width: usize) -> Option<String> {
        let mut columns: Vec<&Column> = self.columns.iter().collect();
        let rows = columns.first()?.cells.len();
        while columns.iter().map(|column| column.width()).sum::<usize>() > width {
            let (place, least) = columns.iter().enumerate().max_by_key(|(_, column)| column.rank)?;
            if least.rank == 0 {
                break;
            }
            columns.remove(place);
        }
        let mut table = comfy_table::Table::new();
        table.load_style(NOTHING.header_separator(LineStyle::none().fill('─')));
        table.set_header(columns.iter().map(|column| column.title.as_ref()));
        for row in 0..rows {
            table.add_row(columns.iter().map(|column| column.cells[row].as_str()));
        }
        for (place, column) in columns.iter().enumerate() {
            if let Some(shown) = table.column_mut(place) {
                shown.set_cell_alignment(column.alignment);
                shown.set_padding((0, GAP as u16));
            }
        }
        let lines: Vec<_> = table.lines().map(|line| line.trim_end().to_owned()).collect();
        Some(lines.join("\n"))
    }

    /// The whole table in Markdown, without a final line end; nothing if it has no rows.
    pub fn markdown(&self) -> Option<String> {
        let rows = self.columns.first()?.cells.len();
        let line = |cells: &mut dyn Iterator<Item = &str>| {
            let cells: Vec<String> = cells.map(|cell| cell.replace('|', "\\|")).collect();
            format!("| {} |", cells.join(" | "))
        };
        let rule = |column: &Column| match column.alignment {
            CellAlignment::Right => "---:",
            CellAlignment::Left | CellAlignment::Center => "---",
        };
        let mut lines = vec![line(&mut self.columns.iter().map(|column| column.title.as_ref()))];
        lines.push(format!("|{}|", self.columns.iter().map(rule).collect::<Vec<_>>().join("|")));
        lines.extend(
            (0..rows).map(|row| line(&mut self.columns.iter().map(|column| column.cells[row].as_str()))),
        );
        (rows > 0).then(|| lines.join("\n"))
    }
}

fn cut(text: &str) -> String {
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    text.chars().take(LONGEST - 1).chain(['…']).collect()
}
