//! One watch: whether it is polled, what it found, who was told of that.

use jiff::Timestamp;

use super::html::{Html, Tone};
use super::{Change, View, delivery_tone, shell, text, vip, why_no_buttons};
use crate::core::plural::many;
use crate::core::story::{DeliveryStory, EventStory, Live, PollHour, Several, WatchStory};
use crate::core::watch::ConversationId;
use crate::ops::http::Briefs;
use crate::ops::story;

/// How far back one may look, hours, with the words for it.
pub(crate) const SPANS: [(u32, &str); 3] = [(2, "2 hours"), (24, "a day"), (168, "a week")];

/// The page of a watch, or of one conversation of it. `hours` is one of [`SPANS`].
pub(crate) fn render(view: &View<'_>, watch: &WatchStory, hours: u32, briefs: &Briefs) -> String {
    let title = watch.live.as_ref().map_or(watch.name.as_str(), |live| live.title.as_str());
    let heading = match &watch.within {
        Some(id) => format!("{title}: conversation {}", id.object),
        None => title.to_owned(),
    };
    shell::page(view, &heading, |html| {
        crumbs(html, watch);
        html.raw("<h1>").isolated(title);
        vip(html, watch.live.as_ref().map(|live| live.priority));
        if let Some(id) = &watch.within {
            html.raw(" <span class=\"soft\">conversation ").show(id.object).raw("</span>");
        }
        html.raw("</h1>\n<div class=\"sheet\">\n");
        if let Some(id) = &watch.within {
            conversation(html, view, watch, id);
        }
        facts(html, view, watch);
        html.raw("<div class=\"changes\">");
        if let Some(live) = &watch.live {
            waiting(html, view, watch, live);
        }
        silence(html, view, watch);
        html.raw("</div>\n");
        why_no_buttons(html, view, "acknowledge that somebody knows of it, or to silence it");
        html.raw("</div>\n");
        conversations(html, view, watch);
        spans(html, view, watch, hours);
        polls(html, &watch.polls);
        if !watch.account_events.shown.is_empty() {
            html.section("account", "Its account's key");
            events(html, view, None, &watch.account_events, briefs);
            html.end_section();
        }
        html.section("found", "What it found");
        let of_several = (!watch.conversations.shown.is_empty()).then_some(watch.name.as_str());
        events(html, view, of_several, &watch.events, briefs);
        html.end_section();
        html.section("queue", "What waits to be delivered");
        let columns = &["Event", "Notifier", "State", "Written"];
        html.table("The first in line first", columns, &watch.waiting.shown, "Nothing.", |row, one| {
            row.head(|html| super::brief(html, briefs, &one.event)).text(&one.notifier);
            row.cell(|html| state(html, one)).time(Some(one.created_at), view.status.taken);
        });
        rest(html, &watch.waiting);
        html.end_section();
    })
}

fn crumbs(html: &mut Html, watch: &WatchStory) {
    html.raw("<p class=\"crumbs\"><a href=\"/watches\">Watches</a> / ");
    match &watch.within {
        None => html.isolated(&watch.name),
        Some(id) => html.link("/watches/", &watch.name, &watch.name).raw(" / ").isolated(&id.to_string()),
    };
    html.raw("</p>\n");
}

/// A link to the timeline of one conversation of a watch, `ACCOUNT/OBJECT`.
pub(super) fn link(html: &mut Html, watch: &str, id: &str, words: &str) {
    html.raw("<a href=\"").address("/watches/", watch).address("?conversation=", id);
    html.raw("\">").isolated(words).raw("</a>");
}

