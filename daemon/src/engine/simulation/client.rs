//! What asks the simulated `CommBox`.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::commbox::{Odd, Weather};
use super::markers::Marker;
use super::setup::TIMEOUT;
use super::world::{Point, State, World};
use crate::commbox::{Answer, Code, FetchError, Reaction};
use crate::core::listing::Listing;
use crate::core::watch::{ConversationId, Stream};
use crate::engine::Fetch;

pub(super) struct SimulatedClient {
    pub(super) world: Arc<World>,
    pub(super) account: String,
}

#[async_trait]
impl Fetch for SimulatedClient {
    async fn conversation(&self, _: &Stream, object: i64) -> Result<Answer, FetchError> {
        let id = ConversationId { account: self.account.clone(), object };
        let (weather, takes) = self.world.with(|state| {
            let now = state.time.passed();
            state.ledger.asks(&id, now);
            let weather = state.take_weather(&id.account);
            let takes = match weather {
                Weather::Slow => state.dice.millis(2_000..9_900),
                Weather::Silent => TIMEOUT,
                _ => state.dice.millis(20..900),
            };
            (weather, takes)
        });
        tokio::time::sleep(takes).await;
        let answer = self.world.with(|state| {
            state.ledger.answered(&id);
            state.answer(&id, weather, takes)
        });
        self.world.at(Point::Fetched).await;
        answer
    }

    async fn list(&self, _: &Listing) -> Result<Answer, FetchError> {
        // Its watches name their conversations.
        Err(FetchError::of_status(501, None, Duration::ZERO))
    }
}

impl State {
    fn take_weather(&mut self, account: &str) -> Weather {
        match self.weather.get_mut(account) {
            Some((weather, left)) if *left > 0 => {
                *left -= 1;
                *weather
            }
            _ => Weather::Calm,
        }
    }

    fn answer(
        &mut self,
        id: &ConversationId,
        weather: Weather,
        took: Duration,
    ) -> Result<Answer, FetchError> {
        let refused = match weather {
            Weather::Calm | Weather::Slow => None,
            Weather::Throttled { retry_after } => Some((429, Marker::Throttled, retry_after)),
            Weather::Denied => Some((401, Marker::Denied, None)),
            Weather::Failing { retry_after } => Some((503, Marker::TimedOut, retry_after)),
            Weather::Silent => {
                self.markers.reach(Marker::TimedOut);
                self.tell(|| format!("{id} is not answered"));
                let reaction = Reaction::Unavailable { retry_after: None };
                let detail = "no answer".to_owned();
                return Err(FetchError { reaction, code: Code::Timeout, detail, took });
            }
        };
        if let Some((status, marker, retry_after)) = refused {
            self.markers.reach(marker);
            self.tell(|| format!("{id} is answered {status}, Retry-After {retry_after:?}"));
            if status == 401 {
                self.ledger.fault(&format!("account/{}", id.account));
                self.ledger.said_gone(id);
            }
            let retry_after = retry_after.map(|seconds| Duration::from_secs(seconds.into()));
            if let Some(wait) = retry_after {
                let until = self.time.passed() + wait;
                self.ledger.asked_to_wait(&id.account, until);
            }
            return Err(FetchError::of_status(status, retry_after, took));
        }
        let now = self.time.right();
        let Some(conversation) = self.conversation(id) else {
            return Err(FetchError::of_status(404, None, took));
        };
        let odd = conversation.take_odd();
        let (body, served) = conversation.answer(odd, now);
        self.mark(odd);
        self.tell(|| {
            format!("{id} is answered: {odd:?}, {} children", served.as_ref().map_or(0, |s| s.texts.len()))
        });
        match (odd, served) {
            (Odd::Missing, _) => {
                self.ledger.said_gone(id);
                return Err(FetchError::of_status(404, None, took));
            }
            (Odd::Envelope(404), _) => self.ledger.said_gone(id),
            (Odd::Envelope(401), _) => {
                self.ledger.fault(&format!("account/{}", id.account));
                self.ledger.said_gone(id);
            }
            (_, Some(served)) => {
                let passed = self.time.passed();
                self.ledger.served(id, served, passed);
            }
            (_, None) => {}
        }
        Ok(Answer::made(body, took))
    }

    fn mark(&mut self, odd: Odd) {
        let marker = match odd {
            Odd::No | Odd::Missing => return,
            Odd::Stale { .. } => Marker::StaleAnswer,
            Odd::Truncated { .. } => Marker::TruncatedAnswer,
            Odd::EmptyChilds => Marker::EmptyChilds,
            Odd::NullChilds => Marker::NullChilds,
            Odd::WrongObject => Marker::WrongObject,
            Odd::Envelope(_) => Marker::ErrorEnvelope,
            Odd::Garbled { .. } => Marker::GarbledChild,
            Odd::BrokenJson => Marker::BrokenJson,
        };
        self.markers.reach(marker);
    }
}
