//! `getpid` and `getppid`: the process's own number and its parent's. The cheapest calls there are.

use crate::program::Variable;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Getpid {
    pub into: Option<Variable>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Getppid {
    pub into: Option<Variable>,
}
