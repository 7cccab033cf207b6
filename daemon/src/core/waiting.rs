//! Who waits: since when a customer has had no answer, and who has been told.
//!
//! The clock starts with the oldest message of the customer that nobody of the business has answered, and stops with a
//! reply. Bots and the system do not stop it, nor does an author who cannot be told from a customer; that one starts it,
//! since it may be one. All times are by `CommBox`'s clock.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::core::hours::Hours;
use crate::core::message::{Author, AuthorKind, ChildId, Message};

/// How long `CommBox` may not answer until somebody is told that a customer waits, though that could not be confirmed.
pub const UNCONFIRMED_AFTER: Duration = Duration::from_secs(120);

/// How long `WhatsApp` lets a business write freely after a message of the customer: its customer service window, which
/// begins anew with each of them.
pub const WHATSAPP_WINDOW: Duration = Duration::from_secs(24 * 3_600);
/// How long before the end of that window it is told that nobody has answered: time to find somebody who does.
pub const WHATSAPP_LEAD: Duration = Duration::from_secs(3_600);

/// When a reply window ends in a channel whose last message of the customer was then; `None` where there is none.
pub fn window_ends(channel: i64, last: Timestamp) -> Option<Timestamp> {
    // WhatsApp and WhatsApp Cloud (commbox-api §8.2). A telephone (5) may be WhatsApp as well or SMS, and is not taken for it.
    matches!(channel, 7 | 16).then(|| last.checked_add(WHATSAPP_WINDOW).ok()).flatten()
}

/// So long somebody may wait before others are told.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Threshold {
    /// How long, in seconds.
    pub seconds: u64,
    /// In which hours alone it counts; `None` = in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<String>,
    /// Whether it is the end of the reply window that counts: [`WHATSAPP_LEAD`] before it, whatever `seconds` says.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub window: bool,
}

impl Threshold {
    /// So long, at all times.
    pub fn after(seconds: u64) -> Self {
        Self { seconds, hours: None, window: false }
    }

    /// Until `WhatsApp` is about to take no more replies. Its length is that of a wait for one message.
    pub fn whatsapp_window() -> Self {
        Self { window: true, ..Self::after((WHATSAPP_WINDOW - WHATSAPP_LEAD).as_secs()) }
    }
}

/// A threshold with the hours that it means.
#[derive(Clone, Debug)]
pub struct Rule {
    /// What it is.
    pub threshold: Threshold,
    /// The hours of that name.
    pub hours: Option<Arc<Hours>>,
}

/// A customer who waits; kept with the cursor.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Waiting {
    /// The oldest message that nobody has answered.
    pub child: ChildId,
    /// When it was written.
    pub since: Timestamp,
    /// Whether the conversation is over, or was: nothing up to this message waits.
    #[serde(default)]
    pub over: bool,
    /// Nothing up to this message waits: the conversation was over then, and has gone on since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor: Option<(Timestamp, ChildId)>,
    /// When the channel's reply window ends, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_ends: Option<Timestamp>,
    /// How often it was said to be over, and then was not, or a silence that had kept it from everybody was over.
    #[serde(default)]
    pub round: u32,
    /// Which thresholds have been passed and told, in this round.
    #[serde(default)]
    pub told: Vec<Alarm>,
}

/// A threshold that was told.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Alarm {
    /// Which.
    pub threshold: Threshold,
    /// To which notifiers.
    pub to: Vec<String>,
    /// Whether a silence kept it from all of them: it is told when that is over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub silenced: bool,
}

/// Somebody knows of it: who waits is told to nobody until the customer writes again.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Acked {
    /// When they said so.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// The newest message of the customer that was known then.
    pub up_to: (Timestamp, ChildId),
}

impl Acked {
    /// Whether it still holds, by the newest message of the customer that is known now.
    pub fn holds(&self, newest: Option<&(Timestamp, ChildId)>) -> bool {
        newest.is_none_or(|newest| *newest <= self.up_to)
    }
}

