//! The knobs over HTTP, for people and shell scripts. The same knobs as the library's, and no more.
//!
//! Bodies are JSON whatever their content type says, so that `curl -d` is enough. Nothing here asks for a token: the
//! program listens on loopback addresses only.

mod bodies;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State as Shared;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, post};
use jiff::SignedDuration;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::record::Record;
use crate::requests::Seen;
use crate::throttle::{Throttle, Window};
use crate::world::{Refused, State, World};
use bodies::{
    Assign, Clock, Edit, Garble, MakeConversation, Named, Say, SetFault, SetShape, SetStatus, SetThrottle,
    Tokens, Vanish,
};

pub(crate) fn router() -> Router<Arc<World>> {
    Router::new()
        .route("/_sim/conversation", knob(make_conversation))
        .route("/_sim/say", knob(say))
        .route("/_sim/edit", knob(|state, it: Edit| state.edit(it.object, it.child, it.text).map(done)))
        .route("/_sim/redact", knob(|state, it: Named| state.redact(it.object, it.child).map(done)))
        .route("/_sim/restore", knob(|state, it: Named| state.restore(it.object, it.child).map(done)))
        .route("/_sim/garble", knob(|state, it: Garble| state.garble(it.object, it.child, it.how).map(done)))
        .route("/_sim/status", knob(|state, it: SetStatus| state.set_status(it.object, it.status).map(done)))
        .route("/_sim/assign", knob(assign))
        .route("/_sim/vanish", knob(vanish))
        .route("/_sim/shape", knob(set_shape))
        .route("/_sim/fault", knob(set_fault))
        .route("/_sim/faults", delete(clear_faults))
        .route("/_sim/throttle", knob(set_throttle).delete(lift_throttle))
        .route("/_sim/clock", knob(set_clock))
        .route("/_sim/tokens", knob(accept_tokens))
        .route("/_sim/requests", get(requests))
        .route("/_sim/posted", get(posted))
        .route("/_sim/conversations", get(conversations))
}

/// What a knob answers.
type Turned = Result<serde_json::Value, Refused>;

/// A handler that reads a body, turns a knob with it and writes what came of it.
fn knob<T: DeserializeOwned + 'static>(turn: fn(&mut State, T) -> Turned) -> MethodRouter<Arc<World>> {
    post(async move |Shared(world): Shared<Arc<World>>, body: Bytes| match serde_json::from_slice(&body) {
        Ok(asked) => match turn(&mut world.state(), asked) {
            Ok(answer) => written(StatusCode::OK, &answer),
            Err(refused) => written(StatusCode::CONFLICT, &json!({ "error": refused.to_string() })),
        },
        Err(error) => written(StatusCode::BAD_REQUEST, &json!({ "error": error.to_string() })),
    })
}

fn done(_: ()) -> serde_json::Value {
    json!({ "done": true })
}

fn written(status: StatusCode, value: &impl Serialize) -> Response {
    let mut text =
        serde_json::to_string_pretty(value).expect("every key is a string and every value is JSON");
    text.push('\n');
    (status, [(header::CONTENT_TYPE, "application/json; charset=utf-8")], text).into_response()
}

fn make_conversation(state: &mut State, asked: MakeConversation) -> Turned {
    let record = state.conversation(asked.stream, asked.object)?;
    let known = |name: String| (!name.is_empty()).then_some(name);
    (record.first_name, record.last_name) = (known(asked.first_name), known(asked.last_name));
    record.channel = asked.channel;
    record.address = asked.address;
    record.identity_id = asked.identity.unwrap_or(record.identity_id);
    if let Some(text) = asked.encrypted_stream {
        state.encrypted_streams.insert(asked.stream, text);
    }
    Ok(done(()))
}

fn say(state: &mut State, asked: Say) -> Turned {
    let child_id = state.post(asked.object, asked.into_post())?;
    Ok(json!({ "child_id": child_id }))
}

fn assign(state: &mut State, asked: Assign) -> Turned {
    let manager_id = asked.agent.map_or(0, |name| state.manager(&name).id);
    state.assign(asked.object, manager_id)?;
    Ok(json!({ "manager_id": manager_id }))
}

fn vanish(state: &mut State, asked: Vanish) -> Turned {
    state.record(asked.object)?.vanished = asked.vanished;
    Ok(done(()))
}

fn set_shape(state: &mut State, asked: SetShape) -> Turned {
    state.record(asked.object)?.shape = asked.shape;
    Ok(done(()))
}

fn set_fault(state: &mut State, asked: SetFault) -> Turned {
    state.faults.add(asked.scope, asked.fault, asked.times);
    Ok(done(()))
}

fn set_throttle(state: &mut State, asked: SetThrottle) -> Turned {
    let window = Duration::from_millis(asked.window_ms);
    state.throttle = Some(Window::new(Throttle::new(asked.requests, window).retry_after(asked.retry_after)));
    Ok(done(()))
}

fn set_clock(state: &mut State, asked: Clock) -> Turned {
    state.skew = SignedDuration::from_secs(asked.skew_seconds);
    Ok(done(()))
}

fn accept_tokens(state: &mut State, asked: Tokens) -> Turned {
    state.accepted_tokens = asked.accept;
    Ok(done(()))
}

async fn clear_faults(Shared(world): Shared<Arc<World>>) -> Response {
    world.state().faults.clear();
    written(StatusCode::OK, &done(()))
}

async fn lift_throttle(Shared(world): Shared<Arc<World>>) -> Response {
    world.state().throttle = None;
    written(StatusCode::OK, &done(()))
}

async fn requests(Shared(world): Shared<Arc<World>>) -> Response {
    let line = |seen: Seen| {
        json!({
            "number": seen.number,
            "ago_ms": u64::try_from(seen.at.elapsed().as_millis()).unwrap_or(u64::MAX),
            "method": seen.method,
            "path": seen.path,
            "query": seen.query,
            "object": seen.object_id,
            "authorized": seen.authorized,
            "user_agent": seen.user_agent,
            "connection": seen.connection,
            "status": seen.status,
        })
    };
    let newest: Vec<_> = world.requests.newest().into_iter().map(line).collect();
    written(StatusCode::OK, &json!({ "total": world.requests.total(), "newest": newest }))
}

async fn posted(Shared(world): Shared<Arc<World>>) -> Response {
    let posted = world.state().posted.clone();
    written(StatusCode::OK, &posted)
}

async fn conversations(Shared(world): Shared<Arc<World>>) -> Response {
    let state = world.state();
    let line = |record: &Record| {
        json!({
            "stream": record.stream_id,
            "encrypted_stream": state.encrypted_streams.get(&record.stream_id),
            "object": record.object_id,
            "first_name": record.first_name,
            "last_name": record.last_name,
            "channel": record.channel,
            "identity": record.identity_id,
            "status": record.status_id,
            "messages": record.visible(0).len(),
        })
    };
    let all: Vec<_> = state.conversations.values().map(line).collect();
    written(StatusCode::OK, &all)
}
