//! A template that is wrong is refused at the start; one that fails on a notification costs its form, not the alert.

use commwatch_plugin_api::testing::{event, notification};
use commwatch_plugin_api::{Notification, Outcome};
use serde_json::{Value, json};

use crate::world::{URL, deliver, start, with_body};

fn refused(more: Value) -> String {
    let why = start(with_body("{{ title }}", more)).expect_err("refused");
    assert!(!why.contains('\n'), "{why}");
    why
}

#[test]
fn a_template_that_cannot_work_is_refused_with_its_place() {
    let body = |body: &str| refused(json!({"body": body}));
    insta::assert_snapshot!(body("{\"a\":\n{{ title }"), @"`body`, line 2: syntax error: unexpected `}`, expected end of variable block");
    insta::assert_snapshot!(body("{{ titel }}"), @"`body`, line 1: undefined value: a name in it does not exist");
    insta::assert_snapshot!(body("{{ event.data.mesage.text }}"), @"`body`, line 1: undefined value: a name in it does not exist");
    insta::assert_snapshot!(body("{{ title | shout }}"), @"`body`, line 1: unknown filter: filter shout is unknown");
    insta::assert_snapshot!(body(r#"{"text": "{{ title }}"}"#), @"`body`: what it makes is not JSON: expected `,` or `}` at line 1 column 12; write {{ title }} without quotes around it, they are added");
    insta::assert_snapshot!(body("{% for i in range(100000) %}{{ i }}{% endfor %}"), @"`body`, line 1: engine ran out of fuel");
    insta::assert_snapshot!(body("{% include 'x' %}"), @"`body`, line 1: syntax error: unknown statement include");
    insta::assert_snapshot!(refused(json!({"path": "{{ title }}"})), @"`path`: what it makes does not begin with / or ?");
    insta::assert_snapshot!(refused(json!({"path": "/a/../b"})), @"`path`: what it makes leads elsewhere (. or ..)");
    insta::assert_snapshot!(refused(json!({"headers": {"x-a": "{{ a.b }}"}})), @"`header x-a`, line 1: undefined value: a name in it does not exist");
}

/// What goes out when the template fails on `told`; a warning says so, and nothing of the customer's.
fn plain(template: &str, content_type: &str, told: &Notification) -> String {
    let delivery = deliver(with_body(template, json!({"content_type": content_type})), told);
    assert_eq!(delivery.outcome, Outcome::delivered());
    let [warning] = &delivery.log[..] else { panic!("{:?}", delivery.log) };
    assert!(warning.starts_with("sent in a plain form instead: `body`"), "{warning}");
    assert!(!warning.contains(&told.title), "{warning}");
    delivery.body().to_owned()
}

#[test]
fn a_template_that_fails_at_a_delivery_costs_its_form_and_not_the_alert() {
    let mut told = notification();
    told.title = "\"a&b\" <c>".to_owned();
    told.events = vec![event(r#"{"data": {"message": {"attachments": "many"}}}"#)];
    let adds = "{{ event.data.message.attachments + 1 }}";
    assert_eq!(
        plain(adds, "application/json", &told),
        r#"{"text":"Hello, is anybody there?","title":"\"a&b\" <c>"}"#
    );
    assert_eq!(deliver(with_body(adds, json!({})), &notification()).body(), "1");
}

#[test]
fn every_form_has_a_plain_one() {
    let mut told = notification();
    told.title = "\"a&b\" <c>".to_owned();
    told.text = "x ".repeat(150_000);
    let too_long = "{{ text }}{{ title }}";
    for (content_type, begins) in [
        ("text/plain", "\"a&b\" <c>\n\nx x "),
        ("text/html", "<p>&quot;a&amp;b&quot; &lt;c&gt;</p>\n<p>x x "),
        ("application/x-www-form-urlencoded", "title=%22a%26b%22%20%3Cc%3E&text=x%20x%20"),
    ] {
        let body = plain(too_long, content_type, &told);
        assert!(body.starts_with(begins) && body.len() < 20_000, "{content_type}: {}", &body[..80]);
    }
    let body: Value = serde_json::from_str(&plain("{{ text }}", "application/json", &told)).expect("JSON");
    assert_eq!(body["title"], "\"a&b\" <c>");
}

#[test]
fn what_is_not_json_in_the_end_is_not_sent_as_json() {
    let mut told = notification();
    told.key = "\", \"admin\": true".to_owned();
    let vouched = r#"{"key": "{{ key | safe }}"}"#;
    assert_eq!(deliver(with_body(vouched, json!({})), &notification()).body(), r#"{"key": "main/293854"}"#);
    let body: Value = serde_json::from_str(&plain(vouched, "application/json", &told)).expect("JSON");
    assert_eq!(body, json!({"title": told.title, "text": told.text}));
}

#[test]
fn a_path_that_leads_elsewhere_is_left_out() {
    let mut told = notification();
    told.key = "..".to_owned();
    let delivery = deliver(with_body("1", json!({"path": "/{{ key }}/x"})), &told);
    assert_eq!(delivery.request.url, URL.into());
    assert_eq!(
        delivery.log,
        ["sent in a plain form instead: `path`: what it makes leads elsewhere (. or ..)"]
    );
}
