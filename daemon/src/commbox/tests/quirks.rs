//! Every quirk of the API's description (commbox-api §11), one table each.

use super::*;
use crate::core::message::AuthorKind::{self, Agent, Customer, System, Unknown};
use crate::core::message::{ChildId, TEXT_CHARS_MAX};

fn ids(snapshot: &Snapshot) -> Vec<&str> {
    let mut ids: Vec<&ChildId> = snapshot.messages.iter().map(|message| &message.id).collect();
    ids.sort();
    ids.into_iter().map(ChildId::as_str).collect()
}

#[test]
fn children_are_found_in_both_places_and_all_shapes() {
    for (members, listed, expected) in [
        (r#""childs":[{"id":1},{"id":2}]"#, true, &["1", "2"][..]),
        (r#""childs":{"id":1}"#, true, &["1"]),
        (r#""childs":[]"#, true, &[]),
        (r#""childs":[null]"#, true, &[]),
        (r#""childs":null"#, false, &[]),
        (r#""childs":"""#, false, &[]),
        (r#""childs":"null""#, false, &[]),
        (r#""childs":{}"#, false, &[]),
        (r#""statusId":1"#, false, &[]),
        (r#""user":{"childs":[{"id":1},{"id":2}]}"#, true, &["1", "2"]),
        (r#""user":{"Childs":{"id":1}}"#, true, &["1"]),
        (r#""user":{"childs":[]}"#, true, &[]),
        (r#""user":null,"childs":[{"id":1}]"#, true, &["1"]),
        (r#""user":{"childs":[{"id":2}]},"childs":[{"id":1}]"#, true, &["1"]),
        (r#""user":{"childs":[{"id":2}]},"childs":null"#, true, &["2"]),
        (r#""user":{"childs":[{"id":2}]},"childs":[]"#, true, &["2"]),
        (r#""user":{"childs":[]},"childs":[]"#, true, &[]),
        (r#""user":[],"childs":[{"id":1}]"#, true, &["1"]),
    ] {
        let snapshot = conversation(members);
        assert_eq!((snapshot.children_listed, ids(&snapshot).as_slice()), (listed, expected), "{members}");
        assert_eq!(snapshot.unparsed, [], "{members}");
    }
}

#[test]
fn a_list_that_is_none_does_not_pass_for_an_empty_one() {
    for childs in ["5", "true", r#""[]""#] {
        let snapshot = conversation(&format!("\"childs\":{childs}"));
        assert!(!snapshot.children_listed, "{childs}");
        assert_eq!(snapshot.unparsed.len(), 1, "{childs}");
    }
}

#[test]
fn fields_are_found_in_every_spelling() {
    let camel = r#""streamId":7,"statusId":8,"assignedManagerId":9,"streamProviderType":10,"firstName":"Noa"
        ,"childs":[{"id":1,"message":"m","createdTime":"2026-03-02T09:00:00Z","isManager":true}]"#;
    let snake = r#""stream_id":7,"status_id":8,"assigned_manager_id":9,"stream_provider_type":10,"first_name":"Noa"
        ,"childs":[{"Id":1,"Message":"m","created_time":"2026-03-02T09:00:00Z","is_manager":true}]"#;
    let lower = r#""streamid":7,"statusid":8,"assignedmanagerid":9,"streamprovidertype":10,"firstname":"Noa"
        ,"CHILDS":[{"ID":1,"MESSAGE":"m","createdtime":"2026-03-02T09:00:00Z","IsManager":true}]"#;
    insta::assert_snapshot!(render(&conversation(camel)), @r#"
    object 293854 stream 7 status 8 manager 9 channel 10 customer "Noa"
    1 2026-03-02T09:00:00Z agent -: "m"
    "#);
    assert_eq!(conversation(snake), conversation(camel));
    assert_eq!(conversation(lower), conversation(camel));
}

#[test]
fn numbers_come_as_text_and_text_as_numbers() {
    let text = r#""streamId":"7","statusId":" 8 ","assignedManagerId":"9","streamProviderType":"10","firstName":"5","lastName":"6"
        ,"childs":[{"id":"11","message":"12","user":{"id":"13","managerId":"14","isManager":"true"}}]"#;
    let numbers = r#""streamId":7,"statusId":8,"assignedManagerId":9.0,"streamProviderType":10,"firstName":5,"lastName":6
        ,"childs":[{"id":11,"message":12,"user":{"id":13,"managerId":14,"isManager":1}}]"#;
    assert_eq!(conversation(text), conversation(numbers));
    insta::assert_snapshot!(render(&conversation(numbers)), @r#"
    object 293854 stream 7 status 8 manager 9 channel 10 customer "5 6"
    11 - agent 13: "12"
    "#);
}

#[test]
fn ids_of_any_size_are_exact() {
    for (given, expected) in [
        ("2251799813699002", "2251799813699002"),
        ("9007199254740993", "9007199254740993"),
        ("9223372036854775807", "9223372036854775807"),
        ("18446744073709551615", "18446744073709551615"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("\"9007199254740993\"", "9007199254740993"),
        ("\"0042\"", "42"),
        ("9007199254740993.0", "9007199254740993"),
        ("9.007199254740993e15", "9007199254740993"),
        ("-7", "-7"),
    ] {
        assert_eq!(ids(&child(&format!("\"id\":{given}"))), [expected], "{given}");
    }
    // A word is no number. It tells messages apart, but is not trusted to do so alone.
    let word = |word: &str, time: u8, text: &str| {
        let child =
            child(&format!("\"id\":\"{word}\",\"createdTime\":\"2026-03-0{time}\",\"message\":\"{text}\""));
        assert!(child.messages[0].id.is_approximate());
        child.messages[0].id.clone()
    };
    assert_eq!(word("a.b", 1, "said"), word("a.b", 1, " said"));
    assert_ne!(word("a.b", 1, "said"), word("a.b", 1, "other"));
    assert_ne!(word("a.b", 1, "said"), word("a.b", 2, "said"));
    assert_ne!(word("a.b", 1, "said"), word("a-b", 1, "said"));
    for object in [i64::MAX, i64::MIN, 9_288_674_231_451_900, -1] {
        for text in [format!("{object}"), format!("\"{object}\"")] {
            let body = format!("{{\"data\":[{{\"objectId\":{text}}}]}}");
            assert_eq!(answer(body.clone()).decode(object, &[]).expect("found").object_id, object);
            answer(body).decode(object ^ 1, &[]).expect_err("another");
        }
    }
}

#[test]
fn null_empty_and_zero_mean_nothing_where_they_do() {
    for nothing in ["null", "\"\"", "\"null\"", "\"Null\"", "0", "\"0\""] {
        let snapshot = conversation(&format!("\"assignedManagerId\":{nothing},\"statusId\":1"));
        assert_eq!(snapshot.assigned_manager_id, None, "{nothing}");
    }
    for nothing in ["null", "\"\"", "\" \"", "\"null\""] {
        let members = format!("\"firstName\":{nothing},\"lastName\":\"Levi\",\"streamId\":{nothing}");
        let snapshot = conversation(&members);
        assert_eq!(
            (snapshot.customer_name.as_deref(), snapshot.stream_id),
            (Some("Levi"), None),
            "{nothing}"
        );
    }
    // But a customer may well write "null".
    assert_eq!(child(r#""id":1,"message":"null""#).messages[0].text, "null");
    assert_eq!(child(r#""id":1,"message":null"#).messages[0].text, "");
}

#[test]
fn broken_content_never_costs_the_message() {
    for (content, files) in [
        (r#"null"#, 0),
        (r#""""#, 0),
        (r#""{}""#, 0),
        (r#""{\"guidRT\":\"0\",\"isConnected\"true}""#, 0),
        (r#""not json""#, 0),
        (r#"5"#, 0),
        (r#"[]"#, 0),
        (r#""{\"attachments\":null}""#, 0),
        (r#""{\"attachments\":[]}""#, 0),
        (r#""{\"attachments\":[{\"name\":\"a\",\"path\":\"p\"},{\"name\":\"b\"}]}""#, 2),
        (r#""{\"attachments\":{\"name\":\"a\"}}""#, 1),
        (r#""{\"attachments\":[null,{},\"\"]}""#, 0),
        (r#""{\"link\":{\"href\":\"https://x.example/a.jpg\",\"size\":1}}""#, 1),
        (r#""{\"link\":\"a.jpg\"}""#, 1),
        (r#""{\"link\":null}""#, 0),
        (r#"{"link":{"href":"a"}}"#, 1),
        (r#""\"{\\\"link\\\":{\\\"href\\\":\\\"a\\\"}}\"""#, 1),
        (r#""{\"attachments\":5}""#, 0),
    ] {
        let snapshot = child(&format!("\"id\":1,\"message\":\"kept\",\"content\":{content}"));
        let message = &snapshot.messages[0];
        assert_eq!((message.text.as_str(), message.attachments), ("kept", files), "{content}");
    }
    assert_eq!(
        child(r#""id":1,"type":2,"content":"{broken""#).messages[0].attachments,
        1,
        "a photo is a file"
    );
    assert_eq!(child(r#""id":1,"type":"6""#).messages[0].attachments, 1, "a voice message is a file");
}

#[test]
fn times_are_instants_and_a_broken_one_never_costs_the_message() {
    for (time, expected) in [
        ("2026-03-02T09:42:00.0000000Z", Some("2026-03-02T09:42:00Z")),
        ("2026-03-02T09:42:00", Some("2026-03-02T09:42:00Z")),
        ("2026-03-02 09:42:00", Some("2026-03-02T09:42:00Z")),
        ("2026-03-02T09:42:00:000", Some("2026-03-02T09:42:00Z")),
        ("02-03-2026 09:42:00", Some("2026-03-02T09:42:00Z")),
        ("0001-01-01T00:00:00", None),
        ("soon", None),
        ("null", None),
    ] {
        let snapshot = child(&format!("\"id\":1,\"message\":\"kept\",\"createdTime\":\"{time}\""));
        assert_eq!(snapshot.messages[0].created, expected.map(|text| text.parse().unwrap()), "{time}");
        assert_eq!(snapshot.messages[0].text, "kept");
    }
    assert_eq!(child(r#""id":1,"createdTime":5"#).messages[0].created, None);
}

#[test]
fn the_author_is_told_in_the_documented_order() {
    for (members, expected) in [
        (r#""user":{"id":1,"isManager":false}"#, Customer),
        (r#""user":{"id":1,"isManager":true}"#, Agent),
        (r#""user":{"isManager":false},"isManager":true"#, Customer),
        (r#""user":{"isManager":false,"managerId":5}"#, Customer),
        (r#""isManager":true"#, Agent),
        (r#""isManager":"False""#, Customer),
        (r#""isManager":false,"user":{"managerId":5}"#, Customer),
        (r#""user":{"managerId":5}"#, Agent),
        (r#""user":{"managerId":0}"#, Unknown),
        (r#""user":{"managerId":"null","isManager":null}"#, Unknown),
        (r#""user":{"isManager":"maybe"}"#, Unknown),
        (r#""user":null"#, Unknown),
        (r#""user":"x""#, Unknown),
        (r#""type":0"#, Unknown),
        // What machines make; but never a customer's message.
        (r#""type":11"#, System),
        (r#""type":"11","user":{"isManager":false}"#, System),
        (r#""type":12,"isManager":true"#, AuthorKind::Bot),
        (r#""type":16,"isManager":true"#, AuthorKind::Bot),
        (r#""type":17,"isManager":true"#, AuthorKind::Bot),
        (r#""type":18,"isManager":true"#, AuthorKind::Bot),
        (r#""type":13,"isManager":true"#, Agent),
        (r#""type":12,"isManager":false"#, Customer),
        (r#""type":18"#, Unknown),
        (r#""user":{"permissionId":5,"isManager":true}"#, AuthorKind::Bot),
        // Who the account lists: the name robbie, the id 990011.
        (r#""user":{"id":990011,"isManager":true}"#, AuthorKind::Bot),
        (r#""user":{"id":"990011","isManager":false}"#, AuthorKind::Bot),
        (r#""user":{"id":3,"managerId":990011,"isManager":true}"#, AuthorKind::Bot),
        (r#""user":{"id":3,"isManager":true,"identity":{"firstName":"Robbie"}}"#, AuthorKind::Bot),
        (r#""user":{"id":3,"isManager":true,"firstName":"ROBBIE","lastName":"Two"}"#, AuthorKind::Bot),
        (r#""firstName":"robbie""#, AuthorKind::Bot),
        (r#""user":{"id":3,"isManager":true,"firstName":"Robbies"}"#, Agent),
        (r#""user":{"id":3,"isManager":true,"lastName":"The robbie"}"#, Agent),
        (r#""user":{"id":99001,"isManager":true}"#, Agent),
    ] {
        assert_eq!(child(&format!("\"id\":1,{members}")).messages[0].author.kind, expected, "{members}");
    }
}

#[test]
fn a_customer_who_bears_a_bots_name_is_still_a_customer() {
    let snapshot = conversation(
        r#""user":{"id":77},"childs":[
            {"id":1,"user":{"id":77,"isManager":false,"firstName":"Robbie"}},
            {"id":2,"user":{"id":78,"isManager":false,"firstName":"Robbie"}}]"#,
    );
    let kinds: Vec<AuthorKind> = snapshot.messages.iter().map(|message| message.author.kind).collect();
    assert_eq!(kinds, [Customer, AuthorKind::Bot]);
}

#[test]
fn names_come_from_where_there_are_any_on_one_short_line() {
    for (members, expected) in [
        (r#""firstName":"Dana","lastName":"Levi""#, Some("Dana Levi")),
        (r#""firstName":"Dana","lastName":"null""#, Some("Dana")),
        (r#""firstName":"","user":{"firstName":"Dana","last_name":"Levi"}"#, Some("Dana Levi")),
        (
            r#""user":{"id":5},"childs":[{"id":1,"user":{"id":5,"identity":{"firstName":"Dana"}}}]"#,
            Some("Dana"),
        ),
        (r#""user":{"id":5},"childs":[{"id":1,"user":{"id":6,"identity":{"firstName":"Avi"}}}]"#, None),
        (r#""firstName":" Da\nna ","lastName":"\u0007L\u0000evi""#, Some("Da na L evi")),
        (r#""statusId":1"#, None),
    ] {
        assert_eq!(conversation(members).customer_name.as_deref(), expected, "{members}");
    }
    let long = conversation(&format!("\"firstName\":\"{}\",\"lastName\":\"x\"", "ש".repeat(1_000)));
    assert_eq!(long.customer_name.map(|name| name.chars().count()), Some(200));
}

#[test]
fn mails_are_html_wherever_it_is_said_and_chats_are_text() {
    let html = r"a <x@y.z> &lt;b&gt;<br>c";
    let mails = [
        r#""childs":[{"id":1,"type":5,"message":"TEXT"}]"#,
        r#""childs":[{"id":1,"streamProviderType":4,"message":"TEXT"}]"#,
        r#""childs":[{"id":1,"streamProviderType":"14","message":"TEXT"}]"#,
        r#""childs":[{"id":1,"streamProviderType":15,"message":"TEXT"}]"#,
        r#""childs":[{"id":1,"content":"{\"is_email\":true}","message":"TEXT"}]"#,
        r#""type":5,"childs":[{"id":1,"message":"TEXT"}]"#,
        r#""streamProviderType":"Mail","childs":[{"id":1,"streamProviderType":0,"message":"TEXT"}]"#,
        r#""content":"{\"is_email\":true}","childs":[{"id":1,"message":"TEXT"}]"#,
    ];
    for mail in mails {
        let snapshot = conversation(&mail.replace("TEXT", html));
        assert_eq!(snapshot.messages[0].text, "a <x@y.z> <b>\nc", "{mail}");
        let plain = conversation(&mail.replace("TEXT", "R&amp;D"));
        assert_eq!(plain.messages[0].text, "R&D", "{mail}");
    }
    assert_eq!(child(r#""id":1,"message":"R&amp;D <3""#).messages[0].text, "R&amp;D <3");
}

#[test]
fn a_mail_without_text_shows_its_subject() {
    let mail = |message: &str| {
        let content = r#""{\"subject\":\"Invoice 4471 <urgent>\"}""#;
        child(&format!("\"id\":1,\"type\":5,\"message\":{message},\"content\":{content}"))
            .messages
            .remove(0)
            .text
    };
    assert_eq!(mail("\"\""), "Invoice 4471 <urgent>");
    assert_eq!(mail("\"<div>&nbsp;</div>\""), "Invoice 4471 <urgent>");
    assert_eq!(mail("\"text\""), "text");
}

#[test]
fn a_long_text_is_cut_by_characters() {
    let snapshot = child(&format!("\"id\":1,\"message\":\"{}\"", "😕".repeat(TEXT_CHARS_MAX + 1)));
    let message = &snapshot.messages[0];
    assert_eq!((message.text.chars().count(), message.text_truncated), (TEXT_CHARS_MAX, true));
}

#[test]
fn a_child_that_cannot_be_read_is_named_and_the_others_are_read() {
    let snapshot = conversation(
        r#""childs":[5,{"id":1,"message":"a"},{"id":2,"message":{"html":"b"}},{},["x"],"y",{"z":1}]"#,
    );
    insta::assert_snapshot!(render(&snapshot), @r#"
    object 293854
    1 - unknown -: "a"
    2 unparsed: its text is an object instead of text (31 bytes)
    ~4a185a4def3db79a unparsed: the message is an array instead of an object (5 bytes)
    ~4d763c470dac91bb unparsed: the message is a number instead of an object (1 bytes)
    ~7cf4b3ea3b7fb829 unparsed: an object without anything that a message has (2 bytes)
    ~83326523de382a28 unparsed: an object without anything that a message has (7 bytes)
    ~c98765bf922287c0 unparsed: the message is text instead of an object (3 bytes)
    "#);
    assert!(snapshot.children_listed);
}

#[test]
fn a_child_without_an_id_gets_the_same_one_every_time() {
    let id = |members: &str| child(members).messages[0].id.clone();
    let first = id(r#""message":"a","createdTime":"2026-03-02T09:42:00.1182044Z","user":{"id":5}"#);
    assert!(first.is_approximate());
    for same in [
        r#""id":0,"message":"a","createdTime":"2026-03-02T09:42:00","user":{"id":"5"}"#,
        r#""id":"null","message":" a ","createdTime":"2026-03-02 09:42:00Z","user":{"id":5},"content":"{}""#,
    ] {
        assert_eq!(id(same), first, "{same}");
    }
    for other in [
        r#""message":"b","createdTime":"2026-03-02T09:42:00Z","user":{"id":5}"#,
        r#""message":"a","createdTime":"2026-03-02T09:42:01Z","user":{"id":5}"#,
        r#""message":"a","createdTime":"2026-03-02T09:42:00Z","user":{"id":6}"#,
        r#""message":"a","user":{"id":5}"#,
    ] {
        assert_ne!(id(other), first, "{other}");
    }
}

#[test]
fn of_two_children_with_one_id_the_later_stays_in_any_order() {
    let old = r#"{"id":1,"message":"old","createdTime":"2026-03-02T09:42:00Z"}"#;
    let new = r#"{"id":"1","message":"new","createdTime":"2026-03-02T09:43:00Z"}"#;
    let broken = r#"{"id":1,"message":[]}"#;
    for order in [[old, new, broken], [new, broken, old], [broken, old, new]] {
        let snapshot = conversation(&format!("\"childs\":[{}]", order.join(",")));
        assert_eq!((snapshot.messages.len(), snapshot.messages[0].text.as_str()), (1, "new"));
        assert_eq!(snapshot.unparsed, []);
    }
}

#[test]
fn unknown_numbers_are_kept_and_unknown_fields_are_ignored() {
    let snapshot = conversation(
        r#""statusId":4711,"streamProviderType":99,"moduleId":0,"x":{"y":[{}]},"childs":[{"id":1,"type":999,"q":[]}]"#,
    );
    assert_eq!((snapshot.status_id, snapshot.channel, snapshot.messages.len()), (Some(4_711), Some(99), 1));
}
