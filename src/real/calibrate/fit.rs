//! Global factors: what is left when all parts have been measured.

/// At most four factors; 1 changes nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    pub user: f64,
    pub switch: f64,
    pub remote: f64,
    pub disk: f64,
}

impl Default for Fit {
    fn default() -> Fit {
        Fit { user: 1.0, switch: 1.0, remote: 1.0, disk: 1.0 }
    }
}

impl Fit {
    pub const fn factors(&self) -> [(&'static str, f64); 4] {
        [("user", self.user), ("switch", self.switch), ("remote", self.remote), ("disk", self.disk)]
    }
}