/// Which conversation it is, whether somebody waits there, and when it was last read.
fn conversation(html: &mut Html, view: &View<'_>, watch: &WatchStory, id: &ConversationId) {
    let now = view.status.taken;
    let live = watch.live.as_ref();
    html.raw("<dl class=\"pairs\">\n<div><dt>Conversation</dt><dd>").isolated(&id.to_string());
    html.raw("</dd></div>\n<div><dt>Channel</dt><dd>");
    html.isolated(live.and_then(|live| live.channel.as_deref()).unwrap_or("not known"));
    html.raw("</dd></div>\n<div><dt>Last read</dt><dd>");
    match live.and_then(|live| live.last_success) {
        Some(at) => html.ago(at, now),
        None => html.raw("not since the daemon started"),
    };
    html.raw("</dd></div>\n<div><dt>Waits for an answer</dt><dd>");
    match live.map(|live| (live.waiting_since, live.acked)) {
        Some((Some(since), acked)) => {
            html.raw("for ").since(since, now).raw(if acked { ", acknowledged" } else { "" })
        }
        Some((None, _)) => html.raw("nobody"),
        None => html.raw("not known: it is not watched now"),
    };
    html.raw("</dd></div>\n</dl>\n<p>").link("/watches/", &watch.name, "All of its watch").raw("</p>\n");
}

/// The sentences that `commwatch why` begins with.
fn facts(html: &mut Html, view: &View<'_>, watch: &WatchStory) {
    html.raw("<ul class=\"facts\">\n");
    for line in story::watch_facts(watch, view.status.taken) {
        html.raw("<li>").isolated(&line).raw("</li>\n");
    }
    html.raw("</ul>\n");
}

fn waiting(html: &mut Html, view: &View<'_>, watch: &WatchStory, live: &Live) {
    if live.waiting_since.is_none() || live.acked {
        return;
    }
    let id = watch.within.as_ref().map(ToString::to_string);
    let of_watch = [("watch", watch.name.as_str())];
    let fields: Vec<_> = of_watch.into_iter().chain(id.as_deref().map(|id| ("conversation", id))).collect();
    let about = match &watch.within {
        Some(id) => format!("conversation {} of {}", id.object, live.title),
        None => live.title.clone(),
    };
    Change { action: "/ack", fields: &fields, words: "Acknowledge", about: &about }.show(html, view);
}

/// The way to a silence over what is shown here.
fn silence(html: &mut Html, view: &View<'_>, watch: &WatchStory) {
    if !view.may_change() || watch.live.is_none() {
        return;
    }
    html.raw("<a class=\"button\" href=\"/silences/new?");
    match &watch.within {
        Some(id) => html.address("of=conversation&amp;which=", &id.to_string()),
        None => html.address("of=watch&amp;which=", &watch.name),
    };
    html.raw("\">").raw(if watch.within.is_some() {
        "Silence this conversation…"
    } else {
        "Silence this watch…"
    });
    html.raw("</a>");
}

/// What was found for the watch, each with a timeline of its own.
fn conversations(html: &mut Html, view: &View<'_>, watch: &WatchStory) {
    if watch.conversations.shown.is_empty() {
        return;
    }
    let now = view.status.taken;
    html.section("conversations", "Its conversations");
    let columns = &["Conversation", "Channel", "State", "Last read", "Last message", "Waits"];
    html.table("Who waits longest first", columns, &watch.conversations.shown, "", |row, one| {
        row.head(|html| {
            let id = format!("{}/{}", one.account, one.object);
            link(html, &watch.name, &id, &one.object);
        });
        let tone = match one.state.as_str() {
            "fresh" => Tone::Good,
            "stale" | "unreachable" => Tone::Bad,
            _ => Tone::Doubtful,
        };
        row.text(&one.channel).state(&one.state, tone).time(one.last_success, now);
        row.time(one.last_message_at, now);
        row.cell(|html| waits(html, one.waiting_since, one.acked, now));
    });
    rest(html, &watch.conversations);
    html.end_section();
}

/// Whether somebody waits for an answer, and for how long.
pub(super) fn waits(html: &mut Html, since: Option<Timestamp>, acked: bool, now: Timestamp) {
    match since {
        None => {
            html.raw("<span class=\"soft\">no</span>");
        }
        Some(since) => {
            html.raw("<span class=\"state ").raw(if acked { "plain" } else { "doubtful" }).raw("\">");
            html.since(since, now).raw(if acked { ", acknowledged" } else { "" }).raw("</span>");
        }
    }
}

