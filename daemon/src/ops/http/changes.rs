//! What a page can change: the same requests as on the admin socket. [`guard`](super::guard) has let through only whoever
//! may, from a page of ours.

use std::time::Duration;

use axum::Extension;
use axum::extract::{Form, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::{Deserialize, Serialize};

use super::access::{Refusal, Rights};
use super::origin::Origin;
use super::pages::{self, named_conversation};
use super::sessions::{Said, given, taken};
use super::silence::{Mistakes, Wanted};
use super::{Shared, Visit, page};
use crate::core::plural::many;
use crate::core::replay::{ReplayReport, Selection};
use crate::core::silence::Added;

/// How long a change may take.
const CHANGE_WITHIN: Duration = Duration::from_secs(30);

/// What a form sends; which of it counts is up to the change.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Sent {
    back: String,
    token: String,
    event: String,
    notifier: String,
    dead: String,
    watch: String,
    conversation: String,
    id: String,
}

/// What a program is answered.
#[derive(Serialize)]
struct Answer {
    done: bool,
    text: String,
}

/// Whether a request that changes something may.
pub(super) fn may_change(rights: Rights, headers: &HeaderMap) -> Result<(), Refusal> {
    match (rights, Origin::of(headers)) {
        // A browser always says where a form comes from; without that, only a program is believed.
        (_, Origin::Foreign) | (Rights::Session(_), Origin::Silent) => Err(Refusal::ForeignPage),
        (Rights::Read, _) => Err(Refusal::ReadOnly),
        (Rights::LogIn, _) => Err(Refusal::NoToken),
        (Rights::Session(_), Origin::Ours) | (Rights::Bearer, _) => Ok(()),
    }
}

/// Begins a session.
pub(super) async fn log_in(
    State(site): State<Shared>,
    headers: HeaderMap,
    Form(sent): Form<Sent>,
) -> Response {
    if Origin::of(&headers) != Origin::Ours {
        return Refusal::ForeignPage.into_response();
    }
    let session = site.access.borrow().log_in(&sent.token, &site.sessions);
    let is_tls = headers
        .get(HeaderName::from_static("x-forwarded-proto"))
        .is_some_and(|scheme| scheme.as_bytes() == b"https");
    match session.and_then(|value| given(&value, is_tls)) {
        Some(cookie) => ([(header::SET_COOKIE, cookie)], to(local(&sent.back))).into_response(),
        None => {
            // At `debug`: whoever can ask could fill the log otherwise. A long random token is what keeps others out.
            tracing::debug!("somebody gave a wrong token on the status page");
            (StatusCode::FORBIDDEN, super::html(page::login(local(&sent.back), true))).into_response()
        }
    }
}

/// Ends a session.
pub(super) async fn log_out(State(site): State<Shared>, Extension(visit): Extension<Visit>) -> Response {
    if let Rights::Session(key) = visit.rights {
        site.sessions.end(&key);
    }
    ([(header::SET_COOKIE, taken())], to("/")).into_response()
}

/// Sends an event again, or all dead letters.
pub(super) async fn replay(
    State(site): State<Shared>,
    Extension(visit): Extension<Visit>,
    Form(sent): Form<Sent>,
) -> Response {
    let selection = selection(&sent);
    let user = visit.user();
    tracing::info!(by = user, "deliveries are to be sent again, says the status page");
    let done =
        within(async { site.admin.replay(selection, false).await.map(|report| sent_again(&report)) }).await;
    answer(&site, &visit, &sent, done)
}

/// What a form or a preview means; only dead letters where no event is named.
pub(super) fn selection_of_dead(notifier: &str) -> Selection {
    let notifier = Some(notifier.to_owned()).filter(|name| !name.is_empty());
    Selection { dead: true, notifier, ..Selection::default() }
}

