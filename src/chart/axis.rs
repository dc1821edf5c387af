//! Which times are written below the picture, and in which unit.

use crate::time::Instant;

use super::columns::Scale;

/// The least room for a time, in pixels.
const ROOM: f64 = 90.0;

/// The unit and the times to mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Axis {
    pub unit: &'static str,
    /// The unit in nanoseconds.
    pub size: u64,
    /// Where, and what is written there.
    pub ticks: Vec<(i32, String)>,
}

impl Axis {
    pub fn new(scale: &Scale) -> Axis {
        let span = scale.to.since(scale.from).as_nanos();
        if span == 0 {
            return Axis { unit: "ns", size: 1, ticks: Vec::new() };
        }
        let (unit, size) = match span {
            ..5_000 => ("ns", 1),
            5_000..5_000_000 => ("µs", 1_000),
            5_000_000..5_000_000_000 => ("ms", 1_000_000),
            _ => ("s", 1_000_000_000),
        };
        let most = (f64::from(scale.width) / ROOM).max(1.0);
        let step = round_step((span as f64 / most).ceil() as u64);
        let first = scale.from.as_nanos().next_multiple_of(step);
        let times = (0..).map_while(|count| first.checked_add(step.checked_mul(count)?));
        let shown = times.take_while(|&nanos| nanos <= scale.to.as_nanos());
        let ticks = shown.map(|nanos| (scale.x(Instant::from_nanos(nanos)), label(nanos, size)));
        Axis { unit, size, ticks: ticks.collect() }
    }
}

/// The next larger of 1, 2, 5, 10, 20, 50 ...
fn round_step(least: u64) -> u64 {
    let mut power = 1u64;
    loop {
        for step in [1, 2, 5].map(|digit| power.saturating_mul(digit)) {
            if step >= least || step == u64::MAX {
                return step;
            }
        }
        power = power.saturating_mul(10);
    }
}

/// A time in the unit, with as many decimals as it needs.
pub fn label(nanos: u64, size: u64) -> String {
    let (whole, rest) = (nanos / size, nanos % size);
    let whole = crate::analysis::naming::count(whole);
    if rest == 0 {
        return whole;
    }
    let digits = size.ilog10() as usize;
    format!("{whole}.{}", format!("{rest:0digits$}").trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(from: u64, to: u64, width: i32) -> (&'static str, Vec<String>) {
        let scale = Scale { from: Instant::from_nanos(from), to: Instant::from_nanos(to), left: 0, width };
        let axis = Axis::new(&scale);
        (axis.unit, axis.ticks.into_iter().map(|(_, text)| text).collect())
    }

    #[test]
    fn the_unit_follows_from_the_span() {
        assert_eq!(axis(0, 80_000, 900).0, "µs");
        assert_eq!(axis(0, 80_000, 450).1, ["0", "20", "40", "60", "80"]);
        assert_eq!(axis(0, 1_000, 200), ("ns", vec!["0".to_owned(), "500".to_owned(), "1 000".to_owned()]));
        assert_eq!(axis(0, 6_000_000_000, 300).1, ["0", "2", "4", "6"]);
    }

    #[test]
    fn a_window_far_from_the_start_keeps_its_times() {
        assert_eq!(
            axis(1_000_000_000, 1_000_001_000, 200).1,
            ["1 000 000 000", "1 000 000 500", "1 000 001 000"]
        );
        assert_eq!(axis(7, 7, 200).1, Vec::<String>::new());
    }

    #[test]
    fn the_end_of_time_has_an_axis() {
        assert!(axis(0, u64::MAX, 1_000).1.len() < 12);
    }
}
