//! Silences: what nobody need hear of, since somebody said so: of a watch, a tag or a conversation, until a time, and
//! sooner when somebody replies or the conversation is over.
//!
//! What a silence means is found and kept as ever, and written as suppressed, with the silence for a reason. It never
//! covers our own health, nor the end of a wait for those who were told of the wait. A wait that a silence covers counts
//! as told to nobody: it is told when the silence is over, if it still goes on.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::core::detect::Happened;
use crate::core::message::AuthorKind;
use crate::core::plural::many;
use crate::core::route::{Said, Subject};
use crate::core::waiting;
use crate::core::watch::{ConversationId, Watch, id_as_text};

/// A silence lasts no longer; whoever needs more adds another.
pub const SILENCE_MAX: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// At most so many at once.
pub const SILENCES_MAX: usize = 500;
/// A reason has at most so many characters.
pub const REASON_CHARS_MAX: usize = 200;
/// What is kept of who made it: so many characters.
const BY_CHARS_MAX: usize = 80;

/// What a silence is about.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Matcher {
    /// All that this watch finds.
    Watch(String),
    /// All that watches with this tag find.
    Tag(String),
    /// This conversation, whatever watch finds it.
    Conversation(#[serde(with = "id_as_text")] ConversationId),
}

impl Matcher {
    /// Whether it is about what this watch finds in its conversation.
    pub fn means(&self, watch: &Watch) -> bool {
        match self {
            Self::Watch(name) => *name == watch.name,
            Self::Tag(tag) => watch.tags.contains(tag),
            Self::Conversation(id) => *id == watch.conversation,
        }
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Watch(name) => write!(f, "watch {name}"),
            Self::Tag(tag) => write!(f, "tag {tag}"),
            Self::Conversation(id) => write!(f, "conversation {id}"),
        }
    }
}

/// A silence as somebody asks for it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// What it is about.
    pub matcher: Matcher,
    /// When it is over at the latest.
    pub until: Timestamp,
    /// Whether a reply of a person ends it sooner.
    #[serde(default)]
    pub until_reply: bool,
    /// Whether the end of the conversation does.
    #[serde(default)]
    pub until_close: bool,
    /// Why; one line.
    pub reason: String,
    /// Who asks, as the asking program says.
    #[serde(default)]
    pub by: Option<String>,
}

impl Draft {
    /// What is wrong with it, for a person.
    ///
    /// # Errors
    /// When it ends too late or already has, or its reason is none.
    pub fn check(&self, now: Timestamp) -> Result<(), String> {
        let reason = self.reason.trim();
        if reason.is_empty() || reason.chars().any(char::is_control) {
            return Err("a silence needs a reason, in one line\n  hint: say why, and who asked for it".into());
        }
        if reason.chars().count() > REASON_CHARS_MAX {
            return Err(format!("the reason is longer than {REASON_CHARS_MAX} characters"));
        }
        if self.until <= now {
            return Err(format!(
                "{:.0} is over\n  hint: write for how long, such as 2h, or an instant that is to come",
                self.until
            ));
        }
        let latest = now.checked_add(SILENCE_MAX).unwrap_or(Timestamp::MAX);
        if self.until > latest {
            let days = SILENCE_MAX.as_secs() / 86_400;
            return Err(format!("a silence lasts {days} days at most: until {latest:.0}"));
        }
        Ok(())
    }

    /// The silence that it becomes; `user` is what the socket knows of who asks.
    pub fn silence(self, id: i64, now: Timestamp, user: &str) -> Silence {
        Silence {
            id,
            matcher: self.matcher,
            until: self.until,
            until_reply: self.until_reply,
            until_close: self.until_close,
            reason: self.reason.trim().to_owned(),
            created_at: now,
            created_by: who(self.by.as_deref(), user),
            ended: None,
        }
    }
}

