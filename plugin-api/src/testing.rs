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
use std::time::Duration;

use crate::export::read_config;
use crate::{
    Auth, Event, Host, HostFunctions, HttpError, Level, Notification, Notifier, Outcome, Request, Response,
    Sign, Value,
};

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

/// What came of a delivery.
#[derive(Debug)]
pub struct Delivery {
    /// How it ended.
    pub outcome: Outcome,
    /// What the notifier asked the host to send.
    pub requests: Vec<Request>,
    /// What it logged.
    pub lines: Vec<(Level, String)>,
}

impl Delivery {
    /// The body of a request, from 0, as text.
    ///
    /// # Panics
    /// When there is no such request, or its body is not UTF-8.
    pub fn text(&self, request: usize) -> String {
        String::from_utf8(self.requests[request].body.0.clone()).expect("the body is UTF-8")
    }

    /// The body of a request, from 0, as JSON.
    ///
    /// # Panics
    /// When there is no such request, or its body is not JSON.
    pub fn json(&self, request: usize) -> serde_json::Value {
        serde_json::from_slice(&self.requests[request].body.0).expect("the body is JSON")
    }

    /// The outcome's name: `delivered`, `retry`, `reject`, `unknown`, `broken`, or `gone` for what is broken until
    /// a reload.
    pub fn kind(&self) -> &'static str {
        match self.outcome {
            Outcome::Delivered { .. } => "delivered",
            Outcome::Retry { .. } => "retry",
            Outcome::Reject { .. } => "reject",
            Outcome::Unknown { .. } => "unknown",
            Outcome::Broken { until_reload: true, .. } => "gone",
            Outcome::Broken { until_reload: false, .. } => "broken",
        }
    }

    /// What the operator is told; empty where it was delivered.
    pub fn why(&self) -> &str {
        match &self.outcome {
            Outcome::Delivered { .. } => "",
            Outcome::Retry { why, .. }
            | Outcome::Reject { why }
            | Outcome::Unknown { why }
            | Outcome::Broken { why, .. } => why,
        }
    }
}

/// Starts a notifier and hands it one notification; `answers` are given to its requests in turn.
///
/// # Panics
/// When the notifier does not start.
pub fn deliver<N: Notifier>(
    config: &serde_json::Value,
    notification: &Notification,
    answers: impl IntoIterator<Item = Result<Response, HttpError>>,
) -> Delivery {
    let fake = FakeHost::new();
    answers.into_iter().for_each(|answer| fake.answer(answer));
    let notifier: N = start(config.clone(), &fake.host()).unwrap_or_else(|why| panic!("{config}: {why}"));
    let outcome = notifier.deliver(notification, &fake.host());
    Delivery { outcome, requests: fake.requests(), lines: fake.lines() }
}

/// An answer with a body and no headers.
pub fn response(status: u16, body: &str) -> Response {
    Response { status, headers: BTreeMap::new(), body: body.as_bytes().to_vec() }
}

/// An answer with a body that asks to wait.
pub fn response_after(status: u16, body: &str, retry_after: Duration) -> Response {
    let mut response = response(status, body);
    let ms = retry_after.as_millis().to_string();
    response.headers.insert("commwatch-retry-after-ms".to_owned(), ms);
    response
}

/// A request as text, for golden files: secrets by their names, a JSON body in lines, and characters without a shape
/// of their own spelled out.
pub fn golden(request: &Request) -> String {
    let value = |value: &Value| match value {
        Value::Text(text) => text.clone(),
        Value::Secret(secret) => format!("<secret {}>", secret.name()),
    };
    let mut text = format!("{} {}\n", request.method, value(&request.url));
    for (name, header) in &request.headers {
        text += &format!("{name}: {}\n", value(header));
    }
    match &request.auth {
        Auth::None => {}
        Auth::Bearer { token } => text += &format!("authorization: Bearer {}\n", value(token)),
        Auth::Basic { user, password } => {
            text += &format!("authorization: Basic {user} {}\n", value(password));
        }
    }
    if request.sign != Sign::None {
        text += &format!("signed: {:?}\n", request.sign);
    }
    let body = String::from_utf8_lossy(&request.body.0);
    let json: Result<serde_json::Value, _> = serde_json::from_str(&body);
    let body = json.map_or_else(|_| body.into_owned(), |json| format!("{json:#}"));
    text += &format!("\n{body}");
    text.chars()
        .map(|c| match c {
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => {
                format!("\\u{{{:x}}}", u32::from(c))
            }
            c => c.to_string(),
        })
        .collect()
}

/// Pieces of text that a customer may write to make a message mean something else: markup of several receivers, calls,
/// controls, overrides, and characters that are hard to count or to cut. For property tests.
pub const HOSTILE: &[&str] = &[
    "<!channel>",
    "<@U012ABC>",
    "<b>",
    "</at>",
    "<at>All</at>",
    "&lt;",
    "&",
    "<",
    ">",
    "@channel",
    "@here",
    "@admin",
    "@",
    "/stop",
    "#tag",
    "[pay here](https://evil.example)",
    "[",
    "]",
    "(",
    ")",
    "![x](http://evil.example/x.png)",
    "](https://evil.example)",
    "[a]: https://evil.example",
    "<https://evil.example>",
    "https://evil.example/a?b=c&d=e",
    "{{DATE(2026-10-03T14:05:11Z, SHORT)}}",
    "{{TIME(2026-10-03T14:05:11Z)}}",
    "{{",
    "}}",
    "${name}",
    "@{triggerBody()}",
    "**bold**",
    "*",
    "_it_",
    "~",
    "`",
    "```",
    "# head",
    "- item",
    "1. one",
    "> quote",
    "|",
    ":tada:",
    "\"",
    "\\",
    "\\u0000",
    "%0A",
    "+",
    "=",
    ";",
    "\n",
    "\r\n",
    "\n\n",
    "\t",
    "\0",
    "\u{1b}[31m",
    "\u{7f}",
    "\u{ad}",
    "\u{200b}",
    "\u{200d}",
    "\u{200e}",
    "\u{2028}",
    "\u{202d}",
    "\u{202e}",
    "\u{2060}",
    "\u{2066}",
    "\u{2067}",
    "\u{2068}",
    "\u{2069}",
    "\u{feff}",
    "\u{fffe}",
    "\u{10ffff}",
    "שלום",
    "مرحبا",
    "👨‍👩‍👧‍👦",
    "🇮🇱",
    "e\u{301}\u{301}",
    "漢字",
    "’",
    "“",
    "…",
    "€",
    "^",
    "é",
    "ç",
    " ",
    "  ",
    "word",
    "Dana Levi",
];

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
