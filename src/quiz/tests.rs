//! Questions about runs, each answer held against another way to find it.
