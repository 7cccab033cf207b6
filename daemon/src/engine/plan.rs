//! A configuration in use: built whole, then swapped in one step.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use commwatch_plugin_api::Severity;
use jiff::Timestamp;

use crate::commbox::{Answer, Client, FetchError};
use crate::config::{Account, Config, Notifier};
use crate::core::compose;
use crate::core::event::{Event, EventKind};
use crate::core::heartbeat;
use crate::core::listing::Listing;
use crate::core::notification;
use crate::core::route::{Routes, Said, Subject};
use crate::core::sample::{self, Sample};
use crate::core::schedule::{Allowance, Errand, Target};
use crate::core::seek::{Place, Seek, SeekId};
use crate::core::silence::{self, Silence};
use crate::core::together::{self, Reader};
use crate::core::waiting::{Rule, Threshold};
use crate::core::watch::{ConversationId, Stream, Watch};
use crate::store::{NewDelivery, Told, Unaccepted};

/// Asks for one conversation.
#[async_trait]
pub trait Fetch: Send + Sync {
    /// The whole conversation as it is now.
    async fn conversation(&self, stream: &Stream, object: i64) -> Result<Answer, FetchError>;

    /// A page of a list of conversations as it is now.
    async fn list(&self, listing: &Listing) -> Result<Answer, FetchError>;

    /// When the key expires that it asks with, if that says so.
    fn expires(&self) -> Option<Timestamp> {
        None
    }
}

#[async_trait]
impl Fetch for Client {
    async fn conversation(&self, stream: &Stream, object: i64) -> Result<Answer, FetchError> {
        Self::conversation(self, stream, object).await
    }

    async fn list(&self, listing: &Listing) -> Result<Answer, FetchError> {
        Self::list(self, listing).await
    }

    fn expires(&self) -> Option<Timestamp> {
        Self::expires(self)
    }
}

/// A configuration in use.
pub struct Plan {
    /// What the operator wrote.
    pub config: Config,
    /// Who is told.
    pub routes: Routes,
    /// What is polled because it was named.
    pub watches: HashMap<ConversationId, Watch>,
    /// What is looked for.
    pub seeks: BTreeMap<SeekId, Seek>,
    /// In which order those have what several of them find.
    order: HashMap<SeekId, usize>,
    /// Whose the conversations of a place are.
    owners: HashMap<Place, SeekId>,
    /// How `CommBox` is asked, by account.
    pub clients: BTreeMap<String, Arc<dyn Fetch>>,
}

impl Plan {
    /// Of a configuration and the clients made for it.
    pub fn new(config: Config, clients: BTreeMap<String, Arc<dyn Fetch>>) -> Self {
        let notifiers = config.notifiers.keys().cloned().collect();
        let routes = Routes::new(config.routes.clone(), config.operators.clone(), notifiers);
        let watches =
            config.watches.iter().map(|watch| (watch.conversation.clone(), watch.clone())).collect();
        let seeks = config.seeks.iter().map(|seek| (seek.id(), seek.clone())).collect();
        let mut ordered: Vec<&Seek> = config.seeks.iter().collect();
        ordered.sort_by_key(|seek| seek.rank());
        let order = ordered.iter().enumerate().map(|(at, seek)| (seek.id(), at)).collect();
        let mut owners = HashMap::new();
        for seek in ordered {
            for place in seek.places() {
                owners.entry(place).or_insert_with(|| seek.id());
            }
        }
        Self { config, routes, watches, seeks, order, owners, clients }
    }

    /// The account of a watch.
    pub fn account(&self, watch: &Watch) -> Option<&Account> {
        self.config.accounts.get(&watch.conversation.account)
    }

    /// For how long nobody may wait in the conversations of a watch without that being told.
    pub fn rules(&self, watch: &Watch) -> Vec<Rule> {
        let thresholds = self.routes.thresholds(watch.priority, &watch.tags).into_iter();
        let rule = |threshold: &Threshold| {
            let hours = match &threshold.hours {
                // Hours that do not exist are refused with the configuration.
                Some(name) => Some(self.config.hours.get(name)?.clone()),
                None => None,
            };
            Some(Rule { threshold: threshold.clone(), hours })
        };
        thresholds.filter_map(rule).collect()
    }

