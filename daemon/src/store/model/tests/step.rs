//! What is done to the store and its model, and how often.

use proptest::prelude::*;

use super::CONVERSATIONS;

/// One thing that is done to both.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// A poll brings some messages, of which the first few may be known already.
    Poll {
        object: i64,
        messages: u64,
        known: u64,
        notifiers: u8,
        stale: bool,
    },
    /// Children vanish, and one is forgotten.
    Vanish {
        object: i64,
        which: u64,
    },
    /// One of the deliveries that are due ends so.
    Settle {
        notifier: u8,
        which: prop::sample::Index,
        end: SettleAs,
    },
    /// One that is due is handed over; perhaps the plugin never gets it.
    HandOver {
        notifier: u8,
        which: prop::sample::Index,
        taken_back: bool,
    },
    Replay {
        dead: bool,
        notifier: u8,
    },
    DropDead,
    BringForward {
        notifier: u8,
    },
    /// What waits since so many seconds is given up.
    GiveUp {
        seconds: u16,
    },
    /// A message is deleted in CommBox.
    Deleted {
        object: i64,
        which: u64,
    },
    Watched {
        objects: u8,
    },
    /// A look finds some, and another is forgotten.
    Discover {
        seek: u8,
        objects: u8,
        forget: i64,
    },
    /// An attempt that had ended already ends again.
    SettleAgain {
        which: prop::sample::Index,
    },
    /// What was not accepted in time is told to the notifier of that number, which may have it already.
    FallBack {
        notifier: u8,
        gone: bool,
    },
    /// One that is due is held back.
    Hold {
        notifier: u8,
        which: prop::sample::Index,
        seconds: u16,
        why: u8,
    },
    Release {
        notifier: u8,
    },
    /// Of a lane, or of those that are held back, the first few become one.
    Gather {
        notifier: u8,
        object: i64,
        held: Option<u8>,
        count: u8,
        lane: bool,
    },
    /// A key ends soon.
    Expiring {
        account: u8,
        ends: u8,
        stage: u8,
    },
    Begin {
        subject: u8,
    },
    End {
        subject: u8,
    },
    Summarise {
        object: i64,
        failed: bool,
    },
    /// A silence is added, until so many seconds from now; or one is ended, perhaps by a poll.
    Silence {
        seconds: u16,
    },
    EndSilence {
        id: i64,
        by_poll: bool,
    },
    /// Somebody knows of who waits, if anybody does; and polls go on.
    Ack {
        object: i64,
        waits: bool,
    },
    /// A sign of life; or what is left of those before so many seconds need not be told.
    Beat {
        notifiers: u8,
    },
    OutliveBeats {
        seconds: u16,
    },
    Prune {
        rows: u16,
        text: u16,
    },
    /// The clock, a few seconds ahead or back.
    Clock {
        seconds: i16,
    },
    /// The clock is said to have been set.
    ClockMoved {
        by: Option<i16>,
    },
    Reopen,
}

/// How a delivery ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum SettleAs {
    Delivered,
    Dead,
    Retry { after: u16, aside: bool },
    Broken,
    Crashed,
}

/// Whatever a store is asked for, what happens often more often.
pub(super) fn step() -> impl Strategy<Value = Step> {
    let end = prop_oneof![
        4 => Just(SettleAs::Delivered),
        1 => Just(SettleAs::Dead),
        3 => (0..5_000_u16, any::<bool>()).prop_map(|(after, aside)| SettleAs::Retry { after, aside }),
        1 => Just(SettleAs::Broken),
        1 => Just(SettleAs::Crashed),
    ];
    let object = || 0..CONVERSATIONS;
    prop_oneof![
        4 => (object(), 0..4_u64, 0..2_u64, 0..4_u8, prop::bool::weighted(0.1)).prop_map(
            |(object, messages, known, notifiers, stale)| Step::Poll { object, messages, known, notifiers, stale }
        ),
        1 => (object(), 0..6_u64).prop_map(|(object, which)| Step::Vanish { object, which }),
        8 => (0..2_u8, any::<prop::sample::Index>(), end)
            .prop_map(|(notifier, which, end)| Step::Settle { notifier, which, end }),
        4 => (0..2_u8, any::<prop::sample::Index>(), prop::bool::weighted(0.2))
            .prop_map(|(notifier, which, taken_back)| Step::HandOver { notifier, which, taken_back }),
        1 => (any::<bool>(), 0..3_u8).prop_map(|(dead, notifier)| Step::Replay { dead, notifier }),
        1 => Just(Step::DropDead),
        1 => (0..2_u8).prop_map(|notifier| Step::BringForward { notifier }),
        1 => (0..300_u16).prop_map(|seconds| Step::GiveUp { seconds }),
        1 => (object(), 0..9_u64).prop_map(|(object, which)| Step::Deleted { object, which }),
        1 => (0..8_u8).prop_map(|objects| Step::Watched { objects }),
        2 => (0..2_u8, 0..8_u8, object())
            .prop_map(|(seek, objects, forget)| Step::Discover { seek, objects, forget }),
        1 => any::<prop::sample::Index>().prop_map(|which| Step::SettleAgain { which }),
        3 => (0..2_u8, prop::bool::weighted(0.2)).prop_map(|(notifier, gone)| Step::FallBack { notifier, gone }),
        4 => (0..2_u8, any::<prop::sample::Index>(), 0..900_u16, 0..3_u8)
            .prop_map(|(notifier, which, seconds, why)| Step::Hold { notifier, which, seconds, why }),
        1 => (0..2_u8).prop_map(|notifier| Step::Release { notifier }),
        5 => (0..2_u8, object(), prop::option::of(0..3_u8), 1..5_u8, any::<bool>()).prop_map(
            |(notifier, object, held, count, lane)| Step::Gather { notifier, object, held, count, lane }
        ),
        1 => (0..2_u8, 0..2_u8, 1..4_u8)
            .prop_map(|(account, ends, stage)| Step::Expiring { account, ends, stage }),
        1 => (0..2_u8).prop_map(|subject| Step::Begin { subject }),
        1 => (0..2_u8).prop_map(|subject| Step::End { subject }),
        1 => (object(), any::<bool>()).prop_map(|(object, failed)| Step::Summarise { object, failed }),
        1 => (0..300_u16).prop_map(|seconds| Step::Silence { seconds }),
        1 => (1..4_i64, any::<bool>()).prop_map(|(id, by_poll)| Step::EndSilence { id, by_poll }),
        1 => (object(), any::<bool>()).prop_map(|(object, waits)| Step::Ack { object, waits }),
        2 => (0..4_u8).prop_map(|notifiers| Step::Beat { notifiers }),
        1 => (0..200_u16).prop_map(|seconds| Step::OutliveBeats { seconds }),
        1 => (0..200_u16, 0..200_u16).prop_map(|(rows, text)| Step::Prune { rows, text }),
        1 => (-4_000..4_000_i16).prop_map(|seconds| Step::Clock { seconds }),
        1 => prop::option::of(-4_000..4_000_i16).prop_map(|by| Step::ClockMoved { by }),
        1 => Just(Step::Reopen),
    ]
}
