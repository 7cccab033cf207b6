//! Chats: golden messages, and nothing in them that customers wrote calls or formats.

use commwatch_plugin_api::Notification;
use commwatch_plugin_api::testing::notification;
use serde_json::{Value, json};

use crate::world::deliver;

pub(crate) const ALL: [&str; 3] = ["discord", "google-chat", "mattermost"];

pub(crate) fn message(preset: &str, told: &Notification) -> Value {
    let delivery = deliver(json!({"url": {"$secret": "/url"}, "preset": preset}), told);
    assert_eq!(delivery.log, [] as [String; 0], "{preset}");
    assert_eq!(delivery.request.headers["content-type"], "application/json".into());
    delivery.json()
}

fn pretty(preset: &str, told: &Notification) -> String {
    let text = serde_json::to_string_pretty(&message(preset, told)).expect("JSON");
    // What has no shape of its own is spelled out, so that a reader of the snapshot sees it.
    text.replace('\u{2060}', "<WJ>")
}

#[test]
fn a_message_in_each_chat() {
    for preset in ALL {
        insta::assert_snapshot!(preset, pretty(preset, &notification()));
    }
}

#[test]
fn what_customers_write_is_text_in_each_chat() {
    let attack = "@everyone @here <@1> <!channel> <users/all> [Pay](https://evil.example) **b** _i_ `c` :tada: <b>\u{202e}\0";
    let mut told = notification();
    (told.title, told.text) = (attack.to_owned(), attack.to_owned());
    told.url = Some("https://a.example/> @here".to_owned());
    for preset in ALL {
        insta::assert_snapshot!(format!("hostile-{preset}"), pretty(preset, &told));
    }
}

#[test]
fn how_many_are_left_out_is_said_by_the_text_alone() {
    let mut told = notification();
    told.text = "Dana: Hello?\n… and 4 more".to_owned();
    told.omitted = 4;
    for preset in ALL {
        let shown = pretty(preset, &told);
        assert_eq!(shown.matches("more").count(), 1, "{shown}");
    }
}

#[test]
fn a_template_of_the_operators_that_fails_gives_way_to_the_chats_own() {
    let mut told = notification();
    told.text = "x ".repeat(150_000);
    let config =
        json!({"url": {"$secret": "/url"}, "preset": "discord", "body": r#"{"content": {{ text }}}"#});
    let delivery = deliver(config, &told);
    assert!(delivery.log[0].starts_with("sent in a plain form instead: `body`"), "{:?}", delivery.log);
    assert!(delivery.json()["content"].as_str().is_some_and(|text| text.starts_with("🟠 **ACME")));
}
