//! Reports of small traces: what is in them, and that it is safe.
