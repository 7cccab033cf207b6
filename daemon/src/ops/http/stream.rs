//! Says when something has changed, to pages that are open: server-sent events. What has changed is on the page itself.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::Shared;

/// Pages that are kept up to date at once; further ones look by themselves now and then.
pub(super) const STREAMS_MAX: usize = 16;
/// How often we look whether something has changed, once for all streams.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A stream on which nothing was said for so long carries a comment, so that both sides know that the other is there.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(15);
/// A stream ends before its connection does, and the browser opens the next.
const STREAM_LIFE: Duration = Duration::from_secs(50);
/// How long a browser waits before it does, milliseconds.
const RETRY_MS: u32 = 1_000;

/// What a page has seen already.
#[derive(Deserialize)]
pub(super) struct Seen {
    #[serde(default)]
    seen: String,
}

struct Stream {
    site: Shared,
    _permit: OwnedSemaphorePermit,
    /// The mark of what the page shows, as it was told.
    seen: String,
    ends: Instant,
    told: Instant,
    greeted: bool,
}

/// Opens a stream.
pub(super) async fn open(
    State(site): State<Shared>,
    Query(query): Query<Seen>,
    headers: HeaderMap,
) -> Response {
    let Ok(permit) = site.streams.clone().try_acquire_owned() else {
        let retry = [(header::RETRY_AFTER, "60")];
        return (StatusCode::SERVICE_UNAVAILABLE, retry, "too many pages are open\n").into_response();
    };
    let last = headers.get(HeaderName::from_static("last-event-id")).and_then(|id| id.to_str().ok());
    let seen = last.map_or(query.seen, str::to_owned);
    let now = Instant::now();
    let stream = Stream { site, _permit: permit, seen, ends: now + STREAM_LIFE, told: now, greeted: false };
    let body = stream::unfold(stream, |mut stream| async move {
        let text = stream.next().await?;
        Some((Ok::<_, Infallible>(text), stream))
    });
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(body)).into_response()
}

impl Stream {
    /// What is to be said next; `None` at the end.
    async fn next(&mut self) -> Option<String> {
        let (shutdown, ends) = (self.site.shutdown.clone(), self.ends);
        tokio::select! {
            biased;
            () = shutdown.cancelled() => None,
            () = tokio::time::sleep_until(ends) => None,
            text = self.news() => Some(text),
        }
    }

    /// Waits until there is something to say.
    async fn news(&mut self) -> String {
        if !self.greeted {
            self.greeted = true;
            return format!("retry: {RETRY_MS}\n: commwatch\n\n");
        }
        loop {
            // What has changed before the stream was opened is told at once.
            if let Some(mark) = self.site.mark().await.filter(|mark| *mark != self.seen) {
                self.seen.clone_from(&mark);
                self.told = Instant::now();
                return format!("id: {mark}\nevent: changed\ndata: {mark}\n\n");
            }
            if self.told.elapsed() >= HEARTBEAT_EVERY {
                self.told = Instant::now();
                return ": still here\n\n".to_owned();
            }
            tokio::time::sleep(self.site.patience.look).await;
        }
    }
}
