//! Verbs that steer a program and report: they take no time of their own, but for conditions.

pub mod assert;
pub mod forever;
pub mod r#if;
pub mod print;
pub mod repeat;
pub mod r#while;
