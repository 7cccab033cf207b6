//! Many seeds, on as many threads as there are processors; and the same stories drawn and shortened by proptest.

use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::strategy::ValueTree;

use super::house::House;
use super::markers::Markers;
use super::script::{self, Action};
use super::whims::Whims;

/// Seeds that once failed. A change of what a script is drawn from (`script::action`) makes others of them: then what
/// they found must stand as a test of its own.
const REGRESSIONS: &[u64] = &[
    447, 653, 1_087, 1_266, 1_593, 2_261, 2_801, 3_263, 3_967, 4_127, 4_415, 4_561, 4_735, 5_221, 5_734,
    6_093, 6_182, 7_368, 8_874, 8_913, 12_479, 13_848, 14_684, 14_879, 16_141, 17_887, 18_050, 19_551,
    30_783, 47_498,
];

/// So many at least, however slow the machine is.
const SEEDS_MIN: u64 = 1_000;
/// For so long, unless one asks for a number.
const RUN_FOR: Duration = Duration::from_secs(45);
/// A failing script is made shorter for so long at most.
const SHORTEN_FOR: Duration = Duration::from_secs(15);
/// More failures than this tell nothing new.
const FAILURES_MAX: usize = 10;

struct Played {
    result: Result<(), String>,
    markers: Markers,
    story: Vec<String>,
    simulated: Duration,
}

/// The setup's seed and the script's are one, until the script is made shorter.
fn play(seed: u64, script: &[Action], is_told: bool) -> Played {
    let mut house = House::new(seed, is_told);
    let mut whims = Whims::of(seed, !REGRESSIONS.contains(&seed));
    let mut run = || {
        for action in script {
            house.act(*action);
            if let Some(whim) = whims.next() {
                house.whim(whim);
            }
            house.check()?;
        }
        house.end()
    };
    let result = run();
    let simulated = house.passed();
    let (markers, story) =
        house.world.with(|state| (state.markers.clone(), std::mem::take(&mut state.story.lines)));
    Played { result, markers, story, simulated }
}

/// The failure, the shortest script that was found for it, its story, and how to see it again.
fn report(seed: u64) -> String {
    let mut tree = script::tree(seed);
    let fails = |script: &[Action]| play(seed, script, false).result.is_err();
    let mut shortest = tree.current();
    let began = Instant::now();
    let mut more = tree.simplify();
    while more && began.elapsed() < SHORTEN_FOR {
        let current = tree.current();
        more = if fails(&current) {
            shortest = current;
            tree.simplify()
        } else {
            tree.complicate()
        };
    }
    let played = play(seed, &shortest, true);
    let mut text =
        format!("seed {seed}: {}\n", played.result.err().unwrap_or_else(|| "does not fail again".to_owned()));
    for action in &shortest {
        let _ = writeln!(text, "    {action:?}");
    }
    for line in &played.story {
        let _ = writeln!(text, "  {line}");
    }
    let _ = writeln!(
        text,
        "again: COMMWATCH_SEED={seed} cargo test -p commwatch --lib simulation -- --nocapture"
    );
    text
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

#[test]
fn whatever_befalls_the_daemon_nothing_is_lost_invented_or_repeated_without_need() {
    let began = Instant::now();
    if let Some(seed) = number("COMMWATCH_SEED") {
        let played = play(seed, &script::tree(seed).current(), true);
        played.story.iter().for_each(|line| println!("  {line}"));
        println!("{} simulated seconds in {:?}", played.simulated.as_secs(), began.elapsed());
        return assert_eq!(played.result, Ok(()), "seed {seed}");
    }
    let wanted = number("COMMWATCH_SEEDS");
    let next = AtomicU64::new(0);
    let failed: Mutex<Vec<(u64, String)>> = Mutex::default();
    let all: Mutex<(Markers, Duration, u64)> = Mutex::default();
    let regressions = REGRESSIONS.len() as u64;
    let enough = |number: u64| match wanted {
        Some(wanted) => number >= wanted + regressions,
        None => number >= SEEDS_MIN + regressions && began.elapsed() > RUN_FOR,
    };
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if enough(number) || failed.lock().unwrap().len() >= FAILURES_MAX {
                return;
            }
            let seed = REGRESSIONS.get(number as usize).copied().unwrap_or_else(|| number - regressions);
            let played = play(seed, &script::tree(seed).current(), false);
            if let Err(why) = played.result {
                failed.lock().unwrap().push((seed, why));
            }
            let mut all = all.lock().unwrap();
            all.0.add(&played.markers);
            all.1 += played.simulated;
            all.2 += 1;
        }
    };
    std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        (0..threads).for_each(|_| drop(scope.spawn(work)));
    });
    let (markers, simulated, seeds) = all.into_inner().unwrap();
    let failed = failed.into_inner().unwrap();
    if let Some((seed, _)) = failed.first() {
        let each: Vec<String> = failed.iter().map(|(seed, why)| format!("seed {seed}: {why}")).collect();
        panic!("{} of {seeds} seeds fail\n{}\n\n{}", failed.len(), each.join("\n"), report(*seed));
    }
    println!(
        "{seeds} seeds, {:.0} simulated hours, in {:.0} s\n{markers}",
        simulated.as_secs_f64() / 3600.0,
        began.elapsed().as_secs_f64()
    );
    assert!(markers.missing().is_empty(), "never reached: {:?}", markers.missing());
}

#[test]
fn the_same_seed_is_the_same_story() {
    for seed in (0..5).chain([31]) {
        let script = script::tree(seed).current();
        let (once, again) = (play(seed, &script, true), play(seed, &script, true));
        let differs = once.story.iter().zip(&again.story).find(|(one, other)| one != other);
        assert_eq!(differs, None, "seed {seed}");
        assert_eq!(once.story.len(), again.story.len(), "seed {seed}");
    }
}

/// The same cases each time, so that a commit fails for what it changed; `COMMWATCH_STORIES` draws as many others.
fn drawn() -> ProptestConfig {
    let asked = std::env::var("COMMWATCH_STORIES").ok().and_then(|text| text.parse::<u32>().ok());
    let usual = ProptestConfig { max_shrink_iters: 300, ..ProptestConfig::default() };
    match asked {
        Some(cases) => ProptestConfig { cases, ..usual },
        None => ProptestConfig { cases: 32, rng_seed: prop::test_runner::RngSeed::Fixed(3), ..usual },
    }
}

proptest! {
    #![proptest_config(drawn())]

    #[test]
    fn every_step_keeps_what_must_be_so(seed in 0..1_000_u64, script in prop::collection::vec(script::action(), 1..40)) {
        let played = play(seed, &script, false);
        if let Err(why) = played.result {
            let story = play(seed, &script, true).story.join("\n  ");
            return Err(TestCaseError::fail(format!("{why}\n  {story}")));
        }
    }
}
