//! A daemon that is killed and started again and again while customers write.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::process::ExitStatusExt as _;
use std::time::{Duration, Instant};

use super::checker::{self, Evidence, Happening, Kind, LIFE, Life};
use super::file;
use super::points::Point;
use super::traffic::{Random, Traffic};
use crate::disk::Disk;
use crate::world::{PATIENCE, STREAM, World};

const CONVERSATIONS: i64 = 5;
/// One request in so many is refused.
pub const FAILS_EVERY: usize = 17;
/// Nobody writes while so much has not been delivered.
const BEHIND_MAX: usize = 60;
/// A point that was missed is tried again this often, so that one that cannot be hit is found.
const TRIES_MAX: u32 = 3;

/// The notifiers, and where their receiver hears each.
const NOTIFIERS: [(&str, &str); 2] = [("hook", "/hook"), ("second", "/second")];

pub struct Play {
    pub world: World,
    pub disk: Disk,
    pub traffic: Traffic,
    pub random: Random,
    /// Whether messages are deleted as well.
    pub deletes: bool,
    /// What was done to messages, in that order.
    changes: Vec<Happening>,
    lives: Vec<Life>,
    exchanged: u32,
    /// Requests that had come when the present life began.
    arrived: usize,
}

impl Play {
    pub async fn new(seed: u64) -> Self {
        let mut world = World::new().await;
        let disk = Disk::of(&mut world);
        let conversations = (1..=CONVERSATIONS).map(|object| world.watching(object)).collect();
        // None runs out: only a death leaves a request unanswered.
        world.config.hook_timeout = "60s";
        world.config.log_level = "info,commwatch::engine::poll=debug";
        world.config.routes =
            "[[route]]\nevents = [\"message.created\", \"message.edited\", \"message.deleted\"]\n\
             from = [\"customer\", \"agent\", \"bot\", \"unknown\"]\nnotify = [\"hook\", \"second\"]\n"
                .to_owned();
        let mut play = Self {
            traffic: Traffic::start(conversations, seed),
            world,
            disk,
            random: Random::new(seed),
            deletes: true,
            changes: Vec::new(),
            lives: Vec::new(),
            exchanged: 0,
            arrived: 0,
        };
        play.start().await;
        play.world.baselined().await;
        play.world.hook.fails_every(FAILS_EVERY);
        play.traffic.flow();
        play.kill().await;
        play
    }

    /// Kills at each of these points in turn until there were so many kills, and then asks the checker.
    pub async fn run(mut self, points: &[Point], kills: u32) {
        let began = Instant::now();
        let mut hits: BTreeMap<Point, u32> = BTreeMap::new();
        let mut missed: BTreeMap<Point, u32> = BTreeMap::new();
        let mut killed = 0;
        for point in points.iter().cycle() {
            for _ in 0..TRIES_MAX {
                let hit = point.perform(&mut self).await;
                killed += u32::from(point.is_kill());
                *if hit { &mut hits } else { &mut missed }.entry(*point).or_default() += 1;
                if hit {
                    break;
                }
            }
            if killed >= kills
                && points.iter().all(|point| hits.contains_key(point) || missed.contains_key(point))
            {
                break;
            }
        }
        self.start().await;
        self.traffic.pause();
        self.delivered(&[Kind::Created, Kind::Edited, Kind::Deleted]).await;
        self.noted().await;
        self.stop().await;
        let evidence = self.evidence();
        let verdict = checker::judge(&evidence);
        println!(
            "{killed} kills in {:.0?}; hit {hits:?}, missed {missed:?}; {} messages, {} changes in {CONVERSATIONS} \
             conversations to {} receivers; {}",
            began.elapsed(),
            evidence.happened.len() - self.changes.len(),
            self.changes.len(),
            NOTIFIERS.len(),
            match &verdict {
                Ok(verdict) => format!("{verdict:?}"),
                Err(wrong) => format!("{} faults", wrong.len()),
            },
        );
        if let Err(wrong) = verdict {
            tell(&wrong);
        }
        for point in points {
            assert!(hits.contains_key(point), "{point:?} was never hit");
        }
    }

