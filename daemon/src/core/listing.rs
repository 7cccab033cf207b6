//! Lists of conversations: what is asked for, one question at a time, and what the answers say.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use jiff::Timestamp;

use crate::core::detect::children::is_round;
use crate::core::seek::{Address, Sought};
use crate::core::watch::Stream;

/// The most conversations that one answer lists (commbox-api §13).
pub const PAGE_SIZE: usize = 100;
/// One look at all that a watch may be about asks this often at most; what lies beyond is not seen, and that is said.
/// The newest come first, so those are seen.
pub const PAGES_MAX: u32 = 10;
/// Conversations of a channel are looked for that began within this time: such a list must have a limit.
pub const CHANNEL_LOOK_BACK: Duration = Duration::from_secs(90 * 86_400);
/// How far a window reaches beyond now, so that clocks that differ hide nothing.
const AHEAD: Duration = Duration::from_secs(86_400);

/// One question.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Listing {
    /// All conversations of an identity, on every channel.
    Identity(i64),
    /// Those of an address on a channel, the newest first.
    Address {
        /// The channel.
        stream: Stream,
        /// The address.
        address: Address,
        /// From 0.
        page: u32,
    },
    /// Those of a channel that began within these times, the newest first.
    Channel {
        /// The channel.
        stream: Stream,
        /// Which of them.
        statuses: Vec<i64>,
        /// Seconds since 1970, included.
        from: i64,
        /// Seconds since 1970, included.
        until: i64,
        /// From 0.
        page: u32,
    },
}

impl Listing {
    /// What this question alone is about.
    pub fn sought(&self) -> Sought {
        match self {
            Self::Identity(identity) => Sought::Identity(*identity),
            Self::Address { stream, address, .. } => {
                Sought::Address { address: address.clone(), streams: vec![stream.clone()] }
            }
            Self::Channel { stream, statuses, .. } => {
                Sought::Channel { stream: stream.clone(), statuses: statuses.clone() }
            }
        }
    }
}

/// One conversation of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// The conversation's object id.
    pub object: i64,
    /// Its channel.
    pub stream: Stream,
    /// `ObjectStatusType`.
    pub status: Option<i64>,
    /// When it began.
    pub created: Option<Timestamp>,
    /// When it was over.
    pub closed: Option<Timestamp>,
    /// Its last update.
    pub updated: Option<Timestamp>,
    /// First and last name, if there are any.
    pub customer_name: Option<String>,
    /// `StreamProviderType`.
    pub channel: Option<i64>,
    /// The customer's identity.
    pub identity: Option<i64>,
}

/// What one answer lists.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// In the order of the answer.
    pub conversations: Vec<Listed>,
    /// How many elements could not be read.
    pub unread: usize,
    /// `CommBox`'s clock when it answered.
    pub answered_at: Option<Timestamp>,
}

/// One look at all that a watch may be about: a question after the other, until there is nothing more.
#[derive(Clone, Debug)]
pub struct Sweep {
    questions: VecDeque<Listing>,
    found: HashSet<i64>,
    pages: u32,
    began: Option<Timestamp>,
    cut: bool,
}

impl Sweep {
    /// Begins one. `now` is by `CommBox`'s clock, as far as it is known.
    pub fn new(sought: &Sought, now: Timestamp) -> Self {
        let questions = match sought {
            Sought::Identity(identity) => [Listing::Identity(*identity)].into(),
            Sought::Address { address, streams } => {
                let of = |stream: &Stream| Listing::Address {
                    stream: stream.clone(),
                    address: address.clone(),
                    page: 0,
                };
                streams.iter().map(of).collect()
            }
            Sought::Channel { stream, statuses } => [Listing::Channel {
                stream: stream.clone(),
                statuses: statuses.clone(),
                from: now.checked_sub(CHANNEL_LOOK_BACK).unwrap_or(Timestamp::UNIX_EPOCH).as_second(),
                until: now.checked_add(AHEAD).unwrap_or(Timestamp::MAX).as_second(),
                page: 0,
            }]
            .into(),
        };
        Self { questions, found: HashSet::new(), pages: 0, began: None, cut: false }
    }

    /// What to ask now; `None` = it is over.
    pub fn question(&self) -> Option<&Listing> {
        self.questions.front()
    }

    /// The question was answered. `asked_at` is when it was asked, by `CommBox`'s clock.
    pub fn answered(&mut self, page: &Page, asked_at: Timestamp) {
        self.began.get_or_insert(asked_at);
        self.pages += 1;
        self.cut |= page.unread > 0;
        let new = page.conversations.iter().filter(|one| self.found.insert(one.object)).count();
        let length = page.conversations.len() + page.unread;
        let is_full = length >= PAGE_SIZE || is_round(length);
        let Some(question) = self.questions.pop_front() else { return };
        let next = match question {
            // There is no second page of this one.
            Listing::Identity(_) => {
                self.cut |= length >= PAGE_SIZE;
                None
            }
            // The same page again: the rest cannot be had.
            Listing::Address { .. } if is_full && new == 0 => {
                self.cut = true;
                None
            }
            Listing::Address { stream, address, page } if is_full => {
                Some(Listing::Address { stream, address, page: page + 1 })
            }
            Listing::Channel { stream, statuses, from, until, page: number } if is_full => {
                // A page that begins where the last one ended is not shifted by what comes or goes meanwhile.
                let began = page.conversations.iter().filter_map(|one| one.created);
                let oldest = began.map(Timestamp::as_second).min().filter(|oldest| *oldest < until);
                let (until, page) = oldest.map_or((until, number + 1), |oldest| (oldest, 0));
                Some(Listing::Channel { stream, statuses, from, until, page })
            }
            Listing::Address { .. } | Listing::Channel { .. } => None,
        };
        if let Some(next) = next {
            self.questions.push_front(next);
        }
        if self.pages >= PAGES_MAX && !self.questions.is_empty() {
            self.questions.clear();
            self.cut = true;
        }
    }

