//! What is watched: VIPs first, with a search.

use serde::Deserialize;

use super::html::{Html, Tone};
use super::{View, shell, watch_tone};
use crate::core::plural::many;
use crate::core::watch::Priority;
use crate::ops::status::WatchStatus;

/// So many watches are on the page; a search finds the others.
const SHOWN_MAX: usize = 250;

/// What is looked for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    /// A part of the name, the title, the account or the object.
    q: String,
    /// `vip`, `waits` or `unwell`; anything else is all.
    only: String,
}

impl Asked {
    fn means(&self, watch: &WatchStatus) -> bool {
        let wanted = self.q.trim().to_lowercase();
        let is_in = |text: &str| text.to_lowercase().contains(&wanted);
        let named =
            [&watch.name, &watch.title, &watch.account, &watch.object].into_iter().any(|text| is_in(text));
        named
            && match self.only.as_str() {
                "vip" => watch.priority == Priority::Vip,
                "waits" => watch.waiting_since.is_some(),
                "unwell" => !watch.fresh,
                _ => true,
            }
    }
}

/// The page.
pub(crate) fn render(view: &View<'_>, asked: &Asked) -> String {
    let status = view.status;
    let mut watches: Vec<&WatchStatus> = status.watches.iter().filter(|watch| asked.means(watch)).collect();
    watches.sort_by_key(|watch| (watch.priority, watch.fresh));
    shell::page(view, "Watches", |html| {
        html.raw("<h1>Watches</h1>\n");
        search(html, view, asked);
        let found = watches.len();
        html.raw("<p class=\"soft\">").text(&many(found, "watch", "watches"));
        html.raw(if status.watches.len() == found { "" } else { " found" }).raw(", VIPs first.</p>\n");
        let most = watches.iter().map(|watch| watch.events_total).max().unwrap_or(0).max(1);
        let columns =
            &["Watch", "State", "Last read", "Next poll", "Last message", "Waits", "#Events since the start"];
        let none = if status.watches.is_empty() { "Nothing is watched." } else { "No watch is like that." };
        html.raw("<div class=\"sheet\">\n");
        html.table("Watches", columns, watches.into_iter().take(SHOWN_MAX), none, |row, watch| {
            row.head(|html| {
                super::overview::title(html, watch);
                if let Some(found) = watch.found() {
                    html.raw("<br><span class=\"soft\">").text(&found).raw("</span>");
                }
                if let Some(error) = &watch.last_error {
                    html.raw("<br><span class=\"error\">").isolated(error).raw("</span>");
                }
            });
            row.state(watch.state.as_str(), watch_tone(watch.state));
            row.time(watch.last_success, status.taken).time(watch.next_poll, status.taken);
            row.time(watch.last_message_at, status.taken);
            row.cell(|html| waits(html, view, watch));
            row.cell(|html| {
                html.bar(watch.events_total as f64 / most as f64, Tone::Plain).raw("<span class=\"value\">");
                html.show(watch.events_total).raw("</span>");
            });
        });
        html.raw("</div>\n");
        if found > SHOWN_MAX {
            html.raw("<p class=\"hint\">")
                .text(&many(found - SHOWN_MAX, "more: search to see it.", "more: search to see them."))
                .raw("</p>\n");
        }
        if status.watches_omitted > 0 {
            html.raw("<p class=\"hint\">")
                .text(&many(status.watches_omitted, "more watch is well.", "more watches are well."))
                .raw("</p>\n");
        }
    })
}

fn search(html: &mut Html, view: &View<'_>, asked: &Asked) {
    html.raw("<form method=\"get\" action=\"/watches\" role=\"search\" class=\"filter\">\n");
    html.raw("<div class=\"field\"><label for=\"q\">Search</label><input id=\"q\" name=\"q\" type=\"search\" autocomplete=\"off\" value=\"");
    html.text(&asked.q).raw(
        "\"></div>\n<div class=\"field\"><label for=\"only\">Only</label><select id=\"only\" name=\"only\">",
    );
    for (value, words) in [("", "all"), ("vip", "VIPs"), ("waits", "who waits"), ("unwell", "not fresh")] {
        html.raw("<option value=\"").raw(value).raw("\"");
        html.raw(if value == asked.only { " selected>" } else { ">" }).raw(words).raw("</option>");
    }
    html.raw("</select></div>\n");
    if !view.is_live() {
        html.raw("<input type=\"hidden\" name=\"live\" value=\"off\">");
    }
    html.raw("<button>Show</button>\n</form>\n");
}

fn waits(html: &mut Html, view: &View<'_>, watch: &WatchStatus) {
    super::timeline::waits(html, watch.waiting_since, watch.acked, view.status.taken);
    if let Some(until) = watch.silenced_until {
        html.raw("<br><span class=\"soft\">silence over ").ago(until, view.status.taken).raw("</span>");
    }
}
