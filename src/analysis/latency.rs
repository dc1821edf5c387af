//! How long something took, many times: smallest, mean, median, 95th and 99th percentile, largest.
//!
//! The first thousand values are kept as they are, so that the small runs of a lecture give exact
//! percentiles. Beyond that a histogram of three significant digits takes over, whose size doesn't
//! depend on the number of values.

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::time::Span;

const EXACT: usize = 1_000;
const SIGNIFICANT_DIGITS: u8 = 3;

/// A distribution under construction.
#[derive(Clone, Debug, Default)]
pub struct Latencies {
    few: Vec<u64>,
    many: Option<Box<Histogram<u64>>>,
    count: u64,
    total: u128,
    min: u64,
    max: u64,
}

/// A distribution. Percentiles are nearest ranks; exact up to a thousand values, then to 0.1 %.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Distribution {
    pub count: u64,
    pub min: Span,
    pub mean: Span,
    pub p50: Span,
    pub p95: Span,
    pub p99: Span,
    pub max: Span,
}

impl Latencies {
    pub fn record(&mut self, span: Span) {
        let nanos = span.as_nanos();
        self.min = if self.count == 0 { nanos } else { self.min.min(nanos) };
        self.max = self.max.max(nanos);
        self.count += 1;
        self.total += u128::from(nanos);
        if let Some(many) = &mut self.many {
            put(many, nanos);
        } else if self.few.len() < EXACT {
            self.few.push(nanos);
        } else if let Ok(mut many) = Histogram::new(SIGNIFICANT_DIGITS) {
            for &known in self.few.iter().chain([&nanos]) {
                put(&mut many, known);
            }
            self.few = Vec::new();
            self.many = Some(Box::new(many));
        }
    }

    /// The distribution of all values so far, if there are any.
    pub fn distribution(&self) -> Option<Distribution> {
        if self.count == 0 {
            return None;
        }
        let mean = u64::try_from(self.total / u128::from(self.count)).unwrap_or(u64::MAX);
        let [p50, p95, p99] = match &self.many {
            Some(many) => {
                [50.0, 95.0, 99.0].map(|percent| many.value_at_percentile(percent).clamp(self.min, self.max))
            }
            None => {
                let mut sorted = self.few.clone();
                sorted.sort_unstable();
                [50, 95, 99].map(|percent| sorted[(sorted.len() * percent).div_ceil(100).max(1) - 1])
            }
        };
        Some(Distribution {
            count: self.count,
            min: Span::from_nanos(self.min),
            mean: Span::from_nanos(mean),
            p50: Span::from_nanos(p50),
            p95: Span::from_nanos(p95),
            p99: Span::from_nanos(p99),
            max: Span::from_nanos(self.max),
        })
    }
}

/// The histogram grows by itself; a value too large even for that counts as its largest.
fn put(many: &mut Histogram<u64>, nanos: u64) {
    if many.record(nanos).is_err() {
        many.saturating_record(nanos);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_few_values_are_exact_nearest_ranks() {
        let mut latencies = Latencies::default();
        for nanos in [40, 10, 30, 20] {
            latencies.record(Span::from_nanos(nanos));
        }
        let shown = latencies.distribution().unwrap();
        assert_eq!((shown.count, shown.min, shown.max), (4, Span::from_nanos(10), Span::from_nanos(40)));
        assert_eq!(
            (shown.mean, shown.p50, shown.p95, shown.p99),
            (Span::from_nanos(25), Span::from_nanos(20), Span::from_nanos(40), Span::from_nanos(40))
        );
    }

    #[test]
    fn percentiles_of_many_values_are_right_to_a_thousandth() {
        let mut latencies = Latencies::default();
        for nanos in 1..=100_000 {
            latencies.record(Span::from_nanos(nanos));
        }
        let shown = latencies.distribution().unwrap();
        assert!(shown.p50.as_nanos().abs_diff(50_000) <= 50);
        assert!(shown.p95.as_nanos().abs_diff(95_000) <= 95);
        assert!(shown.p99.as_nanos().abs_diff(99_000) <= 99);
        assert_eq!(shown.max, Span::from_nanos(100_000));
    }

    #[test]
    fn nothing_recorded_is_no_distribution() {
        assert_eq!(Latencies::default().distribution(), None);
    }
}
