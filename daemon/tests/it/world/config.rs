//! The configuration of a scenario.

use std::path::{Path, PathBuf};

use super::{STREAM, plugins};

/// The parts of a configuration that scenarios change.
#[derive(Clone, Debug)]
pub struct ConfigText {
    /// More lines of the account.
    pub account: String,
    /// More lines of the notifier `hook`.
    pub hook: String,
    pub hook_timeout: &'static str,
    /// Of the notifier `hook`: most scenarios see to it that each conversation arrives in order, whatever fails.
    pub order: &'static str,
    pub routes: String,
    /// More tables.
    pub more: String,
    /// More lines of `[http]`.
    pub http: String,
    pub interval: &'static str,
    /// How long CommBox may take to answer.
    pub timeout: &'static str,
    pub log_level: &'static str,
    /// Where plugins are looked for.
    pub plugins: PathBuf,
    pub watches: Vec<WatchText>,
}

/// One `[[watch]]`.
#[derive(Clone, Debug)]
pub struct WatchText {
    pub object: i64,
    pub title: String,
    /// As it is written, with quotes if it has any.
    pub stream: String,
    pub tags: Vec<&'static str>,
}

impl Default for ConfigText {
    fn default() -> Self {
        Self {
            account: String::new(),
            hook: String::new(),
            hook_timeout: "2s",
            order: "conversation",
            routes: "[[route]]\nnotify = [\"hook\", \"log\"]\n".to_owned(),
            more: String::new(),
            http: String::new(),
            interval: "1s",
            timeout: "5s",
            log_level: "info",
            plugins: plugins(),
            watches: Vec::new(),
        }
    }
}

impl WatchText {
    pub fn of(object: i64) -> Self {
        Self { object, title: format!("Watch {object}"), stream: STREAM.to_string(), tags: Vec::new() }
    }

    fn render(&self) -> String {
        let Self { object, title, stream, tags } = self;
        let tags = if tags.is_empty() { String::new() } else { format!("tags = {tags:?}\n") };
        format!(
            "[[watch]]\nname = \"w{object}\"\ntitle = '''{title}'''\npriority = \"vip\"\n\
             stream = {stream}\nobject = {object}\n{tags}"
        )
    }
}

impl ConfigText {
    /// The whole file. `base` is where CommBox is, `hook_url` where the web hook goes, `folder` where all files lie.
    pub(super) fn render(&self, base: &str, hook_url: &str, folder: &Path) -> String {
        let watches: String = self.watches.iter().map(WatchText::render).collect();
        let Self { account, hook, hook_timeout, order, routes, more, interval, timeout, .. } = self;
        let Self { log_level, plugins, http, .. } = self;
        let (folder, plugins) = (folder.display(), plugins.display());
        format!(
            r#"
[accounts.main]
base_url = "{base}"
token = {{ file = "{folder}/token" }}
rate = "1000/s"
burst = 1000
max_in_flight = 8
timeout = "{timeout}"
console_url = "https://acme.example/widget/object/{{object_id}}"
{account}
[polling]
interval = "{interval}"

{watches}
[notifiers.hook]
plugin = "webhook"
content = "full"
timeout = "{hook_timeout}"
rate = "1000/s"
retries = "people"
order = "{order}"
{hook}
[notifiers.hook.config]
url = "{hook_url}"
secret = {{ file = "{folder}/signing" }}

[notifiers.log]
plugin = "log"
rate = "1000/s"

{routes}
{more}
[plugins]
path = ["{plugins}"]
trust = "owner"

[store]
path = "{folder}/commwatch.db"

[http]
listen = "127.0.0.1:0"
{http}

[admin]
socket = "{folder}/admin.sock"

[reload]
settle = "100ms"

[log]
format = "json"
level = "{log_level}"
"#
        )
    }
}
