//! The CommBox API, simulated.
