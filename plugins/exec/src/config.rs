//! The notifier's configuration. `schema.json` says the same to operators.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::SignedDuration;
use serde::Deserialize;

/// Arguments, and variables of the environment, at most. Ours.
const ITEMS_MAX: usize = 64;
const TIMEOUT_BOUNDS: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(600);

/// `[notifiers.NAME.config]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    program: String,
    #[serde(default)]
    args: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    timeout: Option<String>,
}

/// What is run.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) args: Vec<String>,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) timeout: Option<Duration>,
}

impl Config {
    /// # Errors
    /// One line for the operator.
    pub(crate) fn check(self) -> Result<Program, String> {
        let Self { program, args, env, timeout } = self;
        let path = PathBuf::from(&program);
        if !path.is_absolute() {
            return Err(format!(
                "`program` is {program:?}: write an absolute path, and arguments into `args`"
            ));
        }
        runs(&path).map_err(|why| format!("`program` {program}: {why}"))?;
        if args.len() > ITEMS_MAX || env.len() > ITEMS_MAX {
            return Err(format!("`args` and `env` take at most {ITEMS_MAX} each"));
        }
        // What would not get through to the program is refused now rather than for each notification.
        let names = env.keys().chain(env.values());
        if args.iter().chain(names).chain([&program]).any(|text| text.contains('\0')) {
            return Err("a NUL character cannot be handed to a program".to_owned());
        }
        if let Some(name) = env.keys().find(|name| name.is_empty() || name.contains('=')) {
            return Err(format!("`env`: {name:?} is no name of a variable"));
        }
        let timeout = timeout.map(|text| {
            let parsed = text.parse::<SignedDuration>().ok().and_then(|span| Duration::try_from(span).ok());
            parsed.filter(|span| TIMEOUT_BOUNDS.contains(span)).ok_or_else(|| {
                format!("`timeout` is {text:?}; write a duration from 100ms to 10m, such as \"10s\"")
            })
        });
        Ok(Program { path, args, env, timeout: timeout.transpose()? })
    }
}

/// Whether there is something that can be run.
fn runs(path: &Path) -> Result<(), String> {
    let about = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if !about.is_file() {
        return Err("it is no file".to_owned());
    }
    if about.permissions().mode() & 0o111 == 0 {
        return Err("nobody may execute it (chmod +x)".to_owned());
    }
    Ok(())
}
