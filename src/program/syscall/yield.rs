//! `yield`: steps back behind the other ready threads of the same standing.

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Yield;

use crate::errno::Errno;
use crate::program::call::{Call, Outcome, SystemCall};
use crate::trace::Sink;

impl SystemCall for Yield {
    fn simulate<S: Sink>(&self, _: &mut Call<'_, S>) -> Result<Outcome, Errno> {
        Ok(Outcome::Yield(0))
    }
}
