//! From a notification to the bytes that are posted.

use commwatch_plugin_api::{Action, Notification, Severity};

use crate::blocks::{Block, Fixed, Metadata, Post, Text};
use crate::config::Mentions;
use crate::escape::{self, Foreign, Safe};
use crate::happening::Happening;
use crate::limits::{
    BLOCKS_MAX, BODY_BYTES_MAX, EVENTS_LISTED_MAX, FALLBACK_UNITS_MAX, HEADER_UNITS_MAX, ID_BYTES_MAX,
    NAME_UNITS_MAX, PLAIN_UNITS_MAX, SECTION_UNITS_MAX,
};
use crate::thread::{Thread, is_digest};

/// What the link is called.
const LINK_LABEL: &str = "Open in CommBox";

/// A notification, with everything in it that customers wrote made harmless.
pub(crate) struct Message<'a> {
    notification: &'a Notification,
    title: Safe,
    text: Foreign,
    link: Option<Safe>,
    mentions: Safe,
    happenings: Vec<Happening>,
    /// Of a thread's parent: how many notifications the thread holds.
    in_thread: Option<u64>,
}

/// Where a message goes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place<'a> {
    /// None for a webhook, which knows its channel.
    pub(crate) channel: Option<&'a str>,
    /// The parent that it replies to.
    pub(crate) reply_to: Option<&'a str>,
    /// Whether a reply is shown in the channel as well.
    pub(crate) broadcast: bool,
    /// The message that it takes the place of.
    pub(crate) instead_of: Option<&'a str>,
}

impl<'a> Place<'a> {
    pub(crate) fn channel(channel: Option<&'a str>) -> Self {
        Self { channel, ..Self::default() }
    }

    pub(crate) fn reply(thread: &'a Thread, broadcast: bool) -> Self {
        Self { reply_to: Some(&thread.parent), broadcast, ..Self::channel(Some(&thread.channel)) }
    }

    pub(crate) fn parent(thread: &'a Thread) -> Self {
        Self { instead_of: Some(&thread.parent), ..Self::channel(Some(&thread.channel)) }
    }
}

/// How much of it is shown: less and less, until the request is small enough.
#[derive(Clone, Copy)]
struct Space {
    text_units: usize,
    events: usize,
}

impl Space {
    const WHOLE: Self = Self { text_units: SECTION_UNITS_MAX, events: EVENTS_LISTED_MAX };
    /// Whatever the notification holds, this much of it fits into [`BODY_BYTES_MAX`].
    const LEAST: Self = Self { text_units: 100, events: 3 };

    fn next(self) -> Option<Self> {
        let Self { text_units: text, events } = Self::LEAST;
        let next =
            Self { text_units: text.max(self.text_units / 2), events: events.max(self.events * 3 / 4) };
        ((next.text_units, next.events) != (self.text_units, self.events)).then_some(next)
    }
}

impl<'a> Message<'a> {
    pub(crate) fn of(notification: &'a Notification, mentions: &Mentions) -> Self {
        Self {
            notification,
            title: title(notification),
            text: Foreign::lines(&notification.text),
            link: notification.url.as_deref().and_then(escape::link),
            mentions: mentions.of(notification.severity),
            happenings: notification.events.iter().take(EVENTS_LISTED_MAX).map(Happening::of).collect(),
            in_thread: None,
        }
    }

    /// The same, calling nobody: they have been called.
    pub(crate) fn quiet(self) -> Self {
        Self { mentions: Safe::default(), ..self }
    }

    /// As a thread's parent shows it: how things stand.
    pub(crate) fn standing(self, held: u64) -> Self {
        Self { in_thread: Some(held), ..self.quiet() }
    }

    /// The request's body with blocks.
    pub(crate) fn in_blocks(&self, place: Place<'_>) -> Vec<u8> {
        let mut space = Space::WHOLE;
        loop {
            let body = encode(&self.post(place, space));
            match space.next() {
                Some(less) if body.len() > BODY_BYTES_MAX => space = less,
                _ => return body,
            }
        }
    }

    /// The request's body as one plain text, for when Slack refused the blocks. It carries no metadata, since
    /// that may be what was refused.
    pub(crate) fn as_text(&self, place: Place<'_>) -> Vec<u8> {
        let above = [self.mentions.clone(), self.title.clone()];
        let below = [self.small_print_line(), self.link.clone().unwrap_or_default()];
        let taken: usize = above.iter().chain(&below).map(|line| units(line) + 1).sum();
        let text = self.text.fit(PLAIN_UNITS_MAX.saturating_sub(taken));
        let lines: Vec<_> = above.into_iter().chain([text]).chain(below).filter(|l| !l.is_empty()).collect();
        encode(&Post {
            channel: place.channel,
            ts: place.instead_of,
            thread_ts: place.reply_to,
            reply_broadcast: place.broadcast,
            text: Safe::join(&lines, "\n"),
            blocks: Vec::new(),
            // Without a mention there is no markup of ours in it, and so none at all.
            mrkdwn: !self.mentions.is_empty(),
            fixed: Fixed::PLAIN,
            metadata: None,
        })
    }