    /// Starts the daemon and waits until it is ready, with customers writing.
    pub async fn start(&mut self) {
        let from = self.launch();
        self.world.ready_after(from).await;
        if self.random.below(2) == 0 {
            self.change_messages();
        }
    }

    /// Starts the daemon; gives the number of lines that were written before.
    pub fn launch(&mut self) -> usize {
        self.write_config("");
        self.arrived = self.world.hook.arrivals().len();
        // What is said before the first life has its baseline is part of that. Who is killed all the time must be
        // given time to catch up.
        let behind = self.happened().len() - self.told().len();
        self.traffic.pause();
        if !self.lives.is_empty() && behind < BEHIND_MAX {
            self.traffic.flow();
            if self.random.below(2) == 0 {
                self.change_messages();
            }
        }
        let command = self.world.daemon_command(&[]);
        self.world.launch(command)
    }

    /// Changes the configuration: both hooks have to be exchanged, and this comes on top.
    pub fn change(&mut self, more: &str) {
        self.exchanged += 1;
        self.write_config(more);
    }

    fn write_config(&mut self, more: &str) {
        let (url, folder) = (self.world.hook.url_of("/second"), self.world.folder().display());
        self.world.config.more = format!(
            "[notifiers.second]\nplugin = \"webhook\"\ncontent = \"full\"\ntimeout = \"60s\"\nrate = \"1000/s\"\n\
             retries = \"people\"\norder = \"conversation\"\n[notifiers.second.config]\nurl = \"{url}\"\nsecret = {{ file = \"{folder}/signing\" }}\n{more}",
        );
        let (life, exchanged) = (self.lives.len(), self.exchanged);
        let headers =
            format!("headers = {{ {LIFE} = \"{life}\", x-exchanged = \"{exchanged}\" }}\nsecret = {{");
        let text = self.world.config_text().replace("secret = {", &headers);
        self.world.replace(&self.world.config_path(), &text);
    }

    /// One message is edited and another one deleted: of those of which all that is known has been told.
    fn change_messages(&mut self) {
        let happened = self.happened();
        let told = self.told();
        let is_told = |child: i64| {
            happened.iter().enumerate().all(|(what, one)| one.child != child || told.contains(&what))
        };
        let is_gone = |child: i64| happened.iter().any(|one| one.child == child && one.kind == Kind::Deleted);
        // That the oldest of all was deleted may be told only when the list has another length.
        let posted = self.world.sim.posted();
        let is_later = |one: &Happening| {
            posted.iter().any(|old| old.text == "old" && old.object_id == one.object && old.at < one.created)
        };
        let mut open: Vec<&Happening> = happened.iter().filter(|one| one.kind == Kind::Created).collect();
        open.retain(|one| is_later(one) && is_told(one.child) && !is_gone(one.child));
        let kinds: &[Kind] = if self.deletes { &[Kind::Edited, Kind::Deleted] } else { &[Kind::Edited] };
        for kind in kinds {
            if open.is_empty() {
                return;
            }
            let place = usize::try_from(self.random.below(open.len() as u64)).unwrap();
            let one = open.swap_remove(place);
            let conversation = self.world.sim.conversation(STREAM, one.object);
            let text = if *kind == Kind::Edited {
                let text = format!("{} as edit {}", one.text, self.changes.len());
                conversation.edit(one.child, text.clone());
                text
            } else {
                conversation.redact(one.child);
                String::new()
            };
            self.changes.push(Happening { kind: *kind, text, ..one.clone() });
        }
    }

    /// What happened, as the checker wants it.
    fn happened(&self) -> Vec<Happening> {
        let posted = self.world.sim.posted().into_iter().filter(|posted| posted.text != "old");
        let created = posted.map(|posted| Happening {
            kind: Kind::Created,
            object: posted.object_id,
            child: posted.child_id,
            text: posted.text,
            created: posted.at,
        });
        created.chain(self.changes.iter().cloned()).collect()
    }

