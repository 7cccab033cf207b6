//! What the threads of a `plugin-host` share: the jobs that wait, the requests that are out, and the socket's
//! writing half.

use std::collections::{BTreeMap, VecDeque};
use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use commwatch_plugin_api::Outcome;

use crate::plugin::child::fail;
use crate::plugin::frame::{FromChild, HttpEnd};
use crate::plugin::sandbox::end_now;

/// A delivery that was handed over.
pub(in crate::plugin) struct Job {
    pub(super) token: u64,
    pub(in crate::plugin) attempt: u32,
    pub(in crate::plugin) replay: bool,
    pub(in crate::plugin) remaining_ms: u64,
    pub(in crate::plugin) receipt: String,
    pub(in crate::plugin) notification: Vec<u8>,
}

pub(super) struct Desk {
    /// Written to by the boss and the workers, a whole frame at a time. The reader never takes it.
    socket: Mutex<Arc<UnixStream>>,
    work: Mutex<Work>,
    job_came: Condvar,
    answer_came: Condvar,
    concurrency: u16,
}

#[derive(Default)]
struct Work {
    waiting: VecDeque<Job>,
    /// Every delivery that was handed over and has not ended, with the answer to its request once that came.
    outstanding: BTreeMap<u64, Option<HttpEnd>>,
    no_more: bool,
}

impl Desk {
    pub(super) fn new(socket: Arc<UnixStream>, concurrency: u16) -> Self {
        Self {
            socket: Mutex::new(socket),
            work: Mutex::default(),
            job_came: Condvar::new(),
            answer_came: Condvar::new(),
            concurrency,
        }
    }

    /// Called by the reader; does not block.
    pub(super) fn hand_over(&self, job: Job) {
        let mut work = self.work();
        let was = work.outstanding.insert(job.token, None);
        if was.is_some() || work.outstanding.len() > self.concurrency.into() {
            fail("the daemon handed over more than was agreed");
        }
        work.waiting.push_back(job);
        self.job_came.notify_one();
    }

    /// Called by the reader; does not block.
    pub(super) fn http_ended(&self, token: u64, end: HttpEnd) {
        let mut work = self.work();
        match work.outstanding.get_mut(&token) {
            Some(slot) => *slot = Some(end),
            None => fail("the daemon answered a request that nobody made"),
        }
        self.answer_came.notify_all();
    }

    /// Called by the reader; does not block.
    pub(super) fn no_more(&self) {
        self.work().no_more = true;
        self.job_came.notify_all();
    }

    /// Waits for the next job; nothing when no more will come.
    pub(super) fn next_job(&self) -> Option<Job> {
        let idle = |work: &mut Work| work.waiting.is_empty() && !work.no_more;
        self.job_came
            .wait_while(self.work(), idle)
            .unwrap_or_else(PoisonError::into_inner)
            .waiting
            .pop_front()
    }

    /// Waits for the answer to the request of this delivery. The daemon gives one before the delivery's deadline.
    pub(super) fn answer(&self, token: u64) -> HttpEnd {
        let mut work = self.work();
        loop {
            if let Some(end) = work.outstanding.get_mut(&token).and_then(Option::take) {
                return end;
            }
            work = self.answer_came.wait(work).unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub(super) fn done(&self, token: u64, outcome: Outcome) {
        // Before it is said, since the daemon may then hand over the next.
        self.work().outstanding.remove(&token);
        self.say(&FromChild::Outcome { token, outcome });
    }

    pub(super) fn say(&self, what: &FromChild) {
        self.write(&what.encode());
    }

    /// Blocks until the daemon has taken it.
    pub(super) fn write(&self, frame: &[u8]) {
        let socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        if (&**socket).write_all(frame).is_err() {
            end_now(0); // The daemon is gone.
        }
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
