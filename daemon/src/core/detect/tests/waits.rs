//! Who waits.

use super::*;

/// What is told when somebody waits for ten and for thirty seconds.
fn waiting() -> Play {
    let rule = |seconds| Rule { threshold: Threshold::after(seconds), hours: None };
    Play { rules: vec![rule(10), rule(30)], ..Play::default() }
}

fn by(kind: AuthorKind, id: &str, second: i64) -> Message {
    let mut message = message(id, second);
    message.author.kind = kind;
    message
}

#[test]
fn who_waits_is_told_once_a_threshold_by_an_answer_after_it_and_the_reply_ends_that() {
    let mut play = waiting();
    let asks = message("1", 0);
    assert_eq!(play.at(1, &answer(vec![])), "");
    assert_eq!(play.at(2, &answer(vec![asks.clone()])), "1");
    assert_eq!(play.at(9, &answer(vec![asks.clone()])), "");
    assert_eq!(play.at(12, &answer(vec![asks.clone()])), "waits:1/10/0");
    assert_eq!(play.at(29, &answer(vec![asks.clone(), message("2", 28)])), "2");
    assert_eq!(play.at(35, &answer(vec![asks.clone(), message("2", 28)])), "waits:1/30/0");
    assert_eq!(play.at(99, &answer(vec![asks.clone(), message("2", 28)])), "");
    let bot = by(AuthorKind::Bot, "3", 100);
    assert_eq!(play.at(101, &answer(vec![asks.clone(), message("2", 28), bot.clone()])), "3");
    let reply = by(AuthorKind::Agent, "4", 110);
    let mut all = vec![asks, message("2", 28), bot, reply];
    assert_eq!(play.at(111, &answer(all.clone())), "4 replied:1");
    assert_eq!(play.at(300, &answer(all.clone())), "");
    // The next wait is another.
    all.push(message("5", 310));
    assert_eq!(play.at(345, &answer(all)), "5 waits:5/10+30/0");
}

#[test]
fn of_two_that_were_told_to_wait_the_one_that_is_left_is_told_anew() {
    let mut play = waiting();
    play.at(21, &answer(vec![message("2", 20)]));
    assert_eq!(play.at(31, &answer(vec![message("2", 20)])), "waits:2/10/0");
    // An older one comes to light, and then a reply between the two.
    let both = vec![message("1", 10), message("2", 20)];
    assert_eq!(play.at(32, &answer(both.clone())), "1");
    let between = [both, vec![by(AuthorKind::Agent, "3", 15)]].concat();
    assert_eq!(play.at(33, &answer(between)), "3 replied:1 waits:2/10/1");
}

#[test]
fn a_baseline_that_waits_already_is_told_once_and_a_reply_before_its_time_says_nothing() {
    let mut play = waiting();
    assert_eq!(play.at(500, &answer(vec![message("1", 0)])), "waits:1/10+30/0");
    assert_eq!(play.at(600, &answer(vec![message("1", 0)])), "");
    let mut quick = waiting();
    let asks = vec![message("1", 0)];
    assert_eq!(quick.at(1, &answer(asks.clone())), "");
    let replied = [asks, vec![by(AuthorKind::Agent, "2", 5)]].concat();
    assert_eq!(quick.at(60, &answer(replied)), "2");
}

#[test]
fn a_conversation_that_is_over_waits_no_more_and_what_came_before_does_not_wait_when_it_goes_on() {
    let mut play = waiting();
    let asks = answer(vec![message("1", 0)]);
    let with = |status: i64, snapshot: &Snapshot| Snapshot { status_id: Some(status), ..snapshot.clone() };
    play.at(1, &asks);
    assert_eq!(play.at(12, &asks), "waits:1/10/0");
    assert_eq!(play.at(20, &with(2, &asks)), "status:1>2 closed:1");
    assert_eq!(play.at(50, &with(2, &asks)), "");
    // It is opened again: nobody waits until somebody writes.
    assert_eq!(play.at(60, &asks), "status:2>1");
    assert_eq!(play.at(200, &asks), "");
    let again = answer(vec![message("1", 0), message("2", 210)]);
    assert_eq!(play.at(215, &again), "2");
    assert_eq!(play.at(225, &again), "waits:2/10/0");
}

