//! Which notifiers are told of an event. A pure plan; the rows it plans are written with the cursor.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::core::event::EventKind;
use crate::core::message::AuthorKind;
use crate::core::waiting::{Alarm, Threshold};
use crate::core::watch::Priority;

/// One `[[route]]`. Every route that matches applies; a notifier gets an event once.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Route {
    /// Unique where given; else `route-N`, N from 1 in order of the files.
    pub name: String,
    /// `None` = any.
    pub priority: Option<Priority>,
    /// Event types; left out by the operator = `message.created`.
    pub events: Vec<String>,
    /// Authors, of `message.*` events only; left out by the operator = customer and unknown.
    pub from: Vec<AuthorKind>,
    /// Any of these; empty = any.
    pub tags: Vec<String>,
    /// All of these.
    pub tags_all: Vec<String>,
    /// None of these.
    pub not_tags: Vec<String>,
    /// Told when nobody has answered for so long, and when that is over; empty = not told.
    pub unanswered_for: Vec<Threshold>,
    /// Who is told.
    pub notify: Vec<String>,
}

/// What a route's conditions are asked about.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// What happened.
    pub kind: EventKind,
    /// Of the watch; `None` for events that have none.
    pub priority: Option<Priority>,
    /// Of the watch.
    pub tags: &'a [String],
    /// Who wrote the message, of `message.*` events.
    pub author: Option<AuthorKind>,
    /// The notifier that the event is about: it is never told through itself.
    pub concerned: Option<&'a str>,
    /// Of a wait: whose time is over.
    pub passed: &'a [Threshold],
    /// Of the end of a wait: who was told of it.
    pub told: &'a [Alarm],
}

impl<'a> Subject<'a> {
    /// One that concerns nobody's message, notifier or wait.
    pub fn of(kind: EventKind, priority: Option<Priority>, tags: &'a [String]) -> Self {
        Self { kind, priority, tags, author: None, concerned: None, passed: &[], told: &[] }
    }
}

/// What is kept of each route's answer: so many, the first ones.
pub const SAID_MAX: usize = 64;

/// What one route said about an event; kept with it, so that it can be explained later.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Said {
    /// The route's name, or `[operators]`.
    pub route: String,
    /// Whom it tells.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<String>,
    /// Why it does not apply, or not to all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no: Option<String>,
}

/// Every route and the operators.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    routes: Vec<Route>,
    operators: Vec<String>,
    /// Those that are configured.
    notifiers: BTreeSet<String>,
}

impl Routes {
    /// In the order of the files, with the names of all notifiers.
    pub fn new(routes: Vec<Route>, operators: Vec<String>, notifiers: BTreeSet<String>) -> Self {
        Self { routes, operators, notifiers }
    }

    /// For how long nobody may wait in such a watch without that being told, each once.
    pub fn thresholds(&self, priority: Priority, tags: &[String]) -> BTreeSet<&Threshold> {
        let subject = Subject::of(EventKind::Waiting, Some(priority), tags);
        let concerned = self.routes.iter().filter(|route| route.refuses_watch(subject).is_none());
        concerned.flat_map(|route| &route.unanswered_for).collect()
    }

    /// Who is told, each once, in the order of the routes.
    pub fn plan(&self, subject: Subject<'_>) -> Vec<&str> {
        let operators = self.operators.iter().filter(|_| subject.kind.is_own_health());
        let routed =
            self.routes.iter().filter(|route| route.matches(subject)).flat_map(|route| &route.notify);
        // Whoever heard that somebody waits hears that it is over, by whatever routes there are now.
        let before = subject.told.iter().flat_map(|alarm| &alarm.to);
        let before = before.filter_map(|name| self.notifiers.get(name));
        let mut told: Vec<&str> = Vec::new();
        for name in operators.chain(before).chain(routed) {
            if !told.contains(&name.as_str()) && subject.concerned != Some(name) {
                told.push(name);
            }
        }
        told
    }

