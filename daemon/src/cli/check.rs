//! `commwatch check`: everything that is wrong with a configuration, at once, without starting anything.

use std::path::Path;

use serde::Serialize;

use super::{Console, Exit, Output};
use crate::config::{self, Catalog, Config, Loaded, Mistake, Severity};
use crate::core::plural::many;
use crate::core::watch::Priority;

/// The configuration may be used.
pub const OK: u8 = 0;
/// The configuration is invalid (`EX_CONFIG` of sysexits.h).
pub const INVALID: u8 = 78;

/// What the command says and how it ends.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Checked {
    /// The result: one line for people, one object for programs.
    pub stdout: String,
    /// Mistakes and warnings, for people.
    pub stderr: String,
    /// [`OK`] or [`INVALID`].
    pub code: u8,
}

/// Checks the configuration at `path`. A notifier that cannot work is an error here, although `run` would go on
/// without it.
pub fn check(path: &Path, catalog: &dyn Catalog, output: Output) -> Checked {
    checked(path, catalog, output, false).0
}

/// The same, and the configuration as it is used in place of the one line for people.
pub fn check_and_print(path: &Path, catalog: &dyn Catalog, output: Output) -> Checked {
    checked(path, catalog, output, true).0
}

/// The same, with the configuration where it may be used.
pub(super) fn checked(
    path: &Path,
    catalog: &dyn Catalog,
    output: Output,
    is_printed: bool,
) -> (Checked, Option<Config>) {
    let (config, mistakes) = match config::load(path, catalog) {
        Ok(Loaded { config, warnings, .. }) => (Some(config), warnings),
        Err(mistakes) => (None, mistakes.0),
    };
    let (warnings, errors): (Vec<_>, Vec<_>) =
        mistakes.into_iter().partition(|mistake| mistake.severity == Severity::Warning);
    let code = if errors.is_empty() { OK } else { INVALID };
    let effective = config.as_ref().filter(|_| is_printed).map(config::effective);
    let checked = match output {
        Output::Text => Checked {
            stdout: match (effective, config.as_ref().filter(|_| errors.is_empty())) {
                (Some(effective), _) => effective.to_string(),
                (None, Some(config)) => summary(path, config),
                (None, None) => String::new(),
            },
            stderr: told(&errors, &warnings),
            code,
        },
        Output::Json => {
            let report = Report {
                valid: errors.is_empty(),
                files: config.iter().flat_map(|config| &config.files).map(|file| file.as_path()).collect(),
                errors: &errors,
                warnings: &warnings,
                effective: effective.map(|effective| effective.to_json()),
            };
            let text = serde_json::to_string_pretty(&report).expect("texts and numbers always become JSON");
            Checked { stdout: text + "\n", stderr: String::new(), code }
        }
    };
    (checked, config)
}

impl Checked {
    /// Says it.
    pub(super) fn tell(self, console: &mut Console<'_>) -> Exit {
        if !self.stderr.is_empty() {
            console.message(self.stderr.trim_end());
        }
        if !self.stdout.is_empty() {
            console.result(self.stdout.trim_end());
        }
        if self.code == OK { Exit::Done } else { Exit::InvalidConfig }
    }
}

/// What programs get.
#[derive(Serialize)]
struct Report<'a> {
    valid: bool,
    files: Vec<&'a Path>,
    errors: &'a [Mistake],
    warnings: &'a [Mistake],
    #[serde(skip_serializing_if = "Option::is_none")]
    effective: Option<serde_json::Value>,
}

fn told(errors: &[Mistake], warnings: &[Mistake]) -> String {
    let mut text: String = errors.iter().chain(warnings).map(Mistake::to_string).collect();
    if !text.is_empty() {
        let (errors, warnings) =
            (many(errors.len(), "error", "errors"), many(warnings.len(), "warning", "warnings"));
        text.push_str(&format!("{errors}, {warnings}\n"));
    }
    text
}

