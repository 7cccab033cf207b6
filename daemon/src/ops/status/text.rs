//! A status for a terminal.

use std::fmt::{self, Write as _};

use jiff::Timestamp;

use super::{Mood, NotifierState, Status, WatchState};
use crate::core::plural::many;

/// How many of the newest events and deliveries the text shows; JSON and the page have more.
const RECENT_SHOWN: usize = 10;

/// How long ago something was, or how soon it will be, in the one unit that matters.
#[derive(Clone, Copy, Debug)]
pub struct Age {
    /// Below 0 for what is to come.
    seconds: i64,
}

impl Age {
    /// How long before `now` it was.
    pub fn of(at: Timestamp, now: Timestamp) -> Self {
        Self { seconds: now.as_second().saturating_sub(at.as_second()) }
    }

    /// Without "ago" and "in": a stretch of time.
    pub fn span(self) -> String {
        let seconds = self.seconds.unsigned_abs();
        match seconds {
            0..120 => format!("{seconds} s"),
            120..7_200 => format!("{} min", seconds / 60),
            7_200..172_800 => format!("{} h", seconds / 3_600),
            _ => format!("{} d", seconds / 86_400),
        }
    }
}

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.seconds {
            0 => f.write_str("now"),
            1.. => write!(f, "{} ago", self.span()),
            _ => write!(f, "in {}", self.span()),
        }
    }
}

/// One line of text that cannot steer a terminal or turn the text around it: control characters and those that
/// change the direction of writing become U+FFFD.
pub fn plain(text: &str) -> String {
    line_without(text, |c| turns(c) || is_mark(c))
}

/// The same for where a text stands isolated from what is around it, as on a page: there the marks that a text from
/// right to left is written with do no harm, and stay.
pub fn plain_isolated(text: &str) -> String {
    line_without(text, turns)
}

fn line_without(text: &str, is_wrong: impl Fn(char) -> bool) -> String {
    text.chars().map(|c| if c.is_control() || is_wrong(c) { '\u{fffd}' } else { c }).collect()
}

/// Whether it ends a line, or overrides, embeds or isolates what comes after it.
fn turns(c: char) -> bool {
    matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether it is an invisible letter with a direction, and nothing else.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}')
}

/// The status as a person reads it. Colours only repeat what the words say.
pub fn render(status: &Status, colour: bool) -> String {
    let page = Page { status, colour };
    let parts = [
        page.headline(),
        page.trouble(),
        page.silences(),
        page.watches(),
        page.notifiers(),
        page.accounts(),
        page.events(),
        page.deliveries(),
    ];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
}

/// The watches alone.
pub fn render_watches(status: &Status, colour: bool) -> String {
    Page { status, colour }.watches()
}

struct Page<'a> {
    status: &'a Status,
    colour: bool,
}

#[derive(Clone, Copy)]
enum Tone {
    Plain,
    Strong,
    Good,
    Doubtful,
    Bad,
}

/// A word in a table or a line.
struct Cell(String, Tone);

impl Cell {
    fn new(text: impl fmt::Display) -> Self {
        Self(plain(&text.to_string()), Tone::Plain)
    }

    fn toned(text: impl fmt::Display, tone: Tone) -> Self {
        Self(plain(&text.to_string()), tone)
    }
}