    /// What each route says, and the operators where they are asked; at most [`SAID_MAX`].
    pub fn explain(&self, subject: Subject<'_>) -> Vec<Said> {
        let operators =
            subject.kind.is_own_health().then(|| Said::of("[operators]", &self.operators, subject));
        let routes = self.routes.iter().map(|route| match route.refuses(subject) {
            Some(no) => Said { route: route.name.clone(), told: Vec::new(), no: Some(no) },
            None => Said::of(&route.name, &route.notify, subject),
        });
        let before = (!subject.told.is_empty()).then(|| {
            let mut names: Vec<String> = subject.told.iter().flat_map(|alarm| alarm.to.clone()).collect();
            names.sort_unstable();
            names.dedup();
            let (told, gone): (Vec<_>, Vec<_>) =
                names.into_iter().partition(|name| self.notifiers.contains(name));
            let no = (!gone.is_empty()).then(|| format!("{} is not configured any more", gone.join(", ")));
            Said { route: "[told of the wait]".to_owned(), told, no }
        });
        operators.into_iter().chain(before).chain(routes).take(SAID_MAX).collect()
    }
}

impl Said {
    fn of(route: &str, notify: &[String], subject: Subject<'_>) -> Self {
        let (told, left_out): (Vec<_>, Vec<_>) =
            notify.iter().cloned().partition(|name| subject.concerned != Some(name));
        let no =
            (!left_out.is_empty()).then(|| format!("not through {}, which it is about", left_out.join(", ")));
        Self { route: route.to_owned(), told, no }
    }
}

impl Route {
    /// Whether every condition holds.
    pub fn matches(&self, subject: Subject<'_>) -> bool {
        self.refuses(subject).is_none()
    }

    /// The first condition that does not hold, for a person.
    pub fn refuses(&self, subject: Subject<'_>) -> Option<String> {
        let kind = subject.kind.as_str();
        let is_passed = || subject.passed.iter().any(|passed| self.unanswered_for.contains(passed));
        let no = match subject.kind {
            _ if self.events.iter().any(|event| event == kind) => None,
            _ if self.unanswered_for.is_empty() => {
                Some(format!("events are {}, not {kind}", self.events.join(", ")))
            }
            EventKind::Waiting if is_passed() => None,
            EventKind::Waiting => Some("its time is not over, or was told before".to_owned()),
            _ => Some(format!("it is told of who waits, not of {kind}")),
        };
        if no.is_some() {
            return no;
        }
        self.refuses_watch(subject)
    }

    /// The first condition that does not hold of the watch or the author.
    fn refuses_watch(&self, subject: Subject<'_>) -> Option<String> {
        let has = |tag: &&String| subject.tags.contains(tag);
        if let Some(priority) = self.priority.filter(|priority| subject.priority != Some(*priority)) {
            let is = subject.priority.map_or("none", Priority::as_str);
            return Some(format!("priority is {is}, not {}", priority.as_str()));
        }
        let is_from = subject.author.is_some_and(|author| self.from.contains(&author));
        if subject.kind.is_message() && !is_from {
            let is = subject.author.map_or("not known", AuthorKind::as_str);
            let wanted: Vec<_> = self.from.iter().map(|author| author.as_str()).collect();
            return Some(format!("author is {is}, not {}", wanted.join(" or ")));
        }
        if !self.tags.is_empty() && !self.tags.iter().any(|tag| has(&tag)) {
            return Some(format!("no tag of {}", self.tags.join(", ")));
        }
        if let Some(missing) = self.tags_all.iter().find(|tag| !has(tag)) {
            return Some(format!("the tag {missing} is missing"));
        }
        self.not_tags.iter().find(has).map(|tag| format!("it has the tag {tag}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(name: &str) -> Route {
        Route {
            name: name.into(),
            priority: None,
            events: vec!["message.created".into()],
            from: vec![AuthorKind::Customer, AuthorKind::Unknown],
            tags: vec![],
            tags_all: vec![],
            not_tags: vec![],
            unanswered_for: vec![],
            notify: vec![name.into()],
        }
    }

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn message<'a>(author: AuthorKind, tags: &'a [String]) -> Subject<'a> {
        Subject {
            kind: EventKind::MessageCreated,
            priority: Some(Priority::Vip),
            tags,
            author: Some(author),
            ..Subject::of(EventKind::MessageCreated, None, &[])
        }
    }

    #[test]
    fn every_route_that_matches_applies_and_a_notifier_is_told_once() {
        let routes = Routes::new(vec![route("a"), route("b"), route("a")], vec!["ops".into()], names(&[]));
        assert_eq!(routes.plan(message(AuthorKind::Customer, &[])), ["a", "b"]);
        assert_eq!(routes.plan(message(AuthorKind::Unknown, &[])), ["a", "b"]);
        assert!(routes.plan(message(AuthorKind::Agent, &[])).is_empty());
        assert!(routes.plan(message(AuthorKind::Bot, &[])).is_empty());
    }

