//! The status page: one document without scripts, made on the server. First the answer to the first question,
//! then what is wrong, what was found, what was delivered, and who delivers.
//!
//! Titles and error texts are not ours, so nothing gets onto the page but through [`Html`], which escapes all
//! that is not written in this file.

use jiff::Timestamp;

use crate::core::watch::Priority;
use crate::ops::status::{Age, NotifierState, Status, WatchState};

/// How often the page loads itself again.
const REFRESH: &str = "<meta http-equiv=\"refresh\" content=\"10\">\n";

/// The page.
pub(super) fn render(status: &Status, refresh: bool) -> String {
    let mut page = Html::default();
    let (verdict, tone) = verdict(status);
    page.raw("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    page.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    page.raw(if refresh { REFRESH } else { "" });
    page.raw("<title>").text(&verdict).raw(" commwatch</title>\n");
    page.raw("<link rel=\"stylesheet\" href=\"/style.css\">\n</head>\n<body>\n<header>\n");
    page.raw("<h1 class=\"").raw(tone).raw("\">").text(&verdict).raw("</h1>\n");
    summary(&mut page, status);
    page.raw("</header>\n<main>\n");
    trouble(&mut page, status);
    silences(&mut page, status);
    watches(&mut page, status);
    found(&mut page, status);
    delivered(&mut page, status);
    notifiers(&mut page, status);
    accounts(&mut page, status);
    page.raw("</main>\n<footer class=\"soft\">\n<p>");
    page.raw(match refresh {
        true => "Loads again every 10 seconds. <a href=\"/?refresh=off\">Stop that</a>.",
        false => "<a href=\"/\">Load again every 10 seconds</a>.",
    });
    page.raw(" <a href=\"/api/status\">JSON</a> <a href=\"/metrics\">Metrics</a></p>\n<p>Store: <code>");
    page.text(&status.store.path).raw("</code>, ").text(&size(status.store.size_bytes));
    page.raw("</p>\n</footer>\n</body>\n</html>\n");
    page.0
}

/// Text that is safe to be a document.
#[derive(Default)]
struct Html(String);

impl Html {
    /// Markup, which only this file's own literals are.
    fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Anything else.
    fn text(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                c if c.is_control() => self.0.push('\u{fffd}'),
                c => self.0.push(c),
            }
        }
        self
    }

    /// A title in whatever direction it is written, without turning what stands around it.
    fn isolated(&mut self, text: &str) -> &mut Self {
        self.raw("<bdi>").text(text).raw("</bdi>")
    }

    fn cell(&mut self, text: &str) -> &mut Self {
        self.raw("<td>").isolated(text).raw("</td>")
    }

    fn number(&mut self, number: impl ToString) -> &mut Self {
        self.raw("<td class=\"number\">").text(&number.to_string()).raw("</td>")
    }

    fn toned(&mut self, word: &str, tone: &'static str) -> &mut Self {
        self.raw("<td class=\"nowrap ").raw(tone).raw("\">").text(word).raw("</td>")
    }

    fn time(&mut self, at: Option<Timestamp>, now: Timestamp) -> &mut Self {
        let Some(at) = at else { return self.raw("<td class=\"soft\">never</td>") };
        self.raw("<td>").ago(at, now).raw("</td>")
    }

    fn ago(&mut self, at: Timestamp, now: Timestamp) -> &mut Self {
        let exact = at.to_string();
        self.raw("<time datetime=\"").text(&exact).raw("\" title=\"").text(&exact).raw("\">");
        self.text(&Age::of(at, now).to_string()).raw("</time>")
    }

    /// The rows between head and end of a table; `none` instead of a table without rows.
    fn table<T>(
        &mut self,
        caption: &'static str,
        columns: &[&'static str],
        rows: &[T],
        none: &'static str,
        row: impl Fn(&mut Self, &T),
    ) {
        if rows.is_empty() {
            self.raw("<p class=\"soft\">").raw(none).raw("</p>\n");
            return;
        }
        self.raw("<div class=\"wide\"><table>\n<caption>").raw(caption).raw("</caption>\n<thead><tr>");
        for column in columns {
            self.raw("<th scope=\"col\">").raw(column).raw("</th>");
        }
        self.raw("</tr></thead>\n<tbody>\n");
        for item in rows {
            self.raw("<tr>");
            row(self, item);
            self.raw("</tr>\n");
        }
        self.raw("</tbody>\n</table></div>\n");
    }
}