fn selection(sent: &Sent) -> Selection {
    match sent.event.is_empty() {
        true => Selection { dead: !sent.dead.is_empty(), ..selection_of_dead(&sent.notifier) },
        false => Selection {
            event: Some(sent.event.clone()),
            dead: !sent.dead.is_empty(),
            ..selection_of_dead(&sent.notifier)
        },
    }
}

fn sent_again(report: &ReplayReport) -> Said {
    let count = report.deliveries.len() as u64 + report.omitted;
    let mut text = match count {
        0 => "nothing is sent again".to_owned(),
        1 => format!("1 delivery is sent again, to {}", report.deliveries[0].notifier),
        _ => many(count, "delivery is sent again", "deliveries are sent again"),
    };
    if report.without_text > 0 {
        text += &format!("; of {} nothing is left to send", report.without_text);
    }
    for line in &report.left_out {
        text += &format!("; left out: {line}");
    }
    if report.more {
        text += "; there are more";
    }
    Said { done: count > 0, text }
}

/// Has a notifier's receiver tried now.
pub(super) async fn resume(
    State(site): State<Shared>,
    Extension(visit): Extension<Visit>,
    Form(sent): Form<Sent>,
) -> Response {
    let done = within(async {
        let held = site.admin.resume(&sent.notifier).await?;
        tracing::info!(
            by = visit.user(),
            notifier = sent.notifier,
            "a notifier is to be tried, says the status page"
        );
        let what =
            if held.is_some() { "is tried now" } else { "was not held; its oldest delivery is tried now" };
        Ok(Said { done: true, text: format!("{} {what}", sent.notifier) })
    });
    let done = done.await;
    answer(&site, &visit, &sent, done)
}

/// Adds a silence. What is wrong with it is said at the form, with what was written.
pub(super) async fn add_silence(
    State(site): State<Shared>,
    Extension(visit): Extension<Visit>,
    Form(wanted): Form<Wanted>,
) -> Response {
    let status = match site.status().await {
        Ok(status) => status,
        Err(late) => return late,
    };
    let added = match wanted.draft(status.taken) {
        Ok(draft) => {
            let user = visit.user();
            let adding = async { site.admin.add_silence(draft, &user).await.map(|added| said_of(&added)) };
            within(adding).await.map_err(Mistakes::of_whole)
        }
        Err(mistakes) => Err(mistakes),
    };
    let sent = Sent { back: "/silences".to_owned(), ..Sent::default() };
    match (added, visit.rights) {
        (Err(mistakes), Rights::Session(_)) => {
            pages::wrong_silence(&site, &status, &visit, &wanted, &mistakes)
        }
        (added, _) => answer(&site, &visit, &sent, added.map_err(|mistakes| mistakes.in_words())),
    }
}

fn said_of(added: &Added) -> Said {
    Said { done: true, text: added.to_string().replace('\n', "; ") }
}

/// Ends a silence before its time.
pub(super) async fn expire_silence(
    State(site): State<Shared>,
    Extension(visit): Extension<Visit>,
    Form(sent): Form<Sent>,
) -> Response {
    let done = within(async {
        let id: i64 = sent.id.parse().map_err(|_| "a silence has a number".to_owned())?;
        let silence = site.admin.expire_silence(id, None, &visit.user()).await?;
        Ok(Said {
            done: true,
            text: format!("silence {} is over: alerts of {} go out again", silence.id, silence.matcher),
        })
    });
    let done = done.await;
    answer(&site, &visit, &sent, done)
}

/// Notes that somebody knows who waits.
pub(super) async fn ack(
    State(site): State<Shared>,
    Extension(visit): Extension<Visit>,
    Form(sent): Form<Sent>,
) -> Response {
    let done = within(async {
        let one = named_conversation(&sent.conversation)?;
        let what = one.as_ref().map(|id| format!("conversation {id} of "));
        let acked = site.admin.ack(&sent.watch, one, None, &visit.user()).await?;
        let text = format!(
            "{}{} is acknowledged: nobody is reminded until the customer writes again",
            what.unwrap_or_default(),
            acked.watch
        );
        Ok(Said { done: true, text })
    });
    let done = done.await;
    answer(&site, &visit, &sent, done)
}

