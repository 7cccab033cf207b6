use proptest::prelude::*;

use super::*;
use crate::core::message::{Author, AuthorKind};

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
        answered_at: None,
    }
}

/// Plays answers one after the other; gives what each brought, in a line each.
fn play(answers: &[Snapshot]) -> Vec<String> {
    let mut cursor: Option<Cursor> = None;
    let mut lines = Vec::new();
    for (n, snapshot) in answers.iter().enumerate() {
        let found = detect(cursor.as_ref(), snapshot, at(100 + n as i64));
        if let Some(change) = &found.change {
            cursor.get_or_insert_default().apply(change);
        }
        lines.push(found.happened.iter().map(line).collect::<Vec<_>>().join(" "));
    }
    lines
}

fn line(happened: &Happened) -> String {
    match happened {
        Happened::Message(message) => message.id.to_string(),
        Happened::Unparsed(child) => format!("unparsed:{}", child.id),
        Happened::Status { previous, current } => {
            format!("status:{}>{}", previous.unwrap_or(0), current.unwrap_or(0))
        }
        Happened::Assigned { previous, current } => {
            format!("assigned:{}>{}", previous.unwrap_or(0), current.unwrap_or(0))
        }
        Happened::Unreachable { .. } => "unreachable".to_owned(),
        Happened::Recovered { .. } => "recovered".to_owned(),
    }
}

#[test]
fn first_sight_is_a_silent_baseline() {
    assert_eq!(play(&[answer(vec![message("1", 1), message("2", 2)])]), [""]);
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
    assert_eq!(play(&[stale(), both(), stale(), both(), answer(vec![]), both()]), ["", "2", "", "", "", ""]);
}

#[test]
fn an_unchanged_answer_writes_nothing() {
    let snapshot = answer(vec![message("1", 1)]);
    let first = detect(None, &snapshot, at(10));
    let mut cursor = Cursor::default();
    cursor.apply(first.change.as_ref().unwrap());
    assert_eq!(detect(Some(&cursor), &snapshot, at(20)), Found::default());
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
    assert_eq!(play(&[answer(vec![]), later.clone(), later]), ["", "2 unparsed:3", ""]);
}

#[test]
fn being_unreachable_is_said_once_and_the_return_once() {
    let snapshot = answer(vec![message("1", 1)]);
    let mut cursor = Cursor::default();
    cursor.apply(detect(None, &snapshot, at(1)).change.as_ref().unwrap());
    let gone = unreachable(Some(&cursor), "404", at(2));
    assert_eq!(gone.happened.iter().map(line).collect::<Vec<_>>(), ["unreachable"]);
    cursor.apply(gone.change.as_ref().unwrap());
    assert_eq!(unreachable(Some(&cursor), "404", at(3)), Found::default());
    let back = detect(Some(&cursor), &answer(vec![message("1", 1), message("2", 2)]), at(4));
    assert_eq!(back.happened.iter().map(line).collect::<Vec<_>>(), ["recovered", "2"]);
    assert_eq!(back.change.unwrap().after.sequence, 3);
}

#[test]
fn a_conversation_that_was_never_reached_has_a_silent_baseline_once_it_is() {
    let gone = unreachable(None, "404", at(1));
    let mut cursor = Cursor::default();
    cursor.apply(gone.change.as_ref().unwrap());
    let back = detect(Some(&cursor), &answer(vec![message("1", 1)]), at(2));
    assert!(back.baseline);
    assert_eq!(back.happened.iter().map(line).collect::<Vec<_>>(), ["recovered"]);
}

#[test]
fn a_vanished_child_is_forgotten_after_its_time_and_not_before() {
    let mut cursor = Cursor::default();
    let both = answer(vec![message("1", 1), message("2", 2)]);
    let one = answer(vec![message("1", 1)]);
    cursor.apply(detect(None, &both, at(0)).change.as_ref().unwrap());
    cursor.apply(detect(Some(&cursor), &one, at(1)).change.as_ref().unwrap());
    let month = i64::try_from(VANISHED_KEPT.as_secs()).unwrap();
    assert_eq!(detect(Some(&cursor), &one, at(month)).change, None);
    let change = detect(Some(&cursor), &one, at(month + 2)).change.unwrap();
    assert_eq!(change.forget, [ChildId::new("2")]);
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
        let told: Vec<String> = play(&answers).join(" ").split_whitespace().map(str::to_owned).collect();
        let baseline: HashSet<String> = answers[0].messages.iter().map(|m| m.id.to_string()).collect();
        let mut expected: Vec<String> = answers.iter().flat_map(|a| &a.messages)
            .map(|m| m.id.to_string()).filter(|id| !baseline.contains(id)).collect();
        expected.sort();
        expected.dedup();
        let mut sorted = told.clone();
        sorted.sort();
        prop_assert_eq!(sorted, expected);
    }
}
