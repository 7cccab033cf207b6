//! What was told to whom, and what became of it; dead letters alone, if they are asked for.

use serde::Deserialize;

use super::event::replay;
use super::html::Html;
use super::timeline::{rest, state};
use super::{Change, View, brief, outcome_tone, shell, why_no_buttons};
use crate::core::plural::{form, many};
use crate::core::replay::ReplayReport;
use crate::core::story::{DeliveryStory, Several};
use crate::ops::admin::DeliveriesAsked;
use crate::ops::http::Briefs;
use crate::ops::status::Status;

/// So many are on the page.
const SHOWN: usize = 100;
/// So many of those that would be sent again are named.
const NAMED: usize = 20;

/// What is looked for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    /// Anything but nothing: dead letters alone.
    dead: String,
    /// Of this notifier; empty = all.
    pub(crate) notifier: String,
}

impl Asked {
    /// As the daemon is asked.
    pub(crate) fn request(&self) -> DeliveriesAsked {
        let notifier = Some(self.notifier.clone()).filter(|name| !name.is_empty());
        DeliveriesAsked { dead: !self.dead.is_empty(), notifier, limit: SHOWN }
    }
}

/// What was found.
pub(crate) struct Listed {
    /// The deliveries.
    pub(crate) deliveries: Several<DeliveryStory>,
    /// What they are about.
    pub(crate) briefs: Briefs,
}

/// The page.
pub(crate) fn render(view: &View<'_>, asked: &Asked, listed: &Listed) -> String {
    let is_dead = !asked.dead.is_empty();
    let title = if is_dead { "Dead letters" } else { "Deliveries" };
    shell::page(view, title, |html| {
        html.raw("<h1>").raw(title).raw("</h1>\n");
        filter(html, view, asked);
        if is_dead {
            html.raw("<p>Alerts that nobody got: refused as such, or given up.</p>\n");
        }
        why_no_buttons(html, view, "send alerts again");
        if is_dead && !listed.deliveries.shown.is_empty() && view.may_change() {
            html.raw("<p><a class=\"button\" href=\"/replay?notifier=").address("", &asked.notifier);
            html.raw("\">Send all of them again…</a></p>\n");
        }
        html.raw("<div class=\"sheet\">\n");
        table(html, view, listed, if is_dead { "There is no dead letter." } else { "Nothing yet." });
        rest(html, &listed.deliveries);
        html.raw("</div>\n");
    })
}

fn table(html: &mut Html, view: &View<'_>, listed: &Listed, none: &str) {
    let columns = &["Event", "Notifier", "State", "Written", "#Attempts", "Last answer", "Action"];
    html.table("Newest first", columns, &listed.deliveries.shown, none, |row, one| {
        row.head(|html| brief(html, &listed.briefs, &one.event)).text(&one.notifier);
        row.cell(|html| state(html, one)).time(Some(one.created_at), view.status.taken).number(one.counted);
        row.cell(|html| match one.attempts.shown.last() {
            None => {
                html.raw("<span class=\"nothing\">-</span>");
            }
            Some(last) => {
                html.state(&last.outcome, outcome_tone(&last.outcome)).raw(" ").isolated(&last.detail);
            }
        });
        row.cell(|html| match one.is_open() {
            true => {}
            false => replay(html, view, one),
        });
    });
}

fn filter(html: &mut Html, view: &View<'_>, asked: &Asked) {
    html.raw("<form method=\"get\" action=\"/deliveries\" class=\"filter\">\n");
    html.raw("<div class=\"field\"><label for=\"notifier\">Notifier</label><select id=\"notifier\" name=\"notifier\">");
    html.raw("<option value=\"\">all</option>");
    for name in names(view.status, &asked.notifier) {
        html.raw("<option value=\"").text(name);
        html.raw(if name == asked.notifier { "\" selected>" } else { "\">" }).text(name).raw("</option>");
    }
    html.raw("</select></div>\n<label class=\"check\"><input type=\"checkbox\" name=\"dead\" value=\"on\"");
    html.raw(if asked.dead.is_empty() { ">" } else { " checked>" }).raw(" dead letters alone</label>\n");
    if !view.is_live() {
        html.raw("<input type=\"hidden\" name=\"live\" value=\"off\">");
    }
    html.raw("<button>Show</button>\n</form>\n");
}

/// Those that are configured, and the one that is asked for, which may be no longer.
fn names<'a>(status: &'a Status, asked: &'a str) -> Vec<&'a str> {
    let mut names: Vec<&str> = status.notifiers.iter().map(|one| one.name.as_str()).collect();
    if !asked.is_empty() && !names.contains(&asked) {
        names.push(asked);
    }
    names
}

/// What would be sent again, before it is.
pub(crate) fn preview(view: &View<'_>, notifier: &str, report: &ReplayReport) -> String {
    let count = report.deliveries.len() as u64 + report.omitted;
    let letters = many(count, "dead letter", "dead letters");
    shell::page(view, "Send dead letters again", |html| {
        html.raw("<p class=\"crumbs\"><a href=\"/deliveries?dead=on\">Dead letters</a></p>\n");
        html.raw("<h1>Send dead letters again</h1>\n<p>");
        match count {
            0 => html.raw("There is nothing to send again."),
            _ => html.text(&letters).raw(form(
                count,
                " would be sent again, under the same id.",
                " would be sent again, under the same ids.",
            )),
        };
        html.raw("</p>\n");
        let rows = report.deliveries.iter().take(NAMED);
        html.table("The oldest first", &["Event", "Notifier", "Written"], rows, "", |row, one| {
            row.head(|html| {
                html.link("/events/", &one.event, &one.event);
            })
            .text(&one.notifier);
            row.time(Some(one.created_at), view.status.taken);
        });
        if report.without_text > 0 {
            html.raw("<p class=\"hint\">").text(&many(
                report.without_text,
                "more has nothing left to send: its text is gone.",
                "more have nothing left to send: their text is gone.",
            ));
            html.raw("</p>\n");
        }
        for line in &report.left_out {
            html.raw("<p class=\"hint\">Left out: ").isolated(line).raw("</p>\n");
        }
        if report.more {
            html.raw("<p class=\"hint\">There are more, which the same button takes next.</p>\n");
        }
        if count > 0 {
            let fields = &[("dead", "on"), ("notifier", notifier)];
            Change {
                action: "/replay",
                fields,
                words: form(count, "Send it again", "Send them again"),
                about: &letters,
            }
            .show(html, view);
            why_no_buttons(html, view, form(count, "send it again", "send them again"));
        }
    })
}
