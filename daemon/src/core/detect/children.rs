//! The children of one answer: new ones, edited ones, missing ones.

use std::time::Duration;

use jiff::Timestamp;

use super::{CONFIRM_AFTER, EDITS_MAX, Happened, MISSING_MAX, Work, is_present, listed, order};
use crate::core::cursor::{Seen, VANISHED_KEPT, Vanished};
use crate::core::message::{CHILDREN_MAX, ChildId, Message, Unparsed};
use crate::core::plural::many;
use crate::core::watch::{Baseline, Since};

/// Lengths at which a list is cut, below the multiples of fifty that are taken for such anyway.
const ROUND_LENGTHS: [usize; 4] = [20, 25, 30, 40];

/// A child, and what is known of it.
type Known<'a> = (&'a ChildId, &'a Seen);

/// Which unseen children are part of the baseline rather than news.
enum BaselineOf {
    /// All but this one.
    AllBut(Option<ChildId>),
    /// Those written before, but this one.
    Before(Timestamp, Option<ChildId>),
    /// None.
    Nothing,
}

/// What is missing of what was known.
#[derive(Default)]
struct Missing {
    /// Children that may have been deleted.
    gone: Vec<ChildId>,
    /// The oldest, of a list that has come down to a round length: deleted, or cut off. A later answer tells.
    undecided: Vec<ChildId>,
    /// Children that a list which was cut does not reach: nothing can be known of those.
    beyond: Vec<ChildId>,
    /// Perhaps others were never seen.
    gap: bool,
}

