//! The first page: are the VIPs fresh? who waits? what is wrong? does it reach anybody?

use super::bars;
use super::html::{Html, Tone};
use super::{Change, View, brief, notifier_tone, outcome_tone, shell, vip, watch_tone, why_no_buttons};
use crate::core::expiry;
use crate::core::plural::{form, many};
use crate::core::watch::Priority;
use crate::ops::http::Briefs;
use crate::ops::metrics::Charts;
use crate::ops::status::{AccountStatus, Age, Mood, NotifierState, Status, WatchStatus};

/// So many of what was found and tried are shown; the other pages have more.
pub(crate) const RECENT: usize = 10;
/// So many who wait, and so many watches that are not fresh, are shown.
const SHOWN: usize = 25;

/// The page.
pub(crate) fn render(view: &View<'_>, charts: &Charts, briefs: &Briefs) -> String {
    let status = view.status;
    let verdict = status.vips().verdict();
    let tone = match verdict.mood {
        Mood::Good => Tone::Good,
        Mood::Bad => Tone::Bad,
        Mood::Neither => Tone::Plain,
    };
    shell::page(view, &verdict.text, |html| {
        html.raw("<div class=\"hero ")
            .raw(tone.class())
            .raw("\">\n<h1>")
            .text(&verdict.text)
            .raw("</h1>\n<p>");
        summary(html, status);
        html.raw("</p>\n</div>\n");
        trouble(html, status);
        tiles(html, status);
        waits(html, view);
        unwell(html, status);
        silences(html, status);
        notifiers(html, status);
        accounts(html, status);
        html.section("delays", "How fast it is");
        html.raw("<div class=\"charts\">\n<div>");
        let caption = "From a message in CommBox to its event";
        bars::distribution(html, caption, &charts.detection, ["message", "messages"]);
        html.raw("</div>\n<div>");
        let caption = "From a message in CommBox to the receiver's yes";
        bars::distribution(html, caption, &charts.dispatch, ["alert", "alerts"]);
        html.raw("</div>\n<div>");
        bars::polls(html, &charts.polls);
        html.raw("</div>\n</div>\n").end_section();
        found(html, status, briefs);
        tried(html, status, briefs);
    })
}

/// Who waits, who waited longest first.
fn waiting(status: &Status) -> Vec<&WatchStatus> {
    let mut waiting: Vec<&WatchStatus> =
        status.watches.iter().filter(|watch| watch.waiting_since.is_some()).collect();
    waiting.sort_by_key(|watch| (watch.priority, watch.waiting_since));
    waiting
}

fn summary(html: &mut Html, status: &Status) {
    let waiting = waiting(status);
    match waiting.iter().filter_map(|watch| watch.waiting_since).min() {
        None => html.raw("Nobody waits for an answer."),
        Some(oldest) if waiting.len() == 1 => {
            html.raw("One customer waits for an answer, for ").since(oldest, status.taken).raw(".")
        }
        Some(oldest) => {
            html.show(waiting.len()).raw(" customers wait for an answer, one of them for ");
            html.since(oldest, status.taken).raw(".")
        }
    };
    html.raw(if status.ready() { "" } else { " commwatch is not ready." });
}

/// What is wrong with the daemon itself.
fn trouble(html: &mut Html, status: &Status) {
    let reload = &status.reload;
    if status.ready() && status.warnings.is_empty() && reload.last_ok && reload.held.is_none() {
        return;
    }
    html.raw("<section class=\"trouble\" aria-label=\"Trouble\"><ul>\n");
    for why in &status.not_ready {
        html.raw("<li><strong>Not ready:</strong> ").isolated(why).raw("</li>\n");
    }
    for warning in &status.warnings {
        html.raw("<li><strong>Warning:</strong> ").isolated(warning).raw("</li>\n");
    }
    super::config::reload(html, status);
    html.raw("</ul></section>\n");
}

