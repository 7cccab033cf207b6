//! One watch: whether it is polled, what it found, who was told of that.

use super::html::{Html, Tone};
use super::{Change, View, delivery_tone, shell, text, vip, why_no_buttons};
use crate::core::plural::many;
use crate::core::story::{DeliveryStory, EventStory, Live, PollHour, Several, WatchStory};
use crate::ops::http::Briefs;
use crate::ops::story;

/// How far back one may look, hours, with the words for it.
pub(crate) const SPANS: [(u32, &str); 3] = [(2, "2 hours"), (24, "a day"), (168, "a week")];

/// The page. `hours` is one of [`SPANS`].
pub(crate) fn render(view: &View<'_>, watch: &WatchStory, hours: u32, briefs: &Briefs) -> String {
    let title = watch.live.as_ref().map_or(watch.name.as_str(), |live| live.title.as_str());
    shell::page(view, title, |html| {
        html.raw("<p class=\"crumbs\"><a href=\"/watches\">Watches</a> / ").text(&watch.name).raw("</p>\n");
        html.raw("<h1>").isolated(title);
        vip(html, watch.live.as_ref().map(|live| live.priority));
        html.raw("</h1>\n");
        html.raw("<div class=\"sheet\">\n");
        facts(html, view, watch);
        if let Some(live) = &watch.live {
            waiting(html, view, &watch.name, live);
        }
        html.raw("</div>\n");
        spans(html, view, watch, hours);
        polls(html, &watch.polls);
        if !watch.account_events.shown.is_empty() {
            html.section("account", "Its account's key");
            events(html, view, &watch.account_events, briefs);
            html.end_section();
        }
        html.section("found", "What it found");
        events(html, view, &watch.events, briefs);
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

/// The sentences that `commwatch why` begins with.
fn facts(html: &mut Html, view: &View<'_>, watch: &WatchStory) {
    html.raw("<ul class=\"facts\">\n");
    for line in story::watch_facts(watch, view.status.taken) {
        html.raw("<li>").isolated(&line).raw("</li>\n");
    }
    html.raw("</ul>\n");
}

fn waiting(html: &mut Html, view: &View<'_>, name: &str, live: &Live) {
    if live.waiting_since.is_none() || live.acked {
        return;
    }
    let change =
        Change { action: "/ack", fields: &[("watch", name)], words: "Acknowledge", about: &live.title };
    change.show(html, view);
    why_no_buttons(html, view, "acknowledge that somebody knows of it");
}

fn spans(html: &mut Html, view: &View<'_>, watch: &WatchStory, hours: u32) {
    html.raw("<nav aria-label=\"How far back\" class=\"spans\"><ul>\n");
    for (span, words) in SPANS {
        html.raw("<li><a href=\"").address("/watches/", &watch.name).raw("?hours=").show(span);
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

/// Events as a line of time, newest first.
fn events(html: &mut Html, view: &View<'_>, events: &Several<EventStory>, briefs: &Briefs) {
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
