//! Writes each notification as one line into the daemon's own log. The smallest whole plugin: to make another,
//! copy this folder, change `line` and say in `schema.json` what your plugin wants to be told.

use commwatch_plugin_api::{Host, Level, Notification, Notifier, Outcome, export_plugin};
use serde::Deserialize;

struct Log(Level);

/// Fits `schema.json`; the daemon has checked the one against the other, and filled in the defaults.
#[derive(Deserialize)]
struct Config {
    level: Name,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Name {
    Error,
    Warn,
    Info,
    Debug,
}

impl Notifier for Log {
    type Config = Config;

    fn start(config: Config, _host: &Host) -> Result<Self, String> {
        Ok(Self(match config.level {
            Name::Error => Level::Error,
            Name::Warn => Level::Warn,
            Name::Info => Level::Info,
            Name::Debug => Level::Debug,
        }))
    }

    fn deliver(&self, notification: &Notification, host: &Host) -> Outcome {
        host.log(self.0, &line(notification));
        Outcome::delivered()
    }
}

/// Texts are quoted with line breaks and invisible characters escaped, so that a customer's message stays one line.
fn line(n: &Notification) -> String {
    let mut line =
        format!("{:?} {:?} id={} key={:?} severity={:?}", n.title, n.text, n.id, n.key, n.severity);
    if n.events.len() > 1 || n.omitted > 0 {
        line += &format!(" events={}", n.events.len() as u64 + n.omitted);
    }
    if let Some(url) = &n.url {
        line += &format!(" url={url:?}");
    }
    if n.replay { line + " (replay)" } else { line }
}

export_plugin! {
    notifier: Log,
    name: "log",
    description: "Writes each notification as one line into the daemon's log",
    concurrency: 1,
    notification_bytes_max: 262_144,
    config_schema: include_str!("../schema.json"),
}

#[cfg(test)]
mod tests {
    use commwatch_plugin_api::testing::{FakeHost, notification, start};
    use serde_json::json;

    use super::*;

    #[test]
    fn a_notification_is_one_line_at_the_chosen_level() {
        let fake = FakeHost::new();
        let log: Log = start(json!({"level": "warn"}), &fake.host()).unwrap();
        let mut message = notification();
        message.text = "first\nsecond \u{202e}\"quoted\" שלום".to_owned();
        message.omitted = 2;
        assert_eq!(log.deliver(&message, &fake.host()), Outcome::delivered());
        let expected = r#""ACME / Dana Levi: new message" "first\nsecond \u{202e}\"quoted\" שלום" id=n-293854-900001 key="main/293854" severity=Warning events=3 url="https://acme.example/widget/object/293854""#;
        assert_eq!(fake.lines(), [(Level::Warn, expected.to_owned())]);
    }

    #[test]
    fn an_unknown_level_is_refused_with_its_place() {
        let why = start::<Log>(json!({"level": "loud"}), &FakeHost::new().host()).err().unwrap();
        assert_eq!(
            why,
            "config.level: unknown variant `loud`, expected one of `error`, `warn`, `info`, `debug`"
        );
    }
}
