//! `commwatch routes`: who would be told of something, and why. Reads the configuration alone; what the running daemon
//! knows beside it (silences, notifiers that are broken) is `commwatch why`'s.

use std::path::Path;

use commwatch_plugin_api::Severity;
use jiff::Timestamp;
use serde::Serialize;

use super::{Commands, Console, Exit, events, when};
use crate::config::unknown;
use crate::core::event::EventKind;
use crate::core::message::{AuthorKind, ChildId};
use crate::core::notification;
use crate::core::pacing::{Recent, Verdict, Waits};
use crate::core::route::{Said, Subject};
use crate::core::seek::Seek;
use crate::core::waiting::{Alarm, Rule, Threshold, Waiting};
use crate::core::watch::{Priority, Watch};
use crate::engine::Plan;
use crate::ops::story;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Of this watch [default: of each]
    #[arg(long, value_name = "NAME")]
    watch: Option<String>,
    /// Of this type of event
    #[arg(long = "type", value_name = "TYPE", value_parser = events::kind, default_value = "message.created")]
    kind: String,
    /// Of messages by: customer, agent, bot, system, unknown [default: customer]
    #[arg(long, value_name = "AUTHOR", value_parser = author)]
    from: Option<AuthorKind>,
    /// As if it happened then: "2h" ago, or an instant [default: now]
    #[arg(long, value_name = "TIME", value_parser = when::read)]
    at: Option<Timestamp>,
}

fn author(word: &str) -> Result<AuthorKind, String> {
    let known = AuthorKind::ALL;
    let found = known.into_iter().find(|kind| kind.as_str() == word);
    found.ok_or_else(|| format!("authors are {}", known.map(AuthorKind::as_str).join(", ")))
}

/// Who would be told of one thing.
#[derive(Debug, Serialize)]
struct Told {
    watch: Option<String>,
    priority: Option<Priority>,
    tags: Vec<String>,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<AuthorKind>,
    /// When it happens.
    at: Timestamp,
    /// Of a wait: after how long.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<Threshold>,
    /// Of a wait that begins then: when it is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    told_at: Option<Timestamp>,
    /// Who is told, each once.
    told: Vec<String>,
    /// Which of them not as it comes.
    paced: Vec<Paced>,
    /// What each route says.
    routes: Vec<Said>,
}

/// How a notifier's own settings hold something back.
#[derive(Debug, Serialize)]
struct Paced {
    notifier: String,
    /// `group`, `quiet_hours`: what holds it back then, if nothing was told before.
    #[serde(skip_serializing_if = "Option::is_none")]
    held: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    /// Seconds within which what its conversation brings is one notification.
    #[serde(skip_serializing_if = "Option::is_none")]
    group_seconds: Option<u64>,
    /// How many notifications it gets in how many seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_per: Option<(u32, u64)>,
}

pub(super) fn run(config: &Path, args: Args, commands: &dyn Commands, console: &mut Console<'_>) -> Exit {
    let config = match commands.load(config) {
        Ok(config) => config,
        Err(mistakes) => {
            console.message(mistakes.trim_end());
            return Exit::InvalidConfig;
        }
    };
    let Args { watch, kind, from, at } = args;
    let Some(kind) = EventKind::named(&kind) else { return Exit::Usage };
    if from.is_some() && !kind.is_message() {
        console.message(&format!("error: --from is of message.* events; a {} has no author", kind.as_str()));
        return Exit::Usage;
    }
    let plan = Plan::new(*config, std::collections::BTreeMap::new());
    let found: Vec<Watch> = plan.config.seeks.iter().map(Seek::any).collect();
    let watches = || plan.config.watches.iter().chain(&found);
    if let Some(name) = watch.as_ref().filter(|name| watches().all(|one| one.name != **name)) {
        let said = unknown("watch", name, watches().map(|one| one.name.as_str()));
        console.message(&format!("error: {said}"));
        return Exit::Failed;
    }
    let at = at.unwrap_or_else(Timestamp::now);
    let meant = watches().filter(|one| watch.as_ref().is_none_or(|name| one.name == *name));
    let author = kind.is_message().then(|| from.unwrap_or(AuthorKind::Customer));
    let told: Vec<Told> = match kind.is_of_watch() {
        true => meant.flat_map(|watch| of_watch(&plan, watch, kind, author, at)).collect(),
        false if kind == EventKind::Heartbeat => vec![of_heartbeat(&plan, at)],
        false => vec![of(&plan, None, Subject::of(kind, None, &[]), at)],
    };
    console.answer(&told, text(&told).trim_end());
    Exit::Done
}

fn of_watch(
    plan: &Plan,
    watch: &Watch,
    kind: EventKind,
    author: Option<AuthorKind>,
    at: Timestamp,
) -> Vec<Told> {
    let subject = Subject { author, ..Subject::of(kind, Some(watch.priority), &watch.tags) };
    let rules = plan.rules(watch);
    match kind {
        EventKind::Waiting if rules.is_empty() => vec![of(plan, Some(watch), subject, at)],
        EventKind::Waiting => rules.iter().map(|rule| of_wait(plan, watch, rule, at)).collect(),
        EventKind::Answered => {
            // Whoever was told of all that can be told of the wait.
            let wait = Subject::of(EventKind::Waiting, Some(watch.priority), &watch.tags);
            let alarm = |rule: &Rule| {
                let passed = std::slice::from_ref(&rule.threshold);
                let to =
                    plan.routes.plan(Subject { passed, ..wait }).into_iter().map(str::to_owned).collect();
                Alarm { threshold: rule.threshold.clone(), to, silenced: false }
            };
            let told: Vec<Alarm> = rules.iter().map(alarm).collect();
            vec![of(plan, Some(watch), Subject { told: &told, ..subject }, at)]
        }
        _ => vec![of(plan, Some(watch), subject, at)],
    }
}

