//! Who delivers, how that goes, and what waits for whom.

use super::html::Html;
use super::{Change, View, notifier_tone, shell, why_no_buttons};
use crate::ops::status::{NotifierState, NotifierStatus};

/// The page.
pub(crate) fn render(view: &View<'_>) -> String {
    let status = view.status;
    shell::page(view, "Notifiers", |html| {
        html.raw("<h1>Notifiers</h1>\n");
        if status.notifiers.is_empty() {
            html.none("Nobody is told of anything.");
        }
        if status.notifiers.iter().any(is_held) {
            why_no_buttons(html, view, "try a notifier now");
        }
        for one in &status.notifiers {
            card(html, view, one);
        }
    })
}

/// Whether it might be tried now.
fn is_held(one: &NotifierStatus) -> bool {
    one.state == NotifierState::Broken || one.held_reason.is_some()
}

fn card(html: &mut Html, view: &View<'_>, one: &NotifierStatus) {
    let now = view.status.taken;
    html.raw("<article class=\"card\">\n<h2>")
        .text(&one.name)
        .raw(" ")
        .state(one.state.as_str(), notifier_tone(one.state));
    html.raw("</h2>\n<dl class=\"pairs\">\n");
    pair(html, "Plugin", |html| {
        html.text(&one.plugin).raw(" ").text(one.version.as_deref().unwrap_or("(version not known yet)"));
    });
    pair(html, "Since", |html| {
        html.ago(one.since, now);
    });
    pair(html, "Pending", |html| {
        html.show(one.pending);
        if one.held > 0 {
            html.raw(", ").show(one.held).raw(" of them held");
            if let Some(reason) = &one.held_reason {
                html.raw(" (").text(&reason.replace('_', " ")).raw(")");
            }
        }
    });
    if let Some(oldest) = one.oldest_pending {
        pair(html, "Oldest pending", |html| {
            html.ago(oldest, now);
        });
    }
    pair(html, "Dead letters", |html| match one.dead {
        0 => {
            html.raw("none");
        }
        dead => {
            html.raw("<a href=\"/deliveries?dead=on&amp;notifier=").address("", &one.name).raw("\">");
            html.show(dead).raw("</a>");
        }
    });
    pair(html, "Last delivered", |html| match one.last_delivered {
        Some(at) => {
            html.ago(at, now);
        }
        None => {
            html.raw("not since the start");
        }
    });
    if let Some(why) = &one.why {
        pair(html, "Why", |html| {
            html.raw("<span class=\"error\">").isolated(why).raw("</span>");
        });
    }
    if let Some(error) = one.last_error.as_ref().filter(|error| Some(*error) != one.why.as_ref()) {
        pair(html, "Last error", |html| {
            html.raw("<span class=\"error\">").isolated(error).raw("</span>");
        });
    }
    html.raw("</dl>\n<p class=\"do\">");
    html.raw("<a href=\"/deliveries?notifier=").address("", &one.name).raw("\">Its deliveries</a></p>\n");
    if is_held(one) {
        let fields = &[("notifier", one.name.as_str())];
        Change { action: "/notifiers/resume", fields, words: "Try it now", about: &one.name }
            .show(html, view);
    }
    html.raw("</article>\n");
}

fn pair(html: &mut Html, name: &'static str, fill: impl FnOnce(&mut Html)) {
    html.raw("<div><dt>").raw(name).raw("</dt><dd>");
    fill(html);
    html.raw("</dd></div>\n");
}
