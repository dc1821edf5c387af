//! What many measurements of one thing amount to: their median and how far they are apart.

/// A distribution, in nanoseconds unless said otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sample {
    pub median: f64,
    pub p10: f64,
    pub p90: f64,
    pub n: usize,
}

impl Sample {
    /// None if nothing was measured.
    pub fn of(values: &[f64]) -> Option<Sample> {
        let sorted = sorted(values);
        let at = |share| quantile(&sorted, share);
        Some(Sample { median: at(0.5)?, p10: at(0.1)?, p90: at(0.9)?, n: values.len() })
    }

    /// What is left without a part whose price is known. Nothing costs less than nothing.
    pub fn less(self, part: f64) -> Sample {
        self.map(|value| (value - part).max(0.0))
    }

    pub fn plus(self, part: f64) -> Sample {
        self.map(|value| value + part)
    }

    pub fn times(self, factor: f64) -> Sample {
        self.map(|value| value * factor)
    }

    fn map(self, change: impl Fn(f64) -> f64) -> Sample {
        Sample { median: change(self.median), p10: change(self.p10), p90: change(self.p90), n: self.n }
    }

    /// How far the measurements are apart: 1 is not at all.
    pub fn dispersion(self) -> f64 {
        if self.p10 > 0.0 { self.p90 / self.p10 } else { f64::INFINITY }
    }
}

pub fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// The value below which such a share of the sorted values lies, linear between two of them.
pub fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = share.clamp(0.0, 1.0) * last as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    Some(below + (above - below) * place.fract())
}

pub fn median(values: &[f64]) -> Option<f64> {
    quantile(&sorted(values), 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_on_lines_between_the_measurements() {
        let sample = Sample::of(&[40.0, 10.0, 30.0, 20.0, 50.0]).unwrap();
        assert_eq!(sample, Sample { median: 30.0, p10: 14.0, p90: 46.0, n: 5 });
        assert_eq!(median(&[10.0, 20.0]), Some(15.0));
        assert_eq!(Sample::of(&[]), None);
    }

    #[test]
    fn what_is_left_of_a_measurement_is_never_negative() {
        let sample = Sample { median: 30.0, p10: 14.0, p90: 46.0, n: 5 };
        assert_eq!(sample.less(20.0), Sample { median: 10.0, p10: 0.0, p90: 26.0, n: 5 });
        assert!(sample.less(20.0).dispersion().is_infinite());
    }
}
