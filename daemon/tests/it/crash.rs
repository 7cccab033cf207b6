//! The real binary, killed again and again at random moments and at named points, with a checker outside that is told
//! only what was said in `CommBox`, what the receivers got, and when the daemon died.
//!
//! `COMMWATCH_KILLS=300 cargo test -p commwatch --test it -- crash --nocapture` is the long run.

mod checker;
mod file;
mod play;
mod points;
mod traffic;

use self::play::Play;
use self::points::Point;

/// How often the daemon is killed in all tests here together.
const KILLS: u32 = 30;

/// The part of a test that is meant for `share` kills of [`KILLS`].
fn kills(share: u32) -> u32 {
    let all = std::env::var("COMMWATCH_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(KILLS);
    (all * share).div_ceil(KILLS)
}

async fn kill_at(points: &[Point], share: u32, seed: u64) {
    Play::new(seed).await.run(points, kills(share)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_at_random_moments_loses_invents_disorders_and_needlessly_repeats_nothing() {
    kill_at(&[Point::Random], 5, 42).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_does_kill_9_from_the_answer_to_the_commit() {
    let points = [Point::AfterFetch, Point::WithinCommit, Point::BeforeSync, Point::AfterCommit];
    kill_at(&points, 8, 43).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_does_kill_9_from_the_request_to_the_note_of_its_end() {
    let points = [Point::BeforeAnswer, Point::AnswerLeaves, Point::BeforeNote, Point::AfterNote];
    kill_at(&points, 8, 44).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_does_kill_9_during_a_start_a_reload_or_a_stop() {
    let points = [
        Point::ReloadStarts,
        Point::Starting,
        Point::ReloadSwapped,
        Point::Stopping,
        Point::Stopped,
        Point::StoppingNotes,
    ];
    kill_at(&points, 6, 45).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_does_kill_9_during_a_migration() {
    let points = [Point::MigrationKeeps, Point::MigrationSteps, Point::MigrationCommits];
    let mut play = Play::new(46).await;
    // What vanished before an upgrade is not told after it: the old version did not tell of that either.
    play.deletes = false;
    play.run(&points, kills(3)).await;
}
