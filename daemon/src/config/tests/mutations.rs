//! Whatever somebody does to a file, we answer with places that are in it.

use proptest::prelude::*;

use super::World;
use super::manual::MANUAL;
use crate::config::{Mistake, Spot};

/// What people and programs do to a line.
#[derive(Clone, Debug)]
enum Change {
    Delete,
    Double,
    Replace(String),
    Insert(usize, char),
    Remove(usize),
    Cut(usize),
}

fn change() -> impl Strategy<Value = Change> {
    let odd = prop_oneof![
        Just("= 1".to_owned()),
        Just("[[accounts]]".to_owned()),
        Just("[watch]".to_owned()),
        Just("[notifiers.log.config.deep]".to_owned()),
        Just("notify = [[[]]]".to_owned()),
        Just("token = '''".to_owned()),
        Just("interval = {}".to_owned()),
        Just("object = 0xffffffffffffffffff".to_owned()),
        Just("rate = nan".to_owned()),
        Just("name = 1979-05-27".to_owned()),
        "\\PC{0,40}",
    ];
    prop_oneof![
        Just(Change::Delete),
        Just(Change::Double),
        odd.prop_map(Change::Replace),
        (0..80_usize, prop_oneof![any::<char>(), proptest::char::range('!', '~')])
            .prop_map(|(at, c)| Change::Insert(at, c)),
        (0..80_usize).prop_map(Change::Remove),
        (0..80_usize).prop_map(Change::Cut),
    ]
}

fn changed(line: &str, change: &Change) -> String {
    let mut chars: Vec<char> = line.chars().collect();
    match change {
        Change::Delete => return String::new(),
        Change::Double => return format!("{line}\n{line}\n"),
        Change::Replace(text) => return format!("{text}\n"),
        Change::Insert(at, c) => chars.insert(*at.min(&chars.len()), *c),
        Change::Remove(at) if *at < chars.len() => drop(chars.remove(*at)),
        Change::Remove(_) => {}
        Change::Cut(at) => chars.truncate(*at),
    }
    chars.into_iter().chain(['\n']).collect()
}

fn assert_in_file(spot: &Spot, text: &str) {
    let lines: Vec<&str> = text.split('\n').collect();
    assert!((1..=lines.len()).contains(&spot.line), "line {} of {}", spot.line, lines.len());
    let columns = lines[spot.line - 1].chars().count() + 1;
    assert!((1..=columns).contains(&spot.column), "{}:{} of {columns}", spot.line, spot.column);
    if let Some(excerpt) = &spot.excerpt {
        assert!(
            excerpt.before + excerpt.marked <= excerpt.text.chars().count() + 1 || excerpt.marked <= 1,
            "{excerpt:?}"
        );
    }
}

/// The lines of the manual that say something, all switched on: only they are worth breaking.
fn lines() -> Vec<String> {
    let bare =
        |line: &str| format!("{}\n", line.strip_prefix("#: ").or(line.strip_prefix('#')).unwrap_or(line));
    MANUAL.lines().filter(|line| !line.starts_with("# ") && !line.starts_with("#:schema")).map(bare).collect()
}

fn mistakes(text: &str) -> Vec<Mistake> {
    let world = World::new(text);
    world.write("company-ca.pem", "");
    // Not all that a schema cannot say is listed, and what is drawn must not depend on luck.
    match world.load_from(&super::Shelf) {
        Ok(loaded) => loaded.warnings,
        Err(mistakes) => {
            assert!(!mistakes.0.is_empty());
            mistakes.0
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_change_of_the_manual_is_taken_or_told_at_a_place_in_the_file(
        changes in proptest::collection::vec((0..LINES, change()), 1..4)
    ) {
        let mut lines = lines();
        for (at, change) in &changes {
            let at = at % lines.len();
            lines[at] = changed(&lines[at], change);
        }
        let text = lines.concat();
        // How many more there are stands nowhere in particular.
        let counted = |mistake: &Mistake| mistake.message.ends_with(" more mistakes");
        for mistake in mistakes(&text).into_iter().filter(|mistake| !counted(mistake)) {
            assert_in_file(&mistake.spot, &text);
            mistake.also.iter().for_each(|also| assert_in_file(&also.spot, &text));
            prop_assert!(!mistake.to_string().is_empty());
        }
    }

    #[test]
    fn no_change_brings_a_literal_secret_to_light(changes in proptest::collection::vec((0..LINES, change()), 0..4)) {
        let mut lines: Vec<String> = lines()
            .iter()
            .map(|line| match line.split_once("{ credential =") {
                Some((before, after)) => format!("{before}'{SECRET}'{}", after.split_once('}').map_or("", |(_, rest)| rest)),
                None => line.clone(),
            })
            .collect();
        for (at, change) in &changes {
            let at = at % lines.len();
            lines[at] = changed(&lines[at], change);
        }
        for mistake in mistakes(&lines.concat()) {
            let told = format!("{mistake}{mistake:?}");
            prop_assert!(!told.contains(&SECRET[..7]), "{told}");
        }
    }
}

const SECRET: &str = "hunter2hunter2hunter2";

/// More than the manual has; numbers wrap around.
const LINES: usize = 1_000;