fn of_wait(plan: &Plan, watch: &Watch, rule: &Rule, at: Timestamp) -> Told {
    let wait = Subject::of(EventKind::Waiting, Some(watch.priority), &watch.tags);
    let passed = std::slice::from_ref(&rule.threshold);
    let told_at = Waiting::new(ChildId::new(""), at).deadline(std::slice::from_ref(rule));
    let subject = Subject { passed, ..wait };
    Told {
        after: Some(rule.threshold.clone()),
        told_at,
        paced: paced(plan, subject, told_at.unwrap_or(at)),
        ..of(plan, Some(watch), subject, at)
    }
}

fn of(plan: &Plan, watch: Option<&Watch>, subject: Subject<'_>, at: Timestamp) -> Told {
    Told {
        watch: watch.map(|watch| watch.name.clone()),
        priority: watch.map(|watch| watch.priority),
        tags: watch.map(|watch| watch.tags.clone()).unwrap_or_default(),
        r#type: subject.kind.as_str(),
        from: subject.author,
        at,
        after: None,
        told_at: None,
        told: plan.routes.plan(subject).into_iter().map(str::to_owned).collect(),
        paced: paced(plan, subject, at),
        routes: plan.routes.explain(subject),
    }
}

/// No route is asked, and nothing holds it back.
fn of_heartbeat(plan: &Plan, at: Timestamp) -> Told {
    let mut routes = plan.heartbeat(at, at).routing;
    let told: Vec<String> = routes.iter().flat_map(|said| said.told.clone()).collect();
    if told.is_empty() {
        routes.iter_mut().for_each(|said| said.no = Some("there is no such section".to_owned()));
    }
    let of_nothing = of(plan, None, Subject::of(EventKind::Heartbeat, None, &[]), at);
    Told { told, paced: Vec::new(), routes, ..of_nothing }
}

fn paced(plan: &Plan, subject: Subject<'_>, at: Timestamp) -> Vec<Paced> {
    let vip = subject.priority == Some(Priority::Vip);
    let one = Waits {
        created_at: at,
        plain: true,
        incident: notification::incident_of(subject.kind).map(|incident| (incident, String::new())),
        severity: notification::severity_of(subject.kind, vip),
        vip,
    };
    let is_urgent = one.is_urgent();
    let of = |name: &str| {
        let pacing = &plan.config.notifiers.get(name)?.pacing;
        if pacing.is_none() {
            return None;
        }
        let verdict = pacing.judge(std::slice::from_ref(&one), None, &Recent::default(), "", at);
        let (held, until) = match verdict {
            Verdict::Hold { until, why } => (Some(why.as_str()), Some(until)),
            Verdict::Go { .. } => (None, None),
        };
        let group = pacing.group.filter(|_| !is_urgent);
        let cap = pacing.cap.filter(|_| one.severity != Severity::Critical);
        Some(Paced {
            notifier: name.to_owned(),
            held,
            until,
            group_seconds: group.map(|group| group.interval.max(group.wait).as_secs()),
            max_per: cap.map(|cap| (cap.count, cap.per.as_secs())),
        })
    };
    plan.routes.plan(subject).into_iter().filter_map(of).collect()
}

fn pace(paced: &Paced) -> Option<String> {
    let mut parts = Vec::new();
    if let (Some(held), Some(until)) = (paced.held, paced.until) {
        parts.push(format!("held until {until:.0} (`{held}`)"));
    }
    if let Some(seconds) = paced.group_seconds {
        parts.push(format!("together with what its conversation brings within {seconds} s (`group`)"));
    }
    if let Some((count, seconds)) = paced.max_per {
        parts.push(format!("above {count} in {seconds} s in a digest (`max_per`)"));
    }
    (!parts.is_empty()).then(|| format!("{}: {}", paced.notifier, parts.join("; ")))
}

fn text(told: &[Told]) -> String {
    let mut text = String::new();
    for one in told {
        text += &head(one);
        for said in &one.routes {
            text += &format!("  {}\n", story::route(said));
        }
        for line in one.paced.iter().filter_map(pace) {
            text += &format!("  {line}\n");
        }
        if one.routes.is_empty() {
            text += "  there is no route\n";
        }
    }
    text
}

/// Of what, and who is told.
fn head(one: &Told) -> String {
    let watch = one.watch.as_ref().map_or(String::new(), |watch| {
        let priority = one.priority.map_or("", Priority::as_str);
        let tags = if one.tags.is_empty() { String::new() } else { format!(", tags {}", one.tags.join(" ")) };
        format!("{watch} ({priority}{tags}): ")
    });
    let from = one.from.map_or(String::new(), |from| format!(" from {}", from.as_str()));
    let after = one.after.as_ref().map_or(String::new(), |after| {
        let hours = after.hours.as_ref().map_or(String::new(), |hours| format!(" of {hours}"));
        let at = one.told_at.map_or("never".to_owned(), |at| format!("{at:.0}"));
        format!(" after {} s{hours} (of a message of {:.0}: {at})", after.seconds, one.at)
    });
    let told = if one.told.is_empty() { "nobody".to_owned() } else { one.told.join(", ") };
    format!("{watch}{}{from}{after} tells {told}\n", one.r#type)
}
