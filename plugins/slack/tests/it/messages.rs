//! What is sent, byte for byte: one snapshot for each kind of notification.

use commwatch_plugin_api::{Auth, Secret, Sign, Value as Field};
use serde_json::{Value, json};

use crate::world::{answer, bot, deliver, message, notification, webhook, with};

fn posted(config: &Value, notification: &Value) -> String {
    pretty(&deliver(config, notification, vec![answer(200, "ok")]).body(0))
}

/// What is sent after the blocks were refused.
fn posted_as_text(config: &Value, notification: &Value) -> String {
    pretty(&deliver(config, notification, vec![answer(400, "invalid_blocks"), answer(200, "ok")]).body(1))
}

fn pretty(body: &Value) -> String {
    // Characters without a shape of their own are spelled out, so that a reader of the snapshot sees them.
    let text = serde_json::to_string_pretty(body).expect("JSON");
    text.chars()
        .map(|c| match c {
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => {
                format!("\\u{{{:x}}}", u32::from(c))
            }
            c => c.to_string(),
        })
        .collect()
}

#[test]
fn a_webhook_is_posted_to_by_its_secret_address() {
    let sent = deliver(&webhook(), &notification(), vec![answer(200, "ok")]);
    let [request] = sent.requests.as_slice() else { panic!("one request") };
    assert_eq!(request.method, "POST");
    assert_eq!(request.url, Field::Secret(Secret::named("/webhook_url")));
    assert_eq!((&request.auth, &request.sign), (&Auth::None, &Sign::None));
    assert_eq!(request.headers["content-type"], "application/json; charset=utf-8".into());
}

