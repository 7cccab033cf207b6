use proptest::prelude::*;

use super::*;
use crate::core::cursor::VANISHED_KEPT;
use crate::core::message::Author;
use crate::core::waiting::Acked;
use crate::core::watch::Since;

mod waits;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

fn message(id: &str, second: i64) -> Message {
    Message {
        id: ChildId::new(id),
        created: Some(at(second)),
        author: Author { kind: AuthorKind::Customer, id: None, name: None },
        text: format!("text of {id}"),
        text_truncated: false,
        attachments: 0,
        text_hash: 7,
    }
}

fn answer(messages: Vec<Message>) -> Snapshot {
    Snapshot {
        object_id: 1,
        stream_id: Some(2),
        status_id: Some(1),
        assigned_manager_id: None,
        customer_name: None,
        channel: None,
        messages,
        unparsed: Vec::new(),
        children_listed: true,
        children_cut: false,
        created_at: None,
        updated_at: None,
        answered_at: None,
    }
}

fn asked(now: Timestamp) -> Asked<'static> {
    Asked { baseline: Baseline::Silent, stale_for: Duration::ZERO, now, rules: &[], hushed: false }
}

/// A conversation that answers are played to.
#[derive(Default)]
struct Play {
    cursor: Option<Cursor>,
    baseline: Baseline,
    stale_since: Option<Timestamp>,
    rules: Vec<Rule>,
    hushed: bool,
}

impl Play {
    /// What an answer brings at this second, in a line.
    fn at(&mut self, second: i64, snapshot: &Snapshot) -> String {
        let now = at(second);
        let stale_for =
            self.stale_since.map_or(Duration::ZERO, |since| now.duration_since(since).unsigned_abs());
        let asked =
            Asked { baseline: self.baseline, stale_for, now, rules: &self.rules, hushed: self.hushed };
        let found = match detect(self.cursor.as_ref(), snapshot, asked) {
            Ok(found) => found,
            Err(implausible) => return format!("error: {implausible}"),
        };
        self.stale_since = found.stale.then_some(self.stale_since.unwrap_or(now));
        let told = found.happened.len() as u64;
        let before = self.cursor.as_ref().map_or(0, |cursor| cursor.sequence);
        if let Some(change) = &found.change {
            assert_eq!(change.after.sequence, before + told);
            self.cursor.get_or_insert_default().apply(change);
        } else {
            assert_eq!(told, 0, "told and not written");
        }
        let mut words: Vec<String> = found.happened.iter().map(line).collect();
        if found.pending {
            words.push("...".to_owned());
        }
        words.join(" ")
    }
}

/// Plays answers one after the other, ten seconds apart; gives what each brought, in a line each.
fn play(answers: &[Snapshot]) -> Vec<String> {
    let mut play = Play::default();
    (100..).step_by(10).zip(answers).map(|(second, snapshot)| play.at(second, snapshot)).collect()
}

fn line(happened: &Happened) -> String {
    match happened {
        Happened::Message(message) => message.id.to_string(),
        Happened::Unparsed(child) => format!("unparsed:{}", child.id),
        Happened::Edited { message, revision } => format!("edited:{}/{revision}", message.id),
        Happened::Deleted { id, revision, .. } => format!("deleted:{id}/{revision}"),
        Happened::Gap { .. } => "gap".to_owned(),
        Happened::Status { previous, current } => {
            format!("status:{}>{}", previous.unwrap_or(0), current.unwrap_or(0))
        }
        Happened::Assigned { previous, current } => {
            format!("assigned:{}>{}", previous.unwrap_or(0), current.unwrap_or(0))
        }
        Happened::Waiting { waiting, passed, confirmed, .. } => {
            let passed: Vec<String> = passed.iter().map(|one| one.seconds.to_string()).collect();
            let doubt = if *confirmed { "" } else { "?" };
            format!("waits{doubt}:{}/{}/{}", waiting.child, passed.join("+"), waiting.round)
        }
        Happened::Answered { waiting, ended } => format!("{}:{}", ended.as_str(), waiting.child),
        Happened::Unreachable { .. } => "unreachable".to_owned(),
        Happened::Opened { .. } => "opened".to_owned(),
        Happened::Recovered { .. } => "recovered".to_owned(),
    }
}

