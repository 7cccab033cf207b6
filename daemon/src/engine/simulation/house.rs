//! A daemon's real loops in a world of our own: started, reloaded, stopped and killed like a daemon.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::SignedDuration;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::client::SimulatedClient;
use super::commbox::{Conversation, Odd};
use super::dice::Dice;
use super::disk::{Disk, DiskStore, Trouble};
use super::ledger::Ledger;
use super::markers::{Marker, Markers};
use super::receiver::SimulatedHost;
use super::script::Action;
use super::setup::{NOTIFIERS, Notifying, Setup};
use super::world::{MachineClock, Point, State, Story, Time, World};
use crate::core::backoff::mix;
use crate::engine::Clock;
use crate::engine::board::Board;
use crate::engine::clock::DayClock;
use crate::engine::daemon::Shared;
use crate::engine::fallback;
use crate::engine::health::Health;
use crate::engine::housekeeping;
use crate::engine::jumps::Jumps;
use crate::engine::notifiers::{self, Made, Running};
use crate::engine::plan::{Fetch, Plan};
use crate::engine::polling::{self, Polling};
use crate::engine::servers::Servers;
use crate::engine::silences::Silences;
use crate::engine::wakes::Wakes;
use crate::ops::metrics::Metrics;
use crate::ops::status::ReloadStatus;
use crate::ops::systemd::Watchdog;
use crate::store::{Selection, Store};

/// A stop takes no longer than this; then it is a kill.
const STOP_WITHIN: Duration = Duration::from_secs(20);

/// How often the clock is looked at, and the outbox is counted.
const KEEP_EVERY: Duration = Duration::from_secs(5);
/// How often what is open is said again, where that is wanted.
const SAID_AGAIN_EVERY: Duration = Duration::from_secs(60);
/// How often what is old is forgotten.
const TIDY_EVERY: Duration = Duration::from_secs(600);

/// A world, and the daemon in it while one runs.
pub(super) struct House {
    pub(super) world: Arc<World>,
    daemon: Option<Daemon>,
    /// How long a daemon that is killed stays away.
    down: Duration,
}

struct Daemon {
    // Dropped last, and with it everything that it ran.
    shared: Arc<Shared>,
    running: BTreeMap<String, Running>,
    leaving: BTreeMap<String, CancellationToken>,
    hosts: BTreeMap<String, SimulatedHost>,
    tasks: TaskTracker,
    polling: JoinHandle<()>,
    polling_stop: CancellationToken,
    runtime: Runtime,
}

impl House {
    pub(super) fn new(seed: u64, is_told: bool) -> Self {
        let mut dice = Dice::new(seed);
        let setup = Setup::drawn(&mut dice, &mut Dice::new(mix(seed)));
        let time = Time::default();
        let conversations = setup
            .watches
            .iter()
            .map(|watching| Conversation::drawn(watching.id.clone(), time.right(), &mut dice))
            .collect();
        let mut disk = Disk::default();
        if dice.percent(10) {
            disk.rows.outbox_rows_max = 6;
        }
        let mut ledger = Ledger::default();
        ledger.configured(&setup, Duration::ZERO);
        let world = World::new(State {
            dice,
            time,
            conversations,
            weather: BTreeMap::new(),
            manners: BTreeMap::new(),
            disk,
            ledger,
            markers: Markers::default(),
            story: Story { is_told, lines: Vec::new() },
            setup,
            reloaded_at: None,
            mended_at: Duration::ZERO,
            armed: None,
            is_killed: false,
        });
        world.with(|state| {
            let setup = format!("{:?}", state.setup);
            state.tell(|| setup);
        });
        let mut house = Self { world, daemon: None, down: Duration::ZERO };
        house.start();
        house
    }

    // The daemon.