#[test]
fn a_bot_posts_with_its_token_to_the_address_that_was_configured() {
    let config = with(bot(), json!({"api_url": "http://127.0.0.1:9/api/"}));
    let sent = deliver(&config, &notification(), vec![answer(200, r#"{"ok":true}"#)]);
    let [request] = sent.requests.as_slice() else { panic!("one request") };
    assert_eq!(request.url, "http://127.0.0.1:9/api/chat.postMessage".into());
    assert_eq!(request.auth, Auth::Bearer { token: Secret::named("/bot_token").into() });
}

#[test]
fn one_message_through_a_webhook() {
    insta::assert_snapshot!(posted(&webhook(), &notification()));
}

#[test]
fn one_message_as_a_bot_names_its_channel_and_carries_its_id() {
    insta::assert_snapshot!(posted(&bot(), &notification()));
}

#[test]
fn hebrew_is_isolated_where_it_stands_among_other_words() {
    let mut told = notification();
    told["title"] = json!("הודעה חדשה מדנה לוי");
    told["text"] = json!("שלום,\nאיפה ההזמנה שלי? Order #12");
    told["events"] =
        json!([message("דנה לוי", "שלום,\nאיפה ההזמנה שלי? Order #12", "2026-10-03T14:05:11.123Z")]);
    told["events"][0]["data"]["watch"]["title"] = json!("אקמה / דנה");
    insta::assert_snapshot!(posted(&webhook(), &told));
}

#[test]
fn emoji_stay_whole_and_colons_stay_colons() {
    let mut told = notification();
    told["severity"] = json!("warning");
    told["title"] = json!(format!("👩‍👩‍👧‍👦 {}", "🇮🇱".repeat(60)));
    told["text"] = json!("thanks 🙏🏽 :tada: *really* `code`");
    insta::assert_snapshot!(posted(&webhook(), &told));
}

#[test]
fn nobody_is_called_by_what_customers_write() {
    let attack = "<!channel> <!here|x> <@U012ABC> <#C1> <!subteam^S1> @channel @HERE \u{202e}@every\u{200b}one\u{202c} &lt;!channel&gt; <https://evil.example|Open in CommBox>\0";
    let mut told = notification();
    told["title"] = json!(attack);
    told["text"] = json!(attack);
    told["events"] = json!([message(attack, attack, attack)]);
    told["events"][0]["data"]["watch"]["title"] = json!(attack);
    told["events"][0]["type"] = json!(attack);
    insta::assert_snapshot!(posted(&bot(), &told));
    insta::assert_snapshot!(posted_as_text(&webhook(), &told));
}

#[test]
fn a_long_message_is_cut_where_slack_would_refuse_it() {
    let mut told = notification();
    told["title"] = json!("long ".repeat(100));
    told["text"] = json!("<word> ".repeat(2000));
    let sent = deliver(&webhook(), &told, vec![answer(200, "ok")]).body(0);
    let title = sent["blocks"][0]["text"]["text"].as_str().expect("a header");
    let text = sent["blocks"][1]["text"]["text"].as_str().expect("a section");
    assert!(title.ends_with("long l…") && (140..=150).contains(&title.chars().count()), "{title}");
    assert!(text.ends_with('…') && (2980..=3000).contains(&text.chars().count()), "{}", text.len());
}

#[test]
fn several_events_are_listed_and_what_is_left_out_is_counted() {
    let mut told = notification();
    told["title"] = json!("ACME / Dana Levi: 3 new messages");
    told["text"] = json!("Hello?\nAnybody?");
    told["omitted"] = json!(4);
    told["events"] = json!([
        message("Dana", "Hello?", "2026-10-03T14:05:11Z"),
        message("Dana", "Anybody?\nPlease.", "2026-10-03T14:06:40Z"),
        message("Dana", "", "2026-10-03T14:07:00Z"),
    ]);
    told["events"][2]["type"] = json!("commwatch.conversation.status_changed.v1");
    told["events"][2]["data"]["message"] = json!(null);
    told["events"][2]["data"]["change"] = json!({"previous": "open", "current": "closed"});
    insta::assert_snapshot!(posted(&webhook(), &told));
}

#[test]
fn what_a_text_says_of_the_events_that_are_left_out_is_not_said_again() {
    let mut digest = notification();
    digest["key"] = json!("digest");
    digest["omitted"] = json!(4);
    digest["text"] = json!("ACME: Dana wrote 5 messages\n… and 1 more");
    digest["events"] = json!(vec![message("Dana", "Hello?", "2026-10-03T14:05:11Z"); 2]);
    let mut without_texts = notification();
    without_texts["omitted"] = json!(1);
    without_texts["text"] = json!("the customer wrote\nthe customer wrote\n… and 1 more");
    without_texts["events"] = json!(vec![message("", "", "2026-10-03T14:05:11Z"); 2]);
    for told in [digest, without_texts] {
        let answers = vec![answer(400, "invalid_blocks"), answer(200, "ok")];
        let sent = deliver(&webhook(), &told, answers);
        for shown in [sent.body(0)["blocks"].to_string(), sent.body(1)["text"].to_string()] {
            assert_eq!(shown.matches(" more").count(), 1, "{shown}");
        }
    }
}

#[test]
fn more_events_than_fit_are_counted_and_none_is_lost_silently() {
    let mut told = notification();
    told["omitted"] = json!(5);
    told["events"] = json!(vec![message("Dana", &"many words ".repeat(100), "2026-10-03T14:05:11Z"); 60]);
    let sent = deliver(&webhook(), &told, vec![answer(200, "ok")]);
    let body = sent.body(0);
    let blocks = body["blocks"].as_array().expect("blocks");
    let listed = blocks
        .iter()
        .filter(|block| block["text"]["text"].as_str().is_some_and(|t| t.starts_with("many")))
        .count();
    let more = format!("and {} more", 60 - listed + 5);
    assert!(listed >= 3, "{listed}");
    assert!(blocks.last().expect("small print").to_string().contains(&more), "{more}");
    assert!(sent.requests[0].body.0.len() <= 12_000);
}

#[test]
fn an_event_about_our_own_health_needs_no_conversation() {
    let told = json!({
        "id": "ev_h1", "notifier": "ops-slack", "attempt": 1, "replay": false, "key": "account/main",
        "action": "open", "severity": "critical",
        "title": "CommBox refuses the key of account main", "text": "HTTP 401. Nothing is polled until it is changed.",
        "events": [{"specversion": "1.0", "id": "ev_h1", "source": "https://api.commbox.io", "type": "commwatch.account.denied.v1",
                    "time": "2026-10-03T14:05:11Z", "data": {"account": "main"}}],
    });
    insta::assert_snapshot!(posted(&webhook(), &told));
    let mut over = with(
        told,
        json!({"action": "close", "title": "CommBox takes the key of account main again", "text": ""}),
    );
    over["events"][0]["type"] = json!("commwatch.account.recovered.v1");
    insta::assert_snapshot!(posted(&webhook(), &over));
}

#[test]
fn the_operator_can_have_people_called_by_severity() {
    let config = with(
        webhook(),
        json!({"mention": {"critical": ["@channel", "U012ABC", "S012ABC"], "warning": ["@here"]}}),
    );
    let told = |severity: &str| with(notification(), json!({"severity": severity}));
    let first = |severity: &str| {
        deliver(&config, &told(severity), vec![answer(200, "ok")]).body(0)["blocks"][0]["text"]["text"]
            .clone()
    };
    assert_eq!(first("critical"), "<!channel> <@U012ABC> <!subteam^S012ABC>");
    assert_eq!(first("warning"), "<!here>");
    assert_eq!(first("info"), "ACME / Dana Levi: new message");
    insta::assert_snapshot!(posted_as_text(&config, &told("critical")));
}

#[test]
fn what_may_be_a_repeat_says_so() {
    let print = |more: Value| {
        let sent = deliver(&webhook(), &with(notification(), more), vec![answer(200, "ok")]).body(0);
        let last = sent["blocks"].as_array().and_then(|blocks| blocks.last()).expect("small print").clone();
        last["elements"].as_array().and_then(|all| all.last()).expect("elements")["text"].clone()
    };
    assert_eq!(print(json!({"attempt": 3})), "attempt 3: possible repeat");
    assert_eq!(print(json!({"replay": true})), "sent again on request: possible repeat");
    assert_eq!(
        print(json!({"replay": true, "attempt": 2})),
        "sent again on request, attempt 2: possible repeat"
    );
}

#[test]
fn everything_but_the_repeat_mark_is_the_same_in_every_attempt() {
    let sent = |attempt: u32| {
        let mut body =
            deliver(&bot(), &with(notification(), json!({"attempt": attempt})), vec![answer(200, "{}")])
                .body(0);
        let blocks = body["blocks"].as_array_mut().expect("blocks");
        let elements =
            blocks.last_mut().and_then(|block| block["elements"].as_array_mut()).expect("small print");
        elements.retain(|element| !element["text"].as_str().expect("text").contains("repeat"));
        body
    };
    assert_eq!(sent(1), sent(7));
}

#[test]
fn plain_text_carries_all_that_matters() {
    insta::assert_snapshot!(posted_as_text(&bot(), &notification()));
}
