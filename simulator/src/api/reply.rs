//! An answer as bytes, and the ways in which bytes get lost.

use std::convert::Infallible;
use std::io;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use futures_util::stream::{self, Stream, StreamExt};
use jiff::Timestamp;

use crate::answer::Answer;
use crate::fault::{Fault, FaultBody};
use crate::requests::Ticket;
use crate::throttle::http_date;

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
const HTML: HeaderValue = HeaderValue::from_static("text/html");
/// The pieces of a padding, so that a large one takes no memory.
const PADDING_PIECE_BYTES: usize = 64 * 1024;
static PADDING: [u8; PADDING_PIECE_BYTES] = [b'x'; PADDING_PIECE_BYTES];

#[derive(Debug)]
pub(super) struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

/// What becomes of the body on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    Whole,
    /// The connection ends after so many bytes.
    Truncated(usize),
    /// Nothing more comes after so many bytes.
    Stalled(usize),
    /// So many bytes more, and no announced length.
    Oversized(usize),
}

impl Reply {
    pub(super) fn json(answer: Answer, now: Timestamp) -> Reply {
        let (code, retry_after, body) = answer.into_parts(now);
        let mut reply = Reply::new(code, JSON, body);
        reply.header(header::RETRY_AFTER, retry_after.as_deref());
        reply
    }

    /// What some faults answer without looking at the request.
    pub(super) fn instead(fault: &Fault, now: Timestamp) -> Option<Reply> {
        match fault {
            Fault::Status { code, retry_after, body } => {
                let answer = Answer::error(*code).retry_after(retry_after.clone());
                let mut reply = Reply::json(answer, now);
                match body {
                    FaultBody::Json => {}
                    FaultBody::Html => {
                        reply.headers.insert(header::CONTENT_TYPE, HTML);
                        reply.body = format!("<html><body><h1>{code}</h1><p>gateway</p></body></html>");
                    }
                    FaultBody::Empty => {
                        reply.headers.remove(header::CONTENT_TYPE);
                        reply.body.clear();
                    }
                }
                Some(reply)
            }
            Fault::Redirect(location) => {
                let mut reply = Reply::new(302, HTML, String::new());
                reply.header(header::LOCATION, Some(location));
                Some(reply)
            }
            Fault::NotJson => Some(Reply::new(200, JSON, "<!doctype html><title>Sign in</title>".to_owned())),
            _ => None,
        }
    }

    pub(super) fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// The response. `ticket` lives as long as its body, so that a stalled answer is still in flight.
    pub(super) fn send(self, transport: Transport, ticket: Ticket, now: Timestamp) -> Response {
        let length = self.body.len();
        let bytes = Bytes::from(self.body);
        let part = |kept: usize| bytes.slice(..kept.min(length.saturating_sub(1)));
        let (body, announced) = match transport {
            Transport::Whole => (Body::from(bytes), None),
            Transport::Truncated(kept) => (Body::from_stream(cut_off(part(kept), ticket)), Some(length)),
            Transport::Stalled(kept) => (Body::from_stream(stalled(part(kept), ticket)), Some(length)),
            Transport::Oversized(more) => (Body::from_stream(padded(bytes, more, ticket)), None),
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        let headers = response.headers_mut();
        headers.extend(announced.map(|length| (header::CONTENT_LENGTH, HeaderValue::from(length))));
        headers.extend(HeaderValue::from_str(&http_date(now)).ok().map(|date| (header::DATE, date)));
        response
    }

    fn new(code: u16, content_type: HeaderValue, body: String) -> Reply {
        let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, content_type)]);
        Reply { status, headers, body }
    }

    /// Adds a header whose value may come from outside; one that cannot be a header is left out.
    fn header(&mut self, name: header::HeaderName, value: Option<&str>) {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
            self.headers.insert(name, value);
        }
    }
}

/// The start of a body, and then the end of the connection. The pause between lets the start leave first.
fn cut_off(start: Bytes, ticket: Ticket) -> impl Stream<Item = io::Result<Bytes>> {
    let end = stream::once(async move {
        tokio::task::yield_now().await;
        drop(ticket);
        Err(io::Error::from(io::ErrorKind::ConnectionAborted))
    });
    stream::once(async { Ok(start) }).chain(end)
}

fn stalled(start: Bytes, ticket: Ticket) -> impl Stream<Item = Result<Bytes, Infallible>> {
    let silence = stream::once(async move {
        let _in_flight = ticket;
        std::future::pending().await
    });
    stream::once(async { Ok(start) }).chain(silence)
}

/// The same JSON object with one more field, of `more` bytes or a few.
fn padded(body: Bytes, more: usize, ticket: Ticket) -> impl Stream<Item = Result<Bytes, Infallible>> {
    let open = body.slice(..body.len().saturating_sub(1));
    let pieces = (0..more.div_ceil(PADDING_PIECE_BYTES)).map(move |piece| {
        let left = more - piece * PADDING_PIECE_BYTES;
        Bytes::from_static(&PADDING[..left.min(PADDING_PIECE_BYTES)])
    });
    let pieces = [open, Bytes::from_static(b",\"padding\":\"")]
        .into_iter()
        .chain(pieces)
        .chain([Bytes::from_static(b"\"}")])
        .map(move |piece| {
            let _in_flight = &ticket;
            Ok(piece)
        });
    stream::iter(pieces)
}