    /// What every receiver has accepted.
    fn told(&self) -> BTreeSet<usize> {
        let happened = self.happened();
        let places: BTreeMap<(&str, String, &str), usize> = happened
            .iter()
            .enumerate()
            .map(|(what, one)| {
                ((one.kind.event_type(), format!("child/{}", one.child), one.text.as_str()), what)
            })
            .collect();
        let mut by: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
        self.world.hook.look(|received| {
            for one in received.iter().filter(|one| one.accepted) {
                let subject = one.body["subject"].as_str().unwrap_or_default().to_owned();
                if let Some(what) = places.get(&(one.kind.as_str(), subject, one.text.as_str())) {
                    by.entry(*what).or_default().insert(one.path.clone());
                }
            }
        });
        by.into_iter().filter(|(_, paths)| paths.len() == NOTIFIERS.len()).map(|(what, _)| what).collect()
    }

    /// How many messages an answer about this conversation shows.
    pub fn shown(&self, object: i64) -> usize {
        let posted = self.world.sim.posted().iter().filter(|posted| posted.object_id == object).count();
        let gone =
            self.changes.iter().filter(|one| one.object == object && one.kind == Kind::Deleted).count();
        posted - gone
    }

    /// Nobody writes; what was written and edited is delivered and noted (what was deleted takes longer: nobody
    /// believes one answer). Every conversation was polled by this life.
    pub async fn quiet(&mut self) {
        self.traffic.pause();
        self.world.polled(1).await;
        self.delivered(&[Kind::Created, Kind::Edited]).await;
        self.noted().await;
    }

    /// As long as something is accepted now and then, it may take its time.
    async fn delivered(&mut self, kinds: &[Kind]) {
        let is_wanted = |happened: &Happening| kinds.contains(&happened.kind);
        let (mut last, mut progress) = (0, Instant::now());
        loop {
            let told = self.told();
            if self.happened().iter().enumerate().all(|(what, one)| !is_wanted(one) || told.contains(&what)) {
                return;
            }
            let accepted =
                self.world.hook.look(|received| received.iter().filter(|one| one.accepted).count());
            if accepted > last {
                (last, progress) = (accepted, Instant::now());
            }
            if progress.elapsed() > PATIENCE {
                self.kill().await;
                tell(&checker::judge(&self.evidence()).expect_err("not everything was accepted"));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn noted(&self) {
        let is_empty = |status: &serde_json::Value| {
            status["notifiers"].as_array().unwrap().iter().all(|one| one["pending"] == 0)
        };
        self.world.status_until("everything is noted", is_empty).await;
    }

    /// kill -9.
    pub async fn kill(&mut self) {
        self.world.signal(9);
        self.died().await;
    }

    /// Waits until it was killed, as it was arranged.
    pub async fn died(&mut self) {
        let status = self.world.ended().await;
        assert_eq!(status.signal(), Some(9), "it ended otherwise: {status}");
        self.ended(true);
    }

    /// SIGTERM; whether it ended tidily.
    pub async fn stop(&mut self) -> bool {
        let status = self.world.stop().await;
        assert!(status.success(), "{status}");
        self.ended(false);
        true
    }

    fn ended(&mut self, killed: bool) {
        let said = file::read(self.world.folder());
        let path = |notifier: &str| {
            let found = NOTIFIERS.iter().find(|(name, _)| *name == notifier);
            found.map(|(_, path)| (*path).to_owned())
        };
        let noted = said.delivered.into_iter().filter_map(|(notifier, id)| Some((path(&notifier)?, id)));
        self.lives.push(Life { killed, noted: noted.collect() });
    }

    /// Requests that came in the life that has ended and were never answered.
    pub fn unanswered(&self) -> usize {
        let arrivals = self.world.hook.arrivals();
        arrivals[self.arrived..].iter().filter(|arrival| arrival.answer.is_none()).count()
    }

    fn evidence(&self) -> Evidence {
        Evidence {
            happened: self.happened(),
            receivers: NOTIFIERS.iter().map(|(_, path)| (*path).to_owned()).collect(),
            arrivals: self.world.hook.arrivals(),
            lives: self.lives.clone(),
        }
    }
}

fn tell(wrong: &[String]) {
    panic!("{} faults; the first: {:#?}", wrong.len(), &wrong[..wrong.len().min(20)]);
}
