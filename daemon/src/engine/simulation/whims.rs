//! What people have the daemon do between two actions of a script: silences, and that they know of who waits. Drawn beside
//! the script, so that the seeds without whims are what they were before there were any.

use std::sync::Arc;
use std::time::Duration;

use super::dice::Dice;
use super::house::House;
use super::markers::Marker;
use crate::core::backoff::mix;
use crate::core::silence::{Draft, Matcher};
use crate::engine::silences;

/// One seed of so many has whims.
const ONE_OF: u64 = 4;
/// Of a hundred actions, so many are followed by one.
const PERCENT: u64 = 25;

/// One thing that somebody asks for. Numbers choose one of what there is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Whim {
    Silence { conversation: u64, seconds: u64, until_reply: bool, until_close: bool },
    Expire,
    Ack { conversation: u64 },
}

/// The whims of a seed.
pub(super) struct Whims(Option<Dice>);

impl Whims {
    pub(super) fn of(seed: u64, may: bool) -> Self {
        Self((may && seed % ONE_OF == 1).then(|| Dice::new(mix(seed ^ 0x51_1e_4c_e5))))
    }

    /// What comes next, if anything.
    pub(super) fn next(&mut self) -> Option<Whim> {
        let dice = self.0.as_mut()?;
        if !dice.percent(PERCENT) {
            return None;
        }
        let conversation = dice.within(0..4);
        Some(match dice.within(0..10) {
            0..=5 => Whim::Silence {
                conversation,
                seconds: dice.within(1..1_800),
                until_reply: dice.percent(30),
                until_close: dice.percent(30),
            },
            6..=7 => Whim::Expire,
            _ => Whim::Ack { conversation },
        })
    }
}

impl House {
    pub(super) fn whim(&mut self, whim: Whim) {
        if let Some((shared, runtime)) = self.asked() {
            let ids: Vec<_> =
                self.world.with(|state| state.conversations.iter().map(|one| one.id.clone()).collect());
            let of = move |number: u64| ids[usize::try_from(number).unwrap_or(0) % ids.len()].clone();
            let world = Arc::clone(&self.world);
            runtime.spawn(async move {
                match whim {
                    Whim::Silence { conversation, seconds, until_reply, until_close } => {
                        let draft = Draft {
                            matcher: Matcher::Conversation(of(conversation)),
                            until: shared.clock.now() + Duration::from_secs(seconds),
                            until_reply,
                            until_close,
                            reason: "a whim".to_owned(),
                            by: None,
                        };
                        if silences::add(&shared, draft, "uid 0").await.is_ok() {
                            world.with(|state| state.markers.reach(Marker::Silenced));
                        }
                    }
                    Whim::Expire => {
                        let first = shared.silences.active(shared.clock.now()).first().map(|one| one.id);
                        let Some(first) = first else { return };
                        if silences::expire(&shared, first, None, "uid 0").await.is_ok() {
                            world.with(|state| state.markers.reach(Marker::SilenceExpired));
                        }
                    }
                    Whim::Ack { conversation } => {
                        let id = of(conversation);
                        let name = shared.plans.borrow().watches.get(&id).map(|watch| watch.name.clone());
                        let Some(name) = name else { return };
                        let _ = silences::ack(&shared, &name, Some(id), None, "uid 0").await;
                    }
                }
            });
        }
        self.wait(Duration::from_millis(1));
    }
}
