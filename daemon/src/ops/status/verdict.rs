//! The answer to the first question: are the VIPs fresh?

use crate::core::plural::form;

/// How well the VIPs are seen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Vips {
    /// How many there are.
    pub all: usize,
    /// How many of them are fresh.
    pub fresh: usize,
    /// How many of the others have not been asked for yet, since the daemon has just started.
    pub first: usize,
}

/// That, as it is said everywhere.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verdict {
    /// One sentence.
    pub text: String,
    /// How good that is.
    pub mood: Mood,
}

/// How good something is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mood {
    /// As it should be.
    Good,
    /// Somebody should look.
    Bad,
    /// Neither: nothing is asked of it, or not yet.
    Neither,
}

impl Vips {
    /// Are they fresh?
    pub fn verdict(self) -> Verdict {
        let Self { all, fresh, first } = self;
        let stale = all.saturating_sub(fresh);
        let be = form(stale, "is", "are");
        let (text, mood) = match (all, stale) {
            (0, _) => ("No watch is a VIP.".to_owned(), Mood::Neither),
            (1, 0) => ("The VIP is fresh.".to_owned(), Mood::Good),
            (_, 0) => (format!("All {all} VIPs are fresh."), Mood::Good),
            (1, _) if first == stale => ("The VIP is read for the first time.".to_owned(), Mood::Neither),
            (_, _) if first == stale => {
                (format!("{stale} of {all} VIPs {be} read for the first time."), Mood::Neither)
            }
            (1, _) => ("The VIP is not fresh.".to_owned(), Mood::Bad),
            (_, _) => (format!("{stale} of {all} VIPs {be} not fresh."), Mood::Bad),
        };
        Verdict { text, mood }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_question_is_answered_in_one_sentence() {
        for (all, fresh, first, text, mood) in [
            (0, 0, 0, "No watch is a VIP.", Mood::Neither),
            (1, 1, 0, "The VIP is fresh.", Mood::Good),
            (3, 3, 0, "All 3 VIPs are fresh.", Mood::Good),
            (1, 0, 1, "The VIP is read for the first time.", Mood::Neither),
            (3, 2, 1, "1 of 3 VIPs is read for the first time.", Mood::Neither),
            (3, 1, 2, "2 of 3 VIPs are read for the first time.", Mood::Neither),
            (1, 0, 0, "The VIP is not fresh.", Mood::Bad),
            (3, 2, 0, "1 of 3 VIPs is not fresh.", Mood::Bad),
            (3, 0, 2, "3 of 3 VIPs are not fresh.", Mood::Bad),
        ] {
            let verdict = Vips { all, fresh, first }.verdict();
            assert_eq!((verdict.text.as_str(), verdict.mood), (text, mood));
        }
    }
}
