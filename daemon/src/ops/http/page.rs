//! The page: documents made on the server, which need no script. One file a page; [`shell`] is what all have around
//! them.
//!
//! Titles, names, texts and errors are not ours, so nothing gets onto a page but through [`Html`](html::Html), which
//! escapes all that is not written in these files.

mod bars;
mod config;
mod deliveries;
mod event;
mod html;
mod login;
mod new_silence;
mod notice;
mod notifiers;
mod overview;
mod shell;
mod silences;
mod timeline;
mod watches;

use std::fmt::Write as _;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

pub(super) use self::config::render as config;
pub(super) use self::deliveries::{
    Asked as DeliveriesWanted, Listed as DeliveriesListed, preview, render as deliveries,
};
pub(super) use self::event::render as event;
pub(super) use self::login::render as login;
pub(super) use self::new_silence::render as new_silence;
pub(super) use self::notice::render as notice;
pub(super) use self::notifiers::render as notifiers;
pub(super) use self::overview::{RECENT, render as overview};
pub(super) use self::silences::render as silences;
pub(super) use self::timeline::{SPANS, render as timeline};
pub(super) use self::watches::{Asked as WatchesWanted, render as watches};

use self::html::{Html, Tone};
use super::access::Rights;
use super::sessions::Said;
use super::{Briefs, Visit};
use crate::core::watch::Priority;
use crate::ops::status::{NotifierState, Status, WatchState};

/// What every page is made from.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    /// How it goes.
    pub(super) status: &'a Status,
    /// Who asks.
    pub(super) visit: &'a Visit,
    /// What came of the change that led here.
    pub(super) said: Option<&'a Said>,
}

impl View<'_> {
    /// Whether the page keeps itself up to date.
    fn is_live(&self) -> bool {
        !self.visit.pairs().any(|pair| pair == "live=off")
    }

    fn may_change(&self) -> bool {
        self.visit.rights.may_change()
    }
}

impl Visit {
    /// What the browser's line says, without what was said there.
    fn here(&self, without: &[&str]) -> String {
        let mut here = self.path.clone();
        let pairs = self.pairs().filter(|pair| without.iter().all(|name| !pair.starts_with(name)));
        for (n, pair) in pairs.enumerate() {
            let _ = write!(here, "{}{pair}", if n == 0 { '?' } else { '&' });
        }
        here
    }

    fn pairs(&self) -> impl Iterator<Item = &str> {
        self.query.split('&').filter(|pair| !pair.is_empty())
    }

    /// Where a form is to lead back to.
    fn back(&self) -> String {
        self.here(&["said="])
    }

    /// The same, as a value in a query.
    pub(super) fn escaped_here(&self) -> String {
        utf8_percent_encode(&self.back(), NON_ALPHANUMERIC).to_string()
    }

    /// The same page with updates paused, or no longer.
    fn toggled(&self) -> String {
        let is_live = !self.pairs().any(|pair| pair == "live=off");
        let here = self.here(&["said=", "live="]);
        match (is_live, here.contains('?')) {
            (true, true) => here + "&live=off",
            (true, false) => here + "?live=off",
            (false, _) => here,
        }
    }
}

/// A button that changes something. Nothing for whoever may not.
struct Change<'a> {
    /// Where it is sent.
    action: &'static str,
    fields: &'a [(&'static str, &'a str)],
    /// On the button.
    words: &'static str,
    /// What it is about, for whoever cannot see where the button stands.
    about: &'a str,
}

impl Change<'_> {
    fn show(&self, html: &mut Html, view: &View<'_>) {
        if !view.may_change() {
            return;
        }
        html.raw("<form method=\"post\" action=\"").raw(self.action).raw("\">");
        hidden(html, "back", &view.visit.back());
        for (name, value) in self.fields {
            hidden(html, name, value);
        }
        html.raw("<button>").raw(self.words);
        html.raw("<span class=\"unseen\"> ").text(self.about).raw("</span></button></form>");
    }
}

fn hidden(html: &mut Html, name: &'static str, value: &str) {
    html.raw("<input type=\"hidden\" name=\"").raw(name).raw("\" value=\"").text(value).raw("\">");
}

/// Why there are no buttons, where there are none.
fn why_no_buttons(html: &mut Html, view: &View<'_>, what: &'static str) {
    match view.visit.rights {
        Rights::Session(_) | Rights::Bearer => {}
        Rights::LogIn => {
            html.raw("<p class=\"hint\"><a href=\"/login?back=").show(view.visit.escaped_here());
            html.raw("\">Log in</a> to ").raw(what).raw(".</p>\n");
        }
        Rights::Read => {
            html.raw("<p class=\"hint\">This page is read-only, since the configuration has no <code>[http] token</code>: set one to ");
            html.raw(what).raw(" here, or use the command line.</p>\n");
        }
    }
}

fn watch_tone(state: WatchState) -> Tone {
    match state {
        WatchState::Fresh => Tone::Good,
        WatchState::WaitingForFirstPoll | WatchState::Failing => Tone::Doubtful,
        WatchState::Stale | WatchState::Unreachable => Tone::Bad,
    }
}

fn notifier_tone(state: NotifierState) -> Tone {
    match state {
        NotifierState::Running => Tone::Good,
        NotifierState::Starting | NotifierState::Restarting => Tone::Doubtful,
        NotifierState::Failed | NotifierState::Broken => Tone::Bad,
    }
}

/// Of a delivery's state.
fn delivery_tone(state: &str) -> Tone {
    match state {
        "delivered" => Tone::Good,
        "dead" => Tone::Bad,
        "pending" | "queued" => Tone::Doubtful,
        _ => Tone::Plain,
    }
}

/// Of an attempt.
fn outcome_tone(outcome: &str) -> Tone {
    match outcome {
        "delivered" => Tone::Good,
        "retry" | "unknown" => Tone::Doubtful,
        _ => Tone::Bad,
    }
}

/// A small mark beside a VIP's name; nothing beside another's.
fn vip(html: &mut Html, priority: Option<Priority>) {
    if priority == Some(Priority::Vip) {
        html.raw(" <span class=\"tag\">VIP</span>");
    }
}

/// What an event is, its text beside it where that may be shown.
fn brief(html: &mut Html, briefs: &Briefs, event: &str) {
    let Some(brief) = briefs.get(event) else {
        html.link("/events/", event, event);
        return;
    };
    html.link("/events/", event, &brief.kind);
    if let Some(watch) = &brief.watch {
        html.raw(" <span class=\"soft\">in</span> ").link("/watches/", watch, watch);
    }
    text(html, brief.text.as_deref());
}

/// A message's own text, where there is one to show.
fn text(html: &mut Html, text: Option<&str>) {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return };
    html.raw("<blockquote dir=\"auto\">").text(&clipped(text)).raw("</blockquote>");
}

/// So many characters of a message stand on a page; a longer one ends with an ellipsis.
const TEXT_CHARS_MAX: usize = 600;

fn clipped(text: &str) -> String {
    match text.char_indices().nth(TEXT_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} B"),
        10_000..10_000_000 => format!("{} kB", bytes / 1_000),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}

#[cfg(test)]
mod tests;