impl Page<'_> {
    fn age(&self, at: Option<Timestamp>) -> Cell {
        match at {
            Some(at) => Cell::new(Age::of(at, self.status.taken)),
            None => Cell::new("-"),
        }
    }

    fn headline(&self) -> String {
        let status = self.status;
        let verdict = status.vips().verdict();
        let fresh = match verdict.mood {
            Mood::Good => Cell::toned(verdict.text, Tone::Good),
            Mood::Bad => Cell::toned(verdict.text, Tone::Bad),
            Mood::Neither => Cell::new(verdict.text),
        };
        let ready = match status.ready() {
            true => Cell::toned("ready", Tone::Good),
            false => Cell::toned("NOT READY", Tone::Bad),
        };
        let up = Age::of(status.started, status.taken).span();
        format!(
            "{}\ncommwatch {}, up {up}, {}\n",
            self.paint(&fresh),
            plain(&status.version),
            self.paint(&ready)
        )
    }

    /// What is wrong and has no table of its own.
    fn trouble(&self) -> String {
        let mut text = String::new();
        for why in &self.status.not_ready {
            let _ = writeln!(text, "not ready: {}", plain(why));
        }
        for warning in &self.status.warnings {
            let _ = writeln!(text, "warning: {}", plain(warning));
        }
        let reload = &self.status.reload;
        let at = Age::of(reload.at, self.status.taken);
        if let Some(held) = &reload.held {
            let _ = writeln!(text, "configuration held back {at}: {}", plain(held));
            let _ = writeln!(text, "  take it with: commwatch reload --allow-removals");
        } else if !reload.last_ok {
            let why = reload.error.as_deref().unwrap_or("no reason was given");
            let _ = writeln!(text, "configuration refused {at}, the one before stays in use: {}", plain(why));
        }
        text
    }

    /// What nobody is told of now.
    fn silences(&self) -> String {
        let mut text = String::new();
        for silence in &self.status.silences {
            let over = Age::of(silence.until, self.status.taken);
            let _ = writeln!(text, "{} (over {over})", plain(&silence.to_string()));
        }
        text
    }

    fn watches(&self) -> String {
        let mut rows =
            vec![self.header(["WATCH", "PRIORITY", "STATE", "SUCCESS", "NEXT", "WAITS", "EVENTS", "TITLE"])];
        for watch in &self.status.watches {
            let tone = match watch.state {
                WatchState::Fresh => Tone::Good,
                WatchState::WaitingForFirstPoll | WatchState::Failing => Tone::Doubtful,
                WatchState::Stale | WatchState::Unreachable => Tone::Bad,
            };
            let notes: Vec<String> = watch.found().into_iter().chain(watch.last_error.clone()).collect();
            let title = match notes.is_empty() {
                false => format!("{} ({})", watch.title, notes.join("; ")),
                true => watch.title.clone(),
            };
            rows.push(vec![
                Cell::new(&watch.name),
                Cell::new(watch.priority.as_str()),
                Cell::toned(watch.state.as_str(), tone),
                self.age(watch.last_success),
                self.age(watch.next_poll),
                match watch.waiting_since {
                    Some(since) => {
                        let known = if watch.acked { ", acked" } else { "" };
                        let span = Age::of(since, self.status.taken).span();
                        Cell::toned(format_args!("{span}{known}"), Tone::Strong)
                    }
                    None => Cell::new("-"),
                },
                Cell::new(watch.events_total),
                Cell::new(title),
            ]);
        }
        let mut text = self.table(rows);
        if self.status.watches_omitted > 0 {
            let _ = writeln!(
                text,
                "and {} well",
                many(self.status.watches_omitted, "more watch that is", "more watches that are")
            );
        }
        text
    }

    fn notifiers(&self) -> String {
        let header = ["NOTIFIER", "PLUGIN", "STATE", "PENDING", "HELD", "DEAD", "DELIVERED", "LAST ERROR"];
        let mut rows = vec![self.header(header)];
        for notifier in &self.status.notifiers {
            let tone = match notifier.state {
                NotifierState::Running => Tone::Good,
                NotifierState::Starting | NotifierState::Restarting => Tone::Doubtful,
                NotifierState::Failed | NotifierState::Broken => Tone::Bad,
            };
            let plugin = match &notifier.version {
                Some(version) => format!("{} {version}", notifier.plugin),
                None => notifier.plugin.clone(),
            };
            rows.push(vec![
                Cell::new(&notifier.name),
                Cell::new(plugin),
                Cell::toned(notifier.state.as_str(), tone),
                Cell::new(notifier.pending),
                Cell::new(match &notifier.held_reason {
                    Some(reason) if notifier.held > 0 => {
                        format!("{} ({})", notifier.held, reason.replace('_', " "))
                    }
                    _ => notifier.held.to_string(),
                }),
                Cell::toned(notifier.dead, if notifier.dead == 0 { Tone::Plain } else { Tone::Bad }),
                self.age(notifier.last_delivered),
                Cell::new(notifier.why.as_ref().or(notifier.last_error.as_ref()).map_or("", String::as_str)),
            ]);
        }
        self.table(rows)
    }

    fn accounts(&self) -> String {
        let mut rows = vec![self.header(["ACCOUNT", "STATE", "REQUESTS", "BUDGET", "LAST ERROR"])];
        for account in &self.status.accounts {
            let state = match (account.up, account.throttled_until) {
                (false, _) => Cell::toned("denied", Tone::Bad),
                (true, Some(_)) => Cell::toned("throttled", Tone::Doubtful),
                (true, None) => Cell::toned("up", Tone::Good),
            };
            rows.push(vec![
                Cell::new(&account.name),
                state,
                Cell::new(format_args!("{:.2}/s", account.requests_per_second)),
                Cell::new(format_args!("{:.2}/s", account.budget_per_second)),
                Cell::new(account.last_error.as_deref().unwrap_or("")),
            ]);
        }
        self.table(rows)
    }

    fn events(&self) -> String {
        let mut rows = vec![self.header(["FOUND", "EVENT", "WATCH", "ID"])];
        for event in self.status.recent_events.iter().take(RECENT_SHOWN) {
            rows.push(vec![
                self.age(Some(event.recorded)),
                Cell::new(&event.kind),
                Cell::new(event.watch.as_deref().unwrap_or("-")),
                Cell::new(&event.id),
            ]);
        }
        self.table(rows)
    }

    fn deliveries(&self) -> String {
        let mut rows =
            vec![self.header(["TRIED", "NOTIFIER", "OUTCOME", "ATTEMPT", "TOOK", "EVENT", "DETAIL"])];
        for delivery in self.status.recent_deliveries.iter().take(RECENT_SHOWN) {
            let tone = match delivery.outcome.as_str() {
                "delivered" => Tone::Good,
                "retry" => Tone::Doubtful,
                _ => Tone::Bad,
            };
            rows.push(vec![
                self.age(Some(delivery.at)),
                Cell::new(&delivery.notifier),
                Cell::toned(&delivery.outcome, tone),
                Cell::new(delivery.attempt),
                Cell::new(format_args!("{} ms", delivery.took_ms)),
                Cell::new(&delivery.event),
                Cell::new(delivery.detail.as_deref().unwrap_or("")),
            ]);
        }
        self.table(rows)
    }

    fn header<const N: usize>(&self, words: [&str; N]) -> Vec<Cell> {
        words.map(|word| Cell::toned(word, Tone::Strong)).into()
    }

    fn table(&self, rows: Vec<Vec<Cell>>) -> String {
        table(rows, self.colour)
    }

    fn paint(&self, cell: &Cell) -> String {
        paint(cell, self.colour)
    }
}