/// Who asks: by the name that their program gives, and by what the socket knows.
pub fn who(name: Option<&str>, user: &str) -> String {
    let name = name.unwrap_or_default().trim();
    let name: String = name.chars().filter(|c| !c.is_control()).take(BY_CHARS_MAX).collect();
    if name.is_empty() { user.to_owned() } else { format!("{name} ({user})") }
}

/// A silence.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Silence {
    /// Its number.
    pub id: i64,
    /// What it is about.
    pub matcher: Matcher,
    /// When it is over at the latest.
    pub until: Timestamp,
    /// Whether a reply of a person ends it sooner.
    pub until_reply: bool,
    /// Whether the end of the conversation does.
    pub until_close: bool,
    /// Why; one line.
    pub reason: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// When and how it ended, before its time.
    pub ended: Option<Ended>,
}

/// How a silence ended before its time.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Ended {
    /// When.
    pub at: Timestamp,
    /// One line.
    pub why: String,
}

impl Silence {
    /// Whether it still holds.
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.ended.is_none() && now < self.until
    }

    /// Whether it ends with something that happened to what it is about, and how.
    pub fn ends_with(&self, happened: &Happened) -> Option<String> {
        match happened {
            Happened::Message(message) if self.until_reply && message.author.kind == AuthorKind::Agent => {
                Some(format!("somebody replied (message {})", message.id))
            }
            Happened::Status { current, .. } if self.until_close && waiting::is_over(*current) => {
                Some("the conversation is over".to_owned())
            }
            _ => None,
        }
    }

    /// Until when, in words.
    pub fn end(&self) -> String {
        let sooner = match (self.until_reply, self.until_close) {
            (false, false) => "",
            (true, false) => ", or a reply",
            (false, true) => ", or its end",
            (true, true) => ", or a reply, or its end",
        };
        format!("{:.0}{sooner}", self.until)
    }
}

/// Which, about what, until when, by whom and why.
impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, matcher, created_by, reason, .. } = self;
        write!(f, "silence {id} ({matcher}, until {}, by {created_by}): {reason}", self.end())
    }
}

/// A silence that was added.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Added {
    /// It.
    pub silence: Silence,
    /// How many conversations it is about now.
    pub conversations: u64,
    /// In how many of them somebody waits.
    pub waiting: u64,
}

/// Which it is, what it is about now, and who will be told.
impl fmt::Display for Added {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { silence, conversations, waiting } = self;
        let about = many(*conversations, "conversation", "conversations");
        write!(f, "{silence}\nit is about {about}")?;
        if *waiting > 0 {
            let who = many(*waiting, "customer waits", "customers wait");
            write!(f, "; {who} now, and who still does when it is over is told then")?;
        }
        Ok(())
    }
}

/// A silence in a list.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Listed {
    /// It.
    pub silence: Silence,
    /// Whether it holds.
    pub active: bool,
    /// How many conversations it is about now.
    pub conversations: u64,
}

/// Somebody knows of who waits.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Acknowledged {
    /// The watch.
    pub watch: String,
    /// Who knows.
    pub by: String,
    /// Of what.
    pub waits: Vec<AckedWait>,
}

/// Who waits, and somebody knows of it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct AckedWait {
    /// The conversation, as `account/object`.
    pub conversation: String,
    /// Since when.
    pub since: Timestamp,
}

/// Of silences, the one that covers what a watch finds now: the one that lasts longest.
pub fn over<'a>(silences: &'a [Silence], watch: &Watch, now: Timestamp) -> Option<&'a Silence> {
    longest(covering(silences, watch, now))
}

/// Those that cover what a watch finds now.
fn covering<'a>(silences: &'a [Silence], watch: &Watch, now: Timestamp) -> impl Iterator<Item = &'a Silence> {
    silences.iter().filter(move |silence| silence.is_active(now) && silence.matcher.means(watch))
}

