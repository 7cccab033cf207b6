//! The moments at which the daemon is killed, and how each is brought about from outside. A point tells whether it was
//! really hit: what it saw before and after the kill leaves no other moment.

use std::path::Path;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::file;
use super::play::Play;
use crate::receiver::Reply;
use crate::world::{PATIENCE, Process, until};

/// A moment in the daemon's life.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Point {
    /// Any, with a disk that takes a while for every other one.
    Random,
    /// The answer has been read, and the file not even asked what it has seen.
    AfterFetch,
    /// Some pages of a poll's commit are in the write-ahead log.
    WithinCommit,
    /// All are, and none is synced.
    BeforeSync,
    /// They are synced; nobody has heard of it.
    AfterCommit,
    /// Requests have arrived and have no answer.
    BeforeAnswer,
    /// An answer has just left.
    AnswerLeaves,
    /// The answers have come, and the note of that has begun to be written.
    BeforeNote,
    /// The note is in the file, and nobody has heard of it.
    AfterNote,
    /// A reload starts a plugin.
    ReloadStarts,
    /// A reload has exchanged a plugin that has requests out.
    ReloadSwapped,
    /// The store is open and nobody has been asked anything.
    Starting,
    /// SIGTERM has come; it waits for requests that are out.
    Stopping,
    /// SIGTERM has come; what came back last is being noted.
    StoppingNotes,
    /// No kill: SIGTERM, and a tidy end.
    Stopped,
    /// The old file is being kept whole.
    MigrationKeeps,
    /// The steps are being written.
    MigrationSteps,
    /// They are all in the write-ahead log.
    MigrationCommits,
}

impl Point {
    /// Whether it was hit; in any case the daemon has ended.
    pub async fn perform(self, play: &mut Play) -> bool {
        match self {
            Self::Random => random(play).await,
            Self::AfterFetch => after_fetch(play).await,
            Self::WithinCommit => {
                let n = 2 + play.random.below(6);
                commit(play, "write", n, "before", false).await
            }
            Self::BeforeSync => commit(play, "sync", 1, "before", true).await,
            Self::AfterCommit => commit(play, "sync", 1, "after", true).await,
            Self::BeforeAnswer => before_answer(play).await,
            Self::AnswerLeaves => answer_leaves(play).await,
            Self::BeforeNote => {
                let n = 1 + play.random.below(3);
                note(play, "write", n, "before", false).await
            }
            Self::AfterNote => {
                let when = *play.random.of(&["before", "after"]);
                note(play, "sync", 1, when, true).await
            }
            Self::ReloadStarts => reload_starts(play).await,
            Self::ReloadSwapped => reload_swapped(play).await,
            Self::Starting => starting(play).await,
            Self::Stopping => stopping(play).await,
            Self::StoppingNotes => stopping_notes(play).await,
            Self::Stopped => stopped(play).await,
            Self::MigrationKeeps => {
                let n = 1 + play.random.below(20);
                migration(play, ".pre-v", "write", n, "before").await
            }
            Self::MigrationSteps => {
                let n = 2 + play.random.below(12);
                migration(play, "-wal", "write", n, "before").await
            }
            Self::MigrationCommits => {
                let when = *play.random.of(&["before", "after"]);
                // The first is that of the new log's head.
                migration(play, "-wal", "sync", 2, when).await
            }
        }
    }

    pub fn is_kill(self) -> bool {
        self != Self::Stopped
    }
}

async fn random(play: &mut Play) -> bool {
    play.start().await;
    let slow = play.random.below(2) == 0;
    if slow {
        play.disk.slow(true);
    }
    tokio::time::sleep(play.random.pause(1500)).await;
    play.kill().await;
    if slow {
        play.disk.slow(false);
    }
    true
}

async fn after_fetch(play: &mut Play) -> bool {
    play.start().await;
    play.quiet().await;
    let written = log_bytes(play);
    let from = play.world.output.count();
    play.disk.hangs(true);
    let object = play.traffic.say_one();
    let messages = play.shown(object);
    let line = play.world.line_after(from, "\"message\":\"read an answer\"").await;
    let is_it = line.contains(&format!("\"watch\":\"w{object}\""))
        && line.contains(&format!("\"messages\":{messages}"));
    play.kill().await;
    play.disk.hangs(false);
    is_it && log_bytes(play) == written
}

/// The next commit is that of a poll.
async fn commit(play: &mut Play, operation: &str, n: u64, when: &str, is_kept: bool) -> bool {
    play.start().await;
    play.quiet().await;
    let before = file::read(play.world.folder()).events;
    play.disk.kills_at("-wal", operation, n.try_into().unwrap(), when);
    let said = play.traffic.say_everywhere();
    play.died().await;
    let after = file::read(play.world.folder()).events;
    for text in said {
        let words = format!("\"text\":\"{text}\"");
        let is_told = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(&words);
        let arrivals = play.world.hook.arrivals();
        assert!(!arrivals.iter().any(|one| is_told(&one.bytes)), "{text} was told before it was safe");
    }
    play.disk.has_killed() && (after > before) == is_kept
}

async fn before_answer(play: &mut Play) -> bool {
    play.start().await;
    let _shut = play.hold();
    let wanted = 1 + usize::try_from(play.random.below(6)).unwrap();
    play.traffic.say_everywhere();
    until("requests are out", || play.world.hook.under_way() >= wanted).await;
    play.kill().await;
    play.let_go();
    play.unanswered() >= wanted
}

