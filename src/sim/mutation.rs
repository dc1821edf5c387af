//! Mistakes in the fast-forward, made on purpose: `tests/exactness.rs` must notice each of them.
//!
//! Without the feature `mutations` there is no mistake to choose, and nothing of this remains in the
//! program.

use crate::time::Instant;
#[cfg(feature = "mutations")]
use crate::time::Span;

/// A deliberate off-by-one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mutation {
    #[default]
    None,
    /// A run of plain instructions is cut an instant late.
    #[cfg(feature = "mutations")]
    DeadlineLate,
    /// It isn't cut at all.
    #[cfg(feature = "mutations")]
    DeadlineIgnored,
    /// It goes on past the end of the run.
    #[cfg(feature = "mutations")]
    EndIgnored,
}

impl Mutation {
    /// The moment up to which a run of plain instructions goes on.
    #[inline]
    pub(super) fn horizon(self, due: Instant) -> Instant {
        match self {
            Mutation::None => due,
            #[cfg(feature = "mutations")]
            Mutation::EndIgnored => due,
            #[cfg(feature = "mutations")]
            Mutation::DeadlineLate => due + Span::TICK,
            #[cfg(feature = "mutations")]
            Mutation::DeadlineIgnored => Instant::NEVER,
        }
    }

    /// Whether what ends after the end of the run still happens.
    #[inline]
    pub(super) fn ignores_end(self) -> bool {
        match self {
            Mutation::None => false,
            #[cfg(feature = "mutations")]
            Mutation::DeadlineLate | Mutation::DeadlineIgnored => false,
            #[cfg(feature = "mutations")]
            Mutation::EndIgnored => true,
        }
    }
}