#[test]
fn first_sight_is_a_silent_baseline() {
    assert_eq!(play(&[answer(vec![message("1", 1), message("2", 2)])]), [""]);
}

#[test]
fn a_conversation_that_began_after_its_watch_is_told_with_all_that_is_in_it_once() {
    let mut play = Play { baseline: Baseline::Opened, ..Play::default() };
    let first = answer(vec![message("2", 2), message("1", 1)]);
    assert_eq!(play.at(100, &first), "opened 1 2");
    assert_eq!(play.at(110, &first), "");
    let later = answer(vec![message("1", 1), message("2", 2), message("3", 3)]);
    assert_eq!(play.at(120, &later), "3");
    // Not even a list, at first.
    let mut play = Play { baseline: Baseline::Opened, ..Play::default() };
    assert_eq!(play.at(100, &Snapshot { children_listed: false, ..answer(vec![]) }), "opened");
    assert_eq!(play.at(110, &first), "1 2");
}

#[test]
fn several_messages_between_two_polls_come_oldest_first_whatever_their_order_in_the_answer() {
    let baseline = answer(vec![message("1", 1)]);
    let later = answer(vec![message("4", 4), message("2", 2), message("1", 1), message("3", 3)]);
    assert_eq!(play(&[baseline, later]), ["", "2 3 4"]);
}

#[test]
fn equal_times_are_ordered_by_the_number_that_the_id_is() {
    let baseline = answer(vec![]);
    let later = answer(vec![message("100", 5), message("99", 5), message("9", 5)]);
    assert_eq!(play(&[baseline, later]), ["", "9 99 100"]);
}

#[test]
fn a_back_dated_message_with_a_lower_id_is_news_as_well() {
    let baseline = answer(vec![message("50", 50)]);
    let later = answer(vec![message("50", 50), message("3", 3)]);
    assert_eq!(play(&[baseline, later]), ["", "3"]);
}

#[test]
fn a_known_child_never_alerts_twice_even_after_it_was_gone_for_a_while() {
    let both = || answer(vec![message("1", 1), message("2", 2)]);
    let stale = || answer(vec![message("1", 1)]);
    assert_eq!(play(&[stale(), both(), stale(), both(), stale(), both()]), ["", "2", "...", "", "...", ""]);
}

#[test]
fn an_unchanged_answer_writes_nothing() {
    let snapshot = answer(vec![message("1", 1)]);
    let first = detect(None, &snapshot, asked(at(10))).unwrap();
    let mut cursor = Cursor::default();
    cursor.apply(first.change.as_ref().unwrap());
    assert_eq!(detect(Some(&cursor), &snapshot, asked(at(20))), Ok(Found::default()));
}

#[test]
fn status_and_assignee_changes_follow_the_messages() {
    let mut later = answer(vec![message("1", 1)]);
    later.status_id = Some(2);
    later.assigned_manager_id = Some(9);
    assert_eq!(play(&[answer(vec![]), later.clone(), later]), ["", "1 status:1>2 assigned:0>9", ""]);
}

#[test]
fn an_answer_that_does_not_say_the_status_is_no_change_of_it() {
    let with = |status_id| Snapshot { status_id, ..answer(vec![]) };
    assert_eq!(
        play(&[with(Some(1)), with(None), with(Some(1)), with(None), with(Some(2))]),
        ["", "", "", "", "status:1>2"]
    );
    // What was never known has not changed when it is learnt.
    assert_eq!(play(&[with(None), with(Some(1)), with(Some(2))]), ["", "", "status:1>2"]);
}

#[test]
fn an_answer_that_never_listed_children_is_no_baseline_for_those_written_later() {
    let mut unlisted = answer(vec![]);
    unlisted.children_listed = false;
    unlisted.answered_at = Some(at(50));
    let listed = answer(vec![message("1", 1), message("2", 60)]);
    assert_eq!(play(&[unlisted, listed]), ["", "2"]);
}

#[test]
fn an_answer_without_the_list_takes_nothing_away() {
    let mut unlisted = answer(vec![]);
    unlisted.children_listed = false;
    let listed = answer(vec![message("1", 1)]);
    assert_eq!(play(&[listed.clone(), unlisted, listed]), ["", "", ""]);
}

