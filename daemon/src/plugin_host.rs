//! The first line of every main: [`enter_if_asked`].

pub use crate::plugin::child::enter_if_asked;