    fn start(&mut self) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.expect("a runtime");
        let world = Arc::clone(&self.world);
        world.with(|state| state.tell(|| "the daemon starts".to_owned()));
        let daemon = runtime.block_on(async {
            let began = Instant::now();
            world.with(|state| {
                (state.is_killed, state.time.began) = (false, Some(began));
                state.disk.rows.open();
            });
            start(&world, began).await
        });
        let (shared, running, hosts, polling, polling_stop) = daemon;
        self.daemon = Some(Daemon {
            shared,
            running,
            leaving: BTreeMap::new(),
            hosts,
            tasks: TaskTracker::new(),
            polling,
            polling_stop,
            runtime,
        });
    }

    /// The daemon is gone at once, wherever it was.
    fn kill(&mut self) {
        let Some(daemon) = self.daemon.take() else { return };
        {
            let _within = daemon.runtime.enter();
            self.world.with(|state| {
                state.time.before = state.time.passed();
                state.time.began = None;
                state.is_killed = true;
            });
        }
        // What is dropped here must not find a way to do more.
        drop(daemon);
        self.world.with(|state| {
            state.lose_what_is_not_synced();
            state.ledger.daemon_ended(state.time.passed());
        });
    }

    /// Time passes. A daemon that is killed meanwhile is started again after a while.
    pub(super) fn wait(&mut self, span: Duration) {
        let until = self.passed() + span;
        loop {
            let left = until.saturating_sub(self.passed());
            let Some(daemon) = &self.daemon else {
                let pause = self.down.min(left);
                self.down -= pause;
                self.world.with(|state| state.time.before += pause);
                if self.down.is_zero() {
                    self.start();
                }
                if pause == left {
                    return self.look();
                }
                continue;
            };
            let world = Arc::clone(&self.world);
            let was_killed = daemon.runtime.block_on(async {
                tokio::select! {
                    biased;
                    () = world.killed.notified() => true,
                    () = tokio::time::sleep(left) => false,
                }
            });
            if !was_killed {
                return self.look();
            }
            self.kill();
        }
    }

    pub(super) fn passed(&self) -> Duration {
        let _within = self.daemon.as_ref().map(|daemon| daemon.runtime.enter());
        self.world.with(|state| state.time.passed())
    }

    /// Whether all its loops live.
    fn look(&mut self) {
        let Some(daemon) = &self.daemon else { return };
        let mut dead: Vec<&str> = daemon
            .running
            .iter()
            .filter(|(_, running)| running.ended().is_cancelled())
            .map(|(name, _)| name.as_str())
            .collect();
        if daemon.polling.is_finished() {
            dead.push("polling");
        }
        for name in dead {
            self.world.with(|state| state.ledger.violated(format!("the loop of {name} has died")));
        }
    }

    fn stop(&mut self) {
        let Some(mut daemon) = self.daemon.take() else { return };
        let world = Arc::clone(&self.world);
        let ended = daemon.runtime.block_on(async {
            daemon.polling_stop.cancel();
            let work = async {
                let _ = (&mut daemon.polling).await;
                for running in daemon.running.values_mut() {
                    running.stop_looping().await;
                }
            };
            tokio::select! {
                biased;
                () = world.killed.notified() => false,
                () = tokio::time::sleep(STOP_WITHIN) => false,
                () = work => true,
            }
        });
        if ended {
            world.with(|state| state.markers.reach(Marker::StoppedInTime));
        }
        self.daemon = Some(daemon);
        self.kill();
    }

    fn reload(&mut self, change: impl FnOnce(&mut Setup)) {
        let world = Arc::clone(&self.world);
        let _within = self.daemon.as_ref().map(|daemon| daemon.runtime.enter());
        let now = world.with(|state| state.time.passed());
        let setup = world.with(|state| {
            change(&mut state.setup);
            let setup = state.setup.clone();
            state.ledger.configured(&setup, now);
            state.reloaded_at = Some(now);
            state.tell(|| format!("reload: {setup:?}"));
            setup
        });
        drop(_within);
        let Some(daemon) = &mut self.daemon else { return };
        daemon.runtime.block_on(async {
            let plan = Arc::new(plan(&world, &setup));
            let wanted = plan.config.notifiers.clone();
            daemon.shared.metrics.configure(&plan.config, daemon.shared.clock.now());
            daemon.shared.plans.send_replace(plan);
            tokio::select! {
                biased;
                () = world.at(Point::WithinReload) => {}
                () = world.killed.notified() => return world.killed.notify_one(),
            }
            daemon.hosts.retain(|name, _| wanted.contains_key(name));
            let mut made = BTreeMap::new();
            for notifying in setup.notifiers.iter().filter(|notifying| notifying.present) {
                if !daemon.running.contains_key(notifying.name) {
                    let host = SimulatedHost::start(notifying.name, &world);
                    daemon.hosts.insert(notifying.name.to_owned(), host.clone());
                    let new = simulated(host, notifying);
                    made.insert(notifying.name.to_owned(), new);
                }
            }
            let (running, leaving) = (&mut daemon.running, &mut daemon.leaving);
            notifiers::swap(running, leaving, made, &wanted, &daemon.shared, &daemon.tasks);
        });
    }

    // What befalls it.

    pub(super) fn act(&mut self, action: Action) {
        let _ = self.daemon.as_ref().map(|daemon| {
            let _within = daemon.runtime.enter();
            self.world.with(|state| state.tell(|| format!("{action:?}")));
        });
        match action {
            Action::Wait { seconds } => return self.wait(Duration::from_secs(seconds.into())),
            Action::PluginDies { notifier } => {
                if let Some(daemon) = &self.daemon
                    && let Some(host) = daemon.hosts.get(NOTIFIERS[usize::from(notifier) % NOTIFIERS.len()])
                {
                    let _within = daemon.runtime.enter();
                    host.die();
                }
            }
            Action::Reload => {
                self.mark(Marker::ReloadSame);
                self.reload(|_| {});
            }
            Action::Routes { which } => {
                self.mark(Marker::RoutesChanged);
                self.reload(|setup| setup.routes = which);
            }
            Action::Notifier { which, present } => {
                self.mark(if present { Marker::NotifierBack } else { Marker::NotifierRemoved });
                self.reload(|setup| {
                    let which = usize::from(which) % setup.notifiers.len();
                    setup.notifiers[which].present = present;
                });
            }
            Action::Watch { which, watched } => {
                self.mark(if watched { Marker::WatchBack } else { Marker::WatchRemoved });
                self.reload(|setup| {
                    let which = usize::from(which) % setup.watches.len();
                    setup.watches[which].watched = watched;
                });
            }
            Action::Rename { which } => {
                self.mark(Marker::WatchRenamed);
                self.reload(|setup| {
                    let which = usize::from(which) % setup.watches.len();
                    setup.watches[which].renamed += 1;
                });
            }
            Action::Replay { notifier, dead } => {
                if let Some(daemon) = &self.daemon {
                    let name = NOTIFIERS[usize::from(notifier) % NOTIFIERS.len()];
                    let selection =
                        Selection { dead, notifier: Some(name.to_owned()), ..Selection::default() };
                    let shared = Arc::clone(&daemon.shared);
                    daemon.runtime.spawn(async move {
                        if shared.store.replay(selection, shared.clock.now(), false).await.is_ok() {
                            shared.wakes.ring([name]);
                        }
                    });
                }
            }
            Action::Kill { down } => {
                self.down = Duration::from_secs(down.into());
                self.kill();
            }
            Action::KillAt { point, down } => {
                self.down = Duration::from_secs(down.into());
                self.world.with(|state| state.armed = Some(point));
            }
            Action::Restart { down } => {
                self.down = Duration::from_secs(down.into());
                self.stop();
            }
            other => {
                let _within = self.daemon.as_ref().map(|daemon| daemon.runtime.enter());
                self.world.with(|state| state.befall(other));
            }
        }
        self.wait(Duration::from_millis(1));
    }

    /// The running daemon, for whoever asks it for something.
    pub(super) fn asked(&self) -> Option<(Arc<Shared>, &Runtime)> {
        self.daemon.as_ref().map(|daemon| (Arc::clone(&daemon.shared), &daemon.runtime))
    }

    fn mark(&self, marker: Marker) {
        self.world.with(|state| state.markers.reach(marker));
    }

    /// Everything works from now on.
    pub(super) fn heal(&mut self) {
        self.world.with(|state| {
            state.armed = None;
            state.weather.clear();
            state.manners.clear();
            state.disk.trouble(Trouble::No, 0);
            for conversation in &mut state.conversations {
                conversation.turn(Odd::No, 0);
            }
        });
        self.reload(|setup| {
            setup.notifiers.iter_mut().for_each(|notifying| notifying.present = true);
            setup.watches.iter_mut().for_each(|watching| watching.watched = true);
        });
        self.wait(self.down + Duration::from_secs(1));
    }
}

