//! A web hook's receiver: keeps what it was sent, and answers as it is told to.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// How it answers one request.
#[derive(Clone, Debug)]
pub enum Reply {
    Status(u16),
    RetryAfter(u16, &'static str),
    Slow(Duration),
    SlowStatus(Duration, u16),
    /// Says these words, with a status.
    Says(u16, String),
    /// Sends the caller elsewhere.
    Redirect(String),
    /// Says back whatever it was asked: address, headers and body.
    Echo(u16),
    /// Says yes once this is cancelled.
    After(CancellationToken),
}

/// One request as it came, whatever became of it.
#[derive(Clone, Debug)]
pub struct Arrival {
    pub path: String,
    pub headers: HeaderMap,
    pub bytes: Bytes,
    /// None while there is no answer, and for ever when the caller has gone.
    pub answer: Option<u16>,
}

/// One request that it was sent.
#[derive(Clone, Debug)]
pub struct Received {
    pub path: String,
    pub id: String,
    pub object: String,
    pub kind: String,
    pub sequence: String,
    pub text: String,
    pub body: Value,
    /// The body as it was sent.
    pub bytes: Bytes,
    pub headers: HeaderMap,
    pub accepted: bool,
    pub at: std::time::Instant,
}

#[derive(Default)]
struct Inner {
    /// Ids of requests that have come, answered or not.
    asked: Vec<String>,
    arrivals: Vec<Arrival>,
    under_way: usize,
    received: Vec<Received>,
    next: VecDeque<Reply>,
    usual: Option<Reply>,
    /// Answers 500 to what holds one of these.
    refused: Vec<String>,
    /// And at this path to everything.
    refused_at: String,
    fail_every: Option<usize>,
}

/// A receiver on 127.0.0.1. Dropped = closed.
pub struct Receiver {
    address: SocketAddr,
    inner: Arc<Mutex<Inner>>,
    arrived: Arc<Notify>,
    close: CancellationToken,
}

#[derive(Clone)]
struct Shared {
    inner: Arc<Mutex<Inner>>,
    arrived: Arc<Notify>,
}

impl Receiver {
    pub async fn start() -> Self {
        let receiver = Self {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            inner: Arc::default(),
            arrived: Arc::default(),
            close: CancellationToken::new(),
        };
        receiver.listen().await
    }

    async fn listen(mut self) -> Self {
        let listener = TcpListener::bind(self.address).await.expect("a loopback port");
        self.address = listener.local_addr().unwrap();
        self.close = CancellationToken::new();
        let shared = Shared { inner: Arc::clone(&self.inner), arrived: Arc::clone(&self.arrived) };
        let app = Router::new().fallback(receive).with_state(shared);
        let close = self.close.clone();
        tokio::spawn(async move {
            // Cut rather than drained: the port must be free for the next one.
            tokio::select! {
                () = close.cancelled() => {}
                served = async { axum::serve(listener, app).await } => served.unwrap(),
            }
        });
        self
    }

    /// Closes the port; [`open`](Self::open) listens there again.
    pub fn go_away(&self) {
        self.close.cancel();
    }

    pub async fn come_back(&mut self) {
        let again = Self {
            address: self.address,
            inner: Arc::clone(&self.inner),
            arrived: Arc::clone(&self.arrived),
            close: CancellationToken::new(),
        };
        *self = again.listen().await;
    }

    pub fn url(&self) -> String {
        self.url_of("/hook")
    }

