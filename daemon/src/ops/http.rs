//! What is served over HTTP: metrics, health, and the status page.
//!
//! `/metrics`, `/-/healthy` and `/-/ready` answer whoever reaches the port. The page at `/` and `/api` answer this
//! machine, or a bearer of the token (see [`Access`]). Changes need the token, from wherever they come, and go the way of
//! the admin socket's.

mod access;
mod changes;
mod limited;
mod origin;
mod page;
mod pages;
mod sessions;
mod silence;
mod stream;

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::{IncomingStream, Listener};
use futures_util::future::BoxFuture;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, Semaphore, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use access::Access;

use self::access::{Refusal, Rights};
use self::limited::Limited;
use self::sessions::Sessions;
use super::admin::Admin;
use super::metrics::{Charts, TEXT_FORMAT};
use super::status::Status;
use crate::core::story::Brief;

/// How long the engine may take to say how it goes.
const STATUS_WITHIN: Duration = Duration::from_secs(5);

/// How long answers under way may take once it was asked to stop; then their connections are cut.
const DRAIN_WITHIN: Duration = Duration::from_secs(2);

/// The largest form.
const FORM_BYTES_MAX: usize = 16 * 1024;

/// How long we wait for others, and between two looks for a stream.
#[derive(Clone, Copy, Debug)]
struct Patience {
    status: Duration,
    drain: Duration,
    look: Duration,
}

/// Nothing but our own files is loaded, no script stands in a page, forms lead nowhere else, nobody frames the page.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What events are, by id.
pub(crate) type Briefs = BTreeMap<String, Brief>;

/// What the engine knows and HTTP shows.
pub trait Source: Send + Sync {
    /// How it goes. Dropped when it takes longer than 5 s.
    fn status(&self) -> BoxFuture<'_, Status>;

    /// Metrics in text format 0.0.4.
    fn metrics_text(&self) -> String;

    /// What the page draws.
    fn charts(&self) -> Charts;

    /// What events are, by their ids; with the messages' text where the configuration has it shown. What cannot be read
    /// is left out.
    fn briefs(&self, events: Vec<String>) -> BoxFuture<'_, BTreeMap<String, Brief>>;

    /// The configuration in use as TOML, with its defaults, without secrets.
    fn effective_config(&self) -> String;

    /// Whether it lives and is ready. Must not wait for anything. Everybody who reaches the port reads it.
    fn health(&self) -> Health;
}

/// Whether it lives and is ready.
#[derive(Clone, Debug, Default)]
pub struct Health {
    /// Loops that have not answered for too long, by name; alive when there is none.
    pub stuck: Vec<String>,
    /// Why it is not ready, a line each; ready when there is none.
    pub not_ready: Vec<String>,
}

/// Serves until `shutdown`, then lets answers under way finish, for 2 s. `access` may change at any time. What pages
/// ask besides and what they change, `admin` answers.
///
/// # Errors
/// None today: faults of single connections end these alone, and the listener retries.
pub async fn serve(
    listener: TcpListener,
    source: Arc<dyn Source>,
    admin: Arc<dyn Admin>,
    access: watch::Receiver<Access>,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let patience = Patience { status: STATUS_WITHIN, drain: DRAIN_WITHIN, look: stream::LOOK_EVERY };
    serve_on(listener, Site::new(source, admin, access, patience, shutdown)).await
}

/// [`serve`], for any listener (tests say that peers come from elsewhere).
async fn serve_on<L: Listener<Addr = SocketAddr>>(listener: L, site: Site) -> io::Result<()> {
    let shutdown = site.shutdown.clone();
    let cut = CancellationToken::new();
    let listener = Limited::new(listener, cut.clone());
    // Connections are cut as well when this future is dropped before its end.
    let _cut_on_drop = cut.clone().drop_guard();
    let drain = site.patience.drain;
    let service = router(Arc::new(site)).into_make_service_with_connect_info::<Peer>();
    let served = axum::serve(listener, service).with_graceful_shutdown(shutdown.clone().cancelled_owned());
    let hurry = async {
        shutdown.cancelled().await;
        tokio::time::sleep(drain).await;
        cut.cancel();
        std::future::pending().await
    };
    tokio::select! {
        result = served.into_future() => result,
        never = hurry => never,
    }
}

struct Site {
    source: Arc<dyn Source>,
    admin: Arc<dyn Admin>,
    access: watch::Receiver<Access>,
    sessions: Sessions,
    /// Room for streams.
    streams: Arc<Semaphore>,
    /// The mark of the last look, for all streams.
    looked: Mutex<Option<(Instant, String)>>,
    patience: Patience,
    shutdown: CancellationToken,
}

/// The site, as handlers have it.
type Shared = Arc<Site>;

impl Site {
    fn new(
        source: Arc<dyn Source>,
        admin: Arc<dyn Admin>,
        access: watch::Receiver<Access>,
        patience: Patience,
        shutdown: CancellationToken,
    ) -> Self {
        let streams = Arc::new(Semaphore::new(stream::STREAMS_MAX));
        let (sessions, looked) = (Sessions::default(), Mutex::default());
        Self { source, admin, access, sessions, streams, looked, patience, shutdown }
    }

    async fn status(&self) -> Result<Status, Response> {
        tokio::time::timeout(self.patience.status, self.source.status()).await.map_err(|_| late())
    }

