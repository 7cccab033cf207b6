//! Faults that last: when a line about one is due. One when it begins, one every ten minutes while it lasts, one when it is
//! over; and no more than that, however often it begins and ends meanwhile. Pure: time is the span since the engine began.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// While a fault lasts, it is said again after so long.
pub const AGAIN_EVERY: Duration = Duration::from_secs(600);
/// Of so many it is remembered that a fault concerns them.
const CONCERNED_MAX: usize = 10_000;

/// Faults, by cause.
#[derive(Debug)]
pub struct Lasting<K> {
    faults: BTreeMap<K, Fault>,
}

impl<K> Default for Lasting<K> {
    fn default() -> Self {
        Self { faults: BTreeMap::new() }
    }
}

#[derive(Debug)]
struct Fault {
    since: Duration,
    /// When a line about it was last due.
    said: Duration,
    times: u64,
    concerned: BTreeSet<String>,
    /// How many were concerned at most.
    most: usize,
    /// Whether its end is worth a line, since its beginning or its lasting was.
    told: bool,
}

/// What there is to say of a fault.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Said {
    /// For how long it has lasted; zero = it begins.
    pub lasts: Duration,
    /// How often something failed because of it.
    pub times: u64,
    /// How many were concerned at most.
    pub concerned: usize,
}

impl<K: Clone + Ord> Lasting<K> {
    /// Something failed, for this cause, of whom; says what is due to be said.
    pub fn fails(&mut self, cause: K, whose: &str, now: Duration) -> Option<Said> {
        let is_new = !self.faults.contains_key(&cause);
        let fault = self.faults.entry(cause).or_insert_with(|| Fault::new(now));
        if !is_new && fault.concerned.is_empty() {
            *fault = Fault { said: fault.said, ..Fault::new(now) };
        }
        fault.times += 1;
        if fault.concerned.len() < CONCERNED_MAX {
            fault.concerned.insert(whose.to_owned());
        }
        fault.most = fault.most.max(fault.concerned.len());
        if !is_new && now.saturating_sub(fault.said) < AGAIN_EVERY {
            return None;
        }
        (fault.said, fault.told) = (now, true);
        Some(fault.said(now))
    }

    /// Nothing is asked any more of whom this does not keep.
    pub fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        for fault in self.faults.values_mut() {
            fault.concerned.retain(|whose| keep(whose));
        }
    }

    /// All goes well with whom; gives the faults that are over with that, where that is worth saying.
    pub fn well(&mut self, whose: &str, now: Duration) -> Vec<(K, Said)> {
        if self.faults.is_empty() {
            return Vec::new();
        }
        let mut over = Vec::new();
        for (cause, fault) in &mut self.faults {
            if fault.concerned.remove(whose) && fault.concerned.is_empty() && fault.told {
                over.push((cause.clone(), fault.said(now)));
            }
        }
        // One that begins again soon is the same.
        self.faults
            .retain(|_, fault| !fault.concerned.is_empty() || now.saturating_sub(fault.said) < AGAIN_EVERY);
        over
    }
}

impl Fault {
    fn new(now: Duration) -> Self {
        Self { since: now, said: now, times: 0, concerned: BTreeSet::new(), most: 0, told: false }
    }

    fn said(&self, now: Duration) -> Said {
        Said { lasts: now.saturating_sub(self.since), times: self.times, concerned: self.most }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// "12s f:a" = at 12 s it fails for a; gives the lines that are due.
    fn lines(script: &str) -> Vec<String> {
        let mut lasting = Lasting::default();
        let mut lines = Vec::new();
        for step in script.split(',').map(str::trim) {
            let (time, what) = step.split_once(' ').unwrap();
            let (now, whose) = (at(time.parse().unwrap()), &what[1..]);
            let said = match what.as_bytes()[0] {
                b'-' => lasting.fails("503", whose, now).into_iter().collect(),
                _ => lasting.well(whose, now).into_iter().map(|(_, said)| said).collect::<Vec<_>>(),
            };
            lines.extend(said.into_iter().map(|Said { lasts, times, concerned }| {
                format!("{}: {} s, {times} of {concerned}", time, lasts.as_secs())
            }));
        }
        lines
    }

    #[test]
    fn a_fault_is_a_line_when_it_begins_every_ten_minutes_and_when_it_is_over() {
        assert_eq!(lines("0 -a, 10 -a, 20 -a, 30 +a"), ["0: 0 s, 1 of 1", "30: 30 s, 3 of 1"]);
        assert_eq!(
            lines("0 -a, 300 -a, 599 -a, 600 -a, 700 -a, 1200 -a, 1300 +a"),
            ["0: 0 s, 1 of 1", "600: 600 s, 4 of 1", "1200: 1200 s, 6 of 1", "1300: 1300 s, 6 of 1"]
        );
    }

    #[test]
    fn one_cause_is_one_fault_however_many_it_concerns_and_over_when_the_last_is_well() {
        assert_eq!(lines("0 -a, 1 -b, 2 -c, 3 +a, 4 +b, 5 +a, 6 +c"), ["0: 0 s, 1 of 1", "6: 6 s, 3 of 3"]);
        assert!(lines("0 +a, 1 +b").is_empty());
    }

    #[test]
    fn one_that_comes_and_goes_is_no_flood() {
        let script: Vec<String> = (0..200).map(|n| format!("{} -a, {} +a", n * 10, n * 10 + 5)).collect();
        let lines = lines(&script.join(", "));
        assert!(lines.len() <= 2 * (2_000 / 600 + 1), "{lines:#?}");
        assert_eq!(lines[..3], ["0: 0 s, 1 of 1", "5: 5 s, 1 of 1", "600: 0 s, 1 of 1"]);
    }
}
