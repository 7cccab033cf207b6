//! What is served over HTTP: metrics, health, and the status page.
//!
//! `/metrics`, `/-/healthy` and `/-/ready` answer whoever reaches the port. The page at `/` and `/api/status`
//! answer this machine, or a bearer of the token (see [`Access`]). Nothing is changed over HTTP.

mod access;
mod limited;
mod page;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::{IncomingStream, Listener};
use futures_util::future::BoxFuture;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use access::Access;

use self::limited::Limited;
use super::metrics::TEXT_FORMAT;
use super::status::Status;

/// How long the engine may take to say how it goes.
const STATUS_WITHIN: Duration = Duration::from_secs(5);

/// How long answers under way may take once it was asked to stop; then their connections are cut.
const DRAIN_WITHIN: Duration = Duration::from_secs(2);

/// How long we wait for others.
#[derive(Clone, Copy, Debug)]
struct Patience {
    status: Duration,
    drain: Duration,
}

/// Nothing but our own style sheet is loaded, nothing runs, nobody frames the page.
const CONTENT_POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What the engine knows and HTTP shows.
pub trait Source: Send + Sync {
    /// How it goes. Dropped when it takes longer than 5 s.
    fn status(&self) -> BoxFuture<'_, Status>;

    /// Metrics in text format 0.0.4.
    fn metrics_text(&self) -> String;

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

/// Serves until `shutdown`, then lets answers under way finish, for 2 s. `access` may change at any time.
///
/// # Errors
/// None today: faults of single connections end these alone, and the listener retries.
pub async fn serve(
    listener: TcpListener,
    source: Arc<dyn Source>,
    access: watch::Receiver<Access>,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let patience = Patience { status: STATUS_WITHIN, drain: DRAIN_WITHIN };
    serve_on(listener, Site { source, access, patience }, shutdown).await
}

/// [`serve`], for any listener (tests say that peers come from elsewhere).
async fn serve_on<L: Listener<Addr = SocketAddr>>(
    listener: L,
    site: Site,
    shutdown: CancellationToken,
) -> io::Result<()> {
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
    access: watch::Receiver<Access>,
    patience: Patience,
}

fn router(site: Arc<Site>) -> Router {
    let guarded = Router::new()
        .route("/", get(index))
        .route("/style.css", get(style))
        .route("/api/status", get(api_status))
        .route_layer(middleware::from_fn_with_state(Arc::clone(&site), guard));
    let open = Router::new()
        .route("/metrics", get(metrics))
        .route("/-/healthy", get(healthy))
        .route("/-/ready", get(ready));
    guarded.merge(open).layer(middleware::from_fn(harden)).with_state(site)
}

/// Who is at the other end.
#[derive(Clone, Copy, Debug)]
struct Peer(SocketAddr);

impl<L: Listener<Addr = SocketAddr>> Connected<IncomingStream<'_, Limited<L>>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Limited<L>>) -> Self {
        Self(*stream.remote_addr())
    }
}

/// Lets through who may see the page.
async fn guard(
    State(site): State<Arc<Site>>,
    ConnectInfo(Peer(peer)): ConnectInfo<Peer>,
    request: Request,
    next: Next,
) -> Response {
    let verdict = site.access.borrow().admit(peer.ip(), request.headers());
    match verdict {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

/// Headers that every answer carries.
async fn harden(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// `/?refresh=off` is the page for those who want to read it in peace.
#[derive(serde::Deserialize)]
struct Options {
    refresh: Option<String>,
}

async fn index(State(site): State<Arc<Site>>, Query(options): Query<Options>) -> Response {
    let refresh = options.refresh.as_deref() != Some("off");
    match status(&site).await {
        Ok(status) => ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], page::render(&status, refresh))
            .into_response(),
        Err(late) => late,
    }
}

async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("http/style.css"))
}

async fn api_status(State(site): State<Arc<Site>>) -> Response {
    match status(&site).await {
        Ok(status) => axum::Json(status).into_response(),
        Err(late) => late,
    }
}

async fn status(site: &Site) -> Result<Status, Response> {
    let late = || (StatusCode::SERVICE_UNAVAILABLE, "the daemon did not say how it goes in time\n");
    tokio::time::timeout(site.patience.status, site.source.status()).await.map_err(|_| late().into_response())
}

async fn metrics(State(site): State<Arc<Site>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, TEXT_FORMAT)], site.source.metrics_text())
}

async fn healthy(State(site): State<Arc<Site>>) -> Response {
    answer("ok\n", "does not answer", &site.source.health().stuck)
}

async fn ready(State(site): State<Arc<Site>>) -> Response {
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
