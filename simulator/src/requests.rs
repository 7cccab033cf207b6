//! What was asked of the simulator: the newest requests one by one, and counts of all.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

/// The newest requests that are kept one by one; counts go on for ever.
pub const REQUESTS_KEPT_MAX: usize = 4096;
/// Conversations whose requests are counted one by one; requests for more are only in the total.
const OBJECTS_COUNTED_MAX: usize = 100_000;
/// Requests that a failed wait shows, so that its text can be read.
const REQUESTS_SHOWN_MAX: usize = 20;

/// One request. The bearer token is never kept.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Counted from 1.
    pub number: u64,
    pub at: Instant,
    pub method: String,
    /// As it came, percent-encoded.
    pub path: String,
    /// As it came; empty when there was none.
    pub query: String,
    /// The conversation, when the path is that of Get Object.
    pub object_id: Option<i64>,
    pub authorized: bool,
    pub user_agent: Option<String>,
    /// The number of the connection it came on, counted from 1.
    pub connection: u64,
    /// The status answered; none while there is no answer.
    pub status: Option<u16>,
    /// When the answer was handed to the connection, or the caller gave up.
    pub ended: Option<Instant>,
}

/// A wait that was in vain. Its debug form is the same readable text, for `unwrap()`.
pub struct WaitError {
    waited_for: String,
    timeout: Duration,
    total: u64,
    newest: Vec<Seen>,
}

#[derive(Debug, Default)]
struct Log {
    newest: VecDeque<Seen>,
    total: u64,
    all: Flight,
    objects: HashMap<i64, Flight>,
}

/// Requests for one subject.
#[derive(Clone, Copy, Debug, Default)]
struct Flight {
    count: u64,
    answered: u64,
    unanswered: u64,
    now: u64,
    greatest: u64,
}

#[derive(Debug)]
pub(crate) struct Requests {
    log: Mutex<Log>,
    changed: watch::Sender<()>,
}

/// A request in flight. Dropping it ends the request.
#[derive(Debug)]
pub(crate) struct Ticket {
    requests: Arc<Requests>,
    number: u64,
    object_id: Option<i64>,
    answered: bool,
}

impl Requests {
    pub(crate) fn new() -> Arc<Requests> {
        Arc::new(Requests { log: Mutex::default(), changed: watch::Sender::new(()) })
    }

    /// Notes a request; `seen.number` is given here.
    pub(crate) fn arrive(self: &Arc<Self>, mut seen: Seen) -> Ticket {
        let object_id = seen.object_id;
        let mut log = self.log();
        log.total += 1;
        let number = log.total;
        seen.number = number;
        if log.newest.len() == REQUESTS_KEPT_MAX {
            log.newest.pop_front();
        }
        log.newest.push_back(seen);
        log.flights(object_id, Flight::begin);
        drop(log);
        self.changed.send_replace(());
        Ticket { requests: Arc::clone(self), number, object_id, answered: false }
    }

    pub(crate) fn newest(&self) -> Vec<Seen> {
        self.log().newest.iter().cloned().collect()
    }

    pub(crate) fn total(&self) -> u64 {
        self.log().total
    }

    pub(crate) fn count(&self, object_id: i64) -> u64 {
        self.log().objects.get(&object_id).map_or(0, |flight| flight.count)
    }

    pub(crate) fn answered(&self, object_id: i64) -> u64 {
        self.log().objects.get(&object_id).map_or(0, |flight| flight.answered)
    }

    /// What [`Requests::answered`] is when `n` requests that have not begun yet are answered for certain, whatever
    /// becomes of those that have.
    pub(crate) fn answered_after(&self, object_id: i64, n: u64) -> u64 {
        self.log().objects.get(&object_id).map_or(0, |flight| flight.answered + flight.unanswered) + n
    }

    pub(crate) fn greatest_in_flight(&self, object_id: Option<i64>) -> u64 {
        let log = self.log();
        match object_id {
            None => log.all.greatest,
            Some(id) => log.objects.get(&id).map_or(0, |flight| flight.greatest),
        }
    }

