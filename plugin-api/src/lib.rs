//! What a commwatch plugin is, for its author.
//!
//! A plugin is a shared library that hands notifications to the world: a chat room, a pager, a web hook. The
//! daemon never loads it into itself: each configured notifier is a child process that loads one plugin and
//! talks to the daemon over a socket. The contract is a C header, `include/commwatch_plugin.h`; this crate is
//! its Rust mirror and makes of it one trait and one macro:
//!
//! - implement [`Notifier`], whose [`deliver`](Notifier::deliver) is a plain blocking call and ends in an
//!   [`Outcome`],
//! - export it with [`export_plugin!`], which also writes the manifest into the file,
//! - try it against [`testing::FakeHost`], which answers HTTP as told and remembers what it was asked.
//!
//! HTTP is the host's: a plugin describes a [`Request`] and gets a [`Response`]. Secrets are the host's as
//! well: where the configuration has one, the plugin sees a [`Secret`], a reference that it can put into a
//! request but not read.
//!
//! What customers wrote goes through [`text`] before it is shown to anybody.
#![deny(missing_docs)]

pub mod abi;
#[doc(hidden)]
pub mod export;
mod host;
#[doc(hidden)]
pub mod manifest;
mod notification;
mod notifier;
mod outcome;
pub mod testing;
pub mod text;

pub use host::{Auth, Body, Host, HostFunctions, HttpError, Level, Request, Response, Secret, Sign, Value};
pub use notification::{Action, DIGEST_KEY, Event, Notification, Severity};
pub use notifier::Notifier;
pub use outcome::{Outcome, excerpt, outcome_of, outcome_of_status};