#[test]
fn a_child_that_cannot_be_read_is_told_of_once_and_holds_up_nothing() {
    let mut later = answer(vec![message("2", 2)]);
    later.unparsed = vec![Unparsed { id: ChildId::new("3"), why: "no text".into(), bytes: 4 }];
    assert_eq!(play(&[answer(vec![]), later.clone(), later]), ["", "2 unparsed:3 ...", "..."]);
}

#[test]
fn being_unreachable_is_said_once_and_the_return_once() {
    let snapshot = answer(vec![message("1", 1)]);
    let mut cursor = Cursor::default();
    cursor.apply(detect(None, &snapshot, asked(at(1))).unwrap().change.as_ref().unwrap());
    let gone = unreachable(Some(&cursor), "404", at(2));
    assert_eq!(gone.happened.iter().map(line).collect::<Vec<_>>(), ["unreachable"]);
    cursor.apply(gone.change.as_ref().unwrap());
    assert_eq!(unreachable(Some(&cursor), "404", at(3)), Found::default());
    let back = answer(vec![message("1", 1), message("2", 2)]);
    let back = detect(Some(&cursor), &back, asked(at(4))).unwrap();
    assert_eq!(back.happened.iter().map(line).collect::<Vec<_>>(), ["recovered", "2"]);
    assert_eq!(back.change.unwrap().after.sequence, 3);
}

#[test]
fn a_conversation_that_was_never_reached_has_a_silent_baseline_once_it_is() {
    let gone = unreachable(None, "404", at(1));
    let mut cursor = Cursor::default();
    cursor.apply(gone.change.as_ref().unwrap());
    let back = detect(Some(&cursor), &answer(vec![message("1", 1)]), asked(at(2))).unwrap();
    assert!(back.baseline);
    assert_eq!(back.happened.iter().map(line).collect::<Vec<_>>(), ["recovered"]);
}

#[test]
fn a_vanished_child_is_forgotten_after_its_time_and_not_before() {
    let (both, one) = (answer(vec![message("1", 1), message("2", 2)]), answer(vec![message("1", 1)]));
    let month = i64::try_from(VANISHED_KEPT.as_secs()).unwrap();
    let mut play = Play::default();
    for (second, snapshot) in [(0, &both), (1, &one), (10, &one), (10 + month, &one)] {
        play.at(second, snapshot);
        assert!(play.cursor.as_ref().unwrap().seen.contains_key(&ChildId::new("2")), "{second}");
    }
    play.at(12 + month, &one);
    assert!(!play.cursor.unwrap().seen.contains_key(&ChildId::new("2")));
}

fn edited(id: &str, second: i64, text_hash: u64) -> Message {
    Message { text_hash, ..message(id, second) }
}

/// Many messages, of consecutive seconds.
fn many(ids: std::ops::Range<i64>) -> Snapshot {
    answer(ids.map(|id| message(&id.to_string(), id)).collect())
}

#[test]
fn an_edit_is_told_each_time_also_back_and_forth() {
    let (a, b) = (answer(vec![edited("1", 1, 100)]), answer(vec![edited("1", 1, 200)]));
    assert_eq!(
        play(&[a.clone(), b.clone(), b.clone(), a.clone(), b]),
        ["", "edited:1/1", "", "edited:1/2", "edited:1/3"]
    );
    let with_news = answer(vec![message("2", 2), edited("1", 1, 300)]);
    assert_eq!(play(&[a, with_news]), ["", "2 edited:1/1"]);
}

#[test]
fn the_same_texts_written_otherwise_are_no_edits() {
    let texts = |hash| answer((0..30).map(|id| edited(&id.to_string(), id, hash)).collect());
    assert_eq!(play(&[texts(1), texts(2), texts(2)]), ["", "", ""]);
    let few = |hash| answer((0..20).map(|id| edited(&id.to_string(), id, hash)).collect());
    assert_eq!(play(&[few(1), few(2)])[1].split(' ').count(), 20);
}

