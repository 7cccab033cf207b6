//! A receiver that is none: it keeps what it is asked, and answers as it was told.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use commwatch_plugin_api::{HttpError, Request, Response};
use tokio::time::Instant;

use crate::plugin::grant::Grant;
use crate::plugin::http::HostHttp;

/// How requests are answered.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Reply {
    /// With this status, and what it asks to wait.
    Status(u16, Option<Duration>),
    /// It could not be reached.
    #[default]
    NotSent,
    /// Not before the delivery's end.
    Never,
}

impl Reply {
    pub(super) fn status(status: u16) -> Self {
        Self::Status(status, None)
    }
}

/// Keeps requests, until the next delivery begins.
#[derive(Default)]
pub(super) struct Recorder(Mutex<(Reply, Vec<Request>)>);

/// So many requests of one delivery are kept.
const REQUESTS_MAX: usize = 64;

impl Recorder {
    pub(super) fn begin(&self, reply: Reply) {
        *self.kept() = (reply, Vec::new());
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.kept().1.clone()
    }

    fn kept(&self) -> MutexGuard<'_, (Reply, Vec<Request>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl HostHttp for Recorder {
    async fn send(
        &self,
        _: &str,
        request: Request,
        _: &Grant,
        deadline: Instant,
    ) -> Result<Response, HttpError> {
        let reply = {
            let mut kept = self.kept();
            if kept.1.len() < REQUESTS_MAX {
                kept.1.push(request);
            }
            kept.0
        };
        match reply {
            Reply::Status(status, after) => {
                let mut headers =
                    BTreeMap::from([("content-type".to_owned(), "application/json".to_owned())]);
                if let Some(after) = after {
                    headers.insert("retry-after".to_owned(), after.as_secs().to_string());
                    headers.insert("commwatch-retry-after-ms".to_owned(), after.as_millis().to_string());
                }
                // What most receivers that answer in JSON say.
                let body =
                    if status == 200 { r#"{"ok":true,"status":"success"}"# } else { r#"{"ok":false}"# };
                Ok(Response { status, headers, body: body.as_bytes().to_vec() })
            }
            Reply::NotSent => Err(HttpError::NotSent { why: "connection refused".to_owned() }),
            Reply::Never => {
                tokio::time::sleep_until(deadline).await;
                Err(HttpError::NoAnswer { why: "no answer in time".to_owned() })
            }
        }
    }
}
