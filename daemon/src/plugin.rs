//! Notifiers as processes. Each configured notifier is a child that loads one plugin's `.so`; the daemon loads
//! none. What the child says is untrusted: it is bounded and checked here, and a child that breaks the rules,
//! crashes or hangs is replaced.
//!
//! In the order of a plugin's life:

pub mod manifest;
pub mod refusal;

pub mod child;
mod library;
mod sandbox;

pub mod frame;

mod catalog;
mod children;
pub mod conform;
mod host;
pub mod pins;
mod trial;
pub use self::catalog::{Installed, list};
pub use self::children::Children;
pub use self::host::{
    DELIVERY_GRACE, FAILED_RETRY_AFTER, Handover, PluginHost, PluginSpec, PluginState, Report,
    START_DEADLINE, STOP_PATIENCE, WAITING_MAX,
};

pub use self::pins::Pins;
pub use self::trial::TriedOut;

pub mod grant;
pub mod http;
pub use self::grant::Grant;
pub use self::http::{HostHttp, HttpService};
pub use self::manifest::Manifest;
