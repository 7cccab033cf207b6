//! What every page has around it: the way to the others, what came of the last change, the end of the page.

use super::html::Html;
use super::{View, size};
use crate::ops::http::access::Rights;
use crate::ops::status::Age;

/// Where one can go, with the words for it.
const PLACES: [(&str, &str); 6] = [
    ("/", "Overview"),
    ("/watches", "Watches"),
    ("/deliveries", "Deliveries"),
    ("/silences", "Silences"),
    ("/notifiers", "Notifiers"),
    ("/config", "Configuration"),
];

/// Without scripts the page loads itself again.
const REFRESH: &str = "<noscript><meta http-equiv=\"refresh\" content=\"10\"></noscript>\n";

/// A page whose heading and content `fill` writes.
pub(super) fn page(view: &View<'_>, title: &str, fill: impl FnOnce(&mut Html)) -> String {
    document(view, title, if view.is_live() { Updates::Live } else { Updates::Paused }, fill)
}

/// The same for a page on which something is written: it stays as it is.
pub(super) fn still(view: &View<'_>, title: &str, fill: impl FnOnce(&mut Html)) -> String {
    document(view, title, Updates::None, fill)
}

/// Whether a page keeps itself up to date.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Updates {
    Live,
    /// By whoever reads it.
    Paused,
    None,
}

fn document(view: &View<'_>, title: &str, updates: Updates, fill: impl FnOnce(&mut Html)) -> String {
    let mut html = Html::default();
    head(&mut html, title, updates == Updates::Live);
    html.raw("<body>\n<a class=\"skip\" href=\"#main\">Skip to the content</a>\n<header class=\"top\">\n");
    html.raw("<p class=\"brand\"><a href=\"/\">commwatch</a></p>\n");
    nav(&mut html, view);
    session(&mut html, view);
    html.raw("</header>\n");
    said(&mut html, view);
    html.raw("<main id=\"main\" tabindex=\"-1\" data-seen=\"").show(format_args!("{:x}", view.status.mark()));
    html.raw("\">\n");
    fill(&mut html);
    html.raw("</main>\n");
    footer(&mut html, view, updates);
    html.raw("</body>\n</html>\n");
    html.done()
}

/// A page for whoever may not see the others: nothing of what we know is on it.
pub(super) fn bare(title: &str, fill: impl FnOnce(&mut Html)) -> String {
    let mut html = Html::default();
    head(&mut html, title, false);
    html.raw("<body class=\"bare\">\n<header class=\"top\"><p class=\"brand\">commwatch</p></header>\n<main id=\"main\">\n");
    fill(&mut html);
    html.raw("</main>\n</body>\n</html>\n");
    html.done()
}

fn head(html: &mut Html, title: &str, is_live: bool) {
    html.raw("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    html.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    html.raw("<meta name=\"color-scheme\" content=\"light dark\">\n");
    html.raw("<title>").text(title).raw(" - commwatch</title>\n");
    html.raw("<link rel=\"icon\" href=\"/icon.svg\" type=\"image/svg+xml\">\n");
    html.raw("<link rel=\"stylesheet\" href=\"/style.css\">\n");
    if is_live {
        html.raw(REFRESH).raw("<script src=\"/live.js\" defer></script>\n");
    }
    html.raw("</head>\n");
}

fn nav(html: &mut Html, view: &View<'_>) {
    let dead: u64 = view.status.notifiers.iter().map(|notifier| notifier.dead).sum();
    html.raw("<nav aria-label=\"Pages\"><ul>\n");
    for (path, words) in PLACES {
        let path_now = view.visit.path.as_str();
        let is_below = path != "/" && path_now.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
        html.raw("<li><a href=\"").raw(path).raw("\"");
        if path == path_now {
            html.raw(" aria-current=\"page\"");
        } else if is_below || (path == "/deliveries" && path_now.starts_with("/events/")) {
            html.raw(" aria-current=\"true\"");
        }
        html.raw(">").raw(words).raw("</a>");
        if path == "/deliveries" && dead > 0 {
            html.raw(" <a class=\"count bad\" href=\"/deliveries?dead=on\">").show(dead).raw(" dead</a>");
        }
        html.raw("</li>\n");
    }
    html.raw("</ul></nav>\n");
}

fn session(html: &mut Html, view: &View<'_>) {
    html.raw("<div class=\"session\"><span id=\"live\" role=\"status\"></span>");
    match view.visit.rights {
        Rights::Session(_) => {
            html.raw("<form method=\"post\" action=\"/logout\"><button>Log out</button></form>");
        }
        Rights::LogIn => {
            html.raw("<a class=\"button\" href=\"/login?back=").show(view.visit.escaped_here());
            html.raw("\">Log in</a>");
        }
        Rights::Read => {
            html.raw("<span class=\"soft\">read-only</span>");
        }
        Rights::Bearer => {}
    }
    html.raw("</div>\n");
}

fn said(html: &mut Html, view: &View<'_>) {
    let Some(said) = &view.said else { return };
    let (class, word) = if said.done { ("good", "Done") } else { ("bad", "Not done") };
    html.raw("<div class=\"said ")
        .raw(class)
        .raw("\" role=\"status\"><p><strong>")
        .raw(word)
        .raw(":</strong> ");
    html.isolated(&said.text).raw("</p></div>\n");
}

fn footer(html: &mut Html, view: &View<'_>, updates: Updates) {
    let status = view.status;
    html.raw("<footer>\n<p>");
    let said = match updates {
        Updates::Live => Some(("This page keeps itself up to date.", "Pause updates")),
        Updates::Paused => Some(("Updates are paused.", "Update again")),
        Updates::None => None,
    };
    if let Some((now, otherwise)) = said {
        html.raw("<span class=\"updates\">").raw(now).raw("</span> <a href=\"").text(&view.visit.toggled());
        html.raw("\">").raw(otherwise).raw("</a> ");
    }
    html.raw("<span class=\"soft\">as of ").clock(status.taken).raw("</span></p>\n<p class=\"soft\">");
    html.raw("commwatch ").text(&status.version).raw(" (revision ");
    html.text(option_env!("COMMWATCH_REVISION").unwrap_or("unknown")).raw("), up ");
    html.text(&Age::of(status.started, status.taken).span()).raw(". Store <code>").text(&status.store.path);
    html.raw("</code>, ").text(&size(status.store.size_bytes));
    html.raw(". <a href=\"/api/status\">JSON</a> <a href=\"/metrics\">Metrics</a></p>\n</footer>\n");
}
