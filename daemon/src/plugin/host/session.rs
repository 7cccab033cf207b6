//! The life of one child that takes deliveries, from ready to its end.

use std::sync::Arc;
use std::time::Duration;

use commwatch_plugin_api::{HttpError, Outcome, Request, abi};
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;

use super::deliveries::{Deliveries, Order};
use super::lines::Lines;
use super::link::Link;
use super::restarts::Reason;
use super::start::Started;
use super::{PluginSpec, STOP_PATIENCE};
use crate::plugin::frame::{FromChild, HttpEnd, ToChild, Violation, deliver};
use crate::plugin::http::HostHttp;

/// A request ends this much before its delivery's deadline (or a tenth of what is left, if that is less), so that
/// the plugin can still say what it made of that.
const HTTP_MARGIN: Duration = Duration::from_millis(500);

pub(super) struct Session {
    link: Link,
    spec: Arc<PluginSpec>,
    http: Arc<dyn HostHttp>,
    lines: Lines,
    notification_bytes_max: usize,
    deliveries: Deliveries,
    /// Requests that are out; at most one for each delivery.
    requests: FuturesUnordered<BoxFuture<'static, (u64, HttpEnd)>>,
    /// Set while it is being stopped: when it is killed.
    stop_at: Option<Instant>,
    /// Whether the child was told to end.
    told: bool,
}

/// Why it is over.
#[derive(Debug)]
pub(super) enum End {
    /// The socket has ended: the process is dying, or has ended as it was told.
    SocketEnded {
        /// Whether it was told.
        told: bool,
    },
    /// It has to be killed.
    Kill(Reason, String),
    /// It was told to end, and has not.
    StopOverdue,
}

enum Wake {
    Said(FromChild),
    Broke(Violation),
    SocketEnded,
    Ordered(Order),
    RequestEnded(u64, HttpEnd),
    Deadline,
    Stop,
}

impl Session {
    pub(super) fn new(started: Started, spec: Arc<PluginSpec>, http: Arc<dyn HostHttp>) -> Self {
        Self {
            lines: Lines::new(&spec.notifier, &started.manifest.name),
            link: started.link,
            spec,
            http,
            notification_bytes_max: started.manifest.notification_bytes_max as usize,
            deliveries: Deliveries::new(started.concurrency),
            requests: FuturesUnordered::new(),
            stop_at: None,
            told: false,
        }
    }

    /// What is left to be ended. Requests that are out are given up.
    pub(super) fn into_parts(self) -> (Link, Deliveries) {
        (self.link, self.deliveries)
    }

    /// Runs until the child has to go.
    pub(super) async fn run(&mut self, inbox: &mut mpsc::Receiver<Order>, stop: &CancellationToken) -> End {
        loop {
            let done = match self.wait(inbox, stop).await {
                Wake::Said(said) => self.said(said),
                Wake::Broke(violation) => Err(violation),
                Wake::SocketEnded => return End::SocketEnded { told: self.told },
                Wake::Ordered(order) => self.ordered(order),
                Wake::RequestEnded(token, end) => {
                    self.deliveries.answered(token);
                    self.link.send(ToChild::HttpEnd { token, end }.encode())
                }
                Wake::Deadline => match self.overdue() {
                    Some(end) => return end,
                    None => Ok(()),
                },
                Wake::Stop => self.stop(),
            };
            if let Err(violation) = done.and_then(|()| self.go_on()) {
                return End::Kill(Reason::Protocol, violation.to_string());
            }
        }
    }

    async fn wait(&mut self, inbox: &mut mpsc::Receiver<Order>, stop: &CancellationToken) -> Wake {
        let deadline = self.deliveries.next_deadline().into_iter().chain(self.stop_at).min();
        let may_take = self.stop_at.is_none() && self.deliveries.has_room();
        tokio::select! {
            said = self.link.next() => match said {
                Some(Ok(said)) => Wake::Said(said),
                Some(Err(violation)) => Wake::Broke(violation),
                None => Wake::SocketEnded,
            },
            Some((token, end)) = self.requests.next() => Wake::RequestEnded(token, end),
            order = inbox.recv(), if may_take => order.map_or(Wake::Stop, Wake::Ordered),
            () = stop.cancelled(), if self.stop_at.is_none() => Wake::Stop,
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => Wake::Deadline,
        }
    }