    #[test]
    fn tags_are_any_of_all_of_and_none_of() {
        let tags = ["x".to_owned(), "y".to_owned()];
        let with = |change: fn(&mut Route)| {
            let mut route = route("a");
            change(&mut route);
            Routes::new(vec![route], vec![], names(&[])).plan(message(AuthorKind::Customer, &tags)).len()
        };
        assert_eq!(with(|r| r.tags = vec!["x".into(), "z".into()]), 1);
        assert_eq!(with(|r| r.tags = vec!["z".into()]), 0);
        assert_eq!(with(|r| r.tags_all = vec!["x".into(), "y".into()]), 1);
        assert_eq!(with(|r| r.tags_all = vec!["x".into(), "z".into()]), 0);
        assert_eq!(with(|r| r.not_tags = vec!["z".into()]), 1);
        assert_eq!(with(|r| r.not_tags = vec!["y".into()]), 0);
        assert_eq!(with(|r| r.priority = Some(Priority::Normal)), 0);
    }

    #[test]
    fn each_route_says_why_it_does_not_apply() {
        let with = |change: fn(&mut Route)| {
            let mut route = route("a");
            change(&mut route);
            let said = Routes::new(vec![route], vec![], names(&[])).explain(message(AuthorKind::Agent, &[]));
            said[0].no.clone().unwrap_or_default()
        };
        assert_eq!(with(|_| {}), "author is agent, not customer or unknown");
        assert_eq!(with(|r| r.events = vec!["x".into()]), "events are x, not message.created");
        assert_eq!(with(|r| r.priority = Some(Priority::Normal)), "priority is vip, not normal");
        assert_eq!(with(|r| (r.from, r.tags) = (vec![AuthorKind::Agent], vec!["x".into()])), "no tag of x");
        assert_eq!(
            with(|r| (r.from, r.tags_all) = (vec![AuthorKind::Agent], vec!["x".into()])),
            "the tag x is missing"
        );
        assert_eq!(with(|r| r.from = vec![AuthorKind::Agent]), "");
    }

    #[test]
    fn operators_hear_of_our_own_health_but_never_through_the_notifier_concerned() {
        let routes = Routes::new(vec![route("a")], vec!["ops".into(), "mail".into()], names(&[]));
        let broken = Subject { concerned: Some("ops"), ..Subject::of(EventKind::NotifierBroken, None, &[]) };
        assert_eq!(routes.plan(broken), ["mail"]);
    }

    #[test]
    fn who_waits_is_told_where_the_time_is_over_and_the_end_to_whoever_heard_of_it() {
        let threshold = |minutes: u64| Threshold::after(minutes * 60);
        let waits = |name: &str, minutes: &[u64]| Route {
            events: vec![],
            unanswered_for: minutes.iter().copied().map(threshold).collect(),
            ..route(name)
        };
        let routes = Routes::new(
            vec![waits("slack", &[10, 30]), waits("pager", &[30]), route("all")],
            vec![],
            names(&["slack", "pager", "all"]),
        );
        let tags = [];
        let vip = Subject::of(EventKind::Waiting, Some(Priority::Vip), &tags);
        let thresholds = routes.thresholds(Priority::Vip, &tags);
        assert_eq!(thresholds.into_iter().cloned().collect::<Vec<_>>(), [threshold(10), threshold(30)]);
        assert_eq!(routes.plan(Subject { passed: &[threshold(10)], ..vip }), ["slack"]);
        assert_eq!(
            routes.plan(Subject { passed: &[threshold(10), threshold(30)], ..vip }),
            ["slack", "pager"]
        );
        assert_eq!(routes.plan(vip), [""; 0]);
        let told =
            [Alarm { threshold: threshold(10), to: vec!["gone".into(), "slack".into()], silenced: false }];
        let over = Subject { told: &told, ..Subject::of(EventKind::Answered, Some(Priority::Vip), &tags) };
        assert_eq!(routes.plan(over), ["slack"]);
        let said = routes.explain(over);
        assert_eq!(
            (said[0].told.as_slice(), said[0].no.as_deref()),
            (&["slack".to_owned()][..], Some("gone is not configured any more"))
        );
        assert_eq!(said[1].no.as_deref(), Some("it is told of who waits, not of conversation.answered"));
        assert_eq!(said[3].no.as_deref(), Some("events are message.created, not conversation.answered"));
    }
}
