//! `sleep`: blocks until a timer's interrupt.

use crate::program::Amount;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sleep {
    /// Nanoseconds.
    pub time: Amount,
}