/// Numbers at a glance, each a link to where it is explained.
fn tiles(html: &mut Html, status: &Status) {
    let vips = status.vips();
    let waiting = waiting(status);
    let unknown = waiting.iter().filter(|watch| !watch.acked).count();
    let sum =
        |of: fn(&crate::ops::status::NotifierStatus) -> u64| status.notifiers.iter().map(of).sum::<u64>();
    let (pending, held, dead) = (sum(|one| one.pending), sum(|one| one.held), sum(|one| one.dead));
    let running = status.notifiers.iter().filter(|one| one.state == NotifierState::Running).count();
    let good_if = |good: bool, otherwise: Tone| if good { Tone::Good } else { otherwise };
    html.raw("<ul class=\"tiles\" aria-label=\"At a glance\">\n");
    let mut tile = |href: &'static str, name: &'static str, value: String, note: String, tone: Tone| {
        html.raw("<li class=\"")
            .raw(tone.class())
            .raw("\"><a href=\"")
            .raw(href)
            .raw("\"><span class=\"name\">");
        html.raw(name).raw("</span> <span class=\"value\">").text(&value);
        html.raw("</span> <span class=\"note\">").text(&note).raw("</span></a></li>\n");
    };
    let fresh = format!("{} of {}", vips.fresh, vips.all);
    let all = status.watches.len() + status.watches_omitted;
    let tone = if vips.all == 0 { Tone::Plain } else { good_if(vips.all == vips.fresh, Tone::Bad) };
    tile("/watches", "VIPs fresh", fresh, many(all, "watch in all", "watches in all"), tone);
    let note = match (waiting.len(), unknown) {
        (0, _) => "nobody".to_owned(),
        (_, 0) => "all of it is known to somebody".to_owned(),
        (_, unknown) => format!("{unknown} not acknowledged"),
    };
    tile(
        "/watches?only=waits",
        "Waiting",
        waiting.len().to_string(),
        note,
        good_if(unknown == 0, Tone::Doubtful),
    );
    let note = match held {
        0 => form(pending, "alert on its way", "alerts on their way").to_owned(),
        held => format!("{held} held"),
    };
    tile("/deliveries", "Outbox", pending.to_string(), note, good_if(held == 0, Tone::Doubtful));
    let note = match dead {
        0 => "none lost".to_owned(),
        dead => form(dead, "nobody got it", "nobody got them").to_owned(),
    };
    tile("/deliveries?dead=on", "Dead letters", dead.to_string(), note, good_if(dead == 0, Tone::Bad));
    let note = format!("of {} {}", status.notifiers.len(), form(running, "runs", "run"));
    let tone = good_if(running == status.notifiers.len(), Tone::Bad);
    tile("/notifiers", "Notifiers", running.to_string(), note, tone);
    html.raw("</ul>\n");
}

fn waits(html: &mut Html, view: &View<'_>) {
    let status = view.status;
    let waiting = waiting(status);
    if waiting.is_empty() {
        return;
    }
    html.section("waits", "Who waits");
    let left = waiting.len().saturating_sub(SHOWN);
    let rows = waiting.into_iter().take(SHOWN);
    html.table(
        "VIPs first, the longest wait first",
        &["Watch", "Waits for", "Known", "Silenced", "Action"],
        rows,
        "",
        |row, watch| {
            row.head(|html| title(html, watch));
            row.cell(|html| {
                if let Some(since) = watch.waiting_since {
                    html.since(since, status.taken);
                }
            });
            match watch.acked {
                true => row.state("acknowledged", Tone::Good),
                false => row.state("not yet", Tone::Doubtful),
            };
            match watch.silenced_until {
                Some(until) => row.cell(|html| {
                    html.raw("over ").ago(until, status.taken);
                }),
                None => row.text("no"),
            };
            row.cell(|html| match watch.acked {
                true => {}
                false => Change {
                    action: "/ack",
                    fields: &[("watch", &watch.name)],
                    words: "Acknowledge",
                    about: &watch.title,
                }
                .show(html, view),
            });
        },
    );
    if left > 0 {
        html.raw("<p><a href=\"/watches?only=waits\">")
            .text(&many(left, "more who waits", "more who wait"))
            .raw("</a></p>\n");
    }
    why_no_buttons(html, view, "acknowledge that somebody knows who waits");
    html.end_section();
}

/// A watch by its title, with its name where that differs.
pub(super) fn title(html: &mut Html, watch: &WatchStatus) {
    html.link("/watches/", &watch.name, &watch.title);
    vip(html, Some(watch.priority));
    if watch.title != watch.name {
        html.raw("<br><span class=\"soft\">").text(&watch.name).raw("</span>");
    }
}

/// Watches that are not as they should be.
fn unwell(html: &mut Html, status: &Status) {
    let unwell = || status.watches.iter().filter(|watch| !watch.fresh);
    let count = unwell().count();
    if count == 0 {
        return;
    }
    html.section("unwell", "Watches that are not fresh");
    let columns = &["Watch", "State", "Last read", "Next poll", "Last error"];
    html.table("VIPs first", columns, unwell().take(SHOWN), "", |row, watch| {
        row.head(|html| title(html, watch)).state(watch.state.as_str(), watch_tone(watch.state));
        row.time(watch.last_success, status.taken).time(watch.next_poll, status.taken);
        row.text(watch.last_error.as_deref().unwrap_or(""));
    });
    if count > SHOWN {
        html.raw("<p><a href=\"/watches?only=unwell\">").show(count - SHOWN).raw(" more</a></p>\n");
    }
    html.end_section();
}