/// Are the VIPs fresh?
fn verdict(status: &Status) -> (String, &'static str) {
    let vips = status.vips();
    match (vips.all, vips.all - vips.fresh) {
        (0, _) => ("No watch is a VIP.".into(), "soft"),
        (1, 0) => ("The VIP is fresh.".into(), "good"),
        (all, 0) => (format!("All {all} VIPs are fresh."), "good"),
        (all, stale) => (format!("{stale} of {all} VIPs are not fresh."), "bad"),
    }
}

fn summary(page: &mut Html, status: &Status) {
    let up = Age::of(status.started, status.taken).span();
    let ready = if status.ready() { ", ready" } else { ", not ready" };
    page.raw("<p class=\"soft\">commwatch ").text(&status.version).raw(", up ").text(&up).raw(ready);
    page.raw(", as of <time>").text(&status.taken.to_string()).raw("</time></p>\n");
}

/// What is wrong with the daemon itself.
fn trouble(page: &mut Html, status: &Status) {
    let reload = &status.reload;
    if status.ready() && status.warnings.is_empty() && reload.last_ok && reload.held.is_none() {
        return;
    }
    page.raw("<section class=\"trouble\" aria-label=\"Trouble\"><ul>\n");
    for why in &status.not_ready {
        page.raw("<li>Not ready: ").isolated(why).raw("</li>\n");
    }
    for warning in &status.warnings {
        page.raw("<li>Warning: ").isolated(warning).raw("</li>\n");
    }
    if let Some(held) = &reload.held {
        page.raw("<li>Configuration held back ").ago(reload.at, status.taken).raw(": ").isolated(held);
        page.raw(". Take it with <code>commwatch reload --allow-removals</code>.</li>\n");
    } else if !reload.last_ok {
        page.raw("<li>Configuration refused ").ago(reload.at, status.taken);
        page.raw(", the one before stays in use: ")
            .isolated(reload.error.as_deref().unwrap_or(""))
            .raw("</li>\n");
    }
    page.raw("</ul></section>\n");
}

fn watches(page: &mut Html, status: &Status) {
    page.raw("<section>\n<h2>Watches</h2>\n");
    let columns =
        ["Watch", "Title", "Priority", "State", "Last success", "Next poll", "Last message", "Events"];
    page.table(
        "What needs attention first",
        &columns,
        &status.watches,
        "Nothing is watched.",
        |page, watch| {
            let tone = match watch.state {
                WatchState::Fresh => "good",
                WatchState::WaitingForFirstPoll | WatchState::Failing => "doubtful",
                WatchState::Stale | WatchState::Unreachable => "bad",
            };
            let priority = match watch.priority {
                Priority::Vip => "VIP",
                Priority::Normal => "normal",
            };
            page.raw("<th scope=\"row\">").text(&watch.name).raw("</th><td>").isolated(&watch.title);
            if let Some(found) = watch.found() {
                page.raw("<br><span class=\"soft\">").text(&found).raw("</span>");
            }
            if let Some(error) = &watch.last_error {
                page.raw("<br><span class=\"soft\">").isolated(error).raw("</span>");
            }
            page.raw("</td>").cell(priority).toned(watch.state.as_str(), tone);
            page.time(watch.last_success, status.taken).time(watch.next_poll, status.taken);
            page.time(watch.last_message_at, status.taken).number(watch.events_total);
        },
    );
    if status.watches_omitted > 0 {
        page.raw("<p class=\"soft\">and ").text(&status.watches_omitted.to_string());
        page.raw(" more watches that are well</p>\n");
    }
    page.raw("</section>\n");
}