    fn ordered(&mut self, order: Order) -> Result<(), Violation> {
        let (bytes, most) = (order.handover.payload.len(), self.notification_bytes_max);
        if bytes > most {
            let why = format!("the notification has {bytes} bytes, and this plugin takes {most}");
            let report = super::Report {
                outcome: Outcome::reject(why),
                duration: Duration::ZERO,
                crashed: false,
                not_sent: false,
            };
            let _ = order.reply.send(report);
            return Ok(());
        }
        self.deliveries.add(order);
        Ok(())
    }

    /// Starts what can be started; once it is to stop and nothing is left, tells the child.
    fn go_on(&mut self) -> Result<(), Violation> {
        let now = Instant::now();
        while let Some((token, handover)) = self.deliveries.start_next(now) {
            let remaining = handover.deadline.saturating_duration_since(now).as_millis();
            let frame = deliver(
                token,
                handover.attempt,
                handover.replay,
                remaining.try_into().unwrap_or(u64::MAX),
                handover.receipt.as_deref().unwrap_or_default(),
                handover.payload.as_bytes(),
            );
            self.lines.delivering();
            self.link.send(frame)?;
        }
        if self.stop_at.is_some() && !self.told && self.deliveries.none_fly() {
            self.told = true;
            self.link.send(ToChild::Stop.encode())?;
        }
        Ok(())
    }

    fn said(&mut self, said: FromChild) -> Result<(), Violation> {
        match said {
            FromChild::Outcome { token, outcome } => self.deliveries.end(token, outcome, Instant::now()),
            FromChild::Http { token, description, body } => {
                let deadline = http_deadline(self.deliveries.ask(token)?, Instant::now());
                self.requests.push(self.request(token, &description, body, deadline));
                Ok(())
            }
            FromChild::Log { level, line } => {
                self.lines.write(level, &line);
                Ok(())
            }
            FromChild::Ready(_) | FromChild::Refused { .. } => {
                Err(Violation("it says again whether it is ready".to_owned()))
            }
        }
    }

    /// Sends a request. An untrusted description that makes no sense is refused like one that is not allowed.
    fn request(
        &self,
        token: u64,
        description: &[u8],
        body: Vec<u8>,
        deadline: Instant,
    ) -> BoxFuture<'static, (u64, HttpEnd)> {
        let request = read_request(description, body);
        let (spec, http) = (Arc::clone(&self.spec), Arc::clone(&self.http));
        Box::pin(async move {
            let sent = async { http.send(&spec.notifier, request?, &spec.grant, deadline).await };
            let late =
                |_| Err(HttpError::NoAnswer { why: "no answer within the time of the delivery".to_owned() });
            let mut end = timeout_at(deadline, sent).await.unwrap_or_else(late);
            if let Ok(answer) = &mut end {
                answer.body.truncate(abi::HTTP_RESPONSE_BODY_MAX as usize);
            }
            (token, end.into())
        })
    }

    fn overdue(&mut self) -> Option<End> {
        let now = Instant::now();
        if self.stop_at.is_some_and(|at| at <= now) {
            return Some(End::StopOverdue);
        }
        let took = self.deliveries.expire(now)?;
        let why = format!("a delivery had not ended after {:.1} s, past its deadline", took.as_secs_f64());
        Some(End::Kill(Reason::Deadline, why))
    }

    fn stop(&mut self) -> Result<(), Violation> {
        self.stop_at = Some(Instant::now() + STOP_PATIENCE);
        self.deliveries.give_back("the notifier is being stopped");
        Ok(())
    }
}

fn http_deadline(deadline: Instant, now: Instant) -> Instant {
    let left = deadline.saturating_duration_since(now);
    now + left - HTTP_MARGIN.min(left / 10)
}

fn read_request(description: &[u8], body: Vec<u8>) -> Result<Request, HttpError> {
    let most = abi::HTTP_REQUEST_BODY_MAX as usize;
    if body.len() > most {
        let why = format!("the body has {} bytes, of at most {most}", body.len());
        return Err(HttpError::Refused { why });
    }
    let mut request: Request = serde_json::from_slice(description)
        .map_err(|error| HttpError::Refused { why: format!("the request's description: {error}") })?;
    request.body = body.into();
    Ok(request)
}
