//! The API: one request in, one answer or fault out.

mod reply;

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{ConnectInfo, Request, State as Shared};
use axum::http::{HeaderMap, Method, Uri, header};
use axum::response::Response;

use crate::answer::Answer;
use crate::call::{self, BadParameter, Operation, Query};
use crate::fault::Fault;
use crate::json::Json;
use crate::render::View;
use crate::requests::Seen;
use crate::server::Connection;
use crate::shape::Data;
use crate::throttle::Throttled;
use crate::world::{State, World};
use reply::{Reply, Transport};

/// Answers one request. What happens to it, in this order: a delay, a fault that needs no answer, the throttle, the
/// bearer check, the operation, and a fault that spoils the answer.
pub(crate) async fn answer(
    Shared(world): Shared<Arc<World>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    request: Request,
) -> Response {
    let operation = Operation::of(request.uri().path());
    let authorized = world.state().authorized(request.headers());
    let mut ticket = world.requests.arrive(seen(&request, &operation, authorized, &connection));
    let (wait, fault) = world.state().faults.take(operation.scope());
    if let Some(wait) = wait {
        tokio::time::sleep(wait).await;
    }
    let transport = match &fault {
        Some(Fault::Hang) => {
            std::future::pending::<()>().await;
            Transport::Whole
        }
        Some(Fault::Reset) => {
            connection.reset();
            return Response::default();
        }
        Some(Fault::Truncate(bytes)) => Transport::Truncated(*bytes),
        Some(Fault::Stall(bytes)) => Transport::Stalled(*bytes),
        Some(Fault::Oversized(bytes)) => Transport::Oversized(*bytes),
        _ => Transport::Whole,
    };
    let (reply, now) = {
        let mut state = world.state();
        let now = state.now();
        let reply = fault.as_ref().and_then(|fault| Reply::instead(fault, now)).unwrap_or_else(|| {
            let asked =
                Asked { operation: &operation, authorized, fault: fault.as_ref(), number: ticket.number() };
            Reply::json(state.respond(request.method(), request.uri(), asked), now)
        });
        (reply, now)
    };
    ticket.answered(reply.status());
    reply.send(transport, ticket, now)
}

/// A request, read.
#[derive(Clone, Copy)]
struct Asked<'a> {
    operation: &'a Operation,
    authorized: bool,
    fault: Option<&'a Fault>,
    number: u64,
}

impl State {
    fn authorized(&self, headers: &HeaderMap) -> bool {
        call::bearer(headers).is_some_and(|token| self.accepted_tokens.iter().any(|known| known == token))
    }

    fn respond(&mut self, method: &Method, uri: &Uri, asked: Asked<'_>) -> Answer {
        let wall = self.now();
        let admitted = self.throttle.as_mut().map_or(Ok(()), |window| window.admit(Instant::now(), wall));
        if let Err(Throttled { retry_after }) = admitted {
            return Answer::error(429).retry_after(retry_after);
        }
        if !asked.authorized {
            return Answer::error(401);
        }
        if *asked.operation == Operation::Unknown {
            return Answer::error(404);
        }
        if method != Method::GET {
            return Answer::error(501);
        }
        let answer = self.perform(&Query::of(uri), asked).unwrap_or_else(|BadParameter| Answer::error(400));
        answer.spoiled_by(asked.fault)
    }

    fn perform(&self, query: &Query, asked: Asked<'_>) -> Result<Answer, BadParameter> {
        match asked.operation {
            Operation::GetObject { stream, object } => self.get_object(stream, object, query, asked),
            Operation::StreamObjects { stream } => self.stream_objects(stream, query),
            Operation::IdentityObjects { identity, v2 } => self.identity_objects(identity, *v2, query),
            Operation::SystemStatus => Ok(Answer::ok("System is operational", Json::Null)),
            Operation::Unknown => Ok(Answer::error(404)),
        }
    }

    fn get_object(
        &self,
        stream: &str,
        object: &str,
        query: &Query,
        asked: Asked<'_>,
    ) -> Result<Answer, BadParameter> {
        let object_id: i64 = object.parse().map_err(|_| BadParameter)?;
        let childs = query.flag("includeChilds", false)?;
        let activities = query.flag("includeActivityLog", false)?;
        let Some(record) = self
            .conversations
            .get(&object_id)
            .filter(|record| !record.vanished && self.is_stream(record.stream_id, stream))
        else {
            return Ok(Answer::error(404));
        };
        let view = View {
            record,
            encrypted: self.encrypted_streams.contains_key(&record.stream_id),
            childs,
            activities,
            listing: false,
            object_id: if asked.fault == Some(&Fault::WrongObject) {
                object_id.wrapping_add(1)
            } else {
                object_id
            },
            stale: if let Some(Fault::StaleReplica(missing)) = asked.fault { *missing } else { 0 },
            answer: asked.number,
        };
        let data = match record.shape.data {
            Data::Array => Json::List(vec![view.write()]),
            Data::Object => view.write(),
        };
        Ok(Answer::ok("Operation successful", data).status_form(record.shape.status))
    }
}

fn seen(request: &Request, operation: &Operation, authorized: bool, connection: &Connection) -> Seen {
    let user_agent = request.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    Seen {
        number: 0,
        at: Instant::now(),
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or("").to_owned(),
        object_id: operation.object_id(),
        authorized,
        user_agent: user_agent.map(str::to_owned),
        connection: connection.number(),
        status: None,
        ended: None,
    }
}
