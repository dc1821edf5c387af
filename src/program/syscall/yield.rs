//! `yield`: steps back behind the other ready threads of the same standing.

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Yield;