impl State {
    fn befall(&mut self, action: Action) {
        let now = self.time.right();
        let count = self.conversations.len();
        let one = |which: u8| usize::from(which) % count;
        match action {
            Action::Say { conversation, agent, back_dated, tied } => {
                let back = back_dated.map(|seconds| Duration::from_secs(seconds.into()));
                self.conversations[one(conversation)].say(agent, back, tied, now, &mut self.dice);
            }
            Action::Flood { conversation } => {
                let flooded = &mut self.conversations[one(conversation)];
                (0..22).for_each(|_| flooded.say(true, None, false, now, &mut self.dice));
                flooded.turn(Odd::Truncated { keep: 20 }, 3);
            }
            Action::Edit { conversation, which } => self.conversations[one(conversation)].edit(which, now),
            Action::Delete { conversation, which } => {
                self.conversations[one(conversation)].delete(which, now);
            }
            Action::Restore { conversation } => self.conversations[one(conversation)].restore(now),
            Action::Status { conversation, status } => {
                self.conversations[one(conversation)].set_status(status, now);
            }
            Action::Assign { conversation, agent } => {
                self.conversations[one(conversation)].assign(agent, now);
            }
            Action::Odd { conversation, odd, answers } => {
                self.conversations[one(conversation)].turn(odd, answers.into());
            }
            Action::Weather { account, weather, answers } => {
                let accounts = super::setup::ACCOUNTS;
                let name = accounts[usize::from(account) % accounts.len()].to_owned();
                self.weather.insert(name, (weather, answers.into()));
            }
            Action::Manner { notifier, manner, deliveries } => {
                let name = NOTIFIERS[usize::from(notifier) % NOTIFIERS.len()].to_owned();
                self.manners.insert(name, (manner, deliveries.into()));
            }
            Action::Disk { trouble, operations } => self.disk.trouble(trouble, operations.into()),
            Action::Clock { seconds } => {
                self.markers.reach(if seconds < 0 { Marker::ClockBack } else { Marker::ClockForward });
                self.time.off += SignedDuration::from_secs(seconds.into());
                self.ledger.clock_set(self.time.passed());
            }
            _ => {}
        }
    }
}