/// Whether an author's message waits for an answer: one who cannot be told from a customer may be one.
pub fn starts(kind: AuthorKind) -> bool {
    matches!(kind, AuthorKind::Customer | AuthorKind::Unknown)
}

/// How waiting ends.
#[derive(Clone, Debug, PartialEq)]
pub enum Ended {
    /// Somebody replied.
    Replied {
        /// Who.
        by: Author,
        /// When.
        at: Timestamp,
    },
    /// The conversation is resolved, irrelevant, deleted or in the archive.
    Closed,
    /// The message was deleted.
    Withdrawn,
    /// `CommBox` no longer shows the conversation.
    Gone,
}

impl Ended {
    /// In a word.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Replied { .. } => "replied",
            Self::Closed => "closed",
            Self::Withdrawn => "withdrawn",
            Self::Gone => "gone",
        }
    }
}

/// Whether nobody waits in a conversation of this status, whatever was written last (commbox-api §8.1).
pub fn is_over(status_id: Option<i64>) -> bool {
    matches!(status_id, Some(2 | 4 | 5 | 14))
}

impl Waiting {
    /// Somebody waits since this message.
    pub fn new(child: ChildId, since: Timestamp) -> Self {
        Self { child, since, over: false, floor: None, window_ends: None, round: 0, told: Vec::new() }
    }

    /// Nobody waits, whatever was written up to this message.
    pub fn over(child: ChildId, since: Timestamp) -> Self {
        Self { over: true, ..Self::new(child, since) }
    }

    /// Up to which message nothing waits, whatever was written.
    pub fn floor(&self) -> Option<(Timestamp, ChildId)> {
        if self.over { Some((self.since, self.child.clone())) } else { self.floor.clone() }
    }

    /// Notes to whom these were told, and whether a silence `kept` them from somebody. Told to one, it is told.
    pub fn told_to(&mut self, passed: &[Threshold], names: &[String], kept: bool) {
        for alarm in self.told.iter_mut().filter(|alarm| passed.contains(&alarm.threshold)) {
            (alarm.to, alarm.silenced) = (names.to_vec(), kept && names.is_empty());
        }
    }

    /// Whether a silence has kept something from everybody that is to be told when it is over.
    pub fn is_silenced(&self) -> bool {
        !self.over && self.told.iter().any(|alarm| alarm.silenced)
    }

    /// No silence is over it any more: what one kept from everybody is told anew, as another round.
    pub fn end_silence(&mut self) {
        if self.is_silenced() {
            self.told.retain(|alarm| !alarm.silenced);
            self.round += 1;
        }
    }

    /// The rules whose time is over and that were not told yet, the shortest first.
    pub fn passed(&self, rules: &[Rule], now: Timestamp) -> Vec<Threshold> {
        let mut passed: Vec<Threshold> = self
            .untold(rules)
            .filter(|rule| rule.deadline(self).is_some_and(|deadline| deadline <= now))
            .map(|rule| rule.threshold.clone())
            .collect();
        passed.sort_unstable();
        passed.dedup();
        passed
    }

    /// When the next rule's time is over, told ones aside.
    pub fn deadline(&self, rules: &[Rule]) -> Option<Timestamp> {
        self.untold(rules).filter_map(|rule| rule.deadline(self)).min()
    }

    fn untold<'r>(&self, rules: &'r [Rule]) -> impl Iterator<Item = &'r Rule> {
        let is_told = |rule: &&Rule| self.told.iter().any(|alarm| alarm.threshold == rule.threshold);
        let open = if self.over { &[] } else { rules };
        open.iter().filter(move |rule| !is_told(rule))
    }

    /// Notes what is being told; to whom, whoever routes it fills in.
    pub fn tell(&mut self, passed: &[Threshold]) {
        self.told.extend(passed.iter().map(|threshold| Alarm {
            threshold: threshold.clone(),
            to: Vec::new(),
            silenced: false,
        }));
    }

    /// Whoever was told has been told that it is over. If it is not after all, that is another round.
    pub fn begin_again(&mut self) {
        self.told.clear();
        self.round += 1;
    }
}

