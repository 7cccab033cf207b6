//! What is asked for when somebody wants to read, and how it is found.

use std::collections::BTreeSet;

use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::access::Rights;
use super::changes::{local, selection_of_dead};
use super::page::{self, RECENT, View};
use super::silence::{Mistakes, Wanted};
use super::{Shared, Visit, html, late};
use crate::core::story::{About, DeliveryStory, EventStory, Several, Story};
use crate::core::watch::ConversationId;
use crate::ops::status::Status;

type Page = Result<Response, Response>;

pub(super) async fn overview(State(site): State<Shared>, Extension(visit): Extension<Visit>) -> Page {
    let status = site.status().await?;
    let events = status.recent_events.iter().take(RECENT).map(|event| event.id.clone());
    let tried = status.recent_deliveries.iter().take(RECENT).map(|one| one.event.clone());
    // Most of what is tried was found just before.
    let shown: BTreeSet<String> = events.chain(tried).collect();
    let briefs = site.source.briefs(shown.into_iter().collect()).await;
    let charts = site.source.charts();
    Ok(show(&site, &status, &visit, |view| page::overview(view, &charts, &briefs)))
}

pub(super) async fn watches(
    State(site): State<Shared>,
    Extension(visit): Extension<Visit>,
    Query(asked): Query<page::WatchesWanted>,
) -> Page {
    let status = site.status().await?;
    Ok(show(&site, &status, &visit, |view| page::watches(view, &asked)))
}

/// What of a watch somebody wants to see.
#[derive(Deserialize)]
pub(super) struct TimelineWanted {
    /// How far back.
    hours: Option<u32>,
    /// One of its conversations alone, as ACCOUNT/OBJECT; empty = all.
    #[serde(default)]
    conversation: String,
}

impl TimelineWanted {
    /// One that is offered; a day unless it is asked for.
    fn hours(&self) -> u32 {
        page::SPANS.iter().map(|(hours, _)| *hours).find(|hours| Some(*hours) == self.hours).unwrap_or(24)
    }
}

pub(super) async fn timeline(
    State(site): State<Shared>,
    Extension(visit): Extension<Visit>,
    Path(name): Path<String>,
    Query(wanted): Query<TimelineWanted>,
) -> Page {
    let status = site.status().await?;
    let hours = wanted.hours();
    let since = status.taken - jiff::SignedDuration::from_hours(i64::from(hours));
    let conversation = match named_conversation(&wanted.conversation) {
        Ok(conversation) => conversation,
        Err(why) => return Ok(not_found(&site, &status, &visit, &why)),
    };
    match within(&site, site.admin.why(About::Watch { name, since, conversation })).await? {
        Ok(why) => {
            let Story::Watch(watch) = why.story else {
                return Ok(not_found(&site, &status, &visit, "no watch"));
            };
            let stories = watch.events.shown.iter().chain(&watch.account_events.shown);
            let ids = ids_of_events(stories).chain(ids(&watch.waiting)).collect();
            let briefs = site.source.briefs(ids).await;
            Ok(show(&site, &status, &visit, |view| page::timeline(view, &watch, hours, &briefs)))
        }
        Err(why) => Ok(not_found(&site, &status, &visit, &why)),
    }
}

/// A conversation as an address or a form names it; nothing is none.
pub(super) fn named_conversation(text: &str) -> Result<Option<ConversationId>, String> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    text.trim().parse().map(Some).map_err(|why| format!("`{text}` is no conversation: {why}"))
}

pub(super) async fn event(
    State(site): State<Shared>,
    Extension(visit): Extension<Visit>,
    Path(id): Path<String>,
) -> Page {
    let status = site.status().await?;
    match within(&site, site.admin.why(About::Event { id })).await? {
        Ok(why) => {
            let Story::Event(event) = why.story else {
                return Ok(not_found(&site, &status, &visit, "no event"));
            };
            let briefs = site.source.briefs(vec![event.id.clone()]).await;
            Ok(show(&site, &status, &visit, |view| page::event(view, &event, &briefs)))
        }
        Err(why) => Ok(not_found(&site, &status, &visit, &why)),
    }
}

pub(super) async fn deliveries(
    State(site): State<Shared>,
    Extension(visit): Extension<Visit>,
    Query(asked): Query<page::DeliveriesWanted>,
) -> Page {
    let status = site.status().await?;
    match within(&site, site.admin.deliveries(asked.request())).await? {
        Ok(deliveries) => {
            let briefs = site.source.briefs(ids(&deliveries).collect()).await;
            let listed = page::DeliveriesListed { deliveries, briefs };
            Ok(show(&site, &status, &visit, |view| page::deliveries(view, &asked, &listed)))
        }
        Err(why) => Ok(unread(&site, &status, &visit, &why)),
    }
}

