//! What befalls the daemon: actions, one after the other, that are always possible, so that any of them can be left
//! out when a story is made shorter.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::commbox::{Odd, Weather};
use super::disk::Trouble;
use super::receiver::Manner;
use super::setup::ROUTES;
use super::world::Point;

/// One thing that happens. Numbers choose one of what there is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Action {
    Wait {
        seconds: u16,
    },
    Say {
        conversation: u8,
        agent: bool,
        back_dated: Option<u16>,
        tied: bool,
    },
    /// So much at once that a list which is cut has nothing of what was there before.
    Flood {
        conversation: u8,
    },
    Edit {
        conversation: u8,
        which: u8,
    },
    Delete {
        conversation: u8,
        which: u8,
    },
    Restore {
        conversation: u8,
    },
    Status {
        conversation: u8,
        status: i64,
    },
    Assign {
        conversation: u8,
        agent: i64,
    },
    Odd {
        conversation: u8,
        odd: Odd,
        answers: u8,
    },
    Weather {
        account: u8,
        weather: Weather,
        answers: u8,
    },
    Manner {
        notifier: u8,
        manner: Manner,
        deliveries: u8,
    },
    /// Its process dies with nothing in flight, or something.
    PluginDies {
        notifier: u8,
    },
    Disk {
        trouble: Trouble,
        operations: u8,
    },
    Clock {
        seconds: i32,
    },
    Reload,
    Routes {
        which: u8,
    },
    Notifier {
        which: u8,
        present: bool,
    },
    Watch {
        which: u8,
        watched: bool,
    },
    Rename {
        which: u8,
    },
    /// Sent once more, because somebody wants it.
    Replay {
        notifier: u8,
        dead: bool,
    },
    /// Killed now.
    Kill {
        down: u16,
    },
    /// Killed when it next comes there.
    KillAt {
        point: Point,
        down: u16,
    },
    /// Stopped as systemd does it, and started again.
    Restart {
        down: u16,
    },
}

pub(super) fn action() -> impl Strategy<Value = Action> {
    let conversation = 0..4_u8;
    let say = (
        conversation.clone(),
        any::<bool>(),
        prop::option::weighted(0.15, 1..4_000_u16),
        prop::bool::weighted(0.2),
    )
        .prop_map(|(conversation, agent, back_dated, tied)| Action::Say {
            conversation,
            agent,
            back_dated,
            tied,
        });
    let child = || (0..4_u8, 0..40_u8);
    let odd = prop_oneof![
        3 => (1..2_000_u32).prop_map(|seconds| Odd::Stale { seconds }),
        2 => prop::sample::select(&[20_u8, 25][..]).prop_map(|keep| Odd::Truncated { keep }),
        1 => Just(Odd::EmptyChilds),
        1 => Just(Odd::NullChilds),
        1 => Just(Odd::WrongObject),
        1 => prop::sample::select(&[401_u16, 404, 429, 500][..]).prop_map(Odd::Envelope),
        2 => Just(Odd::Missing),
        2 => (0..40_u8).prop_map(|which| Odd::Garbled { which }),
        1 => Just(Odd::BrokenJson),
    ];
    let asked = || prop::option::of(1..900_u16);
    let weather = prop_oneof![
        1 => Just(Weather::Slow),
        2 => asked().prop_map(|retry_after| Weather::Throttled { retry_after }),
        2 => Just(Weather::Denied),
        2 => asked().prop_map(|retry_after| Weather::Failing { retry_after }),
        1 => Just(Weather::Silent),
    ];
    let manner = prop_oneof![
        2 => Just(Manner::Slow),
        3 => Just(Manner::Fails),
        1 => (1..600_u16).prop_map(|seconds| Manner::Asks { seconds }),
        2 => Just(Manner::Rejects),
        2 => Just(Manner::Mumbles),
        1 => Just(Manner::Swallows),
        2 => Just(Manner::Broken),
        1 => Just(Manner::Gone),
        2 => any::<bool>().prop_map(|after| Manner::Crashes { after }),
        1 => any::<bool>().prop_map(|accepts| Manner::Hangs { accepts }),
    ];
    let trouble = prop::sample::select(&[Trouble::Full, Trouble::Failing, Trouble::Slow][..]);
    let down = || prop_oneof![6 => 0..20_u16, 2 => 0..600_u16, 1 => 3_700..9_000_u16];
    prop_oneof![
        12 => (0..10_u16).prop_map(|seconds| Action::Wait { seconds }),
        8 => (10..90_u16).prop_map(|seconds| Action::Wait { seconds }),
        1 => (90..900_u16).prop_map(|seconds| Action::Wait { seconds }),
        14 => say,
        2 => child().prop_map(|(conversation, which)| Action::Edit { conversation, which }),
        2 => child().prop_map(|(conversation, which)| Action::Delete { conversation, which }),
        1 => (0..4_u8).prop_map(|conversation| Action::Restore { conversation }),
        1 => (0..8_u8).prop_map(|conversation| Action::Flood { conversation }),
        1 => (0..4_u8, 1..10_i64).prop_map(|(conversation, status)| Action::Status { conversation, status }),
        1 => (0..4_u8, 0..3_i64).prop_map(|(conversation, agent)| Action::Assign { conversation, agent }),
        5 => (0..4_u8, odd, 1..6_u8)
            .prop_map(|(conversation, odd, answers)| Action::Odd { conversation, odd, answers }),
        2 => (0..2_u8, weather, 1..8_u8)
            .prop_map(|(account, weather, answers)| Action::Weather { account, weather, answers }),
        6 => (0..3_u8, manner, 1..8_u8)
            .prop_map(|(notifier, manner, deliveries)| Action::Manner { notifier, manner, deliveries }),
        1 => (0..3_u8).prop_map(|notifier| Action::PluginDies { notifier }),
        2 => (trouble, 1..8_u8).prop_map(|(trouble, operations)| Action::Disk { trouble, operations }),
        1 => prop_oneof![4 => -7_200..7_200_i32, 1 => 20_000..40_000_i32]
            .prop_map(|seconds| Action::Clock { seconds }),
        1 => Just(Action::Reload),
        1 => (0..ROUTES).prop_map(|which| Action::Routes { which }),
        1 => (0..3_u8, any::<bool>()).prop_map(|(which, present)| Action::Notifier { which, present }),
        1 => (0..4_u8, any::<bool>()).prop_map(|(which, watched)| Action::Watch { which, watched }),
        1 => (0..4_u8).prop_map(|which| Action::Rename { which }),
        1 => (0..3_u8, prop::bool::weighted(0.8))
            .prop_map(|(notifier, dead)| Action::Replay { notifier, dead }),
        1 => down().prop_map(|down| Action::Kill { down }),
        3 => (prop::sample::select(&Point::ALL[..]), down())
            .prop_map(|(point, down)| Action::KillAt { point, down }),
        1 => down().prop_map(|down| Action::Restart { down }),
    ]
}

/// The script of a seed, as a tree that can be made shorter.
pub(super) fn tree(seed: u64) -> impl ValueTree<Value = Vec<Action>> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    // Most are short, since many short ones find more than a few long ones; some go on for hours.
    let length = if seed % 32 == 31 { 100..250 } else { 6..30 };
    prop::collection::vec(action(), length).new_tree(&mut runner).expect("nothing is refused")
}
