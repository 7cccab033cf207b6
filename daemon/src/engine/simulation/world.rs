//! What is outside the daemon and outlives it: time, `CommBox`, the disk, the receivers, and whoever watches.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::commbox::{Conversation, Weather};
use super::dice::Dice;
use super::disk::Disk;
use super::ledger::Ledger;
use super::markers::{Marker, Markers};
use super::receiver::Manner;
use super::setup::{NOTIFIERS, Setup};
use crate::core::watch::ConversationId;
use crate::engine::Clock;

/// When every story begins, seconds since 1970.
const EPOCH_SECONDS: i64 = 1_800_000_000;

/// Where the daemon can be killed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Point {
    /// An answer has come, and nothing was made of it.
    Fetched,
    /// A commit is about to be written.
    BeforeCommit,
    /// It is written and not synced.
    WithinSync,
    /// It is durable, and nobody was told so.
    BeforeAck,
    /// A notification was handed over, and has not arrived.
    HandedOver,
    /// It has arrived, and nobody was told so.
    BeforeSettle,
    /// How it ended is written and not synced, or synced and not told.
    WithinSettle,
    /// A new configuration is in use, and its notifiers are not exchanged.
    WithinReload,
}

impl Point {
    pub(super) const ALL: [Self; 8] = [
        Self::Fetched,
        Self::BeforeCommit,
        Self::WithinSync,
        Self::BeforeAck,
        Self::HandedOver,
        Self::BeforeSettle,
        Self::WithinSettle,
        Self::WithinReload,
    ];

    fn marker(self) -> Marker {
        match self {
            Self::Fetched => Marker::CrashAfterFetch,
            Self::BeforeCommit => Marker::CrashBeforeCommit,
            Self::WithinSync => Marker::CrashWithinSync,
            Self::BeforeAck => Marker::CrashBetweenCommitAndAck,
            Self::HandedOver => Marker::CrashWithHandedOver,
            Self::BeforeSettle => Marker::CrashBetweenSendAndSettle,
            Self::WithinSettle => Marker::CrashWithinSettle,
            Self::WithinReload => Marker::CrashWithinReload,
        }
    }
}

pub(super) struct World {
    state: Mutex<State>,
    /// Rung when the daemon was killed.
    pub(super) killed: Notify,
}

pub(super) struct State {
    pub(super) dice: Dice,
    pub(super) time: Time,
    pub(super) conversations: Vec<Conversation>,
    pub(super) weather: BTreeMap<String, (Weather, u32)>,
    pub(super) manners: BTreeMap<String, (Manner, u32)>,
    pub(super) disk: Disk,
    pub(super) ledger: Ledger,
    pub(super) markers: Markers,
    pub(super) story: Story,
    pub(super) setup: Setup,
    pub(super) reloaded_at: Option<Duration>,
    /// When every process that died runs again.
    pub(super) mended_at: Duration,
    /// Where the daemon is to be killed next.
    pub(super) armed: Option<Point>,
    pub(super) is_killed: bool,
}

/// The time since the story began, which goes on while no daemon runs, and the daemon's idea of the time of day.
#[derive(Default)]
pub(super) struct Time {
    pub(super) before: Duration,
    /// Of the daemon that runs.
    pub(super) began: Option<Instant>,
    /// How far the machine's clock is from the right time.
    pub(super) off: SignedDuration,
}

/// What happened, a line each; kept only when somebody will read it.
#[derive(Default)]
pub(super) struct Story {
    pub(super) is_told: bool,
    pub(super) lines: Vec<String>,
}

/// What `CommBox`'s clock says so long after the story began.
pub(super) fn right(passed: Duration) -> Timestamp {
    Timestamp::from_second(EPOCH_SECONDS).expect("a time") + passed
}

impl Time {
    pub(super) fn passed(&self) -> Duration {
        self.before + self.began.map_or(Duration::ZERO, |began| began.elapsed())
    }

    /// What `CommBox`'s clock says.
    pub(super) fn right(&self) -> Timestamp {
        right(self.passed())
    }

    /// What the machine's clock says.
    pub(super) fn of_day(&self) -> Timestamp {
        self.right() + self.off
    }
}

impl State {
    pub(super) fn tell(&mut self, line: impl FnOnce() -> String) {
        if self.story.is_told {
            let passed = self.time.passed();
            let (seconds, millis) = (passed.as_secs(), passed.subsec_millis());
            let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
            let line = line();
            self.story.lines.push(format!("{hours}:{minutes:02}:{:02}.{millis:03} {line}", seconds % 60));
        }
    }

    pub(super) fn conversation(&mut self, id: &ConversationId) -> Option<&mut Conversation> {
        self.conversations.iter_mut().find(|conversation| conversation.id == *id)
    }
}

impl World {
    pub(super) fn new(state: State) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(state), killed: Notify::new() })
    }

    /// Looks at it or changes it, in one moment.
    pub(super) fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Everybody hears of a new configuration at once, in an order that tokio draws by lot. So that a seed stays one
    /// story, the notifiers' loops then go on one after the other.
    pub(super) async fn turn(&self, notifier: &str) {
        let place = NOTIFIERS.iter().position(|name| *name == notifier).unwrap_or(NOTIFIERS.len());
        if self.with(|state| state.reloaded_at == Some(state.time.passed())) {
            tokio::time::sleep(Duration::from_millis(1 + place as u64)).await;
        }
    }

    /// A place where the daemon may be killed: then nothing after it ever happens.
    pub(super) async fn at(&self, point: Point) {
        let is_killed = self.with(|state| {
            if state.armed == Some(point) {
                state.armed = None;
                state.markers.reach(point.marker());
                state.tell(|| format!("the daemon is killed: {point:?}"));
                state.is_killed = true;
            }
            state.is_killed
        });
        if is_killed {
            self.killed.notify_one();
            std::future::pending::<()>().await;
        }
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").finish_non_exhaustive()
    }
}

/// The clocks of a daemon's machine.
pub(super) struct MachineClock {
    pub(super) world: Arc<World>,
    pub(super) began: Instant,
}

impl Clock for MachineClock {
    fn now(&self) -> Timestamp {
        self.world.with(|state| state.time.of_day())
    }

    fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }
}