/// Which of several is told to be the reason.
fn longest<'a>(silences: impl Iterator<Item = &'a Silence>) -> Option<&'a Silence> {
    silences.max_by_key(|silence| (silence.until, silence.id))
}

/// The silences over what one answer brings, as it happens.
#[derive(Clone, Debug, Default)]
pub struct Hush {
    active: Vec<Silence>,
    /// Those that it ended, and how.
    pub over: Vec<(i64, String)>,
}

impl Hush {
    /// Those that cover what a watch finds now.
    pub fn new(silences: &[Silence], watch: &Watch, now: Timestamp) -> Self {
        Self { active: covering(silences, watch, now).cloned().collect(), over: Vec::new() }
    }

    /// The one that lasts longest.
    pub fn silence(&self) -> Option<&Silence> {
        longest(self.active.iter())
    }

    /// Takes in what happened: what ends a silence is the last that it covers.
    pub fn after(&mut self, happened: &Happened) {
        let over = &mut self.over;
        self.active.retain(|silence| {
            let end = silence.ends_with(happened);
            over.extend(end.iter().map(|why| (silence.id, why.clone())));
            end.is_none()
        });
    }
}

/// Why a notifier need not hear of something; `None` when it is told all the same.
pub fn suppresses(silence: Option<&Silence>, subject: Subject<'_>, notifier: &str) -> Option<String> {
    let silence = silence.filter(|_| !subject.kind.is_own_health())?;
    // Whoever heard that somebody waits hears that it is over.
    let is_owed = subject.told.iter().any(|alarm| alarm.to.iter().any(|name| name == notifier));
    (!is_owed).then(|| silence.to_string())
}