    /// What the schedule is made of, with what was found; what is looked for where `looks` says so.
    pub fn targets(&self, found: &[Watch], looks: bool) -> Vec<Target<Errand>> {
        let polled = self.config.watches.iter().chain(found).map(|watch| Target {
            id: Errand::Poll(watch.conversation.clone()),
            interval: watch.interval,
            priority: watch.priority,
        });
        let looked = self.seeks.iter().filter(|_| looks).map(|(id, seek)| Target {
            id: Errand::Look(id.clone()),
            interval: seek.discovery,
            priority: seek.priority,
        });
        polled.chain(looked).collect()
    }

    /// Whose a conversation is that was last listed there.
    pub fn owner(&self, place: &Place) -> Option<&SeekId> {
        self.owners.get(place)
    }

    /// The same, with what it is to be like.
    pub fn seek_of(&self, place: &Place) -> Option<&Seek> {
        self.seeks.get(self.owner(place)?)
    }

    /// Whether the first of two seeks rather than the second has a conversation that both find. Whoever is not looked for
    /// any more has nothing.
    pub fn is_before(&self, one: &SeekId, other: &SeekId) -> bool {
        let place = |id: &SeekId| self.order.get(id).copied().unwrap_or(usize::MAX);
        place(one) < place(other)
    }

    /// What each account allows.
    pub fn allowances(&self) -> BTreeMap<String, Allowance> {
        let allowance = |account: &Account| Allowance {
            per_second: account.rate.per_second(),
            burst: account.burst,
            in_flight_max: account.max_in_flight,
        };
        self.config.accounts.iter().map(|(name, account)| (name.clone(), allowance(account))).collect()
    }

    /// The event, rendered for everybody who is told of it, or would be but for a silence.
    pub fn told(&self, event: Event, subject: Subject<'_>, silence: Option<&Silence>) -> Told {
        let urgent = is_urgent(&event);
        let deliveries: Vec<NewDelivery> = self
            .routes
            .plan(subject)
            .into_iter()
            .filter_map(|name| {
                let notifier = self.config.notifiers.get(name)?;
                Some(NewDelivery {
                    notification: notification::of_event(&event, name, notifier.content, &notifier.voice),
                    notifier: name.to_owned(),
                    lane: lane(&event, notifier),
                    fallback_after: (!notifier.fallback.is_empty()).then_some(notifier.fallback_after),
                    urgent,
                    suppressed: silence::suppresses(silence, subject, name),
                })
            })
            .collect();
        let kept = deliveries.iter().filter(|delivery| delivery.suppressed.is_some());
        let kept: Vec<String> = kept.map(|delivery| delivery.notifier.clone()).collect();
        let silence = silence.filter(|_| !kept.is_empty()).map(|silence| silence::said(silence, &kept));
        let routing = silence.into_iter().chain(self.routes.explain(subject)).collect();
        Told { event, deliveries, routing }
    }

    /// An event about our own health, told to the operators; never through the notifier concerned.
    pub fn own_health(
        &self,
        kind: EventKind,
        subject: &str,
        since: Timestamp,
        why: &str,
        now: Timestamp,
    ) -> Told {
        let event = compose::own_health(kind, subject, since, why, now);
        let concerned = event.concerned().map(str::to_owned);
        let concerned = concerned.as_deref();
        self.told(event, Subject { concerned, ..Subject::of(kind, None, &[]) }, None)
    }

    /// A key that ends soon, told to the operators.
    pub fn token_expiring(
        &self,
        account: &str,
        expires: Timestamp,
        stage: u8,
        now_there: Timestamp,
        now: Timestamp,
    ) -> Told {
        let event = compose::token_expiring(account, expires, stage, now_there, now);
        self.told(event, Subject::of(EventKind::TokenExpiring, None, &[]), None)
    }