#[test]
fn a_child_that_vanishes_is_deleted_when_a_second_answer_confirms_it_and_not_before() {
    let (both, one) = (answer(vec![message("1", 1), message("2", 2)]), answer(vec![message("1", 1)]));
    assert_eq!(play(&[both.clone(), one.clone(), one.clone(), one.clone()]), ["", "...", "deleted:2/1", ""]);
    let mut quick = Play::default();
    let brought: Vec<String> = [(0, &both), (1, &one), (2, &one), (5, &one), (6, &one)]
        .map(|(second, snapshot)| quick.at(second, snapshot))
        .into();
    assert_eq!(brought, ["", "...", "...", "...", "deleted:2/1"]);
    // Back again it is known; gone again it is deleted again.
    assert_eq!(
        play(&[both.clone(), one.clone(), one.clone(), both.clone(), one.clone(), one.clone()]),
        ["", "...", "deleted:2/1", "", "...", "deleted:2/2"]
    );
}

#[test]
fn a_clock_that_was_ahead_does_not_confirm_a_deletion_and_does_not_keep_it_for_ever() {
    let (both, one) = (answer(vec![message("1", 1), message("2", 2)]), answer(vec![message("1", 1)]));
    let mut play = Play::default();
    let brought: Vec<String> = [(0, &both), (5000, &one), (20, &one), (30, &one)]
        .map(|(second, snapshot)| play.at(second, snapshot))
        .into();
    assert_eq!(brought, ["", "...", "...", "deleted:2/1"]);
}

#[test]
fn a_redacted_newest_child_never_re_alerts_older_ones() {
    let (three, two) = (many(1..4), many(1..3));
    let mut back_dated = many(1..3);
    back_dated.messages.push(message("9", 0));
    assert_eq!(
        play(&[many(1..2), three, two.clone(), two, back_dated]),
        ["", "2 3", "...", "deleted:3/1", "9"]
    );
}

#[test]
fn a_copy_that_lags_behind_says_nothing_but_what_is_new() {
    let with = |updated, mut snapshot: Snapshot| {
        snapshot.updated_at = Some(at(updated));
        snapshot
    };
    let mut old = with(1, answer(vec![edited("1", 1, 99)]));
    old.status_id = Some(2);
    let new = with(3, many(1..4));
    assert_eq!(
        play(&[new.clone(), old.clone(), old.clone(), old.clone(), new.clone()]),
        ["", "...", "...", "...", ""]
    );
    let mut late = old.clone();
    late.messages.push(message("9", 9));
    assert_eq!(play(&[new.clone(), late.clone(), late, new]), ["", "9 ...", "...", "..."]);
}

#[test]
fn a_time_that_stays_back_is_believed_in_the_end() {
    let with = |updated, status| {
        let mut snapshot = many(1..2);
        (snapshot.updated_at, snapshot.status_id) = (Some(at(updated)), Some(status));
        snapshot
    };
    let mut play = Play::default();
    assert_eq!(play.at(0, &with(50, 1)), "");
    assert_eq!(play.at(10, &with(40, 2)), "...");
    assert_eq!(play.at(900, &with(40, 2)), "...");
    assert_eq!(play.at(911, &with(40, 2)), "status:1>2");
    assert_eq!(play.at(920, &with(40, 3)), "status:2>3");
}

#[test]
fn no_messages_where_there_were_some_is_an_error_and_changes_nothing() {
    let mut play = Play::default();
    play.at(0, &many(1..3));
    let before = play.cursor.clone();
    assert_eq!(
        play.at(10, &answer(vec![])),
        "error: the answer lists no messages, though the conversation had 2; nothing was taken for deleted"
    );
    assert_eq!(play.cursor, before);
    assert_eq!(play.at(20, &many(1..4)), "3");
}

#[test]
fn a_window_of_the_newest_moves_on_without_a_word() {
    assert_eq!(
        play(&[many(0..50), many(10..60), many(10..60)]),
        ["", &(50..60).map(|id| id.to_string()).collect::<Vec<_>>().join(" "), ""]
    );
}

