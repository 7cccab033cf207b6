//! One event: how it was found, what each route said, and every attempt of every delivery.

use super::html::Html;
use super::timeline::{link, rest, state};
use super::{Change, View, outcome_tone, shell, text, vip, why_no_buttons};
use crate::core::story::{DeliveryStory, EventStory};
use crate::ops::http::Briefs;
use crate::ops::story;

/// The page.
pub(crate) fn render(view: &View<'_>, event: &EventStory, briefs: &Briefs) -> String {
    shell::page(view, &event.kind, |html| {
        html.raw("<p class=\"crumbs\"><a href=\"/deliveries\">Deliveries</a>");
        if let Some(watch) = &event.watch {
            html.raw(" / ").link("/watches/", watch, watch);
            if let (Some(account), Some(object)) = (&event.account, &event.object) {
                html.raw(" / ");
                link(html, watch, &format!("{account}/{object}"), &format!("conversation {object}"));
            }
        }
        html.raw("</p>\n<h1>").text(&event.kind);
        vip(html, event.priority);
        html.raw("</h1>\n<p><code>")
            .text(&event.id)
            .raw("</code></p>\n<div class=\"sheet\">\n<ul class=\"facts\">\n");
        for line in story::event_facts(event, view.status.taken) {
            html.raw("<li>").isolated(&line).raw("</li>\n");
        }
        html.raw("</ul>\n");
        text(html, briefs.get(&event.id).and_then(|brief| brief.text.as_deref()));
        html.raw("</div>\n");
        routes(html, event);
        html.section("deliveries", "What became of it");
        if event.is_told_to_nobody() {
            html.none("No alert was sent: no route told anybody.");
        }
        for delivery in &event.deliveries.shown {
            self::delivery(html, view, delivery);
        }
        rest(html, &event.deliveries);
        for name in event.without_delivery() {
            html.raw("<p class=\"hint\">").text(name);
            html.raw(": its delivery is no longer kept.</p>\n");
        }
        let is_final = |one: &DeliveryStory| !one.is_open();
        if event.deliveries.shown.iter().any(is_final) {
            why_no_buttons(html, view, "send it again");
        }
        html.end_section();
    })
}

fn routes(html: &mut Html, event: &EventStory) {
    html.section("routes", "What the routes said when it was found");
    let none = "Nothing is kept: there was no route, or a version found it that did not keep this.";
    html.table("Each route", &["Route", "Tells", "Why not"], &event.routing, none, |row, said| {
        row.head(|html| {
            html.isolated(&said.route);
        });
        row.text(&said.told.join(", ")).text(said.no.as_deref().unwrap_or(""));
    });
    html.end_section();
}

fn delivery(html: &mut Html, view: &View<'_>, delivery: &DeliveryStory) {
    html.raw("<article class=\"card\">\n<h3>").text(&delivery.notifier).raw(" ");
    state(html, delivery);
    html.raw("</h3>\n<ul class=\"facts\">\n");
    for line in story::delivery_facts(delivery, view.status.taken) {
        html.raw("<li>").isolated(&line).raw("</li>\n");
    }
    html.raw("</ul>\n");
    let columns = &["Attempt", "Began", "#Took", "Outcome", "Answer"];
    html.table(
        "Its attempts, oldest first",
        columns,
        &delivery.attempts.shown,
        "No attempt so far.",
        |row, one| {
            row.head(|html| {
                html.show(one.number);
            });
            row.time(Some(one.started_at), view.status.taken).number(format_args!("{} ms", one.took_ms));
            row.state(&one.outcome, outcome_tone(&one.outcome)).text(&one.detail);
        },
    );
    rest(html, &delivery.attempts);
    if !delivery.is_open() {
        replay(html, view, delivery);
    }
    html.raw("</article>\n");
}

/// The button that sends a delivery again.
pub(super) fn replay(html: &mut Html, view: &View<'_>, delivery: &DeliveryStory) {
    Change {
        action: "/replay",
        fields: &[("event", &delivery.event), ("notifier", &delivery.notifier)],
        words: "Send again",
        about: &format!("to {}: {}", delivery.notifier, delivery.event),
    }
    .show(html, view);
}
