//! A policy that a script makes, and what it can not do.