async fn answer_leaves(play: &mut Play) -> bool {
    play.start().await;
    let hook = &play.world.hook;
    let from = hook.look(|received| received.iter().filter(|one| one.accepted).count());
    play.traffic.say_one();
    hook.wait("one is accepted", PATIENCE, |all| all.iter().filter(|one| one.accepted).count() > from).await;
    let left = Instant::now();
    tokio::time::sleep(play.random.pause(5)).await;
    play.kill().await;
    let is_recent = |at: Instant| left.saturating_duration_since(at) < Duration::from_millis(10);
    play.world.hook.look(|received| received.iter().any(|one| one.accepted && is_recent(one.at)))
}

/// One message is with both receivers; the next commit is what became of it.
async fn note(play: &mut Play, operation: &str, n: u64, when: &str, is_kept: bool) -> bool {
    play.start().await;
    play.quiet().await;
    let before = file::read(play.world.folder()).delivered.len();
    let open = play.hold();
    play.traffic.say_one();
    until("both receivers have it", || play.world.hook.under_way() >= 2).await;
    play.disk.kills_at("-wal", operation, n.try_into().unwrap(), when);
    open.cancel();
    play.died().await;
    play.let_go();
    let after = file::read(play.world.folder()).delivered.len();
    play.disk.has_killed() && (after > before) == is_kept
}

async fn reload_starts(play: &mut Play) -> bool {
    play.start().await;
    let from = play.world.output.count();
    let before = Process::children_of(play.world.pid()).len();
    // The reload waits for a plugin that never comes to run.
    play.change("[notifiers.late]\nplugin = \"faulty\"\n[notifiers.late.config]\nmode = \"hang-at-start\"\n");
    play.world.signal(1);
    let pid = play.world.pid();
    // The late one, and both hooks anew.
    until("plugins are being started", || Process::children_of(pid).len() >= before + 3).await;
    tokio::time::sleep(play.random.pause(300)).await;
    play.kill().await;
    !says(play, from, "reloaded the configuration") && !says(play, from, "the configuration in use stays")
}

async fn reload_swapped(play: &mut Play) -> bool {
    play.start().await;
    let _shut = play.hold();
    play.traffic.say_one();
    until("a request is out", || play.world.hook.under_way() > 0).await;
    let from = play.world.output.count();
    play.change("");
    play.world.signal(1);
    play.world.line_after(from, "reloaded the configuration").await;
    tokio::time::sleep(play.random.pause(50)).await;
    play.kill().await;
    play.let_go();
    play.unanswered() > 0
}

/// The admin socket is made as soon as the store is open.
async fn starting(play: &mut Play) -> bool {
    let socket = play.world.path("admin.sock");
    let _ = std::fs::remove_file(&socket);
    let asked = play.world.sim.total_requests();
    let from = play.launch();
    while !socket.exists() {
        assert!(!says(play, from, "\"level\":\"ERROR\""), "{}", play.world.output.all());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    play.kill().await;
    play.world.sim.total_requests() == asked
}

async fn stopping(play: &mut Play) -> bool {
    play.start().await;
    let _shut = play.hold();
    play.traffic.say_one();
    until("a request is out", || play.world.hook.under_way() > 0).await;
    let from = play.world.output.count();
    play.world.signal(15);
    play.world.line_after(from, "\"message\":\"stopping\"").await;
    tokio::time::sleep(play.random.pause(500)).await;
    play.kill().await;
    play.let_go();
    play.unanswered() > 0 && !says(play, from, "\"message\":\"stopped\"")
}

async fn stopping_notes(play: &mut Play) -> bool {
    play.start().await;
    play.quiet().await;
    let open = play.hold();
    play.traffic.say_one();
    until("both receivers have it", || play.world.hook.under_way() >= 2).await;
    let from = play.world.output.count();
    play.world.signal(15);
    play.world.line_after(from, "\"message\":\"stopping\"").await;
    let (operation, when) = *play.random.of(&[("write", "before"), ("sync", "before"), ("sync", "after")]);
    play.disk.kills_at("-wal", operation, 1, when);
    open.cancel();
    play.died().await;
    play.let_go();
    play.disk.has_killed() && !says(play, from, "\"message\":\"stopped\"")
}

async fn stopped(play: &mut Play) -> bool {
    play.start().await;
    tokio::time::sleep(play.random.pause(1000)).await;
    play.stop().await
}

/// Takes a database of the first schema into use.
async fn migration(play: &mut Play, file: &str, operation: &str, n: u64, when: &str) -> bool {
    play.start().await;
    tokio::time::sleep(play.random.pause(1000)).await;
    if play.random.below(2) == 0 {
        play.kill().await;
    } else {
        play.stop().await;
    }
    let now = file::read(play.world.folder());
    assert!(now.version > 1, "there is nothing to migrate");
    file::make_old(play.world.folder());
    play.disk.kills_at(file, operation, n.try_into().unwrap(), when);
    play.launch();
    play.died().await;
    let after = file::read(play.world.folder());
    let is_kept = operation == "sync";
    assert_eq!(after.delivered, now.delivered, "what was delivered stays so");
    assert_eq!(after.events, now.events);
    play.disk.has_killed() && after.version == if is_kept { now.version } else { 1 }
}

fn log_bytes(play: &Play) -> u64 {
    bytes(&play.world.path("commwatch.db-wal"))
}

fn bytes(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |meta| meta.len())
}

fn says(play: &Play, from: usize, text: &str) -> bool {
    play.world.output.wait(from, text, Duration::ZERO).is_some()
}

impl Play {
    /// Every request from now on waits until this is cancelled.
    fn hold(&self) -> CancellationToken {
        let open = CancellationToken::new();
        self.world.hook.fails_every(usize::MAX);
        self.world.hook.usually(Some(Reply::After(open.clone())));
        open
    }

    fn let_go(&self) {
        self.world.hook.usually(None);
        self.world.hook.fails_every(super::play::FAILS_EVERY);
    }
}
