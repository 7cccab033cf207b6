//! What the operator has configured, and who is to be told of what by it, written down without a look at how routes
//! work.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Time;
use jiff::tz::TimeZone;

use super::dice::Dice;
use crate::config::{
    Account, Admin, Config, Content, Http, Log, LogFormat, Notifier, Plugins, Rate, Reload, SecretRef, Store,
    Trust,
};
use crate::core::event::EventKind;
use crate::core::hours::{Hours, Span};
use crate::core::message::AuthorKind;
use crate::core::outcome::{Order, Retries};
use crate::core::pacing::{Cap, Group, Pacing, Pass, Quiet};
use crate::core::route::Route;
use crate::core::waiting::Threshold;
use crate::core::watch::{Baseline, ConversationId, Priority, Stream, Watch};

pub(super) const ACCOUNTS: [&str; 2] = ["main", "branch"];
pub(super) const NOTIFIERS: [&str; 3] = ["hook", "ops", "pager"];
pub(super) const ROUTES: u8 = 3;
/// Of every account.
pub(super) const RATE: u32 = 1;
pub(super) const BURST: u32 = 3;
pub(super) const IN_FLIGHT_MAX: u32 = 2;
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Setup {
    pub(super) watches: Vec<Watching>,
    pub(super) notifiers: Vec<Notifying>,
    /// Which of the sets of routes.
    pub(super) routes: u8,
    /// How long everything is kept.
    pub(super) retention: Duration,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Watching {
    pub(super) id: ConversationId,
    pub(super) vip: bool,
    /// Whether the newest message is told at first sight.
    pub(super) newest: bool,
    pub(super) interval: Duration,
    pub(super) watched: bool,
    pub(super) renamed: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Notifying {
    pub(super) name: &'static str,
    pub(super) present: bool,
    pub(super) concurrency: u16,
    pub(super) per_second: u32,
    pub(super) timeout: Duration,
    pub(super) retry_for: Duration,
    pub(super) retries: Retries,
    pub(super) order: Order,
    /// Who is told in its place, when it has not accepted something within this.
    pub(super) fallback: Option<&'static str>,
    pub(super) fallback_after: Duration,
    pub(super) pacing: Pacing,
}

impl Setup {
    /// `later` draws what came to a setup later, so that the seeds of before keep their stories.
    pub(super) fn drawn(dice: &mut Dice, later: &mut Dice) -> Self {
        let accounts = dice.within(1..3);
        let watches = (0..dice.within(1..5)).map(|n| Watching {
            id: ConversationId {
                account: ACCOUNTS[(n % accounts) as usize].to_owned(),
                object: 7000 + n.cast_signed(),
            },
            vip: dice.percent(50),
            newest: dice.percent(20),
            interval: Duration::from_secs(dice.pick(&[10, 20, 30])),
            watched: true,
            renamed: 0,
        });
        let watches = watches.collect();
        let mut notifiers = NOTIFIERS.map(|name| Notifying {
            name,
            present: true,
            concurrency: dice.pick(&[1, 2, 4]),
            per_second: dice.pick(&[1, 5, 10]),
            timeout: Duration::from_secs(dice.pick(&[5, 15])),
            retry_for: Duration::from_secs(dice.pick(&[60, 600, 21_600])),
            retries: if dice.percent(4) { Retries::Machines } else { Retries::People },
            order: later.pick(&[Order::Any, Order::Conversation]),
            fallback: None,
            fallback_after: Duration::from_secs(later.pick(&[20, 60, 300])),
            pacing: Pacing::default(),
        });
        // One of them, or none.
        let which = later.within(0..NOTIFIERS.len() as u64 + 1) as usize;
        if let Some(notifying) = notifiers.get_mut(which) {
            notifying.fallback = Some(NOTIFIERS[(which + later.within(1..3) as usize) % NOTIFIERS.len()]);
        }
        for notifying in &mut notifiers {
            notifying.pacing = pacing(later);
        }
        let routes = dice.within(0..u64::from(ROUTES)) as u8;
        let retention = Duration::from_secs(if dice.percent(15) { 3600 } else { 30 * 86_400 });
        Self { watches, notifiers: notifiers.into(), routes, retention }
    }

    pub(super) fn watching(&self, id: &ConversationId) -> Option<&Watching> {
        self.watches.iter().find(|watching| watching.id == *id)
    }

    /// Who may be told that somebody has waited for so long: one of these sets. Where two times are over at once, who is
    /// told of either.
    pub(super) fn waits(&self, seconds: u64, vip: bool) -> Vec<Vec<&'static str>> {
        let present =
            |names: &[&'static str]| names.iter().copied().filter(|name| self.is_present(name)).collect();
        match (self.routes, seconds) {
            (0, 60) => vec![present(&["hook", "ops"])],
            (2, 60) => vec![present(&["hook"])],
            (2, 300) if vip => vec![present(&["pager"]), present(&["hook", "pager"])],
            _ => Vec::new(),
        }
    }

    /// The times after which somebody is told of who waits.
    pub(super) fn thresholds(&self, vip: bool) -> &'static [u64] {
        match self.routes {
            0 => &[60],
            2 if vip => &[60, 300],
            2 => &[60],
            _ => &[],
        }
    }

    pub(super) fn is_present(&self, name: &str) -> bool {
        self.notifiers.iter().any(|notifying| notifying.present && notifying.name == name)
    }

    /// Who is told in place of a notifier, and when.
    pub(super) fn in_place_of(&self, name: &str) -> Option<(&'static str, Duration)> {
        let notifying = self.notifiers.iter().find(|one| one.present && one.name == name)?;
        let fallback = notifying.fallback.filter(|fallback| self.is_present(fallback))?;
        Some((fallback, notifying.fallback_after))
    }

    fn operators(&self) -> &'static [&'static str] {
        match self.routes {
            0 => &["ops"],
            _ => &["ops", "pager"],
        }
    }

    /// Who is to be told. `concerned` is the notifier that it is about.
    pub(super) fn told(
        &self,
        kind: EventKind,
        vip: Option<bool>,
        author: Option<AuthorKind>,
        concerned: Option<&str>,
    ) -> Vec<&'static str> {
        let customer = matches!(author, Some(AuthorKind::Customer | AuthorKind::Unknown));
        let created = kind == EventKind::MessageCreated;
        let own = kind.is_own_health();
        let is_told = |name: &str| match (self.routes, name) {
            (_, _) if own => self.operators().contains(&name),
            (0, "hook") => true,
            (0, "pager") => created && customer && vip == Some(true),
            (1, "hook" | "pager") => true,
            (2, "hook") => created && customer,
            _ => false,
        };
        NOTIFIERS
            .into_iter()
            .filter(|name| is_told(name) && self.is_present(name) && concerned != Some(*name))
            .collect()
    }

    pub(super) fn config(&self) -> Config {
        let mut used: Vec<&str> = self.watches.iter().map(|watching| watching.id.account.as_str()).collect();
        used.sort_unstable();
        used.dedup();
        let present = |names: &[&str]| -> Vec<String> {
            names.iter().filter(|name| self.is_present(name)).map(|&name| name.to_owned()).collect()
        };
        let routes = self.written_routes().into_iter().map(|mut route| {
            route.notify.retain(|name| self.is_present(name));
            route
        });
        Config {
            path: PathBuf::from("/simulated/commwatch.toml"),
            files: Vec::new(),
            accounts: used.into_iter().map(|name| (name.to_owned(), account())).collect(),
            watches: self.watches.iter().filter(|one| one.watched).map(Watching::watch).collect(),
            seeks: Vec::new(),
            notifiers: self
                .notifiers
                .iter()
                .filter(|one| one.present)
                .map(|one| {
                    let fallback = self.in_place_of(one.name).map(|(fallback, _)| fallback);
                    (one.name.to_owned(), one.notifier(fallback))
                })
                .collect(),
            routes: routes.collect(),
            hours: BTreeMap::new(),
            heartbeat: None,
            operators: present(self.operators()),
            plugins: Plugins { path: Vec::new(), trust: Trust::Strict, pins: PathBuf::new() },
            store: Store {
                path: PathBuf::from("/simulated/commwatch.db"),
                retention: self.retention,
                text_retention: self.retention / 4,
            },
            http: Http {
                listen: ([127, 0, 0, 1], 0).into(),
                token: None,
                allowed_hosts: Vec::new(),
                show_text: false,
            },
            admin: Admin { socket: PathBuf::from("/simulated/admin.sock"), write_group: None },
            reload: Reload { on_change: false, settle: Duration::from_secs(2) },
            log: Log { level: "info".to_owned(), format: LogFormat::Auto },
            origins: Default::default(),
        }
    }

    fn written_routes(&self) -> Vec<Route> {
        let everybody = vec![
            AuthorKind::Customer,
            AuthorKind::Agent,
            AuthorKind::Bot,
            AuthorKind::System,
            AuthorKind::Unknown,
        ];
        let of_conversations: Vec<String> = EventKind::ALL
            .into_iter()
            .filter(|kind| !kind.is_own_health())
            .map(|kind| kind.as_str().to_owned())
            .collect();
        let all = |name: &str, notify: &[&str]| Route {
            name: name.to_owned(),
            priority: None,
            events: of_conversations.clone(),
            from: everybody.clone(),
            tags: Vec::new(),
            tags_all: Vec::new(),
            not_tags: Vec::new(),
            unanswered_for: Vec::new(),
            notify: notify.iter().map(|&name| name.to_owned()).collect(),
        };
        let messages = |name: &str, priority, notify: &[&str]| Route {
            priority,
            events: vec![EventKind::MessageCreated.as_str().to_owned()],
            from: vec![AuthorKind::Customer, AuthorKind::Unknown],
            ..all(name, notify)
        };
        let waits = |name: &str, priority, seconds, notify: &[&str]| Route {
            priority,
            events: Vec::new(),
            unanswered_for: vec![Threshold::after(seconds)],
            ..all(name, notify)
        };
        match self.routes {
            0 => vec![
                all("all", &["hook"]),
                messages("vip", Some(Priority::Vip), &["pager"]),
                waits("waits", None, 60, &["ops"]),
            ],
            1 => vec![all("all", &["hook", "pager"]), messages("again", None, &["hook"])],
            _ => vec![
                messages("messages", None, &["hook"]),
                waits("waits", None, 60, &["hook"]),
                waits("vip-waits", Some(Priority::Vip), 300, &["pager"]),
            ],
        }
    }
}

