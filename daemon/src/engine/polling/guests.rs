//! Questions that somebody asks of an account beside what is scheduled: out of what polls leave of its budget.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::sync::oneshot;

use super::{Polling, reaction};
use crate::commbox::{Answer, FetchError};
use crate::core::schedule::{Admission, Polled};
use crate::engine::online::{NotAsked, Question};
use crate::ops::metrics::LISTS;

/// Questions that wait for their turn; those who ask more wait for a place.
pub(in crate::engine) const GUESTS_MAX: usize = 32;

/// A question, and who waits for its answer.
pub(in crate::engine) struct Guest {
    pub(in crate::engine) account: String,
    pub(in crate::engine) question: Question,
    pub(in crate::engine) reply: oneshot::Sender<Result<Answer, NotAsked>>,
}

/// How a question was answered.
pub(in crate::engine) struct Answered {
    guest: Guest,
    asked: Result<Answer, FetchError>,
    came: Duration,
}

/// Questions that wait, and those under way.
#[derive(Default)]
pub(in crate::engine) struct Guests {
    waiting: VecDeque<Guest>,
    pub(super) under_way: FuturesUnordered<BoxFuture<'static, Answered>>,
}

impl Guests {
    /// Whether another one may come.
    pub(super) fn has_room(&self) -> bool {
        self.waiting.len() < GUESTS_MAX
    }

    pub(super) fn came(&mut self, guest: Guest) {
        self.waiting.push_back(guest);
    }
}

impl Polling {
    /// Asks what may be asked now. Called when nothing that is due can begin; says when there may be more.
    pub(super) fn admit_guests(&mut self) -> Option<Duration> {
        let now = self.parts.clock.elapsed();
        let mut again: Option<Duration> = None;
        for guest in std::mem::take(&mut self.guests.waiting) {
            // Nobody waits for it any more.
            if guest.reply.is_closed() {
                continue;
            }
            let client = self.plan.clients.get(&guest.account).cloned();
            match (self.schedule.admit(&guest.account, now), client) {
                (Admission::Now, Some(client)) => {
                    let clock = std::sync::Arc::clone(&self.parts.clock);
                    self.guests.under_way.push(Box::pin(async move {
                        let asked = guest.question.put(&*client).await;
                        Answered { guest, asked, came: clock.elapsed() }
                    }));
                }
                (Admission::Later(wait), Some(_)) => {
                    again = again.into_iter().chain(wait.map(|wait| now + wait)).min();
                    self.guests.waiting.push_back(guest);
                }
                (Admission::Quiet { left, denied }, Some(_)) => {
                    let _ = guest.reply.send(Err(NotAsked::Quiet { left, denied }));
                }
                (Admission::Now, None) => {
                    self.schedule.left(&guest.account, Polled::Ok, now);
                    let _ = guest.reply.send(Err(NotAsked::Gone));
                }
                _ => {
                    let _ = guest.reply.send(Err(NotAsked::Gone));
                }
            }
        }
        again
    }

    /// A question was answered.
    pub(super) fn guest_answered(&mut self, answered: Answered) {
        let Answered { guest, asked, came } = answered;
        let (took, said) = match &asked {
            Ok(answer) => (answer.took(), answer.server_clock()),
            Err(error) => (error.took, None),
        };
        let polled = asked.as_ref().map_or_else(reaction, |_| Polled::Ok);
        self.schedule.left(&guest.account, polled, self.parts.clock.elapsed());
        let account = self.parts.metrics.account(&guest.account);
        let code = asked.as_ref().map_or_else(|error| error.code.to_string(), |_| "200".to_owned());
        let endpoint = match &guest.question {
            Question::Conversation(..) => "object",
            Question::List(_) => LISTS,
        };
        account.request(endpoint, &code, took);
        if matches!(polled, Polled::Throttled(_)) {
            account.throttled();
        }
        if let Some(said) = said.filter(|_| self.plan.clients.contains_key(&guest.account)) {
            self.parts.servers.answered(&guest.account, said, came, took);
        }
        let _ = guest.reply.send(asked.map_err(NotAsked::Fault));
    }
}
