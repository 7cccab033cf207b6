#![allow(unreachable_pub, clippy::unwrap_used, reason = "the modules of one test binary")]
//! Power cuts, played with what the real store has written.
//!
//! A process polls and settles with the real store while every write and sync is recorded. Then images of the disk are
//! made as a power cut at some moment could have left it: all that was synced, and of the rest any part in any order.
//! The real store must open each of them, and find in it whatever it had answered before that moment.
//!
//! `COMMWATCH_IMAGES=1000 cargo test -p commwatch --test powercut` for many; `COMMWATCH_SEED=7` for other ones.

mod checked;
mod disk;
mod recorded;
mod work;

use std::collections::BTreeMap;

use crate::checked::{Fault, check};
use crate::disk::{Dice, Disk};
use crate::recorded::{Operation, record};

/// Whether the store answers a commit before it is synced, as it must not.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Answers {
    WhenSynced,
    TooEarly,
}

/// What was found in the images of one recording.
#[derive(Debug, Default)]
struct Found {
    images: u32,
    /// Writes that were not synced yet, over all images.
    unsynced: usize,
    answered: usize,
    lost: u32,
    worse: Vec<String>,
    a_loss: String,
}

fn number(name: &str, otherwise: u32) -> u32 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

fn cut(answers: Answers) -> Found {
    let images = number("COMMWATCH_IMAGES", 15);
    let mut dice = Dice::new(u64::from(number("COMMWATCH_SEED", 42)));
    let operations = record(answers);
    // Before it was opened for the first time there is nothing to lose.
    let opened = operations.iter().position(Operation::is_answer).expect("something was answered");
    let mut moments: Vec<usize> =
        (0..images).map(|_| opened + dice.below(operations.len() - opened)).collect();
    moments.sort_unstable();
    let mut found = Found::default();
    let (mut disk, mut answered, mut done) = (Disk::default(), Vec::new(), 0);
    for moment in moments {
        for operation in &operations[done..moment] {
            match operation.answer() {
                Some(lines) => answered.extend(lines.lines().map(str::to_owned)),
                None => disk.take(operation),
            }
        }
        done = moment;
        let folder = tempfile::tempdir().unwrap();
        found.unsynced += disk.after_a_cut(&mut dice, folder.path());
        found.images += 1;
        found.answered = answered.len();
        match check(&folder.path().join("commwatch.db"), &answered) {
            Ok(()) => {}
            Err(Fault::Lost(what)) => {
                found.lost += 1;
                found.a_loss = format!("at operation {moment}: {what}");
            }
            Err(Fault::Worse(what)) => found.worse.push(format!("at operation {moment}: {what}")),
        }
    }
    let kinds = operations.iter().fold(BTreeMap::<_, u32>::new(), |mut kinds, operation| {
        *kinds.entry(operation.kind()).or_default() += 1;
        kinds
    });
    println!("{answers:?}: {kinds:?}; {found:?}");
    found
}

#[test]
fn whatever_was_answered_survives_a_power_cut_at_any_moment_and_nothing_is_there_by_half() {
    let found = cut(Answers::WhenSynced);
    assert!(found.worse.is_empty(), "{:#?}", found.worse);
    assert_eq!(found.lost, 0, "{}", found.a_loss);
    assert!(
        found.unsynced > 0 && found.answered > 100,
        "the cuts fell where nothing could be lost: {found:?}"
    );
}

/// Without this, the test above might be one that nothing fails.
#[test]
fn a_store_that_answered_before_it_synced_would_be_found_out() {
    let found = cut(Answers::TooEarly);
    assert!(found.worse.is_empty(), "{:#?}", found.worse);
    assert!(found.lost > 0, "{found:?}");
}
