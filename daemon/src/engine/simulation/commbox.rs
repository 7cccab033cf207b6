//! A simulated `CommBox`: what is true of each conversation, what it was at any time before, and answers that tell it
//! well or badly.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;

use super::dice::Dice;
use crate::core::watch::ConversationId;

/// What is true of one conversation.
#[derive(Clone, Debug)]
pub(super) struct Conversation {
    pub(super) id: ConversationId,
    /// Every message that ever was.
    pub(super) messages: Vec<Message>,
    pub(super) status: i64,
    pub(super) assigned: i64,
    updated: Timestamp,
    /// How it was, since when.
    before: Vec<(Timestamp, Shown)>,
    odd: Odd,
    odd_answers: u32,
}

#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) id: u64,
    pub(super) created: Timestamp,
    pub(super) agent: bool,
    /// The last is the one that is shown.
    pub(super) texts: Vec<String>,
    pub(super) deleted: bool,
    /// Whether it ever was.
    pub(super) was_deleted: bool,
    pub(super) back_dated: bool,
    pub(super) tied: bool,
}

/// What an answer shows.
#[derive(Clone, Debug)]
struct Shown {
    messages: Vec<Message>,
    status: i64,
    assigned: i64,
    updated: Timestamp,
}

/// What is wrong with the answers about one conversation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Odd {
    No,
    /// By a replica that is behind.
    Stale {
        seconds: u32,
    },
    /// Only the newest, a round number.
    Truncated {
        keep: u8,
    },
    EmptyChilds,
    NullChilds,
    WrongObject,
    /// A 200 whose envelope says otherwise.
    Envelope(u16),
    Missing,
    /// One message that cannot be read.
    Garbled {
        which: u8,
    },
    BrokenJson,
}

/// What is wrong with the answers of an account.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Weather {
    Calm,
    Slow,
    Throttled { retry_after: Option<u16> },
    Denied,
    Failing { retry_after: Option<u16> },
    Silent,
}

/// What an answer that could be used showed.
#[derive(Clone, Debug)]
pub(super) struct Served {
    pub(super) at: Timestamp,
    pub(super) texts: BTreeMap<u64, String>,
    /// The newest that could be read.
    pub(super) newest: Option<u64>,
    pub(super) updated: Timestamp,
    pub(super) garbled: Option<u64>,
    pub(super) listed: bool,
    pub(super) status: i64,
    pub(super) assigned: i64,
}

impl Conversation {
    /// One that has been going on for a while.
    pub(super) fn drawn(id: ConversationId, now: Timestamp, dice: &mut Dice) -> Self {
        let mut conversation = Self {
            id,
            messages: Vec::new(),
            status: 1,
            assigned: 0,
            updated: now - Duration::from_secs(60),
            before: Vec::new(),
            odd: Odd::No,
            odd_answers: 0,
        };
        let long = dice.percent(20);
        for n in 0..if long { dice.within(20..32) } else { dice.within(0..6) } {
            let created = now - Duration::from_secs(3600 - n * 60);
            conversation.add(created, dice.percent(30), false, false, dice);
        }
        conversation.remember(now);
        conversation
    }

    /// Somebody writes. Ids grow, but not always.
    pub(super) fn say(
        &mut self,
        agent: bool,
        back_dated: Option<Duration>,
        tied: bool,
        now: Timestamp,
        dice: &mut Dice,
    ) {
        let last = self.messages.last().map(|message| message.created);
        let created = match (back_dated, last) {
            (Some(back), _) => now - back,
            (None, Some(last)) if tied => last,
            _ => now,
        };
        self.add(created, agent, back_dated.is_some(), tied && last.is_some(), dice);
        self.changed(now);
    }

    fn add(&mut self, created: Timestamp, agent: bool, back_dated: bool, tied: bool, dice: &mut Dice) {
        let object = self.id.object.cast_unsigned();
        let mut id = object * 1_000_000 + 1_000 * self.messages.len() as u64 + dice.within(0..400);
        if dice.percent(10) {
            id -= 700;
        }
        while self.messages.iter().any(|message| message.id == id) {
            id += 1;
        }
        let texts = vec![format!("text {id}")];
        let created = Timestamp::from_second(created.as_second()).expect("a time");
        self.messages.push(Message {
            id,
            created,
            agent,
            texts,
            deleted: false,
            was_deleted: false,
            back_dated,
            tied,
        });
    }

    /// One of the messages that are shown, if there is any.
    fn shown(&mut self, which: u8) -> Option<&mut Message> {
        let mut shown: Vec<&mut Message> =
            self.messages.iter_mut().filter(|message| !message.deleted).collect();
        let count = shown.len();
        (count > 0).then(|| shown.swap_remove(usize::from(which) % count))
    }

    pub(super) fn edit(&mut self, which: u8, now: Timestamp) {
        let Some(message) = self.shown(which) else { return };
        // There and back again, too.
        let next = match message.texts.len() {
            n if n % 3 == 2 => message.texts[n - 2].clone(),
            n => format!("text {} edit {n}", message.id),
        };
        message.texts.push(next);
        self.changed(now);
    }