#[test]
fn a_list_that_comes_down_to_a_round_length_is_a_deletion_only_when_a_later_one_says_so() {
    let joined = |ids: std::ops::Range<i64>| ids.map(|id| id.to_string()).collect::<Vec<_>>().join(" ");
    // The oldest was deleted: told once the list has another length.
    assert_eq!(
        play(&[many(0..26), many(1..26), many(1..26), many(1..27)]),
        ["", "...", "...", "26 deleted:0/1"]
    );
    // It was cut, and is whole again.
    assert_eq!(play(&[many(0..40), many(15..40), many(15..40), many(0..41)]), ["", "...", "...", "40"]);
    // It was cut and moves on: out of sight.
    assert_eq!(play(&[many(0..40), many(15..40), many(17..42), many(17..42)]), ["", "...", "40 41", ""]);
    // Deleted among the newer ones, and cut at the same time.
    let mut both = many(15..41);
    both.messages.retain(|message| message.id != ChildId::new("20"));
    assert_eq!(play(&[many(0..41), both.clone(), both.clone(), both])[2..], ["deleted:20/1 ...", "..."]);
    assert_eq!(play(&[many(0..50), many(10..60)])[1], joined(50..60));
}

#[test]
fn a_list_that_shares_nothing_with_the_one_before_is_a_gap_said_once_and_no_deletion() {
    let brought = play(&[many(0..50), many(60..110), many(60..110)]);
    assert!(brought[1].starts_with("gap 60 61 ") && brought[1].ends_with(" 109"), "{}", brought[1]);
    assert_eq!(brought[2], "");
    // Whatever its length, when more than one known message is missing.
    assert_eq!(play(&[many(0..2), many(7..8), many(7..8)]), ["", "gap 7", ""]);
    assert_eq!(play(&[many(0..1), many(7..8), many(7..8)]), ["", "7 ...", "deleted:0/1"]);
    // The only known one, and a list as long as those that are cut.
    let brought = play(&[many(0..1), many(3..23), many(3..24)]);
    assert!(brought[1].starts_with("gap 3 4 "), "{}", brought[1]);
    assert_eq!(brought[2], "23");
}

#[test]
fn one_that_could_not_be_read_may_be_the_oldest_and_be_cut_off() {
    let first = many(1..19);
    let mut then = many(1..20);
    then.unparsed.push(Unparsed { id: ChildId::new("0"), why: "no text".into(), bytes: 4 });
    // Twenty are listed: the list was cut, or that one was deleted. Twenty-one are: it was deleted.
    assert_eq!(
        play(&[first.clone(), then.clone(), many(1..21), many(2..22), many(3..24)])[1..],
        ["19 unparsed:0 ...", "20", "21", "22 23 ..."]
    );
    assert_eq!(play(&[first, then, many(1..22), many(1..22)])[2..], ["20 21 ...", "deleted:0/1"]);
}

#[test]
fn most_messages_missing_at_once_is_a_gap_and_no_deletion() {
    assert_eq!(play(&[many(0..43), many(0..21), many(0..21)]), ["", "gap", ""]);
    // Few of many are deletions.
    assert_eq!(play(&[many(0..43), many(0..41), many(0..41)]), ["", "...", "deleted:41/1 deleted:42/1"]);
}

#[test]
fn more_messages_than_are_looked_at_is_a_gap_said_once_while_it_lasts() {
    let cut = |mut snapshot: Snapshot| {
        snapshot.children_cut = true;
        snapshot
    };
    assert_eq!(
        play(&[many(0..7), cut(many(1..8)), cut(many(2..9)), many(2..10), cut(many(3..11))]),
        ["", "gap 7 ...", "8 ...", "9", "gap 10 ..."]
    );
}

#[test]
fn a_child_that_becomes_readable_is_told_as_the_message_that_it_is() {
    let mut garbled = answer(vec![]);
    garbled.unparsed = vec![Unparsed { id: ChildId::new("2"), why: "no text".into(), bytes: 4 }];
    let clear = answer(vec![message("2", 2)]);
    assert_eq!(
        play(&[answer(vec![]), garbled.clone(), clear.clone(), clear.clone()]),
        ["", "unparsed:2 ...", "2", ""]
    );
    // What was there at first sight stays untold, and what was told once is not told again.
    assert_eq!(play(&[garbled.clone(), clear.clone()]), ["...", ""]);
    assert_eq!(play(&[answer(vec![]), clear.clone(), garbled, clear]), ["", "2", "...", ""]);
}

