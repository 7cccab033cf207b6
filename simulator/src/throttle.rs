//! A limit on requests in a time, as the API has one and does not say which.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// At most so many requests in any window of this length; more are answered with 429.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttle {
    pub requests: usize,
    pub window: Duration,
    pub retry_after: RetryAfter,
}

/// How the 429 says when to come again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryAfter {
    #[default]
    Seconds,
    HttpDate,
    Absent,
}

impl Throttle {
    pub fn new(requests: usize, window: Duration) -> Throttle {
        Throttle { requests, window, retry_after: RetryAfter::Seconds }
    }

    pub fn retry_after(mut self, form: RetryAfter) -> Throttle {
        self.retry_after = form;
        self
    }
}

/// A throttle and the requests that it let through lately, at most `requests` of them.
#[derive(Debug)]
pub(crate) struct Window {
    throttle: Throttle,
    passed: VecDeque<Instant>,
}

/// A refused request: the value of its `Retry-After` header.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Throttled {
    pub(crate) retry_after: Option<String>,
}

impl Window {
    pub(crate) fn new(throttle: Throttle) -> Window {
        Window { throttle, passed: VecDeque::new() }
    }

    /// Lets a request through, or says when there will be room. A refused request takes no room.
    pub(crate) fn admit(&mut self, now: Instant, wall: Timestamp) -> Result<(), Throttled> {
        let Throttle { requests, window, retry_after } = self.throttle;
        while self.passed.front().is_some_and(|&at| now.duration_since(at) >= window) {
            self.passed.pop_front();
        }
        if self.passed.len() < requests {
            self.passed.push_back(now);
            return Ok(());
        }
        let wait = self.passed.front().map_or(window, |&at| window.saturating_sub(now.duration_since(at)));
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        Err(Throttled {
            retry_after: match retry_after {
                RetryAfter::Seconds => Some(seconds.to_string()),
                RetryAfter::HttpDate => {
                    let then = wall.checked_add(Duration::from_secs(seconds.saturating_add(1)));
                    Some(http_date(then.unwrap_or(wall)))
                }
                RetryAfter::Absent => None,
            },
        })
    }
}

/// An instant as HTTP headers write it, in whole seconds.
pub(crate) fn http_date(instant: Timestamp) -> String {
    instant.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_past_the_limit_is_told_when_the_oldest_one_leaves_the_window() {
        let mut window = Window::new(Throttle::new(2, Duration::from_secs(10)));
        let start = Instant::now();
        let wall = Timestamp::UNIX_EPOCH;
        assert_eq!(window.admit(start, wall), Ok(()));
        assert_eq!(window.admit(start + Duration::from_secs(1), wall), Ok(()));
        let refused = window.admit(start + Duration::from_millis(2500), wall).unwrap_err();
        assert_eq!(refused.retry_after.as_deref(), Some("8"));
        assert_eq!(window.admit(start + Duration::from_secs(10), wall), Ok(()));
    }

    #[test]
    fn retry_after_can_be_a_date_or_left_out() {
        let refused = |form| {
            let mut window = Window::new(Throttle::new(0, Duration::from_secs(9)).retry_after(form));
            window.admit(Instant::now(), Timestamp::UNIX_EPOCH).unwrap_err().retry_after
        };
        assert_eq!(refused(RetryAfter::HttpDate).as_deref(), Some("Thu, 01 Jan 1970 00:00:10 GMT"));
        assert_eq!(refused(RetryAfter::Absent), None);
    }
}