    /// Never the last one that is left: a list that is empty all of a sudden is taken for a faulty answer.
    pub(super) fn delete(&mut self, which: u8, now: Timestamp) {
        if self.messages.iter().filter(|message| !message.deleted).count() < 2 {
            return;
        }
        let Some(message) = self.shown(which) else { return };
        (message.deleted, message.was_deleted) = (true, true);
        self.changed(now);
    }

    pub(super) fn restore(&mut self, now: Timestamp) {
        let Some(message) = self.messages.iter_mut().rev().find(|message| message.deleted) else {
            return;
        };
        message.deleted = false;
        self.changed(now);
    }

    pub(super) fn set_status(&mut self, status: i64, now: Timestamp) {
        self.status = status;
        self.changed(now);
    }

    pub(super) fn assign(&mut self, agent: i64, now: Timestamp) {
        self.assigned = agent;
        self.changed(now);
    }

    pub(super) fn turn(&mut self, odd: Odd, answers: u32) {
        (self.odd, self.odd_answers) = (odd, answers);
    }

    fn changed(&mut self, now: Timestamp) {
        self.updated = now;
        self.remember(now);
    }

    fn remember(&mut self, now: Timestamp) {
        self.before.push((now, self.as_shown()));
    }

    fn as_shown(&self) -> Shown {
        let messages = self.messages.iter().filter(|message| !message.deleted).cloned().collect();
        Shown { messages, status: self.status, assigned: self.assigned, updated: self.updated }
    }

    /// How an answer is odd, which uses that up.
    pub(super) fn take_odd(&mut self) -> Odd {
        if self.odd_answers == 0 {
            return Odd::No;
        }
        self.odd_answers -= 1;
        self.odd
    }

    /// The body of an answer, and what can be read in it.
    pub(super) fn answer(&self, odd: Odd, now: Timestamp) -> (Vec<u8>, Option<Served>) {
        let mut shown = match odd {
            Odd::Stale { seconds } => self.at(now - Duration::from_secs(seconds.into())),
            _ => self.as_shown(),
        };
        shown.messages.sort_by_key(|message| (message.created, message.id));
        if let Odd::Truncated { keep } = odd {
            let over = shown.messages.len().saturating_sub(keep.into());
            shown.messages.drain(..over);
        }
        if matches!(odd, Odd::EmptyChilds | Odd::NullChilds) {
            shown.messages.clear();
        }
        let garbled = match odd {
            Odd::Garbled { which } if !shown.messages.is_empty() => {
                Some(shown.messages[usize::from(which) % shown.messages.len()].id)
            }
            _ => None,
        };
        let mut body = self.render(&shown, garbled, odd, now).into_bytes();
        if odd == Odd::BrokenJson {
            body.truncate(body.len() - 3);
        }
        let text = |message: &Message| message.texts.last().cloned().unwrap_or_default();
        let served = Served {
            at: now,
            texts: shown.messages.iter().map(|message| (message.id, text(message))).collect(),
            newest: shown.messages.iter().map(|message| message.id).rfind(|id| Some(*id) != garbled),
            updated: shown.updated,
            garbled,
            listed: odd != Odd::NullChilds,
            status: shown.status,
            assigned: shown.assigned,
        };
        let is_usable = !matches!(odd, Odd::WrongObject | Odd::Envelope(_) | Odd::BrokenJson);
        (body, is_usable.then_some(served))
    }

    /// As it was.
    fn at(&self, then: Timestamp) -> Shown {
        let known = self.before.iter().rev().find(|(since, _)| *since <= then).or(self.before.first());
        // What was changed twice within a second cannot be told apart by its time: a copy has both or none.
        let second = known.map(|(_, shown)| shown.updated.as_second());
        let known = self.before.iter().rev().find(|(_, shown)| Some(shown.updated.as_second()) == second);
        known.map_or_else(|| self.as_shown(), |(_, shown)| shown.clone())
    }

    fn render(&self, shown: &Shown, garbled: Option<u64>, odd: Odd, now: Timestamp) -> String {
        let status = match odd {
            Odd::Envelope(status) => status,
            _ => 200,
        };
        let object = self.id.object + i64::from(odd == Odd::WrongObject);
        let mut body = format!(
            r#"{{"status":{status},"description":"made","response_time":"{now}","data":[{{"objectId":{object},"streamId":532,"streamProviderType":7,"statusId":{},"assignedManagerId":{},"updatedTime":"{}","user":{{"id":66,"isManager":false,"firstName":"Dana"}},"childs":"#,
            shown.status, shown.assigned, shown.updated
        );
        if odd == Odd::NullChilds {
            body.push_str("null");
        } else {
            body.push('[');
            // As CommBox does: the newest first.
            for (n, message) in shown.messages.iter().rev().enumerate() {
                if n > 0 {
                    body.push(',');
                }
                let text = message.texts.last().map_or("", String::as_str);
                let (id, created, agent) = (message.id, message.created, message.agent);
                let user = if agent { 51 } else { 66 };
                let text = if garbled == Some(id) { "{}".to_owned() } else { format!("\"{text}\"") };
                let _ = write!(
                    body,
                    r#"{{"id":{id},"createdTime":"{created}","message":{text},"type":4,"user":{{"id":{user},"isManager":{agent}}}}}"#
                );
            }
            body.push(']');
        }
        body.push_str("}]}");
        body
    }
}