    fn post<'b>(&'b self, place: Place<'b>, space: Space) -> Post<'b> {
        let fallback = self.text.fit(space.text_units.min(FALLBACK_UNITS_MAX));
        let fallback = if fallback.is_empty() { vec![] } else { vec![fallback] };
        let id = &self.notification.id;
        Post {
            channel: place.channel,
            ts: place.instead_of,
            thread_ts: place.reply_to,
            reply_broadcast: place.broadcast,
            text: Safe::join(&[vec![self.title.clone()], fallback].concat(), "\n"),
            blocks: self.blocks(space),
            mrkdwn: false,
            fixed: Fixed::PLAIN,
            metadata: (place.channel.is_some() && id.len() <= ID_BYTES_MAX).then(|| Metadata::of(id)),
        }
    }

    fn blocks(&self, space: Space) -> Vec<Block> {
        let mut blocks = Vec::new();
        if !self.mentions.is_empty() {
            blocks.push(Block::Section { text: Text::markup(self.mentions.clone()) });
        }
        blocks.push(Block::Header { text: Text::plain(self.title.clone()) });
        if self.is_list() {
            blocks.extend(self.happenings.iter().take(space.events).flat_map(|event| listed(event, space)));
        }
        if self.says_text() {
            blocks.extend(section(&self.text, space));
        }
        if let Some(link) = &self.link {
            let link = Safe::markup(format!("<{}|{LINK_LABEL}>", link.as_str()));
            blocks.push(Block::Section { text: Text::markup(link) });
        }
        blocks.extend(context(self.small_print(space)));
        debug_assert!(blocks.len() <= BLOCKS_MAX);
        blocks
    }

    /// A digest is of several conversations, and its text has a line for each.
    fn is_list(&self) -> bool {
        self.happenings.len() > 1 && !is_digest(self.notification)
    }

    /// The texts of listed events are what the notification's text was made from.
    fn says_text(&self) -> bool {
        !self.is_list() || self.happenings.iter().all(|event| event.text.is_empty())
    }

    fn small_print(&self, space: Space) -> Vec<Text> {
        let mut print: Vec<Text> = self.watch().map(Text::plain).into_iter().collect();
        if let [event] = self.happenings.as_slice() {
            print.extend(small_print_of(event));
        }
        if !self.says_text() {
            print.extend(self.more(self.happenings.len().min(space.events)).map(Text::plain));
        }
        print.extend(self.repeat().map(Text::plain));
        print.extend(self.in_thread.map(|held| Text::plain(Safe::own(format!("{held} in the thread")))));
        print
    }

    fn small_print_line(&self) -> Safe {
        let mut print: Vec<Safe> = self.watch().into_iter().collect();
        if let [event] = self.happenings.as_slice() {
            print.push(event.summary());
            print.extend(event.utc());
        }
        print.extend(self.repeat());
        print.retain(|part| !part.is_empty());
        Safe::join(&print, " · ")
    }

    fn watch(&self) -> Option<Safe> {
        let watch = &self.happenings.first()?.watch;
        (!watch.is_empty()).then(|| watch.fit_isolated(NAME_UNITS_MAX))
    }

    /// How many events are not shown; the text says so itself.
    fn more(&self, shown: usize) -> Option<Safe> {
        let unlisted = self.notification.events.len().saturating_sub(shown) as u64;
        let more = self.notification.omitted.saturating_add(unlisted);
        (more > 0).then(|| Safe::own(format!("and {more} more")))
    }

    fn repeat(&self) -> Option<Safe> {
        if self.in_thread.is_some() {
            return None;
        }
        let attempt = self.notification.attempt;
        let words = match (self.notification.replay, attempt > 1) {
            (false, false) => return None,
            (true, false) => "sent again on request".to_owned(),
            (false, true) => format!("attempt {attempt}"),
            (true, true) => format!("sent again on request, attempt {attempt}"),
        };
        Some(Safe::own(format!("{words}: possible repeat")))
    }
}

/// The title with a sign where one look should be enough.
fn title(notification: &Notification) -> Safe {
    let sign = match (notification.action, notification.severity) {
        (Action::Close, _) => "✅ ",
        (_, Severity::Critical) => "🔴 ",
        (_, Severity::Warning) => "🟠 ",
        (_, Severity::Info) => "",
    };
    let title = Foreign::line(&notification.title);
    let title = if title.is_empty() { Safe::own("Notification") } else { title.fit(HEADER_UNITS_MAX - 3) };
    Safe::join(&[Safe::own(sign), title], "")
}

/// One event of several: who and when, and under it the text.
fn listed(event: &Happening, space: Space) -> Vec<Block> {
    let mut blocks = Vec::new();
    blocks.extend(context(small_print_of(event)));
    blocks.extend(section(&event.text, space));
    blocks
}

fn small_print_of(event: &Happening) -> Vec<Text> {
    let summary = event.summary();
    let mut print = Vec::new();
    if !summary.is_empty() {
        print.push(Text::plain(summary));
    }
    print.extend(event.local_time().map(Text::markup));
    print
}

fn section(text: &Foreign, space: Space) -> Option<Block> {
    (!text.is_empty()).then(|| Block::Section { text: Text::plain(text.fit(space.text_units)) })
}

fn context(elements: Vec<Text>) -> Option<Block> {
    (!elements.is_empty()).then_some(Block::Context { elements })
}

fn units(text: &Safe) -> usize {
    text.as_str().encode_utf16().count()
}

fn encode(post: &Post<'_>) -> Vec<u8> {
    serde_json::to_vec(post).expect("strings, flags and lists always have a JSON form")
}