    pub fn url_of(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The next requests are answered so, one each.
    pub fn then(&self, replies: impl IntoIterator<Item = Reply>) {
        self.lock().next.extend(replies);
    }

    /// Every request that nothing else was said about is answered so.
    pub fn usually(&self, reply: Option<Reply>) {
        self.lock().usual = reply;
    }

    /// What holds one of these texts is answered 500, from now on; everything else is not.
    pub fn refuses(&self, texts: &[&str]) {
        self.lock().refused = texts.iter().map(|&text| text.to_owned()).collect();
    }

    /// What comes to this path is answered 500, from now on.
    pub fn refuses_at(&self, path: &str) {
        path.clone_into(&mut self.lock().refused_at);
    }

    /// One request in `n` is answered 500.
    pub fn fails_every(&self, n: usize) {
        self.lock().fail_every = Some(n);
    }

    pub fn received(&self) -> Vec<Received> {
        self.lock().received.clone()
    }

    /// Looks at all that it answered, without a copy.
    pub fn look<T>(&self, look: impl FnOnce(&[Received]) -> T) -> T {
        look(&self.lock().received)
    }

    /// What it accepted, in order.
    pub fn accepted(&self) -> Vec<Received> {
        self.received().into_iter().filter(|one| one.accepted).collect()
    }

    /// All that came, in order.
    pub fn arrivals(&self) -> Vec<Arrival> {
        self.lock().arrivals.clone()
    }

    /// Requests that have come and are not answered.
    pub fn under_way(&self) -> usize {
        self.lock().under_way
    }

    /// Waits until `n` requests have come, answered or not; gives their ids.
    pub async fn asked(&self, n: usize, within: Duration) -> Vec<String> {
        let asked = async {
            loop {
                let arrived = self.arrived.notified();
                if self.lock().asked.len() >= n {
                    return self.lock().asked.clone();
                }
                arrived.await;
            }
        };
        tokio::time::timeout(within, asked).await.expect("requests come")
    }

    /// Waits until `enough` says so; panics with what it has after `within`.
    pub async fn wait(&self, what: &str, within: Duration, enough: impl Fn(&[Received]) -> bool) {
        let waiting = async {
            loop {
                let arrived = self.arrived.notified();
                if enough(&self.lock().received) {
                    return;
                }
                arrived.await;
            }
        };
        if tokio::time::timeout(within, waiting).await.is_err() {
            let texts: Vec<String> = self
                .received()
                .iter()
                .map(|one| format!("{} {} {}", one.kind, one.text, one.accepted))
                .collect();
            panic!("waited in vain for {what}; received {texts:#?}");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.close.cancel();
    }
}

/// A request that has come. It is over also when the caller gave up.
struct UnderWay(Arc<Mutex<Inner>>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.lock().unwrap().under_way -= 1;
    }
}

async fn receive(State(shared): State<Shared>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let id = headers.get("webhook-id").map(|id| id.to_str().unwrap().to_owned()).unwrap_or_default();
    let _under_way = UnderWay(Arc::clone(&shared.inner));
    let (reply, arrival) = {
        let mut inner = shared.inner.lock().unwrap();
        inner.asked.push(id.clone());
        let (path, headers, bytes) = (uri.to_string(), headers.clone(), body.clone());
        inner.arrivals.push(Arrival { path, headers, bytes, answer: None });
        inner.under_way += 1;
        shared.arrived.notify_waiters();
        let fails = inner.fail_every.is_some_and(|n| inner.received.len() % n == n - 1);
        let text = String::from_utf8_lossy(&body);
        let fails = fails || inner.refused.iter().any(|refused| text.contains(refused));
        let fails = fails || inner.refused_at == uri.path();
        let usual = if fails { Some(Reply::Status(500)) } else { inner.usual.clone() };
        let reply = inner.next.pop_front().or(usual).unwrap_or(Reply::Status(204));
        (reply, inner.arrivals.len() - 1)
    };
    if let Reply::After(opened) = &reply {
        opened.cancelled().await;
    }
    if let Reply::Slow(delay) | Reply::SlowStatus(delay, _) = &reply {
        tokio::time::sleep(*delay).await;
    }
    let response = match &reply {
        Reply::Status(status) | Reply::SlowStatus(_, status) => {
            StatusCode::from_u16(*status).unwrap().into_response()
        }
        Reply::RetryAfter(status, after) => {
            (StatusCode::from_u16(*status).unwrap(), [("retry-after", *after)]).into_response()
        }
        Reply::Slow(_) | Reply::After(_) => StatusCode::NO_CONTENT.into_response(),
        Reply::Says(status, words) => (StatusCode::from_u16(*status).unwrap(), words.clone()).into_response(),
        Reply::Redirect(to) => (StatusCode::FOUND, [("location", to.as_str())]).into_response(),
        Reply::Echo(status) => {
            let said = format!("cannot POST {uri} {headers:?} {}", String::from_utf8_lossy(&body));
            (StatusCode::from_u16(*status).unwrap(), said).into_response()
        }
    };
    let bytes = body;
    let is_form = headers.get("content-type").is_some_and(|kind| kind == "application/x-www-form-urlencoded");
    let body: Value =
        if is_form { Value::Null } else { serde_json::from_slice(&bytes).expect("a JSON body") };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let received = Received {
        path: uri.to_string(),
        id,
        object: text(&body["data"]["conversation"]["object_id"]),
        kind: text(&body["type"]),
        sequence: text(&body["sequence"]),
        text: text(&body["data"]["message"]["text"]),
        accepted: response.status().is_success(),
        body,
        bytes,
        headers,
        at: std::time::Instant::now(),
    };
    {
        let mut inner = shared.inner.lock().unwrap();
        inner.arrivals[arrival].answer = Some(response.status().as_u16());
        inner.received.push(received);
    }
    shared.arrived.notify_waiters();
    response
}
