//! Branches that are rare, and whether they were reached: a simulation that never gets there proves nothing of them.

use std::collections::BTreeMap;
use std::fmt;

macro_rules! markers {
    ($($name:ident),* $(,)?) => {
        #[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
        pub(super) enum Marker { $($name),* }

        impl Marker {
            const ALL: &'static [Self] = &[$(Self::$name),*];
        }
    };
}

markers! {
    // What CommBox answered.
    StaleAnswer,
    TruncatedAnswer,
    EmptyChilds,
    NullChilds,
    WrongObject,
    ErrorEnvelope,
    GarbledChild,
    BrokenJson,
    Throttled,
    Denied,
    TimedOut,
    // What was made of it.
    BackDatedTold,
    TiedTold,
    ReturnedChild,
    EditedTold,
    DeletionPending,
    DeletedTold,
    Gap,
    ReadAfterUnparsed,
    UnparsedTold,
    UnreachableTold,
    WaitingTold,
    WaitingUnconfirmed,
    AnsweredTold,
    WatchRecovered,
    AccountDenied,
    AccountRecovered,
    // What became of deliveries.
    HeldForGroup,
    HeldByCap,
    HeldInQuiet,
    Group,
    Digest,
    PassedCap,
    PassedQuiet,
    SaidAgain,
    FellBackGroup,
    Retry,
    WentPast,
    KeptInOrder,
    FellBack,
    FellBackOnWhoKnew,
    FellBackWhenDead,
    RetryAfter,
    UnknownOutcome,
    RepeatAfterUnknown,
    Reject,
    DeadLetter,
    GivenUp,
    Broken,
    Probe,
    HalfOpen,
    CircuitClosed,
    Expired,
    Replayed,
    RepeatAfterReplay,
    NotifierRecovered,
    PluginCrash,
    PluginHang,
    NotSent,
    Alone,
    Suppressed,
    WaitingToldAfterSilence,
    SilenceEndedByCommBox,
    // What befell the daemon.
    CrashAfterFetch,
    CrashBeforeCommit,
    CrashWithinSync,
    LostByCrash,
    KeptByCrash,
    CrashBetweenCommitAndAck,
    CrashWithHandedOver,
    CrashBetweenSendAndSettle,
    CrashWithinSettle,
    CrashWithinReload,
    RepeatAfterCrash,
    StoppedInTime,
    DiskFull,
    DiskFailed,
    OutboxFull,
    ClockForward,
    ClockBack,
    DueMoved,
    // What the operator did.
    ReloadSame,
    RoutesChanged,
    NotifierRemoved,
    NotifierBack,
    WatchRemoved,
    WatchBack,
    WatchRenamed,
    Silenced,
    SilenceExpired,
    Acked,
}

/// How often each was reached.
#[derive(Clone, Debug, Default)]
pub(super) struct Markers(BTreeMap<Marker, u64>);

impl Markers {
    pub(super) fn reach(&mut self, marker: Marker) {
        *self.0.entry(marker).or_default() += 1;
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (marker, times) in &other.0 {
            *self.0.entry(*marker).or_default() += times;
        }
    }

    pub(super) fn times(&self, marker: Marker) -> u64 {
        self.0.get(&marker).copied().unwrap_or(0)
    }

    pub(super) fn missing(&self) -> Vec<Marker> {
        Marker::ALL.iter().copied().filter(|marker| self.times(*marker) == 0).collect()
    }
}

impl fmt::Display for Markers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let times: Vec<String> = self.0.iter().map(|(marker, times)| format!("{marker:?} {times}")).collect();
        f.write_str(&times.join(", "))
    }
}
