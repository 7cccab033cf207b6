//! Everything about plugins that is the host's side: what they may ask for, and what is done for them.

pub mod grant;
pub mod http;