#[test]
fn a_child_without_an_id_is_never_said_to_be_deleted() {
    let of = |hash| Message { id: ChildId::approximate(hash), ..message("1", 1) };
    let with = |hash| answer(vec![message("1", 1), of(hash)]);
    assert_eq!(play(&[with(1), with(2), with(2), with(1)]), ["", "~0000000000000002", "", ""]);
}

#[test]
fn a_deletion_names_who_wrote_the_message_and_when() {
    let mut agent = message("2", 2);
    agent.author.kind = AuthorKind::Agent;
    let mut play = Play::default();
    play.at(0, &answer(vec![message("1", 1), agent]));
    play.at(10, &answer(vec![message("1", 1)]));
    let found = detect(play.cursor.as_ref(), &answer(vec![message("1", 1)]), asked(at(20))).unwrap();
    assert_eq!(
        found.happened,
        [Happened::Deleted {
            id: ChildId::new("2"),
            author: Some(AuthorKind::Agent),
            created: Some(at(2)),
            revision: 1
        }]
    );
}

#[test]
fn the_first_answer_tells_as_much_as_was_asked_for() {
    let first = |baseline, snapshot: &Snapshot| Play { baseline, ..Play::default() }.at(100, snapshot);
    let since = |second| Baseline::Since(Since::At(at(second)));
    let three = many(1..4);
    assert_eq!(first(Baseline::Silent, &three), "");
    assert_eq!(first(Baseline::Newest, &three), "3");
    assert_eq!(first(Baseline::Newest, &answer(vec![])), "");
    assert_eq!(first(since(1), &three), "2 3");
    assert_eq!(first(since(3), &three), "");
    assert_eq!(first(Baseline::Since(Since::Before(Duration::from_secs(98))), &three), "3");
    // What came before is no less seen.
    let mut play = Play { baseline: since(2), ..Play::default() };
    assert_eq!(play.at(100, &three), "3");
    assert_eq!(play.at(110, &many(1..5)), "4");
}

#[test]
fn a_baseline_that_is_told_from_an_instant_holds_for_a_list_that_comes_later_too() {
    let mut unlisted = answer(vec![]);
    (unlisted.children_listed, unlisted.answered_at) = (false, Some(at(50)));
    let listed = answer(vec![message("1", 20), message("2", 40), message("3", 60), message("4", 65)]);
    for (baseline, told) in
        [(Baseline::Silent, "3 4"), (Baseline::Newest, "3 4"), (Baseline::Since(Since::At(at(30))), "2 3 4")]
    {
        let mut play = Play { baseline, ..Play::default() };
        play.at(50, &unlisted);
        assert_eq!(play.at(70, &listed), told, "{baseline:?}");
    }
}

proptest! {
    /// Whatever subset of the true messages each answer shows, in whatever order, every message that was ever
    /// shown after the baseline is told exactly once, and nothing else is.
    #[test]
    fn every_shown_message_is_told_exactly_once(
        times in prop::collection::vec(0_i64..5, 1..12),
        answers in prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 0..12), 1..12),
    ) {
        let all: Vec<Message> = times.iter().enumerate().map(|(n, t)| message(&n.to_string(), *t)).collect();
        let answers: Vec<Snapshot> = answers.iter().map(|picks| {
            let mut shown: Vec<Message> = Vec::new();
            for pick in picks {
                let picked = pick.get(&all);
                if !shown.iter().any(|m| m.id == picked.id) {
                    shown.push(picked.clone());
                }
            }
            answer(shown)
        }).collect();
        let told: Vec<String> = play(&answers).join(" ").split_whitespace()
            .filter(|word| word.bytes().all(|byte| byte.is_ascii_digit())).map(str::to_owned).collect();
        let baseline: HashSet<String> = answers[0].messages.iter().map(|m| m.id.to_string()).collect();
        // An answer without any message is an error once there were some, and brings nothing either way.
        let mut expected: Vec<String> = answers.iter().flat_map(|a| &a.messages)
            .map(|m| m.id.to_string()).filter(|id| !baseline.contains(id)).collect();
        expected.sort();
        expected.dedup();
        let mut sorted = told.clone();
        sorted.sort();
        prop_assert_eq!(sorted, expected);
    }
}
