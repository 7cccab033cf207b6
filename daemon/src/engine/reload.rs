//! What a reload would change, and whether somebody has to say yes first.

use std::fmt;

use crate::config::{Config, Mistakes};
use crate::core::plural::many;
use crate::core::seek::Seek;
use crate::core::watch::{Priority, Watch};

/// A change that takes away more than this share of the watches is held.
const REMOVED_SHARE_MAX: f64 = 0.2;

/// Why a reload changed nothing.
pub(super) enum Refusal {
    Mistaken(Mistakes),
    Refused(String),
    Held(String),
}

impl Refusal {
    /// For the log and the status.
    pub(super) fn one_line(&self) -> String {
        match self {
            Self::Mistaken(mistakes) => mistakes.one_line(),
            Self::Refused(why) => why.clone(),
            Self::Held(why) => format!("{why}; `commwatch reload --allow-removals` takes it into use"),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mistaken(mistakes) => write!(f, "the new configuration is refused:\n{mistakes}"),
            Self::Refused(why) => write!(f, "the new configuration is refused: {why}"),
            Self::Held(why) => write!(
                f,
                "the new configuration is held, since {why}; `commwatch reload --allow-removals` takes it into use"
            ),
        }
    }
}

/// A watch, whether its conversation is named or its conversations are found.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Watched<'a> {
    Named(&'a Watch),
    Found(&'a Seek),
}

impl<'a> Watched<'a> {
    fn all(config: &'a Config) -> impl Iterator<Item = Self> {
        config.watches.iter().map(Self::Named).chain(config.seeks.iter().map(Self::Found))
    }

    /// The watch of the same thing, whatever it is called.
    fn among(self, config: &Config) -> Option<Watched<'_>> {
        match self {
            Self::Named(watch) => {
                let same = config.watches.iter().find(|other| other.conversation == watch.conversation);
                same.map(Watched::Named)
            }
            Self::Found(seek) => {
                let id = seek.id();
                let same = config.seeks.iter().find(|other| other.id() == id);
                // Other statuses of its channel.
                let alike =
                    || config.seeks.iter().find(|other| other.name == seek.name && shares(other, seek));
                same.or_else(alike).map(Watched::Found)
            }
        }
    }

    fn name(self) -> &'a str {
        match self {
            Self::Named(watch) => &watch.name,
            Self::Found(seek) => &seek.name,
        }
    }

    fn priority(self) -> Priority {
        match self {
            Self::Named(watch) => watch.priority,
            Self::Found(seek) => seek.priority,
        }
    }
}

/// Whether two look in one place.
fn shares(one: &Seek, other: &Seek) -> bool {
    one.places().any(|place| other.places().any(|another| another == place))
}

/// What a reload changes, for the log and the one who asked.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Diff {
    pub(super) added: Vec<String>,
    pub(super) removed: Vec<String>,
    pub(super) changed: Vec<String>,
    pub(super) restart: Vec<String>,
}

impl Diff {
    /// Between the configuration in use and a new one.
    pub(super) fn between(old: &Config, new: &Config) -> Self {
        let mut diff = Self::default();
        for watch in Watched::all(new) {
            match watch.among(old) {
                None => diff.added.push(format!("watch {}", watch.name())),
                Some(before) if before != watch => diff.changed.push(format!("watch {}", watch.name())),
                Some(_) => {}
            }
        }
        for watch in Watched::all(old).filter(|watch| watch.among(new).is_none()) {
            diff.removed.push(format!("watch {}", watch.name()));
        }
        for name in new.notifiers.keys().filter(|name| !old.notifiers.contains_key(*name)) {
            diff.added.push(format!("notifier {name}"));
        }
        for name in old.notifiers.keys().filter(|name| !new.notifiers.contains_key(*name)) {
            diff.removed.push(format!("notifier {name}"));
        }
        for (name, notifier) in &new.notifiers {
            if old.notifiers.get(name).is_some_and(|before| before != notifier) {
                diff.changed.push(format!("notifier {name}"));
            }
        }
        if old.routes != new.routes || old.operators != new.operators {
            diff.changed.push("routes".to_owned());
        }
        for (what, differs) in [
            ("[store] path", old.store.path != new.store.path),
            ("[http] listen", old.http.listen != new.http.listen),
            ("[admin] socket", old.admin.socket != new.admin.socket),
        ] {
            if differs {
                diff.restart.push(what.to_owned());
            }
        }
        diff
    }
}

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        for (word, names) in [("added", &self.added), ("removed", &self.removed), ("changed", &self.changed)]
        {
            if !names.is_empty() {
                parts.push(format!("{word} {}", few(names)));
            }
        }
        if !self.restart.is_empty() {
            parts.push(format!("{} changes only with a restart", self.restart.join(", ")));
        }
        if parts.is_empty() { f.write_str("nothing has changed") } else { f.write_str(&parts.join("; ")) }
    }
}

/// The first few names, and how many more there are.
fn few(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Why a change must be said yes to: a half-written folder is valid TOML.
pub(super) fn dangerous(old: &Config, new: &Config) -> Option<String> {
    let removed: Vec<Watched<'_>> = Watched::all(old).filter(|watch| watch.among(new).is_none()).collect();
    let mut why = Vec::new();
    let vips = removed.iter().filter(|watch| watch.priority() == Priority::Vip);
    let vips: Vec<String> = vips.map(|watch| watch.name().to_owned()).collect();
    if !vips.is_empty() {
        why.push(format!("it removes the VIP {}", few(&vips)));
    }
    if !old.routes.is_empty() && new.routes.is_empty() {
        why.push("it removes the last route".to_owned());
    }
    #[expect(clippy::cast_precision_loss, reason = "counts of watches are small")]
    let share = removed.len() as f64 / Watched::all(old).count().max(1) as f64;
    if share > REMOVED_SHARE_MAX {
        why.push(format!(
            "it removes {} of {}",
            removed.len(),
            many(Watched::all(old).count(), "watch", "watches")
        ));
    }
    (!why.is_empty()).then(|| why.join(", "))
}
