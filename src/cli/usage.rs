//! What the kernel counted for the processes of a real run, as a table: it is there however the run
//! was observed.

use trapline::analysis::naming::{base, count, time};
use trapline::analysis::table::{Column, Table};
use trapline::os::process::Usage;
use trapline::program::Image;
use trapline::real::Measured;
use trapline::time::Span;

use super::terminal;

/// The table under its heading; nothing if nobody was waited for.
pub fn text(image: &Image, measured: &Measured) -> Option<String> {
    let mut rows: Vec<(String, u64, [u64; Usage::WORDS])> = Vec::new();
    for (row, usage) in measured.rows.iter().filter_map(|row| Some((row, row.usage?))) {
        let name = row.origin.name(image);
        let name = base(&name);
        let place = rows.iter().position(|known| known.0 == name).unwrap_or_else(|| {
            rows.push((name.to_owned(), 0, [0; Usage::WORDS]));
            rows.len() - 1
        });
        let (_, number, sums) = &mut rows[place];
        *number += 1;
        sums.iter_mut().zip(usage.words()).for_each(|(sum, used)| *sum += used);
    }
    let number = |get: fn(Usage) -> u64| rows.iter().map(move |row| count(get(Usage::from_words(row.2))));
    let spent = |get: fn(Usage) -> u64| {
        rows.iter().map(move |row| time(Span::from_nanos(get(Usage::from_words(row.2)))))
    };
    let mut table = Table::default();
    table.add(Column::text("process", rows.iter().map(|row| row.0.clone())));
    let several = rows.iter().map(|row| if row.1 == 1 { String::new() } else { count(row.1) });
    table.add(Column::number("number", several));
    table.add(Column::number("user", spent(|usage| usage.user)));
    table.add(Column::number("kernel", spent(|usage| usage.system)));
    table.add(Column::number("minor faults", number(|usage| usage.minor_faults)));
    table.add(Column::number("major faults", number(|usage| usage.major_faults)));
    table.add(Column::number("gave up CPU", number(|usage| usage.voluntary)));
    table.add(Column::number("lost CPU", number(|usage| usage.involuntary)));
    let table = table.render(terminal::width().into())?;
    Some(format!("\n{}\n{table}\n", terminal::strong("Counted by the kernel (getrusage)")))
}