impl Work<'_> {
    pub(super) fn children(&mut self) {
        let baseline = self.baseline_of();
        self.change.after.listed = true;
        self.found.pending |= !self.snapshot.unparsed.is_empty() || self.snapshot.children_cut;
        let missing = if self.stale { Missing::default() } else { self.missing() };
        self.gap(&missing);
        self.created(&baseline);
        self.unparsed(&baseline);
        if !self.stale {
            self.edited();
        }
        missing.gone.into_iter().for_each(|id| self.vanished(id));
        missing.undecided.into_iter().for_each(|id| self.unconfirmed(id));
        missing.beyond.into_iter().for_each(|id| self.out_of_sight(id));
        self.forget();
    }

    fn baseline_of(&self) -> BaselineOf {
        let before = match self.cursor.baseline_at {
            Some(_) if self.cursor.listed => return BaselineOf::Nothing,
            Some(at) if !self.first_sight => at,
            _ => self.answered_at(),
        };
        match self.asked.baseline {
            Baseline::Opened => BaselineOf::Nothing,
            Baseline::Silent if self.first_sight => BaselineOf::AllBut(None),
            Baseline::Silent => BaselineOf::Before(before, None),
            Baseline::Newest => {
                let newest = self.snapshot.messages.iter().max_by_key(|m| order(m.created, &m.id));
                let newest = newest.map(|message| message.id.clone());
                if self.first_sight { BaselineOf::AllBut(newest) } else { BaselineOf::Before(before, newest) }
            }
            Baseline::Since(Since::At(at)) => BaselineOf::Before(at.min(before), None),
            Baseline::Since(Since::Before(age)) => {
                BaselineOf::Before(before.checked_sub(age).unwrap_or(Timestamp::MIN), None)
            }
        }
    }

    /// Unseen children, and such as could not be read when they were first seen.
    fn created(&mut self, baseline: &BaselineOf) {
        let mut news: Vec<&Message> = Vec::new();
        for message in &self.snapshot.messages {
            let known = self.cursor.seen.get(&message.id);
            if known.is_some_and(|seen| !seen.unparsed) {
                continue;
            }
            let is_baseline = known.map_or_else(|| baseline.holds(message), |seen| seen.baseline);
            if !is_baseline {
                news.push(message);
            }
            let seen = Seen {
                instant: message.created,
                text_hash: message.text_hash,
                revision: known.map_or(0, |seen| seen.revision),
                author: Some(message.author.kind),
                unparsed: false,
                baseline: is_baseline,
                found_at: known.map_or(Some(self.asked.now), |seen| seen.found_at),
                vanished: None,
            };
            self.change.seen.push((message.id.clone(), seen));
        }
        news.sort_by(|a, b| order(a.created, &a.id).cmp(&order(b.created, &b.id)));
        self.found.happened.extend(news.into_iter().cloned().map(Happened::Message));
    }

    fn unparsed(&mut self, baseline: &BaselineOf) {
        let mut news: Vec<&Unparsed> = Vec::new();
        for child in &self.snapshot.unparsed {
            match self.cursor.seen.get(&child.id) {
                Some(seen) if is_present(seen) => {}
                Some(seen) => {
                    self.change.seen.push((child.id.clone(), Seen { vanished: None, ..seen.clone() }));
                }
                None => {
                    // When it was written cannot be read: at first sight it is part of what was there.
                    let is_baseline = self.first_sight && !matches!(baseline, BaselineOf::Nothing);
                    if !is_baseline {
                        news.push(child);
                    }
                    let seen = Seen {
                        instant: None,
                        text_hash: 0,
                        revision: 0,
                        author: None,
                        unparsed: true,
                        baseline: is_baseline,
                        found_at: Some(self.asked.now),
                        vanished: None,
                    };
                    self.change.seen.push((child.id.clone(), seen));
                }
            }
        }
        news.sort_by(|a, b| a.id.cmp(&b.id));
        self.found.happened.extend(news.into_iter().cloned().map(Happened::Unparsed));
    }

    /// Known children with another text, and such as are back.
    fn edited(&mut self) {
        let known = |message: &Message| self.cursor.seen.get(&message.id).filter(|seen| !seen.unparsed);
        let mut changed: Vec<(&Message, &Seen)> = Vec::new();
        let mut all = 0;
        for message in &self.snapshot.messages {
            let Some(seen) = known(message) else { continue };
            all += 1;
            if seen.text_hash != message.text_hash {
                changed.push((message, seen));
            } else if !is_present(seen) {
                self.change.seen.push((message.id.clone(), Seen { vanished: None, ..seen.clone() }));
            }
        }
        changed.sort_by(|(a, _), (b, _)| order(a.created, &a.id).cmp(&order(b.created, &b.id)));
        let is_reworded = changed.len() > EDITS_MAX && changed.len() * 2 > all;
        self.found.reworded = if is_reworded { changed.len() } else { 0 };
        for (message, seen) in changed {
            let revision = seen.revision + u32::from(!is_reworded);
            let now = Seen { text_hash: message.text_hash, revision, vanished: None, ..seen.clone() };
            self.change.seen.push((message.id.clone(), now));
            if !is_reworded {
                self.found.happened.push(Happened::Edited { message: message.clone(), revision });
            }
        }
    }

    /// What was there and is not listed, oldest first, and what that looks like.
    fn missing(&self) -> Missing {
        let there = listed(self.snapshot);
        let was_there: Vec<Known<'_>> = self
            .cursor
            .seen
            .iter()
            .filter(|(_, seen)| matches!(seen.vanished, None | Some((_, Vanished::Unconfirmed))))
            .collect();
        let mut missing: Vec<Known<'_>> =
            was_there.iter().copied().filter(|(id, _)| !there.contains(id)).collect();
        missing.sort_by(|a, b| order(a.1.instant, a.0).cmp(&order(b.1.instant, b.0)));
        let ids = |some: &[Known<'_>]| some.iter().map(|(id, _)| (*id).clone()).collect();
        let overlaps = missing.len() < was_there.len();
        let is_round = is_round(there.len());
        let cut = self.snapshot.children_cut
            || (!missing.is_empty() && !overlaps && (missing.len() > 1 || is_round))
            || (missing.len() > MISSING_MAX && missing.len() * 2 > was_there.len());
        let (oldest, gone) = self.reach(&missing);
        if cut {
            let gap = !overlaps || !gone.is_empty();
            return Missing { beyond: ids(&missing), gap, ..Missing::default() };
        }
        if !is_round {
            return Missing { gone: ids(&missing), ..Missing::default() };
        }
        let (oldest, gone) = (ids(&oldest), ids(&gone));
        // At the same length with something new in it, a window has moved on.
        if there.iter().any(|id| !self.cursor.seen.contains_key(id)) {
            return Missing { gone, beyond: oldest, ..Missing::default() };
        }
        Missing { gone, undecided: oldest, ..Missing::default() }
    }

    /// Of those that are missing: which a list that was cut might not reach, since they are older than all that is
    /// listed or nobody knows how old they are; and which it would.
    fn reach<'m>(&self, missing: &[Known<'m>]) -> (Vec<Known<'m>>, Vec<Known<'m>>) {
        let listed = &self.snapshot.messages;
        let oldest = listed.iter().map(|message| order(message.created, &message.id)).min();
        missing.iter().partition(|(id, seen)| {
            seen.instant.is_none() || oldest.is_some_and(|oldest| order(seen.instant, id) < oldest)
        })
    }

    /// Said each time that messages may lie between two lists, and once while there are more than are looked at.
    fn gap(&mut self, missing: &Missing) {
        let now = self.asked.now;
        let why = match missing {
            _ if self.snapshot.children_cut && self.cursor.gap_since.is_none() => {
                self.change.after.gap_since = Some(now);
                format!(
                    "the conversation has more than {CHILDREN_MAX} messages; only the newest are looked at"
                )
            }
            Missing { gap: true, beyond, .. } => format!(
                "the list of messages looks cut: {} missing at once; others may have been missed",
                many(beyond.len(), "known one is", "known ones are")
            ),
            _ => return,
        };
        self.found.happened.push(Happened::Gap { since: now, why });
    }

    fn vanished(&mut self, id: ChildId) {
        let now = self.asked.now;
        let Some(seen) = self.cursor.seen.get(&id) else { return };
        let with = |vanished, revision| Seen { vanished: Some((now, vanished)), revision, ..seen.clone() };
        match seen.vanished {
            // It is told apart by what it says; whether it is gone or says something else cannot be known.
            _ if id.is_approximate() => {
                self.change.seen.push((id, with(Vanished::OutOfSight, seen.revision)));
            }
            Some((at, _)) if Duration::try_from(now.duration_since(at)).is_ok_and(|d| d >= CONFIRM_AFTER) => {
                let revision = seen.revision + 1;
                self.change.seen.push((id.clone(), with(Vanished::Deleted, revision)));
                if seen.unparsed && seen.baseline {
                    return;
                }
                let (author, created) = (seen.author, seen.instant);
                self.found.happened.push(Happened::Deleted { id, author, created, revision });
            }
            _ => self.unconfirmed(id),
        }
    }

    /// Missing, and nothing can be said of that yet.
    fn unconfirmed(&mut self, id: ChildId) {
        let now = self.asked.now;
        self.found.pending = true;
        let Some(seen) = self.cursor.seen.get(&id) else { return };
        // First missed now, or by a clock that was ahead.
        if seen.vanished.is_none_or(|(at, _)| at > now) {
            let vanished = Some((now, Vanished::Unconfirmed));
            self.change.seen.push((id, Seen { vanished, ..seen.clone() }));
        }
    }

    fn out_of_sight(&mut self, id: ChildId) {
        if let Some(seen) = self.cursor.seen.get(&id) {
            let vanished = Some((self.asked.now, Vanished::OutOfSight));
            self.change.seen.push((id, Seen { vanished, ..seen.clone() }));
        }
    }

    /// What has been gone for long is not remembered any more.
    fn forget(&mut self) {
        let there = listed(self.snapshot);
        let now = self.asked.now;
        for (id, seen) in &self.cursor.seen {
            let Some((at, Vanished::Deleted | Vanished::OutOfSight)) = seen.vanished else { continue };
            let for_long = Duration::try_from(now.duration_since(at)).is_ok_and(|age| age > VANISHED_KEPT);
            if for_long && !there.contains(id) {
                self.change.forget.push(id.clone());
            }
        }
    }
}

impl BaselineOf {
    fn holds(&self, message: &Message) -> bool {
        match self {
            Self::AllBut(one) => one.as_ref() != Some(&message.id),
            Self::Before(at, one) => {
                one.as_ref() != Some(&message.id) && message.created.is_some_and(|created| created <= *at)
            }
            Self::Nothing => false,
        }
    }
}

/// Whether a list may have been cut at this length.
pub(crate) fn is_round(length: usize) -> bool {
    length > 0 && (length.is_multiple_of(50) || ROUND_LENGTHS.contains(&length))
}
