//! `commwatch show WATCH`: a conversation as it is now. Is this the right one?

use std::fmt::Write as _;
use std::path::Path;

use serde_json::json;

use super::asking::{Asking, NotAsked, channel, configuration, second, status, wait};
use super::{Console, Exit};
use crate::config::unknown;
use crate::core::listing::Listed;
use crate::core::message::{Message, Snapshot};
use crate::core::plural::many;
use crate::core::waiting::is_over;
use crate::core::watch::Stream;
use crate::ops::status::plain;

/// So many of the newest messages are shown.
const MESSAGES_SHOWN: usize = 10;
/// Lines of one message.
const LINES_SHOWN: usize = 20;

/// Asks, and writes what came.
pub(super) fn run(config: &Path, watch: &str, console: &mut Console<'_>) -> Exit {
    match show(config, watch) {
        Ok(shown) => shown.tell(console),
        Err(error) => error.tell(console),
    }
}

fn show(path: &Path, name: &str) -> Result<Shown, NotAsked> {
    let config = configuration(path)?;
    if let Some(watch) = config.watches.iter().find(|watch| watch.name == name) {
        let mut asking = Asking::of(&config, &watch.conversation.account)?;
        let (stream, object) = (watch.stream.clone(), watch.conversation.object);
        let snapshot = wait(asking.conversation(&stream, object))?;
        return Ok(Shown::of(name, &watch.title, &watch.conversation.account, stream, None, snapshot));
    }
    let Some(seek) = config.seeks.iter().find(|seek| seek.name == name) else {
        return Err(NotAsked::Failed(unknown("watch", name, config.watch_names())));
    };
    let mut asking = Asking::of(&config, &seek.account)?;
    let (all, is_cut) = wait(asking.all_of(&seek.sought))?;
    let newest = |one: &&Listed| (!is_over(one.status), one.updated.max(one.created), one.object);
    let Some(one) = all.iter().max_by_key(newest) else {
        return Err(NotAsked::Failed(format!("watch {name} has no conversation so far")));
    };
    let open = all.iter().filter(|one| !is_over(one.status)).count();
    let more = if is_cut { " or more" } else { "" };
    let among = match (all.len(), open) {
        (1, 0) if !is_cut => "1 conversation, which is over:".to_owned(),
        (1, _) if !is_cut => "1 conversation, which is open:".to_owned(),
        (count, open) => format!("{count}{more} conversations, {open} of them open; the newest of those:"),
    };
    let snapshot = wait(asking.conversation(&one.stream, one.object))?;
    Ok(Shown::of(name, &seek.title, &seek.account, one.stream.clone(), Some(among), snapshot))
}

/// A conversation and how it was come by.
struct Shown {
    watch: String,
    title: String,
    account: String,
    stream: Stream,
    /// Of a watch whose conversations are found: how many there are.
    among: Option<String>,
    snapshot: Snapshot,
}

impl Shown {
    fn of(
        watch: &str,
        title: &str,
        account: &str,
        stream: Stream,
        among: Option<String>,
        mut snapshot: Snapshot,
    ) -> Self {
        snapshot.messages.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
        Self {
            watch: watch.to_owned(),
            title: title.to_owned(),
            account: account.to_owned(),
            stream,
            among,
            snapshot,
        }
    }

    fn newest(&self) -> &[Message] {
        let messages = &self.snapshot.messages;
        &messages[messages.len().saturating_sub(MESSAGES_SHOWN)..]
    }

    fn tell(&self, console: &mut Console<'_>) -> Exit {
        let message = |message: &Message| {
            json!({
                "id": message.id.to_string(), "created": message.created, "text": message.text,
                "text_truncated": message.text_truncated, "attachments": message.attachments,
                "author": { "kind": message.author.kind.as_str(), "id": message.author.id, "name": message.author.name },
            })
        };
        let snapshot = &self.snapshot;
        let value = json!({
            "watch": self.watch, "account": self.account, "stream": self.stream.to_string(),
            "object": snapshot.object_id.to_string(), "status": status(snapshot.status_id),
            "channel": channel(snapshot.channel), "customer_name": snapshot.customer_name,
            "created": snapshot.created_at, "messages_total": snapshot.messages.len(),
            "messages": self.newest().iter().map(message).collect::<Vec<_>>(),
        });
        console.answer(&value, self.text().trim_end());
        Exit::Done
    }

    fn text(&self) -> String {
        let snapshot = &self.snapshot;
        let mut text = format!("{}: {}\n", plain(&self.watch), plain(&self.title));
        if let Some(among) = &self.among {
            let _ = writeln!(text, "{among}");
        }
        let mut about = vec![status(snapshot.status_id), channel(snapshot.channel)];
        about.extend(snapshot.customer_name.as_ref().map(|name| format!("customer {name}")));
        about.extend(snapshot.created_at.map(|at| format!("began {}", second(at))));
        let stream = snapshot.stream_id.map_or_else(|| self.stream.to_string(), |id| id.to_string());
        let object = snapshot.object_id;
        let _ = writeln!(
            text,
            "account {}, stream {stream}, object {object}: {}",
            self.account,
            plain(&about.join(", "))
        );
        let all = snapshot.messages.len();
        let _ = match (all, self.newest().len()) {
            (0, _) => writeln!(text, "no messages"),
            (all, shown) if all > shown => writeln!(text, "{all} messages, the newest {shown}:"),
            (all, _) => writeln!(text, "{}:", many(all, "message", "messages")),
        };
        for message in self.newest() {
            self.message(&mut text, message);
        }
        if !snapshot.unparsed.is_empty() {
            let _ = writeln!(
                text,
                "\n{} could not be read",
                many(snapshot.unparsed.len(), "message", "messages")
            );
        }
        text
    }

    fn message(&self, text: &mut String, message: &Message) {
        let at = message.created.map_or_else(|| "at an unknown time".to_owned(), second);
        let name = message.author.name.as_deref().map_or(String::new(), |name| format!(" {}", plain(name)));
        let _ = writeln!(text, "\n{at}  {}{name}", message.author.kind.as_str());
        let lines = message.text.lines().count();
        for line in message.text.lines().take(LINES_SHOWN) {
            let _ = writeln!(text, "{}", format!("  {}", plain(line)).trim_end());
        }
        if lines > LINES_SHOWN {
            let _ = writeln!(text, "  ({})", many(lines - LINES_SHOWN, "more line", "more lines"));
        }
        if message.attachments > 0 {
            let _ = writeln!(text, "  [{}]", many(message.attachments, "file", "files"));
        }
    }
}
