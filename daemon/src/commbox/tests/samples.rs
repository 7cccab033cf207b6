//! All samples of the vendor's API description.

use insta::assert_snapshot;

use super::*;
use crate::commbox::{Code, Reaction};

fn read(name: &str, object: i64) -> String {
    let bots = [Bot::Name("Bot".to_owned())];
    render(&answer(sample(name)).decode(object, &bots).expect(name))
}

#[test]
fn a_last_message_only_lists_no_children() {
    assert_snapshot!(read("01-last-message-only", 70_012_001), @r#"object 70012001 stream 41207 status 8 manager 51001 channel 7 customer "Noa Example" answered 2026-03-02T09:42:00.1182044Z (no children listed)"#);
}

#[test]
fn a_chat_newest_first() {
    assert_snapshot!(read("02-with-childs-newest-first", 70_012_002), @r#"
    object 70012002 stream 41208 status 8 manager 51002 channel 0 customer "Dana" answered 2026-03-02T10:06:55.9003312Z
    90030201 2026-03-02T10:00:02.7730018Z customer 660102 "Dana": "Hello, where is my order?"
    90030202 2026-03-02T10:04:09.001132Z agent 51002 "Avi Example": "Your order left the warehouse this morning."
    90030203 2026-03-02T10:06:40.5129917Z customer 660102 "Dana": "Great, and can I change the delivery address?"
    "#);
}

#[test]
fn the_same_chat_oldest_first_and_without_zones_says_the_same() {
    let [newest, oldest] =
        ["02-with-childs-newest-first", "03-with-childs-oldest-first-no-zone"].map(|name| {
            let snapshot = answer(sample(name)).decode(70_012_002, &[]).expect(name);
            let mut messages = snapshot.messages;
            messages.sort_by_key(|message| message.id.clone());
            let told = messages.into_iter().map(|message| {
                let second = message.created.expect("a time").as_second();
                (message.id, second, message.author, message.text, message.text_hash)
            });
            (
                told.collect::<Vec<_>>(),
                snapshot.status_id,
                snapshot.assigned_manager_id,
                snapshot.customer_name,
            )
        });
    assert_eq!(newest.0.len(), 3);
    assert_eq!(newest, oldest);
}

#[test]
fn a_follow_up_with_activities() {
    assert_snapshot!(read("04-with-activity-log", 70_012_004), @r#"
    object 70012004 stream 41209 status 10 manager 51003 channel 5 answered 2026-03-02T07:00:00.5Z
    90030401 2026-03-01T15:30:00Z customer 660104: "Please call me back."
    "#);
}

#[test]
fn an_empty_list_is_a_list() {
    assert_snapshot!(read("05-empty-childs", 70_012_005), @"object 70012005 stream 41208 status 1 channel 0 answered 2026-03-02T11:00:20.003Z");
}

#[test]
fn mails_with_history_a_script_and_an_attachment() {
    assert_snapshot!(read("06-email-html", 70_012_006), @r#"
    object 70012006 stream 41210 status 1 channel 4 customer "Lee Example" answered 2026-03-01T13:21:00.4410091Z
    90030601 2026-02-27T09:00:30Z agent 51004 "Omer": "We are checking."
    90030602 2026-03-01T13:20:45.1234567Z customer 660106 "Lee Example": "Any news? <3 days left> & counting\n\nFrom: Support [support@example.org]\nSubject: RE: Invoice 4471" +1 files
    "#);
}

#[test]
fn right_to_left_text_and_long_ids() {
    assert_snapshot!(read("07-hebrew-whatsapp", 2_251_799_813_689_310), @r#"
    object 2251799813689310 stream 41211 status 1 channel 16 customer "רות לדוגמה" answered 2026-03-02T07:00:30.77Z
    2251799813699001 2026-03-02T06:59:58Z customer 2251799813690107 "רות לדוגמה": "שלום, ההזמנה שלי (מס׳ 1234) עוד לא הגיעה 😕"
    2251799813699002 2026-03-02T07:00:12Z customer 2251799813690107 "רות לדוגמה": "זה דחוף!\n\nאפשר לדבר עם נציג?"
    "#);
}

#[test]
fn an_agents_reply() {
    assert_snapshot!(read("08-agent-reply-newest", 70_012_008), @r#"
    object 70012008 stream 41208 status 8 manager 51002 channel 0 customer "Dana" answered 2026-03-02T10:09:20.1Z
    90030201 2026-03-02T10:00:02.7730018Z customer 660102 "Dana": "Hello, where is my order?"
    90030202 2026-03-02T10:04:09.001132Z agent 51002 "Avi Example": "Your order left the warehouse this morning."
    90030203 2026-03-02T10:06:40.5129917Z customer 660102 "Dana": "Great, and can I change the delivery address?"
    90030204 2026-03-02T10:09:01.99Z agent 51002 "Avi Example": "Done, the new address is saved."
    "#);
}

#[test]
fn a_bot_that_the_account_lists() {
    assert_snapshot!(read("09-bot-newest", 70_012_009), @r#"
    object 70012009 stream 41208 status 11 channel 0 answered 2026-03-02T12:00:30.2Z
    90030901 2026-03-02T12:00:00Z customer 660109: "hi"
    90030902 2026-03-02T12:00:01Z bot 50000 "Bot": "Hi, I am the assistant."
    90030903 2026-03-02T12:00:03Z bot 50000 "Bot": "Please choose a topic"
    "#);
}

#[test]
fn a_photo_without_text() {
    assert_snapshot!(read("10-encrypted-stream-request", 70_012_010), @r#"
    object 70012010 stream 41212 status 1 channel 5 answered 2026-03-02T13:00:20.9Z
    90031001 2026-03-02T13:00:00Z customer 660110: "" +1 files
    "#);
}

#[test]
fn a_closed_conversation() {
    assert_snapshot!(read("11-closed-conversation", 70_012_011), @r#"
    object 70012011 stream 41208 status 2 channel 0 answered 2026-03-02T13:30:00.0000001Z
    90031101 2026-02-20T08:58:00Z agent 51002 "Avi Example": "Solved, anything else?"
    90031102 2026-02-20T08:59:30Z customer 660111: "Thanks, bye"
    "#);
}

#[test]
fn documented_oddities() {
    assert_snapshot!(read("12-documented-oddities", 9_288_674_231_451_900), @r#"
    object 9288674231451900 stream 41213 status 1 channel 5 answered 2026-03-02T14:00:00.63079Z
    9288674231451901 2026-03-02T13:58:00Z customer 660112: "first"
    9288674231451902 2026-03-02T13:59:10.63079Z unknown - "Gil": "second"
    "#);
}

#[test]
fn errors_in_the_envelope_of_a_200_are_what_they_say() {
    for (name, expected, said) in [
        ("error-400", Reaction::Gone, "400 Bad Request"),
        ("error-401", Reaction::Denied, "401 Unauthorized access"),
        ("error-404", Reaction::Gone, "404 Not found"),
        ("error-429", Reaction::Throttled { retry_after: None }, "429 Too Many Requests"),
        ("error-500", Reaction::Unavailable { retry_after: None }, "500 Operation failed"),
        ("error-501", Reaction::Gone, "501 Not Implemented"),
    ] {
        let error = answer(sample(name)).decode(OBJECT, &[]).expect_err(name);
        assert_eq!((error.reaction, error.code), (expected, Code::Envelope), "{name}");
        assert_eq!(error.detail, format!("HTTP 200, but the answer says {said}"));
        assert_eq!(error.took, Duration::from_millis(5));
    }
}