impl Rule {
    fn deadline(&self, waiting: &Waiting) -> Option<Timestamp> {
        if self.threshold.window {
            return waiting.window_ends?.checked_sub(WHATSAPP_LEAD).ok();
        }
        let since = waiting.since;
        let wait = Duration::from_secs(self.threshold.seconds);
        match &self.hours {
            None => since.checked_add(wait).ok(),
            Some(hours) => hours.after(since, wait),
        }
    }
}

/// A message and when it was written.
type Dated<'a> = (&'a Message, Timestamp);

/// What a whole list of messages says about who waits.
#[derive(Clone, Debug)]
pub struct Look<'a> {
    /// Those with a time, oldest first.
    dated: Vec<Dated<'a>>,
    /// Nothing up to this one waits.
    floor: Option<(Timestamp, ChildId)>,
}

impl<'a> Look<'a> {
    /// Looks who waits. Nothing up to `floor` does.
    pub fn new(messages: &'a [Message], floor: Option<(Timestamp, ChildId)>) -> Self {
        let dated = messages.iter().filter_map(|message| Some((message, message.created?)));
        let mut dated: Vec<Dated<'_>> = dated.collect();
        dated.sort_by(|(one, at), (other, then)| (at, &one.id).cmp(&(then, &other.id)));
        Self { dated, floor }
    }