/// A table without colours, under the words of its header. Nothing for one without rows.
pub fn columns<const N: usize>(header: [&str; N], rows: Vec<[String; N]>) -> String {
    let rows = rows.into_iter().map(|row| row.map(Cell::new).into());
    table([header.map(Cell::new).into()].into_iter().chain(rows).collect(), false)
}

/// Columns as wide as their widest word; the last is free, since titles may hold wide characters. Nothing for a table
/// without rows.
fn table(rows: Vec<Vec<Cell>>, colour: bool) -> String {
    let mut text = String::new();
    if rows.len() < 2 {
        return text;
    }
    let columns = rows[0].len();
    let widths: Vec<usize> =
        (0..columns).map(|n| rows.iter().map(|row| row[n].0.chars().count()).max().unwrap_or(0)).collect();
    for row in rows {
        let mut line = String::new();
        for (n, cell) in row.iter().enumerate() {
            line.push_str(&paint(cell, colour));
            if n + 1 < columns {
                let gap = widths[n].saturating_sub(cell.0.chars().count()) + 2;
                line.extend(std::iter::repeat_n(' ', gap));
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn paint(Cell(text, tone): &Cell, colour: bool) -> String {
    let code = match tone {
        _ if !colour => return text.clone(),
        Tone::Plain => return text.clone(),
        Tone::Strong => "1",
        Tone::Good => "32",
        Tone::Doubtful => "33",
        Tone::Bad => "1;31",
    };
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}
