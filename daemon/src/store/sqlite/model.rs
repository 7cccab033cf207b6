//! Whatever is done with the outbox, in whatever order, and however often it is opened anew: nothing is lost or
//! invented, lanes keep their order, and what is counted is what is there.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::core::cursor::{CursorChange, CursorRow};
use crate::core::event::{Event, EventData, EventKind};
use crate::core::notification::Notification;
use crate::core::outcome::Fate;

#[derive(Clone, Debug)]
enum Step {
    /// A poll brings so many messages for the lane; each is told to both notifiers.
    Poll {
        lane: u8,
        messages: u8,
    },
    /// One of the deliveries that are due ends so.
    Settle {
        notifier: u8,
        which: prop::sample::Index,
        end: End,
    },
    /// An attempt that had ended already ends again.
    SettleAgain {
        which: prop::sample::Index,
    },
    Prune,
    Reopen,
}

#[derive(Clone, Copy, Debug)]
enum End {
    Delivered,
    Dead,
    Retry,
    Broken,
}

fn step() -> impl Strategy<Value = Step> {
    let end = prop_oneof![
        4 => Just(End::Delivered), 1 => Just(End::Dead), 2 => Just(End::Retry), 1 => Just(End::Broken)
    ];
    let settle = (0..2_u8, any::<prop::sample::Index>(), end)
        .prop_map(|(notifier, which, end)| Step::Settle { notifier, which, end });
    prop_oneof![
        3 => (0..3_u8, 1..4_u8).prop_map(|(lane, messages)| Step::Poll { lane, messages }),
        8 => settle,
        1 => any::<prop::sample::Index>().prop_map(|which| Step::SettleAgain { which }),
        1 => Just(Step::Prune),
        1 => Just(Step::Reopen),
    ]
}

const NOTIFIERS: [&str; 2] = ["hook", "ops"];

/// What should be so, kept in the simplest way.
#[derive(Default)]
struct Model {
    second: i64,
    sequences: BTreeMap<u8, u64>,
    /// By notifier and lane, what is open, oldest first.
    open: BTreeMap<(u8, u8), Vec<String>>,
    /// Heads that wait for their time.
    waiting: BTreeMap<(u8, String), i64>,
    settled: Vec<i64>,
    dead: BTreeMap<u8, u64>,
}

impl Model {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + self.second).unwrap()
    }

    fn poll(&mut self, lane: u8, messages: u8) -> PollCommit {
        let before = *self.sequences.get(&lane).unwrap_or(&0);
        let told = (1..=u64::from(messages)).map(|n| {
            let id = format!("evt_{lane}_{:04}", before + n);
            for notifier in 0..2 {
                self.open.entry((notifier, lane)).or_default().push(id.clone());
            }
            let event = Event {
                id: id.clone(),
                kind: EventKind::MessageCreated,
                source: "x".into(),
                subject: None,
                time: self.now(),
                recorded: self.now(),
                sequence: Some(before + n),
                data: EventData::default(),
            };
            let deliveries = NOTIFIERS.map(|notifier| NewDelivery {
                notification: Notification { id: id.clone(), payload: format!("payload of {id}") },
                notifier: notifier.into(),
                lane: lane.to_string(),
            });
            Told { event, deliveries: deliveries.into() }
        });
        let told: Vec<Told> = told.collect();
        let sequence = before + u64::from(messages);
        self.sequences.insert(lane, sequence);
        let after = CursorRow { sequence, ..CursorRow::default() };
        PollCommit {
            conversation: ConversationId { account: "main".into(), object: lane.into() },
            watch: "w".into(),
            expect_sequence: before,
            change: CursorChange { after, ..CursorChange::default() },
            told,
            at: self.now(),
        }
    }

    /// The ids that are due, in no order.
    fn due(&self, notifier: u8) -> Vec<String> {
        let heads =
            self.open.iter().filter(|((of, _), _)| *of == notifier).filter_map(|(_, ids)| ids.first());
        let is_due =
            |id: &&String| self.waiting.get(&(notifier, (*id).clone())).is_none_or(|at| *at <= self.second);
        let mut due: Vec<String> = heads.filter(is_due).cloned().collect();
        due.sort();
        due
    }

    fn end(&mut self, notifier: u8, due: &Due, end: End) -> Settle {
        let key = (notifier, due.notification_id.clone());
        self.waiting.remove(&key);
        let fate = match end {
            End::Delivered | End::Dead => {
                let lane: u8 = key.1.split('_').nth(1).unwrap().parse().unwrap();
                assert_eq!(self.open.get_mut(&(notifier, lane)).unwrap().remove(0), key.1);
                self.settled.push(due.id);
                if matches!(end, End::Dead) {
                    *self.dead.entry(notifier).or_default() += 1;
                    Fate::Dead("no".into())
                } else {
                    Fate::Delivered
                }
            }
            End::Retry => {
                self.waiting.insert(key, self.second + 3);
                let at = self.now() + jiff::SignedDuration::from_secs(3);
                Fate::RetryAt { at, delay: Duration::from_secs(3) }
            }
            End::Broken => Fate::NotifierBroken("401".into()),
        };
        self.settle(due.id, fate)
    }

    fn settle(&self, delivery: i64, fate: Fate) -> Settle {
        Settle {
            delivery,
            started: self.now(),
            took: Duration::ZERO,
            outcome: "x",
            detail: String::new(),
            counts: !matches!(fate, Fate::NotifierBroken(_)),
            crashed: false,
            fate,
            told: None,
        }
    }
}

async fn play(steps: Vec<Step>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let mut store = SqliteStore::open(Options::new(&path)).unwrap();
    let mut model = Model::default();
    for step in steps {
        model.second += 1;
        match step {
            Step::Poll { lane, messages } => store.commit_poll(model.poll(lane, messages)).await.unwrap(),
            Step::Settle { notifier, which, end } => {
                let due = store.due(NOTIFIERS[usize::from(notifier)], model.now(), 99).await.unwrap();
                if !due.is_empty() {
                    let settle = model.end(notifier, which.get(&due), end);
                    store.settle(settle).await.unwrap();
                }
            }
            Step::SettleAgain { which } if !model.settled.is_empty() => {
                let again = model.settle(*which.get(&model.settled), Fate::Dead("late".into()));
                assert!(!store.settle(again).await.unwrap());
            }
            Step::SettleAgain { .. } => {}
            Step::Prune => {
                let older = Retention { rows_before: Timestamp::UNIX_EPOCH, text_before: Timestamp::MAX };
                store.prune(older).await.unwrap();
            }
            Step::Reopen => {
                drop(store);
                store = SqliteStore::open(Options::new(&path)).unwrap();
            }
        }
        for (n, name) in (0..).zip(NOTIFIERS) {
            let found = store.due(name, model.now(), 99).await.unwrap();
            assert!(found.iter().all(|due| due.payload == format!("payload of {}", due.notification_id)));
            let mut found: Vec<String> = found.into_iter().map(|due| due.notification_id).collect();
            found.sort();
            assert_eq!(found, model.due(n), "{name} at {}", model.second);
        }
        for count in store.outbox().await.unwrap() {
            let n = u8::from(count.notifier == NOTIFIERS[1]);
            let open: usize =
                model.open.iter().filter(|((of, _), _)| *of == n).map(|(_, ids)| ids.len()).sum();
            assert_eq!((count.pending, count.imbalance), (open as u64, 0), "{}", count.notifier);
            assert_eq!(count.dead, *model.dead.get(&n).unwrap_or(&0));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_outbox_is_what_the_simplest_outbox_would_be(steps in prop::collection::vec(step(), 1..60)) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(play(steps));
    }
}
