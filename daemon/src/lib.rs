//! commwatch.
