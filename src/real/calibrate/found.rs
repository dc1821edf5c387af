//! What has been measured so far: the values of a profile, each with how it was come by.

use std::collections::BTreeMap;

use super::sample::Sample;

/// A measured price.
#[derive(Clone, Debug, PartialEq)]
pub struct Price {
    pub sample: Sample,
    pub source: String,
}

/// A price by the amount of something, for example of bytes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curve {
    pub points: Vec<(u64, Sample)>,
    pub source: String,
}

/// The quantile function of a disk's service time: share and nanoseconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Quantiles {
    pub points: Vec<(f64, f64)>,
    pub n: usize,
    pub source: String,
}

/// How the host's kernel is set; see [`host`](super::host).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Host {
    /// Nanoseconds.
    pub tick: Option<f64>,
    pub slice: Option<f64>,
    pub preemption: Option<String>,
    pub policy: String,
}

/// The values of a profile.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// By the keys of [`ROWS`](crate::kernel::cost::ROWS).
    pub scalars: BTreeMap<&'static str, Price>,
    /// By the names of system calls.
    pub calls: BTreeMap<&'static str, Price>,
    /// By channel and direction, for example `pipe-write`.
    pub copies: BTreeMap<&'static str, Curve>,
    /// By the number of processes that take turns.
    pub cold: Option<Curve>,
    /// `read`, `write`, `flush`.
    pub disk: BTreeMap<&'static str, Quantiles>,
    /// What each KiB of a request adds to that.
    pub disk_per_kib: Option<Sample>,
    pub host: Host,
    /// What it takes to give a new descriptor the number that the scenario knows.
    pub numbering: f64,
    /// What else a measurement has to say, for the reader of the profile.
    pub remarks: Vec<String>,
}

impl Found {
    pub fn scalar(&mut self, key: &'static str, sample: Sample, source: impl Into<String>) {
        self.scalars.insert(key, Price { sample, source: source.into() });
    }

    pub fn call(&mut self, name: &'static str, sample: Sample, source: impl Into<String>) {
        self.calls.insert(name, Price { sample, source: source.into() });
    }

    pub fn remark(&mut self, text: impl Into<String>) {
        self.remarks.push(text.into());
    }

    /// A price that was measured before; zero if it couldn't be.
    pub fn of(&self, key: &str) -> f64 {
        self.scalars.get(key).map_or(0.0, |price| price.sample.median)
    }

    pub fn of_call(&self, name: &str) -> f64 {
        self.calls.get(name).map_or(0.0, |price| price.sample.median)
    }

    /// What copying so many bytes costs, as far as it was measured at exactly that size.
    pub fn of_copy(&self, channel: &str, bytes: u64) -> f64 {
        let curve = self.copies.get(channel);
        let point = curve.and_then(|curve| curve.points.iter().find(|(at, _)| *at == bytes));
        point.map_or(0.0, |(_, sample)| sample.median)
    }

    /// What surrounds a call's body: user mode, entry, exit.
    pub fn around(&self) -> f64 {
        self.of("user-call") + self.of("syscall-entry") + self.of("syscall-exit")
    }

    /// A body's price, from how much longer than an empty call, whose body is known, the call took.
    pub fn body(&self, beyond_empty: Sample) -> Sample {
        beyond_empty.plus(self.of_call("getpid")).less(0.0)
    }
}