fn plan(world: &Arc<World>, setup: &Setup) -> Plan {
    let config = setup.config();
    let client = |name: &String| -> (String, Arc<dyn Fetch>) {
        let client = SimulatedClient { world: Arc::clone(world), account: name.clone() };
        (name.clone(), Arc::new(client))
    };
    let clients = config.accounts.keys().map(client).collect();
    Plan::new(config, clients)
}

type Started = (
    Arc<Shared>,
    BTreeMap<String, Running>,
    BTreeMap<String, SimulatedHost>,
    JoinHandle<()>,
    CancellationToken,
);

async fn start(world: &Arc<World>, began: Instant) -> Started {
    let setup = world.with(|state| state.setup.clone());
    let store: Arc<dyn Store> = Arc::new(DiskStore { world: Arc::clone(world) });
    let day = Arc::new(DayClock::new(Arc::new(MachineClock { world: Arc::clone(world), began })));
    let clock: Arc<dyn Clock> = Arc::clone(&day) as Arc<dyn Clock>;
    let plan = plan(world, &setup);
    let started = clock.now();
    let metrics = Arc::new(Metrics::new(started));
    let wakes = Arc::new(Wakes::default());
    metrics.configure(&plan.config, started);
    let health = loop {
        let (store, metrics, wakes) = (Arc::clone(&store), Arc::clone(&metrics), Arc::clone(&wakes));
        // As systemd does: it is started until it starts.
        if let Ok(health) = Health::load(store, metrics, wakes).await {
            break Arc::new(health);
        }
    };
    let silences = loop {
        if let Ok(silences) = Silences::load(&*store, started).await {
            break Arc::new(silences);
        }
    };
    let fill = world.with(|state| state.disk.rows.fill());
    let (guests, guests_asked) = mpsc::channel(1);
    let shared = Arc::new(Shared {
        store,
        servers: Arc::new(Servers::new(Arc::clone(&clock))),
        clock,
        day,
        fill: watch::channel(fill).0,
        plans: watch::channel(Arc::new(plan)).0,
        finds: Arc::default(),
        board: Arc::new(Board::default()),
        metrics,
        wakes,
        health,
        silences,
        pulse: Arc::default(),
        watchdog: Watchdog::new(),
        started,
        reload: Mutex::new(ReloadStatus { last_ok: true, at: started, error: None, held: None }),
        versions: Mutex::default(),
        hosts: Mutex::default(),
        store_fault: Mutex::default(),
        reloads: mpsc::channel(1).0,
        guests,
        examining: tokio::sync::Mutex::default(),
    });
    let (mut running, mut hosts) = (BTreeMap::new(), BTreeMap::new());
    for notifying in setup.notifiers.iter().filter(|notifying| notifying.present) {
        let name = notifying.name;
        let host = SimulatedHost::start(name, world);
        hosts.insert(name.to_owned(), host.clone());
        let made = simulated(host, notifying);
        running.insert(name.to_owned(), made.run(name, &shared, None));
    }
    let polling_stop = CancellationToken::new();
    let polling = Polling::new(polling::Parts {
        store: Arc::clone(&shared.store),
        clock: Arc::clone(&shared.clock),
        plans: shared.plans.subscribe(),
        guests: guests_asked,
        finds: Arc::clone(&shared.finds),
        board: Arc::clone(&shared.board),
        metrics: Arc::clone(&shared.metrics),
        wakes: Arc::clone(&shared.wakes),
        silences: Arc::clone(&shared.silences),
        health: Arc::clone(&shared.health),
        pulse: Arc::clone(&shared.pulse),
        servers: Arc::clone(&shared.servers),
        fill: shared.fill.subscribe(),
        beat: shared.watchdog.beat("polling"),
        stop: polling_stop.clone(),
        spread: 7,
    });
    let polling = tokio::spawn(polling.run());
    tokio::spawn(keep_house(Arc::clone(&shared)));
    (shared, running, hosts, polling, polling_stop)
}

/// Receivers that keep incidents forget what is not said again.
fn simulated(host: SimulatedHost, notifying: &Notifying) -> Made {
    let repeat = notifying.pacing.keeps_incidents.then_some(SAID_AGAIN_EVERY);
    Made::simulated(Arc::new(host), notifying.concurrency, repeat)
}

/// What housekeeping does for the others: it follows the clock, counts the outbox, tells fallbacks, and forgets what is
/// old.
async fn keep_house(shared: Arc<Shared>) {
    let mut jumps = Jumps::new();
    let mut tidied_at = None;
    loop {
        jumps.look(&shared).await;
        if let Ok(fill) = shared.store.fill().await {
            shared.fill.send_replace(fill);
        }
        fallback::look(&shared).await;
        housekeeping::look_at_keys(&shared).await;
        let now = shared.clock.elapsed();
        if tidied_at.is_none_or(|at: Duration| now - at > TIDY_EVERY) && !housekeeping::tidy(&shared).await {
            tidied_at = Some(now);
        }
        tokio::time::sleep(KEEP_EVERY).await;
    }
}