    /// The oldest message that nobody answered.
    pub fn oldest(&self) -> Option<Dated<'a>> {
        let is_reply = |(message, _): &Dated<'_>| message.author.kind == AuthorKind::Agent;
        let unanswered = self.dated.iter().rposition(is_reply).map_or(0, |last| last + 1);
        let is_floored = |(message, at): &Dated<'_>| {
            self.floor.as_ref().is_some_and(|(floor, id)| (*at, &message.id) <= (*floor, id))
        };
        let mut rest = self.dated[unanswered..].iter().copied();
        rest.find(|one| starts(one.0.author.kind) && !is_floored(one))
    }

    /// The newest message that a customer may have written.
    pub fn newest_of_customer(&self) -> Option<(Timestamp, ChildId)> {
        let (message, at) = self.dated.iter().rev().find(|(message, _)| starts(message.author.kind))?;
        Some((*at, message.id.clone()))
    }

    /// When the customer wrote last. Who may be somebody else opens no window.
    pub fn last_of_customer(&self) -> Option<Timestamp> {
        let customers = self.dated.iter().filter(|(message, _)| message.author.kind == AuthorKind::Customer);
        customers.map(|(_, at)| *at).next_back()
    }

    /// The newest message of all.
    pub fn newest(&self) -> Option<Dated<'a>> {
        self.dated.last().copied()
    }

    /// A message that is listed.
    pub fn message(&self, child: &ChildId) -> Option<&'a Message> {
        self.dated.iter().map(|(message, _)| *message).find(|message| message.id == *child)
    }

    /// The first reply to a message of that id and time, if there is any.
    pub fn answer(&self, child: &ChildId, since: Timestamp) -> Option<Ended> {
        let is_after = |(message, at): &&Dated<'_>| (*at, &message.id) > (since, child);
        let mut later = self.dated.iter().filter(is_after);
        let (first, at) = later.find(|(message, _)| message.author.kind == AuthorKind::Agent)?;
        Some(Ended::Replied { by: first.author.clone(), at: *at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    /// "c3 a5 u9": who wrote when; ids count up.
    fn messages(line: &str) -> Vec<Message> {
        let message = |(n, word): (usize, &str)| {
            let (who, second) = word.split_at(1);
            let kind = match who {
                "c" => AuthorKind::Customer,
                "a" => AuthorKind::Agent,
                "b" => AuthorKind::Bot,
                "s" => AuthorKind::System,
                _ => AuthorKind::Unknown,
            };
            Message {
                id: ChildId::new((n + 1).to_string()),
                created: second.parse().ok().map(at),
                author: Author { kind, id: None, name: None },
                text: String::new(),
                text_truncated: false,
                attachments: 0,
                text_hash: 0,
            }
        };
        line.split_whitespace().enumerate().map(message).collect()
    }

    #[track_caller]
    fn waits(line: &str, expected: Option<(&str, i64)>) {
        let messages = messages(line);
        let look = Look::new(&messages, None);
        let oldest = look.oldest().map(|(message, since)| (message.id.as_str().to_owned(), since));
        assert_eq!(oldest, expected.map(|(id, second)| (id.to_owned(), at(second))), "{line}");
    }

    #[test]
    fn the_clock_starts_with_the_oldest_unanswered_message_and_a_person_stops_it() {
        waits("", None);
        waits("c1", Some(("1", 1)));
        waits("c1 c5 c9", Some(("1", 1)));
        waits("c1 a5", None);
        waits("c1 a5 c7 c9", Some(("3", 7)));
        waits("a5", None);
        // Neither bots nor the system answer; an author who cannot be told may be a customer, and is no answer.
        waits("c1 b5 s6", Some(("1", 1)));
        waits("a1 u5", Some(("2", 5)));
        waits("c1 u5", Some(("1", 1)));
        waits("b1 s2", None);
        // The place in the list says nothing; within one second, the id decides.
        waits("a5 c1", None);
        waits("a5 c5", Some(("2", 5)));
        waits("c5 a5", None);
        // A message without a time starts nothing and stops nothing.
        waits("c1 a c", Some(("1", 1)));
    }

    #[test]
    fn the_first_reply_after_it_is_its_answer() {
        let list = messages("a1 c5 a9 a20 c30");
        let look = Look::new(&list, None);
        let answer = look.answer(&ChildId::new("2"), at(5));
        assert_eq!(answer, Some(Ended::Replied { by: list[2].author.clone(), at: at(9) }));
        assert_eq!(look.answer(&ChildId::new("5"), at(30)), None);
    }

    #[test]
    fn what_was_written_before_a_conversation_was_over_does_not_wait_when_it_goes_on() {
        let list = messages("c1 c5 c9");
        let oldest = |floor: i64| {
            let floor = Some((at(floor), ChildId::new("2")));
            Look::new(&list, floor).oldest().map(|(message, _)| message.id.as_str().to_owned())
        };
        assert_eq!(oldest(5), Some("3".into()));
        assert_eq!(oldest(4), Some("2".into()));
        assert_eq!(oldest(9), Some("3".into()));
        assert_eq!(oldest(10), None);
    }

    fn rules(seconds: &[u64]) -> Vec<Rule> {
        let rule = |seconds: &u64| Rule { threshold: Threshold::after(*seconds), hours: None };
        seconds.iter().map(rule).collect()
    }

    #[test]
    fn a_threshold_is_passed_when_its_time_is_over_and_told_once() {
        let mut waiting = Waiting::new(ChildId::new("1"), at(0));
        let rules = rules(&[600, 1800, 600]);
        let passed = |waiting: &Waiting, second| {
            waiting.passed(&rules, at(second)).iter().map(|one| one.seconds).collect::<Vec<_>>()
        };
        assert_eq!(waiting.deadline(&rules), Some(at(600)));
        assert_eq!(passed(&waiting, 599), [0_u64; 0]);
        assert_eq!(passed(&waiting, 600), [600]);
        assert_eq!(passed(&waiting, 9999), [600, 1800]);
        waiting.tell(&waiting.passed(&rules, at(600)));
        assert_eq!(passed(&waiting, 700), [0_u64; 0]);
        assert_eq!(waiting.deadline(&rules), Some(at(1800)));
        // Said to be over, and then it is not: everything is told anew, as another round.
        waiting.begin_again();
        assert_eq!((passed(&waiting, 9999), waiting.round), (vec![600, 1800], 1));
        let over = Waiting::over(ChildId::new("1"), at(0));
        assert_eq!((passed(&over, 9999), over.deadline(&rules)), (vec![], None));
    }

    #[test]
    fn a_clock_may_run_in_business_hours_only() {
        use jiff::civil::Time;
        let spans = vec![crate::core::hours::Span { from: Time::constant(9, 0, 0, 0), until: None }];
        let week = std::array::from_fn(|day| if day < 5 { spans.clone() } else { Vec::new() });
        let hours = Hours::new(jiff::tz::TimeZone::UTC, week, Default::default());
        let threshold = Threshold { hours: Some("desk".into()), ..Threshold::after(600) };
        let rule = Rule { threshold, hours: Some(Arc::new(hours)) };
        // A Saturday; work begins on Monday at nine.
        let since = "2026-11-28T12:00:00Z".parse().unwrap();
        let waiting = Waiting::new(ChildId::new("1"), since);
        assert_eq!(waiting.deadline(&[rule]), Some("2026-11-30T09:10:00Z".parse().unwrap()));
    }

    #[test]
    fn the_reply_window_of_whatsapp_is_told_an_hour_before_its_end_and_only_where_there_is_one() {
        let rule = Rule { threshold: Threshold::whatsapp_window(), hours: None };
        let rules = [Rule { threshold: Threshold::after(600), hours: None }, rule];
        let mut waiting = Waiting::new(ChildId::new("1"), at(0));
        // No window, no deadline of it.
        waiting.tell(&[Threshold::after(600)]);
        assert_eq!((waiting.deadline(&rules), waiting.passed(&rules, at(9_999_999)).len()), (None, 0));
        for channel in [0, 4, 5, 12] {
            assert_eq!(window_ends(channel, at(0)), None, "{channel}");
        }
        for channel in [7, 16] {
            waiting.window_ends = window_ends(channel, at(0));
            assert_eq!(waiting.window_ends, Some(at(86_400)));
        }
        assert_eq!(waiting.deadline(&rules), Some(at(82_800)));
        assert_eq!(waiting.passed(&rules, at(82_799)), []);
        assert_eq!(waiting.passed(&rules, at(82_800)), [Threshold::whatsapp_window()]);
        // She writes again, so it begins anew, while she waits as long as ever.
        waiting.window_ends = window_ends(7, at(80_000));
        assert_eq!(waiting.passed(&rules, at(82_800)), []);
        assert_eq!(waiting.deadline(&rules), Some(at(162_800)));
        waiting.tell(&[Threshold::whatsapp_window()]);
        assert_eq!(waiting.deadline(&rules), None);
    }

    #[test]
    fn a_silence_that_kept_a_wait_from_some_has_not_kept_it_from_everybody() {
        for (names, kept, silenced) in [(&["pager"][..], true, false), (&[], true, true), (&[], false, false)]
        {
            let mut waiting = Waiting::new(ChildId::new("1"), at(0));
            waiting.tell(&[Threshold::after(600)]);
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            waiting.told_to(&[Threshold::after(600)], &names, kept);
            assert_eq!(waiting.is_silenced(), silenced, "{names:?}");
            // What somebody was told is not told to them anew when the silence is over.
            waiting.end_silence();
            assert_eq!(waiting.round, u32::from(silenced), "{names:?}");
        }
    }

    #[test]
    fn a_window_is_opened_by_the_customer_alone() {
        for (line, expected) in
            [("", None), ("a5 b6 s7 u8", None), ("c1 a5", Some(1)), ("c1 c9 u12 b13 c", Some(9))]
        {
            let list = messages(line);
            assert_eq!(Look::new(&list, None).last_of_customer(), expected.map(at), "{line}");
        }
    }

    #[test]
    fn what_was_kept_before_there_were_windows_is_read_and_what_has_none_is_kept_as_before() {
        let kept = r#"{"child":"1","since":"2027-01-15T08:00:00Z","over":false,"round":0,
                       "told":[{"threshold":{"seconds":600},"to":["ops"]}]}"#;
        let waiting: Waiting = serde_json::from_str(kept).unwrap();
        assert_eq!((waiting.window_ends, &waiting.told[0].threshold), (None, &Threshold::after(600)));
        assert!(!serde_json::to_string(&waiting).unwrap().contains("window"));
    }
}