async fn within(change: impl Future<Output = Result<Said, String>>) -> Result<Said, String> {
    let late = |_| Err(format!("the daemon did not answer within {} s", CHANGE_WITHIN.as_secs()));
    tokio::time::timeout(CHANGE_WITHIN, change).await.unwrap_or_else(late)
}

/// A browser is led back to where it was; a program is told.
fn answer(site: &Shared, visit: &Visit, sent: &Sent, done: Result<Said, String>) -> Response {
    let said = done.unwrap_or_else(|text| Said { done: false, text });
    match visit.rights {
        Rights::Session(key) => {
            let number = site.sessions.say(&key, said);
            let back = local(&sent.back);
            let joint = if back.contains('?') { '&' } else { '?' };
            to(&format!("{back}{joint}said={number}"))
        }
        _ => {
            let status = if said.done { StatusCode::OK } else { StatusCode::CONFLICT };
            (status, axum::Json(Answer { done: said.done, text: said.text })).into_response()
        }
    }
}

fn to(path: &str) -> Response {
    Redirect::to(path).into_response()
}

/// A path of ours, whatever was sent: nobody is led elsewhere.
pub(super) fn local(back: &str) -> &str {
    let is_plain = back.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if back.starts_with('/') && !back.starts_with("//") && is_plain { back } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whoever_has_shown_the_token_changes_something_and_from_a_page_of_ours() {
        let session = Rights::Session([7; 32]);
        let from = |origin: Option<&str>| {
            let origin = origin.map(|origin| (header::ORIGIN, origin.parse().unwrap()));
            [(header::HOST, "localhost:1".parse().unwrap())].into_iter().chain(origin).collect::<HeaderMap>()
        };
        let (ours, foreign, silent) = (Some("http://localhost:1"), Some("http://localhost:2"), None);
        for (rights, origin, expected) in [
            (session, ours, Ok(())),
            (session, foreign, Err(Refusal::ForeignPage)),
            (session, silent, Err(Refusal::ForeignPage)),
            (Rights::Bearer, ours, Ok(())),
            (Rights::Bearer, silent, Ok(())),
            (Rights::Bearer, foreign, Err(Refusal::ForeignPage)),
            (Rights::LogIn, ours, Err(Refusal::NoToken)),
            (Rights::LogIn, silent, Err(Refusal::NoToken)),
            (Rights::Read, ours, Err(Refusal::ReadOnly)),
            (Rights::Read, silent, Err(Refusal::ReadOnly)),
        ] {
            assert_eq!(may_change(rights, &from(origin)), expected, "{rights:?} {origin:?}");
        }
    }

    #[test]
    fn nobody_is_led_elsewhere() {
        for good in ["/", "/deliveries?dead=on&notifier=a", "/events/evt_1"] {
            assert_eq!(local(good), good);
        }
        for bad in
            ["", "//evil.example", "https://evil.example", "/\\evil.example", "/a\r\nx: y", "javascript:1"]
        {
            assert_eq!(local(bad), "/", "{bad:?}");
        }
    }

    #[test]
    fn a_form_without_an_event_means_dead_letters_alone_and_only_if_it_says_so() {
        let sent =
            |event: &str, dead: &str| Sent { event: event.into(), dead: dead.into(), ..Sent::default() };
        assert_eq!(selection(&sent("", "")), Selection::default(), "which the daemon refuses");
        assert_eq!(selection(&sent("", "on")), Selection { dead: true, ..Selection::default() });
        let one = selection(&Sent { notifier: "log".into(), ..sent("evt_1", "") });
        assert_eq!(one.event.as_deref(), Some("evt_1"));
        assert_eq!((one.dead, one.notifier.as_deref()), (false, Some("log")));
    }
}