/// What a replay of all dead letters would do.
pub(super) async fn preview(
    State(site): State<Shared>,
    Extension(visit): Extension<Visit>,
    Query(asked): Query<page::DeliveriesWanted>,
) -> Page {
    let status = site.status().await?;
    match within(&site, site.admin.replay(selection_of_dead(&asked.notifier), true)).await? {
        Ok(report) => Ok(show(&site, &status, &visit, |view| page::preview(view, &asked.notifier, &report))),
        Err(why) => Ok(unread(&site, &status, &visit, &why)),
    }
}

pub(super) async fn silences(State(site): State<Shared>, Extension(visit): Extension<Visit>) -> Page {
    let status = site.status().await?;
    match within(&site, site.admin.silences(true)).await? {
        Ok(listed) => Ok(show(&site, &status, &visit, |view| page::silences(view, &listed))),
        Err(why) => Ok(unread(&site, &status, &visit, &why)),
    }
}

/// The form for a silence, as a link has filled it in.
pub(super) async fn new_silence(
    State(site): State<Shared>,
    Extension(visit): Extension<Visit>,
    Query(wanted): Query<Wanted>,
) -> Page {
    let status = site.status().await?;
    Ok(show(&site, &status, &visit, |view| page::new_silence(view, &wanted, &Mistakes::default())))
}

/// The same with what is wrong with it.
pub(super) fn wrong_silence(
    site: &Shared,
    status: &Status,
    visit: &Visit,
    wanted: &Wanted,
    mistakes: &Mistakes,
) -> Response {
    let page = show(site, status, visit, |view| page::new_silence(view, wanted, mistakes));
    (StatusCode::UNPROCESSABLE_ENTITY, page).into_response()
}

pub(super) async fn notifiers(State(site): State<Shared>, Extension(visit): Extension<Visit>) -> Page {
    let status = site.status().await?;
    Ok(show(&site, &status, &visit, page::notifiers))
}

pub(super) async fn config(State(site): State<Shared>, Extension(visit): Extension<Visit>) -> Page {
    let status = site.status().await?;
    let effective = site.source.effective_config();
    Ok(show(&site, &status, &visit, |view| page::config(view, &effective)))
}

/// Where to go after the token was shown.
#[derive(Deserialize)]
pub(super) struct Back {
    #[serde(default)]
    back: String,
}

pub(super) async fn login(Query(back): Query<Back>) -> Response {
    html(page::login(local(&back.back), false)).into_response()
}

/// The same facts for programs.
pub(super) async fn api_status(State(site): State<Shared>) -> Page {
    Ok(axum::Json(site.status().await?).into_response())
}

pub(super) async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("files/style.css"))
}

pub(super) async fn script() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], include_str!("files/live.js"))
}

pub(super) async fn icon() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "image/svg+xml")], include_str!("files/icon.svg"))
}

/// Somebody who must log in first: browsers are led there, programs are told.
pub(super) fn to_login(visit: &Visit) -> Response {
    Redirect::to(&format!("/login?back={}", visit.escaped_here())).into_response()
}

async fn within<T>(site: &Shared, asked: impl Future<Output = T>) -> Result<T, Response> {
    tokio::time::timeout(site.patience.status, asked).await.map_err(|_| late())
}

fn show(site: &Shared, status: &Status, visit: &Visit, render: impl FnOnce(&View<'_>) -> String) -> Response {
    let number = visit.said();
    let said = match visit.rights {
        Rights::Session(key) => number.and_then(|number| site.sessions.said(&key, number)),
        _ => None,
    };
    html(render(&View { status, visit, said: said.as_ref() })).into_response()
}

fn not_found(site: &Shared, status: &Status, visit: &Visit, why: &str) -> Response {
    let page = show(site, status, visit, |view| page::notice(view, "Not found", why));
    (StatusCode::NOT_FOUND, page).into_response()
}

fn unread(site: &Shared, status: &Status, visit: &Visit, why: &str) -> Response {
    let page = show(site, status, visit, |view| page::notice(view, "That cannot be shown", why));
    (StatusCode::SERVICE_UNAVAILABLE, page).into_response()
}

fn ids(deliveries: &Several<DeliveryStory>) -> impl Iterator<Item = String> {
    deliveries.shown.iter().map(|one| one.event.clone())
}

fn ids_of_events<'a>(events: impl Iterator<Item = &'a EventStory>) -> impl Iterator<Item = String> {
    events.map(|event| event.id.clone())
}