/// What nobody is told of now; nothing where there is no such thing.
fn silences(html: &mut Html, status: &Status) {
    if status.silences.is_empty() {
        return;
    }
    html.section("silences", "Silences");
    html.table(
        "What nobody is told of now",
        &["Of", "Over", "Reason", "By"],
        &status.silences,
        "",
        |row, silence| {
            row.head(|html| {
                html.isolated(&silence.matcher.to_string());
            });
            row.time(Some(silence.until), status.taken).text(&silence.reason).text(&silence.created_by);
        },
    );
    html.raw("<p><a href=\"/silences\">All silences</a></p>\n").end_section();
}

fn notifiers(html: &mut Html, status: &Status) {
    html.section("notifiers", "Notifiers");
    let columns = &["Notifier", "State", "#Pending", "#Dead", "Last delivered", "Last error"];
    html.table("Who delivers", columns, &status.notifiers, "Nobody is told of anything.", |row, one| {
        row.head(|html| {
            html.link("/deliveries?notifier=", &one.name, &one.name);
        });
        row.state(one.state.as_str(), notifier_tone(one.state)).number(one.pending).number(one.dead);
        row.time(one.last_delivered, status.taken);
        row.text(one.why.as_ref().or(one.last_error.as_ref()).map_or("", String::as_str));
    });
    html.end_section();
}

fn accounts(html: &mut Html, status: &Status) {
    html.section("accounts", "Accounts");
    let columns = &["Account", "State", "Budget used", "Key expires", "Last error"];
    html.table("What is polled", columns, &status.accounts, "There is no account.", |row, account| {
        let (state, tone) = match (account.up, account.throttled_until) {
            (false, _) => ("denied", Tone::Bad),
            (true, Some(_)) => ("throttled", Tone::Doubtful),
            (true, None) => ("up", Tone::Good),
        };
        row.head(|html| {
            html.text(&account.name);
        })
        .state(state, tone);
        row.cell(|html| budget(html, account));
        row.cell(|html| match account.token_expires {
            None => {
                html.raw("<span class=\"soft\">does not say</span>");
            }
            Some(at) => {
                let tone = if at <= status.taken {
                    Tone::Bad
                } else if expiry::stage(at, status.taken) > 0 {
                    Tone::Doubtful
                } else {
                    Tone::Plain
                };
                html.state(&Age::of(at, status.taken).to_string(), tone).raw(" <span class=\"soft\">");
                html.clock(at).raw("</span>");
            }
        });
        row.text(account.last_error.as_deref().unwrap_or(""));
    });
    html.end_section();
}

fn budget(html: &mut Html, account: &AccountStatus) {
    let share = account.requests_per_second / account.budget_per_second;
    let tone = match share {
        ..0.8 => Tone::Good,
        0.8..=1.0 => Tone::Doubtful,
        _ => Tone::Bad,
    };
    html.bar(share, tone);
    html.show(format_args!(
        "{:.0} %: {:.2} of {:.2} requests a second",
        (share * 100.0).min(999.0),
        account.requests_per_second,
        account.budget_per_second
    ));
}

fn found(html: &mut Html, status: &Status, briefs: &Briefs) {
    html.section("found", "Found");
    let rows = status.recent_events.iter().take(RECENT);
    html.table(
        "Events, newest first",
        &["Event", "Found", "Happened"],
        rows,
        "Nothing yet.",
        |row, event| {
            row.head(|html| {
                html.link("/events/", &event.id, &event.kind);
                if let Some(watch) = &event.watch {
                    html.raw(" <span class=\"soft\">in</span> ").link("/watches/", watch, watch);
                }
                let priority = status.watches.iter().find(|watch| Some(&watch.name) == event.watch.as_ref());
                vip(html, priority.map(|watch| watch.priority).filter(|priority| *priority == Priority::Vip));
                super::text(html, briefs.get(&event.id).and_then(|brief| brief.text.as_deref()));
            });
            row.time(Some(event.recorded), status.taken).time(event.at, status.taken);
        },
    );
    html.end_section();
}

fn tried(html: &mut Html, status: &Status, briefs: &Briefs) {
    html.section("tried", "Delivered");
    let rows = status.recent_deliveries.iter().take(RECENT);
    let columns = &["Event", "Notifier", "Outcome", "#Attempt", "#Took", "Ended", "Answer"];
    html.table("Attempts, newest first", columns, rows, "Nothing yet.", |row, one| {
        row.head(|html| brief(html, &without_text(briefs, &one.event), &one.event));
        row.text(&one.notifier).state(&one.outcome, outcome_tone(&one.outcome));
        row.number(one.attempt).number(format_args!("{} ms", one.took_ms));
        row.time(Some(one.at), status.taken).text(one.detail.as_deref().unwrap_or(""));
    });
    html.raw("<p><a href=\"/deliveries\">All deliveries</a></p>\n").end_section();
}

/// What an event is; its text stands further up already.
fn without_text(briefs: &Briefs, event: &str) -> Briefs {
    let one = briefs.get_key_value(event);
    one.map(|(id, brief)| (id.clone(), crate::ops::http::Brief { text: None, ..brief.clone() }))
        .into_iter()
        .collect()
}