#[test]
fn a_message_that_is_deleted_waits_no_more_and_one_that_was_cut_off_goes_on() {
    let mut play = waiting();
    let both = answer(vec![by(AuthorKind::Agent, "1", 0), message("2", 5)]);
    let one = answer(vec![by(AuthorKind::Agent, "1", 0)]);
    play.at(6, &both);
    assert_eq!(play.at(16, &both), "waits:2/10/0");
    assert_eq!(play.at(20, &one), "...");
    assert_eq!(play.at(30, &one), "deleted:2/1 withdrawn:2");
    // Put back, it is not told once more; the next one waits.
    assert_eq!((play.at(40, &both), play.at(90, &both)), ("".into(), "".into()));
    let next = answer(vec![by(AuthorKind::Agent, "1", 0), message("2", 5), message("3", 95)]);
    assert_eq!((play.at(96, &next), play.at(105, &next)), ("3".into(), "waits:3/10/0".into()));
    // The oldest is cut off: she still waits since then.
    let mut play = waiting();
    play.at(0, &many(0..40));
    assert_eq!(play.at(12, &many(0..40)), "waits:0/10/0");
    assert_eq!(play.at(35, &many(15..40)), "...");
    assert_eq!(play.at(37, &many(15..40)), "...");
    assert_eq!(play.at(40, &many(15..40)), "waits:0/30/0 ...");
    // It is deleted when its time is over: nobody is told that it waits.
    let mut play = waiting();
    play.at(6, &both);
    assert_eq!((play.at(16, &one), play.at(22, &one)), ("...".into(), "deleted:2/1".into()));
    // An older message comes to light, or the oldest is deleted while others wait: it is the same wait.
    let mut play = waiting();
    play.at(20, &answer(vec![message("2", 15)]));
    assert_eq!(play.at(26, &answer(vec![message("2", 15)])), "waits:2/10/0");
    let late = answer(vec![message("1", 14), message("2", 15)]);
    assert_eq!(play.at(27, &late), "1");
    let rest = answer(vec![message("2", 15)]);
    assert_eq!((play.at(30, &rest), play.at(36, &rest)), ("...".into(), "deleted:1/1".into()));
    assert_eq!(play.at(46, &rest), "waits:2/30/0");
}

#[test]
fn a_reply_that_was_seen_is_one_also_when_it_can_no_longer_be_read_or_is_deleted() {
    let mut play = waiting();
    let replied = answer(vec![message("1", 0), by(AuthorKind::Agent, "2", 12)]);
    play.at(11, &answer(vec![message("1", 0)]));
    assert_eq!(play.at(13, &replied), "2 replied:1");
    let mut garbled = answer(vec![message("1", 0)]);
    garbled.unparsed = vec![Unparsed { id: ChildId::new("2"), why: "no text".into(), bytes: 4 }];
    assert_eq!(play.at(30, &garbled), "...");
    let deleted = answer(vec![message("1", 0)]);
    assert_eq!((play.at(40, &deleted), play.at(50, &deleted)), ("...".into(), "deleted:2/1".into()));
    assert_eq!(play.at(60, &answer(vec![message("1", 0), message("3", 55)])), "3");
    assert_eq!(play.at(66, &answer(vec![message("1", 0), message("3", 55)])), "waits:3/10/0");
}

#[test]
fn nothing_is_said_of_waits_by_a_copy_that_lags_behind_or_lists_nothing() {
    let with =
        |updated, messages: Vec<Message>| Snapshot { updated_at: Some(at(updated)), ..answer(messages) };
    let mut play = waiting();
    let replied = vec![message("1", 0), by(AuthorKind::Agent, "2", 5)];
    play.at(6, &with(6, replied));
    assert_eq!(play.at(20, &with(0, vec![message("1", 0)])), "...");
    let mut play = waiting();
    play.at(6, &with(6, vec![message("1", 0)]));
    let mut unlisted = with(6, vec![]);
    unlisted.children_listed = false;
    assert_eq!(play.at(20, &unlisted), "");
    assert_eq!(play.at(21, &with(6, vec![message("1", 0)])), "waits:1/10/0");
}