    /// Waits until `enough` holds; looks again whenever a request comes, is answered or ends.
    pub(crate) async fn wait(
        &self,
        waited_for: impl Into<String>,
        timeout: Duration,
        mut enough: impl FnMut(&Requests) -> bool,
    ) -> Result<(), WaitError> {
        let mut changed = self.changed.subscribe();
        let watching = async { while !enough(self) && changed.changed().await.is_ok() {} };
        tokio::time::timeout(timeout, watching).await.map_err(|_| {
            let log = self.log();
            let newest = log.newest.iter().rev().take(REQUESTS_SHOWN_MAX).rev().cloned().collect();
            WaitError { waited_for: waited_for.into(), timeout, total: log.total, newest }
        })
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    pub(crate) fn answered(&mut self, status: u16) {
        self.answered = true;
        let mut log = self.requests.log();
        log.flights(self.object_id, |flight| {
            flight.answered += 1;
            flight.unanswered = flight.unanswered.saturating_sub(1);
        });
        if let Some(seen) = log.seen_mut(self.number) {
            seen.status = Some(status);
        }
        drop(log);
        self.requests.changed.send_replace(());
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut log = self.requests.log();
        let given_up = u64::from(!self.answered);
        log.flights(self.object_id, |flight| {
            flight.now = flight.now.saturating_sub(1);
            flight.unanswered = flight.unanswered.saturating_sub(given_up);
        });
        if let Some(seen) = log.seen_mut(self.number) {
            seen.ended = Some(Instant::now());
        }
        drop(log);
        self.requests.changed.send_replace(());
    }
}

impl Log {
    /// Does the same to the flight of all requests and to that of this conversation.
    fn flights(&mut self, object_id: Option<i64>, change: impl Fn(&mut Flight)) {
        change(&mut self.all);
        let Some(id) = object_id else { return };
        if self.objects.len() < OBJECTS_COUNTED_MAX || self.objects.contains_key(&id) {
            change(self.objects.entry(id).or_default());
        }
    }

    fn seen_mut(&mut self, number: u64) -> Option<&mut Seen> {
        let first = self.newest.front()?.number;
        self.newest.get_mut(usize::try_from(number.checked_sub(first)?).ok()?)
    }
}

impl Flight {
    fn begin(&mut self) {
        self.count += 1;
        self.now += 1;
        self.unanswered += 1;
        self.greatest = self.greatest.max(self.now);
    }
}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "waited {:?} in vain for {}; {} requests so far",
            self.timeout, self.waited_for, self.total
        )?;
        for seen in &self.newest {
            let Seen { number, method, path, query, .. } = seen;
            let status = seen.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
            write!(f, "\n  {number}: {method} {path}?{query} {status}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for WaitError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(requests: &Arc<Requests>) -> Ticket {
        requests.arrive(Seen {
            number: 0,
            at: Instant::now(),
            method: "GET".to_owned(),
            path: "/streams/1/objects/2".to_owned(),
            query: String::new(),
            object_id: Some(2),
            authorized: true,
            user_agent: None,
            connection: 1,
            status: None,
            ended: None,
        })
    }

    #[test]
    fn the_newest_requests_are_kept_and_all_are_counted() {
        let requests = Requests::new();
        let mut first = request(&requests);
        for _ in 0..REQUESTS_KEPT_MAX {
            request(&requests).answered(200);
        }
        first.answered(500);
        let newest = requests.newest();
        assert_eq!((newest.len(), newest[0].number), (REQUESTS_KEPT_MAX, 2));
        assert!(newest.iter().all(|seen| seen.status == Some(200)), "each answer finds its own request");
        let all = u64::try_from(REQUESTS_KEPT_MAX).unwrap() + 1;
        assert_eq!((requests.total(), requests.count(2), requests.answered(2)), (all, all, all));
    }

    #[test]
    fn a_request_that_was_given_up_does_not_hold_up_a_wait_for_later_ones() {
        let requests = Requests::new();
        drop(request(&requests));
        assert_eq!(requests.answered_after(2, 1), 1);
        let open = request(&requests);
        assert_eq!(requests.answered_after(2, 1), 2, "an open one may be answered and must not count");
        drop(open);
    }
}