fn spans(html: &mut Html, view: &View<'_>, watch: &WatchStory, hours: u32) {
    html.raw("<nav aria-label=\"How far back\" class=\"spans\"><ul>\n");
    for (span, words) in SPANS {
        html.raw("<li><a href=\"").address("/watches/", &watch.name).raw("?hours=").show(span);
        if let Some(id) = &watch.within {
            html.address("&amp;conversation=", &id.to_string());
        }
        html.raw(if view.is_live() { "\"" } else { "&amp;live=off\"" });
        html.raw(if span == hours { " aria-current=\"true\">" } else { ">" }).raw(words).raw("</a></li>\n");
    }
    html.raw("</ul></nav>\n");
}

fn polls(html: &mut Html, polls: &Several<PollHour>) {
    html.section("polls", "Polls by hour");
    let most = polls.shown.iter().map(|hour| hour.polls).max().unwrap_or(0).max(1);
    let columns = &["Hour", "#Polls", "#With a change", "#Failed", "Last error"];
    html.table("The newest first", columns, &polls.shown, "None in this time.", |row, hour| {
        row.head(|html| {
            html.clock(hour.hour);
        });
        row.cell(|html| {
            html.bar(hour.polls as f64 / most as f64, Tone::Plain).raw("<span class=\"value\">");
            html.show(hour.polls).raw("</span>");
        });
        row.number(hour.changed);
        match hour.failed {
            0 => row.number(0),
            failed => row.cell(|html| {
                html.state(&failed.to_string(), Tone::Bad);
            }),
        };
        row.text(hour.last_error.as_deref().unwrap_or(""));
    });
    rest(html, polls);
    html.end_section();
}

/// Events as a line of time, newest first; with the conversation of each where they are of several of a watch.
fn events(
    html: &mut Html,
    view: &View<'_>,
    of_several: Option<&str>,
    events: &Several<EventStory>,
    briefs: &Briefs,
) {
    if events.shown.is_empty() {
        html.none("Nothing in this time.");
        return;
    }
    html.raw("<ol class=\"timeline\">\n");
    for event in &events.shown {
        html.raw("<li><p>").link("/events/", &event.id, &event.kind);
        if let Some(author) = event.author {
            html.raw(" <span class=\"soft\">by</span> ").text(story::author_word(author));
        }
        if let (Some(watch), Some(account), Some(object)) = (of_several, &event.account, &event.object) {
            html.raw(" <span class=\"soft\">in conversation</span> ");
            link(html, watch, &format!("{account}/{object}"), object);
        }
        html.raw(" <span class=\"soft\">found</span> ").ago(event.recorded_at, view.status.taken);
        html.raw(" <span class=\"soft\">").clock(event.recorded_at).raw("</span></p>");
        if let Some(change) = &event.change {
            let word =
                |side: &Option<String>| side.clone().unwrap_or_else(|| "nobody or not known".to_owned());
            html.raw("<p>").isolated(&word(&change.previous)).raw(" → ").isolated(&word(&change.current));
            html.raw("</p>");
        }
        if let Some(problem) = &event.problem {
            html.raw("<p class=\"error\">").isolated(&problem.why).raw("</p>");
        }
        text(html, briefs.get(&event.id).and_then(|brief| brief.text.as_deref()));
        html.raw("<p class=\"told\">");
        if event.is_told_to_nobody() {
            html.raw("<span class=\"soft\">Told to nobody: no route means it.</span>");
        }
        for delivery in &event.deliveries.shown {
            html.raw("<span class=\"one\">").text(&delivery.notifier).raw(" ");
            state(html, delivery);
            html.raw("</span> ");
        }
        html.raw("</p></li>\n");
    }
    html.raw("</ol>\n");
    rest(html, events);
}

/// A delivery's state, with why it is held where it is.
pub(super) fn state(html: &mut Html, delivery: &DeliveryStory) {
    html.state(&story::state(delivery), delivery_tone(&delivery.state));
}

/// What a list leaves out.
pub(super) fn rest<T>(html: &mut Html, several: &Several<T>) {
    if several.more > 0 {
        html.raw("<p class=\"hint\">and ");
        html.text(&many(several.more, "more that is not shown.", "more that are not shown.")).raw("</p>\n");
    }
}