    /// A sign of life for those who want one: at once, by itself, and by nobody else.
    pub fn heartbeat(&self, polled_at: Timestamp, now: Timestamp) -> Told {
        let event = compose::heartbeat(polled_at, now);
        let names = self.config.heartbeat.iter().flat_map(|heartbeat| &heartbeat.notify);
        let deliveries: Vec<NewDelivery> = names
            .filter_map(|name| {
                let notifier = self.config.notifiers.get(name)?;
                Some(NewDelivery {
                    notification: notification::of_event(&event, name, notifier.content, &notifier.voice),
                    notifier: name.clone(),
                    lane: heartbeat::LANE.to_owned(),
                    fallback_after: None,
                    urgent: false,
                    suppressed: None,
                })
            })
            .collect();
        let told = deliveries.iter().map(|delivery| delivery.notifier.clone()).collect();
        let routing = vec![Said { route: "[heartbeat]".to_owned(), told, no: None }];
        Told { event, deliveries, routing }
    }

    /// A test, for the notifier that is tried and nobody else.
    pub fn test(&self, sample: Sample<'_>, now: Timestamp) -> Option<Told> {
        let notifier = self.config.notifiers.get(sample.notifier)?;
        let event = sample::event(sample, now);
        let delivery = NewDelivery {
            notification: notification::of_event(&event, sample.notifier, notifier.content, &notifier.voice),
            notifier: sample.notifier.to_owned(),
            lane: sample::LANE.to_owned(),
            fallback_after: None,
            urgent: false,
            suppressed: None,
        };
        let told = vec![sample.notifier.to_owned()];
        let routing = vec![Said { route: "test-notification".to_owned(), told, no: None }];
        Some(Told { event, deliveries: vec![delivery], routing })
    }

    /// Whether any notifier has a fallback.
    pub fn has_fallbacks(&self) -> bool {
        self.config.notifiers.values().any(|notifier| !notifier.fallback.is_empty())
    }

    /// What is told to the fallbacks of a notifier that has not accepted something in time, rendered for each. They have
    /// no fallbacks of their own for it.
    pub fn in_place_of(&self, one: &Unaccepted, now: Timestamp) -> Vec<NewDelivery> {
        let Some((event, late)) = one.events.first().zip(self.config.notifiers.get(&one.notifier)) else {
            return Vec::new();
        };
        let within = (!one.is_dead).then_some(late.fallback_after);
        let told = late.fallback.iter().filter(|name| event.concerned() != Some(name.as_str()));
        let deliveries = told.filter_map(|name| {
            let to = self.config.notifiers.get(name)?;
            let late = (one.notifier.as_str(), within);
            let notification = match &one.of_several {
                None => notification::in_place_of(event, name, to.content, &to.voice, late),
                Some(id) => together::in_place_of(&one.events, reader(name, to, now), id, late)?,
            };
            Some(NewDelivery {
                notification,
                notifier: name.clone(),
                lane: one.lane.clone(),
                fallback_after: None,
                urgent: is_urgent(event),
                suppressed: None,
            })
        });
        deliveries.collect()
    }
}

impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan").field("watches", &self.watches.len()).finish_non_exhaustive()
    }
}

/// How a notifier is told of several events.
pub(super) fn reader<'a>(name: &'a str, notifier: &'a Notifier, now: Timestamp) -> Reader<'a> {
    Reader {
        notifier: name,
        content: notifier.content,
        voice: &notifier.voice,
        shown: notifier.pacing.shown(),
        whole: notifier.pacing.whole,
        now,
    }
}

/// Whether what is held back before it in its lane goes at once.
fn is_urgent(event: &Event) -> bool {
    notification::incident(event).is_some() || notification::severity(event) == Severity::Critical
}

/// What goes in order among itself: a conversation, or a subject of our own health. For a receiver that keeps incidents,
/// each of them: its end waits for no message.
fn lane(event: &Event, notifier: &Notifier) -> String {
    if notifier.pacing.keeps_incidents
        && let Some((_, key)) = notification::incident(event)
    {
        return key;
    }
    let data = &event.data;
    match (&data.account, &data.conversation, &data.problem) {
        (Some(account), Some(conversation), _) => format!("{account}/{}", conversation.object_id),
        (_, _, Some(problem)) => problem.subject.clone(),
        _ => event.source.clone(),
    }
}
