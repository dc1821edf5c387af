//! Comparisons of small traces with hand-computed values.
