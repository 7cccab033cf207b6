//! The operator's TOML, checked. A [`Config`] has passed every check; the raw form stays private to this wing.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use crate::core::heartbeat::Heartbeat;
use crate::core::hours::Hours;
use crate::core::message::Bot;
pub use crate::core::notification::Content;
use crate::core::outcome::{Order, Retries};
use crate::core::pacing::Pacing;

use crate::core::route::Route;
use crate::core::seek::Seek;
use crate::core::watch::{Stream, Watch};
use crate::core::words::Voice;

mod account;
mod address;
mod admin;
mod baseline;
mod catalog;
mod collection;
mod duration;
mod effective;
mod event_type;
mod excerpt;
mod fallback;
mod findings;
mod heartbeat;
mod hours;
mod http;
mod keys;
mod load;
mod log;
mod mistake;
mod name;
mod notifier;
mod operators;
mod origin;
mod pacing;
mod plugin_config;
mod plugin_schema;
mod plugins;
pub(crate) mod pointer;
mod polling;
mod rate;
mod reference;
mod reload;
mod route;
mod schema;
mod secret;
mod section;
mod seek;
mod source;
mod spanned;
mod store;
mod stream;
mod suggest;
mod suspicion;
mod trail;
mod violation;
mod warning;
mod watch;
mod watcher;

#[cfg(test)]
mod tests;

pub use admin::likely_socket;
pub use catalog::{Catalog, Found, NotFound, Opinion, Trial};
pub use effective::{Effective, effective};
pub use load::{Loaded, load};
pub use mistake::{Also, Excerpt, Mistake, Mistakes, Severity, Spot};
pub use origin::Origins;
pub use plugins::plugin_folders;
pub use schema::{Schema, schema, shipped_schemas};
pub use secret::{SecretError, read_secret};
pub use source::Sources;
pub use suggest::unknown;
pub use watcher::{WatchError, Watcher};

/// Reads a duration as it is written in the configuration: `10s`, `1h30m`.
pub fn duration(text: &str) -> Option<Duration> {
    duration::parse(text).ok()
}

/// Reads a channel as it is written in the configuration: its number or the encrypted text.
///
/// # Errors
/// Why it is none.
pub fn stream(text: &str) -> Result<Stream, String> {
    stream::parse(text).map_err(|bad| format!("{}; {}", bad.message, bad.hint))
}

/// A configuration that has passed every check, with every default filled in and every path absolute.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file that was named, absolute.
    pub path: PathBuf,
    /// Every file that was read (the named one, then `conf.d/*.toml`), for the watcher.
    pub files: Vec<PathBuf>,
    /// `[accounts.NAME]`, at least one.
    pub accounts: BTreeMap<String, Account>,
    /// `[[watch]]` that name a conversation, in order of the files.
    pub watches: Vec<Watch>,
    /// Those of them whose conversations are found rather than named.
    pub seeks: Vec<Seek>,
    /// `[notifiers.NAME]`.
    pub notifiers: BTreeMap<String, Notifier>,
    /// `[[route]]`, in order of the files.
    pub routes: Vec<Route>,
    /// `[hours.NAME]`: when people are at work.
    pub hours: BTreeMap<String, Arc<Hours>>,
    /// `[operators] notify`.
    pub operators: Vec<String>,
    /// `[heartbeat]`.
    pub heartbeat: Option<Heartbeat>,
    /// `[plugins]`.
    pub plugins: Plugins,
    /// `[store]`.
    pub store: Store,
    /// `[http]`.
    pub http: Http,
    /// `[admin]`.
    pub admin: Admin,
    /// `[reload]`.
    pub reload: Reload,
    /// `[log]`.
    pub log: Log,
    /// Where what is written stands.
    pub origins: Origins,
}

/// `[accounts.NAME]`: a `CommBox` tenant and its key.
#[derive(Clone, Debug)]
pub struct Account {
    /// `https`, or `http` to a loopback address. Its path does not end in a slash, but for the single one that an
    /// address without a path has.
    pub base_url: Url,
    /// Where the key comes from. Read when polling starts and at reload, not while checking.
    pub token: SecretRef,
    /// Requests per second, more than 0.
    pub rate: Rate,
    /// Requests that may be sent at once after a pause, at least 1.
    pub burst: u32,
    /// Requests under way at once, at least 1.
    pub max_in_flight: u32,
    /// For one whole request.
    pub timeout: Duration,
    /// Link put into alerts; holds `{object_id}`.
    pub console_url: Option<String>,
    /// Authors who count as bots.
    pub bots: Vec<Bot>,
    /// Channels in which customers are looked for whose address alone is known.
    pub streams: Vec<Stream>,
    /// An HTTP proxy for this account's requests.
    pub proxy: Option<Url>,
    /// Further certificate authorities, PEM.
    pub ca_file: Option<PathBuf>,
}

/// How often something may happen: `count` in `per`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rate {
    /// At least 1.
    pub count: u32,
    /// More than 0.
    pub per: Duration,
}

