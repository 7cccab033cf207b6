//! Which notifiers are told of an event. A pure plan; the rows it plans are written with the cursor.

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
