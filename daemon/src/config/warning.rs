//! What is legal but suspicious. Looked for only in a configuration without errors.

use std::collections::BTreeMap;

use super::account::Accounts;
use super::findings::{Findings, Note};
use super::hours::AllHours;
use super::polling::Paces;
use super::route::{Notifiers, Placed as PlacedRoute};
use super::spanned::{Kind, Place, Table};
use super::watch::Placed;
use super::{Http, Log, Notifier, Store};
use crate::core::heartbeat::Heartbeat;

mod notifiers;
mod pace;
mod rest;
mod routes;

/// All that has been read, and where it stands.
#[derive(Clone, Copy)]
pub(super) struct Facts<'a> {
    pub(super) findings: &'a Findings,
    pub(super) root: &'a Table,
    pub(super) accounts: &'a Accounts,
    pub(super) paces: Paces,
    pub(super) watches: &'a [Placed],
    pub(super) hours: &'a AllHours,
    pub(super) notifiers: &'a Notifiers,
    pub(super) routes: &'a [PlacedRoute],
    pub(super) operators: &'a [String],
    pub(super) heartbeat: Option<&'a Heartbeat>,
    pub(super) store: &'a Store,
    pub(super) http: &'a Http,
    pub(super) log: &'a Log,
}

/// Tells of everything that is suspicious.
pub(super) fn about(facts: &Facts<'_>) {
    routes::about_health(facts);
    routes::about_watches(facts);
    routes::about_routes(facts);
    pace::about_budgets(facts);
    pace::about_vips(facts);
    notifiers::about_notifiers(facts);
    rest::about_the_rest(facts);
}

impl Facts<'_> {
    fn warn(&self, at: Place, message: impl Into<String>, hint: impl Into<String>) {
        self.findings.add(Note::warning(at, message).hint(hint));
    }

    /// Where a key's value stands, or the table it would stand in.
    fn place(&self, path: &[&str]) -> Place {
        let mut at = self.findings.top();
        let mut table = self.root;
        for key in path {
            let Some(entry) = table.get(key) else { break };
            at = entry.value.at;
            match &entry.value.kind {
                Kind::Table(inner) => table = inner,
                _ => break,
            }
        }
        at
    }

    /// Notifiers as far as they could be read, which without errors is all of them.
    fn all_notifiers(&self) -> BTreeMap<&str, (Place, &Notifier)> {
        let read = self
            .notifiers
            .iter()
            .filter_map(|(name, named)| Some((name.as_str(), (named.at, named.item.as_ref()?))));
        read.collect()
    }
}