#[test]
fn what_cannot_be_confirmed_is_told_as_such_and_ends_like_any_other() {
    let mut play = waiting();
    let asks = answer(vec![message("1", 0)]);
    play.at(1, &asks);
    let unconfirmed = |play: &mut Play, second| {
        let cursor = play.cursor.as_mut().unwrap();
        let found = unconfirmed(cursor, &play.rules, at(second), false);
        if let Some(change) = &found.change {
            cursor.apply(change);
        }
        found.happened.iter().map(line).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(unconfirmed(&mut play, 9), "");
    assert_eq!(unconfirmed(&mut play, 12), "waits?:1/10/0");
    assert_eq!(unconfirmed(&mut play, 13), "");
    assert_eq!(play.at(20, &asks), "");
    // It can no longer be reached: that ends it, and it begins again when it is back.
    let found = unreachable(play.cursor.as_ref(), "404", at(25));
    let told: Vec<String> = found.happened.iter().map(line).collect();
    assert_eq!(told, ["unreachable", "gone:1"]);
    play.cursor.as_mut().unwrap().apply(&found.change.unwrap());
    assert_eq!(unconfirmed(&mut play, 40), "");
    assert_eq!(play.at(41, &asks), "recovered waits:1/10+30/1");
}

/// What the engine does with a wait that a silence keeps from everybody.
fn keep_from_everybody(play: &mut Play, seconds: u64) {
    let waiting = play.cursor.as_mut().and_then(|cursor| cursor.waiting.as_mut()).unwrap();
    waiting.told_to(&[Threshold::after(seconds)], &[], true);
}

#[test]
fn a_wait_that_a_silence_kept_from_everybody_is_told_when_it_is_over_if_it_goes_on() {
    let mut play = waiting();
    let asks = answer(vec![message("1", 0)]);
    play.at(1, &asks);
    play.hushed = true;
    assert_eq!(play.at(12, &asks), "waits:1/10/0");
    keep_from_everybody(&mut play, 10);
    assert_eq!(play.at(20, &asks), "");
    play.hushed = false;
    // As another round, so that it is another event.
    assert_eq!(play.at(25, &asks), "waits:1/10/1");
    assert_eq!(play.at(26, &asks), "");
    // Both are over when the silence is: one event tells.
    let mut play = waiting();
    play.at(1, &asks);
    play.hushed = true;
    assert_eq!(play.at(12, &asks), "waits:1/10/0");
    keep_from_everybody(&mut play, 10);
    assert_eq!(play.at(31, &asks), "waits:1/30/0");
    keep_from_everybody(&mut play, 30);
    play.hushed = false;
    assert_eq!(play.at(60, &asks), "waits:1/10+30/1");
    // It is over before the silence is: there is nothing to tell.
    let mut play = waiting();
    play.at(1, &asks);
    play.hushed = true;
    play.at(12, &asks);
    keep_from_everybody(&mut play, 10);
    let replied = answer(vec![message("1", 0), by(AuthorKind::Agent, "2", 15)]);
    assert_eq!(play.at(16, &replied), "2 replied:1");
    play.hushed = false;
    assert_eq!(play.at(60, &replied), "");
    // While CommBox is away, it is told without it.
    let mut play = waiting();
    play.at(1, &asks);
    play.hushed = true;
    play.at(12, &asks);
    keep_from_everybody(&mut play, 10);
    let cursor = play.cursor.as_ref().unwrap();
    assert_eq!(unconfirmed(cursor, &play.rules, at(25), true), Found::default());
    let told: Vec<String> =
        unconfirmed(cursor, &play.rules, at(25), false).happened.iter().map(line).collect();
    assert_eq!(told, ["waits?:1/10/1"]);
}

#[test]
fn who_waits_is_told_to_nobody_while_somebody_knows_of_it_until_she_writes_again() {
    let mut play = waiting();
    let asks = vec![message("1", 0)];
    play.at(1, &answer(asks.clone()));
    assert_eq!(play.at(12, &answer(asks.clone())), "waits:1/10/0");
    let ack = |play: &mut Play| {
        let cursor = play.cursor.as_mut().unwrap();
        let up_to = cursor.newest_of_customer().unwrap();
        cursor.acked = Some(Acked { at: at(15), by: "noa".into(), up_to });
    };
    ack(&mut play);
    assert_eq!(play.at(40, &answer(asks.clone())), "");
    assert_eq!(unconfirmed(play.cursor.as_ref().unwrap(), &play.rules, at(99), false), Found::default());
    // A bot says something: nothing changes. She writes again: what is over is told.
    let bot = by(AuthorKind::Bot, "2", 50);
    assert_eq!(play.at(51, &answer([asks.clone(), vec![bot.clone()]].concat())), "2");
    let mut all = [asks, vec![bot, message("3", 60)]].concat();
    assert_eq!(play.at(61, &answer(all.clone())), "3 waits:1/30/0");
    // Whoever was told hears that it is over, whoever knows of it.
    ack(&mut play);
    all.push(by(AuthorKind::Agent, "4", 70));
    assert_eq!(play.at(71, &answer(all.clone())), "4 replied:1");
    // The next wait is another, and nobody has said that they know of it.
    all.push(message("5", 80));
    assert_eq!(play.at(91, &answer(all)), "5 waits:5/10/0");
}

#[test]
fn the_end_of_the_reply_window_is_told_after_her_last_message_and_not_where_there_is_none() {
    let window = || Play {
        rules: vec![Rule { threshold: Threshold::whatsapp_window(), hours: None }],
        ..Play::default()
    };
    let in_channel = |channel, messages| Snapshot { channel, ..answer(messages) };
    let asks = vec![message("1", 0)];
    let mut play = window();
    play.at(1, &in_channel(Some(16), asks.clone()));
    assert_eq!(play.at(82_799, &in_channel(Some(16), asks.clone())), "");
    let again = [asks.clone(), vec![message("2", 82_000)]].concat();
    assert_eq!(play.at(82_801, &in_channel(Some(16), again.clone())), "2");
    // An answer without the channel changes nothing, and a bot's word opens no window.
    let more = [again, vec![by(AuthorKind::Bot, "3", 90_000)]].concat();
    assert_eq!(play.at(164_799, &in_channel(None, more.clone())), "3");
    assert_eq!(play.at(164_801, &in_channel(Some(16), more.clone())), "waits:1/82800/0");
    assert_eq!(play.at(999_999, &in_channel(Some(16), more.clone())), "");
    let reply = [more, vec![by(AuthorKind::Agent, "4", 999_999)]].concat();
    assert_eq!(play.at(1_000_000, &in_channel(Some(16), reply)), "4 replied:1");
    let mut mail = window();
    mail.at(1, &in_channel(Some(4), asks.clone()));
    assert_eq!(mail.at(999_999, &in_channel(Some(4), asks)), "");
}