/// What a silence says beside the routes, where it keeps something from somebody.
pub fn said(silence: &Silence, from: &[String]) -> Said {
    Said {
        route: format!("[silence {}]", silence.id),
        told: Vec::new(),
        no: Some(format!("kept from {}: {silence}", from.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::event::EventKind;
    use crate::core::message::{Author, ChildId, Message};
    use crate::core::waiting::{Alarm, Threshold};
    use crate::core::watch::{Baseline, Priority, Stream};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn watch() -> Watch {
        Watch {
            name: "acme".into(),
            title: "ACME".into(),
            priority: Priority::Vip,
            tags: vec!["a".into(), "b".into()],
            conversation: ConversationId { account: "main".into(), object: 7 },
            stream: Stream::Number(1),
            interval: Duration::from_secs(10),
            baseline: Baseline::Silent,
        }
    }

    fn draft(matcher: Matcher, until: i64) -> Draft {
        let reason = " migration ".to_owned();
        Draft {
            matcher,
            until: at(until),
            until_reply: true,
            until_close: true,
            reason,
            by: Some("noa".into()),
        }
    }

    fn silence(id: i64, matcher: Matcher, until: i64) -> Silence {
        draft(matcher, until).silence(id, at(0), "uid 1000")
    }

    #[test]
    fn a_silence_is_about_a_watch_a_tag_or_a_conversation_until_its_time() {
        let conversation = |object| Matcher::Conversation(ConversationId { account: "main".into(), object });
        for (matcher, expected) in [
            (Matcher::Watch("acme".into()), true),
            (Matcher::Watch("acm".into()), false),
            (Matcher::Tag("b".into()), true),
            (Matcher::Tag("acme".into()), false),
            (conversation(7), true),
            (conversation(8), false),
        ] {
            assert_eq!(matcher.means(&watch()), expected, "{matcher}");
            let json = serde_json::to_string(&matcher).unwrap();
            assert_eq!(serde_json::from_str::<Matcher>(&json).unwrap(), matcher, "{json}");
        }
        let all = [
            silence(1, Matcher::Watch("acme".into()), 100),
            silence(2, Matcher::Tag("a".into()), 200),
            silence(3, Matcher::Tag("c".into()), 900),
            Silence {
                ended: Some(Ended { at: at(5), why: "x".into() }),
                ..silence(4, Matcher::Tag("a".into()), 800)
            },
        ];
        let over = |second| over(&all, &watch(), at(second)).map(|silence| silence.id);
        assert_eq!([over(0), over(150), over(199), over(200)], [Some(2), Some(2), Some(2), None]);
    }

    #[test]
    fn what_is_wrong_with_a_silence_is_said() {
        let check = |change: fn(&mut Draft)| {
            let mut draft = draft(Matcher::Tag("a".into()), 60);
            change(&mut draft);
            draft.check(at(0)).err().unwrap_or_default()
        };
        assert_eq!(check(|_| {}), "");
        assert!(check(|draft| draft.reason = " ".into()).starts_with("a silence needs a reason"));
        assert!(check(|draft| draft.reason = "a\nb".into()).starts_with("a silence needs a reason"));
        assert!(check(|draft| draft.reason = "x".repeat(201)).starts_with("the reason is longer"));
        assert!(check(|draft| draft.until = at(0)).contains(" is over\n"));
        assert!(
            check(|draft| draft.until = at(30 * 86_400 + 1)).starts_with("a silence lasts 30 days at most")
        );
        assert_eq!(check(|draft| draft.until = at(30 * 86_400)), "");
    }

    #[test]
    fn it_says_which_it_is_until_when_by_whom_and_why() {
        let one = silence(3, Matcher::Tag("a".into()), 60);
        assert_eq!(
            one.to_string(),
            "silence 3 (tag a, until 2027-01-15T08:01:00Z, or a reply, or its end, by noa (uid 1000)): migration"
        );
        assert_eq!(who(None, "uid 0"), "uid 0");
        assert_eq!(who(Some("a\nb"), "uid 0"), "ab (uid 0)");
    }

    fn message(kind: AuthorKind) -> Happened {
        Happened::Message(Message {
            id: ChildId::new("9"),
            created: Some(at(1)),
            author: Author { kind, id: None, name: None },
            text: String::new(),
            text_truncated: false,
            attachments: 0,
            text_hash: 0,
        })
    }

    #[test]
    fn a_reply_or_the_end_of_the_conversation_is_the_last_that_it_covers() {
        let status = |current| Happened::Status { previous: None, current: Some(current) };
        for (happened, until_reply, until_close, ends) in [
            (message(AuthorKind::Agent), true, false, true),
            (message(AuthorKind::Agent), false, true, false),
            (message(AuthorKind::Customer), true, true, false),
            (message(AuthorKind::Bot), true, true, false),
            (message(AuthorKind::Unknown), true, true, false),
            (status(2), false, true, true),
            (status(2), true, false, false),
            (status(1), true, true, false),
        ] {
            let one = Silence { until_reply, until_close, ..silence(3, Matcher::Tag("a".into()), 60) };
            let mut hush = Hush::new(std::slice::from_ref(&one), &watch(), at(0));
            assert_eq!(hush.silence(), Some(&one));
            hush.after(&happened);
            assert_eq!((hush.silence().is_none(), hush.over.len() == 1), (ends, ends), "{happened:?}");
        }
    }

    #[test]
    fn neither_our_own_health_nor_the_end_of_a_wait_is_kept_from_who_is_owed_it() {
        let one = silence(3, Matcher::Tag("a".into()), 60);
        let tags = watch().tags;
        let told = [Alarm { threshold: Threshold::after(60), to: vec!["pager".into()], silenced: false }];
        for kind in EventKind::ALL {
            let subject = Subject { told: &told, ..Subject::of(kind, Some(Priority::Vip), &tags) };
            let is_told = |name| suppresses(Some(&one), subject, name).is_none();
            assert_eq!(is_told("slack"), kind.is_own_health(), "{kind:?}");
            assert!(is_told("pager"), "{kind:?}");
            assert!(suppresses(None, subject, "slack").is_none());
        }
    }
}