fn summary(path: &Path, config: &Config) -> String {
    let priorities = config.watches.iter().map(|watch| watch.priority);
    let priorities = priorities.chain(config.seeks.iter().map(|seek| seek.priority));
    let vips = priorities.filter(|priority| *priority == Priority::Vip).count();
    let watches = match many(config.watch_names().count(), "watch", "watches") {
        watches if vips > 0 => format!("{watches} ({vips} vip)"),
        watches => watches,
    };
    format!(
        "{} is valid: {}, {watches}, {}, {}\n",
        path.display(),
        many(config.accounts.len(), "account", "accounts"),
        many(config.notifiers.len(), "notifier", "notifiers"),
        many(config.routes.len(), "route", "routes"),
    )
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use insta::assert_snapshot;

    use super::*;
    use crate::config::{Found, NotFound, Trust};

    /// Knows one plugin, which takes anything.
    struct OnlyLog;

    impl Catalog for OnlyLog {
        fn find(&self, plugin: &str, folders: &[PathBuf], _: Trust) -> Result<Found, NotFound> {
            if plugin == "log" {
                let schema = serde_json::json!({});
                return Ok(Found {
                    library: "/plugins/libcommwatch_log.so".into(),
                    schema,
                    version: "1.0.0".into(),
                    repeats: false,
                });
            }
            let why = format!("there is no libcommwatch_{plugin}.so");
            Err(NotFound { why, looked_in: folders.to_vec(), names: vec!["log".into()] })
        }
    }

    fn checked(config: &str, output: Output) -> Checked {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        fs::write(&path, config).unwrap();
        let plain = |text: &str| text.replace(&format!("{}/", folder.path().display()), "");
        let Checked { stdout, stderr, code } = check(&path, &OnlyLog, output);
        Checked { stdout: plain(&stdout), stderr: plain(&stderr), code }
    }

    const GOOD: &str = "[accounts.main]\nbase_url = 'https://api.commbox.io'\ntoken = { env = 'TOKEN' }\n\
        [notifiers.log]\nplugin = 'log'\n[notifiers.log-2]\nplugin = 'log'\n[operators]\nnotify = ['log', 'log-2']\n\
        [[route]]\nnotify = ['log']\n[[watch]]\nname = 'dana'\npriority = 'vip'\nstream = 1\nobject = 1\n";

    #[test]
    fn a_valid_configuration_is_one_line_and_exit_status_0() {
        let Checked { stdout, stderr, code } = checked(GOOD, Output::Text);
        assert_snapshot!(stdout, @r#"config.toml is valid: 1 account, 1 watch (1 vip), 2 notifiers, 1 route"#);
        assert_eq!((stderr.as_str(), code), ("", 0));
    }

    #[test]
    fn warnings_are_told_beside_a_valid_configuration() {
        let config = format!("{GOOD}[[watch]]\nname = 'yossi'\nstream = 1\nobject = 2\ninterval = '1s'\n");
        let Checked { stdout, stderr, code } = checked(&config, Output::Text);
        assert_snapshot!(stdout, @r#"config.toml is valid: 1 account, 2 watches (1 vip), 2 notifiers, 1 route"#);
        assert_snapshot!(stderr, @"
        warning: the watches of account `main` ask for 1.03 requests a second, its budget allows 1.00
          config.toml:1:1
           1 | [accounts.main]
             | ^^^^^^^^^^^^^^^
          hint: lengthen their intervals or raise the account's `rate`
        warning: the timeout of account `main` (10s) is longer than the interval of the watch `yossi` (1s)
          config.toml:1:1
           1 | [accounts.main]
             | ^^^^^^^^^^^^^^^
          hint: a request that hangs delays the next poll; shorten the `timeout`
        warning: the VIP `dana` is polled every 30s, the watch `yossi`, which is none, every 1s
          config.toml:12:1
           12 | [[watch]]
              | ^^^^^^^^^
          hint: give VIPs the shortest `interval`
        0 errors, 3 warnings
        ");
        assert_eq!(code, 0);
    }

    #[test]
    fn an_invalid_configuration_ends_with_78() {
        let Checked { stdout, stderr, code } = checked("[acounts.main]\n", Output::Text);
        assert_eq!((stdout.as_str(), code), ("", 78));
        assert_snapshot!(stderr, @r#"
    error: unknown key `acounts` in the file
      config.toml:1:2
       1 | [acounts.main]
         |  ^^^^^^^
      hint: did you mean `accounts`?
    1 error, 0 warnings
    "#);
    }

    #[test]
    fn a_notifier_that_cannot_work_is_an_error_to_check() {
        let Checked { stdout, stderr, code } =
            checked(&format!("{GOOD}[notifiers.x]\nplugin = 'slack'\n"), Output::Text);
        assert_eq!((stdout.as_str(), code), ("", 78));
        assert_snapshot!(stderr, @"
        error: no plugin `slack`: there is no libcommwatch_slack.so
          config.toml:18:10
           18 | plugin = 'slack'
              |          ^^^^^^^
          hint: looked in `/usr/local/lib/commwatch/plugins`, `/usr/lib/commwatch/plugins`; plugins there are `log`
        warning: the notifier `x` is named by no route, nor by anything else
          config.toml:17:1
           17 | [notifiers.x]
              | ^^^^^^^^^^^^^
          hint: add it to `notify` of a [[route]], or delete it
        1 error, 1 warning
        ");
    }

    #[test]
    fn programs_get_one_object_whether_or_not_it_is_valid() {
        let invalid = checked("[accounts.main]\nbase_url = 7\ntoken = { env = 'T' }\n", Output::Json);
        assert_eq!((invalid.stderr.as_str(), invalid.code), ("", 78));
        assert_snapshot!(invalid.stdout, @r#"
    {
      "valid": false,
      "files": [],
      "errors": [
        {
          "severity": "error",
          "message": "`base_url` must be text in quotes, not a number",
          "file": "config.toml",
          "line": 2,
          "column": 12
        }
      ],
      "warnings": []
    }
    "#);
        let valid = checked(GOOD, Output::Json);
        assert_eq!((valid.stderr.as_str(), valid.code), ("", 0));
        assert_snapshot!(valid.stdout, @r#"
    {
      "valid": true,
      "files": [
        "config.toml"
      ],
      "errors": [],
      "warnings": []
    }
    "#);
    }
}
