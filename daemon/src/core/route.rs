//! Which notifiers are told of an event. A pure plan; the rows it plans are written with the cursor.

use crate::core::event::EventKind;
use crate::core::message::AuthorKind;
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
}

/// Every route and the operators.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    routes: Vec<Route>,
    operators: Vec<String>,
}

impl Routes {
    /// In the order of the files.
    pub fn new(routes: Vec<Route>, operators: Vec<String>) -> Self {
        Self { routes, operators }
    }

    /// Who is told, each once, in the order of the routes.
    pub fn plan(&self, subject: Subject<'_>) -> Vec<&str> {
        let operators = self.operators.iter().filter(|_| subject.kind.is_own_health());
        let routed =
            self.routes.iter().filter(|route| route.matches(subject)).flat_map(|route| &route.notify);
        let mut told: Vec<&str> = Vec::new();
        for name in operators.chain(routed) {
            if !told.contains(&name.as_str()) && subject.concerned != Some(name) {
                told.push(name);
            }
        }
        told
    }
}

impl Route {
    /// Whether every condition holds.
    pub fn matches(&self, subject: Subject<'_>) -> bool {
        let has = |tag: &String| subject.tags.contains(tag);
        self.events.iter().any(|event| event == subject.kind.as_str())
            && self.priority.is_none_or(|priority| subject.priority == Some(priority))
            && (!subject.kind.is_message()
                || subject.author.is_some_and(|author| self.from.contains(&author)))
            && (self.tags.is_empty() || self.tags.iter().any(has))
            && self.tags_all.iter().all(has)
            && !self.not_tags.iter().any(has)
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
            notify: vec![name.into()],
        }
    }

    fn message<'a>(author: AuthorKind, tags: &'a [String]) -> Subject<'a> {
        Subject {
            kind: EventKind::MessageCreated,
            priority: Some(Priority::Vip),
            tags,
            author: Some(author),
            concerned: None,
        }
    }

    #[test]
    fn every_route_that_matches_applies_and_a_notifier_is_told_once() {
        let routes = Routes::new(vec![route("a"), route("b"), route("a")], vec!["ops".into()]);
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
            Routes::new(vec![route], vec![]).plan(message(AuthorKind::Customer, &tags)).len()
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
    fn operators_hear_of_our_own_health_but_never_through_the_notifier_concerned() {
        let routes = Routes::new(vec![route("a")], vec!["ops".into(), "mail".into()]);
        let broken = Subject {
            kind: EventKind::NotifierBroken,
            priority: None,
            tags: &[],
            author: None,
            concerned: Some("ops"),
        };
        assert_eq!(routes.plan(broken), ["mail"]);
    }
}