impl Watching {
    pub(super) fn watch(&self) -> Watch {
        let object = self.id.object;
        let name = format!("w-{object}-{}", self.renamed);
        Watch {
            title: name.clone(),
            name,
            priority: if self.vip { Priority::Vip } else { Priority::Normal },
            tags: Vec::new(),
            conversation: self.id.clone(),
            stream: Stream::Number(532),
            interval: self.interval,
            baseline: if self.newest { Baseline::Newest } else { Baseline::Silent },
        }
    }
}

impl Notifying {
    fn notifier(&self, fallback: Option<&str>) -> Notifier {
        Notifier {
            plugin: "simulated".to_owned(),
            library: Err("it is no process".to_owned()),
            pinned: None,
            content: Content::Full,
            voice: Default::default(),
            timeout: self.timeout,
            rate: Rate { count: self.per_second, per: Duration::from_secs(1) },
            retry_for: self.retry_for,
            retries: self.retries,
            order: self.order,
            fallback: fallback.map(str::to_owned).into_iter().collect(),
            fallback_after: self.fallback_after,
            pacing: self.pacing.clone(),
            config: serde_json::Value::Null,
            secrets: BTreeMap::new(),
            reveal: Default::default(),
            private: Default::default(),
        }
    }
}

/// How much a notifier is bothered with; half of them with whatever comes.
fn pacing(dice: &mut Dice) -> Pacing {
    if dice.percent(50) {
        return Pacing::default();
    }
    let seconds = |dice: &mut Dice, seconds: &[u64]| Duration::from_secs(dice.pick(seconds));
    let group = dice.percent(60).then(|| Group {
        wait: seconds(dice, &[0, 5, 20]),
        interval: seconds(dice, &[0, 30, 60]),
        max: dice.pick(&[1, 3, 20]),
    });
    let cap = dice.percent(40).then(|| Cap { count: dice.pick(&[1, 2, 5]), per: seconds(dice, &[60, 600]) });
    let quiet = dice.percent(30).then(|| Quiet {
        name: "often".to_owned(),
        hours: often(),
        during: true,
        pass: [Pass::Vip, Pass::Warning, Pass::Critical].into_iter().filter(|_| dice.percent(30)).collect(),
    });
    Pacing { group, cap, quiet, keeps_incidents: dice.percent(30), whole: dice.percent(50) }
}

/// Ten minutes of every hour.
fn often() -> Arc<Hours> {
    let time = |hour, minute| Time::new(hour, minute, 0, 0).expect("a time");
    let spans: Vec<Span> =
        (0..24).map(|hour| Span { from: time(hour, 20), until: Some(time(hour, 30)) }).collect();
    Arc::new(Hours::new(TimeZone::UTC, std::array::from_fn(|_| spans.clone()), BTreeSet::new()))
}

fn account() -> Account {
    Account {
        base_url: "https://commbox.simulated/".parse().expect("an address"),
        token: SecretRef::Env("NONE".to_owned()),
        rate: Rate { count: RATE, per: Duration::from_secs(1) },
        burst: BURST,
        max_in_flight: IN_FLIGHT_MAX,
        timeout: TIMEOUT,
        console_url: None,
        bots: Vec::new(),
        streams: Vec::new(),
        proxy: None,
        ca_file: None,
    }
}