/// What nobody is told of now; nothing where there is no such thing.
fn silences(page: &mut Html, status: &Status) {
    if status.silences.is_empty() {
        return;
    }
    page.raw("<section>\n<h2>Silences</h2>\n");
    let columns = ["Silence", "Of", "Until", "Over", "Reason", "By", "Since"];
    page.table("What nobody is told of now", &columns, &status.silences, "", |page, silence| {
        page.raw("<th scope=\"row\">").text(&silence.id.to_string()).raw("</th>");
        page.cell(&silence.matcher.to_string()).cell(&silence.end());
        page.time(Some(silence.until), status.taken).cell(&silence.reason).cell(&silence.created_by);
        page.time(Some(silence.created_at), status.taken);
    });
    page.raw("</section>\n");
}

fn found(page: &mut Html, status: &Status) {
    page.raw("<section>\n<h2>Found</h2>\n");
    let columns = ["Found", "Event", "Watch", "Happened", "Id"];
    page.table("Newest first", &columns, &status.recent_events, "Nothing yet.", |page, event| {
        page.time(Some(event.recorded), status.taken).cell(&event.kind);
        page.cell(event.watch.as_deref().unwrap_or("")).time(event.at, status.taken);
        page.raw("<td><code>").text(&event.id).raw("</code></td>");
    });
    page.raw("</section>\n");
}

fn delivered(page: &mut Html, status: &Status) {
    page.raw("<section>\n<h2>Delivered</h2>\n");
    let columns = ["Tried", "Notifier", "Outcome", "Attempt", "Took", "Event", "Detail"];
    let none = "Nothing yet.";
    page.table("Attempts, newest first", &columns, &status.recent_deliveries, none, |page, delivery| {
        let tone = match delivery.outcome.as_str() {
            "delivered" => "good",
            "retry" => "doubtful",
            _ => "bad",
        };
        page.time(Some(delivery.at), status.taken).cell(&delivery.notifier).toned(&delivery.outcome, tone);
        page.number(delivery.attempt).number(format_args!("{} ms", delivery.took_ms));
        page.raw("<td><code>").text(&delivery.event).raw("</code></td>");
        page.cell(delivery.detail.as_deref().unwrap_or(""));
    });
    page.raw("</section>\n");
}

fn notifiers(page: &mut Html, status: &Status) {
    page.raw("<section>\n<h2>Notifiers</h2>\n");
    let columns =
        ["Notifier", "Plugin", "State", "Since", "Pending", "Held", "Dead", "Last delivered", "Why"];
    let none = "Nobody is told of anything.";
    page.table("Who delivers", &columns, &status.notifiers, none, |page, notifier| {
        let tone = match notifier.state {
            NotifierState::Running => "good",
            NotifierState::Starting | NotifierState::Restarting => "doubtful",
            NotifierState::Failed | NotifierState::Broken => "bad",
        };
        page.raw("<th scope=\"row\">")
            .text(&notifier.name)
            .raw("</th><td class=\"nowrap\">")
            .text(&notifier.plugin);
        page.raw(" ").text(notifier.version.as_deref().unwrap_or("")).raw("</td>");
        page.toned(notifier.state.as_str(), tone).time(Some(notifier.since), status.taken);
        page.number(notifier.pending).number(notifier.held).number(notifier.dead);
        page.time(notifier.last_delivered, status.taken);
        page.cell(notifier.why.as_ref().or(notifier.last_error.as_ref()).map_or("", String::as_str));
    });
    page.raw("</section>\n");
}

fn accounts(page: &mut Html, status: &Status) {
    page.raw("<section>\n<h2>Accounts</h2>\n");
    let columns = ["Account", "State", "Requests a second", "Budget", "Last error"];
    page.table("What is polled", &columns, &status.accounts, "There is no account.", |page, account| {
        let (state, tone) = match (account.up, account.throttled_until) {
            (false, _) => ("denied", "bad"),
            (true, Some(_)) => ("throttled", "doubtful"),
            (true, None) => ("up", "good"),
        };
        page.raw("<th scope=\"row\">").text(&account.name).raw("</th>").toned(state, tone);
        page.number(format_args!("{:.2}", account.requests_per_second));
        page.number(format_args!("{:.2}", account.budget_per_second));
        page.cell(account.last_error.as_deref().unwrap_or(""));
    });
    page.raw("</section>\n");
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