    /// What [`Status::mark`] is now, looked for once however many want to know; `None` when it is not said in time.
    async fn mark(&self) -> Option<String> {
        let mut looked = self.looked.lock().await;
        if let Some((at, mark)) = &*looked
            && at.elapsed() < self.patience.look
        {
            return Some(mark.clone());
        }
        let mark = format!("{:x}", self.status().await.ok()?.mark());
        *looked = Some((Instant::now(), mark.clone()));
        Some(mark)
    }
}

fn late() -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, "the daemon did not say how it goes in time\n").into_response()
}

fn html(page: String) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], page)
}

fn router(site: Shared) -> Router {
    let guarded = Router::new()
        .route("/", get(pages::overview))
        .route("/watches", get(pages::watches))
        .route("/watches/{name}", get(pages::timeline))
        .route("/events/{id}", get(pages::event))
        .route("/deliveries", get(pages::deliveries))
        .route("/replay", get(pages::preview).post(changes::replay))
        .route("/silences", get(pages::silences))
        .route("/silences/new", get(pages::new_silence).post(changes::add_silence))
        .route("/silences/expire", post(changes::expire_silence))
        .route("/notifiers", get(pages::notifiers))
        .route("/notifiers/resume", post(changes::resume))
        .route("/ack", post(changes::ack))
        .route("/logout", post(changes::log_out))
        .route("/config", get(pages::config))
        .route("/api/status", get(pages::api_status))
        .route("/api/stream", get(stream::open))
        .route_layer(middleware::from_fn_with_state(Arc::clone(&site), guard));
    // What a browser needs before it has shown the token.
    let door = Router::new()
        .route("/login", get(pages::login).post(changes::log_in))
        .route("/style.css", get(pages::style))
        .route("/live.js", get(pages::script))
        .route("/icon.svg", get(pages::icon))
        .route_layer(middleware::from_fn_with_state(Arc::clone(&site), guard_door));
    let open = Router::new()
        .route("/metrics", get(metrics))
        .route("/-/healthy", get(healthy))
        .route("/-/ready", get(ready));
    guarded
        .merge(door)
        .merge(open)
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
        .layer(middleware::from_fn(harden))
        .with_state(site)
}

/// Who asks, for what, and what they may do.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    rights: Rights,
    peer: IpAddr,
    path: String,
    query: String,
}

impl Visit {
    /// Who it is, for a record of what was changed.
    fn user(&self) -> String {
        format!("status page, {}", self.peer)
    }

    /// Under which number what came of a change is kept.
    fn said(&self) -> Option<u64> {
        self.query.split('&').find_map(|pair| pair.strip_prefix("said="))?.parse().ok()
    }
}

/// Who is at the other end.
#[derive(Clone, Copy, Debug)]
struct Peer(SocketAddr);

impl<L: Listener<Addr = SocketAddr>> Connected<IncomingStream<'_, Limited<L>>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Limited<L>>) -> Self {
        Self(*stream.remote_addr())
    }
}

/// Lets through who may see the page, and changes of whoever may change something.
async fn guard(
    State(site): State<Shared>,
    ConnectInfo(Peer(peer)): ConnectInfo<Peer>,
    mut request: Request,
    next: Next,
) -> Response {
    let is_change = !matches!(*request.method(), Method::GET | Method::HEAD);
    let verdict = site.access.borrow().admit(peer.ip(), request.headers(), &site.sessions);
    let uri = request.uri();
    let (path, query) = (uri.path().to_owned(), uri.query().unwrap_or("").to_owned());
    let visit = |rights| Visit { rights, peer: peer.ip(), path, query };
    let allowed = verdict.and_then(|rights| match is_change {
        true => changes::may_change(rights, request.headers()).map(|()| rights),
        false => Ok(rights),
    });
    match allowed {
        Ok(rights) => {
            request.extensions_mut().insert(visit(rights));
            next.run(request).await
        }
        Err(Refusal::NoToken) if wants_page(request.headers()) => match is_change {
            // The form's own address is no page.
            true => {
                pages::to_login(&Visit { path: "/".to_owned(), query: String::new(), ..visit(Rights::LogIn) })
            }
            false => pages::to_login(&visit(Rights::LogIn)),
        },
        Err(refusal) => refusal.into_response(),
    }
}

/// Lets through who may try to log in.
async fn guard_door(
    State(site): State<Shared>,
    ConnectInfo(Peer(peer)): ConnectInfo<Peer>,
    request: Request,
    next: Next,
) -> Response {
    let verdict = site.access.borrow().admit(peer.ip(), request.headers(), &site.sessions);
    match verdict {
        Ok(_) | Err(Refusal::NoToken) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

/// Whether it is a person's browser rather than a program.
fn wants_page(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

/// Headers that every answer carries.
async fn harden(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Without any referrer a browser would not say either where a form comes from.
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn metrics(State(site): State<Shared>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, TEXT_FORMAT)], site.source.metrics_text())
}

async fn healthy(State(site): State<Shared>) -> Response {
    answer("ok\n", "does not answer", &site.source.health().stuck)
}

async fn ready(State(site): State<Shared>) -> Response {
    answer("ready\n", "not ready", &site.source.health().not_ready)
}

fn answer(good: &'static str, bad: &str, reasons: &[String]) -> Response {
    if reasons.is_empty() {
        return good.into_response();
    }
    let lines: Vec<String> = reasons.iter().map(|reason| format!("{bad}: {reason}\n")).collect();
    (StatusCode::SERVICE_UNAVAILABLE, lines.concat()).into_response()
}

#[cfg(test)]
mod tests;