impl Config {
    /// The names of all watches, whether their conversations are named or found.
    pub fn watch_names(&self) -> impl Iterator<Item = &str> {
        let named = self.watches.iter().map(|watch| watch.name.as_str());
        named.chain(self.seeks.iter().map(|seek| seek.name.as_str()))
    }
}

impl Rate {
    /// As a number of times a second.
    pub fn per_second(self) -> f64 {
        f64::from(self.count) / self.per.as_secs_f64()
    }
}

/// `[notifiers.NAME]`: a configured instance of a plugin.
#[derive(Clone, Debug, PartialEq)]
pub struct Notifier {
    /// The plugin's word (`slack`, `acme-teams`).
    pub plugin: String,
    /// The file found for it on `[plugins] path`, or why there is none that can be used, one line (a broken
    /// notifier, not a bad configuration).
    pub library: Result<PathBuf, String>,
    /// The SHA-256 that this file must have, in hexadecimal, where plugins are pinned.
    pub pinned: Option<String>,
    /// How much of the customer's text it gets.
    pub content: Content,
    /// In which words, and by whose clocks.
    pub voice: Voice,
    /// For one attempt.
    pub timeout: Duration,
    /// How often it is handed something.
    pub rate: Rate,
    /// How long a delivery is tried before it is a dead letter.
    pub retry_for: Duration,
    /// When it is tried again.
    pub retries: Retries,
    /// Whether what is newer in a conversation waits for what fails again and again.
    pub order: Order,
    /// Who is told in its place when it has not accepted something in time; never itself.
    pub fallback: Vec<String>,
    /// How long it has for that.
    pub fallback_after: Duration,
    /// What it is told together, and when it is left in peace.
    pub pacing: Pacing,
    /// The plugin's own configuration: checked against its schema, defaults filled in, every secret replaced
    /// by `{"$secret": "/json/pointer"}`.
    pub config: serde_json::Value,
    /// Where those secrets come from, by pointer.
    pub secrets: BTreeMap<String, SecretRef>,
    /// The pointers of those that the operator lets the plugin itself see.
    pub reveal: BTreeSet<String>,
    /// The pointers of values that are written out and may be secrets all the same: nobody is shown them.
    pub private: BTreeSet<String>,
}

/// A typed reference to a secret; the text itself is never part of a configuration.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SecretRef {
    /// `{ credential = "NAME" }`: a file of that name in `$CREDENTIALS_DIRECTORY` (systemd.exec(5)).
    Credential(String),
    /// `{ file = "PATH" }`, absolute.
    File(PathBuf),
    /// `{ env = "NAME" }`.
    Env(String),
}

/// `[plugins]`.
#[derive(Clone, Debug)]
pub struct Plugins {
    /// Folders looked in, in order; nowhere else is.
    pub path: Vec<PathBuf>,
    /// Who must own the files.
    pub trust: Trust,
    /// The file that says which bytes of each are meant; where it is not there, any are.
    pub pins: PathBuf,
}

/// Whose plugin files are loaded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Trust {
    /// Root's, in folders that only root may write.
    Strict,
    /// Root's or the daemon's own user's.
    Owner,
}

/// `[store]`.
#[derive(Clone, Debug)]
pub struct Store {
    /// The database file.
    pub path: PathBuf,
    /// How long events and finished deliveries are kept.
    pub retention: Duration,
    /// How long message text is kept.
    pub text_retention: Duration,
}

/// `[http]`.
#[derive(Clone, Debug)]
pub struct Http {
    /// Where metrics, health and the page are served.
    pub listen: SocketAddr,
    /// Opens the page to hosts other than this one.
    pub token: Option<SecretRef>,
    /// Values of `Host` that are answered besides loopback ones.
    pub allowed_hosts: Vec<String>,
    /// Whether the page shows message text.
    pub show_text: bool,
}

/// `[admin]`.
#[derive(Clone, Debug)]
pub struct Admin {
    /// The Unix socket that `commwatch status` and its siblings talk to.
    pub socket: PathBuf,
    /// The group whose members may change things through it, besides root and the daemon's own user.
    pub write_group: Option<String>,
}

/// `[reload]`.
#[derive(Clone, Copy, Debug)]
pub struct Reload {
    /// Whether a changed file is read again by itself.
    pub on_change: bool,
    /// How long files must have been still before they are read.
    pub settle: Duration,
}

/// `[log]`.
#[derive(Clone, Debug)]
pub struct Log {
    /// A `tracing` filter: a level, or directives such as `commwatch=debug,info`.
    pub level: String,
    /// How lines are written.
    pub format: LogFormat,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LogFormat {
    /// JSON to the journal (`$JOURNAL_STREAM`), else text.
    Auto,
    /// For people.
    Text,
    /// One object a line.
    Json,
    /// Text with the journal's `<N>` level prefixes (sd-daemon(3)).
    Journald,
}

/// A secret that has been read.
pub type Secret = SecretString;