    /// When its first question was asked, by `CommBox`'s clock.
    pub fn began(&self) -> Option<Timestamp> {
        self.began
    }

    /// Whether a conversation was listed so far.
    pub fn has_listed(&self, object: i64) -> bool {
        self.found.contains(&object)
    }

    /// Whether there may be more than was seen.
    pub fn is_cut(&self) -> bool {
        self.cut
    }
}

/// When a question was asked, by the clock of whoever answered it. Early rather than late: what `CommBox` dates to the
/// second in which a watch began counts as later.
pub fn asked_at(answered_at: Timestamp, took: Duration) -> Timestamp {
    let asked = answered_at.checked_sub(took).unwrap_or(Timestamp::MIN).as_second();
    let second = Timestamp::from_second(asked).unwrap_or(Timestamp::MIN);
    second.checked_sub(Duration::from_nanos(1)).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn page(ids: impl IntoIterator<Item = i64>) -> Page {
        let listed = |object: i64| Listed {
            object,
            stream: Stream::Number(5),
            status: Some(1),
            created: Some(at(1_000_000 + object)),
            closed: None,
            updated: None,
            customer_name: None,
            channel: None,
            identity: None,
        };
        Page { conversations: ids.into_iter().map(listed).collect(), ..Page::default() }
    }

    fn channel() -> Sweep {
        Sweep::new(&Sought::Channel { stream: Stream::Number(5), statuses: vec![1] }, at(2_000_000))
    }

    fn by_phone(streams: &[i64]) -> Sweep {
        let streams = streams.iter().map(|stream| Stream::Number(*stream)).collect();
        Sweep::new(&Sought::Address { address: Address::phone("972500123456").unwrap(), streams }, at(9))
    }

    #[test]
    fn every_channel_is_asked_and_full_pages_are_followed_to_the_end() {
        let mut sweep = by_phone(&[5, 6]);
        let mut asked = Vec::new();
        for answer in [page(0..100), page(100..103), page(200..201)] {
            let Some(Listing::Address { stream, page, .. }) = sweep.question() else { panic!("{sweep:?}") };
            asked.push((stream.to_string(), *page));
            sweep.answered(&answer, at(7));
        }
        assert_eq!(asked, [("5".to_owned(), 0), ("5".to_owned(), 1), ("6".to_owned(), 0)]);
        assert_eq!((sweep.question(), sweep.is_cut(), sweep.began()), (None, false, Some(at(7))));
    }

    #[test]
    fn a_page_that_comes_again_and_one_that_cannot_be_read_are_no_whole_list() {
        let mut sweep = by_phone(&[5]);
        sweep.answered(&page(0..100), at(7));
        sweep.answered(&page(0..100), at(7));
        assert_eq!((sweep.question(), sweep.is_cut()), (None, true));
        let mut sweep = by_phone(&[5]);
        sweep.answered(&Page { unread: 1, ..page(0..3) }, at(7));
        assert!(sweep.is_cut());
        let mut sweep = Sweep::new(&Sought::Identity(7), at(9));
        sweep.answered(&page(0..100), at(7));
        assert_eq!((sweep.question(), sweep.is_cut()), (None, true));
    }

    #[test]
    fn the_windows_of_a_channel_overlap_by_a_second() {
        let mut sweep = channel();
        sweep.answered(&page((100..200).rev()), at(7));
        let Some(Listing::Channel { until, page: number, .. }) = sweep.question() else { panic!() };
        assert_eq!((*until, *number), (1_000_100, 0));
        // All within one second: only then are pages counted.
        sweep.answered(&page(vec![100; 100]), at(7));
        let Some(Listing::Channel { until, page: number, .. }) = sweep.question() else { panic!() };
        assert_eq!((*until, *number), (1_000_100, 1));
        sweep.answered(&page(0..7), at(7));
        assert_eq!((sweep.question(), sweep.is_cut()), (None, false));
    }

    #[test]
    fn a_list_without_end_is_left_after_its_bound() {
        let mut sweep = channel();
        let mut pages = 0;
        while sweep.question().is_some() {
            let newest = 1_000_000 - i64::from(pages) * 100;
            sweep.answered(&page((newest - 100..newest).rev()), at(7));
            pages += 1;
        }
        assert_eq!((pages, sweep.is_cut()), (PAGES_MAX, true));
    }

    #[test]
    fn a_question_was_asked_before_the_second_in_which_it_was_answered() {
        let answered = "2026-03-02T10:00:05.4Z".parse().unwrap();
        assert_eq!(
            asked_at(answered, Duration::from_millis(600)).to_string(),
            "2026-03-02T10:00:03.999999999Z"
        );
    }
}
