//! A host for the tests of a plugin: it answers as told, and remembers what it was asked.
//!
//! ```
//! # use commwatch_plugin_api::testing::{FakeHost, notification, response, start};
//! # use commwatch_plugin_api::{Host, Notification, Notifier, Outcome, Request, outcome_of};
//! # struct Hook { url: String }
//! # #[derive(serde::Deserialize)] struct Config { url: String }
//! # impl Notifier for Hook {
//! #     type Config = Config;
//! #     fn start(config: Config, _: &Host) -> Result<Self, String> { Ok(Self { url: config.url }) }
//! #     fn deliver(&self, n: &Notification, host: &Host) -> Outcome {
//! #         outcome_of(host.http(&Request::post(self.url.as_str(), "text/plain", n.title.as_str())))
//! #     }
//! # }
//! let fake = FakeHost::new();
//! let hook: Hook = start(serde_json::json!({"url": "https://hook.example/"}), &fake.host()).unwrap();
//! fake.answer(Ok(response(204, "")));
//! assert_eq!(hook.deliver(&notification(), &fake.host()), Outcome::delivered());
//! assert_eq!(fake.requests()[0].method, "POST");
//! ```

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::export::read_config;
use crate::{Event, Host, HostFunctions, HttpError, Level, Notification, Notifier, Request, Response};

/// A host that answers as told. It lives as long as the test process.
#[derive(Debug, Default)]
pub struct FakeHost {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    answers: VecDeque<Result<Response, HttpError>>,
    requests: Vec<Request>,
    lines: Vec<(Level, String)>,
}

impl FakeHost {
    /// A host without answers: until one is given, each request ends as [`HttpError::NotSent`].
    pub fn new() -> &'static Self {
        Box::leak(Box::default())
    }

    /// What the notifier is given.
    pub fn host(&'static self) -> Host {
        Host::new(self)
    }

    /// What the next request that has no answer yet will get.
    pub fn answer(&self, answer: Result<Response, HttpError>) {
        self.state().answers.push_back(answer);
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.state().requests.clone()
    }

    /// All log lines so far.
    pub fn lines(&self) -> Vec<(Level, String)> {
        self.state().lines.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HostFunctions for FakeHost {
    fn http(&self, request: &Request) -> Result<Response, HttpError> {
        let mut state = self.state();
        state.requests.push(request.clone());
        let unprepared =
            || Err(HttpError::NotSent { why: "the test gave no answer for this request".to_owned() });
        state.answers.pop_front().unwrap_or_else(unprepared)
    }

    fn log(&self, level: Level, message: &str) {
        self.state().lines.push((level, message.to_owned()));
    }
}

/// Starts a notifier as a host would; schema defaults are not filled in.
///
/// # Errors
/// When the configuration does not fit `N::Config` (the text names the path), or the notifier refuses it.
pub fn start<N: Notifier>(config: serde_json::Value, host: &Host) -> Result<N, String> {
    N::start(read_config::<N>(config.to_string().as_bytes())?, host)
}

/// An answer with a body and no headers.
pub fn response(status: u16, body: &str) -> Response {
    Response { status, headers: BTreeMap::new(), body: body.as_bytes().to_vec() }
}

/// An event from its JSON text.
///
/// # Panics
/// When it is not JSON.
pub fn event(json: &str) -> Event {
    serde_json::from_str(json).expect("an event is JSON")
}

/// A notification as the daemon makes it: one new message of a customer. Its fields are there to be changed.
///
/// # Panics
/// Never, as long as the text below is a notification.
pub fn notification() -> Notification {
    serde_json::from_str(include_str!("testing/notification.json")).expect("this is a notification")
}
